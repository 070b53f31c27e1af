package bolt

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"keybridge/bridge"
)

func temp(t testing.TB) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "keybridge.db")
}

func equal(t *testing.T, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("(-want +got):\n%s", d)
	}
}

func wantKind(t *testing.T, err error, kind bridge.Kind) {
	t.Helper()
	if bridge.KindOf(err) != kind {
		t.Fatalf("error %v is of kind %q, want %q", err, bridge.KindOf(err), kind)
	}
}

// together runs fn for n clients at once and waits.
func together(n int, fn func(client int)) {
	var all sync.WaitGroup
	for client := range n {
		all.Go(func() { fn(client) })
	}
	all.Wait()
}

func TestWritesThatHappenTogetherShareACommit(t *testing.T) {
	t.Parallel()
	var commits, ops atomic.Int64
	s := open(t, Config{Path: temp(t), Observe: func(group int, took time.Duration) {
		commits.Add(1)
		ops.Add(int64(group))
		if took <= 0 {
			t.Errorf("a commit took %s", took)
		}
	}})
	const clients, each = 64, 25
	together(clients, func(c int) {
		for i := range each {
			if _, err := s.Accept(t.Context(), testHint(c*each+i), nil); err != nil {
				t.Error(err)
			}
		}
	})
	if ops.Load() != clients*each {
		t.Fatalf("%d writes were seen, want %d", ops.Load(), clients*each)
	}
	if commits.Load() > clients*each/8 {
		t.Fatalf("%d writes of %d clients took %d commits", ops.Load(), clients, commits.Load())
	}
	t.Logf("%d writes in %d commits", ops.Load(), commits.Load())
}

func TestWhatWritesNothingNeedsNoCommit(t *testing.T) {
	t.Parallel()
	var commits atomic.Int64
	s := open(t, Config{Path: temp(t), Observe: func(int, time.Duration) { commits.Add(1) }})
	fill(t, s, 1)
	before := commits.Load()
	now := time.Now().Add(-time.Hour)
	if a, err := s.Accept(t.Context(), testHint(0), nil); err != nil || !a.Duplicate {
		t.Fatal(a, err)
	}
	if a, err := s.Accept(t.Context(), bridge.Hint{Request: testID(9)}, nil); err != nil || !a.Unknown() {
		t.Fatal(a, err)
	}
	if claims, _, err := s.Claim(t.Context(), "main", now, now.Add(time.Minute), 5); err != nil || len(claims) > 0 {
		t.Fatal(claims, err)
	}
	if _, err := s.Update(t.Context(), testID(0), func(*bridge.Change) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if err := s.Drop(t.Context(), testID(9)); err != nil {
		t.Fatal(err)
	}
	equal(t, commits.Load(), before)
}

// held opens a store whose committer waits in a first write until let is called, so
// that what is sent meanwhile becomes one group.
func held(t *testing.T, cfg Config) (s *Store, let func()) {
	t.Helper()
	s = open(t, cfg)
	fill(t, s, 8)
	gate, in := make(chan struct{}), make(chan struct{})
	var once sync.Once
	go func() {
		_, _ = s.Update(context.Background(), testID(0), func(*bridge.Change) error {
			once.Do(func() { close(in) })
			<-gate
			return nil
		})
	}()
	<-in
	return s, sync.OnceFunc(func() { close(gate) })
}

// queued waits until n writes wait for the committer.
func queued(s *Store, n int) {
	for len(s.queue) < n {
		time.Sleep(100 * time.Microsecond)
	}
}

func TestAPanickingClosureFailsItsOwnCallerOnly(t *testing.T) {
	t.Parallel()
	s, let := held(t, Config{Path: temp(t)})
	defer let()
	errs := make([]error, 7)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			_, errs[i] = s.Update(t.Context(), testID(i+1), func(c *bridge.Change) error {
				c.Work.Failures++
				c.Steps[0].Mark.Why += "once" // in place, and it is run twice
				if i == 3 {
					panic("a closure's own fault")
				}
				return nil
			})
		})
	}
	queued(s, len(errs))
	let()
	all.Wait()
	for i, err := range errs {
		r, getErr := s.Get(t.Context(), testID(i+1))
		switch {
		case getErr != nil:
			t.Fatal(getErr)
		case i == 3:
			wantKind(t, err, bridge.Internal)
			equal(t, r.Work.Failures, 0)
		default:
			equal(t, err, nil)
			equal(t, r.Work.Failures, 1)
			equal(t, r.Steps[0].Mark.Why, "once")
		}
	}
	whole(t, s)
}

