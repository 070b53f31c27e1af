package bridge_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"keybridge/bridge"
)

func handoff(key string, trust bridge.Trust, id, browser string) bridge.Handoff {
	return bridge.Handoff{Portal: "main", Key: key, Trust: trust, ID: id, Browser: browser, Return: "https://portal.test/"}
}

func TestASignedHandoffWorksOnce(t *testing.T) {
	w := newWorld(t)
	key := w.portal.ask("paid")
	r, err := w.service.Arrive(t.Context(), handoff(key, bridge.Signed, "jti-1", ""))
	if err != nil || r.Arrival.Trust != bridge.Signed || r.Arrival.Return != "https://portal.test/" {
		t.Fatalf("%+v, %v", r.Arrival, err)
	}
	if w.count("read portal") != 0 {
		t.Error("the portal was asked while a browser waited")
	}
	if _, err = w.service.Arrive(t.Context(), handoff(key, bridge.Signed, "jti-1", "")); bridge.KindOf(err) != bridge.Conflict {
		t.Errorf("the same link again: %v", err)
	}
	again, err := w.service.Arrive(t.Context(), handoff(key, bridge.Signed, "jti-2", ""))
	if err != nil || again.ID != r.ID {
		t.Errorf("another link to the same request: %s, %v", again.ID, err)
	}
	w.wantState(r.ID, bridge.StatePaying)
	if o := w.provider.orders[0]; o.Email != canary {
		t.Errorf("who came by a signed hand-off is known at the checkout: %+v", o)
	}
}

func TestABareHandoffIsReadBackBeforeItIsBelieved(t *testing.T) {
	for name, one := range map[string]struct {
		prepare func(w *world, key string)
		want    bridge.Kind // "" is let in
	}{
		"fresh":                {func(*world, string) {}, ""},
		"as old as it may be":  {func(w *world, _ string) { w.pass(15 * time.Minute) }, ""},
		"too old":              {func(w *world, _ string) { w.pass(15*time.Minute + 1) }, bridge.NotFound},
		"a little from ahead":  {func(w *world, _ string) { w.pass(-5 * time.Minute) }, ""},
		"from the future":      {func(w *world, _ string) { w.pass(-5*time.Minute - 1) }, bridge.NotFound},
		"approved":             {func(w *world, key string) { w.portal.set(key, bridge.Granted) }, bridge.NotFound},
		"gone":                 {func(w *world, key string) { w.portal.set(key, bridge.Gone) }, bridge.NotFound},
		"never there":          {func(w *world, key string) { delete(w.portal.keys, key) }, bridge.NotFound},
		"the portal says no":   {func(w *world, _ string) { w.fault = func(string) fault { return invalid } }, bridge.Invalid},
		"the portal is down":   {func(w *world, _ string) { w.fault = func(string) fault { return cutBefore } }, ""},
		"the portal is busy":   {func(w *world, _ string) { w.fault = func(string) fault { return limited } }, ""},
		"we are not let in":    {func(w *world, _ string) { w.fault = func(string) fault { return refused } }, ""},
		"known from a webhook": {func(w *world, key string) { _, _ = w.service.Accept(w.Context(), w.webhook(key)) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			key := w.portal.ask("paid")
			one.prepare(w, key)
			r, err := w.service.Arrive(t.Context(), handoff(key, bridge.Bare, "", "cookie-1"))
			if bridge.KindOf(err) != one.want {
				t.Fatalf("%v, want %q", err, one.want)
			}
			page, _ := w.store.List(t.Context(), bridge.Filter{})
			if kept := len(page.Requests) == 1; kept != (one.want == "") {
				t.Errorf("%d requests are kept", len(page.Requests))
			}
			if err != nil {
				return
			}
			w.fault = func(string) fault { return fine }
			w.pass(time.Hour) // as long as it is due again after a failure
			w.wantState(r.ID, bridge.StatePaying)
			if o := w.provider.orders[0]; o.Email != "" || o.Customer != "" {
				t.Errorf("nobody knows who came by a bare id: %+v", o)
			}
		})
	}
}

