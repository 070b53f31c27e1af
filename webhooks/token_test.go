package webhooks_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"keybridge/webhooks"
)

var hmacText = strings.Repeat("0123456789abcdef", 4) // 64 bytes: enough for each HS*

// pairs are key pairs of every kind, made once.
type pairs struct {
	rsa, other, short *rsa.PrivateKey
	p256, p384        *ecdsa.PrivateKey
	ed                ed25519.PrivateKey
}

var keyPairs = sync.OnceValue(func() pairs {
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	var p pairs
	var err error
	p.rsa, err = rsa.GenerateKey(rand.Reader, 2048)
	must(err)
	p.other, err = rsa.GenerateKey(rand.Reader, 2048)
	must(err)
	p.short, err = rsa.GenerateKey(rand.Reader, 1024)
	must(err)
	p.p256, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	p.p384, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	must(err)
	_, p.ed, err = ed25519.GenerateKey(rand.Reader)
	must(err)
	return p
})

func publicPEM(t testing.TB, key crypto.Signer) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func tokenVerifier(t testing.TB, algorithm string, keys ...webhooks.TokenKey) *webhooks.TokenVerifier {
	t.Helper()
	v, err := webhooks.NewTokenVerifier(webhooks.TokenConfig{
		Portal: "main", Algorithm: algorithm, Keys: keys,
		Issuer: "https://portal.example", Audience: "keybridge",
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// goodClaims are claims that are taken; change replaces some, and removes those
// that are nil.
func goodClaims(change jwt.MapClaims) jwt.MapClaims {
	c := jwt.MapClaims{
		"iss": "https://portal.example", "aud": "keybridge", "sub": keyID, "jti": "one-time-1",
		"iat": now.Unix() - 10, "exp": now.Unix() + 300,
	}
	maps.Copy(c, change)
	maps.DeleteFunc(c, func(_ string, value any) bool { return value == nil })
	return c
}

func sign(t testing.TB, algorithm string, key any, header map[string]any, claims jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(jwt.GetSigningMethod(algorithm), claims)
	maps.Copy(token.Header, header)
	maps.DeleteFunc(token.Header, func(_ string, value any) bool { return value == nil })
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// signRaw signs header and claims as they are written.
func signRaw(t testing.TB, header, claims string) string {
	t.Helper()
	text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	sig, err := jwt.SigningMethodHS256.Sign(text, []byte(hmacText))
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(sig)
}

func TestTokensOfEveryAlgorithmAreBelieved(t *testing.T) {
	p := keyPairs()
	for _, c := range []struct {
		algorithm string
		sign      any
		verify    string
	}{
		{"HS256", []byte(hmacText[:32]), hmacText[:32]},
		{"HS384", []byte(hmacText[:48]), hmacText[:48]},
		{"HS512", []byte(hmacText), hmacText},
		{"RS256", p.rsa, publicPEM(t, p.rsa)},
		{"ES256", p.p256, publicPEM(t, p.p256)},
		{"EdDSA", p.ed, publicPEM(t, p.ed)},
	} {
		t.Run(c.algorithm, func(t *testing.T) {
			token := sign(t, c.algorithm, c.sign, nil, goodClaims(nil))
			v := tokenVerifier(t, c.algorithm, webhooks.TokenKey{Text: c.verify})
			got, err := v.Verify(token, now)
			if err != nil {
				t.Fatal(err)
			}
			want := webhooks.Handoff{Portal: "main", Key: keyID, ID: "one-time-1", Expires: now.Add(330 * time.Second)}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			// Not one bit of it can be changed.
			for i := range token {
				changed := []byte(token)
				changed[i] ^= 1
				if _, err := v.Verify(string(changed), now); err == nil {
					t.Fatalf("believed with byte %d changed", i)
				}
			}
		})
	}
}

func TestATokenHandsOver(t *testing.T) {
	token := sign(t, "HS256", []byte(hmacText), nil, goodClaims(jwt.MapClaims{
		"sub": "developer-7", "key_request_id": keyID, "email": "a@example.com", "name": "Zoë Ünal",
		"return": "https://portal.example/keys", "aud": []string{"keybridge"}, "nbf": now.Unix(),
		"address": map[string]any{"iss": "x"}, "exp": float64(now.Unix()) + 300.75,
	}))
	got, err := tokenVerifier(t, "HS256", webhooks.TokenKey{Text: hmacText}).Verify(token, now)
	if err != nil {
		t.Fatal(err)
	}
	want := webhooks.Handoff{
		Portal: "main", Key: keyID, ID: "one-time-1", Expires: now.Add(330 * time.Second),
		Return: "https://portal.example/keys", Email: "a@example.com", Name: "Zoë Ünal",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestClaimsAreBelievedOrNot(t *testing.T) {
	at := func(seconds int64) int64 { return now.Unix() + seconds }
	for _, c := range []struct {
		name   string
		change jwt.MapClaims
		want   webhooks.Reason
	}{
		{"expires now, within the leeway", jwt.MapClaims{"exp": at(0)}, ""},
		{"expired less than the leeway ago", jwt.MapClaims{"exp": at(-29), "iat": at(-60)}, ""},
		{"issued in the future, within the leeway", jwt.MapClaims{"iat": at(30)}, ""},
		{"not before soon, within the leeway", jwt.MapClaims{"nbf": at(30)}, ""},
		{"good for exactly 10 minutes", jwt.MapClaims{"iat": at(-10), "exp": at(590)}, ""},

		{"expired", jwt.MapClaims{"iat": at(-300), "exp": at(-30)}, webhooks.Expired},
		{"expired long ago", jwt.MapClaims{"iat": at(-90000), "exp": at(-89900)}, webhooks.Expired},
		{"issued in the future", jwt.MapClaims{"iat": at(31)}, webhooks.Early},
		{"not before later", jwt.MapClaims{"nbf": at(31)}, webhooks.Early},
		{"good for more than 10 minutes", jwt.MapClaims{"iat": at(0), "exp": at(601)}, webhooks.Malformed},
		{"good for ever", jwt.MapClaims{"exp": 999999999999}, webhooks.Malformed},
		{"expires before it is issued", jwt.MapClaims{"iat": at(20), "exp": at(10)}, webhooks.Malformed},
		{"exp is missing", jwt.MapClaims{"exp": nil}, webhooks.Malformed},
		{"exp is text", jwt.MapClaims{"exp": "1700000300"}, webhooks.Malformed},
		{"exp in milliseconds", jwt.MapClaims{"exp": at(300) * 1000}, webhooks.Malformed},
		{"exp with an exponent", jwt.MapClaims{"exp": json.RawMessage("1.7000003e9")}, webhooks.Malformed},
		{"exp with an exponent after a good time", jwt.MapClaims{"exp": json.RawMessage("1700000300.0e9")}, webhooks.Malformed},
		{"exp is null", jwt.MapClaims{"exp": json.RawMessage("null")}, webhooks.Malformed},
		{"exp is negative", jwt.MapClaims{"exp": -1}, webhooks.Malformed},
		{"iat is missing", jwt.MapClaims{"iat": nil}, webhooks.Malformed},
		{"iat is zero", jwt.MapClaims{"iat": 0}, webhooks.Malformed},
		{"nbf is text", jwt.MapClaims{"nbf": "soon"}, webhooks.Malformed},
		{"iss is missing", jwt.MapClaims{"iss": nil}, webhooks.Misdirected},
		{"another issuer", jwt.MapClaims{"iss": "https://portal.example/"}, webhooks.Misdirected},
		{"iss in another case", jwt.MapClaims{"iss": "HTTPS://portal.example"}, webhooks.Misdirected},
		{"iss is a list", jwt.MapClaims{"iss": []string{"https://portal.example"}}, webhooks.Malformed},
		{"aud is missing", jwt.MapClaims{"aud": nil}, webhooks.Misdirected},
		{"another audience", jwt.MapClaims{"aud": "somebody"}, webhooks.Misdirected},
		{"no audience", jwt.MapClaims{"aud": []string{}}, webhooks.Misdirected},
		{"for others too", jwt.MapClaims{"aud": []string{"keybridge", "somebody"}}, webhooks.Misdirected},
		{"twice for us", jwt.MapClaims{"aud": []string{"keybridge", "keybridge"}}, webhooks.Misdirected},
		{"aud is a number", jwt.MapClaims{"aud": 1}, webhooks.Malformed},
		{"jti is missing", jwt.MapClaims{"jti": nil}, webhooks.Malformed},
		{"jti is empty", jwt.MapClaims{"jti": ""}, webhooks.Malformed},
		{"jti is a number", jwt.MapClaims{"jti": 1}, webhooks.Malformed},
		{"jti is too long", jwt.MapClaims{"jti": strings.Repeat("j", 129)}, webhooks.Malformed},
		{"jti with a line end", jwt.MapClaims{"jti": "a\nb"}, webhooks.Malformed},
		{"no id", jwt.MapClaims{"sub": nil}, webhooks.Malformed},
		{"an id that is none", jwt.MapClaims{"sub": "../keys"}, webhooks.Malformed},
		{"an empty id does not fall back to sub", jwt.MapClaims{"key_request_id": ""}, webhooks.Malformed},
		{"an email of two lines", jwt.MapClaims{"email": "canary@example.com\r\nBcc: x"}, webhooks.Malformed},
		{"a name that is too long", jwt.MapClaims{"name": strings.Repeat("é", 401)}, webhooks.Malformed},
		{"a return address that is too long", jwt.MapClaims{"return": strings.Repeat("r", 2049)}, webhooks.Malformed},
		{"a return address with a space", jwt.MapClaims{"return": "https://a b"}, webhooks.Malformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			token := sign(t, "HS256", []byte(hmacText), nil, goodClaims(c.change))
			_, err := tokenVerifier(t, "HS256", webhooks.TokenKey{Text: hmacText}).Verify(token, now)
			checkRefusal(t, err, c.want)
		})
	}
}

func TestHeadersAreBelievedOrNot(t *testing.T) {
	for _, c := range []struct {
		name   string
		header map[string]any
		want   webhooks.Reason
	}{
		{"no typ", map[string]any{"typ": nil}, ""},
		{"typ in lower case", map[string]any{"typ": "jwt"}, ""},
		{"members nobody looks at", map[string]any{"jku": "https://evil.example", "x5u": "x", "jwk": map[string]any{"kty": "oct", "k": "AA"}}, ""},
		{"another typ", map[string]any{"typ": "at+jwt"}, webhooks.Malformed},
		{"crit", map[string]any{"crit": []string{"exp"}}, webhooks.Malformed},
		{"an empty crit", map[string]any{"crit": []string{}}, webhooks.Malformed},
		{"unencoded payload", map[string]any{"b64": false, "crit": []string{"b64"}}, webhooks.Malformed},
		{"a token within a token", map[string]any{"cty": "JWT"}, webhooks.Malformed},
		{"alg in lower case", map[string]any{"alg": "hs256"}, webhooks.Forged},
		{"alg of another size", map[string]any{"alg": "HS512"}, webhooks.Forged},
		{"no alg", map[string]any{"alg": nil}, webhooks.Forged},
		{"alg is a list", map[string]any{"alg": []string{"HS256"}}, webhooks.Malformed},
		{"kid is a number", map[string]any{"kid": 1}, webhooks.Malformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			token := sign(t, "HS256", []byte(hmacText), c.header, goodClaims(nil))
			_, err := tokenVerifier(t, "HS256", webhooks.TokenKey{Text: hmacText}).Verify(token, now)
			checkRefusal(t, err, c.want)
		})
	}
}

func TestForgedTokensAreRefused(t *testing.T) {
	p := keyPairs()
	rsaPEM := publicPEM(t, p.rsa)
	good := sign(t, "HS256", []byte(hmacText), nil, goodClaims(nil))
	parts := strings.Split(good, ".")
	encode := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	claims, err := json.Marshal(goodClaims(nil))
	if err != nil {
		t.Fatal(err)
	}
	hs := tokenVerifier(t, "HS256", webhooks.TokenKey{Text: hmacText})
	rs := tokenVerifier(t, "RS256", webhooks.TokenKey{Text: rsaPEM})
	for _, c := range []struct {
		name  string
		v     *webhooks.TokenVerifier
		token string
		want  webhooks.Reason
	}{
		{"alg none, no signature", hs, encode(`{"alg":"none"}`) + "." + parts[1] + ".", webhooks.Forged},
		{"alg None", hs, encode(`{"alg":"None"}`) + "." + parts[1] + ".", webhooks.Forged},
		{"alg none, signed", hs, encode(`{"alg":"none"}`) + "." + parts[1] + "." + parts[2], webhooks.Forged},
		{"alg none, against RS256", rs, encode(`{"alg":"none"}`) + "." + parts[1] + ".", webhooks.Forged},
		{"the public key as a secret", rs, sign(t, "HS256", []byte(rsaPEM), nil, goodClaims(nil)), webhooks.Forged},
		{"the public key as a secret, alg RS256", rs, sign(t, "HS256", []byte(rsaPEM), map[string]any{"alg": "RS256"}, goodClaims(nil)), webhooks.Forged},
		{"another RSA key", rs, sign(t, "RS256", p.other, nil, goodClaims(nil)), webhooks.Forged},
		{"PSS under the same key", rs, sign(t, "PS256", p.rsa, nil, goodClaims(nil)), webhooks.Forged},
		{"PSS that calls itself RS256", rs, sign(t, "PS256", p.rsa, map[string]any{"alg": "RS256"}, goodClaims(nil)), webhooks.Forged},
		{"RS512 under the same key", rs, sign(t, "RS512", p.rsa, nil, goodClaims(nil)), webhooks.Forged},
		{"another secret", hs, sign(t, "HS256", []byte(strings.Repeat("x", 32)), nil, goodClaims(nil)), webhooks.Forged},
		{"an empty secret", hs, sign(t, "HS256", []byte{}, nil, goodClaims(nil)), webhooks.Forged},
		{"no signature", hs, parts[0] + "." + parts[1] + ".", webhooks.Forged},
		{"half a signature", hs, good[:len(good)-23], webhooks.Forged},
		{"other claims", hs, parts[0] + "." + encode(strings.Replace(string(claims), keyID, "other", 1)) + "." + parts[2], webhooks.Forged},
		{"the claims of a used token under a new jti", hs, parts[0] + "." + encode(strings.Replace(string(claims), "one-time-1", "one-time-2", 1)) + "." + parts[2], webhooks.Forged},

		{"empty", hs, "", webhooks.Malformed},
		{"two parts", hs, parts[0] + "." + parts[1], webhooks.Malformed},
		{"four parts", hs, good + ".x", webhooks.Malformed},
		{"five parts, as an encrypted token has", hs, good + ".x.y", webhooks.Malformed},
		{"white space around it", hs, " " + good, webhooks.Malformed},
		{"a line end within", hs, good[:20] + "\n" + good[20:], webhooks.Malformed},
		{"padding", hs, good + "=", webhooks.Malformed},
		{"the other base64", hs, strings.Replace(good, parts[2], strings.Repeat("+", 43), 1), webhooks.Malformed},
		{"too long", hs, good + strings.Repeat("A", 8<<10), webhooks.Malformed},
		{"alg twice", hs, signRaw(t, `{"alg":"HS256","alg":"HS256"}`, string(claims)), webhooks.Malformed},
		{"alg twice, once as none", hs, signRaw(t, `{"alg":"none","alg":"HS256"}`, string(claims)), webhooks.Malformed},
		{"ALG beside alg is another member", hs, signRaw(t, `{"ALG":"HS256"}`, string(claims)), webhooks.Forged},
		{"a claim twice", hs, signRaw(t, `{"alg":"HS256"}`, strings.Replace(string(claims), "{", `{"sub":"other",`, 1)), webhooks.Malformed},
		{"a claim twice, once escaped", hs, signRaw(t, `{"alg":"HS256"}`, strings.Replace(string(claims), "{", `{"s\u0075b":"other",`, 1)), webhooks.Malformed},
		{"a claim in another case does not count", hs, signRaw(t, `{"alg":"HS256"}`, strings.Replace(string(claims), `"jti"`, `"JTI"`, 1)), webhooks.Malformed},
		{"claims that are no object", hs, signRaw(t, `{"alg":"HS256"}`, `[]`), webhooks.Malformed},
		{"claims that are no JSON", hs, signRaw(t, `{"alg":"HS256"}`, `foo`), webhooks.Malformed},
		{"two documents", hs, signRaw(t, `{"alg":"HS256"}`, string(claims)+"{}"), webhooks.Malformed},
		{"a header that is no JSON", hs, signRaw(t, `alg=HS256`, string(claims)), webhooks.Malformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := c.v.Verify(c.token, now)
			checkRefusal(t, err, c.want)
		})
	}
}

func TestAKidChoosesAmongTheKeys(t *testing.T) {
	first, second := webhooks.TokenKey{ID: "2025", Text: hmacText[:32]}, webhooks.TokenKey{ID: "2026", Text: hmacText[1:33]}
	third := webhooks.TokenKey{Text: hmacText[2:34]}
	for _, c := range []struct {
		name   string
		signer webhooks.TokenKey
		kid    any
		want   webhooks.Reason
	}{
		{"the first", first, "2025", ""},
		{"the second", second, "2026", ""},
		{"none named", second, nil, ""},
		{"a key without an id, whatever is named", third, "2027", ""},
		{"the wrong one named", first, "2026", webhooks.Forged},
		{"an unknown one named", first, "2027", webhooks.Forged},
	} {
		t.Run(c.name, func(t *testing.T) {
			token := sign(t, "HS256", []byte(c.signer.Text), map[string]any{"kid": c.kid}, goodClaims(nil))
			_, err := tokenVerifier(t, "HS256", first, second, third).Verify(token, now)
			checkRefusal(t, err, c.want)
		})
	}
}

func TestTokenVerifierRefusesConfigurationThatCannotBe(t *testing.T) {
	p := keyPairs()
	private, err := x509.MarshalPKCS8PrivateKey(p.rsa)
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	for _, c := range []struct{ name, algorithm, text, want string }{
		{"none", "none", hmacText, "has to be one of"},
		{"no algorithm", "", hmacText, "has to be one of"},
		{"PS256", "PS256", publicPEM(t, p.rsa), "has to be one of"},
		{"a short secret for HS256", "HS256", hmacText[:31], "needs at least 32"},
		{"a short secret for HS384", "HS384", hmacText[:47], "needs at least 48"},
		{"a short secret for HS512", "HS512", hmacText[:63], "needs at least 64"},
		{"a line end after the secret", "HS256", hmacText + "\n", "white space"},
		{"a public key as a secret", "HS256", strings.TrimSpace(publicPEM(t, p.rsa)), "is no secret"},
		{"a secret as a public key", "RS256", hmacText, "not PEM"},
		{"a short RSA key", "RS256", publicPEM(t, p.short), "1024 bits"},
		{"a curve for RS256", "RS256", publicPEM(t, p.p256), "a key on curve P-256 cannot be used with RS256"},
		{"RSA for ES256", "ES256", publicPEM(t, p.rsa), "an RSA key cannot be used with ES256"},
		{"another curve", "ES256", publicPEM(t, p.p384), "P-384"},
		{"P-256 for EdDSA", "EdDSA", publicPEM(t, p.p256), "P-256"},
		{"Ed25519 for ES256", "ES256", publicPEM(t, p.ed), "Ed25519"},
		{"a private key", "RS256", block("PRIVATE KEY", private), "private key"},
		{"a certificate", "RS256", block("CERTIFICATE", []byte("x")), "certificate"},
		{"another block", "RS256", block("X509 CRL", []byte("x")), "X509 CRL"},
		{"a broken key", "RS256", block("PUBLIC KEY", []byte("x")), "cannot be parsed"},
		{"two keys in one", "RS256", publicPEM(t, p.rsa) + publicPEM(t, p.other), "each key on its own"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := webhooks.NewTokenVerifier(webhooks.TokenConfig{
				Portal: "main", Algorithm: c.algorithm, Keys: []webhooks.TokenKey{{Text: c.text}}, Issuer: "i", Audience: "a",
			})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want something about %q", err, c.want)
			}
			if strings.Contains(err.Error(), hmacText[:20]) || strings.Contains(err.Error(), "MII") {
				t.Errorf("the error repeats the key: %v", err)
			}
		})
	}
	pkcs1 := block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&p.rsa.PublicKey))
	tokenVerifier(t, "RS256", webhooks.TokenKey{Text: pkcs1 + "\n"})
}

