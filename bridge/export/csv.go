package export

import (
	"encoding/csv"
	"fmt"
	"io"
	"time"
)

// mark is the byte order mark, without which Excel does not take a file for UTF-8.
const mark = "\uFEFF"

func (t Table) writeCSV(w io.Writer) (rows int, err error) {
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
	rows, err = t.each(func(_ int, cells []Cell) error {
		line = line[:0]
		for _, c := range cells {
			line = append(line, c.plainText())
		}
		return out.Write(line)
	})
	out.Flush()
	if err == nil {
		err = out.Error()
	}
	return rows, err
}

// plainText is the cell as CSV has it: numbers with a point, times as spreadsheets know them.
func (c Cell) plainText() string {
	switch {
	case c.amount.Currency != "":
		return c.decimal()
	case !c.at.IsZero():
		return c.at.Format(time.DateTime)
	}
	return plain(c.text)
}
