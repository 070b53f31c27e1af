package sandbox_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge/tyk/sandbox"
)

// submitted signs in, sends the request form for the policies and returns the browser.
func (p *portal) submitted(policies ...string) *browser {
	p.t.Helper()
	b := p.browser().signIn()
	return b.post("/portal/request", url.Values{"policy": policies, "field_1": {"an app & more"}, "field_2": {"10"}})
}

func queryOf(t *testing.T, address string) url.Values {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

func TestTheRedirectAddsTheIDToWhatIsThere(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	for _, c := range []struct{ to, parameter, want string }{
		{"http://bridge.example/handoff", "", "key_request_id"},
		{"http://bridge.example/handoff?lang=en&x=a%20b", "", "key_request_id"},
		{"http://bridge.example/handoff?id=old&lang=en", "id", "id"},
		{"https://bridge.example:8443/", "request_id", "request_id"},
	} {
		p.set(func(s *sandbox.Settings) {
			s.RedirectOnKeyRequest, s.RedirectTo, s.RedirectParameter, s.RequireKeyApproval = true, c.to, c.parameter, false
		})
		b := p.submitted(sandbox.FreePolicy)
		if b.status != http.StatusSeeOther {
			t.Fatalf("%s: status %d", c.to, b.status)
		}
		want := queryOf(t, c.to)
		newest := p.KeyRequests()[0]
		want.Set(c.want, newest.ID)
		if diff := cmp.Diff(want, queryOf(t, b.left)); diff != "" || !strings.HasPrefix(b.left, strings.SplitN(c.to, "?", 2)[0]) {
			t.Errorf("%s became %s: %s", c.to, b.left, diff)
		}
		if newest.Approved {
			t.Error("the portal approved what it handed off")
		}
	}
}

func TestTheSignedTokenIsAJWTOverTheKeyRequest(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	p := newPortal(t, sandbox.Config{Now: func() time.Time { return now }})
	p.set(func(s *sandbox.Settings) {
		s.RedirectOnKeyRequest, s.RedirectTo = true, "http://bridge.example/handoff?lang=en"
		s.SignedRedirect = sandbox.SignedRedirect{
			Kind: sandbox.SignedJWT, Secret: "hush", Issuer: "portal", Audience: "keybridge", Parameter: "t", Lifetime: 60,
		}
	})
	tokens := map[string]bool{}
	for range 2 {
		b := p.submitted(sandbox.PaidPolicy)
		query := queryOf(t, b.left)
		if query.Get("lang") != "en" || query.Has("key_request_id") {
			t.Errorf("the query is %v", query)
		}
		parts := strings.Split(query.Get("t"), ".")
		if len(parts) != 3 {
			t.Fatalf("the token is %q", query.Get("t"))
		}
		sum := hmac.New(sha256.New, []byte("hush"))
		sum.Write([]byte(parts[0] + "." + parts[1]))
		if parts[2] != base64.RawURLEncoding.EncodeToString(sum.Sum(nil)) {
			t.Error("the signature does not fit")
		}
		var header, claims map[string]any
		for i, into := range []*map[string]any{&header, &claims} {
			text, err := base64.RawURLEncoding.DecodeString(parts[i])
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(text, into); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(map[string]any{"alg": "HS256", "typ": "JWT"}, header); diff != "" {
			t.Error(diff)
		}
		jti, _ := claims["jti"].(string)
		delete(claims, "jti")
		tokens[jti] = true
		want := map[string]any{
			"iss": "portal", "aud": "keybridge", "iat": float64(now.Unix()), "exp": float64(now.Unix() + 60),
			"sub": p.KeyRequests()[0].ID, "email": sandbox.DemoEmail, "name": "Dana Developer",
		}
		if diff := cmp.Diff(want, claims); diff != "" {
			t.Error(diff)
		}
	}
	if len(tokens) != 2 || tokens[""] {
		t.Errorf("the tokens' ids are %v", tokens)
	}
}

func TestTheSignedQueryIsAnHMACOverPathAndCanonicalQuery(t *testing.T) {
	now := time.Unix(1_750_000_000, 0)
	p := newPortal(t, sandbox.Config{Now: func() time.Time { return now }})
	p.set(func(s *sandbox.Settings) {
		s.RedirectOnKeyRequest, s.RedirectTo = true, "http://bridge.example/hand%20off?z=~a+b/é&a=2&a=1&signature=forged"
		s.SignedRedirect = sandbox.SignedRedirect{Kind: sandbox.SignedQuery, Secret: "hush", Portal: "weather"}
	})
	b := p.submitted(sandbox.PaidPolicy)
	canonical := "a=1&a=2&key_request_id=" + p.KeyRequests()[0].ID + "&portal=weather&timestamp=1750000000&z=~a%20b%2F%C3%A9"
	sum := hmac.New(sha256.New, []byte("hush"))
	sum.Write([]byte("/hand%20off\n" + canonical))
	if want := "http://bridge.example/hand%20off?" + canonical + "&signature=" + hex.EncodeToString(sum.Sum(nil)); b.left != want {
		t.Errorf("the redirect leads to\n%s\nnot\n%s", b.left, want)
	}
}

func TestAnEntryThatOverridesWinsOverThePortal(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	entries := p.Catalogue()
	entries[1].Config = sandbox.Configuration{
		Override: true, RequireKeyApproval: true, RedirectOnKeyRequest: true, RedirectTo: "http://paid.example/",
		KeyRequestFields: []string{"Your tax number"},
	}
	entries[2].Config = sandbox.Configuration{Override: true, SecureKeyApproval: true, RedirectOnKeyRequest: true, RedirectTo: "http://reviewed.example/"}
	p.SetCatalogue(entries)
	p.set(func(s *sandbox.Settings) { s.RequireKeyApproval, s.EnableMultiSelection = false, true })

	if b := p.submitted(sandbox.FreePolicy); b.shown("raw-key") == "" {
		t.Errorf("the free plan follows the portal: %s", b.page)
	}
	if b := p.submitted(sandbox.PaidPolicy); !strings.HasPrefix(b.left, "http://paid.example/?") {
		t.Errorf("the paid plan leads to %q", b.left)
	}
	p.browser().signIn().get("/portal/request?policy=" + sandbox.PaidPolicy).shows("Your tax number")
	b := p.submitted(sandbox.PaidPolicy, sandbox.ReviewedPolicy)
	if !strings.HasPrefix(b.left, "http://paid.example/?") {
		t.Errorf("of two redirects the browser took %q", b.left)
	}
	if err := p.Approve(queryOf(t, b.left).Get("key_request_id")); err != nil {
		t.Fatal(err)
	}
	if mail := p.Mail(); mail[len(mail)-1].Kind != sandbox.GenerateMail {
		t.Error("the demand of the second plan was dropped")
	}
}
