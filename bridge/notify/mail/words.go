package mail

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/currency"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/number"

	"keybridge/bridge"
)

// amountInWords writes money as people read it: "€1,049.00", "¥500", "CHF 12.50". It
// is empty for an amount that is not known. The sign is CLDR's; the decimals are the
// domain's, because CLDR's say how amounts are usually shown and not how they are
// counted.
func amountInWords(a bridge.Amount) string {
	if a.Currency == "" {
		return ""
	}
	sign, digits := "", strconv.FormatInt(a.Minor, 10)
	if a.Minor < 0 {
		sign, digits = "-", digits[1:]
	}
	decimals := a.Decimals()
	digits = strings.Repeat("0", max(decimals+1-len(digits), 0)) + digits
	cut := len(digits) - decimals
	whole, err := strconv.ParseUint(digits[:cut], 10, 64)
	if err != nil { // digits come from FormatInt
		return a.String()
	}
	print := message.NewPrinter(language.English)
	text := print.Sprint(number.Decimal(whole))
	if decimals > 0 {
		text += "." + digits[cut:]
	}
	return sign + symbol(print, a.Currency) + text
}

// symbol is a currency's sign, or its code and a space that does not break.
func symbol(print *message.Printer, code string) string {
	const space = "\u00a0"
	unit, err := currency.ParseISO(code)
	if err != nil {
		return line(code, 8) + space
	}
	sign := print.Sprint(currency.Symbol(unit))
	if last, _ := utf8.DecodeLastRuneInString(sign); unicode.IsLetter(last) {
		sign += space
	}
	return sign
}

// intervalInWords says how often a price is paid: "every month"; empty for once.
func intervalInWords(i bridge.Interval) string {
	if i.Once() {
		return ""
	}
	return line(i.String(), 40)
}

// dayInWords writes a day: "21 March 2026". Empty for no day.
func dayInWords(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return ""
	}
	return t.In(zone).Format("2 January 2006")
}

// timeInWords writes a time with its zone: "Saturday 21 March 2026, 13:00 (CET)".
// Empty for no time.
func timeInWords(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return ""
	}
	t = t.In(zone)
	name := t.Format("MST")
	if strings.ContainsAny(name, "+-") { // a zone without letters of its own
		name = "UTC" + t.Format("-07:00")
	}
	return t.Format("Monday 2 January 2006, 15:04") + " (" + name + ")"
}
