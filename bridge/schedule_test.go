package bridge_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"keybridge/bridge"
)

// A schedule is what chance makes of a request's life: the developer, the bank, the
// portal's admin, people and the clock do what they do in any order, hints are lost
// or doubled, processes die, and calls go wrong in every way. When it stops, and
// faults with it, what is left has to come to rest with the invariants of the design.

// life is one schedule under way.
type life struct {
	*rapid.T
	w     *world
	id    bridge.ID
	key   string
	calls int // how many calls may still go wrong
}

func TestSchedulesOfFailingCallsConverge(t *testing.T) {
	plans := []string{"free", "reviewed", "checked", "paid", "held", "monthly", "strict", "nobody's"}
	ends := map[bridge.State]int{}
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, func(c *bridge.Config) {
			for i := range c.Plans {
				c.Plans[i].Terms.Patience = 0 // long, so that many come to have a key
			}
			c.Plans = append(c.Plans, bridge.Plan{Name: "strict", Portal: "main", Policies: []string{"strict"}, Terms: bridge.Terms{
				Provider: "stripe", Steps: steps(validation, review, payment), Lines: []bridge.Price{price(5, "eur", "month")},
				Refunded: bridge.Suspend, Disputed: bridge.Revoke, Patience: time.Hour,
			}})
		})
		l := &life{T: rt, w: w}
		l.id = w.ask(rapid.SampledFrom(plans).Draw(rt, "plan"))
		l.key = "k1"
		w.portal.renews = rapid.Bool().Draw(rt, "renews")
		w.fault = l.fault
		for range rapid.IntRange(3, 60).Draw(rt, "length") {
			l.calls = rapid.IntRange(0, 4).Draw(rt, "faults")
			l.act()
			l.always()
		}
		l.calls = 0
		l.settle()
		ends[w.get(l.id).State()]++
		w.close()
	})
	t.Logf("where they came to rest: %v", ends)
}

// fault draws how a call goes wrong. It is called by the worker, and under its lock.
func (l *life) fault(call string) fault {
	if l.calls == 0 {
		return fine
	}
	l.calls--
	choices := []fault{fine, cutBefore, cutAfter, storedBefore, storedAfter, limited, refused, panics}
	return rapid.SampledFrom(choices).Draw(l.T, call)
}

// act lets one thing happen that can happen.
func (l *life) act() {
	w := l.w
	can := map[string]func(){
		"work":            func() { l.step() },
		"a little passes": func() { w.pass(time.Minute) },
		"an hour passes":  func() { w.pass(time.Hour) },
		"a day passes":    func() { w.pass(25 * time.Hour) },
		"a hint":          func() { l.look() },
		"the portal's hint": func() {
			if _, err := w.service.Accept(w.Context(), w.webhook(l.key)); err != nil {
				l.Fatal(err)
			}
		},
		"the process dies": func() {
			if _, _, err := w.store.Claim(w.Context(), "main", w.now(), w.now().Add(2*time.Minute), 10); err != nil {
				l.Fatal(err)
			}
			w.restart()
		},
		"the developer withdraws": func() { _ = w.service.Withdraw(w.Context(), l.id) },
		"a person approves":       func() { _ = w.desk("anna").Do(w.Context(), l.id, bridge.Deed{Kind: bridge.DoApprove}) },
		"a person declines":       func() { _ = w.desk("anna").Do(w.Context(), l.id, bridge.Deed{Kind: bridge.DoDecline, Text: "no"}) },
		"a person refunds": func() {
			_ = w.desk("anna").Do(w.Context(), l.id, bridge.Deed{Kind: bridge.DoRefund, Amount: bridge.NewAmount(1, "eur"), Text: ""})
		},
		"a person retries": func() { _ = w.desk("anna").Do(w.Context(), l.id, bridge.Deed{Kind: bridge.DoRetry}) },
	}
	l.portalCan(can)
	l.bankCan(can)
	names := make([]string, 0, len(can))
	for name := range can {
		names = append(names, name)
	}
	slices.Sort(names)
	// The worker works about half of the time.
	if !rapid.Bool().Draw(l.T, "something happens") {
		l.step()
		return
	}
	what := rapid.SampledFrom(names).Draw(l.T, "what")
	if slices.Contains(ending, what) && rapid.IntRange(0, 5).Draw(l.T, "seldom") > 0 {
		return
	}
	can[what]()
}