func TestABrowserThatComesAfterTheWebhooksApprovalIsLetIn(t *testing.T) {
	w := newWorld(t)
	key := w.portal.ask("free")
	if _, err := w.service.Accept(t.Context(), w.webhook(key)); err != nil {
		t.Fatal(err)
	}
	w.step()
	r, err := w.service.Arrive(t.Context(), handoff(key, bridge.Bare, "", "cookie-1"))
	if err != nil {
		t.Fatal(err)
	}
	w.wantState(r.ID, bridge.StateActive)
	if _, err := w.service.Arrive(t.Context(), handoff(key, bridge.Bare, "", "cookie-2")); bridge.KindOf(err) != bridge.Conflict {
		t.Errorf("another browser: %v", err)
	}
}

func TestABrowserThatComesLongAfterTheWebhookIsNotLetInByABareID(t *testing.T) {
	w := newWorld(t)
	key := w.portal.ask("free")
	if _, err := w.service.Accept(t.Context(), w.webhook(key)); err != nil {
		t.Fatal(err)
	}
	w.step()
	w.pass(time.Hour)
	if _, err := w.service.Arrive(t.Context(), handoff(key, bridge.Bare, "", "cookie-1")); bridge.KindOf(err) != bridge.NotFound {
		t.Error(err)
	}
}

func TestABareHandoffThatCouldNotBeReadBackIsConfirmedOrDropped(t *testing.T) {
	for name, one := range map[string]struct {
		prepare func(w *world)
		key     string
		kept    bool
	}{
		"it was one":                  {func(*world) {}, "k1", true},
		"it was approved already":     {func(w *world) { w.portal.set("k1", bridge.Granted) }, "k1", false},
		"there is no such thing":      {func(*world) {}, "made-up", false},
		"it was too old":              {func(w *world) { w.pass(time.Hour) }, "k1", false},
		"one reading did not find it": {func(w *world) { w.portal.set("k1", bridge.Gone) }, "k1", true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.portal.ask("paid")
			one.prepare(w)
			w.fault = func(string) fault { return cutBefore }
			r, err := w.service.Arrive(t.Context(), handoff(one.key, bridge.Bare, "", "cookie-1"))
			if err != nil {
				t.Fatal(err)
			}
			w.step()
			if s := w.get(r.ID).State(); s != bridge.StateReceived {
				t.Fatalf("%s while the portal is down", s)
			}
			w.pass(time.Hour) // a long outage makes it no older than it was
			w.fault = func(string) fault { return fine }
			w.step()
			if w.portal.keys["k1"].state == bridge.Gone {
				w.portal.set("k1", bridge.Pending)
			}
			w.pass(20 * time.Second) // "gone" is believed when it is seen twice
			w.step()
			if _, err := w.service.Get(t.Context(), r.ID); (err == nil) != one.kept {
				t.Errorf("%v, want it kept: %v", err, one.kept)
			}
		})
	}
}

func TestABareHandoffGoesOnInTheBrowserItCameIn(t *testing.T) {
	w := newWorld(t)
	key := w.portal.ask("paid")
	arrive := func(trust bridge.Trust, id, browser string) (bridge.Request, error) {
		return w.service.Arrive(t.Context(), handoff(key, trust, id, browser))
	}
	first, err := arrive(bridge.Bare, "", "cookie-1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := arrive(bridge.Bare, "", "cookie-2"); bridge.KindOf(err) != bridge.Conflict {
		t.Errorf("another browser: %v", err)
	}
	if again, err := arrive(bridge.Bare, "", "cookie-1"); err != nil || again.ID != first.ID {
		t.Errorf("the same browser: %v", err)
	}
	if r, err := arrive(bridge.Signed, "jti", "cookie-2"); err != nil || r.Arrival.Trust != bridge.Signed {
		t.Errorf("a signed hand-off is better: %+v, %v", r.Arrival, err)
	}
	if _, err := arrive(bridge.Bare, "", "cookie-1"); bridge.KindOf(err) != bridge.Conflict {
		t.Errorf("the first browser, after the signed one: %v", err)
	}
	if r, err := arrive(bridge.Bare, "", "cookie-2"); err != nil || r.Arrival.Trust != bridge.Signed {
		t.Errorf("a bare id takes no trust away: %+v, %v", r.Arrival, err)
	}
}

