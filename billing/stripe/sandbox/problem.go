package sandbox

import (
	"fmt"
	"net/http"
	"strings"
)

// problem is an error as Stripe answers it. It is the only error an API call
// returns; anything else would be a fault of the sandbox itself.
//
// Source: https://stripe.com/docs/api/errors
type problem struct {
	status  int
	kind    string // invalid_request_error, api_error, card_error, idempotency_error
	code    string // may be empty: many of Stripe's errors have none
	message string
	param   string
	decline string
	intent  object // the PaymentIntent an unexpected state is reported with
	setup   object // likewise the SetupIntent

	// unstored says that the call never began: Stripe keeps the first answer
	// for an idempotency key only once an endpoint has begun to run, so a
	// request that was refused at the door may be corrected under its key.
	unstored bool
}

func (p *problem) Error() string {
	return fmt.Sprintf("stripe sandbox: %d %s: %s", p.status, p.kind, p.message)
}

// render gives the error body. The request id becomes the address of the log
// entry, as in Stripe's dashboard.
func (p *problem) render(request, base string) object {
	body := object{"type": p.kind, "message": p.message}
	if p.code != "" {
		body["code"] = p.code
		body["doc_url"] = "https://stripe.com/docs/error-codes/" + strings.ReplaceAll(p.code, "_", "-")
	}
	if p.param != "" {
		body["param"] = p.param
	}
	if p.decline != "" {
		body["decline_code"] = p.decline
	}
	if p.intent != nil {
		body["payment_intent"] = p.intent
	}
	if p.setup != nil {
		body["setup_intent"] = p.setup
	}
	if request != "" {
		body["request_log_url"] = base + "/#" + request
	}
	return object{"error": body}
}

// invalid is a parameter that was refused before any work began.
func invalid(code, param, format string, args ...any) *problem {
	return &problem{
		status: http.StatusBadRequest, kind: "invalid_request_error", code: code, param: param,
		message: fmt.Sprintf(format, args...), unstored: true,
	}
}

// refused is a well-formed call that what is so does not allow.
func refused(code, param, format string, args ...any) *problem {
	p := invalid(code, param, format, args...)
	p.unstored = false
	return p
}

// missing is an object that is not there. A wrong id in the path answers 404; a
// wrong id among the parameters answers 400, as Stripe does.
func missing(label, id, param string, status int) *problem {
	p := refused("resource_missing", param, "No such %s: '%s'", label, id)
	p.status = status
	return p
}

func parameterMissing(param string) *problem {
	return invalid("parameter_missing", param, "Missing required param: %s.", param)
}
