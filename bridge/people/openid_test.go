package people_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
	"keybridge/bridge/people"
)

func TestWhoComesFromTheProviderIsWhoItSaysWithWhatTheirGroupsGive(t *testing.T) {
	h, p := sso(t)
	r := p.leave()
	token, s, err := h.Finish(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if s.Name != "ada" || s.Way != "single sign-on" {
		t.Errorf("session %+v", s)
	}
	got, _, err := h.Who(t.Context(), token)
	want := bridge.Person{Name: "ada", Role: bridge.Reviewer, Portals: []string{"alpha"}, Email: "ada@example.com"}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	u, err := h.Get(t.Context(), "ada")
	if err != nil || u.From != p.URL || u.Display != "Ada Ünal" || u.Password {
		t.Errorf("user %+v, %v", u, err)
	}
	told := h.told()
	if diff := cmp.Diff([]string{
		"ada: person  > ada: reviewer at alpha (single sign-on)", "ada: signed in  > signed in (single sign-on)",
	}, told); diff != "" {
		t.Error(diff)
	}
	if kept := h.shelf.everything(); strings.Contains(kept, "00u1") || strings.Contains(kept, clientSecret) {
		t.Errorf("kept: %s", kept)
	}
	if address, sealed, err := h.Begin(t.Context()); err != nil || strings.Contains(sealed+address, clientSecret) {
		t.Errorf("%s, %v", address, err)
	}
}

func TestTheHighestRoleAndAllPortalsOfTheGroups(t *testing.T) {
	for _, c := range []struct {
		name   string
		groups any
		want   string // role and portals; empty: not let in
	}{
		{"one", []string{"finance"}, "reviewer [alpha]"},
		{"one as text", "finance", "reviewer [alpha]"},
		{"two", []string{"finance", "leads"}, "approver [alpha beta]"},
		{"in another order, with others and twice", []string{"leads", "cooks", "finance", "leads"}, "approver [alpha beta]"},
		{"one of all portals among them", []string{"finance", "finance-all"}, "reviewer []"},
		{"unknown", []string{"cooks"}, ""},
		{"none", []string{}, ""},
		{"no claim", nil, ""},
		{"nobody's", []any{"", nil, 7, map[string]any{"finance": true}}, ""},
		{"a number", 7, ""},
		{"another case", []string{"Finance"}, ""},
	} {
		_, p := sso(t)
		p.claims["groups"] = c.groups
		got, err := p.come()
		if c.want == "" {
			if bridge.KindOf(err) != bridge.Denied {
				t.Errorf("%s: %+v, %v", c.name, got, err)
			}
			continue
		}
		if said := string(got.Role) + " [" + strings.Join(got.Portals, " ") + "]"; err != nil || said != c.want {
			t.Errorf("%s: %s, %v, want %s", c.name, said, err, c.want)
		}
	}
}

func TestAnIDTokenThatIsNotGoodLetsNobodyIn(t *testing.T) {
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	claim := func(name string, v any) func(*idp) { return func(p *idp) { p.claims[name] = v } }
	for _, c := range []struct {
		name string
		do   func(*idp)
		good bool
	}{
		{"none of it", func(*idp) {}, true},
		{"another issuer", claim("iss", "https://elsewhere.example"), false},
		{"another audience", claim("aud", "somebody-else"), false},
		{"several audiences, made for us", func(p *idp) { p.claims["aud"], p.claims["azp"] = []string{"x", clientID}, clientID }, true},
		{"several audiences, not said for whom", claim("aud", []string{"x", clientID}), false},
		{"several audiences, made for another", func(p *idp) { p.claims["aud"], p.claims["azp"] = []string{"x", clientID}, "x" }, false},
		{"made for another", claim("azp", "x"), false},
		{"expired", claim("exp", start.Add(-time.Second).Unix()), false},
		{"without an end", claim("exp", nil), false},
		{"not before tomorrow", claim("nbf", start.Add(24*time.Hour).Unix()), false},
		{"another nonce", claim("nonce", "x"), false},
		{"no nonce", claim("nonce", nil), false},
		{"no subject", claim("sub", nil), false},
		{"signed with another key", func(p *idp) {
			p.sign = func(c jwt.MapClaims) (string, error) { return signed(jwt.SigningMethodES256, other, c) }
		}, false},
		{"signed with our secret", func(p *idp) {
			p.sign = func(c jwt.MapClaims) (string, error) { return signed(jwt.SigningMethodHS256, []byte(clientSecret), c) }
		}, false},
		{"signed with the public key as if it were a secret", func(p *idp) {
			pub, err := p.key.PublicKey.Bytes()
			if err != nil {
				t.Fatal(err)
			}
			p.sign = func(c jwt.MapClaims) (string, error) { return signed(jwt.SigningMethodHS256, pub, c) }
		}, false},
		{"not signed", func(p *idp) {
			p.sign = func(c jwt.MapClaims) (string, error) {
				return signed(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, c)
			}
		}, false},
		{"changed", func(p *idp) {
			p.sign = func(c jwt.MapClaims) (string, error) {
				good, err := p.genuine(c)
				if err != nil {
					return "", err
				}
				c["groups"] = []string{"leads"}
				better, err := p.genuine(c)
				return better[:strings.LastIndexByte(better, '.')] + good[strings.LastIndexByte(good, '.'):], err
			}
		}, false},
		{"none at all", func(p *idp) { p.sign = func(jwt.MapClaims) (string, error) { return "", nil } }, false},
		{"garbage", func(p *idp) { p.sign = func(jwt.MapClaims) (string, error) { return "a.b.c", nil } }, false},
	} {
		h, p := sso(t)
		c.do(p)
		got, err := p.come()
		if c.good != (err == nil) {
			t.Errorf("%s: %+v, %v", c.name, got, err)
		}
		if users, _ := h.List(t.Context()); !c.good && len(users) != 0 {
			t.Errorf("%s: there is a user now: %+v", c.name, users)
		}
	}
}

func TestOnlyTheBrowserThatLeftComesBackOnceAndInTime(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(h *house, p *idp, r *people.Returned)
	}{
		{"another state", func(_ *house, _ *idp, r *people.Returned) { r.State += "x" }},
		{"no state", func(_ *house, _ *idp, r *people.Returned) { r.State = "" }},
		{"no cookie", func(_ *house, _ *idp, r *people.Returned) { r.Sealed = "" }},
		{"neither state nor cookie", func(_ *house, _ *idp, r *people.Returned) { r.State, r.Sealed = "", "" }},
		{"a cookie of another time", func(_ *house, p *idp, r *people.Returned) { r.Sealed = p.leave().Sealed }},
		{"a changed cookie", func(_ *house, _ *idp, r *people.Returned) { r.Sealed = "A" + r.Sealed[1:] + "A" }},
		{"somebody else's code, with one's own state", func(_ *house, p *idp, r *people.Returned) { r.Code = p.leave().Code }},
		{"a code that is none", func(_ *house, _ *idp, r *people.Returned) { r.Code = "x" }},
		{"no code, as after a refusal there", func(_ *house, _ *idp, r *people.Returned) { r.Code = "" }},
		{"too late", func(h *house, _ *idp, _ *people.Returned) { h.pass(10 * time.Minute) }},
		{"again", func(h *house, _ *idp, r *people.Returned) {
			if _, _, err := h.Finish(t.Context(), *r); err != nil {
				t.Error(err)
			}
		}},
		{"with what stands for a password", func(h *house, _ *idp, r *people.Returned) {
			h.factor(h.add("bob", bridge.Viewer))
			h.pass(time.Minute)
			r.Sealed = h.half("bob")
		}},
	} {
		h, p := sso(t)
		r := p.leave()
		c.do(h, p, &r)
		h.told()
		if _, _, err := h.Finish(t.Context(), r); bridge.KindOf(err) != bridge.Refused {
			t.Errorf("%s: %v", c.name, err)
		}
		if told := h.told(); len(told) != 1 || !strings.HasPrefix(told[0], ": refused  > sign-in (") {
			t.Errorf("%s: told %q", c.name, told)
		}
	}
}

