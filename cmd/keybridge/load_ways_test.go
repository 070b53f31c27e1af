package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	stripesandbox "keybridge/billing/stripe/sandbox"
	tyksandbox "keybridge/bridge/tyk/sandbox"

	"keybridge/bridge"
	"keybridge/store/bolt"
	"keybridge/webhooks"
)

// The whole way of a key: a request is filed in the portal, its browser handed off, a
// checkout opened and paid, the key granted. The bridge is a process of its own; portal,
// Stripe and the people are this one, and take their part of the processors. Run with
//
//	go test ./cmd/keybridge -run '^$' -bench LoadWays
var (
	waysTime    = flag.Duration("load.ways", 10*time.Second, "how long whole ways are gone")
	waysPeople  = flag.Int("load.people", 64, "how many people go whole ways at once")
	waysEach    = flag.Int("load.each", 100, "how many payments a second there are while they are timed")
	waysWorkers = flag.Int("load.workers", 32, "how many requests of the portal are worked on at once: the configuration's workers")
	waysPayment = flag.Int("load.payments", 500, "how many payments are timed")
)

// walkers are people who ask for keys and pay for them, on a stand whose bridge is a
// process.
type walkers struct {
	*killable
	client *http.Client
	filed  atomic.Int64
	// checkouts has where who filed a request is told of the checkout that was opened for it, by the request's id; keys
	// has where they are told that the key was approved, by the id of the key request.
	checkouts, keys waits
}

// waits are channels on which people wait, each for one thing that is told once.
type waits struct{ of sync.Map }

func (w *waits) on(id string) chan string {
	wait, _ := w.of.LoadOrStore(id, make(chan string, 1)) // whoever comes first makes it
	return wait.(chan string)
}

// next waits for what there is to be told.
func (w *waits) next(id string) (string, error) {
	defer w.of.Delete(id)
	select {
	case told := <-w.on(id):
		return told, nil
	case <-time.After(patience):
		return "", fmt.Errorf("waited too long for what belongs to %s", id)
	}
}

// startWalkers starts a stand. What people wait for they see at the far ends, as calls of
// the bridge are answered there.
func startWalkers(b *testing.B) *walkers {
	b.Helper()
	debug.SetGCPercent(heapGrowth) // the far ends are to cost as little as they can
	w := &walkers{client: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{MaxIdleConnsPerHost: 256},
	}}
	s := startStand(b, choice{handoff: fmt.Sprintf("%s\n    workers: %d", bareHandoff, *waysWorkers), stripeEvents: webhooks.StripeEvents()})
	w.killable = prepareKillable(s)
	for _, server := range s.servers {
		switch server.Handler {
		case s.Portal:
			server.Handler = w.granted(server.Handler)
		case s.Stripe:
			server.Handler = w.opened(server.Handler)
		}
	}
	w.start()
	return w
}

// granted tells who waits for a key that it was approved.
func (w *walkers) granted(portal http.Handler) http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		portal.ServeHTTP(out, in)
		if key, ok := strings.CutPrefix(in.URL.Path, approvalsPath); ok && in.Method == http.MethodPut {
			w.keys.on(key) <- ""
		}
	})
}

// approvalsPath is where the Dashboard is told to approve key requests.
const approvalsPath = "/api/portal/requests/approve/"

// opened tells who waits to pay which checkout was opened.
func (w *walkers) opened(stripe http.Handler) http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		if in.Method != http.MethodPost || in.URL.Path != "/v1/checkout/sessions" {
			stripe.ServeHTTP(out, in)
			return
		}
		answer := &read{ResponseWriter: out}
		stripe.ServeHTTP(answer, in)
		var session struct {
			ID      string `json:"id"`
			Request string `json:"client_reference_id"`
		}
		if err := json.Unmarshal(answer.body.Bytes(), &session); err == nil && session.ID != "" {
			w.checkouts.on(session.Request) <- session.ID
		}
	})
}

// read is an answer of which the body is read on its way.
type read struct {
	http.ResponseWriter
	body bytes.Buffer
}

func (r *read) Write(p []byte) (int, error) {
	r.body.Write(p)
	return r.ResponseWriter.Write(p)
}

// file asks for a key, has the portal hand the browser over, and waits for the checkout.
func (w *walkers) file() (key, checkout string, err error) {
	k, err := w.Portal.CreateKeyRequest(tyksandbox.Ask{
		Email: fmt.Sprintf("walker%d@example.com", w.filed.Add(1)), Policies: []string{tyksandbox.PaidPolicy},
		Fields: map[string]string{"What will you build?": "A boat that knows when to stay at home."},
	})
	if err != nil {
		return "", "", err
	}
	answer, err := w.client.Get(w.url + "/handoff/" + demoPortal + "?key_request_id=" + k.ID)
	if err != nil {
		return "", "", err
	}
	_, err = io.Copy(io.Discard, answer.Body)
	request, linked := shownOn(answer.Header.Get("Location"))
	if answer.StatusCode != http.StatusSeeOther || !linked {
		err = errors.Join(err, fmt.Errorf("the hand-off was answered with %s", answer.Status))
	}
	if err := errors.Join(err, answer.Body.Close()); err != nil {
		return "", "", err
	}
	checkout, err = w.checkouts.next(request)
	return k.ID, checkout, err
}

