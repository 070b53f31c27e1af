package webhooks

import "strconv"

// The longest ids that are taken: Stripe's are documented to grow up to 255
// characters, a portal's are 24 (an ObjectID) or 36 (a UUID).
const (
	maxProviderID = 255
	maxKey        = 64
	maxTokenID    = 128
)

// isKey reports whether text may be the id of a key request: letters, digits, -
// and _, so that it can stand in a path, a log line and a page as it is.
func isKey[T string | []byte](text T) bool { return isID(text, maxKey, "-_") }

// isProviderID reports whether text may be an id of a provider.
func isProviderID[T string | []byte](text T) bool { return isID(text, maxProviderID, "-_") }

// isTokenID reports whether text may be the jti of a token: what UUIDs, URNs and
// either base64 are written with.
func isTokenID[T string | []byte](text T) bool { return isID(text, maxTokenID, "-_.~:+/=@") }

// isEventName reports whether text may be the type of an event.
func isEventName[T string | []byte](text T) bool { return isID(text, maxKey, "-_.") }

// isSerial reports whether text is a whole number from 0 to 2⁶³-1 in the one way to
// write it: decimal digits, no sign, no leading zero.
func isSerial(text []byte) bool {
	if len(text) == 0 || len(text) > 1 && text[0] == '0' {
		return false
	}
	for _, c := range text {
		if c < '0' || c > '9' {
			return false
		}
	}
	_, err := strconv.ParseInt(string(text), 10, 64)
	return err == nil
}

func isID[T string | []byte](text T, most int, others string) bool {
	if len(text) == 0 || len(text) > most {
		return false
	}
	for i := range len(text) {
		c := text[i]
		if !isAlphanumeric(c) && !contains(others, c) {
			return false
		}
	}
	return true
}

func isAlphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}

func contains(set string, c byte) bool {
	for i := range len(set) {
		if set[i] == c {
			return true
		}
	}
	return false
}
