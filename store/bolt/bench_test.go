package bolt

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"keybridge/bridge"
)

func testID(n int) bridge.ID { return bridge.ID(fmt.Sprintf("01J%023d", n)) }

func testKey(n int) string { return fmt.Sprintf("65f0c%019x", n) }

// testHint is a hint that creates the n-th request.
func testHint(n int) bridge.Hint {
	now := time.Now()
	c := &bridge.Change{Request: bridge.Request{
		ID: testID(n), Portal: "main", Key: testKey(n),
		Applicant: bridge.Applicant{ID: fmt.Sprintf("dev-%d", n%1000), Email: "dev@example.org", Name: "A Developer"},
		Asked:     bridge.Asked{Policies: []string{"65f0c1d2e3f4a5b6c7d8e9f0"}, Reasons: map[string]string{"why": "to try it", "how much": "a little"}, At: now},
		Terms: bridge.Terms{Plan: "Gold", Provider: "stripe", Steps: []bridge.StepKind{bridge.Paying}, Lines: []bridge.Price{{
			Name: "Gold", Ref: "price_1NG8Du2eZvKYlo2C", Amount: bridge.NewAmount(4900, "eur"), Interval: bridge.Interval{Unit: "month"},
		}}},
		Steps:   []bridge.Step{{Kind: bridge.Paying, State: bridge.Waiting, Mark: bridge.Mark{At: now}}},
		Verdict: bridge.Verdict{Outcome: bridge.Open},
		Access:  bridge.Access{Have: bridge.Pending},
		Refs:    []bridge.Ref{{System: "stripe", Kind: bridge.RefSession, ID: fmt.Sprintf("cs_test_a1%056d", n)}},
	}}
	return bridge.Hint{
		Source: "portal/main", ID: fmt.Sprintf("evt_1NG8Du2eZvKYlo2C%08d", n), What: "test", At: now,
		Portal: "main", Key: c.Key, Intake: c,
	}
}

// event is the n-th provider event, about one of the first known requests.
func event(n, known int) bridge.Hint {
	return bridge.Hint{
		Source: "stripe", ID: fmt.Sprintf("evt_1NG8Du2eZvKYlo2C%08d", n), What: "checkout.session.completed", At: time.Now(),
		Refs: []bridge.Ref{{System: "stripe", Kind: bridge.RefSession, ID: fmt.Sprintf("cs_test_a1%056d", n*7919%known)}},
	}
}

// BenchmarkAccept measures intake: requests that are new, events of requests that
// are known, the same with a closure, and duplicates. "update" is the same work with
// a db.Update for each call instead of the committer. Run with -benchtime=3s.
func BenchmarkAccept(b *testing.B) {
	const known = 20_000
	noop := func(*bridge.Change) error { return nil }
	for _, kind := range []struct {
		name string
		hint func(n int) bridge.Hint
		then func(*bridge.Change) error
	}{
		{"new", func(n int) bridge.Hint {
			h := testHint(known + n)
			line(h.Intake, "received")
			return h
		}, nil},
		{"known", func(n int) bridge.Hint { return event(n, known) }, nil},
		{"known-then", func(n int) bridge.Hint { return event(n, known) }, noop},
		{"duplicate", func(n int) bridge.Hint { return testHint(n % known) }, nil},
	} {
		for _, how := range []string{"committer", "update"} {
			for _, clients := range []int{1, 8, 64} {
				b.Run(fmt.Sprintf("%s/%s/%d", kind.name, how, clients), func(b *testing.B) {
					s := open(b, Config{Path: filepath.Join(b.TempDir(), "keybridge.db")})
					fill(b, s, known)
					accept := s.Accept
					if how == "update" {
						accept = s.acceptAlone
					}
					b.ResetTimer()
					drive(b, clients, func(n int) error {
						_, err := accept(b.Context(), kind.hint(n), kind.then)
						return err
					})
				})
			}
		}
	}
}

// acceptAlone is Accept with a transaction of its own.
func (s *Store) acceptAlone(_ context.Context, h bridge.Hint, then func(*bridge.Change) error) (a bridge.Accepted, err error) {
	err = s.db.Update(func(tx *bbolt.Tx) error {
		t := &txn{tx: tx, now: s.now(), log: s.log, intake: s.intake, decoded: &s.decoded, staleMost: s.staleMost}
		if a, err = t.accept(h, then, &ahead{}); err != nil {
			return err
		}
		return t.settle()
	})
	return a, err
}

// fill creates the first n requests.
func fill(tb testing.TB, s *Store, n int) {
	tb.Helper()
	var next atomic.Int64
	var all sync.WaitGroup
	for range 256 {
		all.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if _, err := s.Accept(tb.Context(), testHint(i), nil); err != nil {
					tb.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

// drive calls fn b.N times from a number of clients.
func drive(b *testing.B, clients int, fn func(n int) error) {
	b.Helper()
	var next atomic.Int64
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for {
				n := int(next.Add(1)) - 1
				if n >= b.N {
					return
				}
				if err := fn(n); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "op/s")
}
