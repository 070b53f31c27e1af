package webhooks

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"
)

const (
	// maxToken is more than a URL of a browser can be relied upon to carry.
	maxToken = 8 << 10
	// maxTokenLife is the longest a token may be good for, from iat to exp.
	maxTokenLife  = 10 * time.Minute
	defaultLeeway = 30 * time.Second
	maxLeeway     = 2 * time.Minute
	maxEmail      = 320 // bytes (RFC 5321 section 4.5.3.1)
	maxName       = 800 // bytes: 200 characters of any script
)

// TokenConfig configures the hand-off tokens of one portal.
type TokenConfig struct {
	// Portal is the configured name of the portal. Required.
	Portal string
	// Algorithm is the one algorithm its tokens are signed with: one of Algorithms.
	// What a token's header says has to be the same, and chooses nothing.
	Algorithm string
	// Keys are the portal's keys, all of them live; 1 to 8.
	Keys []TokenKey
	// Issuer and Audience are what iss and aud have to be, to the letter. Required.
	Issuer, Audience string
	// Leeway is by how much the portal's clock may differ from ours. Zero: 30
	// seconds. At most 2 minutes.
	Leeway time.Duration
}

// TokenVerifier checks a portal's hand-off tokens: JSON Web Tokens (RFC 7519) in
// the compact form (RFC 7515), with the advice of RFC 8725 heeded. It may be used
// by several goroutines.
type TokenVerifier struct {
	cfg    TokenConfig
	method jwt.SigningMethod
	keys   []verificationKey
}

// NewTokenVerifier returns a verifier, or says everything that is wrong with the
// configuration.
func NewTokenVerifier(c TokenConfig) (*TokenVerifier, error) {
	if c.Leeway == 0 {
		c.Leeway = defaultLeeway
	}
	var errs []error
	if c.Portal == "" || c.Issuer == "" || c.Audience == "" {
		errs = append(errs, errors.New("it needs the portal's name, an issuer and an audience"))
	}
	if c.Leeway < 0 || c.Leeway > maxLeeway {
		errs = append(errs, fmt.Errorf("a leeway of %s: it may be up to %s", c.Leeway, maxLeeway))
	}
	v := &TokenVerifier{cfg: c, method: method(c.Algorithm)}
	if v.method == nil {
		errs = append(errs, fmt.Errorf("algorithm %q: it has to be one of %s", c.Algorithm, strings.Join(Algorithms(), ", ")))
	} else {
		var err error
		v.keys, err = parseTokenKeys(c.Algorithm, c.Keys)
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("signed token of portal %q: %w", c.Portal, err)
	}
	return v, nil
}

// Verify checks a token and returns what it hands over.
//
// Header: alg the configured one; kid may choose among the keys; typ absent or
// JWT; crit refused, whatever it lists; jwk, jku, x5c and x5u never looked at.
// Claims: iss and aud to the letter (aud a string, or a list of just that one);
// iat and exp required, at most 10 minutes apart, exp in the future and iat not;
// nbf heeded; jti required, 1 to 128 characters; the id of the key request in
// key_request_id, or in sub where there is none; optionally email, name and
// return. At most 8 KiB. A member that is there twice is refused.
//
// That a jti is used once is left to whoever commits the hand-off. The errors are
// Invalid or Refused with a message for the person who came, and hold a
// RefusedError for the log.
func (v *TokenVerifier) Verify(token string, now time.Time) (Handoff, error) {
	payload, err := v.open(token)
	if err != nil {
		return Handoff{}, err
	}
	claims, err := readClaims(payload)
	if err != nil {
		return Handoff{}, err
	}
	if err := v.check(claims, now); err != nil {
		return Handoff{}, err
	}
	return Handoff{
		Portal: v.cfg.Portal, Key: claims.key(), ID: claims.text["jti"],
		Expires: claims.time["exp"].Add(v.cfg.Leeway),
		Return:  claims.text["return"], Email: claims.text["email"], Name: claims.text["name"],
	}, nil
}

// open checks the signature and returns what was signed.
func (v *TokenVerifier) open(token string) ([]byte, error) {
	if len(token) > maxToken {
		return nil, refuse(Malformed, sayAskAgain, "the token is too long")
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, refuse(Malformed, sayAskAgain, "not three parts")
	}
	var raw [3][]byte
	for i, part := range parts {
		text, err := decodeBase64(part)
		if err != nil {
			return nil, refuse(Malformed, sayAskAgain, "not base64url without padding")
		}
		raw[i] = text
	}
	kid, err := v.header(raw[0])
	if err != nil {
		return nil, err
	}
	signed := token[:len(parts[0])+1+len(parts[1])]
	for _, key := range v.keys {
		if kid != "" && key.id != "" && kid != key.id {
			continue
		}
		if v.method.Verify(signed, raw[2], key.key) == nil {
			return raw[1], nil
		}
	}
	return nil, refuse(Forged, sayAskAgain, "the signature is that of none of the keys")
}

// decodeBase64 accepts one spelling of each value: the alphabet of RFC 4648
// section 5, no padding, no line ends, and zeros in the bits that are left over.
func decodeBase64(text string) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n") { // encoding/base64 passes over them
		return nil, errors.New("a line end within base64")
	}
	return base64.RawURLEncoding.Strict().DecodeString(text)
}

