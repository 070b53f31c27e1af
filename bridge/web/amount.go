package web

import (
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
