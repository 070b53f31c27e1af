package bridge

import (
	"errors"
	"time"
)

// Kind says what sort of failure an Error is, so that a caller can choose what
// to do without knowing which adapter failed.
type Kind string

// The kinds of failure.
const (
	// Invalid: what was sent is wrong and will be wrong again. Permanent.
	Invalid Kind = "invalid"
	// NotFound: the thing named does not exist.
	NotFound Kind = "not found"
	// Conflict: the outside has moved on since it was read. Read again and go on;
	// it is no failure of the attempt.
	Conflict Kind = "conflict"
	// Refused: credentials or permissions do not allow it. Permanent until an
	// operator changes something.
	Refused Kind = "refused"
	// Denied: the person who asks may not do that.
	Denied Kind = "denied"
	// Limited: asked to slow down; see Error.RetryAfter.
	Limited Kind = "limited"
	// Unavailable: no answer, or an answer that says the other side is broken.
	Unavailable Kind = "unavailable"
	// Internal: anything else. What an error without a kind counts as.
	Internal Kind = "internal"
)

// Error is a failure with a kind and, where there is something to say, a message
// that a person may read.
type Error struct {
	Kind Kind
	// Msg may be shown to anybody: it holds no secret, no personal data and no
	// internals. It says what to do next where there is something to do.
	Msg string
	// Err is the cause, for the log. It holds no secret either.
	Err error
	// RetryAfter is how long the other side asked us to wait. Zero: it did not say.
	RetryAfter time.Duration
	// Answered is true when the provider gave a definite answer that it will
	// repeat for the same idempotency key (a stored 5xx, say): the next try needs
	// the next attempt's key. False after a cut connection or a time-out, when the
	// same key has to be used again.
	Answered bool
}

// Error returns the message and the cause, for the log.
func (e *Error) Error() string {
	switch {
	case e.Msg == "" && e.Err == nil:
		return string(e.Kind)
	case e.Err == nil:
		return e.Msg
	case e.Msg == "":
		return e.Err.Error()
	}
	return e.Msg + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the first *Error in err's chain, Internal where
// there is none, and "" for a nil error.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// Explain returns what a person may read about err. An error without a message
// of its own gets a general one: internals are never shown.
func Explain(err error) string {
	if e, ok := errors.AsType[*Error](err); ok && e.Msg != "" {
		return e.Msg
	}
	return "Something went wrong on our side. It has been noted, and nothing you did is lost."
}

// Permanent reports whether trying again without a change by a person is not
// expected to help. A permanent failure is still retried, slowly, and shown.
func Permanent(err error) bool {
	switch KindOf(err) {
	case Invalid, NotFound, Refused, Denied:
		return true
	}
	return false
}

func retryAfter(err error) time.Duration {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.RetryAfter
	}
	return 0
}

func answered(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Answered
}