func TestANameBelongsToWhoCameWithItFirst(t *testing.T) {
	h, p := sso(t)
	if _, err := p.come(); err != nil {
		t.Fatal(err)
	}
	p.claims["sub"] = "00u2"
	_, err := p.come()
	h.wantKind(err, bridge.Denied)

	h, p = sso(t)
	h.add("ada", bridge.Viewer)
	p.claims["groups"] = []string{"leads"}
	_, err = p.come()
	h.wantKind(err, bridge.Denied)
	if u, err := h.Get(t.Context(), "ada"); err != nil || u.Role != bridge.Viewer || u.From != "" {
		t.Errorf("%+v, %v", u, err)
	}
}

func TestNamesFromTheProviderAreHeldToTheRulesOfNames(t *testing.T) {
	for name, want := range map[string]string{
		"ada": "ada", "ADA.Unal": "ada.unal", " ada ": "ada", "": "", "ada@example.com": "", "Operator": "", "Ünal": "", "a b": "",
		strings.Repeat("a", 65): "", "../ada": "",
	} {
		h, p := sso(t)
		p.claims["preferred_username"] = name
		got, err := p.come()
		if got.Name != want || (want == "") != (bridge.KindOf(err) == bridge.Denied) {
			t.Errorf("%q: %+v, %v", name, got, err)
		}
		if told := strings.Join(h.told(), "\n"); strings.Contains(told, "@") {
			t.Errorf("%q: told %s", name, told)
		}
	}
	h, p := sso(t, func(o *people.OIDC) { o.NameClaim, o.GroupsClaim = "nick", "https://example.com/groups" })
	p.claims["nick"], p.claims["https://example.com/groups"], p.claims["email"] = "cleo", "leads", "Cleo <c@example.com>"
	if got, err := p.come(); err != nil || got.Name != "cleo" || got.Role != bridge.Approver || got.Email != "" {
		t.Errorf("%+v, %v", got, err)
	}
	p.claims["nick"] = 7
	_, err := p.come()
	h.wantKind(err, bridge.Denied)
}

