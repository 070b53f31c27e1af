package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"keybridge/bridge"
)

// rich fills a store so that every bucket has something in it.
func rich(t testing.TB, s *Store, n int) {
	t.Helper()
	fill(t, s, n)
	now := time.Now()
	claims, _, err := s.Claim(t.Context(), "main", now, now.Add(time.Hour), 2)
	if err != nil || len(claims) != 2 {
		t.Fatal(claims, err)
	}
	for i := range min(n, 20) {
		feed(t, s, i, "x")
	}
	if err := s.SetBookmark(t.Context(), "crm", []byte("1")); err != nil {
		t.Fatal(err)
	}
	if err := s.SetPaper(t.Context(), "user", "olga", func([]byte) ([]byte, error) { return []byte("1"), nil }); err != nil {
		t.Fatal(err)
	}
}

// inWeek spoils the newest week of the feed.
func inWeek(spoil func(*bbolt.Bucket) error) func(*bbolt.Tx) error {
	return func(tx *bbolt.Tx) error {
		all := tx.Bucket(bucketLedger)
		name, _ := all.Cursor().Last()
		return spoil(all.Bucket(name))
	}
}

func stampNow() []byte { return appendUint(nil, stamp(time.Now())) }

func TestCheckFindsEveryIndexOutOfStep(t *testing.T) {
	t.Parallel()
	put := func(bucket, k, v []byte) func(*bbolt.Tx) error {
		return func(tx *bbolt.Tx) error { return tx.Bucket(bucket).Put(k, v) }
	}
	first := func(bucket []byte) func(*bbolt.Tx) error {
		return func(tx *bbolt.Tx) error {
			k, _ := tx.Bucket(bucket).Cursor().First()
			return tx.Bucket(bucket).Delete(bytes.Clone(k))
		}
	}
	known, unknown := []byte(testID(1)), []byte(testID(99))
	cases := map[string]struct {
		in    []byte
		spoil func(*bbolt.Tx) error
	}{
		"a key to nowhere":                  {bucketKey, put(bucketKey, key("main", "x"), unknown)},
		"a key to another request":          {bucketKey, put(bucketKey, key("main", testKey(2)), known)},
		"a ref to nowhere":                  {bucketRef, put(bucketRef, key("a", "b", "c"), unknown)},
		"a ref the request does not have":   {bucketRef, put(bucketRef, key("a", "b", "c"), known)},
		"an applicant's request not there":  {bucketApplicant, put(bucketApplicant, append(key("main", "x"), unknown...), nil)},
		"another applicant":                 {bucketApplicant, put(bucketApplicant, append(key("main", "x"), known...), nil)},
		"a tag the request does not have":   {bucketTag, put(bucketTag, tagKey("state/active", known), nil)},
		"a tag of nobody":                   {bucketTag, put(bucketTag, tagKey("state/active", unknown), nil)},
		"tags of nobody that wait":          {bucketStale, put(bucketStale, unknown, encodeTags(nil))},
		"tags that wait and make no sense":  {bucketStale, put(bucketStale, []byte(testID(5)), enclose([]byte{9}))},
		"tags that wait and were changed":   {bucketStale, put(bucketStale, []byte(testID(5)), append(encodeTags(nil), 1, 'x'))},
		"tags that wait and nobody says so": {bucketTag, first(bucketStale)},
		"a schedule for nobody":             {bucketSchedule, put(bucketSchedule, unknown, slot{portal: "main"}.encode())},
		"a schedule that makes no sense":    {bucketSchedule, put(bucketSchedule, known, []byte{9})},
		"a schedule of another portal":      {bucketSchedule, put(bucketSchedule, known, slot{portal: "other"}.encode())},
		"due twice":                         {bucketDue, put(bucketDue, dueKey("main", 7, known), nil)},
		"due and not scheduled":             {bucketDue, put(bucketDue, dueKey("main", 7, unknown), nil)},
		"claimed and not scheduled so":      {bucketLease, put(bucketLease, []byte(testID(5)), nil)},
		"a history of nobody":               {bucketHistory, put(bucketHistory, entryKey(unknown, 1), []byte{1})},
		"a line of history that was added":  {bucketHistory, put(bucketHistory, entryKey(known, 1), []byte{1})},
		"a record of another format":        {bucketRequest, put(bucketRequest, known, []byte("\x02abcd{}"))},
		"a record cut short":                {bucketRequest, put(bucketRequest, known, []byte{1})},
		"a record that is another's": {bucketRequest, func(tx *bbolt.Tx) error {
			return tx.Bucket(bucketRequest).Put(known, bytes.Clone(tx.Bucket(bucketRequest).Get([]byte(testID(2)))))
		}},
		"a place in another week": {bucketLedger, inWeek(func(b *bbolt.Bucket) error {
			return b.Put(appendUint(nil, 7), fedValue(entryKey(known, 1), ""))
		})},
		"a place that is none":           {bucketLedger, inWeek(func(b *bbolt.Bucket) error { return b.Put([]byte("x"), fedValue(entryKey(known, 1), "")) })},
		"a place that leads to no entry": {bucketLedger, inWeek(func(b *bbolt.Bucket) error { return b.Put(stampNow(), known) })},
		"a place of a line not there":    {bucketLedger, inWeek(func(b *bbolt.Bucket) error { return b.Put(stampNow(), fedValue(entryKey(known, 9), "")) })},
		"a ledger without weeks":         {bucketLedger, put(bucketLedger, []byte("x"), nil)},
		"a ledger that is missing":       {bucketLedger, func(tx *bbolt.Tx) error { return tx.DeleteBucket(bucketLedger) }},
		"a line of the ledger removed": {bucketLedger, inWeek(func(b *bbolt.Bucket) error {
			k, _ := b.Cursor().Last()
			return b.Delete(bytes.Clone(k))
		})},
		"a line of the ledger with another hash": {bucketLedger, inWeek(func(b *bbolt.Bucket) error {
			k, v := b.Cursor().First()
			v = bytes.Clone(v)
			v[len(v)-1] ^= 1
			return b.Put(bytes.Clone(k), v)
		})},
		"an end of the ledger that was changed": {bucketLedger, func(tx *bbolt.Tx) error {
			return putSealed(tx.Bucket(bucketMeta), metaLedger, bridge.Ledger{Count: 1, Place: 7})
		}},
		"a checkpoint that was made up": {bucketCheckpoint, func(tx *bbolt.Tx) error {
			return putSealed(tx.Bucket(bucketCheckpoint), appendUint(nil, 7), bridge.Ledger{Count: 1, Place: 7})
		}},
		"a checkpoint that makes no sense": {bucketCheckpoint, put(bucketCheckpoint, stampNow(), []byte("x"))},
		"a bookmark of another format":     {bucketBookmark, put(bucketBookmark, []byte("x"), []byte("\x02abcd"))},
		"a bookmark that was changed":      {bucketBookmark, put(bucketBookmark, []byte("x"), append(enclose([]byte("1")), '2'))},
		"a paper of another format":        {bucketPaper, put(bucketPaper, paperKey("user", "x"), []byte("\x02abcd"))},
		"a paper that was changed":         {bucketPaper, put(bucketPaper, paperKey("user", "x"), append(enclose([]byte("1")), '2'))},
		"a day that is too short":          {bucketDay, put(bucketDay, dayOf(time.Now()), slices.Concat(known, known))},
		"a day that makes no sense":        {bucketDay, put(bucketDay, []byte("x"), known)},
		"a bucket that is missing":         {bucketRef, func(tx *bbolt.Tx) error { return tx.DeleteBucket(bucketRef) }},
	}
	for _, bucket := range [][]byte{bucketKey, bucketRef, bucketApplicant, bucketTag, bucketDay, bucketSchedule, bucketDue, bucketLease} {
		cases["an entry missing in "+string(bucket)] = struct {
			in    []byte
			spoil func(*bbolt.Tx) error
		}{bucket, first(bucket)}
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, Config{Path: temp(t)})
			s.staleMost = 1
			rich(t, s, 6)
			s.staleMost = staleMost
			assign(t, s, 4, "olga")
			assign(t, s, 5, "olga")
			whole(t, s)
			if err := s.db.Update(c.spoil); err != nil {
				t.Fatal(err)
			}
			findings, err := s.Check(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range findings {
				if f.Where == string(c.in) {
					return
				}
			}
			t.Fatalf("not found; found: %v", findings)
		})
	}
}

