package ledger

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"keybridge/bridge"
	"keybridge/store/bolt"
)

// world is a folder with a store that has lived for some days.
type world struct {
	dir   string
	store *bolt.Store
	now   time.Time
}

var testKey = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))

func testID(n int) bridge.ID { return bridge.ID(fmt.Sprintf("01J%023d", n)) }

func (w *world) path() string { return filepath.Join(w.dir, "keybridge.db") }

func (w *world) open(t testing.TB) {
	t.Helper()
	var err error
	w.store, err = bolt.Open(bolt.Config{Path: w.path(), Now: func() time.Time { return w.now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.store.Close() })
}

func (w *world) keeper() *Keeper {
	return New(Config{Store: w.store, Key: testKey, File: filepath.Join(w.dir, "heads.jsonl"), Now: func() time.Time { return w.now }})
}

// say adds an entry to a request's history.
func (w *world) say(t *testing.T, n int, why string) {
	t.Helper()
	w.now = w.now.Add(time.Second)
	_, err := w.store.Update(t.Context(), testID(n), func(c *bridge.Change) error { w.note(c, why); return nil })
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) note(c *bridge.Change, why string) {
	head, e := c.Head.Next(bridge.Entry{Request: c.ID, At: w.now, Actor: bridge.Actor{Kind: bridge.ByClock}, What: bridge.WhatAction, Why: why})
	c.Head, c.Entries = head, append(c.Entries, e)
}

func (w *world) create(t *testing.T, n int) {
	t.Helper()
	w.now = w.now.Add(time.Second)
	c := &bridge.Change{Request: bridge.Request{ID: testID(n), Portal: "main", Key: fmt.Sprint("key-", n)}}
	w.note(c, "received")
	if _, err := w.store.Accept(t.Context(), bridge.Hint{Source: "portal/main", ID: fmt.Sprint(n), What: "test", At: w.now, Portal: "main", Key: c.Key, Intake: c}, nil); err != nil {
		t.Fatal(err)
	}
}

func (w *world) viewed(t testing.TB) {
	t.Helper()
	w.now = w.now.Add(time.Second)
	if err := w.store.Record(t.Context(), bridge.Entry{Request: testID(1), At: w.now, Actor: bridge.Actor{Kind: bridge.ByPerson, Name: "rita"}, What: bridge.WhatViewed}); err != nil {
		t.Fatal(err)
	}
}

// dropped are the requests of lived that were dropped: the entries 6 and 7 of the house.
var dropped = []int{5, 6}

// lived returns a world of five requests and two that were dropped, with entries of most
// and of the house on five days, signed every day.
func lived(t *testing.T) *world {
	t.Helper()
	w := &world{dir: t.TempDir(), now: time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)}
	w.open(t)
	for n := 1; n <= 5; n++ {
		w.create(t, n)
	}
	w.viewed(t)
	for day := range 4 {
		w.sign(t)
		w.now = w.now.Add(24 * time.Hour)
		for n := 1; n <= 5; n++ {
			w.say(t, n, fmt.Sprint("day ", day))
		}
		w.viewed(t)
	}
	w.create(t, 6)
	for _, n := range dropped {
		if err := w.store.Drop(t.Context(), testID(n)); err != nil {
			t.Fatal(err)
		}
	}
	w.create(t, 7)
	w.sign(t)
	w.say(t, 4, "after the last head")
	return w
}

