package portaltest

import (
	"testing"
	"time"

	"keybridge/bridge"
)

// Stand is a portal with an adapter in front and levers behind. Everything is required unless it says otherwise.
type Stand struct {
	// Portal is the adapter under test.
	Portal bridge.Portal
	// Stranger is an adapter to the same portal that works for another organisation; Locked is one whose credentials
	// are wrong. Either may be nil.
	Stranger, Locked bridge.Portal

	// Applicant is who Ask asks for. The suite compares ID, Email and App.
	Applicant bridge.Applicant
	// Policies exist and may be asked for together: two or more, unless the portal knows only one for a request.
	Policies []string
	// Plan is what is asked for beside the policies. Empty where the portal has none.
	Plan string
	// Unknown is a policy that does not exist.
	Unknown string

	// What the portal is like.

	// TakesUnknown: what does not exist can be asked for, and never be approved.
	TakesUnknown bool
	// KeepsReasons: a key request holds the reasons it was asked for with.
	KeepsReasons bool
	// KeepsDeclined: a key request that was declined stays on record. Reconsiders: the admin may then approve it after all.
	KeepsDeclined, Reconsiders bool
	// Renews: keys are not resumed but given anew, by another key request.
	Renews bool

	// Ask makes a key request with, where reasons are kept, the one "why": "because", and returns its id.
	Ask func(t testing.TB, policies ...string) (key string)
	// Approve, Decline and Delete decide a key request as the portal's admin does.
	Approve, Decline, Delete func(t testing.TB, key string)
	// Suspend, Resume and Remove change the key that came of a request, as the portal's admin does. Resume is nil where
	// that is only done by another key request.
	Suspend, Resume, Remove func(t testing.TB, key string)
	// Deactivate and Activate change the applicant's account, as the portal's admin does.
	Deactivate, Activate func(t testing.TB)
	// Secure lets an approval make no key until the developer generates it, which Generate does. Nil where the portal
	// has no such thing.
	Secure   func(t testing.TB)
	Generate func(t testing.TB, key string)
	// Admits reports whether a key that came of one of the requests opens what its policies grant, now. They are a key
	// request and what its facts have in Also.
	Admits func(t testing.TB, requests ...string) bool
	// Keys counts the keys that the applicant has.
	Keys func(t testing.TB) int
	// Decided counts the decisions on a key request that took effect.
	Decided func(t testing.TB, key string) Decided
	// Calls counts the requests that reached the portal.
	Calls func() int
	// Writes counts those that were not only readings.
	Writes func() int
	// Break lets calls go wrong, Mend ends that.
	Break func(t testing.TB, f Fault)
	Mend  func()
	// Secrets are all live secrets at the far end: raw keys, passwords, credentials. None may come out of the adapter.
	Secrets func() []string
	// Log is what the adapters have logged.
	Log func() string
}

// Decided counts decisions that took effect. A deletion is a way to decline.
type Decided struct{ Approved, Declined int }

// Moment says which calls a fault meets.
type Moment string

// The moments of a fault.
const (
	Always    Moment = ""
	Approving Moment = "approving"
	Declining Moment = "declining"
	// Stopping is the write that suspends, Resuming the one that resumes, Asking the one that makes a key request.
	Stopping Moment = "stopping"
	Resuming Moment = "resuming"
	Asking   Moment = "asking"
	Listing  Moment = "listing"
)

// Trouble is what goes wrong.
type Trouble string

// The kinds of trouble. Before: the call had no effect. After: it had all of it, and the answer was lost.
const (
	CutBefore   Trouble = "cut before"
	CutAfter    Trouble = "cut after"
	ErrorBefore Trouble = "error before" // Fault.Status
	ErrorAfter  Trouble = "error after"  // Fault.Status
	Limit       Trouble = "limit"        // 429, Fault.RetryAfter
	Slow        Trouble = "slow"         // Fault.Delay before the answer
)

// Fault is one thing that goes wrong.
type Fault struct {
	On Moment
	Do Trouble
	// Times is how many calls it meets; 0: every one, until Mend.
	Times      int
	Status     int
	RetryAfter time.Duration
	Delay      time.Duration
}
