package web_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"keybridge/bridge"
	tyksandbox "keybridge/bridge/tyk/sandbox"
	"keybridge/bridge/web"
)

// Through a whole request, paid and approved, nothing that opens a door is kept, shown,
// logged or counted, and the page of an unsigned hand-off names nobody.
func TestNoSecretIsKeptShownOrCounted(t *testing.T) {
	h := newHouse(t, housing{})
	for _, way := range []string{"id", "token"} {
		key := h.asks(tyksandbox.PaidPolicy)
		path := "/handoff/main?id=" + key
		if way == "token" {
			path = h.byToken("main", key)
		}
		b := h.browser()
		var shown strings.Builder
		see := func(a answer) answer { shown.WriteString(a.body); return a }
		in := see(b.get(path))
		see(b.get(in.to()))
		r := h.eventually("main", key, "payable", isState(bridge.StatePaying))
		see(b.get(h.pagesAt(r)))
		h.pays(r, "pay")
		see(b.get(h.landing(r)))
		r = h.eventually("main", key, "active", isState(bridge.StateActive))
		if page := see(b.get(h.pagesAt(r))); page.title() != "Your access is active" {
			t.Fatalf("the page says %q", page.title())
		}
		for _, secret := range append(h.liveSecrets(t, r), developer, "Dana") {
			h.secret(secret)
			if strings.Contains(shown.String(), secret) {
				t.Errorf("%s: a page holds %q", way, secret)
			}
		}
	}
	_, _, metrics := ask(&web.Operations{Metrics: h.metrics}, http.MethodGet, "/metrics", "")
	file, err := os.ReadFile(h.file)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range h.secrets {
		if strings.Contains(metrics, secret) {
			t.Errorf("the metrics hold %q", secret)
		}
		if secret != developer && secret != "Dana" && bytes.Contains(file, []byte(secret)) {
			t.Errorf("the store holds %q", secret)
		}
	}
}

var (
	clientSecret = regexp.MustCompile(`"client_secret":\s*"([^"]+)"`)
	longWord     = regexp.MustCompile(`[0-9A-Za-z]{40,}`)
)

// liveSecrets are the raw keys that the portal has mailed and the client secrets that
// the provider has made for a request.
func (h *house) liveSecrets(t *testing.T, r bridge.Request) []string {
	t.Helper()
	out := []string{h.portal.Secret(), h.portal.AdminSecret(), h.stripe.Key(), stripeSecret, portalSecret, querySecret}
	before := len(out)
	for end := time.Now().Add(5 * time.Second); len(out) == before && time.Now().Before(end); time.Sleep(time.Millisecond) {
		for _, mail := range h.portal.Mail() {
			out = append(out, longWord.FindAllString(mail.Text, -1)...)
		}
	}
	if len(out) == before {
		t.Fatal("the portal has mailed no key: this would find nothing")
	}
	ref, ok := r.Ref(bridge.RefIntent)
	if !ok {
		t.Fatal("the request knows no intent")
	}
	object, err := h.stripe.Object(ref.ID)
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := json.Marshal(object)
	found := clientSecret.FindSubmatch(raw)
	if found == nil {
		t.Fatalf("the intent has no client secret: this would find nothing: %s", raw)
	}
	return append(out, string(found[1]))
}
