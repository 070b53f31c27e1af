package api

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
)

// The pace of wrong tokens: twenty at once from an address, then one in six seconds, as
// wrong passwords are slowed down.
const (
	wrongRate  = 1.0 / 6
	wrongBurst = 20
)

// longestToken is how long a token may be, in bytes.
const longestToken = 512

// enter returns whose call it is. A cookie is nothing here.
func (a *API) enter(c *gin.Context) (bridge.Person, error) {
	token, ok := bearer(c.Request)
	if !ok {
		return bridge.Person{}, errNoToken
	}
	now := a.cfg.Now()
	name, place := nameOf(token), network(c.ClientIP())
	if wait := a.wrong.wait(place, now); wait > 0 && !a.tokens.knows(name) {
		return bridge.Person{}, slower(wait, "Too many wrong tokens came from this address.")
	}
	p, err := a.cfg.Who(c.Request.Context(), token)
	switch bridge.KindOf(err) {
	case "":
	case bridge.Refused, bridge.Denied, bridge.NotFound:
		a.wrong.take(place, now)
		a.tokens.forget(name)
		return p, errWrongToken
	default:
		return p, err
	}
	if wait := a.tokens.take(name, now); wait > 0 {
		return p, slower(wait, "This token makes too many calls.")
	}
	return p, nil
}

// bearer returns the token of a call (RFC 6750 section 2.1: in the header alone, because
// addresses are logged).
func bearer(r *http.Request) (token string, ok bool) {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return "", false
	}
	scheme, token, found := strings.Cut(values[0], " ")
	token = strings.TrimSpace(token)
	return token, found && strings.EqualFold(scheme, "Bearer") && token != "" && len(token) <= longestToken
}

// nameOf is what a token is counted under, so that tokens are not kept in memory.
func nameOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// network is the range an address is counted with: for IPv6 a /64, which is what one
// subscriber has.
func network(ip string) string {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return ""
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is4() {
		return addr.String()
	}
	p, _ := addr.Prefix(64) // a valid length
	return p.String()
}

func slower(wait time.Duration, why string) error {
	return &bridge.Error{Kind: bridge.Limited, Msg: why + " Wait as long as Retry-After says.", RetryAfter: wait}
}
