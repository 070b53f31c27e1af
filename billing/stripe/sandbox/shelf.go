package sandbox

import (
	"slices"
	"sort"
)

// object is one JSON object as Stripe would answer it. An object is made
// afresh each time it is asked for and not changed after it was handed out, so
// it may be kept as a snapshot.
type object map[string]any

// entry is what a shelf holds: a thing with an id and the time it was made, in
// seconds since the epoch.
type entry interface {
	key() string
	made() int64
}

// record is an entry with a shape on the wire.
type record interface {
	entry
	render(*ledger) object
}

// shelf keeps the records of one kind in the order they were made, with
// side-indexes for the filters Stripe's lists offer, so that a list costs what
// it returns and not what there is.
type shelf[T entry] struct {
	rows  []T
	at    map[string]int
	marks map[string][]int
}

func newShelf[T entry]() *shelf[T] {
	return &shelf[T]{at: map[string]int{}, marks: map[string][]int{}}
}

// add puts a record on the shelf. Pairs are field and value of the indexes it
// is to be found under; empty values are left out.
func (s *shelf[T]) add(v T, pairs ...string) {
	s.at[v.key()] = len(s.rows)
	s.rows = append(s.rows, v)
	for i := 0; i+1 < len(pairs); i += 2 {
		s.mark(v.key(), pairs[i], pairs[i+1])
	}
}

// mark indexes a record under one more value, once.
func (s *shelf[T]) mark(id, field, value string) {
	if value == "" {
		return
	}
	at, ok := s.at[id]
	if !ok {
		return
	}
	name := field + "=" + value
	rows := s.marks[name]
	i := sort.SearchInts(rows, at)
	if i < len(rows) && rows[i] == at {
		return
	}
	s.marks[name] = slices.Insert(rows, i, at)
}

func (s *shelf[T]) get(id string) (T, bool) {
	at, ok := s.at[id]
	if !ok {
		var none T
		return none, false
	}
	return s.rows[at], true
}

// marked lists the records under one index value, oldest first.
func (s *shelf[T]) marked(field, value string) []T {
	places := s.marks[field+"="+value]
	found := make([]T, len(places))
	for i, at := range places {
		found[i] = s.rows[at]
	}
	return found
}

// walk is a way along a shelf: either everything or what one index holds, by
// position, oldest first.
type walk struct {
	places []int // nil = all
	length int
}

func (s *shelf[T]) along(field, value string) walk {
	if value == "" {
		return walk{length: len(s.rows)}
	}
	places := s.marks[field+"="+value]
	if places == nil {
		places = []int{}
	}
	return walk{places: places, length: len(places)}
}

// row is the shelf position of the walk's i-th step.
func (w walk) row(i int) int {
	if w.places == nil {
		return i
	}
	return w.places[i]
}

// before is the number of steps that lie before a shelf position.
func (w walk) before(row int) int {
	if w.places == nil {
		return row
	}
	return sort.SearchInts(w.places, row)
}
