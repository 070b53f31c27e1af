package bridge_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"keybridge/bridge"
)

func TestOnePaymentAndOneApprovalWhateverTheOrderOfHints(t *testing.T) {
	// What the outside sends while a developer pays. Each line is one hint, and comes
	// with all that happened before it already so.
	sends := []func(w *world, id bridge.ID, n int){
		func(w *world, _ bridge.ID, _ int) { _, _ = w.service.Accept(w.Context(), w.webhook("k1")) },
		func(w *world, id bridge.ID, n int) {
			_, _ = w.service.Accept(w.Context(), bridge.Hint{Source: "stripe", ID: fmt.Sprintf("evt_%d", n), Request: id})
		},
		func(w *world, id bridge.ID, n int) {
			ref := bridge.Ref{System: "stripe", Kind: bridge.RefSession, ID: "cs_" + string(id) + "_1"}
			_, _ = w.service.Accept(w.Context(), bridge.Hint{Source: "stripe", ID: fmt.Sprintf("evt_ref_%d", n), Refs: []bridge.Ref{ref}})
		},
		func(w *world, id bridge.ID, _ int) { _ = w.service.Look(w.Context(), id) },
	}
	for _, order := range orders(len(sends)) {
		for times := 1; times <= 3; times++ {
			for _, between := range []bool{true, false} {
				t.Run(fmt.Sprintf("%v times %d, worked between %v", order, times, between), func(t *testing.T) {
					w := newWorld(t)
					id := w.ask("paid")
					w.wantState(id, bridge.StatePaying)
					w.provider.pay(id)
					for _, i := range order {
						for range times {
							sends[i](w, id, i)
							if between {
								w.step()
							}
						}
					}
					w.step()
					w.wantState(id, bridge.StateActive)
					if k := w.portal.get("k1"); k.issued != 1 || w.count("approve key") != 1 {
						t.Errorf("%d keys, %d calls", k.issued, w.count("approve key"))
					}
					if a := w.provider.account(id); a.opened != 1 || w.count("open checkout") != 1 {
						t.Errorf("%d checkouts, %d calls", a.opened, w.count("open checkout"))
					}
				})
			}
		}
	}
}

// orders are all orders of n things.
func orders(n int) (out [][]int) {
	var rest func(head []int)
	rest = func(head []int) {
		if len(head) == n {
			out = append(out, append([]int(nil), head...))
			return
		}
	next:
		for i := range n {
			for _, j := range head {
				if i == j {
					continue next
				}
			}
			rest(append(head, i))
		}
	}
	rest(nil)
	return out
}

func TestAHintDuringAPassIsNotLost(t *testing.T) {
	w := newWorld(t)
	id := w.ask("paid")
	w.wantState(id, bridge.StatePaying)
	once := true
	w.hook = func(call string) {
		// The developer pays after the facts were read, and the webhook is quick.
		if call == "read payment" && once {
			once = false
			defer w.look(id)
			defer w.provider.pay(id)
			time.Sleep(0)
		}
	}
	stale := true
	w.fault = func(call string) fault {
		if call == "read payment" && stale {
			stale = false
			return limited // what this pass reads is older than the payment
		}
		return fine
	}
	w.look(id)
	if worked, _, err := w.worker.Step(t.Context(), "main"); worked != 1 || err != nil {
		t.Fatal(worked, err)
	}
	if r := w.get(id); r.Work.Failures != 1 || !r.Work.Next.After(noon.Add(time.Minute)) {
		t.Fatalf("the pass was meant to fail and to wait: %+v", r.Work)
	}
	w.step() // no time has passed: it is due because of the hint alone
	if r := w.get(id); r.State() != bridge.StateActive {
		t.Errorf("%s: the hint was lost", r.State())
	}
}

