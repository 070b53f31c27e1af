package bridge_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
)

// settled has nothing count as under way: tests put the clock forward instead.
func settled(c *bridge.Config) { c.Settle = 1 }

// reconcile runs one as somebody who may.
func (w *world) reconcile(o bridge.Reconciling) bridge.Reconciliation {
	w.Helper()
	w.pass(time.Minute) // what happened is a while ago
	r, err := w.service.Desk(ada).Reconcile(w.Context(), o)
	if err != nil {
		w.Fatal(err)
	}
	return r
}

// at brings a request of a plan to where it stands, and everything to rest.
func (w *world) at(policy string, want bridge.State) bridge.ID {
	w.Helper()
	id := w.ask(policy)
	w.step()
	if want != bridge.StatePaying && want != bridge.StateReviewing {
		w.provider.pay(id)
	}
	w.wantState(id, want)
	return id
}

// monthly is an active subscription.
func (w *world) monthly() bridge.ID {
	w.Helper()
	id := w.at("monthly", bridge.StateActive)
	w.provider.change(id, func(a *account) {
		a.money.Subscribed, a.money.PaidUntil = true, w.clock.Add(240*time.Hour)
		a.money.Collected = bridge.NewAmount(900, "eur")
	})
	w.wantState(id, bridge.StateActive)
	return id
}

// differs is one way in which the outside comes to differ.
type differs struct {
	// happens returns the request it happens to, empty for one that is not known here.
	happens func(*world) bridge.ID
	kind    bridge.DifferenceKind
	remedy  bridge.Remedy
	amount  bridge.Amount
	says    string
	// rests is where the rules bring the request; empty: nowhere.
	rests bridge.State
}

var fiveEuro, nineEuro = bridge.NewAmount(500, "eur"), bridge.NewAmount(900, "eur")

