package storetest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"keybridge/bridge"
)

// Open opens an empty store that takes the time from now, and closes it when the
// test ends.
type Open func(t *testing.T, now func() time.Time) bridge.Store

// Run runs the suite.
func Run(t *testing.T, open Open) {
	for _, group := range []struct {
		name  string
		tests []test
	}{
		{"Accept", acceptTests},
		{"Update", updateTests},
		{"Claim", claimTests},
		{"Read", readTests},
		{"List", listTests},
		{"Drop", dropTests},
		{"Feed", feedTests},
		{"Bookmark", bookmarkTests},
		{"Paper", paperTests},
		{"House", houseTests},
		{"Ledger", ledgerTests},
	} {
		t.Run(group.name, func(t *testing.T) {
			t.Parallel()
			for _, test := range group.tests {
				t.Run(test.name, func(t *testing.T) {
					t.Parallel()
					test.run(newBench(t, open))
				})
			}
		})
	}
}

type test struct {
	name string
	run  func(*bench)
}

// bench is one test's store and clock.
type bench struct {
	*testing.T
	store bridge.Store
	clock *clock
	ctx   context.Context //nolint:containedctx // a test's own
}

func newBench(t *testing.T, open Open) *bench {
	c := &clock{now: start}
	return &bench{T: t, clock: c, store: open(t, c.Now), ctx: t.Context()}
}

// start has more digits than a store keeps.
var start = time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.FixedZone("", 3600))

// clock is a clock that is moved by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return c.now
}

// id is the n-th id. Ids sort by n.
func id(n int) bridge.ID { return bridge.ID(fmt.Sprintf("01J%023d", n)) }

func keyOf(n int) string { return fmt.Sprintf("key-%d", n) }

// intake is the n-th request as it is when it is created, with one line of history.
func intake(n int) *bridge.Change {
	c := &bridge.Change{Request: bridge.Request{
		ID: id(n), Portal: "main", Key: keyOf(n),
		Applicant: bridge.Applicant{ID: fmt.Sprintf("dev-%d", n%3), Email: "dev@example.org", Name: "Zoë Ünïcode 開発者"},
		Asked: bridge.Asked{
			Policies: []string{"gold"}, At: start.UTC(),
			Reasons: map[string]string{"why": "<script>&\u2028", "where": "über"},
		},
		Terms:   bridge.Terms{Plan: "Gold", Steps: []bridge.StepKind{bridge.Paying}, Patience: time.Hour},
		Steps:   []bridge.Step{{Kind: bridge.Paying, State: bridge.Waiting}},
		Verdict: bridge.Verdict{Outcome: bridge.Open},
		Access:  bridge.Access{Have: bridge.Pending},
	}}
	note(c, "received")
	return c
}

// note adds a line to the history of a change, chained as the domain does it.
func note(c *bridge.Change, why string) {
	e := bridge.Entry{
		Request: c.ID, Seq: c.Head.Seq + 1, At: start.UTC().Truncate(time.Microsecond),
		Actor: bridge.Actor{Kind: bridge.ByClock}, What: bridge.WhatAction, Why: why, Prev: c.Head.Hash,
	}
	b, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(b)
	e.Hash = hex.EncodeToString(sum[:])
	c.Head = bridge.Head{Seq: e.Seq, Hash: e.Hash}
	c.Entries = append(c.Entries, e)
}

// hint is a hint at the n-th request that creates it where it is unknown.
func (b *bench) hint(n int, hintID string) bridge.Hint {
	c := intake(n)
	return bridge.Hint{
		Source: "portal/main", ID: hintID, What: "test", At: b.clock.Now(),
		Portal: c.Portal, Key: c.Key, Intake: c,
	}
}

// at is a hint at a known request.
func (b *bench) at(id bridge.ID) bridge.Hint {
	return bridge.Hint{Source: "page", What: "look", At: b.clock.Now(), Request: id}
}

func (b *bench) accept(h bridge.Hint, then func(*bridge.Change) error) bridge.Accepted {
	b.Helper()
	a, err := b.store.Accept(b.ctx, h, then)
	if err != nil {
		b.Fatalf("accept: %v", err)
	}
	return a
}

