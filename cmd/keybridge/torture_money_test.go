package main

import "errors"

// ledgerOf is what money says of a request, at Stripe.
type ledgerOf struct {
	open, paid     int // sessions
	lives, owes    int // subscriptions that can ask for money, and those of them whose payment failed
	kept, returned int64
}

// alive reports that there is money, or a way to pay.
func (m ledgerOf) alive() bool { return m.open+m.lives > 0 || m.kept > 0 }

// books are everything at Stripe that says something of money.
type books struct {
	sessions                listOf[stripeSession]
	subscriptions, invoices listOf[stripeBill]
	charges                 listOf[stripeCharge]
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

type stripeCharge struct {
	Intent   string `json:"payment_intent"`
	Invoice  string `json:"invoice"`
	Status   string `json:"status"`
	Captured int64  `json:"amount_captured"`
	Refunded int64  `json:"amount_refunded"`
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
		x.far.objects("invoice", &b.invoices), x.far.objects("charge", &b.charges),
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
		if s.Status != "canceled" && s.Status != "incomplete_expired" {
			l.lives++
		}
		if s.Status == "past_due" || s.Status == "unpaid" {
			l.owes++
		}
	}
	for _, in := range b.invoices.Data {
		whose[in.ID] = whose[in.Subscription]
	}
	for _, c := range b.charges.Data {
		if c.Status == "succeeded" && c.Captured > 0 { // what was only held and let go counts as refunded there
			l := all[firstText(whose[c.Intent], whose[c.Invoice])]
			l.kept += c.Captured - c.Refunded
			l.returned += c.Refunded
		}
	}
	return all
}
