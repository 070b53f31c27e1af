package sandbox

import (
	"net/mail"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// shape says which parameters a call takes. Whatever is not in it is refused
// as Stripe refuses what it does not know: a stand-in that swallows a misspelt
// parameter would hide the very mistake it is there to find.
type shape map[string]field

// field is one parameter.
type field struct {
	kind     fieldKind
	required bool
	options  []string // for a choice
	least    int64    // for a number
	most     int64    // for a number, or the characters of a text; 0 = no bound
	of       shape    // for a hash
	item     *field   // for a list
	unset    bool     // "" is allowed and takes the value away
}

type fieldKind int

const (
	aText fieldKind = iota
	aNumber
	aFlag
	aHash
	aList
	aSpan
	aMetadata
	anAddress // a URL
	anEmail
)

func text(most int64) field               { return field{kind: aText, most: most} }
func number(least, most int64) field      { return field{kind: aNumber, least: least, most: most} }
func yesNo() field                        { return field{kind: aFlag} }
func choice(options ...string) field      { return field{kind: aText, options: options} }
func nested(of shape) field               { return field{kind: aHash, of: of} }
func listOf(item field, most int64) field { return field{kind: aList, item: &item, most: most} }
func metadata() field                     { return field{kind: aMetadata} }
func timespan() field                     { return field{kind: aSpan} }
func address() field                      { return field{kind: anAddress, most: 5000} }
func email() field                        { return field{kind: anEmail, most: 512} }
func expand() field                       { return listOf(text(5000), 0) }

func (f field) must() field     { f.required = true; return f }
func (f field) canUnset() field { f.unset = true; return f }

// with gives a shape that also takes what every call of its sort takes.
func (s shape) with(more shape) shape {
	all := shape{}
	for name, f := range s {
		all[name] = f
	}
	for name, f := range more {
		all[name] = f
	}
	return all
}

// answers is what every call that answers an object takes.
func answers() shape { return shape{"expand": expand()} }

// pages is what every list takes.
func pages() shape {
	return shape{
		"expand": expand(), "limit": number(1, 100), "created": timespan(),
		"starting_after": text(5000), "ending_before": text(5000),
	}
}

// read checks a form against the shape and gives its values.
func (s shape) read(form *branch, prefix string) (values, *problem) {
	if p := s.strangers(form, prefix); p != nil {
		return nil, p
	}
	given := values{}
	for name, f := range s {
		b, ok := form.below[name]
		if !ok {
			if f.required {
				return nil, parameterMissing(nameUnder(prefix, name))
			}
			continue
		}
		value, p := f.read(b, nameUnder(prefix, name))
		if p != nil {
			return nil, p
		}
		given[name] = value
	}
	return given, nil
}

// strangers refuses parameters the shape does not know.
func (s shape) strangers(form *branch, prefix string) *problem {
	var unknown []string
	for name := range form.below {
		if _, ok := s[name]; !ok {
			unknown = append(unknown, name)
		}
	}
	inOrder(unknown)
	for i, name := range unknown {
		unknown[i] = nameUnder(prefix, name)
	}
	switch len(unknown) {
	case 0:
		return nil
	case 1:
		return invalid("parameter_unknown", unknown[0], "Received unknown parameter: %s", unknown[0])
	default:
		return invalid("parameter_unknown", unknown[0], "Received unknown parameters: %s", strings.Join(unknown, ", "))
	}
}

func (f field) read(b *branch, name string) (any, *problem) {
	switch f.kind {
	case aHash:
		if b.leaf {
			return nil, invalid("parameter_invalid_object", name, "Invalid object")
		}
		return f.of.read(b, name)
	case aList:
		return f.readList(b, name)
	case aSpan:
		return readSpan(b, name)
	case aMetadata:
		return readMetadata(b, name)
	}
	if !b.leaf {
		return nil, invalid("parameter_invalid_string", name, "Invalid string: %s", name)
	}
	if b.value == "" && !f.unset {
		return nil, invalid("parameter_invalid_empty", name,
			"You passed an empty string for '%s'. We assume empty values are an attempt to unset a parameter; however '%s' cannot be unset. You should remove '%s' from your request or supply a non-empty value.",
			name, name, name)
	}
	return f.readScalar(b.value, name)
}

func (f field) readScalar(value, name string) (any, *problem) {
	switch f.kind {
	case aNumber:
		return f.readNumber(value, name)
	case aFlag:
		if value != "true" && value != "false" {
			return nil, invalid("parameter_invalid_boolean", name, "Invalid boolean: %s", value)
		}
		return value == "true", nil
	case anAddress:
		at, err := url.Parse(value)
		if err != nil || (at.Scheme != "http" && at.Scheme != "https") || at.Host == "" {
			return nil, invalid("url_invalid", name, "Not a valid URL")
		}
	case anEmail:
		if at, err := mail.ParseAddress(value); value != "" && (err != nil || at.Address != value) {
			return nil, invalid("email_invalid", name, "Invalid email address: %s", value)
		}
	}
	if f.most > 0 && int64(utf8.RuneCountInString(value)) > f.most {
		return nil, invalid("", name, "Invalid string: %s; must be at most %d characters", clipped(value), f.most)
	}
	if len(f.options) > 0 && !contains(f.options, value) {
		return nil, invalid("", name, "Invalid %s: must be one of %s", name, inWords(f.options))
	}
	return value, nil
}

func (f field) readNumber(value, name string) (any, *problem) {
	if value == "" {
		return nil, nil
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return nil, invalid("parameter_invalid_integer", name, "Invalid integer: %s", value)
	}
	if n < f.least {
		return nil, invalid("parameter_invalid_integer", name, "This value must be greater than or equal to %d.", f.least)
	}
	if f.most > 0 && n > f.most {
		return nil, invalid("parameter_invalid_integer", name, "This value must be less than or equal to %d.", f.most)
	}
	return n, nil
}

func (f field) readList(b *branch, name string) (any, *problem) {
	if b.leaf {
		return nil, invalid("parameter_invalid_array", name, "Invalid array")
	}
	if f.most > 0 && int64(len(b.below)) > f.most {
		return nil, invalid("", name, "Array %s exceeded maximum %d allowed elements.", name, f.most)
	}
	hashes, words := []values{}, []string{}
	for _, index := range b.names() {
		if _, err := strconv.Atoi(index); err != nil {
			return nil, invalid("parameter_invalid_array", name, "Invalid array")
		}
		value, p := f.item.read(b.below[index], nameUnder(name, index))
		if p != nil {
			return nil, p
		}
		switch v := value.(type) {
		case values:
			hashes = append(hashes, v)
		case string:
			words = append(words, v)
		}
	}
	if f.item.kind == aHash {
		return hashes, nil
	}
	return words, nil
}

func readSpan(b *branch, name string) (any, *problem) {
	end := number(0, 0)
	if b.leaf {
		n, p := end.read(b, name)
		if p != nil {
			return nil, p
		}
		at, _ := n.(int64)
		return span{gte: &at, lte: &at}, nil
	}
	given, p := (shape{"gt": end, "gte": end, "lt": end, "lte": end}).read(b, name)
	if p != nil {
		return nil, p
	}
	found := span{}
	for side, at := range map[string]**int64{"gt": &found.gt, "gte": &found.gte, "lt": &found.lt, "lte": &found.lte} {
		if n, ok := given[side].(int64); ok {
			*at = &n
		}
	}
	return found, nil
}

// readMetadata holds metadata to Stripe's bounds: 50 keys of 40 characters,
// values of 500. Source: https://stripe.com/docs/api/metadata
func readMetadata(b *branch, name string) (any, *problem) {
	if b.leaf {
		if b.value != "" {
			return nil, invalid("parameter_invalid_object", name, "Invalid object")
		}
		return pairs{clear: true}, nil
	}
	if len(b.below) > 50 {
		return nil, invalid("", name, "Metadata cannot have more than 50 keys; you tried to set %d", len(b.below))
	}
	set := map[string]string{}
	for key, v := range b.below {
		full := nameUnder(name, key)
		if !v.leaf {
			return nil, invalid("", full, "Metadata values must be strings")
		}
		if n := utf8.RuneCountInString(key); n > 40 {
			return nil, invalid("", full, "Metadata keys can have up to 40 characters; %s has %d", clipped(key), n)
		}
		if n := utf8.RuneCountInString(v.value); n > 500 {
			return nil, invalid("", full, "Metadata values can have up to 500 characters; the value of %s has %d", key, n)
		}
		set[key] = v.value
	}
	return pairs{set: set}, nil
}

func contains(options []string, value string) bool {
	for _, option := range options {
		if option == value {
			return true
		}
	}
	return false
}

// inWords joins options the way Stripe's errors do: a, b, or c.
func inWords(options []string) string {
	if len(options) < 2 {
		return strings.Join(options, "")
	}
	if len(options) == 2 {
		return options[0] + " or " + options[1]
	}
	last := len(options) - 1
	return strings.Join(options[:last], ", ") + ", or " + options[last]
}

func clipped(value string) string {
	if utf8.RuneCountInString(value) <= 20 {
		return value
	}
	runes := []rune(value)
	return string(runes[:10]) + "..." + string(runes[len(runes)-5:])
}
