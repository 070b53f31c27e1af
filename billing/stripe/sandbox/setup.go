package sandbox

// setup is a SetupIntent: a card that is checked without a charge.
type setup struct {
	id, status, customer, method, description, session string
	metadata                                           map[string]string
	methods                                            []string
	reason                                             string
	failure                                            *problem
	created                                            int64
	secret                                             string
}

func (i *setup) key() string { return i.id }
func (i *setup) made() int64 { return i.created }

func (i *setup) render(*ledger) object {
	made := object{
		"id": i.id, "object": "setup_intent", "application": nil, "automatic_payment_methods": nil,
		"cancellation_reason": orNull(i.reason), "client_secret": i.secret, "created": i.created,
		"customer": orNull(i.customer), "description": orNull(i.description), "flow_directions": nil,
		"last_setup_error": nil, "latest_attempt": nil, "livemode": false, "mandate": nil, "metadata": i.metadata,
		"next_action": nil, "on_behalf_of": nil, "payment_method": orNull(i.method),
		"payment_method_configuration_details": nil, "payment_method_options": object{},
		"payment_method_types": asList(i.methods), "single_use_mandate": nil, "status": i.status,
		"usage": "off_session",
	}
	if i.failure != nil {
		made["last_setup_error"] = object{
			"type": "card_error", "code": i.failure.code, "decline_code": i.failure.decline, "message": i.failure.message,
		}
	}
	return made
}

// newSetup makes the SetupIntent of a session; unlike a PaymentIntent it is
// there as soon as the session is.
func (l *ledger) newSetup(s *session) *setup {
	i := &setup{
		id: l.id("seti_1", 23), status: "requires_payment_method", customer: s.customer,
		description: s.validating.description, session: s.id, metadata: s.validating.metadata,
		methods: s.methods, created: l.unix(),
	}
	i.secret = i.id + "_secret_" + l.id("", 25)
	l.setups.add(i, "customer", i.customer)
	l.emit("setup_intent.created", i.render(l), nil)
	return i
}

func (l *ledger) validate(i *setup, m *method, decline string) *problem {
	if decline != "" {
		i.failure = declined(decline)
		l.emit("setup_intent.setup_failed", i.render(l), nil)
		return i.failure
	}
	i.failure, i.method, i.status = nil, m.id, "succeeded"
	l.attach(m, i.customer)
	l.emit("setup_intent.succeeded", i.render(l), nil)
	return nil
}

func (l *ledger) cancelSetup(i *setup, reason string) {
	if i.status == "succeeded" || i.status == "canceled" {
		return
	}
	i.status, i.reason = "canceled", reason
	l.emit("setup_intent.canceled", i.render(l), nil)
}

func setupCalls() []call {
	return []call{
		{"GET", "/v1/setup_intents", pages().with(shape{"customer": text(5000)}), "list:setup_intent", listSetups},
		{"GET", "/v1/setup_intents/{intent}", answers(), "setup_intent", readSetup},
		{"POST", "/v1/setup_intents/{intent}/cancel", answers().with(shape{
			"cancellation_reason": choice("abandoned", "duplicate", "requested_by_customer"),
		}), "setup_intent", cancelSetupCall},
	}
}

func readSetup(t *turn) (object, *problem) {
	i, ok := t.setups.get(t.path("intent"))
	if !ok {
		return nil, missing("setupintent", t.path("intent"), "intent", 404)
	}
	return i.render(t.ledger), nil
}

func listSetups(t *turn) (object, *problem) {
	customer := t.in.text("customer")
	return page(t, t.setups, t.setups.along("customer", customer), func(i *setup) bool {
		return customer == "" || i.customer == customer
	})
}

func cancelSetupCall(t *turn) (object, *problem) {
	i, ok := t.setups.get(t.path("intent"))
	if !ok {
		return nil, missing("setupintent", t.path("intent"), "intent", 404)
	}
	if i.status == "succeeded" || i.status == "canceled" {
		p := refused("setup_intent_unexpected_state", "",
			"You cannot cancel this SetupIntent because it has a status of %s. Only a SetupIntent with one of the following statuses may be canceled: requires_payment_method, requires_confirmation, requires_action.", i.status)
		p.setup = i.render(t.ledger)
		return nil, p
	}
	if s, ok := t.sessions.get(i.session); ok && s.status == "open" {
		return nil, refused("", "", "You cannot cancel the SetupIntent of an open Checkout Session. Expire the Checkout Session instead.")
	}
	t.cancelSetup(i, t.in.text("cancellation_reason"))
	return i.render(t.ledger), nil
}
