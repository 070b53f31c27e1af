package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"keybridge/bridge"
)

// What the torture takes to be wrong, tried on what is.

func TestATortureHoldsForLostWhatNobodyDecided(t *testing.T) {
	t.Parallel()
	for name, one := range map[string]struct {
		filing       filing
		waits, there bool
		lost         bool
	}{
		"it waits":                                   {filing{}, true, true, true},
		"it waits, though the admin tried":           {filing{approved: true, declined: true}, true, true, true},
		"the admin approved it":                      {filing{approved: true}, false, true, false},
		"the admin turned it down":                   {filing{declined: true}, false, false, false},
		"it is gone, and nobody turned it down":      {filing{approved: true}, false, false, true},
		"it is approved, and nobody there did it":    {filing{declined: true}, false, true, true},
		"it is gone, and the admin never looked":     {filing{}, false, false, true},
		"it is approved, and the admin never looked": {filing{}, false, true, true},
	} {
		if what, lost := whenUnknown(&one.filing, one.waits, one.there); lost != one.lost {
			t.Errorf("%s: %s, lost: %t", name, what, lost)
		}
	}
}

func TestATortureSeesWhereMoneyAndAccessDisagree(t *testing.T) {
	t.Parallel()
	priced := bridge.Terms{Lines: []bridge.Price{{Amount: bridge.NewAmount(500, "eur")}}}
	by := func(o bridge.Outcome, who bridge.ActorKind, have bridge.AccessState) bridge.Request {
		return bridge.Request{
			Terms: priced, Verdict: bridge.Verdict{Outcome: o, Mark: bridge.Mark{By: bridge.Actor{Kind: who}}},
			Access: bridge.Access{Have: have, Granted: time.Now()}, Payment: bridge.Payment{Have: bridge.Paid, Subscribed: true},
		}
	}
	active, declined := by(bridge.Approve, bridge.ByProvider, bridge.Granted), by(bridge.Decline, bridge.ByPerson, bridge.Gone)
	given, waiting := by(bridge.Approve, bridge.ByPortal, bridge.Granted), by(bridge.Open, "", bridge.Pending)
	anew := waiting
	anew.Payment = bridge.Payment{Have: bridge.PaymentOpen}
	disputed, gone := by(bridge.Approve, bridge.ByProvider, bridge.Suspended), declined
	disputed.Payment.Have, gone.Payment.Have = bridge.Disputed, bridge.Disputed
	failing, ended := active, by(bridge.Approve, bridge.ByProvider, bridge.Gone)
	failing.Work.Failures = 1
	ended.Ended = bridge.Mark{At: time.Now()}
	overdue := by(bridge.Approve, bridge.ByProvider, bridge.Suspended)
	overdue.Payment.Have = bridge.Overdue
	one, none := ring{1, 1}, ring{}
	for name, c := range map[string]struct {
		r     bridge.Request
		waits bool
		has   ring
		m     ledgerOf
		says  string // empty: nothing is wrong
	}{
		"paid, and a key":                 {active, false, one, ledgerOf{paid: 1, kept: 500}, ""},
		"a subscription, and a key":       {active, false, one, ledgerOf{paid: 1, kept: 900, lives: 1}, ""},
		"given by the admin":              {given, false, one, ledgerOf{}, ""},
		"waits, with a checkout":          {waiting, true, none, ledgerOf{open: 1}, ""},
		"given back, and owed for since":  {overdue, false, ring{1, 0}, ledgerOf{paid: 1, returned: 900, lives: 1, owes: 1}, ""},
		"declined, and given back":        {declined, false, none, ledgerOf{paid: 1, returned: 500}, ""},
		"ended, and kept":                 {ended, false, none, ledgerOf{paid: 1, kept: 500}, ""},
		"two keys":                        {active, false, ring{2, 1}, ledgerOf{paid: 1, kept: 500}, "more than one key"},
		"paid twice":                      {active, false, one, ledgerOf{paid: 2, kept: 1000}, "paid more than once"},
		"two subscriptions":               {active, false, one, ledgerOf{paid: 1, kept: 500, lives: 2}, "more than one subscription"},
		"two checkouts":                   {waiting, true, none, ledgerOf{open: 2}, "more than one checkout"},
		"a key, and nothing paid":         {active, false, one, ledgerOf{}, "nothing is kept"},
		"paid, and no key":                {active, false, none, ledgerOf{paid: 1, kept: 500}, "there is no key"},
		"a key that does not work":        {active, false, ring{1, 0}, ledgerOf{paid: 1, kept: 500}, "no key works"},
		"overdue, and the key works":      {active, false, one, ledgerOf{paid: 1, kept: 500, lives: 1, owes: 1}, "overdue"},
		"disputed, and suspended":         {disputed, false, ring{1, 0}, ledgerOf{paid: 1, kept: 500, contested: 1}, ""},
		"lost, and suspended":             {disputed, false, ring{1, 0}, ledgerOf{paid: 1, returned: 500, contested: 1}, ""},
		"disputed, and declined":          {gone, false, none, ledgerOf{paid: 1, kept: 500, contested: 1}, ""},
		"disputed, and the key works":     {active, false, one, ledgerOf{paid: 1, kept: 500, contested: 1}, "its payment is disputed"},
		"disputed, and not known here":    {overdue, false, ring{1, 0}, ledgerOf{paid: 1, kept: 500, contested: 1}, "whether a bank disputes it: true"},
		"won, and still suspended":        {disputed, false, ring{1, 0}, ledgerOf{paid: 1, kept: 500}, "whether a bank disputes it: false"},
		"declined, and kept":              {declined, false, none, ledgerOf{paid: 1, kept: 500}, "money is kept"},
		"declined, and still waits there": {declined, true, none, ledgerOf{}, "whether it waits"},
		"declined, and a key works":       {declined, false, one, ledgerOf{}, "a key works"},
		"ended, and asks for more":        {ended, false, none, ledgerOf{kept: 500, lives: 1}, "a subscription goes on"},
		"asked anew, and one goes on":     {anew, true, none, ledgerOf{open: 1, lives: 1}, "not known here"},
		"decided, with a checkout":        {given, false, one, ledgerOf{open: 1}, "a checkout is open"},
		"approved there, and waits here":  {waiting, false, one, ledgerOf{open: 1}, "a key works"},
		"decided there, and waits here":   {waiting, false, none, ledgerOf{open: 1}, "whether it waits"},
		"it still fails":                  {failing, false, one, ledgerOf{paid: 1, kept: 500}, "still fails"},
	} {
		all := slices.Concat(tooMany(c.has, &c.m), disagreeInAccess(c.r, c.waits, c.has), disagreeInMoney(c.r, c.has, &c.m))
		if said := strings.Join(all, "; "); (said == "") != (c.says == "") || !strings.Contains(said, c.says) {
			t.Errorf("%s: %q, want %q", name, said, c.says)
		}
	}
}

