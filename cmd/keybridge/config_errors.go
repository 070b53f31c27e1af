package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// configError is one thing that is wrong with the configuration: where, what, and
// what to do. It holds no value that could be a secret.
type configError struct {
	File string `json:"file"`
	// Line and Column count from 1; zero where the whole file is meant.
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	Msg    string `json:"message"`
}

// Error returns "file:line:column: message".
func (e configError) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Msg
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Msg)
}

// configErrors is everything that is wrong with a configuration, in the order of
// the file.
type configErrors []configError

// Error returns one line for each.
func (e configErrors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// sorted puts the errors in the order of the file, those of one place in the order
// in which they were found.
func (e configErrors) sorted() configErrors {
	slices.SortStableFunc(e, func(a, b configError) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return e
}
