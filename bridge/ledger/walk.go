package ledger

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"keybridge/bridge"
)

// mostKnown is of how many requests it is known at once how far their lines go.
const mostKnown = 500_000

// walk goes over the lines of a ledger in their order. It is the same for a store and for
// an export.
type walk struct {
	report *Report
	at     bridge.Ledger
	house  bridge.Head
	// points are the ends that are still to come, in the order of their places.
	points []point
	// known is up to which entry the lines of each request go, for the requests after low
	// and up to high; an empty high: all after low.
	known     map[bridge.ID]uint64
	most      int
	low, high bridge.ID
	// gone is the first entry of a request that is not there, until the house is met to
	// say that the request was dropped.
	gone map[bridge.ID]uint64
	// gap is the first jump in the numbers of a history, which counts when a hash does not
	// fit. (A ledger that was built by a migration is in the order of times.)
	gap *Finding
	// owed is the place among the findings, from 1, of a hash that did not fit while no gap
	// was known: the next one explains it.
	owed int
	// unfit: a signed head did not fit, and those after it will not either.
	unfit bool
}

func newWalk(report *Report, most int) *walk {
	return &walk{report: report, known: map[bridge.ID]uint64{}, most: most, gone: map[bridge.ID]uint64{}}
}

// point is an end of the ledger that is known from elsewhere.
type point struct {
	end bridge.Ledger
	// house is the end of the house's chain, where it is known.
	house *bridge.Head
	// what names it: "the end of 2026-11-20".
	what string
	// signed: it is a signed head's.
	signed bool
}

// expect adds points, in the order of their places; of those at one place the store's own
// come first.
func (w *walk) expect(points []point) {
	w.points = append(w.points, points...)
	slices.SortStableFunc(w.points, func(a, b point) int {
		if c := cmp.Compare(a.end.Place, b.end.Place); c != 0 || a.signed == b.signed {
			return c
		}
		if a.signed {
			return 1
		}
		return -1
	})
}

// line looks at one line. It returns false where what comes after it cannot be found.
func (w *walk) line(l bridge.LedgerLine) bool {
	if l.Place == 0 {
		w.report.find("", 0, "after place %d (%s) the ledger cannot be read: %s", w.at.Place, moment(w.at.Place), l.Damage)
		w.points = nil
		clear(w.gone)
		return false
	}
	if l.Place <= w.at.Place {
		w.report.find(l.Request, l.Seq, "the line of %s is out of place", entryName(l.Request, l.Seq))
	}
	w.meet(l.Place)
	w.entry(l)
	w.number(l)
	w.at = w.at.Next(l)
	w.report.Entries++
	w.meet(l.Place + 1)
	return true
}

// entry looks at the entry that a line stands for.
func (w *walk) entry(l bridge.LedgerLine) {
	name := entryName(l.Request, l.Seq)
	e := l.Entry
	switch {
	case l.Damage != "":
		w.report.find(l.Request, l.Seq, "%s was altered: %s", name, l.Damage)
	case e == nil && l.Request == "":
		w.report.find(l.Request, l.Seq, "%s was removed", name)
	case e == nil:
		if _, ok := w.gone[l.Request]; !ok {
			w.gone[l.Request] = l.Seq
		}
	case e.Seq != l.Seq || l.Request != "" && e.Request != l.Request:
		other := entryName(e.Request, e.Seq)
		if l.Request == "" {
			other = entryName("", e.Seq)
		}
		w.report.find(l.Request, l.Seq, "in the place of %s stands %s: they were moved", name, other)
	case !e.Intact():
		w.report.find(l.Request, l.Seq, "%s was altered", name)
	case e.Hash != l.Hash:
		w.report.find(l.Request, l.Seq, "%s is not the one that was committed: it was written anew", name)
	case l.Request == "" && l.Seq == w.house.Seq+1 && e.Prev != w.house.Hash:
		w.report.find(l.Request, l.Seq, "%s does not continue the one before it", name)
	case l.Request == "" && e.What == bridge.WhatDropped:
		w.dropped(e.Request)
	}
}

