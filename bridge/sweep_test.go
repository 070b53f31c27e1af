package bridge_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"keybridge/bridge"
)

// refundedUnheard has the payment of a key that works given back, and nobody told of it. The
// provider keeps the event, and the request's own clock looks again only the next day.
func refundedUnheard(w *world) bridge.ID {
	w.Helper()
	id := w.ask("monthly")
	w.await(id, time.Minute, bridge.StatePaying)
	w.provider.pay(id)
	w.look(id)
	w.await(id, time.Minute, bridge.StateActive)
	synctest.Wait() // until no pass looks any more
	w.provider.change(id, func(a *account) {
		a.money.State, a.money.Subscribed, a.money.Returned = bridge.Refunded, false, a.money.Collected
	})
	w.mu.Lock()
	w.provider.missed = append(w.provider.missed, bridge.Hint{
		Source: "stripe", ID: "evt_" + string(id), What: "charge.refunded", At: time.Now(), Request: id,
	})
	w.mu.Unlock()
	return id
}

func TestWhatAProviderCouldNotDeliverIsTakenInEveryHour(t *testing.T) {
	live(t, func(w *world) {
		id := refundedUnheard(w)
		time.Sleep(sweepEach - 3*time.Minute)
		synctest.Wait()
		w.wantStage(id, bridge.StateActive)
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		w.wantStage(id, bridge.StateEnded)
		reads, looks := w.count("read payment"), w.count("list missed events")
		time.Sleep(5*sweepEach + time.Second)
		if n := w.count("list missed events"); n != looks+5 {
			w.Errorf("asked %d times in five hours", n-looks)
		}
		if n := w.count("read payment"); n != reads {
			w.Errorf("what was taken in already was read %d times more", n-reads)
		}
		if n := w.log.count("had not arrived by webhook"); n != 1 {
			w.Errorf("it is said %d times that something was taken in", n)
		}
	})
}

func TestWhatAProviderCouldNotDeliverIsTakenInAtTheStart(t *testing.T) {
	live(t, func(w *world) {
		id := refundedUnheard(w)
		w.restart()
		ctx, stop := context.WithCancel(w.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); w.worker.Run(ctx) }()
		time.Sleep(5 * time.Second)
		synctest.Wait()
		w.wantStage(id, bridge.StateEnded)
		stop()
		<-ended
	})
}

func TestASweepThatFailsIsTriedAgainSoon(t *testing.T) {
	live(t, func(w *world) {
		id := refundedUnheard(w)
		w.mu.Lock()
		left := 3
		w.fault = func(call string) fault {
			if call == "list missed events" && left > 0 {
				left--
				return cutBefore
			}
			return fine
		}
		w.mu.Unlock()
		time.Sleep(sweepEach - 3*time.Minute)
		synctest.Wait()
		w.wantStage(id, bridge.StateActive)
		time.Sleep(3*time.Minute + 95*time.Second)
		synctest.Wait()
		w.wantStage(id, bridge.StateEnded)
		if left > 0 {
			w.Errorf("it was not asked %d times more", left)
		}
	})
}

const sweepEach = time.Hour

func (w *world) wantStage(id bridge.ID, want bridge.State) {
	w.Helper()
	if r := w.get(id); r.Stage() != want {
		w.Errorf("%s, want %s", r.Stage(), want)
	}
}
