package webhooks

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Bounds of a Stripe webhook.
const (
	// stripeLimit is several times the largest event Stripe sends.
	stripeLimit = 256 << 10
	// stripeTolerance is what Stripe's own libraries use.
	stripeTolerance = 5 * time.Minute
	// Two signatures are sent while a secret is rolled; there is room for more.
	maxStripeHeader     = 2 << 10
	maxStripeSignatures = 8
	// leastStripeSecret keeps placeholders out. Stripe's have 38 bytes.
	leastStripeSecret = 16
	// maxUnixDigits is enough until the year 33658 and far from an overflow.
	maxUnixDigits = 12
)

// What an operator who looks at Stripe's list of failed deliveries is to check.
const (
	adviceStripeSignature = "The Stripe-Signature header does not match the body. Compare the signing secret of this endpoint in Stripe with the configured one, and see that nothing on the way changes the body."
	adviceStripeClock     = "The Stripe-Signature header is signed correctly, and its time is too far from this server's clock. Check the clock. A delivery that was recorded cannot be sent again later."
	adviceStripeBody      = "The signature is good, but the body is not an event."
)

// StripeConfig configures the receiver of one Stripe account's events.
type StripeConfig struct {
	Receiver
	// Name is the configured name of the provider: the System of the refs and the
	// Source of the hints. Empty: "stripe".
	Name string
	// Secrets are the endpoint's signing secrets (whsec_…), all of them live: two
	// while one is rolled. Their bytes are used as they are. 16 bytes at least.
	Secrets []string
	// Tolerance is how far the time of a signature may lie in the past or in the
	// future. Zero: 5 minutes.
	Tolerance time.Duration
}

// Stripe returns the receiver of Stripe's events: POST only, 256 KiB unless
// Limit says otherwise. The package comment lists what it answers. Stripe repeats
// what was not answered 2xx for three days.
func Stripe(c StripeConfig) (http.Handler, error) {
	if c.Name == "" {
		c.Name = "stripe"
	}
	verifier, err := NewStripeVerifier(c.Secrets, c.Tolerance)
	if err != nil {
		return nil, fmt.Errorf("webhooks: %s: %w", c.Name, err)
	}
	return c.receive(sender{
		source:       c.Name,
		limit:        stripeLimit,
		unauthorized: http.StatusBadRequest,
		read: func(header http.Header, body []byte, now time.Time) (word, error) {
			sent := header["Stripe-Signature"]
			if len(sent) != 1 {
				return word{}, refuse(Forged, adviceStripeSignature, "not exactly one Stripe-Signature header")
			}
			if err := verifier.Verify(sent[0], body, now); err != nil {
				return word{}, err
			}
			h, known, err := StripeHint(c.Name, body)
			h.At = now
			return word{hint: h, known: known}, err
		},
	})
}

// StripeVerifier checks Stripe's signatures. It may be used by several
// goroutines.
type StripeVerifier struct {
	secrets   secrets
	tolerance time.Duration
}

// NewStripeVerifier returns a verifier; secrets and tolerance are those of
// StripeConfig.
func NewStripeVerifier(secrets []string, tolerance time.Duration) (*StripeVerifier, error) {
	keys, err := newSecrets(secrets, leastStripeSecret)
	if err != nil {
		return nil, err
	}
	if tolerance < 0 {
		return nil, fmt.Errorf("the tolerance is negative: %s", tolerance)
	}
	if tolerance == 0 {
		tolerance = stripeTolerance
	}
	return &StripeVerifier{secrets: keys, tolerance: tolerance}, nil
}

// Verify checks a Stripe-Signature header against the body exactly as it was
// received: any of the v1 signatures may have been made with any of the secrets,
// and the time has to be within the tolerance, in the past and in the future.
// Other schemes (v0 is for test events) are passed over. See "Verify webhook
// signatures manually" in Stripe's documents.
//
// The error is Refused, with a RefusedError: Forged, or Expired or Early when the
// signature as such is good.
func (v *StripeVerifier) Verify(header string, body []byte, now time.Time) error {
	var room [maxStripeSignatures]signature
	sent, stamp, check := parseStripeHeader(header, room[:0])
	if check != "" {
		return refuse(Forged, adviceStripeSignature, check)
	}
	if !v.secrets.match(sent, stamp, ".", body) {
		return refuse(Forged, adviceStripeSignature, "no v1 signature is one of any secret")
	}
	at, ok := parseUnix(stamp)
	switch {
	case !ok:
		return refuse(Forged, adviceStripeSignature, "the time is not a number of seconds")
	case at.Before(now.Add(-v.tolerance)):
		return refuse(Expired, adviceStripeClock, "the signature is too old")
	case at.After(now.Add(v.tolerance)):
		return refuse(Early, adviceStripeClock, "the signature is from the future")
	}
	return nil
}

// parseStripeHeader takes the time, as it is written, and the v1 signatures from
// a header "t=…,v1=…[,v1=…]". The signatures are appended to sent. check says
// what is wrong with it, "" when nothing is.
func parseStripeHeader(header string, sent []signature) (out []signature, stamp, check string) {
	if len(header) > maxStripeHeader {
		return nil, "", "the header is too long"
	}
	for rest, more := header, true; more; {
		var item string
		item, rest, more = strings.Cut(rest, ",")
		scheme, value, ok := strings.Cut(item, "=")
		if !ok {
			return nil, "", "the header is not a list of scheme=value"
		}
		switch scheme {
		case "t":
			if stamp != "" || value == "" {
				return nil, "", "not exactly one time"
			}
			stamp = value
		case "v1":
			sig, ok := unhex(value, false)
			if !ok || len(sent) == maxStripeSignatures {
				return nil, "", "a v1 signature that is none, or too many of them"
			}
			sent = append(sent, sig)
		}
	}
	switch {
	case stamp == "":
		return nil, "", "not exactly one time"
	case len(sent) == 0:
		return nil, "", "no v1 signature"
	}
	return sent, stamp, ""
}

// parseUnix reads Unix seconds: decimal digits only, no sign, no leading zero, at
// most maxUnixDigits of them.
func parseUnix(text string) (time.Time, bool) {
	if len(text) == 0 || len(text) > maxUnixDigits || text[0] == '0' {
		return time.Time{}, false
	}
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return time.Time{}, false
		}
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	return time.Unix(seconds, 0), err == nil
}