func (w *world) sign(t *testing.T) Head {
	t.Helper()
	h, err := w.keeper().Sign(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// says is the report of a verification as one text.
func says(r Report) string {
	var b strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintln(&b, f.What)
	}
	return b.String()
}

func TestAStoreThatNobodyTouchedIsAsItWasWritten(t *testing.T) {
	t.Parallel()
	w := lived(t)
	r, err := w.keeper().Verify(t.Context(), bridge.Actor{Kind: bridge.ByPerson, Name: "ada"}, Options{})
	if err != nil || !r.Whole() {
		t.Fatalf("%v: %s", err, says(r))
	}
	if r.Requests != 5 || r.Dropped != 2 || r.Heads != 5 || !r.Signed || r.House != 7 || r.Entries != r.End.Count || r.Entries == 0 {
		t.Errorf("%+v", r)
	}
	last, ok, err := w.keeper().Last(t.Context())
	if err != nil || !ok || last.Entries != r.Entries || last.By != "person ada" || !last.At.Equal(w.now) {
		t.Errorf("the last is %+v, %v, %v", last, ok, err)
	}
	house, err := w.store.House(t.Context(), 7, 10)
	if err != nil || len(house) != 1 || house[0].Entry.What != bridge.WhatVerified || house[0].Entry.After != r.Summary() {
		t.Errorf("the house has %+v, %v", house, err)
	}
	if again, err := w.keeper().Verify(t.Context(), bridge.Actor{}, Options{}); err != nil || !again.Whole() {
		t.Errorf("the second time: %v: %s", err, says(again))
	}
}

// TestWhatWasForgedIsFoundAndNamed forges a store's file in every way that the ledger is
// there to find. first is what the first finding says.
func TestWhatWasForgedIsFoundAndNamed(t *testing.T) {
	t.Parallel()
	a := testID(2)
	oneByte := func(b []byte) []byte {
		b[bytes.Index(b, []byte(`"what":"`))+len(`"what":"`)] ^= 1
		return b
	}
	for name, c := range map[string]struct {
		forge func(forger)
		first string
		also  string
	}{
		"a byte of a history": {func(f forger) {
			bucket, k := at(a, 3)
			f.body(bucket, k, oneByte)
		}, "entry 3 of request " + string(a) + " was altered", ""},
		"a byte of a history, and its checksum is not made to fit": {func(f forger) {
			bucket, k := at(a, 3)
			record := bytes.Clone(f.bucket(bucket).Get(k))
			record[len(record)/2] ^= 1
			f.good(f.bucket(bucket).Put(k, record))
		}, "entry 3 of request " + string(a) + " was altered: ", ""},
		"an entry of a history removed":    {func(f forger) { f.remove(a, 3) }, "entry 3 of request " + string(a) + " was removed", ""},
		"two entries of a history swapped": {func(f forger) { f.swap(a, 2, 3) }, "in the place of entry 2 of request " + string(a) + " stands entry 3", "in the place of entry 3"},
		"a history whose hashes were made anew": {func(f forger) { f.anew(a, 3, 5) },
			"entry 3 of request " + string(a) + " is not the one that was committed", "entry 4"},
		"a history and the ledger made anew": {func(f forger) { f.anew(a, 3, 5); f.ledgerAnew() },
			"is not what signed head 3 (2026-11-18", ""},
		"a history cut short with its head made to fit": {func(f forger) {
			f.remove(a, 5)
			f.head(a, bridge.Head{Seq: 4, Hash: f.entry(a, 4).Hash})
		}, "the history of request " + string(a) + " was cut short: it ends at entry 4, and entry 5 was committed", ""},
		"a whole request removed": {func(f forger) {
			for seq := uint64(1); seq <= 5; seq++ {
				f.remove(a, seq)
			}
			f.good(f.bucket("request").Delete([]byte(a)))
			f.unlisted(a)
		}, "request " + string(a) + " was removed, with 5 entries", ""},
		"a whole request removed, and the ledger made anew": {func(f forger) {
			for seq := uint64(1); seq <= 5; seq++ {
				f.remove(a, seq)
			}
			f.good(f.bucket("request").Delete([]byte(a)))
			f.unlisted(a)
			f.ledgerAnew()
		}, "is not what signed head 1 (2026-11-16", ""},
		"an entry added to a history": {func(f forger) {
			h, e := bridge.Head{Seq: 5, Hash: f.entry(a, 5).Hash}.Next(bridge.Entry{Request: a, What: bridge.WhatVerdict, After: "approve"})
			f.put(a, 6, e)
			f.head(a, h)
		}, "entry 6 of request " + string(a) + " was added", ""},
		"a line of the ledger removed": {func(f forger) { f.unline(a, 3) }, "the line of entry 3 of request " + string(a) + " is not in the ledger", "is not what"},
		"the last lines of the ledger removed, and its end made to fit": {func(f forger) {
			f.remove(testID(4), 6)
			f.head(testID(4), bridge.Head{Seq: 5, Hash: f.entry(testID(4), 5).Hash})
			f.remove("", 7)
			f.good(f.bucket("meta").Delete([]byte("house")))
			end := f.entry("", 6)
			f.body("request", []byte(testID(1)), func(b []byte) []byte { return b })
			f.metaHouse(bridge.Head{Seq: 6, Hash: end.Hash})
			f.ledgerAnew()
		}, "signed head 5 (2026-11-20", ""},
		"a byte of the house's chain": {func(f forger) {
			bucket, k := at("", 2)
			f.body(bucket, k, oneByte)
		}, "entry 2 of the house's own was altered", ""},
		"an entry of the house removed":    {func(f forger) { f.remove("", 2) }, "entry 2 of the house's own was removed", ""},
		"the last of the house removed":    {func(f forger) { f.remove("", 7) }, "entry 7 of the house's own was removed", ""},
		"two of the house swapped":         {func(f forger) { f.swap("", 1, 2) }, "in the place of entry 1 of the house's own stands entry 2", ""},
		"a drop that the house never said": {func(f forger) { f.undrop() }, "is not the one that was committed", "request " + string(testID(6)) + " was removed"},
		"a signed head in the store": {func(f forger) {
			f.signedHead(2, func(h Head) Head { h.Ledger.Count--; return h })
		}, "signed head 2 in the store was altered, or is not ours: the signature is not right", "signed head 2 in heads.jsonl is not the one"},
		"a signed head of the store removed": {func(f forger) { f.unsigned(2) }, "signed head 3 follows head 1 in the store", "signed head 2 is in heads.jsonl and not in the store"},
		"a checkpoint": {func(f forger) {
			c := f.bucket("checkpoint")
			k, _ := c.Cursor().First()
			f.body("checkpoint", bytes.Clone(k), func(b []byte) []byte { return bytes.Replace(b, []byte(`"hash":"`), []byte(`"hash":"0`), 1) })
		}, "is not what the end kept for that day says", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := lived(t)
			if err := w.store.Close(); err != nil {
				t.Fatal(err)
			}
			forge(t, w.path(), c.forge)
			w.open(t)
			r, err := w.keeper().Verify(t.Context(), bridge.Actor{}, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if r.Whole() || !strings.Contains(r.Findings[0].What, c.first) || !strings.Contains(says(r), c.also) {
				t.Errorf("found, and %q should be the first:\n%s", c.first, says(r))
			}
		})
	}
}

func TestAFileOfHeadsThatWasTouchedIsFound(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func([][]byte) [][]byte
		first  string
	}{
		"a byte of a head": {func(l [][]byte) [][]byte {
			l[1] = bytes.Replace(l[1], []byte(`"count":1`), []byte(`"count":9`), 1)
			return l
		}, "signed head 2 in heads.jsonl was altered"},
		"a head that is none":       {func(l [][]byte) [][]byte { l[1] = []byte("{}"); return l }, "line 2 of heads.jsonl: it is not written as a signed head is"},
		"a head removed":            {func(l [][]byte) [][]byte { return slices.Delete(l, 1, 2) }, "signed head 3 follows head 1 in heads.jsonl"},
		"two heads swapped":         {func(l [][]byte) [][]byte { l[1], l[2] = l[2], l[1]; return l }, "signed head 3 follows head 1 in heads.jsonl"},
		"the last head removed":     {func(l [][]byte) [][]byte { return l[:4] }, "signed head 5 of the store is not in heads.jsonl"},
		"a line that is very long":  {func(l [][]byte) [][]byte { return append(l, bytes.Repeat([]byte("x"), 1<<20)) }, "has a line that is too long"},
		"the head of another store": {func(l [][]byte) [][]byte { return append(l[:4], other().Line()) }, "signed head 5 in heads.jsonl does not continue head 4"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := lived(t)
			editHeads(t, w.dir, c.change)
			r, err := w.keeper().Verify(t.Context(), bridge.Actor{}, Options{})
			if err != nil || r.Whole() || !strings.Contains(r.Findings[0].What, c.first) {
				t.Errorf("%v, found, and %q should be the first:\n%s", err, c.first, says(r))
			}
		})
	}
}

