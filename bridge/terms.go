package bridge

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Terms is what the plan demands of one request. It is copied into the request
// at intake, so that a plan changed later changes no request under way.
type Terms struct {
	// Plan is the name shown to people; several plans in one request are joined.
	Plan string `json:"plan,omitempty"`
	// Provider is the name of the payment provider. Empty where nothing is paid
	// or validated.
	Provider string `json:"provider,omitempty"`
	// Steps are the conditions, in the order in which they are met. None: approve
	// at once.
	Steps []StepKind `json:"steps,omitempty"`
	// Lines are the prices, each a line item of the one checkout.
	Lines []Price `json:"lines,omitempty"`
	// Hold authorises the payment first and captures it once the verdict is
	// approve. One-off prices only; an authorisation usually lapses after 7 days.
	Hold bool `json:"hold,omitempty"`
	// TrialDays starts a subscription with a free trial. 0: none. At most 730.
	TrialDays int `json:"trial_days,omitempty"`
	// Tax, TaxIDs and Promotions let the provider compute tax, ask for a tax
	// number and accept promotion codes.
	Tax        bool `json:"tax,omitempty"`
	TaxIDs     bool `json:"tax_ids,omitempty"`
	Promotions bool `json:"promotions,omitempty"`
	// Patience is how long a step waits for the applicant before the request is
	// declined. Zero: DefaultPatience.
	Patience time.Duration `json:"patience,omitempty"`
	// Grace is how long access stays while a subscription is overdue. Zero: none.
	Grace time.Duration `json:"grace,omitempty"`
	// Refunded and Disputed say what becomes of the access when the money was
	// refunded in full or is disputed. Empty: Revoke and Suspend.
	Refunded Policy `json:"refunded,omitempty"`
	Disputed Policy `json:"disputed,omitempty"`
	// Tell lists what the applicant is told by keybridge. None: nothing. It is the
	// site's, and so are the next two.
	Tell []MessageKind `json:"tell,omitempty"`
	// Remind is how long before Patience ends the applicant is reminded, at most half
	// of Patience. Zero: never.
	Remind time.Duration `json:"remind,omitempty"`
	// Mailed: the portal leads no browsers here, so that only what the applicant is
	// told brings them.
	Mailed bool `json:"mailed,omitempty"`
	// Second asks for a second person's approval where Total is above it; never where its
	// currency is empty, and always where Total is in another currency.
	Second Amount `json:"second,omitzero"`
	// Why says why a person has to look, where the configuration did not foresee
	// what was asked.
	Why string `json:"why,omitempty"`
}

// DefaultPatience is how long an applicant has for a validation or a payment.
const DefaultPatience = 7 * 24 * time.Hour

func (t Terms) patience() time.Duration {
	if t.Patience > 0 {
		return t.Patience
	}
	return DefaultPatience
}

// Policy says what becomes of granted access when its money is in question.
type Policy string

// The policies, from the mildest to the strictest.
const (
	Keep    Policy = "keep"
	Suspend Policy = "suspend"
	Revoke  Policy = "revoke"
)

func (p Policy) or(fallback Policy) Policy {
	if p == "" {
		return fallback
	}
	return p
}

var strictness = []Policy{Keep, Suspend, Revoke}

func stricter(a, b Policy) Policy {
	if slices.Index(strictness, a) < slices.Index(strictness, b) {
		return b
	}
	return a
}

// Interval is how often a price recurs. The zero value is a one-off price.
type Interval struct {
	// Unit is day, week, month or year.
	Unit string `json:"unit,omitempty"`
	// Count is how many units; 0 counts as 1.
	Count int `json:"count,omitempty"`
}

// Once reports whether the price is paid once.
func (i Interval) Once() bool { return i.Unit == "" }

// String says it in words: "once", "every month", "every 3 months".
func (i Interval) String() string {
	switch {
	case i.Once():
		return "once"
	case i.Count <= 1:
		return "every " + i.Unit
	}
	return fmt.Sprintf("every %d %ss", i.Count, i.Unit)
}

func (i Interval) same(j Interval) bool {
	return i.Unit == j.Unit && max(i.Count, 1) == max(j.Count, 1)
}

