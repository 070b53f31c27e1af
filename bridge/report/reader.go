package report

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"keybridge/bridge"
)

// Store is what a Reader needs of the store. See bridge.Store.
type Store interface {
	Feed(ctx context.Context, after uint64, limit int) ([]bridge.Line, error)
	FeedEnd(ctx context.Context) (uint64, error)
	Ledger(ctx context.Context, after uint64, limit int) ([]bridge.LedgerLine, error)
	Get(ctx context.Context, id bridge.ID) (bridge.Request, error)
	History(ctx context.Context, id bridge.ID) ([]bridge.Entry, error)
	Bookmark(ctx context.Context, name string) ([]byte, error)
	SetBookmark(ctx context.Context, name string, value []byte) error
	Papers(ctx context.Context, kind, after string, limit int) ([]bridge.Paper, error)
	SetPaper(ctx context.Context, kind, name string, change func(old []byte) ([]byte, error)) error
}

// Config is what a Reader needs.
type Config struct {
	Store Store
	// Log is told when something cannot be read or written. Nil: nobody is.
	Log *slog.Logger
	// Rest is how long it waits between two readings, so that what happens together is
	// written together. Zero: 2 seconds.
	Rest time.Duration
}

// Reader keeps the sheets up to date. Make one with New.
type Reader struct {
	cfg   Config
	wake  chan struct{}
	stuck atomic.Bool // see bridge.Counted
}

const (
	paperKind = "report"
	bookmark  = "report"
	batch     = 1000
	// stretch is how many batches of the feed are written together.
	stretch = 10
	dayForm = time.DateOnly
	// shape is another number whenever sheets are kept otherwise than before.
	shape = 2
)

