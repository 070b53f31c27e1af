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
	"text/tabwriter"
	"text/template"
	"time"

	"keybridge/bridge"
	"keybridge/store/bolt"
)

// The load: how fast webhooks are taken in, next to what else is there. Everything is
// measured in one run and in turns, several rounds, because only ratios within a run say
// anything on a machine that others use too. Run with
//
//	go test ./cmd/keybridge -run '^$' -bench 'Load$' -load.postgres
//
// These are benchmarks, so that a run of the tests does not wait for them. They are here
// and not in a package of their own, because what is measured is what this one wires.
var (
	loadTime     = flag.Duration("load.time", 2*time.Second, "how long each measurement of a load takes")
	loadRounds   = flag.Int("load.rounds", 3, "how often each is taken; the median counts")
	loadKnown    = flag.Int("load.known", 50_000, "how many requests are known to the bridge under load")
	loadPostgres = flag.Bool("load.postgres", false, "measure PostgreSQL as well: its programs have to be there (pg_config)")
)

// What a load is put on.
const (
	onNothing  = "gin, nothing"
	onBridge   = "keybridge"
	onUpdate   = "db.Update"
	onPostgres = "postgresql"
)

// loadClients are how many clients send at once.
var loadClients = []int{1, 8, 64}

// BenchmarkLoad puts a load on each in turn and prints a table. N is Gin that does nothing.
func BenchmarkLoad(b *testing.B) {
	kinds := []*loaded{
		startLoaded(b, onNothing, ""), startLoaded(b, onBridge, fillBridge(b, *loadKnown)), startLoaded(b, onUpdate, shortFolder(b)),
	}
	if *loadPostgres {
		kinds = append(kinds, startLoaded(b, onPostgres, startPostgres(b)))
	}
	results := map[string]*measured{}
	add := func(kind string, clients int, d delivered) {
		key := fmt.Sprint(kind, clients)
		if results[key] == nil {
			results[key] = &measured{}
		}
		results[key].add(d)
	}
	for range *loadRounds {
		add("fdatasync", 1, syncs(b))
		for _, clients := range loadClients {
			for _, l := range kinds {
				add(l.kind, clients, l.load(clients, false))
				if l.kind == onBridge {
					add("  duplicates", clients, l.load(clients, true))
				}
			}
		}
	}
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\t clients\t a second\t of N\t p50\t p99\t µs of processor\t")
	row := func(kind string, clients int, n float64) {
		m := results[fmt.Sprint(kind, clients)]
		fmt.Fprintf(table, "%s\t%d\t%.0f\t%.2f\t%s\t%s\t%.0f\t\n", kind, clients, median(m.rates), median(m.rates)/n,
			median(m.half).Round(10*time.Microsecond), median(m.most).Round(10*time.Microsecond), median(m.cost))
	}
	for _, clients := range loadClients {
		n := median(results[fmt.Sprint(onNothing, clients)].rates)
		for _, l := range kinds {
			row(l.kind, clients, n)
			if l.kind == onBridge {
				row("  duplicates", clients, n)
			}
		}
	}
	row("fdatasync", 1, median(results[fmt.Sprint(onNothing, 1)].rates))
	_ = table.Flush() // into memory
	fmt.Printf("medians of %d rounds of %s, %d requests known\n%s", *loadRounds, *loadTime, *loadKnown, text.String())
}

// measured are the rounds of one thing.
type measured struct {
	rates, cost []float64
	half, most  []time.Duration
}

func (m *measured) add(d delivered) {
	m.rates = append(m.rates, d.rate())
	m.cost = append(m.cost, float64(d.processor.Microseconds())/float64(max(1, len(d.took))))
	m.half = append(m.half, d.at(0.5))
	m.most = append(m.most, d.at(0.99))
}

// syncs measures what everything durable is made of: 4 KiB over those of a file that is
// there, and fdatasync.
func syncs(tb testing.TB) delivered {
	tb.Helper()
	f, err := os.Create(filepath.Join(shortFolder(tb), "sync"))
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = f.Close() }() // nothing in it is needed
	page := make([]byte, 4<<10)
	for range 256 {
		if _, err := f.Write(page); err != nil {
			tb.Fatal(err)
		}
	}
	if err := f.Sync(); err != nil {
		tb.Fatal(err)
	}
	var d delivered
	begin := time.Now()
	for last := begin; last.Sub(begin) < *loadTime/4; {
		if _, err := f.WriteAt(page, int64(len(d.took)%256)*4<<10); err != nil {
			tb.Fatal(err)
		}
		if err := dataSync(f); err != nil {
			tb.Fatal(err)
		}
		now := time.Now()
		d.took = append(d.took, now.Sub(last))
		last = now
	}
	d.done(begin)
	return d
}

