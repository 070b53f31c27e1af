package main

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	stripesandbox "keybridge/billing/stripe/sandbox"
	tyksandbox "keybridge/bridge/tyk/sandbox"

	"keybridge/bridge"
)

// asker is who asks for keys in the tests without a browser.
const asker = "asker@example.com"

// portalFaults are the ways in which a portal fails to answer, and whether it has done
// the work all the same.
func portalFaults() map[string]tyksandbox.Fault {
	return map[string]tyksandbox.Fault{
		"answers 500 and did nothing":      {Kind: tyksandbox.ErrorBefore, Times: 1},
		"answers 500 twice":                {Kind: tyksandbox.ErrorBefore, Times: 2},
		"answers 500 and did it":           {Kind: tyksandbox.ErrorAfter, Times: 1},
		"answers 429":                      {Kind: tyksandbox.TooManyRequests, RetryAfter: 1, Times: 1},
		"cuts the connection, did nothing": {Kind: tyksandbox.CutBefore, Times: 1},
		"cuts the connection after doing":  {Kind: tyksandbox.CutAfter, Times: 1},
		"answers 502 and did nothing":      {Kind: tyksandbox.ErrorBefore, Status: http.StatusBadGateway, Times: 1},
	}
}

// stripeFaults are the same for Stripe.
func stripeFaults() map[string]stripesandbox.Fault {
	return map[string]stripesandbox.Fault{
		"answers 500 and did nothing":      {Kind: stripesandbox.ErrorBefore, Times: 1},
		"answers 500 and did it":           {Kind: stripesandbox.ErrorAfter, Times: 1},
		"answers 429":                      {Kind: stripesandbox.RateLimit, Times: 1},
		"cuts the connection, did nothing": {Kind: stripesandbox.CutBefore, Times: 1},
		"cuts the connection after doing":  {Kind: stripesandbox.CutAfter, Times: 1},
		"cuts it twice after doing":        {Kind: stripesandbox.CutAfter, Times: 2},
	}
}

// TestFaultPortalAtApproving: whether the approval was done or only its answer lost, there
// is one key.
func TestFaultPortalAtApproving(t *testing.T) {
	t.Parallel()
	besideEachOther(t, portalFaults(), func(t *testing.T, fault tyksandbox.Fault) {
		s := startStand(t, choice{handoff: queryHandoff})
		a := s.ask(asker, tyksandbox.PaidPolicy)
		c := s.awaitCheckout(a.ID)
		fault.Method, fault.Path = http.MethodPut, "/api/portal/requests/approve/"
		s.portalFault(fault)
		s.act(c.ID, "pay", nil)
		s.awaitState(a.ID, bridge.StateActive)
		if left := s.Portal.Faults(); len(left) > 0 {
			t.Errorf("the portal did not fail as often as it was to: %v", left)
		}
		s.wantKeys(a.ID, 1)
		s.wantCheckouts(s.request(a.ID).ID, "complete paid")
		undone := fault.Kind != tyksandbox.ErrorAfter && fault.Kind != tyksandbox.CutAfter
		want := 1
		if undone {
			want += fault.Times
		}
		if n := s.approvals(a.ID); n != want {
			t.Errorf("the key request was approved by %d calls, want %d", n, want)
		}
	})
}

// TestFaultPortalAtReading: nothing is lost when the portal cannot be read.
func TestFaultPortalAtReading(t *testing.T) {
	t.Parallel()
	besideEachOther(t, portalFaults(), func(t *testing.T, fault tyksandbox.Fault) {
		s := startStand(t, choice{handoff: queryHandoff})
		fault.Method, fault.Path = http.MethodGet, "/api/portal/"
		s.portalFault(fault)
		a := s.ask(asker, tyksandbox.PaidPolicy)
		c := s.awaitCheckout(a.ID)
		s.portalFault(fault)
		s.act(c.ID, "pay", nil)
		s.awaitState(a.ID, bridge.StateActive)
		s.wantOneKey(a.ID, asker)
	})
}

