package bridge

import (
	"context"
	"strings"
	"time"
)

// People are forgotten when a request is over: what is personal is blanked, on a
// person's word or after Config.Retain. Amounts, ids and the history stay, and the
// history still verifies, because it never held anything personal.

// over is when a request came to its end, if it has.
func (r Request) over() (at time.Time, over bool) {
	switch r.Stage() {
	case StateDeclined:
		return r.Verdict.Mark.At, true
	case StateEnded:
		return r.Ended.At, true
	}
	return time.Time{}, false
}

// forget blanks what is personal. The developer's id at the portal stays: it says
// nothing by itself, and the portal's own erasure makes it lead nowhere.
func (c *Change) forget(mark Mark) {
	if !c.Forgotten.IsZero() {
		return
	}
	c.Forgotten = mark.At
	c.Applicant = Applicant{ID: c.Applicant.ID}
	c.Asked.Reasons = nil
	for i := range c.Notes {
		c.Notes[i].Text = ""
	}
	c.note(mark.At, mark.By, WhatForgot, "", "", mark.Why)
}

// retain forgets a request that has been over for long enough, or says when it will be.
func (c *Change) retain(keep time.Duration, now time.Time) {
	at, over := c.over()
	if keep <= 0 || !over || !c.Forgotten.IsZero() {
		return
	}
	if due := at.Add(keep); now.Before(due) {
		c.Work.Next = due
		return
	}
	c.forget(Mark{At: now, By: Actor{Kind: ByClock}, Why: "the time to keep it is over"})
}

// retain looks once at the start through all that is over: a time to keep people that
// was configured later holds for those too, whom nothing makes due any more.
func (w *Worker) retain(ctx context.Context) {
	if w.cfg.Retain <= 0 {
		return
	}
	for _, state := range []State{StateDeclined, StateEnded} {
		for f := (Filter{State: state, Limit: 200}); ; {
			page, err := w.cfg.Store.List(ctx, f)
			if err != nil {
				if ctx.Err() == nil {
					w.cfg.Log.Error("cannot look for whom to forget", "error", err)
				}
				return
			}
			for _, r := range page.Requests {
				if at, _ := r.over(); r.Forgotten.IsZero() && !w.cfg.Now().Before(at.Add(w.cfg.Retain)) {
					w.forget(ctx, r.ID)
				}
			}
			if f.After = page.Next; f.After == "" {
				break
			}
		}
	}
}

func (w *Worker) forget(ctx context.Context, id ID) {
	p := &pass{w: w, request: Request{ID: id}}
	err := p.update(ctx, func(c *Change) error { c.retain(w.cfg.Retain, p.now()); return nil })
	if err != nil {
		w.cfg.Log.Error("cannot forget whom a request was of", "request", id, "error", err)
	}
}

// Forget blanks what is personal in every request of an applicant that is over, and
// returns how many there were and how many are not over yet: those need the person to
// go on, and are left. applicant is the developer's e-mail address, or id at the portal.
// It may be repeated. Denied for who may not.
func (d Desk) Forget(ctx context.Context, portal, applicant string) (forgotten, left int, err error) {
	if err := d.may(MayForget, Request{Portal: portal}); err != nil {
		return 0, 0, err
	}
	if portal == "" || applicant == "" {
		return 0, 0, &Error{Kind: Invalid, Msg: "Say whom to forget: a portal, and the developer's e-mail address or id there."}
	}
	f := Filter{Portal: portal, Applicant: applicant, Limit: 200}
	if strings.Contains(applicant, "@") {
		f = Filter{Portal: portal, Words: []string{strings.ToLower(cut(applicant, longestWord))}, Limit: 200}
	}
	for {
		page, err := d.service.cfg.Store.List(ctx, f)
		if err != nil {
			return forgotten, left, err
		}
		for _, r := range page.Requests {
			switch _, over := r.over(); {
			case r.Applicant.ID != applicant && !strings.EqualFold(r.Applicant.Email, applicant), !r.Forgotten.IsZero():
			case !over:
				left++
			default:
				if err := d.forget(ctx, r.ID); err != nil {
					return forgotten, left, err
				}
				forgotten++
			}
		}
		if f.After = page.Next; f.After == "" {
			return forgotten, left, nil
		}
	}
}

func (d Desk) forget(ctx context.Context, id ID) error {
	return d.change(ctx, id, "forget", func(c *Change, mark Mark) error {
		c.forget(mark)
		return nil
	})
}
