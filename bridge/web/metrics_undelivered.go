package web

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"keybridge/bridge"
)

// undelivered are the decisions that the outside does not know yet, with when they were
// made.
type undelivered struct {
	mu   sync.Mutex
	made map[bridge.ID]time.Time
	// heard are the requests that changed while those of before are taken in: what is
	// read of them may be older than what was heard. Nil when that is over.
	heard map[bridge.ID]bool
}

func (m *Metrics) showUndelivered() {
	m.undelivered.made = map[bridge.ID]time.Time{}
	count := m.gauge("keybridge_undelivered", "Decisions that portal and provider do not both know yet.")
	oldest := m.gauge("keybridge_undelivered_oldest_seconds",
		"Age of the oldest decision that portal and provider do not both know yet; 0 when there is none.")
	m.registry.MustRegister(readings{[]*prometheus.Desc{count, oldest}, func(tell func(*prometheus.Desc, float64, ...string)) {
		n, age := m.undelivered.now()
		tell(count, float64(n))
		tell(oldest, age.Seconds())
	}})
}

func (u *undelivered) changed(r bridge.Request) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.heard != nil {
		u.heard[r.ID] = true
	}
	u.note(r)
}

func (u *undelivered) note(r bridge.Request) {
	switch r.Stage() {
	case bridge.StateApproving, bridge.StateDeclining:
		u.made[r.ID] = r.Verdict.Mark.At
	default:
		delete(u.made, r.ID)
	}
}

func (u *undelivered) now() (n int, oldest time.Duration) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, at := range u.made {
		oldest = max(oldest, time.Since(at))
	}
	return len(u.made), oldest
}

// Recall takes in the decisions that were made before the process began and are not
// delivered: Changed is told of a request only once it moves. list is that of the
// store. Recall is called once, while Changed is already being called, and ends with
// the first error of list.
func (m *Metrics) Recall(ctx context.Context, list func(context.Context, bridge.Filter) (bridge.Page, error)) error {
	u := &m.undelivered
	u.mu.Lock()
	u.heard = map[bridge.ID]bool{}
	u.mu.Unlock()
	defer func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.heard = nil
	}()
	for _, state := range []bridge.State{bridge.StateApproving, bridge.StateDeclining, bridge.StateNeedsAttention} {
		for f := (bridge.Filter{State: state, Limit: 200}); ; {
			page, err := list(ctx, f)
			if err != nil {
				return err
			}
			u.recalled(page.Requests)
			if f.After = page.Next; f.After == "" {
				break
			}
		}
	}
	return nil
}

func (u *undelivered) recalled(requests []bridge.Request) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, r := range requests {
		if !u.heard[r.ID] {
			u.note(r)
		}
	}
}
