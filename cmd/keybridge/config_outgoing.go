package main

import (
	"encoding/base64"
	"regexp"
	"strings"
)

// checkOutgoing looks at the receivers of outgoing webhooks, each and together.
func (r *reading) checkOutgoing(c *config) {
	named := map[string]*string{}
	for i := range c.Outgoing {
		o := &c.Outgoing[i]
		r.checkName(&o.Name, "receiver", named)
		r.checkWeb(&o.URL, o.AllowHTTP)
		for j := range o.Secrets {
			r.checkSigning(&o.Secrets[j])
		}
		for j := range o.Events {
			r.checkEvent(&o.Events[j])
		}
		repeated(r, o.Events)
	}
}

// eventPattern is a type of event, or a group of them.
var eventPattern = regexp.MustCompile(`^[a-z_]+(\.[a-z_]+)*(\.\*)?$`)

func (r *reading) checkEvent(event *string) {
	if !eventPattern.MatchString(*event) {
		r.wrong(event, "it takes a type of event, as payment.paid, or a group of them, as payment.*")
	}
}

// checkSigning looks at a secret that signs.
// Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme
func (r *reading) checkSigning(s *secret) {
	const how = "make one with: echo whsec_$(openssl rand -base64 32)"
	r.checkCredential(s, 1)
	text, prefixed := strings.CutPrefix(s.Reveal(), "whsec_")
	if !r.good(s) {
		return
	}
	key, err := base64.StdEncoding.Strict().DecodeString(text)
	switch {
	case !prefixed:
		r.wrong(s, "the secret does not begin with whsec_; %s", how)
	case err != nil:
		r.wrong(s, "what follows whsec_ is not base64; %s", how)
	case len(key) < 24 || len(key) > 64:
		r.wrong(s, "the secret has %d bytes and needs 24 to 64; %s", len(key), how)
	}
}