func TestCheckSaysHowFarItIs(t *testing.T) {
	t.Parallel()
	s := open(t, Config{Path: temp(t)})
	rich(t, s, 600)
	var last, total int64
	findings, err := s.Check(t.Context(), func(done, of int64) {
		if done < last || done > of {
			t.Errorf("%d of %d after %d", done, of, last)
		}
		last, total = done, of
	})
	if err != nil || len(findings) > 0 || last != total || total < 600*7 {
		t.Fatalf("%d of %d, %v, %v", last, total, findings, err)
	}
}

// flip turns one bit of every place where some text is.
func flip(b []byte, text string) int {
	n := 0
	for at := 0; ; n++ {
		i := bytes.Index(b[at:], []byte(text))
		if i < 0 {
			return n
		}
		b[at+i+len(text)/2] ^= 1
		at += i + len(text)
	}
}

func TestARottenRecordIsNeverUsedAndNamesItsRequest(t *testing.T) {
	t.Parallel()
	b := sample(t, 20)
	if flip(b, `"id":"dev-7"`) == 0 {
		t.Fatal("nothing to flip")
	}
	path := temp(t)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, Config{Path: path})
	name := string(testID(7))
	_, get := s.Get(t.Context(), testID(7))
	_, byKey := s.FindKey(t.Context(), "main", testKey(7))
	_, list := s.List(t.Context(), bridge.Filter{})
	_, update := s.Update(t.Context(), testID(7), func(*bridge.Change) error { t.Error("the closure was called"); return nil })
	backup := s.Backup(t.Context(), path+".backup", nil)
	for _, err := range []error{get, byKey, list, update, s.Drop(t.Context(), testID(7))} {
		wantKind(t, err, bridge.Internal)
		if !strings.Contains(bridge.Explain(err), name) {
			t.Errorf("the error does not name the request: %v", err)
		}
	}
	if backup == nil || !strings.Contains(backup.Error(), name) {
		t.Errorf("a damaged store was backed up: %v", backup)
	}
	if _, err := s.Get(t.Context(), testID(8)); err != nil {
		t.Errorf("the others are well: %v", err)
	}
	findings, err := s.Check(t.Context(), nil)
	if err != nil || len(findings) != 1 || findings[0].Request != testID(7) {
		t.Fatalf("%v, %v", findings, err)
	}
}