// New returns a reader. It starts nothing; see Run.
func New(cfg Config) (*Reader, error) {
	if cfg.Store == nil {
		return nil, errors.New("report: the reader needs a store")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Rest <= 0 {
		cfg.Rest = 2 * time.Second
	}
	return &Reader{cfg: cfg, wake: make(chan struct{}, 1)}, nil
}

// Wake says that something was committed. It returns at once.
func (r *Reader) Wake() {
	select {
	case r.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// longestNap bounds how long a commit of another node stays unseen.
const longestNap = time.Minute

// Run keeps the sheets up to date until ctx ends. First it tries again what was left out.
func (r *Reader) Run(ctx context.Context) {
	if err := r.Retry(ctx); err != nil && ctx.Err() == nil {
		r.cfg.Log.Error("what was left out of the report cannot be looked at again", "error", err)
	}
	for ctx.Err() == nil {
		if err := r.CatchUp(ctx); err != nil && ctx.Err() == nil {
			r.cfg.Log.Error("the report cannot be kept up to date", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(longestNap):
		case <-r.wake:
			select { // what follows at once is written together
			case <-ctx.Done():
			case <-time.After(r.cfg.Rest):
			}
		}
	}
}

// begin is what the bookmark holds.
type begin struct {
	Shape int `json:"shape"`
	// Place: everything up to here is on the sheets, and At is when the last of it was.
	Place uint64    `json:"place"`
	At    time.Time `json:"at,omitzero"`
	// Left are the entries up to there that could not be read, and Lost is how many there
	// were beyond mostLeft, which are not looked at again.
	Left []left `json:"left,omitempty"`
	Lost int    `json:"lost,omitempty"`
}

// kept is a sheet as it is kept.
type kept struct {
	Shape int `json:"shape"`
	// Place is how far in the feed the sheet has come. Late are the places before that
	// of entries which could be read only later.
	Place uint64   `json:"place"`
	Late  []uint64 `json:"late,omitempty"`
	bridge.Sheet
}

// begin reads the bookmark. One that cannot be read begins anew: the sheets know what is
// on them.
func (r *Reader) begin(ctx context.Context) (begin, error) {
	text, err := r.cfg.Store.Bookmark(ctx, bookmark)
	if err != nil && !damaged(ctx, err) {
		return begin{}, err
	}
	var at begin
	if err == nil && len(text) > 0 {
		err = json.Unmarshal(text, &at)
	}
	if err != nil {
		r.cfg.Log.Error("the report's bookmark is damaged, so the feed is read from its beginning", "error", err)
	}
	if err != nil || at.Shape != shape {
		at = begin{Shape: shape}
	}
	return at, nil
}

func (r *Reader) keep(ctx context.Context, at begin) error {
	text, err := json.Marshal(at)
	if err != nil {
		return err
	}
	return r.cfg.Store.SetBookmark(ctx, bookmark, text)
}

// CatchUp adds to the sheets what the feed holds beyond them as it is called. What comes
// meanwhile may wait: whoever ran after it would never rest where there is much to do, and
// write every sheet for a few lines. It may be repeated; two at once count nothing twice.
func (r *Reader) CatchUp(ctx context.Context) error {
	at, err := r.begin(ctx)
	var end uint64
	if err == nil {
		end, err = r.cfg.Store.FeedEnd(ctx)
	}
	for more := true; more && err == nil && at.Place < end; {
		more, err = r.advance(ctx, &at)
	}
	if err == nil || damaged(ctx, err) {
		r.stuck.Store(err != nil)
	}
	return err
}

// advance adds the next lines of the feed, and reports whether there were any.
func (r *Reader) advance(ctx context.Context, at *begin) (bool, error) {
	t, to := newTally(), *at
	err := r.gather(ctx, t, &to)
	switch {
	case damaged(ctx, err):
		l, err := r.passOver(ctx, at.Place)
		if err != nil {
			return false, err
		}
		to.Place, t.unread = l.Place, []left{l}
	case err != nil || to.Place == at.Place:
		return false, err
	}
	if err := r.write(ctx, t, false); err != nil {
		return false, err
	}
	to.leave(t.unread)
	if err := r.keep(ctx, to); err != nil {
		return false, err
	}
	*at = to
	for _, l := range t.unread {
		r.cfg.Log.Error("an entry is left out of the report, because it or its request cannot be read", "request", string(l.Request), "entry", l.Seq)
	}
	return true, nil
}

// gather tallies the next lines of the feed, a stretch of them at most. A feed that cannot
// be read further is an error only where nothing was read of it: else the next reading
// comes upon it.
func (r *Reader) gather(ctx context.Context, t *tally, to *begin) error {
	for n := range stretch {
		lines, err := r.cfg.Store.Feed(ctx, to.Place, batch)
		if n > 0 && err != nil {
			return nil //nolint:nilerr // the next reading comes upon it
		}
		if err != nil || len(lines) == 0 {
			return err
		}
		if err := r.tally(ctx, t, lines); err != nil {
			return err
		}
		last := lines[len(lines)-1]
		to.Place, to.At = last.Place, last.Entry.At
		if len(lines) < batch {
			return nil
		}
	}
	return nil
}

// addTo adds the facts that a sheet does not have yet. One of another shape is begun
// anew: the reader then has gone back to the beginning of the feed.
func addTo(old []byte, facts []fact, late bool) ([]byte, error) {
	k := kept{Shape: shape}
	if len(old) > 0 {
		if err := json.Unmarshal(old, &k); err != nil {
			return nil, err
		}
		if k.Shape != shape {
			k = kept{Shape: shape}
		}
	}
	for _, f := range facts {
		switch {
		case late && !slices.Contains(k.Late, f.place):
			k.Late = append(k.Late, f.place)
			bounded(&k.Sheet, f.sheet)
		case !late && f.place > k.Place:
			k.Place = f.place
			bounded(&k.Sheet, f.sheet)
		}
	}
	var b bytes.Buffer
	to := json.NewEncoder(&b)
	to.SetEscapeHTML(false) // it is read by nobody else, and has to be short
	err := to.Encode(k)
	return b.Bytes(), err
}
