package bolt

import (
	"encoding/binary"
	"fmt"
	"log/slog"
	"time"

	"go.etcd.io/bbolt"

	"keybridge/bridge"
)

// The bucket meta holds the schema's version (four bytes, big-endian) and when the
// store was made (RFC 3339).
var (
	bucketMeta = []byte("meta")
	metaSchema = []byte("schema")
	metaMade   = []byte("created")
)

// migration brings a store from the version before it to its own. Its place in the
// list is its version. some does a part of it in one transaction and returns where the
// next one goes on, nil at the end. What an earlier try did that was cut off may be
// there when it begins, at nil.
type migration struct {
	what string
	some func(tx *bbolt.Tx, log *slog.Logger, after []byte) (next []byte, err error)
}

// once makes a migration of what one transaction does.
func once(what string, run func(*bbolt.Tx) error) migration {
	return migration{what: what, some: func(tx *bbolt.Tx, _ *slog.Logger, _ []byte) ([]byte, error) { return nil, run(tx) }}
}

// migrations lead from an empty file to the schema of this program. A migration
// that was released is never changed: what has to be different comes after it.
var migrations = []migration{
	once("requests, history, indexes, schedule and ids of hints", func(tx *bbolt.Tx) error {
		return makeBuckets(tx, bucketRequest, bucketHistory, bucketKey, bucketRef, bucketApplicant, bucketState,
			bucketSchedule, bucketDue, bucketLease, bucketSeen)
	}),
	once("the feed and bookmarks", func(tx *bbolt.Tx) error { return makeBuckets(tx, bucketOldFeed, bucketBookmark) }),
	{what: "what lists are made from", some: buildTags},
	once("papers, and no more index of states", func(tx *bbolt.Tx) error {
		if err := makeBuckets(tx, bucketPaper); err != nil {
			return err
		}
		return tx.DeleteBucket(bucketState)
	}),
	once("the house's own entries", func(tx *bbolt.Tx) error { return makeBuckets(tx, bucketHouse) }),
	{what: "the ledger", some: buildLedger},
	once("the intake", func(tx *bbolt.Tx) error { return makeBuckets(tx, bucketIntake) }),
	once("what hints say", func(*bbolt.Tx) error { return nil }), // what is there can be read; an older program could not read what comes
	{what: "no more parts of ids among what lists are made from, and what those are stale of", some: func(tx *bbolt.Tx, log *slog.Logger, after []byte) ([]byte, error) {
		if after == nil {
			if err := emptied(tx, bucketStale); err != nil {
				return nil, err
			}
		}
		return buildTags(tx, log, after)
	}},
}

// bucketState was the index of states up to schema 3.
var bucketState = []byte("state")

func makeBuckets(tx *bbolt.Tx, names ...[]byte) error {
	for _, name := range names {
		if _, err := tx.CreateBucket(name); err != nil {
			return err
		}
	}
	return nil
}

// layOut makes an empty store of the newest schema.
func layOut(tx *bbolt.Tx, now time.Time) error {
	meta, err := tx.CreateBucket(bucketMeta)
	if err != nil {
		return err
	}
	if err := meta.Put(metaMade, []byte(now.UTC().Format(time.RFC3339))); err != nil {
		return err
	}
	for i, m := range migrations {
		if _, err := m.some(tx, nil, nil); err != nil { // all at once, for there is nothing to do
			return err
		}
		if err := setSchema(tx, i+1); err != nil {
			return err
		}
	}
	return nil
}

// migrate runs what a store lacks, each step in transactions of its own, so that
// one that fails leaves the store at the version before it.
func migrate(db *bbolt.DB, log *slog.Logger, steps []migration) error {
	at, err := schemaOf(db)
	if err != nil {
		return err
	}
	if at > len(steps) {
		return errNewer(db.Path(), at, len(steps))
	}
	for i := at; i < len(steps); i++ {
		log.Info("migrating the store", "schema", i+1, "what", steps[i].what)
		err := guard("migrate", func() error { return steps[i].run(db, log, i+1) })
		if err != nil {
			return fmt.Errorf("migrate store to schema %d (%s): %w", i+1, steps[i].what, err)
		}
	}
	return nil
}

func errNewer(path string, schema, known int) error {
	return &bridge.Error{
		Kind: bridge.Internal,
		Msg: fmt.Sprintf("%s was written by a newer keybridge (schema %d, this one knows %d); start that one, "+
			"or restore a backup from before", path, schema, known),
	}
}

// run runs all parts of a migration. The last one says that the store has the version.
func (m migration) run(db *bbolt.DB, log *slog.Logger, version int) error {
	var after []byte
	for more := true; more; more = after != nil {
		err := db.Update(func(tx *bbolt.Tx) (err error) {
			if after, err = m.some(tx, log, after); err != nil || after != nil {
				return err
			}
			return setSchema(tx, version)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func schemaOf(db *bbolt.DB) (at int, err error) {
	err = guard("read the schema's version", func() error {
		return db.View(func(tx *bbolt.Tx) error {
			meta := tx.Bucket(bucketMeta)
			if meta == nil {
				return errDamaged(db.Path(), fmt.Errorf("a bbolt file, but not keybridge's"))
			}
			b := meta.Get(metaSchema)
			if len(b) != 4 {
				return errDamaged(db.Path(), fmt.Errorf("it has no schema version"))
			}
			at = int(binary.BigEndian.Uint32(b))
			return nil
		})
	})
	return at, err
}

func setSchema(tx *bbolt.Tx, version int) error {
	return tx.Bucket(bucketMeta).Put(metaSchema, binary.BigEndian.AppendUint32(nil, uint32(version))) //nolint:gosec // small
}
