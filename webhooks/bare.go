package webhooks

import (
	"net/url"
)

// What a person reads whose hand-off cannot be used. Which check failed is in the
// log.
const (
	sayAskAgain = "This address does not lead to a key request. Go back to the portal and ask for your key again."
	sayExpired  = "This link has expired. Go back to the portal and ask for your key again."
	sayEarly    = "This link is not valid yet. Wait a minute, go back to the portal and ask for your key again. If that does not help, tell whoever runs the portal that its clock may be wrong."
)

// BareNames are the names under which the id of a key request is looked for where
// nothing else is configured. Tyk does not document which one it uses.
func BareNames() []string { return []string{"key_request_id", "request_id", "id"} }

// BareKey returns the id of the key request that a portal added to the address
// without signing anything. It is not to be believed until it was read back at
// the portal.
//
// names are the parameters that may hold it; none: BareNames. An id is 1 to 64
// letters, digits, - and _. A parameter that is repeated, empty or ill-formed is
// refused, and so are two of the names with different ids: guessing which one was
// meant would let whoever can add to a link choose. The error is Invalid, with a
// message for the person who came.
func BareKey(query url.Values, names []string) (string, error) {
	if len(names) == 0 {
		names = BareNames()
	}
	key := ""
	for _, name := range names {
		values, ok := query[name]
		if !ok {
			continue
		}
		switch {
		case len(values) != 1:
			return "", refuse(Malformed, sayAskAgain, "the id is given more than once")
		case !isKey(values[0]):
			return "", refuse(Malformed, sayAskAgain, "the id is not well-formed")
		case key != "" && key != values[0]:
			return "", refuse(Malformed, sayAskAgain, "two different ids")
		}
		key = values[0]
	}
	if key == "" {
		return "", refuse(Malformed, sayAskAgain, "no id in the address")
	}
	return key, nil
}