func TestATortureAddsUpWhatStripeHoldsForARequest(t *testing.T) {
	t.Parallel()
	session := func(of, mode, status, payment, intent, subscription string) stripeSession {
		return stripeSession{checkout{Reference: of, Status: status, Payment: payment, Intent: intent, Subscription: subscription}, mode}
	}
	b := books{
		sessions: listOf[stripeSession]{[]stripeSession{
			session("R1", "payment", "complete", "paid", "pi_1", ""),
			session("R2", "subscription", "complete", "paid", "", "sub_2"),
			session("R3", "setup", "complete", "no_payment_required", "", ""),
			session("R1", "payment", "open", "unpaid", "", ""),
		}},
		subscriptions: listOf[stripeBill]{[]stripeBill{{ID: "sub_2", Status: "past_due"}}},
		invoices:      listOf[stripeBill]{[]stripeBill{{ID: "in_1", Status: "paid", Subscription: "sub_2"}, {ID: "in_2", Status: "paid", Subscription: "sub_2"}}},
		charges: listOf[stripeCharge]{[]stripeCharge{
			{ID: "ch_1", Intent: "pi_1", Status: "succeeded", Captured: 500, Refunded: 200},
			{Intent: "pi_1", Status: "succeeded", Refunded: 500}, // held, and let go
			{ID: "ch_2", Intent: "pi_2", Invoice: "in_1", Status: "succeeded", Captured: 900},
			{ID: "ch_3", Intent: "pi_4", Invoice: "in_2", Status: "succeeded", Captured: 900},
			{ID: "ch_4", Intent: "pi_3", Invoice: "in_2", Status: "failed"},
			{Intent: "pi_9", Status: "succeeded", Captured: 7}, // of nobody
		}},
		disputes: listOf[stripeDispute]{[]stripeDispute{
			{"ch_1", "won", 300}, {"ch_1", "lost", 300}, {"ch_2", "lost", 900}, {"ch_3", "needs_response", 900}, {"ch_3", "won", 900},
		}},
	}
	for id, want := range map[string]ledgerOf{
		"R1": {open: 1, paid: 1, returned: 500, contested: 1}, "R2": {paid: 1, lives: 1, owes: 1, kept: 900, returned: 900, contested: 1}, "R3": {}, "": {kept: 7},
	} {
		if got := b.byRequest()[id]; got == nil || *got != want {
			t.Errorf("%q has %+v, want %+v", id, got, want)
		}
	}
}

func TestADisputeThatWasLostMattersToATortureWhileItsPeriodDoes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		subscription, later string // the statuses of the subscription and of its second invoice; empty: there is none
		contested           int
	}{
		"the only period":                   {"active", "", 1},
		"the next one was paid":             {"active", "paid", 0},
		"the next one is owed":              {"past_due", "open", 1},
		"the subscription is over":          {"canceled", "", 0},
		"it is over, and the next was paid": {"canceled", "paid", 0},
	} {
		b := books{
			sessions:      listOf[stripeSession]{[]stripeSession{{checkout{Reference: "R", Status: "complete", Payment: "paid", Subscription: "sub"}, "subscription"}}},
			subscriptions: listOf[stripeBill]{[]stripeBill{{ID: "sub", Status: c.subscription}}},
			invoices:      listOf[stripeBill]{[]stripeBill{{ID: "in_1", Status: "paid", Subscription: "sub"}}},
			charges:       listOf[stripeCharge]{[]stripeCharge{{ID: "ch", Invoice: "in_1", Status: "succeeded", Captured: 900}}},
			disputes:      listOf[stripeDispute]{[]stripeDispute{{"ch", "lost", 900}}},
		}
		if c.later != "" {
			b.invoices.Data = append(b.invoices.Data, stripeBill{ID: "in_2", Status: c.later, Subscription: "sub"})
		}
		if got := b.byRequest()["R"]; got.contested != c.contested || got.kept != 0 || got.returned != 900 {
			t.Errorf("%s: %+v, want %d that matter", name, *got, c.contested)
		}
	}
}
