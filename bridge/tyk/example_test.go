package tyk_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strconv"

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

// In the Enterprise Portal a key that was suspended is not resumed: another access request is made, which is in Also.
func ExampleEnterprise() {
	portal, err := sandbox.NewEnterprise(sandbox.EnterpriseConfig{})
	if err != nil {
		panic(err)
	}
	defer func() { _ = portal.Close() }()
	server := httptest.NewServer(portal)
	defer server.Close()

	enterprise, err := tyk.NewEnterprise(tyk.EnterpriseConfig{Name: "partners", URL: server.URL, Secret: portal.Secret})
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	key, err := enterprise.Create(ctx, bridge.Asking{
		Developer: sandbox.EnterpriseEmail, Policies: []string{strconv.Itoa(sandbox.ForecastProduct)}, Plan: strconv.Itoa(sandbox.PaidPlan),
	})
	if err != nil {
		panic(err)
	}
	var known bridge.Access
	for _, call := range []func(context.Context, string, bridge.Access) (bridge.KeyRequest, error){
		enterprise.Read, enterprise.Approve, enterprise.Suspend, enterprise.Resume, enterprise.Revoke,
	} {
		facts, err := call(ctx, key, known)
		if err != nil {
			panic(err)
		}
		fmt.Println(facts.State, facts.Keys, facts.Also)
		known = bridge.Access{Have: facts.State, Keys: facts.Keys}
	}
	// Output:
	// pending [] []
	// granted [1/1] []
	// suspended [1/1] []
	// granted [1/1 2/2] [2]
	// gone [1/1 2/2] [2]
}
