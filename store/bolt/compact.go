package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"

	"keybridge/bridge"
)

// A file does not shrink by itself: what was removed leaves free pages, and the list of
// them is written with each commit. Compaction copies what there is into a new file,
// entry by entry and in order, compares the two, and puts the new one in the place of
// the old.

// Compacted is what came of a compaction.
type Compacted struct {
	// Before and After are the sizes of the file in bytes.
	Before, After int64
	// Entries were copied and compared.
	Entries int64
}

// CompactFile compacts the store of a file that no process has open. The copy is made
// beside it, synced, compared with it entry by entry and checked against every
// checksum; only then does it replace the file, in one step: whatever ends the process
// meanwhile, the store is whole. Needs as much room on the disk as the store holds.
//
// Errors: Unavailable when another process has the file, or there is no room; Internal
// when the file is damaged, which leaves it as it was. It ends early with ctx, and may
// be repeated. progress, which may be nil, is told how much of the work is done.
func CompactFile(ctx context.Context, path string, progress func(done, total int64)) (Compacted, error) {
	// Open for writing, so that nobody else can: the lock is held until the new file has
	// the name.
	db, err := openFile(path, Config{}.options())
	if err != nil {
		return Compacted{}, err
	}
	done, err := compact(ctx, db, progress)
	if progress != nil && err == nil {
		progress(1, 1)
	}
	return done, errors.Join(err, db.Close())
}

// compact compacts an open file. The file stays open, and is nobody's any more.
func compact(ctx context.Context, db *bbolt.DB, progress func(done, total int64)) (done Compacted, err error) {
	path, err := filepath.EvalSymlinks(db.Path()) // the file is replaced, and not what leads to it
	if err != nil {
		return Compacted{}, fmt.Errorf("compact: %w", err)
	}
	if err := bothRoots(path); err != nil {
		return Compacted{}, errDamaged(path, err) // nothing would show it any more afterwards
	}
	before, err := os.Stat(path)
	if err != nil {
		return Compacted{}, fmt.Errorf("compact: %w", err)
	}
	temp := compactName(path)
	defer func() { _ = os.Remove(temp) }() // it has the store's name by then, or is of no use
	w := &work{ctx: ctx, progress: progress}
	if err := guard("compact", func() error { return w.copyInto(temp, db) }); err != nil {
		return Compacted{}, errCompact(err)
	}
	if err := verify(ctx, temp, nil); err != nil {
		return Compacted{}, fmt.Errorf("compact: the copy is not good: %w", err)
	}
	after, err := os.Stat(temp)
	if err != nil {
		return Compacted{}, fmt.Errorf("compact: %w", err)
	}
	if err := errors.Join(os.Chmod(temp, before.Mode().Perm()), keepOwner(temp, before)); err != nil {
		return Compacted{}, fmt.Errorf("compact: %w", err)
	}
	if err := replace(temp, path); err != nil {
		return Compacted{}, fmt.Errorf("compact: %w", err)
	}
	return Compacted{Before: before.Size(), After: after.Size(), Entries: w.entries}, nil
}

// replace gives a finished file the name of another one. It syncs the file before, and the
// folder after.
func replace(temp, path string) error {
	if err := syncFile(temp); err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	return syncFile(filepath.Dir(path))
}

// compactName is where the copy is made: always the same name, so that one that was cut
// off leaves at most one file, which the next start removes. It is ours while the store's
// lock is.
func compactName(path string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".compact")
}

func errCompact(err error) error {
	if noRoom(err) {
		return &bridge.Error{
			Kind: bridge.Unavailable, RetryAfter: roomRetry,
			Msg: "There is no room for the compacted copy beside the store, which is as it was.", Err: fmt.Errorf("compact: %w", err),
		}
	}
	return fmt.Errorf("compact: %w", err)
}

// work is the copying of one store and the comparing.
type work struct {
	ctx         context.Context //nolint:containedctx // of the one compaction it is made for
	progress    func(done, total int64)
	done, total int64
	// entries were found to be the same.
	entries int64
}

// copyInto writes what a store holds to a new file and compares the two.
func (w *work) copyInto(path string, from *bbolt.DB) (err error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	// Nobody reads the copy before it is whole, so it is synced once, when it is given its
	// name.
	to, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: lockWait, FreelistType: bbolt.FreelistMapType, NoSync: true, NoGrowSync: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	return from.View(func(tx *bbolt.Tx) error {
		if err := w.count(tx); err != nil {
			return err
		}
		c := &copier{work: w, db: to}
		if err := c.all(tx); err != nil {
			return err
		}
		return to.View(func(copied *bbolt.Tx) error { return w.compare(tx.Cursor().Bucket(), copied.Cursor().Bucket()) })
	})
}

// count finds out how much there is to do: each entry is copied and compared.
func (w *work) count(tx *bbolt.Tx) error {
	return tx.ForEach(func(_ []byte, b *bbolt.Bucket) error {
		w.total += 2 * int64(b.Stats().KeyN)
		return w.ctx.Err()
	})
}

// step counts an entry that was looked at.
func (w *work) step() error {
	w.done++
	if w.done%sweepLen != 0 {
		return nil
	}
	if w.progress != nil {
		w.progress(w.done, max(w.done, w.total))
	}
	return w.ctx.Err()
}

