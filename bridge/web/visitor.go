package web

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
)

// visitor is who looks at a request's page, as far as that is known.
type visitor struct {
	// link is what the token of the address says.
	link link
	// known: they came by a link in the applicant's own mailbox, in this browser, or the
	// portal has signed who they are. Only then may a page name what belongs to the
	// applicant.
	known bool
}

// mine returns the request of the page's token and who looks at it, if they may.
func (s *Server) mine(c *gin.Context) (bridge.Request, visitor, error) {
	to, badLink := s.cfg.Links.read(c.Param("token"), s.cfg.Now(), pageClaim, mailClaim)
	if to.request == "" {
		return bridge.Request{}, visitor{}, &pageError{Status: http.StatusNotFound, Title: "This link does not work",
			Text: "The address is not complete, or was never one of ours. Go back to the portal and open it from there again."}
	}
	r, err := s.cfg.Service.Get(c.Request.Context(), to.request)
	switch {
	case bridge.KindOf(err) == bridge.NotFound:
		return r, visitor{}, &pageError{Status: http.StatusNotFound, Title: "We could not find your request",
			Text: "The portal knows no new key request behind the address you came from. Go back to the portal and ask for the key again."}
	case err != nil:
		return r, visitor{}, err
	case badLink != nil:
		return r, visitor{}, &pageError{Status: http.StatusGone, Title: "This link has expired",
			Text: "Go back to the portal: your key request, and your key if there is one, are listed there.", Home: s.cfg.Portals[r.Portal].Home}
	}
	v := visitor{link: to, known: r.Arrival.Trust == bridge.Signed || to.claim == mailClaim || s.passed(c, r.ID)}
	switch {
	case to.claim == mailClaim:
		s.givePass(c, to)
	case r.Arrival.Trust == bridge.Bare && !v.known && r.Arrival.Browser != browserOf(c):
		return r, visitor{}, s.otherBrowser(c, r)
	}
	return r, v, nil
}

// otherBrowser tells somebody who has the address of a bare hand-off's page, and not the
// browser it came in, what to do.
func (s *Server) otherBrowser(c *gin.Context, r bridge.Request) error {
	text := "For your safety this page opens only in the browser in which you asked for the key, and that browser has to keep cookies. Continue there, or go back to the portal."
	if len(r.Terms.Tell) > 0 {
		text += " If you have a mail from us about your request, the link in it opens in every browser."
	}
	if c.FullPath() == landingRoute {
		text = "If you have just paid, nothing is lost: what you did is read from the payment provider, whether this page opens or not. " + text
	}
	return &pageError{Status: http.StatusForbidden, Title: "Opened in another browser", Text: text, Home: s.cfg.Portals[r.Portal].Home}
}

// passCookie begins the name of the cookie that holds a pass. It ends with the request,
// so that one browser can hold passes for several.
const passCookie = "keybridge_pass_"

// givePass lets this browser in on the other addresses of the page that a mailed link
// leads to, for as long as that link works: a checkout sends browsers back to one.
// Nothing is kept here, so whoever opens the link changes nothing but their own browser.
func (s *Server) givePass(c *gin.Context, mailed link) {
	s.setCookie(c, passCookie+string(mailed.request), s.cfg.Links.token(link{passClaim, mailed.request, mailed.expires}),
		"/r/", time.Unix(mailed.expires, 0).Sub(s.cfg.Now()))
}

// passed reports whether this browser has a pass for a request. A cookie of the same
// name that is none is passed over: another host of the domain may have set it.
func (s *Server) passed(c *gin.Context, id bridge.ID) bool {
	for _, cookie := range c.Request.CookiesNamed(passCookie + string(id)) {
		if to, err := s.cfg.Links.read(cookie.Value, s.cfg.Now(), passClaim); err == nil && to.request == id {
			return true
		}
	}
	return false
}

const browserCookie = "keybridge_browser"

// browser returns the hash that stands for the visitor's browser, and gives it a
// cookie where it has none. The cookie is a random number and says nothing else.
func (s *Server) browser(c *gin.Context) string {
	if known := browserOf(c); known != "" {
		return known
	}
	var fresh [16]byte
	_, _ = rand.Read(fresh[:]) // never fails, see crypto/rand
	cookie := hex.EncodeToString(fresh[:])
	s.setCookie(c, browserCookie, cookie, "/", 90*24*time.Hour)
	known := hashOf(cookie)
	c.Set(browserCookie, known) // for the rest of this request
	return known
}

// browserOf returns the hash that stands for the visitor's browser; empty where it has
// no cookie of ours.
func browserOf(c *gin.Context) string {
	if known := c.GetString(browserCookie); known != "" {
		return known
	}
	cookie, err := c.Cookie(browserCookie)
	if raw, decErr := hex.DecodeString(cookie); err != nil || decErr != nil || len(raw) != 16 {
		return ""
	}
	return hashOf(cookie)
}

func hashOf(cookie string) string {
	sum := sha256.Sum256([]byte(cookie))
	return hex.EncodeToString(sum[:])
}

// setCookie gives the browser a cookie that no script reads and no other site's form or
// picture sends, and that goes over https wherever browsers come by it.
func (s *Server) setCookie(c *gin.Context, name, value, path string, life time.Duration) {
	http.SetCookie(c.Writer, &http.Cookie{ //nolint:gosec // Secure as the address is
		Name: name, Value: value, Path: path, MaxAge: int(life.Seconds()),
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: strings.HasPrefix(s.cfg.Links.Base, "https:"),
	})
}
