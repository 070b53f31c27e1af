package sandbox

// method is a payment method: never a real card, only what a card would show.
type method struct {
	id, kind, customer  string
	email, name         string
	brand, last4        string
	created             int64
	fails               string // decline code of every later payment; empty = payments succeed
	expMonth, expYear   int64
	fingerprint, branch string
}

func (m *method) key() string { return m.id }
func (m *method) made() int64 { return m.created }

func (l *ledger) newMethod(kind string, who payer) *method {
	m := &method{
		id: l.id("pm_1", 23), kind: kind, email: who.email, name: who.name, brand: "visa", last4: "4242",
		created: l.unix(), expMonth: 12, expYear: int64(l.now().Year() + 4), fingerprint: l.id("", 16),
	}
	switch kind {
	case "sepa_debit":
		m.last4, m.branch = "3201", "37040044"
	case "us_bank_account":
		m.last4, m.branch = "6789", "110000000"
	}
	l.methods.add(m)
	return m
}

// attach gives a payment method to a customer, once.
func (l *ledger) attach(m *method, customer string) {
	if customer == "" || m.customer == customer {
		return
	}
	m.customer = customer
	l.methods.mark(m.id, "customer", customer)
	l.emit("payment_method.attached", m.render(l), nil)
}

func (m *method) billing() object {
	return object{
		"address": object{
			"city": nil, "country": nil, "line1": nil, "line2": nil, "postal_code": nil, "state": nil,
		},
		"email": orNull(m.email), "name": orNull(m.name), "phone": nil,
	}
}

func (m *method) render(*ledger) object {
	made := object{
		"id": m.id, "object": "payment_method", "billing_details": m.billing(), "created": m.created,
		"customer": orNull(m.customer), "livemode": false, "metadata": map[string]string{}, "type": m.kind,
	}
	switch m.kind {
	case "card":
		made["card"] = object{
			"brand": m.brand, "checks": checks(), "country": "US", "display_brand": m.brand,
			"exp_month": m.expMonth, "exp_year": m.expYear, "fingerprint": m.fingerprint, "funding": "credit",
			"generated_from": nil, "last4": m.last4,
			"networks":             object{"available": []any{m.brand}, "preferred": nil},
			"three_d_secure_usage": object{"supported": true}, "wallet": nil,
		}
	case "sepa_debit":
		made["sepa_debit"] = object{
			"bank_code": m.branch, "branch_code": "", "country": "DE", "fingerprint": m.fingerprint,
			"generated_from": object{"charge": nil, "setup_attempt": nil}, "last4": m.last4,
		}
	case "us_bank_account":
		made["us_bank_account"] = object{
			"account_holder_type": "individual", "account_type": "checking", "bank_name": "STRIPE TEST BANK",
			"financial_connections_account": nil, "fingerprint": m.fingerprint, "last4": m.last4,
			"networks":       object{"preferred": "ach", "supported": []any{"ach"}},
			"routing_number": m.branch, "status_details": object{},
		}
	}
	return made
}

func checks() object {
	return object{"address_line1_check": nil, "address_postal_code_check": nil, "cvc_check": "pass"}
}

// details is how a charge shows the method it was paid with.
func (m *method) details(c *charge) object {
	switch m.kind {
	case "sepa_debit":
		return object{"type": m.kind, m.kind: object{
			"bank_code": m.branch, "branch_code": "", "country": "DE", "fingerprint": m.fingerprint,
			"last4": m.last4, "mandate": nil,
		}}
	case "us_bank_account":
		return object{"type": m.kind, m.kind: object{
			"account_holder_type": "individual", "account_type": "checking", "bank_name": "STRIPE TEST BANK",
			"fingerprint": m.fingerprint, "last4": m.last4, "routing_number": m.branch,
		}}
	}
	card := object{
		"amount_authorized": c.amount, "brand": m.brand, "checks": checks(), "country": "US",
		"exp_month": m.expMonth, "exp_year": m.expYear, "fingerprint": m.fingerprint, "funding": "credit",
		"installments": nil, "last4": m.last4, "mandate": nil, "network": m.brand,
		"network_token": object{"used": false}, "three_d_secure": nil, "wallet": nil,
	}
	if c.before > 0 {
		card["capture_before"] = c.before
	}
	return object{"type": "card", "card": card}
}

func methodCalls() []call {
	return []call{
		{"GET", "/v1/payment_methods/{payment_method}", answers(), "payment_method", readMethod},
		{"GET", "/v1/payment_methods", pagesWithout("created").with(shape{
			"customer": text(5000), "type": choice("card", "sepa_debit", "us_bank_account"),
		}), "list:payment_method", listMethods},
	}
}

func readMethod(t *turn) (object, *problem) {
	m, ok := t.methods.get(t.path("payment_method"))
	if !ok {
		return nil, missing("PaymentMethod", t.path("payment_method"), "payment_method", 404)
	}
	return m.render(t.ledger), nil
}

func listMethods(t *turn) (object, *problem) {
	customer := t.in.text("customer")
	return page(t, t.methods, t.methods.along("customer", customer), func(m *method) bool {
		return m.customer == customer && (!t.in.has("type") || m.kind == t.in.text("type"))
	})
}
