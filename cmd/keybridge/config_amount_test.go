package main

import (
	"strconv"
	"strings"
	"testing"

	"keybridge/bridge"
)

func TestAmountsAreCountedInTheSmallestUnit(t *testing.T) {
	for _, test := range []struct {
		text, currency string
		minor          int64
	}{
		{"49.00", "EUR", 4900},
		{"49", "EUR", 4900},
		{"49.9", "EUR", 4990},
		{"0.01", "EUR", 1},
		{"0.50", "usd", 50},
		{"4900", "JPY", 4900},
		{"1", "KRW", 1},
		{"1.230", "KWD", 1230},
		{"1.23", "KWD", 1230},
		{"5", "BHD", 5000},
		// CLDR shows these without decimals, Stripe counts two.
		{"500", "RSD", 50000},
		{"500.50", "ALL", 50050},
		{"100", "HUF", 10000},
		{"10", "IDR", 1000},
		{"10", "COP", 1000},
		{"2.50", "SLE", 250},
		{"100", "TWD", 10000},
		// Paid in whole units, counted in hundredths.
		{"5", "ISK", 500},
		{"5", "UGX", 500},
		{"5.00", "ISK", 500},
		// A float has no such number: 0.29 * 100 is 28.999999999999996.
		{"0.29", "EUR", 29},
		{"1.15", "EUR", 115},
		{"9999999999.99", "EUR", 999999999999},
	} {
		t.Run(test.text+" "+test.currency, func(t *testing.T) {
			code, problem := parseCurrency(test.currency)
			if problem != "" {
				t.Fatal(problem)
			}
			got, problem := parseAmount(test.text, code)
			if want := bridge.NewAmount(test.minor, code); problem != "" || got != want {
				t.Errorf("got %+v %q, want %+v", got, problem, want)
			}
		})
	}
}

func TestHostileAmountsAreRefused(t *testing.T) {
	for _, test := range []struct{ text, currency, says string }{
		{"", "EUR", "decimal number"},
		{"0", "EUR", "more than nothing"},
		{"0.00", "EUR", "more than nothing"},
		{"-1", "EUR", "decimal number"},
		{"+1", "EUR", "decimal number"},
		{" 1", "EUR", "decimal number"},
		{"1.", "EUR", "decimal number"},
		{".5", "EUR", "decimal number"},
		{"1.2.3", "EUR", "decimal number"},
		{"1,00", "EUR", "decimal number"},
		{"1_000", "EUR", "decimal number"},
		{"0x10", "EUR", "decimal number"},
		{"010", "EUR", "decimal number"},
		{"1e3", "EUR", "decimal number"},
		{"NaN", "EUR", "decimal number"},
		{"Infinity", "EUR", "decimal number"},
		{"٤٩", "EUR", "decimal number"},
		{"49.001", "EUR", "more decimals than EUR, which has 2"},
		{"49.000", "EUR", "more decimals than EUR, which has 2"},
		{"49.0", "JPY", "more decimals than JPY, which has 0"},
		{"1.0001", "KWD", "more decimals than KWD, which has 3"},
		{"1.234", "KWD", "third decimal"},
		{"5.50", "ISK", "whole units"},
		{"10000000000", "EUR", "more than Stripe takes"},
		{"999999999999", "KWD", "more than Stripe takes"},
		{strings.Repeat("9", 400), "EUR", "decimal number"},
	} {
		t.Run(test.text+" "+test.currency, func(t *testing.T) {
			got, problem := parseAmount(test.text, test.currency)
			if !strings.Contains(problem, test.says) || problem == "" || got != (bridge.Amount{}) {
				t.Errorf("got %+v %q, want it to say %q", got, problem, test.says)
			}
		})
	}
}

func TestCurrenciesThatNobodyPaysInAreRefused(t *testing.T) {
	for _, text := range []string{"", "E", "EURO", "EU", "XXX", "XTS", "XAU", "ZZZ", "€", "E R"} {
		if code, problem := parseCurrency(text); problem == "" {
			t.Errorf("%q was taken for %s", text, code)
		}
	}
}

// FuzzAmount holds an accepted amount to the digits that were written.
func FuzzAmount(f *testing.F) {
	for _, text := range []string{"49.00", "0.01", "1e3", "-1", "999999999999", "0.000001", "00.1"} {
		f.Add(text, "EUR")
		f.Add(text, "JPY")
		f.Add(text, "KWD")
		f.Add(text, "ISK")
	}
	f.Fuzz(func(t *testing.T, text, currency string) {
		code, problem := parseCurrency(currency)
		if problem != "" {
			return
		}
		amount, problem := parseAmount(text, code)
		if problem != "" {
			return
		}
		if amount.Minor < 1 || amount.Minor > maxMinor || amount.Currency != code {
			t.Fatalf("%q %s became %+v", text, code, amount)
		}
		whole, fraction, _ := strings.Cut(text, ".")
		fraction += strings.Repeat("0", bridge.Amount{Currency: code}.Decimals()-len(fraction))
		want := strings.TrimLeft(whole+fraction, "0")
		if got := strconv.FormatInt(amount.Minor, 10); got != want {
			t.Fatalf("%q %s became %s, want %s", text, code, got, want)
		}
	})
}
