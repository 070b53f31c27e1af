package tyk_test

import (
	"context"
	"fmt"
	"net/http/httptest"

	"keybridge/bridge"
	"keybridge/bridge/tyk"
	"keybridge/bridge/tyk/sandbox"
)

// A key request is read, approved and, some months later, revoked. What the earlier call said goes into the next one.
func ExampleClassic() {
	portal, err := sandbox.New(sandbox.Config{})
	if err != nil {
		panic(err)
	}
	defer func() { _ = portal.Close() }()
	server := httptest.NewServer(portal)
	defer server.Close()
	asked, err := portal.CreateKeyRequest(sandbox.Ask{Email: sandbox.DemoEmail, Policies: []string{sandbox.PaidPolicy}})
	if err != nil {
		panic(err)
	}

	classic, err := tyk.NewClassic(tyk.Config{Name: "main", URL: server.URL, Secret: portal.Secret, Organisation: portal.Org()})
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	var known bridge.Access
	for _, call := range []func(context.Context, string, bridge.Access) (bridge.KeyRequest, error){
		classic.Read, classic.Approve, classic.Suspend, classic.Resume, classic.Revoke,
	} {
		facts, err := call(ctx, asked.ID, known)
		if err != nil {
			panic(err)
		}
		fmt.Println(facts.State, len(facts.Keys))
		known = bridge.Access{Have: facts.State, Keys: facts.Keys}
	}
	// Output:
	// pending 0
	// granted 1
	// suspended 1
	// granted 1
	// gone 1
}