var allDiffers = map[string]differs{
	"paid, and the webhook was lost": {func(w *world) bridge.ID {
		id := w.at("paid", bridge.StatePaying)
		w.provider.pay(id)
		return id
	}, bridge.NotGranted, bridge.Hinted, fiveEuro, "Paid, and the portal does not grant the key.", bridge.StateActive},
	"paid, and the portal does not let us in": {func(w *world) bridge.ID {
		id := w.at("paid", bridge.StatePaying)
		w.provider.pay(id)
		w.failing("approve", refused)
		w.wantState(id, bridge.StateNeedsAttention)
		w.failing("", fine)
		return id
	}, bridge.NotGranted, bridge.Retried, fiveEuro, "Tried 1 times: approve key: the credentials are not accepted.", bridge.StateActive},
	"suspended by us, and paid again": {func(w *world) bridge.ID {
		id := w.monthly()
		w.overdue(id)
		w.wantState(id, bridge.StateSuspended)
		w.provider.change(id, func(a *account) { a.money.State, a.money.OverdueSince = bridge.Paid, time.Time{} })
		return id
	}, bridge.NotGranted, bridge.Hinted, nineEuro, "suspended in the portal", bridge.StateActive},
	"overdue for too long": {func(w *world) bridge.ID {
		id := w.monthly()
		w.overdue(id)
		return id
	}, bridge.NotPaid, bridge.Hinted, nineEuro, "overdue", bridge.StateSuspended},
	"the subscription has ended": {func(w *world) bridge.ID {
		id := w.monthly()
		w.provider.change(id, func(a *account) {
			a.money.State, a.money.Subscribed, a.money.PaidUntil = bridge.PaymentEnded, false, w.clock.Add(-time.Hour)
		})
		return id
	}, bridge.NotPaid, bridge.Hinted, nineEuro, "has ended", bridge.StateEnded},
	"refunded in full at the provider": {func(w *world) bridge.ID {
		id := w.monthly()
		w.provider.change(id, func(a *account) {
			a.money.State, a.money.Subscribed, a.money.Returned = bridge.Refunded, false, nineEuro
		})
		return id
	}, bridge.RefundedGranted, bridge.Hinted, nineEuro, "refunded in full", bridge.StateEnded},
	"disputed": {func(w *world) bridge.ID {
		id := w.monthly()
		w.provider.change(id, func(a *account) { a.money.State = bridge.Disputed })
		return id
	}, bridge.RefundedGranted, bridge.Hinted, nineEuro, "disputed", bridge.StateSuspended},
	"paid in the moment of the decline": {func(w *world) bridge.ID {
		id := w.at("paid", bridge.StatePaying)
		w.withdraw(id)
		w.wantState(id, bridge.StateDeclined)
		w.provider.pay(id)
		return id
	}, bridge.KeptMoney, bridge.Hinted, fiveEuro, "declined, and what was paid is still here", bridge.StateDeclined},
	"the key of a subscription removed in the portal": {func(w *world) bridge.ID {
		id := w.monthly()
		w.portal.set("k1", bridge.Gone)
		return id
	}, bridge.KeptMoney, bridge.Hinted, nineEuro, "still asks for money", bridge.StateEnded},
	"paid, and the key request removed in the portal": {func(w *world) bridge.ID {
		id := w.at("paid", bridge.StatePaying)
		w.provider.pay(id)
		w.portal.set("k1", bridge.Gone)
		return id
	}, bridge.KeptMoney, bridge.Hinted, fiveEuro, "what was paid is still here", bridge.StateDeclined},
	"approved by the admin while a checkout is open": {func(w *world) bridge.ID {
		id := w.at("paid", bridge.StatePaying)
		w.portal.set("k1", bridge.Granted)
		return id
	}, bridge.KeptMoney, bridge.Hinted, fiveEuro, "nobody should pay", bridge.StateActive},
	"two checkouts are open": {func(w *world) bridge.ID {
		id := w.at("paid", bridge.StatePaying)
		w.another(id)
		return id
	}, bridge.OpenTwice, bridge.NeedsPerson, fiveEuro, "another one, which is open", bridge.StateNeedsAttention},
	"one is open that is not known here": {func(w *world) bridge.ID {
		id := w.at("paid", bridge.StatePaying)
		w.withdraw(id)
		w.wantState(id, bridge.StateDeclined)
		w.another(id)
		return id
	}, bridge.UnknownHere, bridge.NeedsPerson, fiveEuro, "a checkout that is not known here", bridge.StateNeedsAttention},
	"a checkout of no request here": {func(w *world) bridge.ID {
		w.stranger("main", bridge.PaymentOpen)
		return ""
	}, bridge.UnknownHere, bridge.NeedsPerson, bridge.Amount{}, "open for a request that is not known", ""},
	"a payment of no request here": {func(w *world) bridge.ID {
		w.stranger("", bridge.Paid)
		return ""
	}, bridge.UnknownHere, bridge.NeedsPerson, fiveEuro, `payment is "paid"`, ""},
	"a key request that nobody told of": {func(w *world) bridge.ID {
		w.portal.ask("free")
		return ""
	}, bridge.UnknownHere, bridge.TakenIn, bridge.Amount{}, "waits in the portal", ""},
	"a key request that cannot be read": {func(w *world) bridge.ID {
		w.failing("read portal", cutBefore)
		id := w.ask("free")
		w.step()
		w.failing("", fine)
		return id
	}, bridge.UnknownHere, bridge.Retried, bridge.Amount{}, "could not be read yet", bridge.StateActive},
	"a key paid for once removed in the portal": {func(w *world) bridge.ID {
		id := w.at("paid", bridge.StateActive)
		w.portal.set("k1", bridge.Gone)
		return id
	}, bridge.NotSeen, bridge.Hinted, fiveEuro, "does not have the key request any more", bridge.StateEnded},
	"a key suspended by the admin": {func(w *world) bridge.ID {
		id := w.at("paid", bridge.StateActive)
		w.portal.set("k1", bridge.Suspended)
		return id
	}, bridge.NotSeen, bridge.Hinted, fiveEuro, `"suspended" in the portal`, bridge.StateSuspended},
	"a part refunded at the provider": {func(w *world) bridge.ID {
		id := w.at("paid", bridge.StateActive)
		w.provider.change(id, func(a *account) { a.money.Returned = bridge.NewAmount(100, "eur") })
		return id
	}, bridge.NotSeen, bridge.Hinted, fiveEuro, "1.00 EUR went back at the provider, and 0.00 EUR here", bridge.StateActive},
	"refunded, and the plan keeps the access": {func(w *world) bridge.ID {
		id := w.at("paid", bridge.StateActive)
		w.provider.change(id, func(a *account) { a.money.State, a.money.Returned = bridge.Refunded, fiveEuro })
		return id
	}, bridge.NotSeen, bridge.Hinted, fiveEuro, `"refunded" at the provider, and "paid" here`, bridge.StateActive},
	"paid, and a review waits": {func(w *world) bridge.ID {
		id := w.at("held", bridge.StatePaying)
		w.provider.change(id, func(a *account) { a.close(bridge.CheckoutComplete, bridge.Held) })
		return id
	}, bridge.NotSeen, bridge.Hinted, bridge.Amount{}, `"held" at the provider`, bridge.StateReviewing},
}

