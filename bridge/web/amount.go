package web

import (
	"fmt"
	"math/big"

	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/number"

	"keybridge/bridge"
)

// FormatAmount writes money for people, with the decimals its currency has:
// "EUR 1,049.00", "JPY 500", "KWD 1.250".
func FormatAmount(a bridge.Amount) string {
	if a.Currency == "" {
		return ""
	}
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(a.Decimals())), nil)
	whole, rest := new(big.Int).QuoRem(new(big.Int).Abs(big.NewInt(a.Minor)), unit, new(big.Int))
	text := message.NewPrinter(language.English).Sprint(number.Decimal(whole.Int64()))
	if a.Decimals() > 0 {
		text += fmt.Sprintf(".%0*d", a.Decimals(), rest)
	}
	if a.Minor < 0 {
		text = "-" + text
	}
	return a.Currency + " " + text
}

// FormatPrice writes a price: "EUR 49.00 every month", "EUR 49.00".
func FormatPrice(p bridge.Price) string {
	text := FormatAmount(p.Amount)
	if !p.Interval.Once() {
		text += " " + p.Interval.String()
	}
	return text
}
