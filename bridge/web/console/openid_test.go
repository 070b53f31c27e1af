package console_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"keybridge/bridge"
	"keybridge/bridge/web/console"
)

// providerAddress is where people sign in instead.
const providerAddress = "https://login.example.com/authorize?state=s-1"

// withProvider offers a provider whose answer is err, and keeps what came back from it.
func withProvider(came *[]console.Returned, err error) func(*console.Config) {
	return func(c *console.Config) {
		c.OpenID = &console.OpenID{
			Name: "Example sign-on",
			Begin: func(context.Context) (string, string, error) {
				return providerAddress, "sealed; with=\"odd\" things", nil
			},
			Finish: func(_ context.Context, r console.Returned) (string, time.Time, error) {
				*came = append(*came, r)
				return "admin", time.Now().Add(time.Hour), err
			},
		}
	}
}

// wayOf is the cookie that was given for the way back.
func wayOf(t *testing.T, got *http.Response) *http.Cookie {
	t.Helper()
	for _, c := range got.Cookies() {
		if strings.HasSuffix(c.Name, "keybridge-openid") {
			return c
		}
	}
	t.Fatal("there is no cookie for the way back")
	return nil
}

// backWith comes back from the provider with a cookie; nil for none.
func backWith(o *office, c *http.Cookie) *http.Response {
	header := http.Header{}
	if c != nil {
		header.Set("Cookie", c.Name+"="+c.Value)
	}
	return o.as("").send(http.MethodGet, console.BackPath+"?code=c-1&state=s-1", nil, header)
}

func TestPeopleSignInAtAProviderAndGoWhereTheyWantedTo(t *testing.T) {
	var came []console.Returned
	o := newOffice(t, withProvider(&came, nil))
	const request = "/console/requests/01KKKA6Z80R14E793T0BJ51CR5"
	golden(t, "sign-in-openid", 200, o.as("").get("/console/sign-in?next="+url.QueryEscape(request)))
	out := o.as("").get("/console/openid?next=" + url.QueryEscape(request))
	if out.StatusCode != http.StatusSeeOther || out.Header.Get("Location") != providerAddress {
		t.Fatalf("%d to %q", out.StatusCode, out.Header.Get("Location"))
	}
	way := wayOf(t, out)
	if !way.HttpOnly || way.SameSite != http.SameSiteLaxMode || way.Path != console.BackPath || way.MaxAge != 600 {
		t.Errorf("the cookie is %s", way)
	}
	in := backWith(o, way)
	if in.StatusCode != http.StatusSeeOther || in.Header.Get("Location") != request {
		t.Fatalf("back: %d to %q", in.StatusCode, in.Header.Get("Location"))
	}
	want := console.Returned{Code: "c-1", State: "s-1", Sealed: "sealed; with=\"odd\" things", Address: "192.0.2.1"}
	if len(came) != 1 || came[0] != want {
		t.Errorf("came back with %+v", came)
	}
	session := ""
	for _, c := range in.Cookies() {
		switch {
		case strings.HasSuffix(c.Name, "keybridge-console"):
			session = c.Value
		case c.MaxAge >= 0:
			t.Errorf("%s is kept after the way back", c.Name)
		}
	}
	if session != "admin" {
		t.Errorf("the session is %q", session)
	}
}

func TestWhoIsNotLetInByAProviderIsToldWhyAndCanTryAgain(t *testing.T) {
	for kind, status := range map[bridge.Kind]int{
		bridge.Refused: 401, bridge.Denied: 403, bridge.Limited: 429, bridge.Unavailable: 503,
	} {
		var came []console.Returned
		o := newOffice(t, withProvider(&came, &bridge.Error{Kind: kind, Msg: "You are in none of the groups <b>.", RetryAfter: 7 * time.Second}))
		got := backWith(o, wayOf(t, o.as("").get("/console/openid")))
		page := textOf(t, got)
		if got.StatusCode != status || !strings.Contains(page, "You are in none of the groups") || !strings.Contains(page, "Sign in with Example sign-on") {
			t.Errorf("%s: %d\n%s", kind, got.StatusCode, page)
		}
		for _, c := range got.Cookies() {
			if strings.HasSuffix(c.Name, "keybridge-console") {
				t.Errorf("%s: there is a session", kind)
			}
		}
	}
}

func TestTheWayBackBelongsToTheWayOut(t *testing.T) {
	var came []console.Returned
	o := newOffice(t, withProvider(&came, &bridge.Error{Kind: bridge.Refused, Msg: "That did not work."}))
	for _, c := range []*http.Cookie{nil, {Name: "keybridge-openid", Value: "%%%"}, {Name: "keybridge-openid", Value: "c2VhbGVkPSU"}, {Name: "keybridge-openid", Value: ""}} {
		if got := backWith(o, c); got.StatusCode != http.StatusUnauthorized {
			t.Errorf("with %v: %d", c, got.StatusCode)
		}
	}
	for _, r := range came {
		if r.Sealed != "" {
			t.Errorf("something was made of nothing: %+v", r)
		}
	}
}

func TestAProviderLeadsNobodyOutOfTheConsole(t *testing.T) {
	var came []console.Returned
	o := newOffice(t, withProvider(&came, nil))
	for _, next := range []string{"https://evil.example/", "//evil.example", "/console/../r/x", "javascript:alert(1)", "/console/openid"} {
		in := backWith(o, wayOf(t, o.as("").get("/console/openid?next="+url.QueryEscape(next))))
		if to := in.Header.Get("Location"); to != "/console/" {
			t.Errorf("%q leads to %q", next, to)
		}
	}
}

func TestWhereThereIsNoProviderThereIsNoWayToOne(t *testing.T) {
	o := newOffice(t)
	for _, path := range []string{"/console/openid", console.BackPath + "?code=c&state=s"} {
		if got := o.as("").get(path); got.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", path, got.StatusCode)
		}
	}
}

func FuzzTheWayBack(f *testing.F) {
	f.Add("c2VhbGVkPWEmbmV4dD0lMkZjb25zb2xlJTJG", "code", "state")
	f.Fuzz(func(t *testing.T, cookie, code, state string) {
		var came []console.Returned
		o := newOffice(t, withProvider(&came, nil))
		header := http.Header{"Cookie": {"keybridge-openid=" + cookie}}
		got := o.as("").send(http.MethodGet, console.BackPath+"?"+url.Values{"code": {code}, "state": {state}}.Encode(), nil, header)
		if to := got.Header.Get("Location"); got.StatusCode == http.StatusSeeOther && !strings.HasPrefix(to, "/console/") {
			t.Errorf("it leads to %q", to)
		}
	})
}