func TestALeaseLapsesAndNothingIsLostWithTheProcess(t *testing.T) {
	w := newWorld(t)
	id := w.ask("paid")
	claims, _, err := w.store.Claim(t.Context(), "main", noon, noon.Add(2*time.Minute), 10)
	if err != nil || len(claims) != 1 {
		t.Fatal(claims, err)
	}
	w.look(id) // while another process has it
	if worked, next, _ := w.worker.Step(t.Context(), "main"); worked != 0 || !next.Equal(noon.Add(2*time.Minute)) {
		t.Fatalf("worked on %d, next at %s", worked, next)
	}
	w.restart()
	w.pass(2 * time.Minute)
	if worked, _, _ := w.worker.Step(t.Context(), "main"); worked != 1 {
		t.Fatal("the lease has lapsed, and nobody took it")
	}
	if s := w.get(id).State(); s != bridge.StatePaying {
		t.Errorf("%s", s)
	}
}

func TestAnAttemptGoesOnUnderItsKey(t *testing.T) {
	for name, one := range map[string]struct {
		fault fault
		same  bool
	}{
		"cut off before the work":        {cutBefore, true},
		"cut off after the work":         {cutAfter, true},
		"a stored 500 before the work":   {storedBefore, false},
		"a stored 500 after the work":    {storedAfter, false},
		"slowed down":                    {limited, true},
		"an adapter that panics (twice)": {panics, true},
	} {
		for _, wait := range []time.Duration{0, 10 * time.Minute} {
			t.Run(fmt.Sprintf("%s, the next one %s later", name, wait), func(t *testing.T) {
				w := newWorld(t)
				left := 2
				w.fault = func(call string) fault {
					if call == "open" && left > 0 {
						left--
						return one.fault
					}
					return fine
				}
				var keys []string
				id := w.ask("paid")
				for range 4 {
					w.step()
					if key := w.get(id).Work.Attempts[bridge.OpenCheckout].Key; len(keys) == 0 || keys[len(keys)-1] != key {
						keys = append(keys, key)
					}
					w.pass(wait)
					w.look(id)
				}
				w.wantState(id, bridge.StatePaying)
				if same := len(keys) == 1; same != one.same {
					t.Errorf("keys %q", keys)
				}
				if a := w.provider.account(id); a.opened != 1 || a.live() != 1 {
					t.Errorf("%d checkouts, %d live", a.opened, a.live())
				}
			})
		}
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	w := newWorld(t)
	w.fault = func(string) fault { return limited }
	id := w.ask("free")
	if next := w.step(); !next.Equal(noon.Add(90 * time.Second)) {
		t.Errorf("next at %s, asked to wait 90 s", next.Sub(noon))
	}
	if r := w.get(id); r.State() != bridge.StateReceived || r.Work.Failures != 1 || r.Work.Doing != "read portal" {
		t.Errorf("%s %+v", r.State(), r.Work)
	}
}

func TestAttentionIsAskedForAfterAWhileAndClearedByItself(t *testing.T) {
	w := newWorld(t, func(c *bridge.Config) { c.AttentionAfter = 3 })
	w.fault = func(string) fault { return cutBefore }
	id := w.ask("free")
	for i := 1; i <= 4; i++ {
		next := w.step()
		r := w.get(id)
		if r.Work.Failures != i || r.Work.Attention != (i >= 3) {
			t.Errorf("after %d failures: %+v", i, r.Work)
		}
		if slow := next.Sub(w.now()) >= 30*time.Minute; slow != (i >= 3) {
			t.Errorf("after %d failures the next is in %s", i, next.Sub(w.now()))
		}
		w.pass(next.Sub(w.now()))
	}
	if n := strings.Count(w.historyOf(id), "> needs attention"); n != 1 {
		t.Errorf("attention is %d times in the history:\n%s", n, w.historyOf(id))
	}
	w.fault = func(string) fault { return fine }
	r := w.wantState(id, bridge.StateActive)
	if r.Work.Failures != 0 || r.Work.Error != "" || r.Work.Doing != "" || r.Work.Attention {
		t.Errorf("%+v", r.Work)
	}
	if !strings.Contains(w.historyOf(id), "attention needs attention >") {
		t.Errorf("the end of it is not in the history:\n%s", w.historyOf(id))
	}
}

func (w *world) historyOf(id bridge.ID) string {
	w.Helper()
	entries, err := w.service.History(w.Context(), id)
	if err != nil {
		w.Error(err)
	}
	return lines(entries)
}

func TestAPermanentErrorAsksForAPersonAtOnceAndIsTriedSlowly(t *testing.T) {
	for _, what := range []fault{refused, invalid} {
		w := newWorld(t)
		w.fault = func(call string) fault {
			if call == "approve" {
				return what
			}
			return fine
		}
		id := w.ask("free")
		next := w.step()
		if r := w.get(id); r.State() != bridge.StateNeedsAttention || r.Stage() != bridge.StateApproving || next.Sub(noon) != 30*time.Minute {
			t.Errorf("%s, next in %s", r.State(), next.Sub(noon))
		}
		w.fault = func(string) fault { return fine }
		w.pass(30 * time.Minute)
		w.step()
		if r := w.get(id); r.State() != bridge.StateActive {
			t.Errorf("%s after it could be done", r.State())
		}
	}
}

func TestAPersonsRetryIsAtOnce(t *testing.T) {
	w := newWorld(t)
	w.fault = func(string) fault { return refused }
	id := w.ask("free")
	w.step()
	w.fault = func(string) fault { return fine }
	if err := w.desk("anna").Do(t.Context(), id, bridge.Deed{Kind: bridge.DoRetry}); err != nil {
		t.Fatal(err)
	}
	w.step()
	if r := w.get(id); r.State() != bridge.StateActive {
		t.Errorf("%s", r.State())
	}
	if !strings.Contains(w.historyOf(id), "by person anna: retry now") {
		t.Errorf("who retried is not in the history:\n%s", w.historyOf(id))
	}
	if err := w.desk("anna").Do(t.Context(), "01J00000000000000000000404", bridge.Deed{Kind: bridge.DoRetry}); bridge.KindOf(err) != bridge.NotFound {
		t.Errorf("of no request: %v", err)
	}
}

// desk is the desk of somebody who may do everything.
func (w *world) desk(name string) bridge.Desk {
	return w.service.Desk(bridge.Person{Name: name, Role: bridge.Admin})
}

// decide approves or declines as somebody who may.
func (w *world) decide(name string, id bridge.ID, o bridge.Outcome, why string) error {
	if o == bridge.Approve {
		return w.desk(name).Do(w.Context(), id, bridge.Deed{Kind: bridge.DoApprove, Text: why})
	}
	return w.desk(name).Do(w.Context(), id, bridge.Deed{Kind: bridge.DoDecline, Text: why})
}

func TestARequestWhoseCheckoutCanNeverBeOpenedCanBeDeclined(t *testing.T) {
	w := newWorld(t)
	w.fault = func(call string) fault {
		if call == "open" {
			return invalid
		}
		return fine
	}
	id := w.ask("paid")
	w.wantState(id, bridge.StateNeedsAttention)
	if err := w.service.Withdraw(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	w.step()
	if r := w.get(id); r.State() != bridge.StateDeclined || w.portal.get("k1").state != bridge.Gone {
		t.Errorf("%s: %s", r.State(), r.Work.Error)
	}
}

func TestAPortalThatIsConfiguredNoMoreAsksForAPerson(t *testing.T) {
	w := newWorld(t)
	id, over := w.ask("reviewed"), w.ask("reviewed")
	w.step()
	if err := w.service.Withdraw(t.Context(), over); err != nil {
		t.Fatal(err)
	}
	w.step()
	site := w.cfg.Portals["main"]
	w.cfg.Portals = map[string]bridge.Site{"other": site}
	w.restart()
	w.worker.Strand(t.Context())
	r := w.get(id)
	if r.State() != bridge.StateNeedsAttention || !strings.Contains(r.Work.Error, `"main"`) {
		t.Fatalf("%s: %s", r.State(), r.Work.Error)
	}
	if s := w.get(over).State(); s != bridge.StateDeclined {
		t.Errorf("what is over is %s", s)
	}
	w.restart()
	w.worker.Strand(t.Context())
	if again := w.get(id); again.Revision != r.Revision {
		t.Error("every start writes it down again")
	}
	w.cfg.Portals = map[string]bridge.Site{"main": site}
	w.restart()
	w.wantState(id, bridge.StateReviewing)
}

func TestAProviderThatIsNotConfiguredAsksForAPerson(t *testing.T) {
	w := newWorld(t)
	provider := w.cfg.Providers["stripe"]
	w.cfg.Providers = nil
	w.restart()
	intake := w.ask("paid")
	w.wantState(intake, bridge.StateNeedsAttention)
	w.cfg.Providers = map[string]bridge.Provider{"stripe": provider}
	w.restart()
	w.pass(time.Hour)
	w.wantState(intake, bridge.StatePaying)
	w.cfg.Providers = nil
	w.restart()
	if r := w.wantState(intake, bridge.StateNeedsAttention); !strings.Contains(r.Work.Error, `"stripe"`) {
		t.Errorf("%q", r.Work.Error)
	}
}

func TestPricesAreQuotedAtIntake(t *testing.T) {
	byRef := func(name, ref, provider string) bridge.Plan {
		return bridge.Plan{Name: name, Portal: "main", Policies: []string{name}, Terms: bridge.Terms{
			Provider: provider, Steps: steps(payment), Lines: []bridge.Price{{Ref: ref}},
		}}
	}
	plans := bridge.Plans{byRef("eur", "eur_1", "stripe"), byRef("usd", "usd_1", "stripe"), byRef("nobody", "x", "")}
	build := func(t *testing.T) *world { return newWorld(t, func(c *bridge.Config) { c.Plans = plans }) }
	t.Run("and kept in the terms, not in the plan", func(t *testing.T) {
		w := build(t)
		r := w.wantState(w.ask("eur"), bridge.StatePaying)
		if r.Terms.Lines[0].Amount != bridge.NewAmount(500, "eur") || plans[0].Terms.Lines[0].Amount.Currency != "" {
			t.Errorf("request %+v, plan %+v", r.Terms.Lines, plans[0].Terms.Lines)
		}
		w.look(r.ID)
		w.step()
		if w.provider.quotes != 1 {
			t.Errorf("quoted %d times", w.provider.quotes)
		}
	})
	t.Run("again when it failed, and the plan is as it was", func(t *testing.T) {
		w := build(t)
		left := 1
		w.fault = func(call string) fault {
			if call == "quote" && left > 0 {
				left--
				return cutBefore
			}
			return fine
		}
		id := w.ask("eur")
		w.step()
		if r := w.get(id); r.State() != bridge.StateReceived || r.Work.Doing != "quote" || len(r.Steps) != 0 {
			t.Fatalf("%s, %+v", r.State(), r.Work)
		}
		r := w.wantState(id, bridge.StatePaying)
		if r.Terms.Lines[0].Ref != "eur_1" || len(r.Steps) != 1 {
			t.Errorf("%+v, steps %+v", r.Terms.Lines, r.Steps)
		}
	})
	t.Run("and what does not fit is reviewed", func(t *testing.T) {
		w := build(t)
		r := w.wantState(w.ask("eur", "usd"), bridge.StateReviewing)
		if r.Terms.Why != "the plans asked for are priced in different currencies" {
			t.Errorf("%q", r.Terms.Why)
		}
	})
	t.Run("and not for what is decided already", func(t *testing.T) {
		w := build(t)
		key := w.portal.ask("eur")
		w.portal.set(key, bridge.Granted)
		done, err := w.service.Accept(t.Context(), w.webhook(key))
		if err != nil {
			t.Fatal(err)
		}
		w.wantState(done.Request, bridge.StateActive)
		if w.provider.quotes != 0 {
			t.Errorf("quoted %d times", w.provider.quotes)
		}
	})
	t.Run("and a price without a provider is an error and no panic", func(t *testing.T) {
		w := build(t)
		w.wantState(w.ask("nobody"), bridge.StateNeedsAttention)
	})
}

func TestAPanicOfAnAdapterIsAFailedCall(t *testing.T) {
	w := newWorld(t)
	w.fault = func(call string) fault {
		if call == "read portal" {
			return panics
		}
		return fine
	}
	id := w.ask("free")
	w.step()
	if r := w.get(id); r.Work.Failures != 1 || r.Work.Error != "internal" {
		t.Errorf("%+v", r.Work)
	}
	if !w.log.contains("an adapter panicked") || !w.log.contains("farPortal") {
		t.Error("the log does not say where")
	}
	w.fault = func(string) fault { return fine }
	w.wantState(id, bridge.StateActive)
}

func TestTwoSidesThatDisagreeForEverCostLittle(t *testing.T) {
	w := newWorld(t)
	calls := 0
	w.hook = func(call string) {
		if call == "approve" { // the portal shows it as pending again each time, and answers with a conflict
			calls++
		}
	}
	w.fault = func(call string) fault {
		if call == "approve" {
			return conflicts
		}
		return fine
	}
	id := w.ask("free")
	w.step()
	r := w.get(id)
	if calls != 12 || r.Work.Doing != "agree" || r.Work.Failures != 1 {
		t.Errorf("%d calls, %+v", calls, r.Work)
	}
	w.fault = func(string) fault { return fine }
	w.wantState(id, bridge.StateActive)
}

func TestAConflictIsNotRepeatedUnderItsKey(t *testing.T) {
	w := newWorld(t)
	moved := false
	w.fault = func(call string) fault {
		if call == "open" && !moved {
			moved = true
			return conflicts // and again for the same key, as a provider's stored answer is
		}
		return fine
	}
	id := w.ask("paid")
	w.step()
	if r := w.get(id); r.Payment.Checkout.State != bridge.CheckoutOpen || r.Work.Failures != 0 || !moved {
		t.Errorf("%+v, %+v", r.Payment.Checkout, r.Work)
	}
}

func TestTheApplicantIsToldOnce(t *testing.T) {
	w := newWorld(t)
	cut := true
	w.fault = func(call string) fault {
		if call == "tell" && cut {
			cut = false
			return cutAfter
		}
		return fine
	}
	id := w.ask("paid")
	w.wantState(id, bridge.StatePaying)
	w.provider.pay(id)
	w.look(id)
	w.step()
	w.pass(time.Hour)
	w.wantState(id, bridge.StateActive)
	if len(w.mail) != 1 || w.mail[0] != bridge.TellApproved {
		t.Errorf("told %q", w.mail)
	}
	w.cfg.Notifier = nil
	w.restart()
	other := w.ask("paid")
	w.wantState(other, bridge.StatePaying)
	w.provider.pay(other)
	if r := w.wantState(other, bridge.StateActive); len(r.Told) != 1 || !r.Told[0].Unsent || w.portal.get("k2").issued != 1 {
		t.Errorf("without a notifier the key has to work all the same: %s", r.Stage())
	}
}

func TestAnErrorThatQuotesTheApplicantIsLoggedWithoutThem(t *testing.T) {
	w := newWorld(t)
	w.fault = func(call string) fault {
		if call == "tell" {
			return quotes
		}
		return fine
	}
	id := w.ask("paid")
	w.wantState(id, bridge.StatePaying)
	w.provider.pay(id)
	w.look(id)
	w.step()
	if !w.log.contains("550 mailbox of [the applicant] is unknown") { // the world searches the log for the address itself
		t.Error("the failure is not in the log")
	}
}

func TestAPersonsRefundIsMadeOnce(t *testing.T) {
	w := newWorld(t)
	id := w.ask("paid")
	w.wantState(id, bridge.StatePaying)
	refund := func(minor int64) error {
		return w.desk("anna").Do(t.Context(), id, bridge.Deed{Kind: bridge.DoRefund, Amount: bridge.NewAmount(minor, "eur"), Text: "as a courtesy"})
	}
	if err := refund(1); bridge.KindOf(err) != bridge.Conflict {
		t.Errorf("of nothing: %v", err)
	}
	w.provider.pay(id)
	w.wantState(id, bridge.StateActive)
	for _, minor := range []int64{0, -1, 501} {
		if err := refund(minor); bridge.KindOf(err) != bridge.Invalid {
			t.Errorf("%d: %v", minor, err)
		}
	}
	cut := true
	w.fault = func(call string) fault {
		if call == "refund" && cut {
			cut = false
			return cutAfter
		}
		return fine
	}
	if err := refund(200); err != nil {
		t.Fatal(err)
	}
	if err := refund(200); bridge.KindOf(err) != bridge.Conflict || !strings.Contains(err.Error(), "anna") {
		t.Errorf("a second one meanwhile: %v", err)
	}
	w.step()
	w.pass(time.Hour)
	r := w.wantState(id, bridge.StateActive)
	if r.Payment.Returned.Minor != 200 || r.Payment.Refund != (bridge.Refund{}) {
		t.Errorf("%+v", r.Payment)
	}
	if err := refund(300); err != nil {
		t.Fatal(err)
	}
	w.wantState(id, bridge.StateActive) // the plan's terms say keep
	if a := w.provider.account(id); a.money.Returned.Minor != 500 {
		t.Errorf("returned %d", a.money.Returned.Minor)
	}
	if h := w.historyOf(id); !strings.Contains(h, "returned 2.00 EUR of 5.00 EUR") || !strings.Contains(h, "returned 5.00 EUR of 5.00 EUR") {
		t.Errorf("what went back is not in the history:\n%s", h)
	}
}

// From here on the worker runs by itself, and the clock is that of the bubble.

// live runs fn in a bubble with a world whose worker is running until fn returns.
func live(t *testing.T, fn func(w *world), change ...func(*bridge.Config)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, change...)
		w.mu.Lock()
		w.clock = time.Time{}
		w.mu.Unlock()
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); w.worker.Run(ctx) }()
		fn(w)
		stop()
		<-ended
	})
}

