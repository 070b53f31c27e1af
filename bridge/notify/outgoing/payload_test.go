package outgoing

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"

	"keybridge/bridge"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestPayloadsAreThoseOfTheGoldenFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	now := time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)
	w.now = func() time.Time { return now }
	w.read(0)
	now = now.Add(time.Minute)
	w.see(0, bridge.Facts{Money: &bridge.Money{State: bridge.Paid, Checkout: bridge.Checkout{ID: "cs", State: bridge.CheckoutComplete}, Collected: bridge.NewAmount(4900, "eur")}})
	now = now.Add(time.Minute)
	w.see(0, bridge.Facts{Key: key(bridge.Granted)})
	now = now.Add(time.Hour)
	w.see(0, bridge.Facts{Money: &bridge.Money{
		State: bridge.Paid, Checkout: bridge.Checkout{ID: "cs", State: bridge.CheckoutComplete},
		Collected: bridge.NewAmount(4900, "eur"), Returned: bridge.NewAmount(1250, "eur"),
	}})
	s := w.sender(Config{})
	var out bytes.Buffer
	for _, e := range w.history(0) {
		typ, ok := TypeOf(e)
		if !ok {
			continue
		}
		body, found, err := s.payload(t.Context(), e, typ, typ == AccessGranted)
		if err != nil || !found {
			t.Fatal(found, err)
		}
		fmt.Fprintln(&out, messageID(e))
		if err := json.Indent(&out, body, "", "  "); err != nil {
			t.Fatal(err)
		}
		out.WriteString("\n\n")
	}
	golden := filepath.Join("testdata", "payloads.golden")
	if *update {
		if err := os.WriteFile(golden, out.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "payloads", out.String(), string(want))
}

func TestABodyIsTheSameHoweverTheRequestHasMovedOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.intake(0)
	w.update(0, func(c *bridge.Change) { // declined before the portal was read
		now := w.now()
		c.Access.Have = bridge.Pending
		c.Steps = []bridge.Step{{Kind: bridge.Paying, State: bridge.Waiting, Mark: bridge.Mark{At: now.Add(-8 * 24 * time.Hour)}}}
		c.Observe(bridge.Facts{}, now)
		c.Steps, c.Access.Have = nil, bridge.Unread
	})
	s := w.sender(Config{})
	bodies := map[uint64]string{}
	compare := func() {
		t.Helper()
		for _, e := range w.history(0) {
			typ, ok := TypeOf(e)
			if !ok {
				continue
			}
			body, _, err := s.payload(t.Context(), e, typ, true)
			if err != nil {
				t.Fatal(err)
			}
			if was, ok := bodies[e.Seq]; ok {
				equal(t, "body", string(body), was)
			}
			bodies[e.Seq] = string(body)
		}
	}
	compare()
	if len(bodies) != 2 || bytes.Contains([]byte(bodies[1]), []byte("applicant")) {
		t.Fatalf("%v", bodies)
	}
	w.update(0, func(c *bridge.Change) { c.TakeIn(*key(bridge.Pending), terms(), w.now()) })
	compare()
	w.see(0, bridge.Facts{Key: key(bridge.Granted)})
	w.tick(0)
	compare()
	w.see(0, bridge.Facts{Key: key(bridge.Gone)})
	compare()
	if len(bodies) < 5 {
		t.Fatalf("%v", bodies)
	}
}

func TestPriceIsWhatTheTermsAskFor(t *testing.T) {
	t.Parallel()
	line := func(minor int64, currency, unit string, count int) bridge.Price {
		return bridge.Price{Amount: bridge.NewAmount(minor, currency), Interval: bridge.Interval{Unit: unit, Count: count}}
	}
	for _, c := range []struct {
		name  string
		lines []bridge.Price
		want  *Price
	}{
		{"nothing is to be paid", nil, nil},
		{"once", []bridge.Price{line(500, "jpy", "", 0)}, &Price{Amount{500, "JPY"}, "once"}},
		{"every month", []bridge.Price{line(500, "eur", "month", 0)}, &Price{Amount{500, "EUR"}, "month"}},
		{"every three months, with a fee at the start", []bridge.Price{line(100, "eur", "month", 3), line(50, "eur", "", 0)}, &Price{Amount{150, "EUR"}, "3 months"}},
		{"in two currencies", []bridge.Price{line(1, "eur", "", 0), line(1, "usd", "", 0)}, nil},
		{"not quoted", []bridge.Price{{Ref: "price_1"}}, nil},
	} {
		equal(t, c.name, priceOf(bridge.Terms{Lines: c.lines}), c.want)
	}
}

func TestAmountsAreReadAsTheDomainWritesThem(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := bridge.NewAmount(rapid.Int64Range(-1e15, 1e15).Draw(t, "minor"), rapid.SampledFrom([]string{"eur", "jpy", "kwd", "usd", "isk"}).Draw(t, "currency"))
		if got, ok := bridge.ParseAmount(a.String()); !ok || got != a {
			t.Fatalf("%s is read as %v, %t", a, got, ok)
		}
	})
	for _, text := range []string{"", " ", "12.50", "12.5 EUR", "12.50 EUR ", "1.2.50 EUR", "+1.00 EUR", "12.50  EUR", "x EUR", "01.00 EUR", "1.00 eur", "1,00 EUR"} {
		if a, ok := bridge.ParseAmount(text); ok && a.Currency == "EUR" {
			t.Errorf("%q is read as %v", text, a)
		}
	}
}
