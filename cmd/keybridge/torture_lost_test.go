package main

import (
	"fmt"

	"keybridge/bridge"
	"keybridge/store/bolt"
)

// Not every key request that is filed comes to be known: a portal's admin may decide about
// one before a browser, a webhook or a listing has told of it. What nobody in the portal
// decided is not among those. It was lost, and that is a disagreement.

// account says of each key request that was filed what became of it here, and fails for
// what was lost. dropped is how many were taken in and found not to be there when they were
// first read.
func (x *torture) account(known map[keyAt]bridge.Request, views map[string]portalView, dropped int) {
	x.t.Helper()
	told := x.told()
	became := map[string]int{}
	forgotten := 0
	for k, f := range x.filed {
		if r, ok := known[k]; ok {
			became[whenKnown(r)]++
			continue
		}
		waits, there := views[k.portal].waits[k.id]
		what, lost := whenUnknown(f, waits, there)
		became[what]++
		if lost {
			x.t.Errorf("%s (%s of %s) is not known here, and %s", k, f.name, f.email, what)
		}
		if f.led || told[k] {
			forgotten++
		}
	}
	if forgotten > dropped {
		x.t.Errorf("of %d key requests it was said that they were taken in, and they are not known; %d were dropped", forgotten, dropped)
	}
	x.t.Logf("%d key requests were taken in and dropped, because they were gone when they were first read", dropped)
	x.tally("filed", became)
}

// whenKnown says what became of a request that is known.
func whenKnown(r bridge.Request) string {
	if r.Applicant.Email == "" {
		return "known by its id alone: gone in the portal when it was first read"
	}
	return "known"
}

// isLeftover reports a request that nobody filed: the Enterprise Portal gives keys anew for
// an access request that the bridge makes, and tells of it as of any other. One that was
// removed again before it was read, because access was stopped again, is known by its id alone:
// it is declined, or still in doubt where the run is short.
func isLeftover(r bridge.Request) bool {
	gone := r.Access.Have == bridge.Gone && r.Verdict.Outcome == bridge.Decline
	doubted := r.Access.Have == bridge.Unread && !r.Access.Missing.IsZero()
	return r.Portal == demoEnterprise && r.Applicant.ID == "" && r.Payment.Checkout.ID == "" && (gone || doubted)
}

// whenUnknown says what became in its portal of a key request that is not known here, and
// whether it was lost.
func whenUnknown(f *filing, waits, there bool) (what string, lost bool) {
	switch {
	case waits:
		return "waits in the portal", true
	case there && f.approved:
		return "unknown: approved by the portal's admin before anything told of it", false
	case !there && f.declined:
		return "unknown: turned down by the portal's admin before anything told of it", false
	}
	return fmt.Sprintf("decided in the portal by nobody there (there: %t)", there), true
}

// told are the key requests of which a webhook told that was answered with 2xx.
func (x *torture) told() map[keyAt]bool {
	x.t.Helper()
	all := map[keyAt]bool{}
	for name, p := range x.portals {
		ids, err := p.told()
		if err != nil {
			x.t.Fatal(err)
		}
		for id := range ids {
			all[keyAt{name, id}] = true
		}
	}
	return all
}

// dropped counts the requests that were removed because they never were key requests.
func (x *torture) dropped(store *bolt.Store) (n int) {
	x.t.Helper()
	for after := uint64(0); ; {
		lines, err := store.House(x.t.Context(), after, 1000)
		if err != nil {
			x.t.Fatal(err)
		}
		for _, line := range lines {
			after = line.Entry.Seq
			if line.Entry.What == bridge.WhatDropped {
				n++
			}
		}
		if len(lines) == 0 {
			return n
		}
	}
}
