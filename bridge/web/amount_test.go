package web_test

import (
	"math"
	"strings"
	"testing"

	"keybridge/bridge"
	"keybridge/bridge/web"
)

func TestAmountsAreWrittenWithTheDecimalsTheirCurrencyHas(t *testing.T) {
	for _, test := range []struct {
		minor    int64
		currency string
		want     string
	}{
		{4900, "EUR", "EUR 49.00"},
		{104900, "EUR", "EUR 1,049.00"},
		{5, "USD", "USD 0.05"},
		{0, "USD", "USD 0.00"},
		{500, "JPY", "JPY 500"},
		{1250, "KWD", "KWD 1.250"},
		{50000, "RSD", "RSD 500.00"}, // CLDR shows it without decimals; it is counted with two
		{-5, "EUR", "EUR -0.05"},
		{-104900, "EUR", "EUR -1,049.00"},
		{math.MaxInt64, "EUR", "EUR 92,233,720,368,547,758.07"},
		{999, "EUR", "EUR 9.99"},
		{100_000_000, "EUR", "EUR 1,000,000.00"},
		{100, "ISK", "ISK 1.00"},
		{7, "KWD", "KWD 0.007"},
		{123456, "XYZ", "XYZ 1,234.56"}, // not known: two, as most have
		{math.MinInt64, "JPY", "JPY -9,223,372,036,854,775,808"},
		{math.MinInt64, "EUR", "EUR -92,233,720,368,547,758.08"},
		{0, "", ""},
	} {
		if got := web.FormatAmount(bridge.Amount{Minor: test.minor, Currency: test.currency}); got != test.want {
			t.Errorf("%d %s is written %q, want %q", test.minor, test.currency, got, test.want)
		}
	}
}

func TestPricesSayHowOftenTheyArePaid(t *testing.T) {
	for want, price := range map[string]bridge.Price{
		"EUR 49.00":              {Amount: bridge.NewAmount(4900, "eur")},
		"EUR 49.00 every month":  {Amount: bridge.NewAmount(4900, "EUR"), Interval: bridge.Interval{Unit: "month"}},
		"JPY 500 every 3 months": {Amount: bridge.NewAmount(500, "JPY"), Interval: bridge.Interval{Unit: "month", Count: 3}},
		"USD 0.00 every 2 weeks": {Amount: bridge.NewAmount(0, "USD"), Interval: bridge.Interval{Unit: "week", Count: 2}},
		"EUR 49.00 every year":   {Amount: bridge.NewAmount(4900, "EUR"), Interval: bridge.Interval{Unit: "year", Count: 1}},
		"":                       {Lookup: "pro", Interval: bridge.Interval{Unit: "month"}},
	} {
		if got := web.FormatPrice(price); got != want {
			t.Errorf("a price is written %q, want %q", got, want)
		}
	}
}

func TestAnAmountIsReadInTheDecimalsOfItsCurrency(t *testing.T) {
	for _, is := range []struct {
		text, currency string
		minor          int64
		ok             bool
	}{
		{"19", "EUR", 1900, true},
		{"19.5", "EUR", 1950, true},
		{" 19.50 ", "eur", 1950, true},
		{"0.01", "EUR", 1, true},
		{"0", "EUR", 0, true},
		{"1049.00", "EUR", 104900, true},
		{"90071992547409.93", "EUR", 9007199254740993, true}, // no float holds this
		{"1200", "JPY", 1200, true},
		{"1.250", "KWD", 1250, true},
		{"92233720368547758.07", "EUR", 9223372036854775807, true},
		{"92233720368547758.08", "EUR", 0, false},
		{"99999999999999999999", "JPY", 0, false},
		{"19.505", "EUR", 0, false},
		{"1200.0", "JPY", 0, false},
		{"19,50", "EUR", 0, false},
		{"1,049.00", "EUR", 0, false},
		{"1 049", "EUR", 0, false},
		{"-1", "EUR", 0, false},
		{"+1", "EUR", 0, false},
		{"1e3", "EUR", 0, false},
		{".5", "EUR", 0, false},
		{"5.", "EUR", 0, false},
		{"1.2.3", "EUR", 0, false},
		{"٣", "EUR", 0, false},
		{"", "EUR", 0, false},
	} {
		got, err := web.ParseAmount(is.text, is.currency)
		if is.ok != (err == nil) || got.Minor != is.minor {
			t.Errorf("%q of %s is %v (%v), want %d", is.text, is.currency, got, err, is.minor)
		}
		if err != nil && (bridge.KindOf(err) != bridge.Invalid || bridge.Explain(err) == bridge.Explain(nil)) {
			t.Errorf("%q of %s: %v", is.text, is.currency, err)
		}
	}
}

// FuzzAmount: what is read is what was written, and what is written can be read.
func FuzzAmount(f *testing.F) {
	f.Add("19.50", "EUR")
	f.Add("1200", "JPY")
	f.Add("1.250", "KWD")
	f.Fuzz(func(t *testing.T, text, currency string) {
		a, err := web.ParseAmount(text, currency)
		if err != nil || strings.Contains(a.Currency, " ") {
			return
		}
		again, err := web.ParseAmount(web.PlainAmount(a), currency)
		if err != nil || again != a {
			t.Errorf("%q is %v, which is written %q and read as %v (%v)", text, a, web.PlainAmount(a), again, err)
		}
	})
}