// failing has calls of a name go wrong.
func (w *world) failing(name string, how fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault = func(call string) fault {
		if call == name {
			return how
		}
		return fine
	}
}

func (w *world) withdraw(id bridge.ID) {
	w.Helper()
	if err := w.service.Withdraw(w.Context(), id); err != nil {
		w.Fatal(err)
	}
}

func (w *world) overdue(id bridge.ID) {
	w.provider.change(id, func(a *account) { a.money.State, a.money.OverdueSince = bridge.Overdue, w.clock.Add(-100*time.Hour) })
}

// another has a checkout open beside a request's own.
func (w *world) another(id bridge.ID) {
	w.provider.change(id, func(a *account) {
		s := a.sessions[0]
		s.ID, s.State = "cs_another", bridge.CheckoutOpen
		a.sessions = append([]bridge.Checkout{s}, a.sessions...)
	})
}

func (w *world) stranger(portal string, state bridge.PaymentState) {
	o := bridge.Opened{Request: "01JSTRANGER", Portal: portal, At: w.now(), Money: bridge.Money{State: state, Checkout: bridge.Checkout{ID: "cs_stranger"}}}
	if state == bridge.Paid {
		o.Money.Collected = fiveEuro
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.provider.strangers = append(w.provider.strangers, o)
}

func TestEveryDifferenceIsFoundNamedAndMended(t *testing.T) {
	for name, d := range allDiffers {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, settled)
			id := d.happens(w)
			got := w.reconcile(bridge.Reconciling{})
			if len(got.Differences) != 1 {
				t.Fatalf("%d differences: %+v", len(got.Differences), got)
			}
			one := got.Differences[0]
			if one.Kind != d.kind || one.Remedy != d.remedy || one.Amount != d.amount || one.Request != id || !strings.Contains(one.Text, d.says) {
				t.Errorf("%+v\nwant %q, %q, %s of %q: %s", one, d.kind, d.remedy, d.amount, id, d.says)
			}
			if id != "" && (one.Portal != "main" || one.Request == "") {
				t.Errorf("whose is it? %+v", one)
			}
			if want := []bridge.DifferenceCount{{Portal: one.Portal, Kind: d.kind, Count: 1}}; !cmp.Equal(got.Counts, want) {
				t.Errorf("counted %v", got.Counts)
			}
			w.step()
			w.pass(25 * time.Second) // "gone" is believed when it is seen twice
			w.step()
			if d.rests != "" {
				if r := w.get(id); r.State() != d.rests {
					t.Errorf("it is %s (%s), want %s", r.State(), r.Work.Error, d.rests)
				}
			}
			again := w.reconcile(bridge.Reconciling{})
			if lasts := d.remedy == bridge.NeedsPerson; (len(again.Differences) > 0) != lasts {
				t.Errorf("the second run finds %+v", again.Differences)
			}
		})
	}
}

func TestADryRunFindsTheSameAndChangesNothing(t *testing.T) {
	for name, d := range allDiffers {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, settled)
			id := d.happens(w)
			before, lines := w.everything()
			dry := w.reconcile(bridge.Reconciling{DryRun: true})
			after, now := w.everything()
			if diff := cmp.Diff(before, after); diff != "" || lines != now {
				t.Errorf("it changed something:\n%s", diff)
			}
			if claims, _, err := w.store.Claim(t.Context(), "main", w.now(), w.now(), 10); err != nil || len(claims) > 0 && d.remedy != bridge.Retried {
				t.Errorf("it made something due: %v, %v", claims, err)
			}
			if _, kept, err := w.service.Reconciled(t.Context()); kept || err != nil {
				t.Errorf("it is kept: %v", err)
			}
			real := w.reconcile(bridge.Reconciling{})
			if diff := cmp.Diff(dry.Differences, real.Differences); diff != "" || id != "" && real.Differences[0].Request != id {
				t.Errorf("dry (-) and real (+):\n%s", diff)
			}
		})
	}
}

