package web_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"maps"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"keybridge/webhooks"
)

// portalKey is what one portal of the tests signs its tokens with.
type portalKey struct {
	algorithm string
	private   any
	public    string // as it is configured
}

var makeKeys = sync.OnceValues(func() (map[string]portalKey, error) {
	out := map[string]portalKey{}
	for name, algorithm := range map[string]string{"main": "HS256", "closed": "HS256", "hs384": "HS384", "hs512": "HS512"} {
		text := name + "-token-secret-canary-" + strings.Repeat("0123456789", 5)
		out[name] = portalKey{algorithm, []byte(text), text}
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	for algorithm, key := range map[string]crypto.Signer{"RS256": rsaKey, "ES256": ecKey, "EdDSA": edKey} {
		der, err := x509.MarshalPKIXPublicKey(key.Public())
		if err != nil {
			return nil, err
		}
		text := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
		out[strings.ToLower(algorithm)] = portalKey{algorithm, key, text}
	}
	return out, nil
})

// portalKeys are the portals of the tests, each with another algorithm.
func portalKeys(t testing.TB) map[string]portalKey {
	t.Helper()
	keys, err := makeKeys()
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// claims are those of a good token for a key request, with changes; a nil value takes
// a claim away.
func (h *house) claims(key string, changes map[string]any) jwt.MapClaims {
	now := h.now().Unix()
	c := jwt.MapClaims{
		"iss": "https://portal.example", "aud": "https://bridge.example", "iat": now, "exp": now + 300,
		"jti": rand.Text(), "sub": key, "email": developer, "name": "Dana Canary",
	}
	maps.Copy(c, changes)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

// token signs claims as a portal does.
func (h *house) token(portal string, claims jwt.MapClaims) string {
	h.t.Helper()
	key := portalKeys(h.t)[portal]
	return h.signed(jwt.GetSigningMethod(key.algorithm), key.private, claims)
}

func (h *house) signed(method jwt.SigningMethod, key any, claims jwt.MapClaims) string {
	h.t.Helper()
	token, err := jwt.NewWithClaims(method, claims).SignedString(key)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.secret(token)
}

// byToken is the way in with a good token.
func (h *house) byToken(portal, key string) string {
	return "/handoff/" + portal + "?token=" + h.token(portal, h.claims(key, nil))
}

// byQuery is the way in with a signed query, with changes made before it is signed.
func (h *house) byQuery(key string, changes url.Values) string {
	q := url.Values{"key_request_id": {key}, "timestamp": {strconv.FormatInt(h.now().Unix(), 10)}}
	maps.Copy(q, changes)
	const path = "/handoff/main"
	signed := webhooks.SignQuery(path, q, querySecret)
	values, _ := url.ParseQuery(signed)
	h.secret(values.Get("signature"))
	return path + "?" + signed
}

// at is a time from now in Unix seconds.
func (h *house) at(d time.Duration) int64 { return h.now().Add(d).Unix() }
