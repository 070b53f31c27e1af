package bolt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"keybridge/bridge"
)

// failSync is a child whose disk takes writes and cannot sync them: behind the store's
// descriptor lies /dev/null, which does just that. It prints how many requests were
// answered before, and ends as serve does once it is told that the store stopped.
func failSync(path string) error {
	told := make(chan error, 2)
	s, err := Open(Config{Path: path, Fatal: func(err error) { told <- err }})
	if err != nil {
		return err
	}
	n := 0
	for range 200 {
		if err := acceptNext(s, &n); err != nil {
			return err
		}
	}
	for i := range 150 { // the file need not grow then, which bbolt would not try on a device
		if err := s.Drop(context.Background(), testID(n-1-i)); err != nil {
			return err
		}
	}
	if err := replaceDescriptor(path); err != nil {
		return err
	}
	for range 3 { // the first one fails at the sync, the others are not tried any more
		if err := acceptNext(s, &n); bridge.KindOf(err) != bridge.Unavailable {
			return fmt.Errorf("a write that was not synced: %w", err)
		}
		if _, err := s.Get(context.Background(), testID(0)); bridge.KindOf(err) != bridge.Unavailable {
			return fmt.Errorf("a read of what may not be so: %w", err)
		}
	}
	select {
	case err := <-told:
		if !errors.Is(err, syscall.EINVAL) { // what fdatasync says of /dev/null
			return fmt.Errorf("told of another error: %w", err)
		}
	case <-time.After(10 * time.Second):
		return errors.New("nobody was told")
	}
	fmt.Println(n - 150)
	return nil
}

// replaceDescriptor puts /dev/null behind every descriptor of a file.
func replaceDescriptor(path string) error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	const open = "/proc/self/fd"
	entries, err := os.ReadDir(open)
	if err != nil {
		return err
	}
	found := false
	for _, e := range entries {
		if to, err := os.Readlink(filepath.Join(open, e.Name())); err != nil || to != path {
			continue
		}
		fd, err := strconv.Atoi(e.Name())
		if err != nil {
			return err
		}
		if err := syscall.Dup3(int(null.Fd()), fd, 0); err != nil {
			return err
		}
		found = true
	}
	if !found {
		return fmt.Errorf("%s is not open", path)
	}
	return nil
}

func TestFaultSyncError(t *testing.T) {
	t.Parallel()
	path := temp(t)
	out, err := child(t, "failed sync", path).CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	// Another process reads the file anew and knows what is in it.
	s := open(t, Config{Path: path})
	for i := range n {
		if _, err := s.Get(t.Context(), testID(i)); err != nil {
			t.Error(err)
		}
	}
	if a, err := s.Accept(t.Context(), testHint(200), nil); err != nil || !a.Created {
		t.Errorf("what was not answered is there: %+v, %v", a, err)
	}
	whole(t, s)
}

// TestWhatCannotBeSyncedIsNoCopy: a device and a pipe take writes and cannot be synced.
func TestWhatCannotBeSyncedIsNoCopy(t *testing.T) {
	t.Parallel()
	s := open(t, Config{Path: temp(t)})
	if err := copyFile(t.Context(), s.db.View, os.DevNull, nil, nil); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("a copy that was not synced: %v", err)
	}
	pipe, path := temp(t), temp(t)
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(pipe, os.O_RDWR, 0) // so that nobody waits for the other end
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for name, give := range map[string]func(temp, path string) error{"a new name": publish, "that of another": replace} {
		if err := give(pipe, path); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("it has %s and was not synced: %v", name, err)
		}
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: there is something: %v", name, err)
		}
	}
}
