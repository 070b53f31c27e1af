package bridge_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
)

// observe shows facts to a request and returns what it has become. It fails when
// showing them again changes anything, or when the new lines are no chain.
func observe(t *testing.T, r bridge.Request, f bridge.Facts, now time.Time) *bridge.Change {
	t.Helper()
	c := &bridge.Change{Request: r.Clone()}
	before := c.Head
	c.Observe(f, now)
	again := &bridge.Change{Request: c.Clone()}
	again.Observe(f, now)
	if diff := cmp.Diff(c.Request, again.Request); diff != "" || len(again.Entries) != 0 {
		t.Errorf("the same facts again changed something (-once +twice), and added %d entries:\n%s", len(again.Entries), diff)
	}
	if before == (bridge.Head{}) {
		if err := bridge.VerifyHistory(c.Entries, c.Head); err != nil {
			t.Error(err)
		}
	}
	return c
}

// line finds the first new line of history about something.
func line(t *testing.T, c *bridge.Change, what bridge.What) bridge.Entry {
	t.Helper()
	for _, e := range c.Entries {
		if e.What == what {
			return e
		}
	}
	t.Fatalf("no line about %s in %s", what, lines(c.Entries))
	return bridge.Entry{}
}

func lines(entries []bridge.Entry) string {
	var out []string
	for _, e := range entries {
		out = append(out, strings.TrimSpace(string(e.What)+" "+e.Before+" > "+e.After+" by "+e.Actor.String()+": "+e.Why))
	}
	return strings.Join(out, "\n")
}

func keyIs(s bridge.AccessState, keys ...string) bridge.Facts {
	return bridge.Facts{Key: &bridge.KeyRequest{State: s, Keys: keys}}
}

func moneyIs(s bridge.PaymentState, change ...func(*bridge.Money)) bridge.Facts {
	m := bridge.Money{State: s, Checkout: bridge.Checkout{ID: "cs_1", For: payment, State: bridge.CheckoutComplete}}
	for _, fn := range change {
		fn(&m)
	}
	return bridge.Facts{Money: &m}
}

func both(key, m bridge.Facts) bridge.Facts { return bridge.Facts{Key: key.Key, Money: m.Money} }

var (
	thePortal   = bridge.Actor{Kind: bridge.ByPortal, Name: "main"}
	theProvider = bridge.Actor{Kind: bridge.ByProvider, Name: "stripe"}
	theClock    = bridge.Actor{Kind: bridge.ByClock}
)

// missing is a request that an earlier reading did not find.
func missing(r *bridge.Request) { r.Access.Missing = noon.Add(-20 * time.Second) }

