package api

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
	"keybridge/bridge/web"
)

// The parameters of every list.
const (
	paramLimit  = "limit"
	paramCursor = "cursor"
)

// The bounds of a list's pages.
const (
	limitDefault  = 50
	limitMost     = 100
	longestCursor = 400 // bytes
)

// readQuery reads the parameters of a call, each of which is given once or not at all. What
// is empty is taken as not given.
func readQuery(c *gin.Context, known ...string) (url.Values, error) {
	sent, err := url.ParseQuery(c.Request.URL.RawQuery)
	if err != nil {
		return nil, invalid("The query of the address cannot be read.", nil)
	}
	query, faults := checkQuery(sent, known)
	if len(faults) > 0 {
		return nil, wrong(faults...)
	}
	return query, nil
}

// checkQuery returns the parameters that are given, or what is wrong with them by name.
func checkQuery(sent url.Values, known []string) (query url.Values, faults []fault) {
	query = url.Values{}
	for _, name := range slices.Sorted(maps.Keys(sent)) {
		values := sent[name]
		most := web.LongestField
		if name == paramCursor {
			most = longestCursor
		}
		switch {
		case !slices.Contains(known, name):
			faults = append(faults, inQuery(shortened(name), "There is no such parameter."))
		case len(values) > 1:
			faults = append(faults, inQuery(name, "This is given more than once."))
		case len(values[0]) > most:
			faults = append(faults, inQuery(name, fmt.Sprintf("This is too long: at most %d bytes.", most)))
		case values[0] != "":
			query.Set(name, values[0])
		}
	}
	return query, faults
}

func inQuery(name, detail string) fault { return fault{In: "query", Name: name, Detail: detail} }

// shortened is a name that somebody sent, as an answer repeats it.
func shortened(name string) string {
	const most = 100
	name = strings.ToValidUTF8(name, "\uFFFD")
	if len(name) <= most {
		return name
	}
	return strings.ToValidUTF8(name[:most], "") + "…"
}

// readLimit reads how long a page may be.
func readLimit(query url.Values) (int, []fault) {
	text := query.Get(paramLimit)
	if text == "" {
		return limitDefault, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > limitMost {
		return 0, []fault{inQuery(paramLimit, fmt.Sprintf("A limit is a number from 1 to %d.", limitMost))}
	}
	return n, nil
}

// list is what a cursor is good for: a list, its filter, and whose it is.
type list struct {
	name   string
	person string
	filter string
}

// cursor is the place where a list goes on, for programs to keep and not to read.
func (l list) cursor(place string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(l.sum() + place))
}

// sum names the list. It keeps a cursor from being used for another one by mistake, and
// is no seal.
func (l list) sum() string {
	sum := sha256.Sum256([]byte(l.name + "\n" + l.person + "\n" + l.filter))
	return string(sum[:sumLength])
}

const sumLength = 12 // bytes

// place reads a cursor.
func (l list) place(cursor string) (place string, faults []fault) {
	if cursor == "" {
		return "", nil
	}
	text, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	place, ours := strings.CutPrefix(string(text), l.sum())
	if err != nil || !ours || place == "" {
		return "", []fault{inQuery(paramCursor, "This is no cursor of this list. Take the one out of next, and change nothing else.")}
	}
	return place, nil
}

// next is the address of the page that follows.
func (l list) next(path string, query url.Values, place string) string {
	if place == "" {
		return ""
	}
	onwards := url.Values{}
	for name := range query {
		onwards.Set(name, query.Get(name))
	}
	onwards.Set(paramCursor, l.cursor(place))
	return Base + path + "?" + onwards.Encode()
}

// readRequestFilter reads which requests a call asks for, with the fields of the console.
func (a *API) readRequestFilter(query url.Values, p bridge.Person) (web.Filter, []fault) {
	f := web.ReadFilter(query, p, a.cfg.Now())
	if show := f.Get(web.FieldShow); show != "" && show != f.Show() {
		f.Problems[web.FieldShow] = fmt.Sprintf("This is %q, %q or %q.", web.ShowWaits, web.ShowAttention, web.ShowAll)
	}
	var faults []fault
	for _, name := range web.FilterFields {
		if problem, bad := f.Problems[name]; bad {
			faults = append(faults, inQuery(name, problem))
		}
	}
	return f, faults
}
