package web_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	stripesandbox "keybridge/billing/stripe/sandbox"
	"keybridge/bridge"
	tyksandbox "keybridge/bridge/tyk/sandbox"
)

// toCheckout hands a browser off and returns the request with its open checkout, and
// the address it comes back to after it.
func (h *house) toCheckout(b *browser, policy string) (bridge.Request, string) {
	h.t.Helper()
	key := h.asks(policy)
	in := b.get(h.byToken("main", key))
	if in.status != http.StatusSeeOther {
		h.t.Fatalf("the hand-off is answered %d %q", in.status, in.title())
	}
	on := b.follow(b.get(in.to()), time.Now().Add(5*time.Second))
	if on.status != http.StatusSeeOther || !strings.Contains(on.to(), "/c/pay/") {
		h.t.Fatalf("the page does not lead to the checkout but to %d %q %q", on.status, on.to(), on.title())
	}
	r := h.eventually("main", key, "at a checkout", func(r bridge.Request) bool { return r.Payment.Checkout.URL == on.to() })
	return r, h.landing(r)
}

// landing is where the provider sends a browser back to from the checkout of a
// request, as the provider was told.
func (h *house) landing(r bridge.Request) string {
	return h.pagesAt(r) + "/return"
}

func (h *house) pagesAt(r bridge.Request) string {
	return strings.TrimPrefix(h.links.Page(r.ID, r.Work.Attempts[bridge.OpenCheckout].Begun), h.URL)
}

func (h *house) pays(r bridge.Request, action string) {
	h.t.Helper()
	err := h.stripe.Act(r.Payment.Checkout.ID, action, stripesandbox.Args{"email": developer, "name": "Dana"})
	if err != nil && !errors.Is(err, stripesandbox.ErrDeclined) {
		h.t.Fatal(err)
	}
}

// Nothing that a developer sees between paying and the portal's approval says that
// there is access.
func honest(t *testing.T, h *house, key string, a answer) {
	t.Helper()
	if a.status != http.StatusOK || !strings.Contains(a.body, "is active") {
		return
	}
	if got, ok := h.portal.KeyRequest(key); !ok || !got.Approved {
		t.Error("the page says that access is active, and the portal has not approved it")
	}
}

func TestTheLandingPageReadsTheFactsWhenTheWebhookIsLost(t *testing.T) {
	h := newHouse(t, housing{deaf: true})
	b := h.browser()
	r, landing := h.toCheckout(b, tyksandbox.PaidPolicy)
	if early := b.get(landing); early.status != http.StatusOK || early.title() != "Checking your payment" || early.took > time.Second {
		t.Errorf("before it is paid: %d %q after %s", early.status, early.title(), early.took)
	}
	h.pays(r, "pay")
	a := b.get(landing)
	for i := 0; i < 20 && (a.status == http.StatusSeeOther || a.refresh() != ""); i++ {
		honest(t, h, r.Key, a)
		if a.took > time.Second {
			t.Errorf("answered after %s", a.took)
		}
		next := a.to()
		if next == "" {
			next = a.refresh()
		}
		a = b.get(next)
	}
	if a.title() != "Your access is active" || !strings.Contains(a.body, "We have received your payment of EUR 49.00") {
		t.Errorf("it ends at %d %q", a.status, a.title())
	}
}

func TestTheLandingPageWaitsForAProviderThatIsSlowOrDown(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]stripesandbox.Fault{
		"slow": {Kind: stripesandbox.Latency, Delay: stripesandbox.Wait(3 * time.Second), Method: "GET", Path: "/v1/"},
		"down": {Kind: stripesandbox.ErrorBefore, Status: 503, Method: "GET", Path: "/v1/"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, housing{deaf: true})
			b := h.browser()
			r, landing := h.toCheckout(b, tyksandbox.PaidPolicy)
			h.stripe.Fault(fault) // before the payment, or a pass under way could read it
			h.pays(r, "pay")
			a := b.get(landing)
			for range 2 {
				if a.status != http.StatusOK || !strings.HasPrefix(a.title(), "Checking") || a.took > time.Second || a.byID("checkout") != nil {
					t.Fatalf("answered %d %q after %s", a.status, a.title(), a.took)
				}
				a = b.get(a.refresh())
			}
			if name == "down" {
				h.eventually("main", r.Key, "failing", func(r bridge.Request) bool { return r.Work.Failures > 0 })
				if late := b.get(landing + "?try=50"); !strings.HasPrefix(late.title(), "Checking") || !strings.Contains(late.body, "slow to answer") {
					t.Errorf("whoever has paid is shown %q after long waiting", late.title())
				}
			}
			h.stripe.ClearFaults()
			for end := time.Now().Add(10 * time.Second); a.title() != "Your access is active" && time.Now().Before(end); {
				honest(t, h, r.Key, a)
				h.ahead.Add(int64(time.Second)) // the worker tries again sooner
				if a = b.get(landing); a.status == http.StatusSeeOther {
					a = b.get(a.to())
				}
			}
			if a.title() != "Your access is active" {
				t.Errorf("it ends at %q", a.title())
			}
		})
	}
}

