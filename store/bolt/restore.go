package bolt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"
)

// Restore makes the store of a backup. The backup is copied beside to under a temporary
// name and synced; check looks at the copy and returns why it is not to be used; only
// then it gets the name. A store that is there already is never replaced: Conflict. A
// backup that is damaged, or that somebody has open, is left alone and so is to.
//
// check is CheckFile, best in a process of its own: a file that is damaged badly enough
// ends the process that reads it. A backup of an older schema is brought up to date when
// the store is opened. progress, which may be nil, is told how many of total bytes are
// copied. Restore ends early with ctx, leaves nothing behind then, and may be repeated.
func Restore(ctx context.Context, from, to string, check func(ctx context.Context, path string) error, progress func(done, total int64)) error {
	if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		return errExists(to, err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	// Read-only, and with its lock: the store of a bridge that runs is no backup.
	db, err := openFile(from, &bbolt.Options{ReadOnly: true, Timeout: lockWait})
	if err != nil {
		return err
	}
	if err := bothRoots(from); err != nil {
		return errors.Join(errDamaged(from, err), db.Close())
	}
	temp, err := tempName(to)
	if err != nil {
		return errors.Join(fmt.Errorf("restore: %w", err), db.Close())
	}
	defer func() { _ = os.Remove(temp) }() // it has the store's name by then, or is of no use
	err = guard("restore", func() error { return copyFile(ctx, db.View, temp, progress, nil) })
	if err = errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	if err := check(ctx, temp); err != nil {
		return err
	}
	folder, err := os.Stat(filepath.Dir(to))
	if err == nil {
		err = keepOwner(temp, folder) // an administrator restores for the user who serves
	}
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	switch err := publish(temp, to); {
	case errors.Is(err, fs.ErrExist):
		return errExists(to, err)
	case err != nil:
		return fmt.Errorf("restore: %w", err)
	}
	return nil
}
