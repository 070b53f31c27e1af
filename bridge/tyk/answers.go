package tyk

import (
	"bytes"
	"sync"
)

// answers are buffers that answers are read into, one after another, so that an answer costs
// its size once. They may hold secrets: each is wiped before it waits for the next.
type answers struct{ free sync.Pool }

// keepAnswer is how large a buffer is kept, in bytes. What grew larger is left to the collector.
const keepAnswer = 64 << 10

// take returns an empty buffer.
func (a *answers) take() *bytes.Buffer {
	if b, ok := a.free.Get().(*bytes.Buffer); ok {
		return b
	}
	return &bytes.Buffer{}
}

// give takes a buffer back, whose bytes nobody may use any more.
func (a *answers) give(b *bytes.Buffer) {
	clear(b.Bytes())
	if b.Reset(); b.Cap() <= keepAnswer {
		a.free.Put(b)
	}
}
