package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
)

// Config is what the public listener needs.
type Config struct {
	Service *bridge.Service
	// Portals are the configured portals by name.
	Portals map[string]Portal
	// Links makes and reads the addresses of developers' pages.
	Links Links
	// Stripe receives POST /webhooks/stripe; nil: there is none.
	Stripe http.Handler
	// Name is how pages name the service. Empty: "keybridge".
	Name string
	// Contact is where a person can ask for help: an address of a page or a mailto:.
	// Empty: pages name the portal instead.
	Contact string
	// TrustedProxies are the addresses or ranges whose X-Forwarded-For is believed.
	TrustedProxies []string
	// Patience is how long a page waits for the worker before it shows progress.
	// Zero: 700 ms.
	Patience time.Duration
	// Count is called for every hand-off, with how it came and what became of it.
	// May be nil.
	Count func(portal, how, outcome string)
	// Now is the clock; nil for time.Now.
	Now func() time.Time
	// Log may be nil.
	Log *slog.Logger
}

// Portal is what the pages know of a portal.
type Portal struct {
	// Title is its name for people.
	Title string
	// Home is where a developer goes back to.
	Home string
	// Returns are the addresses, or the beginnings of addresses, that a hand-off may
	// name to go back to.
	Returns []string
	// Delivery says where the developer will get the key.
	Delivery bridge.Delivery
	// Token verifies a signed token, Query a signed query (the path is part of what
	// is signed), Bare takes an unsigned id out of a query. Nil: that way in is
	// closed.
	Token func(token string) (Handoff, error)
	Query func(path, rawQuery string) (Handoff, error)
	Bare  func(query url.Values) (key string, err error)
	// Webhook receives /webhooks/portal/{name}; nil: there is none.
	Webhook http.Handler
}

// Handoff is a verified hand-off.
type Handoff struct {
	// Key is the id of the key request at the portal.
	Key string
	// ID makes it work once.
	ID string
	// Return is where the developer wants to go back to; empty: the portal's home.
	Return string
}

// Server answers the public listener.
type Server struct {
	cfg     Config
	pages   *pages
	limits  *limits
	handler http.Handler
}

// New returns a server.
func New(cfg Config) (*Server, error) {
	if cfg.Service == nil || cfg.Links.Base == "" {
		return nil, errors.New("web: Config needs Service and Links")
	}
	if err := cfg.Links.check(); err != nil {
		return nil, err
	}
	if cfg.Name == "" {
		cfg.Name = "keybridge"
	}
	if cfg.Patience == 0 {
		cfg.Patience = 700 * time.Millisecond
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Count == nil {
		cfg.Count = func(string, string, string) {}
	}
	s := &Server{cfg: cfg, limits: newLimits(cfg.Now)}
	var err error
	if s.pages, err = parsePages(); err != nil {
		return nil, err
	}
	if s.handler, err = s.routes(); err != nil {
		return nil, err
	}
	return s, nil
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// landingRoute is where checkouts send browsers back to.
const landingRoute = "/r/:token/return"

// routes is everything the public listener answers.
func (s *Server) routes() (http.Handler, error) {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.HandleMethodNotAllowed = true
	e.ContextWithFallback = true
	e.RedirectTrailingSlash = false // such a redirect would carry a token in an answer that may be cached
	if err := e.SetTrustedProxies(s.cfg.TrustedProxies); err != nil {
		return nil, err
	}
	e.Use(s.recovered, s.logged)

	hooks := e.Group("/webhooks")
	if s.cfg.Stripe != nil {
		hooks.Any("/stripe", gin.WrapH(s.cfg.Stripe))
	}
	hooks.Any("/portal/:portal", s.portalWebhook)

	guard, err := s.crossOrigin()
	if err != nil {
		return nil, err
	}
	people := e.Group("", secured, guard)
	looked := []string{http.MethodGet, http.MethodHead} // at what a look changes nothing of
	people.Match(looked, "/", s.page(s.front))
	people.Match(looked, "/r/:token", s.page(s.request))
	people.Match(looked, "/static/*file", s.page(s.static))
	people.GET("/handoff/:portal", s.page(s.handoff))
	people.GET("/handoff/:portal/", s.page(s.handoff))
	people.GET(landingRoute, s.page(s.landing))
	people.POST("/r/:token/withdraw", s.page(s.withdraw))
	people.POST("/r/:token/answer", s.page(s.answer))
	people.GET("/r/:token/answer", s.page(s.answered))
	e.NoRoute(secured, s.page(func(*gin.Context) error { return errNotHere }))
	e.NoMethod(secured, s.page(func(*gin.Context) error { return errNotSo }))
	return e, nil
}

// page turns a handler that returns an error into one that shows it.
func (s *Server) page(handle func(*gin.Context) error) gin.HandlerFunc {
	return func(c *gin.Context) {
		if err := handle(c); err != nil {
			s.showError(c, err)
		}
	}
}

// recovered answers a panic with a page and logs it; the process goes on.
func (s *Server) recovered(c *gin.Context) {
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler { //nolint:errorlint // a value to compare with, by its documentation
				panic(p)
			}
			s.cfg.Log.Error("panic in a handler", "route", c.FullPath(), "panic", panicText(p), "stack", string(debug.Stack()))
			c.Abort()
			if !c.Writer.Written() {
				s.showError(c, errors.New("panic"))
			}
		}
	}()
	c.Next()
}

// panicText says what a panic was, without what it quotes, which may be anything that was
// sent. What the runtime says holds no such thing.
func panicText(p any) string {
	if err, ok := p.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("a %T", p)
}

// logged writes one line for a request: its route, never its path or query, which
// hold tokens.
func (s *Server) logged(c *gin.Context) {
	if !s.cfg.Log.Enabled(c, slog.LevelDebug) {
		c.Next()
		return
	}
	begin := time.Now()
	c.Next()
	s.cfg.Log.LogAttrs(context.WithoutCancel(c), slog.LevelDebug, "answered",
		slog.String("method", c.Request.Method), slog.String("route", c.FullPath()),
		slog.Int("status", c.Writer.Status()), slog.Duration("took", time.Since(begin)))
}

// portalWebhook passes a delivery on to the receiver of its portal.
func (s *Server) portalWebhook(c *gin.Context) {
	portal, ok := s.cfg.Portals[c.Param("portal")]
	if !ok || portal.Webhook == nil {
		s.showError(c, errNotHere)
		return
	}
	portal.Webhook.ServeHTTP(c.Writer, c.Request)
}

// contentSecurity lets a page load our own style sheet and picture, and nothing else.
const contentSecurity = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// secured sets the headers of every page.
func secured(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("Content-Security-Policy", contentSecurity)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Robots-Tag", "noindex")
}

// crossOrigin refuses what another site's page made a browser send. Our own public
// address is named, because a proxy in front may not pass on the Host it was asked
// for.
func (s *Server) crossOrigin() (gin.HandlerFunc, error) {
	protection := http.NewCrossOriginProtection()
	if err := protection.AddTrustedOrigin(s.cfg.Links.Base); err != nil {
		return nil, fmt.Errorf("web: the base of the links: %w", err)
	}
	return func(c *gin.Context) {
		if protection.Check(c.Request) != nil {
			c.Abort()
			s.showError(c, errOtherSite)
		}
	}, nil
}
