package bridge

import (
	"sync"
	"time"
)

// setBack is by how much a clock has to be set at once for that to count. Less is waited out,
// as is what a time service corrects little by little.
const setBack = time.Minute

// steady is the clock that the schedule is read by. It is the one that everybody sees, but
// where that is set back it goes on: what was to wait for a second would wait for a day more.
// It goes at half its pace then, until the other has come to it, so that no wait takes more
// than twice as long. What is decided, and what people see, is by the other.
//
// It is one process's own. A process that starts after the clock was set back reads what the
// one before has put into the schedule by everybody's clock, and waits for it as long as that
// was ahead, unless something is said of the request; a reconciliation finds what is late.
//
// A clock that is set ahead is followed at once. It cannot be told from a machine that slept,
// and hints come by it: what became due meanwhile is worked on by as many as there are workers.
type steady struct {
	now func() time.Time

	mu   sync.Mutex
	seen time.Time // what now said last, without what the runtime adds to it; zero at first
	at   time.Time // when that was, on the runtime's own clock
	lead time.Duration
}

// look returns what everybody's clock says, and by how much this one is ahead of it.
func (s *steady) look() (now time.Time, lead time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := time.Now()
	now = s.now().Round(0) // or the difference of two would be the runtime's, that nobody can set
	if !s.seen.IsZero() {
		passed := at.Sub(s.at)
		back := s.seen.Add(passed).Sub(now)
		if back.Abs() < setBack {
			back = 0
		}
		s.lead = max(0, s.lead+back-passed/2)
	}
	s.seen, s.at = now, at
	return now, s.lead
}

// Now is what it says now.
func (s *steady) Now() time.Time {
	now, lead := s.look()
	return now.Add(lead)
}

// due is what it will say at a time of everybody's clock. Never (zero) stays never.
func (s *steady) due(at time.Time) time.Time {
	if at.IsZero() {
		return at
	}
	_, lead := s.look()
	return at.Add(lead)
}
