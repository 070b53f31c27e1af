package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"keybridge/webhooks"
)

var (
	portalPattern    = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)
	portalIDPattern  = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	parameterPattern = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)
	plainPattern     = regexp.MustCompile(`^[A-Za-z0-9._~-]+$`)
)

// checkPortals looks at the portals, each and together.
func (r *reading) checkPortals(c *config) {
	first := map[string]*portalConfig{}
	for i := range c.Portals {
		p := &c.Portals[i]
		r.checkPortal(p)
		r.checkHandoff(c, p)
		if p.Name == "" {
			continue
		}
		if other, taken := first[p.Name]; taken {
			r.wrong(&p.Name, "the portal on line %d has this name too; give each its own", r.place(&other.Name).line)
			continue
		}
		first[p.Name] = p
	}
}

func (r *reading) checkPortal(p *portalConfig) {
	if p.Name != "" && !portalPattern.MatchString(p.Name) {
		r.wrong(&p.Name, "it takes 1 to 32 lower-case letters, digits and hyphens, and begins with no hyphen")
	}
	if p.Organisation != "" && !portalIDPattern.MatchString(p.Organisation) {
		r.wrong(&p.Organisation, "it takes the id of an organisation, as 5ac07777cbb8c2d530000020")
	}
	r.checkWeb(&p.URL, p.AllowHTTP)
	r.checkWeb(&p.Home, p.AllowHTTP)
	for i := range p.ReturnAddresses {
		r.checkWeb(&p.ReturnAddresses[i], p.AllowHTTP)
	}
	r.checkCredential(&p.Secret)
	for i := range p.WebhookSecrets {
		s := &p.WebhookSecrets[i]
		if !plainPattern.MatchString(s.Reveal()) && r.good(s) {
			r.wrong(s, "only letters, digits and - . _ ~ can stand in an address as they are; make one with: openssl rand -hex 24")
		}
		r.checkSecret(s, 16)
	}
}

// checkHandoff looks at the ways a browser may arrive from a portal.
func (r *reading) checkHandoff(c *config, p *portalConfig) {
	if t := p.Handoff.Token; t != nil {
		if t.Audience == "" && c.PublicURL != nil {
			t.Audience = c.PublicURL.String()
		}
		if r.good(&t.Algorithm) {
			r.checkToken(t)
		}
	}
	if q := p.Handoff.Query; q != nil {
		r.checkParameter(&q.Parameter)
		for i := range q.Secrets {
			r.checkSecret(&q.Secrets[i], 32)
		}
	}
	if b := p.Handoff.Bare; b != nil {
		for i := range b.Parameters {
			r.checkParameter(&b.Parameters[i])
			if slices.Contains(b.Parameters[:i], b.Parameters[i]) {
				r.wrong(&b.Parameters[i], "it is in the list twice; remove one")
			}
		}
	}
}

// reserved are the parameters that mean something else at a hand-off.
var reserved = []string{"token", "signature", "timestamp", "portal", "return"}

func (r *reading) checkParameter(name *string) {
	switch {
	case !r.good(name):
	case !parameterPattern.MatchString(*name):
		r.wrong(name, "it takes the name of a parameter: letters, digits, - . and _, at most 64")
	case slices.Contains(reserved, *name):
		r.wrong(name, "this parameter has another meaning at a hand-off; use another name")
	}
}

// checkToken looks at the keys of signed tokens. What fits an algorithm is for
// webhooks to say, which will use it.
func (r *reading) checkToken(t *tokenConfig) {
	keys, others, name := &t.Keys, &t.Secrets, "key"
	if strings.HasPrefix(t.Algorithm, "HS") {
		keys, others, name = &t.Secrets, &t.Keys, "secret"
	}
	if r.written(others) {
		r.wrong(others, "%s uses %s_env or %s_file; remove this", t.Algorithm, name, name)
	}
	if !r.written(keys) {
		r.wrong(&t.Algorithm, "%s needs %s_env or %s_file beside it", t.Algorithm, name, name)
	}
	for i := range *keys {
		key := &(*keys)[i]
		_, err := webhooks.NewTokenVerifier(webhooks.TokenConfig{
			Portal: "-", Issuer: "-", Audience: "-", Algorithm: t.Algorithm,
			Keys: []webhooks.TokenKey{{Text: key.Reveal()}},
		})
		if err != nil {
			r.wrong(key, "%s", tokenFault(err))
		}
	}
}

// tokenFault is what a verifier says of its only key, without the words before it.
func tokenFault(err error) string {
	if inner := errors.Unwrap(err); inner != nil {
		err = inner
	}
	return strings.TrimPrefix(fmt.Sprint(err), "key 1 of 1: ")
}
