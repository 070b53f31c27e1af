package main

import (
	"fmt"
	"regexp"
	"slices"

	"keybridge/bridge"
)

// checkPlans looks at the plans, each and together.
func (r *reading) checkPlans(c *config) {
	type named struct{ portal, name string }
	names, known := map[named]*string{}, map[fit]*string{}
	for i := range c.Plans {
		p := &c.Plans[i]
		portal := r.planPortal(c, p)
		r.checkPlan(c, p, portal)
		if len(p.Name) > 200 {
			r.wrong(&p.Name, "it has more than 200 bytes; choose a shorter name")
		}
		if portal == nil {
			continue
		}
		// A request for two plans counts a plan by its name.
		if other, taken := names[named{p.Portal, p.Name}]; taken && p.Name != "" {
			r.wrong(&p.Name, "the plan on line %d has this name and portal too; give each its own name", r.place(other).line)
		} else {
			names[named{p.Portal, p.Name}] = &p.Name
		}
		r.checkFits(known, p)
	}
	r.checkUnplanned(c)
}

// fit is one thing that a plan is for: one of a portal's own plans and one policy, of
// which either may be empty for whichever it is.
type fit struct{ portal, plan, policy string }

// maxFits is how many there may be in a file: a plan has one for each of its portal
// plans with each of its policies.
const maxFits = 100_000

// checkFits reports what a plan and one before it are for alike. known are those of
// the plans before, each with what names it.
func (r *reading) checkFits(known map[fit]*string, p *planConfig) {
	repeated(r, p.PortalPlans)
	repeated(r, p.Policies)
	plans, fine := r.whichever(&p.PortalPlans)
	policies, good := r.whichever(&p.Policies)
	switch {
	case !fine || !good:
		return
	case len(known)+len(plans)*len(policies) > maxFits:
		r.wrong(&p.Name, "the portal plans and policies of all plans up to this one come to more than %d pairs; name fewer", maxFits)
		return
	}
	for i := range plans {
		for j := range policies {
			r.checkFit(known, p.Portal, &plans[i], &policies[j])
		}
	}
}

// whichever returns what a list names, one empty text where it is absent. It returns
// false where what it names is not known.
func (r *reading) whichever(list *[]string) ([]string, bool) {
	if !r.written(list) {
		return []string{""}, true
	}
	return *list, len(*list) > 0
}

// checkFit reports what another plan is for already.
func (r *reading) checkFit(known map[fit]*string, portal string, plan, policy *string) {
	at, what := policy, fmt.Sprintf("policy %q", *policy)
	switch {
	case *policy == "":
		at, what = plan, fmt.Sprintf("portal plan %q", *plan)
	case *plan != "":
		what += fmt.Sprintf(" with portal plan %q", *plan)
	}
	if *at == "" || !r.good(plan, policy) {
		return
	}
	this := fit{portal, *plan, *policy}
	if other, taken := known[this]; taken {
		r.wrong(at, "%s of portal %s is on line %d already; keep it in one place", what, portal, r.place(other).line)
		return
	}
	known[this] = at
}

// planPortal returns the portal of a plan, the only one where none is named.
func (r *reading) planPortal(c *config, p *planConfig) *portalConfig {
	if p.Portal == "" && len(c.Portals) == 1 && r.good(&p.Portal) {
		p.Portal = c.Portals[0].Name
		return &c.Portals[0]
	}
	i := slices.IndexFunc(c.Portals, func(portal portalConfig) bool { return portal.Name == p.Portal })
	names := portalNames(c)
	switch {
	case i >= 0 && p.Portal != "":
		return &c.Portals[i]
	case len(names) == 0:
	case p.Portal == "":
		r.wrong(&p.Portal, "there are several portals; name the one this plan is for: %s", inWords(names))
	default:
		r.wrong(&p.Portal, "there is no portal %q; it can be %s", p.Portal, inWords(names))
	}
	return nil
}

