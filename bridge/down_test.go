package bridge_test

import (
	"testing"
	"time"

	"keybridge/bridge"
)

// TestFaultDownForAnHour: while portal and provider are down for an hour people go on
// arriving. Each of them is taken in and visible, nobody's calls pile up, and once both
// are back everybody gets on, once.
func TestFaultDownForAnHour(t *testing.T) {
	for name, how := range map[string]fault{
		"they do not answer": cutBefore, "they do, and it is lost": cutAfter, "429": limited, "500": storedBefore,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.fault = func(string) fault { return how }
			var free, paying []bridge.ID
			for range 30 {
				free, paying = append(free, w.ask("free")), append(paying, w.ask("paid"))
				w.step()
				w.pass(2 * time.Minute)
			}
			page, err := w.service.List(t.Context(), bridge.Filter{Limit: 100})
			if err != nil || len(page.Requests) != 60 {
				t.Fatalf("%d of 60 are to be seen: %v", len(page.Requests), err)
			}
			// Each is tried less and less often.
			if tried := w.attempts(); tried > 60*12 {
				t.Errorf("%d calls in an hour for 60 requests", tried)
			}
			w.fault = func(string) fault { return fine }
			for range 20 { // the last of them wait for half an hour at most
				w.pass(5 * time.Minute)
				w.step()
			}
			for _, id := range free {
				if r := w.get(id); r.State() != bridge.StateActive || w.portal.get(r.Key).issued != 1 {
					t.Errorf("%s: %d keys, %s", r.State(), w.portal.get(r.Key).issued, r.Work.Error)
				}
			}
			for _, id := range paying {
				if r := w.get(id); r.State() != bridge.StatePaying || w.provider.account(id).live() != 1 {
					t.Errorf("%s: %d live checkouts, %s", r.State(), w.provider.account(id).live(), r.Work.Error)
				}
			}
		})
	}
}

// attempts is how many calls were tried.
func (w *world) attempts() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.tries)
}
