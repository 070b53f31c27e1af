package bolt

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"keybridge/bridge"
)

// hollow makes a store of which most is free again, and returns what is left in it.
func hollow(t *testing.T, path string) []bridge.Request {
	t.Helper()
	s, err := Open(Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	const n = 600
	rich(t, s, n)
	together(16, func(client int) {
		for i := client; i < n-50; i += 16 {
			if err := s.Drop(t.Context(), testID(i)); err != nil {
				t.Error(err)
			}
		}
	})
	left := requests(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return left
}

func size(t *testing.T, path string) int64 {
	t.Helper()
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return st.Size()
}

func TestACompactedStoreIsSmallerAndHoldsTheSame(t *testing.T) {
	t.Parallel()
	path := temp(t)
	want := hollow(t, path)
	before := size(t, path)
	if err := errors.Join(os.Chmod(path, 0o640), os.WriteFile(compactName(path), []byte("of one that was cut off"), 0o600)); err != nil {
		t.Fatal(err)
	}
	var last, of int64
	done, err := CompactFile(t.Context(), path, func(done, total int64) {
		if done > total {
			t.Errorf("%d of %d", done, total)
		}
		last, of = done, total
	})
	if err != nil || last != of || of == 0 {
		t.Fatalf("%d of %d: %v", last, of, err)
	}
	if done.Before != before || done.After != size(t, path) || done.After > before/2 || done.Entries < 50 {
		t.Errorf("%+v of %d bytes, now %d", done, before, size(t, path))
	}
	onlyFile(t, path)
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o640 {
		t.Error(st.Mode(), err)
	}
	s := open(t, Config{Path: path})
	if !equalRequests(requests(t, s), want) {
		t.Error("it holds something else")
	}
	whole(t, s)
	if a, err := s.Accept(t.Context(), testHint(1000), nil); err != nil || !a.Created {
		t.Fatal(a, err)
	}
}

func TestOnlyAHollowStoreIsCompactedAtTheStart(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		compact Compaction
		smaller bool
	}{
		"enough is free":            {Compaction{Free: 1 << 20, Share: 0.5}, true},
		"too few bytes":             {Compaction{Free: 1 << 30, Share: 0.5}, false},
		"too small a share":         {Compaction{Free: 1 << 20, Share: 0.99}, false},
		"never, though all is free": {Compaction{Free: 0}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := temp(t)
			want := hollow(t, path)
			before := size(t, path)
			var log bytes.Buffer
			s := open(t, Config{Path: path, Compact: c.compact, Log: slog.New(slog.NewTextHandler(&log, nil))})
			if got := size(t, path) < before/2; got != c.smaller {
				t.Errorf("%d bytes after %d", size(t, path), before)
			}
			if said := strings.Contains(log.String(), "the store is compacted"); said != c.smaller {
				t.Errorf("the log says: %s", &log)
			}
			if !equalRequests(requests(t, s), want) {
				t.Error("it holds something else")
			}
			whole(t, s)
		})
	}
}

func TestACompactionThatIsGivenUpLeavesTheStoreAsItWas(t *testing.T) {
	t.Parallel()
	path := temp(t)
	hollow(t, path)
	was, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err = CompactFile(ctx, path, func(int64, int64) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	onlyFile(t, path)
	if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, was) {
		t.Error("it was changed", err)
	}
}

func TestADamagedStoreIsNotCompactedAndCanStillBeUsed(t *testing.T) {
	t.Parallel()
	b := sample(t, 40)
	if flip(b, `"id":"dev-7"`) == 0 {
		t.Fatal("nothing to flip")
	}
	path := temp(t)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := CompactFile(t.Context(), path, nil); err == nil || !strings.Contains(err.Error(), string(testID(7))) {
		t.Fatalf("a damaged record was carried over: %v", err)
	}
	if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, b) {
		t.Error("it was changed", err)
	}
	// A start that would compact it goes on with what there is.
	s := open(t, Config{Path: path, Compact: Compaction{Free: 1}})
	if _, err := s.Get(t.Context(), testID(8)); err != nil {
		t.Fatal(err)
	}
}

func TestALinkToTheStoreStaysOne(t *testing.T) {
	t.Parallel()
	path, link := temp(t), temp(t)
	hollow(t, path)
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	before := size(t, path)
	if _, err := CompactFile(t.Context(), link, nil); err != nil {
		t.Fatal(err)
	}
	if to, err := os.Readlink(link); err != nil || to != path || size(t, path) >= before {
		t.Errorf("it leads to %q, of %d bytes: %v", to, size(t, path), err)
	}
	onlyFile(t, path)
	onlyFile(t, link)
}

func TestWhatACompactionLeftIsRemovedWhereALinkLeadsToTheStore(t *testing.T) {
	t.Parallel()
	path, link := temp(t), temp(t)
	hollow(t, path)
	if err := errors.Join(os.Symlink(path, link), os.WriteFile(compactName(path), []byte("cut off"), 0o600)); err != nil {
		t.Fatal(err)
	}
	open(t, Config{Path: link, Compact: Compaction{Free: 1 << 40}})
	onlyFile(t, path)
}