// compare reports an error unless two buckets hold the same, down to their depth.
func (w *work) compare(a, b *bbolt.Bucket) error {
	if b == nil || a.Sequence() != b.Sequence() {
		return errors.New("the copy lacks a bucket")
	}
	x, y := a.Cursor(), b.Cursor()
	k, v := x.First()
	l, u := y.First()
	for ; k != nil; k, v = x.Next() {
		if !bytes.Equal(k, l) || (v == nil) != (u == nil) || !bytes.Equal(v, u) {
			return errors.New("the copy differs")
		}
		if v == nil {
			if err := w.compare(a.Bucket(k), b.Bucket(k)); err != nil {
				return err
			}
		} else {
			w.entries++
		}
		if err := w.step(); err != nil {
			return err
		}
		l, u = y.Next()
	}
	if l != nil {
		return errors.New("the copy has more")
	}
	return nil
}

// copier writes into the copy, some megabytes in each transaction.
type copier struct {
	*work
	db *bbolt.DB
	tx *bbolt.Tx
	// size is how many bytes the transaction under way has.
	size int
}

// copyAtOnce is how many bytes are written in one transaction: they are kept in memory.
const copyAtOnce = 16 << 20

// all copies everything.
func (c *copier) all(from *bbolt.Tx) (err error) {
	if c.tx, err = c.db.Begin(true); err != nil {
		return err
	}
	defer func() {
		if c.tx != nil && c.tx.DB() != nil { // an error, or a page that makes no sense
			_ = c.tx.Rollback() // the copy is thrown away
		}
	}()
	if err := from.ForEach(func(name []byte, b *bbolt.Bucket) error { return c.bucket([][]byte{name}, b) }); err != nil {
		return err
	}
	return c.tx.Commit()
}

// bucket copies a bucket by its way from the root.
func (c *copier) bucket(way [][]byte, from *bbolt.Bucket) error {
	to, err := c.at(way)
	if err != nil {
		return err
	}
	if err := to.SetSequence(from.Sequence()); err != nil {
		return err
	}
	return from.ForEach(func(k, v []byte) error {
		if err := c.step(); err != nil {
			return err
		}
		if v == nil {
			to = nil // what follows may end the transaction
			return c.bucket(append(way[:len(way):len(way)], k), from.Bucket(k))
		}
		if c.size += len(k) + len(v); c.size >= copyAtOnce {
			if err := c.next(); err != nil {
				return err
			}
			to = nil
		}
		if to == nil {
			if to, err = c.at(way); err != nil {
				return err
			}
		}
		return to.Put(k, v)
	})
}

// at is a bucket of the copy, which is made where it is missing. Its pages are filled to
// the brim, because everything comes in order.
func (c *copier) at(way [][]byte) (*bbolt.Bucket, error) {
	b, err := c.tx.CreateBucketIfNotExists(way[0])
	for _, name := range way[1:] {
		if err != nil {
			return nil, err
		}
		b, err = b.CreateBucketIfNotExists(name)
	}
	if err != nil {
		return nil, err
	}
	b.FillPercent = 1
	return b, nil
}

// next commits what was copied and goes on in another transaction.
func (c *copier) next() (err error) {
	if err := c.tx.Commit(); err != nil {
		return err
	}
	c.size = 0
	c.tx, err = c.db.Begin(true)
	return err
}

// Compaction says when a start compacts. Both have to be so.
type Compaction struct {
	// Free is how many bytes of the file are free, at least. 0 or less: never.
	Free int64
	// Share is how much of the file that is, from 0 to 1.
	Share float64
}

// due reports whether a file with so many bytes, some of them free, is to be compacted.
func (c Compaction) due(size, free int64) bool {
	return c.Free > 0 && free >= c.Free && float64(free) >= c.Share*float64(size)
}

// compactAtStart compacts a file that has grown hollow, and says so in the log. One that
// cannot be compacted is used as it is.
//
//nolint:contextcheck // a start is not given up
func compactAtStart(cfg Config, log *slog.Logger) error {
	db, err := openFile(cfg.Path, cfg.options())
	if err != nil {
		return err
	}
	size, free, err := spaceOf(db)
	if path, err := filepath.EvalSymlinks(cfg.Path); err == nil {
		_ = os.Remove(compactName(path)) // of one that was cut off
	}
	if err != nil || !cfg.Compact.due(size, free) {
		return errors.Join(err, db.Close())
	}
	log.Info("compacting the store", "size", size, "free", free)
	began := time.Now()
	done, err := compact(context.Background(), db, sayHowFar(log, began))
	if err != nil {
		log.Warn("the store could not be compacted, and is used as it is", "error", err)
	} else {
		log.Info("the store is compacted", "before", done.Before, "after", done.After, "took", time.Since(began).Round(time.Millisecond).String())
	}
	return db.Close()
}

// sayHowFar logs how far something is, every five seconds.
func sayHowFar(log *slog.Logger, began time.Time) func(done, total int64) {
	const every = 5 * time.Second
	last := began
	return func(done, total int64) {
		if now := time.Now(); now.Sub(last) >= every && total > 0 {
			last = now
			log.Info("compacting the store", "percent", done*100/total)
		}
	}
}

// spaceOf returns how many bytes a file's pages have, and how many of them are free.
func spaceOf(db *bbolt.DB) (size, free int64, err error) {
	err = guard("look at free pages", func() error {
		return db.View(func(tx *bbolt.Tx) error {
			size = tx.Size()
			return nil
		})
	})
	stats := db.Stats()
	return size, int64(stats.FreePageN+stats.PendingPageN) * int64(db.Info().PageSize), err
}
