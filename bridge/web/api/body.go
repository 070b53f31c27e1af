package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
	"keybridge/bridge/web"
)

// The bounds of a body: bytes, and how deep it may be nested.
const (
	largestBody = 64 << 10
	deepest     = 4
)

// object is a JSON object that was sent, by the names of its members.
type object map[string]json.RawMessage

// readObject reads a body. None at all is an empty object.
func readObject(c *gin.Context) (object, error) {
	body, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, largestBody))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, errTooLarge
	}
	if err != nil {
		return nil, invalid("The body did not come to its end. Nothing was done.", err)
	}
	if len(body) == 0 {
		return object{}, nil
	}
	if !isJSON(c.GetHeader("Content-Type")) {
		return nil, errMediaType
	}
	return parseObject(body)
}

// isJSON reports whether a content type is JSON in UTF-8.
func isJSON(contentType string) bool {
	kind, params, err := mime.ParseMediaType(contentType)
	charset := params["charset"]
	return err == nil && kind == "application/json" && (charset == "" || strings.EqualFold(charset, "utf-8"))
}

// parseObject reads an object, in which no name may come twice: two readers would not
// take the same one.
func parseObject(body []byte) (object, error) {
	if !utf8.Valid(body) {
		return nil, invalid("The body is not UTF-8. Nothing was done.", nil)
	}
	if problem := malformed(body); problem != "" {
		return nil, invalid(problem+" Nothing was done.", nil)
	}
	var o object
	if err := json.Unmarshal(body, &o); err != nil || o == nil {
		return nil, invalid("The body is no JSON object. Nothing was done.", nil)
	}
	return o, nil
}

// malformed says what is wrong with a JSON text, which may have one value alone.
func malformed(text []byte) string {
	const noJSON = "The body is not JSON."
	d := json.NewDecoder(bytes.NewReader(text))
	var open []*names
	for {
		token, err := d.Token()
		switch {
		case errors.Is(err, io.EOF) && len(open) == 0:
			return ""
		case err != nil:
			return noJSON
		}
		if len(open) > 0 && open[len(open)-1].twice(token) {
			return "A member is in the body twice."
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			if open = append(open, newNames(token)); len(open) > deepest {
				return "The body is nested too deep."
			}
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
		}
		if len(open) == 0 && d.More() {
			return noJSON
		}
	}
}

// names are those that an object has had so far; of an array, none.
type names struct {
	had map[string]bool
	// value: what comes next is a member's value and no name.
	value bool
}

func newNames(token json.Token) *names {
	if token == json.Delim('[') {
		return &names{}
	}
	return &names{had: map[string]bool{}}
}

// twice takes in the next token, and reports whether it is a name that came before.
func (n *names) twice(token json.Token) bool {
	if n.had == nil || token == json.Delim('}') {
		return false
	}
	if n.value {
		n.value = false
		return false
	}
	name, _ := token.(string)
	again := n.had[name]
	n.had[name], n.value = true, true
	return again
}

func inBody(name, detail string) fault { return fault{In: "body", Name: name, Detail: detail} }

// reader reads the value of a member, and says what is wrong with it by its name.
type reader func(name string, raw json.RawMessage) []fault

// members read an object: what reads each member that it may have.
type members map[string]reader

// read reads every member of an object. prefix is what their names begin with.
func (m members) read(prefix string, o object) (faults []fault) {
	for _, name := range slices.Sorted(maps.Keys(o)) {
		into, known := m[name]
		if !known {
			faults = append(faults, inBody(prefix+shortened(name), "There is no such member."))
			continue
		}
		faults = append(faults, into(prefix+name, o[name])...)
	}
	return faults
}

// missing names the members that an object has to have and has not.
func missing(prefix string, o object, needs ...string) (faults []fault) {
	for _, name := range needs {
		if _, there := o[name]; !there {
			faults = append(faults, inBody(prefix+name, "This is missing."))
		}
	}
	return faults
}

// text reads a string without white space around it.
func text(into *string) reader {
	return func(name string, raw json.RawMessage) []fault {
		var s *string
		if json.Unmarshal(raw, &s) != nil || s == nil {
			return []fault{inBody(name, "This has to be a string.")}
		}
		if *into = strings.TrimSpace(*s); len(*into) > bridge.LongestNote {
			return []fault{inBody(name, fmt.Sprintf("This is too long: at most %d bytes.", bridge.LongestNote))}
		}
		return nil
	}
}

// filled reads a text that may not be empty.
func filled(into *string) reader {
	return func(name string, raw json.RawMessage) []fault {
		faults := text(into)(name, raw)
		if len(faults) == 0 && *into == "" {
			return []fault{inBody(name, "This may not be empty.")}
		}
		return faults
	}
}

// texts reads an array of strings.
func texts(into *[]string) reader {
	return func(name string, raw json.RawMessage) []fault {
		var all []*string
		if json.Unmarshal(raw, &all) != nil || all == nil || slices.Contains(all, nil) {
			return []fault{inBody(name, "This has to be an array of strings.")}
		}
		for _, s := range all {
			*into = append(*into, strings.TrimSpace(*s))
		}
		return nil
	}
}

// textsByName reads an object whose members are strings.
func textsByName(into *map[string]string) reader {
	return func(name string, raw json.RawMessage) []fault {
		var all map[string]*string
		if json.Unmarshal(raw, &all) != nil || all == nil || slices.Contains(slices.Collect(maps.Values(all)), nil) {
			return []fault{inBody(name, "This has to be an object whose members are strings.")}
		}
		*into = map[string]string{}
		for key, s := range all {
			(*into)[key] = *s
		}
		return nil
	}
}

// amount reads money: what it is in digits, its currency, and, where it is given, the same
// in the smallest unit.
func amount(into *bridge.Amount) reader {
	return func(name string, raw json.RawMessage) []fault {
		var o object
		if json.Unmarshal(raw, &o) != nil || o == nil {
			return []fault{inBody(name, `This has to be an object, such as {"amount": "12.50", "currency": "EUR"}.`)}
		}
		var digits, currency string
		var minor *int64
		name += "."
		faults := append(members{"amount": text(&digits), "currency": code(&currency), "minor": whole(&minor)}.read(name, o),
			missing(name, o, "amount", "currency")...)
		if len(faults) > 0 {
			return faults
		}
		parsed, err := web.ParseAmount(digits, currency)
		switch {
		case err != nil:
			return []fault{inBody(name+"amount", bridge.Explain(err))}
		case minor != nil && *minor != parsed.Minor:
			return []fault{inBody(name+"minor", "This is another amount than amount says.")}
		}
		*into = parsed
		return nil
	}
}

// code reads a currency.
func code(into *string) reader {
	return func(name string, raw json.RawMessage) []fault {
		faults := text(into)(name, raw)
		if len(faults) == 0 && (len(*into) != 3 || strings.Trim(*into, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "") {
			return []fault{inBody(name, "A currency is three capital letters, such as EUR.")}
		}
		return faults
	}
}

// whole reads a whole number.
func whole(into **int64) reader {
	return func(name string, raw json.RawMessage) []fault {
		if json.Unmarshal(raw, into) != nil || *into == nil {
			return []fault{inBody(name, "This has to be a whole number.")}
		}
		return nil
	}
}
