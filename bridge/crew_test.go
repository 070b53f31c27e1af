package bridge

import (
	"sync/atomic"
	"testing"
)

func TestACrewDoesEveryPassAndHasNoMoreThanItMay(t *testing.T) {
	t.Parallel()
	const most = 3
	c := newCrew(most)
	slots := make(chan struct{}, most)
	var done, now, greatest atomic.Int64
	for range 200 {
		slots <- struct{}{}
		c.do(func() {
			if n := now.Add(1); n > greatest.Load() {
				greatest.Store(n)
			}
			done.Add(1)
			now.Add(-1)
			<-slots
		})
	}
	c.rest()
	if done.Load() != 200 || greatest.Load() > most || c.here > most {
		t.Errorf("%d passes were done, %d at once by %d", done.Load(), greatest.Load(), c.here)
	}
}
