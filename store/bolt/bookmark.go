package bolt

import (
	"bytes"
	"context"

	"go.etcd.io/bbolt"
)

// The bounds of a bookmark, in bytes.
const (
	bookmarkName  = 100
	bookmarkValue = 64 << 10
)

var bucketBookmark = []byte("bookmark")

// Bookmark returns the value that was set under a name, nil when there is none.
// Invalid for a name that none can have, Internal for a value that is damaged.
func (s *Store) Bookmark(ctx context.Context, name string) ([]byte, error) {
	if err := checkBookmark(name, nil); err != nil {
		return nil, err
	}
	var record []byte
	err := s.view(ctx, func(tx *bbolt.Tx) error {
		record = bytes.Clone(tx.Bucket(bucketBookmark).Get([]byte(name)))
		return nil
	})
	if err != nil || record == nil {
		return nil, err
	}
	value, err := body(record)
	if err != nil {
		return nil, errInternal("bookmark %q: %w", name, err)
	}
	return value, nil
}

// SetBookmark keeps a small value under a name, in place of the one before. An empty
// value removes it. The name is 1 to 100 bytes of UTF-8, the value at most 64 KiB;
// Invalid otherwise. It may be repeated.
func (s *Store) SetBookmark(ctx context.Context, name string, value []byte) error {
	if err := checkBookmark(name, value); err != nil {
		return err
	}
	record := enclose(value)
	return s.write(ctx, func(t *txn) error {
		was := t.bucket(bucketBookmark).Get([]byte(name))
		switch {
		case len(value) == 0 && was == nil, bytes.Equal(was, record):
			return nil
		case len(value) == 0:
			return t.delete(bucketBookmark, []byte(name))
		}
		return t.put(bucketBookmark, []byte(name), record)
	})
}

func checkBookmark(name string, value []byte) error {
	switch {
	case name == "" || len(name) > bookmarkName || !storable(name):
		return errInvalid("bookmark: the name is 1 to %d bytes of UTF-8", bookmarkName)
	case len(value) > bookmarkValue:
		return errInvalid("bookmark %q: the value is at most %d bytes", name, bookmarkValue)
	}
	return nil
}