// dropped notes that the house says that a request was dropped.
func (w *walk) dropped(id bridge.ID) {
	delete(w.gone, id)
	delete(w.known, id)
	w.report.Dropped++
}

// number follows the numbers of the histories.
func (w *walk) number(l bridge.LedgerLine) {
	last := w.house.Seq
	if l.Request == "" {
		w.house = bridge.Head{Seq: l.Seq, Hash: l.Hash}
		w.report.House++
	} else {
		if !w.within(l.Request) {
			return
		}
		last = w.known[l.Request]
		w.known[l.Request] = max(last, l.Seq)
		w.bound()
	}
	if l.Seq != last+1 {
		w.jump(l, last)
	}
}

// jump remembers, or tells, that the numbers of a history go from one to another.
func (w *walk) jump(l bridge.LedgerLine, last uint64) {
	gap := Finding{Request: l.Request, Seq: last + 1, What: fmt.Sprintf(
		"the line of %s is not in the ledger, where that of entry %d follows entry %d", entryName(l.Request, last+1), l.Seq, last)}
	switch {
	case w.owed > 0 && len(w.report.Findings) < mostFindings:
		w.report.Findings = slices.Insert(w.report.Findings, w.owed-1, gap)
		w.owed = 0
	case w.gap == nil:
		w.gap = &gap
	}
}

// within reports whether a request is among those that are followed.
func (w *walk) within(id bridge.ID) bool { return id > w.low && (w.high == "" || id <= w.high) }

// bound leaves the upper half of the requests for later where there are too many.
func (w *walk) bound() {
	if len(w.known) <= w.most {
		return
	}
	ids := slices.Sorted(maps.Keys(w.known))
	w.high = ids[len(ids)/2]
	maps.DeleteFunc(w.known, func(id bridge.ID, _ uint64) bool { return id > w.high })
}

// meet compares the running hash with the points before a place.
func (w *walk) meet(place uint64) {
	for len(w.points) > 0 && w.points[0].end.Place < place {
		w.compare(w.points[0])
		w.points = w.points[1:]
	}
}

func (w *walk) compare(p point) {
	if p.end == w.at && (p.house == nil || *p.house == w.house) || p.signed && w.unfit {
		return
	}
	if w.gap != nil {
		w.report.find(w.gap.Request, w.gap.Seq, "%s", w.gap.What)
		w.gap = nil
	} else if w.owed == 0 && len(w.report.Findings) < mostFindings {
		w.owed = len(w.report.Findings) + 1
	}
	if w.at.Place < p.end.Place && w.at.Count < p.end.Count {
		w.report.find("", 0, "lines of the ledger were removed: %s says that there are %d up to %s, and there are %d", p.what, p.end.Count, moment(p.end.Place), w.at.Count)
	} else {
		w.report.find("", 0, "the ledger up to %s is not what %s says: lines were altered, added or removed (%d entries then, %d now)", moment(p.end.Place), p.what, p.end.Count, w.at.Count)
	}
	if p.signed {
		w.unfit = true
		return
	}
	w.at = p.end // so that what comes after is compared with what it was
	if p.house != nil {
		w.house = *p.house
	}
}

// over finds what was never met: points, and entries that are gone without a word.
func (w *walk) over() {
	w.meet(^uint64(0))
	for _, id := range slices.Sorted(maps.Keys(w.gone)) {
		w.report.find(id, w.gone[id], "%s was removed, and the house does not say that the request was dropped", entryName(id, w.gone[id]))
	}
	w.report.End = w.at
}

// moment is a place as a time.
func moment(place uint64) string {
	return time.UnixMicro(int64(place)).UTC().Format("2006-01-02 15:04:05.000000") //nolint:gosec // a place is a time
}
