package mail

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"keybridge/bridge"
)

// DigestConfig says when the digest is sent, to whom, and where it comes from.
type DigestConfig struct {
	// At is the time of day, "08:00". Empty: that.
	At string
	// Zone is the time zone of At and of the days. Nil: Config.Zone.
	Zone *time.Location
	// To are bare addresses. At least one.
	To []string
	// List returns a page of requests: Service.List.
	List func(context.Context, bridge.Filter) (bridge.Page, error)
	// Bookmark returns what was kept under a name; nil where nothing was. SetBookmark
	// keeps it. The day of the last digest is kept with them, so that a restart sends
	// no second one.
	Bookmark    func(ctx context.Context, name string) ([]byte, error)
	SetBookmark func(ctx context.Context, name string, value []byte) error
	// Now is the clock. Nil: Config.Now. Waiting is done on the runtime's own clock.
	Now func() time.Time
}

// digestMark is the name of the bookmark. Its value is a day, as 2026-03-21.
const digestMark = "mail/digest"

// Check says everything that is wrong with the configuration.
func (c DigestConfig) Check() error {
	var wrong []error
	if _, err := time.Parse("15:04", cmp.Or(c.At, "08:00")); err != nil {
		wrong = append(wrong, fmt.Errorf("mail: the digest's time %q is not like 08:00", c.At))
	}
	if len(c.To) == 0 {
		wrong = append(wrong, errors.New("mail: the digest has nobody to go to"))
	}
	for i, to := range c.To {
		if _, err := recipient(to); err != nil {
			wrong = append(wrong, fmt.Errorf("mail: entry %d of the digest's addresses is %w", i+1, err))
		}
	}
	if c.List == nil || c.Bookmark == nil || c.SetBookmark == nil {
		wrong = append(wrong, errors.New("mail: the digest needs List, Bookmark and SetBookmark"))
	}
	return errors.Join(wrong...)
}

// RunDigests sends the digest once a day, until ctx ends; that is no error. When the time of
// a day has passed already and nothing was sent, it is sent at once. What fails is tried
// again until the day is over. An error is one of the configuration, and is returned at
// once.
//
// Nodes that share a store may each run it: should two send at the same moment, both
// mails have one Message-ID.
func (n *Notifier) RunDigests(ctx context.Context, cfg DigestConfig) error {
	if err := cfg.Check(); err != nil {
		return err
	}
	cfg.At = cmp.Or(cfg.At, "08:00")
	cfg.Zone = cmp.Or(cfg.Zone, n.cfg.Zone)
	if cfg.Now == nil {
		cfg.Now = n.cfg.Now
	}
	r := &digests{DigestConfig: cfg, n: n}
	for ctx.Err() == nil {
		timer := time.NewTimer(r.turn(ctx))
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
	return nil
}

// digests is the runner's memory.
type digests struct {
	DigestConfig
	n *Notifier
	// day is today, to which the rest belongs.
	day string
	// sent are those who have today's digest; over is true once nobody is left.
	sent map[string]bool
	over bool
	// failures counts today's failures in a row.
	failures int
}

// The runner looks at the clock this often at least, because clocks are set and
// machines sleep; and tries again after between the first and the last pause.
const (
	lookAgain  = 10 * time.Minute
	firstPause = time.Minute
	lastPause  = time.Hour
)

// turn does what is due and returns how long to wait.
func (r *digests) turn(ctx context.Context) time.Duration {
	now := r.Now().In(r.Zone)
	if day := now.Format(time.DateOnly); day != r.day {
		r.day, r.sent, r.over, r.failures = day, map[string]bool{}, false, 0
	}
	due := r.due(now)
	if r.over || now.Before(due) {
		return r.wait(now, due)
	}
	err := r.today(ctx, now)
	switch {
	case err == nil:
		r.over = true
		return r.wait(now, due)
	case ctx.Err() != nil:
		return 0
	}
	pause := min(firstPause<<min(r.failures, 10), lastPause)
	r.failures++
	r.n.cfg.Log.ErrorContext(ctx, "digest not sent", "day", r.day, "again_in", pause.String(), "kind", bridge.KindOf(err), "error", err)
	return pause
}

// due is when the digest of a day is due.
func (r *digests) due(day time.Time) time.Time {
	at, err := time.Parse("15:04", r.At)
	if err != nil { // Check has read it
		return day
	}
	return time.Date(day.Year(), day.Month(), day.Day(), at.Hour(), at.Minute(), 0, 0, r.Zone)
}

// wait is how long until the clock is to be looked at again.
func (r *digests) wait(now, due time.Time) time.Duration {
	if now.Before(due) {
		return min(due.Sub(now), lookAgain)
	}
	return lookAgain
}

// today sends the digest of today, unless it was sent.
func (r *digests) today(ctx context.Context, now time.Time) error {
	last, err := r.Bookmark(ctx, digestMark)
	if err != nil {
		return fmt.Errorf("reading when the last digest was sent: %w", err)
	}
	if string(last) >= r.day {
		return nil
	}
	requests, err := r.collect(ctx)
	if err != nil {
		return fmt.Errorf("reading what waits: %w", err)
	}
	if err := r.send(ctx, Digest{At: now, Requests: requests}); err != nil {
		return err
	}
	if err := r.SetBookmark(ctx, digestMark, []byte(r.day)); err != nil {
		return fmt.Errorf("noting that the digest was sent: %w", err)
	}
	return nil
}

// send sends it to those who do not have it yet. An address that is refused for good
// is passed over for today, so that the others' digest is done with.
func (r *digests) send(ctx context.Context, d Digest) error {
	var errs []error
	for _, to := range r.To {
		if r.sent[to] {
			continue
		}
		d.To = []string{to}
		err := r.n.SendDigest(ctx, d)
		if bridge.KindOf(err) == bridge.Invalid {
			r.n.cfg.Log.ErrorContext(ctx, "digest refused for good", "day", r.day, "address", slices.Index(r.To, to)+1, "error", err)
			err = nil
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		r.sent[to] = true
	}
	return errors.Join(errs...)
}

// collect reads everything that waits for a person.
func (r *digests) collect(ctx context.Context) ([]bridge.Request, error) {
	byID := map[bridge.ID]bridge.Request{}
	for _, state := range []bridge.State{bridge.StateReviewing, bridge.StateNeedsAttention} {
		filter := bridge.Filter{State: state, Limit: 1000}
		for {
			page, err := r.List(ctx, filter)
			if err != nil {
				return nil, err
			}
			for _, request := range page.Requests {
				byID[request.ID] = request // one that moved from one to the other is there once
			}
			if filter.After = page.Next; page.Next == "" {
				break
			}
		}
	}
	var all []bridge.Request
	for _, request := range sorted(byID) {
		all = append(all, request)
	}
	return all, nil
}
