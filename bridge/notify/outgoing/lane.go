package outgoing

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"keybridge/bridge"
)

// lane serves one endpoint: one message at a time, in order.
type lane struct {
	sender   *Sender
	endpoint Endpoint
	timeout  time.Duration
	signers  []*standardwebhooks.Webhook
	wants    map[Type]bool
	wake     chan struct{} // buffered, so that a wake is never lost

	// ahead are lines of the feed that were read and not dealt with, beginning after
	// the place aheadFrom. They are the loop's alone.
	ahead     []bridge.Line
	aheadFrom uint64
	// due is when bookmark.Next comes on the runtime's own clock, which nobody sets. It is
	// the loop's alone, too.
	due time.Time

	mu sync.Mutex
	// kept is the bookmark; nil until it was read. savedAt is when it was kept last.
	kept    *bookmark
	savedAt time.Time
	// stuck is why the lane cannot go on; empty while it can.
	stuck string
}

func newLane(s *Sender, e Endpoint) (*lane, error) {
	if err := e.Check(); err != nil {
		return nil, err
	}
	l := &lane{sender: s, endpoint: e, timeout: e.Timeout, wake: make(chan struct{}, 1)}
	if l.timeout == 0 {
		l.timeout = timeoutDefault
	}
	var signing, types error
	l.signers, signing = signersOf(e.Secrets)
	l.wants, types = filterOf(e.Types)
	return l, errors.Join(signing, types)
}

// longestNap is how long a lane sleeps without looking, whatever it waits for: another
// node may have changed something.
const longestNap = 30 * time.Second

