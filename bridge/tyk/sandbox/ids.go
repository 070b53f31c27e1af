package sandbox

import (
	"encoding/binary"
	"encoding/hex"
	"io"
	"sync"
	"time"
)

// idSource hands out the identifiers and secrets of one sandbox. Everything random in the package comes from here, so
// that a test which passes its own reader sees the same pages twice.
type idSource struct {
	mu      sync.Mutex
	rand    io.Reader
	now     func() time.Time
	machine [5]byte
	counter uint32
}

func newIDSource(rand io.Reader, now func() time.Time) *idSource {
	s := &idSource{rand: rand, now: now}
	s.fill(s.machine[:])
	return s
}

// objectID returns 24 lower-case hexadecimal digits built as MongoDB builds them (seconds, machine, counter): Tyk's ids
// are MongoDB's, and a counter cannot repeat itself however fast requests come in.
func (s *idSource) objectID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counter++
	var id [12]byte
	binary.BigEndian.PutUint32(id[:4], uint32(s.now().Unix())) //nolint:gosec // an object id holds the low 32 bits of the clock
	copy(id[4:9], s.machine[:])
	var counter [4]byte
	binary.BigEndian.PutUint32(counter[:], s.counter)
	copy(id[9:], counter[1:])
	return hex.EncodeToString(id[:])
}

// secret returns n random bytes in hexadecimal.
func (s *idSource) secret(n int) string {
	return hex.EncodeToString(s.bytes(n))
}

func (s *idSource) bytes(n int) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := make([]byte, n)
	s.fill(b)
	return b
}

func (s *idSource) fill(b []byte) {
	if _, err := io.ReadFull(s.rand, b); err != nil {
		// A portal that hands out guessable keys is worse than one that stops.
		panic("sandbox: no randomness left: " + err.Error())
	}
}
