package sandbox_test

import (
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"keybridge/bridge/tyk/sandbox"
)

// stillEnterprise is an Enterprise Portal in which nothing is left to chance.
func stillEnterprise(t *testing.T) *enterprise {
	t.Helper()
	return newEnterprise(t, sandbox.EnterpriseConfig{
		Rand: &counting{}, Now: func() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }, URL: "http://portal.example",
	})
}

func TestEveryPageOfAnEnterprisePortalIsAsItShouldBe(t *testing.T) {
	admin := func(section string) func(*enterprise) *browser {
		return func(e *enterprise) *browser { return e.busy().get("/admin/" + section + "?done=save") }
	}
	idle := func(section string) func(*enterprise) *browser {
		return func(e *enterprise) *browser { return e.browser().get("/admin/" + section) }
	}
	for name, walk := range map[string]func(*enterprise) *browser{
		"home":           func(e *enterprise) *browser { return e.browser().get("/portal/") },
		"home_signed_in": func(e *enterprise) *browser { return e.shopper().get("/portal/") },
		"catalogues":     func(e *enterprise) *browser { return e.browser().get("/portal/catalogues") },
		"product":        func(e *enterprise) *browser { return e.shopper().get("/portal/catalogue-products/weather-forecast") },
		"login":          func(e *enterprise) *browser { return e.browser().get("/portal/login?next=/portal/cart") },
		"login_wrong": func(e *enterprise) *browser {
			return e.browser().post("/portal/login", url.Values{"email": {"<erin>@example.com"}, "password": {"x"}})
		},
		"register": func(e *enterprise) *browser { return e.browser().get("/portal/register") },
		"register_taken": func(e *enterprise) *browser {
			e.set(func(c *sandbox.EnterpriseSettings) { c.InactiveSignup = true })
			return e.browser().post("/portal/register", url.Values{
				"first": {"Erin"}, "last": {"Else"}, "email": {sandbox.EnterpriseEmail}, "password": {"lovelace"},
			})
		},
		"cart_empty": func(e *enterprise) *browser { return e.shopper().get("/portal/cart") },
		"cart": func(e *enterprise) *browser {
			return e.shopper().choose(sandbox.ForecastProduct, sandbox.PaidPlan).choose(sandbox.HistoryProduct, sandbox.FreePlan)
		},
		"cart_mixed": func(e *enterprise) *browser {
			return e.shopper().choose(sandbox.ForecastProduct, sandbox.PaidPlan).choose(sandbox.WarningsProduct, sandbox.PaidPlan)
		},
		"request_pending": func(e *enterprise) *browser {
			e.set(func(c *sandbox.EnterpriseSettings) { c.ThemeLink = "http://bridge.example/handoff/enterprise" })
			return e.bought(sandbox.PaidPlan)
		},
		"request_approved": func(e *enterprise) *browser { return e.bought(sandbox.FreePlan) },
		"request_rejected": func(e *enterprise) *browser {
			b := e.bought(sandbox.PaidPlan)
			e.must("PUT", "/access_requests/1/reject", "")
			return b.get("/portal/requests/1")
		},
		"apps": func(e *enterprise) *browser { return e.shopper().get("/portal/apps") },
		"apps_none": func(e *enterprise) *browser {
			return e.browser().post("/portal/register", url.Values{
				"first": {"Nina"}, "last": {"New"}, "email": {"nina@example.org"}, "password": {"newcomer"},
			}).get("/portal/apps")
		},
		"app_none": func(e *enterprise) *browser { return e.shopper().get("/portal/apps/1") },
		"app":      func(e *enterprise) *browser { e.busy(); return e.shopper().get("/portal/apps/1") },
		"mail":     func(e *enterprise) *browser { return e.bought(sandbox.FreePlan).get("/portal/mail") },
		"sorry":    func(e *enterprise) *browser { return e.browser().get("/portal/nowhere") },

		"admin_access_requests": admin("access-requests"), "admin_access_requests_none": idle("access-requests"),
		"admin_users": admin("users"), "admin_plans": admin("plans"), "admin_webhooks": admin("webhooks"), "admin_webhooks_none": idle("webhooks"),
		"admin_emails": admin("emails"), "admin_emails_none": idle("emails"), "admin_settings": admin("settings"),
		"admin_faults": admin("faults"), "admin_sorry": idle("nowhere"),
	} {
		t.Run(name, func(t *testing.T) {
			got := walk(stillEnterprise(t)).page
			checkMarkup(t, got)
			golden(t, filepath.Join("testdata", "pages", "enterprise", name+".html"), got)
		})
	}
}

