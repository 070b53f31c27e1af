package people

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"keybridge/bridge"
)

// Papers is where people, sessions and tokens are kept.
type Papers interface {
	// Paper returns a paper's value, nil when there is none.
	Paper(ctx context.Context, kind, name string) ([]byte, error)
	// Papers returns at most limit papers of a kind whose names come after one, in the
	// order of their names.
	Papers(ctx context.Context, kind, after string, limit int) ([]bridge.Paper, error)
	// SetPaper changes one paper in one commit: change is given what there is, nil when
	// there is nothing, and returns what shall be, nil when nothing shall. It does no
	// I/O and may run more than once. Its error is returned as it is, and then nothing is
	// kept.
	SetPaper(ctx context.Context, kind, name string, change func(old []byte) ([]byte, error)) error
	// SetPaperBeside is SetPaper of a change that depends on another paper of the kind: it
	// is given that one, too, as it is in the same commit.
	SetPaperBeside(ctx context.Context, kind, name, beside string, change func(old, beside []byte) ([]byte, error)) error
}

// The kinds of papers that are this package's alone.
const (
	kindUser    = "user"    // by the user's name
	kindSession = "session" // by the hash of its cookie
	kindToken   = "token"   // by the token's name
)

// Config configures a Register.
type Config struct {
	// Papers is the store. Required.
	Papers Papers
	// Secrets are the house's, each at least 32 bytes: what has to be read again (the
	// second factors) and what a browser holds for a while is sealed with a key that is
	// derived from them. The first seals and all of them open, so that one can be
	// replaced: a user's second factor is sealed anew whenever it is used. Required.
	Secrets [][]byte
	// Record is told of every sign-in, refusal, sign-out, and change of a person or
	// token. The entries hold no e-mail address, no secret, and nothing that a stranger
	// typed. Required.
	Record func(ctx context.Context, e bridge.Entry)
	// Idle is how long a session lasts unused; zero: 30 minutes. Absolute is how long it
	// lasts at all; zero: 12 hours.
	Idle, Absolute time.Duration
	// Cost is what hashing a password takes; zero: DefaultCost.
	Cost Cost
	// AtOnce is how many passwords are hashed at a time, each with Cost.Memory; zero: 2.
	AtOnce int
	// OIDC is where people may sign in instead; nil: nowhere else.
	OIDC *OIDC
	// Now is the clock; nil: time.Now. Random is where secrets come from; nil:
	// crypto/rand. An error of Random is taken to be the end of the process.
	Now    func() time.Time
	Random io.Reader
}

// The defaults of Config.
const (
	defaultIdle     = 30 * time.Minute
	defaultAbsolute = 12 * time.Hour
	defaultAtOnce   = 2
	leastSecret     = 32 // bytes
)

// Register knows who may come in, who is in, and what the programs hold that come in
// their place. It may be used by several goroutines.
type Register struct {
	cfg     Config
	seals   seals
	hash    hasher
	tries   throttle
	said    throttle
	oidc    *openID // nil: none
	hashing chan struct{}
	random  sync.Mutex
}

// New returns a register, or says everything that is wrong with the configuration. It
// does not reach for the store, nor for the OpenID provider.
func New(c Config) (*Register, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Random == nil {
		c.Random = rand.Reader
	}
	if c.Idle == 0 {
		c.Idle = defaultIdle
	}
	if c.Absolute == 0 {
		c.Absolute = defaultAbsolute
	}
	if c.Cost == (Cost{}) {
		c.Cost = DefaultCost
	}
	if c.AtOnce == 0 {
		c.AtOnce = defaultAtOnce
	}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("people: %w", err)
	}
	g := &Register{cfg: c, seals: newSeals(c.Secrets), hash: argon, hashing: make(chan struct{}, c.AtOnce)}
	g.tries.limit, g.said.limit = mostTries, mostTries
	if c.OIDC != nil {
		g.oidc = newOpenID(*c.OIDC, c.Now)
	}
	return g, nil
}