func TestEverythingWrongWithATokensConfigurationIsSaidAtOnce(t *testing.T) {
	_, err := webhooks.NewTokenVerifier(webhooks.TokenConfig{
		Algorithm: "HS256", Leeway: time.Hour,
		Keys: []webhooks.TokenKey{{Text: "a"}, {Text: hmacText}, {Text: hmacText, ID: strings.Repeat("k", 200)}},
	})
	for _, want := range []string{"issuer", "leeway", "key 1 of 3", "key 3 of 3"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("nothing about %q in: %v", want, err)
		}
	}
	if _, err := webhooks.NewTokenVerifier(webhooks.TokenConfig{Algorithm: "HS256"}); err == nil {
		t.Error("taken without keys")
	}
}

// FuzzToken: what is believed has a signature that golang-jwt believes too, the
// right issuer and audience, and an id that is safe in a path. A good token with
// the fuzzed text as a claim of no meaning is always believed.
func FuzzToken(f *testing.F) {
	v := tokenVerifier(f, "HS256", webhooks.TokenKey{Text: hmacText})
	good := sign(f, "HS256", []byte(hmacText), nil, goodClaims(nil))
	claims, err := json.Marshal(goodClaims(nil))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good, `{"alg":"HS256"}`, string(claims))
	f.Add(good+"=", `{"alg":"none","typ":"JWT"}`, `{"iss":"https://portal.example","aud":["keybridge"],"exp":1700000300}`)
	f.Add("..", `{"alg":"HS256","crit":[]}`, `{}`)
	f.Fuzz(func(t *testing.T, token, header, claims string) {
		for _, token := range []string{token, signRaw(t, header, claims)} {
			got, err := v.Verify(token, now)
			if err != nil {
				if got != (webhooks.Handoff{}) || webhooks.ReasonOf(err) == "" {
					t.Fatalf("%+v along with %v", got, err)
				}
				continue
			}
			believed, err := jwt.Parse(token, func(*jwt.Token) (any, error) { return []byte(hmacText), nil },
				jwt.WithValidMethods([]string{"HS256"}), jwt.WithStrictDecoding(), jwt.WithLeeway(30*time.Second),
				jwt.WithIssuer("https://portal.example"), jwt.WithAudience("keybridge"), jwt.WithExpirationRequired(),
				jwt.WithIssuedAt(), jwt.WithTimeFunc(func() time.Time { return now }))
			if err != nil || !believed.Valid {
				t.Fatalf("believed %q, and golang-jwt says %v", token, err)
			}
			if got.Key == "" || strings.ContainsAny(got.Key, "/.%?#") || got.ID == "" || got.Expires.After(now.Add(12*time.Minute)) {
				t.Fatalf("handed over %+v", got)
			}
		}
		text, err := json.Marshal(strings.ToValidUTF8(token, ""))
		if err != nil || len(text) > 2000 {
			return
		}
		with := goodClaims(jwt.MapClaims{"x": json.RawMessage(text)})
		if _, err := v.Verify(sign(t, "HS256", []byte(hmacText), nil, with), now); err != nil {
			t.Fatalf("a good token was refused: %v", err)
		}
	})
}
