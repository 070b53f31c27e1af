package main

import (
	"encoding/base64"
	"slices"
	"strings"

	"keybridge/bridge/notify/outgoing"
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
		if len(o.Secrets) > maxSigning {
			r.wrong(&o.Secrets, "%d are given, and at most %d can sign at once; two are a rotation", len(o.Secrets), maxSigning)
		}
		repeated(r, o.Events)
	}
}

// eventTypes are the types of events that can be sent, each group of them before those
// in it.
func eventTypes() []string {
	var types []string
	for _, event := range outgoing.Types() {
		group, _, _ := strings.Cut(string(event.Type), ".")
		if all := group + ".*"; !slices.Contains(types, all) {
			types = append(types, all)
		}
		types = append(types, string(event.Type))
	}
	return types
}

// maxSigning is how many secrets may sign at once, each of which is sent along.
const maxSigning = 5

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
