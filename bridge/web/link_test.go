package web

import (
	"encoding/base64"
	"errors"
	"slices"
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
	allClaims = []claim{pageClaim, mailClaim, passClaim}
)

// made is a token with a claim, made at a time.
func (l Links) made(c claim, at time.Time) string { return l.token(link{c, someID, l.expiry(at)}) }

func TestALinkLeadsToItsRequestUntilItExpires(t *testing.T) {
	for _, c := range allClaims {
		token := someLinks.made(c, linkTime)
		for after, want := range map[time.Duration]error{
			-time.Hour: nil, 0: nil, time.Hour: nil, time.Hour + time.Second: errExpiredLink, 100 * 365 * 24 * time.Hour: errExpiredLink,
		} {
			to, err := someLinks.read(token, linkTime.Add(after), allClaims...)
			if to != (link{c, someID, linkTime.Add(time.Hour).Unix()}) || !errors.Is(err, want) {
				t.Errorf("%s after %s: %+v, %v", c, after, to, err)
			}
		}
	}
	if someLinks.token(link{pageClaim, "no ULID", 1}) != "" {
		t.Error("an id that is no ULID has a token")
	}
}

func TestTheSameRequestAndTimeGiveTheSameAddress(t *testing.T) {
	for address, want := range map[string]string{
		someLinks.Page(someID, linkTime):                         someLinks.made(pageClaim, linkTime),
		someLinks.Page(someID, linkTime.Add(time.Millisecond)):   someLinks.made(pageClaim, linkTime),
		someLinks.Mailed(someID, linkTime):                       someLinks.made(mailClaim, linkTime),
		Links{Secrets: someLinks.Secrets}.Page(someID, linkTime): Links{Secrets: someLinks.Secrets, Life: 30 * 24 * time.Hour}.made(pageClaim, linkTime),
	} {
		if address = strings.TrimPrefix(address, someLinks.Base); address != "/r/"+want {
			t.Errorf("the address is %q, want /r/%s", address, want)
		}
	}
}

// A token says what it was signed for, and nothing else: the address of a page makes no
// mailed link, and neither makes a pass.
func TestNoTokenIsGoodForAnotherClaim(t *testing.T) {
	for _, c := range allClaims {
		token := someLinks.made(c, linkTime)
		for _, other := range allClaims {
			to, err := someLinks.read(token, linkTime, other)
			if good := to.request == someID && err == nil; good != (c == other) {
				t.Errorf("%s, read as %s: %+v, %v", c, other, to, err)
			}
			if c != other && token == someLinks.made(other, linkTime) {
				t.Errorf("%s and %s have the same token", c, other)
			}
		}
	}
}

func TestSecretsCanBeReplacedWhileLinksAreOut(t *testing.T) {
	old := Links{Secrets: someLinks.Secrets[1:], Life: time.Hour}
	for _, c := range allClaims {
		if to, err := someLinks.read(old.made(c, linkTime), linkTime, allClaims...); to.request != someID || to.claim != c || err != nil {
			t.Errorf("a token of the old secret: %+v, %v", to, err)
		}
		if to, err := old.read(someLinks.made(c, linkTime), linkTime, allClaims...); to != (link{}) || !errors.Is(err, errBadLink) {
			t.Errorf("a token of a secret that is not known: %+v, %v", to, err)
		}
	}
}

func TestALinkThatWasChangedAnywhereIsNoLink(t *testing.T) {
	for _, c := range allClaims {
		token := someLinks.made(c, linkTime)
		raw, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil {
			t.Fatal(err)
		}
		no := func(changed string) {
			t.Helper()
			if to, err := someLinks.read(changed, linkTime, allClaims...); to != (link{}) || err == nil {
				t.Errorf("%s, changed to %q: %+v, %v", c, changed, to, err)
			}
		}
		for i := range raw {
			for bit := range 8 {
				changed := slices.Clone(raw)
				changed[i] ^= 1 << bit
				no(base64.RawURLEncoding.EncodeToString(changed))
			}
		}
		for n := range len(token) {
			no(token[:n])
		}
		for _, changed := range []string{token + "A", token + "=", token + "==", " " + token, token + "\n", strings.ToUpper(token)} {
			no(changed)
		}
	}
}

// FuzzLink asks that whatever is read as a link is one that we made: what it says gives
// the same token.
func FuzzLink(f *testing.F) {
	for _, c := range allClaims {
		f.Add(someLinks.made(c, linkTime))
		f.Add(someLinks.made(c, linkTime.Add(-2*time.Hour)))
	}
	f.Add("")
	f.Add(strings.Repeat("A", 54))
	f.Fuzz(func(t *testing.T, token string) {
		to, err := someLinks.read(token, linkTime, allClaims...)
		if to == (link{}) {
			if !errors.Is(err, errBadLink) {
				t.Errorf("%q leads nowhere: %v", token, err)
			}
			return
		}
		if _, err := ulid.ParseStrict(string(to.request)); err != nil {
			t.Errorf("%q leads to %q", token, to.request)
		}
		for _, secret := range someLinks.Secrets {
			if (Links{Secrets: [][]byte{secret}}).token(to) == token {
				return
			}
		}
		t.Errorf("%q was never made, and leads to %+v", token, to)
	})
}