// await waits for a state, in the bubble's time.
func (w *world) await(id bridge.ID, within time.Duration, want bridge.State) {
	w.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	there := func(r bridge.Request) bool {
		// A request is paying from the moment its turn to pay has come; what follows in a
		// test needs the checkout.
		return r.State() == want && (want != bridge.StatePaying || r.Payment.Checkout.State == bridge.CheckoutOpen)
	}
	r, err := w.service.Await(ctx, id, there)
	if err != nil || !there(r) {
		w.Fatalf("%s after %s, want %s (%s: %s; %v)", r.State(), within, want, r.Work.Doing, r.Work.Error, err)
	}
}

func TestTheWorkerGoesOnByItself(t *testing.T) {
	live(t, func(w *world) {
		left := 3
		w.mu.Lock()
		w.fault = func(string) fault {
			if left > 0 {
				left--
				return cutBefore
			}
			return fine
		}
		w.mu.Unlock()
		id := w.ask("paid")
		w.await(id, time.Minute, bridge.StatePaying)
		w.provider.pay(id) // no webhook comes: the clock finds it
		time.Sleep(10*time.Minute + time.Second)
		w.await(id, 0, bridge.StateActive)
		w.portal.set("k1", bridge.Gone)
		w.look(id) // and again by itself, before it is believed
		w.await(id, 21*time.Second, bridge.StateEnded)
	})
}

