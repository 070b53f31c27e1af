package main

import (
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// reading is one reading of a file: it fills the struct from the document, notes
// where each value stands, and collects everything that is wrong. Errors are
// reported in the words of the file, and never hold what a value was where it
// could be a secret.
type reading struct {
	file, folder string
	lookup       func(string) (string, bool)
	anchors      map[string]*ast.AnchorNode
	// places says for each field, by its address, where its value stands.
	places map[any]*place
	// read counts the values read, aliases followed anew each time.
	read int
	// found counts what was found wrong. An alias can find the same thing many
	// times; errs has it once, by told.
	found    int
	told     map[configError]bool
	errs     configErrors
	warnings configErrors
}

func newReading(path string, lookup func(string) (string, bool)) *reading {
	return &reading{
		file: path, folder: filepath.Dir(path), lookup: lookup,
		anchors: map[string]*ast.AnchorNode{}, places: map[any]*place{}, told: map[configError]bool{},
	}
}

// maxValues bounds what aliases of aliases come to.
const maxValues = 100_000

// place is where a value stands. The place of an absent one is that of the section
// it is absent from.
type place struct {
	line, column int
	// path names the value: portals[0].url.
	path string
	// absent: the file does not mention it. bad: it was reported already, and what
	// follows from it is not.
	absent, bad bool
}

func placeOf(t *token.Token) place {
	return place{line: t.Position.Line, column: t.Position.Column}
}

// nodePlace returns where a value starts, as a person would say: a section starts
// at its first key.
func nodePlace(n ast.Node) place {
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		return nodePlace(m.Values[0].Key)
	}
	return placeOf(n.GetToken())
}

// wrongAt reports what is wrong at a place.
func (r *reading) wrongAt(at place, format string, args ...any) {
	e := configError{File: r.file, Line: at.line, Column: at.column, Msg: fmt.Sprintf(format, args...)}
	r.found++
	if r.told[e] {
		return
	}
	r.told[e] = true
	if at.path != "" {
		e.Msg = at.path + ": " + e.Msg
	}
	e.Msg = oneLine(e.Msg)
	r.errs = append(r.errs, e)
}

// oneLine keeps a message to one line, whatever the names in it are made of.
func oneLine(msg string) string {
	const most = 600
	if len(msg) > most {
		msg = strings.ToValidUTF8(msg[:most], "") + "…"
	}
	return strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return '\ufffd'
	}, msg)
}

// wrong reports what is wrong with a field, given by its address, unless something
// was reported of it already.
func (r *reading) wrong(field any, format string, args ...any) {
	at := r.place(field)
	if !at.bad {
		at.bad = true
		r.wrongAt(*at, format, args...)
	}
}

// repeated reports what stands in a list twice.
func repeated[T comparable](r *reading, list []T) {
	seen := map[T]bool{}
	for i, item := range list {
		if seen[item] {
			r.wrong(&list[i], "it is in the list twice; remove one")
		}
		seen[item] = true
	}
}

// warn notes what is unwise about a field.
func (r *reading) warn(field any, format string, args ...any) {
	r.warnAt(*r.place(field), format, args...)
}

func (r *reading) warnAt(at place, format string, args ...any) {
	r.warnings = append(r.warnings, configError{
		File: r.file, Line: at.line, Column: at.column, Msg: oneLine(at.path + ": " + fmt.Sprintf(format, args...)),
	})
}

// place returns where a field stands.
func (r *reading) place(field any) *place {
	if at, ok := r.places[field]; ok {
		return at
	}
	at := &place{line: 1, column: 1}
	r.places[field] = at
	return at
}

// written reports whether the file gives a field.
func (r *reading) written(field any) bool { return !r.place(field).absent }

// good reports whether fields were read without an error, so that something can be
// said about them.
func (r *reading) good(fields ...any) bool {
	return !slices.ContainsFunc(fields, func(f any) bool { return r.place(f).bad })
}

// note remembers where a field stands.
func (r *reading) note(v reflect.Value, at place) *place {
	p := &at
	r.places[v.Addr().Interface()] = p
	return p
}
