package ledger

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"keybridge/bridge"
)

// Verify looks at everything in a store: each line of the ledger with its entry, the
// running hash at each checkpoint and signed head, each request with its history, and the
// house's chain. It changes nothing, the store goes on meanwhile, and it may be repeated.
// Damage is no error but a finding; the error is that of ctx, or of a store that cannot be
// read at all.
func Verify(ctx context.Context, store Store, o Options) (Report, error) {
	v := newVerifier(store, o, mostKnown)
	err := v.everything(ctx)
	return v.report, err
}

// verifier verifies one store.
type verifier struct {
	store   Store
	options Options
	report  Report
	walk    *walk
	end     bridge.Ledger
	// done is how much of all was looked at, told what Progress was last told.
	done, told, of uint64
	// pending are requests that were read and not looked at yet, next is where the page
	// after them begins.
	pending []bridge.Request
	next    string
	listed  bool
	// later is up to which entry a history goes that the lines did not have; missing are
	// requests that have lines and no record. What comes meanwhile has to explain both.
	later, missing map[bridge.ID]uint64
}

func newVerifier(store Store, o Options, most int) *verifier {
	v := &verifier{store: store, options: o, later: map[bridge.ID]uint64{}, missing: map[bridge.ID]uint64{}}
	v.walk = newWalk(&v.report, most)
	return v
}

func (v *verifier) everything(ctx context.Context) error {
	if err := v.begin(ctx); err != nil {
		return err
	}
	whole, err := v.lines(ctx)
	if err != nil {
		return err
	}
	v.walk.meet(v.end.Place + 1)
	for whole {
		if whole, err = v.requests(ctx); err != nil || v.walk.high == "" {
			break
		}
		if err := v.again(ctx); err != nil {
			return err
		}
	}
	if err == nil && whole {
		err = v.meanwhile(ctx)
	}
	v.walk.over()
	if err == nil {
		v.tell(v.of)
	}
	return err
}

// begin reads what the lines are to be compared with.
func (v *verifier) begin(ctx context.Context) error {
	kept, err := keptHeads(ctx, v.store)
	if err != nil {
		return err
	}
	end, house, err := v.store.LedgerEnd(ctx)
	if err != nil {
		return err
	}
	v.end, v.of = end, 2*end.Count
	if end.Count > 0 {
		v.walk.expect([]point{{end: end, house: &house, what: "its kept end"}})
	}
	if err := v.checkpoints(ctx); err != nil {
		return err
	}
	v.walk.expect(v.report.heads(v.options, kept))
	return nil
}

// checkpoints adds the ends of the days.
func (v *verifier) checkpoints(ctx context.Context) error {
	for from := uint64(0); ; {
		page, err := v.store.Checkpoints(ctx, from, pageLen)
		if damaged(err) {
			v.report.find("", 0, "%v", err)
			return nil
		}
		if err != nil {
			return err
		}
		var points []point
		for _, end := range page {
			if end.Place < v.end.Place {
				points = append(points, point{end: end, what: "the end kept for that day"})
			}
			from = end.Place + 1
		}
		v.walk.expect(points)
		if len(page) < pageLen {
			return nil
		}
	}
}

// heads makes points of signed heads, and finds what is wrong with the heads themselves.
func (r *Report) heads(o Options, kept Heads) []point {
	r.Signed = len(o.Keys) > 0
	var points []point
	seen := map[Head]bool{}
	inStore := map[uint64]Head{}
	for _, h := range kept.Heads {
		inStore[h.Number] = h
	}
	for _, from := range append([]Heads{kept}, o.Heads...) {
		good, wrong := from.sound(o.Keys)
		for _, what := range wrong {
			r.find("", 0, "%s", what)
		}
		for _, h := range good {
			switch is, ok := inStore[h.Number]; {
			case !ok:
				r.find("", 0, "signed head %d is in %s and not in the store", h.Number, from.Where)
			case is != h:
				r.find("", 0, "signed head %d in %s is not the one of that number in the store", h.Number, from.Where)
			}
			if !seen[h] {
				seen[h] = true
				points = append(points, point{end: h.Ledger, house: &h.House, signed: true, what: headWhat(h)})
			}
		}
		if from.Whole {
			r.absent(from, kept)
		}
	}
	r.Heads = len(points)
	return points
}

