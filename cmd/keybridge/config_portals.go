package main

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"keybridge/bridge"
	"keybridge/webhooks"
)

// The kinds of portals.
const (
	tykClassic    = "tyk-classic"
	tykEnterprise = "tyk-enterprise"
)

var (
	portalIDPattern  = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	parameterPattern = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)
	plainPattern     = regexp.MustCompile(`^[A-Za-z0-9._~-]+$`)
	headerPattern    = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)
)

// checkPortals looks at the portals, each and together.
func (r *reading) checkPortals(c *config) {
	named, served := map[string]*string{}, map[string]**url.URL{}
	for i := range c.Portals {
		p := &c.Portals[i]
		r.checkName(&p.Name, "portal", named)
		r.checkPortal(p)
		r.checkServed(p, served)
		r.checkHandoff(c, p)
		r.checkTell(c, p)
	}
}

// checkServed refuses the same portal under two names: both would take in all of its
// key requests, and each would undo what the other did.
func (r *reading) checkServed(p *portalConfig, served map[string]**url.URL) {
	if p.URL == nil {
		return
	}
	whose := strings.ToLower(p.URL.Host) + strings.TrimRight(p.URL.Path, "/") + " " + p.Organisation
	if other, taken := served[whose]; taken {
		r.wrong(&p.URL, "the portal on line %d has this address and organisation too; its key requests would be worked on twice, keep one of them", r.place(other).line)
		return
	}
	served[whose] = &p.URL
}

func (r *reading) checkPortal(p *portalConfig) {
	r.checkWeb(&p.URL, p.AllowHTTP)
	r.checkWeb(&p.Home, p.AllowHTTP)
	for i := range p.ReturnAddresses {
		r.checkWeb(&p.ReturnAddresses[i], p.AllowHTTP)
	}
	r.checkCredential(&p.Secret, 1)
	for i := range p.WebhookSecrets {
		r.checkCredential(&p.WebhookSecrets[i], 16)
	}
	switch p.Kind {
	case tykClassic:
		r.checkClassic(p)
	case tykEnterprise:
		r.checkEnterprise(p)
	}
	if p.Poll < 0 && !r.written(&p.WebhookSecrets) {
		r.warn(&p.Poll, "nobody tells of key requests: poll is off and there is no webhook_secret, so those that no browser brings are found at the next start")
	}
}

// checkClassic looks at what a portal of the Tyk Dashboard has of its own.
func (r *reading) checkClassic(p *portalConfig) {
	r.checkBase(&p.URL, "api")
	switch {
	case p.Organisation == "":
		r.wrong(&p.Organisation, "it is missing: a %s portal needs the id of its organisation, as 5ac07777cbb8c2d530000020", p.Kind)
	case !portalIDPattern.MatchString(p.Organisation):
		r.wrong(&p.Organisation, "it takes the id of an organisation, as 5ac07777cbb8c2d530000020")
	}
	if !r.written(&p.KeyDelivery) {
		p.KeyDelivery = bridge.MailsKey
	}
	for i := range p.WebhookSecrets {
		s := &p.WebhookSecrets[i]
		if !plainPattern.MatchString(s.Reveal()) {
			r.wrong(s, "only letters, digits and - . _ ~ can stand in an address as they are; make one with: openssl rand -hex 24")
		}
	}
	if r.written(&p.WebhookHeader) {
		r.wrong(&p.WebhookHeader, "the webhook of a %s portal brings its secret in its address; remove this", p.Kind)
	}
	if r.written(&p.TimeZone) {
		r.wrong(&p.TimeZone, "the dates of a %s portal have a zone of their own; remove this", p.Kind)
	}
}

// taken are the headers that mean something to HTTP, to a proxy or to a log: those that
// webhooks.TykEnterprise refuses, which a test compares.
var taken = []string{
	"accept-encoding", "connection", "content-encoding", "content-length", "content-type", "cookie", "expect",
	"forwarded", "host", "keep-alive", "origin", "proxy-authorization", "proxy-connection", "referer", "te",
	"trailer", "transfer-encoding", "upgrade", "user-agent", "via",
}

// checkEnterprise looks at what an Enterprise Developer Portal has of its own.
func (r *reading) checkEnterprise(p *portalConfig) {
	r.checkBase(&p.URL, "portal-api")
	if r.written(&p.Organisation) {
		r.wrong(&p.Organisation, "a %s portal has none; remove this", p.Kind)
	}
	if !r.written(&p.KeyDelivery) {
		p.KeyDelivery = bridge.ShowsKey
	}
	for i := range p.WebhookSecrets {
		if s := &p.WebhookSecrets[i]; strings.Contains(s.Reveal(), ",") {
			r.wrong(s, "a proxy may take what follows a comma for another header; make one with: openssl rand -hex 24")
		}
	}
	switch {
	case !r.written(&p.WebhookHeader):
	case !r.written(&p.WebhookSecrets):
		r.wrong(&p.WebhookHeader, "this does nothing without a secret; add webhook_secret_env or webhook_secret_file, or remove this")
	case !headerPattern.MatchString(p.WebhookHeader):
		r.wrong(&p.WebhookHeader, "it takes the name of a header: letters, digits and hyphens, at most 64")
	case slices.Contains(taken, strings.ToLower(p.WebhookHeader)):
		r.wrong(&p.WebhookHeader, "this header has a meaning of its own; use another name")
	}
}

// checkBase refuses the address of an API where that of its server belongs.
func (r *reading) checkBase(field **url.URL, api string) {
	if u := *field; u != nil && path.Base(u.Path) == api {
		r.wrong(field, "the address ends in /%s; take that off", api)
	}
}

// checkTell finds out what a portal's applicants are told.
func (r *reading) checkTell(c *config, p *portalConfig) {
	repeated(r, p.Tell)
	switch {
	case !r.written(&c.Mail):
		if r.written(&p.Tell) {
			r.wrong(&p.Tell, "nobody can be told anything without a mail server; add the section mail, or remove this")
		}
		return
	case r.written(&p.Tell):
	case c.Mail == nil || !r.good(&c.Mail.Tell):
		r.place(&p.Tell).bad = true // it is not known, and that was reported
	default:
		p.Tell = c.Mail.Tell
	}
	if r.good(&p.Tell, &p.Handoff) && !p.reachable() {
		r.warn(&p.Tell, "nothing leads an applicant to the bridge's pages: the portal has no handoff, and start is not told")
	}
}

// leads reports whether the portal may lead browsers to the bridge.
func (p *portalConfig) leads() bool { return p.Handoff != (handoffConfig{}) }

// reachable reports whether an applicant can come to where they pay or validate: led
// by the portal, or by the link in a message.
func (p *portalConfig) reachable() bool {
	return p.leads() || slices.Contains(p.Tell, bridge.TellStart)
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
		}
		repeated(r, b.Parameters)
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
