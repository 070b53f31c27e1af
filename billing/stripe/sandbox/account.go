package sandbox

// accountCalls are what says that there is an account at all, and where its
// customers look after their subscriptions.
func accountCalls() []call {
	return []call{
		{"GET", "/v1/account", answers(), "account", readAccount},
		{"GET", "/v1/balance", answers(), "balance", readBalance},
		{"POST", "/v1/billing_portal/sessions", answers().with(shape{
			"customer": text(5000).must(), "return_url": address(), "locale": choice(locales()...),
			"configuration": text(5000),
		}), "billing_portal.session", openPortal},
	}
}

func readAccount(*turn) (object, *problem) {
	return object{
		"id": "acct_1KeybridgeSandbox", "object": "account", "business_type": "company", "charges_enabled": true,
		"country": "US", "created": int64(1700000000), "default_currency": "usd", "details_submitted": true,
		"email": "sandbox@example.com", "metadata": object{}, "payouts_enabled": true, "type": "standard",
		"capabilities": object{"card_payments": "active", "transfers": "active"},
		"business_profile": object{
			"mcc": nil, "name": "Keybridge Sandbox", "product_description": nil, "support_address": nil,
			"support_email": nil, "support_phone": nil, "support_url": nil, "url": nil,
		},
		"external_accounts": wrap(nil, "/v1/accounts/acct_1KeybridgeSandbox/external_accounts"),
	}, nil
}

// readBalance adds up what was collected and not given back. It walks every
// charge, so it is for people, not for a loop.
func readBalance(t *turn) (object, *problem) {
	sums := map[string]int64{}
	order := []string{}
	for _, c := range t.charges.rows {
		if !c.captured || !c.paid {
			continue
		}
		if _, known := sums[c.currency]; !known {
			order = append(order, c.currency)
		}
		sums[c.currency] += c.collected - c.refundedOfCollected()
	}
	available, pending := []any{}, []any{}
	for _, currency := range order {
		available = append(available, object{
			"amount": sums[currency], "currency": currency, "source_types": object{"card": sums[currency]},
		})
	}
	return object{"object": "balance", "available": available, "livemode": false, "pending": pending}, nil
}

func openPortal(t *turn) (object, *problem) {
	c, ok := t.customers.get(t.in.text("customer"))
	if !ok {
		return nil, missing("customer", t.in.text("customer"), "customer", 400)
	}
	p := &portal{
		id: t.id("bps_1", 23), customer: c.id, back: t.in.text("return_url"), locale: t.in.text("locale"), created: t.unix(),
	}
	p.address = t.base + "/p/session/" + t.id("test_", 40)
	t.portals.add(p, "address", p.address[len(t.base):])
	return p.render(t.ledger), nil
}

// portal is one visit to the customer portal.
type portal struct {
	id, customer, back, locale, address string
	created                             int64
}

func (p *portal) key() string { return p.id }
func (p *portal) made() int64 { return p.created }

func (p *portal) render(*ledger) object {
	return object{
		"id": p.id, "object": "billing_portal.session", "configuration": "bpc_1KeybridgeSandbox",
		"created": p.created, "customer": p.customer, "flow": nil, "livemode": false, "locale": orNull(p.locale),
		"on_behalf_of": nil, "return_url": orNull(p.back), "url": p.address,
	}
}