func TestAnOpThatFailsInTheMiddleOfItsWritesTakesNothingWithIt(t *testing.T) {
	t.Parallel()
	s, let := held(t, Config{Path: temp(t)})
	errOwn := errors.New("in the middle")
	var all sync.WaitGroup
	var failed, kept error
	all.Go(func() {
		failed = s.write(t.Context(), func(tx *txn) error {
			if err := tx.put(bucketMeta, []byte("half"), []byte("x")); err != nil {
				return err
			}
			return errOwn
		})
	})
	all.Go(func() {
		kept = s.write(t.Context(), func(tx *txn) error { return tx.put(bucketMeta, []byte("whole"), []byte("x")) })
	})
	queued(s, 2)
	let()
	all.Wait()
	if !errors.Is(failed, errOwn) || kept != nil {
		t.Fatal(failed, kept)
	}
	err := s.view(t.Context(), func(tx *bbolt.Tx) error {
		if meta := tx.Bucket(bucketMeta); meta.Get([]byte("half")) != nil || meta.Get([]byte("whole")) == nil {
			t.Error("the wrong one was kept")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestWhatIsRefusedBecauseOfAnotherWriteStandsAndFallsWithIt: nobody is told that somebody
// else was first who was not kept.
func TestWhatIsRefusedBecauseOfAnotherWriteStandsAndFallsWithIt(t *testing.T) {
	t.Parallel()
	errSecond := errors.New("somebody was first")
	for name, c := range map[string]struct {
		commit func(*bbolt.Tx) error
		want   func(error) bool
	}{
		"kept": {(*bbolt.Tx).Commit, func(err error) bool { return errors.Is(err, errSecond) }},
		"not kept": {
			func(tx *bbolt.Tx) error {
				return errors.Join(&fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}, tx.Rollback())
			},
			func(err error) bool { return bridge.KindOf(err) == bridge.Unavailable },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var groups []int
			s, let := held(t, Config{Path: temp(t), Observe: func(group int, _ time.Duration) { groups = append(groups, group) }})
			decide := func() error {
				_, err := s.Update(t.Context(), testID(1), func(c *bridge.Change) error {
					if c.Work.Failures > 0 {
						return errSecond
					}
					c.Work.Failures++
					return nil
				})
				return err
			}
			errs := make([]error, 2)
			var all sync.WaitGroup
			all.Go(func() { errs[0] = decide() })
			queued(s, 1)
			all.Go(func() { errs[1] = decide() })
			queued(s, 2)
			s.commitTx = c.commit
			let()
			all.Wait()
			if !c.want(errs[1]) {
				t.Errorf("the first: %v; the second: %v", errs[0], errs[1])
			}
			if errs[0] == nil && groups[len(groups)-1] != 1 {
				t.Errorf("writes that shared the last commit: %d", groups[len(groups)-1])
			}
		})
	}
}

func TestAContextCountsUntilTheCommitterTakesTheWrite(t *testing.T) {
	t.Parallel()
	s, let := held(t, Config{Path: temp(t)})
	defer let()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	var err error
	all.Go(func() { _, err = s.Accept(ctx, testHint(100), nil) })
	queued(s, 1)
	cancel()
	all.Wait() // although the committer is still held
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	let()
	if a, err := s.Accept(t.Context(), testHint(100), nil); err != nil || !a.Created {
		t.Fatalf("the write that was given up was done all the same: %+v, %v", a, err)
	}

	ctx, cancel = context.WithCancel(t.Context())
	_, err = s.Update(ctx, testID(100), func(c *bridge.Change) error {
		cancel() // it is taken now
		c.Work.Failures++
		return nil
	})
	if err != nil {
		t.Fatalf("a write that was taken has a result: %v", err)
	}
}

func TestCloseFinishesWhatIsQueuedAndRefusesTheRest(t *testing.T) {
	t.Parallel()
	path := temp(t)
	s, let := held(t, Config{Path: path})
	const n = 50
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { _, errs[i] = s.Accept(t.Context(), testHint(100+i), nil) })
	}
	queued(s, n)
	all.Go(func() { _ = s.Close() })
	<-s.closing
	let()
	all.Wait()
	for i, err := range errs {
		if err != nil {
			t.Errorf("write %d was queued before Close: %v", i, err)
		}
	}
	_, accept := s.Accept(t.Context(), testHint(1), nil)
	_, get := s.Get(t.Context(), testID(1))
	_, list := s.List(t.Context(), bridge.Filter{})
	_, stats := s.Stats(t.Context())
	for _, err := range []error{accept, get, list, stats, s.Drop(t.Context(), testID(1))} {
		wantKind(t, err, bridge.Unavailable)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, Config{Path: path})
	for i := range n {
		if _, err := s.Get(t.Context(), testID(100+i)); err != nil {
			t.Error(err)
		}
	}
}

