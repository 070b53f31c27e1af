package bridge

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Desk is the service as one person may use it. Whatever they may not do is refused
// here, whichever page or program they came by, and Config.Refused is told.
type Desk struct {
	service *Service
	person  Person
	key     string // see Once
	seen    string // see Seen
}

// Desk returns the service as a person may use it.
func (s *Service) Desk(p Person) Desk { return Desk{service: s, person: p} }

// Once returns a desk on which each change of a request is made once for a key: a
// repetition by the same person changes nothing and is no error. Keys are remembered for
// at least 35 days. An empty key: every change counts.
func (d Desk) Once(key string) Desk {
	d.key = key
	return d
}

// Seen returns a desk whose changes are refused with ErrMoved where the request's Edition
// is another one by then; an empty one allows all. It is checked in the commit of the
// change. A repetition (Once) is not checked: it changes nothing.
func (d Desk) Seen(edition string) Desk {
	d.seen = edition
	return d
}

// ErrMoved says that a request has changed since it was seen.
var ErrMoved = &Error{Kind: Conflict, Msg: "This request has changed since you looked at it. Look at it again, and then decide."}

// Edition names what people see of a request: it is another one after every entry of its
// history, and stays the same while the worker notes for itself when to look again (which
// Revision counts as well).
func (r Request) Edition() string {
	return fmt.Sprintf("%d-%.16s", r.Head.Seq, r.Head.Hash)
}

// Person returns whose desk it is.
func (d Desk) Person() Person { return d.person }

// may checks an operation and tells of a refusal. The request may be empty.
func (d Desk) may(o Operation, r Request) error {
	err := d.person.May(o, r.Portal)
	if err != nil {
		d.service.cfg.Refused(d.person, o, r.ID)
	}
	return err
}

// May says why the person may not do an operation with the requests of a portal, or, where
// it is empty, at all; nil when they may. It is for what is about no single request.
func (d Desk) May(o Operation, portal string) error { return d.may(o, Request{Portal: portal}) }

// on reads a request and checks an operation on it. NotFound for one of a portal that
// the person is not to know of.
func (d Desk) on(ctx context.Context, o Operation, id ID) (Request, error) {
	r, err := d.service.cfg.Store.Get(ctx, id)
	if err == nil {
		err = d.may(o, r)
	}
	if err != nil {
		return Request{}, err
	}
	return r, nil
}

// Get returns a request.
func (d Desk) Get(ctx context.Context, id ID) (Request, error) { return d.on(ctx, MaySee, id) }

// History returns a request's entries; see Service.History.
func (d Desk) History(ctx context.Context, id ID) ([]Entry, error) {
	if _, err := d.on(ctx, MaySee, id); err != nil {
		return nil, err
	}
	return d.service.History(ctx, id)
}

// List returns a page of the requests that the person may see.
func (d Desk) List(ctx context.Context, f Filter) (Page, error) {
	if err := d.may(MaySee, Request{Portal: f.Portal}); err != nil {
		return Page{}, err
	}
	if f.Portal == "" {
		f.Portals = d.person.Portals
	}
	return d.service.List(ctx, f)
}

// Do does a deed to a request, and makes it due.
//
// Approving meets the review that waits; where the terms ask for two persons the first
// approval waits for the second one. Declining ends what is open, and the applicant reads why.
// A refund gives back an amount beyond what went back already; when everything went back,
// Terms.Refunded says what becomes of the access. Waiving lets go of the validation or payment
// that waits and of any that would come, never of a review. Ending a key's life revokes it and
// cancels a subscription; what was paid stays. A note is for the house; a question is mailed,
// and answered on the applicant's page.
//
// Denied for who may not, for who asked for the key themselves, and for a second approval by
// the same person. Invalid for a text or amount that cannot be taken. Conflict, with the name
// of who was first, where the request does not allow it any more (Request.Allows).
func (d Desk) Do(ctx context.Context, id ID, deed Deed) error {
	o, known := operations[deed.Kind]
	if !known {
		return &Error{Kind: Invalid, Msg: "There is no such thing to do to a request.", Err: fmt.Errorf("the deed %q", deed.Kind)}
	}
	if _, err := d.on(ctx, o, id); err != nil {
		return err
	}
	// Whether an approval is the second one is known in its commit only: two may approve in
	// one moment, and a repetition of the first is none.
	var tried Operation
	err := d.change(ctx, id, string(deed.Kind), func(c *Change, mark Mark) (err error) {
		if tried, err = d.barred(deed.Kind, c.Request); err == nil {
			err = deed.Complete()
		}
		if err == nil {
			err = c.do(deed, mark)
		}
		return err
	})
	if err != nil && tried != "" {
		d.service.cfg.Refused(d.person, tried, id)
	}
	return err
}

// Barred says why the person may not do a deed of a kind to a request; nil when they may. It
// is for what a page offers, and tells nobody of a refusal: Do has the last word.
func (d Desk) Barred(kind DeedKind, r Request) error {
	if err := d.person.May(kind.Operation(), r.Portal); err != nil {
		return err
	}
	_, err := d.barred(kind, r)
	return err
}

