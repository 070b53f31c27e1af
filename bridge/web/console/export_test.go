package console

import (
	"time"

	"keybridge/bridge"
)

// Foresee returns the calls that a deed is said to lead to.
func Foresee(do string, p bridge.Person, r bridge.Request, text, amount string, now time.Time) []string {
	d, _ := deedOf(do)
	_, actions := foresee(r, func(c *bridge.Change) {
		d.word(c, typed{Text: text, Amount: amount}, bridge.Mark{At: now, By: p.Actor(), Why: text})
	}, now)
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
