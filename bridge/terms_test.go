package bridge_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
)

const (
	validation = bridge.Validation
	review     = bridge.Review
	payment    = bridge.Paying
)

func price(minor int64, currency, unit string) bridge.Price {
	return bridge.Price{Amount: bridge.NewAmount(minor, currency), Interval: bridge.Interval{Unit: unit}}
}

func steps(kinds ...bridge.StepKind) []bridge.StepKind { return kinds }

// shelf are the plans that the tests ask for. Each policy is named like its plan.
func shelf() bridge.Plans {
	plan := func(name string, t bridge.Terms) bridge.Plan {
		return bridge.Plan{Name: name, Portal: "main", Policies: []string{name, name + "-too"}, Terms: t}
	}
	return bridge.Plans{
		plan("free", bridge.Terms{}),
		plan("reviewed", bridge.Terms{Steps: steps(review)}),
		plan("checked", bridge.Terms{Provider: "stripe", Steps: steps(validation), Patience: 2 * time.Hour}),
		plan("paid", bridge.Terms{
			Provider: "stripe", Steps: steps(payment), Lines: []bridge.Price{price(500, "eur", "")}, Patience: 3 * time.Hour,
			Tax: true, Promotions: true, Refunded: bridge.Keep,
		}),
		plan("held", bridge.Terms{
			Provider: "stripe", Steps: steps(payment, review), Hold: true, Lines: []bridge.Price{price(700, "eur", "")},
			Refunded: bridge.Suspend, Disputed: bridge.Keep, TaxIDs: true,
		}),
		plan("monthly", bridge.Terms{
			Provider: "stripe", Steps: steps(payment), Lines: []bridge.Price{price(900, "eur", "month")},
			TrialDays: 14, Grace: 72 * time.Hour, Promotions: true,
		}),
		plan("monthly-short", bridge.Terms{
			Provider: "stripe", Steps: steps(payment), Lines: []bridge.Price{price(100, "eur", "month")},
			TrialDays: 7, Grace: 24 * time.Hour,
		}),
		plan("invoiced", bridge.Terms{Provider: "manual", Steps: steps(payment), Lines: []bridge.Price{price(100, "eur", "")}}),
	}
}

func ask(policies ...string) bridge.Asked { return bridge.Asked{Policies: policies} }

