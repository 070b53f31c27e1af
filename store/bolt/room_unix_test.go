//go:build unix

package bolt

import (
	"context"
	"errors"
	"fmt"
	"os"
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