// other is a head that our key signed for another store.
func other() Head {
	return Head{Number: 5, Ledger: bridge.Ledger{Count: 1, Place: 1, Hash: strings.Repeat("0", 64)}}.sign(testKey)
}

func TestAStoreThatWasPutBackDoesNotFitTheHeadsThatWereSignedSince(t *testing.T) {
	t.Parallel()
	w := lived(t)
	backup := filepath.Join(t.TempDir(), "backup.db")
	if err := w.store.Backup(t.Context(), backup, nil); err != nil {
		t.Fatal(err)
	}
	w.say(t, 1, "lost")
	w.sign(t)
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(backup, w.path()); err != nil {
		t.Fatal(err)
	}
	w.open(t)
	r, err := w.keeper().Verify(t.Context(), bridge.Actor{}, Options{})
	if err != nil || !strings.Contains(says(r), "signed head 6 is in heads.jsonl and not in the store") || !strings.Contains(says(r), "lines of the ledger were removed: signed head 6") {
		t.Errorf("%v: %s", err, says(r))
	}
	// Once that is seen and the file was moved aside, all is well again.
	if err := os.Remove(filepath.Join(w.dir, "heads.jsonl")); err != nil {
		t.Fatal(err)
	}
	w.sign(t)
	if r, err := w.keeper().Verify(t.Context(), bridge.Actor{}, Options{}); err != nil || !r.Whole() {
		t.Errorf("afterwards: %v: %s", err, says(r))
	}
}

