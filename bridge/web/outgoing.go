package web

import (
	"context"
	"net/http"
	"time"

	"keybridge/bridge"
)

// Outgoing is the outgoing webhooks, as far as operators have to do with them. NotFound
// for an endpoint that is not configured.
type Outgoing interface {
	// Endpoints returns how every configured endpoint stands, by name.
	Endpoints(ctx context.Context) ([]Endpoint, error)
	// Resume goes on with an endpoint that was paused, or waits after a failure, and
	// returns how it stands then. It may be repeated.
	Resume(ctx context.Context, name string) (Endpoint, error)
	// Skip passes over the one message that an endpoint does not take, and goes on.
	// Conflict where there is none.
	Skip(ctx context.Context, name string) (Endpoint, error)
	// Replay has an endpoint sent again what it was sent before, under the same ids, and
	// returns how it stands then: what is sent again may still be on its way. Conflict
	// while that is so.
	Replay(ctx context.Context, name string, what Replay) (Endpoint, error)
}

// Endpoint is how an endpoint of the outgoing webhooks stands. It holds no secret, and
// of the address the host only: a path may be one.
type Endpoint struct {
	// Name is its name in the configuration.
	Name string `json:"name"`
	// Host is where it is, with the port where one is configured.
	Host string `json:"host"`
	// Place is how far it has come in the store's feed (see bridge.Line), 0 where it has
	// not begun. Behind is how many messages wait for it, as far as they are counted:
	// there may be more.
	Place  uint64 `json:"place"`
	Behind int    `json:"behind"`
	// PausedSince is since when nothing is sent to it; zero while it is not paused.
	PausedSince time.Time `json:"paused_since,omitzero"`
	// Why says why the last attempt came to nothing, in words that may be shown; empty
	// when it did not.
	Why string `json:"why,omitempty"`
	// Failures counts the attempts in a row that came to nothing.
	Failures int `json:"failures,omitempty"`
	// LastSuccess is when something was last delivered, LastStatus the HTTP status of the
	// last answer. Zero where there was none.
	LastSuccess time.Time `json:"last_success,omitzero"`
	LastStatus  int       `json:"last_status,omitempty"`
}

// EndpointList is every endpoint.
type EndpointList struct {
	Endpoints []Endpoint `json:"endpoints"`
}

// Replay is what an endpoint is to be sent again: all since a time, or what is about one
// request. One of the two is set.
type Replay struct {
	// Since is RFC 3339 in JSON, and not in the future.
	Since   time.Time `json:"since,omitzero"`
	Request bridge.ID `json:"request,omitempty"`
}

// check says what is wrong with it at a time.
func (p Replay) check(now time.Time) error {
	wrong := ""
	_, isID := bridge.ParseID(string(p.Request))
	switch {
	case p.Since.IsZero() == (p.Request == ""):
		wrong = "Say what to send again: since a time, or of a request, and not both."
	case p.Request != "" && !isID:
		wrong = "request has to be the id of a request, 26 characters long."
	case p.Since.After(now):
		wrong = "since lies in the future: nothing was sent since then."
	}
	if wrong != "" {
		return &bridge.Error{Kind: bridge.Invalid, Msg: wrong}
	}
	return nil
}

var errNoOutgoing = notOffered("No outgoing webhooks are configured: outgoing is missing in the configuration.")

func (o *Operator) endpoints(r *http.Request) (any, error) {
	if o.Outgoing == nil {
		return nil, errNoOutgoing
	}
	list, err := o.Outgoing.Endpoints(r.Context())
	return EndpointList{append([]Endpoint{}, list...)}, err
}

func (o *Operator) resume(r *http.Request) (any, error) { return o.endpoint(r, Outgoing.Resume) }

func (o *Operator) skip(r *http.Request) (any, error) { return o.endpoint(r, Outgoing.Skip) }

// endpoint applies a word that says nothing but which endpoint it is about.
func (o *Operator) endpoint(r *http.Request, do func(Outgoing, context.Context, string) (Endpoint, error)) (any, error) {
	if err := ReadOrder(r, &struct{}{}); err != nil {
		return nil, err
	}
	if o.Outgoing == nil {
		return nil, errNoOutgoing
	}
	return do(o.Outgoing, r.Context(), r.PathValue("name"))
}

func (o *Operator) replay(r *http.Request) (any, error) {
	var what Replay
	if err := ReadOrder(r, &what); err != nil {
		return nil, err
	}
	if o.Outgoing == nil {
		return nil, errNoOutgoing
	}
	if err := what.check(o.now()); err != nil {
		return nil, err
	}
	return o.Outgoing.Replay(r.Context(), r.PathValue("name"), what)
}
