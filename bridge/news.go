package bridge

import (
	"fmt"
	"slices"
	"time"
)

// What the applicant is told follows from where the request stands, like everything
// else: news is the message that fits, Request.Told what was last said. A crash
// between the decision and the mail needs no code of its own, and a request that
// went from one state to the next and back before anybody was told is not news.

// tell informs the applicant of what they were not told yet, if the terms say so.
func tell(r Request, now time.Time) (Action, bool) {
	kind, step, ok := r.news(now)
	return Action{Kind: Tell, Message: kind, For: step}, ok && r.tells(kind)
}

// tells reports whether the applicant is sent messages of a kind.
func (r Request) tells(kind MessageKind) bool {
	return r.Applicant.Email != "" && slices.Contains(r.Terms.Tell, kind)
}

// news is the message that fits where the request stands, with the step it is about,
// and whether it differs from the last one.
func (r Request) news(now time.Time) (kind MessageKind, about StepKind, ok bool) {
	if _, waits := r.Unanswered(); waits && r.Verdict.Outcome == Open && r.unasked() {
		return TellQuestion, "", true
	}
	last := r.lastTold()
	switch r.Stage() {
	case StateValidating, StatePaying:
		kind, about = r.reminder(now)
	case StateActive:
		kind = TellApproved
		if last.Kind == TellSuspended || last.Kind == TellResumed {
			kind = TellResumed
		}
	case StateSuspended:
		kind = TellSuspended
	case StateDeclined:
		kind = TellDeclined
	case StateEnded:
		kind = TellEnded
	}
	return kind, about, kind != "" && (kind != last.Kind || about != last.For)
}

// reminder is the message for an applicant who has a checkout to go to: that there is
// one, if they have not been led to it, and that the time for it is nearly over.
func (r Request) reminder(now time.Time) (MessageKind, StepKind) {
	step, _ := r.Current()
	if r.Payment.Checkout.State != CheckoutOpen || r.Payment.Checkout.For != step.Kind {
		return "", ""
	}
	due := func(from time.Time) bool { return !from.IsZero() && !now.Before(from) }
	switch {
	case due(r.remindedFrom(step)):
		return TellReminder, step.Kind
	case due(r.toldFrom(step)):
		return TellStart, step.Kind
	}
	return "", ""
}

const (
	// writeAfter is how long the applicant's own browser is waited for before they are
	// written to.
	writeAfter = time.Minute
	// left is when an applicant who came here is taken to be gone: a step whose turn
	// comes later than that after they came is told of.
	left = 15 * time.Minute
)

// toldFrom is when an applicant is told of a step that waits for them; zero when they
// were led to it.
func (r Request) toldFrom(step Step) time.Time {
	switch {
	case r.Terms.Mailed && r.Arrival.Trust == Untold:
		return step.Mark.At
	case r.Arrival.Trust == Untold:
		return step.Mark.At.Add(writeAfter)
	case step.Mark.At.After(r.Arrival.At.Add(left)):
		return step.Mark.At
	}
	return time.Time{}
}

// deadline is when a step that waits for the applicant is given up.
func (r Request) deadline(step Step) time.Time { return step.Mark.At.Add(r.Terms.patience()) }

// remindedFrom is when an applicant is reminded of a step; zero: never.
func (r Request) remindedFrom(step Step) time.Time {
	if r.Terms.Remind <= 0 {
		return time.Time{}
	}
	return r.deadline(step).Add(-min(r.Terms.Remind, r.Terms.patience()/2))
}

// lastTold is the last message about where the request stands. Questions come between
// those and change nothing about them.
func (r Request) lastTold() Told {
	for _, told := range slices.Backward(r.Told) {
		if told.Kind != TellQuestion {
			return told
		}
	}
	return Told{}
}

// unasked reports that the applicant was not sent every question yet.
func (r Request) unasked() bool {
	n := 0
	for _, note := range r.Notes {
		if note.Kind == Question {
			n++
		}
	}
	for _, told := range r.Told {
		if told.Kind == TellQuestion {
			n--
		}
	}
	return n > 0
}

// passOver notes news that the applicant is not sent, so that the next of the same
// kind is seen to be new: who is not told that access was resumed is still told when
// it is suspended again.
func (c *Change) passOver(now time.Time) {
	if kind, step, ok := c.news(now); ok && len(c.Terms.Tell) > 0 && !c.tells(kind) {
		c.Told = append(c.Told, Told{Kind: kind, For: step, At: now, Unsent: true})
	}
}

// told notes that the applicant was sent a message, or, with a reason, that they can
// never be.
func (c *Change) told(a Action, now time.Time, unsent string) {
	id := c.Work.Attempts[Tell].Key
	if unsent != "" {
		c.note(now, Actor{Kind: ByClock}, WhatTold, "", string(a.Message)+" not sent", unsent)
	}
	c.Told = append(c.Told, Told{Kind: a.Message, For: a.For, At: now, ID: id, Unsent: unsent != ""})
}

// untellable gives a message up that this applicant can never be sent, so that what
// comes after it is still told.
func (c *Change) untellable(a Action, err error, now time.Time) {
	c.told(a, now, operatorMessage(err))
	c.settle(Tell)
}

// messageID names the message that is next to be sent: the same for every attempt.
func (r Request) messageID(kind MessageKind) string {
	return fmt.Sprintf("kb_%s_tell-%s_%d", r.ID, kind, len(r.Told)+1)
}
