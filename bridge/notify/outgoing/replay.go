package outgoing

import (
	"context"
	"time"

	"keybridge/bridge"
)

// Selection says what to send again. One of them has to be set; with both, both hold.
type Selection struct {
	// Since chooses what happened at or after a time.
	Since time.Time
	// Request chooses what happened to one request, however long ago.
	Request bridge.ID
}

// replay is a selection being sent again.
type replay struct {
	Since   time.Time `json:"since,omitzero"`
	Request bridge.ID `json:"request,omitempty"`
	// Done is how far it has come and End how far it goes: places in the feed, or, for
	// one request, numbers of its entries.
	Done uint64 `json:"done"`
	End  uint64 `json:"end"`
}

// Replay sends messages to an endpoint again, those of its types that the selection
// chooses, before any others, and returns how many there are. Their ids are those they
// had, so that a receiver that has them can tell. What is yet to be sent for the first
// time is not chosen, but may be among what one request's history holds.
//
// It is kept, so that it goes on after a restart. For an endpoint that is paused it
// begins when that is resumed. NotFound when there is no such endpoint or request,
// Invalid for an empty selection, Conflict while an earlier one is still being sent.
func (s *Sender) Replay(ctx context.Context, name string, sel Selection) (int, error) {
	l, err := s.lane(name)
	if err != nil {
		return 0, err
	}
	if sel == (Selection{}) {
		return 0, &bridge.Error{Kind: bridge.Invalid, Msg: "Say what to send again: since when, or of which request."}
	}
	b, err := l.load(ctx)
	if err != nil {
		return 0, err
	}
	r := replay{Since: sel.Since.UTC().Truncate(time.Microsecond), Request: sel.Request, End: b.Place}
	if r.Request != "" {
		known, err := s.cfg.Store.Get(ctx, r.Request)
		if err != nil {
			return 0, err
		}
		r.End = known.Head.Seq
	}
	n, err := l.count(ctx, r)
	if err != nil || n == 0 {
		return 0, err
	}
	err = l.change(ctx, func(b *bookmark) error {
		if b.Replay != nil {
			return &bridge.Error{Kind: bridge.Conflict, Msg: "Messages are being sent again to this endpoint already. Wait until that is done."}
		}
		b.Replay = &r
		return nil
	})
	if err != nil {
		return 0, err
	}
	s.cfg.Log.Info("webhooks are sent again", "endpoint", name, "messages", n)
	l.nudge()
	return n, nil
}

// count is how many messages a replay has.
func (l *lane) count(ctx context.Context, r replay) (n int, err error) {
	for {
		lines, err := l.sender.replayed(ctx, r)
		if err != nil || len(lines) == 0 {
			return n, err
		}
		for _, line := range lines {
			if r.Done = line.Place; r.holds(line) {
				if _, ok := l.wanted(line.Entry); ok {
					n++
				}
			}
		}
	}
}

// replayed returns some lines that a replay has to look at next, none when it is done.
// For one request its history serves as the feed, with the entries' numbers as places.
func (s *Sender) replayed(ctx context.Context, r replay) ([]bridge.Line, error) {
	if r.Done >= r.End {
		return nil, nil
	}
	if r.Request == "" {
		return s.cfg.Store.Feed(ctx, r.Done, countLen)
	}
	entries, err := s.cfg.Store.History(ctx, r.Request)
	if bridge.KindOf(err) == bridge.NotFound {
		return nil, nil // dropped meanwhile
	}
	var lines []bridge.Line
	for _, e := range entries {
		if e.Seq > r.Done {
			lines = append(lines, bridge.Line{Place: e.Seq, Entry: e})
		}
	}
	return lines, err
}

// countLen is how many lines are read at once where none is sent between.
const countLen = 1000

// holds reports whether a replay chooses a line.
func (r replay) holds(line bridge.Line) bool {
	return line.Place <= r.End && !line.Entry.At.Before(r.Since)
}

// nextAgain finds the next message of a replay. ok is false when it is done.
func (l *lane) nextAgain(ctx context.Context, r replay) (m message, ok bool, err error) {
	for r.Done < r.End {
		lines, err := l.linesAgain(ctx, r)
		if err != nil || len(lines) == 0 {
			return m, false, err
		}
		for _, line := range lines {
			if r.holds(line) {
				if m, ok, err = l.message(ctx, line.Entry, line.Place, true); ok || err != nil {
					return m, ok, err
				}
			}
			if err := l.pass(ctx, line.Place, true); err != nil {
				return m, false, err
			}
			r.Done = line.Place
		}
	}
	return m, false, nil
}

func (l *lane) linesAgain(ctx context.Context, r replay) ([]bridge.Line, error) {
	if r.Request == "" {
		return l.lines(ctx, r.Done)
	}
	return l.sender.replayed(ctx, r)
}
