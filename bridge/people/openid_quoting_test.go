package people_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"keybridge/bridge"
)

// canary is what the provider says and nobody may read.
const canary = "canary.person@example.net-canarykey53ac07777cbb8c2d"

// instead has the provider answer at an address with something else.
func (p *idp) instead(path string, answer http.HandlerFunc) {
	usual := p.Config.Handler
	p.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == path {
			answer(w, r)
			return
		}
		usual.ServeHTTP(w, r)
	})
}

// saying answers with a status and a text.
func saying(status int, kind, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
}

// hangingUp answers with bytes as they are.
func hangingUp(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = io.WriteString(conn, text)
		_ = conn.Close()
	}
}

func TestNothingThatTheProviderSaysIsTold(t *testing.T) {
	const discovery, keys, token = "/.well-known/openid-configuration", "/keys", "/token"
	at := func(path string, answer http.HandlerFunc) func(*idp) { return func(p *idp) { p.instead(path, answer) } }
	claim := func(name string, v any) func(*idp) { return func(p *idp) { p.claims[name] = v } }
	for _, c := range []struct {
		name string
		do   func(*idp)
		kind bridge.Kind
		want string // of what is told to who runs the house
	}{
		{"it fails", at(discovery, saying(502, "text/html", "<html>"+canary)), bridge.Unavailable, "it answers 502"},
		{"a page", at(discovery, saying(200, "text/html", "<html>"+canary)), bridge.Unavailable, "what it says of itself cannot be read"},
		{"JSON that is cut off", at(discovery, saying(200, "application/json", `{"issuer":"`+canary)), bridge.Unavailable, "what it says of itself cannot be read"},
		{"another issuer", at(discovery, saying(200, "application/json", `{"issuer":"`+canary+`"}`)), bridge.Unavailable, "another issuer"},
		{"no HTTP", at(discovery, hangingUp(canary+"\r\n\r\n")), bridge.Unavailable, "the connection was cut"},
		{"elsewhere", at(discovery, http.RedirectHandler("https://"+canary+".example/", http.StatusFound).ServeHTTP), bridge.Unavailable, "it leads to another host"},
		{"keys that fail", at(keys, saying(500, "text/plain", canary)), bridge.Unavailable, "its keys cannot be read"},
		{"keys that are none", at(keys, saying(200, "application/json", `{"keys":["`+canary)), bridge.Unavailable, "its keys cannot be read"},
		{"keys of no HTTP", at(keys, hangingUp(canary+"\r\n\r\n")), bridge.Unavailable, "its keys cannot be read"},
		{"a refusal of the code", at(token, saying(400, "application/json", `{"error":"invalid_grant","error_description":"`+canary+`"}`)), bridge.Refused, ""},
		{"a refusal of the client", at(token, saying(401, "application/json", `{"error":"`+canary+`"}`)), bridge.Internal, "it answers 401 to the code"},
		{"no token but a page", at(token, saying(200, "text/html", canary)), bridge.Unavailable, "its answer to the code cannot be read"},
		{"a token from elsewhere", at(token, http.RedirectHandler("https://"+canary+".example/", http.StatusTemporaryRedirect).ServeHTTP), bridge.Unavailable, "it leads to another host"},
		{"a token of no HTTP", at(token, hangingUp(canary+"\r\n\r\n")), bridge.Unavailable, "the connection was cut"},
		{"an ID token that is none", at(token, saying(200, "application/json", `{"access_token":"a","token_type":"Bearer","id_token":"`+canary+`"}`)), bridge.Refused, "it is none"},
		{"an ID token from elsewhere", claim("iss", "https://"+canary), bridge.Refused, "it is from another issuer"},
		{"an ID token for another", claim("aud", canary), bridge.Refused, "it is for another client"},
		{"an ID token of another form", claim("exp", canary), bridge.Refused, "it cannot be read"},
		{"an ID token that has expired", claim("exp", start.Unix()-1), bridge.Refused, "it has expired"},
		{"an ID token of tomorrow", claim("nbf", start.Unix()+86400), bridge.Refused, "it is not valid yet"},
		{"a signature that is none", func(p *idp) {
			p.sign = func(c jwt.MapClaims) (string, error) {
				good, err := p.genuine(c)
				return good[:strings.LastIndexByte(good, '.')+1] + strings.Repeat("A", 86), err
			}
		}, bridge.Refused, "no key of the provider has signed it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, p := sso(t)
			c.do(p)
			address, sealed, err := h.Begin(t.Context())
			if err == nil {
				r := p.leftWith(address, sealed)
				_, _, err = h.Finish(t.Context(), r)
			}
			h.wantKind(err, c.kind)
			if told := err.Error() + strings.Join(h.told(), "\n"); strings.Contains(told, "canary") || !strings.Contains(told, c.want) {
				t.Errorf("told %q, want %q in it and nothing that the provider says", told, c.want)
			}
		})
	}
}
