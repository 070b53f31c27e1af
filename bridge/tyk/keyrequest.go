package tyk

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/v1"

	"keybridge/bridge"
)

// keyRequest is what is needed of Tyk's record of a key request. It has no member for jwt_secret, certificate or any
// other secret.
type keyRequest struct {
	ID              text            `json:"id"`
	OldID           text            `json:"_id"` // in lists of older Dashboards
	OrgID           text            `json:"org_id"`
	ForAPI          text            `json:"for_api"`  // legacy, version ""
	ForPlan         text            `json:"for_plan"` // deprecated, the first of apply_policies
	ApplyPolicies   texts           `json:"apply_policies"`
	ByUser          text            `json:"by_user"`
	Fields          fields          `json:"fields"`
	Approved        bool            `json:"approved"`
	DateCreated     text            `json:"date_created"`
	OAuth           *oauthAsk       `json:"oauth_info"`
	PortalDeveloper json.RawMessage `json:"portal_developer"`
	CatalogueEntry  *entry          `json:"catalogue_entry"`
	Catalogues      []entry         `json:"catalogues"`
}

type oauthAsk struct {
	RedirectURI text `json:"redirect_uri"`
}

type entry struct {
	Name text `json:"name"`
}

// decodeKeyRequest reads one key request. A record without an id is none.
func decodeKeyRequest(body []byte) (*keyRequest, error) {
	var r keyRequest
	if json.Unmarshal(body, &r) != nil || r.id() == "" {
		return nil, errNotJSON
	}
	return &r, nil
}

func (r *keyRequest) id() string {
	if r.ID != "" {
		return string(r.ID)
	}
	return string(r.OldID)
}

// policies are all that is asked for, each once: apply_policies, and for_plan where it says more.
func (r *keyRequest) policies() []string {
	var all []string
	for _, policy := range append([]string{string(r.ForPlan)}, r.ApplyPolicies...) {
		if policy != "" && !slices.Contains(all, policy) {
			all = append(all, policy)
		}
	}
	return all
}

// subjects are what a developer's subscriptions name the key by: the policies, or the API of a legacy request.
func (r *keyRequest) subjects() []string {
	if all := r.policies(); len(all) > 0 || r.ForAPI == "" {
		return all
	}
	return []string{string(r.ForAPI)}
}

// embedded is the developer that came with the record; nil where none came.
func (r *keyRequest) embedded() *developer {
	d, err := decodeDeveloper(r.PortalDeveloper)
	if err != nil || r.ByUser != "" && d.id() != string(r.ByUser) {
		return nil
	}
	return d
}

// forOAuth reports whether the request leads to an OAuth client.
func (r *keyRequest) forOAuth() bool { return r.OAuth != nil && r.OAuth.RedirectURI != "" }

// since is a time not after the one at which the request was made: date_created, which a client may have sent as it
// liked, or the time that MongoDB wrote into the record's id, whichever is earlier. Zero when neither is there.
func (r *keyRequest) since() time.Time {
	at := date(r.DateCreated)
	if made := objectTime(r.id()); !made.IsZero() && (at.IsZero() || made.Before(at)) {
		at = made
	}
	return at
}

// objectTime is the time within a MongoDB ObjectID: its first four bytes are seconds since 1970.
func objectTime(id string) time.Time {
	if len(id) != 24 || strings.Trim(id, "0123456789abcdefABCDEF") != "" {
		return time.Time{}
	}
	seconds, err := strconv.ParseInt(id[:8], 16, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

// asked is what the request is for, in the domain's words.
func (r *keyRequest) asked() bridge.Asked {
	asked := bridge.Asked{Policies: r.policies(), Reasons: r.Fields, At: date(r.DateCreated)}
	if r.CatalogueEntry != nil {
		asked.Entry = cut(string(r.CatalogueEntry.Name), maxName)
	}
	if asked.Entry != "" {
		return asked
	}
	var names []string
	for _, one := range r.Catalogues {
		if one.Name != "" {
			names = append(names, string(one.Name))
		}
	}
	asked.Entry = cut(strings.Join(names, ", "), maxName)
	return asked
}

// keyRequest reads a key request. The cause of the error is errMissing when it is not there.
func (c *Classic) keyRequest(ctx context.Context, key string) (*keyRequest, error) {
	read := call{method: http.MethodGet, route: "/api/portal/requests/{id}", ids: []string{key}}
	body, err := c.do(ctx, read)
	if err != nil {
		return nil, err
	}
	r, err := decodeKeyRequest(body)
	if err == nil && r.id() != key {
		err = errNotJSON // a cache that answers with what was asked before
	}
	if err != nil {
		return nil, c.failure(read, bridge.Unavailable, "the portal's answer is not a key request; check the portal's url", err)
	}
	return r, nil
}
