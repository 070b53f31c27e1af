package outgoing

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"keybridge/bridge"
)

// Payload is the body of a message, as the specification recommends it. Members may
// be added to Data; none changes its meaning.
type Payload struct {
	Type Type `json:"type"`
	// Timestamp is when it happened. UTC, RFC 3339, to the microsecond. (The header
	// webhook-timestamp is when it was sent.)
	Timestamp time.Time `json:"timestamp"`
	Data      Data      `json:"data"`
}

// Data is what happened, to which request.
type Data struct {
	// Request is keybridge's id of the request, Entry the number of the line of its
	// history: together they name what happened for ever, and order it per request.
	Request bridge.ID `json:"request"`
	Entry   uint64    `json:"entry"`
	// Portal is the configured name of the portal, Key the id of the key request there.
	Portal string `json:"portal"`
	Key    string `json:"key"`
	// By is who did it: portal, provider, developer, person or clock, with the name of
	// the portal, the provider or the person in keybridge's console.
	By Actor `json:"by"`
	// Before and After are as in the request's history, Why is a reason in words.
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
	Why    string `json:"why,omitempty"`
	// Plan is the name of the plan, Policies are the portal's ids of what was asked for,
	// Price is what the terms ask. All are those of the request's intake. They are
	// missing from what happened before the portal was read (a withdrawal, say), and
	// Price where nothing is to be paid or it cannot be added up.
	Plan     string   `json:"plan,omitempty"`
	Policies []string `json:"policies,omitempty"`
	Price    *Price   `json:"price,omitempty"`
	// Applicant is who asked.
	Applicant *Applicant `json:"applicant,omitempty"`
	// Returned is set in payment.returned; Collected there, in payment.paid and in
	// payment.renewed.
	Returned  *Amount `json:"returned,omitempty"`
	Collected *Amount `json:"collected,omitempty"`
}

// Actor is who did something.
type Actor struct {
	Kind bridge.ActorKind `json:"kind"`
	Name string           `json:"name,omitempty"`
}

// Amount is money in the smallest unit of its currency; the code is ISO 4217's, in
// upper case.
type Amount struct {
	Minor    int64  `json:"minor"`
	Currency string `json:"currency"`
}

// Price is what the terms ask for, before tax and promotions.
type Price struct {
	Amount
	// Every is "once", or the interval of the payments: "month", "3 months".
	Every string `json:"every"`
}

// Applicant is who asked. All but ID is personal data and only there for endpoints
// with Personal; it is read when the message is sent, so that nothing is told of a
// person who was forgotten meanwhile.
type Applicant struct {
	// ID is the developer's id at the portal.
	ID           string `json:"id,omitempty"`
	Email        string `json:"email,omitempty"`
	Name         string `json:"name,omitempty"`
	Organisation string `json:"organisation,omitempty"`
	App          string `json:"app,omitempty"`
}

// messageID names the message of an entry. It is the same for every try, every replay
// and every endpoint, and holds no full stop, which would end it in what is signed. The
// hash tells entries apart that have the same number, because the first of them was
// lost when a backup was restored: a receiver that knows the one must not take the
// other for its duplicate.
func messageID(e bridge.Entry) string {
	return fmt.Sprintf("msg_%s_%d_%s", e.Request, e.Seq, e.Hash[:min(len(e.Hash), 8)])
}

// payload makes the body for an entry. found is false when the request was dropped.
//
// It is the same whenever it is made: it says what the entry says, and of the request
// only what was settled at its intake and never changes, and that only from the entry
// of the intake on. (The one exception is a person who was forgotten.)
func (s *Sender) payload(ctx context.Context, e bridge.Entry, t Type, personal bool) (body []byte, found bool, err error) {
	r, err := s.cfg.Store.Get(ctx, e.Request)
	if err == nil {
		var settled uint64
		if settled, err = s.intakes.find(ctx, s.cfg.Store, e.Request); err == nil {
			body, err = json.Marshal(describe(e, t, r, settled > 0 && settled <= e.Seq, personal))
		}
	}
	if bridge.KindOf(err) == bridge.NotFound {
		return nil, false, nil
	}
	return body, err == nil, err
}

// intakes remembers of some requests which entry settled their terms. It never
// changes, and the messages of one request tend to follow one another.
type intakes struct {
	mu sync.Mutex
	at map[bridge.ID]uint64
}

// intakesMax bounds what is remembered.
const intakesMax = 1000

// find returns the number of the entry that settled a request's terms, 0 when there is
// none yet.
func (i *intakes) find(ctx context.Context, store Store, id bridge.ID) (uint64, error) {
	i.mu.Lock()
	seq := i.at[id]
	i.mu.Unlock()
	if seq > 0 {
		return seq, nil
	}
	entries, err := store.History(ctx, id)
	at := slices.IndexFunc(entries, func(e bridge.Entry) bool { return e.What == bridge.WhatTerms })
	if err != nil || at < 0 {
		return 0, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.at == nil || len(i.at) >= intakesMax {
		i.at = map[bridge.ID]uint64{}
	}
	i.at[id] = entries[at].Seq
	return entries[at].Seq, nil
}

func describe(e bridge.Entry, t Type, r bridge.Request, takenIn, personal bool) Payload {
	d := Data{
		Request: e.Request, Entry: e.Seq, Portal: r.Portal, Key: r.Key,
		By: Actor(e.Actor), Before: e.Before, After: e.After, Why: e.Why,
	}
	if returned, collected, ok := e.Returned(); ok {
		d.Returned, d.Collected = (*Amount)(&returned), (*Amount)(&collected)
	}
	if collected, ok := e.Received(); ok {
		d.Collected = (*Amount)(&collected)
	}
	if takenIn {
		d.Plan, d.Policies, d.Price = r.Terms.Plan, r.Asked.Policies, priceOf(r.Terms)
		d.Applicant = applicantOf(r.Applicant, personal)
	}
	return Payload{Type: t, Timestamp: e.At.UTC(), Data: d}
}

func applicantOf(a bridge.Applicant, personal bool) *Applicant {
	if !personal {
		a = bridge.Applicant{ID: a.ID}
	}
	if a == (bridge.Applicant{}) {
		return nil
	}
	out := Applicant(a)
	return &out
}

func priceOf(t bridge.Terms) *Price {
	total, ok := t.Total()
	if !ok {
		return nil
	}
	p := Price{Amount: Amount(total), Every: "once"}
	for _, line := range t.Lines {
		if !line.Interval.Once() {
			p.Every = strings.TrimPrefix(line.Interval.String(), "every ")
		}
	}
	return &p
}
