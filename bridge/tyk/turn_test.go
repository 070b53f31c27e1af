package tyk

import (
	"context"
	"errors"
	"sync"
	"testing"
)

func TestTurnsAreTakenOneAfterTheOther(t *testing.T) {
	turns := turns{taken: map[string]chan struct{}{}}
	a, b := 0, 0 // without a lock of their own: the race detector is the judge
	var all sync.WaitGroup
	for range 50 {
		for key, n := range map[string]*int{"a": &a, "b": &b} {
			all.Go(func() {
				release, err := turns.take(t.Context(), key)
				if err != nil {
					t.Error(err)
					return
				}
				defer release()
				*n++
			})
		}
	}
	all.Wait()
	if a != 50 || b != 50 || len(turns.taken) != 0 {
		t.Errorf("%d, %d and %d turns left", a, b, len(turns.taken))
	}
}

func TestWaitingForATurnEndsWithTheContext(t *testing.T) {
	turns := turns{taken: map[string]chan struct{}{}}
	release, err := turns.take(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := turns.take(ctx, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want cancelled", err)
	}
	release()
	if release, err = turns.take(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	release()
}
