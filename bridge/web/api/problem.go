package api

import (
	"cmp"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
)

// problem is an error as programs are told of it (RFC 9457).
type problem struct {
	Type     string  `json:"type"`
	Title    string  `json:"title"`
	Status   int     `json:"status"`
	Detail   string  `json:"detail"`
	Instance string  `json:"instance"`
	Errors   []fault `json:"errors,omitempty"`
}

// fault is what is wrong with one part of a call.
type fault struct {
	// In is where it is: "body", "query" or "header"; Name is what it is called there,
	// "amount.currency" for a member of a member.
	In     string `json:"in"`
	Name   string `json:"name"`
	Detail string `json:"detail"`
}

// problemTypes begins every problem's type.
const problemTypes = "urn:keybridge:problem:"

// problemError is an error with a status and type of its own.
type problemError struct {
	status       int
	kind         string // after problemTypes
	title, text  string
	faults       []fault
	authenticate string // WWW-Authenticate
	err          error  // the cause, for the log
}

// Error returns the cause, for the log; never what was sent.
func (e *problemError) Error() string {
	if e.err != nil {
		return e.err.Error()
	}
	return e.title
}

// Unwrap returns the cause.
func (e *problemError) Unwrap() error { return e.err }

// The problems that are always the same.
var (
	errNoToken = &problemError{status: http.StatusUnauthorized, kind: "unauthenticated", title: "No token", authenticate: `Bearer realm="keybridge"`,
		text: "Send a token in the header Authorization: Bearer. A cookie lets nobody in here."}
	errWrongToken = &problemError{status: http.StatusUnauthorized, kind: "unauthenticated", title: "This token opens nothing",
		authenticate: `Bearer realm="keybridge", error="invalid_token"`,
		text:         "It may have expired or been revoked. Ask an admin for another."}
	errNoOperation = &problemError{status: http.StatusNotFound, kind: "not-found", title: "Nothing here", text: "There is no such operation. " + Base + "/openapi.yaml says which there are."}
	errNoRequest   = &problemError{status: http.StatusNotFound, kind: "not-found", title: "Nothing here", text: "There is no such request."}
	errNoMethod    = &problemError{status: http.StatusMethodNotAllowed, kind: "method-not-allowed", title: "Not that method", text: "The header Allow says which methods there are."}
	errTooLarge    = &problemError{status: http.StatusRequestEntityTooLarge, kind: "too-large", title: "Too large", text: "A body has at most 64 KiB. Nothing was done."}
	errMediaType   = &problemError{status: http.StatusUnsupportedMediaType, kind: "unsupported-media-type", title: "Not JSON", text: "Send the body as application/json, in UTF-8."}
	errUnseen      = &problemError{status: http.StatusPreconditionRequired, kind: "precondition-required", title: "Which edition?",
		text: "A decision is about what was seen: send the request's ETag in If-Match."}
	errKeyReused = &problemError{status: http.StatusUnprocessableEntity, kind: "key-reused", title: "This key was used for something else",
		text: "An Idempotency-Key stands for one write. Choose another for this one. Nothing was done."}
)

// wrong is the error of a call with faults.
func wrong(faults ...fault) error {
	return &problemError{status: http.StatusBadRequest, kind: "invalid", title: "That cannot be understood", text: "Nothing was done. errors says what is wrong.", faults: faults}
}

// invalid is the error of a call that is wrong as a whole.
func invalid(text string, cause error) error {
	return &problemError{status: http.StatusBadRequest, kind: "invalid", title: "That cannot be understood", text: text, err: cause}
}

// notOffered is the error of what is not configured here.
func notOffered(text string) error {
	return &problemError{status: http.StatusNotImplemented, kind: "not-offered", title: "Not offered", text: text}
}

// kinds are the problems of the domain's errors.
var kinds = map[bridge.Kind]problemError{
	bridge.Invalid:     {status: http.StatusBadRequest, kind: "invalid", title: "That cannot be done"},
	bridge.NotFound:    {status: http.StatusNotFound, kind: "not-found", title: "Nothing here"},
	bridge.Conflict:    {status: http.StatusConflict, kind: "conflict", title: "That cannot be done now"},
	bridge.Denied:      {status: http.StatusForbidden, kind: "denied", title: "You may not do that"},
	bridge.Refused:     {status: http.StatusBadGateway, kind: "refused", title: "The other side refused"},
	bridge.Limited:     {status: http.StatusTooManyRequests, kind: "limited", title: "Too much at once"},
	bridge.Unavailable: {status: http.StatusServiceUnavailable, kind: "unavailable", title: "No answer"},
	bridge.Internal:    {status: http.StatusInternalServerError, kind: "internal", title: "Something went wrong here"},
}

// asProblem returns an error with what programs are told of it.
func asProblem(err error) *problemError {
	if e, ok := errors.AsType[*problemError](err); ok {
		return e
	}
	e := kinds[bridge.KindOf(err)]
	if errors.Is(err, bridge.ErrMoved) {
		e = problemError{status: http.StatusPreconditionFailed, kind: "moved", title: "The request has moved on"}
	}
	e.text, e.err = bridge.Explain(err), err
	return &e
}

// fail answers with a problem. What is ours to mend is logged, without what was sent.
func (a *API) fail(c *gin.Context, err error) {
	e := asProblem(err)
	if e.status >= http.StatusInternalServerError {
		a.cfg.Log.Error("a call of the API could not be answered", "route", c.FullPath(), "error", e)
	}
	if wait := retryAfter(err, e.status); wait != "" {
		c.Header("Retry-After", wait)
	}
	if e.authenticate != "" {
		c.Header("WWW-Authenticate", e.authenticate)
	}
	c.Header("Content-Type", "application/problem+json")
	c.Status(e.status)
	_ = json.NewEncoder(c.Writer).Encode(problem{ // the caller is gone, or it is written
		Type: problemTypes + e.kind, Title: e.title, Status: e.status, Detail: cmp.Or(e.text, e.title),
		Instance: c.Request.URL.EscapedPath(), Errors: e.faults,
	})
	c.Abort()
}

// retryAfter is how many seconds to wait, at least one; empty: the error does not say. What
// is unavailable is worth another try in a while.
func retryAfter(err error, status int) string {
	wait := 0.0
	if e, ok := errors.AsType[*bridge.Error](err); ok {
		wait = math.Ceil(e.RetryAfter.Seconds())
	}
	switch {
	case wait > 0:
	case status == http.StatusServiceUnavailable:
		wait = 5
	case status == http.StatusTooManyRequests:
		wait = 1
	default:
		return ""
	}
	return strconv.Itoa(int(wait))
}
