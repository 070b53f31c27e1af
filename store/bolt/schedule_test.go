package bolt

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"keybridge/bridge"
)

// TestADamagedPlaceInTheScheduleKeepsNoOtherRequestFromBeingClaimed: what is damaged is
// logged once, and claimed once where there is anything to go by.
func TestADamagedPlaceInTheScheduleKeepsNoOtherRequestFromBeingClaimed(t *testing.T) {
	t.Parallel()
	changed := func(change func(*slot)) func(*bbolt.Bucket, []byte) error {
		return func(schedule *bbolt.Bucket, id []byte) error {
			s, err := decodeSlot(schedule.Get(id))
			if err != nil {
				return err
			}
			change(&s)
			return schedule.Put(id, s.encode())
		}
	}
	for name, c := range map[string]struct {
		spoil   func(schedule *bbolt.Bucket, id []byte) error
		claimed bool
	}{
		"it makes no sense":         {func(b *bbolt.Bucket, id []byte) error { return b.Put(id, []byte{9}) }, false},
		"it is missing":             {func(b *bbolt.Bucket, id []byte) error { return b.Delete(id) }, false},
		"it says that it is leased": {changed(func(s *slot) { s.lease = stamp(time.Now().Add(time.Hour)) }), false},
		"it has another time":       {changed(func(s *slot) { s.due++ }), true},
		"it has no time":            {changed(func(s *slot) { s.due = 0 }), true},
		"it has another portal":     {changed(func(s *slot) { s.portal = "mbin" }), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log lockedBuffer
			s := open(t, Config{Path: temp(t), Log: slog.New(slog.NewTextHandler(&log, nil))})
			fill(t, s, 3)
			if err := s.db.Update(func(tx *bbolt.Tx) error { return c.spoil(tx.Bucket(bucketSchedule), []byte(testID(1))) }); err != nil {
				t.Fatal(err)
			}
			claims := claimAll(t, s)
			_, claimed := claims[testID(1)]
			delete(claims, testID(1))
			equal(t, len(claims), 2)
			equal(t, claimed, c.claimed)
			equal(t, strings.Count(log.String(), "the schedule is damaged"), 1)
			if !strings.Contains(log.String(), string(testID(1))) {
				t.Errorf("the log does not name the request: %s", log.String())
			}
			equal(t, claimAll(t, s), map[bridge.ID]uint64{}) // nobody else is given it
		})
	}
}

// TestAClaimOfADamagedPlacePutsItRight: the index is right where it is claimed by it.
func TestAClaimOfADamagedPlacePutsItRight(t *testing.T) {
	t.Parallel()
	s := open(t, Config{Path: temp(t)})
	fill(t, s, 1)
	id := []byte(testID(0))
	if err := s.db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketSchedule).Put(id, slot{portal: "mbin", due: 7, hints: 3}.encode())
	}); err != nil {
		t.Fatal(err)
	}
	equal(t, claimAll(t, s), map[bridge.ID]uint64{testID(0): 3})
	whole(t, s)
}

func TestADamagedPlaceKeepsNoStoreFromOpening(t *testing.T) {
	t.Parallel()
	for name, record := range map[string][]byte{
		"it makes no sense": {9},
		"it is not claimed": slot{portal: "main", due: 7}.encode(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := temp(t)
			s, err := Open(Config{Path: path})
			if err != nil {
				t.Fatal(err)
			}
			fill(t, s, 3)
			equal(t, len(claimAll(t, s)), 3)
			if err := s.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(bucketSchedule).Put([]byte(testID(1)), record) }); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = open(t, Config{Path: path})
			claims := claimAll(t, s)
			delete(claims, testID(1))
			equal(t, len(claims), 2)
			if err := s.view(t.Context(), func(tx *bbolt.Tx) error {
				if k, _ := tx.Bucket(bucketLease).Cursor().Seek([]byte(testID(1))); bytes.Equal(k, []byte(testID(1))) {
					t.Error("it still counts as claimed")
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestWhatWasWrittenBeforeHintsSaidAnythingMayBeAboutAnything reads a place in the schedule
// and a line of the intake as schema 7 had them.
func TestWhatWasWrittenBeforeHintsSaidAnythingMayBeAboutAnything(t *testing.T) {
	t.Parallel()
	now := slot{due: 7, lease: 8, hints: 9, said: bridge.SaidMoney, portal: "main"}
	before := slices.Concat([]byte{1}, now.encode()[2:])
	s, err := decodeSlot(before)
	want := now
	want.said = saidAnything
	if err != nil || s != want {
		t.Errorf("%+v, %v, want %+v", s, err, want)
	}
	if s.lease = 0; s.hinted(7, bridge.SaidMoney).told() != 0 {
		t.Error("a hint that came later narrows what was said before")
	}
	line := waiting{when: stamp(time.Now()), id: []byte(testID(1))}
	said := line
	said.said = bridge.SaidPortal
	for _, want := range []waiting{line, said} { // the first is as it was written before
		got, err := decodeWaiting(appendUint(nil, 1), want.encode())
		if err != nil || got.when != want.when || got.said != want.said || !bytes.Equal(got.id, want.id) {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
	}
	if b, err := body(line.encode()); err != nil || !bytes.Equal(b[:8], appendUint(nil, line.when)) {
		t.Errorf("a line that says nothing begins with %x, %v, and not with its time alone", b[:8], err)
	}
}
