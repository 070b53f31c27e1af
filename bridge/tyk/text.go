package tyk

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/v1"
)

// Bounds of what a portal's free text may bring in.
const (
	maxText   = 2000 // bytes of one value
	maxName   = 200  // bytes of a field's name
	maxFields = 100  // fields of a key request
)

// text is a JSON value as text, whatever its kind: Tyk's fields are meant to be strings, and are not always. null is
// empty, numbers keep their digits, what is nested becomes compact JSON. Cut to maxText bytes.
type text string

// UnmarshalJSON never fails on valid JSON.
func (t *text) UnmarshalJSON(b []byte) error {
	var s string
	switch {
	case string(b) == "null":
	case plain(b):
		s = string(b[1 : len(b)-1])
	case json.Unmarshal(b, &s) == nil:
	default:
		var compact bytes.Buffer
		if err := json.Compact(&compact, b); err != nil {
			return errNotJSON
		}
		s = compact.String()
	}
	*t = text(cut(s, maxText))
	return nil
}

// plain reports whether JSON is a string that stands for itself: most do, and need no decoder.
func plain(b []byte) bool {
	last := len(b) - 1
	return last > 0 && b[0] == '"' && b[last] == '"' && bytes.IndexByte(b, '\\') < 0 && utf8.Valid(b)
}

// texts is a list of texts; a single value is a list of one.
type texts []string

// UnmarshalJSON never fails on valid JSON.
func (t *texts) UnmarshalJSON(b []byte) error {
	var many []text
	if json.Unmarshal(b, &many) != nil {
		var one text
		if err := one.UnmarshalJSON(b); err != nil {
			return err
		}
		many = []text{one}
	}
	*t = nil
	for _, one := range many {
		if one != "" {
			*t = append(*t, string(one))
		}
	}
	return nil
}

// word is a JSON string or number as text. Anything else is empty: within what is nested there may be secrets. Cut to
// maxText bytes.
type word string

// UnmarshalJSON never fails on valid JSON.
func (w *word) UnmarshalJSON(b []byte) error {
	*w = ""
	var t text
	if len(b) > 0 && (b[0] == '"' || b[0] == '-' || b[0] >= '0' && b[0] <= '9') && t.UnmarshalJSON(b) == nil {
		*w = word(t)
	}
	return nil
}

// words is a list of words without the empty ones; a single value is a list of one.
type words []string

// UnmarshalJSON never fails on valid JSON.
func (w *words) UnmarshalJSON(b []byte) error {
	var many []word
	if json.Unmarshal(b, &many) != nil {
		many = make([]word, 1)
		if err := many[0].UnmarshalJSON(b); err != nil {
			return err
		}
	}
	*w = nil
	for _, one := range many {
		if one != "" {
			*w = append(*w, string(one))
		}
	}
	return nil
}

// fields are dynamic fields: label to answer. What is no object is no fields.
type fields map[string]string

// UnmarshalJSON never fails on valid JSON.
func (f *fields) UnmarshalJSON(b []byte) error {
	var sent map[string]text
	*f = nil
	if json.Unmarshal(b, &sent) != nil || len(sent) == 0 {
		return nil //nolint:nilerr // a portal without fields says [] or "" as well as {}
	}
	*f = fields{}
	for _, name := range slices.Sorted(maps.Keys(sent)) {
		if len(*f) == maxFields {
			break
		}
		(*f)[cut(name, maxName)] = string(sent[name])
	}
	return nil
}

// first returns the answer to the first of the labels that has one; case does not matter.
func (f fields) first(labels ...string) string {
	names := slices.Sorted(maps.Keys(f))
	for _, label := range labels {
		for _, name := range names {
			if strings.EqualFold(name, label) && strings.TrimSpace(f[name]) != "" {
				return cut(strings.TrimSpace(f[name]), maxName)
			}
		}
	}
	return ""
}

// date reads a date as Tyk writes it: RFC 3339 with any offset and fraction. What is none, and Go's year 1 that Tyk
// writes for "never", is the zero time.
func date(t text) time.Time {
	at, err := time.Parse(time.RFC3339Nano, string(t))
	if err != nil || at.Year() <= 1 {
		return time.Time{}
	}
	return at.UTC()
}

// cut shortens s to at most n bytes, between two characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