func TestAPortalThatHangsDoesNotSlowAnother(t *testing.T) {
	var second *farPortal
	addSecond := func(c *bridge.Config) {
		second = &farPortal{w: c.Portals["main"].Portal.(*farPortal).w, keys: map[string]*farKey{}, name: "second "}
		c.Portals["main"] = bridge.Site{Portal: c.Portals["main"].Portal, Workers: 2}
		c.Portals["second"] = bridge.Site{Portal: second}
		c.Plans = append(c.Plans, bridge.Plan{Name: "free", Portal: "second", Policies: []string{"free"}})
	}
	live(t, func(w *world) {
		hang := make(chan struct{})
		w.mu.Lock()
		w.hook = func(call string) {
			if call == "read portal" {
				<-hang
			}
		}
		w.mu.Unlock()
		for range 5 {
			w.ask("free")
		}
		synctest.Wait()
		key := second.ask("free")
		done, err := w.service.Accept(w.Context(), bridge.Hint{
			Source: "portal/second", Portal: "second", Key: key, Intake: w.service.Intake("second", key),
		})
		if err != nil {
			w.Fatal(err)
		}
		w.await(done.Request, time.Second, bridge.StateActive)
		close(hang)
		time.Sleep(time.Minute)
		for n := 1; n <= 5; n++ {
			if k := w.portal.get(fmt.Sprintf("k%d", n)); k.state != bridge.Granted || k.issued != 1 {
				w.Errorf("%d: %+v", n, k)
			}
		}
	}, addSecond)
}

