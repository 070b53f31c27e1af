package bridge

import (
	"cmp"
	"time"
)

// Foresee returns the request as it would be when a deed was done to it and everything that
// follows went well, and the calls that lead there, in their order. It runs the rules ahead on
// a copy. A text that is not written yet may be left out. A request that the portal was not
// read of yet leads to no calls: nobody knows. The error is why the deed cannot be done.
func Foresee(r Request, d Deed, by Actor, now time.Time) (then Request, actions []Action, err error) {
	d.Text = cmp.Or(d.Text, sampleText)
	f := ahead{change: &Change{Request: r.Clone()}, now: now}
	if err := f.change.do(d, Mark{At: now, By: by}); err != nil {
		return r, nil, err
	}
	f.key = KeyRequest{State: f.change.Access.Have, Keys: f.change.Access.Keys, Inactive: !f.change.Access.Inactive.IsZero()}
	f.money = moneyOf(f.change.Payment)
	for range mostAhead {
		f.change.Observe(Facts{Key: &f.key, Money: &f.money, After: f.after}, f.now)
		a, ok := Next(f.change.Request, f.now)
		if !ok && f.now.Equal(now) {
			f.now = now.Add(browsersCome) // a checkout waits a moment for the applicant's browser
			continue
		}
		if !ok {
			break
		}
		actions = append(actions, a)
		f.do(a)
	}
	return f.change.Request, actions, nil
}

const (
	// mostAhead is more than any request has to be led through at once.
	mostAhead = 20
	// browsersCome is longer than a checkout waits for a browser, and shorter than
	// anything else that the clock does.
	browsersCome = 5 * time.Second
)

// ahead is what portal and provider would say.
type ahead struct {
	change *Change
	key    KeyRequest
	money  Money
	after  ActionKind // what was done last
	now    time.Time
}

// moneyOf is what a provider said when it led to a payment as it is recorded.
func moneyOf(p Payment) Money {
	return Money{
		State: p.Have, Checkout: p.Checkout, Collected: p.Collected, Returned: p.Returned, Subscribed: p.Subscribed,
		PaidUntil: p.PaidUntil, OverdueSince: p.OverdueSince, CancelsAt: p.CancelsAt, Customer: p.Customer, Why: p.Why,
	}
}

// do is what a call changes outside.
func (f *ahead) do(a Action) {
	switch a.Kind {
	case ApproveKey, ResumeKey:
		f.key.State = Granted
	case DeclineKey, RevokeKey:
		f.key.State = Gone
	case SuspendKey:
		f.key.State = Suspended
	case Tell:
		f.change.Told = append(f.change.Told, Told{Kind: a.Message, For: a.For, At: f.now})
	default:
		f.pay(a)
	}
	f.after = a.Kind
	f.try(a.Kind)
}

// try notes what is known of an attempt once it was made: a suspension was ours, a
// checkout was opened.
func (f *ahead) try(kind ActionKind) {
	try := Attempt{}
	if kind == SuspendKey {
		try.First = f.now
	}
	if f.change.Work.Attempts == nil {
		f.change.Work.Attempts = map[ActionKind]Attempt{}
	}
	f.change.Work.Attempts[kind] = try
}

// pay is what a call to the provider changes.
func (f *ahead) pay(a Action) {
	m := &f.money
	switch a.Kind {
	case OpenCheckout:
		m.State, m.Checkout = PaymentOpen, Checkout{ID: "ahead", For: a.For, State: CheckoutOpen, Expires: f.now.Add(24 * time.Hour)}
	case ExpireCheckout:
		m.State, m.Checkout.State = NoPayment, CheckoutExpired
	case CapturePayment:
		m.State = Paid
	case VoidPayment:
		m.State = NoPayment
	case CancelPayment:
		m.Subscribed = false
		if m.State != Disputed && m.State != Processing { // a bank goes on with what it was asked for
			m.State = PaymentEnded
		}
	case RefundPayment:
		m.Returned = Amount{Minor: m.Returned.Minor + a.Amount.Minor, Currency: m.Collected.Currency}
		if m.Returned.Minor == m.Collected.Minor && m.State == Paid {
			m.State = Refunded
		}
	}
}
