package stripe

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	stripego "github.com/stripe/stripe-go/v76"

	"keybridge/bridge"
)

// The messages that a person may read. They name no id and no setting's value.
const (
	msgSilent   = "The payment provider does not answer at the moment. It is tried again by itself."
	msgBroken   = "The payment provider reports a fault of its own. It is tried again by itself."
	msgLimited  = "The payment provider asked us to slow down. It is tried again by itself."
	msgBusy     = "The payment provider is still working on the same call. It is tried again by itself."
	msgKeyReuse = "The payment provider knows this attempt under other terms. A new attempt is made by itself."
	msgDeclined = "The bank declined the payment."
)

// problem turns what a call came back with into a *bridge.Error. doing says what
// was tried, for the log.
//
// Answered is set for whatever Stripe may have stored under the idempotency key,
// which is everything an endpoint answered once it had begun. A rate limit, a lock,
// a key in use and a missing answer are stored nowhere.
// Source: https://docs.stripe.com/api/idempotent_requests, https://docs.stripe.com/error-low-level
func (p *Provider) problem(doing string, err error) error {
	if se, ok := errors.AsType[*stripego.Error](err); ok {
		return p.refusal(doing, se)
	}
	if fe, ok := errors.AsType[*foreignError](err); ok {
		return p.foreign(doing, fe)
	}
	why := bridge.Unanswered(err)
	if errors.Is(err, errTooLarge) {
		why = errTooLarge
	}
	return &bridge.Error{Kind: bridge.Unavailable, Msg: msgSilent, Err: fmt.Errorf("stripe: %s: %w", doing, why)}
}

// refusal maps an answer of Stripe's API.
func (p *Provider) refusal(doing string, se *stripego.Error) *bridge.Error {
	e := &bridge.Error{Kind: bridge.Internal, Err: told(doing, se), Answered: true}
	status, code := se.HTTPStatusCode, se.Code
	switch {
	case status == http.StatusTooManyRequests, code == stripego.ErrorCodeLockTimeout, code == stripego.ErrorCodeRateLimit:
		e.Kind, e.Msg, e.Answered = bridge.Limited, msgLimited, false
		e.RetryAfter = p.waitAsked(se)
	case code == stripego.ErrorCodeIdempotencyKeyInUse:
		e.Kind, e.Msg, e.Answered = bridge.Unavailable, msgBusy, false
		e.RetryAfter = p.waitAsked(se)
	case se.Type == stripego.ErrorTypeIdempotency:
		e.Msg = msgKeyReuse
	case status == http.StatusUnauthorized:
		e.Kind, e.Answered = bridge.Refused, false
		e.Msg = fmt.Sprintf("Stripe does not accept the key of provider %q. An operator has to check that it is complete, not expired and of the right account.", p.cfg.Name)
	case status == http.StatusForbidden:
		e.Kind, e.Answered = bridge.Refused, false
		e.Msg = fmt.Sprintf("The Stripe key of provider %q lacks a permission it needs. An operator has to grant it; the log says which.", p.cfg.Name)
	case status >= 500:
		e.Kind, e.Msg = bridge.Unavailable, msgBroken
		e.RetryAfter = p.waitAsked(se)
	default:
		e.Kind, e.Msg = kindOf(se)
	}
	return e
}

// kindOf tells the refusals apart that say something about what was asked for.
func kindOf(se *stripego.Error) (bridge.Kind, string) {
	if msg, ok := moved[se.Code]; ok {
		return bridge.Conflict, msg
	}
	switch {
	case se.Type == stripego.ErrorTypeCard, se.HTTPStatusCode == http.StatusPaymentRequired:
		return bridge.Conflict, msgDeclined
	case se.Code == stripego.ErrorCodeBalanceInsufficient:
		return bridge.Refused, "The balance of the Stripe account is too low for this. An operator has to add to it."
	case se.HTTPStatusCode == http.StatusNotFound,
		se.Code == stripego.ErrorCodeResourceMissing && se.Param == "":
		return bridge.NotFound, "The payment provider does not know this payment. An operator has to check that the key is of the account and mode it was made in."
	case se.HTTPStatusCode == http.StatusConflict:
		return bridge.Conflict, "The payment changed at the payment provider at the same moment."
	case se.HTTPStatusCode >= 400:
		return bridge.Invalid, "The payment provider does not accept " + named(se.Param) + ". An operator has to look at the plan and at the log."
	}
	return bridge.Internal, ""
}

