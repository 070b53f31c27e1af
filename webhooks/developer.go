package webhooks

import (
	"context"
	"fmt"
	"sync"

	"keybridge/bridge"
)

const (
	// maxRequests bounds how many requests one delivery hints at. It is more than a
	// developer asks for by hand; what is beyond is left to the clock.
	maxRequests = 200
	// committers is how many hints of one delivery wait for the store together. It
	// puts writes that wait together into one commit, so a delivery of maxRequests
	// takes about as long as seven of one hint.
	committers = 32
)

// spread hints at the requests of the developer that a delivery is about, and returns
// what came of all of them: the request of one that led somewhere. An error says that
// not all are committed. The others are, for not every sender comes again.
func (d *delivery) spread(ctx context.Context, said word) (bridge.Accepted, error) {
	ids, err := d.requests(ctx, said.developer)
	if err != nil {
		return bridge.Accepted{}, fmt.Errorf("list the requests of a developer: %w", err)
	}
	if left := len(ids) - maxRequests; left > 0 {
		d.Log.Warn("webhook about more requests than one may hint at", "source", d.source, "what", said.hint.What, "left", left)
		ids = ids[:maxRequests]
	}
	var s spreading
	todo := make(chan bridge.ID)
	var wait sync.WaitGroup
	for range min(committers, len(ids)) {
		wait.Go(func() {
			for id := range todo {
				s.add(d.Accept(ctx, bridge.Hint{
					Source: said.hint.Source, What: said.hint.What, Said: said.hint.Said, At: said.hint.At, Request: id,
				}))
			}
		})
	}
	for _, id := range ids {
		todo <- id
	}
	close(todo)
	wait.Wait()
	if s.failed > 0 {
		return s.accepted, fmt.Errorf("%d of a developer's %d requests: %w", s.failed, len(ids), s.err)
	}
	return s.accepted, nil
}

// spreading is what has come of a delivery's hints so far.
type spreading struct {
	mu       sync.Mutex
	accepted bridge.Accepted
	failed   int
	err      error // the first
}

func (s *spreading) add(a bridge.Accepted, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err != nil:
		s.failed++
		if s.err == nil {
			s.err = err
		}
	case s.accepted.Unknown():
		s.accepted = a
	}
}
