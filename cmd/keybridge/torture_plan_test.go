package main

import (
	"fmt"
	"math/rand/v2"
	"testing"

	tyksandbox "keybridge/bridge/tyk/sandbox"
)

// What the torture's people ask for is drawn before it begins: the n-th request of a run
// follows from the seed and n alone, whatever the machine does between.

// offer is something that can be asked for: what a portal calls it, and what its plan
// demands.
type offer struct {
	name   string
	portal string
	// plan is its line of the configuration.
	plan string
	// policy is the Classic Portal's; product and tier are the Enterprise Portal's.
	policy        string
	product, tier int
	// weight says how often it is asked for, among the others.
	weight int
}

// offers are all. Between them there is every step, each way to pay, and a subscription in
// either portal: they suspend and resume keys in ways of their own.
var offers = []offer{
	{name: "free", portal: demoPortal, plan: freePlan, policy: tyksandbox.FreePolicy, weight: 3},
	{name: "held for a review", portal: demoPortal, plan: heldPlan, policy: tyksandbox.ReviewedPolicy, weight: 4},
	{name: "monthly", portal: demoPortal, plan: monthlyPlan, policy: tyksandbox.PaidPolicy, weight: 5},
	{
		name: "validated", portal: demoEnterprise, product: tyksandbox.ForecastProduct, tier: tyksandbox.FreePlan, weight: 2,
		plan: `{name: Partner Card, portal: partners, portal_plans: ["1"], steps: [{validation: card}]}`,
	},
	{
		name: "paid once", portal: demoEnterprise, product: tyksandbox.ForecastProduct, tier: tyksandbox.PaidPlan, weight: 4,
		plan: `{name: Partner Once, portal: partners, portal_plans: ["2"], policies: ["1"], steps: [payment], price: {amount: "19.00", currency: EUR}}`,
	},
	{
		name: "monthly", portal: demoEnterprise, product: tyksandbox.HistoryProduct, tier: tyksandbox.PaidPlan, weight: 3,
		plan: `{name: Partner Monthly, portal: partners, portal_plans: ["2"], policies: ["2"], steps: [payment], price: {amount: "9.00", currency: EUR, interval: month}}`,
	},
	{
		name: "reviewed, then paid", portal: demoEnterprise, product: tyksandbox.ForecastProduct, tier: tyksandbox.ReviewedPlan, weight: 2,
		plan: `{name: Partner Reviewed, portal: partners, portal_plans: ["3"], steps: [review, payment], price: {amount: "49.00", currency: EUR}}`,
	},
}

// offeredPlans are the lines of the configuration.
func offeredPlans() (lines []string) {
	for _, o := range offers {
		if o.portal == demoPortal {
			lines = append(lines, of(o.plan)...)
			continue
		}
		lines = append(lines, o.plan)
	}
	return lines
}

// wish is one request that somebody makes. Each is of a developer of their own.
type wish struct {
	offer
	email string
	// browses: they follow where the portal leads them; else only a webhook or a listing
	// tells of it.
	browses bool
}

// drawWish draws the n-th wish of a run.
func drawWish(seed uint64, n int64) wish {
	rng := rand.New(rand.NewPCG(seed, 1<<32+uint64(n)))
	total := 0
	for _, o := range offers {
		total += o.weight
	}
	w := wish{email: fmt.Sprintf("dev%d@example.com", n)}
	at := rng.IntN(total)
	for _, o := range offers {
		if at -= o.weight; at < 0 {
			w.offer = o
			break
		}
	}
	w.browses = rng.IntN(2) == 0
	return w
}

func TestWhatATortureAsksForFollowsFromItsSeed(t *testing.T) {
	t.Parallel()
	const many = 600 // as a short run makes
	var differ int
	asked := map[string]int{}
	for n := int64(many); n > 0; n-- { // in another order than a run draws them
		w := drawWish(7, n)
		if again := drawWish(7, n); again != w {
			t.Fatalf("the %d. wish is %+v, and then %+v", n, w, again)
		}
		if drawWish(8, n) != w {
			differ++
		}
		asked[w.plan]++
	}
	if differ < many/2 {
		t.Errorf("another seed asks for the same, but for %d", differ)
	}
	for _, o := range offers {
		if asked[o.plan] < many/25 {
			t.Errorf("%s is asked for %d times in %d", o.name, asked[o.plan], many)
		}
	}
}
