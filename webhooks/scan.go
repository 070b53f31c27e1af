package webhooks

import (
	"encoding/json"
	"errors"
)

// maxDepth is how deeply JSON may be nested. A Stripe event with everything
// expanded that can be expanded has less than twenty levels.
const maxDepth = 64

// What is wrong with a text is of no use to its sender, and its content is not
// repeated, so two errors are enough.
var (
	errJSON  = errors.New("not well-formed JSON (RFC 8259)")
	errDepth = errors.New("JSON nested too deeply")
)

// scan reads a JSON text once, from front to back, keeps nothing, and hands out
// the members somebody asks for. It accepts what encoding/json accepts, up to
// maxDepth.
type scan struct {
	text  []byte
	at    int
	depth int
}

// scanObject reads a text that has to be one object and nothing else. member is
// called with the name of each member and has to consume its value.
func scanObject(text []byte, member func(s *scan, name []byte) error) error {
	s := scan{text: text}
	if s.next() != '{' {
		return errJSON
	}
	if err := s.object(member); err != nil {
		return err
	}
	if s.next(); s.at != len(s.text) {
		return errJSON
	}
	return nil
}

// next skips white space and returns the byte that follows, 0 at the end. It
// does not consume that byte.
func (s *scan) next() byte {
	for ; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// take consumes the next byte that is not white space if it is c.
func (s *scan) take(c byte) bool {
	if s.next() != c || s.at >= len(s.text) {
		return false
	}
	s.at++
	return true
}

// object reads an object. A value that is none is an error.
func (s *scan) object(member func(s *scan, name []byte) error) error {
	if !s.take('{') {
		return errJSON
	}
	if s.depth++; s.depth > maxDepth {
		return errDepth
	}
	for first := true; !s.take('}'); first = false {
		if !first && !s.take(',') {
			return errJSON
		}
		name, err := s.string()
		if err != nil {
			return err
		}
		if !s.take(':') {
			return errJSON
		}
		if err := member(s, name); err != nil {
			return err
		}
	}
	s.depth--
	return nil
}

// array reads an array; element has to consume each value.
func (s *scan) array(element func(s *scan) error) error {
	if !s.take('[') {
		return errJSON
	}
	if s.depth++; s.depth > maxDepth {
		return errDepth
	}
	for first := true; !s.take(']'); first = false {
		if !first && !s.take(',') {
			return errJSON
		}
		if err := element(s); err != nil {
			return err
		}
	}
	s.depth--
	return nil
}

// skip reads any value and drops it.
func (s *scan) skip() error {
	switch s.next() {
	case '{':
		return s.object(func(s *scan, _ []byte) error { return s.skip() })
	case '[':
		return s.array((*scan).skip)
	case '"':
		_, _, err := s.quoted()
		return err
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	}
	_, err := s.number()
	return err
}

func (s *scan) literal(word string) error {
	if len(s.text)-s.at < len(word) || string(s.text[s.at:s.at+len(word)]) != word {
		return errJSON
	}
	s.at += len(word)
	return nil
}

// string reads a string and returns its value: part of the text where it has no
// escapes, so to be copied by whoever keeps it. Bytes that are not UTF-8 are
// returned as they are.
func (s *scan) string() ([]byte, error) {
	raw, escaped, err := s.quoted()
	if err != nil || !escaped {
		return raw, err
	}
	var value string
	// Escapes are rare in what is read here; the library knows about surrogates.
	if err := json.Unmarshal(s.text[s.at-len(raw)-2:s.at], &value); err != nil {
		return nil, errJSON
	}
	return []byte(value), nil
}

// quoted reads a string and returns what is between the quotes, and whether
// there is a backslash in it.
func (s *scan) quoted() (raw []byte, escaped bool, err error) {
	if !s.take('"') {
		return nil, false, errJSON
	}
	start := s.at
	for ; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; {
		case c == '"':
			raw = s.text[start:s.at]
			s.at++
			return raw, escaped, nil
		case c < ' ':
			return nil, false, errJSON
		case c == '\\':
			escaped = true
			if err := s.escape(); err != nil {
				return nil, false, err
			}
		}
	}
	return nil, false, errJSON
}

// escape reads what follows a backslash and stops at its last byte.
func (s *scan) escape() error {
	s.at++
	if s.at >= len(s.text) {
		return errJSON
	}
	switch s.text[s.at] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return nil
	case 'u':
		for range 4 {
			s.at++
			if s.at >= len(s.text) {
				return errJSON
			}
			if _, ok := nibble(s.text[s.at], false); !ok {
				return errJSON
			}
		}
		return nil
	}
	return errJSON
}

// number reads a number and returns its text.
func (s *scan) number() ([]byte, error) {
	s.next()
	start := s.at
	s.accept('-')
	if !s.accept('0') && !s.digits() {
		return nil, errJSON
	}
	if s.accept('.') && !s.digits() {
		return nil, errJSON
	}
	if s.accept('e') || s.accept('E') {
		if !s.accept('+') {
			s.accept('-')
		}
		if !s.digits() {
			return nil, errJSON
		}
	}
	return s.text[start:s.at], nil
}

// accept consumes c if it is the very next byte.
func (s *scan) accept(c byte) bool {
	if s.at < len(s.text) && s.text[s.at] == c {
		s.at++
		return true
	}
	return false
}

// digits consumes decimal digits and reports whether there was one.
func (s *scan) digits() bool {
	start := s.at
	for s.at < len(s.text) && s.text[s.at] >= '0' && s.text[s.at] <= '9' {
		s.at++
	}
	return s.at > start
}

// textOr reads any value and returns it if it is a string, nil otherwise.
func (s *scan) textOr() ([]byte, error) {
	if s.next() == '"' {
		return s.string()
	}
	return nil, s.skip()
}

// textOrRaw reads any value and returns it if it is a string, and as it is written
// otherwise.
func (s *scan) textOrRaw() ([]byte, error) {
	if s.next() == '"' {
		return s.string()
	}
	start := s.at
	err := s.skip()
	return s.text[start:s.at], err
}
