package sandbox

import "strings"

// dispute is a cardholder's bank asking for the money back, or asking first
// (an inquiry, whose statuses begin with warning_).
type dispute struct {
	id, charge, intent, currency, status, reason string
	amount                                       int64
	created                                      int64
}

func (d *dispute) key() string { return d.id }
func (d *dispute) made() int64 { return d.created }

func (d *dispute) inquiry() bool { return strings.HasPrefix(d.status, "warning_") }

func (d *dispute) closed() bool {
	return d.status == "won" || d.status == "lost" || d.status == "warning_closed"
}

func (d *dispute) render(*ledger) object {
	evidence := object{}
	for _, name := range strings.Fields(`access_activity_log billing_address cancellation_policy
		cancellation_policy_disclosure cancellation_rebuttal customer_communication customer_email_address
		customer_name customer_purchase_ip customer_signature duplicate_charge_documentation
		duplicate_charge_explanation duplicate_charge_id product_description receipt refund_policy
		refund_policy_disclosure refund_refusal_explanation service_date service_documentation shipping_address
		shipping_carrier shipping_date shipping_documentation shipping_tracking_number uncategorized_file
		uncategorized_text`) {
		evidence[name] = nil
	}
	return object{
		"id": d.id, "object": "dispute", "amount": d.amount, "balance_transactions": []any{}, "charge": d.charge,
		"created": d.created, "currency": d.currency, "evidence": evidence,
		"evidence_details": object{
			"due_by": d.created + 9*24*3600, "has_evidence": false, "past_due": false, "submission_count": int64(0),
		},
		"is_charge_refundable": d.inquiry() && !d.closed(), "livemode": false, "metadata": map[string]string{},
		"payment_intent": orNull(d.intent), "reason": d.reason, "status": d.status,
		"payment_method_details": object{
			"card": object{"brand": "visa", "network_reason_code": "10.4"}, "type": "card",
		},
	}
}

// chargedBack says whether the money of a charge is in a dispute or was lost to
// one. An inquiry has not taken it, and a dispute that was won gave it back.
func (l *ledger) chargedBack(c *charge) bool {
	for _, d := range l.disputes.marked("charge", c.id) {
		if !d.inquiry() && d.status != "won" {
			return true
		}
	}
	return false
}

func (l *ledger) openDispute(c *charge) (*dispute, bool) {
	for _, d := range l.disputes.marked("charge", c.id) {
		if !d.closed() {
			return d, true
		}
	}
	return nil, false
}

// contest opens a dispute or an inquiry on a charge. An inquiry that is open
// already becomes the dispute.
func (l *ledger) contest(c *charge, status string) *dispute {
	if d, ok := l.openDispute(c); ok {
		if d.inquiry() && status == "needs_response" {
			before := d.render(l)
			d.status, c.disputed = status, true
			after := d.render(l)
			l.emit("charge.dispute.updated", after, changed(before, after))
			l.emit("charge.dispute.funds_withdrawn", after, nil)
		}
		return d
	}
	d := &dispute{
		id: l.id("dp_1", 23), charge: c.id, intent: c.intent, currency: c.currency, status: status,
		reason: "fraudulent", amount: c.collected - c.refundedOfCollected(), created: l.unix(),
	}
	c.disputed = true
	l.disputes.add(d, "charge", c.id, "payment_intent", c.intent)
	l.emit("charge.dispute.created", d.render(l), nil)
	if !d.inquiry() {
		l.emit("charge.dispute.funds_withdrawn", d.render(l), nil)
	}
	return d
}

// conclude ends a dispute: won, lost, or an inquiry that is closed.
func (l *ledger) conclude(d *dispute, status string) {
	if d.inquiry() {
		status = "warning_closed"
	}
	before := d.render(l)
	d.status = status
	after := d.render(l)
	l.emit("charge.dispute.closed", after, changed(before, after))
	if status == "won" {
		l.emit("charge.dispute.funds_reinstated", after, nil)
	}
}

// warning is an early fraud warning: the card's issuer suspects fraud before
// anyone disputes.
type warning struct {
	id, charge, intent string
	actionable         bool
	created            int64
}

func (w *warning) key() string { return w.id }
func (w *warning) made() int64 { return w.created }

func (w *warning) render(l *ledger) object {
	actionable := w.actionable
	if c, ok := l.charges.get(w.charge); ok {
		actionable = !l.chargedBack(c) && c.refunded < c.amount
	}
	return object{
		"id": w.id, "object": "radar.early_fraud_warning", "actionable": actionable, "charge": w.charge,
		"created": w.created, "fraud_type": "made_with_stolen_card", "livemode": false, "payment_intent": w.intent,
	}
}

func (l *ledger) warn(c *charge) *warning {
	w := &warning{id: l.id("issfr_1", 23), charge: c.id, intent: c.intent, actionable: true, created: l.unix()}
	c.reported = "fraudulent"
	l.warnings.add(w, "charge", c.id)
	l.emit("radar.early_fraud_warning.created", w.render(l), nil)
	return w
}

func disputeCalls() []call {
	return []call{
		{"GET", "/v1/disputes", pages().with(shape{"charge": text(5000), "payment_intent": text(5000)}), "list:dispute", listDisputes},
		{"GET", "/v1/disputes/{dispute}", answers(), "dispute", readDispute},
		{"GET", "/v1/radar/early_fraud_warnings", pages().with(shape{"charge": text(5000)}), "list:radar.early_fraud_warning", listWarnings},
		{"GET", "/v1/radar/early_fraud_warnings/{early_fraud_warning}", answers(), "radar.early_fraud_warning", readWarning},
	}
}

func readDispute(t *turn) (object, *problem) {
	d, ok := t.disputes.get(t.path("dispute"))
	if !ok {
		return nil, missing("dispute", t.path("dispute"), "dispute", 404)
	}
	return d.render(t.ledger), nil
}

func listDisputes(t *turn) (object, *problem) {
	in := t.in
	way := t.disputes.along("charge", in.text("charge"))
	if in.has("payment_intent") {
		way = t.disputes.along("payment_intent", in.text("payment_intent"))
	}
	return page(t, t.disputes, way, func(d *dispute) bool {
		return (!in.has("charge") || d.charge == in.text("charge")) &&
			(!in.has("payment_intent") || d.intent == in.text("payment_intent"))
	})
}

func readWarning(t *turn) (object, *problem) {
	w, ok := t.warnings.get(t.path("early_fraud_warning"))
	if !ok {
		return nil, missing("early_fraud_warning", t.path("early_fraud_warning"), "early_fraud_warning", 404)
	}
	return w.render(t.ledger), nil
}

func listWarnings(t *turn) (object, *problem) {
	return page(t, t.warnings, t.warnings.along("charge", t.in.text("charge")), func(*warning) bool { return true })
}
