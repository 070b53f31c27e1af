package sandbox

import "slices"

// shelf holds the records of one kind by their ids, which count from 1 and are not used again, in the order in which they
// came. A record is never changed in place: set replaces it.
type shelf[R any] struct {
	last    int
	ids     []int // in their order
	records map[int]*R
}

// add puts the record that made returns under the next id.
func (s *shelf[R]) add(made func(id int) R) *R {
	s.last++
	record := made(s.last)
	if s.records == nil {
		s.records = map[int]*R{}
	}
	s.ids, s.records[s.last] = append(s.ids, s.last), &record
	return &record
}

// get returns a record, or nil.
func (s *shelf[R]) get(id int) *R { return s.records[id] }

// change replaces a record by a copy that was changed, and returns the copy.
func (s *shelf[R]) change(id int, change func(*R)) *R {
	changed := *s.records[id]
	change(&changed)
	s.records[id] = &changed
	return &changed
}

func (s *shelf[R]) remove(id int) {
	if place, there := slices.BinarySearch(s.ids, id); there {
		s.ids = slices.Delete(slices.Clone(s.ids), place, place+1)
		delete(s.records, id)
	}
}

// all returns the records, oldest first.
func (s *shelf[R]) all() []*R {
	all := make([]*R, len(s.ids))
	for i, id := range s.ids {
		all[i] = s.records[id]
	}
	return all
}

// copies returns the records by value, oldest first.
func (s *shelf[R]) copies() []R {
	all := make([]R, len(s.ids))
	for i, id := range s.ids {
		all[i] = *s.records[id]
	}
	return all
}

// page returns the records that the page shows, newest first unless oldestFirst.
func (s *shelf[R]) page(p page, oldestFirst bool) []*R {
	from, to := p.window(len(s.ids))
	shown := make([]*R, 0, to-from)
	for i := from; i < to; i++ {
		place := i
		if !oldestFirst {
			place = len(s.ids) - 1 - i
		}
		shown = append(shown, s.records[s.ids[place]])
	}
	return shown
}
