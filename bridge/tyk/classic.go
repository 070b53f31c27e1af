package tyk

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
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
	name         string
	base         string
	secret       func() string
	organisation string
	timeout      time.Duration
	keepRevoked  bool
	agent        string
	http         *http.Client
	log          *slog.Logger
	now          func() time.Time
	turns        turns
}

var _ bridge.Portal = (*Classic)(nil)

// NewClassic returns a client for a portal; it makes no call. The error names everything that is wrong with cfg.
func NewClassic(cfg Config) (*Classic, error) {
	base, err := baseOf(cfg.URL)
	if cfg.Name == "" {
		err = errors.Join(err, errors.New("name is missing"))
	}
	if cfg.Secret == nil {
		err = errors.Join(err, errors.New("secret is missing"))
	}
	if cfg.Timeout < 0 {
		err = errors.Join(err, errors.New("timeout is negative"))
	}
	if err != nil {
		return nil, fmt.Errorf("tyk classic portal %q: %w", cfg.Name, err)
	}
	c := &Classic{
		name: cfg.Name, base: base, secret: cfg.Secret, organisation: cfg.Organisation, timeout: cfg.Timeout,
		keepRevoked: cfg.KeepRevoked, agent: cfg.UserAgent, log: cfg.Log, now: cfg.Now, http: clientOf(cfg.Client),
		turns: turns{taken: map[string]chan struct{}{}},
	}
	if c.timeout == 0 {
		c.timeout = 15 * time.Second
	}
	if c.agent == "" {
		c.agent = "keybridge"
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.now == nil {
		c.now = time.Now
	}
	return c, nil
}

// baseOf checks the Dashboard's address and takes the slash off its end. The address is not quoted in errors: somebody may
// have put a password into it.
func baseOf(text string) (string, error) {
	u, err := url.Parse(text)
	switch {
	case text == "":
		return "", errors.New("url is missing")
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return "", errors.New("url is not an absolute http or https address")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "", errors.New("url may not hold a user, a query or a fragment")
	}
	return strings.TrimRight(u.String(), "/"), nil
}
