package tyk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"keybridge/bridge"
)

// api is the API of one portal, whichever of Tyk's two it is: where it is, how calls reach it (call.go) and how they take
// turns. Both clients are built on one.
type api struct {
	product
	name    string
	base    string
	secret  func() string
	timeout time.Duration
	agent   string
	http    *http.Client
	log     *slog.Logger
	now     func() time.Time
	turns   *turns
	answers *answers
}

// product is in what the two products differ where calls are made.
type product struct {
	// called is its name in errors of configuration.
	called string
	// holder is whose secret it is, and wants what it should be, in messages.
	holder, wants string
	// envelope reads an answer that is no record; ok is false where it is none of the product's own.
	envelope func(body []byte) (e envelope, ok bool)
}

// newAPI checks what both clients are configured with. The error names everything that is wrong.
func newAPI(cfg Config, p product) (api, error) {
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
		return api{}, fmt.Errorf("%s %q: %w", p.called, cfg.Name, err)
	}
	a := api{
		product: p, name: cfg.Name, base: base, secret: cfg.Secret, timeout: cfg.Timeout, agent: cfg.UserAgent, log: cfg.Log,
		now: cfg.Now, http: clientOf(cfg.Client), turns: &turns{taken: map[string]chan struct{}{}},
		answers: &answers{},
	}
	if a.timeout == 0 {
		a.timeout = 15 * time.Second
	}
	if a.agent == "" {
		a.agent = "keybridge"
	}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	if a.now == nil {
		a.now = time.Now
	}
	return a, nil
}

// baseOf checks a portal's address and takes the slash off its end. The address is not quoted in errors: somebody may
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

// clientOf returns a client that follows redirects of readings within one host only.
func clientOf(given *http.Client) *http.Client {
	client := http.Client{}
	if given != nil {
		client = *given
	} else if standard, ok := http.DefaultTransport.(*http.Transport); ok {
		transport := standard.Clone()
		transport.MaxIdleConnsPerHost = 64 // as many as a portal has workers; with 2, most calls would dial
		client.Transport = transport
	}
	client.CheckRedirect = func(next *http.Request, via []*http.Request) error {
		first := via[0]
		if len(via) > 3 || first.Method != http.MethodGet || next.URL.Host != first.URL.Host || next.URL.Scheme != first.URL.Scheme {
			return http.ErrUseLastResponse
		}
		return nil
	}
	return &client
}

// turn waits until nobody else in this process changes what is named.
func (a *api) turn(ctx context.Context, of string) (release func(), err error) {
	release, err = a.turns.take(ctx, of)
	if err != nil {
		return nil, &bridge.Error{Kind: bridge.Unavailable, Err: fmt.Errorf("portal %s: waiting for another change of the same thing: %w", a.name, err)}
	}
	return release, nil
}
