package billingtest

import (
	"testing"
	"time"

	"keybridge/bridge"
)

// Lever is something that happens at the far end.
type Lever string

// The levers. Each is pulled on a checkout and acts on what hangs on it.
const (
	// Pay: the developer pays, or gives the card that is to be validated.
	Pay Lever = "pay"
	// PayLater: the developer pays by a method whose money takes days.
	PayLater Lever = "pay later"
	// CardDeclined: the developer tries, and the bank says no.
	CardDeclined Lever = "card declined"
	// Settle and Fail end the days that PayLater began.
	Settle Lever = "settle"
	Fail   Lever = "fail"
	// TimeOut: nobody came, and the checkout's time is over.
	TimeOut Lever = "time out"
	// Lapse: the bank lets go of what was held and not captured.
	Lapse Lever = "lapse"
	// GiveBack: somebody refunds an amount by hand; none means all that is left.
	GiveBack Lever = "give back"
	// Inquire: the bank asks about the payment and takes nothing yet. Dispute: it
	// takes the money back. Win and Lose: it has decided.
	Inquire Lever = "inquire"
	Dispute Lever = "dispute"
	Win     Lever = "win"
	Lose    Lever = "lose"
	// Renew: the next period of a subscription begins and is paid, or the trial ends
	// and the first one is. Miss: it begins, and the payment fails.
	Renew Lever = "renew"
	Miss  Lever = "miss"
	// PayUp: what is owed is paid. GiveUp: the provider stops trying, and the
	// subscription ends.
	PayUp  Lever = "pay up"
	GiveUp Lever = "give up"
	// Cancel: somebody cancels by hand, at once. CancelLater: at the end of the
	// period. Keep: not after all.
	Cancel      Lever = "cancel"
	CancelLater Lever = "cancel later"
	Keep        Lever = "keep"
)

// Fault is a way for one call to break.
type Fault string

// The faults. Each hits the next call that changes something.
const (
	// CutBefore and CutAfter cut the connection, before or after the work is done.
	CutBefore Fault = "cut before the work"
	CutAfter  Fault = "cut after the work"
	// BreakBefore and BreakAfter answer that the provider is broken, before or after
	// the work is done; the answer is repeated for the same key.
	BreakBefore Fault = "broken before the work"
	BreakAfter  Fault = "broken after the work"
	// SlowDown asks to come back in three seconds.
	SlowDown Fault = "slow down"
)

// Effects is what has in truth happened at the far end, counted.
type Effects struct {
	// Checkouts were made, of which Open are open.
	Checkouts, Open int
	// Payments were collected (a period of a subscription is one) and Refunds made.
	Payments, Refunds int
	Captures, Voids   int
	// Subscriptions were made, of which Living can still ask for money.
	Subscriptions, Living int
}

// Stand is a provider under test and the far end it talks to.
type Stand struct {
	Provider bridge.Provider
	// System is the provider's name: the System of its refs.
	System string
	// Do pulls a lever on a checkout. amount, in minor units, is for GiveBack; zero
	// where there is none.
	Do func(t *testing.T, checkout string, lever Lever, amount int64)
	// Lacks are the levers there is no counterpart of.
	Lacks []Lever
	// Effects counts.
	Effects func(t *testing.T) Effects
	// Now is the far end's time, and Advance puts it forward.
	Now     func() time.Time
	Advance func(t *testing.T, by time.Duration)
	// Break has the next call that changes something go wrong. Nil for a provider
	// without a far end of its own; the tests of faults are then left out.
	Break func(t *testing.T, f Fault)
	// OnSale is a monthly price the provider knows by id and lookup key, with
	// everything Quote should say of it. Archived and Unknown are ids of one that is
	// not sold any more and one that never was. Zero where the provider has no
	// prices; the tests of quotes are then left out.
	OnSale            bridge.Price
	Archived, Unknown string
	// Undelivered gives the ids of the hints that Missed should find now, oldest
	// first. Nil where the provider sends no events.
	Undelivered func(t *testing.T, since time.Time) []string
	// Canary is a text that levers give as the payer's name and that nothing the
	// provider returns may hold.
	Canary string
}