func TestAHandoffOfAnUnknownPortal(t *testing.T) {
	w := newWorld(t)
	if _, err := w.service.Arrive(t.Context(), bridge.Handoff{Portal: "nobody's", Key: "k", Trust: bridge.Signed}); bridge.KindOf(err) != bridge.NotFound {
		t.Error(err)
	}
}

func TestAHandoffIsKeptWhenTheBrowserHangsUp(t *testing.T) {
	w := newWorld(t)
	key := w.portal.ask("free")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, h := range []bridge.Handoff{handoff(key, bridge.Bare, "", "c"), handoff(key, bridge.Signed, "jti", "c")} {
		if _, err := w.service.Arrive(ctx, h); err != nil {
			t.Errorf("%s: %v", h.Trust, err)
		}
	}
}

func TestAHintThatLeadsNowhereWakesNobody(t *testing.T) {
	w := newWorld(t)
	wake := w.service.Join()
	id := w.ask("free")
	woken := func() bool {
		select {
		case <-wake:
			return true
		default:
			return false
		}
	}
	if !woken() {
		t.Error("a new request woke nobody")
	}
	for _, one := range []struct {
		name string
		hint bridge.Hint
		want bool
	}{
		{"an unknown request", bridge.Hint{Source: "stripe", Request: "01J00000000000000000000404"}, false},
		{"an unknown ref", bridge.Hint{Source: "stripe", Refs: []bridge.Ref{{System: "stripe", Kind: bridge.RefCharge, ID: "ch_0"}}}, false},
		{"an unknown key that is not taken in", bridge.Hint{Source: "portal/main", Portal: "main", Key: "none"}, false},
		{"a known request", bridge.Hint{Source: "stripe", ID: "evt_1", Request: id}, true},
		{"the same event again", bridge.Hint{Source: "stripe", ID: "evt_1", Request: id}, false},
	} {
		if _, err := w.service.Accept(t.Context(), one.hint); err != nil {
			t.Errorf("%s: %v", one.name, err)
		}
		if got := woken(); got != one.want {
			t.Errorf("%s: woken %v", one.name, got)
		}
	}
	if err := w.service.Withdraw(t.Context(), "01J00000000000000000000404"); err == nil || woken() {
		t.Errorf("a decision about nothing: %v", err)
	}
}

func TestTheFirstDecisionWinsAndTheOthersAreTold(t *testing.T) {
	decide := func(o bridge.Outcome, name string) func(*world, bridge.ID) error {
		return func(w *world, id bridge.ID) error {
			return w.decide(name, id, o, "because "+name+" says so")
		}
	}
	withdraw := func(w *world, id bridge.ID) error { return w.service.Withdraw(w.Context(), id) }
	for name, one := range map[string]struct {
		plan          string
		first, second func(*world, bridge.ID) error
		says          string
		end           bridge.State
	}{
		"approved twice": {
			"reviewed", decide(bridge.Approve, "anna"), decide(bridge.Approve, "ben"),
			"This request was already decided: approve, by person anna (because anna says so).", bridge.StateActive,
		},
		"approved, then declined": {
			"reviewed", decide(bridge.Approve, "anna"), decide(bridge.Decline, "ben"),
			"This request was already decided: approve, by person anna (because anna says so).", bridge.StateActive,
		},
		"declined, then approved": {
			"reviewed", decide(bridge.Decline, "anna"), decide(bridge.Approve, "ben"),
			"This request was already decided: decline, by person anna (because anna says so).", bridge.StateDeclined,
		},
		"the developer is told no names": {
			"reviewed", decide(bridge.Approve, "anna"), withdraw,
			"This request was already decided: approve, by person (because anna says so).", bridge.StateActive,
		},
		"withdrawn, then approved": {
			"reviewed", withdraw, decide(bridge.Approve, "ben"),
			"This request was already decided: decline, by developer (withdrawn by the developer).", bridge.StateDeclined,
		},
		"reviewed twice, and paid later": {
			"held-not", decide(bridge.Approve, "anna"), decide(bridge.Approve, "ben"),
			"This request was already reviewed, by person anna (because anna says so).", bridge.StatePaying,
		},
		"reviewed, and declined after all": {"held-not", decide(bridge.Approve, "anna"), decide(bridge.Decline, "ben"), "", bridge.StateDeclined},
		"nothing to review":                {"paid", decide(bridge.Approve, "anna"), withdraw, "", bridge.StateDeclined},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(c *bridge.Config) {
				c.Plans = append(c.Plans, bridge.Plan{Name: "held-not", Portal: "main", Policies: []string{"held-not"}, Terms: bridge.Terms{
					Provider: "stripe", Steps: steps(review, payment), Lines: []bridge.Price{price(5, "eur", "")},
				}})
			})
			id := w.ask(one.plan)
			w.step()
			err := one.first(w, id)
			if one.plan == "paid" {
				if bridge.KindOf(err) != bridge.Conflict {
					t.Errorf("the first: %v", err)
				}
			} else if err != nil {
				t.Fatal(err)
			}
			err = one.second(w, id)
			if one.says == "" && err != nil || one.says != "" && (bridge.KindOf(err) != bridge.Conflict || bridge.Explain(err) != one.says) {
				t.Errorf("the second was told %q (%v), want %q", bridge.Explain(err), err, one.says)
			}
			w.wantState(id, one.end)
		})
	}
}

