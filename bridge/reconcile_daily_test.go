package bridge_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"keybridge/bridge"
)

// node is a process that reconciles daily, at half past three in UTC, and may die: then
// nothing of what it does reaches the store any more.
type node struct {
	service *bridge.Service
	store   *frailStore
	end     context.CancelFunc
	ended   chan struct{}
}

// frailStore is the store as a node has it.
type frailStore struct {
	bridge.Store
	dead, broken atomic.Bool
}

// Papers is read by reconciling at its end alone.
func (s *frailStore) Papers(ctx context.Context, kind, after string, limit int) ([]bridge.Paper, error) {
	if s.broken.Load() {
		return nil, errors.New("a page of the store is damaged")
	}
	return s.Store.Papers(ctx, kind, after, limit)
}

func (s *frailStore) SetPaper(ctx context.Context, kind, name string, change func([]byte) ([]byte, error)) error {
	if s.dead.Load() {
		return errors.New("this process is dead")
	}
	return s.Store.SetPaper(ctx, kind, name, change)
}

func (w *world) node() *node {
	w.Helper()
	n := &node{store: &frailStore{Store: w.store}, ended: make(chan struct{})}
	cfg := w.cfg
	cfg.Store = n.store
	var err error
	if n.service, err = bridge.New(cfg); err != nil {
		w.Fatal(err)
	}
	ctx, end := context.WithCancel(w.Context())
	n.end = end
	go func() {
		defer close(n.ended)
		n.service.ReconcileDaily(ctx, 3*time.Hour+30*time.Minute, time.UTC)
	}()
	return n
}

// stop stops it in order, kill as a power cut does.
func (n *node) stop() {
	n.end()
	<-n.ended
}

func (n *node) kill() {
	n.store.dead.Store(true)
	n.stop()
}

// listing is how long a provider takes to list its checkouts.
func (w *world) listing(takes time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hook = func(call string) {
		if call == "list checkouts" {
			time.Sleep(takes)
		}
	}
}

// until sleeps to a time of the bubble's days, of which the first is the 1st.
func (w *world) until(day, hour, minute int) {
	w.Helper()
	at := time.Date(2000, time.January, day, hour, minute, 0, 0, time.UTC)
	if time.Until(at) < 0 {
		w.Fatalf("it is %s already", time.Now().UTC())
	}
	time.Sleep(time.Until(at))
	synctest.Wait()
}

// wantRun checks how many runs were begun, and between which minutes of a day the last one
// began that came to its end.
func (w *world) wantRun(begun int, day, hour, from, to int) {
	w.Helper()
	if n := w.count("list checkouts"); n != begun {
		w.Errorf("%d runs were begun, want %d", n, begun)
	}
	r, ok, err := w.service.Reconciled(w.Context())
	if err != nil || !ok {
		w.Fatalf("no run came to its end: %v", err)
	}
	if at := r.Began; at.Day() != day || at.Hour() != hour || at.Minute() < from || at.Minute() > to || r.By.Kind != bridge.ByClock {
		w.Errorf("the last one began at %s by %s, want on the %d. at %d:%02d to %d:%02d", at, r.By, day, hour, from, hour, to)
	}
}

func TestADailyRunThatDiedIsBegunAgainOnce(t *testing.T) {
	t.Run("and comes to its end", func(t *testing.T) {
		live(t, func(w *world) {
			w.listing(10 * time.Minute)
			first := w.node()
			w.until(1, 3, 35)
			first.kill()
			second := w.node()
			defer second.stop()
			w.until(1, 3, 55)
			w.wantRun(2, 1, 3, 36, 44)
			w.until(2, 3, 29)
			w.wantRun(2, 1, 3, 36, 44)
			w.until(2, 3, 45)
			w.wantRun(3, 2, 3, 30, 30)
		})
	})
	t.Run("and dies again", func(t *testing.T) {
		live(t, func(w *world) {
			w.listing(10 * time.Minute)
			for minute := 35; minute < 60; minute += 10 {
				dies := w.node()
				w.until(1, 3, minute)
				dies.kill()
			}
			last := w.node()
			defer last.stop()
			w.until(2, 3, 29)
			if n := w.count("list checkouts"); n != 2 || !w.log.contains("given up until tomorrow") {
				w.Errorf("%d runs were begun that day", n)
			}
			w.until(2, 3, 45)
			w.wantRun(3, 2, 3, 30, 30)
		})
	})
}