// barred says why somebody who may do deeds of a kind may not do one to this very request, and
// which operation that is; none for a second approval by who gave the first.
func (d Desk) barred(kind DeedKind, r Request) (Operation, error) {
	own := r.Maker == d.person.Actor() || d.person.Email != "" && strings.EqualFold(d.person.Email, r.Applicant.Email)
	if own && (kind == DoApprove || kind == DoWaive) {
		return kind.Operation(), &Error{Kind: Denied, Msg: "Nobody approves what they asked for themselves. Ask somebody else."}
	}
	if kind != DoApprove || !r.Above() || len(r.Seconded) == 0 {
		return "", nil
	}
	if slices.ContainsFunc(r.Seconded, func(m Mark) bool { return m.By == d.person.Actor() }) {
		return "", errTwice
	}
	if err := d.person.May(MaySecond, r.Portal); err != nil {
		return MaySecond, err
	}
	return "", nil
}

// Answer is the applicant's answer to the question at a place among the notes. Conflict
// when it does not wait for one any more.
func (s *Service) Answer(ctx context.Context, id ID, to int, text string) error {
	mark := Mark{At: s.cfg.Now().UTC(), By: Actor{Kind: ByDeveloper}}
	return s.rule(ctx, Hint{Source: "person", What: string(Answer), Request: id}, func(c *Change) error {
		if to < 0 || to >= len(c.Notes) || slices.ContainsFunc(c.Notes[to+1:], func(n Note) bool { return n.Kind != Remark }) {
			return errUnasked
		}
		return c.write(Answer, text, mark)
	})
}

var errUnasked = &Error{Kind: Conflict, Msg: "There is no question that waits for an answer."}

// write adds a note. History says that there was one, and not what it said.
func (c *Change) write(kind NoteKind, text string, mark Mark) error {
	text = strings.TrimSpace(text)
	_, waits := c.Unanswered()
	switch {
	case text == "":
		return &Error{Kind: Invalid, Msg: "There is nothing written yet."}
	case len(text) > LongestNote || !utf8.ValidString(text):
		return &Error{Kind: Invalid, Msg: fmt.Sprintf("This is too long: at most %d bytes.", LongestNote)}
	case !c.Forgotten.IsZero():
		return &Error{Kind: Conflict, Msg: "The applicant of this request was forgotten, so nothing more is written about them."}
	case len(c.Notes) >= MostNotes:
		return &Error{Kind: Conflict, Msg: "There are as many notes as a request can have."}
	case kind == Question && waits:
		return &Error{Kind: Conflict, Msg: "A question waits for its answer already."}
	case kind == Question && c.Verdict.Outcome != Open:
		return decided("This request was already decided: "+string(c.Verdict.Outcome), c.Verdict.Mark, mark.By)
	case kind == Question && !c.tells(TellQuestion) && c.Arrival.Trust != Signed:
		return &Error{Kind: Conflict, Msg: "This applicant cannot be asked: there is no way to mail them a question, and their page shows it to nobody who may not be them."}
	case kind == Answer && (!waits || c.Verdict.Outcome != Open):
		return errUnasked
	}
	c.Notes = append(c.Notes, Note{Kind: kind, At: mark.At, By: mark.By, Text: text})
	c.note(mark.At, mark.By, WhatNote, "", string(kind), "")
	return nil
}

// longestName is how long the name of somebody may be, in bytes: a store indexes it.
const longestName = 100

// change applies a person's word and makes the request due.
func (d Desk) change(ctx context.Context, id ID, what string, then func(*Change, Mark) error) error {
	mark := Mark{At: d.service.cfg.Now().UTC(), By: d.person.Actor()}
	h := Hint{Source: "person", What: what, Request: id}
	if d.key != "" {
		sum := sha256.Sum256([]byte(d.person.Name + "\n" + what + "\n" + string(id) + "\n" + d.key))
		h.ID = hex.EncodeToString(sum[:])
	}
	return d.service.rule(ctx, h, func(c *Change) error {
		if d.seen != "" && d.seen != c.Edition() {
			return ErrMoved
		}
		return then(c, mark)
	})
}

// Create makes a key request in a portal for a developer and returns its request. With a
// reason in waive the applicant has nothing to pay or validate, because that was settled
// elsewhere; a review still waits for a person, and for another one than this.
//
// It may be repeated: a key request of the developer for the same that still waits is
// taken instead of making a second one. NotFound for a developer the portal does not
// know, Invalid for what it does not offer, Unavailable where it is not known whether
// the portal has made one; then repeating it tells.
func (d Desk) Create(ctx context.Context, portal string, a Asking, waive string) (Request, error) {
	if err := d.may(MayCreate, Request{Portal: portal}); err != nil {
		return Request{}, err
	}
	return d.service.create(ctx, portal, a, d.person.Actor(), waive)
}
