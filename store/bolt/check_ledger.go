package bolt

import (
	"bytes"
	"encoding/binary"
	"maps"
	"slices"

	"go.etcd.io/bbolt"

	"keybridge/bridge"
)

// ledger checks that each line of the ledger leads to its entry as it was committed, that
// the running hash over them is the one that was kept, at each checkpoint and at the end,
// and that no history has an entry that is not in it. It runs after the requests and the
// house were looked at, so that whatever they had is in it.
func (c *checker) ledger() {
	w := ledgerCheck{checker: c}
	if c.err != nil || !w.begin() {
		return
	}
	var weeks [][]byte
	c.sweep(bucketLedger, func(_ *bbolt.Tx, name, _ []byte) { weeks = append(weeks, bytes.Clone(name)) })
	for _, week := range weeks {
		c.walk(bucketLedger, func(tx *bbolt.Tx) *bbolt.Bucket { return tx.Bucket(bucketLedger).Bucket(week) }, func(tx *bbolt.Tx, k, value []byte) {
			w.line(tx, week, k, value)
		})
	}
	if c.err == nil {
		w.over()
	}
}

// ledgerCheck is the walk over the ledger.
type ledgerCheck struct {
	*checker
	// at is the running hash up to the line before, end what it has to be at its place.
	at, end bridge.Ledger
	met     bool
	// points are the checkpoints that are still to come.
	points []bridge.Ledger
}

// ends looks at the ends of ledger and house, without which no store opens.
func (c *checker) ends() {
	err := guard("check", func() error {
		return c.view(func(tx *bbolt.Tx) error {
			_, err := endsOf(tx)
			return err
		})
	})
	if err != nil {
		c.find(bucketMeta, nil, "%v", err)
	}
}

// begin reads where the ledger ends now, and the checkpoints up to there.
func (w *ledgerCheck) begin() bool {
	whole := true
	err := guard("check", func() error {
		return w.view(func(tx *bbolt.Tx) (err error) {
			if w.end, err = ledgerEnd(tx); err != nil {
				w.find(bucketLedger, nil, "%v", err)
				whole = false
			}
			return nil
		})
	})
	w.sweep(bucketCheckpoint, func(_ *bbolt.Tx, k, record []byte) {
		var l bridge.Ledger
		switch err := unsealExactly(record, &l); {
		case err != nil:
			w.find(bucketCheckpoint, nil, "that of place %x: %v", k, err)
		case !bytes.Equal(k, appendUint(nil, l.Place)):
			w.find(bucketCheckpoint, nil, "that of place %x says %d", k, l.Place)
		case l.Place <= w.end.Place:
			w.points = append(w.points, l)
		}
	})
	w.met = w.end.Count == 0
	return whole && err == nil
}

// line looks at one line of the ledger.
func (w *ledgerCheck) line(tx *bbolt.Tx, week, k, value []byte) {
	at, _, err := splitFed(value)
	switch {
	case err != nil || len(k) != 8:
		w.find(bucketLedger, nil, "the place %x leads to no entry", k)
		return
	case !bytes.Equal(week, feedWeek(binary.BigEndian.Uint64(k))):
		w.find(bucketLedger, nil, "the place %x is not in its week", k)
	}
	line := foundLine{place: k, value: value, record: recordAt(tx, at)}.open()
	id := []byte(line.Request)
	switch {
	case line.Damage != "":
		w.find(bucketLedger, id, "entry %d: %s", line.Seq, line.Damage)
	case line.Entry == nil && !w.wasDropped(tx, line.Request):
		w.find(bucketLedger, id, "entry %d is not there any more", line.Seq)
	case line.Entry != nil && line.Entry.Hash != line.Hash:
		w.find(bucketLedger, id, "entry %d is not as it was committed", line.Seq)
	}
	if w.heads[line.Request] == line.Seq {
		delete(w.heads, line.Request)
	}
	w.at = w.at.Next(line)
	w.compare()
}

// compare compares the running hash with what was kept of it.
func (w *ledgerCheck) compare() {
	for len(w.points) > 0 && w.points[0].Place <= w.at.Place {
		if w.points[0] != w.at {
			w.find(bucketCheckpoint, nil, "up to place %d the ledger has %d lines and another hash than was kept: %d lines", w.at.Place, w.at.Count, w.points[0].Count)
		}
		w.points = w.points[1:]
	}
	if w.at.Place == w.end.Place {
		w.met = true
		if w.at != w.end {
			w.find(bucketLedger, nil, "it has %d lines and another hash than was kept: %d lines", w.at.Count, w.end.Count)
		}
	}
}

// over finds what the walk did not meet.
func (w *ledgerCheck) over() {
	if !w.met {
		w.find(bucketLedger, nil, "its end, line %d at place %d, is not there", w.end.Count, w.end.Place)
	}
	for _, id := range slices.Sorted(maps.Keys(w.heads)) {
		w.find(bucketLedger, []byte(id), "its entry %d is not in the ledger", w.heads[id])
	}
}

// noteDropped remembers what the house says was dropped.
func (c *checker) noteDropped(e bridge.Entry) {
	if e.What == bridge.WhatDropped {
		c.dropped[e.Request] = true
	}
	c.housed = e.Seq
}

// wasDropped reports whether the house says that a request was dropped, maybe since its
// chain was looked at.
func (c *checker) wasDropped(tx *bbolt.Tx, id bridge.ID) bool {
	if id == "" {
		return false
	}
	if house := tx.Bucket(bucketHouse); house != nil && !c.dropped[id] {
		entries := house.Cursor()
		for k, record := entries.Seek(appendUint(nil, c.housed+1)); k != nil; k, record = entries.Next() {
			var e bridge.Entry
			if unseal(record, &e) == nil {
				c.noteDropped(e)
			}
		}
	}
	return c.dropped[id]
}
