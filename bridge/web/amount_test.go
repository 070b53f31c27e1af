package web_test

import (
	"math"
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
