package bolt

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"go.etcd.io/bbolt"

	"keybridge/bridge"
)

// pages reads a whole list and counts its pages.
func pages(t *testing.T, s *Store, f bridge.Filter) (ids []bridge.ID, n int) {
	t.Helper()
	for {
		page, err := s.List(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Requests {
			ids = append(ids, r.ID)
		}
		if n++; page.Next == "" {
			return ids, n
		}
		if page.Next == f.After {
			t.Fatalf("page %d goes no further than the one before", n)
		}
		f.After = page.Next
	}
}

func TestAWalkThatFindsLittleEndsEarlyAndIsGoneOnWith(t *testing.T) {
	t.Parallel()
	s := open(t, Config{Path: temp(t)})
	s.db.NoSync = true
	const n = 300
	fill(t, s, n)
	want := []bridge.ID{testID(0), testID(7), testID(150), testID(299)}
	for i := range n {
		if _, err := s.Update(t.Context(), testID(i), func(c *bridge.Change) error {
			both := slices.Contains(want, c.ID)
			if both {
				c.Terms.Lines[0].Amount.Minor = 5000
			}
			if both || i%2 == 0 {
				c.Assigned = "olga"
			}
			c.Work.Attention = both || i%2 == 1
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	for name, f := range map[string]bridge.Filter{
		"looking at records":       {Least: bridge.NewAmount(5000, "EUR")},
		"looking at times as well": {Least: bridge.NewAmount(5000, "EUR"), From: time.Now().Add(-time.Hour), Before: time.Now().Add(time.Hour)},
		"two indexes":              {Tags: []bridge.Tag{bridge.TagAssigned("olga"), bridge.TagAttention}},
	} {
		for _, f.Oldest = range []bool{true, false} {
			s.limits = limits{steps: 4, time: time.Hour}
			got, n := pages(t, s, f)
			if !f.Oldest {
				slices.Reverse(got)
			}
			equal(t, got, want)
			if n < 3 {
				t.Errorf("%s: %d pages, which is not early", name, n)
			}
			count, more, err := s.Count(t.Context(), f, 4)
			if err != nil || count > 4 || !more {
				t.Errorf("%s: counted %d, more %t, %v", name, count, more, err)
			}
			s.limits = limits{steps: walkSteps, time: 0} // the disk is slow
			got, _ = pages(t, s, f)
			if len(got) != len(want) {
				t.Errorf("%s: %v on a slow disk", name, got)
			}
		}
	}
}

func TestAListFromOneIndexHasFullPages(t *testing.T) {
	t.Parallel()
	s := open(t, Config{Path: temp(t)})
	fill(t, s, 100)
	s.limits = limits{}
	for _, f := range []bridge.Filter{
		{}, {Oldest: true}, {State: bridge.StatePaying}, {Portal: "main"}, {Words: []string{"gold"}},
	} {
		f.Limit = 50
		page, err := s.List(t.Context(), f)
		if err != nil || len(page.Requests) != f.Limit {
			t.Errorf("%d of %d for %+v, %v", len(page.Requests), f.Limit, f, err)
		}
	}
}

func TestABeginningOfTooManyWordsAsksForMoreOfIt(t *testing.T) {
	t.Parallel()
	s := open(t, Config{Path: temp(t)})
	s.staleMost = 1 // what is put into the index by hand counts
	fill(t, s, 30)
	put := func(words, each int) {
		if err := s.db.Update(func(tx *bbolt.Tx) error {
			for w := range words {
				for i := range each {
					if err := tx.Bucket(bucketTag).Put(tagKey(bridge.Tag(fmt.Sprintf("word/zz%05d", w)), []byte(testID(i))), nil); err != nil {
						return err
					}
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	list := func() ([]bridge.Request, error) {
		page, err := s.List(t.Context(), bridge.Filter{Words: []string{"zz"}})
		return page.Requests, err
	}
	put(wordsOft, wordFew+1)
	if found, err := list(); err != nil || len(found) != wordFew+1 {
		t.Fatalf("%d, %v", len(found), err)
	}
	put(wordsOft+1, wordFew+1)
	_, err := list()
	wantKind(t, err, bridge.Invalid)
	if strings.Contains(err.Error(), "zz") || !strings.Contains(bridge.Explain(err), "Type more") {
		t.Errorf("a word may be somebody's name or address, and belongs into no error: %v", err)
	}
	put(wordsAll, 1)
	_, err = list()
	wantKind(t, err, bridge.Invalid)
	if page, err := s.List(t.Context(), bridge.Filter{Words: []string{"zz00017"}}); err != nil || len(page.Requests) != wordFew+1 {
		t.Fatalf("one of the words: %d, %v", len(page.Requests), err)
	}
}

// TestWhatRequestsAreFoundByIsWhatTheIndexWasBuiltWith fails when bridge.Request.Tags
// says something else of a stored record than it did. A migration has to build the
// index anew then (see buildTags), and after that, and only then, this list changes.
func TestWhatRequestsAreFoundByIsWhatTheIndexWasBuiltWith(t *testing.T) {
	t.Parallel()
	r := testHint(7).Intake.Request
	r.Work.Attention, r.Assigned, r.Applicant.Email = true, "olga", "Anna.Lee@Example.org"
	r.Asked.Reasons["long"] = "ΣΊΣΥΦΟΣ (42) " + strings.Repeat("ü", 30)
	equal(t, r.Tags(), []bridge.Tag{
		"assigned/olga", "attention", "currency/EUR", "plan/Gold", "portal/main", "state/needs attention", "waits",
		"word/42", "word/65f0c0000000000000000007", "word/65f0c1d2e3f4a5b6c7d8e9f0",
		"word/anna", "word/anna.lee@example.org",
		"word/cs_test_a1" + bridge.Tag(strings.Repeat("0", 30)), "word/dev", "word/dev-7", "word/developer", "word/example",
		"word/gold", "word/it", "word/lee", "word/little", "word/org", "word/to", "word/try",
		"word/" + bridge.Tag(strings.Repeat("ü", 20)), "word/σίσυφοσ",
	})
}

func TestAListWhoseIndexLeadsNowhereSaysSo(t *testing.T) {
	t.Parallel()
	s := open(t, Config{Path: temp(t)})
	fill(t, s, 3)
	if err := s.db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketTag).Put(tagKey(bridge.TagWaits, []byte(testID(9))), nil)
	}); err != nil {
		t.Fatal(err)
	}
	_, err := s.List(t.Context(), bridge.Filter{Tags: []bridge.Tag{bridge.TagWaits}})
	wantKind(t, err, bridge.Internal)
}

func TestAnOlderStoresListsAreBuiltInParts(t *testing.T) {
	t.Parallel()
	path := oldFile(t, "schema2")
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	// An earlier try that was cut off, and an older program that changed requests since.
	if err := db.Update(func(tx *bbolt.Tx) error {
		if err := makeBuckets(tx, bucketTag); err != nil {
			return err
		}
		return tx.Bucket(bucketTag).Put(tagKey("state/ended", []byte(testID(1))), nil)
	}); err != nil {
		t.Fatal(err)
	}
	transactions := 0
	steps := slices.Clone(migrations)
	steps[2].some = func(tx *bbolt.Tx, log *slog.Logger, after []byte) ([]byte, error) {
		transactions++
		return buildSome(tx, log, after, 4)
	}
	if err := migrate(db, slog.New(slog.DiscardHandler), steps); err != nil {
		t.Fatal(err)
	}
	equal(t, transactions, 2)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	inStep(t, path)
}

func TestAnOlderStoreIsListedAsBefore(t *testing.T) {
	t.Parallel()
	inStep(t, oldFile(t, "schema2"))
}

// inStep opens the file of schema 2 and checks what it holds.
func inStep(t *testing.T, path string) {
	t.Helper()
	s := open(t, Config{Path: path})
	whole(t, s)
	needs, _ := pages(t, s, bridge.Filter{State: bridge.StateNeedsAttention})
	equal(t, needs, []bridge.ID{testID(1), testID(0)})
	other, _ := pages(t, s, bridge.Filter{Portal: "other", Tags: []bridge.Tag{bridge.TagWaits}})
	equal(t, other, []bridge.ID{testID(1)})
	ended, _ := pages(t, s, bridge.Filter{State: bridge.StateEnded})
	equal(t, len(ended), 0)
	third, err := s.Get(t.Context(), testID(3))
	if err != nil {
		t.Fatal(err)
	}
	since, _ := pages(t, s, bridge.Filter{From: third.Created, Oldest: true})
	equal(t, since, []bridge.ID{testID(3), testID(4), testID(5)})
	if stats, err := s.Stats(t.Context()); err != nil || stats.NeedAttention != 2 {
		t.Fatalf("%+v, %v", stats, err)
	}
	if got, err := s.Bookmark(t.Context(), "crm"); err != nil || string(got) != "7" {
		t.Fatalf("%q, %v", got, err)
	}
	if err := s.SetPaper(t.Context(), "user", "olga", func([]byte) ([]byte, error) { return []byte("1"), nil }); err != nil {
		t.Fatal(err)
	}
	feed(t, s, 5, "new")
	whole(t, s)
}

func TestADamagedRequestDoesNotKeepAnOlderStoreFromOpening(t *testing.T) {
	t.Parallel()
	path := oldFile(t, "schema2")
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketRequest).Put([]byte(testID(2)), []byte("\x01abcd{}"))
	}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	s := open(t, Config{Path: path, Log: slog.New(slog.NewTextHandler(&out, nil))})
	if !strings.Contains(out.String(), string(testID(2))) {
		t.Errorf("the log does not name the request: %s", out.String())
	}
	if ids, _ := pages(t, s, bridge.Filter{State: bridge.StatePaying}); len(ids) != 3 {
		t.Fatalf("%v", ids)
	}
	findings, err := s.Check(t.Context(), nil)
	if err != nil || !slices.ContainsFunc(findings, func(f Finding) bool { return f.Request == testID(2) && f.Where == "request" }) {
		t.Fatalf("%v, %v", findings, err)
	}
}

func TestACheckWhileRequestsChangeFindsNothing(t *testing.T) {
	t.Parallel()
	s := open(t, Config{Path: temp(t)})
	s.db.NoSync = true
	const n = 300
	rich(t, s, n)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ctx.Err() == nil; i++ {
			if _, err := s.Update(t.Context(), testID(i%n), func(c *bridge.Change) error {
				c.Assigned = fmt.Sprint(i)
				return nil
			}); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	if findings, err := s.Check(t.Context(), nil); err != nil || len(findings) > 0 {
		t.Errorf("%v, %v", findings, err)
	}
	stop()
	<-done
}

// FuzzSearch: whatever an applicant wrote is found by each word of it and by what these
// begin with, and whatever is searched for is answered.
func FuzzSearch(f *testing.F) {
	for _, text := range []string{"", "to try it", "Anna.Lee@Example.org", "a\x00b zero", "x-y, (42)! ΣΊΣΥΦΟΣ", strings.Repeat("long-", 20), "\xff\xfe bad", "İstanbul ǅ"} {
		f.Add(text)
	}
	s, err := Open(Config{Path: temp(f)})
	if err != nil {
		f.Fatal(err)
	}
	s.db.NoSync = true
	f.Cleanup(func() { _ = s.Close() })
	fill(f, s, 3)
	f.Fuzz(func(t *testing.T, text string) {
		if len(bridge.Words(text)) > 60 {
			text = text[:40]
		}
		if _, err := s.Update(t.Context(), testID(1), func(c *bridge.Change) error {
			c.Asked.Reasons = map[string]string{"why": text}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		for _, field := range strings.Fields(text) {
			for _, word := range []string{field, strings.ToUpper(field), field[:len(field)/2+1]} {
				page, err := s.List(t.Context(), bridge.Filter{Words: []string{word}})
				if err != nil && bridge.KindOf(err) != bridge.Invalid {
					t.Fatalf("%q: %v", word, err)
				}
				found := slices.ContainsFunc(page.Requests, func(r bridge.Request) bool { return r.ID == testID(1) })
				if word == field && utf8.ValidString(text) && len(bridge.Words(field)) > 0 && !found {
					t.Errorf("%q of %q does not find it", word, text)
				}
			}
		}
		whole(t, s)
	})
}
