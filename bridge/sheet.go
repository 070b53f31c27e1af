package bridge

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"
)

// Sheet is what happened on one day at one portal, or on several added up.
type Sheet struct {
	// Money is what came in and went back, by plan and currency.
	Money map[string]map[string]Flow `json:"money,omitempty"`
	// Milestones are how many requests reached one for the first time.
	Milestones map[Milestone]int `json:"stages,omitempty"`
	// Waits are how long requests took to their key, by bucket; see Quantile.
	Waits map[int]int `json:"waits,omitempty"`
	// Declined counts requests that came to nothing, by cause.
	Declined map[Cause]int `json:"declined,omitempty"`
	// Failed counts what needed a person's attention, by what was being done.
	Failed map[string]int `json:"failed,omitempty"`
}

// Flow is money in the smallest unit of a currency: what came in, what went back, and
// how many payments it was.
type Flow struct {
	In       int64 `json:"in"`
	Back     int64 `json:"back"`
	Payments int   `json:"payments"`
}

// Milestone is how far a request has come.
type Milestone string

// The milestones, in their order. A plan may have no need of some.
const (
	// MilestoneReceived: the portal has said what is asked for.
	MilestoneReceived Milestone = "received"
	// MilestoneHandedOff: the applicant's browser has come.
	MilestoneHandedOff Milestone = "handed off"
	// MilestoneCheckedOut: a checkout was opened, for a validation or a payment.
	MilestoneCheckedOut Milestone = "checkout opened"
	// MilestonePaid: the payment is there, or a trial has begun, or an invoice is out.
	MilestonePaid Milestone = "paid"
	// MilestoneGranted: the portal has granted access.
	MilestoneGranted Milestone = "granted"
)

// Milestones lists every milestone.
var Milestones = []Milestone{MilestoneReceived, MilestoneHandedOff, MilestoneCheckedOut, MilestonePaid, MilestoneGranted}

// Cause is why a request came to nothing.
type Cause string

// The causes.
const (
	CauseApplicant Cause = "cancelled by the applicant"
	CausePerson    Cause = "declined by a person"
	CauseTime      Cause = "not paid or validated in time"
	CausePortal    Cause = "withdrawn in the portal"
	CausePayment   Cause = "the payment did not last"
)

// Causes lists every cause.
var Causes = []Cause{CauseApplicant, CausePerson, CauseTime, CausePortal, CausePayment}

// Empty reports whether nothing happened.
func (s Sheet) Empty() bool {
	return len(s.Money) == 0 && len(s.Milestones) == 0 && len(s.Waits) == 0 && len(s.Declined) == 0 && len(s.Failed) == 0
}

// Add puts another sheet's counts to this one's.
func (s *Sheet) Add(other Sheet) {
	for plan, flows := range other.Money {
		for currency, f := range flows {
			s.AddFlow(plan, currency, f)
		}
	}
	s.Milestones = sum(s.Milestones, other.Milestones)
	s.Waits = sum(s.Waits, other.Waits)
	s.Declined = sum(s.Declined, other.Declined)
	s.Failed = sum(s.Failed, other.Failed)
}

func sum[K comparable](a, b map[K]int) map[K]int {
	for k, n := range b {
		if a == nil {
			a = map[K]int{}
		}
		a[k] += n
	}
	return a
}

// AddFlow adds what moved for a plan, in one currency.
func (s *Sheet) AddFlow(plan, currency string, f Flow) {
	if s.Money == nil {
		s.Money = map[string]map[string]Flow{}
	}
	if s.Money[plan] == nil {
		s.Money[plan] = map[string]Flow{}
	}
	was := s.Money[plan][currency]
	s.Money[plan][currency] = Flow{was.In + f.In, was.Back + f.Back, was.Payments + f.Payments}
}

// PlanFlow is the money of one plan in one currency.
type PlanFlow struct {
	Plan     string
	In, Back Amount
	Payments int
}

// ByPlan is the money, by currency and then by what came in, the most first.
func (s Sheet) ByPlan() []PlanFlow {
	var lines []PlanFlow
	for plan, flows := range s.Money {
		for currency, f := range flows {
			lines = append(lines, PlanFlow{plan, NewAmount(f.In, currency), NewAmount(f.Back, currency), f.Payments})
		}
	}
	slices.SortFunc(lines, func(a, b PlanFlow) int {
		return cmp.Or(cmp.Compare(a.In.Currency, b.In.Currency), cmp.Compare(b.In.Minor, a.In.Minor), cmp.Compare(a.Plan, b.Plan))
	})
	return lines
}

// Currencies are those in which there is money, sorted.
func (s Sheet) Currencies() []string {
	all := map[string]bool{}
	for _, flows := range s.Money {
		for currency := range flows {
			all[currency] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// In is the money of all plans in one currency.
func (s Sheet) In(currency string) (f Flow) {
	for _, flows := range s.Money {
		f.In += flows[currency].In
		f.Back += flows[currency].Back
		f.Payments += flows[currency].Payments
	}
	return f
}

// waitStep is how much longer a bucket of waits is than the one before.
const waitStep = 1.25

// AddWait counts how long a request took to its key.
func (s *Sheet) AddWait(wait time.Duration) {
	if s.Waits == nil {
		s.Waits = map[int]int{}
	}
	s.Waits[bucket(wait)]++
}

// bucket is where a wait is counted: the first holds what took up to a second.
func bucket(wait time.Duration) int {
	if wait <= time.Second {
		return 0
	}
	return int(math.Ceil(math.Log(wait.Seconds()) / math.Log(waitStep)))
}

// Keys is how many requests got their key.
func (s Sheet) Keys() (n int) {
	for _, waited := range s.Waits {
		n += waited
	}
	return n
}

// Quantile is how long the given part (0.5: the median) of requests took at most from
// their intake to their key, to within a quarter; false where none got one.
func (s Sheet) Quantile(part float64) (time.Duration, bool) {
	total := s.Keys()
	if total == 0 {
		return 0, false
	}
	left := int(math.Ceil(part * float64(total)))
	for _, b := range slices.Sorted(maps.Keys(s.Waits)) {
		if left -= s.Waits[b]; left <= 0 {
			return time.Duration(math.Pow(waitStep, float64(b)) * float64(time.Second)), true
		}
	}
	return 0, false
}
