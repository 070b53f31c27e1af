package webhooks

import "time"

// Handoff is what a portal handed over with a browser, signed. It is what the
// portal says, and the portal's word is good for it; whether the key request
// exists and waits is read back as ever.
type Handoff struct {
	// Portal is the configured name of the portal that signed it.
	Portal string
	// Key is the id of the key request: 1 to 64 letters, digits, - and _.
	Key string
	// ID makes the hand-off work once: the token's jti, or the query's signature.
	// The caller has to see to that.
	ID string
	// Expires is when it stops being good, leeway included. An ID has to be
	// remembered until then at least.
	Expires time.Time
	// Return is where the developer wants to go back to, as it was sent: to be
	// checked against the list of allowed addresses. At most 2048 bytes. May be
	// empty.
	Return string
	// Email and Name of the developer, where a token has them. Personal data: never
	// logged.
	Email, Name string
}
