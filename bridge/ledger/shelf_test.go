package ledger

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"keybridge/bridge"
)

// shelf is a store with papers of its own and an end that a test sets: a real one has
// goroutines outside of a test's bubble.
type shelf struct {
	Store
	mu     sync.Mutex
	papers map[string][]byte
	end    bridge.Ledger
	broken error // of every write
}

func (s *shelf) LedgerEnd(context.Context) (bridge.Ledger, bridge.Head, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.end, bridge.Head{}, nil
}

func (s *shelf) Papers(_ context.Context, kind, after string, _ int) (found []bridge.Paper, _ error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(s.papers)) {
		if rest, ok := strings.CutPrefix(name, kind+"/"); ok && rest > after {
			found = append(found, bridge.Paper{Kind: kind, Name: rest, Value: s.papers[name]})
		}
	}
	return found, nil
}

func (s *shelf) SetPaper(_ context.Context, kind, name string, change func([]byte) ([]byte, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	value, err := change(s.papers[kind+"/"+name])
	if err == nil {
		s.papers[kind+"/"+name] = value
	}
	return err
}

// grow adds an entry to the end.
func (s *shelf) grow() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end.Count++
}

// mend has writes come through again.
func (s *shelf) mend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = nil
}
