package bolt

import (
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"keybridge/bridge"
)

// lockWait is how long to wait for another process to let go of the file.
const lockWait = time.Second

// mappedLeast is how much is mapped of a small file.
const mappedLeast = 1 << 30

// options are those of every file that is opened for writing. The list of free
// pages is kept on disk: see the package comment.
func (c Config) options() *bbolt.Options {
	mapped := c.InitialMmapSize
	if mapped <= 0 {
		mapped = mappedLeast
		if st, err := os.Stat(c.Path); err == nil { // what is wrong is told when it is opened
			mapped = max(mapped, 2*st.Size())
		}
		if bits.UintSize == 32 {
			mapped = 1 << 28
		}
	}
	return &bbolt.Options{
		Timeout:         lockWait,
		FreelistType:    bbolt.FreelistArrayType,
		InitialMmapSize: int(mapped),
		MaxSize:         int(c.MaxSize),
	}
}

// ensure makes the file where there is none: whole, under a temporary name, and
// only then under its own, so that a crash never leaves half a file there. Of two
// processes that do so at once, one makes it and the other finds it.
func ensure(path string, now time.Time) error {
	switch _, err := os.Stat(path); {
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("open store: %w", err)
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("create store: %w", err)
	}
	temp, err := tempName(path)
	if err != nil {
		return fmt.Errorf("create store: %w", err)
	}
	defer func() { _ = os.Remove(temp) }()
	if err := found(temp, now); err != nil {
		return fmt.Errorf("create store: %w", err)
	}
	if err := publish(temp, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("create store: %w", err)
	}
	return nil
}

// found writes a new, empty store.
func found(path string, now time.Time) error {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: lockWait, FreelistType: bbolt.FreelistArrayType})
	if err != nil {
		return err
	}
	db.AllocSize = 1 << 16
	err = db.Update(func(tx *bbolt.Tx) error { return layOut(tx, now) })
	return errors.Join(err, db.Close())
}

// publish gives a finished file its name. It syncs the file and the folder, and
// fails with fs.ErrExist rather than replace a file that has the name already.
func publish(temp, path string) error {
	if err := syncFile(temp); err != nil {
		return err
	}
	// A link does not replace, a rename does.
	switch err := os.Link(temp, path); {
	case errors.Is(err, fs.ErrExist):
		return err
	case err != nil: // a file system without links
		if err := renameTo(temp, path); err != nil {
			return err
		}
	default:
		if err := os.Remove(temp); err != nil {
			return err
		}
	}
	return syncFile(filepath.Dir(path))
}

// renameTo comes as near to a link as a rename can.
func renameTo(temp, path string) error {
	if _, err := os.Lstat(path); err == nil {
		return fs.ErrExist
	}
	return os.Rename(temp, path)
}

// syncFile syncs a file or a folder.
func syncFile(path string) error {
	f, err := os.Open(path) //nolint:gosec // the operator chose the path
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// openFile opens a file that exists. Where the lock was waited for while another
// process compacted the store, what was opened is the file of before, which has no name
// any more, and whatever were written to it would be lost: then it is opened again.
func openFile(path string, options *bbolt.Options) (*bbolt.DB, error) {
	for range openTries {
		db, file, err := openOnce(path, options)
		if err != nil || isAt(file, path) {
			return db, err
		}
		if err := db.Close(); err != nil {
			return nil, fmt.Errorf("open store: %w", err)
		}
	}
	return nil, errTaken(path)
}

// openTries is how often a file may be replaced while it is being opened.
const openTries = 3

// isAt reports whether an open file is the one that has the name.
func isAt(file *os.File, path string) bool {
	mine, err := file.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(path) //nolint:gosec // the operator chose the path
	return err == nil && os.SameFile(mine, named)
}

// openOnce looks at the file before bbolt maps it into memory, because a page that is
// not there is a fault that ends the process.
func openOnce(path string, options *bbolt.Options) (*bbolt.DB, *os.File, error) {
	if err := inspect(path); err != nil {
		return nil, nil, err
	}
	var file *os.File
	options.OpenFile = func(name string, flag int, mode os.FileMode) (*os.File, error) {
		f, err := os.OpenFile(name, flag&^os.O_CREATE, mode) //nolint:gosec // the operator chose the path
		file = f
		return f, err
	}
	var db *bbolt.DB
	err := guard("open store", func() (err error) {
		db, err = bbolt.Open(path, 0o600, options)
		return err
	})
	switch {
	case err == nil:
		return db, file, nil
	case errors.Is(err, berrors.ErrTimeout):
		return nil, nil, errTaken(path)
	case file != nil && bridge.KindOf(err) == bridge.Internal:
		_ = file.Close() // after a panic bbolt has not, and with it goes the lock
		return nil, nil, errDamaged(path, err)
	}
	return nil, nil, fmt.Errorf("open store: %w", err)
}

func errTaken(path string) error {
	return &bridge.Error{
		Kind: bridge.Unavailable,
		Msg:  fmt.Sprintf("another keybridge process has %s open; stop it, or use its operator socket", path),
	}
}

func errDamaged(path string, err error) error {
	return &bridge.Error{
		Kind: bridge.Internal,
		Msg: fmt.Sprintf("%s is damaged or cut short, and was not touched. Move it away and put a backup "+
			"in its place with keybridge restore; without a backup, keep the file", path),
		Err: err,
	}
}