func TestObserveSaysWhoDecidedAndWhy(t *testing.T) {
	late := func(r *bridge.Request) { r.Steps[0].Mark.At = noon.Add(-bridge.DefaultPatience) }
	captured := func(r *bridge.Request) {
		r.Steps = []bridge.Step{{Kind: payment, State: bridge.Met, Mark: bridge.Mark{At: noon.Add(-time.Hour), By: theProvider}}}
	}
	suspends := func(r *bridge.Request) { r.Terms.Refunded = bridge.Suspend }
	for name, one := range map[string]struct {
		r     bridge.Request
		facts bridge.Facts
		want  bridge.Outcome
		by    bridge.Actor
		why   string
	}{
		"a plan without steps is approved":       {request(), keyIs(bridge.Pending), bridge.Approve, thePortal, "the plan asks for nothing more"},
		"a payment meets the last step":          {request(waiting(payment)), both(keyIs(bridge.Pending), moneyIs(bridge.Paid)), bridge.Approve, theProvider, "payment met"},
		"a trial meets the payment":              {request(waiting(payment)), both(keyIs(bridge.Pending), moneyIs(bridge.Trialing)), bridge.Approve, theProvider, "payment met"},
		"an invoice meets the payment":           {request(waiting(payment)), both(keyIs(bridge.Pending), moneyIs(bridge.Invoiced)), bridge.Approve, theProvider, "payment met"},
		"held money does not, unless it may":     {request(waiting(payment)), both(keyIs(bridge.Pending), moneyIs(bridge.Held)), bridge.Open, bridge.Actor{}, ""},
		"held money does where the terms say so": {request(waiting(payment), func(r *bridge.Request) { r.Terms.Hold = true }), both(keyIs(bridge.Pending), moneyIs(bridge.Held)), bridge.Approve, theProvider, "payment met"},
		"a validated card meets the validation": {
			request(waiting(validation)), both(keyIs(bridge.Pending), moneyIs(bridge.NoPayment, func(m *bridge.Money) { m.Validated = true })),
			bridge.Approve, theProvider, "validation met",
		},
		"money on its way meets nothing":           {request(waiting(payment)), both(keyIs(bridge.Pending), moneyIs(bridge.Processing)), bridge.Open, bridge.Actor{}, ""},
		"what the portal's admin approved":         {request(waiting(review, payment)), keyIs(bridge.Granted), bridge.Approve, thePortal, "approved in the portal"},
		"what the admin approved and suspended":    {request(waiting(review)), keyIs(bridge.Suspended), bridge.Approve, thePortal, "approved in the portal"},
		"what was deleted in the portal":           {request(waiting(review), missing), keyIs(bridge.Gone), bridge.Decline, thePortal, "withdrawn in the portal"},
		"what one reading did not find":            {request(waiting(review)), keyIs(bridge.Gone), bridge.Open, bridge.Actor{}, ""},
		"the applicant's time is over":             {request(waiting(payment), late), keyIs(bridge.Pending), bridge.Decline, theClock, "the time for the payment is over"},
		"not while money is on its way":            {request(waiting(payment), late), both(keyIs(bridge.Pending), moneyIs(bridge.Processing)), bridge.Open, bridge.Actor{}, ""},
		"nobody hurries a reviewer":                {request(waiting(review), late), keyIs(bridge.Pending), bridge.Open, bridge.Actor{}, ""},
		"paid at the last moment":                  {request(waiting(payment), late), both(keyIs(bridge.Pending), moneyIs(bridge.Paid)), bridge.Approve, theProvider, "payment met"},
		"refunded before access was granted":       {request(verdict(bridge.Approve), captured), moneyIs(bridge.Refunded), bridge.Decline, theProvider, "the money went back before access was granted"},
		"refunded before, terms say suspend":       {request(verdict(bridge.Approve), captured, suspends), moneyIs(bridge.Refunded), bridge.Decline, theProvider, "the money went back before access was granted"},
		"a dispute before access was granted":      {request(verdict(bridge.Approve), captured), moneyIs(bridge.Disputed), bridge.Approve, bridge.Actor{}, ""},
		"a hold that lapsed before it was taken":   {request(verdict(bridge.Approve), captured), moneyIs(bridge.NoPayment), bridge.Open, theProvider, "the authorisation lapsed before it was captured"},
		"deleted after the approval was decided":   {request(verdict(bridge.Approve), missing), keyIs(bridge.Gone), bridge.Decline, thePortal, "withdrawn in the portal"},
		"the portal is down: money alone is taken": {request(waiting(payment)), moneyIs(bridge.Paid), bridge.Approve, theProvider, "payment met"},
	} {
		t.Run(name, func(t *testing.T) {
			c := observe(t, one.r, one.facts, noon)
			got := c.Verdict
			if got.Outcome != one.want || got.Mark.By != one.by || got.Mark.Why != one.why {
				t.Errorf("%s by %q because %q, want %s by %q because %q", got.Outcome, got.Mark.By, got.Mark.Why, one.want, one.by, one.why)
			}
			if one.by != (bridge.Actor{}) {
				if e := line(t, c, bridge.WhatVerdict); e.Actor != one.by || e.Why != one.why || e.After != string(one.want) {
					t.Errorf("history says %+v", e)
				}
			}
		})
	}
}

func TestAStepsTimeBeginsWhenItsTurnComes(t *testing.T) {
	r := request(waiting(validation, payment))
	c := observe(t, r, keyIs(bridge.Pending), noon)
	if !c.Steps[0].Mark.At.Equal(noon) || !c.Steps[1].Mark.At.IsZero() {
		t.Errorf("steps %+v", c.Steps)
	}
	later := noon.Add(time.Hour)
	c = observe(t, c.Request, moneyIs(bridge.NoPayment, func(m *bridge.Money) { m.Validated = true }), later)
	if c.Steps[0].State != bridge.Met || !c.Steps[1].Mark.At.Equal(later) {
		t.Errorf("steps %+v", c.Steps)
	}
}

