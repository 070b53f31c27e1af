package report

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"keybridge/bridge"
)

// Store is what a Reader needs of the store. See bridge.Store.
type Store interface {
	Feed(ctx context.Context, after uint64, limit int) ([]bridge.Line, error)
	Get(ctx context.Context, id bridge.ID) (bridge.Request, error)
	History(ctx context.Context, id bridge.ID) ([]bridge.Entry, error)
	Bookmark(ctx context.Context, name string) ([]byte, error)
	SetBookmark(ctx context.Context, name string, value []byte) error
	Paper(ctx context.Context, kind, name string) ([]byte, error)
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
	cfg  Config
	wake chan struct{}
}

const (
	paperKind = "report"
	bookmark  = "report"
	batch     = 500
	dayForm   = time.DateOnly
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

// Run keeps the sheets up to date until ctx ends.
func (r *Reader) Run(ctx context.Context) {
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

// CatchUp adds to the sheets what the feed holds beyond them. It may be repeated; two at
// once count nothing twice.
func (r *Reader) CatchUp(ctx context.Context) error {
	text, err := r.cfg.Store.Bookmark(ctx, bookmark)
	if err != nil {
		return err
	}
	var at struct {
		Place uint64 `json:"place"`
	}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &at); err != nil {
			return fmt.Errorf("report: the bookmark: %w", err)
		}
	}
	for {
		lines, err := r.cfg.Store.Feed(ctx, at.Place, batch)
		if err != nil || len(lines) == 0 {
			return err
		}
		if err := r.take(ctx, lines); err != nil {
			return err
		}
		at.Place = lines[len(lines)-1].Place
		text, err := json.Marshal(at)
		if err != nil {
			return err
		}
		if err := r.cfg.Store.SetBookmark(ctx, bookmark, text); err != nil {
			return err
		}
	}
}

// fact is what one line of the feed adds to the sheet of its day.
type fact struct {
	place uint64
	sheet Sheet
}

// take adds lines to the sheets of their days.
func (r *Reader) take(ctx context.Context, lines []bridge.Line) error {
	days := map[string][]fact{}
	for _, line := range lines {
		s, err := r.sheetOf(ctx, line.Entry)
		if err != nil {
			return err
		}
		day := line.Entry.At.UTC().Format(dayForm)
		days[day] = append(days[day], fact{line.Place, s})
	}
	for day, facts := range days {
		err := r.cfg.Store.SetPaper(ctx, paperKind, day, func(old []byte) ([]byte, error) { return addTo(old, facts) })
		if err != nil {
			return err
		}
	}
	return nil
}

// addTo adds the facts that a sheet does not have yet.
func addTo(old []byte, facts []fact) ([]byte, error) {
	var s Sheet
	if len(old) > 0 {
		if err := json.Unmarshal(old, &s); err != nil {
			return nil, fmt.Errorf("report: a sheet: %w", err)
		}
	}
	for _, f := range facts {
		if f.place > s.Place {
			s.add(f.sheet)
			s.Place = f.place
		}
	}
	return json.Marshal(s)
}

// sheetOf is what one entry adds.
func (r *Reader) sheetOf(ctx context.Context, e bridge.Entry) (s Sheet, err error) {
	switch e.What {
	case bridge.WhatTerms:
		s.Stages = map[Stage]int{Received: 1}
	case bridge.WhatCheckout:
		if e.Before == "" && e.After == string(bridge.CheckoutOpen) {
			s.Stages = map[Stage]int{CheckedOut: 1}
		}
	case bridge.WhatStep:
		if e.After == "payment met" {
			s.Stages = map[Stage]int{Paid: 1}
		}
	case bridge.WhatVerdict:
		if e.After == string(bridge.Decline) {
			s.Declined = map[Cause]int{causes[e.Actor.Kind]: 1}
		}
	case bridge.WhatAttention:
		if e.After != "" {
			doing, _, _ := strings.Cut(e.Why, ":")
			s.Failed = map[string]int{doing: 1}
		}
	case bridge.WhatAccess:
		if e.Before == string(bridge.Pending) && e.After == string(bridge.Granted) {
			return r.granted(ctx, e)
		}
	case bridge.WhatPayment:
		return r.money(ctx, e)
	}
	return s, nil
}

