package sandbox_test

import (
	"net/http"
	"net/url"
	"strconv"
	"testing"

	"keybridge/bridge/tyk/sandbox"
)

// enterprise is an Enterprise Portal behind a real server.
type enterprise struct {
	*sandbox.Enterprise
	host
}

func newEnterprise(t *testing.T, cfg sandbox.EnterpriseConfig) *enterprise {
	t.Helper()
	e, err := sandbox.NewEnterprise(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &enterprise{e, hosted(t, e)}
}

// call makes a call of the portal's API with the admin's token.
func (e *enterprise) call(method, path, body string) answer {
	e.t.Helper()
	a, err := e.send(method, "/portal-api"+path, body, "Authorization", e.Secret())
	if err != nil {
		e.t.Fatal(err)
	}
	return a
}

// must makes a call that has to succeed.
func (e *enterprise) must(method, path, body string) answer {
	e.t.Helper()
	a := e.call(method, path, body)
	if a.status != http.StatusOK && a.status != http.StatusCreated {
		e.t.Fatalf("%s %s: %d %s", method, path, a.status, a.body)
	}
	return a
}

func (e *enterprise) set(change func(*sandbox.EnterpriseSettings)) {
	e.t.Helper()
	settings := e.Settings()
	change(&settings)
	if err := e.SetSettings(settings); err != nil {
		e.t.Fatal(err)
	}
}

// ask files an access request of the demo developer's.
func (e *enterprise) ask(plan int, products ...int) sandbox.AccessRequest {
	e.t.Helper()
	request, err := e.CreateAccessRequest(sandbox.AccessAsk{Email: sandbox.EnterpriseEmail, Products: products, Plan: plan})
	if err != nil {
		e.t.Fatal(err)
	}
	return request
}

func (e *enterprise) request(id int) sandbox.AccessRequest {
	e.t.Helper()
	request, known := e.AccessRequest(id)
	if !known {
		e.t.Fatalf("access request %d is gone", id)
	}
	return request
}

// granted files and approves an access request and returns it with the secret of its credential.
func (e *enterprise) granted(plan int, products ...int) (sandbox.AccessRequest, string) {
	e.t.Helper()
	id := e.ask(plan, products...).ID
	if e.request(id).Status == sandbox.Pending {
		if err := e.Approve(id); err != nil {
			e.t.Fatal(err)
		}
	}
	request := e.request(id)
	return request, request.Credentials[0].Secret()
}

// shopper is a browser of the demo developer, signed in.
func (e *enterprise) shopper() *browser {
	e.t.Helper()
	return e.browser().signInAs(sandbox.EnterpriseEmail, sandbox.EnterprisePassword)
}

// choose puts a product with a plan in the cart.
func (b *browser) choose(product, plan int) *browser {
	b.t.Helper()
	return b.post("/portal/cart", url.Values{"product": {strconv.Itoa(product)}, "plan": {strconv.Itoa(plan)}})
}

// checkout sends the cart for the demo developer's app.
func (b *browser) checkout(plan int) *browser {
	b.t.Helper()
	return b.post("/portal/cart/submit", url.Values{"plan": {strconv.Itoa(plan)}, "app": {"1"}})
}

// bought is a browser that has just sent a cart with one product.
func (e *enterprise) bought(plan int) *browser {
	e.t.Helper()
	return e.shopper().choose(sandbox.ForecastProduct, plan).checkout(plan)
}

func TestAnEnterprisePortalThatCannotBeIsRefused(t *testing.T) {
	for name, cfg := range map[string]sandbox.EnterpriseConfig{
		"a catalogue of a product that is not there": {Catalogues: []sandbox.Catalogue{{Name: "x", Products: []int{4}}}},
		"a catalogue of a plan that is not there":    {Catalogues: []sandbox.Catalogue{{Name: "x", Plans: []int{0}}}},
		"a user with no address":                     {Users: []sandbox.User{{First: "Nobody"}}},
		"a user twice":                               {Users: []sandbox.User{{Email: "a@b.example"}, {Email: "A@b.example"}}},
		"the admin's address":                        {Users: []sandbox.User{{Email: sandbox.EnterpriseAdmin}}},
		"a user of no organisation":                  {Users: []sandbox.User{{Email: "a@b.example", OrganisationID: 7}}},
		"a webhook to nowhere":                       {Channels: []sandbox.Channel{{URL: "nowhere"}}},
		"a webhook for what never happens":           {Channels: []sandbox.Channel{{URL: "http://a.example/", Events: []string{"x"}}}},
		"a theme's link to nowhere":                  {Settings: sandbox.EnterpriseSettings{ThemeLink: "javascript:alert(1)"}},
		"a mail with no subject":                     {Settings: sandbox.EnterpriseSettings{EmailService: true}},
	} {
		if _, err := sandbox.NewEnterprise(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestBothPortalsMayBeUsedInOneBrowser(t *testing.T) {
	classic, e := newPortal(t, sandbox.Config{}), newEnterprise(t, sandbox.EnterpriseConfig{})
	b := classic.browser().signIn()
	client := b.client // cookies know hosts and no ports
	other := e.browser()
	other.client.Jar = client.Jar
	other.signInAs(sandbox.EnterpriseEmail, sandbox.EnterprisePassword).get("/portal/").shows("Erin Engineer")
	b.get("/portal/").shows("Dana Developer")
	other.post("/portal/logout", url.Values{})
	b.get("/portal/").shows("Dana Developer")
}
