package api_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"keybridge/bridge"
	"keybridge/bridge/web/api"
)

// operations are one call for each, which its owner may not make without a token.
func operations(id bridge.ID) []call {
	all := []call{
		get("admin", "/me"), get("admin", "/portals"), get("admin", "/requests"), get("admin", of(id)), get("admin", of(id)+"/history"),
		get("admin", "/money"), get("admin", "/audit"), get("admin", "/exports/X"), get("admin", "/exports/X/file"),
		get("admin", "/reconciliation"), get("admin", "/reconciliation/runs/X"), post("admin", "/reconciliation", ""),
		post("admin", "/exports", `{"as": "csv"}`), post("admin", "/requests", `{"portal": "main", "developer": "d", "plan": "Weather Pro"}`),
	}
	for _, d := range deeds {
		all = append(all, post("admin", of(id)+"/"+d.name, d.body))
	}
	return all
}

func TestNothingIsAnsweredWithoutAGoodToken(t *testing.T) {
	h := newHouse(t, func(cfg *api.Config) { cfg.Burst = 1000 })
	id := h.put("k")
	spoil := map[string]func(*http.Request){
		"no token": func(r *http.Request) { r.Header.Del("Authorization") },
		"a session's cookie": func(r *http.Request) {
			r.Header.Del("Authorization")
			r.AddCookie(&http.Cookie{Name: "keybridge", Value: "kbt_admin"})
		},
		"another scheme":       func(r *http.Request) { r.Header.Set("Authorization", "Basic kbt_admin") },
		"no scheme":            func(r *http.Request) { r.Header.Set("Authorization", "kbt_admin") },
		"two tokens":           func(r *http.Request) { r.Header.Add("Authorization", "Bearer kbt_admin") },
		"an empty token":       func(r *http.Request) { r.Header.Set("Authorization", "Bearer ") },
		"a very long token":    func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+strings.Repeat("x", 1000)) },
		"a token in the query": func(r *http.Request) { r.Header.Del("Authorization"); r.URL.RawQuery = "access_token=kbt_admin" },
		"a password":           func(r *http.Request) { r.Header.Del("Authorization"); r.SetBasicAuth("adam", "kbt_admin") },
	}
	for name, fn := range spoil {
		for _, c := range operations(id) {
			r := c.request(t.Context())
			fn(r)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != http.StatusUnauthorized || !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Bearer ") {
				t.Errorf("%s: %s %s is answered %d %s", name, c.method, c.path, w.Code, w.Body)
			}
		}
	}
	if h.asked != 0 {
		t.Errorf("it was asked %d times whose that is", h.asked)
	}
	c := get("admin", "/me")
	c.token = "kbt_nobody"
	if a := h.want(http.StatusUnauthorized, c); !strings.Contains(a.header.Get("WWW-Authenticate"), `error="invalid_token"`) {
		t.Errorf("a wrong token is not said to be one: %v", a.header)
	}
}

func TestAGoodTokenNeedsNoCookieAndGetsNone(t *testing.T) {
	h := newHouse(t)
	a := h.want(http.StatusOK, get("viewer", "/me").with("Cookie", "keybridge=whatever"))
	if len(a.header.Values("Set-Cookie")) != 0 {
		t.Errorf("a cookie is set: %v", a.header)
	}
}

func TestNoOtherOriginIsLetIn(t *testing.T) {
	h := newHouse(t)
	id := h.put("k")
	preflight := call{method: http.MethodOptions, path: of(id) + "/approve"}.with("Origin", "https://evil.example").
		with("Access-Control-Request-Method", "POST").with("Access-Control-Request-Headers", "authorization,if-match")
	for _, c := range []call{preflight, get("viewer", "/me").with("Origin", "https://evil.example"), {method: http.MethodGet, path: "/openapi.json"}} {
		a := h.send(c)
		for name := range a.header {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s %s: %s is set", c.method, c.path, name)
			}
		}
		if c.method == http.MethodOptions && (a.status != http.StatusMethodNotAllowed || a.header.Get("Allow") != "POST") {
			t.Errorf("the preflight is answered %d, allow %q", a.status, a.header.Get("Allow"))
		}
	}
}

func TestAnotherMethodIsToldWhichThereAre(t *testing.T) {
	h := newHouse(t)
	for path, want := range map[string]string{"/requests": "GET, POST", "/me": "GET", "/openapi.yaml": "GET"} {
		c := get("admin", path)
		c.method = http.MethodDelete
		if a := h.want(http.StatusMethodNotAllowed, c); a.header.Get("Allow") != want {
			t.Errorf("%s: allow %q", path, a.header.Get("Allow"))
		}
	}
	for _, path := range []string{"", "/", "/request", "/requests/", "/requests/x/y/z", "/me/", "/openapi"} {
		h.want(http.StatusNotFound, get("admin", path))
	}
}

