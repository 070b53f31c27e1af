package tyk

import (
	"log/slog"
	"net/http"
	"time"

	"keybridge/bridge"
)

// Config says which portal a Classic works for.
type Config struct {
	// Name is the portal's configured name, for log lines and messages. Required.
	Name string
	// URL is the Dashboard's address, http or https, with or without a path before /api and a slash at its end. User,
	// query and fragment are refused. Required.
	URL string
	// Secret returns the API access key of a Dashboard user who may read and write portal developers, key requests and
	// keys. It is asked before every call, so a rotated secret is taken up; white space around it is ignored. Required.
	Secret func() string
	// Organisation is the id of the organisation whose key requests are worked on; those of others are as if they were
	// not there. Empty: whatever the Dashboard shows to the secret's user.
	Organisation string
	// Timeout bounds one call to the Dashboard, its answer included. Zero: 15 seconds.
	Timeout time.Duration
	// KeepRevoked leaves the approved key request in the portal when its key is revoked. By default it is deleted, so
	// that under secure approval nobody can generate another key from it.
	KeepRevoked bool
	// UserAgent is sent with every call. Empty: "keybridge".
	UserAgent string
	// Client carries the calls; its redirects are limited to the same host. Nil: a client of its own that keeps
	// connections alive.
	Client *http.Client
	// Log gets a debug line for each call: method, path without ids, status, duration. Nil: nothing is logged.
	Log *slog.Logger
	// Now is the clock that dates in Retry-After are compared with. Nil: time.Now.
	Now func() time.Time
}

// Classic is a Tyk Classic Portal, a bridge.Portal. It is safe for use by many goroutines. Make one with NewClassic.
type Classic struct {
	api
	organisation string
	keepRevoked  bool
}

var _ bridge.Portal = (*Classic)(nil)

// NewClassic returns a client for a portal; it makes no call. The error names everything that is wrong with cfg.
func NewClassic(cfg Config) (*Classic, error) {
	far, err := newAPI(cfg, product{
		called: "tyk classic portal", holder: "its Dashboard user", wants: "the API access key of a Dashboard user", envelope: envelopeOf,
	})
	if err != nil {
		return nil, err
	}
	return &Classic{api: far, organisation: cfg.Organisation, keepRevoked: cfg.KeepRevoked}, nil
}