func TestALapsedHoldGivesTheApplicantTheirTimeAgain(t *testing.T) {
	r := request(verdict(bridge.Approve), arrived)
	r.Terms.Hold = true
	r.Steps = []bridge.Step{{Kind: payment, State: bridge.Met, Mark: bridge.Mark{At: noon.Add(-100 * 24 * time.Hour)}}}
	c := observe(t, r, both(keyIs(bridge.Pending), moneyIs(bridge.NoPayment)), noon)
	if c.Verdict.Outcome != bridge.Open || c.Steps[0].State != bridge.Waiting || !c.Steps[0].Mark.At.Equal(noon) {
		t.Errorf("%s, step %+v", c.Verdict.Outcome, c.Steps[0])
	}
	if want := (bridge.Want{Access: bridge.Pending, Payment: bridge.WantOpen, For: payment}); c.Want(noon) != want {
		t.Errorf("wants %+v", c.Want(noon))
	}
}

func TestWhatTheAdminDoesWins(t *testing.T) {
	paid := request(approved, money(bridge.Paid))
	c := observe(t, paid, keyIs(bridge.Suspended), noon)
	if c.Access.Stopped.By != thePortal || c.Want(noon).Access != bridge.Suspended {
		t.Errorf("suspended by the admin: %+v, wants %s", c.Access.Stopped, c.Want(noon).Access)
	}
	c = observe(t, c.Request, keyIs(bridge.Granted), noon)
	if c.Access.Stopped != (bridge.Mark{}) || c.Want(noon).Access != bridge.Granted {
		t.Errorf("resumed by the admin: %+v, wants %s", c.Access.Stopped, c.Want(noon).Access)
	}
	c = observe(t, request(waiting(payment)), keyIs(bridge.Suspended), noon)
	if _, ok := bridge.Next(c.Request, noon); ok || c.Access.Stopped.At.IsZero() {
		t.Errorf("approved and suspended between two readings, and we would resume it: %+v", c.Access)
	}
}

func TestASuspensionOfOurOwnIsResumed(t *testing.T) {
	r := request(approved, overdue(25*time.Hour))
	r.Work.Attempts = map[bridge.ActionKind]bridge.Attempt{bridge.SuspendKey: {N: 1, First: noon, Open: true}}
	for name, facts := range map[string]bridge.Facts{
		"while it is still overdue":   keyIs(bridge.Suspended),
		"seen together with the cure": both(keyIs(bridge.Suspended), moneyIs(bridge.Paid)),
	} {
		t.Run(name, func(t *testing.T) {
			c := observe(t, r, facts, noon)
			if !c.Access.Stopped.At.IsZero() {
				t.Error("our own suspension is taken for the admin's")
			}
			c = observe(t, c.Request, moneyIs(bridge.Paid), noon)
			if a, ok := bridge.Next(c.Request, noon); !ok || a.Kind != bridge.ResumeKey {
				t.Errorf("next is %q", a)
			}
		})
	}
}

func TestTheEndIsNamedByWhoBroughtIt(t *testing.T) {
	for name, one := range map[string]struct {
		r   bridge.Request
		by  bridge.Actor
		why string
	}{
		"removed in the portal":           {request(approved, money(bridge.Paid)), thePortal, "the key was removed in the portal"},
		"removed by us, refunded":         {request(approved, money(bridge.Refunded)), theProvider, "the payment was refunded in full"},
		"removed by us, disputed":         {request(approved, money(bridge.Disputed), func(r *bridge.Request) { r.Terms.Disputed = bridge.Revoke }), theProvider, "the payment is disputed"},
		"removed by us, the subscription": {request(approved, money(bridge.PaymentEnded)), theProvider, "the subscription has ended"},
	} {
		t.Run(name, func(t *testing.T) {
			c := observe(t, one.r, keyIs(bridge.Gone), noon)
			if !c.Access.Missing.IsZero() {
				c = observe(t, c.Request, keyIs(bridge.Gone), noon.Add(time.Minute))
			}
			if c.Ended.By != one.by || c.Ended.Why != one.why {
				t.Errorf("ended by %q because %q, want %q because %q", c.Ended.By, c.Ended.Why, one.by, one.why)
			}
			if e := line(t, c, bridge.WhatEnded); e.Actor != one.by || e.Why != one.why {
				t.Errorf("history says %+v", e)
			}
		})
	}
}