// busy is a browser at a portal where something of everything is going on.
func (e *enterprise) busy() *browser {
	e.t.Helper()
	e.set(func(c *sandbox.EnterpriseSettings) {
		c.HoldWebhooks, c.ThemeLink = true, "http://bridge.example/handoff/enterprise?request={id}"
	})
	if _, err := e.AddChannel(sandbox.Channel{
		Name: "bridge", URL: "http://bridge.example/hook", Headers: []sandbox.ChannelHeader{{Name: "X-Bridge-Secret", Value: "canary"}},
	}); err != nil {
		e.t.Fatal(err)
	}
	e.ask(sandbox.FreePlan, sandbox.ForecastProduct)
	e.granted(sandbox.PaidPlan, sandbox.WarningsProduct)
	e.ask(sandbox.ReviewedPlan, sandbox.ForecastProduct, sandbox.HistoryProduct)
	e.granted(sandbox.PaidPlan, sandbox.HistoryProduct)
	if err := e.RevokeCredential(3); err != nil {
		e.t.Fatal(err)
	}
	e.must("POST", "/users", `{"Email":"nina@example.org","First":"Nina","Last":"New","Active":false}`)
	if _, err := e.Fault(sandbox.Fault{Path: "/portal-api/x", Kind: sandbox.Latency, Delay: time.Millisecond, Times: 3}); err != nil {
		e.t.Fatal(err)
	}
	return e.browser()
}

func TestADeveloperWalksFromSignUpToCredentials(t *testing.T) {
	e := newEnterprise(t, sandbox.EnterpriseConfig{})
	b := e.browser()
	b.get("/").shows("open-catalogues")
	b.get("/portal/catalogue-products/weather-history").shows("Access with this Plan")
	b.choose(sandbox.HistoryProduct, sandbox.ReviewedPlan).shows("Sign in") // with no Referer it leads to the beginning
	b.post("/portal/register", url.Values{"first": {"Ada"}, "last": {"L"}, "email": {"ada@example.org"}, "password": {"short"}}).shows("six characters")
	b.post("/portal/register", url.Values{"first": {"Ada"}, "last": {"L"}, "email": {"ada@example.org"}, "password": {"lovelace"}}).shows("Sign out")
	b.choose(sandbox.HistoryProduct, sandbox.ReviewedPlan).shows("submit-request")
	b.post("/portal/cart/submit", url.Values{"plan": {"3"}, "app": {"new"}, "app_name": {"Engine"}}).shows(`data-status="pending"`).shows("Access request 1")
	b.get("/portal/apps").shows(`<a href="/portal/apps/2">Engine</a>`)
	b.get("/portal/apps/2").shows("pending").shows("How it stands")
	e.must("PUT", "/access_requests/1/approve", "")
	key := e.request(1).Credentials[0].Key
	b.get("/portal/requests/1").shows(`data-status="approved"`)
	for range 2 {
		if b.get("/portal/apps/2"); b.shown("key-1") != key || !e.Admits(key, sandbox.HistoryProduct) {
			t.Errorf("the key is %q on %s", b.shown("key-1"), b.page)
		}
	}
	b.get("/portal/mail").shows("Welcome").shows("Your access request was approved")
	if strings.Contains(b.page, key) {
		t.Error("the mail holds the key")
	}
}

