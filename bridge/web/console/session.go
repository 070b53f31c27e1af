package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
)

// doorRoutes are the ways in and out.
func (s *Console) doorRoutes(e *gin.Engine) {
	e.Match(looked, signInPath, s.page(s.askWho))
	e.POST(signInPath, s.page(s.signIn))
	e.GET(openIDPath, s.page(s.leave))
	e.GET(BackPath, s.page(s.comeBack))
	e.POST("/console/sign-out", s.page(s.signOut))
}

// cookie returns the session's cookie with a value; an expiry in the past removes it.
func (s *Console) cookie(token string, expires time.Time) *http.Cookie {
	c := &http.Cookie{ //nolint:gosec // Secure follows the configuration, because a demo has no TLS
		Name: "keybridge-console", Value: token, Path: queuePath, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Expires: expires.UTC(), Secure: s.cfg.Secure, MaxAge: int(expires.Sub(s.cfg.Now()).Seconds()),
	}
	if s.cfg.Secure {
		c.Name, c.Path = "__Host-"+c.Name, "/" // the prefix demands that path
	}
	if token == "" || c.MaxAge <= 0 {
		c.MaxAge = -1
	}
	return c
}

// token returns the session's token that a browser sent; empty: none.
func (s *Console) token(c *gin.Context) string {
	got, err := c.Request.Cookie(s.cookie("", time.Time{}).Name)
	if err != nil {
		return ""
	}
	return got.Value
}

// refreshHeader is what a page sends that looks again by itself. Who sends it without
// being such a page only lets their own session end earlier.
const refreshHeader = "X-Keybridge-Refresh"

// who returns who is signed in. errSignedOut when nobody is.
func (s *Console) who(c *gin.Context) (bridge.Person, error) {
	token := s.token(c)
	if token == "" {
		return bridge.Person{}, errSignedOut
	}
	who := s.cfg.Who
	if c.GetHeader(refreshHeader) != "" {
		who = s.cfg.Glance
	}
	p, err := who(c.Request.Context(), token)
	switch bridge.KindOf(err) {
	case bridge.Refused, bridge.Denied, bridge.NotFound:
		return bridge.Person{}, errSignedOut
	}
	return p, err
}

// seated turns a handler for somebody who is signed in into one for everybody: others
// are asked who they are first, and come back to where they wanted to go.
func (s *Console) seated(handle func(*gin.Context, bridge.Person) error) func(*gin.Context) error {
	return func(c *gin.Context) error {
		p, err := s.who(c)
		switch {
		case err == nil:
			return handle(c, p)
		case !errors.Is(err, errSignedOut) || c.Request.Method == http.MethodPost:
			return err
		}
		to := signInPath
		if next := onlyHere(c.Request.URL.RequestURI()); next != queuePath {
			to += "?" + url.Values{"next": {next}}.Encode()
		}
		c.Redirect(http.StatusSeeOther, to)
		return nil
	}
}

// herePages are the addresses that may be returned to after signing in: the rooms, a request
// and what is done to it, oneself, people and what is done to them.
var herePages = regexp.MustCompile(`^/console/(|money|audit|exports|reconcile|requests/[0-9A-HJKMNP-TV-Z]{26}(/[a-z]{1,10})?|` +
	`you(/password|/factor(/drop)?|/tokens(/` + aName + `/revoke)?)?|` +
	`people(/add|/users/` + aName + `(/[a-z-]{1,10})?|/tokens(/` + aName + `/revoke)?)?)$`)

// aName is the form of the name of a user or token.
const aName = `[a-z0-9][a-z0-9._-]{0,63}`

// onlyHere returns an address if it is one of the console's pages, made anew of what is
// known in it, and the queue's for everything else.
func onlyHere(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" || !herePages.MatchString(u.EscapedPath()) {
		return queuePath
	}
	if u.Path != queuePath {
		return u.Path
	}
	if query := known(u.Query()); len(query) > 0 {
		return queuePath + "?" + query.Encode()
	}
	return queuePath
}

// signInView is the page that asks who somebody is.
type signInView struct {
	frame
	Next, Name, Problem string
	// Code asks for the code as well, and Half, where there is one, for nothing else.
	Code bool
	Half string
	// OpenID is the provider's name, and Leave the address that leads there; empty where
	// there is none.
	OpenID, Leave string
}

