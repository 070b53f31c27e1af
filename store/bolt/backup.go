package bolt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"

	"keybridge/bridge"
)

// syncEvery is how many bytes of a backup are written between syncs. Without them
// the kernel gathers gigabytes and writes them at once, and the commits of intake
// wait behind them.
const syncEvery = 2 << 20

// ease has a backup give way to what is being served: after each bit of work it rests for as
// long as that took, so that it takes half of disk and processor at most, and twice as long.
type ease struct {
	ctx   context.Context //nolint:containedctx // of the one backup it is made for
	since time.Time
}

// longestRest bounds a rest where the disk was held up by others.
const longestRest = time.Second

// rest rests where there was enough work for that; a nil ease never does.
func (e *ease) rest() {
	if e == nil {
		return
	}
	worked := time.Since(e.since)
	if worked < time.Millisecond {
		return
	}
	select {
	case <-e.ctx.Done():
	case <-time.After(min(worked, longestRest)):
	}
	e.since = time.Now()
}

// Backup writes a copy of the store, as it is at one moment, to a new file, while
// the store goes on. Everything that was answered before Backup was called is in
// it. The copy is written beside path under a temporary name, synced, opened and
// checked (every record against its checksum), and only then given its name;
// Conflict when there is a file of that name, which is left alone.
//
// progress, which may be nil, is told how many of total bytes are copied. Pages
// that are replaced during the copy are not reused until it is done, so that the
// store's file may grow. It rests half of the time, so that what is served goes on. It
// ends early with ctx, and leaves nothing behind then; what one that was killed left in the
// folder of path is removed a day later. path is on this machine: to send a backup
// somewhere, send the file.
func (s *Store) Backup(ctx context.Context, path string, progress func(done, total int64)) error {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return errExists(path, err)
	}
	clearUnfinished(filepath.Dir(path), s.now(), s.log)
	temp, err := tempName(path)
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	defer func() { _ = os.Remove(temp) }()
	gently := &ease{ctx: ctx, since: time.Now()}
	if err := copyFile(ctx, func(fn func(*bbolt.Tx) error) error { return s.view(ctx, fn) }, temp, progress, gently); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	if err := verify(ctx, temp, gently); err != nil {
		return fmt.Errorf("backup: the copy is not good: %w", err)
	}
	switch err := publish(temp, path); {
	case errors.Is(err, fs.ErrExist):
		return errExists(path, err)
	case err != nil:
		return fmt.Errorf("backup: %w", err)
	}
	return nil
}

func errExists(path string, err error) error {
	return &bridge.Error{
		Kind: bridge.Conflict, Err: err,
		Msg: fmt.Sprintf("%s exists already; choose another name or move it away", path),
	}
}

// copyFile writes a store as it is now to a file. The read transaction lives as
// long as the copy: it is the one that does, and it waits for no client.
func copyFile(ctx context.Context, view func(func(*bbolt.Tx) error) error, path string, progress func(done, total int64), gently *ease) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0o600) //nolint:gosec // a temporary name of ours
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return view(func(tx *bbolt.Tx) error {
		w := &copyWriter{ctx: ctx, f: f, total: tx.Size(), progress: progress, ease: gently}
		if _, err := tx.WriteTo(w); err != nil {
			return cmp.Or(ctx.Err(), err) // bbolt does not wrap what it was told
		}
		return f.Sync()
	})
}

// copyWriter writes to a file until its ctx ends.
type copyWriter struct {
	ctx                   context.Context //nolint:containedctx // of the one copy it is made for
	f                     *os.File
	done, total, unsynced int64
	progress              func(done, total int64)
	ease                  *ease // between syncs; may be nil
}

// Write implements io.Writer.
func (w *copyWriter) Write(b []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := w.f.Write(b)
	if err != nil {
		return n, err
	}
	w.done += int64(n)
	if w.unsynced += int64(n); w.unsynced >= syncEvery {
		w.unsynced = 0
		if err := w.f.Sync(); err != nil {
			return n, err
		}
		w.ease.rest()
	}
	if w.progress != nil {
		w.progress(w.done, w.total)
	}
	return n, nil
}

// verify opens a file that nobody else writes and compares every record with its
// checksum. gently may be nil.
func verify(ctx context.Context, path string, gently *ease) error {
	db, err := openFile(path, &bbolt.Options{ReadOnly: true, Timeout: lockWait})
	if err != nil {
		return err
	}
	c := &checker{ctx: ctx, view: func(fn func(*bbolt.Tx) error) error {
		gently.rest() // it looks at some entries at a time
		return db.View(fn)
	}}
	c.sums(bucketRequest, bucketHistory, bucketBookmark, bucketPaper, bucketHouse)
	if at, err := schemaOf(db); err == nil && at == len(migrations) { // a start compacts before it migrates
		c.sums(bucketIntake, bucketCheckpoint)
		c.ends()
	}
	if len(c.findings) > 0 {
		c.err = errors.New(c.findings[0].String())
	}
	return errors.Join(c.err, db.Close())
}
