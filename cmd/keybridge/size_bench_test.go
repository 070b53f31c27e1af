package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"keybridge/bridge"
	"keybridge/store/bolt"
)

// grown is the n-th request of a house that has many: four portals, twelve plans, one in
// a hundred waits for a person, and everybody writes something else.
func grown(n int) bridge.Hint {
	random := rand.New(rand.NewPCG(uint64(n), 7)) //nolint:gosec // the same house every time
	pick := func(from int) int { return random.IntN(from) }
	now := time.Now()
	portal, key := fmt.Sprintf("portal-%d", pick(4)), fmt.Sprintf("65f0c%019x", n)
	first, last := fmt.Sprintf("first%03d", pick(400)), fmt.Sprintf("last%05d", pick(20_000))
	c := &bridge.Change{Request: bridge.Request{
		ID: grownID(n), Portal: portal, Key: key,
		Applicant: bridge.Applicant{
			ID: fmt.Sprintf("dev-%d", n/3), Name: first + " " + last,
			Email:        fmt.Sprintf("%s.%s.%d@company%d.example", first, last, n, pick(5000)),
			Organisation: fmt.Sprintf("company%d", pick(5000)),
		},
		Asked: bridge.Asked{Policies: []string{"policy-1"}, Reasons: map[string]string{"why": wordsOf(random)}},
		Terms: bridge.Terms{Plan: fmt.Sprintf("plan%d", pick(12)), Lines: []bridge.Price{
			{Amount: bridge.NewAmount(int64(pick(100_000)), []string{"EUR", "USD", "GBP"}[pick(3)])},
		}},
		Steps:  []bridge.Step{{Kind: bridge.Paying, State: bridge.Waiting}},
		Access: bridge.Access{Have: bridge.Pending},
	}}
	switch share := pick(100); {
	case share == 0:
		c.Steps[0].Kind = bridge.Review
	case share < 80:
		c.Steps[0].State = bridge.Met
		c.Verdict = bridge.Verdict{Outcome: bridge.Approve, Mark: bridge.Mark{At: now}}
		c.Access.Have, c.Access.Granted = bridge.Granted, now
	case share < 90:
		c.Verdict = bridge.Verdict{Outcome: bridge.Decline, Mark: bridge.Mark{At: now}}
		c.Access.Have = bridge.Gone
	}
	return bridge.Hint{Source: "portal/" + portal, ID: key, What: "grown", At: now, Portal: portal, Key: key, Intake: c}
}

func grownID(n int) bridge.ID { return bridge.ID(fmt.Sprintf("01J%023d", n)) }

func wordsOf(random *rand.Rand) string {
	text := ""
	for range 8 {
		text += fmt.Sprintf("word%d ", int(float64(random.IntN(3000))*random.Float64()))
	}
	return text
}

// grow makes the folder of a stand whose store holds n requests. With KEYBRIDGE_STORE it
// is made there once, and used again.
func grow(b *testing.B, n int) (folder string) {
	b.Helper()
	folder = shortFolder(b)
	if kept := os.Getenv("KEYBRIDGE_STORE"); kept != "" {
		folder = filepath.Join(kept, strconv.Itoa(n))
	}
	data := filepath.Join(folder, "data")
	if err := os.MkdirAll(data, 0o700); err != nil {
		b.Fatal(err)
	}
	store, err := bolt.Open(bolt.Config{Path: filepath.Join(data, storeFile)})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := store.Close(); err != nil {
			b.Error(err)
		}
	}()
	if _, err := store.Get(b.Context(), grownID(n-1)); err == nil {
		return folder
	}
	begin := time.Now()
	var next atomic.Int64
	var all sync.WaitGroup
	for range 512 {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if _, err := store.Accept(b.Context(), grown(i), nil); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.Logf("%d requests were taken in in %s", n, time.Since(begin).Round(time.Second))
	return folder
}

// requestsAsked is how many requests a benchmark of the size is made with: what
// KEYBRIDGE_REQUESTS says, or 20,000.
func requestsAsked(b *testing.B) int {
	b.Helper()
	n, err := strconv.Atoi(firstText(os.Getenv("KEYBRIDGE_REQUESTS"), "20000"))
	if err != nil || n < 100 {
		b.Fatalf("KEYBRIDGE_REQUESTS is how many requests there shall be, at least 100: %v", err)
	}
	return n
}

// BenchmarkConsole asks the console for pages as a browser does, of a bridge that has
// many requests, and reports the median and the 95th percentile in milliseconds. Run with
// -benchtime=200x; see requestsAsked and grow.
func BenchmarkConsole(b *testing.B) {
	n := requestsAsked(b)
	s := &stand{t: b, folder: grow(b, n), log: &logbook{}}
	var err error
	if s.sandboxes, err = startSandboxes(sandboxAddrs{}); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.Stop)
	begin := time.Now()
	s.start()
	b.Logf("%d requests, started in %s", n, time.Since(begin).Round(time.Millisecond))
	name := "rita" + strconv.FormatInt(begin.Unix(), 36) // the store may have been used before
	v := browse(b)
	form := url.Values{"name": {name}, "password": {s.hire(name, bridge.Reviewer)}}
	if err := v.do(http.MethodPost, s.url+"/console/sign-in", form); err != nil {
		b.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, uint64(n))) //nolint:gosec // the same questions every time
	one := func() bridge.Request { return grown(random.IntN(n)).Intake.Request }
	for _, ask := range []struct {
		name string
		path func() string
	}{
		{"queue", func() string { return "/console/" }},
		{"applicant", func() string { return "/console/?show=all&q=" + url.QueryEscape(one().Applicant.Email) }},
		{"name", func() string { return "/console/?show=all&q=" + url.QueryEscape(one().Applicant.Name) }},
		{"word", func() string { return fmt.Sprintf("/console/?show=all&q=word%d", 1000+random.IntN(2000)) }},
		{"state", func() string { return "/console/?show=all&state=active" }},
		{"request", func() string { return "/console/requests/" + string(one().ID) }},
	} {
		b.Run(ask.name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				path := ask.path()
				begin := time.Now()
				size := s.read(b, v.client, path)
				took = append(took, time.Since(begin))
				if size < 2000 {
					b.Fatalf("%s is a page of %d bytes", path, size)
				}
			}
			slices.Sort(took)
			at := func(part float64) float64 {
				return float64(took[int(part*float64(len(took)-1))].Microseconds()) / 1000
			}
			b.ReportMetric(at(0.5), "ms-median")
			b.ReportMetric(at(0.95), "ms-p95")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// read reads a page to its end, and returns its size in bytes.
func (s *stand) read(b *testing.B, client *http.Client, path string) int64 {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		b.Fatal(err)
	}
	answer, err := client.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }() // read to its end
	if answer.StatusCode != http.StatusOK {
		b.Fatalf("%s answered %s", path, answer.Status)
	}
	size, err := io.Copy(io.Discard, answer.Body)
	if err != nil {
		b.Fatal(err)
	}
	return size
}
