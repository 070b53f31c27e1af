package ledger

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"go.etcd.io/bbolt"

	"keybridge/bridge"
)

// forger changes the file of a store as somebody would who knows how it is made: the
// checksums of its records are right afterwards.
type forger struct {
	t  *testing.T
	tx *bbolt.Tx
}

// forge changes a store's file that nobody has open.
func forge(t *testing.T, path string, change func(forger)) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error { change(forger{t, tx}); return nil })
	if err == nil {
		err = db.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// resealed is a body as a record: format, CRC-32C, body.
func resealed(body []byte) []byte {
	out := binary.BigEndian.AppendUint32([]byte{1}, crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))
	return append(out, body...)
}

func (f forger) bucket(name string) *bbolt.Bucket { return f.tx.Bucket([]byte(name)) }

func (f forger) good(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// at is the key of an entry: in history, or of the house.
func at(id bridge.ID, seq uint64) (bucket string, k []byte) {
	if id == "" {
		return "house", number(seq)
	}
	return "history", append([]byte(id), number(seq)...)
}

// body changes a record's body.
func (f forger) body(bucket string, k []byte, change func([]byte) []byte) {
	f.t.Helper()
	record := f.bucket(bucket).Get(k)
	if record == nil {
		f.t.Fatalf("there is no %x in %s", k, bucket)
	}
	f.good(f.bucket(bucket).Put(k, resealed(change(bytes.Clone(record[5:])))))
}

func (f forger) entry(id bridge.ID, seq uint64) (e bridge.Entry) {
	f.t.Helper()
	bucket, k := at(id, seq)
	f.good(json.Unmarshal(f.bucket(bucket).Get(k)[5:], &e))
	return e
}

func (f forger) put(id bridge.ID, seq uint64, e bridge.Entry) {
	f.t.Helper()
	body, err := json.Marshal(e)
	f.good(err)
	bucket, k := at(id, seq)
	f.good(f.bucket(bucket).Put(k, resealed(body)))
}

func (f forger) remove(id bridge.ID, seq uint64) {
	f.t.Helper()
	bucket, k := at(id, seq)
	f.good(f.bucket(bucket).Delete(k))
}

func (f forger) swap(id bridge.ID, a, b uint64) {
	f.t.Helper()
	x, y := f.entry(id, a), f.entry(id, b)
	f.put(id, a, y)
	f.put(id, b, x)
}

// head makes the head that a request has fit.
func (f forger) head(id bridge.ID, h bridge.Head) {
	f.t.Helper()
	f.body("request", []byte(id), func(b []byte) []byte {
		var r bridge.Request
		f.good(json.Unmarshal(b, &r))
		r.Head = h
		b, err := json.Marshal(r)
		f.good(err)
		return b
	})
}

// anew writes another reason into an entry and all hashes of its history anew.
func (f forger) anew(id bridge.ID, from, to uint64) {
	f.t.Helper()
	h := bridge.Head{}
	if from > 1 {
		h = bridge.Head{Seq: from - 1, Hash: f.entry(id, from-1).Hash}
	}
	for seq := from; seq <= to; seq++ {
		e := f.entry(id, seq)
		if seq == from {
			e.Why = "made up"
		}
		h, e = h.Next(e)
		f.put(id, seq, e)
	}
	f.head(id, h)
}

// lines calls fn for every line of the ledger, with the bucket of its week.
func (f forger) lines(fn func(week *bbolt.Bucket, k, v []byte)) {
	f.t.Helper()
	all := f.bucket("ledger")
	var weeks [][]byte
	f.good(all.ForEachBucket(func(name []byte) error { weeks = append(weeks, bytes.Clone(name)); return nil }))
	for _, name := range weeks {
		week := all.Bucket(name)
		var pairs [][2][]byte
		f.good(week.ForEach(func(k, v []byte) error {
			pairs = append(pairs, [2][]byte{bytes.Clone(k), bytes.Clone(v)})
			return nil
		}))
		for _, p := range pairs {
			fn(week, p[0], p[1])
		}
	}
}

// unline removes the line of an entry.
func (f forger) unline(id bridge.ID, seq uint64) {
	f.t.Helper()
	_, k := at(id, seq)
	f.lines(func(week *bbolt.Bucket, place, v []byte) {
		if bytes.HasPrefix(v, k) && len(v) == len(k)+32 {
			f.good(week.Delete(place))
		}
	})
}

// ledgerAnew writes every line of the ledger anew to what the entries are now, with its
// running hash, checkpoints and end. What a signature says it cannot change.
func (f forger) ledgerAnew() {
	f.t.Helper()
	var end bridge.Ledger
	points := map[uint64]bridge.Ledger{}
	f.lines(func(week *bbolt.Bucket, place, v []byte) {
		n := len(v) - 40
		l := bridge.LedgerLine{
			Place: binary.BigEndian.Uint64(place), Request: bridge.ID(v[:n]), Seq: binary.BigEndian.Uint64(v[n : n+8]),
		}
		bucket, k := at(l.Request, l.Seq)
		switch {
		case slices.ContainsFunc(dropped, func(n int) bool { return testID(n) == l.Request }):
			l.Hash = hex.EncodeToString(v[n+8:])
		case f.bucket(bucket).Get(k) == nil:
			f.good(week.Delete(place))
			return
		default:
			l.Hash = f.entry(l.Request, l.Seq).Hash
		}
		sum := make([]byte, 32)
		_, err := hex.Decode(sum, []byte(l.Hash))
		f.good(err)
		f.good(week.Put(place, append(v[:n+8:n+8], sum...)))
		end = end.Next(l)
		points[l.Place] = end
	})
	checkpoints := f.bucket("checkpoint")
	var days [][]byte
	f.good(checkpoints.ForEach(func(k, _ []byte) error { days = append(days, bytes.Clone(k)); return nil }))
	for _, k := range days {
		f.good(checkpoints.Delete(k))
		if p, ok := points[binary.BigEndian.Uint64(k)]; ok {
			b, err := json.Marshal(p)
			f.good(err)
			f.good(checkpoints.Put(k, resealed(b)))
		}
	}
	b, err := json.Marshal(end)
	f.good(err)
	f.good(f.bucket("meta").Put([]byte("ledger"), resealed(b)))
}

// editHeads changes the file of signed heads.
func editHeads(t *testing.T, dir string, change func([][]byte) [][]byte) {
	t.Helper()
	path := filepath.Join(dir, "heads.jsonl")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := change(bytes.Split(bytes.TrimSpace(text), []byte("\n")))
	if err := os.WriteFile(path, append(bytes.Join(lines, []byte("\n")), '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
}

// unlisted takes a request out of what lists are made from.
func (f forger) unlisted(id bridge.ID) {
	f.t.Helper()
	for _, name := range []string{"tag", "schedule"} {
		b := f.bucket(name)
		var keys [][]byte
		f.good(b.ForEach(func(k, _ []byte) error {
			if bytes.HasSuffix(k, []byte(id)) {
				keys = append(keys, bytes.Clone(k))
			}
			return nil
		}))
		for _, k := range keys {
			f.good(b.Delete(k))
		}
	}
}

func (f forger) metaHouse(h bridge.Head) {
	f.t.Helper()
	b, err := json.Marshal(h)
	f.good(err)
	f.good(f.bucket("meta").Put([]byte("house"), resealed(b)))
}

// undrop makes of the entries about dropped requests ones about something else, with
// hashes that fit.
func (f forger) undrop() {
	f.t.Helper()
	h := bridge.Head{}
	for seq := uint64(1); seq <= 7; seq++ {
		e := f.entry("", seq)
		if e.What == bridge.WhatDropped {
			e.What = bridge.WhatViewed
		}
		h, e = h.Next(e)
		f.put("", seq, e)
	}
	f.metaHouse(h)
}

// paper is the key of a signed head.
func (f forger) paper(n uint64) []byte {
	f.t.Helper()
	c := f.bucket("paper").Cursor()
	for k, _ := c.First(); k != nil; k, _ = c.Next() {
		if bytes.HasPrefix(k, []byte(paperHead)) && bytes.HasSuffix(k, []byte(headName(n))) {
			return bytes.Clone(k)
		}
	}
	f.t.Fatalf("there is no signed head %d", n)
	return nil
}

func (f forger) signedHead(n uint64, change func(Head) Head) {
	f.t.Helper()
	f.body("paper", f.paper(n), func(b []byte) []byte {
		h, err := ParseHead(b)
		f.good(err)
		return change(h).Line()
	})
}

func (f forger) unsigned(n uint64) {
	f.t.Helper()
	f.good(f.bucket("paper").Delete(f.paper(n)))
}