// TestFaultManyDecideAtOnce: one wins, and the others are told who did.
func TestFaultManyDecideAtOnce(t *testing.T) {
	w := newWorld(t)
	id := w.ask("reviewed")
	w.step()
	var wins sync.Map
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			o, name := bridge.Approve, fmt.Sprintf("p%d", i)
			if i%2 == 0 {
				o = bridge.Decline
			}
			err := w.decide(name, id, o, "because")
			if err == nil {
				wins.Store(name, o)
			} else if bridge.KindOf(err) != bridge.Conflict {
				t.Error(err)
			}
		})
	}
	all.Wait()
	r := w.get(id)
	n := 0
	wins.Range(func(name, o any) bool {
		n++
		if r.Verdict.Outcome != o || r.Verdict.Mark.By.Name != name {
			t.Errorf("%v won with %v, the record says %+v", name, o, r.Verdict)
		}
		return true
	})
	if n != 1 {
		t.Errorf("%d won", n)
	}
}

func TestDecisionsAboutNoRequest(t *testing.T) {
	w := newWorld(t)
	const id = "01J00000000000000000000404"
	for name, err := range map[string]error{
		"decide":   w.desk("anna").Do(t.Context(), id, bridge.Deed{Kind: bridge.DoApprove}),
		"withdraw": w.service.Withdraw(t.Context(), id),
		"refund":   w.desk("anna").Do(t.Context(), id, bridge.Deed{Kind: bridge.DoRefund, Amount: bridge.NewAmount(1, "eur"), Text: ""}),
	} {
		if bridge.KindOf(err) != bridge.NotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := w.service.History(t.Context(), id); bridge.KindOf(err) != bridge.NotFound {
		t.Errorf("history: %v", err)
	}
	if _, err := w.service.GetKey(t.Context(), "main", "none"); bridge.KindOf(err) != bridge.NotFound {
		t.Errorf("key: %v", err)
	}
	if err := w.service.Look(t.Context(), id); err != nil {
		t.Errorf("somebody looked at nothing: %v", err)
	}
}

func TestADecisionStandsThoughTheCallFails(t *testing.T) {
	w := newWorld(t)
	id := w.ask("reviewed")
	w.step()
	w.fault = func(call string) fault {
		if call == "approve" {
			return cutAfter
		}
		return fine
	}
	if err := w.desk("anna").Do(t.Context(), id, bridge.Deed{Kind: bridge.DoApprove, Text: "fine"}); err != nil {
		t.Fatal(err)
	}
	w.step()
	if r := w.get(id); r.Verdict.Outcome != bridge.Approve || r.State() != bridge.StateApproving {
		t.Errorf("%s %s", r.Verdict.Outcome, r.State())
	}
	w.pass(time.Minute)
	w.wantState(id, bridge.StateActive)
	if n := w.portal.get("k1").issued; n != 1 {
		t.Errorf("%d keys", n)
	}
}

// TestFaultPaidAndDeleted: the money goes back, with a line in the history.
func TestFaultPaidAndDeleted(t *testing.T) {
	w := newWorld(t)
	id := w.ask("paid")
	w.wantState(id, bridge.StatePaying)
	w.provider.pay(id)
	w.portal.set("k1", bridge.Gone)
	w.look(id)
	if next := w.step(); !next.Equal(noon.Add(20 * time.Second)) {
		t.Errorf("looks again in %s", next.Sub(noon))
	}
	w.pass(20 * time.Second)
	w.step()
	r := w.get(id)
	if r.State() != bridge.StateDeclined || r.Payment.Returned.Minor != 500 {
		t.Errorf("%s, %+v", r.State(), r.Payment)
	}
	for _, want := range []string{"withdrawn in the portal", "refund payment of 5.00 EUR", "returned 5.00 EUR of 5.00 EUR"} {
		if !strings.Contains(w.historyOf(id), want) {
			t.Errorf("no %q in\n%s", want, w.historyOf(id))
		}
	}
}

func TestWhatOneReadingDidNotFindIsReadAgainWhateverIsSaidOfIt(t *testing.T) {
	w := newWorld(t)
	key := w.portal.ask("paid")
	w.portal.set(key, bridge.Gone) // a copy that lags
	a, err := w.service.Accept(t.Context(), w.webhook(key))
	if err != nil {
		t.Fatal(err)
	}
	w.step()
	if r := w.get(a.Request); r.State() != bridge.StateReceived || r.Access.Missing.IsZero() {
		t.Fatalf("%s, %+v", r.State(), r.Access)
	}
	w.portal.set(key, bridge.Pending)
	if _, err := w.service.Accept(t.Context(), bridge.Hint{Source: "stripe", ID: "evt_1", What: "event", Request: a.Request, Said: bridge.SaidMoney}); err != nil {
		t.Fatal(err)
	}
	w.step()
	if r := w.get(a.Request); r.State() != bridge.StatePaying || !r.Access.Missing.IsZero() {
		t.Errorf("%s, %+v", r.State(), r.Access)
	}
}

func TestOneWrongGoneMovesNoMoney(t *testing.T) {
	w := newWorld(t)
	id := w.ask("paid")
	w.wantState(id, bridge.StatePaying)
	w.provider.pay(id)
	w.wantState(id, bridge.StateActive)
	w.portal.set("k1", bridge.Gone)
	w.look(id)
	w.step()
	w.portal.set("k1", bridge.Granted) // it was there all the time
	w.pass(time.Minute)
	w.step()
	r := w.get(id)
	if r.State() != bridge.StateActive || !r.Ended.At.IsZero() || r.Payment.Returned.Minor != 0 {
		t.Errorf("%s %+v", r.State(), r.Payment)
	}
	if h := w.historyOf(id); !strings.Contains(h, "does not find it") || !strings.Contains(h, "finds it again") {
		t.Errorf("history:\n%s", h)
	}
}

func TestMoneyThatComesAfterADeclineIsRefunded(t *testing.T) {
	w := newWorld(t)
	id := w.ask("paid")
	w.wantState(id, bridge.StatePaying)
	w.provider.change(id, func(a *account) { a.close(bridge.CheckoutComplete, bridge.Processing) })
	if err := w.service.Withdraw(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	w.wantState(id, bridge.StateDeclining)
	w.provider.change(id, func(a *account) { a.money.State, a.money.Collected = bridge.Paid, bridge.NewAmount(500, "eur") })
	if r := w.wantState(id, bridge.StateDeclined); r.Payment.Returned.Minor != 500 {
		t.Errorf("%+v", r.Payment)
	}
}

func TestAwaitReturnsAtTheChangeAndLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.clock = time.Time{}
		id := w.ask("free")
		isActive := func(r bridge.Request) bool { return r.State() == bridge.StateActive }

		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		begin := time.Now()
		if r, err := w.service.Await(ctx, id, isActive); err != nil || isActive(r) || time.Since(begin) != 3*time.Second {
			t.Errorf("patience over: %s, %v after %s", r.State(), err, time.Since(begin))
		}
		begin = time.Now()
		if _, err := w.service.Await(t.Context(), "01J00000000000000000000404", isActive); bridge.KindOf(err) != bridge.NotFound || time.Since(begin) != 0 {
			t.Errorf("no request: %v after %s", err, time.Since(begin))
		}
		var all sync.WaitGroup
		begin = time.Now()
		for range 50 {
			all.Go(func() {
				if r, err := w.service.Await(t.Context(), id, isActive); err != nil || !isActive(r) {
					t.Errorf("%s, %v", r.State(), err)
				}
			})
		}
		time.Sleep(10 * time.Millisecond) // less than it takes to look by oneself
		if n := w.service.Waiting(); n != 1 {
			t.Errorf("%d requests are waited for", n)
		}
		w.step()
		all.Wait()
		if took := time.Since(begin); took != 10*time.Millisecond {
			t.Errorf("it took %s to hear of it", took)
		}
		if n := w.service.Waiting(); n != 0 {
			t.Errorf("%d waits are left", n)
		}
	})
}