// granted counts a key, and how long it took. A request that was dropped counts for
// nothing.
func (r *Reader) granted(ctx context.Context, e bridge.Entry) (s Sheet, err error) {
	q, err := r.cfg.Store.Get(ctx, e.Request)
	switch {
	case bridge.KindOf(err) == bridge.NotFound:
		return s, nil
	case err != nil:
		return s, err
	}
	s.Stages = map[Stage]int{Granted: 1}
	s.Waits = map[int]int{bucket(e.At.Sub(q.Created)): 1}
	return s, nil
}

// money counts what came in or went back.
func (r *Reader) money(ctx context.Context, e bridge.Entry) (s Sheet, err error) {
	in, came := amountAfter(e.Why, "received ")
	back, went := bridge.Amount{}, false
	if text, _, found := strings.Cut(e.After, " of "); found {
		back, went = amountAfter(text, "returned ")
	}
	if !came && !went {
		return s, nil
	}
	q, err := r.cfg.Store.Get(ctx, e.Request)
	switch {
	case bridge.KindOf(err) == bridge.NotFound:
		return s, nil
	case err != nil:
		return s, err
	}
	if came {
		s.flow(q.Terms.Plan, in.Currency, Flow{In: in.Minor, Payments: 1})
	}
	if went {
		before, err := r.returnedBefore(ctx, e)
		if err != nil {
			return s, err
		}
		s.flow(q.Terms.Plan, back.Currency, Flow{Back: back.Minor - before})
	}
	return s, nil
}

// returnedBefore is how much of the same payment had gone back before an entry: history
// says how much it is in all.
func (r *Reader) returnedBefore(ctx context.Context, e bridge.Entry) (int64, error) {
	entries, err := r.cfg.Store.History(ctx, e.Request)
	if err != nil {
		return 0, err
	}
	for _, was := range slices.Backward(entries) {
		if was.Seq >= e.Seq || was.What != bridge.WhatPayment {
			continue
		}
		if _, came := amountAfter(was.Why, "received "); came {
			return 0, nil
		}
		if text, _, found := strings.Cut(was.After, " of "); found {
			if back, ok := amountAfter(text, "returned "); ok {
				return back.Minor, nil
			}
		}
	}
	return 0, nil
}

// amountAfter reads an amount as history writes it, behind a word.
func amountAfter(text, word string) (bridge.Amount, bool) {
	rest, found := strings.CutPrefix(text, word)
	if !found {
		return bridge.Amount{}, false
	}
	return bridge.ParseAmount(rest)
}

// Between returns the sum of the days from one to another, both included, in UTC, and
// the sheet of each day that has one.
func (r *Reader) Between(ctx context.Context, from, to time.Time) (total Sheet, days map[string]Sheet, err error) {
	days = map[string]Sheet{}
	first, last := from.UTC().Format(dayForm), to.UTC().Format(dayForm)
	after := from.UTC().AddDate(0, 0, -1).Format(dayForm)
	for {
		papers, err := r.cfg.Store.Papers(ctx, paperKind, after, batch)
		if err != nil || len(papers) == 0 {
			return total, days, err
		}
		for _, p := range papers {
			if p.Name > last {
				return total, days, nil
			}
			if p.Name < first {
				continue
			}
			var s Sheet
			if err := json.Unmarshal(p.Value, &s); err != nil {
				return total, days, fmt.Errorf("report: the sheet of %s: %w", p.Name, err)
			}
			s.Place = 0
			days[p.Name] = s
			total.add(s)
		}
		after = papers[len(papers)-1].Name
	}
}