// Price is one line of what is to be paid. It names the provider's price by id or
// by lookup key, or states an amount. Provider.Quote fills in what is missing.
type Price struct {
	// Name is the line's text at the checkout.
	Name string `json:"name,omitempty"`
	// Ref is the provider's id of the price, Lookup the provider's lookup key.
	Ref    string `json:"ref,omitempty"`
	Lookup string `json:"lookup,omitempty"`
	// Amount is what one interval costs.
	Amount   Amount   `json:"amount,omitzero"`
	Interval Interval `json:"interval,omitzero"`
}

// quoted reports whether the amount is known without asking the provider.
func (p Price) quoted() bool { return p.Amount.Currency != "" }

// Recurring reports whether the payment is a subscription.
func (t Terms) Recurring() bool {
	return slices.ContainsFunc(t.Lines, func(p Price) bool { return !p.Interval.Once() })
}

// Total returns the sum of the lines: what the first payment comes to before tax
// and promotions. ok is false when the lines are not all in one currency or not
// all quoted.
func (t Terms) Total() (total Amount, ok bool) {
	for _, line := range t.Lines {
		if !line.quoted() || total.Currency != "" && total.Currency != line.Amount.Currency {
			return Amount{}, false
		}
		total.Currency = line.Amount.Currency
		total.Minor += line.Amount.Minor
	}
	return total, total.Currency != ""
}

// Fitted returns the terms once every line is quoted. Lines that one checkout
// cannot hold (two intervals, two currencies, a held payment that recurs) are
// left to a person: the payment step becomes a review, and Why says so.
func (t Terms) Fitted() Terms {
	if why := t.misfit(); why != "" {
		return t.unpayable(why)
	}
	return t
}

// unpayable leaves to a person what one checkout cannot hold.
func (t Terms) unpayable(why string) Terms {
	t = t.because(why)
	t.Hold = false
	left := slices.DeleteFunc(slices.Clone(t.Steps), func(s StepKind) bool { return s == Paying })
	t.Steps = inOrder(append(left, Review), false)
	return t
}

// because adds a reason why a person has to look.
func (t Terms) because(why string) Terms {
	switch {
	case t.Why == "":
		t.Why = why
	case !strings.Contains(t.Why, why):
		t.Why += "; " + why
	}
	return t
}

func (t Terms) misfit() string {
	var first Price
	for i, line := range t.Lines {
		if i > 0 && line.Amount.Currency != t.Lines[0].Amount.Currency {
			return "the plans asked for are priced in different currencies"
		}
		switch {
		case line.Interval.Once():
		case first.Interval.Once():
			first = line
		case !first.Interval.same(line.Interval):
			return "the plans asked for are paid at different intervals"
		}
	}
	if t.Hold && t.Recurring() {
		return "a payment that recurs cannot be held for a review"
	}
	return ""
}

// Plan says what is demanded for one or several policies of a portal, or for its own
// plans where it has any.
type Plan struct {
	Name   string
	Portal string
	// Policies are the policies it is for. None: all of the PortalPlans.
	Policies []string
	// PortalPlans are the ids of the portal's own plans (Asked.Plan) it is for. None:
	// whichever was asked for.
	PortalPlans []string
	Terms       Terms
}

// Plans are all configured plans. No two of them fit a policy of the same portal and
// plan equally well; the configuration refuses that.
type Plans []Plan

// Terms returns what a request demands: the union of the steps of every plan
// asked for, each plan's prices once, and of every other term the strictest. A
// policy that no plan names adds a review, and so does a request for no policy at
// all: what nobody configured is never approved by itself. Plans that are paid at
// different providers are left to a person, with no price.
//
// What is returned shares nothing with p.
func (p Plans) Terms(portal string, asked Asked) Terms {
	var out Terms
	var used []string
	var apart bool
	if len(asked.Policies) == 0 {
		out = out.because("the request names no policy")
		out.Steps = []StepKind{Review}
	}
	for _, policy := range asked.Policies {
		plan, ok := p.match(portal, asked.Plan, policy)
		switch {
		case !ok:
			out = out.because(unplanned(asked.Plan, policy))
			out.Steps = append(out.Steps, Review)
		case !slices.Contains(used, plan.Name):
			apart = apart || out.Provider != "" && plan.Terms.Provider != "" && out.Provider != plan.Terms.Provider
			out = out.with(plan, len(used) == 0)
			used = append(used, plan.Name)
		}
	}
	out.Steps = inOrder(out.Steps, out.Hold)
	if apart {
		out = out.unpayable("the plans asked for are paid at different providers")
		out.Lines = nil // one provider cannot quote the other's
	}
	return out
}