// TestFaultProviderAtOpening: there is one live checkout, however opening it failed.
func TestFaultProviderAtOpening(t *testing.T) {
	t.Parallel()
	besideEachOther(t, stripeFaults(), func(t *testing.T, fault stripesandbox.Fault) {
		s := startStand(t, choice{handoff: queryHandoff})
		fault.Method, fault.Path = http.MethodPost, "/v1/checkout/sessions"
		s.Stripe.Fault(fault)
		a := s.ask(asker, tyksandbox.PaidPolicy)
		c := s.awaitCheckout(a.ID)
		s.wantCheckouts(s.request(a.ID).ID, "open unpaid")
		s.act(c.ID, "pay", nil)
		s.awaitState(a.ID, bridge.StateActive)
		s.wantStruck(fault)
		s.wantOneKey(a.ID, asker)
		s.wantCheckouts(s.request(a.ID).ID, "complete paid")
	})
}

// TestFaultProviderAtTaking: held money is taken once.
func TestFaultProviderAtTaking(t *testing.T) {
	t.Parallel()
	besideEachOther(t, stripeFaults(), func(t *testing.T, fault stripesandbox.Fault) {
		s := startStand(t, choice{plans: []string{heldPlan}, handoff: queryHandoff})
		a := s.ask(asker, tyksandbox.ReviewedPolicy)
		s.act(s.awaitCheckout(a.ID).ID, "pay", nil)
		r := s.awaitState(a.ID, bridge.StateReviewing)
		fault.Method, fault.Path = http.MethodPost, "/v1/payment_intents/"
		s.Stripe.Fault(fault)
		s.operate("requests", "approve", string(r.ID))
		s.awaitState(a.ID, bridge.StateActive)
		s.wantStruck(fault)
		s.wantOneKey(a.ID, asker)
		s.wantCharges(charge{Amount: 9900, Captured: 9900})
	})
}

// TestFaultProviderAtReturning declines a request while a bank debit is on its way: the
// money goes back once.
func TestFaultProviderAtReturning(t *testing.T) {
	t.Parallel()
	besideEachOther(t, stripeFaults(), func(t *testing.T, fault stripesandbox.Fault) {
		s := startStand(t, choice{handoff: queryHandoff})
		a := s.ask(asker, tyksandbox.PaidPolicy)
		c := s.awaitCheckout(a.ID)
		s.act(c.ID, "pay_later", nil)
		await(t, "the debit to be on its way", func() bool { return s.request(a.ID).Payment.Have == bridge.Processing }, nil)
		s.operate("requests", "decline", "--why", "too late", string(s.request(a.ID).ID))
		s.awaitState(a.ID, bridge.StateDeclining)
		fault.Method, fault.Path = http.MethodPost, "/v1/refunds"
		s.Stripe.Fault(fault)
		s.act(c.ID, "settle", nil)
		s.awaitState(a.ID, bridge.StateDeclined)
		s.wantStruck(fault)
		s.wantCharges(charge{Amount: 4900, Captured: 4900, Refunded: 4900})
		if n := s.keysOf(asker); n != 0 {
			t.Errorf("the developer has %d keys, want none", n)
		}
	})
}

// TestARestartBetweenPaymentAndApprovalGrantsOnce stops the bridge when the money is
// there and the portal did not take the approval.
func TestARestartBetweenPaymentAndApprovalGrantsOnce(t *testing.T) {
	t.Parallel()
	s := startStand(t, choice{handoff: queryHandoff})
	a := s.ask(asker, tyksandbox.PaidPolicy)
	c := s.awaitCheckout(a.ID)
	s.portalFault(tyksandbox.Fault{Method: http.MethodPut, Kind: tyksandbox.ErrorBefore})
	s.act(c.ID, "pay", nil)
	s.awaitState(a.ID, bridge.StateApproving)
	if err := s.stopBridge(); err != nil {
		t.Errorf("stopping: %v", err)
	}
	if s.approved(a.ID) {
		t.Fatal("approved before the restart, so this shows nothing")
	}
	s.Portal.ClearFaults()
	s.Portal.ClearCalls()
	s.resumeBridge()
	s.awaitState(a.ID, bridge.StateActive)
	s.wantOneKey(a.ID, asker)
	s.wantCheckouts(s.request(a.ID).ID, "complete paid")
}

