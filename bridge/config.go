package bridge

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"
)

// Config ties the domain to its ports. Service and Worker share one.
type Config struct {
	Store Store
	// Portals are the configured portals by name.
	Portals map[string]Site
	// Providers are the payment providers by name.
	Providers map[string]Provider
	// Notifier tells applicants; nil where nobody is told anything by keybridge.
	Notifier Notifier
	Plans    Plans
	// Page returns the address of the developer's own page, made at a time: the same
	// for the same request and time. Mailed is the one that is sent to the applicant
	// (Message.Page); nil for Page.
	Page, Mailed func(id ID, at time.Time) string
	// NewID returns a new ULID.
	NewID func() ID
	// Now is the clock; nil for time.Now. Waiting is done on the runtime's own
	// monotonic clock.
	Now func() time.Time
	// Jitter returns a number in [0,1) that spreads retries; nil for a random one.
	Jitter func() float64
	// Log may be nil.
	Log *slog.Logger
	// Changed is called after every commit that changed a request, with the lines
	// it added to the history, each once. Updated and Revision may still be those from
	// before. It is called by many goroutines and must not block. May be nil.
	Changed func(Request, []Entry)
	// Refused is told of what a person tried and may not do; the request may be empty. It
	// must not block. May be nil.
	Refused func(p Person, o Operation, id ID)
	// Hinted is told of every hint that no webhook brought, and what became of it: by is
	// Hint.Source, or "sweep/" and a provider's name for what its webhooks had not brought.
	// Webhooks are counted where they come in, because most of what can become of them is
	// not seen here. It must not block. May be nil.
	Hinted func(by string, a Accepted, err error)
	// Pass is called when the work on a claimed request begins, for traces. The calls of
	// the pass get the context that it returns; what it returns besides is called at the
	// end. May be nil.
	Pass func(ctx context.Context, id ID, portal string) (context.Context, func())
	// Tried is called after every outside call, for metrics, by many goroutines. May
	// be nil.
	Tried func(Try)
	// Retain is how long what is personal is kept once a request is over. Zero: for good.
	Retain time.Duration
	// Settle is how long a request has to have stood still before reconciling calls it
	// different. Zero: a minute.
	Settle time.Duration
	// Lease is how long a claim lasts: longer than any pass. Zero: 2 minutes.
	Lease time.Duration
	// AttentionAfter is how many failures in a row ask for a person. Zero: 8.
	AttentionAfter int
}

// Site is a portal as it is configured here.
type Site struct {
	Portal Portal
	// Fresh is how old a key request may be that is handed off by its bare id.
	// Zero: 15 minutes.
	Fresh time.Duration
	// Workers is how many of its requests are worked on at once. Zero: 32.
	Workers int
	// Poll is how often the portal is asked for key requests that wait and that nobody
	// told us of. Zero: 5 minutes. Negative: only at the start and after Service.Ask.
	Poll time.Duration
	// Tell, Remind and Mailed go into the Terms of its requests.
	Tell   []MessageKind
	Remind time.Duration
	Mailed bool
}

// Try is one outside call.
type Try struct {
	// Doing is an ActionKind, or "read portal", "read payment", "quote", "list pending",
	// "list checkouts", "list missed events", "create key request".
	Doing  string
	Portal string
	// Kind is "" for success.
	Kind Kind
	Took time.Duration
}

// fresh is how old a bare hand-off may be.
func (s Site) fresh() time.Duration {
	if s.Fresh > 0 {
		return s.Fresh
	}
	return 15 * time.Minute
}

func (s Site) workers() int {
	if s.Workers > 0 {
		return s.Workers
	}
	return 32
}

func (s Site) poll() time.Duration {
	if s.Poll == 0 {
		return 5 * time.Minute
	}
	return s.Poll
}

// complete fills in the defaults and says what is missing.
func (c Config) complete() (Config, error) {
	if c.Store == nil || len(c.Portals) == 0 || c.NewID == nil || c.Page == nil {
		return c, errors.New("bridge: Config needs Store, Portals, NewID and Page")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Mailed == nil {
		c.Mailed = c.Page
	}
	if c.Jitter == nil {
		c.Jitter = rand.Float64
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Changed == nil {
		c.Changed = func(Request, []Entry) {}
	}
	if c.Refused == nil {
		c.Refused = func(Person, Operation, ID) {}
	}
	if c.Hinted == nil {
		c.Hinted = func(string, Accepted, error) {}
	}
	if c.Pass == nil {
		c.Pass = func(ctx context.Context, _ ID, _ string) (context.Context, func()) { return ctx, func() {} }
	}
	if c.Tried == nil {
		c.Tried = func(Try) {}
	}
	if c.Lease == 0 {
		c.Lease = 2 * time.Minute
	}
	if c.AttentionAfter == 0 {
		c.AttentionAfter = 8
	}
	return c, nil
}
