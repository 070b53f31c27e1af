package bridge

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestASteadyClockIsNeverSetBackAndComesBackAtHalfItsPace(t *testing.T) {
	const hour = time.Hour
	type step struct{ set, passes, lead time.Duration }
	for name, steps := range map[string][]step{
		"as everybody's":               {{0, hour, 0}, {0, 24 * hour, 0}},
		"set back a day":               {{-24 * hour, 0, 24 * hour}, {0, 2 * hour, 23 * hour}, {0, 40 * hour, 3 * hour}, {0, 10 * hour, 0}, {0, hour, 0}},
		"set back twice":               {{-2 * hour, 0, 2 * hour}, {-hour, 2 * hour, 2 * hour}},
		"set back, and right again":    {{-24 * hour, 0, 24 * hour}, {24 * hour, hour, 0}},
		"set back, and right in part":  {{-24 * hour, 0, 24 * hour}, {10 * hour, 0, 14 * hour}},
		"set ahead":                    {{24 * hour, 0, 0}, {0, hour, 0}},
		"set ahead, and right again":   {{24 * hour, 0, 0}, {-24 * hour, 0, 24 * hour}},
		"corrected little by little":   {{-30 * time.Second, hour, 0}, {-30 * time.Second, hour, 0}, {30 * time.Second, hour, 0}},
		"set back by less than counts": {{-59 * time.Second, 0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var set time.Duration
				s := &steady{now: func() time.Time { return time.Now().Add(set) }}
				last := s.Now()
				for i, step := range steps {
					set += step.set
					time.Sleep(step.passes)
					now, lead := s.look()
					if lead != step.lead {
						t.Errorf("step %d: it is %s ahead, want %s", i+1, lead, step.lead)
					}
					if shows := now.Add(lead); shows.Before(last.Add(-time.Minute)) {
						t.Errorf("step %d: it goes back from %s to %s", i+1, last, shows)
					} else {
						last = shows
					}
					if at := now.Add(hour); !s.due(at).Equal(at.Add(lead)) || !s.due(time.Time{}).IsZero() {
						t.Errorf("step %d: what is due in an hour is due at %s", i+1, s.due(at))
					}
				}
			})
		})
	}
}
