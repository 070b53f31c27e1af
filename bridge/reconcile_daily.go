package bridge

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"
)

// The daily run. When the last one was due follows from the clock, and whether it came to its
// end stands on a paper: so a process that stops during a run leaves a day that was not ended,
// and whoever looks next begins it again. Somebody looks at the start, when the next one is
// due, and every hour, so that a clock that was set does not put it off.
//
// Who runs it says so on the paper every minute. One that is silent for three has died, and
// what died or failed twice is given up for that day: what a run stumbles over would take the
// process down again after each start.

const (
	// dayHeld is for how long somebody who runs a day's run is believed to be there.
	dayHeld = 3 * time.Minute
	// dayAgain is how soon a run that was kept from its end is begun again.
	dayAgain = 10 * time.Minute
	// dayLook is how often it is looked at the latest.
	dayLook = time.Hour
	// mostBegun is how often a day's run is begun that dies or fails.
	mostBegun = 2
	// dayAhead is how far ahead a day may be that somebody else has taken: their clock may be
	// a little fast. One that lies further ahead was taken by a clock that was wrong, and would
	// put off all runs until then.
	dayAhead = 48 * time.Hour
)

// dayRun is the paper about the last daily run.
type dayRun struct {
	// Day is when it was due.
	Day time.Time `json:"day"`
	// Ended: it came to its end, or was given up.
	Ended bool `json:"ended,omitempty"`
	// Begun counts those who began it, but for who gave it back.
	Begun int `json:"begun,omitempty"`
	// Until is how long who runs it is believed to be there.
	Until time.Time `json:"until,omitzero"`
}

// readDay reads the paper; ok is false where there is none. Before it could be said whether a
// run had ended it held nothing but a time.
func readDay(text []byte) (d dayRun, ok bool, err error) {
	if len(text) == 0 {
		return d, false, nil
	}
	if d.Day, err = time.Parse(time.RFC3339, string(text)); err == nil {
		d.Ended = true
		return d, true, nil
	}
	return d, true, json.Unmarshal(text, &d)
}

// held is how long somebody else still has it. What lies further ahead than anybody may say
// was written by a clock that was wrong.
func (d dayRun) held(now time.Time) time.Duration {
	if left := d.Until.Sub(now); left > 0 && left <= dayHeld {
		return left
	}
	return 0
}

// take is the paper once somebody has asked for the run that was due at a time: as it was,
// where there is nothing to take.
func (d dayRun) take(due, now time.Time, known bool) dayRun {
	switch {
	case !known:
		return dayRun{Day: due, Ended: true} // the first start of all
	case d.Day.Before(due), d.Day.Sub(due) > dayAhead:
		d = dayRun{Day: due}
	case d.Day.After(due), d.Ended, d.held(now) > 0:
		return d
	case d.Begun >= mostBegun:
		d.Ended = true
		return d
	}
	d.Begun, d.Until = d.Begun+1, now.Add(dayHeld)
	return d
}