func TestARottenHistoryIsFound(t *testing.T) {
	t.Parallel()
	path := temp(t)
	s := open(t, Config{Path: path})
	fill(t, s, 1)
	line, err := seal(bridge.Entry{Request: testID(0), Seq: 1, Why: "made up"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketHistory).Put(entryKey([]byte(testID(0)), 1), line)
	}); err != nil {
		t.Fatal(err)
	}
	findings, err := s.Check(t.Context(), nil)
	if err != nil || len(findings) != 1 || findings[0].Where != "history" {
		t.Fatalf("%v, %v", findings, err)
	}
}

// TestFaultRottenBits turns single bits at random places of the
// pages in use.
func TestFaultRottenBits(t *testing.T) {
	t.Parallel()
	good := sample(t, 40)
	good = good[:highWater(good)]
	want := everything(t, good)
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	const bits = 60
	noticed, refused := 0, 0
	for range bits {
		b := bytes.Clone(good)
		at := random.IntN(highWater(b))
		b[at] ^= 1 << random.IntN(8)
		path := temp(t)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		var log lockedBuffer
		s, err := Open(Config{Path: path, Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			refused++
			continue
		}
		findings, err := s.Check(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(findings) > 0 || strings.Contains(log.String(), "one of its two roots is damaged") {
			noticed++
		} else if got := requests(t, s); !equalRequests(got, want) {
			t.Errorf("seed %d: a bit of byte %d changed what is read, and nobody noticed", seed, at)
		}
		_ = s.Close()
	}
	t.Logf("%d bits: %d found by the check, %d refused at the start, the others in bytes nobody reads", bits, noticed, refused)
}

// TestARottenRootIsToldOf turns bits of either root and of what stands before it, one at a time: the store opens
// with the other one, which may be a commit older, and says so; a check and a restore do
// not take it to be good.
func TestARottenRootIsToldOf(t *testing.T) {
	t.Parallel()
	good := sample(t, 3)
	for _, root := range []int{0, os.Getpagesize()} {
		for at := root; at < root+pageHead+metaLen; at += 3 {
			if at >= root+10 && at < root+pageHead {
				continue // of how many there are of what a root has one of
			}
			b := bytes.Clone(good)
			b[at] ^= 1 << (at % 8)
			path := temp(t)
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			findings, err := CheckFile(t.Context(), path, nil)
			if err != nil || len(findings) == 0 || findings[0].Where != "pages" {
				t.Errorf("byte %d: the check finds %v, %v", at, findings, err)
			}
			wantKind(t, Restore(t.Context(), path, temp(t), func(context.Context, string) error { return nil }, nil), bridge.Internal)
			_, err = CompactFile(t.Context(), path, nil)
			wantKind(t, err, bridge.Internal)
			var log lockedBuffer
			s := open(t, Config{Path: path, Log: slog.New(slog.NewTextHandler(&log, nil))})
			if !strings.Contains(log.String(), "one of its two roots is damaged") {
				t.Errorf("byte %d: the log says %q", at, log.String())
			}
			whole(t, s)
		}
	}
}

func everything(t *testing.T, file []byte) []bridge.Request {
	t.Helper()
	path := temp(t)
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	return requests(t, open(t, Config{Path: path}))
}

func requests(t *testing.T, s *Store) []bridge.Request {
	t.Helper()
	page, err := s.List(t.Context(), bridge.Filter{Limit: pageMax})
	if err != nil {
		t.Fatal(err)
	}
	return page.Requests
}

func equalRequests(a, b []bridge.Request) bool {
	x, errX := seal(a)
	y, errY := seal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

func TestCheckFileLooksAtThePagesTooAndNeedsTheFileForItself(t *testing.T) {
	t.Parallel()
	path := temp(t)
	s, err := Open(Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	rich(t, s, 50)
	_, err = CheckFile(t.Context(), path, nil)
	wantKind(t, err, bridge.Unavailable)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	findings, err := CheckFile(t.Context(), path, nil)
	if err != nil || len(findings) > 0 {
		t.Fatalf("%v, %v", findings, err)
	}
	out, err := child(t, "checker", path).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Fatalf("%v: %s", err, out)
	}
}

// TestCheckHoldsTheLedgerAgainstWhatItNames has what is written anew so well that only the
// ledger can tell.
func TestCheckHoldsTheLedgerAgainstWhatItNames(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		forge func(*bbolt.Tx) error
		says  string
	}{
		"a line removed whose history goes on": {inWeek(func(b *bbolt.Bucket) error {
			k, _ := b.Cursor().First()
			return b.Delete(bytes.Clone(k))
		}), "another hash than was kept"},
		"a history written anew":               {rewrite, "is not as it was committed"},
		"an entry of the house that was added": {addToHouse, "its entry 2 is not in the ledger"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, Config{Path: temp(t)})
			fill(t, s, 2)
			for _, n := range []int{0, 0, 1} {
				feed(t, s, n, "what was done")
			}
			if err := s.Record(t.Context(), bridge.Entry{What: bridge.WhatSignedIn}); err != nil {
				t.Fatal(err)
			}
			whole(t, s)
			if err := s.db.Update(c.forge); err != nil {
				t.Fatal(err)
			}
			findings, err := s.Check(t.Context(), nil)
			if err != nil || len(findings) == 0 {
				t.Fatalf("%v, %v", findings, err)
			}
			for _, f := range findings {
				if f.Where != string(bucketLedger) || !strings.Contains(f.What, c.says) {
					t.Errorf("%s; want %q", f, c.says)
				}
			}
		})
	}
}