// run serves the endpoint until ctx ends.
func (l *lane) run(ctx context.Context) {
	for ctx.Err() == nil {
		nap := l.step(ctx)
		if nap <= 0 {
			continue
		}
		timer := time.NewTimer(nap)
		select {
		case <-ctx.Done():
		case <-l.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

func (l *lane) nudge() {
	select {
	case l.wake <- struct{}{}:
	default: // it has been told already
	}
}

// step does the one next thing, and says how long there is nothing else to do: zero
// only when it did something, so that the loop never spins.
func (l *lane) step(ctx context.Context) time.Duration {
	b, err := l.load(ctx)
	if err != nil {
		return l.halt(ctx, err)
	}
	if !b.Paused.IsZero() {
		return longestNap
	}
	if wait := time.Until(l.due); wait > 0 && !b.Next.IsZero() {
		return min(wait, longestNap)
	}
	m, ok, err := l.next(ctx, b)
	if err != nil {
		return l.halt(ctx, err)
	}
	l.goOn()
	if !ok {
		return longestNap
	}
	l.deliver(ctx, m)
	return 0
}

// halt notes that the store does not answer, or answers that something is damaged.
// That is logged once, and tried again after a nap.
func (l *lane) halt(ctx context.Context, err error) time.Duration {
	if ctx.Err() != nil {
		return longestNap
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stuck == "" {
		l.sender.cfg.Log.Error("webhooks wait for the store", "endpoint", l.endpoint.Name, "error", err)
	}
	l.stuck = "the store cannot be read or written: " + bridge.Explain(err)
	return longestNap
}

func (l *lane) goOn() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stuck = ""
}

// next finds the message that is to be sent next: what is sent again comes first. ok
// is false when there is none.
func (l *lane) next(ctx context.Context, b bookmark) (m message, ok bool, err error) {
	if b.Replay != nil {
		if m, ok, err = l.nextAgain(ctx, *b.Replay); ok || err != nil {
			return m, ok, err
		}
		if err := l.change(ctx, func(b *bookmark) error { b.Replay = nil; return nil }); err != nil {
			return m, false, err
		}
		l.sender.cfg.Log.Info("webhooks were sent again", "endpoint", l.endpoint.Name)
	}
	for {
		lines, err := l.lines(ctx, b.Place)
		if err != nil || len(lines) == 0 {
			return m, false, err
		}
		for _, line := range lines {
			if m, ok, err = l.message(ctx, line.Entry, line.Place, false); ok || err != nil {
				return m, ok, err
			}
			if err := l.pass(ctx, line.Place, false); err != nil {
				return m, false, err
			}
			b.Place = line.Place
		}
	}
}

// pageLen is how many lines of the feed are read at once.
const pageLen = 100

// lines returns some lines of the feed after a place, none at its end.
func (l *lane) lines(ctx context.Context, after uint64) ([]bridge.Line, error) {
	n := len(l.ahead)
	if n == 0 || after < l.aheadFrom || after >= l.ahead[n-1].Place {
		lines, err := l.sender.cfg.Store.Feed(ctx, after, pageLen)
		if err != nil {
			return nil, err
		}
		l.ahead = lines
	}
	for len(l.ahead) > 0 && l.ahead[0].Place <= after {
		l.ahead = l.ahead[1:]
	}
	l.aheadFrom = after
	return l.ahead, nil
}

// wanted returns the type of an entry that this endpoint is told of.
func (l *lane) wanted(e bridge.Entry) (Type, bool) {
	t, ok := TypeOf(e)
	return t, ok && l.wants[t]
}

// message makes the message for an entry. ok is false where none is sent.
func (l *lane) message(ctx context.Context, e bridge.Entry, place uint64, again bool) (m message, ok bool, err error) {
	t, ok := l.wanted(e)
	if !ok {
		return m, false, nil
	}
	body, found, err := l.sender.payload(ctx, e, t, l.endpoint.Personal)
	return message{id: messageID(e), t: t, body: body, again: again, place: place}, found, err
}

// deliver makes one try and keeps what became of it.
func (l *lane) deliver(ctx context.Context, m message) {
	began := l.sender.cfg.Now()
	a := l.post(ctx, m)
	now := l.sender.cfg.Now()
	was, is := l.outcome(ctx, m, a, now)
	l.tell(ctx, m, a, was, is)
	outcome := Delivered
	switch {
	case a.why != "" && !is.Paused.IsZero():
		outcome = Paused
	case a.why != "":
		outcome = Failed
	}
	l.sender.cfg.Observe(Attempt{
		Endpoint: l.endpoint.Name, Type: m.t, Outcome: outcome, Status: a.status, Took: now.Sub(began),
	})
}

// outcome keeps what became of a try. Where the store does not take it, it is known
// until the process ends, and the message is sent once more after the next start.
func (l *lane) outcome(ctx context.Context, m message, a answer, now time.Time) (was, is bookmark) {
	l.mu.Lock()
	defer l.mu.Unlock()
	was = *l.kept
	is = was
	is.take(m, a, now, l.sender.cfg.Jitter(), cmp.Or(l.endpoint.GiveUp, giveUpDefault))
	l.due = time.Now().Add(is.Next.Sub(now))
	if err := l.saveLocked(context.WithoutCancel(ctx), is); err != nil {
		l.kept = &is
		l.sender.cfg.Log.Error("cannot keep how far a webhook endpoint has come", "endpoint", l.endpoint.Name, "error", err)
	}
	return was, is
}

// take notes an answer. What is not 2xx is tried again, also where the endpoint says
// that it never will take it: see the package comment.
func (b *bookmark) take(m message, a answer, now time.Time, jitter float64, giveUp time.Duration) {
	b.Tried, b.Status = now.UTC(), a.status
	if a.why == "" {
		b.settle(m.place, m.again)
		b.well()
		b.Delivered = now.UTC()
		return
	}
	if b.past(m) {
		return // an operator has passed over it during the try
	}
	b.Failures++
	b.Why, b.Refused = a.why, &refused{ID: m.id, Place: m.place, Again: m.again}
	if b.Since.IsZero() {
		b.Since = now.UTC()
	}
	if a.status == http.StatusGone || !now.Before(b.Since.Add(giveUp)) {
		b.Paused, b.Next = now.UTC(), time.Time{}
		return
	}
	b.Next = retryAt(now, b.Since, b.Failures, jitter, a.asked, giveUp).UTC()
}

// tell logs what an operator should know: once when an endpoint begins to fail, is
// paused, or works again.
func (l *lane) tell(ctx context.Context, m message, a answer, was, is bookmark) {
	attrs := []slog.Attr{
		slog.String("endpoint", l.endpoint.Name), slog.String("host", l.endpoint.host()), slog.String("message", m.id),
	}
	why := append(slices.Clip(attrs), slog.String("why", a.why), slog.Int("failures", is.Failures))
	log := l.sender.cfg.Log
	switch {
	case !is.Paused.IsZero():
		log.LogAttrs(ctx, slog.LevelError, "a webhook endpoint was paused; resume it once it works", why...)
	case is.Failures > 0 && was.Failures == 0:
		log.LogAttrs(ctx, slog.LevelWarn, "a webhook endpoint does not take a message; it is tried again", why...)
	case a.why == "" && was.Failures > 0:
		log.LogAttrs(ctx, slog.LevelInfo, "a webhook endpoint works again", append(attrs, slog.Int("failures", was.Failures))...)
	}
}