// TestACopyThatDiffersReplacesNothing changes one thing in a copy and has it compared.
func TestACopyThatDiffersReplacesNothing(t *testing.T) {
	t.Parallel()
	put := func(k string) func(*bbolt.Tx) error {
		return func(tx *bbolt.Tx) error { return tx.Bucket(bucketMeta).Put([]byte(k), []byte("x")) }
	}
	for name, spoil := range map[string]func(*bbolt.Tx) error{
		"one entry more at the end":   put("zzz"),
		"one entry more at the begin": put("0"),
		"one entry changed":           put(string(metaMade)),
		"one entry less":              func(tx *bbolt.Tx) error { return tx.Bucket(bucketMeta).Delete(metaMade) },
		"a bucket less":               func(tx *bbolt.Tx) error { return tx.DeleteBucket(bucketLease) },
		"another sequence":            func(tx *bbolt.Tx) error { return tx.Bucket(bucketLease).SetSequence(7) },
		"a bucket in a bucket less": func(tx *bbolt.Tx) error {
			all := tx.Bucket(bucketSeen)
			k, _ := all.Cursor().First()
			return all.DeleteBucket(bytes.Clone(k))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, Config{Path: temp(t)})
			fill(t, s, 20) // and no leases, which opening the copy would free
			copied := temp(t)
			if err := s.Backup(t.Context(), copied, nil); err != nil {
				t.Fatal(err)
			}
			other := open(t, Config{Path: copied})
			differ := func() error {
				w := &work{ctx: t.Context()}
				return s.db.View(func(a *bbolt.Tx) error {
					return other.db.View(func(b *bbolt.Tx) error { return w.compare(a.Cursor().Bucket(), b.Cursor().Bucket()) })
				})
			}
			if err := differ(); err != nil {
				t.Fatalf("before: %v", err)
			}
			if err := other.db.Update(spoil); err != nil {
				t.Fatal(err)
			}
			if err := differ(); err == nil {
				t.Fatal("the two are taken to be the same")
			}
		})
	}
}

// TestWhoWaitsForTheLockOfACompactedStoreGetsTheNewOne has a process open the store
// while it is compacted: what it is given must have the name.
func TestWhoWaitsForTheLockOfACompactedStoreGetsTheNewOne(t *testing.T) {
	t.Parallel()
	path := temp(t)
	want := hollow(t, path)
	waiting := make(chan struct{})
	var s *Store
	var opened error
	done := make(chan struct{})
	go func() {
		defer close(done)
		<-waiting
		s, opened = Open(Config{Path: path})
	}()
	began := false
	if _, err := CompactFile(t.Context(), path, func(int64, int64) {
		if !began {
			began = true
			close(waiting)
			time.Sleep(200 * time.Millisecond) // it opens the file meanwhile, and waits for the lock
		}
	}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("the store does not open")
	}
	if opened != nil {
		t.Fatal(opened)
	}
	if a, err := s.Accept(t.Context(), testHint(1000), nil); err != nil || !a.Created {
		t.Fatal(a, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, Config{Path: path})
	if got := requests(t, s); len(got) != len(want)+1 {
		t.Errorf("%d requests of %d and the one that was answered", len(got), len(want))
	}
	whole(t, s)
}

func TestARestoredBackupIsTheStoreAndReplacesNothing(t *testing.T) {
	t.Parallel()
	s := open(t, Config{Path: temp(t)})
	rich(t, s, 30)
	backup := filepath.Join(t.TempDir(), "backup.db")
	if err := s.Backup(t.Context(), backup, nil); err != nil {
		t.Fatal(err)
	}
	check := func(ctx context.Context, path string) error {
		findings, err := CheckFile(ctx, path, nil)
		if len(findings) > 0 {
			t.Error(findings)
		}
		return err
	}
	to := filepath.Join(t.TempDir(), "deep", "er", "keybridge.db")
	var last, of int64
	if err := Restore(t.Context(), backup, to, check, func(done, total int64) { last, of = done, total }); err != nil || last != of || of == 0 {
		t.Fatalf("%d of %d: %v", last, of, err)
	}
	onlyFile(t, to)
	restored := open(t, Config{Path: to})
	if !equalRequests(requests(t, restored), requests(t, s)) {
		t.Error("it holds something else")
	}
	whole(t, restored)
	wantKind(t, Restore(t.Context(), backup, to, check, nil), bridge.Conflict)
}

func TestWhatIsNoGoodIsNotRestored(t *testing.T) {
	t.Parallel()
	good := sample(t, 30)
	errBad := errors.New("it is not good")
	refuse := func(context.Context, string) error { return errBad }
	accept := func(context.Context, string) error { return nil }
	for name, c := range map[string]struct {
		file  []byte
		check func(context.Context, string) error
	}{
		"a check that fails":   {good, refuse},
		"a file cut short":     {good[:highWater(good)/2], accept},
		"something else":       {[]byte("#!/bin/sh\n"), accept},
		"a backup of no bytes": {nil, accept},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from, to := temp(t), temp(t)
			if err := os.WriteFile(from, c.file, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := Restore(t.Context(), from, to, c.check, nil); err == nil {
				t.Fatal("it was restored")
			}
			if left, err := os.ReadDir(filepath.Dir(to)); err != nil || len(left) > 0 {
				t.Error("something is left:", left, err)
			}
		})
	}
	t.Run("the store of a bridge that runs", func(t *testing.T) {
		t.Parallel()
		s := open(t, Config{Path: temp(t)})
		wantKind(t, Restore(t.Context(), s.path, temp(t), accept, nil), bridge.Unavailable)
	})
}
