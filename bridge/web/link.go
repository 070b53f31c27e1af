package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"

	"github.com/oklog/ulid/v2"

	"keybridge/bridge"
)

// Links makes and reads the addresses of developers' pages.
type Links struct {
	// Base is the public address of the bridge, without a slash at the end.
	Base string
	// Secrets sign the tokens. The first one makes new ones, all are accepted, so
	// that one can be replaced while links are out. At least 32 bytes each.
	Secrets [][]byte
	// Life is how long a link works. Zero: 30 days.
	Life time.Duration
}

// A token is 16 bytes of ULID, 8 bytes of expiry (Unix seconds, big-endian) and the
// first 16 bytes of the HMAC-SHA256 over both, in unpadded base64url.
const (
	tokenClaims = 16 + 8
	tokenMAC    = 16
	tokenText   = (tokenClaims+tokenMAC)*8/6 + 1
)

var (
	errBadLink     = errors.New("no link of ours")
	errExpiredLink = errors.New("the link has expired")
)

// Page returns the address of a request's page. The same request and time give the
// same address.
func (l Links) Page(id bridge.ID, at time.Time) string {
	return l.Base + "/r/" + l.token(id, at)
}

// token returns a token made at a time; "" for an id that is no ULID.
func (l Links) token(id bridge.ID, at time.Time) string {
	u, err := ulid.ParseStrict(string(id))
	if err != nil {
		return ""
	}
	life := l.Life
	if life == 0 {
		life = 30 * 24 * time.Hour
	}
	b := binary.BigEndian.AppendUint64(u[:], uint64(at.Add(life).Unix())) //nolint:gosec // no date before 1970 gets here
	return base64.RawURLEncoding.EncodeToString(append(b, sign(l.Secrets[0], b)...))
}

// read returns the request a token is for. An expired token is still told apart
// from one that is not ours, so that its page can lead back to the portal.
func (l Links) read(token string, now time.Time) (bridge.ID, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(b) != tokenClaims+tokenMAC || len(token) != tokenText { // line ends are passed over
		return "", errBadLink
	}
	claims, mac := b[:tokenClaims], b[tokenClaims:]
	for _, secret := range l.Secrets {
		if !hmac.Equal(mac, sign(secret, claims)) {
			continue
		}
		id := bridge.ID(ulid.ULID(claims[:16]).String())
		if now.Unix() > int64(binary.BigEndian.Uint64(claims[16:])) { //nolint:gosec // signed by us
			return id, errExpiredLink
		}
		return id, nil
	}
	return "", errBadLink
}

func sign(secret, claims []byte) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte("keybridge page\x00"))
	h.Write(claims)
	return h.Sum(nil)[:tokenMAC]
}
