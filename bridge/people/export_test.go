package people

import (
	"context"
	"sync/atomic"
)

// CountHashes counts from now on how often a password is hashed, with what cost.
func (g *Register) CountHashes() (count *atomic.Int64, last *atomic.Value) {
	count, last = new(atomic.Int64), new(atomic.Value)
	hash := g.hash
	g.hash = func(password string, salt []byte, c Cost) []byte {
		count.Add(1)
		last.Store(c)
		return hash(password, salt, c)
	}
	return count, last
}

// Remembered is how many names and addresses are counted.
func (g *Register) Remembered() int {
	g.tries.mu.Lock()
	defer g.tries.mu.Unlock()
	return len(g.tries.keys)
}

// MostTries bounds Remembered.
const MostTries = mostTries

// HoldTurn takes a turn to hash a password; release gives it back.
func (g *Register) HoldTurn(ctx context.Context) (release func()) {
	release, err := g.turn(ctx)
	if err != nil {
		panic(err)
	}
	return release
}
