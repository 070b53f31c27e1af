package bridge_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
)

var anna = bridge.Actor{Kind: bridge.ByPerson, Name: "anna"}

// makes has a key request made for the developer.
func (w *world) makes(policy, waive string) bridge.Request {
	w.Helper()
	r, err := w.desk("anna").Create(w.Context(), "main", bridge.Asking{Developer: "dev-1", Policies: []string{policy}}, waive)
	if err != nil {
		w.Fatal(err)
	}
	return r
}

func TestAPersonMakesAKeyRequestForADeveloper(t *testing.T) {
	w := newWorld(t, mailOnly)
	r := w.makes("paid", "")
	r = w.wantState(r.ID, bridge.StatePaying)
	w.wantMail(bridge.TellStart)
	if again := w.makes("paid", ""); again.ID != r.ID || len(w.portal.keys) != 1 {
		t.Errorf("repeating it made %s beside %s", again.ID, r.ID)
	}
	w.provider.pay(r.ID)
	w.wantState(r.ID, bridge.StateActive)
}

func TestWhatWasSettledElsewhereIsNotAskedFor(t *testing.T) {
	w := newWorld(t)
	r := w.makes("paid", "invoice 2026-17")
	r = w.wantState(r.ID, bridge.StateActive)
	step, _ := r.Step(payment)
	if step.State != bridge.Waived || step.Mark.By != anna || r.Verdict.Mark.Why != "invoice 2026-17" || w.count("open checkout") != 0 {
		t.Errorf("step %+v, verdict %+v", step, r.Verdict)
	}
	held := w.makes("held", "invoice 2026-18")
	w.wantState(held.ID, bridge.StateReviewing)
}

func TestAWebhookThatIsFasterThanThePersonsWordIsSetRight(t *testing.T) {
	w := newWorld(t, mailOnly)
	key := w.portal.ask("paid")
	done, err := w.service.Accept(t.Context(), w.webhook(key))
	if err != nil {
		t.Fatal(err)
	}
	w.wantState(done.Request, bridge.StatePaying)
	if r := w.makes("paid", "invoice 2026-17"); r.ID != done.Request {
		t.Fatalf("%s beside %s", r.ID, done.Request)
	}
	r := w.wantState(done.Request, bridge.StateActive)
	if r.Payment.Checkout.State != bridge.CheckoutExpired {
		t.Errorf("the checkout is %s", r.Payment.Checkout.State)
	}
}

// The portal tells of a key request before its answer has come.
func TestNothingIsAskedForWhileThePersonsWordIsOnItsWay(t *testing.T) {
	live(t, func(w *world) {
		w.mu.Lock()
		w.hook = func(call string) {
			if call == "made" {
				time.Sleep(10 * time.Second)
			}
		}
		w.mu.Unlock()
		done := make(chan bridge.Request)
		go func() { done <- w.makes("paid", "invoice 2026-17") }()
		time.Sleep(time.Second)
		if _, err := w.service.Accept(w.Context(), w.webhook("k1")); err != nil {
			w.Error(err)
		}
		r := <-done
		w.await(r.ID, time.Minute, bridge.StateActive)
		if n := w.count("open checkout"); n != 0 {
			w.Errorf("%d checkouts were opened", n)
		}
		time.Sleep(time.Second) // the mail follows the key
		w.wantMail(bridge.TellApproved)
	}, mailOnly)
}

func TestAKeyRequestThatCannotBeMadeIsRefused(t *testing.T) {
	w := newWorld(t)
	for name, one := range map[string]struct {
		portal, developer string
		fault             fault
		want              bridge.Kind
	}{
		"no such portal":       {"other", "dev-1", fine, bridge.NotFound},
		"no such developer":    {"main", "dev-9", fine, bridge.NotFound},
		"the portal is down":   {"main", "dev-1", cutBefore, bridge.Unavailable},
		"its answer got lost":  {"main", "dev-1", cutAfter, bridge.Unavailable},
		"the adapter panics":   {"main", "dev-1", panics, bridge.Internal},
		"and it is repeatable": {"main", "dev-1", fine, ""},
	} {
		w.fault = func(string) fault { return one.fault }
		_, err := w.desk("anna").Create(t.Context(), one.portal, bridge.Asking{Developer: one.developer, Policies: []string{"free"}}, "")
		if bridge.KindOf(err) != one.want {
			t.Errorf("%s: %v, want %q", name, err, one.want)
		}
	}
	if len(w.portal.keys) != 1 {
		t.Errorf("%d key requests, want 1", len(w.portal.keys))
	}
	told := 0
	for _, try := range w.tries {
		if try.Doing == "create key request" && try.Portal == "main" {
			told++
		}
	}
	if told != 5 {
		t.Errorf("%d calls were told of, want 5", told)
	}
}

