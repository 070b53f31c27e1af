package sandbox

// authorised is how long a card holds money that was not captured.
// Source: https://stripe.com/docs/payments/place-a-hold-on-a-payment-method
const authorised int64 = 7 * 24 * 3600

// intent is a PaymentIntent: one amount on its way from a customer.
type intent struct {
	id, status, currency, customer, description string
	amount, capturable, received                int64 // minor units
	capture                                     string
	metadata                                    map[string]string
	invoice, session                            string
	charge, method                              string // the latest ones
	canceled                                    int64
	reason                                      string
	created                                     int64
	failure                                     *problem
	methods                                     []string
	receipt, future, statement, suffix          string
	secret                                      string
}

func (i *intent) key() string { return i.id }
func (i *intent) made() int64 { return i.created }

func (i *intent) render(l *ledger) object {
	made := object{
		"id": i.id, "object": "payment_intent", "amount": i.amount, "amount_capturable": i.capturable,
		"amount_details": object{"tip": object{}}, "amount_received": i.received, "application": nil,
		"application_fee_amount": nil, "automatic_payment_methods": nil, "canceled_at": numberOrNull(i.canceled),
		"cancellation_reason": orNull(i.reason), "capture_method": i.capture, "client_secret": i.secret,
		"confirmation_method": "automatic", "created": i.created, "currency": i.currency,
		"customer": orNull(i.customer), "description": orNull(i.description), "invoice": orNull(i.invoice),
		"last_payment_error": nil, "latest_charge": orNull(i.charge), "livemode": false, "metadata": i.metadata,
		"next_action": nil, "on_behalf_of": nil, "payment_method": orNull(i.method),
		"payment_method_configuration_details": nil, "payment_method_options": object{},
		"payment_method_types": asList(i.methods), "processing": nil, "receipt_email": orNull(i.receipt),
		"review": nil, "setup_future_usage": orNull(i.future), "shipping": nil,
		"statement_descriptor": orNull(i.statement), "statement_descriptor_suffix": orNull(i.suffix),
		"status": i.status, "transfer_data": nil, "transfer_group": nil,
	}
	if i.failure != nil {
		failed := object{"type": "card_error", "code": i.failure.code, "message": i.failure.message}
		if i.failure.decline != "" {
			failed["decline_code"] = i.failure.decline
		}
		failed["charge"] = i.charge
		if m, ok := l.methods.get(i.method); ok {
			failed["payment_method"] = m.render(l)
		}
		made["last_payment_error"] = failed
	}
	return made
}

// newIntent makes the intent of a session that is being paid.
func (l *ledger) newIntent(s *session) *intent {
	want := s.charging
	i := &intent{
		id: l.id("pi_3", 23), status: "requires_payment_method", currency: s.currency, amount: s.total,
		customer: s.customer, description: want.description, capture: want.capture, metadata: want.metadata,
		session: s.id, created: l.unix(), methods: s.methods, receipt: want.receipt, future: want.future,
		statement: want.statement, suffix: want.suffix,
	}
	l.keepIntent(i)
	s.intent = i.id
	l.sessions.mark(s.id, "payment_intent", i.id)
	return i
}

func (l *ledger) keepIntent(i *intent) {
	i.secret = i.id + "_secret_" + l.id("", 25)
	l.intents.add(i, "customer", i.customer)
	l.emit("payment_intent.created", i.render(l), nil)
}

// attempt tries to collect an intent with a method. An empty decline succeeds;
// otherwise it is the code the bank declines with.
func (l *ledger) attempt(i *intent, m *method, decline string) *problem {
	i.method = m.id
	c := l.newCharge(i, m)
	if decline != "" {
		p := declined(decline)
		p.param, i.failure, i.status = "", p, "requires_payment_method"
		c.fail(p)
		l.emit("charge.failed", c.render(l), nil)
		l.emit("payment_intent.payment_failed", i.render(l), nil)
		return p
	}
	i.failure = nil
	switch {
	case delayed(m.kind):
		i.status, c.status, c.paid = "processing", "pending", false
		l.emit("payment_intent.processing", i.render(l), nil)
		l.emit("charge.pending", c.render(l), nil)
	case i.capture == "manual":
		i.status, i.capturable = "requires_capture", i.amount
		c.before = l.unix() + authorised
		l.at(c.before, func() { l.lapse(i) })
		l.emit("charge.succeeded", c.render(l), nil)
		l.emit("payment_intent.amount_capturable_updated", i.render(l), nil)
	default:
		l.collected(i, c)
		l.emit("charge.succeeded", c.render(l), nil)
		l.emit("payment_intent.succeeded", i.render(l), nil)
	}
	return nil
}

// collected marks an intent and its charge as money received.
func (l *ledger) collected(i *intent, c *charge) {
	i.status, i.received, i.capturable = "succeeded", i.amount, 0
	c.status, c.paid, c.captured, c.collected = "succeeded", true, true, c.amount
}

// settle ends the wait for a delayed payment, one way or the other.
func (l *ledger) settle(i *intent, decline string) bool {
	c, ok := l.charges.get(i.charge)
	if i.status != "processing" || !ok {
		return false
	}
	if decline == "" {
		l.collected(i, c)
		l.emit("charge.succeeded", c.render(l), nil)
		l.emit("payment_intent.succeeded", i.render(l), nil)
		return true
	}
	p := declined(decline)
	i.failure, i.status = p, "requires_payment_method"
	c.fail(p)
	l.emit("charge.failed", c.render(l), nil)
	l.emit("payment_intent.payment_failed", i.render(l), nil)
	return true
}

