package bridge

import "time"

// Want is what should be: the access and the payment that the rules ask for.
type Want struct {
	Access  AccessState
	Payment PaymentWant
	// For is the step a checkout is wanted for, with WantOpen.
	For StepKind
}

// Want says what should be, from the record alone and the time. It is the table
// of the README.
func (r Request) Want(now time.Time) Want {
	switch {
	case !r.Ended.At.IsZero():
		return Want{Access: Gone, Payment: WantCancelled}
	case r.Verdict.Outcome == Decline:
		return Want{Access: Gone, Payment: WantReturned}
	case r.Verdict.Outcome == Approve:
		return Want{Access: r.accessWanted(now), Payment: WantSettled}
	}
	step, _ := r.Current()
	if step.asks() && r.Access.Inactive.IsZero() && !now.Before(r.askedFrom(step)) {
		return Want{Access: Pending, Payment: WantOpen, For: step.Kind}
	}
	return Want{Access: Pending, Payment: WantNothing}
}

// browserComes is how long a checkout waits for the browser that belongs to a request.
const browserComes = 3 * time.Second

// askedFrom is when a step's checkout is wanted: at once when a browser has come, or
// when none will. A webhook is often faster than the browser it belongs to, and how
// that is handed off decides whether the checkout may name anybody, so a request that
// nobody has come for waits a moment.
func (r Request) askedFrom(step Step) time.Time {
	if r.Arrival.Trust != Untold || r.Terms.Mailed {
		return time.Time{}
	}
	return step.Mark.At.Add(browserComes)
}

// accessWanted is the access of an approved request: what its payment earns, less
// what the portal's own admin has stopped. What is not good enough to keep access
// is not good enough to get it either: it waits.
func (r Request) accessWanted(now time.Time) AccessState {
	earned := r.accessEarned(now)
	if earned == Granted && (!r.Access.Inactive.IsZero() || !r.Access.Stopped.At.IsZero()) {
		earned = Suspended
	}
	if earned == Suspended && r.Access.Granted.IsZero() {
		return Pending
	}
	return earned
}

// accessEarned is the access that the payment of an approved request earns.
func (r Request) accessEarned(now time.Time) AccessState {
	switch r.Payment.Have {
	case Overdue:
		if now.Before(r.Payment.OverdueSince.Add(r.Terms.Grace)) {
			return Granted
		}
		return Suspended
	case Refunded:
		earned := r.Terms.Refunded.or(Revoke).access()
		if earned == Suspended && r.Access.Granted.IsZero() {
			return Gone // there was nothing to suspend yet, and what went back does not come again
		}
		return earned
	case Disputed:
		return r.Terms.Disputed.or(Suspend).access()
	case PaymentEnded:
		if now.Before(r.Payment.PaidUntil) {
			return Granted
		}
		return Gone
	}
	return Granted
}

func (p Policy) access() AccessState {
	switch p {
	case Suspend:
		return Suspended
	case Revoke:
		return Gone
	}
	return Granted
}

// Next names the one action that brings what is closer to what should be. ok is
// false when there is nothing to do but wait; see Until. While it is in doubt
// whether the portal still has the key (Access.Missing) nothing is done.
//
// The order keeps money and access in agreement at every step between: first no
// more money comes in than is wanted, then what was promised is taken, then access
// follows, then money goes back, and people are told last.
func Next(r Request, now time.Time) (a Action, ok bool) {
	if r.Access.Have == Unread || !r.Access.Missing.IsZero() {
		return Action{}, false
	}
	want := r.Want(now)
	for _, rule := range []func(Request, Want) (Action, bool){
		findOut, stopMoney, takeMoney, moveAccess, returnMoney, askMoney,
	} {
		if a, ok := rule(r, want); ok {
			return a, true
		}
	}
	return tell(r, now)
}

// findOut asks again for a checkout whose opening was never answered, when none is
// wanted any more: only then is it known, and can be closed.
func findOut(r Request, want Want) (Action, bool) {
	try := r.Work.Attempts[OpenCheckout]
	lost := !try.First.IsZero() && r.Payment.Checkout.State != CheckoutOpen
	return Action{Kind: OpenCheckout, For: try.For}, lost && want.Payment != WantOpen
}

// stopMoney closes a checkout that nobody should pay at.
func stopMoney(r Request, want Want) (Action, bool) {
	open := r.Payment.Checkout
	wanted := want.Payment == WantOpen && want.For == open.For
	return Action{Kind: ExpireCheckout}, open.State == CheckoutOpen && !wanted
}