// ending is what ends a request's life. It happens less often than the rest, or few
// would live to see anything.
var ending = []string{
	"the developer withdraws", "a person declines", "the admin deletes", "the admin removes",
	"it is refunded by hand", "the subscription ends", "it is disputed",
}

func (l *life) portalCan(can map[string]func()) {
	set := func(s bridge.AccessState) func() { return func() { l.w.portal.set(l.key, s) } }
	can["the account is deactivated, or activated"] = func() { l.w.setInactive(!l.w.portal.inactive) }
	switch l.w.portal.get(l.key).state {
	case bridge.Pending:
		can["the admin approves"], can["the admin deletes"] = set(bridge.Granted), set(bridge.Gone)
	case bridge.Granted:
		can["the admin suspends"], can["the admin removes"] = set(bridge.Suspended), set(bridge.Gone)
	case bridge.Suspended:
		can["the admin resumes"], can["the admin removes"] = set(bridge.Granted), set(bridge.Gone)
	}
}

// bankCan adds what developer and bank can do at a checkout whose address we know.
func (l *life) bankCan(can map[string]func()) {
	r := l.w.get(l.id)
	var m bridge.Money
	l.w.provider.change(l.id, func(a *account) { m = a.money })
	change := func(fn func(a *account, m *bridge.Money)) func() {
		return func() { l.w.provider.change(l.id, func(a *account) { fn(a, &a.money) }) }
	}
	full := bridge.NewAmount(500, "eur")
	known := m.Checkout.State == bridge.CheckoutOpen && r.Payment.Checkout.ID == m.Checkout.ID
	switch {
	case known && m.Checkout.For == validation:
		can["the card is validated"] = change(func(a *account, m *bridge.Money) {
			a.close(bridge.CheckoutComplete, bridge.NoPayment)
			m.Validated = true
		})
	case known && r.Terms.Recurring():
		can["the developer subscribes"] = change(func(a *account, m *bridge.Money) {
			a.close(bridge.CheckoutComplete, bridge.Paid)
			m.Collected, m.Subscribed, m.PaidUntil = full, true, l.w.clock.Add(30*24*time.Hour)
		})
	case known && r.Terms.Hold:
		can["the developer authorises"] = change(func(a *account, _ *bridge.Money) { a.close(bridge.CheckoutComplete, bridge.Held) })
	case known:
		can["the developer pays"] = change(func(a *account, m *bridge.Money) {
			a.close(bridge.CheckoutComplete, bridge.Paid)
			m.Collected = full
		})
		can["the developer pays later"] = change(func(a *account, _ *bridge.Money) { a.close(bridge.CheckoutComplete, bridge.Processing) })
	}
	if m.Checkout.State == bridge.CheckoutOpen {
		can["the checkout expires"] = change(func(a *account, _ *bridge.Money) { a.close(bridge.CheckoutExpired, bridge.NoPayment) })
	}
	switch m.State {
	case bridge.Processing:
		can["the delayed payment arrives"] = change(func(_ *account, m *bridge.Money) { m.State, m.Collected = bridge.Paid, full })
		can["the delayed payment fails"] = change(func(a *account, _ *bridge.Money) { a.close(bridge.CheckoutFailed, bridge.NoPayment) })
	case bridge.Held:
		can["the authorisation lapses"] = change(func(a *account, _ *bridge.Money) { a.close(bridge.CheckoutFailed, bridge.NoPayment) })
	case bridge.Paid:
		can["it is refunded by hand"] = change(func(_ *account, m *bridge.Money) { m.State, m.Returned = bridge.Refunded, m.Collected })
		can["it is disputed"] = change(func(_ *account, m *bridge.Money) { m.State = bridge.Disputed })
		if m.Subscribed {
			can["the renewal fails"] = change(func(_ *account, m *bridge.Money) {
				m.State, m.OverdueSince = bridge.Overdue, l.w.clock
				m.Collected, m.Returned = bridge.Amount{}, bridge.Amount{}
			})
		}
	case bridge.Disputed:
		can["the dispute is won"] = change(func(_ *account, m *bridge.Money) {
			m.State = bridge.Paid
			if !m.PaidUntil.IsZero() && !m.Subscribed {
				m.State = bridge.PaymentEnded
			}
		})
	case bridge.Overdue:
		can["the renewal is paid"] = change(func(_ *account, m *bridge.Money) {
			m.State, m.OverdueSince, m.Collected, m.PaidUntil = bridge.Paid, time.Time{}, full, l.w.clock.Add(30*24*time.Hour)
		})
	}
	if m.Subscribed && m.State != bridge.Disputed {
		can["the subscription ends"] = change(func(_ *account, m *bridge.Money) { m.State, m.Subscribed = bridge.PaymentEnded, false })
	}
}

