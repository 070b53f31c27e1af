package webhooks

import (
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	// queryTolerance is how far the timestamp may be from our clock, either way.
	queryTolerance = 5 * time.Minute
	// leastQuerySecret is the size of the hash (RFC 2104 section 3).
	leastQuerySecret = 32
	maxQuery         = 8 << 10
	maxQueryParams   = 64
	maxReturn        = 2 << 10
	defaultKeyName   = "key_request_id"
)

// QueryConfig configures the signed queries of one portal.
type QueryConfig struct {
	// Portal is the configured name of the portal. Required.
	Portal string
	// Secrets are shared with the portal, all of them live; at least 32 bytes, used
	// as they are.
	Secrets []string
	// KeyName is the parameter with the id of the key request. Empty:
	// key_request_id. It cannot be one of the parameters with a meaning of their own:
	// signature, timestamp, portal, return.
	KeyName string
	// Tolerance is how far the timestamp may lie in the past or in the future. Zero:
	// 5 minutes, which is also the most.
	Tolerance time.Duration
}

// QueryVerifier checks signed queries. It may be used by several goroutines.
type QueryVerifier struct {
	cfg     QueryConfig
	secrets secrets
}

// NewQueryVerifier returns a verifier, or says everything that is wrong with the
// configuration.
func NewQueryVerifier(c QueryConfig) (*QueryVerifier, error) {
	if c.KeyName == "" {
		c.KeyName = defaultKeyName
	}
	if c.Tolerance == 0 {
		c.Tolerance = queryTolerance
	}
	keys, err := newSecrets(c.Secrets, leastQuerySecret)
	errs := []error{err}
	if c.Portal == "" {
		errs = append(errs, errors.New("the portal has no name"))
	}
	if slices.Contains([]string{"signature", "timestamp", "portal", "return"}, c.KeyName) {
		errs = append(errs, fmt.Errorf("the parameter %q cannot hold the id as well", c.KeyName))
	}
	if c.Tolerance < 0 || c.Tolerance > queryTolerance {
		errs = append(errs, fmt.Errorf("a tolerance of %s: it may be up to %s", c.Tolerance, queryTolerance))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("signed query of portal %q: %w", c.Portal, err)
	}
	return &QueryVerifier{cfg: c, secrets: keys}, nil
}

// Verify checks a signed query. path is the path of the address as it stands in
// the URL (url.URL.EscapedPath), as the portal knows it: where a proxy strips a
// prefix, with that prefix. rawQuery is the query as it came. The package comment
// defines what is signed.
//
// The errors are Invalid or Refused with a message for the person who came, and
// hold a RefusedError for the log.
func (v *QueryVerifier) Verify(path, rawQuery string, now time.Time) (Handoff, error) {
	params, check := parseQuery(rawQuery)
	if check == "" {
		check = checkPath(path)
	}
	if check != "" {
		return Handoff{}, refuse(Malformed, sayAskAgain, check)
	}
	sent, ok := params.only("signature")
	sig, wellFormed := unhex(sent, true)
	if !ok || !wellFormed {
		return Handoff{}, refuse(Forged, sayAskAgain, "not exactly one well-formed signature")
	}
	if !v.secrets.match([]signature{sig}, canonical(path, params), "", nil) {
		return Handoff{}, refuse(Forged, sayAskAgain, "the signature is that of none of the secrets")
	}
	return v.signed(params, sent, now)
}

// signed reads a query whose signature is good.
func (v *QueryVerifier) signed(params params, sig string, now time.Time) (Handoff, error) {
	stamp, ok := params.only("timestamp")
	at, isTime := parseUnix(stamp)
	if !ok || !isTime {
		return Handoff{}, refuse(Malformed, sayAskAgain, "not exactly one timestamp in Unix seconds")
	}
	key, ok := params.only(v.cfg.KeyName)
	if !ok || !isKey(key) {
		return Handoff{}, refuse(Malformed, sayAskAgain, "not exactly one well-formed id of a key request")
	}
	back, count := params.get("return")
	if count > 1 || !isReturn(back) {
		return Handoff{}, refuse(Malformed, sayAskAgain, "more than one return address, or one that is none")
	}
	portal, count := params.get("portal")
	switch {
	case count > 1 || count == 1 && portal != v.cfg.Portal:
		return Handoff{}, refuse(Misdirected, sayAskAgain, "signed for another portal")
	case at.Before(now.Add(-v.cfg.Tolerance)):
		return Handoff{}, refuse(Expired, sayExpired, "the timestamp is too old")
	case at.After(now.Add(v.cfg.Tolerance)):
		return Handoff{}, refuse(Early, sayEarly, "the timestamp is in the future")
	}
	return Handoff{
		Portal: v.cfg.Portal, Key: key, ID: sig, Return: back,
		Expires: at.Add(v.cfg.Tolerance),
	}, nil
}