func TestWhoeverSignsInGoesBackToWhereTheyWere(t *testing.T) {
	e := newEnterprise(t, sandbox.EnterpriseConfig{})
	in := url.Values{"email": {sandbox.EnterpriseEmail}, "password": {sandbox.EnterprisePassword}}
	for next, want := range map[string]string{
		"/portal/cart": "/portal/cart", "": "/portal/catalogues", "http://evil.example/": "/portal/catalogues",
		"//evil.example/": "/portal/catalogues", "/portal/\\evil.example": "/portal/catalogues",
	} {
		in.Set("next", next)
		if b := e.browser().post("/portal/login", in); b.at.Path != want || b.left != "" {
			t.Errorf("%q leads to %s%s", next, b.at, b.left)
		}
	}
	a, err := e.send("POST", "/portal/cart", "product=1&plan=1", "Referer", e.url+"/portal/catalogue-products/weather-forecast?x=1",
		"Origin", e.url, "Content-Type", "application/x-www-form-urlencoded")
	if err != nil || a.header.Get("Location") != "/portal/login?next=%2Fportal%2Fcatalogue-products%2Fweather-forecast%3Fx%3D1" {
		t.Errorf("from a product's page to %s %v", a.header.Get("Location"), err)
	}
	if b := e.browser().get("/portal/apps/1"); b.at.Query().Get("next") != "/portal/apps/1" {
		t.Errorf("from a page to %s", b.at)
	}
}

func TestTheCartTakesOnlyWhatIsOffered(t *testing.T) {
	e := newEnterprise(t, sandbox.EnterpriseConfig{
		Catalogues: []sandbox.Catalogue{
			{Name: "Open", Products: []int{sandbox.ForecastProduct}, Plans: []int{sandbox.FreePlan, sandbox.PaidPlan}},
			{Name: "Partners", Private: true, Products: []int{sandbox.HistoryProduct}, Plans: []int{sandbox.ReviewedPlan}},
		},
	})
	b := e.browser()
	if b.get("/portal/catalogues"); strings.Contains(b.page, "Weather History") {
		t.Error("the private catalogue is public")
	}
	if b.get("/portal/catalogue-products/weather-history"); b.status != 404 {
		t.Errorf("a product of a private catalogue: %d", b.status)
	}
	b = e.shopper()
	b.get("/portal/catalogues").shows("Partners").shows("Weather History")
	for _, item := range [][2]int{{1, 3}, {2, 1}, {3, 1}, {9, 1}, {1, 9}, {0, 0}} {
		if b.choose(item[0], item[1]); b.status != 404 {
			t.Errorf("%v: %d", item, b.status)
		}
	}
	for _, form := range []url.Values{{"product": {"x"}}, {"product": {"1"}, "plan": {"x"}}} {
		if b.post("/portal/cart", form); b.status != 400 {
			t.Errorf("%v: %d", form, b.status)
		}
	}
	b.choose(1, 1)
	b.choose(1, 2).shows("<td>Weather Forecast</td><td>Pro</td>")
	if strings.Count(b.page, `id="item-`) != 1 {
		t.Error("the same product is there twice")
	}
	if b.post("/portal/cart/remove", url.Values{"product": {"x"}}); b.status != 400 {
		t.Errorf("removing nothing: %d", b.status)
	}
	b.post("/portal/cart/remove", url.Values{"product": {"1"}}).shows("cart-empty")
	if b.checkout(1).shows("Choose a product first."); b.status != 422 || len(e.AccessRequests()) != 0 {
		t.Errorf("an empty cart was sent: %d", b.status)
	}
	// Two catalogues: the request belongs to neither.
	b.choose(1, 1)
	b.choose(2, 3)
	b.checkout(3).shows(`data-status="pending"`)
	if request := e.request(1); request.Catalogue != "" {
		t.Errorf("%+v", request)
	}
}

func TestTheCartHoldsFiftyProducts(t *testing.T) {
	cfg := sandbox.EnterpriseConfig{}
	for i := range 51 {
		cfg.Products = append(cfg.Products, sandbox.Product{Name: "product " + strconv.Itoa(i)})
	}
	b := newEnterprise(t, cfg).shopper()
	for i := range 50 {
		b.choose(i+1, 1)
	}
	if b.choose(51, 1).shows("The cart is full."); b.status != 422 {
		t.Errorf("%d", b.status)
	}
	b.choose(50, 2).shows("<td>product 49</td><td>Pro</td>")
}