func TestADailyRunThatWasStoppedInOrderIsBegunAgainAsOftenAsThat(t *testing.T) {
	live(t, func(w *world) {
		w.listing(10 * time.Minute)
		for i := range 4 {
			stops := w.node()
			w.until(1, 3, 31+10*i)
			stops.stop() // which waits for the call under way
		}
		last := w.node()
		defer last.stop()
		w.until(1, 4, 25)
		w.wantRun(5, 1, 4, 10, 10)
	})
}

func TestADayAtWhoseTimeNobodyRanIsMadeUpForAtTheStart(t *testing.T) {
	live(t, func(w *world) {
		w.until(1, 9, 0)
		first := w.node() // of all
		w.until(2, 3, 29)
		if n := w.count("list checkouts"); n > 0 {
			w.Errorf("%d runs for the days before", n)
		}
		w.until(2, 12, 0)
		w.wantRun(1, 2, 3, 30, 30)
		first.stop()
		w.until(5, 9, 10)
		second := w.node()
		defer second.stop()
		w.until(6, 3, 0)
		w.wantRun(2, 5, 9, 10, 10)
	})
}

func TestADayThatAClockFarAheadHasTakenPutsNoRunOff(t *testing.T) {
	for _, c := range []struct {
		name, paper string
		runs        bool
	}{
		{"far ahead", `{"day":"2036-01-01T03:30:00Z","ended":true}`, true},
		{"far ahead, as it was kept once", `2036-01-01T03:30:00Z`, true},
		{"of a node whose clock is fast", `{"day":"2000-01-03T03:30:00Z","ended":true}`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			live(t, func(w *world) {
				err := w.store.SetPaper(w.Context(), "reconciliation", "day", func([]byte) ([]byte, error) { return []byte(c.paper), nil })
				if err != nil {
					w.Fatal(err)
				}
				w.until(1, 12, 0)
				defer w.node().stop()
				w.until(2, 3, 0)
				if c.runs {
					w.wantRun(1, 1, 12, 0, 1)
				} else if n := w.count("list checkouts"); n != 0 {
					w.Errorf("%d runs were begun of a day that is taken", n)
				}
			})
		})
	}
}

func TestADailyRunWaitsForTheRunOfAPerson(t *testing.T) {
	live(t, func(w *world) {
		n := w.node()
		defer n.stop()
		w.until(1, 3, 25)
		w.listing(10 * time.Minute)
		persons := make(chan error, 1)
		go func() {
			_, err := n.service.Desk(ada).Reconcile(w.Context(), bridge.Reconciling{DryRun: true})
			persons <- err
		}()
		w.until(1, 4, 0)
		if err := <-persons; err != nil {
			w.Error(err)
		}
		w.wantRun(2, 1, 3, 40, 40)
	})
}

func TestADailyRunThatFailsTwiceIsGivenUpUntilTheNextDay(t *testing.T) {
	live(t, func(w *world) {
		n := w.node()
		defer n.stop()
		n.store.broken.Store(true)
		w.until(2, 3, 0)
		if begun := w.count("list checkouts"); begun != 2 || !w.log.contains("given up until tomorrow") {
			w.Errorf("%d runs were begun", begun)
		}
		n.store.broken.Store(false)
		w.until(2, 4, 0)
		w.wantRun(3, 2, 3, 30, 30)
	})
}
