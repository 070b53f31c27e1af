package mail

import (
	"errors"
	"iter"
	"maps"
	netmail "net/mail"
	"slices"
	"strings"

	"golang.org/x/net/idna"
)

// recipient checks an address that somebody typed in somewhere and returns it as it
// goes to a server: no name, its domain in ASCII. A quoted local part is legal
// (RFC 5321, 4.1.2) and refused all the same: nobody has one, and they are made to
// confuse what reads them. The error does not repeat the address.
func recipient(text string) (string, error) {
	text = strings.TrimSpace(text)
	at := strings.LastIndexByte(text, '@')
	if at < 1 || at > 64 || len(text) > 254 || strings.ContainsFunc(text, unseen) || strings.ContainsAny(text, ` "<>(),:;\[]`) {
		return "", errNoAddress
	}
	local, domain := text[:at], text[at+1:]
	domain, err := idna.Lookup.ToASCII(domain)
	if err != nil || !strings.Contains(strings.Trim(domain, "."), ".") && domain != "localhost" {
		return "", errNoAddress
	}
	bare := local + "@" + domain
	if a, err := netmail.ParseAddress(bare); err != nil || a.Address != bare || a.Name != "" {
		return "", errNoAddress
	}
	return bare, nil
}

var errNoAddress = errors.New("not an e-mail address")

// domainOf is what stands behind the @.
func domainOf(address string) string { return address[strings.LastIndexByte(address, '@')+1:] }

// sorted walks a map in the order of its keys.
func sorted[M ~map[K]V, K ~string, V any](m M) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			if !yield(k, m[k]) {
				return
			}
		}
	}
}
