package sandbox

import (
	"slices"
	"sync"
	"time"
)

// Call is one thing a client did, and what it was told.
type Call struct {
	// Visit is the number of the connection, counting from 1.
	Visit int `json:"visit"`
	// At is the stage. Nothing is noted at AtAnswer unless a fault struck there: what was noted at AtMail is the answer.
	At Stage `json:"at"`
	// Address is the sender at AtSender, AtMail and AtAnswer, the recipient at AtRecipient, the user's name at AtAuth.
	Address string `json:"address,omitempty"`
	// Status is the answer: 250 for whatever went on, 0 when the connection was cut or left in silence.
	Status int       `json:"status"`
	When   time.Time `json:"when"`
}

// callsKept bounds the memory of a sandbox under load: of more calls, the older half is forgotten.
const callsKept = 50_000

type callLog struct {
	mu    sync.Mutex
	calls []Call
}

func (s *Server) note(visit int, at Stage, address string, status int) {
	if at == AtAnswer && status == 250 {
		return
	}
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	if len(s.calls.calls) >= callsKept {
		s.calls.calls = append([]Call(nil), s.calls.calls[callsKept/2:]...)
	}
	s.calls.calls = append(s.calls.calls, Call{visit, at, address, status, s.now()})
}

// Calls returns what clients did so far, oldest first: the last 25,000 at least.
func (s *Server) Calls() []Call {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	return slices.Clone(s.calls.calls)
}

// ClearCalls forgets the calls so far.
func (s *Server) ClearCalls() {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	s.calls.calls = nil
}