// shownOn is the request that a developer's page is about: its address says so, see
// web.Links.
func shownOn(page string) (id string, ok bool) {
	u, err := url.Parse(page)
	if err != nil {
		return "", false
	}
	said, err := base64.RawURLEncoding.DecodeString(path.Base(u.Path))
	if err != nil || len(said) < len(ulid.ULID{}) {
		return "", false
	}
	return ulid.ULID(said[:len(ulid.ULID{})]).String(), true
}

func (w *walkers) pay(checkout string) error {
	return w.Stripe.Act(checkout, "pay", stripesandbox.Args{"email": "payer@example.org"})
}

// walk goes the whole way once.
func (w *walkers) walk() error {
	key, checkout, err := w.file()
	if err != nil {
		return err
	}
	if err := w.pay(checkout); err != nil {
		return err
	}
	_, err = w.keys.next(key)
	return err
}

// BenchmarkLoadWays goes whole ways as fast as they go, times single payments, and counts
// in the bridge's store what came of them. How fast the machine was meanwhile is told by Gin
// that does nothing (N), before and after.
func BenchmarkLoadWays(b *testing.B) {
	var n measured
	idle := startLoaded(b, onNothing, "")
	n.add(idle.load(64, false))
	w := startWalkers(b)
	var d delivered
	var mu sync.Mutex
	var all sync.WaitGroup
	begin, here, there := time.Now(), processorsOfThis(), processorOf(w.process.Process.Pid)
	for range *waysPeople {
		all.Go(func() {
			for time.Since(begin) < *waysTime {
				left := time.Now()
				if err := w.walk(); err != nil {
					b.Error(err)
					return
				}
				mu.Lock()
				d.took = append(d.took, time.Since(left))
				mu.Unlock()
			}
		})
	}
	all.Wait()
	d.done(begin)
	each := func(t time.Duration) float64 { return float64(t.Microseconds()) / float64(len(d.took)) }
	fmt.Printf("whole ways: %.0f a second, %d at once, p50 %s, p99 %s; of processor each %.0f µs, and %.0f µs sandboxes and people\n",
		d.rate(), *waysPeople, d.at(0.5).Round(time.Millisecond), d.at(0.99).Round(time.Millisecond),
		each(processorOf(w.process.Process.Pid)-there), each(processorsOfThis()-here))
	n.add(idle.load(64, false))
	fmt.Printf("N, Gin that does nothing, 64 clients: %.0f a second before and %.0f after; a way costs %.0f of its requests\n",
		n.rates[0], n.rates[1], (n.rates[0]+n.rates[1])/2/d.rate())
	ways := len(d.took)
	d = w.payments(b)
	fmt.Printf("from payment to the portal's approve call, %d a second: p50 %s, p99 %s of %d\n",
		*waysEach, d.at(0.5).Round(10*time.Microsecond), d.at(0.99).Round(10*time.Microsecond), len(d.took))
	w.wantActive(ways + len(d.took))
}

// payments pays at an even pace for what is ready to be paid, and takes the time from then,
// with Stripe's sending of the event, until the portal is called to approve.
func (w *walkers) payments(b *testing.B) (d delivered) {
	b.Helper()
	keys, checkouts := make([]string, *waysPayment), make([]string, *waysPayment)
	for i := range keys {
		var err error
		if keys[i], checkouts[i], err = w.file(); err != nil {
			b.Fatal(err)
		}
	}
	paid := map[string]time.Time{}
	begin := time.Now()
	for i, key := range keys {
		time.Sleep(time.Until(begin.Add(time.Duration(i) * time.Second / time.Duration(*waysEach))))
		paid[approvalsPath+key] = time.Now()
		if err := w.pay(checkouts[i]); err != nil {
			b.Fatal(err)
		}
	}
	for _, key := range keys {
		if _, err := w.keys.next(key); err != nil {
			b.Fatal(err)
		}
	}
	for _, call := range w.Portal.Calls() {
		if at, ok := paid[call.Path]; ok && call.Method == http.MethodPut {
			d.took = append(d.took, call.At.Sub(at))
		}
	}
	if len(d.took) != len(keys) {
		b.Errorf("%d payments led to %d approvals", len(keys), len(d.took))
	}
	d.done(begin)
	return d
}

// wantActive has the bridge end, and counts the requests whose key it knows to be there.
func (w *walkers) wantActive(want int) {
	w.t.Helper()
	time.Sleep(time.Second) // for what is under way: an end gives it the time it needs, and what it did not begin waits
	if err := w.process.Process.Signal(os.Interrupt); err != nil {
		w.t.Fatal(err)
	}
	<-w.ended
	store, err := bolt.Open(bolt.Config{Path: filepath.Join(w.folder, "data", storeFile)})
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = store.Close() }() // it was only read
	active := 0
	for f := (bridge.Filter{State: bridge.StateActive, Limit: 200}); ; {
		page, err := store.List(context.Background(), f)
		if err != nil {
			w.t.Fatal(err)
		}
		active += len(page.Requests)
		if f.After = page.Next; f.After == "" {
			break
		}
	}
	if active != want {
		w.t.Errorf("%d ways were gone, and %d requests are active", want, active)
	}
}
