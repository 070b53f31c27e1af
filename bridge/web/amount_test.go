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
		{math.MinInt64, "EUR", "EUR -92,233,720,368,547,758.08"},
		{0, "", ""},
	} {
		if got := web.FormatAmount(bridge.Amount{Minor: test.minor, Currency: test.currency}); got != test.want {
			t.Errorf("%d %s is written %q, want %q", test.minor, test.currency, got, test.want)
		}
	}
}
