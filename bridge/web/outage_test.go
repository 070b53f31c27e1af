package web_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"keybridge/bridge"
	tyksandbox "keybridge/bridge/tyk/sandbox"
)

// breakPortal makes the Dashboard misbehave until its faults are cleared.
func (h *house) breakPortal(kind tyksandbox.FaultKind, delay time.Duration) {
	h.t.Helper()
	if _, err := h.portal.Fault(tyksandbox.Fault{Kind: kind, Delay: delay, Path: "/api/", Status: http.StatusBadGateway}); err != nil {
		h.t.Fatal(err)
	}
}

// follow goes where a page goes on by itself, without its pauses, until there is a
// redirect or nowhere to go.
func (b *browser) follow(a answer, until time.Time) answer {
	b.h.t.Helper()
	for a.status == http.StatusOK && a.refresh() != "" && time.Now().Before(until) {
		a = b.get(a.refresh())
	}
	return a
}

// TestFaultPortalDown: a portal that does not answer, in whatever way, loses nothing, and
// browsers are answered in a second all the same.
func TestFaultPortalDown(t *testing.T) {
	t.Parallel()
	for name, outage := range map[string]struct {
		kind  tyksandbox.FaultKind
		delay time.Duration
	}{
		"down":    {tyksandbox.CutBefore, 0},
		"broken":  {tyksandbox.ErrorBefore, 0},
		"limited": {tyksandbox.TooManyRequests, 0},
		"slow":    {tyksandbox.Latency, 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, housing{})
			for _, way := range []string{"token", "id"} {
				key := h.asks(tyksandbox.PaidPolicy)
				path := "/handoff/main?id=" + key
				if way == "token" {
					path = h.byToken("main", key)
				}
				h.breakPortal(outage.kind, outage.delay)
				b := h.browser()
				in := b.get(path)
				if in.status != http.StatusSeeOther || in.took > time.Second {
					t.Fatalf("%s: answered %d after %s: %q", way, in.status, in.took, in.title())
				}
				page := b.get(in.to())
				if page.status != http.StatusOK || page.took > time.Second || page.title() != "Preparing your request" {
					t.Fatalf("%s: the page answered %d after %s: %q", way, page.status, page.took, page.title())
				}
				if page.refresh() == "" {
					t.Fatalf("%s: the page does not go on by itself", way)
				}
				h.portal.ClearFaults()
				on := b.follow(page, time.Now().Add(10*time.Second))
				if on.status != http.StatusSeeOther || !strings.Contains(on.to(), "/c/pay/") {
					t.Errorf("%s: it went on to %d %q %q", way, on.status, on.to(), on.title())
				}
			}
		})
	}
}

func TestJunkThatCameInAnOutageIsLimitedAndDropped(t *testing.T) {
	t.Parallel()
	h := newHouse(t, housing{})
	h.breakPortal(tyksandbox.ErrorBefore, 0)
	b := h.browser()
	limited := 0
	for i := range 14 {
		a := b.get(fmt.Sprintf("/handoff/main?id=%024x", i+1))
		if a.status == http.StatusTooManyRequests {
			limited++
		}
	}
	if limited != 4 || h.kept() != 10 {
		t.Errorf("%d were limited and %d kept", limited, h.kept())
	}
	if other := h.browser().get("/handoff/main?id=" + h.asks(tyksandbox.FreePolicy)); other.status != http.StatusSeeOther {
		t.Errorf("another network is answered %d", other.status)
	}
	h.portal.ClearFaults()
	for end := time.Now().Add(15 * time.Second); h.kept() > 1 && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		h.ahead.Add(int64(time.Second))
	}
	if h.kept() != 1 {
		t.Errorf("%d are left when the portal is back", h.kept())
	}
}

