package people_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"keybridge/bridge"
	"keybridge/bridge/people"
)

// shelf keeps papers in memory. It runs every change twice, as a store may.
type shelf struct {
	mu     sync.Mutex
	papers map[[2]string][]byte
	writes int
	broken error // what every call returns, when set
	// meanwhile is done once, before the next change of a paper of kind.
	meanwhile func()
	kind      string
}

func (s *shelf) Paper(_ context.Context, kind, name string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Clone(s.papers[[2]string{kind, name}]), s.broken
}

func (s *shelf) Papers(_ context.Context, kind, after string, limit int) ([]bridge.Paper, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var page []bridge.Paper
	for _, key := range slices.SortedFunc(maps.Keys(s.papers), func(a, b [2]string) int { return strings.Compare(a[1], b[1]) }) {
		if key[0] == kind && key[1] > after && len(page) < limit {
			page = append(page, bridge.Paper{Kind: kind, Name: key[1], Value: bytes.Clone(s.papers[key])})
		}
	}
	return page, s.broken
}

func (s *shelf) SetPaper(ctx context.Context, kind, name string, change func([]byte) ([]byte, error)) error {
	return s.SetPaperBeside(ctx, kind, name, name, func(old, _ []byte) ([]byte, error) { return change(old) })
}

func (s *shelf) SetPaperBeside(_ context.Context, kind, name, beside string, change func(_, _ []byte) ([]byte, error)) error {
	if fn := s.meanwhile; fn != nil && kind == s.kind {
		s.meanwhile = nil
		fn()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	key := [2]string{kind, name}
	apply := func() ([]byte, error) {
		return change(bytes.Clone(s.papers[key]), bytes.Clone(s.papers[[2]string{kind, beside}]))
	}
	_, _ = apply()
	value, err := apply()
	switch {
	case err != nil:
		return err
	case value == nil:
		delete(s.papers, key)
	case !bytes.Equal(value, s.papers[key]):
		s.papers[key] = value
		s.writes++
	}
	return nil
}

// everything is all that is kept, for searching.
func (s *shelf) everything() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all strings.Builder
	for key, value := range s.papers {
		all.WriteString(key[0] + " " + key[1] + " " + string(value) + "\n")
	}
	return all.String()
}

// house is a register with a clock that stands still, and what it recorded.
type house struct {
	*people.Register
	t     testing.TB
	shelf *shelf
	cfg   people.Config

	mu      sync.Mutex
	now     time.Time
	entries []bridge.Entry
}

var (
	start = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	cheap = people.Cost{Memory: 32, Passes: 1, Threads: 1}
	boss  = bridge.Person{Name: "operator", Role: bridge.Admin}

	oldSecret = bytes.Repeat([]byte("o"), 32)
	newSecret = bytes.Repeat([]byte("n"), 32)
)

const good = "three small green boats"

func newHouse(t testing.TB, with ...func(*people.Config)) *house {
	t.Helper()
	h := &house{t: t, now: start, shelf: &shelf{papers: map[[2]string][]byte{}}}
	h.cfg = people.Config{Papers: h.shelf, Secrets: [][]byte{oldSecret}, Cost: cheap, Now: h.clock, Record: h.note}
	for _, fn := range with {
		fn(&h.cfg)
	}
	h.restart(func(*people.Config) {})
	return h
}

// restart makes the register anew over the same papers.
func (h *house) restart(with func(*people.Config)) {
	h.t.Helper()
	with(&h.cfg)
	g, err := people.New(h.cfg)
	if err != nil {
		h.t.Fatal(err)
	}
	h.Register = g
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

func (h *house) note(_ context.Context, e bridge.Entry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.entries = append(h.entries, e)
}

// told returns what was recorded, as "who: what before > after (why)", and forgets it.
func (h *house) told() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var lines []string
	for _, e := range h.entries {
		line := e.Actor.Name + ": " + string(e.What) + " " + e.Before + " > " + e.After
		if e.Why != "" {
			line += " (" + e.Why + ")"
		}
		lines = append(lines, line)
	}
	h.entries = nil
	return lines
}

// add adds a user with the good password.
func (h *house) add(name string, role bridge.Role, portals ...string) bridge.Person {
	h.t.Helper()
	u, err := h.Add(h.t.Context(), boss, people.Newcomer{
		Name: name, Role: role, Portals: portals, Password: good, Email: name + "@example.com",
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return u.Person()
}

// in signs somebody in with the good password.
func (h *house) in(name string) string {
	h.t.Helper()
	token, _, err := h.SignIn(h.t.Context(), people.Attempt{Name: name, Password: good})
	if err != nil {
		h.t.Fatalf("sign in as %s: %v", name, err)
	}
	return token
}

func (h *house) wantIn(token string, in bool) {
	h.t.Helper()
	_, _, err := h.Who(h.t.Context(), token)
	if in && err != nil || !in && bridge.KindOf(err) != bridge.Refused {
		h.t.Errorf("Who: %v, want in: %t", err, in)
	}
}

func (h *house) wantKind(err error, kind bridge.Kind) {
	h.t.Helper()
	if bridge.KindOf(err) != kind {
		h.t.Errorf("got %v (%s), want %q", err, bridge.KindOf(err), kind)
	}
}

// factor sets up a second factor and returns what the authenticator keeps.
func (h *house) factor(p bridge.Person) (secret string) {
	h.t.Helper()
	o, err := h.OfferCode(h.t.Context(), p)
	if err == nil {
		err = h.TakeCode(h.t.Context(), p, o.Sealed, h.code(o.Secret), "")
	}
	if err != nil {
		h.t.Fatal(err)
	}
	if u, err := url.Parse(o.URL); err != nil || u.Query().Get("secret") != o.Secret {
		h.t.Errorf("the link %q does not hold the secret", o.URL)
	}
	return o.Secret
}

// code is what an authenticator shows now.
func (h *house) code(secret string) string {
	h.t.Helper()
	code, err := totp.GenerateCodeCustom(secret, h.clock(), totp.ValidateOpts{
		Period: 30, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return code
}

// bridgeError is the domain's error in err.
func bridgeError(t testing.TB, err error) *bridge.Error {
	t.Helper()
	e, is := errors.AsType[*bridge.Error](err)
	if !is {
		t.Fatalf("%v is no error of the domain", err)
	}
	return e
}

// breakShelf makes every call at the store fail, or work again.
func (h *house) breakShelf(err error) {
	h.shelf.mu.Lock()
	defer h.shelf.mu.Unlock()
	h.shelf.broken = err
}

// damage changes a paper behind the register's back.
func (h *house) damage(kind, name string, fn func(string) string) {
	h.t.Helper()
	err := h.shelf.SetPaper(h.t.Context(), kind, name, func(old []byte) ([]byte, error) { return []byte(fn(string(old))), nil })
	if err != nil {
		h.t.Fatal(err)
	}
}
