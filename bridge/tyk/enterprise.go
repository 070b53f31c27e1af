package tyk

import (
	"log/slog"
	"net/http"
	"strings"
	"time"

	"keybridge/bridge"
)

// EnterpriseConfig says which portal an Enterprise works for.
type EnterpriseConfig struct {
	// Name is the portal's configured name, for log lines and messages. Required.
	Name string
	// URL is the portal's address, http or https, with or without a path and a slash at its end; the client adds
	// /portal-api where it is not there. User, query and fragment are refused. Required.
	URL string
	// Secret returns the API token of an admin user of the portal. It is asked before every call, so a rotated secret is
	// taken up; white space around it is ignored. Required.
	Secret func() string
	// Zone is the portal's time zone: most dates of its API have none. Nil: UTC. It decides which access request is taken
	// for what a call whose answer was lost has made, and for how long credentials may be on their way.
	Zone *time.Location
	// Timeout bounds one call to the portal, its answer included. Zero: 15 seconds.
	Timeout time.Duration
	// UserAgent is sent with every call. Empty: "keybridge".
	UserAgent string
	// Client carries the calls; its redirects are limited to the same host. Nil: a client of its own that keeps
	// connections alive.
	Client *http.Client
	// Log gets a debug line for each call: method, path without ids, status, duration. Nil: nothing is logged.
	Log *slog.Logger
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
}

// Enterprise is a Tyk Enterprise Developer Portal, a bridge.Portal. A key request there is an access request, and its key
// the access request's id as decimal text. It is safe for use by many goroutines. Make one with NewEnterprise.
type Enterprise struct {
	api
	zone   *time.Location
	offers offers
}

var _ bridge.Portal = (*Enterprise)(nil)

// NewEnterprise returns a client for a portal; it makes no call. The error names everything that is wrong with cfg.
func NewEnterprise(cfg EnterpriseConfig) (*Enterprise, error) {
	far, err := newAPI(Config{
		Name: cfg.Name, URL: cfg.URL, Secret: cfg.Secret, Timeout: cfg.Timeout, UserAgent: cfg.UserAgent, Client: cfg.Client,
		Log: cfg.Log, Now: cfg.Now,
	}, product{
		called: "tyk enterprise portal", holder: "its admin user", wants: "the API token of an admin user", envelope: enterpriseEnvelope,
	})
	if err != nil {
		return nil, err
	}
	far.base = strings.TrimSuffix(far.base, "/portal-api") + "/portal-api"
	e := &Enterprise{api: far, zone: cfg.Zone}
	if e.zone == nil {
		e.zone = time.UTC
	}
	return e, nil
}
