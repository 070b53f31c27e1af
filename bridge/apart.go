package bridge

import (
	"context"
	"time"
)

// What no rule can mend asks for a person, and goes on doing so whatever the passes find:
// until the difference is gone, or a person has said that they looked (retry).

// doingReconcile is what is being done where a difference asks for a person.
const doingReconcile = "reconcile"

// calm forgets failures once a pass went well. What needs a person stays.
func (k *Work) calm() {
	k.Failures, k.Error, k.Doing, k.ErrorAt, k.Attention = 0, "", "", time.Time{}, false
	if k.Apart != "" {
		k.Error, k.Doing, k.Attention = k.Apart, doingReconcile, true
	}
}

// setApart notes a difference that needs a person, or, where text is empty, that there is
// none any more.
func (c *Change) setApart(text string, now time.Time) {
	if c.Work.Apart == text {
		return
	}
	c.Work.Apart = text
	if text != "" {
		c.note(now, Actor{Kind: ByClock}, WhatAttention, "", "needs attention", doingReconcile+": "+text)
		c.Work.calm()
	}
}

// sayApart commits that and makes the request due: the next pass shows it as it is then.
func (s *Service) sayApart(ctx context.Context, id ID, kind DifferenceKind, text string) error {
	_, err := s.accept(ctx, Hint{Source: doingReconcile, What: string(kind), Request: id}, func(c *Change) error {
		c.setApart(text, s.cfg.Now().UTC())
		return nil
	})
	return err
}