// revoked is a request whose key was revoked, by a call that nobody has heard the end of.
func revoked(r *bridge.Request) {
	r.Work.Attempts = map[bridge.ActionKind]bridge.Attempt{bridge.RevokeKey: {First: noon, Open: true}}
}

func TestGoneIsBelievedWhenTwoReadingsSayIt(t *testing.T) {
	for name, r := range map[string]bridge.Request{
		"a key that works":                  request(approved),
		"a suspended key":                   request(approved, have(bridge.Suspended), overdue(25*time.Hour)),
		"a request that was paid":           request(waiting(review), money(bridge.Paid)),
		"a request with money held":         request(waiting(review), money(bridge.Held)),
		"a request with money on its way":   request(waiting(payment), money(bridge.Processing)),
		"a checkout where somebody may pay": request(waiting(payment), money(bridge.PaymentOpen)),
		"a request nothing was paid for":    request(waiting(payment)),
		"a request that waits for a person": request(waiting(review)),
		"one that was never read":           request(have(bridge.Unread)),
		"a request that was declined":       request(verdict(bridge.Decline), money(bridge.Paid)),
		"a key we want gone":                request(approved, money(bridge.Refunded)),
		"a key we may have revoked":         request(approved, money(bridge.Refunded), with(revoked)),
	} {
		t.Run(name, func(t *testing.T) {
			c := observe(t, r, keyIs(bridge.Gone), noon)
			if c.Access.Have != r.Access.Have || !c.Access.Missing.Equal(noon) || c.Verdict != r.Verdict {
				t.Fatalf("after one reading it is %q, %s", c.Access.Have, c.Verdict.Outcome)
			}
			if act, ok := bridge.Next(c.Request, noon); ok {
				t.Errorf("in doubt, and next is %q", act)
			}
			if at := bridge.Until(c.Request, noon); at.After(noon.Add(20 * time.Second)) {
				t.Errorf("looks again in %s", at.Sub(noon))
			}
			if back := observe(t, c.Request, keyIs(bridge.Pending), noon.Add(time.Second)); !back.Access.Missing.IsZero() || back.Access.Have != bridge.Pending {
				t.Errorf("found again: %+v", back.Access)
			}
			if soon := observe(t, c.Request, keyIs(bridge.Gone), noon.Add(20*time.Second-1)); soon.Access.Have == bridge.Gone {
				t.Error("believed too soon")
			}
			if late := observe(t, c.Request, keyIs(bridge.Gone), noon.Add(20*time.Second)); late.Access.Have != bridge.Gone || !late.Access.Missing.IsZero() {
				t.Errorf("not believed: %+v", late.Access)
			}
		})
	}
}

func TestADoubtIsNotDrawnOutByAClockThatIsSetBack(t *testing.T) {
	c := observe(t, request(waiting(review)), keyIs(bridge.Gone), noon.Add(24*time.Hour))
	c = observe(t, c.Request, keyIs(bridge.Gone), noon)
	if c.Access.Have != bridge.Pending || len(c.Entries) > 0 {
		t.Errorf("%+v, and history says %s", c.Access, lines(c.Entries))
	}
	if c = observe(t, c.Request, keyIs(bridge.Gone), noon.Add(20*time.Second)); c.Verdict.Outcome != bridge.Decline {
		t.Errorf("%s, %+v", c.Verdict.Outcome, c.Access)
	}
}

func TestTheAnswerToACallThatMakesItGoIsBelievedAtOnce(t *testing.T) {
	for after, believed := range map[bridge.ActionKind]bool{
		bridge.DeclineKey: true, bridge.RevokeKey: true, bridge.ApproveKey: false, bridge.SuspendKey: false, bridge.ResumeKey: false,
	} {
		facts := keyIs(bridge.Gone)
		facts.After = after
		if c := observe(t, request(approved), facts, noon); (c.Access.Have == bridge.Gone) != believed {
			t.Errorf("after %q it is %q", after, c.Access.Have)
		}
	}
}

