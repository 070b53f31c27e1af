package console_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"keybridge/bridge"
	"keybridge/bridge/web/console"
)

func credentials(name, code string) url.Values {
	return url.Values{"name": {name}, "password": {password}, "code": {code}, "next": {"/console/?show=all"}}
}

func TestThePagesOfSigningIn(t *testing.T) {
	o := newOffice(t)
	nobody := o.as("")
	golden(t, "sign-in", 200, nobody.get("/console/sign-in"))
	golden(t, "sign-in-next", 200, nobody.get("/console/sign-in?next="+url.QueryEscape("/console/?show=all&q=rain")))
	golden(t, "sign-in-refused", 401, nobody.post("/console/sign-in", url.Values{"name": {`"><b>`}, "password": {"wrong"}}))
	golden(t, "sign-in-code", 401, nobody.post("/console/sign-in", credentials("otto", "")))
	golden(t, "sign-in-half", 401, nobody.post("/console/sign-in", credentials("adam", "")))
	golden(t, "sign-in-half-wrong", 401, nobody.post("/console/sign-in", url.Values{"half": {"half of adam"}, "code": {"1"}}))
	nobody.post("/console/sign-in", url.Values{})
	limited := nobody.post("/console/sign-in", credentials("anna", ""))
	golden(t, "sign-in-limited", 429, limited)
	if got := limited.Header.Get("Retry-After"); got != "91" {
		t.Errorf("Retry-After is %q", got)
	}
}

func TestWhoSignsInGoesWhereTheyWantedTo(t *testing.T) {
	o := newOffice(t)
	got := o.as("").get("/console/requests/01KKKA6Z80R14E793T0BJ51CR5/approve")
	if to := got.Header.Get("Location"); got.StatusCode != http.StatusSeeOther || to != "/console/sign-in?next=%2Fconsole%2Frequests%2F01KKKA6Z80R14E793T0BJ51CR5%2Fapprove" {
		t.Fatalf("%d to %q", got.StatusCode, to)
	}
	got = o.as("").post("/console/sign-in", credentials("otto", "123456"))
	if to := got.Header.Get("Location"); got.StatusCode != http.StatusSeeOther || to != "/console/?show=all" {
		t.Errorf("%d to %q", got.StatusCode, to)
	}
	want := console.Attempt{Name: "otto", Password: password, Code: "123456", Address: "192.0.2.1"}
	if o.attempts[0] != want {
		t.Errorf("the attempt was %+v", o.attempts[0])
	}
	if to := o.as("viewer").get("/console/sign-in").Header.Get("Location"); to != "/console/" {
		t.Errorf("who is signed in already is led to %q", to)
	}
	got = o.as("").post("/console/sign-in", url.Values{"half": {"half of adam"}, "code": {" 123456 "}, "next": {"/console/?show=all"}})
	if got.StatusCode != http.StatusSeeOther || got.Cookies()[0].Value != "admin" {
		t.Errorf("with the half and the code: %d", got.StatusCode)
	}
	if strings.Contains(o.log.String(), password) || strings.Contains(o.log.String(), "123456") {
		t.Error("the log holds a password or a code")
	}
}

func TestNobodyIsLedOutOfTheConsole(t *testing.T) {
	o := newOffice(t)
	for _, next := range []string{
		"https://evil.example/console/", "//evil.example/console/", `/\evil.example/console/`, "/console//evil.example", "/console/../r/x",
		"/console/%2e%2e//evil.example", "/console/..%2f..%2f", "javascript:alert(1)//console/", "/console/\r\nSet-Cookie: a=b", "console/",
		"http:/console/", "/console/sign-out", "/console/?next=https://evil.example", "/console/requests/x", "/console/#//evil.example",
		"/console/@evil.example", "//user:pw@evil.example/console/", "/console/;//evil.example", "\t//evil.example",
	} {
		got := o.as("viewer").get("/console/sign-in?next=" + url.QueryEscape(next))
		if to := got.Header.Get("Location"); to != "/console/" {
			t.Errorf("%q leads to %q", next, to)
		}
	}
}

