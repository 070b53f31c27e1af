package report

import (
	"slices"
	"strings"

	"keybridge/bridge"
)

// counted is what an entry of a request's history adds to the sheet of its day. history
// is the request's, and may go on beyond the entry: what it adds depends on what was
// before it alone.
func counted(r bridge.Request, history []bridge.Entry, e bridge.Entry) (s bridge.Sheet) {
	before := history
	if i := slices.IndexFunc(history, func(h bridge.Entry) bool { return h.Seq >= e.Seq }); i >= 0 {
		before = history[:i]
	}
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
		money(&s, r, before, e)
	default:
		milestones(&s, r, before, e)
	}
	return s
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

// milestones counts those that are reached with an entry and were not before it.
func milestones(s *bridge.Sheet, r bridge.Request, before []bridge.Entry, e bridge.Entry) {
	had := reached(before)
	has := reached(append(slices.Clone(before), e))
	for _, m := range bridge.Milestones {
		if !has[m] || had[m] {
			continue
		}
		s.Add(bridge.Sheet{Milestones: map[bridge.Milestone]int{m: 1}})
		if m == bridge.MilestoneGranted {
			s.AddWait(e.At.Sub(r.Created))
		}
	}
}

// reached are the milestones that a history has come through.
func reached(entries []bridge.Entry) map[bridge.Milestone]bool {
	all := map[bridge.Milestone]bool{}
	for _, e := range entries {
		all[milestoneOf(e)] = true
	}
	all[bridge.MilestoneHandedOff] = all[bridge.MilestoneHandedOff] && all[bridge.MilestoneReceived]
	return all
}

// account is the payment that a history is at.
type account struct {
	// here: money has come; back is what went back of it.
	here bool
	back int64
}

// money counts what came in or went back with an entry.
func money(s *bridge.Sheet, r bridge.Request, before []bridge.Entry, e bridge.Entry) {
	var a account
	for _, was := range before {
		a.see(was)
	}
	if currency, f := a.see(e); f != (bridge.Flow{}) {
		s.AddFlow(named(r.Terms.Plan), currency, f)
	}
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
