package console

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
)

// OpenID lets people sign in at a provider of OpenID Connect.
type OpenID struct {
	// Name is what the button says, after "Sign in with".
	Name string
	// Begin returns the provider's address to go to, and what the browser has to keep
	// meanwhile. Unavailable where the provider does not answer.
	Begin func(ctx context.Context) (address, sealed string, err error)
	// Finish begins a session for who comes back. Refused for what Begin did not begin,
	// Denied for who may not come in, Limited, Unavailable.
	Finish func(ctx context.Context, r Returned) (token string, expires time.Time, err error)
}

// Returned is what a browser brings back from the provider.
type Returned struct {
	// Code and State are from the address, Sealed is what Begin returned.
	Code, State, Sealed string
	// Address is the client's IP address, for throttling.
	Address string
}

// Where people leave for the provider, and where they come back to: the latter is the
// address to give the provider.
const (
	openIDPath = "/console/openid"
	BackPath   = "/console/openid/back"
)

// openIDTime is how long somebody may take at the provider.
const openIDTime = 10 * time.Minute

// way returns the cookie that keeps what a browser has to bring back from the provider.
func (s *Console) way(value string, life time.Duration) *http.Cookie {
	c := &http.Cookie{ //nolint:gosec // Secure follows the configuration, because a demo has no TLS
		Name: "keybridge-openid", Value: value, Path: BackPath, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: s.cfg.Secure, MaxAge: int(life.Seconds()),
	}
	if s.cfg.Secure {
		c.Name = "__Secure-" + c.Name
	}
	if value == "" {
		c.MaxAge = -1
	}
	return c
}

// leave sends a browser to the provider. It changes nothing here: what it needs to come
// back is in a cookie of its own.
func (s *Console) leave(c *gin.Context) error {
	if s.cfg.OpenID == nil {
		return errNotHere
	}
	address, sealed, err := s.cfg.OpenID.Begin(c.Request.Context())
	if err != nil {
		return err
	}
	kept := url.Values{"sealed": {sealed}, "next": {onlyHere(c.Query("next"))}}.Encode()
	http.SetCookie(c.Writer, s.way(base64.RawURLEncoding.EncodeToString([]byte(kept)), openIDTime))
	c.Redirect(http.StatusSeeOther, address)
	return nil
}

// comeBack begins a session for who comes back from the provider.
func (s *Console) comeBack(c *gin.Context) error {
	if s.cfg.OpenID == nil {
		return errNotHere
	}
	var kept url.Values
	if cookie, err := c.Request.Cookie(s.way("", 0).Name); err == nil {
		if text, err := base64.RawURLEncoding.DecodeString(cookie.Value); err == nil {
			kept, _ = url.ParseQuery(string(text)) // what is no query is refused like nothing
		}
	}
	http.SetCookie(c.Writer, s.way("", 0))
	token, expires, err := s.cfg.OpenID.Finish(c.Request.Context(), Returned{
		Code: c.Query("code"), State: c.Query("state"), Sealed: kept.Get("sealed"), Address: c.ClientIP(),
	})
	if err != nil {
		return s.notIn(c, err)
	}
	return s.enter(c, token, expires, onlyHere(kept.Get("next")))
}

// notIn shows the sign-in page with why somebody was not let in.
func (s *Console) notIn(c *gin.Context, err error) error {
	status := map[bridge.Kind]int{
		bridge.Refused: http.StatusUnauthorized, bridge.Denied: http.StatusForbidden, bridge.Limited: http.StatusTooManyRequests,
		bridge.Unavailable: http.StatusServiceUnavailable,
	}[bridge.KindOf(err)]
	if status == 0 {
		return err
	}
	if wait := retryAfter(err); wait != "" {
		c.Header("Retry-After", wait)
	}
	view := s.signInPage(queuePath)
	view.Problem = bridge.Explain(err)
	return s.pages.Render(c, status, "sign-in", view)
}