// rewrite gives a request another history, whose chain is whole.
func rewrite(tx *bbolt.Tx) error {
	id := []byte(testID(0))
	r, err := openRequest(id, tx.Bucket(bucketRequest).Get(id))
	if err != nil {
		return err
	}
	c := &bridge.Change{Request: r}
	for n := r.Head.Seq; n > 0; n-- {
		if c.Head = (bridge.Head{}); len(c.Entries) > 0 {
			last := c.Entries[len(c.Entries)-1]
			c.Head = bridge.Head{Seq: last.Seq, Hash: last.Hash}
		}
		line(c, "something else")
		e := c.Entries[len(c.Entries)-1]
		record, err := seal(e)
		if err != nil {
			return err
		}
		if err := tx.Bucket(bucketHistory).Put(entryKey(id, e.Seq), record); err != nil {
			return err
		}
	}
	record, err := seal(c.Request)
	if err != nil {
		return err
	}
	return tx.Bucket(bucketRequest).Put(id, record)
}

// addToHouse adds an entry to the house's chain, and to nothing else.
func addToHouse(tx *bbolt.Tx) error {
	head, err := houseHead(tx)
	if err != nil {
		return err
	}
	head, e := head.Next(bridge.Entry{At: time.Now(), What: bridge.WhatSignedIn, Why: "made up"})
	record, err := seal(e)
	if err != nil {
		return err
	}
	if err := tx.Bucket(bucketHouse).Put(appendUint(nil, e.Seq), record); err != nil {
		return err
	}
	return putSealed(tx.Bucket(bucketMeta), metaHouse, head)
}

// TestCheckFileFindsAPageThatIsNobodys: nothing in it is missed, so only bbolt's own look at
// its pages can tell.
func TestCheckFileFindsAPageThatIsNobodys(t *testing.T) {
	t.Parallel()
	path := temp(t)
	if err := os.WriteFile(path, sample(t, 30), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int{0, os.Getpagesize()} {
		b := file[at+pageHead:]
		order := binary.NativeEndian
		order.PutUint64(b[40:], order.Uint64(b[40:])+1) // the page after the last one is in use
		sum := fnv.New64a()
		_, _ = sum.Write(b[:metaSum])
		order.PutUint64(b[metaSum:], sum.Sum64())
	}
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	findings, err := CheckFile(t.Context(), path, nil)
	if err != nil || len(findings) != 1 || findings[0].Where != "pages" {
		t.Errorf("%v, %v", findings, err)
	}
}
