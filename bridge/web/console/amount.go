package console

import (
	"fmt"
	"strconv"
	"strings"

	"keybridge/bridge"
)

// parseAmount reads an amount as a person types it, in the decimals of its currency and
// without floating point: "19", "19.5" and "19.50" of EUR, "1200" of JPY. It takes no
// sign and no grouping. Invalid, with what to write, for everything else.
func parseAmount(text, currency string) (bridge.Amount, error) {
	a := bridge.NewAmount(0, currency)
	whole, fraction, point := strings.Cut(strings.TrimSpace(text), ".")
	decimals := a.Decimals()
	wrong := &bridge.Error{Kind: bridge.Invalid, Msg: fmt.Sprintf(
		"Write the amount in digits, with a point and without anything between thousands, such as %s.", plainAmount(bridge.NewAmount(104900, currency)))}
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

// plainAmount writes an amount as parseAmount reads it.
func plainAmount(a bridge.Amount) string {
	text, _, _ := strings.Cut(a.String(), " ")
	return text
}