// header reads the header and returns its kid.
func (v *TokenVerifier) header(raw []byte) (kid string, err error) {
	members, err := readMembers(raw, []string{"alg", "typ", "kid", "cty"}, nil)
	if err != nil {
		return "", err
	}
	switch {
	case members.text["alg"] != v.cfg.Algorithm:
		return "", refuse(Forged, sayAskAgain, "alg is not the configured algorithm")
	case members.seen["crit"]:
		return "", refuse(Malformed, sayAskAgain, "crit asks for an extension")
	case members.seen["cty"]:
		return "", refuse(Malformed, sayAskAgain, "cty: a token within a token")
	case members.seen["typ"] && !strings.EqualFold(members.text["typ"], "JWT"):
		return "", refuse(Malformed, sayAskAgain, "typ is not JWT")
	}
	return members.text["kid"], nil
}

// claims are the members of a token that are looked at.
type claims struct {
	// seen are all members, whether they are looked at or not.
	seen map[string]bool
	text map[string]string
	time map[string]time.Time
	aud  []string
}

// key returns the id of the key request. sub is the developer in some portals'
// tokens, so it counts only where nothing else is said.
func (c claims) key() string {
	if c.seen[defaultKeyName] {
		return c.text[defaultKeyName]
	}
	return c.text["sub"]
}

func readClaims(payload []byte) (claims, error) {
	return readMembers(payload,
		[]string{"iss", "sub", "jti", defaultKeyName, "email", "name", "return"},
		[]string{"iat", "exp", "nbf"})
}

// readMembers reads an object: the members that have to be strings, those that
// have to be times, and aud.
func readMembers(raw []byte, texts, times []string) (claims, error) {
	c := claims{seen: map[string]bool{}, text: map[string]string{}, time: map[string]time.Time{}}
	err := scanObject(raw, func(s *scan, name []byte) (err error) {
		member := string(name)
		if c.seen[member] {
			return errors.New("a member that is there twice")
		}
		c.seen[member] = true
		switch {
		case slices.Contains(texts, member):
			var text []byte
			text, err = s.string()
			c.text[member] = string(text)
		case slices.Contains(times, member):
			c.time[member], err = readTime(s)
		case member == "aud":
			c.aud, err = readAudience(s)
		default:
			err = s.skip()
		}
		return err
	})
	if err != nil {
		return claims{}, refuse(Malformed, sayAskAgain, err.Error())
	}
	return c, nil
}

// readTime reads a NumericDate (RFC 7519 section 2). Fractions of a second, which
// some libraries write, are dropped.
func readTime(s *scan) (time.Time, error) {
	number, err := s.number()
	if err != nil {
		return time.Time{}, err
	}
	seconds, _, _ := strings.Cut(string(number), ".")
	at, ok := parseUnix(seconds)
	if !ok || strings.ContainsAny(string(number), "eE") {
		return time.Time{}, errors.New("a time that is not in Unix seconds")
	}
	return at, nil
}

func readAudience(s *scan) ([]string, error) {
	if s.next() != '[' {
		text, err := s.string()
		return []string{string(text)}, err
	}
	var out []string
	err := s.array(func(s *scan) error {
		text, err := s.string()
		out = append(out, string(text))
		return err
	})
	return out, err
}

// check looks at the claims of a token whose signature is good.
func (v *TokenVerifier) check(c claims, now time.Time) error {
	iat, exp, nbf := c.time["iat"], c.time["exp"], c.time["nbf"]
	switch {
	case !c.seen["iss"] || c.text["iss"] != v.cfg.Issuer:
		return refuse(Misdirected, sayAskAgain, "iss is not the configured issuer")
	case len(c.aud) != 1 || c.aud[0] != v.cfg.Audience:
		return refuse(Misdirected, sayAskAgain, "aud is not the configured audience alone")
	case iat.IsZero() || exp.IsZero():
		return refuse(Malformed, sayAskAgain, "no iat or no exp")
	case exp.Sub(iat) > maxTokenLife || !exp.After(iat):
		return refuse(Malformed, sayAskAgain, "exp is not within 10 minutes after iat")
	case !now.Before(exp.Add(v.cfg.Leeway)):
		return refuse(Expired, sayExpired, "exp is over")
	case iat.After(now.Add(v.cfg.Leeway)):
		return refuse(Early, sayEarly, "iat is in the future")
	case nbf.After(now.Add(v.cfg.Leeway)):
		return refuse(Early, sayEarly, "nbf is in the future")
	case !isTokenID(c.text["jti"]):
		return refuse(Malformed, sayAskAgain, "no well-formed jti")
	case !isKey(c.key()):
		return refuse(Malformed, sayAskAgain, "no well-formed id of a key request in key_request_id or sub")
	case !isLine(c.text["email"], maxEmail) || !isLine(c.text["name"], maxName) || !isReturn(c.text["return"]):
		return refuse(Malformed, sayAskAgain, "email, name or return is too long or not one line of text")
	}
	return nil
}

// isLine reports whether text is one line of UTF-8 of at most so many bytes.
func isLine(text string, most int) bool {
	return len(text) <= most && utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

// isReturn reports whether text can be an address to go back to, as far as that
// can be told without the list of allowed ones. None is fine.
func isReturn(text string) bool {
	return isLine(text, maxReturn) && !strings.Contains(text, " ")
}
