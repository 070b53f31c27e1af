package tyk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/v1"

	"keybridge/bridge"
)

// developer is what is needed of Tyk's record of a developer. Without key hashing the keys in it are live secrets, so
// they leave this package through known only.
type developer struct {
	ID            text                `json:"id"`
	OldID         text                `json:"_id"`
	Email         text                `json:"email"`
	OrgID         text                `json:"org_id"`
	Inactive      text                `json:"inactive"`      // "true" once the account is deactivated
	Keys          map[string]texts    `json:"keys"`          // key id to policies (or, of old, APIs)
	Subscriptions map[string]text     `json:"subscriptions"` // policy to key id
	Fields        fields              `json:"fields"`
	OAuthClients  map[string][]client `json:"oauth_clients"` // policy to clients
}

// client is an OAuth client; its secret has no member here.
type client struct {
	ID          text `json:"client_id"`
	RedirectURI text `json:"redirect_uri"`
}

// decodeDeveloper reads one developer. A record without an id is none.
func decodeDeveloper(body []byte) (*developer, error) {
	var d developer
	if json.Unmarshal(body, &d) != nil || d.id() == "" {
		return nil, errNotJSON
	}
	return &d, nil
}

func (d *developer) id() string {
	if d.ID != "" {
		return string(d.ID)
	}
	return string(d.OldID)
}

// applicant is the developer in the domain's words. Tyk has an e-mail address and free fields: the name and the
// organisation are looked for under the usual labels.
func (d *developer) applicant() bridge.Applicant {
	return bridge.Applicant{
		ID: d.id(), Email: cut(string(d.Email), 320),
		Name:         d.Fields.first("name", "full name", "fullname", "display name"),
		Organisation: d.Fields.first("organisation", "organization", "company", "company name"),
	}
}

// keyIDs are the ids of all keys the developer has, sorted.
func (d *developer) keyIDs() []string {
	ids := slices.Collect(maps.Keys(d.Keys))
	for _, id := range d.Subscriptions {
		ids = append(ids, string(id))
	}
	slices.Sort(ids)
	return slices.DeleteFunc(slices.Compact(ids), func(id string) bool { return !isKeyID(id) })
}

// keyFor returns the ids of the keys that may have come of a request: those subscribed to for what it asked for, or,
// where the record has no subscriptions, the one key that covers all of it.
func (d *developer) keysFor(r *keyRequest) []string {
	var ids []string
	for _, subject := range r.subjects() {
		if id := string(d.Subscriptions[subject]); isKeyID(id) && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	if len(ids) > 0 || len(d.Subscriptions) > 0 {
		return ids
	}
	for id, policies := range d.Keys {
		missing := func(subject string) bool { return !slices.Contains(policies, subject) }
		if isKeyID(id) && len(r.subjects()) > 0 && !slices.ContainsFunc(r.subjects(), missing) {
			ids = append(ids, id)
		}
	}
	if len(ids) > 1 {
		return nil
	}
	return ids
}

// clientsFor returns the ids of the OAuth clients that may have come of a request: those for what it asked for that are
// sent to the same address.
func (d *developer) clientsFor(r *keyRequest) []string {
	var ids []string
	for _, subject := range r.subjects() {
		for _, one := range d.OAuthClients[subject] {
			if r.forOAuth() && one.ID != "" && one.RedirectURI == r.OAuth.RedirectURI && !slices.Contains(ids, string(one.ID)) {
				ids = append(ids, string(one.ID))
			}
		}
	}
	return ids
}

// clientIDs are the ids of all OAuth clients the developer has.
func (d *developer) clientIDs() []string {
	var ids []string
	for _, clients := range d.OAuthClients {
		for _, one := range clients {
			if one.ID != "" {
				ids = append(ids, string(one.ID))
			}
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// developer reads a developer; nil without an error when there is none of that id, or one of another organisation.
func (c *Classic) developer(ctx context.Context, id string) (*developer, error) {
	if !isRecordID(id) {
		return nil, nil // nobody is an answer, not a failure
	}
	read := call{method: http.MethodGet, route: "/api/portal/developers/{id}", ids: []string{id}}
	body, err := c.do(ctx, read)
	switch {
	case errors.Is(err, errMissing), errors.Is(err, errDeveloper):
		return nil, nil // nobody, too
	case err != nil:
		return nil, err
	}
	d, err := decodeDeveloper(body)
	if err == nil && d.id() != id {
		err = errNotJSON
	}
	if err != nil {
		return nil, c.failure(read, bridge.Unavailable, "the portal's answer is not a developer; check the portal's url", err)
	}
	if c.foreign(string(d.OrgID)) {
		return nil, nil // nobody, too
	}
	return d, nil
}

// foreign reports whether a record belongs to another organisation than the configured one.
func (c *Classic) foreign(org string) bool {
	return c.organisation != "" && org != "" && org != c.organisation
}

// How keys are known outside this package; see known.
const (
	byDigest = "sha256:"
	byClient = "oauth:"
)

// known is how a key is known outside this package: by the portal's id of it, which is a hash, or, where the id is the
// key itself, by a digest and whose it is.
func known(id string, hashed bool, holder string) string {
	if hashed {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return byDigest + hex.EncodeToString(sum[:]) + "@" + holder
}

func knownClient(id, holder string) string { return byClient + id + "@" + holder }

// holderOf is the developer named by how a key is known; empty where it names none.
func holderOf(name string) string {
	if !strings.HasPrefix(name, byDigest) && !strings.HasPrefix(name, byClient) {
		return ""
	}
	return name[strings.LastIndexByte(name, '@')+1:]
}

// looksHashed reports whether an id has the length of one of Tyk's key hashes (murmur32, murmur64, murmur128, sha256) in
// hexadecimal. Keys that Tyk makes are longer or not hexadecimal.
func looksHashed(id string) bool {
	switch len(id) {
	case 8, 16, 32, 64:
		return strings.Trim(id, "0123456789abcdef") == ""
	}
	return false
}
