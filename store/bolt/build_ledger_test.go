package bolt

import (
	"bytes"
	"encoding/binary"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"keybridge/bridge"
)

// brought opens a file of an older schema and brings it up to date, the ledger some
// entries at a time.
func brought(t *testing.T, schema string, most int, log *slog.Logger) *bbolt.DB {
	t.Helper()
	db, err := bbolt.Open(oldFile(t, schema), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	steps := slices.Concat(migrations[:5], []migration{{what: "the ledger", some: func(tx *bbolt.Tx, log *slog.Logger, after []byte) ([]byte, error) {
		return buildLedgerSome(tx, log, after, most)
	}}})
	if err := migrate(db, log, steps); err != nil {
		t.Fatal(err)
	}
	return db
}

// ledgerOf is the ledger's end, and a text of all its lines and checkpoints.
func ledgerOf(t *testing.T, db *bbolt.DB) (end bridge.Ledger, text string) {
	t.Helper()
	var b bytes.Buffer
	if err := db.View(func(tx *bbolt.Tx) (err error) {
		if end, err = ledgerEnd(tx); err != nil {
			return err
		}
		return tx.Bucket(bucketLedger).ForEachBucket(func(week []byte) error {
			return tx.Bucket(bucketLedger).Bucket(week).ForEach(func(k, v []byte) error {
				b.Write(k)
				b.Write(v)
				return nil
			})
		})
	}); err != nil {
		t.Fatal(err)
	}
	return end, b.String()
}

func TestTheLedgerOfAnOlderStoreIsTheSameWhateverThePartsItIsBuiltIn(t *testing.T) {
	t.Parallel()
	for _, schema := range []string{"schema1", "schema2"} {
		end, text := ledgerOf(t, brought(t, schema, 1000, slog.New(slog.DiscardHandler)))
		if end.Count == 0 || end.Hash == "" || len(text) == 0 {
			t.Fatalf("%s: %+v", schema, end)
		}
		for _, most := range []int{1, 2, 3} {
			if e, x := ledgerOf(t, brought(t, schema, most, slog.New(slog.DiscardHandler))); e != end || x != text {
				t.Errorf("%s, %d at a time: %+v, and all at once: %+v", schema, most, e, end)
			}
		}
	}
}

// TestAnEntryThatTheFeedHasForgottenStandsBeforeTheOnesItHas takes the first line out of
// the feed of an older store, as the passing of 35 days did.
func TestAnEntryThatTheFeedHasForgottenStandsBeforeTheOnesItHas(t *testing.T) {
	t.Parallel()
	path := oldFile(t, "schema2")
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	if err := db.Update(func(tx *bbolt.Tx) error {
		feed := tx.Bucket(bucketOldFeed)
		name, _ := feed.Cursor().First()
		k, _ := feed.Bucket(name).Cursor().First()
		lines = tx.Bucket(bucketHistory).Stats().KeyN
		return feed.Bucket(name).Delete(bytes.Clone(k))
	}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s := open(t, Config{Path: path})
	end, _, err := s.LedgerEnd(t.Context())
	if err != nil || end.Count != uint64(lines) { //nolint:gosec // small
		t.Fatalf("%d of %d entries are in the ledger, %v", end.Count, lines, err)
	}
	last := map[bridge.ID]uint64{}
	all, err := s.Ledger(t.Context(), 0, pageMax)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range all {
		if line.Seq != last[line.Request]+1 {
			t.Errorf("entry %d of %s follows entry %d", line.Seq, line.Request, last[line.Request])
		}
		last[line.Request] = line.Seq
	}
	whole(t, s)
}

func TestBuildingTheLedgerSaysHowFarItIs(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	brought(t, "schema2", 2, slog.New(slog.NewTextHandler(&log, nil)))
	if n := strings.Count(log.String(), "building the ledger"); n < 3 {
		t.Errorf("%d lines: %s", n, log.String())
	}
}

// BenchmarkBuildLedger times the migration that builds the ledger, with ten entries a
// request, of which the feed has forgotten all but one.
func BenchmarkBuildLedger(b *testing.B) {
	const requests, lines = 20_000, 10
	start := time.Now().Add(-requests * lines * time.Second)
	s := open(b, Config{Path: temp(b)})
	together(256, func(client int) {
		for n := client; n < requests; n += 256 {
			h := testHint(n)
			for i := range lines {
				lineAt(h.Intake, start.Add(time.Duration(n*lines+i)*time.Second), "received")
			}
			if _, err := s.Accept(b.Context(), h, nil); err != nil {
				b.Error(err)
			}
		}
	})
	for b.Loop() {
		b.StopTimer()
		if err := s.db.Update(asSchema5); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if err := migrate(s.db, s.log, migrations); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/requests, "µs/request")
}

// asSchema5 makes of a store one of the schema before the ledger, whose feed has the last
// entry of each history.
func asSchema5(tx *bbolt.Tx) error {
	feed, err := tx.CreateBucket(bucketOldFeed)
	if err != nil {
		return err
	}
	ledger, history := tx.Bucket(bucketLedger), tx.Bucket(bucketHistory)
	if err := ledger.ForEachBucket(func(week []byte) error {
		to, err := feed.CreateBucket(week)
		if err != nil {
			return err
		}
		return ledger.Bucket(week).ForEach(func(k, v []byte) error {
			at, _, err := splitFed(v)
			if err != nil || len(at) == 8 {
				return err
			}
			if next := binary.BigEndian.Uint64(at[idLen:]) + 1; history.Get(entryKey(at[:idLen], next)) != nil {
				return nil
			}
			return to.Put(k, at)
		})
	}); err != nil {
		return err
	}
	for _, bucket := range [][]byte{bucketLedger, bucketCheckpoint} {
		if err := tx.DeleteBucket(bucket); err != nil {
			return err
		}
	}
	if err := tx.Bucket(bucketMeta).Delete(metaLedger); err != nil {
		return err
	}
	return setSchema(tx, 5)
}
