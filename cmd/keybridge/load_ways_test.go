package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	stripesandbox "keybridge/billing/stripe/sandbox"
	tyksandbox "keybridge/bridge/tyk/sandbox"

	"keybridge/bridge"
)

// The whole way of a key: a request is filed in the portal, its browser handed off, a
// checkout opened and paid, the key granted. Portal, Stripe and the people are in this
// process too, and take their part of the processors. Run with
//
//	go test ./cmd/keybridge -run '^$' -bench LoadWays
var (
	waysTime    = flag.Duration("load.ways", 10*time.Second, "how long whole ways are gone")
	waysPeople  = flag.Int("load.people", 32, "how many people go whole ways at once")
	waysEach    = flag.Int("load.each", 100, "how many payments a second there are while they are timed")
	waysWorkers = flag.Int("load.workers", 8, "how many requests of the portal are worked on at once: the configuration's workers")
	waysPayment = flag.Int("load.payments", 500, "how many payments are timed")
)

// walkers are people who ask for keys and pay for them, on a stand.
type walkers struct {
	*stand
	client *http.Client
	filed  atomic.Int64
	mu     sync.Mutex
	// waits has where who waits for a key request is told of its changes.
	waits map[string]chan bridge.Request
}

// startWalkers starts a stand whose bridge logs no more than in production.
func startWalkers(b *testing.B) *walkers {
	b.Helper()
	w := &walkers{stand: startStand(b, choice{handoff: fmt.Sprintf("%s\n    workers: %d", bareHandoff, *waysWorkers)}), waits: map[string]chan bridge.Request{}, client: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{MaxIdleConnsPerHost: 256},
	}}
	if err := w.stopBridge(); err != nil {
		b.Fatal(err)
	}
	listener, err := net.Listen("tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		b.Fatal(err)
	}
	running, err := startBridge(w.cfg, slog.New(slog.NewJSONHandler(w.log, nil)), listener, w.changed)
	if err != nil {
		b.Fatal(err)
	}
	w.bridge = running
	b.Cleanup(func() {
		if err := running.Stop(); err != nil {
			b.Error(err)
		}
	})
	return w
}

// changed tells who waits for a request how it is.
func (w *walkers) changed(r bridge.Request, _ []bridge.Entry) {
	w.mu.Lock()
	wait := w.waits[r.Key]
	w.mu.Unlock()
	if wait != nil {
		wait <- r
	}
}

// file asks for a key and has the portal hand the browser over.
func (w *walkers) file() (key string, wait chan bridge.Request, err error) {
	k, err := w.Portal.CreateKeyRequest(tyksandbox.Ask{
		Email: fmt.Sprintf("walker%d@example.com", w.filed.Add(1)), Policies: []string{tyksandbox.PaidPolicy},
		Fields: map[string]string{"What will you build?": "A boat that knows when to stay at home."},
	})
	if err != nil {
		return "", nil, err
	}
	wait = make(chan bridge.Request, 64) // more than a request's changes on its way
	w.mu.Lock()
	w.waits[k.ID] = wait
	w.mu.Unlock()
	answer, err := w.client.Get(w.url + "/handoff/" + demoPortal + "?key_request_id=" + k.ID)
	if err != nil {
		return "", nil, err
	}
	_, err = io.Copy(io.Discard, answer.Body)
	if answer.StatusCode != http.StatusSeeOther {
		err = fmt.Errorf("the hand-off was answered with %s", answer.Status)
	}
	return k.ID, wait, errors.Join(err, answer.Body.Close())
}

// until waits for a request to be so.
func until(wait chan bridge.Request, what string, so func(bridge.Request) bool) (bridge.Request, error) {
	late := time.After(patience)
	for {
		select {
		case r := <-wait:
			if so(r) {
				return r, nil
			}
		case <-late:
			return bridge.Request{}, fmt.Errorf("waited too long for %s", what)
		}
	}
}

func payable(r bridge.Request) bool { return r.Payment.Checkout.State == bridge.CheckoutOpen }
func granted(r bridge.Request) bool { return r.Access.Have == bridge.Granted }

func (w *walkers) pay(checkout string) error {
	return w.Stripe.Act(checkout, "pay", stripesandbox.Args{"email": "payer@example.org"})
}

// walk goes the whole way once.
func (w *walkers) walk() error {
	key, wait, err := w.file()
	if err != nil {
		return err
	}
	r, err := until(wait, "a checkout", payable)
	if err != nil {
		return err
	}
	if err := w.pay(r.Payment.Checkout.ID); err != nil {
		return err
	}
	_, err = until(wait, "the key", granted)
	w.mu.Lock()
	delete(w.waits, key)
	w.mu.Unlock()
	return err
}

// BenchmarkLoadWays goes whole ways as fast as they go, and then times single payments.
func BenchmarkLoadWays(b *testing.B) {
	relaxCollector(os.LookupEnv) // as serve does
	w := startWalkers(b)
	var d delivered
	var mu sync.Mutex
	var all sync.WaitGroup
	begin, before := time.Now(), processorsOfThis()
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
	fmt.Printf("whole ways: %.0f a second, %d at once, p50 %s, p99 %s, %.0f µs of processor each, sandboxes and people among them\n",
		d.rate(), *waysPeople, d.at(0.5).Round(time.Millisecond), d.at(0.99).Round(time.Millisecond),
		float64((processorsOfThis()-before).Microseconds())/float64(len(d.took)))
	d = w.payments(b)
	fmt.Printf("from payment to the portal's approve call, %d a second: p50 %s, p99 %s of %d\n",
		*waysEach, d.at(0.5).Round(10*time.Microsecond), d.at(0.99).Round(10*time.Microsecond), len(d.took))
}

// payments pays at an even pace for what is ready to be paid, and takes the time from then,
// with Stripe's sending of the event, until the portal is called to approve.
func (w *walkers) payments(b *testing.B) (d delivered) {
	b.Helper()
	keys, checkouts := make([]string, *waysPayment), make([]string, *waysPayment)
	for i := range keys {
		key, wait, err := w.file()
		if err != nil {
			b.Fatal(err)
		}
		r, err := until(wait, "a checkout", payable)
		if err != nil {
			b.Fatal(err)
		}
		keys[i], checkouts[i] = key, r.Payment.Checkout.ID
	}
	paid := map[string]time.Time{}
	begin := time.Now()
	for i, key := range keys {
		time.Sleep(time.Until(begin.Add(time.Duration(i) * time.Second / time.Duration(*waysEach))))
		path := "/api/portal/requests/approve/" + key
		paid[path] = time.Now()
		if err := w.pay(checkouts[i]); err != nil {
			b.Fatal(err)
		}
	}
	for _, key := range keys {
		if _, err := until(w.waits[key], "the key", granted); err != nil {
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