// unplanned says that no plan fits.
func unplanned(plan, policy string) string {
	if plan != "" {
		return fmt.Sprintf("no plan is configured for policy %q under the portal's plan %q", policy, plan)
	}
	return fmt.Sprintf("no plan is configured for policy %q", policy)
}

// match finds the plan that fits a policy best: one that names it and the portal's
// plan, then one that names the portal's plan, then one that names the policy.
func (p Plans) match(portal, asked, policy string) (best Plan, ok bool) {
	most := 0
	for _, plan := range p {
		if fit := plan.fit(asked, policy); plan.Portal == portal && fit > most {
			best, most = plan, fit
		}
	}
	return best, most > 0
}

// fit is how well a plan fits a policy that was asked for under one of the portal's
// plans; 0 when it is not for it.
func (p Plan) fit(asked, policy string) int {
	byPlan, byPolicy := slices.Contains(p.PortalPlans, asked), slices.Contains(p.Policies, policy)
	switch {
	case byPlan && byPolicy:
		return 3
	case byPlan && len(p.Policies) == 0:
		return 2
	case byPolicy && len(p.PortalPlans) == 0:
		return 1
	}
	return 0
}

// with adds a plan to the terms of those before it.
func (t Terms) with(plan Plan, first bool) Terms {
	add := plan.Terms
	steps := slices.Concat(t.Steps, add.Steps)
	lines := slices.Concat(t.Lines, add.Lines)
	if first {
		add.Plan, add.Why = plan.Name, t.Why
		t = add
	} else {
		t = t.strictest(add)
		t.Plan += " + " + plan.Name
	}
	t.Steps, t.Lines = steps, lines
	return t
}

// strictest takes another plan's terms beside t's own. A plan that asks for no
// money says nothing about money, and one that has no step for the applicant
// nothing about patience: a free plan takes no trial or grace from a paid one.
func (t Terms) strictest(add Terms) Terms {
	if t.Provider == "" {
		t.Provider = add.Provider
	}
	t.Second = lower(t.Second, add.Second)
	switch {
	case !add.asks(Validation, Paying):
	case !t.asks(Validation, Paying):
		t.Patience = add.Patience
	default:
		t.Patience = min(t.patience(), add.patience())
	}
	switch {
	case !add.asks(Paying):
	case !t.asks(Paying):
		t.Hold, t.TrialDays, t.Grace = add.Hold, add.TrialDays, add.Grace
		t.Tax, t.TaxIDs, t.Promotions = add.Tax, add.TaxIDs, add.Promotions
		t.Refunded, t.Disputed = add.Refunded, add.Disputed
	default:
		// Only a payment that every paid plan lets be held is held.
		t.Hold = t.Hold && add.Hold
		t.TrialDays, t.Grace = min(t.TrialDays, add.TrialDays), min(t.Grace, add.Grace)
		t.Tax, t.TaxIDs = t.Tax || add.Tax, t.TaxIDs || add.TaxIDs
		t.Promotions = t.Promotions && add.Promotions
		t.Refunded = stricter(t.Refunded.or(Revoke), add.Refunded.or(Revoke))
		t.Disputed = stricter(t.Disputed.or(Suspend), add.Disputed.or(Suspend))
	}
	return t
}

// lower is the lower of two thresholds; between two currencies, everything is above.
func lower(a, b Amount) Amount {
	switch {
	case a.Currency == "":
		return b
	case b.Currency == "":
		return a
	case a.Currency != b.Currency:
		return Amount{Currency: a.Currency}
	}
	return Amount{min(a.Minor, b.Minor), a.Currency}
}

// asks reports whether the terms have one of the steps.
func (t Terms) asks(kinds ...StepKind) bool {
	return slices.ContainsFunc(t.Steps, func(s StepKind) bool { return slices.Contains(kinds, s) })
}

// inOrder returns each step once, in the order in which they are met: a card is
// validated before anybody's time is spent on a review, and money is taken after
// it, unless the payment is only held.
func inOrder(steps []StepKind, hold bool) []StepKind {
	order := []StepKind{Validation, Review, Paying}
	if hold {
		order = []StepKind{Validation, Paying, Review}
	}
	return slices.DeleteFunc(order, func(s StepKind) bool { return !slices.Contains(steps, s) })
}
