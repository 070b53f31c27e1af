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

// Approve meets the review that waits. Where the terms ask for two persons the first
// approval waits for the second one. Denied for who asked for the key themselves, for a
// second approval by the same person, or by one who may not decide above the threshold.
func (d Desk) Approve(ctx context.Context, id ID, why string) error {
	if _, err := d.on(ctx, MayReview, id); err != nil {
		return err
	}
	// Whether it is the second approval is known in its commit only: two may approve in one
	// moment, and a repetition of the first is none.
	var tried Operation
	err := d.because(ctx, id, string(Approve), why, func(c *Change, mark Mark) error {
		if err := d.own(c.Request); err != nil {
			tried = MayReview
			return err
		}
		if c.Above() && len(c.Seconded) > 0 {
			if err := d.person.May(MaySecond, c.Portal); err != nil {
				tried = MaySecond
				return err
			}
		}
		return c.rule(Approve, mark)
	})
	if err != nil && tried != "" {
		d.service.cfg.Refused(d.person, tried, id)
	}
	return err
}

// own refuses who would let pass what they asked for.
func (d Desk) own(r Request) error {
	same := d.person.Email != "" && strings.EqualFold(d.person.Email, r.Applicant.Email)
	if r.Maker == d.person.Actor() || same {
		return &Error{Kind: Denied, Msg: "Nobody approves what they asked for themselves. Ask somebody else."}
	}
	return nil
}

// Decline declines a request that is open. The applicant reads why. Conflict, with the name
// of who was first, when it has been decided.
func (d Desk) Decline(ctx context.Context, id ID, why string) error {
	if _, err := d.on(ctx, MayReview, id); err != nil {
		return err
	}
	if strings.TrimSpace(why) == "" {
		return &Error{Kind: Invalid, Msg: "Say why. The applicant reads it."}
	}
	return d.because(ctx, id, string(Decline), why, func(c *Change, mark Mark) error { return c.rule(Decline, mark) })
}

// Retry looks again now at a request that needs attention.
func (d Desk) Retry(ctx context.Context, id ID) error {
	if _, err := d.on(ctx, MayRetry, id); err != nil {
		return err
	}
	return d.change(ctx, id, "retry", func(c *Change, mark Mark) error {
		c.retry(mark)
		return nil
	})
}

// Refund gives back an amount of what was paid, beyond what went back already. The worker
// carries it out; when everything went back, Terms.Refunded says what becomes of the access.
// Invalid for an amount that cannot be given back, Conflict while an earlier decision is not
// carried out yet or the payment is in dispute.
func (d Desk) Refund(ctx context.Context, id ID, a Amount, why string) error {
	if _, err := d.on(ctx, MayRefund, id); err != nil {
		return err
	}
	return d.because(ctx, id, "refund", why, func(c *Change, mark Mark) error { return c.refund(a, mark) })
}

// Waive lets go of what the applicant is asked for: the validation or payment that
// waits, and any that would come. A review still waits for a person.
func (d Desk) Waive(ctx context.Context, id ID, why string) error {
	r, err := d.on(ctx, MayWaive, id)
	if err != nil {
		return err
	}
	if err := d.own(r); err != nil {
		d.service.cfg.Refused(d.person, MayWaive, id)
		return err
	}
	return d.because(ctx, id, "waive", why, func(c *Change, mark Mark) error {
		if step, ok := c.Current(); !ok || c.Verdict.Outcome != Open || !step.asks() {
			return &Error{Kind: Conflict, Msg: "This request does not wait for the applicant."}
		}
		c.waivedBy(mark)
		return nil
	})
}

// End ends a key's life now: the key is revoked and a subscription cancelled. What was
// paid stays; see Refund.
func (d Desk) End(ctx context.Context, id ID, why string) error {
	if _, err := d.on(ctx, MayCancel, id); err != nil {
		return err
	}
	return d.because(ctx, id, "end", why, func(c *Change, mark Mark) error {
		if c.Access.Granted.IsZero() || !c.Ended.At.IsZero() {
			return &Error{Kind: Conflict, Msg: "There is no key whose life could be ended."}
		}
		c.Ended = mark
		c.note(mark.At, mark.By, WhatEnded, "", "", why)
		return nil
	})
}

// Assign says who looks after a request; an empty name: nobody. Whether there is somebody of
// that name is not checked: whoever calls knows the people. Invalid beyond 100 bytes.
func (d Desk) Assign(ctx context.Context, id ID, to string) error {
	if _, err := d.on(ctx, MayAssign, id); err != nil {
		return err
	}
	if len(to) > longestName {
		return &Error{Kind: Invalid, Msg: "Nobody has such a long name."}
	}
	return d.change(ctx, id, "assign", func(c *Change, mark Mark) error {
		if c.Assigned != to {
			c.note(mark.At, mark.By, WhatAssigned, c.Assigned, to, "")
			c.Assigned = to
		}
		return nil
	})
}

// Note writes a remark for the house. Conflict once the applicant was forgotten: nothing
// would blank it any more.
func (d Desk) Note(ctx context.Context, id ID, text string) error {
	return d.write(ctx, MayNote, id, Remark, text)
}

// Ask asks the applicant a question, which they are mailed, and answer on their page.
// Conflict while one waits for its answer, or when the request has been decided.
func (d Desk) Ask(ctx context.Context, id ID, text string) error {
	return d.write(ctx, MayAsk, id, Question, text)
}

func (d Desk) write(ctx context.Context, o Operation, id ID, kind NoteKind, text string) error {
	if _, err := d.on(ctx, o, id); err != nil {
		return err
	}
	return d.change(ctx, id, string(kind), func(c *Change, mark Mark) error {
		return c.write(kind, text, mark)
	})
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

// because is change for what a person gives a reason for. Invalid for a reason that is
// longer than a note.
func (d Desk) because(ctx context.Context, id ID, what, why string, then func(*Change, Mark) error) error {
	if len(why) > LongestNote {
		return &Error{Kind: Invalid, Msg: fmt.Sprintf("The reason is too long: at most %d bytes.", LongestNote)}
	}
	return d.change(ctx, id, what, func(c *Change, mark Mark) error {
		mark.Why = why
		return then(c, mark)
	})
}

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
