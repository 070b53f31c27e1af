package bridge

import (
	"context"
	"time"
)

// Sweeping finds what a provider has to say that never reached us: events whose
// webhooks were lost, or refused while nothing could be committed. Each is a hint like any
// other, with the id its webhook has, so what did arrive counts once.

const (
	// sweepEach is how often a provider is asked, and sweepBack how far back: a provider
	// goes on trying for days by itself, and keeps events for about this long. Nothing is
	// kept of how far the last sweep came, so nothing can be wrong about it.
	sweepEach = time.Hour
	sweepBack = 30 * 24 * time.Hour
	// sweepWithin bounds one sweep, sweepAgain is how soon one that failed is tried again,
	// at least.
	sweepWithin = 10 * time.Minute
	sweepAgain  = 30 * time.Second
)

// sweeps asks a provider for missed events: at the start, and every hour.
func (w *Worker) sweeps(ctx context.Context, name string, provider Provider) {
	for {
		again := sweepEach
		missed, err := w.sweep(ctx, name, provider)
		if ctx.Err() != nil {
			return
		}
		if missed > 0 {
			w.cfg.Log.Info("events were taken in that had not arrived by webhook", "provider", name, "events", missed)
		}
		if err != nil {
			w.cfg.Log.Warn("cannot ask for missed events", "provider", name, "kind", string(KindOf(err)), "error", err)
			again = max(sweepAgain, min(retryAfter(err), sweepEach))
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(again):
		}
	}
}

// sweep takes in what a provider could not deliver, and counts what was not known yet.
func (w *Worker) sweep(ctx context.Context, name string, provider Provider) (missed int, err error) {
	ctx, cancel := context.WithTimeout(ctx, sweepWithin)
	defer cancel()
	p := &pass{w: w}
	err = p.timed("list missed events", func() error {
		return provider.Missed(ctx, w.cfg.Now().Add(-sweepBack), func(h Hint) error {
			a, err := w.service.Accept(ctx, h)
			w.cfg.Hinted("sweep/"+name, a, err)
			if err == nil && !a.Duplicate && !a.Unknown() {
				missed++
			}
			return err
		})
	})
	return missed, err
}
