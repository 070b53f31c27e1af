package bolt

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"

	"keybridge/bridge"
)

func acceptNext(s *Store, n *int) error {
	if _, err := s.Accept(context.Background(), testHint(*n), nil); err != nil {
		return err
	}
	*n++
	return nil
}

func TestFaultSizeLimit(t *testing.T) {
	t.Parallel()
	const limit = 4 << 20
	path := temp(t)
	s := open(t, Config{Path: path, MaxSize: limit, Fatal: func(err error) { t.Error(err) }})
	n, full := fillToTheLimit(t, s)
	wantKind(t, full, bridge.Unavailable)
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if st.Size() > limit || st.Size() < limit/2 {
		t.Fatalf("the file has %d bytes, the limit is %d", st.Size(), limit)
	}
	for _, i := range n {
		if _, err := s.Get(t.Context(), testID(i)); err != nil {
			t.Fatal(err)
		}
	}
	whole(t, s)
}

func TestAStoreWarnsOnceAndWellBeforeItsLimit(t *testing.T) {
	t.Parallel()
	const limit = 4 << 20
	var log lockedBuffer
	s := open(t, Config{Path: temp(t), MaxSize: limit, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if r := s.Room(); r.Low || r.Full || r.Limit != limit || r.Used == 0 {
		t.Fatalf("at the start: %+v", r)
	}
	answered := 0
	for !s.Room().Low {
		if err := acceptNext(s, &answered); err != nil {
			t.Fatalf("full before it was low: %v", err)
		}
	}
	if r := s.Room(); r.Full || r.Used < limit*3/4 || r.Used > limit*9/10 || r.Words() == "" {
		t.Errorf("when it is low: %+v", r)
	}
	before, full := answered, error(nil)
	for full == nil {
		full = acceptNext(s, &answered)
	}
	wantKind(t, full, bridge.Unavailable)
	if answered-before < before/16 {
		t.Errorf("warned after %d requests, full after %d", before, answered)
	}
	for words, want := range map[string]int{"running out of room": 1, "the store is full": 1} {
		if n := strings.Count(log.String(), words); n != want {
			t.Errorf("%q is logged %d times", words, n)
		}
	}
	// What is dropped makes room, without a restart. One at a time: a drop writes before
	// it frees, and sixteen in one commit would find no room themselves.
	dropped := 0
	for ; dropped < answered && s.Room().Low; dropped++ {
		if err := s.Drop(t.Context(), testID(dropped)); err != nil {
			t.Fatal(err)
		}
	}
	if s.Room().Low {
		t.Fatalf("with everything dropped: %+v", s.Room())
	}
	for range dropped / 2 {
		if err := acceptNext(s, &answered); err != nil {
			t.Fatal(err)
		}
	}
	whole(t, s)
}

func TestAStoreThatIsLowIsLowUntilItIsWellBelow(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		share    float64
		was, low bool
	}{{0.79, false, false}, {0.80, false, true}, {0.76, true, true}, {0.75, true, true}, {0.74, true, false}, {0.76, false, false}} {
		if got := isLow(c.share, c.was); got != c.low {
			t.Errorf("at %v, when it was %t: %t", c.share, c.was, got)
		}
	}
}

// lockedBuffer is a log that is read while it is written.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// fillToTheLimit creates requests until there is no room, and returns the
// numbers of those that were answered, and the error.
func fillToTheLimit(t *testing.T, s *Store) (answered []int, full error) {
	t.Helper()
	var mu sync.Mutex
	together(32, func(client int) {
		for i := range 10_000 {
			n := i*32 + client
			_, err := s.Accept(t.Context(), testHint(n), nil)
			mu.Lock()
			if err != nil {
				full = err
			} else {
				answered = append(answered, n)
			}
			stop := full != nil
			mu.Unlock()
			if stop {
				return
			}
		}
	})
	return answered, full
}
