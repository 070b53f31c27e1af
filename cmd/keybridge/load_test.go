package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"text/template"
	"time"

	"keybridge/bridge"
	"keybridge/store/bolt"
)

// The load: how fast webhooks are taken in, next to what else is there. Everything is
// measured in one run and in turns, several rounds, because only ratios within a run say
// anything on a machine that others use too. Run with
//
//	go test ./cmd/keybridge -run '^$' -bench Load -load.time 2s
//
// They are benchmarks, so that a run of the tests does not wait for them, and here and not
// in a package of their own, because what is measured is wired by this one.
var (
	loadTime   = flag.Duration("load.time", 2*time.Second, "how long each measurement of the load takes")
	loadRounds = flag.Int("load.rounds", 3, "how often each is taken; the median counts")
	loadKnown  = flag.Int("load.known", 50_000, "how many requests are known to the bridge under load")
)

// What a load is put on.
const (
	loadNothing = "nothing"
	loadBridge  = "keybridge"
	loadUpdate  = "update"
)

// loaded is a process under load.
type loaded struct {
	tb   testing.TB
	kind string
	addr string
	// sent is how many events it has had.
	sent int
	in   io.WriteCloser
	out  *bufio.Reader
}

// startLoaded starts one, on a folder.
func startLoaded(tb testing.TB, kind, folder string) *loaded {
	tb.Helper()
	itself, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	process := exec.Command(itself)
	process.Args = []string{"load-server", kind, folder}
	process.Path = filepath.Join(shortFolder(tb), "load-server")
	if err := os.Symlink(itself, process.Path); err != nil {
		tb.Fatal(err)
	}
	process.Stderr = os.Stderr
	l := &loaded{tb: tb, kind: kind}
	if l.in, err = process.StdinPipe(); err != nil {
		tb.Fatal(err)
	}
	out, err := process.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	l.out = bufio.NewReader(out)
	if err := process.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = l.in.Close()
		if err := process.Wait(); err != nil {
			tb.Errorf("load-server %s: %v", kind, err)
		}
	})
	l.addr = l.line()
	return l
}

func (l *loaded) line() string {
	l.tb.Helper()
	text, err := l.out.ReadString('\n')
	if err != nil {
		l.tb.Fatalf("load-server %s: %v", l.kind, err)
	}
	return strings.TrimSpace(text)
}

// rest waits until nothing is due.
func (l *loaded) rest() {
	l.tb.Helper()
	if _, err := io.WriteString(l.in, "rest\n"); err != nil {
		l.tb.Fatal(err)
	}
	l.line()
}

// fill makes the configuration and the store of a bridge that knows requests.
func fillBridge(tb testing.TB, known int) (folder string) {
	tb.Helper()
	folder = shortFolder(tb)
	var text strings.Builder
	err := template.Must(template.New("").Parse(standConfig)).Execute(&text, map[string]any{
		"URL": "http://127.0.0.1:1", "Portal": "http://127.0.0.1:1", "Stripe": "http://127.0.0.1:1", "Organisation": "org", "Shutdown": "5s",
		"Delivery": "mail", "Handoff": bareHandoff, "Plans": []string{paidPlan}, "Poll": "5m",
		"Enterprise": map[string]string(nil), "Mail": map[string]string(nil), "More": "log: {level: info}",
	})
	if err != nil {
		tb.Fatal(err)
	}
	for name, content := range map[string]string{
		"keybridge.yaml": text.String(), "page.key": standPageSecret, "dashboard.secret": "dashboard-secret-of-nobody",
		"portal-webhook.secret": standPortalHook, "stripe.key": "sk_test_of_nobody", "stripe-webhook.secret": standStripeHook,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	store, err := bolt.Open(bolt.Config{Path: filepath.Join(folder, "data", storeFile)})
	if err != nil {
		tb.Fatal(err)
	}
	var next atomic.Int64
	var all sync.WaitGroup
	for range 512 {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < known; i = int(next.Add(1)) - 1 {
				if _, err := store.Accept(context.Background(), paying(i), nil); err != nil {
					tb.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	if err := store.Close(); err != nil {
		tb.Fatal(err)
	}
	return folder
}

// paying is the n-th request, for which a checkout is open.
func paying(n int) bridge.Hint {
	h := grown(n)
	h.Portal, h.Source = demoPortal, "portal/"+demoPortal
	h.Intake.Portal = demoPortal
	h.Intake.Refs = []bridge.Ref{{System: stripeProvider, Kind: bridge.RefSession, ID: fmt.Sprintf("cs_test_a1%056d", n)}}
	return h
}

// measured are the rounds of one thing.
type measured struct {
	rates      []float64
	half, most []time.Duration
}

func (m *measured) add(d delivered) {
	m.rates = append(m.rates, d.rate())
	m.half = append(m.half, d.at(0.5))
	m.most = append(m.most, d.at(0.99))
}

func (m *measured) rate() float64 {
	all := slices.Sorted(slices.Values(m.rates))
	return all[len(all)/2]
}

// BenchmarkLoad puts a load on each in turn and prints a table.
func BenchmarkLoad(b *testing.B) {
	begin := time.Now()
	filled := fillBridge(b, *loadKnown)
	b.Logf("%d requests are known, after %s", *loadKnown, time.Since(begin).Round(time.Second))
	kinds := []*loaded{
		startLoaded(b, loadNothing, ""), startLoaded(b, loadBridge, filled), startLoaded(b, loadUpdate, b.TempDir()),
	}
	results := map[string]*measured{}
	for range *loadRounds {
		for _, clients := range []int{1, 8, 64} {
			for _, l := range kinds {
				l.rest()
				key := fmt.Sprintf("%s %d", l.kind, clients)
				if results[key] == nil {
					results[key] = &measured{}
				}
				results[key].add(l.load(clients))
			}
		}
	}
	for _, clients := range []int{1, 8, 64} {
		n := results[fmt.Sprintf("%s %d", loadNothing, clients)].rate()
		for _, l := range kinds {
			m := results[fmt.Sprintf("%s %d", l.kind, clients)]
			b.Logf("%-10s %2d clients: %8.0f/s  %.2f N  p50 %7s  p99 %7s", l.kind, clients, m.rate(), m.rate()/n,
				median(m.half).Round(10*time.Microsecond), median(m.most).Round(10*time.Microsecond))
		}
	}
}

// load sends events that are distinct.
func (l *loaded) load(clients int) delivered {
	l.tb.Helper()
	most := int(loadTime.Seconds() * 100_000)
	if clients == 1 {
		most /= 4
	}
	requests := eventRequests(l.sent, most, *loadKnown)
	d, err := deliver(l.addr, requests, clients, *loadTime)
	if err != nil {
		l.tb.Fatal(err)
	}
	l.sent += most
	if n := d.answers[200]; n != len(d.took) {
		l.tb.Fatalf("load on %s: %v", l.kind, d.answers)
	}
	return d
}
