package sandbox

// refund is money given back, in full or in part.
type refund struct {
	id, charge, intent, currency, reason, status string
	amount                                       int64 // minor units
	metadata                                     map[string]string
	created                                      int64
}

func (r *refund) key() string { return r.id }
func (r *refund) made() int64 { return r.created }

func (r *refund) render(*ledger) object {
	return object{
		"id": r.id, "object": "refund", "amount": r.amount, "balance_transaction": nil, "charge": r.charge,
		"created": r.created, "currency": r.currency,
		"destination_details": object{"card": object{
			"reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund",
		}, "type": "card"},
		"metadata": r.metadata, "payment_intent": orNull(r.intent), "reason": orNull(r.reason),
		"receipt_number": nil, "source_transfer_reversal": nil, "status": r.status, "transfer_reversal": nil,
	}
}

func refundCalls() []call {
	return []call{
		{"POST", "/v1/refunds", answers().with(shape{
			"charge": text(5000), "payment_intent": text(5000), "amount": number(1, 0), "metadata": metadata(),
			"reason": choice("duplicate", "fraudulent", "requested_by_customer"),
		}), "refund", createRefund},
		{"GET", "/v1/refunds", pages().with(shape{"charge": text(5000), "payment_intent": text(5000)}), "list:refund", listRefunds},
		{"GET", "/v1/refunds/{refund}", answers(), "refund", readRefund},
	}
}

func createRefund(t *turn) (object, *problem) {
	c, wrong := t.chargeToRefund()
	if wrong != nil {
		return nil, wrong
	}
	r, wrong := t.refund(c, t.in.whole("amount"), t.in.text("reason"), t.in.metadataOver(nil))
	if wrong != nil {
		return nil, wrong
	}
	return r.render(t.ledger), nil
}

func (t *turn) chargeToRefund() (*charge, *problem) {
	in := t.in
	if in.has("charge") == in.has("payment_intent") {
		return nil, invalid("parameter_missing", "charge", "You must specify exactly one of these parameters: charge, payment_intent.")
	}
	if in.has("charge") {
		c, ok := t.charges.get(in.text("charge"))
		if !ok {
			return nil, missing("charge", in.text("charge"), "charge", 404)
		}
		return c, nil
	}
	i, ok := t.intents.get(in.text("payment_intent"))
	if !ok {
		return nil, missing("payment_intent", in.text("payment_intent"), "payment_intent", 404)
	}
	c, ok := t.charges.get(i.charge)
	if !ok || !c.paid {
		return nil, refused("payment_intent_unexpected_state", "payment_intent",
			"This PaymentIntent (%s) does not have a successful charge to refund.", i.id)
	}
	return c, nil
}

// refund gives money back; an amount of 0 means all that is left. A charge that
// was refunded in full or is disputed cannot be; one under inquiry can.
func (l *ledger) refund(c *charge, amount int64, reason string, metadata map[string]string) (*refund, *problem) {
	left := c.collected - c.refundedOfCollected()
	switch {
	case !c.paid:
		return nil, refused("charge_not_refundable", "charge", "Charge %s has not succeeded and cannot be refunded.", c.id)
	case l.chargedBack(c):
		return nil, refused("charge_disputed", "", "Charge %s has been charged back; cannot issue a refund.", c.id)
	case !c.captured:
		return nil, refused("charge_not_refundable", "charge",
			"Charge %s is not captured. Cancel its PaymentIntent to release the funds.", c.id)
	case left <= 0:
		return nil, refused("charge_already_refunded", "", "Charge %s has already been refunded.", c.id)
	case amount > left:
		return nil, refused("", "amount", "Refund amount (%s%s) is greater than unrefunded amount on charge (%s%s)",
			sign(c.currency), plain(amount, c.currency), sign(c.currency), plain(left, c.currency))
	case amount == 0:
		amount = left
	}
	r := &refund{
		id: l.id("re_3", 23), charge: c.id, intent: c.intent, currency: c.currency, reason: reason,
		status: "succeeded", amount: amount, metadata: metadata, created: l.unix(),
	}
	c.refunded += amount
	l.refunds.add(r, "charge", c.id, "payment_intent", c.intent)
	l.emit("refund.created", r.render(l), nil)
	l.emit("charge.refunded", c.render(l), nil)
	return r, nil
}

// refundedOfCollected is what was given back of the money taken; what a partial
// capture released was never taken.
func (c *charge) refundedOfCollected() int64 {
	if !c.captured {
		return c.refunded
	}
	return c.refunded - (c.amount - c.collected)
}

// release lets go of money that was held and not taken. Stripe shows it as refunded.
func (l *ledger) release(c *charge, amount int64) { c.refunded += amount }

func readRefund(t *turn) (object, *problem) {
	r, ok := t.refunds.get(t.path("refund"))
	if !ok {
		return nil, missing("refund", t.path("refund"), "id", 404)
	}
	return r.render(t.ledger), nil
}

func listRefunds(t *turn) (object, *problem) {
	in := t.in
	way := t.refunds.along("charge", in.text("charge"))
	if in.has("payment_intent") {
		way = t.refunds.along("payment_intent", in.text("payment_intent"))
	}
	return page(t, t.refunds, way, func(r *refund) bool {
		return (!in.has("charge") || r.charge == in.text("charge")) &&
			(!in.has("payment_intent") || r.intent == in.text("payment_intent"))
	})
}