func (l *life) look() {
	if err := l.w.service.Look(l.w.Context(), l.id); err != nil {
		l.Fatal(err)
	}
}

func (l *life) step() int {
	worked, _, err := l.w.worker.Step(l.w.Context(), "main")
	if err != nil {
		l.Fatal(err)
	}
	return worked
}

// always checks what holds at every moment.
func (l *life) always() {
	l.w.provider.change(l.id, func(a *account) {
		switch m := a.money; {
		case a.live() > 1:
			l.Fatalf("%d checkouts are open", a.live())
		case m.Returned.Minor > m.Collected.Minor:
			l.Fatalf("%d returned of %d", m.Returned.Minor, m.Collected.Minor)
		}
	})
	if k := l.w.portal.get(l.key); k.issued > 1 {
		l.Fatalf("%d keys were issued", k.issued)
	}
}

// settle lets time pass with nothing going wrong, and checks what is left. Nothing
// is hinted at: the schedule alone has to bring it there.
func (l *life) settle() {
	l.w.setInactive(false)
	for range 3 {
		l.w.pass(25 * time.Hour) // the longest anything is left alone
		for n := 0; l.step() > 0; n++ {
			l.always()
			if n > 20 {
				l.Fatal("something is always due")
			}
		}
		l.w.pass(20 * time.Second) // what is gone is looked at again
	}
	l.step()
	r := l.w.get(l.id)
	var m bridge.Money
	l.w.provider.change(l.id, func(a *account) { m = a.money })
	if wrong := l.wrong(r, m); wrong != "" {
		entries, _ := l.w.service.History(l.w.Context(), l.id)
		l.Fatalf("%s (%s, portal %s, %+v, failing %q %q) after\n%s",
			wrong, r.State(), l.w.portal.get(l.key).state, m, r.Work.Doing, r.Work.Error, lines(entries))
	}
}

func (l *life) wrong(r bridge.Request, m bridge.Money) string {
	state := l.w.portal.get(l.key).state
	has := state == bridge.Granted || state == bridge.Suspended
	kept := m.Collected.Minor - m.Returned.Minor
	moving := m.State == bridge.Disputed || m.State == bridge.Processing
	want := r.Want(l.w.now()).Access
	switch {
	case r.Work.Attention || r.Work.Failures > 0:
		return "faults have stopped, and it still fails"
	case r.Verdict.Outcome == bridge.Decline && kept > 0 && !moving:
		return "declined with money kept"
	case r.Verdict.Outcome == bridge.Decline && state != bridge.Gone:
		return "declined, and the portal does not know"
	case r.Verdict.Outcome != bridge.Open && m.Checkout.State == bridge.CheckoutOpen:
		return "decided with a checkout open"
	case r.Verdict.Outcome != bridge.Open && m.State == bridge.Held:
		return "decided with money held"
	case r.Verdict.Outcome == bridge.Approve && kept > 0 && !has && r.Ended.At.IsZero() && !moving:
		return "paid with no access and no refund"
	case has && r.Verdict.Outcome == bridge.Open:
		return "granted with nothing decided"
	case has && state != want && l.recent(r):
		return fmt.Sprintf("wanted %s", want)
	case !r.Ended.At.IsZero() && (has || m.Subscribed):
		return "ended, and still has something"
	}
	return ""
}

// recent reports that the record is of what is so: nothing has changed outside since
// it was read last. A key that works is left alone for a day.
func (l *life) recent(r bridge.Request) bool {
	return r.Access.Have == l.w.portal.get(l.key).state
}
