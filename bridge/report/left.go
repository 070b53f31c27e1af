package report

import (
	"context"
	"errors"

	"keybridge/bridge"
)

// left is an entry that was left out, because its request or history could not be read.
type left struct {
	Place   uint64    `json:"place"`
	Request bridge.ID `json:"request"`
	Seq     uint64    `json:"seq"`
}

// mostLeft is how many of them are remembered, so that the bookmark stays small.
const mostLeft = 100

// leave takes down entries that are left out.
func (at *begin) leave(unread []left) {
	room := min(mostLeft-len(at.Left), len(unread))
	at.Left = append(at.Left, unread[:room]...)
	at.Lost += len(unread) - room
}

// damaged reports whether an error is the store's word that what it keeps cannot be read,
// and will not be later either. Anything else may pass.
func damaged(ctx context.Context, err error) bool {
	e, ok := errors.AsType[*bridge.Error](err)
	return ok && e.Kind == bridge.Internal && ctx.Err() == nil
}

// passOver finds the damaged entry that the feed ends before. Its place is in the ledger,
// which has a line for it that is not damaged.
func (r *Reader) passOver(ctx context.Context, after uint64) (left, error) {
	for {
		lines, err := r.cfg.Store.Ledger(ctx, after, batch)
		if err != nil {
			return left{}, err
		}
		for _, line := range lines {
			if line.Damage != "" && line.Request != "" {
				return left{Place: line.Place, Request: line.Request, Seq: line.Seq}, nil
			}
			if line.Damage != "" && line.Place <= after {
				return left{}, errSenseless
			}
			after = line.Place
		}
		if len(lines) == 0 {
			return left{}, errSenseless
		}
	}
}

// errSenseless says that it cannot be known where the feed goes on.
var errSenseless = &bridge.Error{Kind: bridge.Internal, Err: errors.New("report: the feed cannot be read, and the ledger does not say where it goes on")}

// Retry looks again at the entries that were left out, and counts those that can be read
// by now, after a repair. It may be repeated, and counts nothing twice.
func (r *Reader) Retry(ctx context.Context) error {
	at, err := r.begin(ctx)
	if err != nil || len(at.Left) == 0 {
		return err
	}
	before := len(at.Left)
	var lines []bridge.Line
	var still []left
	for _, l := range at.Left {
		e, err := r.entry(ctx, l)
		switch {
		case damaged(ctx, err):
			still = append(still, l)
		case err != nil:
			return err
		default:
			lines = append(lines, bridge.Line{Place: l.Place, Entry: e})
		}
	}
	t := newTally()
	if err := r.tally(ctx, t, lines); err != nil {
		return err
	}
	if err := r.write(ctx, t, true); err != nil {
		return err
	}
	still = append(still, t.unread...)
	if len(still) == before {
		return nil
	}
	at.Left = still
	r.cfg.Log.Info("entries that were left out of the report are on it now", "counted", before-len(at.Left), "left", len(at.Left))
	return r.keep(ctx, at)
}

// entry returns an entry that was left out; one that says nothing where its request was
// dropped.
func (r *Reader) entry(ctx context.Context, l left) (bridge.Entry, error) {
	history, err := r.cfg.Store.History(ctx, l.Request)
	if err != nil && bridge.KindOf(err) != bridge.NotFound {
		return bridge.Entry{}, err
	}
	for _, e := range history {
		if e.Seq == l.Seq {
			return e, nil
		}
	}
	return bridge.Entry{}, nil
}

// Counted says how far the sheets have come.
func (r *Reader) Counted(ctx context.Context) (bridge.Counted, error) {
	at, err := r.begin(ctx)
	if err != nil {
		return bridge.Counted{}, err
	}
	out := bridge.Counted{To: at.At, Left: len(at.Left) + at.Lost}
	lines, err := r.cfg.Store.Feed(ctx, at.Place, 1)
	out.Stopped = r.stuck.Load()
	out.Behind = len(lines) > 0 || damaged(ctx, err)
	if damaged(ctx, err) {
		err = nil // it is passed over in a moment, or has stopped the reader
	}
	return out, err
}
