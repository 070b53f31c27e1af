package console

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"net/url"
	"strings"
	"testing"
	"time"
)

var ides = time.Date(2026, time.March, 14, 23, 59, 0, 0, time.FixedZone("", -5*3600)) // 15 March in UTC

// Whatever stands in an address, a span is one that can be shown, or is said to be none.
func FuzzSpan(f *testing.F) {
	for _, query := range []string{
		"", "span=7d", "span=12m&portal=main", "from=2026-03-01", "to=2026-02-28", "from=2024-02-29&to=2026-03-15", "from=x&span=7d",
		"from=0001-01-01", "from=9999-12-31&to=2026-01-01", "to=2016-01-01", "from=2016-03-15", "span=%00",
	} {
		f.Add(query)
	}
	today := time.Date(2026, time.March, 15, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		query, err := url.ParseQuery(text)
		if err != nil {
			return
		}
		s := readSpan(query, ides)
		if len(s.Problems) > 0 {
			return
		}
		if s.From.After(s.To) || s.To.After(today) || s.From.Before(s.To.AddDate(-10, 0, 0)) || s.From.Hour() != 0 {
			t.Errorf("%s: from %s to %s", text, s.From, s.To)
		}
		if days := int(s.To.Sub(s.From).Hours()/24) + 1; s.unit() == "day" && days > 32 || s.unit() == "week" && days > 187 {
			t.Errorf("%s: %d days are shown by the %s", text, days, s.unit())
		}
		again := readSpan(s.Query(), ides)
		if !again.From.Equal(s.From) || !again.To.Equal(s.To) || again.Portal != s.Portal || len(again.Problems) > 0 {
			t.Errorf("%s: from %s to %s, and asked for again from %s to %s", text, s.From, s.To, again.From, again.To)
		}
	})
}

// Whatever plans and failures are called and however much it is, a plot is a whole file.
func FuzzPlot(f *testing.F) {
	f.Add("Weather Pro", "49 came in", 49.0, 0.0, true)
	f.Add(strings.Repeat("W", 300), "$1 <b>&\"'", 1e18, 1e-9, false)
	f.Add("\uFFFE\x00]]>", "\x0b", 0.0, 0.0, true)
	f.Fuzz(func(t *testing.T, name, says string, a, b float64, narrow bool) {
		if math.IsNaN(a+b) || math.IsInf(a+b, 0) || a < 0 || b < 0 || a > 1e18 || b > 1e18 {
			return // amounts are whole numbers of 64 bits
		}
		for _, form := range []form{columns, courses, bars} {
			c := chart{Form: form, Parts: []string{name, "b"}, Series: []series{{Name: "in", Values: []float64{a, b}}, {Name: "out", Values: []float64{b, math.NaN()}}}, Words: thousands}
			if form == columns {
				c.Series[1].Values[1] = 0
			}
			file, err := figure{Title: name, Says: says, Chart: &c}.draw(look{narrow: narrow})
			if err != nil {
				t.Fatal(err)
			}
			whole(t, string(file))
		}
	})
}

func whole(t *testing.T, file string) {
	t.Helper()
	in := xml.NewDecoder(strings.NewReader(strings.ToValidUTF8(file, "")))
	for {
		token, err := in.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%v in %q", err, file)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "script" {
			t.Fatalf("there is a script in %q", file)
		}
	}
}
