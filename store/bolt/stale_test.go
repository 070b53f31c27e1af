package bolt

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"keybridge/bridge"
)

func assign(t testing.TB, s *Store, i int, to string) {
	t.Helper()
	if _, err := s.Update(t.Context(), testID(i), func(c *bridge.Change) error { c.Assigned = to; return nil }); err != nil {
		t.Fatal(err)
	}
}

// staleNow are the requests that the index of tags is stale of.
func staleNow(t testing.TB, s *Store) (ids []bridge.ID) {
	t.Helper()
	if err := s.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketStale).ForEach(func(id, _ []byte) error { ids = append(ids, bridge.ID(id)); return nil })
	}); err != nil {
		t.Fatal(err)
	}
	return ids
}

// TestListsAreRightWhateverTheIndexIsStaleOf changes requests at random and compares lists
// with what the records say.
func TestListsAreRightWhateverTheIndexIsStaleOf(t *testing.T) {
	t.Parallel()
	for _, most := range []int{1, 2, 3, 7, staleMost} {
		t.Run(fmt.Sprint(most), func(t *testing.T) {
			t.Parallel()
			path, seed := temp(t), uint64(most)
			rnd := rand.New(rand.NewPCG(seed, seed)) //nolint:gosec // a test's
			s := open(t, Config{Path: path})
			s.db.NoSync, s.staleMost = true, most
			fill(t, s, 20)
			here := map[bridge.ID]bool{}
			for i := range 20 {
				here[testID(i)] = true
			}
			stale := 0
			for range 120 {
				id := testID(rnd.IntN(20))
				if here[id] {
					changeAtRandom(t, s, id, rnd)
				}
				if here[id] && rnd.IntN(30) == 0 {
					here[id] = false
					if err := s.Drop(t.Context(), id); err != nil {
						t.Fatal(err)
					}
				}
				stale += len(staleNow(t, s))
				listsAreRight(t, s, here)
			}
			whole(t, s)
			if most > 1 && stale == 0 || most == 1 && stale > 0 {
				t.Errorf("the index was stale of %d requests", stale)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			listsAreRight(t, open(t, Config{Path: path}), here)
		})
	}
}

// changeAtRandom has a request found by something else.
func changeAtRandom(t *testing.T, s *Store, id bridge.ID, rnd *rand.Rand) {
	t.Helper()
	names := []string{"", "Gabi", "Gabriel Lee", "Lee", "Leer"}
	name, to, attention := names[rnd.IntN(len(names))], names[rnd.IntN(len(names))], rnd.IntN(2) == 0
	if _, err := s.Update(t.Context(), id, func(c *bridge.Change) error {
		c.Applicant.Name, c.Assigned, c.Work.Attention = name, to, attention
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// listsAreRight compares what is found by tags and words with what the records say.
func listsAreRight(t *testing.T, s *Store, here map[bridge.ID]bool) {
	t.Helper()
	tags := map[bridge.ID][]bridge.Tag{}
	var ids []bridge.ID
	for i := range 20 {
		id := testID(i)
		if !here[id] {
			continue
		}
		r, err := s.Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		ids, tags[id] = append(ids, id), r.Tags()
	}
	with := func(such func(bridge.Tag) bool) (found []bridge.ID) {
		for _, id := range ids {
			if slices.ContainsFunc(tags[id], such) {
				found = append(found, id)
			}
		}
		return found
	}
	is := func(tag bridge.Tag) func(bridge.Tag) bool { return func(its bridge.Tag) bool { return its == tag } }
	begins := func(word string) func(bridge.Tag) bool {
		return func(its bridge.Tag) bool { return strings.HasPrefix(string(its), "word/"+word) }
	}
	for _, c := range []struct {
		f    bridge.Filter
		want []bridge.ID
	}{
		{bridge.Filter{Tags: []bridge.Tag{bridge.TagAttention}}, with(is(bridge.TagAttention))},
		{bridge.Filter{Tags: []bridge.Tag{bridge.TagAssigned("Lee")}}, with(is(bridge.TagAssigned("Lee")))},
		{bridge.Filter{Words: []string{"le"}}, with(begins("le"))},
		{bridge.Filter{Words: []string{"gabi"}}, with(begins("gabi"))},
		{bridge.Filter{Portals: []string{"main"}}, ids},
	} {
		for _, c.f.Oldest = range []bool{false, true} {
			got, _ := pages(t, s, c.f)
			if !c.f.Oldest {
				slices.Reverse(got)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Fatalf("%+v (-want +got):\n%s", c.f, diff)
			}
		}
	}
	want := len(with(is(bridge.TagAttention)))
	if stats, err := s.Stats(t.Context()); err != nil || stats.NeedAttention != want {
		t.Fatalf("%d need attention, counted %d, %v", want, stats.NeedAttention, err)
	}
}

func TestTheIndexIsBroughtInStepWithManyAtOnce(t *testing.T) {
	t.Parallel()
	s := open(t, Config{Path: temp(t)})
	s.staleMost = 4
	for i := range 3 {
		fillOne(t, s, i)
	}
	equal(t, staleNow(t, s), []bridge.ID{testID(0), testID(1), testID(2)})
	assign(t, s, 1, "olga")
	equal(t, len(staleNow(t, s)), 3)
	fillOne(t, s, 3)
	equal(t, len(staleNow(t, s)), 0)
	assign(t, s, 1, "olga") // as it was
	equal(t, len(staleNow(t, s)), 0)
	whole(t, s)
}

func fillOne(t *testing.T, s *Store, i int) {
	t.Helper()
	if _, err := s.Accept(t.Context(), testHint(i), nil); err != nil {
		t.Fatal(err)
	}
}

// TestWhatIsForgottenIsInNoIndexEither forgets an applicant whose request was changed before,
// or not.
func TestWhatIsForgottenIsInNoIndexEither(t *testing.T) {
	t.Parallel()
	for _, stale := range []int{1, 2, staleMost} {
		s := open(t, Config{Path: temp(t)})
		s.staleMost = stale
		for i := range 2 {
			fillOne(t, s, i)
		}
		name := func(to string) func(*bridge.Change) error {
			return func(c *bridge.Change) error { c.Applicant.Name = to; return nil }
		}
		for _, change := range []func(*bridge.Change) error{name("Evangelina"), name("Evangelina Lovelace"), func(c *bridge.Change) error {
			c.Applicant, c.Asked.Reasons, c.Forgotten = bridge.Applicant{ID: c.Applicant.ID}, nil, c.Created
			return nil
		}} {
			if _, err := s.Update(t.Context(), testID(1), change); err != nil {
				t.Fatal(err)
			}
		}
		for _, word := range []string{"evangelina", "lovelace", "example"} {
			if where := holding(t, s, testID(1), word); where != "" {
				t.Errorf("stale of %d: %q is in %s", stale, word, where)
			}
		}
		others, _ := pages(t, s, bridge.Filter{Words: []string{"dev@example.org"}})
		equal(t, others, []bridge.ID{testID(0)})
		if stale == 1 && holding(t, s, testID(0), "example") == "" {
			t.Error("nothing that is there is found to be")
		}
		whole(t, s)
	}
}

// holding names a bucket of tags in which an entry of a request has a text in it.
func holding(t *testing.T, s *Store, id bridge.ID, text string) (where string) {
	t.Helper()
	if err := s.db.View(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{bucketTag, bucketStale} {
			if err := tx.Bucket(name).ForEach(func(k, v []byte) error {
				if bytes.HasSuffix(k, []byte(id)) && bytes.Contains(append(bytes.Clone(k), v...), []byte(text)) {
					where = string(name)
				}
				return nil
			}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return where
}

// TestDamageOfWhatIsStaleHoldsUpNobodyElse spoils a record, or what is noted of it, and goes
// on with others.
func TestDamageOfWhatIsStaleHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	for name, bucket := range map[string][]byte{"the record": bucketRequest, "what is noted of it": bucketStale} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			s := open(t, Config{Path: temp(t), Log: slog.New(slog.NewTextHandler(&log, nil))})
			s.staleMost = 4
			for i := range 3 {
				fillOne(t, s, i)
			}
			if err := s.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(bucket).Put([]byte(testID(1)), []byte("\x01abcd{}")) }); err != nil {
				t.Fatal(err)
			}
			found, _ := pages(t, s, bridge.Filter{Tags: []bridge.Tag{bridge.TagPlan("Gold")}, Oldest: true})
			if bytes.Equal(bucket, bucketStale) {
				equal(t, found, []bridge.ID{testID(0), testID(1), testID(2)})
			} else {
				equal(t, found, []bridge.ID{testID(0), testID(2)}) // the index never had the other
			}
			fillOne(t, s, 3)
			equal(t, len(staleNow(t, s)), 0)
			if !strings.Contains(log.String(), string(testID(1))) {
				t.Errorf("the log does not say which: %s", log.String())
			}
			found, _ = pages(t, s, bridge.Filter{Words: []string{"gold"}, Oldest: true})
			if bytes.Equal(bucket, bucketStale) {
				equal(t, found, []bridge.ID{testID(0), testID(1), testID(2), testID(3)})
				whole(t, s) // it was new, and the index had nothing of it
				return
			}
			equal(t, found, []bridge.ID{testID(0), testID(2), testID(3)})
			findings, err := s.Check(t.Context(), nil)
			if err != nil || len(findings) == 0 || findings[0].Request != testID(1) {
				t.Errorf("found %v, %v", findings, err)
			}
		})
	}
}

func FuzzDecodeTags(f *testing.F) {
	f.Add(encodeTags([]bridge.Tag{"attention", "word/ada"}))
	f.Add(enclose([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}))
	f.Fuzz(func(t *testing.T, record []byte) {
		tags, err := decodeTags(record)
		if err != nil {
			return
		}
		again, err := decodeTags(encodeTags(tags))
		if err != nil || !slices.Equal(again, tags) {
			t.Errorf("%q came back as %q, %v", tags, again, err)
		}
	})
}
