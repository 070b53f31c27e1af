package webhooks_test

import (
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"keybridge/bridge"
	"keybridge/webhooks"
)

func TestTykSaysWhetherItIsApproved(t *testing.T) {
	for name, c := range map[string]struct {
		data string
		want bridge.Said
	}{
		"it is":                    {`"approved":true`, bridge.SaidGranted},
		"it is not":                {`"approved":false`, bridge.SaidPortal},
		"it says nothing":          {`"version":"v2"`, bridge.SaidPortal},
		"it says so of another":    {`"portal_developer":{"approved":true}`, bridge.SaidPortal},
		"in words that are no yes": {`"approved":{"true":true}`, bridge.SaidPortal},
	} {
		t.Run(name, func(t *testing.T) {
			b := &bench{}
			w := httptest.NewRecorder()
			tykHandler(t, b.receiver()).ServeHTTP(w, submitted(tykSecret, `{"event":"key_request_event.submitted","data":{"id":"42",`+c.data+`}}`))
			if w.Code != 200 || len(b.hints) != 1 || b.hints[0].Said != c.want {
				t.Errorf("answered %d with %v", w.Code, b.hints)
			}
		})
	}
}

func TestTykSaysTheIDInTwoWays(t *testing.T) {
	for _, c := range []struct {
		name, body string
		key        string // "" is malformed
	}{
		{"id", `{"event":"key_request_event.submitted","data":{"id":"42"}}`, "42"},
		{"_id of older versions", `{"event":"key_request_event.submitted","data":{"_id":"42"}}`, "42"},
		{"both", `{"event":"key_request_event.submitted","data":{"_id":"42","id":"42"}}`, "42"},
		{"one of them empty", `{"event":"key_request_event.submitted","data":{"id":"","_id":"42"}}`, "42"},
		{"data before event", `{"data":{"id":"42"},"event":"key_request_event.submitted"}`, "42"},
		{"escaped", `{"event":"key_request_event.submitted","data":{"id":"\u0034\u0032"}}`, "42"},
		{"both, different", `{"event":"key_request_event.submitted","data":{"_id":"41","id":"42"}}`, ""},
		{"twice, different", `{"event":"key_request_event.submitted","data":{"id":"41","id":"42"}}`, ""},
		{"a number", `{"event":"key_request_event.submitted","data":{"id":42}}`, ""},
		{"none", `{"event":"key_request_event.submitted","data":{"portal_developer":{"id":"42"}}}`, ""},
		{"no data", `{"event":"key_request_event.submitted"}`, ""},
		{"data that is a list", `{"event":"key_request_event.submitted","data":[{"id":"42"}]}`, ""},
		{"in another case", `{"event":"key_request_event.submitted","data":{"ID":"42"}}`, ""},
		{"too long", `{"event":"key_request_event.submitted","data":{"id":"` + strings.Repeat("4", 65) + `"}}`, ""},
		{"a strange event", `{"event":"key_request_event.<b>","data":{"id":"42"}}`, ""},
		{"an event that is no text", `{"event":1,"data":{"id":"42"}}`, ""},
		{"cut off", `{"event":"key_request_event.submitted","data":{"id":"42"`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &bench{}
			w := httptest.NewRecorder()
			tykHandler(t, b.receiver()).ServeHTTP(w, submitted(tykSecret, c.body))
			if c.key == "" {
				if w.Code != 400 || len(b.hints) != 0 {
					t.Errorf("answered %d with %v", w.Code, b.hints)
				}
				return
			}
			if w.Code != 200 || len(b.hints) != 1 || b.hints[0].Key != c.key {
				t.Errorf("answered %d with %v", w.Code, b.hints)
			}
		})
	}
}

// FuzzTykWebhook: whatever is sent, the answer is one of those documented, and a
// hint is taken only with the secret, from JSON, with an id that is safe in a path.
func FuzzTykWebhook(f *testing.F) {
	f.Add("secret="+tykSecret, []byte(keyEvent))
	f.Add("secret="+tykSecret, []byte(`{"event":"key_request_event.submitted","data":{"_id":"42"}}`))
	f.Add("secret=x&secret=", []byte(`{}`))
	f.Fuzz(func(t *testing.T, query string, body []byte) {
		b := &bench{}
		r := submitted(tykSecret, string(body))
		r.URL.RawQuery = query
		w := httptest.NewRecorder()
		tykHandler(t, b.receiver()).ServeHTTP(w, r)
		if w.Code != 200 && w.Code != 400 && w.Code != 401 && w.Code != 413 || len(b.outcomes) != 1 {
			t.Fatalf("answered %d, %v", w.Code, b.outcomes)
		}
		values, err := url.ParseQuery(query)
		if w.Code != 401 && (err != nil || values.Get("secret") != tykSecret && values.Get("secret") != "another-secret-that-is-live") {
			t.Fatalf("answered %d to %q", w.Code, query)
		}
		for _, h := range b.hints {
			if !json.Valid(body) || h.Key == "" || len(h.Key) > 64 || url.PathEscape(h.Key) != h.Key ||
				!strings.HasPrefix(h.What, "key_request_event.") || h.Intake == nil {
				t.Fatalf("took %+v from %q", h, body)
			}
		}
	})
}

func TestOutcomesAreAllListed(t *testing.T) {
	seen := map[string]bool{}
	for _, outcome := range webhooks.Outcomes() {
		if seen[outcome] || outcome == "" {
			t.Errorf("%q is listed twice, or empty", outcome)
		}
		seen[outcome] = true
	}
	if len(seen) != 8 {
		t.Errorf("%d outcomes", len(seen))
	}
}
