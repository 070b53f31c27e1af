package bridge

import "time"

// Hint is a verified word from outside that a request may have changed. It
// carries ids, never truth: what is so is read afresh afterwards.
type Hint struct {
	// Source is where it came from and the name space of ID: "stripe",
	// "portal/main", "handoff/main", "page", "person", "clock".
	Source string
	// ID de-duplicates: a second hint of the same Source and ID changes nothing.
	// Kept for at least 35 days. Empty: each one counts.
	ID string
	// What it said, for log and metrics: an event type, say. Never free text.
	What string
	At   time.Time
	// Said is of what it says that it changed. Zero: of anything.
	Said Said

	// The following lead to the request. They are tried in this order, and the first
	// that leads to one is used: what an event's metadata claims may be of a request
	// that was dropped, or of another installation on the same account, and its refs
	// may still be known here.

	// Request names it.
	Request ID
	// Portal and Key name it by its id at the portal.
	Portal, Key string
	// Refs are ids at the provider, any of which may lead to it.
	Refs []Ref

	// Intake is the request to create when Portal and Key are set, and nothing leads
	// to a request. Nil: a hint at an unknown request is no error and is not kept.
	Intake *Change
}

// Said is a set of what hints say. Like all of a hint it is not believed: it says which
// side there is reason to ask.
type Said uint8

// What hints say.
const (
	// SaidPortal: the request, its key or its developer may have changed in the portal.
	SaidPortal Said = 1 << iota
	// SaidMoney: its checkout or its payment may have changed.
	SaidMoney
	// SaidGranted: the portal approved it. Who has just read that there need not read it
	// again: it is mostly the echo of our own call.
	SaidGranted
	// SaidArrived: a browser was handed over, which says nothing of either side.
	SaidArrived
)

// Accepted says what became of a hint.
type Accepted struct {
	// Request is what it led to; empty when it led nowhere.
	Request ID
	// Created: the hint's Intake was stored.
	Created bool
	// Duplicate: it had been accepted before, and changed nothing.
	Duplicate bool
}

// Unknown reports that the hint led to no request and nothing was kept.
func (a Accepted) Unknown() bool { return a.Request == "" && !a.Duplicate }

// Outcome is that in a word: accepted, duplicate or unknown.
func (a Accepted) Outcome() string {
	switch {
	case a.Duplicate:
		return "duplicate"
	case a.Unknown():
		return "unknown"
	}
	return "accepted"
}

// Claim is the right to work on a request for a while.
type Claim struct {
	Request ID
	Portal  string
	// Hints is how many hints the request had had when it was claimed.
	Hints uint64
	// Said is what the hints said that came since it was claimed last. Zero: there was
	// none, or one of them may have been about anything, or the claim before has lapsed.
	Said Said
	// Until is when the lease lapses and another worker may claim it.
	Until time.Time
}
