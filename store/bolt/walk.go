package bolt

import (
	"bytes"
	"slices"
	"time"

	"go.etcd.io/bbolt"
)

// A list is a walk over ids in their order: over those that every condition's index
// has. Each index is asked for its next id from where the others are, so that the rarest
// one sets the pace and nothing in between is touched.

// order is in which direction a list goes: true is the oldest first.
type order bool

// A bound is where to go on: the least that an id may be (oldest first), or what it has
// to be less than (newest first). at is the bound that lets an id through, past the
// one that just does not. They use room.
func (o order) at(id, room []byte) []byte   { return o.bound(bool(!o), id, room) }
func (o order) past(id, room []byte) []byte { return o.bound(bool(o), id, room) }

func (o order) bound(longer bool, id, room []byte) []byte {
	room = append(room[:0], id...)
	if longer {
		room = append(room, 0) // comes after the id and before every other one
	}
	return room
}

// admits reports whether an id is within a bound.
func (o order) admits(id, bound []byte) bool { return (bytes.Compare(id, bound) >= 0) == bool(o) }

// ids are in the order of a list. from returns the first one within a bound, nil when
// there is none. The bounds of one after another never go back.
type ids interface {
	from(bound []byte) []byte
}

// posting is the ids behind a prefix in an index.
type posting struct {
	c      *bbolt.Cursor
	prefix []byte
	order  order
	id     []byte
	begun  bool
	room   []byte
}

// near is how many steps are tried before the index is searched from its root.
const near = 3

func newPosting(tx *bbolt.Tx, bucket, prefix []byte, o order) *posting {
	return &posting{c: tx.Bucket(bucket).Cursor(), prefix: prefix, order: o}
}

func (p *posting) from(bound []byte) []byte {
	for tries := 0; !p.begun || p.id != nil && !p.order.admits(p.id, bound); tries++ {
		switch {
		case !p.begun || tries == near:
			p.seek(bound)
		case bool(p.order):
			p.take(p.c.Next())
		default:
			p.take(p.c.Prev())
		}
	}
	return p.id
}

func (p *posting) seek(bound []byte) {
	p.begun = true
	p.room = append(append(p.room[:0], p.prefix...), bound...)
	k, v := p.c.Seek(p.room)
	switch {
	case bool(p.order):
	case k == nil:
		k, v = p.c.Last()
	default:
		k, v = p.c.Prev()
	}
	p.take(k, v)
}

func (p *posting) take(k, _ []byte) {
	p.id = nil
	if k != nil && bytes.HasPrefix(k, p.prefix) {
		p.id = k[len(p.prefix):]
	}
}

// sorted are a few ids from the least to the greatest.
type sorted struct {
	ids   [][]byte
	order order
}

func (s sorted) from(bound []byte) []byte {
	i, _ := slices.BinarySearchFunc(s.ids, bound, bytes.Compare)
	if !s.order {
		i--
	}
	if i < 0 || i == len(s.ids) {
		return nil
	}
	return s.ids[i]
}

// without are ids but for a few, which are sorted from the least to the greatest.
type without struct {
	all   ids
	not   [][]byte
	order order
	room  []byte
}

func (w *without) from(bound []byte) []byte {
	id := w.all.from(bound)
	for id != nil {
		if _, out := slices.BinarySearchFunc(w.not, id, bytes.Compare); !out {
			break
		}
		w.room = w.order.past(id, w.room)
		id = w.all.from(w.room)
	}
	return id
}

// union has the ids that any of its members has.
type union struct {
	any   []ids
	order order
}

func (u union) from(bound []byte) []byte {
	var first []byte
	for _, member := range u.any {
		id := member.from(bound)
		if id != nil && (first == nil || (bytes.Compare(id, first) < 0) == bool(u.order)) {
			first = id
		}
	}
	return first
}