func TestNoMoreThanItsWorkersWorkForAPortal(t *testing.T) {
	live(t, func(w *world) {
		var busy, most int
		w.mu.Lock()
		w.hook = func(call string) {
			if call == "list pending" || call == "list missed events" {
				return // polling and sweeping are none of the workers'
			}
			w.mu.Lock()
			busy++
			most = max(most, busy)
			w.mu.Unlock()
			time.Sleep(time.Second)
			w.mu.Lock()
			busy--
			w.mu.Unlock()
		}
		w.mu.Unlock()
		for range 10 {
			w.ask("free")
		}
		time.Sleep(time.Minute)
		w.mu.Lock()
		defer w.mu.Unlock()
		if most != 3 {
			w.Errorf("%d at once, want 3", most)
		}
		for key, k := range w.portal.keys {
			if k.state != bridge.Granted {
				w.Errorf("%s is %s", key, k.state)
			}
		}
	}, func(c *bridge.Config) { c.Portals["main"] = bridge.Site{Portal: c.Portals["main"].Portal, Workers: 3} })
}

// TestALoopGoesOnAsSoonAsItCan has loops that look by themselves once a day.
func TestALoopGoesOnAsSoonAsItCan(t *testing.T) {
	for name, one := range map[string]struct {
		asks   int
		fault  fault // of the first call
		within time.Duration
	}{
		"when something is due":         {1, cutBefore, 2 * time.Second},
		"when a worker has become free": {5, fine, 6 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, func(c *bridge.Config) { c.Portals["main"] = bridge.Site{Portal: c.Portals["main"].Portal, Workers: 1} })
				w.clock = time.Time{}
				w.worker.Nap(24 * time.Hour)
				failed := false
				w.hook = func(call string) {
					if call == "approve" {
						time.Sleep(time.Second)
					}
				}
				w.fault = func(call string) fault {
					if call != "read portal" || failed {
						return fine
					}
					failed = true
					return one.fault
				}
				var ids []bridge.ID
				for range one.asks {
					ids = append(ids, w.ask("free"))
				}
				ctx, stop := context.WithCancel(t.Context())
				ended := make(chan struct{})
				go func() { defer close(ended); w.worker.Run(ctx) }()
				time.Sleep(one.within)
				synctest.Wait()
				for _, id := range ids {
					if s := w.get(id).State(); s != bridge.StateActive {
						t.Errorf("%s is %s", id, s)
					}
				}
				stop()
				<-ended
			})
		})
	}
}

func TestRunFinishesWhatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.clock = time.Time{}
		w.hook = func(call string) {
			if call == "approve" {
				time.Sleep(10 * time.Second)
			}
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); w.worker.Run(ctx) }()
		id := w.ask("free")
		time.Sleep(time.Second) // it is approving now
		stop()
		later := w.ask("free")
		begin := time.Now()
		<-ended
		if took := time.Since(begin); took > 10*time.Second {
			t.Errorf("it took %s to stop", took)
		}
		if s := w.get(id).State(); s != bridge.StateActive {
			t.Errorf("what was under way is %s", s)
		}
		if s := w.get(later).State(); s != bridge.StateReceived {
			t.Errorf("what came later is %s", s)
		}
	})
}

func TestAPassThatHangsIsBoundedByItsLease(t *testing.T) {
	live(t, func(w *world) {
		w.mu.Lock()
		w.portal.hang = true
		w.mu.Unlock()
		id := w.ask("free")
		time.Sleep(91 * time.Second) // three quarters of the lease
		if r := w.get(id); r.Work.Failures != 1 {
			w.Errorf("%+v", r.Work)
		}
		w.mu.Lock()
		w.portal.hang = false
		w.mu.Unlock()
		w.await(id, 5*time.Minute, bridge.StateActive) // the next try may have begun to hang already
	})
}

