package bridge

import (
	"slices"
	"time"
)

// Facts is what one pass has read. A nil part was not read.
type Facts struct {
	Key   *KeyRequest
	Money *Money
	// After is the action whose call answered with them; empty for what was read.
	After ActionKind
}

// Observe takes facts into the record and draws from them what follows without a
// call: steps that are met, a decision that is due, a life that has ended. It is
// pure but for the change it is given, and observing the same facts again changes
// nothing.
func (c *Change) Observe(f Facts, now time.Time) {
	wanted := c.Want(now).Access
	if f.Money != nil {
		c.seeMoney(*f.Money, now)
	}
	if f.Key != nil {
		c.seeAccess(f, wanted, now)
	}
	if c.Access.Have != Unread {
		c.conclude(now)
		c.passOver(now)
	}
}

// TakeIn fills a request that was known by its id alone with what the portal says
// of it and with the terms it will be held to. Where it is in doubt whether the portal
// has it, that is left to the reading that is believed.
func (c *Change) TakeIn(key KeyRequest, terms Terms, now time.Time) {
	if c.doubts(Facts{Key: &key}, now) {
		return
	}
	c.Applicant = key.Applicant
	c.Asked = key.Asked
	c.Terms = terms
	for _, kind := range terms.Steps {
		c.Steps = append(c.Steps, Step{Kind: kind, State: Waiting})
	}
	c.note(now, c.portal(), WhatTerms, "", terms.Plan, terms.Why)
	if !c.Waived.At.IsZero() {
		c.waiveAsking(c.Waived)
	}
}

// portal and provider are the actors behind facts.
func (c *Change) portal() Actor   { return Actor{Kind: ByPortal, Name: c.Portal} }
func (c *Change) provider() Actor { return Actor{Kind: ByProvider, Name: c.Terms.Provider} }

func (c *Change) seeMoney(m Money, now time.Time) {
	p := &c.Payment
	if p.Checkout.ID != m.Checkout.ID || p.Checkout.State != m.Checkout.State {
		c.note(now, c.provider(), WhatCheckout, string(p.Checkout.State), string(m.Checkout.State), m.Why)
	}
	switch before := p.Have; {
	case before != m.State && (before != "" || m.State != NoPayment):
		c.note(now, c.provider(), WhatPayment, string(before), string(m.State), received(m))
	case m.State == Paid && !p.PaidUntil.IsZero() && m.PaidUntil.After(p.PaidUntil):
		c.note(now, c.provider(), WhatPayment, "", wroteRenewed, received(m))
	}
	if m.Returned.Minor > p.Returned.Minor {
		c.note(now, c.provider(), WhatPayment, "", returned(m), "")
	}
	p.Have = m.State
	p.Checkout = m.Checkout
	p.Collected, p.Returned = m.Collected, m.Returned
	p.Subscribed = m.Subscribed
	p.PaidUntil, p.OverdueSince, p.CancelsAt = m.PaidUntil, m.OverdueSince, m.CancelsAt
	if m.Customer != "" {
		p.Customer = m.Customer
	}
	if m.Why != "" || m.State != PaymentOpen {
		p.Why = m.Why // a new checkout does not take away why the one before came to nothing
	}
	for _, ref := range m.Refs {
		c.addRef(ref)
	}
	if m.came() {
		c.settle(OpenCheckout) // no provider opens another one over it, so none was left behind
	}
	c.seeRefund(now)
	if m.Validated {
		c.step(Validation, Met, Mark{At: now, By: c.provider()})
	}
}

// seeRefund takes a person's order to give money back off the list once it is
// done, so that it is not carried out again on the next period's payment.
func (c *Change) seeRefund(now time.Time) {
	p := &c.Payment
	switch order := p.Refund; {
	case order.Amount.Minor == 0:
	case p.Returned.Minor >= order.Amount.Minor:
		p.Refund = Refund{}
	case p.PaidUntil.After(order.PaidUntil):
		p.Refund = Refund{}
		c.note(now, c.provider(), WhatPayment, "", "refund not made", "the next period was paid for before it could be made")
	}
}

func (c *Change) addRef(ref Ref) {
	if ref.ID != "" && !slices.Contains(c.Refs, ref) {
		c.Refs = append(c.Refs, ref)
	}
}

