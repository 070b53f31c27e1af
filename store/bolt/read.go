package bolt

import (
	"bytes"
	"context"
	"fmt"

	"go.etcd.io/bbolt"

	"keybridge/bridge"
)

// view runs fn in a short read transaction. What fn returns to the caller must not
// point into it.
func (s *Store) view(ctx context.Context, fn func(*bbolt.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.usable(); err != nil {
		return err
	}
	err := guard("read", func() error { return s.db.View(fn) })
	if isClosed(err) {
		return errClosed()
	}
	return err
}

// Get returns a request; see bridge.Store.
func (s *Store) Get(ctx context.Context, id bridge.ID) (bridge.Request, error) {
	return s.getBy(ctx, fmt.Sprintf("request %q", id), func(*bbolt.Tx) []byte { return []byte(id) })
}

// Find returns the request a ref leads to; see bridge.Store.
func (s *Store) Find(ctx context.Context, ref bridge.Ref) (bridge.Request, error) {
	return s.getBy(ctx, fmt.Sprintf("%s %q of %s", ref.Kind, ref.ID, ref.System), func(tx *bbolt.Tx) []byte {
		return tx.Bucket(bucketRef).Get(refKey(ref))
	})
}

// FindKey returns the request of a portal's key request; see bridge.Store.
func (s *Store) FindKey(ctx context.Context, portal, id string) (bridge.Request, error) {
	return s.getBy(ctx, fmt.Sprintf("key request %q of %q", id, portal), func(tx *bbolt.Tx) []byte {
		return tx.Bucket(bucketKey).Get(key(portal, id))
	})
}

// getBy reads the record of the request whose id find returns. The record is
// copied and decoded after the transaction, which is over in microseconds.
func (s *Store) getBy(ctx context.Context, what string, find func(*bbolt.Tx) []byte) (bridge.Request, error) {
	var id, record []byte
	err := s.view(ctx, func(tx *bbolt.Tx) error {
		id = bytes.Clone(find(tx))
		if len(id) == 0 {
			return nil
		}
		record = bytes.Clone(tx.Bucket(bucketRequest).Get(id))
		return nil
	})
	if err != nil {
		return bridge.Request{}, err
	}
	if record == nil {
		return bridge.Request{}, errNotFound(what)
	}
	return s.decoded.open(id, record)
}

// History returns all entries of a request; see bridge.Store. NotFound when there
// is no such request.
func (s *Store) History(ctx context.Context, id bridge.ID) ([]bridge.Entry, error) {
	var lines [][]byte
	found := false
	err := s.view(ctx, func(tx *bbolt.Tx) error {
		found = len(id) == idLen && tx.Bucket(bucketRequest).Get([]byte(id)) != nil
		if !found {
			return nil
		}
		lines = historyOf(tx, []byte(id))
		return nil
	})
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, errNotFound(fmt.Sprintf("request %q", id))
	}
	return openHistory(id, lines)
}

// historyOf copies the lines of a request's history.
func historyOf(tx *bbolt.Tx, id []byte) [][]byte {
	var lines [][]byte
	c := tx.Bucket(bucketHistory).Cursor()
	for k, v := c.Seek(id); bytes.HasPrefix(k, id); k, v = c.Next() {
		lines = append(lines, bytes.Clone(v))
	}
	return lines
}

func openHistory(id bridge.ID, lines [][]byte) ([]bridge.Entry, error) {
	entries := make([]bridge.Entry, len(lines))
	for i, line := range lines {
		if err := unseal(line, &entries[i]); err != nil {
			return nil, damagedRecord(string(id), fmt.Errorf("entry %d of its history: %w", i+1, err))
		}
	}
	return entries, nil
}
