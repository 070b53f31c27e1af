package bolt

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestABackupRestsForAsLongAsItWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		e := &ease{ctx: ctx, since: time.Now()}
		for worked, want := range map[time.Duration]time.Duration{
			0: 0, 900 * time.Microsecond: 0, 20 * time.Millisecond: 20 * time.Millisecond, time.Minute: longestRest,
		} {
			e.since = time.Now()
			time.Sleep(worked)
			began := time.Now()
			if e.rest(); time.Since(began) != want {
				t.Errorf("after %s of work it rests for %s, want %s", worked, time.Since(began), want)
			}
		}
		time.Sleep(time.Minute)
		cancel()
		began := time.Now()
		if e.rest(); time.Since(began) != 0 {
			t.Errorf("one that ends early rests for %s", time.Since(began))
		}
	})
	var none *ease
	none.rest() // a compaction does not rest
}