func TestHistoryIsHeldAgainstTheRequest(t *testing.T) {
	w := newWorld(t)
	id := w.ask("paid")
	w.step()
	if _, err := w.service.History(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 20 {
				if i%2 == 0 {
					if err := w.desk("anna").Do(t.Context(), id, bridge.Deed{Kind: bridge.DoRetry}); err != nil {
						t.Error(err)
					}
				} else if _, err := w.service.History(t.Context(), id); err != nil {
					t.Errorf("while lines are added: %v", err)
				}
			}
		})
	}
	all.Wait()
}

func TestAServiceNeedsItsPorts(t *testing.T) {
	if _, err := bridge.New(bridge.Config{}); err == nil {
		t.Error("made of nothing")
	}
}

// growing is a store to which a line is added between two readings.
type growing struct {
	bridge.Store
	between func()
}

func (g *growing) History(ctx context.Context, id bridge.ID) ([]bridge.Entry, error) {
	if grow := g.between; grow != nil {
		g.between = nil
		grow()
	}
	return g.Store.History(ctx, id)
}

func TestAHistoryThatGrowsWhileItIsReadIsWhole(t *testing.T) {
	grow := &growing{}
	w := newWorld(t, func(c *bridge.Config) { grow.Store, c.Store = c.Store, grow })
	id := w.ask("paid")
	w.step()
	before := w.get(id).Head.Seq
	grow.between = func() {
		if err := w.desk("anna").Do(t.Context(), id, bridge.Deed{Kind: bridge.DoRetry}); err != nil {
			t.Error(err)
		}
	}
	entries, err := w.service.History(t.Context(), id)
	if err != nil || uint64(len(entries)) != before+1 {
		t.Errorf("%d entries after %d: %v", len(entries), before, err)
	}
}