// create makes the n-th request, with changes, and leaves it unscheduled.
func (b *bench) create(n int, then ...func(*bridge.Change)) bridge.Request {
	b.Helper()
	h := b.hint(n, "")
	for _, fn := range then {
		fn(h.Intake)
	}
	h.Portal, h.Key = h.Intake.Portal, h.Intake.Key
	a := b.accept(h, nil)
	if !a.Created {
		b.Fatalf("request %d was not created: %+v", n, a)
	}
	claims := b.claim(h.Portal, b.clock.Now(), time.Minute, 1000)
	for _, c := range claims {
		b.done(c, time.Time{})
	}
	return b.get(a.Request)
}

func (b *bench) get(id bridge.ID) bridge.Request {
	b.Helper()
	r, err := b.store.Get(b.ctx, id)
	if err != nil {
		b.Fatalf("get %s: %v", id, err)
	}
	return r
}

func (b *bench) update(id bridge.ID, fn func(*bridge.Change)) bridge.Request {
	b.Helper()
	r, err := b.store.Update(b.ctx, id, func(c *bridge.Change) error {
		fn(c)
		return nil
	})
	if err != nil {
		b.Fatalf("update %s: %v", id, err)
	}
	return r
}

func (b *bench) claim(portal string, now time.Time, lease time.Duration, limit int) []bridge.Claim {
	b.Helper()
	claims, _, err := b.store.Claim(b.ctx, portal, now, now.Add(lease), limit)
	if err != nil {
		b.Fatalf("claim: %v", err)
	}
	return claims
}

// claimOne claims the one request that must be due now.
func (b *bench) claimOne(id bridge.ID) bridge.Claim {
	b.Helper()
	claims := b.claim("main", b.clock.Now(), time.Minute, 10)
	if len(claims) != 1 || claims[0].Request != id {
		b.Fatalf("claimed %+v, want one claim of %s", claims, id)
	}
	return claims[0]
}

func (b *bench) done(c bridge.Claim, due time.Time) {
	b.Helper()
	b.update(c.Request, func(ch *bridge.Change) { ch.Done = &bridge.Done{Claim: c, Due: due} })
}

// nothingDue checks that no request of the portal is due.
func (b *bench) nothingDue(why string) {
	b.Helper()
	if claims := b.claim("main", b.clock.Now(), time.Nanosecond, 10); len(claims) > 0 {
		b.Fatalf("%s, but due: %+v", why, claims)
	}
}

func (b *bench) history(id bridge.ID) []bridge.Entry {
	b.Helper()
	entries, err := b.store.History(b.ctx, id)
	if err != nil {
		b.Fatalf("history of %s: %v", id, err)
	}
	return entries
}

// verified checks a request's chain of entries and returns their reasons.
func (b *bench) verified(id bridge.ID) []string {
	b.Helper()
	entries := b.history(id)
	if err := bridge.VerifyHistory(entries, b.get(id).Head); err != nil {
		b.Fatal(err)
	}
	var whys []string
	for _, e := range entries {
		whys = append(whys, e.Why)
	}
	return whys
}

func (b *bench) list(f bridge.Filter) []bridge.ID {
	b.Helper()
	var ids []bridge.ID
	for {
		page, err := b.store.List(b.ctx, f)
		if err != nil {
			b.Fatalf("list %+v: %v", f, err)
		}
		for _, r := range page.Requests {
			ids = append(ids, r.ID)
		}
		if page.Next == "" {
			return ids
		}
		f.After = page.Next
	}
}

func (b *bench) wantKind(err error, kind bridge.Kind) {
	b.Helper()
	if bridge.KindOf(err) != kind {
		b.Fatalf("error %v is of kind %q, want %q", err, bridge.KindOf(err), kind)
	}
}

// same fails the test when two values differ. Nil and empty are the same, for JSON
// does not tell them apart everywhere.
func (b *bench) same(what string, got, want any) {
	b.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		b.Fatalf("%s (-want +got):\n%s", what, d)
	}
}

// micro is a time as a store keeps it in what it sets itself.
func micro(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

var errMine = errors.New("the closure's own error")

// together runs fn n times at once and waits.
func together(n int, fn func(i int)) {
	var all sync.WaitGroup
	gate := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-gate
			fn(i)
		})
	}
	close(gate)
	all.Wait()
}
