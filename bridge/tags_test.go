package bridge_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
)

func TestWordsAreWhatASearchCanFind(t *testing.T) {
	for text, want := range map[string][]string{
		"":                               nil,
		"a":                              nil,
		"Ada Lovelace":                   {"ada", "lovelace"},
		"ada@Example.com":                {"ada", "example", "com", "ada@example.com"},
		"sub_1NirD82eZvKYlo2CIvbtLWuY":   {"sub", "1nird82ezvkylo2civbtlwuy", "sub_1nird82ezvkylo2civbtlwuy"},
		"Größe, (größer) \"am größten\"": {"größe", "größer", "am", "größten"},
		"東京 天気":                          {"東京", "天気"},
		"one one ONE":                    {"one"},
		"...":                            nil,
		strings.Repeat("ä", 30):          {strings.Repeat("ä", 20)},
	} {
		if diff := cmp.Diff(want, bridge.Words(text)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func TestWhatIsLookedForIsWhole(t *testing.T) {
	for text, want := range map[string][]string{
		"":                       nil,
		"a - x":                  nil,
		"Ada Lovelace":           {"ada", "lovelace"},
		"(Ada@Example.com), ada": {"ada@example.com", "ada"},
		"cs_test_" + longID:      {("cs_test_" + longID)[:40]},
		longID + "_" + longID:    {longID[:40]},
		"東京 天気":                  {"東京", "天気"},
	} {
		if diff := cmp.Diff(want, bridge.WholeWords(text)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

// longID is longer than what is kept of a word.
const longID = "a1d4vixgcsj57wk6cpavi8qdb6hy3bvlhpzuxtw1xyz"

func FuzzWords(f *testing.F) {
	f.Add("Ada Lovelace <ada@example.com>")
	f.Add("\xff\xfe ä\u202e")
	f.Fuzz(func(t *testing.T, text string) {
		for _, word := range bridge.Words(text) {
			if len(word) > 40 || len(word) < 2 || strings.ToLower(word) != word {
				t.Errorf("%q is a word of %q", word, text)
			}
			if utf8.ValidString(text) && !utf8.ValidString(word) {
				t.Errorf("%q is half of something in %q", word, text)
			}
			if again := bridge.Words(word); utf8.ValidString(text) && len(again) > 0 && !slices.Contains(again, word) {
				t.Errorf("%q of %q is not found as itself: %q", word, text, again)
			}
		}
		for _, whole := range bridge.WholeWords(text) {
			if !slices.Contains(bridge.Words(text), whole) {
				t.Errorf("%q is looked for and no word of %q", whole, text)
			}
		}
	})
}

func TestARequestIsFoundByWhatItIs(t *testing.T) {
	r := request(waiting(review))
	r.Terms.Plan, r.Terms.Lines = "Weather Pro", []bridge.Price{price(4900, "eur", "month")}
	r.Applicant = bridge.Applicant{ID: "dev-1", Email: "ada@example.com", Name: "Ada Lovelace"}
	r.Asked.Reasons = map[string]string{"What for?": "A map of storms"}
	r.Refs = []bridge.Ref{{System: "stripe", Kind: bridge.RefCharge, ID: "ch_123"}}
	r.Assigned = "rita"
	tags := r.Tags()
	if slices.Contains(tags, "word/ch") || slices.Contains(tags, "word/123") {
		t.Errorf("found by a part of an id: %q", tags)
	}
	for _, want := range []bridge.Tag{
		bridge.TagState(bridge.StateReviewing), bridge.TagPortal("main"), bridge.TagPlan("Weather Pro"), bridge.TagAssigned("rita"),
		bridge.TagCurrency("EUR"), bridge.TagWaits, "word/ada", "word/ada@example.com", "word/storms", "word/ch_123", "word/k1",
	} {
		if !slices.Contains(tags, want) {
			t.Errorf("not found by %q among %q", want, tags)
		}
	}
	if slices.Contains(tags, bridge.TagAttention) || !slices.IsSorted(tags) || len(slices.Compact(slices.Clone(tags))) != len(tags) {
		t.Errorf("tags %q", tags)
	}
	r.Work.Attention = true
	if tags := r.Tags(); !slices.Contains(tags, bridge.TagAttention) || !slices.Contains(tags, bridge.TagState(bridge.StateNeedsAttention)) {
		t.Errorf("tags %q", tags)
	}
}

func TestWhatAnApplicantWritesCannotFillAnIndex(t *testing.T) {
	r := request()
	r.Asked.Reasons = map[string]string{}
	for i := range 100 {
		r.Asked.Reasons[strings.Repeat("f", i)] = strings.Repeat(string(rune('a'+i%26))+strings.Repeat("x", i)+" ", 50)
	}
	if n := len(r.Tags()); n > 130 {
		t.Errorf("%d tags", n)
	}
	again := r.Clone()
	if diff := cmp.Diff(r.Tags(), again.Tags()); diff != "" {
		t.Errorf("the tags of the same record differ:\n%s", diff)
	}
}

func TestWhatWaitsForAPerson(t *testing.T) {
	for name, one := range map[string]struct {
		r    bridge.Request
		want bool
	}{
		"a review":                     {request(waiting(review)), true},
		"a review whose turn is later": {request(waiting(payment, review)), false},
		"a payment":                    {request(waiting(payment)), false},
		"attention":                    {request(approved, with(func(r *bridge.Request) { r.Work.Attention = true })), true},
		"an active key":                {request(approved), false},
		"a declined request":           {request(waiting(review), verdict(bridge.Decline)), false},
		"one that was not read yet":    {request(waiting(review), have(bridge.Unread)), false},
	} {
		if got := one.r.Waits(); got != one.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
