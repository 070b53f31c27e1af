package bridge

import (
	"fmt"
	"slices"
)

// What people decide about a request, and what that changes. Whether they may is for their
// Desk to say. A mark says when (UTC), who and why.

// rule approves or declines. The first decision holds: Conflict for the second, but for
// declining what was approved and is held up.
func (c *Change) rule(o Outcome, mark Mark) error {
	if c.Verdict.Outcome != Open && (o != Decline || !c.heldUp()) {
		return decided("This request was already decided: "+string(c.Verdict.Outcome), c.Verdict.Mark, mark.By)
	}
	if o == Decline {
		if step, ok := c.Current(); ok {
			c.step(step.Kind, Failed, mark)
		}
		c.decide(Decline, mark)
		return nil
	}
	if c.stepIs(Review, Met) {
		review, _ := c.Step(Review)
		return decided("This request was already reviewed", review.Mark, mark.By)
	}
	if step, ok := c.Current(); !ok || step.Kind != Review {
		return &Error{Kind: Conflict, Msg: "This request does not wait for a review."}
	}
	done, err := c.second(mark)
	if err != nil || !done {
		return err
	}
	c.step(Review, Met, mark)
	c.conclude(mark.At)
	return nil
}

// heldUp reports an approval that nobody had access by yet, and that waits for what may never
// come: a bank or the payer's money, or somebody who activates the account. A subscription
// goes on meanwhile, so somebody has to be able to say that it was long enough.
func (r Request) heldUp() bool {
	waits := r.Payment.Have == Overdue || r.Payment.Have == Disputed && r.Terms.Disputed != Keep || !r.Access.Inactive.IsZero()
	return r.Verdict.Outcome == Approve && r.Access.Granted.IsZero() && waits
}

// Above reports whether a request takes two persons' approval.
func (r Request) Above() bool {
	limit := r.Terms.Second
	total, ok := r.Terms.Total()
	return limit.Currency != "" && (!ok || total.Currency != limit.Currency || total.Minor > limit.Minor)
}

// second notes the first of two approvals; done is false while the second one waits.
func (c *Change) second(mark Mark) (done bool, err error) {
	if !c.Above() {
		return true, nil
	}
	if len(c.Seconded) == 0 {
		c.Seconded = append(c.Seconded, mark)
		c.note(mark.At, mark.By, WhatStep, "", "review approved by the first of two", mark.Why)
		return false, nil
	}
	if slices.ContainsFunc(c.Seconded, func(m Mark) bool { return m.By == mark.By }) {
		return false, errTwice
	}
	return true, nil
}

// errTwice refuses a second approval by who gave the first.
var errTwice = &Error{Kind: Denied, Msg: "You have approved this already. It takes a second person."}

// decided tells who comes second who was first. The developer is told what sort of
// actor that was, and not the name of somebody in the house.
func decided(what string, first Mark, second Actor) error {
	by := first.By
	if second.Kind == ByDeveloper {
		by.Name = ""
	}
	msg := fmt.Sprintf("%s, by %s", what, by)
	if first.Why != "" {
		msg += " (" + first.Why + ")"
	}
	return &Error{Kind: Conflict, Msg: msg + "."}
}

// refundable says why no amount at all can be given back.
func (c *Change) refundable() error {
	switch p := c.Payment; {
	case p.Refund.Amount.Minor > 0:
		return &Error{Kind: Conflict, Msg: fmt.Sprintf("A refund was already decided (by %s) and is being made.", p.Refund.Mark.By)}
	case p.Have == Disputed:
		return &Error{Kind: Conflict, Msg: "The payment is in dispute. The bank decides about it, and it cannot be refunded."}
	case p.Kept().Minor <= 0:
		return &Error{Kind: Conflict, Msg: "There is no money here that could be given back."}
	}
	return nil
}

// refund orders that an amount is given back. The worker carries it out.
func (c *Change) refund(a Amount, mark Mark) error {
	if err := c.refundable(); err != nil {
		return err
	}
	p := &c.Payment
	if kept := p.Kept(); a.Minor <= 0 || a.Minor > kept.Minor || a.Currency != kept.Currency {
		return &Error{Kind: Invalid, Msg: "Only what was paid and did not go back yet can be given back: at most " + kept.String() + "."}
	}
	p.Refund = Refund{Amount: Amount{p.Returned.Minor + a.Minor, a.Currency}, PaidUntil: p.PaidUntil, Mark: mark}
	c.note(mark.At, mark.By, WhatPayment, "", Action{Kind: RefundPayment, Amount: a}.String(), mark.Why)
	return nil
}

// retry has the worker begin anew, as if nothing had failed.
func (c *Change) retry(mark Mark) {
	c.note(mark.At, mark.By, WhatAttention, "", "", "retry now")
	c.Work.Failures, c.Work.Apart = 0, ""
}
