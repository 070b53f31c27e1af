package people_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"keybridge/bridge"
	"keybridge/bridge/people"
)

const (
	clientID     = "keybridge-console"
	clientSecret = "the client's own secret"
	redirectURL  = "https://bridge.example/console/sign-in/return"
)

// idp is an OpenID provider: discovery, keys and the token endpoint, which checks what a
// provider checks (client, code, redirect address, PKCE). Its page is answered by
// goThere. A test says what is in the ID token and how it is signed.
type idp struct {
	*httptest.Server
	t   testing.TB
	h   *house
	key *ecdsa.PrivateKey

	mu     sync.Mutex
	codes  map[string]url.Values // what the browser asked for, by code
	claims jwt.MapClaims         // over the usual ones; nil removes one
	sign   func(jwt.MapClaims) (string, error)
	method string // how clients show their secret; empty: not said
	broken int    // what the token endpoint answers, when set
	calls  map[string]int
}

func newIDP(t testing.TB, h *house) *idp {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &idp{t: t, h: h, key: key, codes: map[string]url.Values{}, claims: jwt.MapClaims{}, calls: map[string]int{}}
	p.sign = p.genuine
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /keys", p.keys)
	mux.HandleFunc("POST /token", p.token)
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

// sso makes a house whose people come from a provider.
func sso(t testing.TB, with ...func(*people.OIDC)) (*house, *idp) {
	t.Helper()
	h := newHouse(t)
	p := newIDP(t, h)
	h.restart(func(c *people.Config) {
		c.OIDC = &people.OIDC{
			Issuer: p.URL, ClientID: clientID, ClientSecret: func() string { return clientSecret }, RedirectURL: redirectURL,
			Groups: map[string]people.Grant{
				"finance":     {Role: bridge.Reviewer, Portals: []string{"alpha"}},
				"finance-all": {Role: bridge.Viewer},
				"leads":       {Role: bridge.Approver, Portals: []string{"beta"}},
			},
		}
		for _, fn := range with {
			fn(c.OIDC)
		}
	})
	return h, p
}

func (p *idp) count(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls[what]++
}

func (p *idp) discovery(w http.ResponseWriter, _ *http.Request) {
	p.count("discovery")
	doc := map[string]any{
		"issuer": p.URL, "authorization_endpoint": p.URL + "/auth", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
		"id_token_signing_alg_values_supported": []string{"ES256", "HS256", "none"},
	}
	if p.method != "" {
		doc["token_endpoint_auth_methods_supported"] = []string{p.method}
	}
	answer(w, http.StatusOK, doc)
}

func (p *idp) keys(w http.ResponseWriter, _ *http.Request) {
	pub, err := p.key.PublicKey.Bytes()
	if err != nil {
		p.t.Error(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	answer(w, http.StatusOK, map[string]any{"keys": []any{map[string]any{
		"kty": "EC", "crv": "P-256", "kid": "1", "use": "sig", "alg": "ES256", "x": b64(pub[1:33]), "y": b64(pub[33:]),
	}}})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func (p *idp) token(w http.ResponseWriter, r *http.Request) {
	p.count("token")
	p.mu.Lock()
	defer p.mu.Unlock()
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	}
	secret, _ = url.QueryUnescape(secret) // RFC 6749 section 2.3.1
	asked, known := p.codes[r.PostFormValue("code")]
	delete(p.codes, r.PostFormValue("code"))
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	switch {
	case p.broken != 0:
		answer(w, p.broken, map[string]string{"error": "server_error", "error_description": "canary"})
	case id != clientID || secret != clientSecret || p.method != "" && basic != (p.method == "client_secret_basic"):
		answer(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
	case !known || r.PostFormValue("grant_type") != "authorization_code" || r.PostFormValue("redirect_uri") != redirectURL,
		asked.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]):
		answer(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
	default:
		raw, err := p.sign(p.idToken(asked.Get("nonce")))
		if err != nil {
			p.t.Error(err)
		}
		answer(w, http.StatusOK, map[string]any{"access_token": "a", "token_type": "Bearer", "id_token": raw})
	}
}

func (p *idp) idToken(nonce string) jwt.MapClaims {
	c := jwt.MapClaims{
		"iss": p.URL, "aud": clientID, "sub": "00u1", "nonce": nonce, "iat": p.h.clock().Unix(), "exp": p.h.clock().Add(time.Minute).Unix(),
		"preferred_username": "Ada", "name": "Ada Ünal", "email": "ada@example.com", "groups": []string{"finance"},
	}
	maps.Copy(c, p.claims)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

func (p *idp) genuine(c jwt.MapClaims) (string, error) {
	return signed(jwt.SigningMethodES256, p.key, c)
}

func signed(m jwt.SigningMethod, key any, c jwt.MapClaims) (string, error) {
	t := jwt.NewWithClaims(m, c)
	t.Header["kid"] = "1"
	return t.SignedString(key)
}

// goThere does what a browser and its person do at the provider.
func (p *idp) goThere(address string) (code, state string) {
	p.t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		p.t.Fatal(err)
	}
	q := u.Query()
	for claim, want := range map[string]string{
		"response_type": "code", "client_id": clientID, "redirect_uri": redirectURL, "code_challenge_method": "S256",
	} {
		if q.Get(claim) != want {
			p.t.Errorf("asked with %s=%q, want %q", claim, q.Get(claim), want)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	code = rand.Text()
	p.codes[code] = q
	return code, q.Get("state")
}

// leave begins and goes to the provider, and returns what the browser comes back with.
func (p *idp) leave() people.Returned {
	p.t.Helper()
	address, sealed, err := p.h.Begin(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	return p.leftWith(address, sealed)
}

// leftWith goes where Begin has said.
func (p *idp) leftWith(address, sealed string) people.Returned {
	p.t.Helper()
	code, state := p.goThere(address)
	return people.Returned{Code: code, State: state, Sealed: sealed}
}

// come goes to the provider and comes back.
func (p *idp) come() (bridge.Person, error) {
	p.t.Helper()
	token, _, err := p.h.Finish(p.t.Context(), p.leave())
	if err != nil {
		return bridge.Person{}, err
	}
	person, _, err := p.h.Who(p.t.Context(), token)
	return person, err
}