// lapse lets an authorisation run out that nobody captured.
func (l *ledger) lapse(i *intent) {
	if i.status != "requires_capture" {
		return
	}
	if c, ok := l.charges.get(i.charge); ok {
		l.release(c, c.amount)
		l.emit("charge.expired", c.render(l), nil)
	}
	l.cancelIntent(i, "automatic")
}

// cancelIntent ends an intent that has not succeeded; what it held is released.
func (l *ledger) cancelIntent(i *intent, reason string) {
	if i.status == "canceled" || i.status == "succeeded" {
		return
	}
	if c, ok := l.charges.get(i.charge); ok && i.status == "requires_capture" && c.refunded == 0 {
		l.release(c, c.amount)
		l.emit("charge.refunded", c.render(l), nil)
	}
	i.status, i.canceled, i.reason, i.capturable = "canceled", l.unix(), reason, 0
	l.emit("payment_intent.canceled", i.render(l), nil)
}

func intentCalls() []call {
	return []call{
		{"GET", "/v1/payment_intents", pages().with(shape{"customer": text(5000)}), "list:payment_intent", listIntents},
		{"GET", "/v1/payment_intents/{intent}", answers(), "payment_intent", readIntent},
		{"POST", "/v1/payment_intents/{intent}", answers().with(shape{
			"metadata": metadata(), "description": text(1000),
		}), "payment_intent", updateIntent},
		{"POST", "/v1/payment_intents/{intent}/cancel", answers().with(shape{
			"cancellation_reason": choice("abandoned", "duplicate", "fraudulent", "requested_by_customer"),
		}), "payment_intent", cancelIntentCall},
		{"POST", "/v1/payment_intents/{intent}/capture", answers().with(shape{
			"amount_to_capture": number(1, 0), "metadata": metadata(), "final_capture": yesNo(),
		}), "payment_intent", captureIntent},
	}
}

func (t *turn) intent() (*intent, *problem) {
	i, ok := t.intents.get(t.path("intent"))
	if !ok {
		return nil, missing("payment_intent", t.path("intent"), "intent", 404)
	}
	return i, nil
}

func readIntent(t *turn) (object, *problem) {
	i, wrong := t.intent()
	if wrong != nil {
		return nil, wrong
	}
	return i.render(t.ledger), nil
}

func listIntents(t *turn) (object, *problem) {
	customer := t.in.text("customer")
	return page(t, t.intents, t.intents.along("customer", customer), func(i *intent) bool {
		return customer == "" || i.customer == customer
	})
}

func updateIntent(t *turn) (object, *problem) {
	i, wrong := t.intent()
	if wrong != nil {
		return nil, wrong
	}
	if t.in.has("metadata") {
		i.metadata = t.in.metadataOver(i.metadata)
	}
	if t.in.has("description") {
		i.description = t.in.text("description")
	}
	return i.render(t.ledger), nil
}

func (t *turn) unexpected(i *intent, verb, done, may string) *problem {
	p := refused("payment_intent_unexpected_state", "",
		"%s PaymentIntent %s because it has a status of %s. Only a PaymentIntent with one of the following statuses may be %s: %s.",
		verb, i.id, i.status, done, may)
	p.intent = i.render(t.ledger)
	return p
}

func cancelIntentCall(t *turn) (object, *problem) {
	i, wrong := t.intent()
	if wrong != nil {
		return nil, wrong
	}
	switch i.status {
	case "requires_payment_method", "requires_capture", "requires_confirmation", "requires_action":
	default:
		return nil, t.unexpected(i, "You cannot cancel", "canceled",
			"requires_payment_method, requires_capture, requires_confirmation, requires_action, processing")
	}
	if s, ok := t.sessions.get(i.session); ok && s.status == "open" {
		return nil, refused("", "", "You cannot cancel the PaymentIntent of an open Checkout Session. Expire the Checkout Session instead.")
	}
	reason := t.in.text("cancellation_reason")
	t.cancelIntent(i, reason)
	return i.render(t.ledger), nil
}

func captureIntent(t *turn) (object, *problem) {
	i, wrong := t.intent()
	if wrong != nil {
		return nil, wrong
	}
	if i.status != "requires_capture" {
		return nil, t.unexpected(i, "You cannot capture", "captured", "requires_capture")
	}
	amount := i.capturable
	if t.in.has("amount_to_capture") {
		amount = t.in.whole("amount_to_capture")
	}
	if amount > i.capturable {
		return nil, refused("amount_too_large", "amount_to_capture",
			"The specified amount is greater than the remaining capturable amount of this PaymentIntent (%s).",
			Amount(i.capturable, i.currency))
	}
	if t.in.has("metadata") {
		i.metadata = t.in.metadataOver(i.metadata)
	}
	t.capture(i, amount)
	return i.render(t.ledger), nil
}

// capture takes what was held, or a part of it; the rest is released.
func (l *ledger) capture(i *intent, amount int64) {
	i.status, i.received, i.capturable = "succeeded", amount, 0
	if c, ok := l.charges.get(i.charge); ok {
		c.captured, c.collected = true, amount
		if rest := c.amount - amount; rest > 0 {
			l.release(c, rest)
		}
		l.emit("charge.captured", c.render(l), nil)
	}
	if s, ok := l.sessions.get(i.session); ok {
		s.payment = "paid"
	}
	l.emit("payment_intent.succeeded", i.render(l), nil)
}
