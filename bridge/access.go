package bridge

import "time"

// AccessState is what the portal grants.
type AccessState string

// The states of access.
const (
	// Unread: the portal was not asked yet.
	Unread AccessState = ""
	// Pending: the key request waits for a decision.
	Pending AccessState = "pending"
	// Granted: approved. Under secure key approval the developer may still have to
	// generate the key.
	Granted AccessState = "granted"
	// Suspended: there is a key, and it does not open anything.
	Suspended AccessState = "suspended"
	// Gone: the key request was deleted or rejected, or the key was removed.
	Gone AccessState = "gone"
)

// Access is what the portal granted when it was last read.
type Access struct {
	Have AccessState `json:"have,omitempty"`
	// Keys are the ids of the developer's keys (hashes where the portal hashes),
	// never the keys themselves.
	Keys []string `json:"keys,omitempty"`
	// Granted is when access was first seen granted. Zero: never.
	Granted time.Time `json:"granted,omitzero"`
	// Stopped is set while the portal's own admin has suspended the key: what the
	// admin does wins, so it is not resumed.
	Stopped Mark `json:"stopped,omitzero"`
}

// KeyRequest is the facts: what a portal says of one key request and of the key
// that came of it, read afresh. It never carries the key.
type KeyRequest struct {
	State     AccessState
	Applicant Applicant
	Asked     Asked
	// Keys are the ids of the keys it led to; see Access.Keys.
	Keys []string
}
