package export

import (
	"encoding/csv"
	"fmt"
	"io"
	"time"

	"keybridge/bridge"
)

// mark is the byte order mark, without which Excel does not take a file for UTF-8.
const mark = "\uFEFF"

func writeCSV(w io.Writer, t bridge.Table) (rows int, err error) {
	if _, err := io.WriteString(w, mark); err != nil {
		return 0, fmt.Errorf("export: %w", err)
	}
	out := csv.NewWriter(w)
	out.UseCRLF = true
	line := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		line[i] = c.Title
	}
	if err := out.Write(line); err != nil {
		return 0, fmt.Errorf("export: %w", err)
	}
	rows, err = each(t, func(_ int, cells []bridge.Cell) error {
		line = line[:0]
		for _, c := range cells {
			line = append(line, plainText(c))
		}
		return out.Write(line)
	})
	out.Flush()
	if err == nil {
		err = out.Error()
	}
	return rows, err
}

// plainText is a cell as CSV has it: numbers with a point, times as spreadsheets know them.
func plainText(c bridge.Cell) string {
	switch {
	case c.Amount.Currency != "":
		return decimal(c.Amount)
	case !c.At.IsZero():
		return c.At.UTC().Format(time.DateTime)
	}
	return plain(clean(c.Text))
}
