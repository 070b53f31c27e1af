package console

import (
	"time"

	"keybridge/bridge"
)

// Foresee returns the calls that a deed is said to lead to.
func Foresee(do string, p bridge.Person, r bridge.Request, text, amount string, now time.Time) []string {
	said, err := typed{Text: text, Amount: amount}.as(bridge.DeedKind(do), r)
	if err != nil {
		return nil
	}
	_, actions, _ := bridge.Foresee(r, said, p.Actor(), now)
	var all []string
	for _, a := range actions {
		all = append(all, a.String())
	}
	return all
}

// Picture draws a text as an authenticator reads it.
func Picture(text string) (side int, path string, err error) {
	p, err := pictureOf(text, "")
	if err != nil {
		return 0, "", err
	}
	return p.Side, p.Path, nil
}

// OnlyHere returns where somebody goes on who wanted to go to an address.
func OnlyHere(address string) string { return onlyHere(address) }
