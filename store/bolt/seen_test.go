package bolt

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

// dial is a clock that tests move.
type dial struct {
	mu sync.Mutex
	t  time.Time
}

func (d *dial) now() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.t
}

func (d *dial) pass(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.t = d.t.Add(by)
}

func TestIdsAreForgottenAWeekAtATime(t *testing.T) {
	t.Parallel()
	clock := &dial{t: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}
	s := open(t, Config{Path: temp(t), Now: clock.now})
	fill(t, s, 1)
	const day = 24 * time.Hour
	for i := range 100 {
		h := event(i, 1)
		h.Source = "daily"
		if _, err := s.Accept(t.Context(), h, nil); err != nil {
			t.Fatal(err)
		}
		if i >= 43 {
			h.ID = event(i-43, 1).ID
			if a, err := s.Accept(t.Context(), h, nil); err != nil || a.Duplicate {
				t.Fatalf("after 43 days: %+v, %v", a, err)
			}
		}
		clock.pass(day)
	}
	weeks := 0
	if err := s.view(t.Context(), func(tx *bbolt.Tx) error {
		weeks = len(openWeeks(tx.Bucket(bucketSeen)))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if weeks != seenKeep+1 {
		t.Fatalf("%d weeks are kept", weeks)
	}
	whole(t, s)
}

// BenchmarkSeen measures what looking up a new id costs the committer, by the
// number of buckets that have to be asked.
func BenchmarkSeen(b *testing.B) {
	for _, buckets := range []int{1, 2, 6, 36} {
		b.Run(fmt.Sprint(buckets), func(b *testing.B) {
			s := open(b, Config{Path: temp(b)})
			const ids = 360_000
			err := s.db.Update(func(tx *bbolt.Tx) error {
				for w := range buckets {
					week, err := tx.Bucket(bucketSeen).CreateBucket(appendUint(nil, uint64(w)))
					if err != nil {
						return err
					}
					for n := range ids / buckets {
						if err := week.Put(seenKey("stripe", event(n*buckets+w, 1).ID), []byte(testID(n))); err != nil {
							return err
						}
					}
				}
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
			b.ResetTimer()
			if err := s.view(b.Context(), func(tx *bbolt.Tx) error {
				t := &txn{tx: tx}
				for n := range b.N {
					if _, ok := t.seen(seenKey("stripe", event(ids+n, 1).ID+"x")); ok {
						b.Error("seen")
					}
				}
				return nil
			}); err != nil {
				b.Fatal(err)
			}
		})
	}
}
