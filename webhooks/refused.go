package webhooks

import (
	"errors"

	"keybridge/bridge"
)

// Reason says why something was not believed, for logs and metrics. It is not
// shown to whoever sent it.
type Reason string

// The reasons.
const (
	// Malformed: not of the documented form. Somebody's mistake more often than an
	// attack.
	Malformed Reason = "malformed"
	// Forged: the signature or the secret is missing or wrong, or the algorithm is
	// not the configured one.
	Forged Reason = "forged"
	// Expired: signed by the right key, and too old.
	Expired Reason = "expired"
	// Early: signed by the right key, and from the future. One of the two clocks is
	// wrong.
	Early Reason = "early"
	// Misdirected: signed by the right key, and meant for somebody else.
	Misdirected Reason = "misdirected"
)

// RefusedError is the cause within a bridge.Error: why something was not
// believed. It holds nothing of what was sent.
type RefusedError struct {
	Reason Reason
	// Check names the check that failed, for an operator.
	Check string
}

// Error returns reason and check, for the log.
func (e *RefusedError) Error() string { return string(e.Reason) + ": " + e.Check }

// ReasonOf returns why err refuses something, "" when it does not.
func ReasonOf(err error) Reason {
	if e, ok := errors.AsType[*RefusedError](err); ok {
		return e.Reason
	}
	return ""
}

// refuse makes the error for something that is not believed. msg is for whoever
// sent it, check for the log.
func refuse(reason Reason, msg, check string) error {
	kind := bridge.Refused
	if reason == Malformed {
		kind = bridge.Invalid
	}
	return &bridge.Error{Kind: kind, Msg: msg, Err: &RefusedError{Reason: reason, Check: check}}
}
