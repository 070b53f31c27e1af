package sandbox

import (
	"fmt"
	"strconv"
)

// retryWaits are the days between attempts to collect a renewal; after the last
// one the subscription is given up. Stripe's own retries are timed by what it
// has learned and set in the dashboard; these are its classic ones.
func retryWaits() []int64 { return []int64{3, 5, 7} }

// invoice is what is due for one period.
type invoice struct {
	id, status, customer, subscription, currency string
	reason, description, footer, number          string
	intent, charge, session                      string
	lines                                        []invoiceLine
	subtotal, discounted, total, paid            int64
	attempts                                     int64
	next                                         int64 // next_payment_attempt
	from, until                                  int64
	created, paidAt, voidedAt                    int64
	metadata, about                              map[string]string // about: the subscription's metadata, as they were
	email, name                                  string
	discount                                     *discount
}

type invoiceLine struct {
	id, item, name, kind string
	price                *price
	quantity, amount     int64
	from, until          int64
	proration            bool
}

func (in *invoice) key() string { return in.id }
func (in *invoice) made() int64 { return in.created }

func (in *invoice) render(l *ledger) object {
	due := max(in.total, 0)
	details := any(nil)
	if in.subscription != "" {
		details = object{"metadata": in.about}
	}
	discounts := []any{}
	if in.discount != nil {
		discounts = append(discounts, in.discount.id)
	}
	return object{
		"id": in.id, "object": "invoice", "account_country": "US", "account_name": "Keybridge Sandbox",
		"account_tax_ids": nil, "amount_due": due, "amount_paid": in.paid, "amount_remaining": due - in.paid,
		"amount_shipping": int64(0), "application": nil, "application_fee_amount": nil,
		"attempt_count": in.attempts, "attempted": in.attempts > 0 || in.status == "paid",
		"auto_advance":  in.status == "open" && in.next > 0,
		"automatic_tax": object{"enabled": false, "liability": nil, "status": nil}, "billing_reason": in.reason,
		"charge": orNull(in.charge), "collection_method": "charge_automatically", "created": in.created,
		"currency": in.currency, "custom_fields": nil, "customer": orNull(in.customer), "customer_address": nil,
		"customer_email": orNull(in.email), "customer_name": orNull(in.name), "customer_phone": nil,
		"customer_shipping": nil, "customer_tax_exempt": "none", "customer_tax_ids": []any{},
		"default_payment_method": nil, "default_source": nil, "default_tax_rates": []any{},
		"description": orNull(in.description), "discount": nil, "discounts": discounts, "due_date": nil,
		"effective_at": in.created, "ending_balance": int64(0), "footer": orNull(in.footer), "from_invoice": nil,
		"hosted_invoice_url": nil, "invoice_pdf": nil, "issuer": object{"type": "self"},
		"last_finalization_error": nil, "latest_revision": nil,
		"lines":    wrap(in.renderLines(l), "/v1/invoices/"+in.id+"/lines"),
		"livemode": false, "metadata": in.metadata, "next_payment_attempt": numberOrNull(in.next),
		"number": orNull(in.number), "on_behalf_of": nil, "paid": in.status == "paid", "paid_out_of_band": false,
		"payment_intent": orNull(in.intent),
		"payment_settings": object{
			"default_mandate": nil, "payment_method_options": nil, "payment_method_types": nil,
		},
		"period_end": in.until, "period_start": in.from, "post_payment_credit_notes_amount": int64(0),
		"pre_payment_credit_notes_amount": int64(0), "quote": nil, "receipt_number": nil, "rendering": nil,
		"shipping_cost": nil, "shipping_details": nil, "starting_balance": int64(0), "statement_descriptor": nil,
		"status": in.status,
		"status_transitions": object{
			"finalized_at": in.created, "marked_uncollectible_at": nil, "paid_at": numberOrNull(in.paidAt),
			"voided_at": numberOrNull(in.voidedAt),
		},
		"subscription": orNull(in.subscription), "subscription_details": details, "subtotal": in.subtotal,
		"subtotal_excluding_tax": in.subtotal, "tax": nil, "test_clock": nil, "total": in.total,
		"total_discount_amounts": in.renderDiscounts(), "total_excluding_tax": in.total,
		"total_tax_amounts": []any{}, "transfer_data": nil, "webhooks_delivered_at": in.created,
	}
}

func (in *invoice) renderDiscounts() []any {
	if in.discount == nil {
		return []any{}
	}
	return []any{object{"amount": in.discounted, "discount": in.discount.id}}
}

func (in *invoice) renderLines(l *ledger) []any {
	made := make([]any, len(in.lines))
	for i, item := range in.lines {
		one := object{
			"id": item.id, "object": "line_item", "amount": item.amount, "amount_excluding_tax": item.amount,
			"currency": in.currency, "description": fmt.Sprintf("%d × %s", item.quantity, item.name),
			"discount_amounts": []any{}, "discountable": !item.proration, "discounts": []any{}, "livemode": false,
			"metadata": map[string]string{}, "period": object{"start": item.from, "end": item.until},
			"price": item.price.render(l), "proration": item.proration,
			"proration_details": object{"credited_items": nil}, "quantity": item.quantity,
			"subscription": orNull(in.subscription), "tax_amounts": []any{}, "tax_rates": []any{},
			"type": item.kind, "unit_amount_excluding_tax": strconv.FormatInt(item.price.amount, 10),
		}
		if item.kind == "subscription" {
			one["subscription_item"] = item.item
			one["metadata"] = in.about
		} else {
			one["invoice_item"] = item.item
		}
		made[i] = one
	}
	return made
}