// moved are the codes that say an object is no longer in the state that was read.
// Source: https://docs.stripe.com/error-codes
var moved = map[stripego.ErrorCode]string{
	stripego.ErrorCodeChargeAlreadyRefunded:             "The payment has been refunded already.",
	stripego.ErrorCodeChargeDisputed:                    "The payment is disputed; the bank decides about it, and it cannot be refunded.",
	stripego.ErrorCodeChargeNotRefundable:               "The payment cannot be refunded.",
	stripego.ErrorCodeChargeAlreadyCaptured:             "The payment has been captured already.",
	stripego.ErrorCodeChargeExpiredForCapture:           "The authorisation of the payment has lapsed.",
	stripego.ErrorCodeCaptureChargeAuthorizationExpired: "The authorisation of the payment has lapsed.",
	stripego.ErrorCodePaymentIntentUnexpectedState:      "The payment has moved on since it was read.",
	stripego.ErrorCodeSetupIntentUnexpectedState:        "The validation has moved on since it was read.",
	stripego.ErrorCodeIntentInvalidState:                "The payment has moved on since it was read.",
}

var paramName = regexp.MustCompile(`^[a-z0-9_\[\]]{1,100}$`)

// named says which parameter was refused, in the words of Stripe's API.
func named(param string) string {
	if !paramName.MatchString(param) {
		return "what was sent to it"
	}
	return fmt.Sprintf("the %q that was sent to it", param)
}

// foreign maps an answer that did not come from Stripe's API: that of a proxy on the
// way, mostly. Nothing is known of what became of the call.
func (p *Provider) foreign(doing string, fe *foreignError) *bridge.Error {
	e := &bridge.Error{Kind: bridge.Unavailable, Msg: msgSilent, Err: fmt.Errorf("stripe: %s: %w", doing, fe), RetryAfter: fe.wait}
	switch {
	case fe.status == http.StatusTooManyRequests:
		e.Kind, e.Msg = bridge.Limited, msgLimited
	case fe.status < 500:
		e.Msg = fmt.Sprintf("What answers at the address of provider %q is not Stripe's API. An operator has to check the address and any proxy on the way.", p.cfg.Name)
	}
	return e
}

// told is a refusal in words for the log: its status, and of what Stripe says the words of its API alone. Its sentences
// are left out, because they quote what was sent: keys, addresses, names.
func told(doing string, se *stripego.Error) error {
	var b strings.Builder
	fmt.Fprintf(&b, "stripe: %s: status %d", doing, se.HTTPStatusCode)
	for _, part := range []struct {
		name, value string
		form        *regexp.Regexp
	}{
		{"type", string(se.Type), apiWord}, {"code", string(se.Code), apiWord}, {"decline code", string(se.DeclineCode), apiWord},
		{"param", se.Param, paramName}, {"permission", permission.FindString(se.Msg), permission}, {"request", se.RequestID, requestID},
	} {
		if part.form.MatchString(part.value) && !looksSecret.MatchString(part.value) {
			fmt.Fprintf(&b, ", %s %s", part.name, part.value)
		}
	}
	return errors.New(b.String())
}

// What may be told of an answer, by its form.
var (
	apiWord = regexp.MustCompile(`^[a-z][a-z_]{0,63}$`)
	// permission is what a restricted key lacks, as Stripe's sentence names it.
	permission  = regexp.MustCompile(`\brak_[a-z_]{1,60}\b`)
	requestID   = regexp.MustCompile(`^req_[A-Za-z0-9]{1,60}$`)
	looksSecret = regexp.MustCompile(`(?i)\b(?:sk|rk|pk|whsec|ek)_|_secret`)
)

// waitAsked is how long Stripe asked to wait; zero where it did not say.
func (p *Provider) waitAsked(se *stripego.Error) time.Duration {
	if se.LastResponse == nil {
		return 0
	}
	return retryAfter(se.LastResponse.Header, p.cfg.Now())
}

// retryAfter reads a Retry-After header: seconds or a date (RFC 9110, 10.2.3).
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.Atoi(value); err == nil {
		return min(max(time.Duration(seconds), 0), 24*3600) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(at.Sub(now), 0), 24*time.Hour)
	}
	return 0
}

// conflict says that there is nothing there, or no longer, to do what was asked.
func conflict(msg string) error { return &bridge.Error{Kind: bridge.Conflict, Msg: msg} }
