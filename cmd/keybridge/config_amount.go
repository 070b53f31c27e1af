package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/text/currency"

	"keybridge/bridge"
)

// maxMinor is the largest amount Stripe takes in any currency: twelve digits. For
// most it takes eight; which, is Stripe's to say and to change.
const maxMinor = 999_999_999_999

// younger are currencies that Stripe takes and golang.org/x/text does not know yet.
var younger = map[string]bool{"SLE": true}

// wholeOnly are counted by Stripe in hundredths and paid in whole units only.
var wholeOnly = map[string]bool{"ISK": true, "UGX": true}

var amountPattern = regexp.MustCompile(`^(0|[1-9][0-9]{0,11})(?:\.([0-9]{1,6}))?$`)

// parseAmount turns a decimal number into an amount in the currency's smallest
// unit, without a float on the way. The code is in upper case and known. It returns
// what is wrong with the number, empty when nothing is.
func parseAmount(text, code string) (amount bridge.Amount, problem string) {
	m := amountPattern.FindStringSubmatch(text)
	if m == nil {
		return bridge.Amount{}, "it takes a positive decimal number, as 49.00, with a point and no separators"
	}
	places := bridge.Amount{Currency: code}.Decimals()
	whole, fraction := m[1], m[2]
	if len(fraction) > places {
		return bridge.Amount{}, fmt.Sprintf("it has more decimals than %s, which has %d", code, places)
	}
	minor, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", places-len(fraction)), 10, 64)
	switch {
	case err != nil || minor > maxMinor:
		return bridge.Amount{}, fmt.Sprintf("it is more than Stripe takes in %s", code)
	case minor == 0:
		return bridge.Amount{}, "it takes more than nothing; leave price and payment out of a plan that costs nothing"
	case wholeOnly[code] && minor%100 != 0:
		return bridge.Amount{}, fmt.Sprintf("%s is paid in whole units; leave the decimals out", code)
	case places == 3 && minor%10 != 0:
		return bridge.Amount{}, fmt.Sprintf("Stripe takes %s in steps of 0.010; round the third decimal to 0", code)
	}
	return bridge.NewAmount(minor, code), ""
}

// parseCurrency returns the code in upper case, or what is wrong with it.
func parseCurrency(text string) (code, problem string) {
	unit, err := currency.ParseISO(text)
	switch {
	case younger[strings.ToUpper(text)]:
		return strings.ToUpper(text), ""
	case err != nil:
		return "", "it takes the three-letter code of a currency (ISO 4217), as EUR"
	case unit == currency.XXX || unit == currency.XTS || unit == currency.XAG || unit == currency.XAU || unit == currency.XPT || unit == currency.XPD:
		return "", "nobody pays in this; it takes the code of a currency, as EUR"
	}
	return unit.String(), ""
}