// signInPage is the page that asks who somebody is, who wants to go on to an address.
func (s *Console) signInPage(next string) signInView {
	view := signInView{frame: s.frame("Sign in"), Next: next}
	if s.cfg.OpenID != nil {
		view.OpenID, view.Leave = s.cfg.OpenID.Name, openIDPath
		if next != queuePath {
			view.Leave += "?" + url.Values{"next": {next}}.Encode()
		}
	}
	return view
}

// askWho shows the sign-in page, and leads on who is signed in already.
func (s *Console) askWho(c *gin.Context) error {
	next := onlyHere(c.Query("next"))
	if _, err := s.who(c); err == nil {
		c.Redirect(http.StatusSeeOther, next)
		return nil
	}
	return s.pages.Render(c, http.StatusOK, "sign-in", s.signInPage(next))
}

// signIn begins a session. Whatever session the browser had before is ended, so that
// nobody goes on in one that somebody else has planted.
func (s *Console) signIn(c *gin.Context) error {
	form, err := sent(c)
	if err != nil {
		return err
	}
	next := onlyHere(form.Get("next"))
	a := Attempt{
		Name: form.Get("name"), Password: form.Get("password"), Code: strings.TrimSpace(form.Get("code")), Half: form.Get("half"), Address: c.ClientIP(),
	}
	token, expires, err := s.cfg.SignIn(c.Request.Context(), a)
	if err != nil {
		return s.askAgain(c, a, next, err)
	}
	return s.enter(c, token, expires, next)
}

// enter puts somebody into a session that has begun.
func (s *Console) enter(c *gin.Context, token string, expires time.Time, next string) error {
	if before := s.token(c); before != "" && before != token {
		s.end(c, before)
	}
	http.SetCookie(c.Writer, s.cookie(token, expires))
	c.Redirect(http.StatusSeeOther, next)
	return nil
}

// askAgain shows the sign-in page with what was wrong. A password is never written back
// into it; who has sent the right one is asked for the code alone.
func (s *Console) askAgain(c *gin.Context, a Attempt, next string, err error) error {
	view := s.signInPage(next)
	view.Name, view.Half, view.Code = a.Name, a.Half, a.Half != ""
	status := http.StatusUnauthorized
	kind := bridge.KindOf(err)
	switch {
	case errors.Is(err, ErrCode):
		view.Code, view.Problem = true, "A code from your authenticator app is needed as well."
		if half, ok := errors.AsType[CodeNeededError](err); ok {
			view.Half = half.Half
		}
	case kind == bridge.Refused:
		view.Problem = bridge.Explain(err)
	case kind == bridge.Limited:
		view.Problem, status = bridge.Explain(err), http.StatusTooManyRequests
		if wait := retryAfter(err); wait != "" {
			c.Header("Retry-After", wait)
			view.Problem += " Try again in " + wait + " s."
		}
	default:
		return err
	}
	return s.pages.Render(c, status, "sign-in", view)
}

// end ends a session that is given up. The new one does not depend on it.
func (s *Console) end(c *gin.Context, token string) {
	if err := s.cfg.SignOut(context.WithoutCancel(c.Request.Context()), token); err != nil {
		s.cfg.Log.Warn("an earlier session could not be ended", "error", err)
	}
}

// signOut ends the session, or every one of the person's. The cookie goes only when the
// session is over: a browser that has forgotten it could not end it any more.
func (s *Console) signOut(c *gin.Context) error {
	form, err := sent(c)
	if err != nil {
		return err
	}
	ctx := context.WithoutCancel(c.Request.Context())
	token := s.token(c)
	if form.Get("everywhere") != "" {
		p, err := s.who(c)
		if err == nil {
			err = s.cfg.SignOutEverywhere(ctx, p.Name)
		}
		if err != nil && !errors.Is(err, errSignedOut) {
			return err
		}
	}
	if token != "" {
		if err := s.cfg.SignOut(ctx, token); err != nil && bridge.KindOf(err) != bridge.NotFound && bridge.KindOf(err) != bridge.Refused {
			return err
		}
	}
	http.SetCookie(c.Writer, s.cookie("", time.Unix(1, 0)))
	c.Redirect(http.StatusSeeOther, signInPath)
	return nil
}
