package sandbox

// session is a Checkout Session: an order and where it stands.
type session struct {
	id, mode, status, payment string // payment is payment_status
	created, expires          int64
	currency                  string
	subtotal, total           int64 // minor units, due at this checkout
	lines                     []line
	customer                  string // id; empty for a guest
	creation                  string // customer_creation
	email                     string // customer_email: what was given beforehand
	payer                     *payer // customer_details: who filled in the page
	reference                 string
	metadata                  map[string]string
	success, cancel           string // addresses to come back to
	url                       string
	intent, setup             string
	subscription, invoice     string
	methods                   []string // payment_method_types
	settings                  object   // shown back as they were given
	collection                string   // payment_method_collection
	discount                  *discount
	discounted                int64

	// What the session's own objects are to be made with, once it is paid.
	charging    futureIntent
	validating  futureSetup
	subscribing futureSubscription
	billing     *futureInvoice
	bank        string // pending, succeeded or failed while the money is on its way
}

// payer is who paid, by what the page was told.
type payer struct{ email, name string }

type futureIntent struct {
	metadata                                                 map[string]string
	capture, description, receipt, future, statement, suffix string
}

type futureSetup struct {
	metadata    map[string]string
	description string
}

type futureSubscription struct {
	metadata     map[string]string
	description  string
	trialDays    int64
	trialEnd     int64
	withoutMeans string // trial_settings: what happens at the end without a payment method
}

type futureInvoice struct {
	metadata            map[string]string
	description, footer string
}

// line is one line item of a session.
type line struct {
	id       string
	price    *price
	quantity int64
	name     string
}

func (s *session) key() string { return s.id }
func (s *session) made() int64 { return s.created }

// manual says that the money is only held until it is captured.
func (s *session) manual() bool { return s.charging.capture == "manual" }

// trial says that the session starts a subscription with a free trial.
func (s *session) trial() bool { return s.subscribing.trialDays > 0 || s.subscribing.trialEnd > 0 }

func (s *session) render(l *ledger) object {
	made := object{
		"id": s.id, "object": "checkout.session", "livemode": false, "created": s.created,
		"mode": s.mode, "status": s.status, "payment_status": s.payment, "expires_at": s.expires,
		"after_expiration": nil, "amount_subtotal": nil, "amount_total": nil, "currency": orNull(s.currency),
		"cancel_url": orNull(s.cancel), "success_url": s.success, "client_reference_id": orNull(s.reference),
		"client_secret": nil, "consent": nil, "consent_collection": nil, "currency_conversion": nil,
		"custom_fields": []any{},
		"custom_text": object{
			"after_submit": nil, "shipping_address": nil, "submit": nil, "terms_of_service_acceptance": nil,
		},
		"customer": orNull(s.customer), "customer_creation": orNull(s.creation),
		"customer_details": s.renderPayer(l), "customer_email": orNull(s.email),
		"invoice": orNull(s.invoice), "invoice_creation": s.renderInvoiceCreation(),
		"metadata": s.metadata, "payment_intent": orNull(s.intent), "payment_link": nil,
		"payment_method_collection": orNull(s.collection), "payment_method_configuration_details": nil,
		"payment_method_options": object{}, "payment_method_types": asList(s.methods), "recovered_from": nil,
		"setup_intent": orNull(s.setup), "shipping_address_collection": nil, "shipping_cost": nil,
		"shipping_details": nil, "shipping_options": []any{}, "subscription": orNull(s.subscription),
		"total_details": nil, "ui_mode": "hosted", "url": nil,
	}
	for name, value := range s.settings {
		made[name] = value
	}
	if s.status == "open" {
		made["url"] = s.url
	}
	if s.mode != "setup" {
		made["amount_subtotal"], made["amount_total"] = s.subtotal, s.total
		made["total_details"] = object{"amount_discount": s.discounted, "amount_shipping": int64(0), "amount_tax": int64(0)}
	}
	made["automatic_tax"] = s.renderTax()
	return made
}

func (s *session) renderTax() object {
	on, _ := s.settings["automatic_tax"].(bool)
	if !on {
		return object{"enabled": false, "liability": nil, "status": nil}
	}
	status := "requires_location_inputs"
	if s.status == "complete" {
		status = "complete" // the sandbox sells where no tax is due
	}
	return object{"enabled": true, "liability": object{"type": "self"}, "status": status}
}

func (s *session) renderPayer(l *ledger) any {
	email, name := s.email, ""
	if c, ok := l.customers.get(s.customer); ok && email == "" {
		email, name = c.email, c.name
	}
	if s.payer != nil {
		email, name = s.payer.email, s.payer.name
	}
	if email == "" {
		return nil
	}
	exempt, ids := any(nil), any(nil)
	if s.status == "complete" {
		exempt, ids = "none", []any{}
	}
	return object{
		"address": nil, "email": email, "name": orNull(name), "phone": nil, "tax_exempt": exempt, "tax_ids": ids,
	}
}

func (s *session) renderInvoiceCreation() any {
	if s.mode != "payment" {
		return nil
	}
	data := object{
		"account_tax_ids": nil, "custom_fields": nil, "description": nil, "footer": nil, "issuer": nil,
		"metadata": map[string]string{}, "rendering_options": nil,
	}
	if s.billing != nil {
		data["description"], data["footer"] = orNull(s.billing.description), orNull(s.billing.footer)
		data["metadata"] = s.billing.metadata
	}
	return object{"enabled": s.billing != nil, "invoice_data": data}
}

func (s *session) renderLines(l *ledger) []any {
	made := make([]any, len(s.lines))
	due := s.dueOf()
	for i, item := range s.lines {
		made[i] = object{
			"id": item.id, "object": "item", "amount_discount": due[i].off, "amount_subtotal": due[i].before,
			"amount_tax": int64(0), "amount_total": due[i].before - due[i].off, "currency": item.price.currency,
			"description": item.name, "price": item.price.render(l), "quantity": item.quantity,
		}
	}
	return made
}

func asList(words []string) []any {
	list := make([]any, len(words))
	for i, word := range words {
		list[i] = word
	}
	return list
}

// findItem finds a subscription item; it lives within its subscription.
func (l *ledger) findItem(id string) (object, bool) {
	for _, sub := range l.subscriptions.marked("item", id) {
		for _, item := range sub.items {
			if item.id == id {
				return item.render(l), true
			}
		}
	}
	return nil, false
}
