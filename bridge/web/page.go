package web

import (
	"context"
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
)

// mostTries is how often the landing page looks again before it takes "still open"
// for an answer.
const mostTries = 8

// request is the dispatcher: it reads the stored request and shows where it stands.
// A browser that has just been handed off (go=1) is sent on to the checkout as soon
// as there is one; one that comes back chooses for itself, and so does one whose
// payment has failed, or who is asked a question, because it has to read that first.
func (s *Server) request(c *gin.Context) error {
	r, who, err := s.mine(c)
	if err != nil {
		return err
	}
	enough := settled
	if c.Query(queryLook) != "" {
		if err := s.cfg.Service.Look(c.Request.Context(), r.ID); err != nil {
			return err
		}
		enough = func(now bridge.Request) bool { return now.Revision > r.Revision && settled(now) }
	}
	if r, err = s.await(c, r, enough); err != nil {
		return err
	}
	on := c.Query(queryGo) != ""
	if on && payable(r) && r.Payment.Why == "" && !asks(r, who) {
		c.Redirect(http.StatusSeeOther, r.Payment.Checkout.URL)
		return nil
	}
	return s.show(c, r, who, view{Go: on})
}

// landing is where a browser comes back to from a checkout. It claims nothing: it
// says that somebody looks, gives the worker a moment to read the facts, and goes on
// to the page. While the provider cannot be read it goes on looking, because whoever
// has just paid must not be asked to pay.
func (s *Server) landing(c *gin.Context) error {
	r, who, err := s.mine(c)
	if err != nil {
		return err
	}
	if err := s.cfg.Service.Look(c.Request.Context(), r.ID); err != nil {
		return err
	}
	before := r.Revision
	answered := func(r bridge.Request) bool {
		over := r.Payment.Checkout.State != bridge.CheckoutOpen
		return over || !s.cameFrom(who.link, r) && r.Revision > before
	}
	r, err = s.await(c, r, func(r bridge.Request) bool { return answered(r) && settled(r) })
	if err != nil {
		return err
	}
	if !answered(r) && (tries(c) < mostTries || r.Work.Failures > 0) {
		return s.show(c, r, who, view{Checking: true})
	}
	next := s.pagePath(c)
	if payable(r) && !s.cameFrom(who.link, r) {
		next += "?" + queryGo + "=1" // one step is done, and the next one has a checkout of its own
	}
	c.Redirect(http.StatusSeeOther, next)
	return nil
}

// cameFrom reports whether an address is the one that the checkout that is open now
// sends browsers back to: a checkout is given the page's address as of the time its
// attempt began. No checkout is given a mailed one, so of that it cannot be said, and
// whoever may just have paid is not sent to pay.
func (s *Server) cameFrom(address link, r bridge.Request) bool {
	opened := r.Work.Attempts[bridge.OpenCheckout].Begun
	return address.claim == mailClaim || address.expires == s.cfg.Links.expiry(opened)
}

// withdraw is the developer's "no, thank you".
func (s *Server) withdraw(c *gin.Context) error {
	r, _, err := s.mine(c)
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

// await gives the worker a moment.
func (s *Server) await(c *gin.Context, r bridge.Request, enough func(bridge.Request) bool) (bridge.Request, error) {
	ctx, cancel := context.WithTimeout(c.Request.Context(), s.cfg.Patience)
	defer cancel()
	return s.cfg.Service.Await(ctx, r.ID, enough)
}

func (s *Server) pagePath(c *gin.Context) string { return "/r/" + c.Param("token") }

// working reports whether it is the worker's turn: the developer waits for us. Nothing
// moves while their account is deactivated.
func working(r bridge.Request) bool {
	if inactive(r) {
		return false
	}
	switch r.Stage() {
	case bridge.StateReceived, bridge.StateApproving, bridge.StateDeclining:
		return true
	case bridge.StateValidating, bridge.StatePaying:
		return !payable(r) && r.Payment.Have != bridge.Processing
	}
	return false
}

// settled reports whether nothing is to be expected of the worker in the next moment.
func settled(r bridge.Request) bool { return !working(r) || r.Work.Attention }

// payable reports whether the developer can go to a checkout now.
func payable(r bridge.Request) bool {
	stage := r.Stage()
	open := r.Payment.Checkout
	return (stage == bridge.StatePaying || stage == bridge.StateValidating) && !inactive(r) &&
		open.State == bridge.CheckoutOpen && isWeb(open.URL)
}

// isWeb reports whether an address is one that browsers are sent to.
func isWeb(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}

// front is what stands at the root, for whoever comes without a link.
func (s *Server) front(c *gin.Context) error {
	return s.pages.Render(c, http.StatusOK, "front", s.frame("Key requests"))
}