// seeAccess records what the portal grants. wanted is what was wanted of it before:
// a change nobody here wanted was made by the portal's own admin, and so was a
// suspension that nobody here has tried to make and that no deactivation brought.
func (c *Change) seeAccess(f Facts, wanted AccessState, now time.Time) {
	key, a := *f.Key, &c.Access
	before := a.Have
	if c.doubts(f, now) {
		c.miss(now)
		return
	}
	if !a.Missing.IsZero() && key.State != Gone {
		c.note(now, c.portal(), WhatAccess, "", string(key.State), "the portal finds it again")
	}
	a.Missing = time.Time{}
	if before != key.State {
		c.note(now, c.portal(), WhatAccess, string(before), string(key.State), "")
	}
	a.Have = key.State
	if len(key.Keys) > 0 {
		a.Keys = key.Keys
	}
	for _, id := range key.Keys {
		c.addRef(Ref{System: c.Portal, Kind: RefKey, ID: id})
	}
	for _, id := range key.Also {
		c.addRef(Ref{System: c.Portal, Kind: RefRequest, ID: id})
	}
	if key.Inactive != !a.Inactive.IsZero() {
		a.Inactive = time.Time{}
		if key.Inactive {
			a.Inactive = now
		}
		c.note(now, c.portal(), WhatAccess, account(!key.Inactive), account(key.Inactive), "")
	}
	if key.State == Granted || key.State == Gone {
		c.settle(ResumeKey)
	}
	switch {
	case key.State != Suspended:
		a.Stopped = Mark{}
		if wanted != Suspended {
			c.settle(SuspendKey) // a suspension seen from now on is not ours
		}
	case before != Suspended && !key.Inactive && c.Work.Attempts[SuspendKey].First.IsZero():
		a.Stopped = Mark{At: now, By: c.portal(), Why: "suspended in the portal"}
	}
	if before != Unread && before != Gone && key.State == Gone && !a.Granted.IsZero() && c.Ended.At.IsZero() {
		c.end(wanted, now)
	}
}

// account says in history how a developer's account stands.
func account(inactive bool) string {
	if inactive {
		return "account deactivated"
	}
	return "account active"
}

// doubts reports whether the portal says that something is gone and a second reading,
// confirmGone later, has to say so too. Nothing that is believed of what is gone can be
// undone: the request is declined, or the key's life over, and nobody looks at it again.
// So only what answers a call of ours that makes it go is believed at once.
func (r Request) doubts(f Facts, now time.Time) bool {
	if f.Key.State != Gone || r.Access.Have == Gone || f.After == DeclineKey || f.After == RevokeKey {
		return false
	}
	since := r.Access.Missing
	if since.IsZero() || since.After(now) { // after: the clock was set back
		since = now
	}
	return now.Before(since.Add(confirmGone))
}

// miss notes since when it is in doubt whether the portal has it.
func (c *Change) miss(now time.Time) {
	a := &c.Access
	if a.Missing.IsZero() {
		c.note(now, c.portal(), WhatAccess, string(a.Have), string(a.Have), "the portal does not find it; it is asked once more before that is believed")
	}
	if a.Missing.IsZero() || a.Missing.After(now) {
		a.Missing = now
	}
}

// end marks the end of the key's life: by the payment where that is why access had
// to go, else by the portal's admin, who removed it.
func (c *Change) end(wanted AccessState, now time.Time) {
	mark := Mark{At: now, By: c.portal(), Why: "the key was removed in the portal"}
	if wanted == Gone {
		mark.By = c.provider()
		switch c.Payment.Have {
		case Refunded:
			mark.Why = "the payment was refunded in full"
		case Disputed:
			mark.Why = "the payment is disputed"
		default:
			mark.Why = "the subscription has ended"
		}
	}
	c.Ended = mark
	c.note(now, mark.By, WhatEnded, "", "", mark.Why)
}

// conclude draws what follows from the facts seen.
func (c *Change) conclude(now time.Time) {
	switch c.Verdict.Outcome {
	case Open:
		c.concludeOpen(now)
	case Approve:
		c.concludeApproved(now)
	}
}

