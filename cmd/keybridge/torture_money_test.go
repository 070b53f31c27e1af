package main

import (
	"errors"
	"maps"
	"slices"
)

// ledgerOf is what money says of a request, at Stripe.
type ledgerOf struct {
	open, paid  int // sessions
	lives, owes int // subscriptions that can ask for money, and those of them whose payment failed
	// contested are disputes that hold back what was paid: those that are open, and those that
	// were lost, unless another period was paid for since or the subscription is over.
	contested int
	// kept is what came in less what went back, by a refund or by a dispute that was lost.
	kept, returned int64
}

// alive reports that there is money, or a way to pay.
func (m ledgerOf) alive() bool { return m.open+m.lives > 0 || m.kept > 0 }

// books are everything at Stripe that says something of money.
type books struct {
	sessions                listOf[stripeSession]
	subscriptions, invoices listOf[stripeBill]
	charges                 listOf[stripeCharge]
	disputes                listOf[stripeDispute]
}

type stripeSession struct {
	checkout
	Mode string `json:"mode"`
}

// stripeBill is a subscription, or an invoice of one.
type stripeBill struct {
	ID           string `json:"id"`
	Status       string `json:"status"`
	Subscription string `json:"subscription"`
}

// lives reports that a subscription can ask for money.
func (s stripeBill) lives() bool { return s.Status != "canceled" && s.Status != "incomplete_expired" }

type stripeCharge struct {
	ID       string `json:"id"`
	Intent   string `json:"payment_intent"`
	Invoice  string `json:"invoice"`
	Status   string `json:"status"`
	Captured int64  `json:"amount_captured"`
	Refunded int64  `json:"amount_refunded"`
}

type stripeDispute struct {
	Charge string `json:"charge"`
	Status string `json:"status"`
	Amount int64  `json:"amount"`
}

type listOf[T any] struct {
	Data []T `json:"data"`
}

// money returns what Stripe knows of each request, by the request's id; what is of none has
// no id.
func (x *torture) money() map[string]*ledgerOf {
	x.t.Helper()
	var b books
	if err := errors.Join(
		x.far.objects("checkout.session", &b.sessions), x.far.objects("subscription", &b.subscriptions),
		x.far.objects("invoice", &b.invoices), x.far.objects("charge", &b.charges), x.far.objects("dispute", &b.disputes),
	); err != nil {
		x.t.Fatal(err)
	}
	return b.byRequest()
}

func (b *books) byRequest() map[string]*ledgerOf {
	all := map[string]*ledgerOf{"": {}}
	whose := map[string]string{} // requests by what came of their sessions
	for _, s := range b.sessions.Data {
		l := all[s.Reference]
		if l == nil {
			l = &ledgerOf{}
			all[s.Reference] = l
		}
		switch {
		case s.Status == "open":
			l.open++
		case s.Status == "complete" && s.Mode != "setup" && s.Payment != "unpaid":
			l.paid++
		}
		whose[s.Intent], whose[s.Subscription] = s.Reference, s.Reference
	}
	whose[""] = ""
	for _, s := range b.subscriptions.Data {
		l := all[whose[s.ID]]
		if s.lives() {
			l.lives++
		}
		if s.Status == "past_due" || s.Status == "unpaid" {
			l.owes++
		}
	}
	for _, in := range b.invoices.Data {
		whose[in.ID] = whose[in.Subscription]
	}
	took := map[string]*ledgerOf{} // whose charges are
	for _, c := range b.charges.Data {
		if c.Status == "succeeded" && c.Captured > 0 { // what was only held and let go counts as refunded there
			l := all[firstText(whose[c.Intent], whose[c.Invoice])]
			l.kept += c.Captured - c.Refunded
			l.returned += c.Refunded
			took[c.ID] = l
		}
	}
	b.contest(took)
	return all
}

// contest adds what the banks say. One that was lost matters while nothing was paid since that
// stands for itself.
func (b *books) contest(took map[string]*ledgerOf) {
	alive, latest := map[string]bool{}, map[string]string{} // subscriptions, and the invoice of each that was paid last
	for _, s := range b.subscriptions.Data {
		alive[s.ID] = s.lives()
	}
	for _, in := range b.invoices.Data { // the oldest first
		if in.Status == "paid" && alive[in.Subscription] {
			latest[in.Subscription] = in.ID
		}
	}
	newest := slices.Collect(maps.Values(latest))
	matters := map[string]bool{} // charges
	for _, c := range b.charges.Data {
		matters[c.ID] = c.Invoice == "" || slices.Contains(newest, c.Invoice)
	}
	for _, d := range b.disputes.Data {
		l, lost := took[d.Charge], d.Status == "lost"
		if lost {
			l.kept -= d.Amount
			l.returned += d.Amount
		}
		if d.Status == "needs_response" || lost && matters[d.Charge] {
			l.contested++
		}
	}
}
