package outgoing_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"keybridge/bridge"
	"keybridge/bridge/notify/outgoing"
	"keybridge/store/bolt"
)

// A receiver verifies a message with its library, and tells duplicates by its id.
func Example() {
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		fmt.Println(err)
		return
	}
	done := make(chan struct{})
	crm := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || verifier.Verify(body, r.Header) != nil {
			fmt.Println("forged")
			return
		}
		fmt.Println(r.Header.Get("webhook-id"))
		fmt.Println(string(body))
		close(done)
	}))
	defer crm.Close()

	folder, err := os.MkdirTemp("", "outgoing")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder) //nolint:errcheck // an example
	store, err := bolt.Open(bolt.Config{Path: filepath.Join(folder, "keybridge.db")})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close() //nolint:errcheck // an example
	sender, err := outgoing.New(outgoing.Config{Store: store, Endpoints: []outgoing.Endpoint{
		{Name: "crm", URL: crm.URL, Secrets: []string{secret}, Types: []string{"request.*"}},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	sender.Endpoints(context.Background()) // its place is kept: it hears of what comes after

	c := &bridge.Change{Request: bridge.Request{ID: "01J00000000000000000000000", Portal: "main", Key: "65f0c1d2"}}
	c.TakeIn(bridge.KeyRequest{Applicant: bridge.Applicant{ID: "dev-1"}}, bridge.Terms{Plan: "Gold"}, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	if _, err := store.Accept(context.Background(), bridge.Hint{Portal: "main", Key: c.Key, Intake: c}, nil); err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		<-done
		stop()
	}()
	sender.Run(ctx)

	// Output:
	// msg_01J00000000000000000000000_1_2553d9b4
	// {"type":"request.received","timestamp":"2026-03-01T12:00:00Z","data":{"request":"01J00000000000000000000000","entry":1,"portal":"main","key":"65f0c1d2","by":{"kind":"portal","name":"main"},"after":"Gold","plan":"Gold","applicant":{"id":"dev-1"}}}
}
