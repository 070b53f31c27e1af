package console_test

import (
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"html"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"keybridge/bridge"
)

func TestThePagesOfMoney(t *testing.T) {
	b := newTill(t)
	golden(t, "money-empty", http.StatusOK, b.as("viewer").get("/console/money"))
	b.month()
	for name, is := range map[string]struct {
		as, query string
		status    int
	}{
		"money":         {"viewer", "", 200},
		"money-week":    {"viewer", "?span=7d", 200},
		"money-year":    {"approver", "?span=12m&portal=main", 200},
		"money-days":    {"approver", "?from=2026-03-01&to=2026-03-03", 200},
		"money-scope":   {"other", "?span=30d", 200},
		"money-mistake": {"viewer", "?from=2026-03-x&to=2026-02-30&portal=other", 400},
	} {
		t.Run(name, func(t *testing.T) {
			golden(t, name, is.status, b.as(is.as).get("/console/money"+is.query))
		})
	}
}

func TestWhatWaitsIsShownByItsAge(t *testing.T) {
	b := newTill(t)
	for days, n := range map[int]int{0: 2, 2: 1, 5: 3, 20: 1, 40: 2} {
		for i := range n {
			b.put(strings.Repeat("x", days+1)+string(rune('a'+i)), func(r *bridge.Request) { r.Created = noon.AddDate(0, 0, -days).Add(-time.Hour) })
		}
	}
	b.count()
	golden(t, "money-waiting", http.StatusOK, b.as("viewer").get("/console/money"))
}

func TestWhatIsNotCountedIsSaidToBe(t *testing.T) {
	b := newTill(t)
	b.sells("main", "Weather Pro", collected(4900, 0, "eur"), time.Minute)
	b.worn.request = b.sells("main", "Weather Pro", collected(4900, 0, "eur"), time.Minute)
	b.wait(time.Minute)
	says := func(want string) {
		t.Helper()
		if got := textOf(t, b.as("viewer").get("/console/money")); !strings.Contains(got, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	says("Nothing is counted yet.")
	b.count()
	b.file("main", "Weather Pro")
	says("Counted up to 14 Mar 2026, 12:02 UTC. What came after that is being counted.")
	b.count()
	golden(t, "money-left-out", http.StatusOK, b.as("viewer").get("/console/money?span=7d"))
	b.file("main", "Weather Pro")
	b.worn.cut = true
	if err := b.sheets.CatchUp(t.Context()); err == nil {
		t.Error("a feed that is cut is read to its end")
	}
	says("Counted up to 14 Mar 2026, 12:03 UTC and no further, because what comes next is damaged.")
}

// sums are the amounts on a page of money.
func sums(t *testing.T, page *http.Response) []string {
	t.Helper()
	return regexp.MustCompile(`[A-Z]{3} [0-9,.]+[0-9]`).FindAllString(textOf(t, page), -1)
}

func TestNobodySeesTheMoneyOfAnotherPortal(t *testing.T) {
	b := newTill(t)
	b.month()
	if got := sums(t, b.as("other").get("/console/money")); len(got) == 0 || slices.ContainsFunc(got, func(s string) bool { return !strings.HasPrefix(s, "JPY") }) {
		t.Errorf("who may see a portal that sells for yen is shown %v", got)
	}
	for _, address := range []string{"/console/money?portal=main", "/console/money/money-EUR.svg?portal=main", "/console/money/plans-EUR.csv?portal=main", "/console/money/plans-EUR.csv"} {
		if got := b.as("other").get(address); got.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", address, got.StatusCode)
		}
	}
	want := []string{"olga may not see requests", "olga may not see requests", "olga may not export lists"}
	if diff := cmp.Diff(want, b.refused); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
	if got := b.as("").get("/console/money"); got.StatusCode != http.StatusSeeOther {
		t.Errorf("somebody who is not signed in gets %d", got.StatusCode)
	}
}

func TestASpanThatMakesNoSenseIsExplained(t *testing.T) {
	b := newTill(t)
	for query, want := range map[string]string{
		"from=2026-03-15&to=2026-03-14": "The first day is after the last one.",
		"to=2026-03-15":                 "That day has not come yet.",
		"from=2016-03-13":               "at most ten years",
		"from=yesterday":                "Write a day",
		"from=2026-02-29":               "Write a day",
	} {
		got := b.as("viewer").get("/console/money?" + query)
		if text := textOf(t, got); got.StatusCode != http.StatusBadRequest || !strings.Contains(text, want) {
			t.Errorf("%s: %d, and not %q", query, got.StatusCode, want)
		}
		if got := b.as("viewer").get("/console/money/stages.csv?" + query); got.StatusCode != http.StatusNotFound {
			t.Errorf("%s: the file is %d", query, got.StatusCode)
		}
	}
}

var plotAddresses = regexp.MustCompile(`(?:src|srcset)="(/console/money/[^"]+)"`)

// The plots need nothing but themselves, and are drawn in the colours of the pages.
func TestEveryPlotIsAPictureThatStandsAlone(t *testing.T) {
	b := newTill(t)
	b.month()
	b.put("waits")
	b.count()
	sheet, err := os.ReadFile("static/console.css")
	if err != nil {
		t.Fatal(err)
	}
	schemes := strings.Split(strings.ReplaceAll(string(sheet), "#fff;", "#ffffff;"), ":root {")[1:]
	seen := 0
	for _, found := range plotAddresses.FindAllStringSubmatch(textOf(t, b.as("viewer").get("/console/money?span=30d")), -1) {
		address := html.UnescapeString(found[1])
		got := b.as("viewer").get(address)
		picture := textOf(t, got)
		if got.StatusCode != http.StatusOK || got.Header.Get("Content-Type") != "image/svg+xml" || got.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Fatalf("%s: %d %s", address, got.StatusCode, got.Header.Get("Content-Type"))
		}
		scheme := schemes[strings.Count(address, "scheme=dark")]
		for _, colour := range regexp.MustCompile(`#[0-9A-Fa-f]{6}`).FindAllString(picture, -1) {
			if !strings.Contains(scheme, strings.ToLower(colour)+";") {
				t.Errorf("%s: the colour %s is none of its scheme", address, colour)
			}
		}
		alone(t, address, picture)
		seen++
	}
	if seen != 6*4 {
		t.Errorf("the page has %d plots", seen)
	}
}

