package bolt

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"keybridge/bridge"
)

func TestEveryChangeToTheHousesChainIsFoundAndNamed(t *testing.T) {
	t.Parallel()
	lineOf := func(b *bbolt.Bucket, seq uint64) []byte { return bytes.Clone(b.Get(appendUint(nil, seq))) }
	reworded := func(b *bbolt.Bucket, seq uint64, rehash bool) error {
		var e bridge.Entry
		if err := unseal(lineOf(b, seq), &e); err != nil {
			return err
		}
		e.Why = "something else"
		if rehash {
			_, e = bridge.Head{Seq: e.Seq - 1, Hash: e.Prev}.Next(e)
		}
		line, err := seal(e)
		if err != nil {
			return err
		}
		return b.Put(appendUint(nil, seq), line)
	}
	for name, c := range map[string]struct {
		spoil func(tx *bbolt.Tx, b *bbolt.Bucket) error
		says  string
	}{
		"one byte": {func(_ *bbolt.Tx, b *bbolt.Bucket) error {
			line := lineOf(b, 3)
			line[len(line)/2] ^= 1
			return b.Put(appendUint(nil, 3), line)
		}, "house: entry 3: "},
		"other words":                   {func(_ *bbolt.Tx, b *bbolt.Bucket) error { return reworded(b, 3, false) }, "house: entry 3 was altered"},
		"other words and their hash":    {func(_ *bbolt.Tx, b *bbolt.Bucket) error { return reworded(b, 3, true) }, "house: entry 4 does not continue entry 3"},
		"the last one's words and hash": {func(_ *bbolt.Tx, b *bbolt.Bucket) error { return reworded(b, 6, true) }, "house: it ends at entry 6, and should at 6"},
		"one removed":                   {func(_ *bbolt.Tx, b *bbolt.Bucket) error { return b.Delete(appendUint(nil, 3)) }, "house: entry 4 follows entry 2"},
		"the last removed":              {func(_ *bbolt.Tx, b *bbolt.Bucket) error { return b.Delete(appendUint(nil, 6)) }, "house: it ends at entry 5, and should at 6"},
		"the first removed":             {func(_ *bbolt.Tx, b *bbolt.Bucket) error { return b.Delete(appendUint(nil, 1)) }, "house: entry 2 follows entry 0"},
		"one added": {func(_ *bbolt.Tx, b *bbolt.Bucket) error {
			return b.Put(appendUint(nil, 7), lineOf(b, 6))
		}, "house: entry 6 follows entry 6"},
		"two swapped": {func(_ *bbolt.Tx, b *bbolt.Bucket) error {
			third, fourth := lineOf(b, 3), lineOf(b, 4)
			if err := b.Put(appendUint(nil, 3), fourth); err != nil {
				return err
			}
			return b.Put(appendUint(nil, 4), third)
		}, "house: entry 4 follows entry 2"},
		"no end":         {func(tx *bbolt.Tx, _ *bbolt.Bucket) error { return tx.Bucket(bucketMeta).Delete(metaHouse) }, "house: it ends at entry 6, and should at 0"},
		"a damaged end":  {func(tx *bbolt.Tx, _ *bbolt.Bucket) error { return tx.Bucket(bucketMeta).Put(metaHouse, []byte("x")) }, "house: the end of the house's chain"},
		"all of it gone": {func(tx *bbolt.Tx, _ *bbolt.Bucket) error { return tx.DeleteBucket(bucketHouse) }, "house: it is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, Config{Path: temp(t)})
			for i := range 6 {
				if err := s.Record(t.Context(), bridge.Entry{At: time.Now(), What: bridge.WhatSignedIn, Why: fmt.Sprint(i)}); err != nil {
					t.Fatal(err)
				}
			}
			whole(t, s)
			if err := s.db.Update(func(tx *bbolt.Tx) error { return c.spoil(tx, tx.Bucket(bucketHouse)) }); err != nil {
				t.Fatal(err)
			}
			findings, err := s.Check(t.Context(), nil)
			if err != nil || len(findings) == 0 || !strings.HasPrefix(findings[0].String(), c.says) {
				t.Fatalf("%v, %v; want %q", findings, err, c.says)
			}
		})
	}
}
