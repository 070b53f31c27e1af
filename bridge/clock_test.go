package bridge_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"keybridge/bridge"
)

// TestFaultClockJumpsWhileRequestsWait sets the clock while a worker runs: what waits goes on waiting as long
// as it was to, and twice that at most; what comes in is worked on at once; what is asked for
// every so often is asked for as often as ever. A day ahead is a day that was slept through:
// what became due meanwhile is looked at, a few at a time.
func TestFaultClockJumpsWhileRequestsWait(t *testing.T) {
	const workers, keys = 8, 30
	for name, by := range map[string]time.Duration{
		"five minutes ahead": 5 * time.Minute, "five minutes back": -5 * time.Minute,
		"a day ahead": 24 * time.Hour, "a day back": -24 * time.Hour,
	} {
		t.Run(name, func(t *testing.T) {
			live(t, func(w *world) {
				var work, keysThatWork = w.ask("paid"), []bridge.ID{}
				w.await(work, time.Minute, bridge.StatePaying)
				for range keys {
					id := w.ask("free")
					keysThatWork = append(keysThatWork, id)
					w.await(id, time.Minute, bridge.StateActive)
				}
				w.failing("open", limited)
				late := w.ask("monthly")
				time.Sleep(5 * time.Second) // it was tried once, and asked to come back in 90 s
				most := w.reading()
				polls, sweeps, mails := w.count("list pending"), w.count("list missed events"), w.mails()
				synctest.Wait()

				began := time.Now()
				w.jump(by)
				w.provider.pay(work)
				w.look(work)
				w.await(work, 30*time.Second, bridge.StateActive)
				time.Sleep(8 * time.Minute)
				if n := w.get(late).Work.Failures; n < 3 || n > 7 {
					w.Errorf("tried %d times in eight minutes, every 90 seconds", n)
				}
				w.failing("", fine)
				w.await(late, 3*time.Minute, bridge.StatePaying)
				time.Sleep(time.Until(began.Add(2 * time.Hour)))
				if n := w.count("list pending") - polls; n < 11 || n > 13 {
					w.Errorf("the portal was asked %d times in two hours, every ten minutes", n)
				}
				if n := w.count("list missed events") - sweeps; n != 2 {
					w.Errorf("the provider was asked %d times in two hours", n)
				}
				if n := most.Load(); n > workers {
					w.Errorf("%d requests were read at once", n)
				}
				for _, id := range keysThatWork {
					w.wantStage(id, bridge.StateActive)
				}
				if n := w.mails() - mails; n > 3 { // work is told that it is paid, late that it may pay
					w.Errorf("%d mails", n)
				}
			}, polled(10*time.Minute), func(c *bridge.Config) {
				site := c.Portals["main"]
				site.Workers = workers
				c.Portals["main"] = site
			})
		})
	}
}

// reading has each reading of the portal take a moment, and returns how many were made at
// once at most.
func (w *world) reading() *atomic.Int64 {
	var now, most atomic.Int64
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hook = func(call string) {
		if call != "read portal" {
			return
		}
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		time.Sleep(100 * time.Millisecond)
		now.Add(-1)
	}
	return &most
}

func (w *world) mails() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.mail)
}