// The bounds of one walk: how many steps it takes, what of them a record that is looked
// at counts for, and how long it lasts where the disk is slow. The clock is not looked at
// before a few steps were taken: a page of which nearly everything fits is whole on a machine
// that is busy. A walk that reached a bound goes at least one id further than the one before.
const (
	walkSteps = 20_000
	walkLeast = 2_000
	walkLook  = 25
	walkTime  = 30 * time.Millisecond
)

// walk looks for the requests that fit a query.
type walk struct {
	query
	tx  *bbolt.Tx
	all []ids
	// least and greatest bound the ids; nil: no bound.
	least, greatest []byte
	// last is the last id that was dealt with, whether it fitted or not.
	last []byte
	// steps are weighed, turns are counted.
	steps, turns int
	began        time.Time
	room         []byte
}

// run calls hit for each request that fits, most times at most. next is the id to go on
// after; nil when nothing is left.
func (w *walk) run(most int, hit func(id, record []byte)) (next []byte, err error) {
	w.began = time.Now()
	for n := 0; ; {
		id, more := w.meet()
		if id == nil {
			if more {
				return w.last, nil
			}
			return nil, nil
		}
		record, fits, err := w.look(id)
		if err != nil {
			return nil, err
		}
		if fits && n == most {
			return w.last, nil
		}
		if fits {
			n++
			hit(id, record)
		}
		w.last = id
	}
}

// meet returns the next id that all have. Without one, more says whether the walk has
// gone as far as it may or nothing is left.
func (w *walk) meet() (id []byte, more bool) {
	bound := w.bound()
	for i, agree := 0, 0; agree < len(w.all); i++ {
		found := w.all[i%len(w.all)].from(bound)
		switch {
		case found == nil || w.outside(found):
			return nil, false
		case agree > 0 && bytes.Equal(found, id):
			agree++
			continue
		case agree > 0:
			w.last = id
		}
		if w.tired() {
			return nil, true
		}
		id, agree = found, 1
		w.room = w.order.at(id, w.room)
		bound = w.room
	}
	return id, true
}

// bound is where to go on.
func (w *walk) bound() []byte {
	edge := w.greatest
	if w.order {
		edge = w.least
	}
	switch {
	case w.last != nil:
		w.room = w.order.past(w.last, w.room)
	case edge != nil:
		w.room = w.order.at(edge, w.room)
	case bool(w.order):
		w.room = w.room[:0]
	default:
		w.room = append(w.room[:0], bytes.Repeat([]byte{0xff}, idLen+1)...)
	}
	return w.room
}

func (w *walk) outside(id []byte) bool {
	if w.order {
		return w.greatest != nil && bytes.Compare(id, w.greatest) > 0
	}
	return w.least != nil && bytes.Compare(id, w.least) < 0
}

// tired reports whether the walk has gone as far as it may. It has to have got
// somewhere.
func (w *walk) tired() bool {
	const glance = 16 // turns between two looks at the clock
	w.steps++
	w.turns++
	straight := len(w.all) == 1 && !w.bare && !w.picky() // each step is a find, and they are bounded
	if straight || w.last == nil || string(w.last) == w.filter.After {
		return false
	}
	return w.steps > w.limits.steps || w.steps > walkLeast && w.turns%glance == 0 && time.Since(w.began) > w.limits.time
}

// look reads a request's record where it is needed, and reports whether it fits.
func (w *walk) look(id []byte) (record []byte, fits bool, err error) {
	if w.bare && !w.picky() {
		return nil, true, nil
	}
	record = w.tx.Bucket(bucketRequest).Get(id)
	if record == nil {
		return nil, false, errInternal("request %s is in an index and nowhere else", id)
	}
	if !w.picky() {
		return record, true, nil
	}
	w.steps += walkLook
	r, err := openRequest(id, record)
	if err != nil {
		return nil, false, err
	}
	return record, w.fits(r), nil
}

// within sets the range of ids that the requests made in a time can have, from the bucket
// day; ok is false when there are none.
func (w *walk) within() (ok bool) {
	f := w.filter
	if f.From.IsZero() && f.Before.IsZero() {
		return true
	}
	w.least, w.greatest = daysBetween(w.tx, f.From, f.Before)
	return w.least != nil
}
