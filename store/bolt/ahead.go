package bolt

import (
	"bytes"
	"context"

	"go.etcd.io/bbolt"

	"keybridge/bridge"
)

// ahead is a request that its caller read and decoded before the committer's turn.
// Decoding is most of what a change costs, and every caller does its own at the same
// time as the others, while the committer does one after the other. The committer
// uses it when the record is still the same, and only once: the closure may change
// it in place.
type ahead struct {
	record []byte
	was    original
}

// readAhead reads the request that find leads to. It is no more than a head start:
// where there is nothing to read, or nothing that can be read, the committer finds
// out and says so.
func (s *Store) readAhead(ctx context.Context, find func(*txn) bridge.ID) *ahead {
	a := &ahead{}
	var id bridge.ID
	err := s.view(ctx, func(tx *bbolt.Tx) error {
		if id = find(&txn{tx: tx}); id != "" {
			a.record = bytes.Clone(tx.Bucket(bucketRequest).Get([]byte(id)))
		}
		return nil
	})
	if err != nil || a.record == nil {
		return a
	}
	if a.was, err = s.decoded.original([]byte(id), a.record); err != nil {
		return &ahead{}
	}
	return a
}

// take returns the request whose record is given, and what it was, from what was
// read ahead or by decoding it now.
func (a *ahead) take(id, record []byte) (was original, err error) {
	if a.record != nil && bytes.Equal(a.record, record) {
		a.record = nil
		return a.was, nil
	}
	r, err := openRequest(id, record)
	if err != nil {
		return original{}, err
	}
	return stateOf(r), nil
}
