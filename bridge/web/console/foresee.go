package console

import (
	"time"

	"keybridge/bridge"
	"keybridge/bridge/web"
)

// foresee runs the domain's rules ahead on a copy of a request to which a person's word
// was applied, and returns the calls that they would make, if every one of them goes
// well and nothing else happens meanwhile. A request that the portal was not read of yet
// leads to none: nobody knows.
func foresee(r bridge.Request, word func(*bridge.Change), now time.Time) (bridge.Request, []bridge.Action) {
	c := &bridge.Change{Request: r.Clone()}
	word(c)
	f := ahead{change: c, now: now}
	f.key = bridge.KeyRequest{State: c.Access.Have, Keys: c.Access.Keys, Inactive: !c.Access.Inactive.IsZero()}
	f.money = moneyOf(c.Payment)
	var actions []bridge.Action
	for range mostAhead {
		c.Observe(bridge.Facts{Key: &f.key, Money: &f.money}, f.now)
		a, ok := bridge.Next(c.Request, f.now)
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
	return c.Request, actions
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
	change *bridge.Change
	key    bridge.KeyRequest
	money  bridge.Money
	now    time.Time
}

// moneyOf is what a provider said when it led to a payment as it is recorded.
func moneyOf(p bridge.Payment) bridge.Money {
	return bridge.Money{
		State: p.Have, Checkout: p.Checkout, Collected: p.Collected, Returned: p.Returned, Subscribed: p.Subscribed,
		PaidUntil: p.PaidUntil, OverdueSince: p.OverdueSince, CancelsAt: p.CancelsAt, Customer: p.Customer, Why: p.Why,
	}
}

// do is what a call changes outside.
func (f *ahead) do(a bridge.Action) {
	switch a.Kind {
	case bridge.ApproveKey, bridge.ResumeKey:
		f.key.State = bridge.Granted
	case bridge.DeclineKey, bridge.RevokeKey:
		f.key.State = bridge.Gone
	case bridge.SuspendKey:
		f.key.State = bridge.Suspended
	case bridge.Tell:
		f.change.Told = append(f.change.Told, bridge.Told{Kind: a.Message, For: a.For, At: f.now})
	default:
		f.pay(a)
	}
	f.try(a.Kind)
}

// try notes what is known of an attempt once it was made: a suspension or a revocation
// was ours, a checkout was opened.
func (f *ahead) try(kind bridge.ActionKind) {
	try := bridge.Attempt{}
	if kind == bridge.SuspendKey || kind == bridge.RevokeKey {
		try.First = f.now
	}
	if f.change.Work.Attempts == nil {
		f.change.Work.Attempts = map[bridge.ActionKind]bridge.Attempt{}
	}
	f.change.Work.Attempts[kind] = try
}

// pay is what a call to the provider changes.
func (f *ahead) pay(a bridge.Action) {
	m := &f.money
	switch a.Kind {
	case bridge.OpenCheckout:
		m.State, m.Checkout = bridge.PaymentOpen, bridge.Checkout{ID: "ahead", For: a.For, State: bridge.CheckoutOpen, Expires: f.now.Add(24 * time.Hour)}
	case bridge.ExpireCheckout:
		m.State, m.Checkout.State = bridge.NoPayment, bridge.CheckoutExpired
	case bridge.CapturePayment:
		m.State = bridge.Paid
	case bridge.VoidPayment:
		m.State = bridge.NoPayment
	case bridge.CancelPayment:
		m.Subscribed, m.State = false, bridge.PaymentEnded
	case bridge.RefundPayment:
		m.Returned = bridge.Amount{Minor: m.Returned.Minor + a.Amount.Minor, Currency: m.Collected.Currency}
		if m.Returned.Minor == m.Collected.Minor && m.State == bridge.Paid {
			m.State = bridge.Refunded
		}
	}
}

// consequence says in words what a call leads to.
func (s *Console) consequence(r bridge.Request, a bridge.Action) string {
	portal := s.title(r.Portal)
	switch a.Kind {
	case bridge.ApproveKey:
		return "The key request is approved in " + portal + ", and the applicant gets their key."
	case bridge.DeclineKey:
		return "The key request is declined in " + portal + ". No key is issued."
	case bridge.SuspendKey:
		return "The key is suspended in " + portal + ": it opens nothing any more."
	case bridge.ResumeKey:
		return "The key works again in " + portal + "."
	case bridge.RevokeKey:
		return "The key is revoked in " + portal + " for good."
	case bridge.Tell:
		return "The applicant is mailed " + toldWords[a.Message] + "."
	}
	return moneyConsequence(r, a)
}

func moneyConsequence(r bridge.Request, a bridge.Action) string {
	total, known := r.Terms.Total()
	of := ""
	if known {
		of = " of " + web.FormatAmount(total)
	}
	switch {
	case a.Kind == bridge.OpenCheckout && a.For == bridge.Validation:
		return "The applicant is asked to have a card checked."
	case a.Kind == bridge.OpenCheckout:
		return "The applicant is asked for the payment" + of + "."
	case a.Kind == bridge.ExpireCheckout:
		return "The open checkout is closed: nobody can pay at it any more."
	case a.Kind == bridge.CapturePayment:
		return "The held payment" + of + " is taken."
	case a.Kind == bridge.VoidPayment && r.Payment.Have == bridge.Held:
		return "The held payment" + of + " is let go of, and not taken."
	case a.Kind == bridge.VoidPayment:
		return "The invoice" + of + " is withdrawn."
	case a.Kind == bridge.RefundPayment:
		return web.FormatAmount(a.Amount) + " go back to the payer."
	case a.Kind == bridge.CancelPayment:
		return "The subscription is cancelled: nothing more is charged."
	}
	return upper(a.String()) + "."
}
