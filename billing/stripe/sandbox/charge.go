package sandbox

import "net/http"

// charge is one attempt to take money.
type charge struct {
	id, intent, invoice, customer, method, currency string
	description                                     string
	status                                          string
	amount, collected, refunded                     int64 // minor units; collected is amount_captured
	paid, captured, disputed                        bool
	metadata                                        map[string]string
	failure                                         *problem
	before                                          int64 // capture_before
	created                                         int64
	receipt                                         string
	reported                                        string // what the cardholder reported: fraudulent
}

func (c *charge) key() string { return c.id }
func (c *charge) made() int64 { return c.created }

// newCharge makes a charge for an intent. The intent's metadata travel to it as
// they are at that moment.
func (l *ledger) newCharge(i *intent, m *method) *charge {
	c := &charge{
		id: l.id("ch_3", 23), intent: i.id, invoice: i.invoice, customer: i.customer, method: m.id,
		currency: i.currency, description: i.description, status: "succeeded", amount: i.amount, paid: true,
		metadata: map[string]string{}, created: l.unix(), receipt: i.receipt,
	}
	for k, v := range i.metadata {
		c.metadata[k] = v
	}
	i.charge = c.id
	l.charges.add(c, "payment_intent", i.id, "customer", i.customer)
	return c
}

func (c *charge) fail(p *problem) {
	c.status, c.paid, c.captured, c.failure = "failed", false, false, p
}

func (c *charge) render(l *ledger) object {
	made := object{
		"id": c.id, "object": "charge", "amount": c.amount, "amount_captured": c.collected,
		"amount_refunded": c.refunded, "application": nil, "application_fee": nil, "application_fee_amount": nil,
		"balance_transaction": nil, "billing_details": nil,
		"calculated_statement_descriptor": "KEYBRIDGE SANDBOX", "captured": c.captured, "created": c.created,
		"currency": c.currency, "customer": orNull(c.customer), "description": orNull(c.description),
		"disputed": c.disputed, "failure_balance_transaction": nil, "failure_code": nil, "failure_message": nil,
		"fraud_details": object{}, "invoice": orNull(c.invoice), "livemode": false, "metadata": c.metadata,
		"on_behalf_of": nil, "outcome": c.outcome(), "paid": c.paid, "payment_intent": orNull(c.intent),
		"payment_method": orNull(c.method), "payment_method_details": nil, "radar_options": object{},
		"receipt_email": orNull(c.receipt), "receipt_number": nil, "receipt_url": nil,
		"refunded": c.refunded >= c.amount && c.refunded > 0, "review": nil, "shipping": nil,
		"source_transfer": nil, "statement_descriptor": nil, "statement_descriptor_suffix": nil,
		"status": c.status, "transfer_data": nil, "transfer_group": nil,
	}
	if m, ok := l.methods.get(c.method); ok {
		made["billing_details"], made["payment_method_details"] = m.billing(), m.details(c)
	} else {
		made["billing_details"] = (&method{}).billing()
	}
	if c.failure != nil {
		made["failure_code"], made["failure_message"] = c.failure.code, c.failure.message
	}
	if c.reported != "" {
		made["fraud_details"] = object{"user_report": c.reported}
	}
	return made
}

func (c *charge) outcome() object {
	if c.failure != nil {
		reason := c.failure.decline
		if reason == "" {
			reason = c.failure.code
		}
		return object{
			"network_status": "declined_by_network", "reason": reason, "risk_level": "normal", "risk_score": int64(20),
			"seller_message": "The bank did not return any further details with this decline.", "type": "issuer_declined",
		}
	}
	return object{
		"network_status": "approved_by_network", "reason": nil, "risk_level": "normal", "risk_score": int64(20),
		"seller_message": "Payment complete.", "type": "authorized",
	}
}

// declined is the error a bank's answer becomes.
// Source: https://stripe.com/docs/declines/codes
func declined(code string) *problem {
	p := &problem{status: http.StatusPaymentRequired, kind: "card_error", code: "card_declined", decline: code}
	switch code {
	case "insufficient_funds":
		p.message = "Your card has insufficient funds."
	case "expired_card":
		p.code, p.message = "expired_card", "Your card has expired."
	case "authentication_required":
		p.code, p.message = "authentication_required", "Your card was declined. This transaction requires authentication."
	case "debit_not_authorized":
		p.code, p.decline, p.message = "payment_method_provider_decline", "", "The customer's bank did not honour the debit."
	default:
		p.decline, p.message = "generic_decline", "Your card was declined."
	}
	return p
}

func chargeCalls() []call {
	return []call{
		{"GET", "/v1/charges", pages().with(shape{"payment_intent": text(5000), "customer": text(5000)}), "list:charge", listCharges},
		{"GET", "/v1/charges/{charge}", answers(), "charge", readCharge},
	}
}

func readCharge(t *turn) (object, *problem) {
	c, ok := t.charges.get(t.path("charge"))
	if !ok {
		return nil, missing("charge", t.path("charge"), "id", 404)
	}
	return c.render(t.ledger), nil
}

func listCharges(t *turn) (object, *problem) {
	in := t.in
	way := t.charges.along("customer", in.text("customer"))
	if in.has("payment_intent") {
		way = t.charges.along("payment_intent", in.text("payment_intent"))
	}
	return page(t, t.charges, way, func(c *charge) bool {
		return (!in.has("payment_intent") || c.intent == in.text("payment_intent")) &&
			(!in.has("customer") || c.customer == in.text("customer"))
	})
}
