package bridge_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"keybridge/bridge"
)

// Send makes the function a Notifier.
func (n notifier) Send(_ context.Context, m bridge.Message) error { return n(m) }

// polled sets how often the portal is asked.
func polled(every time.Duration) func(*bridge.Config) {
	return func(c *bridge.Config) {
		site := c.Portals["main"]
		site.Poll = every
		c.Portals["main"] = site
	}
}

// known waits until a key request has led to a request that stands somewhere.
func (w *world) known(key string, within time.Duration, want bridge.State) bridge.Request {
	w.Helper()
	time.Sleep(within)
	synctest.Wait()
	r, err := w.service.GetKey(w.Context(), "main", key)
	if err != nil {
		w.Fatal(err)
	}
	if r.State() != want {
		w.Fatalf("%s is %s, want %s", key, r.State(), want)
	}
	return r
}

func TestWhatNobodyToldOfIsFoundByAskingThePortal(t *testing.T) {
	live(t, func(w *world) {
		first, second := w.portal.ask("free"), w.portal.ask("reviewed")
		r := w.known(first, time.Minute, bridge.StateActive)
		if r.Arrival.Trust != bridge.Untold {
			w.Errorf("arrival %q", r.Arrival.Trust)
		}
		w.known(second, 0, bridge.StateReviewing)
		reads := w.count("read portal")
		time.Sleep(8*time.Minute + 30*time.Second)
		if n := w.count("list pending"); n != 10 { // at the start, and after each minute
			w.Errorf("asked %d times, want 10", n)
		}
		if n := w.count("read portal"); n != reads {
			w.Errorf("what is known was read %d times more", n-reads)
		}
	}, polled(time.Minute))
}

func TestWhatWaitsInThePortalAndIsOverHereIsLookedAtAgain(t *testing.T) {
	live(t, func(w *world) {
		key := w.portal.ask("reviewed")
		r := w.known(key, time.Minute+time.Second, bridge.StateReviewing)
		w.portal.set(key, bridge.Gone) // by mistake, and for so long that it is believed
		w.look(r.ID)
		w.known(key, 21*time.Second, bridge.StateDeclined)
		w.portal.set(key, bridge.Pending)
		w.known(key, time.Minute+time.Second, bridge.StateDeclined)
		if state := w.portal.get(key).state; state != bridge.Gone {
			w.Errorf("declined, and %s in the portal", state)
		}
	}, polled(time.Minute))
}

func TestAPortalIsAskedAtTheStartAndWhenItsWebhookSaysSo(t *testing.T) {
	live(t, func(w *world) {
		synctest.Wait()
		key := w.portal.ask("free")
		time.Sleep(24 * time.Hour)
		if _, err := w.service.GetKey(w.Context(), "main", key); bridge.KindOf(err) != bridge.NotFound {
			w.Fatalf("it is known: %v", err)
		}
		for range 100 {
			w.service.Ask("main")
		}
		w.service.Ask("nobody's")
		w.known(key, 3*time.Second, bridge.StateActive)
		time.Sleep(time.Hour)
		if n := w.count("list pending"); n > 3 {
			w.Errorf("asked %d times", n)
		}
	}, polled(-1))
}

func TestAListingThatFailsIsTriedAgainSoon(t *testing.T) {
	live(t, func(w *world) {
		synctest.Wait() // the listing of the start is over, and found nothing
		w.mu.Lock()
		left := 3
		w.fault = func(call string) fault {
			if call == "list pending" && left > 0 {
				left--
				return cutBefore
			}
			return fine
		}
		w.mu.Unlock()
		key := w.portal.ask("free")
		w.service.Ask("main")
		w.known(key, 95*time.Second, bridge.StateActive)
		w.mu.Lock()
		defer w.mu.Unlock()
		if left > 0 {
			w.Errorf("%d listings did not fail", left)
		}
	}, polled(24*time.Hour))
}

// A resumption may make a key request of its own, of which the portal tells before the
// call that made it has returned.
func TestAKeyGivenAnewIsNoSecondRequest(t *testing.T) {
	for name, lost := range map[string]bool{"told of during the call": false, "and the answer lost": true} {
		t.Run(name, func(t *testing.T) {
			live(t, func(w *world) {
				w.portal.renews = true
				id := w.ask("paid")
				w.await(id, time.Minute, bridge.StatePaying)
				w.provider.pay(id)
				w.look(id)
				w.await(id, time.Minute, bridge.StateActive)
				w.setInactive(true)
				w.look(id)
				w.await(id, time.Minute, bridge.StateSuspended)
				w.mu.Lock()
				w.hook = func(call string) {
					if call == "resumed" {
						time.Sleep(time.Second) // the webhook is taken in meanwhile
					}
				}
				w.fault = func(call string) fault {
					if call == "resume" && lost {
						lost = false
						return cutAfter
					}
					return fine
				}
				w.mu.Unlock()
				w.setInactive(false)
				w.look(id)
				time.Sleep(500 * time.Millisecond)
				if _, err := w.service.Accept(w.Context(), w.webhook("k2")); err != nil {
					w.Fatal(err)
				}
				w.await(id, time.Minute, bridge.StateActive)
				r := w.known("k2", time.Minute, bridge.StateActive)
				page, err := w.service.List(w.Context(), bridge.Filter{})
				if err != nil || len(page.Requests) != 1 || r.ID != id {
					w.Errorf("%d requests, %v", len(page.Requests), err)
				}
			})
		})
	}
}

func (w *world) setInactive(inactive bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.portal.inactive = inactive
}

func TestAnApplicantsRequestsAreThoseThatAreNotOver(t *testing.T) {
	w := newWorld(t)
	first, second, third := w.ask("free"), w.ask("reviewed"), w.ask("paid")
	w.step()
	if err := w.service.Withdraw(w.Context(), second); err != nil {
		t.Fatal(err)
	}
	w.step()
	ids, err := w.service.Requests(w.Context(), "main", "dev-1")
	if err != nil || len(ids) != 2 || ids[0] != third || ids[1] != first {
		t.Errorf("%v, %v", ids, err)
	}
}