func TestNobodySeesSomebodyElsesRequestsAndApps(t *testing.T) {
	e := newEnterprise(t, sandbox.EnterpriseConfig{})
	_, key := e.granted(sandbox.PaidPlan, sandbox.ForecastProduct)
	other := e.browser().post("/portal/register", url.Values{"first": {"Eve"}, "last": {"E"}, "email": {"eve@example.org"}, "password": {"curious"}})
	for _, path := range []string{"/portal/requests/1", "/portal/apps/1", "/portal/requests/9", "/portal/apps/x"} {
		if other.get(path); other.status != 404 || strings.Contains(other.page, key) || strings.Contains(other.page, "Umbrella") {
			t.Errorf("%s: %d", path, other.status)
		}
	}
	other.choose(sandbox.ForecastProduct, sandbox.PaidPlan)
	if other.checkout(sandbox.PaidPlan).shows("Choose one of your apps"); other.status != 422 {
		t.Errorf("somebody else's app was taken: %d", other.status)
	}
	if other.get("/portal/mail"); strings.Contains(other.page, "Umbrella") {
		t.Error("somebody else's mail")
	}
}

func TestSignUpCanBeClosedOrWaitForTheAdmin(t *testing.T) {
	e := newEnterprise(t, sandbox.EnterpriseConfig{})
	form := url.Values{"first": {"Ada"}, "last": {"L"}, "email": {"ada@example.org"}, "password": {"lovelace"}}
	e.set(func(c *sandbox.EnterpriseSettings) { c.DisableSignup = true })
	e.browser().get("/portal/register").shows("Signing up is switched off.")
	if b := e.browser().post("/portal/register", form); b.status != 403 {
		t.Errorf("%d", b.status)
	}
	e.set(func(c *sandbox.EnterpriseSettings) { c.DisableSignup, c.InactiveSignup = false, true })
	b := e.browser()
	if b.post("/portal/register", form); b.at.Path != "/portal/login" {
		t.Errorf("at %s", b.at)
	}
	if b.post("/portal/login", form).shows("not active"); b.status != 403 {
		t.Errorf("%d", b.status)
	}
	e.browser().post("/admin/users/3/activate", url.Values{}).shows("The user was activated.")
	b.signInAs("ada@example.org", "lovelace")
}

func TestAppsAreMadeOnTheirPage(t *testing.T) {
	e := newEnterprise(t, sandbox.EnterpriseConfig{})
	b := e.shopper()
	if b.post("/portal/apps", url.Values{"app_name": {" "}}); b.status != 422 {
		t.Errorf("%d", b.status)
	}
	b.post("/portal/apps", url.Values{"app_name": {"Boots"}, "description": {"for puddles"}}).shows("<h1>Boots</h1>").shows("for puddles")
	if apps := e.Apps("ERIN@example.com"); len(apps) != 2 || apps[1].Name != "Boots" || apps[1].UserID != 2 {
		t.Errorf("%+v", apps)
	}
}