// What is let in at one moment, before any of it is known to be junk, is paid back.
func TestJunkInFlightIsADebt(t *testing.T) {
	h := newHouse(t, housing{still: true})
	h.breakPortal(tyksandbox.Latency, 30*time.Second)
	b := h.browser()
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() { b.get(fmt.Sprintf("/handoff/main?id=%024x", i+1)) })
	}
	all.Wait()
	no := b.get("/handoff/main?id=" + strings.Repeat("a", 24))
	wait, _ := strconv.Atoi(no.header.Get("Retry-After"))
	if kept := h.kept(); no.status != http.StatusTooManyRequests || kept < 20 || wait < 6*(kept-10) {
		t.Errorf("with %d kept: %d, Retry-After %d", kept, no.status, wait)
	}
}

func TestAfterTenRefusalsANetworkHasToWait(t *testing.T) {
	h := newHouse(t, housing{still: true})
	at := func(from string) *browser { b := h.browser(); b.from = from; return b }
	for i := range 10 {
		from := fmt.Sprintf("2001:db8:1:1::%x", i+1) // one subscriber has a /64
		if no := at(from).get("/handoff/main?token=x"); no.status != http.StatusBadRequest {
			t.Fatalf("refusal %d is answered %d", i+1, no.status)
		}
	}
	no := at("2001:db8:1:1:ffff::1").get("/handoff/main?token=x")
	sound(t, no.header, no.body)
	if no.status != http.StatusTooManyRequests || no.header.Get("Retry-After") != "6" || no.byID("home") == nil {
		t.Errorf("the eleventh: %d, Retry-After %q", no.status, no.header.Get("Retry-After"))
	}
	key := h.asks(tyksandbox.FreePolicy)
	path := h.byToken("main", key)
	if good := at("2001:db8:1:1::7").get(path); good.status != http.StatusTooManyRequests {
		t.Errorf("a good one of the same network: %d", good.status)
	}
	for _, from := range []string{"2001:db8:1:2::1", "192.0.2.1", "::ffff:192.0.2.2"} {
		if other := at(from).get("/handoff/main?token=x"); other.status != http.StatusBadRequest {
			t.Errorf("%s is answered %d", from, other.status)
		}
	}
	h.ahead.Add(int64(7 * time.Second))
	if good := at("2001:db8:1:1::7").get(path); good.status != http.StatusSeeOther {
		t.Errorf("a good one after the wait: %d %q", good.status, good.title())
	}
	if h.counted("main token limited") != 2 {
		t.Errorf("%d were counted as limited", h.counted("main token limited"))
	}
}

// Only what a trusted proxy says counts: nobody gets round the limit with a header.
func TestAForwardedAddressIsBelievedOfATrustedProxyOnly(t *testing.T) {
	h := newHouse(t, housing{still: true})
	b := h.browser()
	for i := range 10 {
		b.from = fmt.Sprintf("198.51.100.%d, 203.0.113.9", i) // the client's own word, then the proxy's
		b.get("/handoff/main?token=x")
	}
	b.from = "198.51.100.200, 203.0.113.9"
	if no := b.get("/handoff/main?token=x"); no.status != http.StatusTooManyRequests {
		t.Errorf("an invented address gets round the limit: %d", no.status)
	}
}

func TestARequestThatCameByWebhookFirstIsOpenedByItsBrowser(t *testing.T) {
	h := newHouse(t, housing{})
	key := h.asks(tyksandbox.PaidPolicy)
	hook := h.browser().do(http.MethodHead, "/webhooks/portal/main", nil)
	if hook.status != http.StatusOK {
		t.Errorf("the portal's test of the connection is answered %d", hook.status)
	}
	settings := h.portal.Settings()
	settings.Webhook = h.URL + "/webhooks/portal/main?secret=" + portalSecret
	if err := h.portal.SetSettings(settings); err != nil {
		t.Fatal(err)
	}
	if err := h.portal.UpdateKeyRequest(key, map[string]string{"What will you build?": "canary"}); err != nil {
		t.Fatal(err)
	}
	r := h.eventually("main", key, "payable", isState(bridge.StatePaying))
	if r.Arrival.Trust != bridge.Untold {
		t.Fatalf("it is trusted as %q", r.Arrival.Trust)
	}
	in := h.browser().get("/handoff/main?id=" + key)
	if in.status != http.StatusSeeOther {
		t.Fatalf("answered %d %q", in.status, in.title())
	}
}
