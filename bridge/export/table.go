package export

import (
	"fmt"
	"io"
	"strings"

	"keybridge/bridge"
)

// decimal is the amount's number, as a program reads it.
func decimal(a bridge.Amount) string {
	number, _, _ := strings.Cut(a.String(), " ")
	return number
}

// MostRows is what a sheet of XLSX can hold beside its first line. CSV keeps to it too.
const MostRows = 1<<20 - 1

// Write writes a table and returns how many rows it has. Memory does not grow with them; an
// XLSX is put together in a file in folder first (empty: the system's own), which is removed
// again. Invalid for a table that is too long, or a format that is none.
func Write(w io.Writer, t bridge.Table, as bridge.Format, folder string) (rows int, err error) {
	switch as {
	case bridge.CSV:
		return writeCSV(w, t)
	case bridge.XLSX:
		return writeXLSX(w, t, folder)
	}
	return 0, &bridge.Error{Kind: bridge.Invalid, Msg: "A list can be taken away as CSV or XLSX.", Err: fmt.Errorf("export: no format %q", as)}
}

// each calls row for every row of a table, and returns how many there were.
func each(t bridge.Table, row func(n int, cells []bridge.Cell) error) (n int, err error) {
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