// ReconcileDaily reconciles every day at a time of the day in a zone, until ctx ends. Several
// nodes on one store run it once. A run that a stopping process broke off is begun again by
// the next one; see above. A day at whose time nobody ran is made up for at the start, but
// for those before the first start of all.
func (s *Service) ReconcileDaily(ctx context.Context, at time.Duration, zone *time.Location) {
	for {
		last, next := daily(s.cfg.Now(), at, zone)
		again, err := s.reconcileDay(ctx, last.UTC())
		if err != nil && ctx.Err() == nil {
			s.cfg.Log.Error("cannot reconcile", "kind", string(KindOf(err)), "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(max(0, min(next.Sub(s.cfg.Now()), again))):
		}
	}
}

// daily is when the clocks of a zone showed a time of the day last, and when they show it
// next. A time at which they show it is the last.
func daily(now time.Time, at time.Duration, zone *time.Location) (last, next time.Time) {
	local := now.In(zone)
	of := func(day int) time.Time {
		return time.Date(local.Year(), local.Month(), day, 0, int(at/time.Minute), 0, 0, zone)
	}
	day := local.Day()
	for of(day).After(now) {
		day--
	}
	for !of(day + 1).After(now) {
		day++
	}
	return of(day), of(day + 1)
}

// reconcileDay runs the reconciliation that was due at a time, unless it has ended or
// somebody else is at it. again is how soon to look at the latest.
func (s *Service) reconcileDay(ctx context.Context, due time.Time) (again time.Duration, err error) {
	d, mine, err := s.takeDay(ctx, due)
	if err == nil && mine {
		err = s.runDay(ctx, d)
	}
	switch left := d.held(s.cfg.Now()); {
	case err != nil:
		return dayAgain, err
	case !mine && left > 0:
		return left, nil
	}
	return dayLook, nil
}

// errOthers says that a paper is left as it is.
var errOthers = errors.New("it is somebody else's")

// takeDay takes the run that was due at a time. mine is false where there is nothing to take,
// and d is the paper as it stands.
func (s *Service) takeDay(ctx context.Context, due time.Time) (d dayRun, mine bool, err error) {
	err = s.cfg.Store.SetPaper(ctx, reconcilePapers, dayTaken, func(old []byte) ([]byte, error) {
		was, known, err := readDay(old)
		if err != nil {
			return nil, err
		}
		if d = was.take(due, s.cfg.Now().UTC(), known); d == was {
			return nil, errOthers
		}
		return json.Marshal(d)
	})
	switch {
	case errors.Is(err, errOthers):
		return d, false, nil
	case err == nil && d.Ended && d.Begun > 0:
		s.cfg.Log.Error("the daily reconciliation came to no end, and is given up until tomorrow", "due", due, "begun", d.Begun)
	}
	return d, err == nil && !d.Ended, err
}

// runDay runs a run that was taken. One that was kept from its end by no fault of its own is
// given back.
func (s *Service) runDay(ctx context.Context, d dayRun) error {
	held, letGo := context.WithCancel(ctx)
	var hold sync.WaitGroup
	hold.Go(func() { s.holdDay(held, d) })
	r, err := s.reconcile(ctx, Reconciling{By: Actor{Kind: ByClock}})
	letGo()
	hold.Wait()
	faultless := ctx.Err() != nil || KindOf(err) == Conflict // it stops, or a person's is under way
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	said := s.sayDay(ctx, d, func(d *dayRun) {
		d.Until, d.Ended = time.Time{}, err == nil
		if err != nil && faultless {
			d.Begun--
		}
	})
	if err == nil {
		s.cfg.Log.Info("reconciled", "result", r.String(), "differences", r.Total(), "failed", len(r.Failed), "took", r.Ended.Sub(r.Began).String())
	}
	return errors.Join(err, said)
}

// holdDay says that somebody is still at it, until ctx ends.
func (s *Service) holdDay(ctx context.Context, d dayRun) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(dayHeld / 3):
		}
		err := s.sayDay(ctx, d, func(d *dayRun) { d.Until = s.cfg.Now().UTC().Add(dayHeld) })
		if err != nil && ctx.Err() == nil {
			s.cfg.Log.Warn("it cannot be said that the daily reconciliation is under way", "error", err)
		}
	}
}

// sayDay changes the paper of a run that was taken, unless somebody has taken it from us.
func (s *Service) sayDay(ctx context.Context, ours dayRun, what func(*dayRun)) error {
	err := s.cfg.Store.SetPaper(ctx, reconcilePapers, dayTaken, func(old []byte) ([]byte, error) {
		d, _, err := readDay(old)
		switch {
		case err != nil:
			return nil, err
		case !d.Day.Equal(ours.Day) || d.Begun != ours.Begun || d.Ended:
			return nil, errOthers
		}
		what(&d)
		return json.Marshal(d)
	})
	if errors.Is(err, errOthers) {
		return nil
	}
	return err
}
