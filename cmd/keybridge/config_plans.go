package main

import (
	"reflect"
	"slices"

	"github.com/goccy/go-yaml/ast"

	"keybridge/bridge"
)

// stripeProvider is the name of the Stripe account in plans and records.
const stripeProvider = "stripe"

// plans returns the plans in the domain's words.
func (c *config) plans() bridge.Plans {
	var out bridge.Plans
	for _, p := range c.Plans {
		out = append(out, bridge.Plan{
			Name: p.Name, Portal: p.Portal, Policies: p.Policies, PortalPlans: p.PortalPlans, Terms: p.terms(),
		})
	}
	return out
}

// terms is what a plan demands.
func (p planConfig) terms() bridge.Terms {
	t := bridge.Terms{
		Plan: p.Name, Steps: p.Steps, Hold: p.Hold, TrialDays: p.TrialDays,
		Tax: p.Tax, TaxIDs: p.TaxIDs, Promotions: p.Promotions,
		Patience: p.Patience, Grace: p.Grace, Refunded: p.Refunded, Disputed: p.Disputed,
	}
	if p.TwoPersons != nil {
		t.Second = p.TwoPersons.amount
	}
	if p.usesStripe() {
		t.Provider = stripeProvider
	}
	if p.Price != nil {
		t.Lines = []bridge.Price{p.Price.line}
	}
	return t
}

func (p planConfig) pays() bool { return slices.Contains(p.Steps, bridge.Paying) }

// usesStripe reports whether the plan has a step at the provider, for which the
// developer has to come to the bridge.
func (p planConfig) usesStripe() bool {
	return p.pays() || slices.Contains(p.Steps, bridge.Validation)
}

// step reads one step: review, payment, or {validation: card}.
func (r *reading) step(node ast.Node, v reflect.Value, at place) {
	const choice = "a step is review, payment or validation: card"
	field := v.Addr().Interface()
	if m, ok := node.(*ast.MappingNode); ok {
		if len(m.Values) != 1 || m.Values[0].Key.GetToken().Value != string(bridge.Validation) {
			r.wrong(field, "%s", choice)
			return
		}
		how, ok := r.resolve(m.Values[0].Value, at)
		if !ok {
			return
		}
		if text, problem := scalarText(how, reflect.String); problem != "" || text != "card" {
			r.wrong(field, "there is one way of validation; write validation: card")
			return
		}
		v.SetString(string(bridge.Validation))
		return
	}
	text, problem := scalarText(node, reflect.String)
	switch {
	case problem != "":
		r.wrong(field, "%s", problem)
	case text == string(bridge.Validation):
		r.wrong(field, "say what is validated: write validation: card")
	case text != string(bridge.Review) && text != string(bridge.Paying):
		r.wrong(field, "%s", choice)
	default:
		v.SetString(text)
	}
}