// bill makes the invoice of a subscription's current period, finalised at once.
func (l *ledger) bill(sub *subscription, reason string) *invoice {
	in := l.newInvoice(sub.customer, sub.currency, reason)
	in.subscription, in.session, in.from, in.until = sub.id, sub.session, sub.from, sub.until
	for k, v := range sub.metadata {
		in.about[k] = v
	}
	free := sub.status == "trialing"
	for _, item := range sub.items {
		amount := item.price.amount * item.quantity
		if free {
			amount = 0
		}
		in.lines = append(in.lines, invoiceLine{
			l.id("il_1", 23), item.id, item.name, "subscription", item.price, item.quantity, amount, sub.from, sub.until, false,
		})
	}
	if reason == "subscription_create" {
		for _, item := range sub.extras {
			in.add(l, item, sub.from)
		}
	}
	in.addUp()
	if d := sub.discount; d != nil && (reason == "subscription_create" || d.coupon.duration == "forever") {
		in.apply(d)
	}
	sub.latest = in.id
	l.keepInvoice(in)
	return in
}

func (l *ledger) newInvoice(customer, currency, reason string) *invoice {
	in := &invoice{
		id: l.id("in_1", 23), status: "open", customer: customer, currency: currency, reason: reason,
		created: l.unix(), metadata: map[string]string{}, about: map[string]string{},
	}
	if c, ok := l.customers.get(customer); ok {
		in.email, in.name = c.email, c.name
		in.number = c.id[len(c.id)-8:] + "-" + fmt.Sprintf("%04d", len(l.invoices.marked("customer", c.id))+1)
	}
	return in
}

// add puts a one-time item on an invoice.
func (in *invoice) add(l *ledger, item line, at int64) {
	in.lines = append(in.lines, invoiceLine{
		l.id("il_1", 23), l.id("ii_1", 23), item.name, "invoiceitem", item.price, item.quantity,
		item.price.amount * item.quantity, at, at, false,
	})
}

func (in *invoice) addUp() {
	in.subtotal = 0
	for _, item := range in.lines {
		in.subtotal += item.amount
	}
	in.total = in.subtotal
}

func (in *invoice) apply(d *discount) {
	in.discount, in.discounted = d, d.coupon.from(in.subtotal)
	in.total = in.subtotal - in.discounted
}

func (l *ledger) keepInvoice(in *invoice) {
	l.invoices.add(in, "customer", in.customer, "subscription", in.subscription)
	l.emit("invoice.created", in.render(l), nil)
	l.emit("invoice.finalized", in.render(l), nil)
}

// collect tries to be paid for an invoice. With no decline given, the payment
// method of the subscription answers as it was told to.
func (l *ledger) collect(in *invoice, decline string) *problem {
	if in.status != "open" {
		return wrongMoment("the invoice %s is %s", in.id, in.status)
	}
	sub, _ := l.subscriptions.get(in.subscription)
	if in.total <= 0 {
		l.settleInvoice(in, sub)
		return nil
	}
	in.attempts++
	m, ok := l.methods.get(l.meansOf(sub))
	if !ok {
		l.collectionFailed(in, sub, "authentication_required")
		return declined("")
	}
	if decline == "" {
		decline = m.fails
	}
	i := l.intentOf(in)
	wrong := l.attempt(i, m, decline)
	in.charge = i.charge
	switch {
	case wrong != nil:
		l.collectionFailed(in, sub, wrong.code)
	case i.status == "succeeded":
		l.settleInvoice(in, sub)
	}
	return wrong
}

// meansOf is the payment method a subscription is paid with.
func (l *ledger) meansOf(sub *subscription) string {
	if sub == nil {
		return ""
	}
	if sub.method != "" {
		return sub.method
	}
	c, _ := l.customers.get(sub.customer)
	if c == nil {
		return ""
	}
	return c.method
}

// intentOf is the one intent an invoice is collected with.
func (l *ledger) intentOf(in *invoice) *intent {
	if i, ok := l.intents.get(in.intent); ok {
		return i
	}
	i := &intent{
		id: l.id("pi_3", 23), status: "requires_payment_method", currency: in.currency, amount: in.total,
		customer: in.customer, capture: "automatic", metadata: map[string]string{}, invoice: in.id,
		created: l.unix(), methods: []string{"card"}, future: "off_session", description: "Subscription update",
	}
	if in.reason == "subscription_create" {
		i.description = "Subscription creation"
	}
	in.intent = i.id
	l.keepIntent(i)
	return i
}