// TestAPayerIsKnownAgainOnlyIfTheyWereKnown: who came by a bare id may be anybody, and what
// they paid with is not shown to who is signed in.
func TestAPayerIsKnownAgainOnlyIfTheyWereKnown(t *testing.T) {
	for trust, want := range map[bridge.Trust]string{bridge.Signed: "cus_1", bridge.Bare: ""} {
		t.Run(string(trust), func(t *testing.T) {
			w := newWorld(t)
			first, err := w.service.Arrive(t.Context(), handoff(w.portal.ask("paid"), trust, "jti-1", "cookie-1"))
			if err != nil {
				t.Fatal(err)
			}
			w.wantState(first.ID, bridge.StatePaying)
			w.provider.pay(first.ID)
			w.provider.change(first.ID, func(a *account) { a.money.Customer = "cus_1" })
			w.look(first.ID)
			if r := w.wantState(first.ID, bridge.StateActive); r.Payment.Customer != "cus_1" {
				t.Fatalf("%+v", r.Payment)
			}
			w.wantState(w.ask("paid"), bridge.StatePaying)
			if o := w.provider.orders[len(w.provider.orders)-1]; o.Customer != want || (o.Email == "") != (want != "") {
				t.Errorf("the next checkout is for %q, %q; want %q", o.Customer, o.Email, want)
			}
		})
	}
}
