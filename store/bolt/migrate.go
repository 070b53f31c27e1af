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
// list is its version. It runs in one transaction, once.
type migration struct {
	what string
	run  func(*bbolt.Tx) error
}

// migrations lead from an empty file to the schema of this program. A migration
// that was released is never changed: what has to be different comes after it.
var migrations = []migration{
	{what: "requests, history, indexes, schedule and ids of hints", run: func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{
			bucketRequest, bucketHistory, bucketKey, bucketRef, bucketApplicant, bucketState,
			bucketSchedule, bucketDue, bucketLease, bucketSeen,
		} {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		return nil
	}},
	{what: "the feed and bookmarks", run: func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{bucketFeed, bucketBookmark} {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		return nil
	}},
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
		if err := m.run(tx); err != nil {
			return err
		}
		if err := setSchema(tx, i+1); err != nil {
			return err
		}
	}
	return nil
}

// migrate runs what a store lacks, each step in a transaction of its own, so that
// one that fails leaves the store at the version before it.
func migrate(db *bbolt.DB, log *slog.Logger, steps []migration) error {
	at, err := schemaOf(db)
	if err != nil {
		return err
	}
	if at > len(steps) {
		return &bridge.Error{
			Kind: bridge.Internal,
			Msg: fmt.Sprintf("%s was written by a newer keybridge (schema %d, this one knows %d); start that one, "+
				"or restore a backup from before", db.Path(), at, len(steps)),
		}
	}
	for i := at; i < len(steps); i++ {
		log.Info("migrating the store", "schema", i+1, "what", steps[i].what)
		err := guard("migrate", func() error {
			return db.Update(func(tx *bbolt.Tx) error {
				if err := steps[i].run(tx); err != nil {
					return err
				}
				return setSchema(tx, i+1)
			})
		})
		if err != nil {
			return fmt.Errorf("migrate store to schema %d (%s): %w", i+1, steps[i].what, err)
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
