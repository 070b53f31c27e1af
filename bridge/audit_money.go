package bridge

import (
	"fmt"
	"strings"
)

// What history says of money is read again, by reports and outgoing webhooks: how it is
// written and how it is read stand together.

const (
	wroteReceived = "received "
	wroteReturned = "returned "
	wroteOf       = " of "
	wroteRenewed  = "renewed" // in place of a state, where it stays paid
)

// received says how much came in with a payment, or what went wrong with it.
func received(m Money) string {
	if m.State == Paid && m.Collected.Minor > 0 && m.Why == "" {
		return wroteReceived + m.Collected.String()
	}
	return m.Why
}

// returned says how much has gone back of a payment in all.
func returned(m Money) string {
	return fmt.Sprint(wroteReturned, m.Returned, wroteOf, m.Collected)
}

// Received returns the amount of an entry that says how much money came in; ok is false for
// any other.
func (e Entry) Received() (a Amount, ok bool) {
	text, ok := strings.CutPrefix(e.Why, wroteReceived)
	if !ok || !e.moved() || e.After != string(Paid) && e.After != wroteRenewed {
		return Amount{}, false
	}
	return ParseAmount(text)
}

// Returned returns the amounts of an entry that says how much money has gone back in all,
// and of how much; ok is false for any other.
func (e Entry) Returned() (back, collected Amount, ok bool) {
	text, ok := strings.CutPrefix(e.After, wroteReturned)
	first, second, whole := strings.Cut(text, wroteOf)
	if !ok || !whole || !e.moved() {
		return Amount{}, Amount{}, false
	}
	back, ok = ParseAmount(first)
	collected, okAll := ParseAmount(second)
	if !ok || !okAll || back.Currency != collected.Currency {
		return Amount{}, Amount{}, false
	}
	return back, collected, true
}

// moved reports whether the provider says something of a payment. A person who gives a reason
// may write the same words.
func (e Entry) moved() bool { return e.What == WhatPayment && e.Actor.Kind == ByProvider }
