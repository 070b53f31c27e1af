package bridge

import (
	"maps"
	"slices"
	"strings"
	"unicode"
)

// Tags are what a request can be found by, derived from the record like its state. A
// store indexes them, so that a list by any number of them costs what its rarest costs.

// Tag names one thing that a request can be found by.
type Tag string

// The tags that are not made of something. See also the functions that make the others.
const (
	// TagWaits: a person has to do something: a review, a second approval, or attention.
	TagWaits Tag = "waits"
	// TagAttention: the request needs attention.
	TagAttention Tag = "attention"
)

// TagState is of the requests in a state.
func TagState(s State) Tag { return Tag("state/" + s) }

// TagPortal is of the requests of a portal.
func TagPortal(name string) Tag { return Tag("portal/" + name) }

// TagPlan is of the requests of a plan, by the name in Terms.
func TagPlan(name string) Tag { return Tag("plan/" + name) }

// TagAssigned is of the requests that somebody looks after.
func TagAssigned(to string) Tag { return Tag("assigned/" + to) }

// TagCurrency is of the requests priced in a currency.
func TagCurrency(of string) Tag { return Tag("currency/" + of) }

// TagWord is of the requests in which a word is found; see Words.
func TagWord(word string) Tag { return Tag("word/" + word) }

// The bounds of words: what is longer is cut, what is beyond is not found. What an
// applicant writes into a form cannot fill an index.
const (
	longestWord = 40
	mostWords   = 120
	shortWord   = 2
)

// Tags returns everything that the request can be found by, sorted, each once.
func (r Request) Tags() []Tag {
	tags := []Tag{TagState(r.State()), TagPortal(r.Portal)}
	if r.Waits() {
		tags = append(tags, TagWaits)
	}
	if r.Work.Attention {
		tags = append(tags, TagAttention)
	}
	if r.Terms.Plan != "" {
		tags = append(tags, TagPlan(r.Terms.Plan))
	}
	if r.Assigned != "" {
		tags = append(tags, TagAssigned(r.Assigned))
	}
	if total, ok := r.Terms.Total(); ok {
		tags = append(tags, TagCurrency(total.Currency))
	}
	for _, word := range r.words() {
		tags = append(tags, TagWord(word))
	}
	slices.Sort(tags)
	return slices.Compact(tags)
}

// Waits reports whether a person has to do something.
func (r Request) Waits() bool {
	step, ok := r.Current()
	return r.Work.Attention || r.Verdict.Outcome == Open && ok && step.Kind == Review && r.Access.Have != Unread
}

// words are those of what is stored about the request, in lower case. Of ids at far ends they
// are wholes: who has one has it from there, and its parts would lead to everybody's.
func (r Request) words() []string {
	texts := []string{
		r.Key, r.Applicant.ID, r.Applicant.Email, r.Applicant.Name, r.Applicant.Organisation, r.Applicant.App,
		r.Terms.Plan, r.Asked.Entry, r.Verdict.Mark.Why,
	}
	var words []string
	for _, text := range append(texts, r.Asked.Policies...) {
		words = appendWords(words, text, true)
	}
	for _, ref := range r.Refs {
		words = appendWords(words, ref.ID, false)
	}
	for _, field := range slices.Sorted(maps.Keys(r.Asked.Reasons)) {
		words = appendWords(words, r.Asked.Reasons[field], true)
	}
	return words[:min(len(words), mostWords)]
}

// punctuation is what stands around a word and is not part of it.
const punctuation = ".,;:!?\"'()<>[]{}"

// Words are the words of a text that a search can find, in lower case: runs of letters
// and digits, and the whole of what has no space, such as an address or an id.
func Words(text string) []string { return appendWords(nil, text, true) }

// WholeWords are those of Words that have no space around or in them: what to look for, since
// what is found by the whole is found by its parts as well.
func WholeWords(text string) []string { return appendWords(nil, text, false) }

// appendWords appends the words of a text, each once, to those of others: the wholes, and
// their parts before them.
func appendWords(words []string, text string, parts bool) []string {
	others := len(words)
	add := func(word string) {
		if word = strings.TrimRight(cut(word, longestWord), punctuation); len(word) >= shortWord && !slices.Contains(words[others:], word) {
			words = append(words, word)
		}
	}
	for field := range strings.FieldsSeq(strings.ToLower(text)) {
		whole := strings.Trim(field, punctuation)
		if parts {
			for part := range strings.FieldsFuncSeq(whole, between) {
				add(part)
			}
		}
		add(whole)
	}
	return words
}

// between reports whether a character stands between words.
func between(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) }

// cut returns at most n bytes of a text, and no half of a character.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && text[n]&0xC0 == 0x80 {
		n--
	}
	return text[:n]
}
