package bolt

import (
	"bytes"

	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"

	"strings"

	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"keybridge/bridge"
)

// powerMoment is a file as it was before and after a commit, how many requests were
// answered by then, and how many there are with it.
type powerMoment struct {
	before, after  []byte
	answered, then int
}

// TestFaultPowerLoss cuts the power at any time: of what a commit writes between two
// syncs, any part may be on the disk and the rest not, down to single sectors. What was
// answered before is in every such file, and nothing in it is damaged.
//
// A commit of bbolt writes its pages, syncs, writes a root, and syncs; TestFaultSyncError
// shows that nothing is answered before. So the pages may be there in part as long as
// the new root is not, and the root may be torn once all pages are there.
func TestFaultPowerLoss(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	moments := commitsOf(t, random)
	files := 0
	for _, m := range moments {
		for range 3 {
			files++
			opensWhole(t, tornPages(m, random), m.answered, fmt.Sprintf("seed %d: pages in part", seed))
		}
		files += 2
		opensWhole(t, tornRoot(m, random), m.answered, fmt.Sprintf("seed %d: a torn root", seed))
		opensWhole(t, m.after, m.then, "everything synced")
	}
	if len(moments) < 10 {
		t.Errorf("only %d commits were looked at", len(moments))
	}
	t.Logf("seed %d: %d files of %d commits", seed, files, len(moments))
}

// commitsOf has requests accepted, one a commit, and returns some of the commits.
func commitsOf(t *testing.T, random *rand.Rand) []powerMoment {
	t.Helper()
	path := temp(t)
	s := open(t, Config{Path: path})
	if s.db.NoSync || s.db.NoGrowSync {
		t.Fatal("the store does not sync")
	}
	read := func() []byte {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
		}
		return b
	}
	var moments []powerMoment
	n, then, look := 0, 0, false
	s.commitTx = func(tx *bbolt.Tx) error {
		if !look {
			return tx.Commit()
		}
		m := powerMoment{before: read(), answered: n, then: then}
		err := tx.Commit()
		m.after = read()
		moments = append(moments, m)
		return err
	}
	for range 400 {
		look, then = random.IntN(20) == 0, n+1
		if err := acceptNext(s, &n); err != nil {
			t.Fatal(err)
		}
		accept(t, s, eventAt(n-1)) // which waits until it is entered
		if now := time.Now(); n%5 == 0 {
			if _, _, err := s.Claim(t.Context(), "main", now, now.Add(time.Hour), 1); err != nil {
				t.Fatal(err)
			}
		}
	}
	return moments
}

const sector = 512

// tornPages is a file in which some of the sectors of a commit are and the new root is
// not. The file may have its old length or its new one.
func tornPages(m powerMoment, random *rand.Rand) []byte {
	b := bytes.Clone(m.before)
	if len(m.after) > len(b) && random.IntN(2) == 0 {
		b = append(b, make([]byte, len(m.after)-len(b))...)
	}
	for at := 2 * os.Getpagesize(); at < len(b); at += sector {
		if random.IntN(2) == 0 {
			copy(b[at:at+sector], m.after[at:at+sector])
		}
	}
	return b
}

// tornRoot is a file in which all pages of a commit are, and of its root a part that is
// not all of it.
func tornRoot(m powerMoment, random *rand.Rand) []byte {
	b := bytes.Clone(m.after)
	page := os.Getpagesize()
	for _, root := range []int{0, page} {
		if bytes.Equal(m.before[root:root+page], m.after[root:root+page]) {
			continue
		}
		copy(b[root:root+page], m.before[root:root+page])
		changed := pageHead + random.IntN(metaSum) // the checksum stays the old one's
		copy(b[root:root+changed], m.after[root:root+changed])
	}
	return b
}

