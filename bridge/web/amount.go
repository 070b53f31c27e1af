package web

import (
	"fmt"
	"strconv"
	"strings"

	"keybridge/bridge"
)

// FormatAmount writes money for people, with the decimals its currency has:
// "EUR 1,049.00", "JPY 500", "KWD 1.250". It is empty for an amount that is not known.
func FormatAmount(a bridge.Amount) string {
	if a.Currency == "" {
		return ""
	}
	digits := a.Decimals()
	text, negative := strings.CutPrefix(strconv.FormatInt(a.Minor, 10), "-")
	text = strings.Repeat("0", max(digits+1-len(text), 0)) + text
	whole, fraction := text[:len(text)-digits], text[len(text)-digits:]
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if negative {
		whole = "-" + whole
	}
	if digits > 0 {
		whole += "." + fraction
	}
	return a.Currency + " " + whole
}

// FormatPrice writes a price: "EUR 49.00 every month", "EUR 49.00". It is empty for
// one whose amount is not known.
func FormatPrice(p bridge.Price) string {
	text := FormatAmount(p.Amount)
	if text != "" && !p.Interval.Once() {
		text += " " + p.Interval.String()
	}
	return text
}

// ParseAmount reads an amount as a person types it, in the decimals of its currency and
// without floating point: "19", "19.5" and "19.50" of EUR, "1200" of JPY. It takes no
// sign and no grouping: "1,250" is a thousand to one reader and one and a quarter to
// another. Invalid, with what to write, for everything else.
func ParseAmount(text, currency string) (bridge.Amount, error) {
	a := bridge.NewAmount(0, currency)
	whole, fraction, point := strings.Cut(strings.TrimSpace(text), ".")
	decimals := a.Decimals()
	wrong := &bridge.Error{Kind: bridge.Invalid, Msg: fmt.Sprintf(
		"Write the amount in digits, with a point and without anything between thousands, such as %s.", PlainAmount(bridge.NewAmount(104900, currency)))}
	switch {
	case !digits(whole) || point && !digits(fraction):
		return bridge.Amount{}, wrong
	case len(fraction) > decimals:
		return bridge.Amount{}, &bridge.Error{Kind: bridge.Invalid, Msg: fmt.Sprintf("%s has %d decimals.", a.Currency, decimals)}
	}
	minor, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", decimals-len(fraction)), 10, 64)
	if err != nil {
		return bridge.Amount{}, &bridge.Error{Kind: bridge.Invalid, Msg: "That amount is too large."}
	}
	a.Minor = minor
	return a, nil
}

// digits reports whether a text is one to nineteen ASCII digits.
func digits(text string) bool {
	return text != "" && len(text) < 20 && strings.Trim(text, "0123456789") == ""
}

// PlainAmount writes an amount without its currency, as ParseAmount reads it: "1049.00".
func PlainAmount(a bridge.Amount) string {
	text, _, _ := strings.Cut(a.String(), " ")
	return text
}
