package sandbox

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"sync"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// encode writes an object the sandbox made itself, its members in the order of their names.
// Every event and every answer is encoded, and what they are made of is always of the same
// few types: written without reflection, they take a fraction of the time and of the memory.
func encode(made any) json.RawMessage {
	e, _ := encoders.Get().(*encoder)
	defer encoders.Put(e)
	e.out, e.names = e.out[:0], e.names[:0]
	e.value(made)
	return bytes.Clone(e.out)
}

// encoders are kept for the room they have made.
var encoders = sync.Pool{New: func() any { return &encoder{orders: map[string][]string{}} }}

// encoder writes one value.
type encoder struct {
	out []byte
	// names are those of the objects that are being written, the innermost one's last.
	names []string
	// orders are the names of the latest object of each kind, sorted: the next of its kind
	// mostly has the same.
	orders map[string][]string
}

// value panics for what cannot be JSON.
func (e *encoder) value(v any) {
	switch v := v.(type) {
	case nil:
		e.out = append(e.out, "null"...)
	case string:
		e.text(v)
	case bool:
		e.out = strconv.AppendBool(e.out, v)
	case int64:
		e.out = strconv.AppendInt(e.out, v, 10)
	case object:
		e.object(v)
	case map[string]any:
		members(e, v, e.value)
	case map[string]string:
		members(e, v, e.text)
	case []any:
		e.list(v)
	case json.RawMessage: // what was encoded before
		e.out = append(e.out, v...)
	default:
		e.other(v)
	}
}

// other writes what is rare: a percentage, what came out of a decoder.
func (e *encoder) other(v any) {
	raw, err := jsonv2.Marshal(v, jsonv2.Deterministic(true))
	if err != nil {
		panic("stripe sandbox: an object that is no JSON: " + err.Error())
	}
	e.out = append(e.out, raw...)
}

// text writes a string. What in it is no UTF-8 is replaced, as encoding/json would.
func (e *encoder) text(s string) {
	e.out, _ = jsontext.AppendQuote(e.out, s)
}

// object writes an object of the sandbox's own, in the order of the last of its kind where
// it has the same members.
func (e *encoder) object(of object) {
	kind, _ := of["object"].(string)
	if kind == "" || !e.inOrder(of, e.orders[kind]) {
		names := members(e, of, e.value)
		if kind != "" {
			e.orders[kind] = slices.Clone(names)
		}
	}
}

// inOrder writes an object if its names are these, and else nothing.
func (e *encoder) inOrder(of object, names []string) bool {
	if len(names) != len(of) {
		return false
	}
	begin := len(e.out)
	e.out = append(e.out, '{')
	for i, name := range names {
		v, ok := of[name]
		if !ok {
			e.out = e.out[:begin]
			return false
		}
		e.name(i, name)
		e.value(v)
	}
	e.out = append(e.out, '}')
	return true
}

// members writes an object, and each of its values by write. It returns the names in their
// order, until the next value is written.
func members[V any](e *encoder, of map[string]V, write func(V)) []string {
	begin := len(e.names)
	for name := range of {
		e.names = append(e.names, name)
	}
	mine := e.names[begin:]
	slices.Sort(mine)
	e.out = append(e.out, '{')
	for i, name := range mine {
		e.name(i, name)
		write(of[name])
	}
	e.out = append(e.out, '}')
	e.names = e.names[:begin]
	return mine
}

// name begins the i-th member of an object.
func (e *encoder) name(i int, name string) {
	if i > 0 {
		e.out = append(e.out, ',')
	}
	e.text(name)
	e.out = append(e.out, ':')
}

func (e *encoder) list(of []any) {
	e.out = append(e.out, '[')
	for i, v := range of {
		if i > 0 {
			e.out = append(e.out, ',')
		}
		e.value(v)
	}
	e.out = append(e.out, ']')
}
