package bridge_test

import (
	"math"
	"testing"

	"keybridge/bridge"
)

func TestAmountsAreReadAsTheyAreWritten(t *testing.T) {
	for _, a := range []bridge.Amount{
		{Minor: 0, Currency: "EUR"}, {Minor: 4900, Currency: "EUR"}, {Minor: -5, Currency: "EUR"}, {Minor: 1200, Currency: "JPY"},
		{Minor: 1234567, Currency: "KWD"}, {Minor: math.MaxInt64, Currency: "USD"},
	} {
		if got, ok := bridge.ParseAmount(a.String()); !ok || got != a {
			t.Errorf("%q is read as %+v, %t", a.String(), got, ok)
		}
	}
	for _, text := range []string{"", "EUR", "5", "5 EUR", "5.0 EUR", "05.00 EUR", "5.00  EUR", "5,00 EUR", "5.00 EUR ", "5.000 EUR", "5.00 JPY", "99999999999999999999.00 EUR"} {
		if got, ok := bridge.ParseAmount(text); ok {
			t.Errorf("%q is read as %+v", text, got)
		}
	}
}

func FuzzParseAmount(f *testing.F) {
	f.Add("49.00 EUR")
	f.Add("-1 JPY")
	f.Fuzz(func(t *testing.T, text string) {
		if a, ok := bridge.ParseAmount(text); ok && a.String() != text {
			t.Errorf("%q is read as %q", text, a)
		}
	})
}
