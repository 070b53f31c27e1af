package sandbox

import "strings"

// mostLevels is how deep Stripe expands. Source: https://stripe.com/docs/api/expanding_objects
const mostLevels = 4

// relations says what can be expanded: kind of object → field → kind of what is
// there. A kind in brackets is a list that stays in place and is walked
// through; "with" marks a list that is only put in when it is asked for.
func relations() map[string]map[string]string {
	return map[string]map[string]string{
		"checkout.session": {
			"customer": "customer", "invoice": "invoice", "payment_intent": "payment_intent",
			"setup_intent": "setup_intent", "subscription": "subscription", "line_items": "list:item", "payment_link": "",
		},
		"item":                      {"price": "price"},
		"price":                     {"product": "product"},
		"product":                   {"default_price": "price"},
		"promotion_code":            {"customer": "customer"},
		"payment_intent":            {"customer": "customer", "invoice": "invoice", "latest_charge": "charge", "payment_method": "payment_method", "review": "", "application": "", "on_behalf_of": ""},
		"setup_intent":              {"customer": "customer", "payment_method": "payment_method", "latest_attempt": "", "mandate": ""},
		"payment_method":            {"customer": "customer"},
		"charge":                    {"customer": "customer", "invoice": "invoice", "payment_intent": "payment_intent", "refunds": "list:refund", "balance_transaction": ""},
		"refund":                    {"charge": "charge", "payment_intent": "payment_intent", "balance_transaction": ""},
		"dispute":                   {"charge": "charge", "payment_intent": "payment_intent"},
		"subscription":              {"customer": "customer", "latest_invoice": "invoice", "default_payment_method": "payment_method", "pending_setup_intent": "setup_intent", "items": "list:subscription_item", "schedule": ""},
		"subscription_item":         {"price": "price"},
		"invoice":                   {"charge": "charge", "customer": "customer", "payment_intent": "payment_intent", "subscription": "subscription", "default_payment_method": "payment_method", "lines": "list:line_item"},
		"line_item":                 {"price": "price", "subscription_item": "subscription_item"},
		"customer":                  {"subscriptions": "list:subscription", "default_source": "", "invoice_settings": "customer_settings"},
		"customer_settings":         {"default_payment_method": "payment_method"},
		"radar.early_fraud_warning": {"charge": "charge", "payment_intent": "payment_intent"},
		"event":                     {},
		"webhook_endpoint":          {},
		"account":                   {},
		"balance":                   {},
		"coupon":                    {},
		"billing_portal.session":    {},
	}
}

// checkExpand refuses paths that lead nowhere, before any work is done.
func (s *Server) checkExpand(kind string, paths []string) *problem {
	for _, path := range paths {
		if p := s.checkPath(kind, path); p != nil {
			return p
		}
	}
	return nil
}

func (s *Server) checkPath(kind, path string) *problem {
	parts := strings.Split(path, ".")
	if len(parts) > mostLevels {
		return invalid("", "expand", "You cannot expand more than %d levels of a property (%s).", mostLevels, path)
	}
	nowhere := func() *problem { return invalid("", "expand", "This property cannot be expanded (%s).", path) }
	for i, part := range parts {
		if of, list := strings.CutPrefix(kind, "list:"); list {
			if part != "data" || i == len(parts)-1 {
				return nowhere()
			}
			kind = of
			continue
		}
		next, ok := s.relations[kind][part]
		if !ok {
			return nowhere()
		}
		kind = next
		if kind == "" && i < len(parts)-1 {
			return nowhere()
		}
	}
	return nil
}

// expand puts objects where their ids are, along each path. What is null stays
// null.
func (s *Server) expand(answer object, paths []string) {
	for _, path := range paths {
		s.ledger.expandAlong(answer, strings.Split(path, "."))
	}
}

func (l *ledger) expandAlong(at any, parts []string) {
	if len(parts) == 0 {
		return
	}
	switch here := at.(type) {
	case []any:
		for _, one := range here {
			l.expandAlong(one, parts)
		}
	case object:
		if parts[0] == "data" && here["object"] == "list" {
			l.expandAlong(here["data"], parts[1:])
			return
		}
		if id, ok := here[parts[0]].(string); ok {
			if found, ok := l.find(id); ok {
				here[parts[0]] = found
			}
		}
		if here[parts[0]] == nil {
			if list, ok := l.included(here, parts[0]); ok {
				here[parts[0]] = list
			}
		}
		l.expandAlong(here[parts[0]], parts[1:])
	}
}

// included makes the lists that an object has only when asked for them.
func (l *ledger) included(of object, field string) (object, bool) {
	id, _ := of["id"].(string)
	switch kind, _ := of["object"].(string); kind + "." + field {
	case "checkout.session.line_items":
		if s, ok := l.sessions.get(id); ok {
			return wrap(s.renderLines(l), "/v1/checkout/sessions/"+id+"/line_items"), true
		}
	case "charge.refunds":
		return wrap(renderAll(l, l.refunds.marked("charge", id)), "/v1/charges/"+id+"/refunds"), true
	case "customer.subscriptions":
		var live []*subscription
		for _, sub := range l.subscriptions.marked("customer", id) {
			if sub.status != "canceled" && sub.status != "incomplete_expired" {
				live = append(live, sub)
			}
		}
		return wrap(renderAll(l, live), "/v1/customers/"+id+"/subscriptions"), true
	}
	return nil, false
}

// renderAll gives records as a list would, the newest first.
func renderAll[T record](l *ledger, rows []T) []any {
	made := make([]any, 0, len(rows))
	for i := len(rows) - 1; i >= 0; i-- {
		made = append(made, rows[i].render(l))
	}
	return made
}

// find looks an object up by its id alone; Stripe's prefixes say what it is.
func (l *ledger) find(id string) (object, bool) {
	switch prefix, _, _ := strings.Cut(id, "_"); prefix {
	case "cus":
		return lookUp(l, l.customers, id)
	case "price":
		return lookUp(l, l.prices, id)
	case "cs":
		return lookUp(l, l.sessions, id)
	case "pi":
		return lookUp(l, l.intents, id)
	case "seti":
		return lookUp(l, l.setups, id)
	case "pm":
		return lookUp(l, l.methods, id)
	case "ch":
		return lookUp(l, l.charges, id)
	case "re":
		return lookUp(l, l.refunds, id)
	case "dp":
		return lookUp(l, l.disputes, id)
	case "sub":
		return lookUp(l, l.subscriptions, id)
	case "in":
		return lookUp(l, l.invoices, id)
	case "issfr":
		return lookUp(l, l.warnings, id)
	case "si":
		return l.findItem(id)
	default: // a product's id may be chosen by whoever made it
		return lookUp(l, l.products, id)
	}
}

func lookUp[T record](l *ledger, s *shelf[T], id string) (object, bool) {
	found, ok := s.get(id)
	if !ok {
		return nil, false
	}
	return found.render(l), true
}