// takeMoney captures what was held for an approval.
func takeMoney(r Request, want Want) (Action, bool) {
	return Action{Kind: CapturePayment}, want.Payment == WantSettled && r.Payment.Have == Held
}

// moveAccess brings the portal to what is wanted of it.
func moveAccess(r Request, want Want) (Action, bool) {
	type move struct{ have, want AccessState }
	kind, ok := map[move]ActionKind{
		{Pending, Granted}:   ApproveKey,
		{Pending, Gone}:      DeclineKey,
		{Granted, Suspended}: SuspendKey,
		{Granted, Gone}:      RevokeKey,
		{Suspended, Granted}: ResumeKey,
		{Suspended, Gone}:    RevokeKey,
	}[move{r.Access.Have, want.Access}]
	return Action{Kind: kind}, ok
}

// returnMoney gives back what may not be kept, and ends what would ask for more. Before a
// checkout is asked for anew that is what is left of the one before, which was paid and
// came to its end before access was granted: else it could be paid for twice.
func returnMoney(r Request, want Want) (Action, bool) {
	p := r.Payment
	over := want.Payment == WantReturned || want.Payment == WantCancelled
	anew := want.Payment == WantOpen && (p.Have == Refunded || p.Have == PaymentEnded)
	switch {
	case over && p.Have == Held, want.Payment == WantReturned && p.owed():
		return Action{Kind: VoidPayment}, true
	case (over || anew) && p.Subscribed:
		return Action{Kind: CancelPayment}, true
	case p.Have == Disputed || p.Have == Processing:
		// A disputed charge cannot be refunded, and money on its way is not here yet.
		return Action{}, false
	case (want.Payment == WantReturned || anew) && p.Kept().Minor > 0:
		return Action{Kind: RefundPayment, Amount: p.Kept()}, true
	}
	due := min(p.Refund.Amount.Minor-p.Returned.Minor, p.Kept().Minor)
	return Action{Kind: RefundPayment, Amount: Amount{due, p.Collected.Currency}}, due > 0
}

// askMoney opens the checkout that the waiting step needs. What a provider says is
// over is replaced; what is on its way or in dispute is waited for.
func askMoney(r Request, want Want) (Action, bool) {
	if want.Payment != WantOpen {
		return Action{}, false
	}
	switch r.Payment.Have {
	case "", NoPayment, Refunded, PaymentEnded:
		return Action{Kind: OpenCheckout, For: want.For}, true
	}
	return Action{}, false
}

// Sweep is how long a request is left alone before the clock hints at it, by where
// it stands: what the portal's admin or a bank does without telling us is found
// then at the latest.
const (
	sweepUndecided = 10 * time.Minute
	sweepMoving    = time.Hour
	sweepGranted   = 24 * time.Hour
)

// Until says when to look again at a request for which Next has nothing to do.
// Zero: only when something hints at it.
func Until(r Request, now time.Time) time.Time {
	var until time.Time
	at := func(t time.Time) {
		if !t.IsZero() && t.After(now) && (until.IsZero() || t.Before(until)) {
			until = t
		}
	}
	switch r.Stage() {
	case StateDeclined, StateEnded:
		return time.Time{}
	case StateReceived, StateValidating, StateReviewing, StatePaying:
		at(now.Add(sweepUndecided))
	case StateActive, StateOverdue, StateSuspended:
		at(now.Add(sweepGranted))
	default:
		at(now.Add(sweepMoving))
	}
	if step, ok := r.Current(); ok && r.Verdict.Outcome == Open && step.asks() {
		at(r.deadline(step))
		at(r.askedFrom(step))
		for kind, from := range map[MessageKind]time.Time{TellStart: r.toldFrom(step), TellReminder: r.remindedFrom(step)} {
			if r.tells(kind) {
				at(from)
			}
		}
	}
	if r.Verdict.Outcome == Approve && r.Access.Granted.IsZero() && !r.Access.Inactive.IsZero() {
		at(r.Access.Inactive.Add(r.Terms.patience()))
	}
	if !r.Access.Missing.IsZero() {
		at(r.Access.Missing.Add(confirmGone))
	}
	p := r.Payment
	if p.Checkout.State == CheckoutOpen {
		at(p.Checkout.Expires.Add(time.Second))
	}
	if p.Have == Overdue {
		at(p.OverdueSince.Add(r.Terms.Grace))
	}
	at(p.PaidUntil.Add(time.Second))
	return until
}
