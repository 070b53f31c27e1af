package web

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"keybridge/bridge"
)

const someID = bridge.ID("01HF7YAT00ABCDEFGHJKMNPQRS")

var (
	linkTime  = time.Unix(1_700_000_000, 0)
	someLinks = Links{Base: "https://bridge.example", Secrets: [][]byte{[]byte(strings.Repeat("a", 32)), []byte(strings.Repeat("b", 32))}, Life: time.Hour}
)

func TestALinkLeadsToItsRequestUntilItExpires(t *testing.T) {
	token := someLinks.token(someID, linkTime)
	if want := "https://bridge.example/r/" + token; someLinks.Page(someID, linkTime) != want {
		t.Errorf("the address is %q", someLinks.Page(someID, linkTime))
	}
	for after, want := range map[time.Duration]error{
		-time.Hour: nil, 0: nil, time.Hour: nil, time.Hour + time.Second: errExpiredLink, 100 * 365 * 24 * time.Hour: errExpiredLink,
	} {
		if id, err := someLinks.read(token, linkTime.Add(after)); id != someID || !errors.Is(err, want) {
			t.Errorf("after %s: %q, %v", after, id, err)
		}
	}
	if someLinks.token("no ULID", linkTime) != "" {
		t.Error("an id that is no ULID has a token")
	}
}

func TestSecretsCanBeReplacedWhileLinksAreOut(t *testing.T) {
	old := Links{Secrets: someLinks.Secrets[1:], Life: time.Hour}
	if id, err := someLinks.read(old.token(someID, linkTime), linkTime); id != someID || err != nil {
		t.Errorf("a link of the old secret: %q, %v", id, err)
	}
	if id, err := old.read(someLinks.token(someID, linkTime), linkTime); id != "" || !errors.Is(err, errBadLink) {
		t.Errorf("a link of a secret that is not known: %q, %v", id, err)
	}
}

func TestALinkThatWasChangedAnywhereIsNoLink(t *testing.T) {
	token := someLinks.token(someID, linkTime)
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		for bit := range 8 {
			changed := append([]byte(nil), raw...)
			changed[i] ^= 1 << bit
			if id, err := someLinks.read(base64.RawURLEncoding.EncodeToString(changed), linkTime); id != "" || err == nil {
				t.Fatalf("byte %d, bit %d changed: %q, %v", i, bit, id, err)
			}
		}
	}
	for n := range len(token) {
		if id, err := someLinks.read(token[:n], linkTime); id != "" || err == nil {
			t.Fatalf("cut to %d characters: %q, %v", n, id, err)
		}
	}
	for _, other := range []string{token + "A", token + "=", token + "==", " " + token, token + "\n", strings.ToUpper(token)} {
		if id, err := someLinks.read(other, linkTime); id != "" || err == nil {
			t.Errorf("%q: %q, %v", other, id, err)
		}
	}
}

// FuzzLink asks that whatever is read as a link is one that we made: the same
// request and expiry give the same token.
func FuzzLink(f *testing.F) {
	f.Add(someLinks.token(someID, linkTime))
	f.Add(someLinks.token(someID, linkTime.Add(-2*time.Hour)))
	f.Add("")
	f.Add(strings.Repeat("A", 54))
	f.Fuzz(func(t *testing.T, token string) {
		id, err := someLinks.read(token, linkTime)
		if id == "" {
			if !errors.Is(err, errBadLink) {
				t.Errorf("%q leads nowhere: %v", token, err)
			}
			return
		}
		if _, err := ulid.ParseStrict(string(id)); err != nil {
			t.Errorf("%q leads to %q", token, id)
		}
		raw, _ := base64.RawURLEncoding.DecodeString(token)
		for _, secret := range someLinks.Secrets {
			if string(sign(secret, raw[:tokenClaims])) == string(raw[tokenClaims:]) && base64.RawURLEncoding.EncodeToString(raw) == token {
				return
			}
		}
		t.Errorf("%q was never signed, and leads to %q", token, id)
	})
}
