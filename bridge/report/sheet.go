package report

import (
	"strings"
	"unicode"

	"keybridge/bridge"
)

var causes = map[bridge.ActorKind]bridge.Cause{
	bridge.ByDeveloper: bridge.CauseApplicant, bridge.ByPerson: bridge.CausePerson, bridge.ByClock: bridge.CauseTime,
	bridge.ByPortal: bridge.CausePortal, bridge.ByProvider: bridge.CausePayment,
}

// OtherPlans is the line of those plans for which a sheet had no room.
const OtherPlans = "(other plans)"

// The bounds of a sheet, which keep its paper below 64 KiB whatever plans are called.
const (
	longestName = 100
	mostFlows   = 120
	mostFailed  = 50
)

// bounded adds another sheet's counts to one, and puts what does not fit into one line for
// each currency.
func bounded(s *bridge.Sheet, other bridge.Sheet) {
	for plan, flows := range other.Money {
		for currency, f := range flows {
			to := plan
			if _, known := s.Money[plan][currency]; !known && lines(s) >= mostFlows {
				to = OtherPlans
			}
			s.AddFlow(to, currency, f)
		}
	}
	for doing, n := range other.Failed {
		if _, known := s.Failed[doing]; !known && len(s.Failed) >= mostFailed {
			doing = otherFailures
		}
		s.Add(bridge.Sheet{Failed: map[string]int{doing: n}})
	}
	other.Money, other.Failed = nil, nil
	s.Add(other)
}

const otherFailures = "(something else)"

// lines is how many lines of money a sheet has.
func lines(s *bridge.Sheet) (n int) {
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
