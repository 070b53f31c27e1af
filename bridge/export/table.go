package export

import (
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"keybridge/bridge"
)

// Format is how a file is written.
type Format string

// The formats.
const (
	CSV  Format = "csv"
	XLSX Format = "xlsx"
)

// Formats lists every format.
var Formats = []Format{CSV, XLSX}

// Type is the media type of a file. Sources: RFC 4180, RFC 7111;
// https://www.iana.org/assignments/media-types/
func (f Format) Type() string {
	if f == XLSX {
		return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	}
	return "text/csv; charset=utf-8; header=present"
}

// Table is a list that can be taken away.
type Table struct {
	// Name is what the sheet is called: at most 31 characters, none of []:*?/\.
	Name    string
	Columns []Column
	// Rows are read once. Each has a cell for each column. An error ends the table, and
	// Write returns it.
	Rows iter.Seq2[[]Cell, error]
}

// Column is one of a table's.
type Column struct {
	Title string
	// Width is how wide a spreadsheet shows it, in characters.
	Width float64
}

// Cell is what stands at one place. The zero value is empty.
type Cell struct {
	text   string
	amount bridge.Amount
	at     time.Time
}

// Text is a cell that somebody may have written.
func Text(text string) Cell { return Cell{text: clean(text)} }

// Number is a cell with an amount without its currency; empty where there is no currency.
func Number(a bridge.Amount) Cell { return Cell{amount: a} }

// Moment is a cell with a time, in UTC and to the second; empty for the zero time.
func Moment(at time.Time) Cell { return Cell{at: at.UTC().Truncate(time.Second)} }

// decimal is the amount's number, as a program reads it.
func (c Cell) decimal() string {
	number, _, _ := strings.Cut(c.amount.String(), " ")
	return number
}

// MostRows is what a sheet of XLSX can hold beside its first line. CSV keeps to it too.
const MostRows = 1<<20 - 1

// Write writes the table and returns how many rows it has. Memory does not grow with
// them; an XLSX is put together in a file in folder first (empty: the system's own),
// which is removed again. Invalid for a table that is too long.
func (t Table) Write(w io.Writer, as Format, folder string) (rows int, err error) {
	switch as {
	case CSV:
		return t.writeCSV(w)
	case XLSX:
		return t.writeXLSX(w, folder)
	}
	return 0, &bridge.Error{Kind: bridge.Invalid, Msg: "A list can be taken away as CSV or XLSX.", Err: fmt.Errorf("export: no format %q", as)}
}

// each calls row for every row, and returns how many there were.
func (t Table) each(row func(n int, cells []Cell) error) (n int, err error) {
	for cells, err := range t.Rows {
		if err != nil {
			return n, err
		}
		if n == MostRows {
			return n, tooLong(MostRows)
		}
		n++
		if err := row(n, cells); err != nil {
			return n, fmt.Errorf("export: row %d: %w", n, err)
		}
	}
	return n, nil
}

// tooLong refuses a list with more rows than are taken away at once.
func tooLong(most int) error {
	return &bridge.Error{Kind: bridge.Invalid, Msg: fmt.Sprintf("This list has more than %d rows. Narrow it down, by age or portal for example, and take it away in parts.", most)}
}
