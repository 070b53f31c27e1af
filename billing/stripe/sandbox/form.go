package sandbox

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Bounds of what one request may carry; Stripe's own are not published, these
// are far above what a client of ours could mean.
const (
	mostParameters = 2000
	mostNesting    = 8
)

// branch is one node of a form after its bracketed names were taken apart:
// a[b][0]=x is a → b → 0 → "x".
type branch struct {
	value string
	leaf  bool
	below map[string]*branch
}

// parseForm takes Stripe's bracketed form encoding apart. Both a[0] and a[]
// make lists; with a[][b] the n-th value of a name belongs to the n-th item.
func parseForm(raw url.Values) (*branch, *problem) {
	root := &branch{below: map[string]*branch{}}
	count := 0
	for name, given := range raw {
		path, ok := splitName(name)
		if !ok {
			return nil, invalid("", name, "Invalid parameter name: %s", name)
		}
		for i, value := range given {
			if count++; count > mostParameters {
				return nil, invalid("", "", "Too many parameters: at most %d are read", mostParameters)
			}
			if !root.place(path, i, value) {
				return nil, invalid("", name, "Invalid object: %s is used both as a value and as an object", path[0])
			}
		}
	}
	return root, nil
}

// splitName takes a[b][c] apart into a, b, c.
func splitName(name string) ([]string, bool) {
	head, rest, nested := strings.Cut(name, "[")
	if head == "" {
		return nil, false
	}
	path := []string{head}
	for nested {
		part, tail, closed := strings.Cut(rest, "]")
		if !closed || len(path) >= mostNesting || strings.Contains(part, "[") {
			return nil, false
		}
		path = append(path, part)
		if tail == "" {
			return path, true
		}
		if tail[0] != '[' {
			return nil, false
		}
		rest = tail[1:]
	}
	return path, true
}

func (b *branch) place(path []string, nth int, value string) bool {
	at := b
	for i, part := range path {
		if part == "" && i > 0 {
			part = strconv.Itoa(nth)
		}
		if at.leaf {
			return false
		}
		if at.below == nil {
			at.below = map[string]*branch{}
		}
		next, ok := at.below[part]
		if !ok {
			next = &branch{}
			at.below[part] = next
		}
		at = next
	}
	if at.below != nil {
		return false
	}
	at.leaf, at.value = true, value // a name given twice: the last word counts
	return true
}

// names are the branch's children in a stable order.
func (b *branch) names() []string {
	found := make([]string, 0, len(b.below))
	for name := range b.below {
		found = append(found, name)
	}
	inOrder(found)
	return found
}

// inOrder sorts the names of parameters: numbers by size, then words.
func inOrder(names []string) {
	slices.SortFunc(names, func(a, b string) int {
		x, isX := position(a)
		y, isY := position(b)
		if isX && isY {
			return cmp.Compare(x, y)
		}
		return strings.Compare(a, b)
	})
}

// position reads the place of a list's item. Words are told apart before strconv makes an
// error of them: every name of a form comes by here.
func position(name string) (int, bool) {
	if name == "" || name[0] > '9' {
		return 0, false
	}
	n, err := strconv.Atoi(name)
	return n, err == nil
}

// values are parameters that passed their shape: text, int64, bool, values,
// []values, []string, pairs or span.
type values map[string]any

func (v values) has(name string) bool { _, ok := v[name]; return ok }

func (v values) text(name string) string { s, _ := v[name].(string); return s }

func (v values) whole(name string) int64 { n, _ := v[name].(int64); return n }

func (v values) flag(name string) bool { b, _ := v[name].(bool); return b }

func (v values) under(name string) values { sub, _ := v[name].(values); return sub }

func (v values) items(name string) []values { list, _ := v[name].([]values); return list }

func (v values) texts(name string) []string { list, _ := v[name].([]string); return list }

func (v values) span(name string) (span, bool) { s, ok := v[name].(span); return s, ok }

// pairs are the metadata of a request: an empty value takes a key away.
type pairs struct {
	clear bool
	set   map[string]string
}

// metadataOver applies a request's metadata to what is there and returns a new map.
func (v values) metadataOver(was map[string]string) map[string]string {
	now := map[string]string{}
	given, ok := v["metadata"].(pairs)
	if !ok || !given.clear {
		for k, value := range was {
			now[k] = value
		}
	}
	for k, value := range given.set {
		if value == "" {
			delete(now, k)
			continue
		}
		now[k] = value
	}
	return now
}

// span is a range of times, in seconds since the epoch; nil ends are open.
type span struct{ gt, gte, lt, lte *int64 }

func (s span) holds(at int64) bool {
	return (s.gt == nil || at > *s.gt) && (s.gte == nil || at >= *s.gte) &&
		(s.lt == nil || at < *s.lt) && (s.lte == nil || at <= *s.lte)
}

// endedBy says that nothing made at or before this time can be in the range.
func (s span) endedBy(at int64) bool {
	return (s.gt != nil && at <= *s.gt) || (s.gte != nil && at < *s.gte)
}

func nameUnder(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "[" + name + "]"
}