// TestFaultClockJumps: a lease that a clock has let lapse has no request worked on twice at
// once.
func TestFaultClockJumps(t *testing.T) {
	var ahead atomic.Int64
	live(t, func(w *world) {
		var busy, most int
		w.mu.Lock()
		w.hook = func(call string) {
			if call == "list pending" || call == "list missed events" {
				return
			}
			w.mu.Lock()
			busy++
			most = max(most, busy)
			w.mu.Unlock()
			if call == "approve" {
				ahead.Add(int64(time.Hour)) // the lease is over by the clock that everybody sees
				time.Sleep(20 * time.Second)
			}
			w.mu.Lock()
			busy--
			w.mu.Unlock()
		}
		w.mu.Unlock()
		id := w.ask("free")
		w.await(id, 30*time.Second, bridge.StateActive)
		w.mu.Lock()
		if most != 1 { // the applicant may be being told meanwhile
			w.Errorf("%d calls at once for one request", most)
		}
		w.mu.Unlock()
		if n := w.count("approve key"); n != 1 {
			w.Errorf("it was approved %d times", n)
		}
		w.look(id) // what was claimed a second time is not lost: it comes up again
		time.Sleep(3 * time.Minute)
		if due := w.backlog(); due != 0 {
			w.Errorf("%d requests are claimed or due for good", due)
		}
	}, func(c *bridge.Config) {
		c.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	})
}

// backlog is how many requests are claimed or due.
func (w *world) backlog() int {
	w.Helper()
	s, err := w.store.Stats(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	return s.Claimed + s.Due["main"].Count
}

func TestAHintThatComesAsAPassEndsIsWorkedOnAtOnce(t *testing.T) {
	var w *world
	var id bridge.ID
	var ending atomic.Bool
	live(t, func(now *world) {
		w, id = now, now.ask("paid")
		w.await(id, time.Minute, bridge.StatePaying)
		time.Sleep(5 * time.Second)
		ending.Store(true)
		w.look(id)
		w.await(id, 10*time.Second, bridge.StateActive)
	}, func(c *bridge.Config) {
		changed := c.Changed
		c.Changed = func(r bridge.Request, entries []bridge.Entry) {
			changed(r, entries)
			if ending.CompareAndSwap(true, false) { // the claim was given back, and the pass is not over yet
				w.provider.pay(id)
				w.look(id)
				time.Sleep(time.Second)
			}
		}
	})
}