func portalNames(c *config) []string {
	var names []string
	for _, p := range c.Portals {
		if p.Name != "" && !slices.Contains(names, p.Name) {
			names = append(names, p.Name)
		}
	}
	return names
}

// checkUnplanned warns of a portal that no plan is for.
func (r *reading) checkUnplanned(c *config) {
	for i := range c.Portals {
		p := &c.Portals[i]
		if !slices.ContainsFunc(c.Plans, func(plan planConfig) bool { return plan.Portal == p.Name }) {
			r.warn(&p.Name, "no plan is for this portal, so all its key requests go to review")
		}
	}
}

// checkPlan looks at one plan. portal is nil where it is not known.
func (r *reading) checkPlan(c *config, p *planConfig, portal *portalConfig) {
	r.checkAsked(p, portal)
	if p.Price != nil {
		r.checkPrice(p)
	}
	if r.good(&p.Steps) {
		r.checkSteps(p)
		r.checkIdle(p)
		r.checkWay(c, p, portal)
	}
	if p.Price != nil && r.good(&p.Price) {
		r.checkRecurring(p)
	}
	r.checkThreshold(p.TwoPersons)
	if p.TwoPersons != nil && r.good(&p.Steps) && !slices.Contains(p.Steps, bridge.Review) {
		r.wrong(&p.TwoPersons, "this does nothing without a review; add review to steps, or remove this")
	}
}

// checkAsked holds a plan to name what it is for.
func (r *reading) checkAsked(p *planConfig, portal *portalConfig) {
	policies, plans := r.written(&p.Policies), r.written(&p.PortalPlans)
	classic := portal != nil && portal.Kind == tykClassic
	if plans && classic {
		r.wrong(&p.PortalPlans, "a %s portal has no plans of its own; remove this", portal.Kind)
	}
	switch {
	case !policies && classic:
		r.wrong(&p.Policies, "it is missing: the ids of the policies that the plan is for")
	case !policies && !plans:
		r.wrong(&p.Policies, "nothing says what the plan is for; add policies, or portal_plans for an Enterprise Developer Portal")
	}
}

// checkWay reports what would keep a plan's steps from being met.
func (r *reading) checkWay(c *config, p *planConfig, portal *portalConfig) {
	switch {
	case p.pays() && p.Price == nil && r.good(&p.Price):
		r.wrong(&p.Steps, "there is a payment step and no price; add price, or take payment out")
	case !p.usesStripe():
	case c.Stripe == nil && !r.written(&c.Stripe):
		r.wrong(&p.Steps, "validation and payment need a Stripe account; add the section stripe")
	case portal == nil || !r.good(&portal.Handoff, &portal.Tell):
	case !portal.reachable():
		r.wrong(&p.Steps, "nobody could come to pay or validate: portal %s has no handoff, and no mail leads there; "+
			"add the section mail, with start in tell, or handoff, with bare: {} for Tyk's Redirect Key Request", portal.Name)
	}
}

// checkRecurring reports what does not go with how often the price is paid.
func (r *reading) checkRecurring(p *planConfig) {
	amount := p.Price.Amount != "" // of other prices only Stripe knows
	once := p.Price.Interval == ""
	switch {
	case p.Hold && amount && !once:
		r.wrong(&p.Hold, "a payment that recurs cannot be held; remove hold, or interval from the price")
	case p.Hold && p.TrialDays > 0:
		r.wrong(&p.TrialDays, "a held payment has no trial; remove this, or hold")
	case p.TrialDays > 0 && amount && once:
		r.wrong(&p.TrialDays, "a price that is paid once has no trial; add interval to the price, or remove this")
	}
	if p.Grace > 0 && amount && once {
		r.wrong(&p.Grace, "a price that is paid once is never overdue; add interval to the price, or remove this")
	}
}