func (c Config) check() error {
	var errs []error
	if c.Papers == nil || c.Record == nil {
		errs = append(errs, errors.New("it needs Papers and Record"))
	}
	if len(c.Secrets) == 0 {
		errs = append(errs, errors.New("it needs a secret"))
	}
	for i, s := range c.Secrets {
		if len(s) < leastSecret {
			errs = append(errs, fmt.Errorf("secret %d has %d bytes, and needs %d", i+1, len(s), leastSecret))
		}
	}
	if c.Idle < time.Minute || c.Absolute < c.Idle {
		errs = append(errs, fmt.Errorf("sessions last %s unused and %s at all: at least a minute, and the second no less than the first", c.Idle, c.Absolute))
	}
	if c.AtOnce < 1 {
		errs = append(errs, fmt.Errorf("%d passwords at once: at least 1", c.AtOnce))
	}
	errs = append(errs, c.Cost.check())
	if c.OIDC != nil {
		errs = append(errs, c.OIDC.check())
	}
	return errors.Join(errs...)
}

// now is the time as it is stored.
func (g *Register) now() time.Time { return g.cfg.Now().UTC().Truncate(time.Millisecond) }

// chance returns n random bytes. A source of randomness that fails leaves nothing safe
// to go on with, as in crypto/rand.
func (g *Register) chance(n int) []byte {
	b := make([]byte, n)
	g.random.Lock()
	defer g.random.Unlock()
	if _, err := io.ReadFull(g.cfg.Random, b); err != nil {
		panic(fmt.Sprintf("people: no randomness: %v", err))
	}
	return b
}

// record tells of something.
func (g *Register) record(ctx context.Context, by bridge.Actor, what bridge.What, before, after, why string) {
	g.cfg.Record(ctx, bridge.Entry{At: g.now(), Actor: by, What: what, Before: before, After: after, Why: why})
}

// read reads a paper; found is false where there is none.
func read[T any](ctx context.Context, p Papers, kind, name string) (value T, found bool, err error) {
	b, err := p.Paper(ctx, kind, name)
	if err != nil || b == nil {
		return value, false, err
	}
	if err := json.Unmarshal(b, &value); err != nil {
		return value, false, damaged(kind, err)
	}
	return value, true, nil
}

// change changes a paper. fn is given what there is, or nil, and returns what shall be,
// or nil; see Papers.SetPaper.
func change[T any](ctx context.Context, p Papers, kind, name string, fn func(old *T) (*T, error)) error {
	return p.SetPaper(ctx, kind, name, func(b []byte) ([]byte, error) {
		old, err := decoded[T](kind, b)
		if err != nil {
			return nil, err
		}
		return encoded(fn(old))
	})
}

// changeBeside is change for what depends on another paper, too; see Papers.SetPaperBeside.
func changeBeside[T any](ctx context.Context, p Papers, kind, name, beside string, fn func(old, beside *T) (*T, error)) error {
	return p.SetPaperBeside(ctx, kind, name, beside, func(b, other []byte) ([]byte, error) {
		old, err := decoded[T](kind, b)
		if err != nil {
			return nil, err
		}
		also, err := decoded[T](kind, other)
		if err != nil {
			return nil, err
		}
		return encoded(fn(old, also))
	})
}

// encoded is a paper that says what shall be; nil where nothing shall.
func encoded[T any](value *T, err error) ([]byte, error) {
	if err != nil || value == nil {
		return nil, err
	}
	return json.Marshal(value)
}

// decoded is what a paper says; nil where there is none.
func decoded[T any](kind string, b []byte) (*T, error) {
	if b == nil {
		return nil, nil //nolint:nilnil // none is no error
	}
	value := new(T)
	if err := json.Unmarshal(b, value); err != nil {
		return nil, damaged(kind, err)
	}
	return value, nil
}

// walk calls yield with every paper of a kind, in the order of their names, until yield
// returns an error, which it returns. Nothing is held open meanwhile.
func walk[T any](ctx context.Context, p Papers, kind string, yield func(name string, value T) error) error {
	const page = 200
	for after := ""; ; {
		papers, err := p.Papers(ctx, kind, after, page)
		if err != nil {
			return err
		}
		for _, paper := range papers {
			var value T
			if err := json.Unmarshal(paper.Value, &value); err != nil {
				return damaged(kind, err)
			}
			if err := yield(paper.Name, value); err != nil {
				return err
			}
			after = paper.Name
		}
		if len(papers) < page {
			return nil
		}
	}
}

// damaged is the error of a paper that does not read as what it should be. What is
// written there is not repeated.
func damaged(kind string, err error) error {
	return &bridge.Error{Kind: bridge.Internal, Err: fmt.Errorf("a paper of kind %q is damaged: %T", kind, err)}
}