func TestTheSessionsCookieIsKeptFromScriptsAndOtherSites(t *testing.T) {
	for name, is := range map[string]struct {
		secure     bool
		name, path string
	}{
		"with TLS":    {true, "__Host-keybridge-console", "/"},
		"without TLS": {false, "keybridge-console", "/console/"},
	} {
		o := newOffice(t, func(cfg *console.Config) { cfg.Secure = is.secure })
		got := o.as("").post("/console/sign-in", credentials("anna", ""))
		if len(got.Cookies()) != 1 {
			t.Fatalf("%s: %d cookies", name, len(got.Cookies()))
		}
		c := got.Cookies()[0]
		if c.Name != is.name || c.Path != is.path || c.Secure != is.secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode ||
			c.Domain != "" || c.MaxAge != 8*60*60 || c.Value != "approver" {
			t.Errorf("%s: the cookie is %v", name, c)
		}
		req := httptest.NewRequest(http.MethodGet, "https://bridge.example/console/", http.NoBody)
		req.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
		w := httptest.NewRecorder()
		o.ServeHTTP(w, req)
		if w.Code != http.StatusOK {
			t.Errorf("%s: the cookie opens %d", name, w.Code)
		}
	}
}

// A session that somebody has planted in the browser is not gone on in, and is over.
func TestSigningInEndsTheSessionBefore(t *testing.T) {
	o := newOffice(t)
	got := o.as("planted").post("/console/sign-in", credentials("anna", ""))
	if got.Cookies()[0].Value != "approver" || !slices.Equal(o.ended, []string{"planted"}) {
		t.Errorf("the cookie is %v, ended were %v", got.Cookies(), o.ended)
	}
}

func TestSigningOut(t *testing.T) {
	o := newOffice(t)
	got := o.as("viewer").post("/console/sign-out", url.Values{})
	if got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != "/console/sign-in" || got.Cookies()[0].MaxAge >= 0 || !slices.Equal(o.ended, []string{"viewer"}) {
		t.Errorf("%d %v, ended were %v", got.StatusCode, got.Header, o.ended)
	}
	if len(o.gone) > 0 {
		t.Errorf("%v were signed out everywhere", o.gone)
	}
	o.as("admin").post("/console/sign-out", url.Values{"everywhere": {"1"}})
	if !slices.Equal(o.gone, []string{"adam"}) {
		t.Errorf("%v were signed out everywhere", o.gone)
	}
	o.as("stolen").post("/console/sign-out", url.Values{"everywhere": {"1"}})
	if len(o.gone) != 1 {
		t.Errorf("a session that is over signed %v out", o.gone)
	}
}

// While the session cannot be ended, the browser keeps the cookie, to try again.
func TestACookieStaysUntilItsSessionIsOver(t *testing.T) {
	o := newOffice(t, func(cfg *console.Config) {
		cfg.SignOut = func(context.Context, string) error { return &bridge.Error{Kind: bridge.Unavailable} }
	})
	if got := o.as("viewer").post("/console/sign-out", url.Values{}); got.StatusCode != http.StatusServiceUnavailable || len(got.Cookies()) > 0 {
		t.Errorf("%d %v", got.StatusCode, got.Cookies())
	}
}

func TestASessionThatIsOverOpensNothing(t *testing.T) {
	o := newOffice(t)
	id := o.put("k")
	golden(t, "error-signed-out", 401, o.as("stolen").post("/console/requests/"+string(id)+"/note", url.Values{"text": {"x"}}))
	for _, path := range []string{"/console/", "/console/requests/" + string(id), "/console/requests/" + string(id) + "/approve"} {
		for _, session := range []string{"", "stolen"} {
			got := o.as(session).get(path)
			if got.StatusCode != http.StatusSeeOther || !strings.HasPrefix(got.Header.Get("Location"), "/console/sign-in") || strings.Contains(textOf(t, got), "Dana") {
				t.Errorf("%s with %q: %d to %q", path, session, got.StatusCode, got.Header.Get("Location"))
			}
		}
	}
	if len(o.get(id).Notes) > 0 || len(o.entries) > 0 {
		t.Error("somebody wrote or saw something")
	}
}

