package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"keybridge/bridge"
)

// fillTheDisk is a child that gives itself no room to write, twice: first the file
// may not grow, then what has grown may not be written. (The limit on the size of
// files stands for the disk: the kernel refuses in the same places, with "file too
// large" instead of "no space left".)
func fillTheDisk(path string) error {
	s, err := Open(Config{Path: path, Fatal: func(err error) { panic(err) }})
	if err != nil {
		return err
	}
	n := 0
	for _, room := range []func(size int64) int64{
		func(size int64) int64 { return size + 100<<10 },
		func(size int64) int64 { return size - 900<<10 },
	} {
		for range 100 {
			if err := acceptNext(s, &n); err != nil {
				return err
			}
		}
		if err := fillUp(s, path, room, &n); err != nil {
			return err
		}
	}
	findings, err := s.Check(context.Background(), nil)
	if err != nil || len(findings) > 0 {
		return fmt.Errorf("check: %v, %w", findings, err)
	}
	fmt.Println(n)
	return s.Close()
}

func acceptNext(s *Store, n *int) error {
	if _, err := s.Accept(context.Background(), testHint(*n), nil); err != nil {
		return err
	}
	*n++
	return nil
}

// fillUp writes until there is no room, looks at how the store behaves, and makes
// room again.
func fillUp(s *Store, path string, room func(int64) int64, n *int) error {
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		return err
	}
	tight := was
	tight.Cur = uint64(room(st.Size())) //nolint:gosec // positive
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &tight); err != nil {
		return err
	}
	var full error
	for range 20_000 {
		if full = acceptNext(s, n); full != nil {
			break
		}
	}
	for range 5 { // it stays so, and reads go on
		err := acceptNext(s, n)
		e, ok := errors.AsType[*bridge.Error](err)
		if !ok || e.Kind != bridge.Unavailable || e.RetryAfter == 0 || !errors.As(full, &e) {
			return fmt.Errorf("with a full disk: %w, then %w", full, err)
		}
		if _, err := s.Get(context.Background(), testID(*n-1)); err != nil {
			return err
		}
		if a, err := s.Accept(context.Background(), testHint(0), nil); err != nil || !a.Duplicate {
			return fmt.Errorf("a duplicate needs no room: %+v, %w", a, err)
		}
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		return err
	}
	for range 100 { // and goes on by itself
		if err := acceptNext(s, n); err != nil {
			return fmt.Errorf("with room again: %w", err)
		}
	}
	return nil
}

func TestFaultDiskFull(t *testing.T) {
	t.Parallel()
	path := temp(t)
	out, err := child(t, "full disk", path).CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	var n int
	if _, err := fmt.Sscan(string(out), &n); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s := open(t, Config{Path: path})
	for i := range n {
		if _, err := s.Get(t.Context(), testID(i)); err != nil {
			t.Error(err)
		}
	}
	whole(t, s)
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
