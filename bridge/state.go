package bridge

// State is how a request is shown to people. It is derived from the request and
// stored nowhere.
type State string

// The states, in the order of a request's life.
const (
	StateReceived       State = "received"
	StateValidating     State = "validating"
	StateReviewing      State = "reviewing"
	StatePaying         State = "paying"
	StateApproving      State = "approving"
	StateActive         State = "active"
	StateOverdue        State = "overdue"
	StateSuspended      State = "suspended"
	StateEnding         State = "ending"
	StateEnded          State = "ended"
	StateDeclining      State = "declining"
	StateDeclined       State = "declined"
	StateNeedsAttention State = "needs attention"
)

// States lists every state.
var States = []State{
	StateReceived, StateValidating, StateReviewing, StatePaying, StateApproving, StateActive, StateOverdue,
	StateSuspended, StateEnding, StateEnded, StateDeclining, StateDeclined, StateNeedsAttention,
}

// State derives what to show. It depends on the record alone and not on the
// clock, so that a store may index it.
func (r Request) State() State {
	if r.Work.Attention {
		return StateNeedsAttention
	}
	return r.Stage()
}

// Stage is State for those who show attention beside it: where the request
// stands, whether or not it needs attention.
func (r Request) Stage() State {
	switch {
	case r.Verdict.Outcome == Decline:
		if r.atRest() {
			return StateDeclined
		}
		return StateDeclining
	case r.Verdict.Outcome == Approve:
		return r.granted()
	case r.Access.Have == Unread:
		return StateReceived
	}
	step, _ := r.Current()
	switch step.Kind {
	case Validation:
		return StateValidating
	case Review:
		return StateReviewing
	case Paying:
		return StatePaying
	}
	return StateReceived
}

// granted derives the state of a request whose verdict is approve.
func (r Request) granted() State {
	switch {
	case !r.Ended.At.IsZero():
		if r.atRest() {
			return StateEnded
		}
		return StateEnding
	case r.Access.Granted.IsZero():
		return StateApproving
	case r.Access.Have == Suspended:
		return StateSuspended
	case r.Payment.Have == Overdue:
		return StateOverdue
	case r.Payment.Have == PaymentEnded, !r.Payment.CancelsAt.IsZero():
		return StateEnding
	}
	return StateActive
}

// atRest reports whether nothing is left to do for a request that is over:
// access is gone, no checkout or subscription can take money, and a declined
// request neither has money nor is owed any.
func (r Request) atRest() bool {
	p := r.Payment
	if r.Access.Have != Gone || p.Checkout.State == CheckoutOpen || p.Subscribed {
		return false
	}
	if p.Have == Processing || p.Have == Held {
		return false
	}
	return r.Verdict.Outcome != Decline || p.Kept().Minor <= 0 && !p.owed()
}
