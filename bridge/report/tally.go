package report

import (
	"context"
	"fmt"
	"time"

	"keybridge/bridge"
)

// tally is what some lines of the feed add to the sheets. A request is read once for all of
// its entries among them, and a sheet written once.
type tally struct {
	subjects map[bridge.ID]*subject
	// sheets are by their names: the day and the portal.
	sheets map[string][]fact
	unread []left
}

func newTally() *tally {
	return &tally{subjects: map[bridge.ID]*subject{}, sheets: map[string][]fact{}}
}

// fact is what one line of the feed adds to a sheet.
type fact struct {
	place uint64
	sheet bridge.Sheet
}

// tally takes in lines, and leaves out those that cannot be read.
func (r *Reader) tally(ctx context.Context, t *tally, lines []bridge.Line) error {
	for _, line := range lines {
		e := line.Entry
		adds, portal, err := r.counted(ctx, t.subject(e.Request), e)
		switch {
		case damaged(ctx, err):
			t.unread = append(t.unread, left{Place: line.Place, Request: e.Request, Seq: e.Seq})
		case err != nil:
			return err
		case !adds.Empty():
			name := e.At.UTC().Format(dayForm) + " " + portal
			t.sheets[name] = append(t.sheets[name], fact{line.Place, adds})
		}
	}
	return nil
}

// write adds a tally to the sheets. The bookmark is moved only after all of them, so a sheet
// that was reached already is reached again, and knows it. late is for lines that were left
// out before.
func (r *Reader) write(ctx context.Context, t *tally, late bool) error {
	for name, facts := range t.sheets {
		err := r.cfg.Store.SetPaper(ctx, paperKind, name, func(old []byte) ([]byte, error) { return addTo(old, facts, late) })
		if err != nil {
			return fmt.Errorf("report: the sheet of %s: %w", name, err)
		}
	}
	return nil
}

// subject is a request that entries are about.
type subject struct {
	// seq is the entry that its course has come to.
	seq uint64
	course
	// read: portal, plan and created are those of its record. dropped: there is none.
	read, dropped bool
	portal, plan  string
	created       time.Time
}

// subject returns the request that an entry is about.
func (t *tally) subject(id bridge.ID) *subject {
	about, ok := t.subjects[id]
	if !ok {
		about = &subject{}
		t.subjects[id] = about
	}
	return about
}

// counted is what an entry of a subject adds to the sheet of its day, and of which portal's.
// Its history is read only where an entry does not follow the one before: where a tally
// began in the middle, or something was left out. A request that was dropped counts for
// nothing: it was no key request.
func (r *Reader) counted(ctx context.Context, about *subject, e bridge.Entry) (adds bridge.Sheet, portal string, err error) {
	next := e.Seq == about.seq+1
	if !counts(e) {
		if next {
			about.seq = e.Seq
		}
		return adds, "", nil
	}
	err = r.read(ctx, about, e.Request)
	if err == nil && !next && !about.dropped {
		err = r.bring(ctx, about, e)
	}
	if err != nil || about.dropped {
		return adds, "", err
	}
	about.seq = e.Seq
	return about.take(e, *about), about.portal, nil
}

// read has a subject say what its record says.
func (r *Reader) read(ctx context.Context, about *subject, id bridge.ID) error {
	if about.read || about.dropped {
		return nil
	}
	q, err := r.cfg.Store.Get(ctx, id)
	if about.dropped = bridge.KindOf(err) == bridge.NotFound; about.dropped {
		return nil
	}
	if err != nil {
		return fmt.Errorf("report: the request %s: %w", id, err)
	}
	about.read, about.portal, about.plan, about.created = true, q.Portal, q.Terms.Plan, q.Created
	return nil
}

// bring has the course of a subject come to where an entry is next.
func (r *Reader) bring(ctx context.Context, about *subject, to bridge.Entry) error {
	history, err := r.cfg.Store.History(ctx, to.Request)
	if about.dropped = bridge.KindOf(err) == bridge.NotFound; about.dropped {
		return nil
	}
	if err != nil {
		return fmt.Errorf("report: the history of %s: %w", to.Request, err)
	}
	about.course = course{}
	for _, e := range history {
		if e.Seq < to.Seq {
			about.take(e, *about)
		}
	}
	return nil
}
