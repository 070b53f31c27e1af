package tyk

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json/v1"

	"keybridge/bridge"
)

// user is what is needed of the portal's record of a developer. An admin's record holds their API token, which has no
// member here.
type user struct {
	ID           number
	Active       *bool // nil: the portal says nothing of it, and has deactivated nobody
	Email        word
	First, Last  word
	Organisation word // its name
}

func (u *user) inactive() bool { return u.Active != nil && !*u.Active }

// applicant is the developer in the domain's words, but for the app.
func (u *user) applicant() bridge.Applicant {
	return bridge.Applicant{
		ID: u.ID.String(), Email: cut(string(u.Email), 320),
		Name:         cut(strings.TrimSpace(string(u.First+" "+u.Last)), maxName),
		Organisation: cut(string(u.Organisation), maxName),
	}
}

// user reads a developer; nil without an error when there is none of that id. It is never remembered: whether the account
// is active decides about money and access.
func (e *Enterprise) user(ctx context.Context, id number) (*user, error) {
	if id == 0 {
		return nil, nil // nobody is an answer, not a failure
	}
	read := call{method: http.MethodGet, route: "/users/{id}", ids: []string{id.String()}}
	body, err := e.do(ctx, read)
	switch {
	case errors.Is(err, errMissing), errors.Is(err, errDeveloper):
		return nil, nil // nobody, too
	case err != nil:
		return nil, err
	}
	defer clear(body) // an admin's token may be in it
	var u user
	if json.Unmarshal(body, &u) != nil || u.ID != id {
		return nil, e.failure(read, bridge.Unavailable, "the portal's answer is not a user; check the portal's url", errNotJSON)
	}
	return &u, nil
}

// userNamed finds a developer by id or e-mail address, for which the portal has no call: the list is searched.
func (e *Enterprise) userNamed(ctx context.Context, name string) (*user, error) {
	name = strings.TrimSpace(name)
	if !strings.Contains(name, "@") {
		u, err := e.user(ctx, numberIn(name))
		if err == nil && u == nil {
			err = nobody()
		}
		return u, err
	}
	var found *user
	err := e.each(ctx, call{route: "/users"}, func(_ number, record []byte) bool {
		var u user
		if json.Unmarshal(record, &u) == nil && strings.EqualFold(string(u.Email), name) {
			found = &u
		}
		return found == nil
	})
	if err == nil && found == nil {
		err = nobody()
	}
	return found, err
}
