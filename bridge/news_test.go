package bridge_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"keybridge/bridge"
)

// wantMail says what the applicant has been told until now.
func (w *world) wantMail(want ...bridge.MessageKind) {
	w.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Equal(w.mail, want) {
		w.Errorf("told %q, want %q", w.mail, want)
	}
}

// mailOnly makes a site that leads no browsers here.
func mailOnly(c *bridge.Config) {
	site := c.Portals["main"]
	site.Mailed = true
	c.Portals["main"] = site
}

func TestAnApplicantWhoIsNotLedHereIsToldReMindedAndDeclined(t *testing.T) {
	live(t, func(w *world) {
		key := w.portal.ask("paid") // which waits 3 hours
		done, err := w.service.Accept(w.Context(), w.webhook(key))
		if err != nil {
			w.Fatal(err)
		}
		w.await(done.Request, time.Second, bridge.StatePaying)
		time.Sleep(time.Second)
		w.wantMail(bridge.TellStart)
		time.Sleep(2*time.Hour - 2*time.Second)
		w.wantMail(bridge.TellStart)
		time.Sleep(3 * time.Second)
		w.wantMail(bridge.TellStart, bridge.TellReminder)
		w.await(done.Request, time.Hour, bridge.StateDeclined)
		time.Sleep(time.Second)
		w.wantMail(bridge.TellStart, bridge.TellReminder, bridge.TellDeclined)
	}, mailOnly)
}

func TestAMessageIsTheSameHoweverOftenItIsTried(t *testing.T) {
	w := newWorld(t)
	var tried []bridge.Message
	w.cfg.Notifier = notifier(func(m bridge.Message) error {
		tried = append(tried, m)
		if len(tried) < 4 {
			return &bridge.Error{Kind: bridge.Unavailable}
		}
		return nil
	})
	w.restart()
	id := w.ask("free")
	w.step()
	for range 3 {
		w.pass(24 * time.Hour) // longer than a provider's idempotency key is relied on
		w.restart()
		w.step()
	}
	w.wantState(id, bridge.StateActive)
	if len(tried) != 4 {
		t.Fatalf("tried %d times, want 4", len(tried))
	}
	for _, m := range tried[1:] {
		if m.ID != tried[0].ID || !m.At.Equal(tried[0].At) || m.Page != tried[0].Page || m.Kind != bridge.TellApproved {
			t.Errorf("%s of %s, want %s of %s", m.ID, m.At, tried[0].ID, tried[0].At)
		}
	}
}

func TestWhatAnApplicantCanNeverBeToldIsGivenUpAndTheNextIsTold(t *testing.T) {
	w := newWorld(t)
	w.cfg.Notifier = notifier(func(m bridge.Message) error {
		if m.Kind == bridge.TellApproved {
			return &bridge.Error{Kind: bridge.Invalid, Msg: "the mail server refuses this address"}
		}
		w.mail = append(w.mail, m.Kind)
		return nil
	})
	w.restart()
	id := w.ask("free")
	r := w.wantState(id, bridge.StateActive)
	if len(r.Told) != 1 || !r.Told[0].Unsent {
		t.Errorf("told: %+v", r.Told)
	}
	w.portal.set("k1", bridge.Suspended)
	w.wantState(id, bridge.StateSuspended)
	w.wantMail(bridge.TellSuspended)
}

func TestWhoIsNotToldOfTheOneIsStillToldOfTheOtherAgain(t *testing.T) {
	w := newWorld(t, func(c *bridge.Config) {
		site := c.Portals["main"]
		site.Tell = []bridge.MessageKind{bridge.TellSuspended}
		c.Portals["main"] = site
	})
	id := w.ask("free")
	w.wantState(id, bridge.StateActive)
	for range 2 {
		w.portal.set("k1", bridge.Suspended)
		w.wantState(id, bridge.StateSuspended)
		w.portal.set("k1", bridge.Granted)
		w.wantState(id, bridge.StateActive)
	}
	w.wantMail(bridge.TellSuspended, bridge.TellSuspended)
}

func TestADeactivatedAccountIsSuspendedAndResumed(t *testing.T) {
	w := newWorld(t)
	id := w.ask("free")
	w.wantState(id, bridge.StateActive)
	w.portal.inactive = true
	w.wantState(id, bridge.StateSuspended)
	w.portal.inactive = false
	r := w.wantState(id, bridge.StateActive)
	w.wantMail(bridge.TellApproved, bridge.TellSuspended, bridge.TellResumed)
	if !r.Access.Stopped.At.IsZero() {
		t.Error("our own suspension is taken for the admin's")
	}
}

// A portal may take the credentials away itself with the account.
func TestWhatADeactivationTookAwayIsGivenBack(t *testing.T) {
	w := newWorld(t)
	id := w.ask("free")
	w.wantState(id, bridge.StateActive)
	w.portal.inactive = true
	w.portal.set("k1", bridge.Suspended)
	w.wantState(id, bridge.StateSuspended)
	w.portal.inactive = false
	w.wantState(id, bridge.StateActive)
	if k := w.portal.get("k1"); k.state != bridge.Granted {
		t.Errorf("the portal says %s", k.state)
	}
}

func TestMoneyPaidForAnAccountThatStaysDeactivatedGoesBack(t *testing.T) {
	w := newWorld(t)
	id := w.ask("paid")
	w.wantState(id, bridge.StatePaying)
	w.portal.inactive = true
	w.provider.pay(id)
	r := w.wantState(id, bridge.StateApproving)
	if r.Work.Next.After(w.now().Add(3 * time.Hour)) {
		t.Errorf("looked at again at %s", r.Work.Next)
	}
	w.pass(3 * time.Hour)
	r = w.wantState(id, bridge.StateDeclined)
	if r.Payment.Have != bridge.Refunded || w.portal.get("k1").issued != 0 {
		t.Errorf("payment %s, %d keys", r.Payment.Have, w.portal.get("k1").issued)
	}
}

// A mail server that takes a connection and says nothing holds up nobody's key.
func TestAMailServerThatHangsHoldsUpNoKey(t *testing.T) {
	var silence chan struct{}
	var mu sync.Mutex
	told := map[string]int{}
	hang := func(c *bridge.Config) {
		silence = make(chan struct{}) // in the bubble of the test
		c.Notifier = notifier(func(m bridge.Message) error {
			<-silence
			mu.Lock()
			defer mu.Unlock()
			told[m.ID]++
			return nil
		})
	}
	live(t, func(w *world) {
		var ids []bridge.ID
		for range 30 {
			ids = append(ids, w.ask("free"))
		}
		time.Sleep(20 * time.Second)
		for n := range ids {
			if k := w.portal.get(fmt.Sprintf("k%d", n+1)); k.state != bridge.Granted {
				w.Errorf("key request %d is %s", n+1, k.state)
			}
		}
		close(silence)
		time.Sleep(time.Minute)
		mu.Lock()
		defer mu.Unlock()
		if len(told) != len(ids) {
			w.Errorf("%d applicants were told, want %d", len(told), len(ids))
		}
		for _, id := range ids {
			if r := w.get(id); len(r.Told) != 1 || r.Work.Failures > 0 {
				w.Errorf("%+v, %d failures", r.Told, r.Work.Failures)
			}
		}
	}, hang)
}

// notifier is a Notifier that is one function.
type notifier func(bridge.Message) error