func (l *ledger) settleInvoice(in *invoice, sub *subscription) {
	in.status, in.paid, in.paidAt, in.next = "paid", max(in.total, 0), l.unix(), 0
	l.emit("invoice.paid", in.render(l), nil)
	l.emit("invoice.payment_succeeded", in.render(l), nil)
	if s, ok := l.sessions.get(in.session); ok && s.invoice == in.id && in.total > 0 {
		s.payment = "paid"
	}
	if sub != nil {
		l.paidUp(sub)
	}
}

func (l *ledger) collectionFailed(in *invoice, sub *subscription, code string) {
	if waits := retryWaits(); in.reason != "subscription_create" && in.attempts <= int64(len(waits)) {
		in.next = l.unix() + waits[in.attempts-1]*24*3600
		attempts := in.attempts
		l.at(in.next, func() { l.retry(in, attempts) })
	} else {
		in.next = 0
	}
	l.emit("invoice.payment_failed", in.render(l), nil)
	if code == "authentication_required" {
		l.emit("invoice.payment_action_required", in.render(l), nil)
	}
	if sub == nil || in.reason == "subscription_create" {
		return
	}
	l.fallBehind(sub)
	if in.next == 0 {
		l.giveUp(sub, l.last)
	}
}

// retry tries once more what failed before, unless somebody else did meanwhile.
func (l *ledger) retry(in *invoice, attempts int64) {
	sub, ok := l.subscriptions.get(in.subscription)
	if in.status != "open" || in.attempts != attempts || in.next == 0 || !ok || sub.over() {
		return
	}
	_ = l.collect(in, "") // the invoice and its events tell how it went
}

func (l *ledger) voidInvoice(in *invoice) {
	if in.status != "open" {
		return
	}
	in.status, in.voidedAt, in.next = "void", l.unix(), 0
	if i, ok := l.intents.get(in.intent); ok {
		l.cancelIntent(i, "void_invoice")
	}
	l.emit("invoice.voided", in.render(l), nil)
}

// creditUnused makes the final invoice that credits what is left of a period.
func (l *ledger) creditUnused(sub *subscription) {
	in := l.newInvoice(sub.customer, sub.currency, "manual")
	now := l.unix()
	in.subscription, in.session, in.from, in.until = sub.id, sub.session, now, sub.until
	length := max(sub.until-sub.from, 1)
	for _, item := range sub.items {
		unused := item.price.amount * item.quantity * max(sub.until-now, 0) / length
		in.lines = append(in.lines, invoiceLine{
			l.id("il_1", 23), l.id("ii_1", 23), "Unused time on " + item.name, "invoiceitem", item.price,
			item.quantity, -unused, now, sub.until, true,
		})
	}
	in.addUp()
	sub.latest = in.id
	l.keepInvoice(in)
	l.settleInvoice(in, nil)
}

func invoiceCalls() []call {
	return []call{
		{"GET", "/v1/invoices", pages().with(shape{
			"subscription": text(5000), "customer": text(5000),
			"status": choice("draft", "open", "paid", "uncollectible", "void"),
		}), "list:invoice", listInvoices},
		{"GET", "/v1/invoices/{invoice}", answers(), "invoice", readInvoice},
		{"POST", "/v1/invoices/{invoice}/pay", answers(), "invoice", payInvoice},
		{"POST", "/v1/invoices/{invoice}/void", answers(), "invoice", voidInvoiceCall},
	}
}

func (t *turn) invoice() (*invoice, *problem) {
	in, ok := t.invoices.get(t.path("invoice"))
	if !ok {
		return nil, missing("invoice", t.path("invoice"), "invoice", 404)
	}
	return in, nil
}

func readInvoice(t *turn) (object, *problem) {
	in, wrong := t.invoice()
	if wrong != nil {
		return nil, wrong
	}
	return in.render(t.ledger), nil
}

func listInvoices(t *turn) (object, *problem) {
	in := t.in
	way := t.invoices.along("customer", in.text("customer"))
	if in.has("subscription") {
		way = t.invoices.along("subscription", in.text("subscription"))
	}
	return page(t, t.invoices, way, func(one *invoice) bool {
		return (!in.has("status") || one.status == in.text("status")) &&
			(!in.has("customer") || one.customer == in.text("customer")) &&
			(!in.has("subscription") || one.subscription == in.text("subscription"))
	})
}

func payInvoice(t *turn) (object, *problem) {
	in, wrong := t.invoice()
	if wrong != nil {
		return nil, wrong
	}
	if in.status == "paid" {
		return nil, refused("", "", "Invoice is already paid")
	}
	if in.status != "open" {
		return nil, refused("", "", "This invoice is %s and can no longer be paid", in.status)
	}
	if wrong := t.collect(in, ""); wrong != nil {
		return nil, wrong
	}
	return in.render(t.ledger), nil
}

func voidInvoiceCall(t *turn) (object, *problem) {
	in, wrong := t.invoice()
	if wrong != nil {
		return nil, wrong
	}
	if in.status != "open" {
		return nil, refused("", "", "You can only pass in open invoices. This invoice isn't open.")
	}
	t.voidInvoice(in)
	return in.render(t.ledger), nil
}
