package report

import (
	"slices"
	"strings"

	"keybridge/bridge"
)

// course is how far the history of a request has come, in what counts.
type course struct {
	reached []bridge.Milestone
	// arrived: the browser has come, whether or not the portal has said what is asked for.
	arrived bool
	money   account
}

// take comes to the next entry of a request's history, and returns what that adds to the
// sheet of its day. What does not count may be left out.
func (c *course) take(e bridge.Entry, about subject) (s bridge.Sheet) {
	switch e.What {
	case bridge.WhatVerdict:
		if e.After == string(bridge.Decline) {
			s.Declined = map[bridge.Cause]int{causes[e.Actor.Kind]: 1}
		}
	case bridge.WhatAttention:
		if e.After != "" {
			s.Failed = map[string]int{doing(e.Why): 1}
		}
	case bridge.WhatPayment:
		if currency, f := c.money.see(e); f != (bridge.Flow{}) {
			s.AddFlow(named(about.plan), currency, f)
		}
	default:
		for _, m := range c.reach(milestoneOf(e)) {
			s.Add(bridge.Sheet{Milestones: map[bridge.Milestone]int{m: 1}})
			if m == bridge.MilestoneGranted {
				s.AddWait(e.At.Sub(about.created))
			}
		}
	}
	return s
}

// reach returns the milestones that are reached with one that an entry is about, and were
// not before.
func (c *course) reach(m bridge.Milestone) (first []bridge.Milestone) {
	c.arrived = c.arrived || m == bridge.MilestoneHandedOff
	switch {
	case m == "", slices.Contains(c.reached, m):
		return nil
	case m == bridge.MilestoneHandedOff && !slices.Contains(c.reached, bridge.MilestoneReceived):
		return nil
	case m == bridge.MilestoneReceived && c.arrived:
		first = []bridge.Milestone{m, bridge.MilestoneHandedOff}
	default:
		first = []bridge.Milestone{m}
	}
	c.reached = append(c.reached, first...)
	return first
}

// counts reports whether an entry can add anything, so that the others cost nothing.
func counts(e bridge.Entry) bool {
	switch e.What {
	case bridge.WhatVerdict:
		return e.After == string(bridge.Decline)
	case bridge.WhatAttention:
		return e.After != ""
	case bridge.WhatPayment:
		_, came := e.Received()
		_, _, went := e.Returned()
		return came || went
	}
	return milestoneOf(e) != ""
}

// doing is what was being done, without the amount or message it was about.
func doing(why string) string {
	what, _, _ := strings.Cut(why, ":")
	what, _, _ = strings.Cut(what, " of ")
	return named(what)
}

// milestoneOf is the milestone that an entry is about; empty: none.
func milestoneOf(e bridge.Entry) bridge.Milestone {
	switch {
	case e.What == bridge.WhatTerms:
		return bridge.MilestoneReceived
	case e.What == bridge.WhatArrived:
		return bridge.MilestoneHandedOff
	case e.What == bridge.WhatCheckout && e.After != string(bridge.NoCheckout):
		return bridge.MilestoneCheckedOut
	case e.What == bridge.WhatStep && e.After == string(bridge.Paying)+" "+string(bridge.Met):
		return bridge.MilestonePaid
	case e.What == bridge.WhatAccess && e.After == string(bridge.Granted):
		return bridge.MilestoneGranted
	}
	return ""
}

// account is the payment that a history is at.
type account struct {
	// here: money has come; back is what went back of it.
	here bool
	back int64
}

// see takes in the next entry, and returns what moved with it.
func (a *account) see(e bridge.Entry) (currency string, f bridge.Flow) {
	if in, came := e.Received(); came {
		if a.here && e.Before == string(bridge.Disputed) {
			return in.Currency, f // a dispute that was won brings nothing new
		}
		a.here, a.back = true, 0
		return in.Currency, bridge.Flow{In: in.Minor, Payments: 1}
	}
	back, all, went := e.Returned()
	if !went {
		return "", f
	}
	if !a.here { // it came and went between two readings
		a.here, f.In, f.Payments = true, all.Minor, 1
	}
	f.Back = back.Minor - a.back
	a.back = back.Minor
	return back.Currency, f
}
