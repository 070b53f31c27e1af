package bolt

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"keybridge/bridge"
)

// line adds a line to the history of a change, chained as the domain does it.
func line(c *bridge.Change, why string) {
	lineAt(c, time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC), why)
}

func lineAt(c *bridge.Change, at time.Time, why string) {
	e := bridge.Entry{
		Request: c.ID, Seq: c.Head.Seq + 1, At: at.UTC().Truncate(time.Microsecond),
		What: bridge.WhatAction, Why: why, Prev: c.Head.Hash,
	}
	b, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(b)
	e.Hash = hex.EncodeToString(sum[:])
	c.Head = bridge.Head{Seq: e.Seq, Hash: e.Hash}
	c.Entries = append(c.Entries, e)
}

// feed adds a line to the history of the n-th request.
func feed(t testing.TB, s *Store, n int, why string) {
	t.Helper()
	if _, err := s.Update(t.Context(), testID(n), func(c *bridge.Change) error { line(c, why); return nil }); err != nil {
		t.Fatal(err)
	}
}

func feedOf(t testing.TB, s *Store, after uint64) (whys []string, end uint64) {
	t.Helper()
	lines, err := s.Feed(t.Context(), after, pageMax)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines {
		whys = append(whys, l.Entry.Why)
	}
	end, err = s.FeedEnd(t.Context())
	if err != nil || len(lines) > 0 && lines[len(lines)-1].Place > end {
		t.Fatalf("the feed ends at %d: %v", end, err)
	}
	return whys, end
}

