package web

import (
	"context"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
)

// mostTries is how often the landing page looks again by itself before it leaves it
// to the developer.
const mostTries = 8

// request is the dispatcher: it reads the stored request and shows where it stands.
// A browser that has just been handed off (go=1) is sent on to the checkout as soon
// as there is one; one that comes back chooses for itself.
func (s *Server) request(c *gin.Context) error {
	r, err := s.mine(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), s.cfg.Patience)
	defer cancel()
	if r, err = s.cfg.Service.Await(ctx, r.ID, settled); err != nil {
		return err
	}
	on := c.Query("go") != ""
	if on && payable(r) {
		c.Redirect(http.StatusSeeOther, r.Payment.Checkout.URL)
		return nil
	}
	s.show(c, r, view{Go: on})
	return nil
}

// landing is where a browser comes back to from a checkout. It claims nothing: it
// says that somebody looks, gives the worker a moment to read the facts, and shows
// the page.
func (s *Server) landing(c *gin.Context) error {
	r, err := s.mine(c)
	if err != nil {
		return err
	}
	if err := s.cfg.Service.Look(c.Request.Context(), r.ID); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), s.cfg.Patience)
	defer cancel()
	before := r.Payment.Checkout.ID
	r, err = s.cfg.Service.Await(ctx, r.ID, func(r bridge.Request) bool {
		over := r.Payment.Checkout.ID != before || r.Payment.Checkout.State != bridge.CheckoutOpen
		return over && settled(r)
	})
	if err != nil {
		return err
	}
	try, _ := strconv.Atoi(c.Query("try"))
	if r.Payment.Checkout.State == bridge.CheckoutOpen && r.Payment.Checkout.ID == before && try < mostTries {
		s.show(c, r, view{Checking: true, Again: try + 1})
		return nil
	}
	if payable(r) && r.Payment.Checkout.ID != before {
		// One step is done and the next one has its own checkout.
		c.Redirect(http.StatusSeeOther, s.pagePath(c)+"?go=1")
		return nil
	}
	c.Redirect(http.StatusSeeOther, s.pagePath(c))
	return nil
}

// withdraw is the developer's "no, thank you".
func (s *Server) withdraw(c *gin.Context) error {
	r, err := s.mine(c)
	if err != nil {
		return err
	}
	err = s.cfg.Service.Withdraw(c.Request.Context(), r.ID)
	if err != nil && bridge.KindOf(err) != bridge.Conflict {
		return err
	}
	// Somebody else decided first: the page says what.
	c.Redirect(http.StatusSeeOther, s.pagePath(c))
	return nil
}

func (s *Server) pagePath(c *gin.Context) string { return "/r/" + c.Param("token") }

// mine returns the request of the page's token, if this browser may see it.
func (s *Server) mine(c *gin.Context) (bridge.Request, error) {
	id, badLink := s.cfg.Links.read(c.Param("token"), s.cfg.Now())
	if id == "" {
		return bridge.Request{}, &pageError{Status: http.StatusNotFound, Title: "This link does not work",
			Text: "The address is not complete, or was never one of ours. Go back to the portal and open it from there again."}
	}
	r, err := s.cfg.Service.Get(c.Request.Context(), id)
	switch {
	case bridge.KindOf(err) == bridge.NotFound:
		return r, &pageError{Status: http.StatusNotFound, Title: "We could not find your request",
			Text: "The portal knows no new key request behind the address you came from. Go back to the portal and ask for the key again."}
	case err != nil:
		return r, err
	}
	home := s.cfg.Portals[r.Portal].Home
	if badLink != nil {
		return r, &pageError{Status: http.StatusGone, Title: "This link has expired",
			Text: "Go back to the portal: your key request, and your key if there is one, are listed there.", Home: home}
	}
	if r.Arrival.Trust == bridge.Bare && r.Arrival.Browser != s.browser(c) {
		return r, &pageError{Status: http.StatusForbidden, Title: "Opened in another browser",
			Text: "For your safety this page opens only in the browser in which you asked for the key. Continue there, or go back to the portal.", Home: home}
	}
	return r, nil
}

// settled reports whether a request waits for somebody other than the worker.
func settled(r bridge.Request) bool {
	switch r.Stage() {
	case bridge.StateReceived, bridge.StateApproving, bridge.StateDeclining:
		return r.Work.Attention
	case bridge.StateValidating, bridge.StatePaying:
		return payable(r) || r.Payment.Have == bridge.Processing || r.Work.Attention
	}
	return true
}

// payable reports whether the developer can go to a checkout now.
func payable(r bridge.Request) bool {
	stage := r.Stage()
	open := r.Payment.Checkout
	return (stage == bridge.StatePaying || stage == bridge.StateValidating) &&
		open.State == bridge.CheckoutOpen && open.URL != ""
}

// front is what stands at the root, for whoever comes without a link.
func (s *Server) front(c *gin.Context) error {
	s.pages.render(c, http.StatusOK, "front", s.frame("Key requests"))
	return nil
}
