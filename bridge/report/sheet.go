package report

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"

	"keybridge/bridge"
)

// Sheet is what happened on one day at one portal, or on several added up.
type Sheet struct {
	// Money is what came in and went back, by plan and currency.
	Money map[string]map[string]Flow `json:"money,omitempty"`
	// Stages are how many requests reached a stage for the first time.
	Stages map[Stage]int `json:"stages,omitempty"`
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

// Stage is how far a request has come.
type Stage string

// The stages, in their order. A plan may have no need of some.
const (
	// Received: the portal has said what is asked for.
	Received Stage = "received"
	// HandedOff: the applicant's browser has come.
	HandedOff Stage = "handed off"
	// CheckedOut: a checkout was opened, for a validation or a payment.
	CheckedOut Stage = "checkout opened"
	// Paid: the payment is there, or a trial has begun, or an invoice is out.
	Paid Stage = "paid"
	// Granted: the portal has granted access.
	Granted Stage = "granted"
)

// Stages lists every stage.
var Stages = []Stage{Received, HandedOff, CheckedOut, Paid, Granted}

// Cause is why a request came to nothing.
type Cause string

// The causes.
const (
	ByApplicant Cause = "cancelled by the applicant"
	ByPerson    Cause = "declined by a person"
	ByTime      Cause = "not paid or validated in time"
	ByPortal    Cause = "withdrawn in the portal"
	ByPayment   Cause = "the payment did not last"
)

var causes = map[bridge.ActorKind]Cause{
	bridge.ByDeveloper: ByApplicant, bridge.ByPerson: ByPerson, bridge.ByClock: ByTime, bridge.ByPortal: ByPortal,
	bridge.ByProvider: ByPayment,
}

// empty reports whether nothing happened.
func (s Sheet) empty() bool {
	return len(s.Money) == 0 && len(s.Stages) == 0 && len(s.Waits) == 0 && len(s.Declined) == 0 && len(s.Failed) == 0
}

// add puts another sheet's counts to this one's.
func (s *Sheet) add(other Sheet) {
	for plan, flows := range other.Money {
		for currency, f := range flows {
			s.flow(plan, currency, f)
		}
	}
	s.Stages = sum(s.Stages, other.Stages)
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

func (s *Sheet) flow(plan, currency string, f Flow) {
	if s.Money == nil {
		s.Money = map[string]map[string]Flow{}
	}
	if s.Money[plan] == nil {
		s.Money[plan] = map[string]Flow{}
	}
	was := s.Money[plan][currency]
	s.Money[plan][currency] = Flow{was.In + f.In, was.Back + f.Back, was.Payments + f.Payments}
}

// OtherPlans is the line of those plans for which a sheet had no room.
const OtherPlans = "(other plans)"

// The bounds of a sheet, which keep its paper below 64 KiB whatever plans are called.
const (
	longestName = 100
	mostFlows   = 120
	mostFailed  = 50
)

// bounded adds another sheet's counts, and puts what does not fit into one line for each
// currency.
func (s *Sheet) bounded(other Sheet) {
	for plan, flows := range other.Money {
		for currency, f := range flows {
			to := plan
			if _, known := s.Money[plan][currency]; !known && s.flows() >= mostFlows {
				to = OtherPlans
			}
			s.flow(to, currency, f)
		}
	}
	for doing, n := range other.Failed {
		if _, known := s.Failed[doing]; !known && len(s.Failed) >= mostFailed {
			doing = otherFailures
		}
		s.Failed = sum(s.Failed, map[string]int{doing: n})
	}
	other.Money, other.Failed = nil, nil
	s.add(other)
}

const otherFailures = "(something else)"

func (s Sheet) flows() (n int) {
	for _, flows := range s.Money {
		n += len(flows)
	}
	return n
}

// named is a name as a sheet has it: no control characters, and not too long.
func named(text string) string {
	text = strings.ToValidUTF8(strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, text), "\uFFFD")
	if len(text) <= longestName {
		return text
	}
	end := longestName
	for text[end]&0xC0 == 0x80 {
		end-- // no half of a character
	}
	return text[:end] + "…"
}

// Line is the money of one plan in one currency.
type Line struct {
	Plan     string
	In, Back bridge.Amount
	Payments int
}

// Lines are the money, by currency and then by what came in, the most first.
func (s Sheet) Lines() []Line {
	var lines []Line
	for plan, flows := range s.Money {
		for currency, f := range flows {
			lines = append(lines, Line{plan, bridge.NewAmount(f.In, currency), bridge.NewAmount(f.Back, currency), f.Payments})
		}
	}
	slices.SortFunc(lines, func(a, b Line) int {
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

// step is how much longer a bucket of waits is than the one before.
const step = 1.25

// bucket is where a wait is counted: the first holds what took up to a second.
func bucket(wait time.Duration) int {
	if wait <= time.Second {
		return 0
	}
	return int(math.Ceil(math.Log(wait.Seconds()) / math.Log(step)))
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
			return time.Duration(math.Pow(step, float64(b)) * float64(time.Second)), true
		}
	}
	return 0, false
}
