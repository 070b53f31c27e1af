package bolt

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"keybridge/bridge"
)

// old opens a file of schema 1 the bare way.
func old(t *testing.T) *bbolt.DB {
	t.Helper()
	db, err := bbolt.Open(oldFile(t, "schema1"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// oldFile unpacks a file that was written by the last program of its schema. That of
// schema 1 holds three requests with one or two lines of history, that of schema 2 six,
// of two portals, two of which need attention, and a bookmark.
func oldFile(t *testing.T, schema string) (path string) {
	t.Helper()
	packed, err := os.ReadFile("testdata/" + schema + ".db.gz")
	if err != nil {
		t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	path = temp(t)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// step is a migration that leaves a mark.
func step(mark string, err error) migration {
	return once(mark, func(tx *bbolt.Tx) error {
		meta := tx.Bucket(bucketMeta)
		if putErr := meta.Put([]byte("trail"), append(meta.Get([]byte("trail")), mark...)); putErr != nil {
			return putErr
		}
		return err
	})
}

func trail(t *testing.T, db *bbolt.DB) (marks string, at int) {
	t.Helper()
	if err := db.View(func(tx *bbolt.Tx) error {
		marks = string(tx.Bucket(bucketMeta).Get([]byte("trail")))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	at, err := schemaOf(db)
	if err != nil {
		t.Fatal(err)
	}
	return marks, at
}

func TestAnOlderStoreIsBroughtUpToDateStepByStepAndOnce(t *testing.T) {
	t.Parallel()
	db, log := old(t), slog.New(slog.DiscardHandler)
	steps := slices.Concat(migrations[:1], []migration{step("b", nil), step("c", nil)})
	for range 2 {
		if err := migrate(db, log, steps); err != nil {
			t.Fatal(err)
		}
		if marks, at := trail(t, db); marks != "bc" || at != 3 {
			t.Fatalf("%q at schema %d", marks, at)
		}
	}
}

func TestAMigrationThatFailsLeavesTheSchemaBeforeIt(t *testing.T) {
	t.Parallel()
	db, log := old(t), slog.New(slog.DiscardHandler)
	errOwn := errors.New("no")
	err := migrate(db, log, append(migrations[:1:1], step("b", nil), step("c", errOwn)))
	if !errors.Is(err, errOwn) || !strings.Contains(err.Error(), "schema 3") {
		t.Fatal(err)
	}
	if marks, at := trail(t, db); marks != "b" || at != 2 {
		t.Fatalf("%q at schema %d", marks, at)
	}
	panics := once("x", func(*bbolt.Tx) error { panic("x") })
	wantKind(t, migrate(db, log, append(migrations[:1:1], step("b", nil), panics)), bridge.Internal)
	if err := migrate(db, log, append(migrations[:1:1], step("b", nil), step("d", nil))); err != nil {
		t.Fatal(err)
	}
	if marks, at := trail(t, db); marks != "bd" || at != 3 {
		t.Fatalf("%q at schema %d", marks, at)
	}
}

func TestANewerStoreIsLeftAlone(t *testing.T) {
	t.Parallel()
	db := old(t)
	if err := db.Update(func(tx *bbolt.Tx) error { return setSchema(tx, 99) }); err != nil {
		t.Fatal(err)
	}
	path := db.Path()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := Open(Config{Path: path})
	wantKind(t, err, bridge.Internal)
	if !strings.Contains(bridge.Explain(err), "written by a newer keybridge (schema 99") {
		t.Fatal(err)
	}
}

func TestAnotherProgramsDatabaseIsLeftAlone(t *testing.T) {
	t.Parallel()
	path := temp(t)
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = Open(Config{Path: path})
	wantKind(t, err, bridge.Internal)
	if !strings.Contains(err.Error(), "not keybridge's") {
		t.Fatal(err)
	}
}