// absent finds heads of the store that another place should have.
func (r *Report) absent(from, kept Heads) {
	for _, h := range kept.Heads {
		if !slices.ContainsFunc(from.Heads, func(o Head) bool { return o.Number == h.Number }) {
			r.find("", 0, "signed head %d of the store is not in %s", h.Number, from.Where)
			return
		}
	}
}

func headWhat(h Head) string {
	return fmt.Sprintf("signed head %d (%s)", h.Number, h.At.Format("2006-01-02 15:04"))
}

// lines looks at all lines up to the end. whole is false where the rest cannot be read.
func (v *verifier) lines(ctx context.Context) (whole bool, err error) {
	return v.each(ctx, 0, v.end.Place, func(l bridge.LedgerLine) bool {
		v.tell(v.done + 1)
		return v.walk.line(l)
	})
}

// each calls fn for the lines after a place and up to another.
func (v *verifier) each(ctx context.Context, after, end uint64, fn func(bridge.LedgerLine) bool) (whole bool, err error) {
	for after < end {
		page, err := v.store.Ledger(ctx, after, pageLen)
		if err != nil {
			return false, err
		}
		for _, l := range page {
			if l.Place > end {
				return true, nil
			}
			if !fn(l) {
				return false, nil
			}
			after = l.Place
		}
		if len(page) == 0 {
			break
		}
	}
	return true, nil
}

// again follows the numbers of the requests that were left for later.
func (v *verifier) again(ctx context.Context) error {
	w := v.walk
	w.low, w.high, w.known = w.high, "", map[bridge.ID]uint64{}
	_, err := v.each(ctx, 0, v.end.Place, func(l bridge.LedgerLine) bool {
		switch {
		case l.Request != "" && w.within(l.Request):
			w.known[l.Request] = max(w.known[l.Request], l.Seq)
			w.bound()
		case l.Request == "" && l.Entry != nil && l.Entry.What == bridge.WhatDropped:
			delete(w.known, l.Entry.Request)
		}
		return true
	})
	return err
}

// damaged reports whether an error says that what a store has cannot be read as it is.
func damaged(err error) bool {
	e, ok := errors.AsType[*bridge.Error](err)
	return ok && e.Kind == bridge.Internal
}

// tell reports progress, at about every hundredth.
func (v *verifier) tell(done uint64) {
	v.done = min(done, v.of)
	if v.options.Progress != nil && v.done-v.told >= max(v.of/100, 1) {
		v.told = v.done
		v.options.Progress(v.done, v.of)
	}
}

// requests looks at the requests that are followed, in the order of their ids. whole is
// false where the rest cannot be read.
func (v *verifier) requests(ctx context.Context) (whole bool, err error) {
	for {
		if len(v.pending) == 0 {
			if v.listed && v.next == "" {
				break
			}
			page, err := v.store.List(ctx, bridge.Filter{Oldest: true, After: v.next, Limit: pageLen / 5})
			if damaged(err) {
				v.report.find("", 0, "the requests cannot be read: %v", err)
				return false, nil
			}
			if err != nil {
				return false, err
			}
			v.pending, v.next, v.listed = page.Requests, page.Next, true
			continue
		}
		r := v.pending[0]
		if v.walk.high != "" && r.ID > v.walk.high {
			break
		}
		v.pending = v.pending[1:]
		if err := v.request(ctx, r); err != nil {
			return false, err
		}
	}
	for id, seq := range v.walk.known {
		v.missing[id] = seq
	}
	clear(v.walk.known)
	return true, nil
}

// readings is how often a request is read that changes meanwhile.
const readings = 5