func TestAPlanSaysWhatToAskFor(t *testing.T) {
	plans := bridge.Plans{
		{Name: "one", Portal: "main", Policies: []string{"a"}},
		{Name: "two", Portal: "main", Policies: []string{"a", "b"}},
		{Name: "gold", Portal: "main", PortalPlans: []string{"2"}},
		{Name: "maps", Portal: "main", PortalPlans: []string{"2"}, Policies: []string{"7"}},
		{Name: "both", Portal: "main", PortalPlans: []string{"2", "3"}, Policies: []string{"7"}},
	}
	for name, one := range map[string]struct {
		plan, portalPlan string
		policies         []string
		want             bridge.Asking
		says             string
	}{
		"its only policy":             {"one", "", nil, bridge.Asking{Policies: []string{"a"}}, ""},
		"one of several":              {"two", "", []string{"b"}, bridge.Asking{Policies: []string{"b"}}, ""},
		"which of several":            {"two", "", nil, bridge.Asking{}, "say which"},
		"none of its own":             {"one", "", []string{"b"}, bridge.Asking{}, "is not for the policy"},
		"a plan of the portal":        {"gold", "", []string{"8", "9"}, bridge.Asking{Plan: "2", Policies: []string{"8", "9"}}, ""},
		"a plan and nothing else":     {"gold", "", nil, bridge.Asking{}, "for which ones"},
		"a plan and its product":      {"maps", "", nil, bridge.Asking{Plan: "2", Policies: []string{"7"}}, ""},
		"which plan of the portal":    {"both", "", nil, bridge.Asking{}, "say which of"},
		"one of the portal's plans":   {"both", "3", nil, bridge.Asking{Plan: "3", Policies: []string{"7"}}, ""},
		"none of the portal's plans":  {"both", "4", nil, bridge.Asking{}, "is not for the portal's plan"},
		"a plan where none is named":  {"one", "4", nil, bridge.Asking{Plan: "4", Policies: []string{"a"}}, ""},
		"a plan that is not there":    {"none", "", nil, bridge.Asking{}, "There is no plan"},
		"the plans of another portal": {"", "", nil, bridge.Asking{}, "There is no plan"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := plans.Asking("main", one.plan, one.portalPlan, one.policies)
			if (err == nil) != (one.says == "") || err != nil && (bridge.KindOf(err) != bridge.Invalid || !strings.Contains(bridge.Explain(err), one.says)) {
				t.Fatalf("%v, want %q", err, one.says)
			}
			if diff := cmp.Diff(one.want, got); err == nil && diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheMakerIsInTheHistory(t *testing.T) {
	w := newWorld(t)
	r := w.makes("free", "")
	entries, err := w.service.History(t.Context(), r.ID)
	if err != nil || !slices.ContainsFunc(entries, func(e bridge.Entry) bool { return e.Actor == anna && e.What == bridge.WhatReceived }) {
		t.Errorf("%v\n%s", err, lines(entries))
	}
}

// A key request that still waits in the portal is taken, and may be decided here already.
func TestSayingThatItWasSettledElsewhereChangesNothingThatIsDecided(t *testing.T) {
	w := newWorld(t, func(c *bridge.Config) {
		c.Plans = append(c.Plans, bridge.Plan{Name: "first reviewed", Portal: "main", Policies: []string{"first reviewed"}, Terms: bridge.Terms{
			Provider: "stripe", Steps: steps(review, payment), Lines: []bridge.Price{price(500, "eur", "")},
		}})
	})
	first := w.makes("first reviewed", "")
	w.wantState(first.ID, bridge.StateReviewing)
	w.withdraw(first.ID)
	w.failing("decline", cutBefore)
	w.step() // the portal does not hear of it
	again := w.makes("first reviewed", "paid by bank transfer")
	step, _ := again.Step(payment)
	if again.ID != first.ID || again.Verdict.Outcome != bridge.Decline || step.State != bridge.Waiting {
		t.Errorf("%s, %s: %+v", again.ID, again.Verdict.Outcome, step)
	}
}
