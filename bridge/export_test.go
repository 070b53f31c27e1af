package bridge

import (
	"context"
	"time"
)

// Step claims everything of a portal that is due and works on it, one request after
// another: a loop of the Worker without its goroutines. next is when another one
// will be due.
func (w *Worker) Step(ctx context.Context, portal string) (worked int, next time.Time, err error) {
	claims, next, err := w.cfg.Store.Claim(ctx, portal, w.cfg.Now(), w.cfg.Now().Add(w.cfg.Lease), 100)
	at := make(chan struct{})
	close(at) // it is always a request's turn
	for _, claim := range claims {
		w.pass(ctx, claim, at)
	}
	return len(claims), next, err
}

// Strand looks for requests without a portal, as Run does when it starts.
func (w *Worker) Strand(ctx context.Context) { w.strand(ctx) }

// Nap sets how long a loop sleeps at most when nothing wakes it, for a test that lets
// days pass.
func (w *Worker) Nap(longest time.Duration) { w.nap = longest }

// Join returns a channel on which a loop would be woken.
func (s *Service) Join() <-chan struct{} { return s.join() }

// Waiting is how many requests somebody waits for.
func (s *Service) Waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.waits)
}

// Raced reports that the race detector is on, under which everything takes ten times as long.
const Raced = raced