// everything is all requests there are, and the end of the feed.
func (w *world) everything() ([]bridge.Request, uint64) {
	w.Helper()
	page, err := w.store.List(w.Context(), bridge.Filter{Limit: 1000})
	if err != nil {
		w.Fatal(err)
	}
	end, err := w.store.FeedEnd(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	return page.Requests, end
}

// Requests that stand wherever one can stand, with nothing wrong.
func TestWhereNothingDiffersNothingIsFound(t *testing.T) {
	w := newWorld(t, settled)
	for policy, state := range map[string]bridge.State{
		"paid": bridge.StateActive, "held": bridge.StatePaying, "reviewed": bridge.StateReviewing, "checked": bridge.StateValidating,
		"free": bridge.StateActive,
	} {
		id := w.ask(policy)
		w.step()
		if policy == "paid" {
			w.provider.pay(id)
		}
		w.wantState(id, state)
	}
	w.monthly()
	ended := w.monthly()
	w.provider.change(ended, func(a *account) {
		a.money.State, a.money.Subscribed, a.money.PaidUntil = bridge.PaymentEnded, false, w.clock.Add(-time.Hour)
	})
	w.wantState(ended, bridge.StateEnded)
	declined := w.at("paid", bridge.StatePaying)
	w.withdraw(declined)
	w.wantState(declined, bridge.StateDeclined)
	overdue := w.monthly()
	w.overdue(overdue)
	w.wantState(overdue, bridge.StateSuspended)
	w.stranger("elsewhere", bridge.Paid) // of another installation on the same account
	w.stranger("main", bridge.NoPayment) // it came to nothing
	got := w.reconcile(bridge.Reconciling{})
	if len(got.Differences) > 0 || got.Requests != 9 || got.Checkouts != 9 || got.Waiting != 3 || len(got.Failed) > 0 {
		t.Errorf("%+v", got)
	}
	if got.String() != "9 checkouts, 3 waiting key requests and 9 requests compared: no differences" {
		t.Error(got)
	}
}

func TestWhatNeedsAPersonAsksForOneUntilItIsGoneOrTheyHaveLooked(t *testing.T) {
	needs := func(w *world) bridge.ID {
		id := allDiffers["two checkouts are open"].happens(w)
		w.reconcile(bridge.Reconciling{})
		r := w.wantState(id, bridge.StateNeedsAttention)
		if !strings.Contains(r.Work.Error, "another one") || r.Work.Doing != "reconcile" {
			t.Errorf("%+v", r.Work)
		}
		w.look(id)
		w.wantState(id, bridge.StateNeedsAttention) // whatever a pass finds
		return id
	}
	t.Run("it is gone", func(t *testing.T) {
		w := newWorld(t, settled)
		id := needs(w)
		w.provider.change(id, func(a *account) { a.sessions[0].State = bridge.CheckoutExpired })
		w.reconcile(bridge.Reconciling{})
		w.wantState(id, bridge.StatePaying)
	})
	t.Run("it is not known whether it is gone", func(t *testing.T) {
		w := newWorld(t, settled)
		id := needs(w)
		w.failing("list checkouts", cutBefore)
		if got := w.reconcile(bridge.Reconciling{}); len(got.Failed) != 1 || got.Failed[0].Provider != "stripe" || got.Failed[0].Count != 1 {
			t.Errorf("%+v", got.Failed)
		}
		w.wantState(id, bridge.StateNeedsAttention)
	})
	t.Run("somebody has looked", func(t *testing.T) {
		w := newWorld(t, settled)
		id := needs(w)
		if err := w.service.Desk(rita).Do(t.Context(), id, bridge.Deed{Kind: bridge.DoRetry}); err != nil {
			t.Fatal(err)
		}
		w.wantState(id, bridge.StatePaying)
		w.reconcile(bridge.Reconciling{})
		w.wantState(id, bridge.StateNeedsAttention) // it is still there
	})
}

func TestWhatIsUnderWayIsLookedAtAgainBeforeItIsCalledADifference(t *testing.T) {
	live(t, func(w *world) {
		ask := func() bridge.ID {
			id := w.ask("paid")
			w.await(id, time.Minute, bridge.StatePaying)
			return id
		}
		told, untold := ask(), ask()
		w.provider.pay(told)
		w.provider.pay(untold)
		w.portal.ask("free") // its webhook is on its way
		go func() {
			time.Sleep(10 * time.Second)
			_, _ = w.service.Accept(context.Background(), w.webhook("k3"))
			_ = w.service.Look(context.Background(), told)
		}()
		began := time.Now()
		got, err := w.service.Desk(ada).Reconcile(w.Context(), bridge.Reconciling{})
		if err != nil || len(got.Differences) != 1 || got.Differences[0].Request != untold || got.Moving != 1 {
			w.Errorf("%+v, %v", got, err)
		}
		if took := time.Since(began); took < time.Minute || took > 2*time.Minute {
			w.Errorf("it took %s", took)
		}
		w.await(untold, time.Minute, bridge.StateActive)
	}, polled(-1))
}

func TestReconcilingCanBeCancelledAndIsOneAtATime(t *testing.T) {
	w := newWorld(t, settled)
	w.at("paid", bridge.StateActive)
	ctx, stop := context.WithCancel(t.Context())
	var second error
	_, err := w.service.Desk(ada).Reconcile(ctx, bridge.Reconciling{Progress: func(string, int, int) {
		_, second = w.service.Desk(ada).Reconcile(t.Context(), bridge.Reconciling{})
		stop()
	}})
	if !strings.Contains(fmt.Sprint(err), context.Canceled.Error()) {
		t.Errorf("cancelled: %v", err)
	}
	wantKind(t, "a second one", second, bridge.Conflict)
	w.reconcile(bridge.Reconciling{})
}

func TestProgressTellsHowFarItIs(t *testing.T) {
	w := newWorld(t, settled)
	for range 3 {
		w.at("paid", bridge.StatePaying)
	}
	var told []string
	w.reconcile(bridge.Reconciling{Progress: func(doing string, done, of int) { told = append(told, fmt.Sprintf("%s %d/%d", doing, done, of)) }})
	want := []string{
		"checkouts 1/0", "checkouts 2/0", "checkouts 3/0", "key requests that wait 1/0", "key requests that wait 2/0",
		"key requests that wait 3/0", "requests 3/3",
	}
	if !slices.Equal(told, want) {
		t.Errorf("%q", told)
	}
}

func TestAPortalThatDoesNotAnswerIsGivenUpAndSaidToBe(t *testing.T) {
	w := newWorld(t, settled)
	for range 20 {
		w.at("paid", bridge.StatePaying)
	}
	w.failing("read portal", cutBefore)
	reads := w.count("read portal")
	got := w.reconcile(bridge.Reconciling{})
	if n := w.count("read portal") - reads; n < 5 || n > 8 {
		t.Errorf("it was asked %d times", n)
	}
	if len(got.Differences) > 0 || len(got.Failed) != 1 || got.Failed[0].Portal != "main" || got.Failed[0].Doing != "read portal" {
		t.Errorf("%+v", got)
	}
}

func TestOnlyWhatIsNewEnoughIsLookedAt(t *testing.T) {
	w := newWorld(t, settled)
	id := w.at("paid", bridge.StateActive)
	w.portal.set("k1", bridge.Gone)
	w.pass(24 * time.Hour)
	if got := w.reconcile(bridge.Reconciling{Since: w.now().Add(-time.Hour)}); got.Requests+got.Checkouts != 0 || len(got.Differences) > 0 {
		t.Errorf("%+v", got)
	}
	if got := w.reconcile(bridge.Reconciling{Since: w.now().Add(-48 * time.Hour)}); len(got.Differences) != 1 || got.Differences[0].Request != id {
		t.Errorf("%+v", got)
	}
}

func TestTheLastRunIsKeptWholeAndTheOneBeforeForgotten(t *testing.T) {
	w := newWorld(t, settled)
	for range 120 { // more than a paper
		w.stranger("main", bridge.Paid)
	}
	first := w.reconcile(bridge.Reconciling{})
	kept, ok, err := w.service.Reconciled(t.Context())
	if diff := cmp.Diff(first, kept); diff != "" || !ok || err != nil {
		t.Errorf("%v, %v\n%s", ok, err, diff)
	}
	w.provider.strangers = nil
	second := w.reconcile(bridge.Reconciling{})
	if kept, _, err = w.service.Reconciled(t.Context()); err != nil || !cmp.Equal(kept, second) {
		t.Errorf("%+v, %v", kept, err)
	}
	papers, err := w.store.Papers(t.Context(), "reconciliation", "", 100)
	if err != nil || len(papers) != 1 {
		t.Errorf("%d papers, %v", len(papers), err)
	}
}

func TestWhatARunKeepsIsBoundedAndWhatItFindsIsCounted(t *testing.T) {
	const suspects, kept = 5000, 1000
	w := newWorld(t, settled)
	for range suspects + 3 {
		w.stranger("main", bridge.Paid)
	}
	got := w.reconcile(bridge.Reconciling{})
	if len(got.Differences) != kept || got.Total() != suspects || got.Left != 3 || got.Checkouts != suspects+3 {
		t.Errorf("%d kept of %d, %d left of %d", len(got.Differences), got.Total(), got.Left, got.Checkouts)
	}
	last, ok, err := w.service.Reconciled(t.Context())
	if err != nil || !ok || !cmp.Equal(last, got) {
		t.Errorf("%d are kept with the run, %v", len(last.Differences), err)
	}
}

func TestAPersonSeesOfARunWhatTheirPortalsAreAbout(t *testing.T) {
	w := newWorld(t, settled)
	w.stranger("main", bridge.Paid)
	w.stranger("", bridge.Paid)
	all := w.reconcile(bridge.Reconciling{})
	if all.By != ada.Actor() {
		t.Errorf("by %s", all.By)
	}
	for _, one := range []struct {
		who  bridge.Person
		want int
	}{{vera, 2}, {olga, 0}, {bridge.Person{Name: "mo", Role: bridge.Viewer, Portals: []string{"main"}}, 1}} {
		got, ok, err := w.service.Desk(one.who).Reconciled(t.Context())
		if err != nil || !ok || len(got.Differences) != one.want || got.Total() != one.want {
			t.Errorf("%s sees %+v, %v", one.who.Name, got, err)
		}
		if counted := got.Checkouts > 0; counted != (one.who.Portals == nil) {
			t.Errorf("%s sees what was counted over all portals: %+v", one.who.Name, got)
		}
	}
	_, _, err := w.service.Desk(bridge.Person{Name: "nobody"}).Reconciled(t.Context())
	wantKind(t, "nobody looks", err, bridge.Denied)
	for _, who := range []bridge.Person{vera, olga} {
		_, err := w.service.Desk(who).Reconcile(t.Context(), bridge.Reconciling{})
		wantKind(t, who.Name+" reconciles", err, bridge.Denied)
	}
}

func TestEveryDayItRunsOnceHoweverManyNodesThereAre(t *testing.T) {
	live(t, func(w *world) {
		zone := time.FixedZone("east", 2*60*60)
		ctx, stop := context.WithCancel(w.Context())
		ended := make(chan struct{}, 3)
		for range 3 {
			node, err := bridge.New(w.cfg)
			if err != nil {
				w.Fatal(err)
			}
			go func() { node.ReconcileDaily(ctx, 3*time.Hour+30*time.Minute, zone); ended <- struct{}{} }()
		}
		var runs []time.Time
		for range 3 {
			time.Sleep(24 * time.Hour)
			synctest.Wait()
			r, ok, err := w.service.Reconciled(ctx)
			if err != nil || !ok || r.By.Kind != bridge.ByClock {
				w.Fatalf("%+v, %v, %v", r, ok, err)
			}
			runs = append(runs, r.Began.In(zone))
		}
		for i, at := range runs {
			if at.Hour() != 3 || at.Minute() != 30 || i > 0 && at.Sub(runs[i-1]) != 24*time.Hour {
				w.Errorf("ran at %v", runs)
			}
		}
		if n := w.count("list checkouts"); n != 3 {
			w.Errorf("%d runs in three days", n)
		}
		stop()
		for range 3 {
			<-ended
		}
	})
}

// TestARunThatLooksBackAShortWhileTakesNoDifferenceAway: it is not told of what is older,
// so it cannot know that it is gone.
func TestARunThatLooksBackAShortWhileTakesNoDifferenceAway(t *testing.T) {
	w := newWorld(t, settled)
	id := w.at("paid", bridge.StatePaying)
	w.another(id)
	w.reconcile(bridge.Reconciling{})
	w.wantState(id, bridge.StateNeedsAttention)
	w.pass(2 * 24 * time.Hour)
	w.provider.change(id, func(a *account) { a.sessions[len(a.sessions)-1].Expires = w.clock.Add(24 * time.Hour) })
	w.provider.pay(id) // at its own checkout, which was opened again just now
	w.reconcile(bridge.Reconciling{Since: w.now().Add(-time.Hour)})
	w.step()
	if r := w.get(id); r.Work.Apart == "" {
		t.Errorf("nobody is asked for any more: it is %s", r.State())
	}
	w.reconcile(bridge.Reconciling{})
	w.step()
	if r := w.get(id); r.Work.Apart == "" {
		t.Errorf("a run that looks at everything takes it away: it is %s", r.State())
	}
}

func TestACheckoutWhoseRequestComesInMeanwhileIsOfSomebody(t *testing.T) {
	live(t, func(w *world) {
		synctest.Wait()                                          // until the portal was asked, as it is at every start
		intake := w.service.Intake("main", w.portal.ask("paid")) // whose commit is on its way
		w.mu.Lock()
		w.provider.strangers = append(w.provider.strangers, bridge.Opened{
			Request: intake.ID, Portal: "main", At: time.Now(),
			Money: bridge.Money{State: bridge.PaymentOpen, Checkout: bridge.Checkout{ID: "cs_stranger"}},
		})
		w.mu.Unlock()
		go func() {
			time.Sleep(10 * time.Second)
			if _, err := w.service.Accept(context.Background(), bridge.Hint{Source: "portal/main", Portal: "main", Key: intake.Key, Intake: intake}); err != nil {
				w.Error(err)
			}
		}()
		got, err := w.service.Desk(ada).Reconcile(w.Context(), bridge.Reconciling{})
		if err != nil || len(got.Differences) > 0 || got.Checkouts != 1 {
			w.Errorf("%+v, %v", got.Differences, err)
		}
	}, polled(-1))
}

// replaced is a store whose last reconciliation is replaced while it is read.
type replaced struct {
	bridge.Store
	between func()
}

func (s *replaced) Paper(ctx context.Context, kind, name string) ([]byte, error) {
	value, err := s.Store.Paper(ctx, kind, name)
	if replace := s.between; replace != nil && name == "last" {
		s.between = nil
		replace()
	}
	return value, err
}

func TestTheLastRunIsReadWholeWhileItIsReplaced(t *testing.T) {
	store := &replaced{}
	w := newWorld(t, settled, func(c *bridge.Config) { store.Store, c.Store = c.Store, store })
	w.stranger("main", bridge.PaymentOpen)
	first := w.reconcile(bridge.Reconciling{})
	store.between = func() {
		w.pass(time.Minute)
		w.reconcile(bridge.Reconciling{})
	}
	got, ok, err := w.service.Reconciled(t.Context())
	if err != nil || !ok || len(got.Differences) != 1 || !got.Began.After(first.Began) {
		t.Errorf("%+v, %t, %v", got, ok, err)
	}
}

func TestARunLeavesTheDaysMarkAlone(t *testing.T) {
	w := newWorld(t, settled)
	if err := w.store.SetPaper(t.Context(), "reconciliation", "day", func([]byte) ([]byte, error) { return []byte("today"), nil }); err != nil {
		t.Fatal(err)
	}
	w.reconcile(bridge.Reconciling{})
	if mark, err := w.store.Paper(t.Context(), "reconciliation", "day"); err != nil || string(mark) != "today" {
		t.Errorf("%q, %v", mark, err)
	}
}