func TestCloseUnderLoadAnswersEveryCallAndLosesNoAnswer(t *testing.T) {
	t.Parallel()
	path := temp(t)
	s, err := Open(Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	var answered sync.Map
	var all sync.WaitGroup
	for c := range 32 {
		all.Go(func() {
			for i := range 1_000_000 {
				n := c*1_000_000 + i
				_, err := s.Accept(t.Context(), testHint(n), nil)
				if err != nil {
					if bridge.KindOf(err) != bridge.Unavailable {
						t.Error(err)
					}
					return
				}
				answered.Store(n, true)
			}
		})
	}
	time.Sleep(100 * time.Millisecond)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	all.Wait()
	s = open(t, Config{Path: path})
	answered.Range(func(n, _ any) bool {
		if _, err := s.Get(t.Context(), testID(n.(int))); err != nil {
			t.Errorf("request %d: %v", n, err)
		}
		return true
	})
}

func TestAFailedSyncEndsTheStore(t *testing.T) {
	t.Parallel()
	told := make(chan error, 10)
	s, let := held(t, Config{Path: temp(t), Fatal: func(err error) { told <- err }})
	s.commitTx = func(tx *bbolt.Tx) error {
		_ = tx.Rollback()
		return syscall.EIO // what bbolt returns when fdatasync fails
	}
	errs := make([]error, 20)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() { _, errs[i] = s.Accept(t.Context(), testHint(100+i), nil) })
	}
	queued(s, len(errs))
	let()
	all.Wait()
	for _, err := range errs {
		wantKind(t, err, bridge.Unavailable)
	}
	s.commitTx = nil // nobody tries again on this file
	_, get := s.Get(t.Context(), testID(1))
	_, _, claim := s.Claim(t.Context(), "main", time.Now(), time.Now(), 1)
	_, dup := s.Accept(t.Context(), testHint(1), nil)
	for _, err := range []error{get, claim, dup} {
		wantKind(t, err, bridge.Unavailable)
	}
	if err := <-told; !errors.Is(err, syscall.EIO) {
		t.Fatal(err)
	}
	select {
	case err := <-told:
		t.Fatalf("told again: %v", err)
	case <-time.After(10 * time.Millisecond):
	}
}

func TestACommitThatPanicsEndsTheStoreAndItCanStillBeClosed(t *testing.T) {
	t.Parallel()
	told := make(chan error, 1)
	s := open(t, Config{Path: temp(t), Fatal: func(err error) { told <- err }})
	s.commitTx = func(*bbolt.Tx) error { panic("page 7 already freed") }
	_, err := s.Accept(t.Context(), testHint(1), nil)
	wantKind(t, err, bridge.Unavailable)
	if err := <-told; !strings.Contains(err.Error(), "page 7 already freed") {
		t.Fatal(err)
	}
}

func TestOnlyAFailedWriteForLackOfRoomIsNoEnd(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		room bool
	}{
		{&fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}, true},
		{&fs.PathError{Op: "write", Path: "x", Err: syscall.EDQUOT}, true},
		{&fs.PathError{Op: "write", Path: "x", Err: syscall.EFBIG}, true},
		{errors.New("file resize error: truncate x: no space left on device"), true},
		{errors.New("file resize error: truncate x: input/output error"), false},
		{errors.New("file sync error: sync x: no space left on device"), false},
		{&fs.PathError{Op: "write", Path: "x", Err: syscall.EIO}, false},
		{syscall.ENOSPC, false}, // of fdatasync: nobody knows what is on the disk
		{syscall.EIO, false},
		{errors.New("mmap allocate error: cannot allocate memory"), false},
	} {
		if noRoom(c.err) != c.room {
			t.Errorf("%v: no room is %t", c.err, !c.room)
		}
	}
}
