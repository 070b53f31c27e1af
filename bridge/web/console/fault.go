package console

import (
	"errors"
	"math"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
	"keybridge/bridge/web"
)

// pageError is an error that has a page of its own.
type pageError struct {
	Status      int
	Title, Text string
	// Back leads on, Word says where to. Empty: to the queue.
	Back, Word string
	// Err is the cause, for the log.
	Err error
}

// Error returns the cause, for the log; never what was sent.
func (e *pageError) Error() string {
	if e.Err != nil {
		return e.Err.Error()
	}
	return e.Title
}

// Unwrap returns the cause.
func (e *pageError) Unwrap() error { return e.Err }

// The errors that need nothing said beside them.
var (
	errNotHere = &pageError{Status: http.StatusNotFound, Title: "Nothing here", Text: "There is no page at this address."}
	errNotSo   = &pageError{Status: http.StatusMethodNotAllowed, Title: "That does not work here",
		Text: "This address does not take what was sent. Nothing was done."}
	errOtherSite = &pageError{Status: http.StatusForbidden, Title: "That came from another site",
		Text: "Nothing was done. If it was meant, do it on the page here."}
	errSignedOut = &pageError{Status: http.StatusUnauthorized, Title: "You are signed out",
		Text: "Nothing was done. Sign in again in another tab, and then go back in this one: what you typed is still there.",
		Back: signInPath, Word: "Sign in"}
	errTooMuch = &pageError{Status: http.StatusRequestEntityTooLarge, Title: "That is too long", Text: "Nothing was done. Go back and write less."}
)

// errorView is an error as its page shows it.
type errorView struct {
	frame
	Text, Back, Word string
}

// asPage returns an error with what its page says.
func asPage(err error) *pageError {
	if e, ok := errors.AsType[*pageError](err); ok {
		return e
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return errTooMuch
	}
	return &pageError{Status: web.StatusOf(err), Title: titleOf(err), Text: bridge.Explain(err), Err: err}
}

// onward gives an error whose page should lead to a request a way there.
func onward(err error, id bridge.ID) error {
	e := *asPage(err)
	if e.Back == "" && e.Status != http.StatusNotFound {
		e.Back, e.Word = requestPath+string(id), "Back to the request"
	}
	return &e
}

// showError answers with a page that says what to do next. What is ours to mend is
// logged.
func (s *Console) showError(c *gin.Context, err error) {
	e := asPage(err)
	if e.Status >= http.StatusInternalServerError {
		s.cfg.Log.Error("a page of the console could not be answered", "route", c.FullPath(), "error", e)
	}
	if wait := retryAfter(err); wait != "" {
		c.Header("Retry-After", wait)
	}
	view := errorView{frame: s.frame(e.Title), Text: e.Text, Back: e.Back, Word: e.Word}
	if view.Back == "" {
		view.Back, view.Word = queuePath, "To the queue"
	}
	if failed := s.pages.Render(c, e.Status, "error", view); failed != nil {
		s.cfg.Log.Error("the page of an error could not be shown", "route", c.FullPath(), "error", failed)
		c.Data(http.StatusInternalServerError, "text/plain; charset=utf-8", []byte("Something went wrong on our side. Please try again.\n"))
	}
}

// titleOf is what the page of an error says first.
func titleOf(err error) string {
	switch bridge.KindOf(err) {
	case bridge.Denied:
		return "You may not do that"
	case bridge.NotFound:
		return "Nothing here"
	case bridge.Conflict:
		return "Somebody was first"
	}
	return "That did not work"
}

// retryAfter is how many seconds an error asks to wait; empty: it does not.
func retryAfter(err error) string {
	e, ok := errors.AsType[*bridge.Error](err)
	if !ok || e.RetryAfter <= 0 {
		return ""
	}
	return strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds())))
}
