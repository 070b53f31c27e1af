package web

import (
	"net/url"
	"strings"
)

// returnAddress is where the developer goes back to: what was asked for, when it is
// the portal's home, one of its Returns, or lies below one of them; else the
// portal's home. Scheme, host and port have to be the same to the letter.
func (p Portal) returnAddress(asked string) string {
	u, err := url.Parse(asked)
	if err != nil || u.Host == "" || u.User != nil || strings.ContainsFunc(u.RawQuery, notInAddresses) || strings.Contains(asked, "\\") {
		return p.Home
	}
	for _, allowed := range append([]string{p.Home}, p.Returns...) {
		a, err := url.Parse(allowed)
		if err == nil && a.Scheme == u.Scheme && a.Host == u.Host && within(u.Path, a.Path) {
			return u.String()
		}
	}
	return p.Home
}

// notInAddresses are the characters that have to be encoded in an address. In a path
// url.URL does so; a query it leaves as it was.
func notInAddresses(c rune) bool { return c <= ' ' || c > '~' }

// within reports whether a path is an allowed one or lies below it. A path that
// climbs is never within anything.
func within(path, allowed string) bool {
	if strings.Contains(path, "..") {
		return false
	}
	allowed = strings.TrimSuffix(allowed, "/")
	return allowed == "" || path == allowed || strings.HasPrefix(path, allowed+"/")
}
