package web

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
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
	pages   *Pages
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
	if s.pages, err = ReadPages(files, "/static/", nil); err != nil {
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
	e, err := Engine{TrustedProxies: s.cfg.TrustedProxies, Fail: s.showError, Log: s.cfg.Log}.New()
	if err != nil {
		return nil, err
	}
	hooks := e.Group("/webhooks")
	if s.cfg.Stripe != nil {
		hooks.Any("/stripe", gin.WrapH(s.cfg.Stripe))
	}
	hooks.Any("/portal/:portal", s.portalWebhook)

	guard, err := SameOrigin(s.cfg.Links.Base, func(c *gin.Context) { s.showError(c, errOtherSite) })
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
var secured = WithHeaders(PageHeaders(contentSecurity))