// That the sessions cannot be read signs nobody out.
func TestASessionThatCannotBeReadIsNotOver(t *testing.T) {
	o := newOffice(t, func(cfg *console.Config) {
		cfg.Who = func(context.Context, string) (bridge.Person, error) {
			return bridge.Person{}, &bridge.Error{Kind: bridge.Unavailable, Msg: "The store does not answer."}
		}
	})
	golden(t, "error-unavailable", 503, o.as("viewer").get("/console/"))
}

// A page that looks again by itself says so, and counts as nobody being here.
func TestAPageThatLooksAgainIsNobodyBeingHere(t *testing.T) {
	var came, glanced int
	o := newOffice(t, func(cfg *console.Config) {
		who := cfg.Who
		cfg.Who = func(ctx context.Context, token string) (bridge.Person, error) { came++; return who(ctx, token) }
		cfg.Glance = func(ctx context.Context, token string) (bridge.Person, error) { glanced++; return who(ctx, token) }
	})
	o.as("viewer").get("/console/")
	o.as("viewer").send(http.MethodGet, "/console/", nil, http.Header{"X-Keybridge-Refresh": {"1"}})
	if came != 1 || glanced != 1 {
		t.Errorf("they came %d times, and %d glances were thrown", came, glanced)
	}
}

func TestPostsFromOtherSitesAreRefused(t *testing.T) {
	o := newOffice(t)
	id := o.put("k")
	path := "/console/requests/" + string(id)
	form := url.Values{"text": {"x"}, "to": {"anna"}}
	for _, do := range []string{"/note", "/assign", "/retry", "/approve", "/decline"} {
		for from, header := range map[string]http.Header{
			"another site": {"Sec-Fetch-Site": {"cross-site"}},
			"a neighbour":  {"Sec-Fetch-Site": {"same-site"}},
			"an old one":   {"Origin": {"https://evil.example"}},
			"nowhere":      {"Origin": {"null"}},
		} {
			before := o.get(id).Revision
			got := o.as("approver").send(http.MethodPost, path+do, form, header)
			if got.StatusCode != http.StatusForbidden || o.get(id).Revision != before {
				t.Errorf("%s from %s: %d", do, from, got.StatusCode)
			}
		}
	}
	golden(t, "error-other-site", 403, o.as("approver").send(http.MethodPost, path+"/note", form, http.Header{"Sec-Fetch-Site": {"cross-site"}}))
	for _, path := range []string{"/console/sign-in", "/console/sign-out"} {
		got := o.as("viewer").send(http.MethodPost, path, credentials("anna", ""), http.Header{"Origin": {"https://evil.example"}})
		if got.StatusCode != http.StatusForbidden || len(got.Cookies()) > 0 {
			t.Errorf("%s: %d %v", path, got.StatusCode, got.Cookies())
		}
	}
}

// A proxy may not pass on the Host that the browser asked for.
func TestOurOwnOriginIsNamed(t *testing.T) {
	o := newOffice(t, func(cfg *console.Config) { cfg.Origin = "https://public.example" })
	got := o.as("viewer").send(http.MethodPost, "/console/sign-out", url.Values{}, http.Header{"Origin": {"https://public.example"}})
	if got.StatusCode != http.StatusSeeOther {
		t.Errorf("%d", got.StatusCode)
	}
}

func TestLookingChangesNothing(t *testing.T) {
	o := newOffice(t)
	id := o.put("k")
	before := o.get(id)
	for _, do := range []string{"", "/approve", "/decline", "/ask", "/note", "/assign", "/retry", "/approve?seen=x&text=y"} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			o.as("approver").send(method, "/console/requests/"+string(id)+do, nil, nil)
		}
	}
	if after := o.get(id); after.Revision != before.Revision {
		t.Errorf("revision %d became %d", before.Revision, after.Revision)
	}
}
