package bolt

import (
	"bytes"
	"cmp"
	"context"

	"go.etcd.io/bbolt"

	"keybridge/bridge"
)

// The bounds of a paper, in bytes.
const (
	paperKind  = 50
	paperName  = 200
	paperValue = 64 << 10
)

// bucketPaper has the papers: kind, name → record. The name is the rest of the key as
// it is, so that the papers of a kind lie in the order of their names.
var bucketPaper = []byte("paper")

func paperKey(kind, name string) []byte { return append(key(kind), name...) }

// Paper returns a small document by its kind and name, nil when there is none. The kind
// is 1 to 50 bytes of UTF-8 and the name 1 to 200; Invalid otherwise. Internal for one
// that is damaged.
func (s *Store) Paper(ctx context.Context, kind, name string) ([]byte, error) {
	if err := checkPaper(kind, name); err != nil {
		return nil, err
	}
	var record []byte
	err := s.view(ctx, func(tx *bbolt.Tx) error {
		record = bytes.Clone(tx.Bucket(bucketPaper).Get(paperKey(kind, name)))
		return nil
	})
	if err != nil || record == nil {
		return nil, err
	}
	return openPaper(kind, record)
}

// openPaper checks a record. The error does not say the name, which may be a secret's
// hash or somebody's.
func openPaper(kind string, record []byte) ([]byte, error) {
	value, err := body(record)
	if err != nil {
		return nil, errInternal("a paper of the kind %q: %w", kind, err)
	}
	return value, nil
}

// Papers returns the papers of a kind in the order of their names' bytes, those after a
// name, at most limit (1 to 1000, 0 for 100); Invalid for another limit, Internal where
// one is damaged.
func (s *Store) Papers(ctx context.Context, kind, after string, limit int) ([]bridge.Paper, error) {
	if limit < 0 || limit > pageMax {
		return nil, errInvalid("papers: the limit is 1 to %d", pageMax)
	}
	if limit == 0 {
		limit = pageDefault
	}
	if err := checkPaper(kind, cmp.Or(after, "any")); err != nil {
		return nil, err
	}
	var found [][2][]byte
	prefix := key(kind)
	from := order(true).past(paperKey(kind, after), nil)
	err := s.view(ctx, func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketPaper).Cursor()
		for k, record := c.Seek(from); bytes.HasPrefix(k, prefix) && len(found) < limit; k, record = c.Next() {
			found = append(found, [2][]byte{bytes.Clone(k[len(prefix):]), bytes.Clone(record)})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	papers := make([]bridge.Paper, len(found))
	for i, f := range found {
		value, err := openPaper(kind, f[1])
		if err != nil {
			return nil, err
		}
		papers[i] = bridge.Paper{Kind: kind, Name: string(f[0]), Value: value}
	}
	return papers, nil
}

// SetPaper changes a small document. change is given the value as it is now, nil when
// there is none, and returns the new one, nil to remove it; both are its own. It does
// no I/O and may run more than once; an error of it is returned as it is, and nothing is
// kept. Kind and name are as in Paper, the value is at most 64 KiB; Invalid otherwise.
func (s *Store) SetPaper(ctx context.Context, kind, name string, change func(old []byte) ([]byte, error)) error {
	return s.SetPaperBeside(ctx, kind, name, name, func(old, _ []byte) ([]byte, error) { return change(old) })
}

// SetPaperBeside is SetPaper of a change that depends on another paper of the kind: it is
// given that one, too, as it is in the same commit.
func (s *Store) SetPaperBeside(ctx context.Context, kind, name, beside string, change func(old, beside []byte) ([]byte, error)) error {
	if err := cmp.Or(checkPaper(kind, name), checkPaper(kind, beside)); err != nil {
		return err
	}
	return s.write(ctx, func(t *txn) error {
		was, old, err := t.paper(kind, name)
		if err != nil {
			return err
		}
		_, other, err := t.paper(kind, beside)
		if err != nil {
			return err
		}
		value, err := change(old, other)
		if err != nil {
			return err
		}
		return t.setPaper(paperKey(kind, name), was, value)
	})
}

// paper returns a paper's record and its value, copies of their own; nil where there is none.
func (t *txn) paper(kind, name string) (record, value []byte, err error) {
	if record = bytes.Clone(t.bucket(bucketPaper).Get(paperKey(kind, name))); record != nil {
		value, err = openPaper(kind, bytes.Clone(record))
	}
	return record, value, err
}

// setPaper writes what differs.
func (t *txn) setPaper(k, was, value []byte) error {
	if len(value) > paperValue {
		return errInvalid("paper: the value is at most %d bytes", paperValue)
	}
	if value == nil {
		if was == nil {
			return nil
		}
		return t.delete(bucketPaper, k)
	}
	if record := enclose(value); !bytes.Equal(was, record) {
		return t.put(bucketPaper, k, record)
	}
	return nil
}

func checkPaper(kind, name string) error {
	switch {
	case kind == "" || len(kind) > paperKind || !storable(kind):
		return errInvalid("paper: the kind is 1 to %d bytes of UTF-8", paperKind)
	case name == "" || len(name) > paperName || !storable(name):
		return errInvalid("paper: the name is 1 to %d bytes of UTF-8", paperName)
	}
	return nil
}