func TestPlacesGoOnAfterARestart(t *testing.T) {
	t.Parallel()
	cfg := Config{Path: temp(t), Now: (&dial{t: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}).now}
	var last uint64
	for i := range 3 {
		s, err := Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			fill(t, s, 1)
		}
		if _, end := feedOf(t, s, 0); end != last {
			t.Fatalf("the end was %d and is %d", last, end)
		}
		feed(t, s, 0, "x")
		whys, end := feedOf(t, s, last)
		if len(whys) != 1 || end <= last {
			t.Fatalf("%v, and the end %d after %d", whys, end, last)
		}
		last = end
		whole(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestARestoredBackupGivesNoPlaceThatWasGivenAfterIt(t *testing.T) {
	t.Parallel()
	clock := &dial{t: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}
	s := open(t, Config{Path: temp(t), Now: clock.now})
	fill(t, s, 1)
	feed(t, s, 0, "before")
	to := filepath.Join(t.TempDir(), "backup.db")
	if err := s.Backup(t.Context(), to, nil); err != nil {
		t.Fatal(err)
	}
	clock.pass(time.Hour)
	for range 100 {
		feed(t, s, 0, "lost")
	}
	_, lost := feedOf(t, s, 0)
	clock.pass(time.Second)
	restored := open(t, Config{Path: to, Now: clock.now})
	feed(t, restored, 0, "after")
	whys, end := feedOf(t, restored, 0)
	equal(t, whys, []string{"before", "after"})
	if end <= lost {
		t.Fatalf("the place %d was given after the backup, and %d once it was restored", lost, end)
	}
	whole(t, restored)
}

// TestAnEntryIsFedOnceItsCommitIsOnTheDisk holds a commit after bbolt has made it
// visible to readers and before it is known to be on the disk.
func TestAnEntryIsFedOnceItsCommitIsOnTheDisk(t *testing.T) {
	t.Parallel()
	s := open(t, Config{Path: temp(t)})
	fill(t, s, 1)
	visible, let := make(chan struct{}), make(chan struct{})
	commit := s.commitTx
	s.commitTx = func(tx *bbolt.Tx) error {
		err := commit(tx)
		close(visible)
		<-let
		return err
	}
	var writer sync.WaitGroup
	writer.Go(func() { feed(t, s, 0, "x") })
	<-visible
	if history, err := s.History(t.Context(), testID(0)); err != nil || len(history) != 1 {
		t.Errorf("readers see %v, %v", history, err)
	}
	if whys, end := feedOf(t, s, 0); len(whys) > 0 || end != 0 {
		t.Errorf("fed too early: %v, the end %d", whys, end)
	}
	close(let)
	writer.Wait()
	whys, _ := feedOf(t, s, 0)
	equal(t, whys, []string{"x"})
}

func TestAManyTimesDroppedStretchOfTheFeedIsPassedOverInPieces(t *testing.T) {
	t.Parallel()
	s := open(t, Config{Path: temp(t)})
	fill(t, s, 3)
	feed(t, s, 0, "first")
	for range 5 {
		if _, err := s.Update(t.Context(), testID(1), func(c *bridge.Change) error {
			for range pageMax / 2 {
				line(c, "dropped")
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	feed(t, s, 2, "last")
	if err := s.Drop(t.Context(), testID(1)); err != nil {
		t.Fatal(err)
	}
	whys, _ := feedOf(t, s, 0)
	equal(t, whys, []string{"first", "last"})
	whole(t, s)
}

func TestADamagedEntryEndsTheFeedAndNamesItsRequest(t *testing.T) {
	t.Parallel()
	s := open(t, Config{Path: temp(t)})
	fill(t, s, 2)
	feed(t, s, 0, "well")
	feed(t, s, 1, "damaged")
	feed(t, s, 0, "behind it")
	if err := s.db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketHistory).Put(entryKey([]byte(testID(1)), 1), []byte{1, 2, 3})
	}); err != nil {
		t.Fatal(err)
	}
	lines, err := s.Feed(t.Context(), 0, 0)
	if err != nil || len(lines) != 1 || lines[0].Entry.Why != "well" {
		t.Fatalf("%v, %v", lines, err)
	}
	_, err = s.Feed(t.Context(), lines[0].Place, 0)
	wantKind(t, err, bridge.Internal)
	equal(t, err.Error(), damagedRecord(string(testID(1)), errCut).Error())
}

func TestAStoreFromBeforeTheFeedGetsOneOfItsHistory(t *testing.T) {
	t.Parallel()
	db := old(t)
	if at, err := schemaOf(db); err != nil || at != 1 {
		t.Fatalf("the old file has schema %d, %v", at, err)
	}
	path := db.Path()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s := open(t, Config{Path: path})
	if history, err := s.History(t.Context(), testID(1)); err != nil || len(history) != 2 {
		t.Fatalf("its history is %v, %v", history, err)
	}
	whys, end := feedOf(t, s, 0)
	equal(t, whys, []string{"received", "received", "failed", "received"})
	if end == 0 {
		t.Fatal("the feed ends nowhere")
	}
	if got, err := s.Bookmark(t.Context(), "x"); err != nil || got != nil {
		t.Fatalf("%q, %v", got, err)
	}
	if err := s.SetBookmark(t.Context(), "x", []byte("1")); err != nil {
		t.Fatal(err)
	}
	feed(t, s, 1, "new")
	whys, _ = feedOf(t, s, end)
	equal(t, whys, []string{"new"})
	whole(t, s)
}

func TestADamagedBookmarkIsAnErrorAndMayBeReplaced(t *testing.T) {
	t.Parallel()
	s := open(t, Config{Path: temp(t)})
	if err := s.SetBookmark(t.Context(), "crm", []byte("value")); err != nil {
		t.Fatal(err)
	}
	if err := s.db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketBookmark)
		record := append([]byte(nil), b.Get([]byte("crm"))...)
		record[len(record)-1] ^= 1
		return b.Put([]byte("crm"), record)
	}); err != nil {
		t.Fatal(err)
	}
	_, err := s.Bookmark(t.Context(), "crm")
	wantKind(t, err, bridge.Internal)
	if err := s.SetBookmark(t.Context(), "crm", []byte("other")); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Bookmark(t.Context(), "crm"); err != nil || string(got) != "other" {
		t.Fatalf("%q, %v", got, err)
	}
}
