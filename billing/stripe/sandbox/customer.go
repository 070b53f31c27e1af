package sandbox

// customer is a person or firm that pays.
type customer struct {
	id, email, name, phone, description string
	metadata                            map[string]string
	method                              string // default payment method
	created                             int64
	locales                             []string
	address                             object
}

func (c *customer) key() string { return c.id }
func (c *customer) made() int64 { return c.created }

func (c *customer) render(*ledger) object {
	locales := make([]any, len(c.locales))
	for i, locale := range c.locales {
		locales[i] = locale
	}
	return object{
		"id": c.id, "object": "customer", "created": c.created, "livemode": false,
		"address": nullable(c.address), "balance": int64(0), "currency": nil, "default_source": nil,
		"delinquent": false, "description": orNull(c.description), "discount": nil,
		"email": orNull(c.email), "invoice_prefix": c.id[len(c.id)-8:],
		"invoice_settings": object{
			"custom_fields": nil, "default_payment_method": orNull(c.method), "footer": nil, "rendering_options": nil,
		},
		"metadata": c.metadata, "name": orNull(c.name), "next_invoice_sequence": int64(1),
		"phone": orNull(c.phone), "preferred_locales": locales, "shipping": nil,
		"tax_exempt": "none", "test_clock": nil,
	}
}

func nullable(o object) any {
	if o == nil {
		return nil
	}
	return o
}

func customerShape() shape {
	return answers().with(shape{
		"email": email().canUnset(), "name": text(256).canUnset(), "phone": text(20).canUnset(),
		"description": text(5000).canUnset(), "metadata": metadata(),
		"preferred_locales": listOf(text(5000), 0),
		"address": nested(shape{
			"city": text(5000), "country": text(5000), "line1": text(5000), "line2": text(5000),
			"postal_code": text(5000), "state": text(5000),
		}),
	})
}

func customerCalls() []call {
	return []call{
		{"POST", "/v1/customers", customerShape(), "customer", createCustomer},
		{"GET", "/v1/customers", pages().with(shape{"email": text(512)}), "list:customer", listCustomers},
		{"GET", "/v1/customers/{customer}", answers(), "customer", readCustomer},
		{"POST", "/v1/customers/{customer}", customerShape().with(shape{
			"invoice_settings": nested(shape{"default_payment_method": text(5000)}),
		}), "customer", updateCustomer},
	}
}

func createCustomer(t *turn) (object, *problem) {
	c := t.newCustomer("", "")
	c.take(t.in)
	return t.keepCustomer(c), nil
}

// newCustomer makes a customer that is not yet on its shelf.
func (l *ledger) newCustomer(email, name string) *customer {
	return &customer{
		id: l.id("cus_", 14), email: email, name: name, created: l.unix(), metadata: map[string]string{},
	}
}

func (l *ledger) keepCustomer(c *customer) object {
	l.customers.add(c, "email", c.email)
	made := c.render(l)
	l.emit("customer.created", made, nil)
	return made
}

func (c *customer) take(in values) {
	for name, into := range map[string]*string{
		"email": &c.email, "name": &c.name, "phone": &c.phone, "description": &c.description,
	} {
		if in.has(name) {
			*into = in.text(name)
		}
	}
	if in.has("metadata") {
		c.metadata = in.metadataOver(c.metadata)
	}
	if in.has("preferred_locales") {
		c.locales = in.texts("preferred_locales")
	}
	if in.has("address") {
		c.address = object{}
		for _, part := range []string{"city", "country", "line1", "line2", "postal_code", "state"} {
			c.address[part] = orNull(in.under("address").text(part))
		}
	}
}

func readCustomer(t *turn) (object, *problem) {
	c, ok := t.customers.get(t.path("customer"))
	if !ok {
		return nil, missing("customer", t.path("customer"), "id", 404)
	}
	return c.render(t.ledger), nil
}

func updateCustomer(t *turn) (object, *problem) {
	c, ok := t.customers.get(t.path("customer"))
	if !ok {
		return nil, missing("customer", t.path("customer"), "id", 404)
	}
	if method := t.in.under("invoice_settings").text("default_payment_method"); method != "" {
		if _, ok := t.methods.get(method); !ok {
			return nil, missing("PaymentMethod", method, "invoice_settings[default_payment_method]", 400)
		}
		c.method = method
	}
	before := c.render(t.ledger)
	c.take(t.in)
	t.customers.mark(c.id, "email", c.email)
	after := c.render(t.ledger)
	t.emit("customer.updated", after, changed(before, after))
	return after, nil
}

func listCustomers(t *turn) (object, *problem) {
	email := t.in.text("email")
	return page(t, t.customers, t.customers.along("email", email), func(c *customer) bool {
		return email == "" || c.email == email
	})
}
