package tyk

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/v1"

	"keybridge/bridge"
)

// Create makes a key request for a developer and returns its id; it waits for a decision like any other. It may be
// repeated: one of the same developer for exactly the same policies that still waits is returned instead of a second
// one. NotFound when there is no such developer; Invalid for a policy that does not exist, and for a plan or an app,
// which this portal does not have.
func (c *Classic) Create(ctx context.Context, asking bridge.Asking) (string, error) {
	if err := askable(asking); err != nil {
		return "", err
	}
	d, err := c.developerNamed(ctx, asking.Developer)
	if err != nil {
		return "", err
	}
	release, err := c.turn(ctx, "developer "+d.id())
	if err != nil {
		return "", err
	}
	defer release()
	if err := c.offered(ctx, asking.Policies); err != nil {
		return "", err
	}
	waiting, err := c.pending(ctx, func(r *keyRequest) bool {
		return c.waits(r) && string(r.ByUser) == d.id() && same(r.policies(), asking.Policies)
	})
	if err != nil || len(waiting) > 0 {
		return first(waiting), err
	}
	return c.ask(ctx, d, asking)
}

// askable says what is wrong with an asking before the portal is called.
func askable(asking bridge.Asking) error {
	switch {
	case len(asking.Policies) == 0:
		return invalid("name the policies that the key request is for")
	case asking.Plan != "":
		return invalid("this portal has no plans of its own; name the policies only")
	case asking.App != "":
		return invalid("developers of this portal have no apps; leave the app out")
	}
	return nil
}

// ask files the key request. "approved" has to be sent as false, or the later approval fails; for_plan is what older
// Dashboards read.
func (c *Classic) ask(ctx context.Context, d *developer, asking bridge.Asking) (string, error) {
	body, err := json.Marshal(map[string]any{
		"by_user": d.id(), "apply_policies": asking.Policies, "for_plan": asking.Policies[0], "version": "v2", "approved": false,
		"date_created": c.now().UTC().Format(time.RFC3339Nano), "fields": orNone(asking.Reasons),
	})
	create := call{method: http.MethodPost, route: "/api/portal/requests", body: body}
	if err != nil {
		return "", c.failure(create, bridge.Internal, "", errNotJSON)
	}
	answer, err := c.do(ctx, create)
	if err != nil {
		return "", err
	}
	said, ok := envelopeOf(answer)
	id := string(said.Message)
	if !ok || !isRecordID(id) {
		return "", c.failure(create, bridge.Unavailable, "the portal's answer does not name the new key request; check the portal's url", errNotJSON)
	}
	if _, err := c.keyRequest(ctx, id); err != nil {
		return "", c.failure(create, bridge.Unavailable, "the portal said that it made the key request, but it is not there yet", err)
	}
	return id, nil
}

// orNone is the fields as the portal wants them: an object, if an empty one.
func orNone(reasons map[string]string) map[string]string {
	fields := maps.Clone(reasons)
	if fields == nil {
		fields = map[string]string{}
	}
	return fields
}

// developerNamed finds a developer by e-mail address or id.
func (c *Classic) developerNamed(ctx context.Context, name string) (*developer, error) {
	name = strings.TrimSpace(name)
	var d *developer
	var err error
	if strings.Contains(name, "@") {
		d, err = c.developerAt(ctx, name)
	} else {
		d, err = c.developer(ctx, name)
	}
	if err == nil && d == nil {
		err = nobody()
	}
	return d, err
}

// developerAt reads the developer with an e-mail address; nil without an error when there is none, or one of another
// organisation. The address is not compared: the portal has its own idea of upper and lower case.
func (c *Classic) developerAt(ctx context.Context, email string) (*developer, error) {
	if len(email) > 320 {
		return nil, nil // nobody has an address as long as that
	}
	read := call{method: http.MethodGet, route: "/api/portal/developers/email/{id}", ids: []string{email}}
	body, err := c.do(ctx, read)
	switch {
	case errors.Is(err, errMissing), errors.Is(err, errDeveloper):
		return nil, nil // nobody is an answer, not a failure
	case err != nil:
		return nil, err
	}
	d, err := decodeDeveloper(body)
	if err != nil {
		return nil, c.failure(read, bridge.Unavailable, "the portal's answer is not a developer; check the portal's url", err)
	}
	if c.foreign(string(d.OrgID)) {
		return nil, nil // nobody, too
	}
	return d, nil
}

// offered says which policy does not exist: Tyk takes a key request for one, and can never approve it. Where the
// Dashboard user may not read policies nothing is said.
func (c *Classic) offered(ctx context.Context, policies []string) error {
	for _, policy := range policies {
		if !isRecordID(policy) {
			return invalid("a policy's id has letters, digits, - and _ only")
		}
		_, err := c.do(ctx, call{method: http.MethodGet, route: "/api/portal/policies/{id}", ids: []string{policy}})
		switch {
		case errors.Is(err, errMissing), errors.Is(err, errPolicy):
			return invalid("the portal has no policy " + policy)
		case bridge.KindOf(err) == bridge.Refused, bridge.KindOf(err) == bridge.Invalid:
			return nil
		case err != nil:
			return err
		}
	}
	return nil
}

// nobody is the error for a developer who is not there. It does not repeat an e-mail address: errors are logged.
func nobody() error {
	return &bridge.Error{Kind: bridge.NotFound, Msg: "the portal has no developer with this e-mail address or id"}
}

func invalid(say string) error { return &bridge.Error{Kind: bridge.Invalid, Msg: say} }

// same reports whether two lists hold the same, in whatever order and however often.
func same(a, b []string) bool { return slices.Equal(unique(a), unique(b)) }

func unique(all []string) []string { return slices.Compact(slices.Sorted(slices.Values(all))) }

// first returns the first of a list, or nothing.
func first(all []string) string {
	if len(all) == 0 {
		return ""
	}
	return all[0]
}
