package web

import (
	"strconv"
	"strings"

	"golang.org/x/text/currency"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/number"

	"keybridge/bridge"
)

// FormatAmount writes money for people, with the digits its currency has:
// "EUR 49.00", "JPY 500", "KWD 1.250". A currency that is not known is written in
// its smallest unit.
func FormatAmount(a bridge.Amount) string {
	unit, err := currency.ParseISO(a.Currency)
	if err != nil {
		return strings.TrimSpace(a.Currency + " " + strconv.FormatInt(a.Minor, 10))
	}
	digits, _ := currency.Standard.Rounding(unit)
	printer := message.NewPrinter(language.English)
	whole, fraction := a.Minor, ""
	if digits > 0 {
		scale := int64(1)
		for range digits {
			scale *= 10
		}
		rest := a.Minor % scale
		whole = a.Minor / scale
		if rest < 0 {
			rest = -rest
		}
		text := strconv.FormatInt(rest, 10)
		fraction = "." + strings.Repeat("0", digits-len(text)) + text
	}
	sign := ""
	if a.Minor < 0 {
		sign = "-"
		whole = -whole
	}
	return unit.String() + " " + sign + printer.Sprint(number.Decimal(whole)) + fraction
}

// FormatPrice writes a price: "EUR 49.00 every month", "EUR 49.00".
func FormatPrice(p bridge.Price) string {
	text := FormatAmount(p.Amount)
	if !p.Interval.Once() {
		text += " " + p.Interval.String()
	}
	return text
}