func TestATokenMayMakeSoManyCallsAndThenWaits(t *testing.T) {
	h := newHouse(t, func(cfg *api.Config) { cfg.Rate, cfg.Burst = 0.5, 3 })
	for range 3 {
		h.want(http.StatusOK, get("viewer", "/me"))
	}
	a := h.want(http.StatusTooManyRequests, get("viewer", "/me"))
	wait, err := strconv.Atoi(a.header.Get("Retry-After"))
	if err != nil || wait != 2 || a.problem().Type != "urn:keybridge:problem:limited" {
		t.Fatalf("Retry-After %q: %s", a.header.Get("Retry-After"), a.body)
	}
	h.want(http.StatusOK, get("reviewer", "/me")) // another's token is another's
	h.pass(time.Duration(wait) * time.Second)
	h.want(http.StatusOK, get("viewer", "/me"))
	h.want(http.StatusTooManyRequests, get("viewer", "/me"))
}

func TestWrongTokensSlowAnAddressDownAndNobodyElse(t *testing.T) {
	h := newHouse(t)
	from := func(c call, address string) int {
		r := c.request(t.Context())
		r.RemoteAddr = address
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	const house, elsewhere = "192.0.2.1:4000", "198.51.100.1:4000"
	if got := from(get("viewer", "/me"), house); got != http.StatusOK {
		t.Fatal(got)
	}
	wrong := get("nobody", "/me")
	for i := range api.WrongBurst {
		if got := from(wrong, house); got != http.StatusUnauthorized {
			t.Fatalf("wrong token %d: %d", i, got)
		}
	}
	before := h.asked
	if got := from(wrong, house); got != http.StatusTooManyRequests || h.asked != before {
		t.Errorf("one more is answered %d, asked %d times", got, h.asked-before)
	}
	for _, try := range []struct { // one after the other: what came once from elsewhere is known from then on
		what string
		c    call
		from string
		want int
	}{
		{"a token that was good before", get("viewer", "/me"), house, http.StatusOK},
		{"a good one that never came", get("reviewer", "/me"), house, http.StatusTooManyRequests},
		{"a good one from elsewhere", get("reviewer", "/me"), elsewhere, http.StatusOK},
		{"a wrong one from elsewhere", wrong, elsewhere, http.StatusUnauthorized},
		{"a wrong one from another network", wrong, "[2001:db8::1]:1", http.StatusUnauthorized},
	} {
		if got := from(try.c, try.from); got != try.want {
			t.Errorf("%s: %d", try.what, got)
		}
	}
	h.pass(6 * time.Second)
	if got := from(wrong, house); got != http.StatusUnauthorized {
		t.Errorf("after a while: %d", got)
	}
}

func TestATokenThatIsRevokedIsNotKnownAnyMore(t *testing.T) {
	h := newHouse(t)
	revoked := false
	h.remake(func(cfg *api.Config) {
		cfg.Who = func(ctx context.Context, token string) (bridge.Person, error) {
			if revoked {
				return bridge.Person{}, &bridge.Error{Kind: bridge.Refused, Msg: "It is revoked."}
			}
			return h.who(ctx, token)
		}
	})
	h.want(http.StatusOK, get("viewer", "/me"))
	revoked = true
	for range api.WrongBurst {
		h.want(http.StatusUnauthorized, get("viewer", "/me"))
	}
	h.want(http.StatusTooManyRequests, get("viewer", "/me"))
}

func TestWhereItIsNotKnownWhoseATokenIsNobodyIsRefused(t *testing.T) {
	h := newHouse(t)
	h.broken = &bridge.Error{Kind: bridge.Unavailable, Msg: "The store does not answer."}
	for range api.WrongBurst + 2 {
		if a := h.want(http.StatusServiceUnavailable, get("viewer", "/me")); a.header.Get("Retry-After") == "" {
			t.Fatal("it is not said when to try again")
		}
	}
	h.broken = nil
	h.want(http.StatusOK, get("viewer", "/me"))
}

func TestWhatIsNotConfiguredIsNotOffered(t *testing.T) {
	h := newHouse(t, func(cfg *api.Config) { cfg.House = nil })
	for _, c := range []call{
		get("admin", "/audit"), get("admin", "/money"), get("admin", "/exports/X"), get("admin", "/exports/X/file"), post("admin", "/exports", `{"as": "csv"}`),
	} {
		h.want(http.StatusNotImplemented, c)
	}
	for _, cfg := range []api.Config{{}, {Service: h.service}, {Service: h.service, Papers: h.store}} {
		if _, err := api.New(cfg); err == nil {
			t.Error("an API without what it needs is made")
		}
	}
}

func TestAPanicIsAProblemAndIsNotToldWhatItQuotes(t *testing.T) {
	h := newHouse(t, func(cfg *api.Config) {
		cfg.People = func(context.Context) ([]string, error) { panic("dana@applicant.example") }
	})
	id := h.put("k")
	a := h.want(http.StatusInternalServerError, post("approver", of(id)+"/assign", `{"to": "rosa"}`))
	if strings.Contains(string(a.body)+h.log.String(), "dana@") || !strings.Contains(h.log.String(), "panic in a handler") {
		t.Errorf("%s\n%s", a.body, h.log)
	}
}
