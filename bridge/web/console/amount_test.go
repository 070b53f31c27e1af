package console

import (
	"strings"
	"testing"

	"keybridge/bridge"
)

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
		got, err := parseAmount(is.text, is.currency)
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
		a, err := parseAmount(text, currency)
		if err != nil || strings.Contains(a.Currency, " ") {
			return
		}
		again, err := parseAmount(plainAmount(a), currency)
		if err != nil || again != a {
			t.Errorf("%q is %v, which is written %q and read as %v (%v)", text, a, plainAmount(a), again, err)
		}
	})
}