func TestAfterACardCheckTheBrowserGoesOnToThePayment(t *testing.T) {
	t.Parallel()
	for _, deaf := range []bool{false, true} {
		h := newHouse(t, housing{deaf: deaf})
		b := h.browser()
		r, landing := h.toCheckout(b, tyksandbox.ReviewedPolicy)
		if r.Payment.Checkout.For != bridge.Validation {
			t.Fatalf("the first checkout is for %s", r.Payment.Checkout.For)
		}
		time.Sleep(1100 * time.Millisecond) // nobody enters a card within the second; links have seconds
		h.pays(r, "pay")
		if !deaf { // the usual order: the webhook was there before the browser
			h.eventually("main", r.Key, "paying", func(r bridge.Request) bool { return r.Payment.Checkout.For == bridge.Paying })
		}
		a := b.get(landing)
		for range 10 {
			if strings.Contains(a.to(), "/c/pay/") {
				break
			}
			next := a.to()
			if next == "" {
				next = a.refresh()
			}
			if !deaf && strings.HasPrefix(a.title(), "Checking") {
				t.Error("a card check that is long done is still being checked")
			}
			a = b.get(next)
		}
		now := h.eventually("main", r.Key, "paying", isState(bridge.StatePaying))
		if a.to() == "" || a.to() != now.Payment.Checkout.URL || a.to() == r.Payment.Checkout.URL {
			t.Errorf("deaf %t: it goes on to %d %q %q", deaf, a.status, a.to(), a.title())
		}
	}
}

func TestWhoComesBackWithoutPayingChooses(t *testing.T) {
	h := newHouse(t, housing{})
	b := h.browser()
	r, _ := h.toCheckout(b, tyksandbox.PaidPolicy)
	page := b.get(h.pagesAt(r))
	if page.title() != "Waiting for your payment" || page.byID("checkout") == nil || page.byID("withdraw") == nil || page.refresh() != "" {
		t.Errorf("the page says %q and goes on to %q", page.title(), page.refresh())
	}
	h.pays(r, "pay")
	h.eventually("main", r.Key, "active", isState(bridge.StateActive))
	if page = b.get(h.pagesAt(r)); page.title() != "Your access is active" {
		t.Errorf("the page says %q", page.title())
	}
}

func TestCheckAgainReadsTheFacts(t *testing.T) {
	h := newHouse(t, housing{deaf: true})
	b := h.browser()
	r, _ := h.toCheckout(b, tyksandbox.PaidPolicy)
	page := b.get(h.pagesAt(r))
	h.pays(r, "pay")
	again := page.byID("again")
	if again == nil {
		t.Fatal("there is no link to check again")
	}
	// On a busy machine the page may be there before the worker has read the facts; then
	// it is looked at again, as a developer would.
	var a answer
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		a = b.follow(b.get(attribute(again, "href")), time.Now().Add(5*time.Second))
		if a.title() == "Your access is active" {
			return
		}
	}
	t.Errorf("it says %q", a.title())
}

// A payment that comes in while the developer withdraws is returned; the page never
// says that it was kept.
func TestWithdrawingWhilePayingKeepsNoMoney(t *testing.T) {
	for i := range 4 {
		h := newHouse(t, housing{})
		b := h.browser()
		r, landing := h.toCheckout(b, tyksandbox.PaidPolicy)
		var both sync.WaitGroup
		both.Go(func() {
			time.Sleep(time.Duration(i) * 3 * time.Millisecond)
			_ = h.stripe.Act(r.Payment.Checkout.ID, "pay", stripesandbox.Args{"email": developer}) // may come too late
		})
		no := b.do(http.MethodPost, h.pagesAt(r)+"/withdraw", http.Header{"Sec-Fetch-Site": {"same-origin"}})
		both.Wait()
		if no.status != http.StatusSeeOther {
			t.Fatalf("withdrawing is answered %d %q", no.status, no.title())
		}
		b.get(landing)
		end := h.eventually("main", r.Key, "at an end", func(r bridge.Request) bool {
			return r.State() == bridge.StateDeclined || r.State() == bridge.StateActive
		})
		page := b.get(h.pagesAt(r))
		kept := end.Payment.Collected.Minor - end.Payment.Returned.Minor
		switch end.State() {
		case bridge.StateDeclined:
			if kept != 0 || page.title() != "You cancelled your request" {
				t.Errorf("declined with %d kept: %q", kept, page.title())
			}
			if end.Payment.Returned.Minor > 0 && !strings.Contains(page.body, "has been returned to you") {
				t.Error("the page does not say that the money went back")
			}
		case bridge.StateActive:
			if kept != 4900 || page.title() != "Your access is active" {
				t.Errorf("active with %d kept: %q", kept, page.title())
			}
		}
	}
}