// loaded is a process under load.
type loaded struct {
	tb      testing.TB
	kind    string
	addr    string
	process *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	// sent is how many events were made for it, known how many of the first after last it
	// has answered.
	sent, last, known int
}

// startLoaded starts one, on a folder. It ends with the test.
func startLoaded(tb testing.TB, kind, folder string) *loaded {
	tb.Helper()
	itself, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	program := filepath.Join(shortFolder(tb), "load-server")
	if err := os.Symlink(itself, program); err != nil {
		tb.Fatal(err)
	}
	l := &loaded{tb: tb, kind: kind, process: exec.Command(program, kind, folder)}
	l.process.Stderr = os.Stderr
	if l.in, err = l.process.StdinPipe(); err != nil {
		tb.Fatal(err)
	}
	out, err := l.process.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	l.out = bufio.NewReader(out)
	if err := l.process.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = l.in.Close()
		if err := l.process.Wait(); err != nil {
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

// What a process under load can be told to do, a line each; see sayBackup, too.
const (
	sayRest  = "rest"  // bring everything to rest that is due
	sayEnter = "enter" // enter what waits in the intake
)

// tell has the process do something, and waits until it has.
func (l *loaded) tell(what string) {
	l.tb.Helper()
	if _, err := io.WriteString(l.in, what+"\n"); err != nil {
		l.tb.Fatal(err)
	}
	if answer := l.line(); answer != "done" {
		l.tb.Fatalf("load-server %s: told to %s it said %q", l.kind, what, answer)
	}
}

// load sends events: distinct ones, each about another request that is at rest; or again
// those that it knows by the load before.
func (l *loaded) load(clients int, again bool) delivered {
	l.tb.Helper()
	l.tell(sayRest)
	most := int(loadTime.Seconds() * 50_000)
	if clients > 1 {
		most *= 2
	}
	var requests [][]byte
	if again {
		requests = slices.Repeat(eventRequests(l.last, l.known, 0, *loadKnown), most/l.known+1)
	} else {
		requests = eventRequests(l.sent, most, 0, *loadKnown)
		l.last, l.sent = l.sent, l.sent+most
	}
	d, err := deliver(l.process.Process.Pid, l.addr, requests, clients, *loadTime)
	if err != nil {
		l.tb.Fatal(err)
	}
	l.known = max(1, d.least*clients)
	if n := d.answers[200]; n != len(d.took) {
		l.tb.Fatalf("load on %s was answered with %v", l.kind, d.answers)
	}
	return d
}

// writeLoadConfig writes the configuration of a bridge whose portals and Stripe are
// nowhere.
func writeLoadConfig(tb testing.TB, folder string) {
	tb.Helper()
	nowhere := "http://127.0.0.1:1"
	var text strings.Builder
	err := template.Must(template.New("").Parse(standConfig)).Execute(&text, map[string]any{
		"URL": nowhere, "Portal": nowhere, "Stripe": nowhere, "Organisation": "org", "Shutdown": "5s",
		"Delivery": "mail", "Handoff": bareHandoff, "Plans": []string{paidPlan}, "Poll": "5m",
		"Enterprise": map[string]string(nil), "Mail": map[string]string(nil), "More": "",
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
}

// fillBridge makes the configuration of a bridge, and a store in which it knows requests.
func fillBridge(tb testing.TB, known int) (folder string) {
	tb.Helper()
	folder = shortFolder(tb)
	writeLoadConfig(tb, folder)
	store, err := bolt.Open(bolt.Config{Path: filepath.Join(folder, "data", storeFile)})
	if err != nil {
		tb.Fatal(err)
	}
	var next atomic.Int64
	var all sync.WaitGroup
	for range 256 {
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

// TestAnsweredUnderLoadIsKept puts a short load on a bridge, and then looks whether it
// knows each event that it has answered.
func TestAnsweredUnderLoadIsKept(t *testing.T) {
	folder := fillBridge(t, 100)
	requests := eventRequests(0, 400, 0, 100)
	var d delivered
	t.Run("load", func(t *testing.T) { // which ends the process
		l := startLoaded(t, onBridge, folder)
		var err error
		if d, err = deliver(l.process.Process.Pid, l.addr, requests, 8, patience); err != nil {
			t.Fatal(err)
		}
	})
	if d.answers[200] != len(requests) {
		t.Fatalf("%d requests were answered with %v", len(requests), d.answers)
	}
	store, err := bolt.Open(bolt.Config{Path: filepath.Join(folder, "data", storeFile)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }() // it was only read
	for n := range requests {
		a, err := store.Accept(t.Context(), bridge.Hint{Source: stripeProvider, ID: eventID(n), Request: grownID(0)}, nil)
		if err != nil || !a.Duplicate {
			t.Errorf("event %d was answered 200 and is not known: %+v, %v", n, a, err)
		}
	}
}