// TestARestartDuringTheApprovalGrantsOnce stops the bridge while its call is under way
// at the portal, which does the work after the bridge is gone: what came of the call
// is never recorded. The next bridge cannot know of it and asks once more; there is
// one key all the same.
func TestARestartDuringTheApprovalGrantsOnce(t *testing.T) {
	t.Parallel()
	s := startStand(t, choice{handoff: queryHandoff, shutdown: time.Second})
	a := s.ask(asker, tyksandbox.PaidPolicy)
	c := s.awaitCheckout(a.ID)
	s.portalFault(tyksandbox.Fault{Method: http.MethodPut, Kind: tyksandbox.Latency, Delay: 8 * time.Second, Times: 1}) // far longer than it takes to stop
	s.act(c.ID, "pay", nil)
	s.awaitState(a.ID, bridge.StateApproving)
	await(t, "the approval to be under way at the portal", func() bool { return len(s.Portal.Faults()) == 0 }, nil) // it has met the one fault
	if err := s.stopBridge(); err == nil {
		t.Fatal("the bridge stopped in order, so this shows nothing")
	}
	s.resumeBridge()
	s.awaitState(a.ID, bridge.StateActive)
	await(t, "both approvals to be answered", func() bool { return s.approvals(a.ID) == 2 }, nil)
	s.wantKeys(a.ID, 1)
}

// TestAPaymentWhileTheBridgeIsDownIsFound pays while nobody takes Stripe's events:
// Stripe sends them again.
func TestAPaymentWhileTheBridgeIsDownIsFound(t *testing.T) {
	t.Parallel()
	s := startStand(t, choice{handoff: queryHandoff})
	a := s.ask(asker, tyksandbox.PaidPolicy)
	c := s.awaitCheckout(a.ID)
	if err := s.stopBridge(); err != nil {
		t.Errorf("stopping: %v", err)
	}
	s.act(c.ID, "pay", nil)
	await(t, "Stripe to try in vain", func() bool {
		for _, e := range s.Stripe.EventsOf(c.ID) {
			if e.Type == "checkout.session.completed" && len(e.Deliveries) > 0 && !e.Delivered {
				return true
			}
		}
		return false
	}, nil)
	s.resumeBridge()
	s.awaitState(a.ID, bridge.StateActive)
	s.wantOneKey(a.ID, asker)
}

// besideEachOther runs the parts of a test beside each other, and is over when they are.
func besideEachOther[C any](t *testing.T, cases map[string]C, part func(*testing.T, C)) {
	t.Helper()
	t.Run("beside each other", func(t *testing.T) {
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				part(t, c)
			})
		}
	})
}

// wantKeys checks how many keys the asker has, and that the request is approved.
func (s *stand) wantKeys(key string, want int) {
	s.t.Helper()
	if !s.approved(key) {
		s.t.Error("the Dashboard does not show the key request as approved")
	}
	if n := s.keysOf(asker); n != want {
		s.t.Errorf("the developer has %d keys, want %d", n, want)
	}
}

// wantStruck checks that a fault of Stripe has struck. One that strikes after the work
// may strike once only: what was done is read, and not asked for again.
func (s *stand) wantStruck(fault stripesandbox.Fault) {
	s.t.Helper()
	for _, c := range s.Stripe.Calls() {
		if c.Fault == fault.Kind {
			return
		}
	}
	s.t.Errorf("Stripe never failed by %s, so this shows nothing", fault.Kind)
}

// charge is what Stripe took and gave back.
type charge struct {
	Amount   int64 `json:"amount"`
	Captured int64 `json:"amount_captured"`
	Refunded int64 `json:"amount_refunded"`
}

// wantCharges checks the charges of a stand.
func (s *stand) wantCharges(want ...charge) {
	s.t.Helper()
	got, _ := json.Marshal(objects[charge](s, "charge"))
	wanted, _ := json.Marshal(want)
	if string(got) != string(wanted) {
		s.t.Errorf("the charges are %s, want %s", got, wanted)
	}
}