// A browser asks for all plots of a page at once.
func TestPlotsAreDrawnSideBySide(t *testing.T) {
	b := newTill(t)
	b.month()
	var all sync.WaitGroup
	first := textOf(t, b.as("viewer").get("/console/money/money-EUR.svg"))
	for range 8 {
		all.Go(func() {
			if got := textOf(t, b.as("viewer").get("/console/money/money-EUR.svg")); got != first {
				t.Error("the same plot is drawn otherwise")
			}
			b.as("viewer").get("/console/money/waits.svg?scheme=dark&size=narrow")
		})
	}
	all.Wait()
}

// alone checks that a picture is well formed, has a name and a description, and asks for
// nothing.
func alone(t *testing.T, address, picture string) {
	t.Helper()
	in := xml.NewDecoder(strings.NewReader(picture))
	texts := map[string]string{}
	var open string
	for {
		token, err := in.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%s: %v", address, err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			open = token.Name.Local
			if !slices.Contains([]string{"svg", "title", "desc", "rect", "g", "text", "path"}, open) {
				t.Errorf("%s has <%s>", address, open)
			}
			for _, a := range token.Attr {
				if a.Name.Local == "style" || a.Name.Local == "href" || strings.HasPrefix(a.Name.Local, "on") || strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") {
					t.Errorf("%s: <%s %s=%q>", address, open, a.Name.Local, a.Value)
				}
			}
		case xml.CharData:
			texts[open] += string(bytes.TrimSpace(token))
		}
	}
	if texts["title"] == "" || len(texts["desc"]) < 10 || texts["text"] == "" {
		t.Errorf("%s says %q", address, texts)
	}
}

// records are the lines of a CSV file that was sent.
func records(t *testing.T, got *http.Response) [][]string {
	t.Helper()
	if got.StatusCode != http.StatusOK || got.Header.Get("Content-Type") != "text/csv; charset=utf-8; header=present" {
		t.Fatalf("%d %s", got.StatusCode, got.Header.Get("Content-Type"))
	}
	lines, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(textOf(t, got), "\uFEFF"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func TestATableIsTakenAwayAsCSV(t *testing.T) {
	b := newTill(t)
	b.sells("main", `=HYPERLINK("https://evil.example","Pro"), really`, collected(490000, 10000, "eur"), 90*time.Second)
	b.sells("main", "\t@SUM(A1)", collected(1, 0, "eur"), time.Minute)
	b.sells("main", "-1+1", collected(1250, 0, "kwd"), time.Minute)
	b.count()
	for name, want := range map[string][][]string{
		"plans-EUR": {
			{"Currency", "Plan", "In", "Back", "Net", "Payments"},
			{"EUR", `'=HYPERLINK("https://evil.example","Pro"), really`, "4900.00", "100.00", "4800.00", "1"},
			{"EUR", "' @SUM(A1)", "0.01", "0.00", "0.01", "1"},
		},
		"plans-KWD": {{"Currency", "Plan", "In", "Back", "Net", "Payments"}, {"KWD", "'-1+1", "1.250", "0.000", "1.250", "1"}},
		"money-EUR": {{"Currency", "Day", "In", "Back", "Net", "Payments"}, {"EUR", "2026-03-14", "4900.01", "100.00", "4800.01", "2"}},
		"waits":     {{"Day", "Keys", "Median", "95th percentile"}, {"2026-03-14", "3", "69", "108"}},
	} {
		got := b.as("viewer").get("/console/money/" + name + ".csv?from=2026-03-14&to=2026-03-14")
		if diff := cmp.Diff(want, records(t, got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if got, want := got.Header.Get("Content-Disposition"), `attachment; filename="`+name+`-2026-03-14-2026-03-14.csv"`; got != want {
			t.Errorf("Content-Disposition is %s", got)
		}
	}
}

func TestATableIsASheetToo(t *testing.T) {
	b := newTill(t)
	b.sells("main", `=HYPERLINK("https://evil.example","Pro"), really`, collected(490000, 10000, "eur"), 90*time.Second)
	b.count()
	got := b.as("viewer").get("/console/money/plans-EUR.xlsx?from=2026-03-14&to=2026-03-14")
	book, err := excelize.OpenReader(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := book.GetRows(book.GetSheetName(0))
	if err != nil || len(rows) != 2 || rows[1][0] != "EUR" || rows[1][1] != `=HYPERLINK("https://evil.example","Pro"), really` {
		t.Errorf("%v: %q", err, rows)
	}
	if formula, err := book.GetCellFormula(book.GetSheetName(0), "B2"); err != nil || formula != "" {
		t.Errorf("a cell runs %q (%v)", formula, err)
	}
}

func TestThereIsNoFileOfWhatIsNotShown(t *testing.T) {
	b := newTill(t)
	for _, name := range []string{"nothing.csv", "stages", "stages.pdf", "stages.svg", "plans-EUR.svg", "money-EUR.csv", "..%2fstages.csv", ".svg", "."} {
		if got := b.as("viewer").get("/console/money/" + name); got.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", name, got.StatusCode)
		}
	}
}