func TestWhatIsNotFoundAtItsFirstReadingIsTakenInByTheNext(t *testing.T) {
	unread := request(have(bridge.Unread))
	terms := bridge.Terms{Plan: "Paid", Provider: "stripe", Steps: steps(payment)}
	first := &bridge.Change{Request: unread.Clone()}
	gone := bridge.KeyRequest{State: bridge.Gone}
	first.TakeIn(gone, bridge.Terms{Steps: steps(review)}, noon)
	first.Observe(bridge.Facts{Key: &gone}, noon)
	if first.State() != bridge.StateReceived || len(first.Steps) > 0 {
		t.Fatalf("%s with %+v", first.State(), first.Steps)
	}
	found := bridge.KeyRequest{State: bridge.Pending, Applicant: bridge.Applicant{ID: "dev-1"}}
	second := &bridge.Change{Request: first.Clone()}
	second.TakeIn(found, terms, noon.Add(time.Second))
	second.Observe(bridge.Facts{Key: &found}, noon.Add(time.Second))
	if second.State() != bridge.StatePaying || len(second.Steps) != 1 || second.Applicant.ID != "dev-1" {
		t.Errorf("found again: %s with %+v", second.State(), second.Steps)
	}
	second = &bridge.Change{Request: first.Clone()}
	second.TakeIn(gone, bridge.Terms{Steps: steps(review)}, noon.Add(20*time.Second))
	second.Observe(bridge.Facts{Key: &gone}, noon.Add(20*time.Second))
	if second.State() != bridge.StateDeclined {
		t.Errorf("gone for good: %s", second.State())
	}
}

func TestARefundIsTakenOffTheListOnceMade(t *testing.T) {
	ordered := func(r *bridge.Request) {
		r.Payment.Refund = bridge.Refund{Amount: bridge.NewAmount(3, "eur"), PaidUntil: noon}
		r.Payment.PaidUntil = noon
	}
	r := request(approved, money(bridge.Paid), collected(5, 0), ordered)
	paid := func(returned int64, until time.Time) bridge.Facts {
		return moneyIs(bridge.Paid, func(m *bridge.Money) {
			m.Collected, m.Returned, m.PaidUntil = bridge.NewAmount(5, "eur"), bridge.NewAmount(returned, "eur"), until
		})
	}
	if c := observe(t, r, paid(2, noon), noon); c.Payment.Refund.Amount.Minor != 3 {
		t.Error("given up with one still to give back")
	}
	if c := observe(t, r, paid(3, noon), noon); c.Payment.Refund != (bridge.Refund{}) {
		t.Error("still on the list")
	}
	c := observe(t, r, paid(0, noon.Add(30*24*time.Hour)), noon)
	if act, ok := bridge.Next(c.Request, noon); ok {
		t.Errorf("the next period was paid for, and next is %q", act)
	}
	renewed, dropped := c.Entries[len(c.Entries)-2], c.Entries[len(c.Entries)-1]
	if renewed.After != "renewed" || renewed.Why != "received 0.05 EUR" || dropped.After != "refund not made" {
		t.Errorf("history says %+v and %+v", renewed, dropped)
	}
	if again := observe(t, c.Request, paid(0, noon.Add(30*24*time.Hour)), noon); len(again.Entries) > 0 {
		t.Errorf("said twice: %+v", again.Entries)
	}
}

func TestFactsOfMoneyReplaceWhatWasKnown(t *testing.T) {
	r := request(approved, money(bridge.Overdue), subscribed)
	r.Payment.Customer, r.Payment.Why, r.Payment.OverdueSince = "cus_1", "card declined", noon
	r.Refs = []bridge.Ref{{System: "stripe", Kind: bridge.RefSession, ID: "cs_1"}}
	c := observe(t, r, moneyIs(bridge.Paid, func(m *bridge.Money) {
		m.Collected, m.PaidUntil = bridge.NewAmount(5, "eur"), noon
		m.Refs = []bridge.Ref{{System: "stripe", Kind: bridge.RefSession, ID: "cs_1"}, {System: "stripe", Kind: bridge.RefInvoice, ID: "in_1"}, {System: "stripe", Kind: bridge.RefCharge}}
	}), noon)
	want := bridge.Payment{
		Have: bridge.Paid, Checkout: bridge.Checkout{ID: "cs_1", For: payment, State: bridge.CheckoutComplete},
		Collected: bridge.NewAmount(5, "eur"), PaidUntil: noon, Customer: "cus_1",
	}
	if diff := cmp.Diff(want, c.Payment); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(c.Refs) != 2 {
		t.Errorf("refs %v: each once, and none without an id", c.Refs)
	}
	if e := line(t, c, bridge.WhatPayment); e.Before != "overdue" || e.After != "paid" || e.Actor != theProvider {
		t.Errorf("history says %+v", e)
	}
}