func TestWhoIsFromTheProviderIsManagedThereAndShutOutHere(t *testing.T) {
	h, p := sso(t)
	r := p.leave()
	token, _, err := h.Finish(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	ada, _, _ := h.Who(t.Context(), token)
	h.wantKind(h.SetRole(t.Context(), boss, "ada", bridge.Viewer, nil), bridge.Conflict)
	h.wantKind(h.SetPassword(t.Context(), boss, "ada", "another set of words"), bridge.Conflict)
	_, err = h.OfferCode(t.Context(), ada)
	h.wantKind(err, bridge.Conflict)
	h.told()

	p.claims["groups"] = []string{"leads"}
	if again, err := p.come(); err != nil || again.Role != bridge.Approver {
		t.Errorf("%+v, %v", again, err)
	}
	h.wantIn(token, false) // it was opened with other rights
	same := p.leave()
	if token, _, err = h.Finish(t.Context(), same); err != nil {
		t.Fatal(err)
	}
	if _, err := p.come(); err != nil {
		t.Fatal(err)
	}
	h.wantIn(token, true) // and this one with the same
	if told := h.told(); len(told) != 4 || told[0] != "ada: person ada: reviewer at alpha > ada: approver at beta (single sign-on)" {
		t.Errorf("told %q", told)
	}

	if err := h.Disable(t.Context(), boss, "ada"); err != nil {
		t.Fatal(err)
	}
	h.wantIn(token, false)
	_, err = p.come()
	h.wantKind(err, bridge.Denied)
}

func TestAProviderThatFailsIsNobodysFailure(t *testing.T) {
	for _, c := range []struct {
		status int
		want   bridge.Kind
	}{{500, bridge.Unavailable}, {503, bridge.Unavailable}, {429, bridge.Unavailable}, {404, bridge.Internal}, {302, bridge.Internal}} {
		h, p := sso(t)
		p.broken = c.status
		for range 25 {
			r := p.leave()
			r.Address = "192.0.2.1"
			_, _, err := h.Finish(t.Context(), r)
			if bridge.KindOf(err) != c.want || strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), r.Code) {
				t.Fatalf("%d: %v", c.status, err)
			}
		}
	}
}