func (c *Change) concludeOpen(now time.Time) {
	switch c.Access.Have {
	case Gone:
		c.decide(Decline, Mark{At: now, By: c.portal(), Why: "withdrawn in the portal"})
		return
	case Granted, Suspended:
		c.waive(Mark{At: now, By: c.portal(), Why: "approved in the portal"})
	}
	if p := c.Payment.Have; p.Good() || p == Held && c.Terms.Hold {
		c.step(Paying, Met, Mark{At: now, By: c.provider()})
	}
	step, waits := c.Current()
	if !waits {
		c.decide(Approve, c.lastMet(now))
		c.concludeApproved(now)
		return
	}
	if step.Mark.At.IsZero() {
		c.startStep(step.Kind, now)
		return
	}
	late := step.Kind != Review && !now.Before(step.Mark.At.Add(c.Terms.patience()))
	if late && c.Payment.Have != Processing {
		mark := Mark{At: now, By: Actor{Kind: ByClock}, Why: "the time for the " + string(step.Kind) + " is over"}
		c.step(step.Kind, Failed, mark)
		c.decide(Decline, mark)
	}
}

// concludeApproved looks after an approval until it is delivered: a hold that
// lapsed before it was captured asks for a payment again, and money that went back
// before there was access, or an account that nobody activates, turns the verdict.
func (c *Change) concludeApproved(now time.Time) {
	a := &c.Access
	if a.Granted.IsZero() && (a.Have == Granted || a.Have == Suspended) {
		a.Granted = now
	}
	if !a.Granted.IsZero() {
		return
	}
	switch {
	case a.Have == Gone:
		c.decide(Decline, Mark{At: now, By: c.portal(), Why: "withdrawn in the portal"})
	case c.Payment.Have == NoPayment && c.stepIs(Paying, Met):
		mark := Mark{At: now, By: c.provider(), Why: "the authorisation lapsed before it was captured"}
		c.step(Paying, Waiting, mark)
		c.decide(Open, mark)
	case !a.Inactive.IsZero() && !now.Before(a.Inactive.Add(c.Terms.patience())):
		c.decide(Decline, Mark{At: now, By: Actor{Kind: ByClock}, Why: "the developer's account stayed deactivated"})
	case c.accessEarned(now) == Gone:
		c.decide(Decline, Mark{At: now, By: c.provider(), Why: "the money went back before access was granted"})
	}
}

// decide sets the verdict.
func (c *Change) decide(o Outcome, mark Mark) {
	if c.Verdict.Outcome == o {
		return
	}
	c.note(mark.At, mark.By, WhatVerdict, string(c.Verdict.Outcome), string(o), mark.Why)
	c.Verdict = Verdict{Outcome: o, Mark: mark}
}

// step moves a step that waits (or, for a lapsed hold, one that was met).
func (c *Change) step(kind StepKind, to StepState, mark Mark) {
	for i, s := range c.Steps {
		if s.Kind != kind || s.State == to || s.State != Waiting && to != Waiting {
			continue
		}
		c.note(mark.At, mark.By, WhatStep, string(kind)+" "+string(s.State), string(kind)+" "+string(to), mark.Why)
		c.Steps[i] = Step{Kind: kind, State: to, Mark: mark}
	}
}

func (c *Change) stepIs(kind StepKind, state StepState) bool {
	s, ok := c.Step(kind)
	return ok && s.State == state
}

// startStep notes that a step's turn has come.
func (c *Change) startStep(kind StepKind, now time.Time) {
	for i, s := range c.Steps {
		if s.Kind == kind {
			c.Steps[i].Mark.At = now
			c.note(now, Actor{Kind: ByClock}, WhatStep, "", string(kind)+" "+string(s.State), "")
		}
	}
}

// waive lets go of every step that waits.
func (c *Change) waive(mark Mark) {
	for _, s := range slices.Clone(c.Steps) {
		c.step(s.Kind, Waived, mark)
	}
}

// waiveAsking lets go of the steps that ask the applicant for something.
func (c *Change) waiveAsking(mark Mark) {
	for _, s := range slices.Clone(c.Steps) {
		if s.asks() {
			c.step(s.Kind, Waived, mark)
		}
	}
}

// lastMet is why an approval follows: the last step that was met or waived, or, for
// a plan without steps, the plan itself.
func (c *Change) lastMet(now time.Time) Mark {
	last := Mark{At: now, By: c.portal(), Why: "the plan asks for nothing more"}
	var at time.Time
	for _, s := range c.Steps {
		if !s.Mark.At.Before(at) {
			at = s.Mark.At
			last.By = s.Mark.By
			last.Why = s.Mark.Why
			if last.Why == "" {
				last.Why = string(s.Kind) + " " + string(s.State)
			}
		}
	}
	return last
}
