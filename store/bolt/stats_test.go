package bolt

import (
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"keybridge/bridge"
)

func TestStatsCountWhatIsDueByPortal(t *testing.T) {
	t.Parallel()
	clock := &dial{t: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}
	s := open(t, Config{Path: temp(t), Now: clock.now, MaxSize: 1 << 30})
	at := clock.now()
	for n := range 10 {
		h := testHint(n)
		h.At = at.Add(-time.Duration(n) * time.Minute)
		h.Portal = []string{"main", "other"}[n%2]
		h.Intake.Portal = h.Portal
		if _, err := s.Accept(t.Context(), h, nil); err != nil {
			t.Fatal(err)
		}
	}
	claims, _, err := s.Claim(t.Context(), "main", at, at.Add(time.Minute), 2)
	if err != nil || len(claims) != 2 {
		t.Fatal(claims, err)
	}
	if _, err := s.Update(t.Context(), testID(3), func(c *bridge.Change) error { c.Work.Attention = true; return nil }); err != nil {
		t.Fatal(err)
	}
	got, err := s.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	equal(t, got.Due, map[string]Backlog{
		"main":  {Count: 3, Oldest: at.Add(-4 * time.Minute)},
		"other": {Count: 5, Oldest: at.Add(-9 * time.Minute)},
	})
	if got.Claimed != 2 || got.NeedAttention != 1 || got.FileSize == 0 || got.PageSize == 0 || got.MaxSize != 1<<30 ||
		got.DiskFree <= 0 || got.DiskSize < got.DiskFree {
		t.Fatalf("%+v", got)
	}
	err = s.db.View(func(tx *bbolt.Tx) error {
		equal(t, backlogs(tx.Bucket(bucketDue), stamp(clock.now()), 3), map[string]Backlog{
			"main":  {Count: 3, Oldest: at.Add(-4 * time.Minute)},
			"other": {Count: 3, Oldest: at.Add(-9 * time.Minute)},
		})
		equal(t, count(tx.Bucket(bucketLease), nil, 1), 1)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	clock.pass(time.Hour)
	if got, err = s.Stats(t.Context()); err != nil || got.Due["main"].Count != 5 {
		t.Fatalf("after the leases lapsed: %+v, %v", got, err)
	}
}
