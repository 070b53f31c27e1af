package bridge

import "sync"

// crew is goroutines that do one pass after another. One that has done a pass has the stack
// that a pass needs; to grow it anew for each was a thirtieth of what the way of a key costs.
type crew struct {
	passes chan func()
	all    sync.WaitGroup
	most   int
	here   int
}

// newCrew is one of so many at most. No more passes than that may be under way.
func newCrew(most int) *crew { return &crew{passes: make(chan func(), most), most: most} }

func (c *crew) do(pass func()) {
	if c.here < c.most {
		c.here++
		c.all.Go(func() {
			for pass := range c.passes {
				pass()
			}
		})
	}
	c.passes <- pass
}

// rest waits until all passes are done.
func (c *crew) rest() {
	close(c.passes)
	c.all.Wait()
}
