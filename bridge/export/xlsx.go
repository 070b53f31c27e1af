package export

import (
	"archive/zip"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"

	"keybridge/bridge"
)

// sheet is an XLSX that is being written.
type sheet struct {
	file *excelize.File
	out  *excelize.StreamWriter
	// head, text and moment are styles; numbers are those of amounts by their decimals.
	head, text, moment int
	numbers            map[int]int
	cells              []any // of the row that is written
}

func writeXLSX(w io.Writer, t bridge.Table, folder string) (rows int, err error) {
	s := sheet{file: excelize.NewFile(excelize.Options{TmpDir: folder}), numbers: map[int]int{}}
	defer func() { _ = s.file.Close() }() // removes its file
	// The archive goes straight to w: excelize would put it together in memory.
	s.file.SetZipWriter(func(io.Writer) excelize.ZipWriter { return zip.NewWriter(w) })
	if err := s.begin(t); err != nil {
		return 0, fmt.Errorf("export: %w", err)
	}
	if rows, err = each(t, s.row); err != nil {
		return rows, err
	}
	if err := s.out.Flush(); err != nil {
		return rows, fmt.Errorf("export: %w", err)
	}
	if err := s.file.Write(io.Discard); err != nil {
		return rows, fmt.Errorf("export: %w", err)
	}
	return rows, nil
}

// begin writes what comes before the rows.
func (s *sheet) begin(t bridge.Table) (err error) {
	if err := s.file.SetSheetName("Sheet1", t.Name); err != nil {
		return err
	}
	if err := s.file.SetDocProps(&excelize.DocProperties{Creator: "keybridge", Title: t.Name}); err != nil {
		return err
	}
	for _, style := range []struct {
		to *int
		is excelize.Style
	}{
		{&s.head, excelize.Style{Font: &excelize.Font{Bold: true}}},
		{&s.text, excelize.Style{NumFmt: 49}}, // "@": text stays text when it is edited
		{&s.moment, excelize.Style{CustomNumFmt: new("yyyy-mm-dd hh:mm:ss")}},
	} {
		if *style.to, err = s.file.NewStyle(&style.is); err != nil {
			return err
		}
	}
	if s.out, err = s.file.NewStreamWriter(t.Name); err != nil {
		return err
	}
	if err := s.out.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	head := make([]any, len(t.Columns))
	for i, c := range t.Columns {
		if err := s.out.SetColWidth(i+1, i+1, c.Width); err != nil {
			return err
		}
		head[i] = excelize.Cell{StyleID: s.head, Value: c.Title}
	}
	return s.out.SetRow("A1", head)
}

// row writes a row below the head.
func (s *sheet) row(n int, cells []bridge.Cell) error {
	s.cells = s.cells[:0]
	for _, c := range cells {
		value, err := s.value(c)
		if err != nil {
			return err
		}
		s.cells = append(s.cells, value)
	}
	return s.out.SetRow("A"+strconv.Itoa(n+1), s.cells)
}

// value is a cell as excelize takes it. What is text is a string, which it writes as one
// and never as a formula.
func (s *sheet) value(c bridge.Cell) (any, error) {
	at := c.At.UTC().Truncate(time.Second)
	switch {
	case c.Amount.Currency != "":
		number, err := strconv.ParseFloat(decimal(c.Amount), 64)
		if err != nil {
			return nil, err
		}
		style, err := s.number(c.Amount.Decimals())
		return excelize.Cell{StyleID: style, Value: number}, err
	case !c.At.IsZero() && at.Year() >= 1900: // a sheet knows no earlier ones
		return excelize.Cell{StyleID: s.moment, Value: at}, nil
	case !c.At.IsZero():
		return excelize.Cell{StyleID: s.text, Value: at.Format(time.DateTime)}, nil
	case c.Text == "":
		return nil, nil
	}
	return excelize.Cell{StyleID: s.text, Value: clean(c.Text)}, nil
}

// number is the style of amounts with so many decimals.
func (s *sheet) number(decimals int) (style int, err error) {
	if style, ok := s.numbers[decimals]; ok {
		return style, nil
	}
	form := "#,##0"
	if decimals > 0 {
		form += "." + strings.Repeat("0", decimals)
	}
	style, err = s.file.NewStyle(&excelize.Style{CustomNumFmt: &form})
	s.numbers[decimals] = style
	return style, err
}