func TestHeadsOfAKeyThatIsNotOursAreFoundAndOfAnOldOneBelieved(t *testing.T) {
	t.Parallel()
	w := lived(t)
	next := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, 32))
	was := testKey.Public().(ed25519.PublicKey) //nolint:forcetypeassert // it is no other
	k := New(Config{Store: w.store, Key: next, Old: []ed25519.PublicKey{was}})
	if _, err := k.Sign(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r, err := k.Verify(t.Context(), bridge.Actor{}, Options{}); err != nil || !r.Whole() {
		t.Errorf("%v: %s", err, says(r))
	}
	r, err := Verify(t.Context(), w.store, Options{Keys: []ed25519.PublicKey{was}})
	if err != nil || len(r.Findings) != 1 || !strings.Contains(r.Findings[0].What, "signed head 6 in the store was altered, or is not ours: it was signed with another key") {
		t.Errorf("%v: %s", err, says(r))
	}
	if r, err := Verify(t.Context(), w.store, Options{}); err != nil || !r.Whole() || r.Signed {
		t.Errorf("without keys: %v: %s", err, says(r))
	}
}

func TestManyRequestsAreVerifiedSomeAtATime(t *testing.T) {
	t.Parallel()
	w := lived(t)
	for _, most := range []int{1, 2, 3, 4, 100} {
		v := newVerifier(w.store, Options{}, most)
		if err := v.everything(t.Context()); err != nil || !v.report.Whole() || v.report.Requests != 5 {
			t.Errorf("%d at a time: %v, %+v", most, err, v.report)
		}
	}
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	forge(t, w.path(), func(f forger) {
		f.remove(testID(4), 6)
		f.head(testID(4), bridge.Head{Seq: 5, Hash: f.entry(testID(4), 5).Hash})
	})
	w.open(t)
	for _, most := range []int{1, 2, 3, 4, 100} {
		v := newVerifier(w.store, Options{}, most)
		if err := v.everything(t.Context()); err != nil || len(v.report.Findings) != 1 || !strings.Contains(says(v.report), "was cut short") {
			t.Errorf("%d at a time: %v, %s", most, err, says(v.report))
		}
	}
}

func TestVerifyingSaysHowFarItIsAndCanBeStopped(t *testing.T) {
	t.Parallel()
	w := lived(t)
	var last, total uint64
	progress := func(done, of uint64) {
		if done < last || done > of {
			t.Errorf("%d of %d after %d", done, of, last)
		}
		last, total = done, of
	}
	if _, err := Verify(t.Context(), w.store, Options{Progress: progress}); err != nil || last != total || total == 0 {
		t.Errorf("%d of %d, %v", last, total, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Verify(ctx, w.store, Options{Progress: func(uint64, uint64) { cancel() }})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("it went on: %v", err)
	}
}

// TestAStoreThatGoesOnIsVerified writes, drops and creates while it is verified.
func TestAStoreThatGoesOnIsVerified(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	store, err := bolt.Open(bolt.Config{Path: filepath.Join(dir, "keybridge.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	w := &world{dir: dir, store: store, now: time.Now()}
	for n := range 30 {
		w.create(t, n)
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for i := 0; ctx.Err() == nil; i++ {
			n := testID(i % 30)
			_, _ = store.Update(ctx, n, func(c *bridge.Change) error {
				head, e := c.Head.Next(bridge.Entry{Request: c.ID, At: time.Now(), What: bridge.WhatAction})
				c.Head, c.Entries = head, append(c.Entries, e)
				return nil
			})
			_ = store.Record(ctx, bridge.Entry{What: bridge.WhatViewed})
			if i%50 == 49 {
				_ = store.Drop(ctx, n)
			}
		}
	}()
	for range 15 {
		r, err := Verify(ctx, store, Options{})
		if err != nil || !r.Whole() {
			t.Fatalf("%v: %s", err, says(r))
		}
	}
	stop()
	select {
	case <-stopped:
	case <-time.After(10 * time.Second):
		t.Fatal("the writer did not stop")
	}
}
