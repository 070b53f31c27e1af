package tyk

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/v1"

	"keybridge/bridge"
)

// errAppless: no app is found that an access request is for.
var errAppless = errors.New("no such app")

// app is what is needed of the portal's record of an app.
type app struct {
	ID     number
	UserID number
	Name   word
}

// appsOf returns the apps of a developer. The list has those of all.
func (e *Enterprise) appsOf(ctx context.Context, user number) ([]app, error) {
	var mine []app
	err := e.each(ctx, call{route: "/apps"}, func(_ number, record []byte) bool {
		var one app
		if json.Unmarshal(record, &one) == nil && user != 0 && one.UserID == user {
			mine = append(mine, one)
		}
		return true
	})
	return mine, err
}

// appOf finds the app that an access request is for, which says it by the app's name alone: where a developer has several
// apps of that name, or none of them any more, each is asked whether the request is its own.
func (e *Enterprise) appOf(ctx context.Context, r *accessRequest) (app, error) {
	mine, err := e.appsOf(ctx, r.user())
	if err != nil {
		return app{}, err
	}
	named := slices.DeleteFunc(slices.Clone(mine), func(a app) bool { return a.Name != r.Client })
	switch len(named) {
	case 1:
		return named[0], nil
	case 0:
		named = mine
	}
	for _, one := range named {
		_, err := e.do(ctx, call{
			method: http.MethodGet, route: "/apps/{id}/access-requests/{id}", ids: []string{one.ID.String(), r.ID.String()}, wipe: true,
		})
		if err == nil {
			return one, nil
		}
		if !errors.Is(err, errMissing) {
			return app{}, err
		}
	}
	return app{}, e.failure(call{method: http.MethodGet, route: "/apps"}, bridge.Invalid,
		"the portal does not say which app this access request is for; look at it there", errAppless)
}

// appNamed returns the app of a developer with an id or name; with neither, the only one they have.
func (e *Enterprise) appNamed(ctx context.Context, user number, name string) (app, error) {
	mine, err := e.appsOf(ctx, user)
	if err != nil {
		return app{}, err
	}
	name = strings.TrimSpace(name)
	fits := slices.DeleteFunc(slices.Clone(mine), func(a app) bool {
		return name != "" && a.ID.String() != name && !strings.EqualFold(string(a.Name), name)
	})
	switch {
	case len(fits) == 1:
		return fits[0], nil
	case len(mine) == 0:
		return app{}, invalid("this developer has no app; they make one in the portal first")
	case len(fits) == 0:
		return app{}, invalid("this developer has no such app; they have " + titles(mine))
	}
	return app{}, invalid("this developer has several apps; say which by its id: " + titles(fits))
}

// titles lists apps for a person, by name and id.
func titles(apps []app) string {
	var all []string
	for _, one := range apps {
		all = append(all, cut(string(one.Name), maxName)+" ("+one.ID.String()+")")
	}
	return cut(strings.Join(all, ", "), maxText)
}

// requestsOf returns the access requests of an app.
func (e *Enterprise) requestsOf(ctx context.Context, a app) ([]*accessRequest, error) {
	return e.requests(ctx, call{route: "/apps/{id}/access-requests", ids: []string{a.ID.String()}})
}

// credentialsOf returns the ids of an access request's credentials, where its record does not say.
func (e *Enterprise) credentialsOf(ctx context.Context, r *accessRequest) ([]credential, error) {
	if r.Credentials != nil {
		return *r.Credentials, nil
	}
	a, err := e.appOf(ctx, r)
	if err != nil {
		return nil, err
	}
	var all []credential
	err = e.each(ctx, call{
		route: "/apps/{id}/access-requests/{id}/credentials", ids: []string{a.ID.String(), r.ID.String()},
	}, func(id number, _ []byte) bool {
		all = append(all, credential{ID: id})
		return true
	})
	return all, err
}
