package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"

	"keybridge/bridge"
)

// Links makes and reads the addresses of developers' pages.
type Links struct {
	// Base is the public address of the bridge, without a slash at the end.
	Base string
	// Secrets sign the tokens. The first one makes new ones, all are accepted, so
	// that one can be replaced while links are out. At least one, of at least 32 bytes
	// each.
	Secrets [][]byte
	// Life is how long a link works. Zero: 30 days.
	Life time.Duration
}

// claim is what a token says of who has it. It is signed with the rest, so that no
// token can be turned into one of another claim.
type claim string

const (
	// pageClaim: they know the address, which says nothing of how. It is in the history
	// of a browser, and providers are given it as the way back.
	pageClaim claim = "keybridge page"
	// mailClaim: they have it from the applicant's own mailbox.
	mailClaim claim = "keybridge mail"
	// passClaim: a token with mailClaim was opened in the browser that keeps this one as
	// a cookie. It is in no address.
	passClaim claim = "keybridge pass"
)

// A token is 16 bytes of ULID, 8 bytes of expiry (Unix seconds, big-endian) and the
// first 16 bytes of the HMAC-SHA256 over its claim, a zero byte and both, in unpadded
// base64url.
const (
	tokenSays = 16 + 8
	tokenMAC  = 16
	tokenText = (tokenSays+tokenMAC)*8/6 + 1
)

var (
	errBadLink     = errors.New("no link of ours")
	errExpiredLink = errors.New("the link has expired")
)

// link is what a token says.
type link struct {
	claim   claim
	request bridge.ID
	expires int64 // Unix seconds
}

// check says what is wrong with the secrets: whoever could guess one could open every
// page.
func (l Links) check() error {
	if len(l.Secrets) == 0 {
		return errors.New("web: Links needs a secret")
	}
	for _, secret := range l.Secrets {
		if len(secret) < 32 {
			return fmt.Errorf("web: a secret of Links has %d bytes, and needs 32", len(secret))
		}
	}
	return nil
}

// Page returns the address of a request's page. The same request and time give the
// same address.
func (l Links) Page(id bridge.ID, at time.Time) string { return l.address(pageClaim, id, at) }

// Mailed returns the address of a request's page that is sent to the applicant's own
// mailbox and nowhere else: whoever has it is taken to be them, in any browser. The
// same request and time give the same address.
func (l Links) Mailed(id bridge.ID, at time.Time) string { return l.address(mailClaim, id, at) }

func (l Links) address(c claim, id bridge.ID, at time.Time) string {
	return l.Base + "/r/" + l.token(link{c, id, l.expiry(at)})
}

// expiry is when a link that is made at a time stops working.
func (l Links) expiry(at time.Time) int64 {
	life := l.Life
	if life == 0 {
		life = 30 * 24 * time.Hour
	}
	return at.Add(life).Unix()
}

// token writes a link; "" for an id that is no ULID.
func (l Links) token(to link) string {
	u, err := ulid.ParseStrict(string(to.request))
	if err != nil {
		return ""
	}
	b := binary.BigEndian.AppendUint64(u[:], uint64(to.expires)) //nolint:gosec // no date before 1970 gets here
	return base64.RawURLEncoding.EncodeToString(append(b, sign(l.Secrets[0], to.claim, b)...))
}

// read returns what a token with one of the claims says. An expired token is still told
// apart from one that is not ours, so that its page can lead back to the portal.
func (l Links) read(token string, now time.Time, claims ...claim) (link, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(b) != tokenSays+tokenMAC || len(token) != tokenText { // line ends are passed over
		return link{}, errBadLink
	}
	says, mac := b[:tokenSays], b[tokenSays:]
	c, ok := l.signed(says, mac, claims)
	if !ok {
		return link{}, errBadLink
	}
	to := link{c, bridge.ID(ulid.ULID(says[:16]).String()), int64(binary.BigEndian.Uint64(says[16:]))} //nolint:gosec // signed by us
	if now.Unix() > to.expires {
		return to, errExpiredLink
	}
	return to, nil
}

// signed returns the claim with which one of the secrets has signed what a token says.
func (l Links) signed(says, mac []byte, claims []claim) (claim, bool) {
	for _, secret := range l.Secrets {
		for _, c := range claims {
			if hmac.Equal(mac, sign(secret, c, says)) {
				return c, true
			}
		}
	}
	return "", false
}

func sign(secret []byte, c claim, says []byte) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(c + "\x00"))
	h.Write(says)
	return h.Sum(nil)[:tokenMAC]
}
