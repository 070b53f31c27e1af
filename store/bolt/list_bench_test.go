package bolt

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"keybridge/bridge"
)

// varied is the n-th request of a house that has many: four portals, twelve plans, one
// in a hundred waits for a person, most are active, and everybody writes something else.
func varied(n int) bridge.Hint {
	random := rand.New(rand.NewPCG(uint64(n), 7))
	pick := func(from int) int { return random.IntN(from) }
	h := testHint(n)
	c := h.Intake
	at := time.Now()
	c.Portal = fmt.Sprintf("portal-%d", pick(4))
	h.Portal = c.Portal
	first, last := fmt.Sprintf("first%03d", pick(400)), fmt.Sprintf("last%05d", pick(20_000))
	c.Applicant = bridge.Applicant{
		ID: fmt.Sprintf("dev-%d", n/3), Name: first + " " + last,
		Email:        fmt.Sprintf("%s.%s.%d@company%d.example", first, last, n, pick(5000)),
		Organisation: fmt.Sprintf("company%d", pick(5000)),
	}
	c.Terms.Plan = fmt.Sprintf("plan%d", pick(12))
	c.Terms.Lines[0].Amount = bridge.NewAmount(int64(pick(100_000)), []string{"eur", "usd", "gbp"}[pick(3)])
	text := ""
	for range 8 {
		text += fmt.Sprintf("word%d ", int(float64(pick(3000))*random.Float64()))
	}
	c.Asked.Reasons = map[string]string{"why": text}
	switch share := pick(100); {
	case share == 0:
		c.Steps[0].Kind = bridge.Review
	case share < 80:
		c.Steps[0].State = bridge.Met
		c.Verdict = bridge.Verdict{Outcome: bridge.Approve, Mark: bridge.Mark{At: at}}
		c.Access.Have, c.Access.Granted = bridge.Granted, at
	case share < 90:
		c.Verdict = bridge.Verdict{Outcome: bridge.Decline, Mark: bridge.Mark{At: at}}
		c.Access.Have = bridge.Gone
	}
	return h
}

// many returns a store with as many requests as KEYBRIDGE_REQUESTS says, or 20,000. With
// KEYBRIDGE_STORE it is made there once and used again.
func many(b *testing.B) (s *Store, n int) {
	b.Helper()
	n = 20_000
	if text := os.Getenv("KEYBRIDGE_REQUESTS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	path := filepath.Join(b.TempDir(), "keybridge.db")
	if folder := os.Getenv("KEYBRIDGE_STORE"); folder != "" {
		path = filepath.Join(folder, fmt.Sprintf("%d.db", n))
	}
	s = open(b, Config{Path: path, InitialMmapSize: 16 << 30})
	if _, err := s.Get(b.Context(), testID(n-1)); err == nil {
		return s, n
	}
	s.db.NoSync = true // there is nobody to lose anything
	var next atomic.Int64
	var all sync.WaitGroup
	for range 512 {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if _, err := s.Accept(b.Context(), varied(i), nil); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	if err := s.db.Sync(); err != nil {
		b.Fatal(err)
	}
	s.db.NoSync = false
	return s, n
}

// BenchmarkList measures what the console asks for, and reports the median and the 95th
// percentile in milliseconds. Run with -benchtime=200x; see many for how much there is.
func BenchmarkList(b *testing.B) {
	s, n := many(b)
	b.Logf("%d requests", n)
	random := rand.New(rand.NewPCG(1, uint64(n)))
	one := func() bridge.Request { return varied(random.IntN(n)).Intake.Request }
	listed := func(f bridge.Filter) error {
		if f.Limit == 0 {
			f.Limit = 50
		}
		_, err := s.List(b.Context(), f)
		return err
	}
	for _, ask := range []struct {
		name string
		fn   func() error
	}{
		{"get", func() error { _, err := s.Get(b.Context(), testID(random.IntN(n))); return err }},
		{"queue", func() error { return listed(bridge.Filter{Tags: []bridge.Tag{bridge.TagWaits}, Oldest: true}) }},
		{"queue-count", func() error {
			_, _, err := s.Count(b.Context(), bridge.Filter{Tags: []bridge.Tag{bridge.TagWaits}}, 1000)
			return err
		}},
		{"state", func() error { return listed(bridge.Filter{State: bridge.StateActive}) }},
		{"plan+portal+state", func() error {
			r := one()
			return listed(bridge.Filter{State: bridge.StateReviewing, Portal: r.Portal, Tags: []bridge.Tag{bridge.TagPlan(r.Terms.Plan)}})
		}},
		{"word", func() error {
			return listed(bridge.Filter{Words: []string{fmt.Sprintf("word%d", 1000+random.IntN(2000))}})
		}},
		{"prefix", func() error { return listed(bridge.Filter{Words: []string{fmt.Sprintf("last%03d", random.IntN(200))}}) }},
		{"prefix-of-many", func() error {
			err := listed(bridge.Filter{Words: []string{"first"}})
			if bridge.KindOf(err) == bridge.Invalid {
				return nil // "type more" is an answer, and should be as quick
			}
			return err
		}},
		{"email", func() error { return listed(bridge.Filter{Words: []string{one().Applicant.Email}}) }},
		{"name", func() error { return listed(bridge.Filter{Words: bridge.Words(one().Applicant.Name)}) }},
		{"applicant", func() error {
			r := one()
			return listed(bridge.Filter{Portal: r.Portal, Applicant: r.Applicant.ID})
		}},
		{"amount", func() error { return listed(bridge.Filter{Least: bridge.NewAmount(99_000, "EUR")}) }},
		{"month", func() error {
			return listed(bridge.Filter{State: bridge.StateActive, From: time.Now().AddDate(0, -1, 0), Before: time.Now()})
		}},
	} {
		b.Run(ask.name, func(b *testing.B) {
			took := make([]time.Duration, 0, b.N)
			for b.Loop() {
				began := time.Now()
				if err := ask.fn(); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(took[len(took)/2].Seconds()*1e3, "median-ms")
			b.ReportMetric(took[len(took)*95/100].Seconds()*1e3, "p95-ms")
		})
	}
}
