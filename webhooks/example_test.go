package webhooks_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"keybridge/bridge"
	"keybridge/webhooks"
)

// A portal signs the address it redirects to, and keybridge checks it.
func ExampleSignQuery() {
	const secret = "secret-of-32-bytes-for-example-1"
	query := url.Values{
		"key_request_id": {"5f7c1e0a8d3b2c0001a4e9d1"},
		"note":           {"two words"},
		"timestamp":      {"1700000000"},
	}
	fmt.Println(webhooks.CanonicalQuery("/handoff/main", query))
	signed := webhooks.SignQuery("/handoff/main", query, secret)

	verifier, err := webhooks.NewQueryVerifier(webhooks.QueryConfig{Portal: "main", Secrets: []string{secret}})
	if err != nil {
		panic(err)
	}
	for _, raw := range []string{signed, strings.Replace(signed, "two", "three", 1)} {
		handoff, err := verifier.Verify("/handoff/main", raw, time.Unix(1700000060, 0))
		fmt.Printf("%q %q\n", handoff.Key, webhooks.ReasonOf(err))
	}
	// Output:
	// /handoff/main
	// key_request_id=5f7c1e0a8d3b2c0001a4e9d1&note=two%20words&timestamp=1700000000
	// "5f7c1e0a8d3b2c0001a4e9d1" ""
	// "" "forged"
}

// One Receiver serves for every sender.
func ExampleTyk() {
	receiver := webhooks.Receiver{
		Accept: func(context.Context, bridge.Hint) (bridge.Accepted, error) { // bridge.Service.Accept
			return bridge.Accepted{Request: "01HF7YAT00ABCDEFGHJKMNPQRS", Created: true}, nil
		},
		Observe: func(source, outcome string) { fmt.Println(source, outcome) },
	}
	handler, err := webhooks.Tyk(webhooks.TykConfig{
		Receiver: receiver,
		Portal:   "main",
		Secrets:  []string{"0123456789abcdef0123456789abcdef"},
		Intake:   func(string, string) *bridge.Change { return nil }, // bridge.Service.Intake
	})
	if err != nil {
		panic(err)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost,
		"/webhooks/portal/main?secret=0123456789abcdef0123456789abcdef",
		strings.NewReader(`{"event":"key_request_event.submitted","data":{"id":"5f7c1e0a8d3b2c0001a4e9d1"}}`)))
	fmt.Print(w.Code, " ", w.Body)
	// Output:
	// portal/main accepted
	// 200 accepted
}

// An event may be about a developer, and then about each of their requests.
func ExampleTykEnterprise() {
	handler, err := webhooks.TykEnterprise(webhooks.TykEnterpriseConfig{
		Receiver: webhooks.Receiver{
			Accept: func(_ context.Context, h bridge.Hint) (bridge.Accepted, error) { // bridge.Service.Accept
				fmt.Println(h.What, h.Request)
				return bridge.Accepted{Request: h.Request}, nil
			},
		},
		Portal:  "main",
		Secrets: []string{"0123456789abcdef0123456789abcdef"},
		Intake:  func(string, string) *bridge.Change { return nil }, // bridge.Service.Intake
		Requests: func(context.Context, string, string) ([]bridge.ID, error) {
			return []bridge.ID{"01HF7YAT00ABCDEFGHJKMNPQRS"}, nil
		},
		Look: func() {},
	})
	if err != nil {
		panic(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/webhooks/portal/main",
		strings.NewReader(`{"Event":"UserAccountDeactivated","Message":{"ID":2,"ByUser":1}}`))
	r.Header.Set(webhooks.SecretHeader, "0123456789abcdef0123456789abcdef")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	fmt.Print(w.Code, " ", w.Body)
	// Output:
	// UserAccountDeactivated 01HF7YAT00ABCDEFGHJKMNPQRS
	// 200 accepted
}
