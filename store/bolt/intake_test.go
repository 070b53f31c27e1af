package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"keybridge/bridge"
)

// eventAt is the n-th provider event, about the n-th request.
func eventAt(n int) bridge.Hint {
	return bridge.Hint{Source: "stripe", ID: event(n, 1).ID, Request: testID(n)}
}

func accept(t testing.TB, s *Store, h bridge.Hint) bridge.Accepted {
	t.Helper()
	a, err := s.Accept(t.Context(), h, nil)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// claimAll claims everything that is due of a portal, and returns how many hints each
// request had had.
func claimAll(t testing.TB, s *Store) map[bridge.ID]uint64 {
	t.Helper()
	hints, now := map[bridge.ID]uint64{}, s.now()
	for {
		claims, next, err := s.Claim(t.Context(), "main", now, now.Add(time.Hour), 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range claims {
			hints[c.Request] = c.Hints
		}
		if next.IsZero() || next.After(now) {
			return hints
		}
	}
}

// atRest makes requests that nobody has to look at.
func atRest(t testing.TB, s *Store, n int) {
	t.Helper()
	fill(t, s, n)
	for id := range claimAll(t, s) {
		err := s.write(t.Context(), func(tx *txn) error {
			from, _, err := tx.slot([]byte(id))
			if err != nil {
				return err
			}
			return tx.move([]byte(id), from, slot{portal: from.portal, hints: from.hints})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// lines counts what waits, on the disk.
func lines(t testing.TB, s *Store) (n int) {
	t.Helper()
	if err := s.view(t.Context(), func(tx *bbolt.Tx) error { n = count(tx.Bucket(bucketIntake), nil, 1<<30); return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAHintThatWaitsIsKnownAndDueAndEnteredOnce(t *testing.T) {
	t.Parallel()
	for name, between := range map[string]func(t *testing.T, s *Store, path string) *Store{
		"in one process": func(_ *testing.T, s *Store, _ string) *Store { return s },
		"after another start": func(t *testing.T, s *Store, path string) *Store {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			return open(t, Config{Path: path})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := temp(t)
			s, err := Open(Config{Path: path})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			atRest(t, s, 3)
			for range 2 {
				accept(t, s, eventAt(1))
			}
			accept(t, s, bridge.Hint{Source: "portal/main", Request: testID(2)}) // has no id: each counts
			accept(t, s, bridge.Hint{Source: "portal/main", Request: testID(2)})
			equal(t, lines(t, s), 3)
			s = between(t, s, path)
			if a := accept(t, s, eventAt(1)); !a.Duplicate || a.Request != testID(1) {
				t.Fatalf("%+v", a)
			}
			whole(t, s)
			equal(t, claimAll(t, s), map[bridge.ID]uint64{testID(1): 2, testID(2): 3})
			equal(t, lines(t, s), 0)
			if a := accept(t, s, eventAt(1)); !a.Duplicate || a.Request != testID(1) {
				t.Fatalf("once it was entered: %+v", a)
			}
			whole(t, s)
		})
	}
}

func TestAClaimEntersOnlySoManyAndSaysThatThereAreMore(t *testing.T) {
	t.Parallel()
	const n = enterAtOnce + 100
	s := open(t, Config{Path: temp(t)})
	s.db.NoSync = true
	atRest(t, s, n)
	together(64, func(c int) {
		for i := c; i < n; i += 64 {
			if _, err := s.Accept(t.Context(), eventAt(i), nil); err != nil {
				t.Error(err)
			}
		}
	})
	now := time.Now()
	claims, next, err := s.Claim(t.Context(), "main", now, now.Add(time.Hour), 1000)
	if err != nil || len(claims) != enterAtOnce || next.After(now) {
		t.Fatalf("%d claims, next %s after now, %v", len(claims), next.Sub(now), err)
	}
	equal(t, lines(t, s), 100)
	claims, next, err = s.Claim(t.Context(), "main", now, now.Add(time.Hour), 1000)
	if err != nil || len(claims) != 100 || !next.After(now) {
		t.Fatalf("%d claims, next %s after now, %v", len(claims), next.Sub(now), err)
	}
	whole(t, s)
}

func TestAHintDuringAClaimIsDueWhenItIsGivenBackThoughItWasNotEntered(t *testing.T) {
	t.Parallel()
	s := open(t, Config{Path: temp(t)})
	fill(t, s, 1)
	now := time.Now()
	claims, _, err := s.Claim(t.Context(), "main", now, now.Add(time.Hour), 1)
	if err != nil || len(claims) != 1 {
		t.Fatal(claims, err)
	}
	accept(t, s, eventAt(0))
	_, err = s.Update(t.Context(), testID(0), func(c *bridge.Change) error {
		c.Done = &bridge.Done{Claim: claims[0], Due: now.Add(time.Hour)}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, lines(t, s), 1)
	equal(t, claimAll(t, s), map[bridge.ID]uint64{testID(0): 2})
}

func TestAHintThatWaitsAtARequestThatIsDroppedStaysKnown(t *testing.T) {
	t.Parallel()
	s := open(t, Config{Path: temp(t)})
	atRest(t, s, 2)
	accept(t, s, eventAt(1))
	if err := s.Drop(t.Context(), testID(1)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if a := accept(t, s, eventAt(1)); !a.Duplicate || a.Request != "" {
			t.Fatalf("%+v", a)
		}
		equal(t, len(claimAll(t, s)), 0)
		equal(t, lines(t, s), 0)
	}
	whole(t, s)
}

func TestADamagedPlaceInTheScheduleKeepsNoOtherHintFromBeingEntered(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	s := open(t, Config{Path: temp(t), Log: slog.New(slog.NewTextHandler(&log, nil))})
	atRest(t, s, 3)
	for n := range 3 {
		accept(t, s, eventAt(n))
	}
	if err := s.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(bucketSchedule).Put([]byte(testID(1)), []byte{9}) }); err != nil {
		t.Fatal(err)
	}
	equal(t, claimAll(t, s), map[bridge.ID]uint64{testID(0): 2, testID(2): 2})
	if !strings.Contains(log.String(), string(testID(1))) {
		t.Errorf("the log does not name the request: %s", log.String())
	}
	if a := accept(t, s, eventAt(1)); !a.Duplicate {
		t.Errorf("%+v", a)
	}
}

func TestATransactionThatIsGivenUpLeavesTheIntakeAsItWas(t *testing.T) {
	t.Parallel()
	errOwn := errors.New("in the middle")
	var full atomic.Bool
	s := open(t, Config{Path: temp(t)})
	atRest(t, s, 3)
	s.commitTx = func(tx *bbolt.Tx) error {
		if full.Load() {
			return errors.Join(&fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}, tx.Rollback())
		}
		return tx.Commit()
	}
	accept(t, s, eventAt(0))
	full.Store(true)
	_, err := s.Accept(t.Context(), eventAt(1), nil) // there is no room for the line
	wantKind(t, err, bridge.Unavailable)
	now := time.Now()
	_, _, err = s.Claim(t.Context(), "main", now, now.Add(time.Hour), 10) // nor for entering one
	wantKind(t, err, bridge.Unavailable)
	full.Store(false)
	err = s.write(t.Context(), func(tx *txn) error {
		return errors.Join(tx.wait(waiting{when: 1, id: []byte(testID(2)), seenAs: seenKey("stripe", "x")}), tx.enter(10), errOwn)
	})
	if !errors.Is(err, errOwn) {
		t.Fatal(err)
	}
	if a := accept(t, s, eventAt(0)); !a.Duplicate {
		t.Errorf("what was answered: %+v", a)
	}
	if a := accept(t, s, eventAt(1)); a.Duplicate {
		t.Errorf("what was refused: %+v", a)
	}
	if a := accept(t, s, bridge.Hint{Source: "stripe", ID: "x", Request: testID(2)}); a.Duplicate {
		t.Errorf("what was given up: %+v", a)
	}
	equal(t, lines(t, s), 3)
	equal(t, claimAll(t, s), map[bridge.ID]uint64{testID(0): 2, testID(1): 2, testID(2): 2})
	whole(t, s)
}

func TestAStoreFromWhichNobodyClaimsEntersHintsAllTheSame(t *testing.T) {
	t.Parallel()
	clock := &dial{t: time.Date(2026, 3, 4, 15, 0, 0, 0, time.UTC)}
	s := open(t, Config{Path: temp(t), Now: clock.now})
	atRest(t, s, 10)
	for n := range 4 {
		accept(t, s, eventAt(n))
	}
	equal(t, lines(t, s), 4)
	clock.pass(intakeAge + time.Second)
	accept(t, s, eventAt(4)) // they have waited for too long
	equal(t, lines(t, s), 0)
	for n := range 5 {
		accept(t, s, eventAt(5+n))
	}
	equal(t, lines(t, s), 5)
	if err := s.write(t.Context(), func(tx *txn) error { tx.intake.lines += intakeMost; tx.wrote = true; return nil }); err != nil {
		t.Fatal(err) // there are too many, or so it believes
	}
	equal(t, lines(t, s), 0)
	got, err := s.Stats(t.Context())
	if err != nil || got.Due["main"].Count != 10 {
		t.Fatalf("%+v, %v", got.Due, err)
	}
	whole(t, s)
}

// TestNoMoreHintsWaitThanMay has one commit bring more of them than a claim enters.
func TestNoMoreHintsWaitThanMay(t *testing.T) {
	t.Parallel()
	s := open(t, Config{Path: temp(t)})
	atRest(t, s, 1)
	if err := s.write(t.Context(), func(tx *txn) error {
		tx.intake.lines += intakeMost // so many wait, or so it believes
		for range enterAtOnce + 300 {
			if err := tx.wait(waiting{when: 7, id: []byte(testID(0))}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	equal(t, lines(t, s), 0)
}

func TestStatsCountWhatIsDueByAHintThatWaits(t *testing.T) {
	t.Parallel()
	clock := &dial{t: time.Date(2026, 3, 4, 15, 0, 0, 0, time.UTC)}
	s := open(t, Config{Path: temp(t), Now: clock.now})
	atRest(t, s, 3)
	at := clock.now()
	due := func(want map[string]Backlog) {
		t.Helper()
		got, err := s.Stats(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		equal(t, got.Due, want)
	}
	due(map[string]Backlog{})
	for n, ago := range []time.Duration{3, 1, 2, 4} { // two of them about one request
		h := eventAt(n)
		h.Request, h.At = testID(n/2), at.Add(-ago*time.Minute)
		accept(t, s, h)
	}
	want := map[string]Backlog{"main": {Count: 2, Oldest: at.Add(-4 * time.Minute)}}
	due(want)
	claims, _, err := s.Claim(t.Context(), "main", at, at.Add(time.Minute), 0)
	if err != nil || len(claims) != 0 {
		t.Fatal(claims, err)
	}
	due(want) // the same, now that they were entered
	equal(t, len(claimAll(t, s)), 2)
	h := eventAt(9)
	h.Request = testID(0)
	accept(t, s, h)
	due(map[string]Backlog{}) // it is claimed
}

func TestARottenLineIsFoundAndKeepsTheStoreFromOpening(t *testing.T) {
	t.Parallel()
	first, good := appendUint(nil, 1), waiting{when: 7, id: []byte(testID(0))}.encode()
	for name, line := range map[string]struct{ place, record []byte }{
		"cut short":         {first, []byte{recordFormat}},
		"of another format": {first, append([]byte{9}, good[1:]...)},
		"that was changed":  {first, append(bytes.Clone(good), 1)},
		"without a request": {first, enclose(appendUint(nil, 7))},
		"without a place":   {first[1:], good},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := temp(t)
			s, err := Open(Config{Path: path})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			fill(t, s, 1)
			if err := s.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(bucketIntake).Put(line.place, line.record) }); err != nil {
				t.Fatal(err)
			}
			findings, err := s.Check(t.Context(), nil)
			if err != nil || len(findings) != 1 || findings[0].Where != "intake" {
				t.Fatalf("%v, %v", findings, err)
			}
			if _, sum := body(line.record); sum != nil && s.Backup(t.Context(), path+".backup", nil) == nil {
				t.Error("it was backed up")
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			_, err = Open(Config{Path: path})
			wantKind(t, err, bridge.Internal)
		})
	}
}

func TestABackupHasWhatWaits(t *testing.T) {
	t.Parallel()
	path := temp(t)
	s := open(t, Config{Path: path})
	atRest(t, s, 2)
	accept(t, s, eventAt(1))
	if err := s.Backup(t.Context(), path+".backup", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := CompactFile(t.Context(), path+".backup", nil); err != nil {
		t.Fatal(err)
	}
	kept := open(t, Config{Path: path + ".backup"})
	if a := accept(t, kept, eventAt(1)); !a.Duplicate {
		t.Fatalf("%+v", a)
	}
	equal(t, claimAll(t, kept), map[bridge.ID]uint64{testID(1): 2})
}

// FuzzWaiting holds the decoder of lines to what the encoder writes, whatever the file says.
func FuzzWaiting(f *testing.F) {
	f.Add(waiting{when: 7, id: []byte(testID(1)), seenAs: seenKey("stripe", "evt_1")}.encode())
	f.Add(enclose(nil))
	f.Fuzz(func(t *testing.T, record []byte) {
		l, err := decodeWaiting(appendUint(nil, 1), record)
		if err != nil {
			return
		}
		if again := l.encode(); string(again) != string(record) {
			t.Errorf("%x became %x", record, again)
		}
	})
}

// takeAndGiveBack claims and gives back until the store fails.
func takeAndGiveBack(s *Store) {
	for {
		now := time.Now()
		claims, _, err := s.Claim(context.Background(), "main", now, now.Add(time.Hour), 8)
		if err != nil {
			panic(err)
		}
		for _, claim := range claims {
			_, err := s.Update(context.Background(), claim.Request, func(c *bridge.Change) error {
				c.Done = &bridge.Done{Claim: claim}
				return nil
			})
			if err != nil {
				panic(fmt.Sprint(claim, err))
			}
		}
	}
}

// enteredOnce checks that the hint and the event of requests each counted once.
func enteredOnce(t *testing.T, s *Store, requests []int) {
	t.Helper()
	if err := s.write(t.Context(), func(tx *txn) error { return tx.enter(1 << 30) }); err != nil {
		t.Fatal(err)
	}
	for _, n := range requests {
		err := s.view(t.Context(), func(tx *bbolt.Tx) error {
			slot, there, err := (&txn{tx: tx}).slot([]byte(testID(n)))
			if err == nil && (!there || slot.hints != 2) {
				err = fmt.Errorf("it has had %d hints, and 2 were answered", slot.hints)
			}
			return err
		})
		if err != nil {
			t.Errorf("request %d: %v", n, err)
		}
	}
}
