package sandbox

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Call is one thing a client did, and what it was told.
type Call struct {
	// Visit is the number of the connection, counting from 1.
	Visit int `json:"visit"`
	// At is the stage. At AtAnswer nothing is noted but a fault: what was noted at AtMail is the answer. What go-smtp
	// refuses by itself (a command out of order, a recipient too many) is not noted.
	At Stage `json:"at"`
	// Address is the sender at AtSender, AtMail and AtAnswer, the recipient at AtRecipient, the user's name at AtAuth.
	Address string `json:"address,omitempty"`
	// Status is the answer: 250 for whatever went on, 0 when the connection was cut or left in silence.
	Status int       `json:"status"`
	When   time.Time `json:"when"`
}

// went is the status of whatever went on.
const went = 250

// callsKept bounds the memory of a sandbox under load: of more calls, the older half is forgotten.
const callsKept = 50_000

type callLog struct {
	mu    sync.Mutex
	calls []Call
	bell  bell // rings for each call
}

func (s *Server) note(visit int, at Stage, address string, status int) {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	if len(s.calls.calls) >= callsKept {
		s.calls.calls = append([]Call(nil), s.calls.calls[callsKept/2:]...)
	}
	s.calls.calls = append(s.calls.calls, Call{visit, at, address, status, s.now()})
	s.calls.bell.ring()
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

// AwaitCall returns the oldest call that is chosen, as soon as there is one. It returns an error when ctx ends or the
// sandbox is closed before. A Silence is noted before it begins, so that a client held in it can be waited for.
// chosen must not call the sandbox.
func (s *Server) AwaitCall(ctx context.Context, chosen func(Call) bool) (Call, error) {
	for {
		s.calls.mu.Lock()
		i := slices.IndexFunc(s.calls.calls, chosen)
		if i >= 0 {
			call := s.calls.calls[i]
			s.calls.mu.Unlock()
			return call, nil
		}
		noted, changed := len(s.calls.calls), s.calls.bell.next()
		s.calls.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return Call{}, fmt.Errorf("sandbox: no such call came, of %d: %w", noted, ctx.Err())
		case <-s.done:
			return Call{}, fmt.Errorf("sandbox: no such call came, of %d, and the sandbox is closed", noted)
		}
	}
}