// opensWhole checks that a file opens, has all requests up to one, and knows their hints.
func opensWhole(t *testing.T, file []byte, answered int, how string) {
	t.Helper()
	path := temp(t)
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(Config{Path: path, InitialMmapSize: 16 << 20})
	if err != nil {
		t.Fatalf("%s, after %d answers: %v", how, answered, err)
	}
	s.db.NoSync = true // no power is cut any more
	for i := range answered {
		if _, err := s.Get(t.Context(), testID(i)); err != nil {
			t.Fatalf("%s: request %d of %d that were answered: %v", how, i, answered, err)
		}
	}
	if answered > 0 { // not in the first commit of all
		if a, err := s.Accept(t.Context(), testHint(answered-1), nil); err != nil || !a.Duplicate {
			t.Errorf("%s: the hint at request %d was answered and is forgotten: %+v, %v", how, answered-1, a, err)
		}
	}
	whole(t, s)
	entered := make([]int, max(answered-1, 0)) // of the last request, the event may not have come
	for i := range entered {
		entered[i] = i
	}
	enteredOnce(t, s, entered)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestFaultTornFirstWrite kills processes while they make a store: there is a whole one
// afterwards, or none, and never a part of one.
func TestFaultTornFirstWrite(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	made, none := 0, 0
	for range 40 {
		path := temp(t)
		cmd := child(t, "opener", path)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(random.IntN(40)) * time.Millisecond)
		_ = cmd.Process.Kill() // it may have ended already
		_ = cmd.Wait()
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			none++
		} else {
			made++
		}
		s, err := Open(Config{Path: path}) // whichever it was, the next start goes on
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		whole(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("seed %d: %d stores were made, %d not yet", seed, made, none)
}

// TestFaultThousandDuplicates sends one hint a thousand times at once.
func TestFaultThousandDuplicates(t *testing.T) {
	t.Parallel()
	s := open(t, Config{Path: temp(t)})
	var created, duplicate, effects atomic.Int64
	together(1000, func(int) {
		a, err := s.Accept(t.Context(), testHint(1), nil)
		switch {
		case err != nil:
			t.Error(err)
		case a.Created:
			created.Add(1)
		case a.Duplicate && a.Request == testID(1):
			duplicate.Add(1)
		}
	})
	if created.Load() != 1 || duplicate.Load() != 999 {
		t.Errorf("%d created it and %d were told that it is there", created.Load(), duplicate.Load())
	}
	h := event(5, 1) // and one about a request that is known
	h.Refs = testHint(1).Intake.Refs
	together(1000, func(int) {
		if _, err := s.Accept(t.Context(), h, func(c *bridge.Change) error { c.Work.Failures++; effects.Add(1); return nil }); err != nil {
			t.Error(err)
		}
	})
	r, err := s.Get(t.Context(), testID(1))
	if err != nil || r.Work.Failures != 1 {
		t.Errorf("it had %d effects in %d runs: %v", r.Work.Failures, effects.Load(), err)
	}
	whole(t, s)
}

// TestFaultReplays sends hints again after days, in any order: each counts once for 35
// days at least, and what is kept of them does not grow for ever.
func TestFaultReplays(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	clock := &dial{t: time.Date(2026, 3, 4, 15, 0, 0, 0, time.UTC)}
	s := open(t, Config{Path: temp(t), Now: clock.now})
	const n = 60
	for i := range n {
		if _, err := s.Accept(t.Context(), testHint(i), nil); err != nil {
			t.Fatal(err)
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	passed := 0
	for _, at := range []int{0, 1, 4, 29, 35} {
		clock.pass(time.Duration(at-passed) * day)
		passed = at
		for _, i := range random.Perm(n) {
			if a, err := s.Accept(t.Context(), testHint(i), nil); err != nil || !a.Duplicate || a.Request != testID(i) {
				t.Fatalf("after %d days hint %d is %+v, %v", at, i, a, err)
			}
		}
	}
	// A year of hints, one a day: six weeks of them are remembered, and no more.
	for i := range 365 {
		clock.pass(day)
		h := event(n+i, 1)
		h.Refs = testHint(0).Intake.Refs
		if _, err := s.Accept(t.Context(), h, nil); err != nil {
			t.Fatal(err)
		}
	}
	remembered := 0
	err := s.view(t.Context(), func(tx *bbolt.Tx) error {
		for _, week := range openWeeks(tx.Bucket(bucketSeen)) {
			remembered += week.Stats().KeyN
		}
		return nil
	})
	if err != nil || remembered < 35 || remembered > 42 {
		t.Errorf("%d days are remembered: %v", remembered, err)
	}
	// The request is there all the same, and made once: it is found by its key.
	if a, err := s.Accept(t.Context(), testHint(0), nil); err != nil || a.Created || a.Request != testID(0) {
		t.Errorf("after a year: %+v, %v", a, err)
	}
	whole(t, s)
}

// TestFaultClockJumps moves the clock while hints come in: by minutes, by a day,
// backwards and by years. Nothing is taken in twice or lost, what was written keeps its
// order, and nothing that was remembered is forgotten by a jump back.
func TestFaultClockJumps(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for name, jump := range map[string]time.Duration{
		"five minutes ahead": 5 * time.Minute, "five minutes back": -5 * time.Minute,
		"a day ahead": day, "a day back": -day, "half a year back": -183 * day,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := &dial{t: time.Date(2026, 3, 4, 15, 0, 0, 0, time.UTC)}
			s := open(t, Config{Path: temp(t), Now: clock.now})
			for i := range 20 {
				feed(t, s, acceptAt(t, s, i), "before")
			}
			clock.pass(jump)
			for i := range 40 {
				if a, err := s.Accept(t.Context(), testHint(i), nil); err != nil || a.Duplicate != (i < 20) || a.Created != (i >= 20) {
					t.Fatalf("hint %d after the jump: %+v, %v", i, a, err)
				}
			}
			for i := range 20 {
				feed(t, s, i, "after")
			}
			clock.pass(-jump) // and it is set right
			for i := range 40 {
				if a, err := s.Accept(t.Context(), testHint(i), nil); err != nil || !a.Duplicate {
					t.Fatalf("hint %d once the clock is right: %+v, %v", i, a, err)
				}
			}
			fedInOrder(t, s, 40)
			whole(t, s)
		})
	}
}

// acceptAt accepts the n-th hint and returns its number.
func acceptAt(t *testing.T, s *Store, n int) int {
	t.Helper()
	if _, err := s.Accept(t.Context(), testHint(n), nil); err != nil {
		t.Fatal(err)
	}
	return n
}

// fedInOrder checks that the feed has entries in the order in which they were written.
func fedInOrder(t *testing.T, s *Store, n int) {
	t.Helper()
	lines, err := s.Feed(t.Context(), 0, 1000)
	if err != nil || len(lines) != n {
		t.Fatalf("%d entries, want %d: %v", len(lines), n, err)
	}
	for i, l := range lines {
		if want := []string{"before", "after"}[i/(n/2)]; !strings.Contains(l.Entry.Why, want) {
			t.Errorf("entry %d was written %s: %q", i, want, l.Entry.Why)
		}
		if i > 0 && l.Place <= lines[i-1].Place {
			t.Errorf("place %d comes after %d", l.Place, lines[i-1].Place)
		}
	}
}

// TestReadyTellsOfAFullStoreUntilThereIsRoom has commits find no room for a while.
func TestReadyTellsOfAFullStoreUntilThereIsRoom(t *testing.T) {
	t.Parallel()
	var full atomic.Bool
	errFull := &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
	s := open(t, Config{Path: temp(t)})
	s.commitTx = func(tx *bbolt.Tx) error {
		if full.Load() {
			return errors.Join(errFull, tx.Rollback())
		}
		return tx.Commit()
	}
	full.Store(true)
	for range 2 {
		if _, err := s.Accept(t.Context(), testHint(1), nil); bridge.KindOf(err) != bridge.Unavailable {
			t.Fatal(err)
		}
		wantKind(t, s.Ready(t.Context()), bridge.Unavailable)
	}
	if r := s.Room(); !r.Full || r.Words() == "" {
		t.Errorf("%+v", r)
	}
	full.Store(false)
	if err := s.Ready(t.Context()); err != nil {
		t.Fatalf("there is room again: %v", err)
	}
	if r := s.Room(); !r.Full {
		t.Error("one small write has ended it") // a larger one may still find no place
	}
	s.refused = time.Now().Add(-roomRetry) // a while later
	if _, err := s.Accept(t.Context(), testHint(1), nil); err != nil {
		t.Fatal(err)
	}
	if r := s.Room(); r.Full || r.Words() != "" {
		t.Errorf("%+v", r)
	}
}

// TestReadyTellsOfADiskThatDoesNotAnswer has a commit hang.
func TestReadyTellsOfADiskThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	s, let := held(t, Config{Path: temp(t)})
	defer let()
	if err := s.Ready(t.Context()); err != nil {
		t.Fatalf("it may still answer: %v", err)
	}
	began := time.Now().Add(-stuckAfter - time.Second)
	s.since.Store(&began)
	wantKind(t, s.Ready(t.Context()), bridge.Unavailable)
	let()
	if _, err := s.Accept(t.Context(), testHint(100), nil); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); s.since.Load() != nil; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the committer does not tidy up")
		}
	}
	if err := s.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
}
