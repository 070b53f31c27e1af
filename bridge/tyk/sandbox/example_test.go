package sandbox_test

import (
	"fmt"
	"net/http/httptest"

	"keybridge/bridge/tyk/sandbox"
)

// A portal that hands its key requests to a system at bridge.example.
func Example() {
	portal, err := sandbox.New(sandbox.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = portal.Close() }()
	server := httptest.NewServer(portal) // the Dashboard API is at server.URL, the pages at server.URL + "/portal/"
	defer server.Close()

	settings := portal.Settings()
	settings.RedirectOnKeyRequest, settings.RedirectTo = true, "https://bridge.example/handoff/weather"
	if err := portal.SetSettings(settings); err != nil {
		fmt.Println(err)
		return
	}
	request, err := portal.CreateKeyRequest(sandbox.Ask{Email: sandbox.DemoEmail, Policies: []string{sandbox.PaidPolicy}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(request.CatalogueEntry.Name, request.Approved)
	if err := portal.Approve(request.ID); err != nil {
		fmt.Println(err)
		return
	}
	developer, _ := portal.Developer(sandbox.DemoEmail)
	fmt.Println(len(developer.Keys), "key,", len(portal.Mail()), "mail")
	// Output:
	// Weather Pro false
	// 1 key, 1 mail
}

// An Enterprise Portal whose developers find a link to a system at bridge.example once they have asked for access.
func Example_enterprise() {
	portal, err := sandbox.NewEnterprise(sandbox.EnterpriseConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = portal.Close() }()
	server := httptest.NewServer(portal) // the API is at server.URL + "/portal-api", the pages at server.URL + "/portal/"
	defer server.Close()

	settings := portal.Settings()
	settings.ThemeLink = "https://bridge.example/handoff/weather?request={id}"
	if err := portal.SetSettings(settings); err != nil {
		fmt.Println(err)
		return
	}
	request, err := portal.CreateAccessRequest(sandbox.AccessAsk{
		Email: sandbox.EnterpriseEmail, Products: []int{sandbox.ForecastProduct, sandbox.HistoryProduct}, Plan: sandbox.PaidPlan,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	link, err := portal.ThemeLink(request.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(request.Status, link)
	if err := portal.Approve(request.ID); err != nil {
		fmt.Println(err)
		return
	}
	request, _ = portal.AccessRequest(request.ID)
	fmt.Println(request.Status, len(request.Credentials), "credential")
	// Output:
	// pending https://bridge.example/handoff/weather?request=1
	// approved 1 credential
}