func TestWhatHasComeInShowsThatNoOtherCheckoutWasLeftBehind(t *testing.T) {
	collected := func(m *bridge.Money) { m.Collected = bridge.NewAmount(500, "eur") }
	back := func(m *bridge.Money) { m.Returned = m.Collected }
	goesOn := func(m *bridge.Money) { m.Subscribed = true }
	for name, tt := range map[string]struct {
		facts bridge.Facts
		known bool // what became of the opening
	}{
		"paid":                                 {moneyIs(bridge.Paid, collected, goesOn), true},
		"on its way":                           {moneyIs(bridge.Processing), true},
		"disputed":                             {moneyIs(bridge.Disputed, collected), true},
		"paid, and over":                       {moneyIs(bridge.PaymentEnded, collected), true},
		"over, and given back":                 {moneyIs(bridge.PaymentEnded, collected, back), false},
		"given back":                           {moneyIs(bridge.Refunded, collected, back), false},
		"failed":                               {moneyIs(bridge.NoPayment), false},
		"failed, and the subscription goes on": {moneyIs(bridge.NoPayment, goesOn), false},
	} {
		r := bridge.Request{Access: bridge.Access{Have: bridge.Pending}}
		r.Work.Attempts = map[bridge.ActionKind]bridge.Attempt{bridge.OpenCheckout: {N: 1, First: noon, Open: true}}
		c := observe(t, r, tt.facts, noon)
		if try := c.Work.Attempts[bridge.OpenCheckout]; try.First.IsZero() != tt.known || try.Open == tt.known {
			t.Errorf("%s: the opening stands %+v", name, try)
		}
	}
}

func TestKeysAreKnownByTheirRefs(t *testing.T) {
	c := observe(t, request(approved), keyIs(bridge.Granted, "hash-1"), noon)
	if ref, ok := c.Ref(bridge.RefKey); !ok || ref != (bridge.Ref{System: "main", Kind: bridge.RefKey, ID: "hash-1"}) {
		t.Errorf("ref %v %v", ref, ok)
	}
	if c = observe(t, c.Request, keyIs(bridge.Granted), noon); !cmp.Equal(c.Access.Keys, []string{"hash-1"}) {
		t.Errorf("keys %v: what was seen is not forgotten", c.Access.Keys)
	}
}

func TestNothingIsConcludedBeforeThePortalWasRead(t *testing.T) {
	c := observe(t, request(have(bridge.Unread)), moneyIs(bridge.Paid), noon)
	if c.Verdict.Outcome != bridge.Open {
		t.Errorf("verdict %s", c.Verdict.Outcome)
	}
}

func TestHistoryHoldsNothingPersonal(t *testing.T) {
	c := &bridge.Change{Request: request(have(bridge.Unread))}
	key := bridge.KeyRequest{
		State:     bridge.Pending,
		Applicant: bridge.Applicant{ID: "canary-id", Email: "canary@example.org", Name: "canary name", Organisation: "canary org", App: "canary app"},
		Asked:     bridge.Asked{Reasons: map[string]string{"why": "canary reason"}},
	}
	c.TakeIn(key, bridge.Terms{Plan: "Paid", Provider: "stripe", Steps: steps(payment)}, noon)
	c.Observe(bridge.Facts{Key: &key}, noon)
	b, err := json.Marshal(c.Entries)
	if err != nil || strings.Contains(string(b), "canary") {
		t.Errorf("%v: %s", err, b)
	}
	if c.Applicant != key.Applicant || c.Asked.Reasons["why"] != "canary reason" {
		t.Errorf("taken in: %+v %+v", c.Applicant, c.Asked)
	}
}