// request looks at a request and its history.
func (v *verifier) request(ctx context.Context, r bridge.Request) error {
	lines := v.walk.known[r.ID]
	delete(v.walk.known, r.ID)
	for range readings {
		entries, err := v.store.History(ctx, r.ID)
		if err == nil {
			err = bridge.VerifyHistory(entries, r.Head)
		}
		again, readErr := v.store.Get(ctx, r.ID)
		switch {
		case bridge.KindOf(readErr) == bridge.NotFound:
			if lines > 0 {
				v.missing[r.ID] = lines
			}
			return nil
		case readErr != nil && !damaged(readErr):
			return readErr
		case err != nil && ctx.Err() != nil:
			return ctx.Err()
		case err != nil && readErr == nil && again.Head != r.Head:
			r = again // it has changed meanwhile
			continue
		}
		v.judge(r, lines, err)
		return nil
	}
	return &bridge.Error{Kind: bridge.Unavailable, Msg: "A request changes so fast that its history could not be read."}
}

// judge says what is wrong with a request: entries that its lines had and that are gone, a
// chain that does not hold, or one that ends before its lines do.
func (v *verifier) judge(r bridge.Request, lines uint64, wrong error) {
	v.report.Requests++
	gone, isGone := v.walk.gone[r.ID]
	delete(v.walk.gone, r.ID)
	switch {
	case r.Head.Seq < lines:
		v.report.find(r.ID, r.Head.Seq+1, "the history of request %s was cut short: it ends at entry %d, and entry %d was committed", r.ID, r.Head.Seq, lines)
	case isGone:
		v.report.find(r.ID, gone, "%s was removed", entryName(r.ID, gone))
	case wrong != nil:
		v.report.find(r.ID, 0, "request %s: %v", r.ID, wrong)
	}
	if r.Head.Seq > lines {
		v.later[r.ID] = r.Head.Seq
	}
	v.tell(v.done + r.Head.Seq)
}

// patience is how long is waited for what was seen and is not synced yet.
const patience = 5 * time.Second

// meanwhile looks at the lines that came since, which have to say what the histories have
// more than the lines had, and which requests were dropped.
func (v *verifier) meanwhile(ctx context.Context) error {
	page, err := v.store.House(ctx, v.walk.house.Seq, 1)
	switch {
	case damaged(err):
		v.report.find("", 0, "%v", err)
	case err != nil:
		return err
	case len(page) > 0:
		v.later[""] = page[0].Entry.Seq
	}
	after := v.end.Place
	for waited := time.Duration(0); ; waited += patience / 50 {
		end, _, err := v.store.LedgerEnd(ctx)
		if err != nil {
			return err
		}
		if _, err := v.each(ctx, after, end.Place, v.late); err != nil {
			return err
		}
		after = max(after, end.Place)
		if len(v.later) == 0 && len(v.missing) == 0 || waited >= patience {
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(patience / 50):
		}
	}
	v.unexplained()
	return nil
}

// late looks at a line that came meanwhile.
func (v *verifier) late(l bridge.LedgerLine) bool {
	if l.Seq >= v.later[l.Request] {
		delete(v.later, l.Request)
	}
	if l.Request == "" && l.Entry != nil && l.Entry.What == bridge.WhatDropped {
		delete(v.missing, l.Entry.Request)
		delete(v.later, l.Entry.Request)
		v.walk.dropped(l.Entry.Request)
	}
	return true
}

func (v *verifier) unexplained() {
	for _, id := range slices.Sorted(maps.Keys(v.later)) {
		v.report.find(id, v.later[id], "%s was added, or its line was removed: the ledger does not have it", entryName(id, v.later[id]))
	}
	for _, id := range slices.Sorted(maps.Keys(v.missing)) {
		delete(v.walk.gone, id)
		v.report.find(id, v.missing[id], "request %s was removed, with %d entries of its history", id, v.missing[id])
	}
}
