package bridge_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"keybridge/bridge"
)

// paysUnheard has a request paid for, and nobody told of it. The provider keeps the event.
func paysUnheard(w *world) bridge.ID {
	w.Helper()
	id := w.ask("paid")
	w.await(id, time.Minute, bridge.StatePaying)
	w.provider.pay(id)
	w.mu.Lock()
	w.provider.missed = append(w.provider.missed, bridge.Hint{
		Source: "stripe", ID: "evt_" + string(id), What: "checkout.session.completed", At: time.Now(), Request: id,
	})
	w.mu.Unlock()
	return id
}

func TestWhatAProviderCouldNotDeliverIsTakenInEveryHour(t *testing.T) {
	live(t, func(w *world) {
		id := paysUnheard(w)
		time.Sleep(sweepEach + time.Second)
		synctest.Wait()
		w.wantStage(id, bridge.StateActive)
		reads, looks := w.count("read payment"), w.count("list missed events")
		time.Sleep(5*sweepEach + time.Second)
		if n := w.count("list missed events"); n != looks+5 {
			w.Errorf("asked %d times in five hours", n-looks)
		}
		if n := w.count("read payment"); n != reads {
			w.Errorf("what was taken in already was read %d times more", n-reads)
		}
	})
}

func TestWhatAProviderCouldNotDeliverIsTakenInAtTheStart(t *testing.T) {
	live(t, func(w *world) {
		id := paysUnheard(w)
		w.restart()
		ctx, stop := context.WithCancel(w.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); w.worker.Run(ctx) }()
		time.Sleep(5 * time.Second)
		synctest.Wait()
		w.wantStage(id, bridge.StateActive)
		stop()
		<-ended
	})
}

func TestASweepThatFailsIsTriedAgainSoon(t *testing.T) {
	live(t, func(w *world) {
		id := paysUnheard(w)
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
		time.Sleep(sweepEach + 95*time.Second)
		synctest.Wait()
		w.wantStage(id, bridge.StateActive)
	})
}

const sweepEach = time.Hour

func (w *world) wantStage(id bridge.ID, want bridge.State) {
	w.Helper()
	if r := w.get(id); r.Stage() != want {
		w.Errorf("%s, want %s", r.Stage(), want)
	}
}
