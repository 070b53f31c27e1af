package main

import (
	"slices"

	"keybridge/bridge"
)

// checkConsole looks at the console and at who may sign in to it.
func (r *reading) checkConsole(c *config) {
	p := &c.Console
	if r.good(&p.Idle, &p.Longest) && p.Idle > p.Longest {
		field := any(&p.Idle)
		if !r.written(field) {
			field = &p.Longest
		}
		r.wrong(field, "idle is longer than longest, so it would never count")
	}
	if p.OIDC == nil {
		return
	}
	r.checkWeb(&p.OIDC.Issuer, false)
	r.checkCredential(&p.OIDC.ClientSecret, 1)
	var seen []string
	for i := range p.OIDC.Groups {
		g := &p.OIDC.Groups[i]
		if g.Group != "" && slices.Contains(seen, g.Group) {
			r.wrong(&g.Group, "the group is in the list twice; say once what its members may do")
		}
		seen = append(seen, g.Group)
		for j := range g.Portals {
			if names := portalNames(c); len(names) > 0 && !slices.Contains(names, g.Portals[j]) {
				r.wrong(&g.Portals[j], "there is no portal %q; it can be %s", g.Portals[j], inWords(names))
			}
		}
	}
}

// checkThreshold reads an amount that something begins above.
func (r *reading) checkThreshold(t *thresholdConfig) {
	if t == nil || !r.good(&t.Above, &t.Currency) || t.Above == "" || t.Currency == "" {
		return
	}
	code, problem := parseCurrency(t.Currency)
	if problem != "" {
		r.wrong(&t.Currency, "%s", problem)
		return
	}
	if isZero(t.Above) {
		t.amount = bridge.Amount{Currency: code}
		return
	}
	amount, problem := parseAmount(t.Above, code)
	if problem != "" {
		r.wrong(&t.Above, "%s", problem)
	}
	t.amount = amount
}

// isZero reports whether a decimal number is nothing, which no price is.
func isZero(text string) bool {
	digits := 0
	for i, c := range text {
		switch {
		case c == '0':
			digits++
		case c != '.' || i == 0:
			return false
		}
	}
	return digits > 0
}