func TestTheThemesLinkLeadsToAnotherSystemBareOrSigned(t *testing.T) {
	now := time.Unix(1_750_000_000, 0)
	e := newEnterprise(t, sandbox.EnterpriseConfig{Now: func() time.Time { return now }})
	request := e.ask(sandbox.PaidPlan, sandbox.ForecastProduct)
	for _, c := range []struct {
		link, parameter, kind string
		check                 func(*url.URL) bool
	}{
		{"http://b.example/h?lang=en", "", "", func(u *url.URL) bool { return u.RawQuery == "lang=en&request_id=1" }},
		{"http://b.example/h", "ar", "", func(u *url.URL) bool { return u.RawQuery == "ar=1" }},
		{"http://b.example/h/{id}?x={id}", "", "", func(u *url.URL) bool { return u.Path == "/h/1" && u.RawQuery == "x=1" }},
		{"http://b.example/h", "", sandbox.SignedJWT, func(u *url.URL) bool {
			return strings.Count(u.Query().Get("t"), ".") == 2 && !u.Query().Has("request_id")
		}},
		{"http://b.example/h/{id}", "", sandbox.SignedQuery, func(u *url.URL) bool {
			q := u.Query()
			return u.Path == "/h/1" && q.Get("request_id") == "1" && q.Get("portal") == "weather" && q.Get("timestamp") == "1750000000" && len(q.Get("signature")) == 64
		}},
	} {
		e.set(func(s *sandbox.EnterpriseSettings) {
			s.ThemeLink, s.ThemeLinkParameter, s.ThemeLinkText = c.link, c.parameter, "Pay now"
			s.SignedLink = sandbox.SignedRedirect{Kind: c.kind, Secret: "hush", Portal: "weather", Parameter: "t"}
		})
		link, err := e.ThemeLink(request.ID)
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(link)
		if err != nil || u.Host != "b.example" || !c.check(u) {
			t.Errorf("%s became %s", c.link, link)
		}
		e.shopper().get("/portal/requests/1").shows(`id="theme-link" href="http://b.example/h`).shows("Pay now")
	}
	e.must("PUT", "/access_requests/1/approve", "")
	if link, err := e.ThemeLink(request.ID); err != nil || link != "" {
		t.Errorf("approved, it leads to %q %v", link, err)
	}
}

func TestPagesOfAnEnterprisePortalAreGuarded(t *testing.T) {
	e := newEnterprise(t, sandbox.EnterpriseConfig{})
	e.ask(sandbox.PaidPlan, sandbox.ForecastProduct)
	for _, path := range []string{
		"/admin/access-requests/1/approve", "/admin/settings/save", "/admin/faults", "/admin/channels/add", "/portal/login", "/portal/cart",
		"/portal/register", "/sandbox/faults", "/sandbox/access_requests",
	} {
		a, err := e.send("POST", path, "kind=latency", "Origin", "http://evil.example", "Content-Type", "application/x-www-form-urlencoded")
		if err != nil || a.status != http.StatusForbidden {
			t.Errorf("%s: %d %v", path, a.status, err)
		}
	}
	if e.request(1).Status != sandbox.Pending {
		t.Error("it was approved all the same")
	}
	a, err := e.send("GET", "/portal/", "")
	if err != nil || !strings.HasPrefix(a.header.Get("Content-Security-Policy"), "default-src 'none'; style-src 'self'") {
		t.Errorf("%v %v", a.header, err)
	}
	b := e.shopper()
	for _, form := range []string{"/portal/cart", "/portal/cart/remove", "/portal/cart/submit", "/portal/apps", "/portal/login", "/portal/register", "/admin/settings/save"} {
		if b.post(form, url.Values{"x": {strings.Repeat("x", 1<<20)}}); b.status != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: %d", form, b.status)
		}
	}
}

func TestWhatPeopleTypeAtAnEnterprisePortalIsShownAsText(t *testing.T) {
	e := newEnterprise(t, sandbox.EnterpriseConfig{})
	nasty := `<script>alert("x")</script>{app}` + "\r\nBcc: all@example.org"
	b := e.browser().post("/portal/register", url.Values{"first": {nasty}, "last": {"x"}, "email": {"eve@example.org"}, "password": {"curious"}})
	b.choose(sandbox.ForecastProduct, sandbox.FreePlan)
	e.set(func(c *sandbox.EnterpriseSettings) { c.Approve.Subject = "{name} and {app}" })
	b.post("/portal/cart/submit", url.Values{"plan": {"1"}, "app": {"new"}, "app_name": {nasty}}).shows(`data-status="approved"`)
	for _, path := range []string{"/portal/", "/portal/mail", "/portal/apps", "/portal/apps/2", "/admin/access-requests", "/admin/users", "/admin/emails"} {
		if b.get(path); strings.Contains(b.page, "<script") || b.status != 200 {
			t.Errorf("%s shows it as it is (%d)", path, b.status)
		}
	}
	for _, m := range e.Mail() {
		if strings.ContainsAny(m.Subject, "\r\n") {
			t.Errorf("the subject is %q", m.Subject)
		}
	}
}