// SignQuery returns the query, encoded and with its signature, that a portal adds
// to the path it redirects to. query holds the id of the key request and the
// timestamp; a signature in it is replaced. It is the other half of Verify, for
// tests and for a portal that is written in Go.
func SignQuery(path string, query url.Values, secret string) string {
	sum := newSecret([]byte(secret)).sum(CanonicalQuery(path, query))
	out := url.Values{}
	maps.Copy(out, query)
	out.Set("signature", hex.EncodeToString(sum[:]))
	return out.Encode()
}

// CanonicalQuery returns the string that is signed; see the package comment.
func CanonicalQuery(path string, query url.Values) string {
	var list params
	for name, values := range query {
		for _, value := range values {
			list = append(list, param{name, value})
		}
	}
	return canonical(path, list)
}

type param struct{ name, value string }

// params are the parameters of a query in the order in which they came, decoded.
type params []param

// get returns the first parameter of a name, and how many there are.
func (p params) get(name string) (value string, count int) {
	for _, one := range p {
		if one.name != name {
			continue
		}
		if count == 0 {
			value = one.value
		}
		count++
	}
	return value, count
}

// only returns a parameter that has to be there exactly once.
func (p params) only(name string) (string, bool) {
	value, count := p.get(name)
	return value, count == 1
}

// parseQuery decodes a query as url.ParseQuery does, but refuses what that passes
// over. check says what is wrong.
func parseQuery(raw string) (out params, check string) {
	if len(raw) > maxQuery {
		return nil, "the query is too long"
	}
	for item := range strings.SplitSeq(raw, "&") {
		if item == "" {
			continue
		}
		if strings.Contains(item, ";") || len(out) == maxQueryParams {
			return nil, "a semicolon that is not escaped, or too many parameters"
		}
		name, value, _ := strings.Cut(item, "=")
		name, err1 := url.QueryUnescape(name)
		value, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil {
			return nil, "a broken percent escape"
		}
		out = append(out, param{name, value})
	}
	return out, ""
}

func checkPath(path string) string {
	if !strings.HasPrefix(path, "/") || strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r == '?' || r > '~' }) {
		return "a path that is not one of a URL"
	}
	return ""
}

// canonical is what is signed.
func canonical(path string, list params) string {
	encoded := make(params, 0, len(list))
	for _, one := range list {
		if one.name != "signature" {
			encoded = append(encoded, param{escape(one.name), escape(one.value)})
		}
	}
	slices.SortFunc(encoded, func(a, b param) int {
		if c := strings.Compare(a.name, b.name); c != 0 {
			return c
		}
		return strings.Compare(a.value, b.value)
	})
	pairs := make([]string, len(encoded))
	for i, one := range encoded {
		pairs[i] = one.name + "=" + one.value
	}
	return path + "\n" + strings.Join(pairs, "&")
}

// escape encodes text as RFC 3986 section 2 does: all but the unreserved
// characters. (url.QueryEscape writes a space as +, and url.PathEscape leaves
// more than the unreserved characters.)
func escape(text string) string {
	const digits = "0123456789ABCDEF"
	var out strings.Builder
	for i := range len(text) {
		c := text[i]
		if isAlphanumeric(c) || contains("-._~", c) {
			out.WriteByte(c)
			continue
		}
		out.WriteByte('%')
		out.WriteByte(digits[c>>4])
		out.WriteByte(digits[c&15])
	}
	return out.String()
}