func TestAProviderThatIsDownIsLookedUpAgainAndOneThatIsUpIsNot(t *testing.T) {
	h, p := sso(t)
	up := p.Config.Handler
	p.Config.Handler = http.NotFoundHandler()
	_, _, err := h.Begin(t.Context())
	h.wantKind(err, bridge.Unavailable)
	p.Config.Handler = up
	for range 3 {
		if _, err := p.come(); err != nil {
			t.Fatal(err)
		}
	}
	if p.calls["discovery"] != 1 {
		t.Errorf("looked up %d times", p.calls["discovery"])
	}
}

func TestTheClientShowsItsSecretTheWayTheProviderWants(t *testing.T) {
	for _, method := range []string{"", "client_secret_basic", "client_secret_post"} {
		_, p := sso(t)
		p.method = method
		if _, err := p.come(); err != nil || p.calls["token"] != 1 {
			t.Errorf("%q: %v after %d calls", method, err, p.calls["token"])
		}
	}
	h, p := sso(t, func(o *people.OIDC) { o.ClientSecret = func() string { return "another" } })
	_, err := p.come()
	h.wantKind(err, bridge.Internal)
	if strings.Contains(err.Error(), "another") {
		t.Error(err)
	}
}

func TestTheProviderCannotSendUsElsewhere(t *testing.T) {
	reached := false
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	t.Cleanup(elsewhere.Close)
	h, p := sso(t)
	p.Config.Handler = http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect)
	_, _, err := h.Begin(t.Context())
	h.wantKind(err, bridge.Unavailable)
	if reached {
		t.Error("a redirect to another host was followed")
	}
}

func TestAnAnswerWithoutEndIsNotReadToItsEnd(t *testing.T) {
	h, p := sso(t)
	sent := 0
	p.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		block := []byte(strings.Repeat(" ", 1<<16))
		for range 1024 { // 64 MiB
			n, err := w.Write(block)
			if sent += n; err != nil {
				return
			}
		}
	})
	_, _, err := h.Begin(t.Context())
	h.wantKind(err, bridge.Unavailable)
	p.Close() // waits until the handler has returned
	if sent == 64<<20 {
		t.Error("64 MiB were read")
	}
}

func TestComingBackIsSlowedDownByAddress(t *testing.T) {
	h, _ := sso(t)
	for range 21 {
		_, _, err := h.Finish(t.Context(), people.Returned{Code: "x", State: "x", Sealed: "x", Address: "192.0.2.1"})
		h.wantKind(err, bridge.Refused)
	}
	_, _, err := h.Finish(t.Context(), people.Returned{Code: "x", State: "x", Sealed: "x", Address: "192.0.2.1"})
	h.wantKind(err, bridge.Limited)
}

func TestWithoutAProviderThereIsNoWayOverOne(t *testing.T) {
	h := newHouse(t)
	_, _, err := h.Begin(t.Context())
	h.wantKind(err, bridge.NotFound)
	_, _, err = h.Finish(t.Context(), people.Returned{})
	h.wantKind(err, bridge.NotFound)
}

func TestWhatIsAskedOfTheProvider(t *testing.T) {
	h, _ := sso(t, func(o *people.OIDC) { o.Scopes = []string{"email", "roles"} })
	seen := map[string]bool{}
	for range 2 {
		address, sealed, err := h.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(address)
		if err != nil || u.Query().Get("scope") != "openid email roles" {
			t.Errorf("%s, %v", address, err)
		}
		for _, name := range []string{"state", "nonce", "code_challenge"} {
			v := u.Query().Get(name)
			if len(v) != 43 || seen[v] || strings.Contains(sealed, v) {
				t.Errorf("%s %q", name, v)
			}
			seen[v] = true
		}
	}
}

func TestTheAlgorithmIsOursToChooseAndNotTheProviders(t *testing.T) {
	h, p := sso(t, func(o *people.OIDC) { o.Algorithms = []string{"RS256"} }) // it signs, and says that it signs, with ES256
	_, err := p.come()
	h.wantKind(err, bridge.Refused)
	_, p = sso(t, func(o *people.OIDC) { o.Algorithms = []string{"RS256", "ES256"} })
	if _, err := p.come(); err != nil {
		t.Error(err)
	}
}
