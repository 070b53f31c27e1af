package sandbox

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"sort"
	"strconv"
	"strings"
)

// handOff returns where the developer's browser goes after the request form: the redirect's own query is kept, and the
// key request's id is added, bare or with a proof of where it comes from.
func (s *Server) handOff(rules Settings, request *KeyRequest, developer *Developer) (string, error) {
	return s.lead(rules.RedirectTo, rules.redirectParameter(), rules.SignedRedirect,
		bearer{Request: request.ID, Email: developer.Email, Name: developer.Name()})
}

// bearer is who is led to another system, and about which request.
type bearer struct{ Request, Email, Name string }

// lead returns the address that leads somebody to another system: its own query is kept, and the request's id is added,
// bare under the parameter's name or with a proof of where it comes from.
func (s *site) lead(to, parameter string, how SignedRedirect, who bearer) (string, error) {
	target, err := url.Parse(to)
	if err != nil {
		return "", fmt.Errorf("the address of another system: %w", err)
	}
	query := target.Query()
	switch how.Kind {
	case SignedJWT:
		token, err := s.leadToken(how, who)
		if err != nil {
			return "", err
		}
		query.Set(orElse(how.Parameter, "token"), token)
		target.RawQuery = query.Encode()
	case SignedQuery:
		query.Set(parameter, who.Request)
		query.Set("portal", how.Portal)
		query.Set("timestamp", strconv.FormatInt(s.now().Unix(), 10))
		query.Del("signature")
		target.RawQuery = signedQuery(how.Secret, target.EscapedPath(), query)
	default:
		query.Set(parameter, who.Request)
		target.RawQuery = query.Encode()
	}
	return target.String(), nil
}

// leadToken is a JWT (RFC 7519) signed with HS256 (RFC 7515).
func (s *site) leadToken(how SignedRedirect, who bearer) (string, error) {
	lifetime := int64(how.Lifetime)
	if lifetime == 0 {
		lifetime = 300
	}
	now := s.now().Unix()
	claims, err := json.Marshal(map[string]any{
		"iss": how.Issuer, "aud": how.Audience, "iat": now, "exp": now + lifetime, "jti": s.ids.secret(16),
		"sub": who.Request, "email": who.Email, "name": who.Name,
	})
	if err != nil {
		return "", fmt.Errorf("the claims of a hand-off token: %w", err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + encode(claims)
	return signed + "." + encode(mac(how.Secret, signed)), nil
}

// signedQuery returns the query with its signature: lower-case hexadecimal HMAC-SHA256 over the path, a newline and the
// canonical query.
func signedQuery(secret, path string, query url.Values) string {
	canonical := canonicalQuery(query)
	return canonical + "&signature=" + hex.EncodeToString(mac(secret, path+"\n"+canonical))
}

// canonicalQuery writes parameters one way only: names and values percent-encoded as RFC 3986 section 2.3 leaves open
// nothing, sorted by name and then by value, joined as name=value with &.
func canonicalQuery(query url.Values) string {
	type pair struct{ name, value string }
	var pairs []pair
	for name, values := range query {
		for _, value := range values {
			pairs = append(pairs, pair{percentEncoded(name), percentEncoded(value)})
		}
	}
	sort.Slice(pairs, func(i, j int) bool {
		if pairs[i].name != pairs[j].name {
			return pairs[i].name < pairs[j].name
		}
		return pairs[i].value < pairs[j].value
	})
	parts := make([]string, len(pairs))
	for i, p := range pairs {
		parts[i] = p.name + "=" + p.value
	}
	return strings.Join(parts, "&")
}

// percentEncoded leaves the unreserved characters of RFC 3986 as they are; net/url differs from it in the space only.
func percentEncoded(text string) string {
	return strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
}

func mac(secret, text string) []byte {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(text))
	return h.Sum(nil)
}
