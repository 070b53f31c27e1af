package tyk

import (
	"context"
	"sync"
)

// turns lets the calls that change one key request happen one after the other. Tyk looks whether a request was processed
// and then makes the key; two approvals at the same moment could make two.
type turns struct {
	mu    sync.Mutex
	taken map[string]chan struct{}
}

// take waits for the turn of a key and returns how to give it back. The error is the context's.
func (t *turns) take(ctx context.Context, key string) (release func(), err error) {
	for {
		t.mu.Lock()
		before, busy := t.taken[key]
		if !busy {
			mine := make(chan struct{})
			t.taken[key] = mine
			t.mu.Unlock()
			return func() { t.give(key, mine) }, nil
		}
		t.mu.Unlock()
		select {
		case <-before:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (t *turns) give(key string, mine chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.taken, key)
	close(mine)
}
