package outgoing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"keybridge/bridge"
)

// Store is what a Sender needs of the store; every bridge.Store has it. See there.
type Store interface {
	Feed(ctx context.Context, after uint64, limit int) ([]bridge.Line, error)
	FeedEnd(ctx context.Context) (uint64, error)
	Bookmark(ctx context.Context, name string) ([]byte, error)
	SetBookmark(ctx context.Context, name string, value []byte) error
	Get(ctx context.Context, id bridge.ID) (bridge.Request, error)
	History(ctx context.Context, id bridge.ID) ([]bridge.Entry, error)
}

// Config is what a Sender needs. Store is all that must be set.
type Config struct {
	Endpoints []Endpoint
	Store     Store
	// Client makes the calls; redirects are never followed and cookies never kept,
	// whatever it says. Nil: one with the settings of http.DefaultTransport, which heeds
	// HTTPS_PROXY, and reads no more than 64 KiB of an answer's headers.
	Client *http.Client
	// Now is the clock; nil for time.Now. Waiting is done on the runtime's own clock.
	Now func() time.Time
	// Jitter returns a number from 0 up to 1; nil for math/rand.
	Jitter func() float64
	// Log gets what an operator has to know: when an endpoint begins to fail, is paused,
	// works again. Nil: nothing is logged.
	Log *slog.Logger
	// Observe is called after each try. It must be quick. Nil: nobody is.
	Observe func(Attempt)
}

// Outcome says what became of a try.
type Outcome string

// The outcomes.
const (
	Delivered Outcome = "delivered"
	// Failed: it is tried again.
	Failed Outcome = "failed"
	// Paused: it failed, and nothing more is sent until somebody resumes the endpoint.
	Paused Outcome = "paused"
)

// Attempt is one try to deliver a message. Its members but Took are words from a
// short list, so that they can be a metric's labels.
type Attempt struct {
	Endpoint string
	Type     Type
	Outcome  Outcome
	// Status is that of HTTP; 0 when there was no answer.
	Status int
	Took   time.Duration
}

// Sender tells endpoints what happens. See the package comment.
type Sender struct {
	cfg    Config
	client *http.Client
	lanes  []*lane
	// intakes is what payloads need to know of requests.
	intakes intakes
}

// New returns a sender. It starts nothing; see Run. Invalid, with everything that is
// wrong, for endpoints that cannot be served.
func New(cfg Config) (*Sender, error) {
	if cfg.Store == nil {
		return nil, &bridge.Error{Kind: bridge.Invalid, Err: errors.New("outgoing webhooks: no store")}
	}
	s := &Sender{cfg: cfg.complete(), client: clientOf(cfg.Client)}
	var wrong []string
	for _, e := range cfg.Endpoints {
		if _, err := s.lane(e.Name); err == nil {
			wrong = append(wrong, fmt.Sprintf("webhook endpoint %q: there are two of that name", e.Name))
		}
		l, err := newLane(s, e)
		if err != nil {
			wrong = append(wrong, bridge.Explain(err))
			continue
		}
		s.lanes = append(s.lanes, l)
	}
	if len(wrong) > 0 {
		return nil, &bridge.Error{Kind: bridge.Invalid, Msg: strings.Join(wrong, "; ")}
	}
	return s, nil
}

// complete fills in the defaults.
func (c Config) complete() Config {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Jitter == nil {
		c.Jitter = rand.Float64
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Observe == nil {
		c.Observe = func(Attempt) {}
	}
	return c
}

// Run serves every endpoint until ctx ends, finishes the tries under way (each is
// bounded by its endpoint's timeout) and returns. It runs once at a time, and in one
// process: two would send everything twice.
func (s *Sender) Run(ctx context.Context) {
	var lanes sync.WaitGroup
	for _, l := range s.lanes {
		lanes.Go(func() { l.run(ctx) })
	}
	lanes.Wait()
}

// Wake says that something was committed. It returns at once. A wake that is lost
// costs no more than half a minute.
func (s *Sender) Wake() {
	for _, l := range s.lanes {
		l.nudge()
	}
}

// lane returns the endpoint of a name; NotFound when there is none.
func (s *Sender) lane(name string) (*lane, error) {
	for _, l := range s.lanes {
		if l.endpoint.Name == name {
			return l, nil
		}
	}
	return nil, &bridge.Error{Kind: bridge.NotFound, Msg: fmt.Sprintf("There is no webhook endpoint %q.", name)}
}
