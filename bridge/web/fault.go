package web

import (
	"errors"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
)

// pageError is an error that has a page of its own.
type pageError struct {
	Status      int
	Title, Text string
	// Home leads back to the portal, Resume on to the visitor's own request.
	Home, Resume string
	// reload is how the page looks again by itself, where that may help.
	reload
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
	errNotHere = &pageError{Status: http.StatusNotFound, Title: "Nothing here",
		Text: "There is no page at this address. If you asked for a key, go back to the portal and open your request from there."}
	errNotSo = &pageError{Status: http.StatusMethodNotAllowed, Title: "That does not work here",
		Text: "This address does not take what was sent. Go back and try again."}
	errOtherSite = &pageError{Status: http.StatusForbidden, Title: "That came from another site",
		Text: "Nothing was done. Open your request from the portal, and do it on its page here."}
)

// errorView is an error as its page shows it.
type errorView struct {
	frame
	reload
	Text, Home, Resume string
	// Retry offers to send the same again: it was our fault, and nothing was done.
	Retry bool
}

// asPage returns an error with what its page says.
func asPage(err error) *pageError {
	if e, ok := errors.AsType[*pageError](err); ok {
		return e
	}
	return &pageError{Status: StatusOf(err), Title: "That did not work", Text: bridge.Explain(err), Err: err}
}

// showError answers with a page that says what to do next, or with a problem
// document where a program asks. What is ours to mend is logged.
func (s *Server) showError(c *gin.Context, err error) {
	e := asPage(err)
	if e.Status >= http.StatusInternalServerError {
		s.cfg.Log.Error("a page could not be answered", "route", c.FullPath(), "error", e)
		c.Header("Retry-After", "5")
	}
	if byProgram(c.Request) {
		writeProblem(c.Writer, e)
		return
	}
	secured(c)
	failed := s.pages.Render(c, e.Status, "error", errorView{
		frame: s.frame(e.Title).again(e.reload), reload: e.reload, Text: e.Text, Home: e.Home, Resume: e.Resume,
		Retry: e.Status >= http.StatusInternalServerError && c.Request.Method == http.MethodGet,
	})
	if failed != nil {
		s.cfg.Log.Error("the page of an error could not be shown", "route", c.FullPath(), "error", failed)
		c.Data(http.StatusInternalServerError, "text/plain; charset=utf-8", []byte("Something went wrong on our side. Please try again.\n"))
	}
}

// byProgram reports whether a request is made by a program and not by a person's
// browser: it is a webhook's, or asks for JSON and not for HTML.
func byProgram(r *http.Request) bool {
	accept := r.Header.Get("Accept")
	return strings.HasPrefix(r.URL.Path, "/webhooks/") ||
		strings.Contains(accept, "json") && !strings.Contains(accept, "html")
}

// StatusOf is the HTTP status that pages answer an error with.
func StatusOf(err error) int {
	if e, ok := errors.AsType[*pageError](err); ok {
		return e.Status
	}
	switch bridge.KindOf(err) {
	case bridge.Invalid:
		return http.StatusBadRequest
	case bridge.Refused, bridge.Denied:
		return http.StatusForbidden
	case bridge.NotFound:
		return http.StatusNotFound
	case bridge.Conflict:
		return http.StatusConflict
	case bridge.Limited:
		return http.StatusTooManyRequests
	case bridge.Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}