// checkSteps holds the steps to the order in which they will be met.
func (r *reading) checkSteps(p *planConfig) {
	repeated(r, p.Steps)
	order := []bridge.StepKind{bridge.Validation, bridge.Review, bridge.Paying}
	hint := "steps are met in the order validation, review, payment; write them so (hold: true asks for the payment before the review)"
	if p.Hold {
		order = []bridge.StepKind{bridge.Validation, bridge.Paying, bridge.Review}
		hint = "with hold: true steps are met in the order validation, payment, review; write them so"
	}
	last := -1
	for i := range p.Steps {
		at := slices.Index(order, p.Steps[i])
		if at < last && at >= 0 {
			r.wrong(&p.Steps[i], "%s", hint)
		}
		last = max(last, at)
	}
	if p.Hold && p.pays() && !slices.Contains(p.Steps, bridge.Review) {
		r.wrong(&p.Hold, "a payment is held for a review; add review to steps, or remove this")
	}
}

// checkIdle reports keys that would do nothing without a payment.
func (r *reading) checkIdle(p *planConfig) {
	if p.pays() {
		return
	}
	idle := []any{&p.Price, &p.Hold, &p.TrialDays, &p.Tax, &p.TaxIDs, &p.Promotions, &p.Grace, &p.Refunded, &p.Disputed}
	for _, field := range idle {
		if r.written(field) {
			r.wrong(field, "this does nothing without a payment step; add payment to steps, or remove this")
		}
	}
	if r.written(&p.Patience) && !p.usesStripe() {
		r.wrong(&p.Patience, "this does nothing without a validation or payment step; add one, or remove this")
	}
}

// longest is how many intervals may lie between two payments: three years in all.
// Source: https://docs.stripe.com/api/prices/create#create_price-recurring-interval_count
var longest = map[string]int{"day": 1095, "week": 156, "month": 36, "year": 3}

var stripePricePattern = regexp.MustCompile(`^price_[A-Za-z0-9_]{1,200}$`)

// checkPrice makes the line of the checkout out of the one form that is given.
func (r *reading) checkPrice(p *planConfig) {
	price := p.Price
	forms := 0
	for _, field := range []any{&price.Stripe, &price.LookupKey, &price.Amount} {
		if r.written(field) {
			forms++
		}
	}
	if forms != 1 {
		r.wrong(&p.Price, "a price is one of stripe, lookup_key, or amount with currency; give exactly one")
		return
	}
	price.line = bridge.Price{Name: p.Name, Ref: price.Stripe, Lookup: price.LookupKey}
	if r.written(&price.Amount) {
		r.checkAmount(price)
		return
	}
	for _, field := range []any{&price.Currency, &price.Interval, &price.Every} {
		if r.written(field) {
			r.wrong(field, "Stripe's price says this; it goes with amount only, remove it")
		}
	}
	if price.Stripe != "" && !stripePricePattern.MatchString(price.Stripe) {
		r.wrong(&price.Stripe, "it takes the id of a price, as price_1abc; the id of a product (prod_) is none")
	}
	if len(price.LookupKey) > 200 {
		r.wrong(&price.LookupKey, "a lookup key has at most 200 bytes")
	}
}

// checkAmount reads amount, currency and interval.
func (r *reading) checkAmount(price *priceConfig) {
	if !r.written(&price.Currency) {
		r.wrong(&price.Amount, "an amount needs a currency beside it, as currency: EUR")
	} else if code, problem := parseCurrency(price.Currency); problem != "" {
		r.wrong(&price.Currency, "%s", problem)
	} else if amount, problem := parseAmount(price.Amount, code); problem != "" {
		r.wrong(&price.Amount, "%s", problem)
	} else {
		price.line.Amount = amount
	}
	switch {
	case price.Interval == "" && r.written(&price.Every) && r.good(&price.Interval):
		r.wrong(&price.Every, "every needs an interval beside it, as interval: month")
	case price.Interval != "" && price.Every > longest[price.Interval]:
		r.wrong(&price.Every, "Stripe allows three years between payments: at most %d with interval %s", longest[price.Interval], price.Interval)
	case price.Interval != "":
		price.line.Interval = bridge.Interval{Unit: price.Interval, Count: price.Every}
	}
}