func TestTermsAreTheUnionOfWhatWasAskedFor(t *testing.T) {
	for name, one := range map[string]struct {
		asked bridge.Asked
		check func(bridge.Terms) (got, want any)
	}{
		"one plan is taken as it is": {ask("monthly"), func(got bridge.Terms) (any, any) {
			want := shelf()[5].Terms
			want.Plan = "monthly"
			return got, want
		}},
		"a plan named by two of its policies counts once": {ask("paid", "paid-too"), func(got bridge.Terms) (any, any) {
			return []any{got.Plan, len(got.Lines)}, []any{"paid", 1}
		}},
		"plans are named in the order asked": {ask("paid", "free"), func(got bridge.Terms) (any, any) { return got.Plan, "paid + free" }},
		"a card is validated before a review, and paid after it": {ask("paid", "reviewed", "checked"), func(got bridge.Terms) (any, any) {
			return got.Steps, steps(validation, review, payment)
		}},
		"a held payment comes before the review": {ask("checked", "held"), func(got bridge.Terms) (any, any) {
			return got.Steps, steps(validation, payment, review)
		}},
		"each plan's price is a line": {ask("paid", "held"), func(got bridge.Terms) (any, any) {
			return got.Lines, []bridge.Price{price(500, "eur", ""), price(700, "eur", "")}
		}},
		"the lower threshold counts": {ask("paid", "held"), func(bridge.Terms) (any, any) {
			plans := shelf()
			plans[3].Terms.Second, plans[4].Terms.Second = bridge.NewAmount(900, "eur"), bridge.NewAmount(800, "eur")
			return plans.Terms("main", ask("paid", "held", "free")).Second, bridge.NewAmount(800, "eur")
		}},
		"between two currencies everything is above": {ask("paid", "held"), func(bridge.Terms) (any, any) {
			plans := shelf()
			plans[3].Terms.Second, plans[4].Terms.Second = bridge.NewAmount(900, "eur"), bridge.NewAmount(800, "usd")
			return plans.Terms("main", ask("paid", "held")).Second, bridge.NewAmount(0, "eur")
		}},
		"a hold and a charge together are a charge": {ask("held", "paid"), func(got bridge.Terms) (any, any) {
			return []any{got.Hold, got.Steps}, []any{false, steps(review, payment)}
		}},
		"a free plan leaves a hold": {ask("free", "held", "reviewed"), func(got bridge.Terms) (any, any) { return got.Hold, true }},
		"of two paid plans the strictest terms": {ask("paid", "held"), func(got bridge.Terms) (any, any) {
			return []any{got.Refunded, got.Disputed, got.Tax, got.TaxIDs, got.Promotions, got.Patience},
				[]any{bridge.Suspend, bridge.Suspend, true, true, false, 3 * time.Hour}
		}},
		"of two subscriptions the shorter trial and grace": {ask("monthly", "monthly-short"), func(got bridge.Terms) (any, any) {
			return []any{got.TrialDays, got.Grace}, []any{7, 24 * time.Hour}
		}},
		"a free plan takes nothing from a subscription": {ask("free", "monthly", "reviewed"), func(got bridge.Terms) (any, any) {
			return []any{got.TrialDays, got.Grace, got.Promotions, got.Provider, got.Patience}, []any{14, 72 * time.Hour, true, "stripe", time.Duration(0)}
		}},
		"patience is the shortest of those that wait for the applicant": {ask("checked", "monthly", "free"), func(got bridge.Terms) (any, any) {
			return got.Patience, 2 * time.Hour
		}},
		"a policy without a plan adds a review and says which": {ask("paid", "nobody's"), func(got bridge.Terms) (any, any) {
			return []any{got.Steps, got.Why}, []any{steps(review, payment), `no plan is configured for policy "nobody's"`}
		}},
		"an unknown policy alone is reviewed": {ask("nobody's"), func(got bridge.Terms) (any, any) { return got.Steps, steps(review) }},
		"every unknown policy is named": {ask("one", "free", "two", "one"), func(got bridge.Terms) (any, any) {
			return got.Why, `no plan is configured for policy "one"; no plan is configured for policy "two"`
		}},
		"no policy at all is reviewed": {ask(), func(got bridge.Terms) (any, any) {
			return []any{got.Steps, got.Why}, []any{steps(review), "the request names no policy"}
		}},
		"two providers are left to a person, with no price": {ask("paid", "invoiced"), func(got bridge.Terms) (any, any) {
			return []any{got.Steps, len(got.Lines), got.Why}, []any{steps(review), 0, "the plans asked for are paid at different providers"}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			got, want := one.check(shelf().Terms("main", one.asked))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestThePortalsOwnPlanChoosesThePlan(t *testing.T) {
	plans := bridge.Plans{
		{Name: "by policy", Portal: "main", Policies: []string{"maps", "tides"}},
		{Name: "gold", Portal: "main", PortalPlans: []string{"2", "3"}},
		{Name: "gold maps", Portal: "main", PortalPlans: []string{"2"}, Policies: []string{"maps"}},
		{Name: "elsewhere", Portal: "other", PortalPlans: []string{"2"}},
	}
	for name, one := range map[string]struct {
		plan     string
		policies []string
		want     string
	}{
		"plan and policy fit best":            {"2", []string{"maps"}, "gold maps"},
		"then the plan, whatever the policy":  {"2", []string{"tides"}, "gold"},
		"another of the plans":                {"3", []string{"maps"}, "gold"},
		"then the policy, whatever the plan":  {"9", []string{"maps"}, "by policy"},
		"and without any plan":                {"", []string{"tides"}, "by policy"},
		"each policy has its own":             {"2", []string{"maps", "tides"}, "gold maps + gold"},
		"a plan for one policy is not for it": {"9", []string{"rain"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := plans.Terms("main", bridge.Asked{Plan: one.plan, Policies: one.policies})
			if got.Plan != one.want || (one.want == "") != cmp.Equal(got.Steps, steps(review)) {
				t.Errorf("%q with %v, want %q", got.Plan, got.Steps, one.want)
			}
		})
	}
	const why = `no plan is configured for policy "rain" under the portal's plan "9"`
	if got := plans.Terms("main", bridge.Asked{Plan: "9", Policies: []string{"rain"}}); got.Why != why {
		t.Errorf("why: %q", got.Why)
	}
}

func TestAPolicyOfAnotherPortalHasNoPlanHere(t *testing.T) {
	if got := shelf().Terms("other", ask("free")); !cmp.Equal(got.Steps, steps(review)) {
		t.Errorf("steps %v, want a review", got.Steps)
	}
}

// A quote is written into a request's terms: it must not reach the plan.
func TestTermsShareNothingWithThePlans(t *testing.T) {
	plans := shelf()
	for _, asked := range []bridge.Asked{ask("paid"), ask("paid", "held"), ask("free", "paid")} {
		got := plans.Terms("main", asked)
		got.Lines[0], got.Steps[0] = bridge.Price{Name: "spoilt"}, "spoilt"
		_ = append(got.Lines[:1], bridge.Price{Name: "spoilt"})
	}
	if diff := cmp.Diff(shelf(), plans); diff != "" {
		t.Errorf("the plans changed (-want +got):\n%s", diff)
	}
}

func TestWhatOneCheckoutCannotHoldIsReviewed(t *testing.T) {
	for name, one := range map[string]struct {
		hold bool
		ask  []bridge.StepKind
		in   []bridge.Price
		want []bridge.StepKind
		why  string
	}{
		"one currency, paid once": {
			in: []bridge.Price{price(1, "eur", ""), price(2, "EUR", "")}, ask: steps(payment), want: steps(payment),
		},
		"one-off and recurring together": {
			in: []bridge.Price{price(1, "eur", ""), price(2, "eur", "month"), price(2, "eur", "")}, ask: steps(payment), want: steps(payment),
		},
		"a count of one is the unit": {
			in:  []bridge.Price{price(1, "eur", "month"), {Amount: bridge.NewAmount(1, "eur"), Interval: bridge.Interval{Unit: "month", Count: 1}}},
			ask: steps(payment), want: steps(payment),
		},
		"two currencies": {
			in: []bridge.Price{price(1, "eur", ""), price(2, "usd", "")}, ask: steps(payment), want: steps(review),
			why: "the plans asked for are priced in different currencies",
		},
		"two intervals": {
			in: []bridge.Price{price(1, "eur", "month"), price(2, "eur", "year")}, ask: steps(validation, payment), want: steps(validation, review),
			why: "the plans asked for are paid at different intervals",
		},
		"months and quarters": {
			in:  []bridge.Price{price(1, "eur", "month"), {Amount: bridge.NewAmount(1, "eur"), Interval: bridge.Interval{Unit: "month", Count: 3}}},
			ask: steps(payment), want: steps(review), why: "the plans asked for are paid at different intervals",
		},
		"a hold that recurs": {
			hold: true, in: []bridge.Price{price(1, "eur", "month")}, ask: steps(payment, review), want: steps(review),
			why: "a payment that recurs cannot be held for a review",
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := bridge.Terms{Steps: one.ask, Lines: one.in, Hold: one.hold}
			got := in.Fitted()
			if diff := cmp.Diff([]any{one.want, one.why}, []any{got.Steps, got.Why}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got.Hold && one.why != "" {
				t.Error("still to be held")
			}
			if again := got.Fitted(); !cmp.Equal(again.Steps, got.Steps) || again.Why != got.Why {
				t.Errorf("fitted twice: %v %q", again.Steps, again.Why)
			}
		})
	}
}

func TestTotalIsOfOneCurrencyAndWhollyQuoted(t *testing.T) {
	for name, one := range map[string]struct {
		lines []bridge.Price
		want  bridge.Amount
		ok    bool
	}{
		"nothing":        {},
		"two lines":      {[]bridge.Price{price(1, "eur", ""), price(2, "eur", "month")}, bridge.NewAmount(3, "eur"), true},
		"a free line":    {[]bridge.Price{price(0, "eur", "")}, bridge.NewAmount(0, "eur"), true},
		"two currencies": {lines: []bridge.Price{price(1, "eur", ""), price(2, "usd", "")}},
		"not quoted":     {lines: []bridge.Price{price(1, "eur", ""), {Ref: "price_1"}}},
	} {
		t.Run(name, func(t *testing.T) {
			if got, ok := (bridge.Terms{Lines: one.lines}).Total(); got != one.want || ok != one.ok {
				t.Errorf("%v %v, want %v %v", got, ok, one.want, one.ok)
			}
		})
	}
}

func TestIntervalReadsAsWords(t *testing.T) {
	for want, in := range map[string]bridge.Interval{
		"once": {}, "every month": {Unit: "month"}, "every year": {Unit: "year", Count: 1}, "every 3 months": {Unit: "month", Count: 3},
	} {
		if got := in.String(); got != want {
			t.Errorf("%+v: %q, want %q", in, got, want)
		}
	}
}

func TestAnAmountIsWrittenInItsCurrencysDecimals(t *testing.T) {
	for want, in := range map[string]bridge.Amount{
		"12.50 EUR": bridge.NewAmount(1250, "eur"), "0.05 EUR": bridge.NewAmount(5, "EUR"), "-0.05 EUR": bridge.NewAmount(-5, "eur"),
		"1200 JPY": bridge.NewAmount(1200, "jpy"), "1.234 KWD": bridge.NewAmount(1234, "kwd"), "0.00 EUR": bridge.NewAmount(0, "eur"),
	} {
		if got := in.String(); got != want {
			t.Errorf("%d %s: %q, want %q", in.Minor, in.Currency, got, want)
		}
	}
}
