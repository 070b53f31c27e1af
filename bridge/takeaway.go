package bridge

import (
	"iter"
	"time"
)

// Format is how a list is written into a file.
type Format string

// The formats: CSV for programs, XLSX for people.
const (
	CSV  Format = "csv"
	XLSX Format = "xlsx"
)

// Formats lists every format.
var Formats = []Format{CSV, XLSX}

// MediaType is that of a file. Sources: RFC 4180, RFC 7111;
// https://www.iana.org/assignments/media-types/
func (f Format) MediaType() string {
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
	// Rows are read once. Each has a cell for each column, and is good until the next. An
	// error ends the table.
	Rows iter.Seq2[[]Cell, error]
}

// Column is one of a table's.
type Column struct {
	Title string
	// Width is how wide a spreadsheet shows it, in characters.
	Width float64
}

// Cell is what stands at one place: one of the three, or nothing.
type Cell struct {
	// Text is anything, also what a stranger has written: whoever writes the file sees to it
	// that no spreadsheet runs it.
	Text string
	// Amount is written as a number without its currency.
	Amount Amount
	// At is written in UTC and to the second.
	At time.Time
}

// Export is a list of requests that a person takes away as a file, as it stands.
type Export struct {
	ID     string
	Format Format
	State  ExportState
	// What says in words which requests are in it.
	What string
	// Asked is when it was asked for, Until when it will be removed.
	Asked, Until time.Time
	// Rows are those written so far, Of about how many there will be; 0 where that is not
	// known. More says that there are more than Of.
	Rows, Of int
	More     bool
	// Size is the file's, in bytes, once it is ready.
	Size int64
	// Problem says in words for people why it failed.
	Problem string
}

// Name is what the file is called: "requests-20260314-120000.csv".
func (e Export) Name() string {
	return "requests-" + e.Asked.UTC().Format("20060102-150405") + "." + string(e.Format)
}

// ExportState says how far an export has come.
type ExportState string

// The states of an export.
const (
	ExportMaking    ExportState = "making"
	ExportReady     ExportState = "ready"
	ExportFailed    ExportState = "failed"
	ExportCancelled ExportState = "cancelled"
)
