package web

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
)

// The ways in which a browser can be handed off, as metrics name them.
const (
	byToken = "token"
	byQuery = "query"
	byID    = "id"
)

// handoff takes in a browser that a portal sent here and sends it on to its page.
func (s *Server) handoff(c *gin.Context) error {
	name := c.Param("portal")
	portal, ok := s.cfg.Portals[name]
	if !ok {
		return &pageError{Status: http.StatusNotFound, Title: "Unknown portal",
			Text: "The address names a portal that is not known here. Go back to the portal and try again."}
	}
	how := way(c)
	if wait := s.limits.wait(c.ClientIP()); wait > 0 {
		s.cfg.Count(name, how, "limited")
		c.Header("Retry-After", seconds(wait))
		return &pageError{Status: http.StatusTooManyRequests, Title: "Too many attempts",
			Text: "Too many links that did not work came from your network. Wait a few minutes, then go back to the portal and continue from there.", Home: portal.Home}
	}
	h, err := s.verified(c, name, portal, how)
	if err == nil {
		err = s.arrive(c, h)
	}
	if err == nil {
		s.cfg.Count(name, how, "accepted")
		return nil
	}
	return s.refused(c, name, how, h.Key, err)
}

// refused counts a hand-off that came to nothing, and says what to do next.
func (s *Server) refused(c *gin.Context, name, how, key string, err error) error {
	e := &pageError{Status: StatusOf(err), Title: "This link does not work", Text: bridge.Explain(err), Home: s.cfg.Portals[name].Home, Err: err}
	if e.Status >= http.StatusInternalServerError {
		s.cfg.Count(name, how, "unavailable")
		e.Title = "That did not work" // and not by the link's fault
		return e
	}
	s.cfg.Count(name, how, "refused")
	s.cfg.Log.Info("hand-off refused", "portal", name, "how", how, "reason", err)
	if e.Resume = s.resume(c, name, key); e.Resume == "" {
		s.limits.failed(c.ClientIP())
		if errors.Is(err, bridge.ErrUnseen) {
			s.unseen(c, e)
		}
		return e
	}
	e.Title, e.Text = "Your request is open already", "This link works once, and it was you who used it. Nothing is lost: continue where you were."
	return e
}

// mostLooks is how often the page of a bare id that the portal does not find looks again by
// itself: after 2, 4, 6 and 8 seconds. A portal that reads from a copy has caught up by then.
const mostLooks = 4

// unseen says what to do about a bare id that the portal does not find. Each look counts
// against the network like the first, for a stranger's guesses look the same.
func (s *Server) unseen(c *gin.Context, e *pageError) {
	tried, query := tries(c), c.Request.URL.Query()
	with := func(name, value string) string {
		q := maps.Clone(query)
		q.Set(name, value)
		return "?" + q.Encode()
	}
	if tried >= mostLooks || query.Has(queryStill) {
		query.Del(queryStill)
		e.Title, e.Again = "We could not find your request", with(queryTry, strconv.Itoa(mostLooks))
		e.Text = "The portal finds no key request behind this address. If you have just asked for the key, it may be there in a minute: check again then. If not, go back to the portal and ask for the key again."
		return
	}
	e.Title = "Looking for your request"
	e.Text = "The portal does not find your key request yet. If you have just asked for the key, that takes a moment, and nothing is lost. If you asked long ago, go back to the portal: what became of it is shown there."
	e.Every, e.Next, e.Still = 2*(tried+1), with(queryTry, strconv.Itoa(tried+1)), with(queryStill, "1")
	e.Again = e.Next
}

// way says how the browser was handed off.
func way(c *gin.Context) string {
	switch query := c.Request.URL.Query(); {
	case query.Has("token"):
		return byToken
	case query.Has("signature"):
		return byQuery
	}
	return byID
}

// verified finds out who sent the browser, as far as that can be known.
func (s *Server) verified(c *gin.Context, name string, portal Portal, how string) (bridge.Handoff, error) {
	query := c.Request.URL.Query()
	h := bridge.Handoff{Portal: name, Trust: bridge.Signed}
	closed := &bridge.Error{Kind: bridge.Refused,
		Msg: "This portal is not set up to send you here this way. Go back to the portal, and tell its operator if it happens again."}
	var got Handoff
	var err error
	switch how {
	case byToken:
		if portal.Token == nil {
			return h, closed
		}
		if len(query["token"]) != 1 { // which one was meant is not ours to guess
			return h, &bridge.Error{Kind: bridge.Invalid,
				Msg: "This address is not complete, or holds more than it should. Go back to the portal and ask for your key again."}
		}
		got, err = portal.Token(query.Get("token"))
	case byQuery:
		if portal.Query == nil {
			return h, closed
		}
		got, err = portal.Query(c.Request.URL.EscapedPath(), c.Request.URL.RawQuery)
	default:
		if portal.Bare == nil {
			return h, closed
		}
		h.Trust = bridge.Bare
		got.Key, err = portal.Bare(query)
	}
	h.Key, h.ID, h.Return = got.Key, got.ID, portal.returnAddress(got.Return)
	return h, err
}

// arrive commits the hand-off and answers with the way to the request's page.
func (s *Server) arrive(c *gin.Context, h bridge.Handoff) error {
	h.Browser = s.browser(c)
	ctx, cancel := context.WithTimeout(c.Request.Context(), s.cfg.Patience)
	defer cancel()
	r, err := s.cfg.Service.Arrive(ctx, h)
	if err != nil {
		return err
	}
	if h.Trust == bridge.Bare && !r.Arrival.ReadBack && r.Access.Have == bridge.Unread {
		s.limits.failed(c.ClientIP()) // kept without the portal's word: a stranger could fill the store with such
	}
	c.Redirect(http.StatusSeeOther, s.cfg.Links.Page(r.ID, s.cfg.Now())+"?go=1")
	return nil
}

// resume is the way to a request's page for a browser that it is already bound to,
// whose old link was used again; empty for any other.
func (s *Server) resume(c *gin.Context, portal, key string) string {
	r, err := s.cfg.Service.GetKey(c.Request.Context(), portal, key)
	if err != nil || r.Arrival.Browser == "" || r.Arrival.Browser != s.browser(c) {
		return ""
	}
	return s.cfg.Links.Page(r.ID, s.cfg.Now())
}
