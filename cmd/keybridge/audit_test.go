package main

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	tyksandbox "keybridge/bridge/tyk/sandbox"

	"keybridge/bridge"
)

// forger changes the file of a store as somebody would who knows how it is made: the
// checksums of records are right afterwards.
type forger struct {
	t      *testing.T
	bucket *bbolt.Bucket
}

// resealed is a record with another body.
func resealed(record []byte, change func(body []byte) []byte) []byte {
	body := change(bytes.Clone(record[5:]))
	out := append([]byte{record[0], 0, 0, 0, 0}, body...)
	binary.BigEndian.PutUint32(out[1:], crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))
	return out
}

// key is the nth key of the bucket, from 1.
func (f forger) key(n int) []byte {
	f.t.Helper()
	c := f.bucket.Cursor()
	k, _ := c.First()
	for range n - 1 {
		k, _ = c.Next()
	}
	if k == nil {
		f.t.Fatalf("there is no entry %d", n)
	}
	return bytes.Clone(k)
}

func (f forger) change(n int, change func([]byte) []byte) {
	f.t.Helper()
	k := f.key(n)
	if err := f.bucket.Put(k, resealed(f.bucket.Get(k), change)); err != nil {
		f.t.Fatal(err)
	}
}

func (f forger) remove(n int) {
	f.t.Helper()
	if err := f.bucket.Delete(f.key(n)); err != nil {
		f.t.Fatal(err)
	}
}

func (f forger) swap(a, b int) {
	f.t.Helper()
	ka, kb := f.key(a), f.key(b)
	va, vb := bytes.Clone(f.bucket.Get(ka)), bytes.Clone(f.bucket.Get(kb))
	if err := f.bucket.Put(ka, vb); err != nil {
		f.t.Fatal(err)
	}
	if err := f.bucket.Put(kb, va); err != nil {
		f.t.Fatal(err)
	}
}

// TestAuditVerifyNamesWhatWasForged changes a byte, removes an entry and swaps two, in
// the history of a request and in the house's own chain.
func TestAuditVerifyNamesWhatWasForged(t *testing.T) {
	t.Parallel()
	written := auditedData(t)
	for name, one := range map[string]struct {
		bucket string
		forge  func(forger)
		says   string
	}{
		"nothing":                          {"history", func(forger) {}, ""},
		"a byte of a history":              {"history", func(f forger) { f.change(3, oneByte) }, "entry 3 of request "},
		"an entry of a history removed":    {"history", func(f forger) { f.remove(2) }, "was removed"},
		"two entries of a history swapped": {"history", func(f forger) { f.swap(2, 3) }, "they were moved"},
		"a byte of the house's chain":      {"house", func(f forger) { f.change(2, oneByte) }, "entry 2 of the house's own was altered"},
		"an entry of the house removed":    {"house", func(f forger) { f.remove(2) }, "entry 2 of the house's own was removed"},
		"two of the house swapped":         {"house", func(f forger) { f.swap(1, 2) }, "in the place of entry 1 of the house's own stands entry 2"},
		"the last of the house removed":    {"house", func(f forger) { f.remove(5) }, "entry 5 of the house's own was removed"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			for name, content := range written {
				if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			db, err := bbolt.Open(filepath.Join(folder, storeFile), 0o600, nil)
			if err != nil {
				t.Fatal(err)
			}
			err = db.Update(func(tx *bbolt.Tx) error {
				one.forge(forger{t, tx.Bucket([]byte(one.bucket))})
				return nil
			})
			if err == nil {
				err = db.Close()
			}
			if err != nil {
				t.Fatal(err)
			}
			var out, errOut strings.Builder
			code := run(t.Context(), []string{"audit", "verify", "--data", folder}, &out, &errOut)
			want := exitDamaged
			if one.says == "" {
				want = 0
			}
			if code != want || !strings.Contains(errOut.String(), one.says) {
				t.Errorf("ended with %d and %q%q, want %q", code, out.String(), errOut.String(), one.says)
			}
		})
	}
}

// auditedData are the files of a bridge that has stopped, by their names: a store with the
// history of a request and five entries of the house's own, the key and the signed heads.
func auditedData(t *testing.T) map[string][]byte {
	t.Helper()
	s := startStand(t, choice{plans: []string{freePlan}})
	a := s.ask(asker, tyksandbox.FreePolicy)
	s.awaitState(a.ID, bridge.StateActive)
	for _, role := range bridge.Roles {
		s.hire(string(role)+"-hired", role)
	}
	if err := s.stopBridge(); err != nil {
		t.Fatal(err)
	}
	written := map[string][]byte{}
	for _, name := range []string{storeFile, auditKeyFile, headsFile} {
		content, err := os.ReadFile(filepath.Join(s.cfg.Data, name))
		if err != nil {
			t.Fatal(err)
		}
		written[name] = content
	}
	return written
}

// oneByte changes one letter of what is said.
func oneByte(body []byte) []byte {
	at := bytes.Index(body, []byte(`"what":"`)) + len(`"what":"`)
	body[at] ^= 1
	return body
}
