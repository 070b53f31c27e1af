package bridge_test

import (
	"testing"
	"time"

	"keybridge/bridge"
)

// says has a hint accepted that says something of a request, and lets what follows happen.
func (w *world) says(id bridge.ID, said bridge.Said) {
	w.Helper()
	if _, err := w.service.Accept(w.Context(), bridge.Hint{Source: "test", What: "said", Said: said, Request: id}); err != nil {
		w.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond)
}

// reads is how often the portal and the provider were asked.
func (w *world) reads() [2]int { return [2]int{w.count("read portal"), w.count("read payment")} }

func TestASideIsAskedWhenSomethingWasSaidOfIt(t *testing.T) {
	for name, c := range map[string]struct {
		said      bridge.Said
		after     time.Duration
		meanwhile func(w *world, id bridge.ID)
		want      [2]int // readings of the portal and of the payment
	}{
		"the payment":                       {bridge.SaidMoney, 0, nil, [2]int{0, 1}},
		"the portal":                        {bridge.SaidPortal, 0, nil, [2]int{1, 0}},
		"both":                              {bridge.SaidPortal | bridge.SaidMoney, 0, nil, [2]int{1, 1}},
		"anything":                          {0, 0, nil, [2]int{1, 1}},
		"our own approval":                  {bridge.SaidGranted, 0, nil, [2]int{0, 0}},
		"the payment, and a while later":    {bridge.SaidMoney, 6 * time.Second, nil, [2]int{1, 1}},
		"our own approval, a while later":   {bridge.SaidGranted, 6 * time.Second, nil, [2]int{1, 1}},
		"an approval where it is suspended": {bridge.SaidGranted, 0, func(w *world, id bridge.ID) { w.set(id, bridge.Suspended) }, [2]int{1, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			live(t, func(w *world) {
				id := w.ask("paid")
				w.await(id, time.Minute, bridge.StatePaying)
				w.provider.pay(id)
				w.says(id, bridge.SaidMoney)
				w.await(id, time.Minute, bridge.StateActive)
				if c.meanwhile != nil {
					c.meanwhile(w, id)
				}
				time.Sleep(c.after)
				before := w.reads()
				w.says(id, c.said)
				after := w.reads()
				if got := [2]int{after[0] - before[0], after[1] - before[1]}; got != c.want {
					t.Errorf("portal and payment were read %v times, want %v", got, c.want)
				}
			})
		})
	}
}

func TestABrowserThatComesAfterItsWebhookHasThePortalReadOnce(t *testing.T) {
	live(t, func(w *world) {
		time.Sleep(time.Second) // the portal is listed at the start
		key := w.portal.ask("paid")
		if _, err := w.service.Accept(w.Context(), w.webhook(key)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		r, err := w.service.Arrive(w.Context(), handoff(key, bridge.Signed, "link", ""))
		if err != nil {
			t.Fatal(err)
		}
		w.await(r.ID, 10*time.Second, bridge.StatePaying)
		if n := w.count("read portal"); n != 1 {
			t.Errorf("the portal was read %d times", n)
		}
	})
}

// set has the portal say that access is so, and the bridge see it.
func (w *world) set(id bridge.ID, state bridge.AccessState) {
	w.Helper()
	w.portal.set(w.get(id).Key, state)
	w.says(id, bridge.SaidPortal)
	if have := w.get(id).Access.Have; have != state {
		w.Fatalf("access is %s, want %s", have, state)
	}
}

// A word that comes just when the clock is due wakes the same pass.
func TestAWordDoesNotNarrowWhatTheClockBrings(t *testing.T) {
	w := newWorld(t)
	id := w.monthly()
	until := w.get(id).Payment.PaidUntil
	w.pass(until.Sub(w.now()) - 2*time.Second)
	say := func(said bridge.Said) {
		if _, err := w.service.Accept(t.Context(), bridge.Hint{Source: "test", Said: said, Request: id}); err != nil {
			t.Fatal(err)
		}
		w.step()
	}
	say(bridge.SaidMoney)
	w.provider.change(id, func(a *account) { a.money.PaidUntil = until.AddDate(0, 1, 0) })
	w.pass(3 * time.Second)
	say(bridge.SaidPortal)
	if p := w.get(id).Payment; !p.PaidUntil.After(until) {
		t.Errorf("it was renewed until %s, and is paid until %s here", until.AddDate(0, 1, 0), p.PaidUntil)
	}
}

func TestAfterAFailureBothSidesAreRead(t *testing.T) {
	live(t, func(w *world) {
		id := w.ask("paid")
		w.await(id, time.Minute, bridge.StatePaying)
		w.says(id, 0)
		before := w.reads()
		left := 1
		w.mu.Lock()
		w.fault = func(call string) fault {
			if call == "read payment" && left > 0 {
				left--
				return cutBefore
			}
			return fine
		}
		w.mu.Unlock()
		w.says(id, bridge.SaidMoney)
		w.says(id, bridge.SaidPortal) // before it would be tried again
		if after := w.reads(); after != [2]int{before[0] + 1, before[1] + 2} {
			t.Errorf("read %v times after %v, want both once more", after, before)
		}
	})
}

// A process that begins knows of no reading, and one that dies may leave a hint that it
// was told of and did nothing about.
func TestABeginningProcessReadsBothSides(t *testing.T) {
	w := newWorld(t)
	id := w.ask("paid")
	w.step()
	w.restart()
	before := w.reads()
	if _, err := w.service.Accept(t.Context(), bridge.Hint{Source: "test", Said: bridge.SaidPortal, Request: id}); err != nil {
		t.Fatal(err)
	}
	w.step()
	if after := w.reads(); after != [2]int{before[0] + 1, before[1] + 1} {
		t.Errorf("read %v times after %v, want both once more", after, before)
	}
}
