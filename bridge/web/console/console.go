package console

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
	"keybridge/bridge/web"
)

// Config is what the console needs.
type Config struct {
	// Service is asked for desks and for nothing else.
	Service *bridge.Service
	// SignIn checks who somebody is and begins a session. Refused with a general message
	// when it is not them, Limited with RetryAfter when they tried too often, and ErrCode
	// (or CodeNeededError) when the password is right and a code is needed beside it.
	SignIn func(ctx context.Context, a Attempt) (token string, expires time.Time, err error)
	// Who returns whose session a token is of. Refused, Denied or NotFound when it is no
	// session any more.
	Who func(ctx context.Context, token string) (bridge.Person, error)
	// Glance is Who for a page that looks again by itself: nobody need be there, so it
	// keeps no session from ending. Nil: Who.
	Glance func(ctx context.Context, token string) (bridge.Person, error)
	// SignOut ends a session; SignOutEverywhere ends every one of a person, by their name.
	// Both may be repeated.
	SignOut           func(ctx context.Context, token string) error
	SignOutEverywhere func(ctx context.Context, name string) error
	// OpenID is where people may sign in instead; nil: nowhere else.
	OpenID *OpenID
	// People returns the names that a request can be assigned to. Nil: one's own alone.
	People func(ctx context.Context) ([]string, error)
	// House is asked for the people of the house and their tokens. Nil: there are no pages
	// about them.
	House House
	// Count counts the requests that fit a filter, up to most; more says that there are
	// more. Nil: nothing is counted.
	Count func(ctx context.Context, f bridge.Filter, most int) (n int, more bool, err error)
	// Report is what the money pages show; nil: there are no such pages.
	Report Report
	// Chain is what the audit page shows; nil: there is no such page. Ledger says what was
	// last found out about the ledger; nil: nothing is said.
	Chain  Chain
	Ledger func(ctx context.Context) (Ledger, error)
	// Record takes the house's own entries: that a person has viewed a request. It may be
	// nil.
	Record func(ctx context.Context, e bridge.Entry)
	// Shelf is where lists are taken away as files. Nil: they are not.
	Shelf Shelf
	// WriteTable writes the table of a money page as a file, and returns its rows. Nil: they
	// are not taken away.
	WriteTable func(to io.Writer, t bridge.Table, as bridge.Format) (rows int, err error)
	// Views keeps people's saved views. Nil: nothing can be saved.
	Views Papers
	// Portals are the configured portals by name.
	Portals map[string]Portal
	// Links returns the address of the page that the portal or provider has for a ref, ""
	// where there is none. May be nil.
	Links func(bridge.Ref) string
	// Name is how pages name the service. Empty: "keybridge".
	Name string
	// Zone is whose time the pages tell. Nil: UTC.
	Zone *time.Location
	// Origin is the public address without a path, such as https://bridge.example. A proxy
	// may not pass on the Host that it was asked for. Empty: the Host is believed.
	Origin string
	// TrustedProxies are the addresses or ranges whose X-Forwarded-For is believed.
	TrustedProxies []string
	// Secure is set where browsers come by https.
	Secure bool
	// Now is the clock; nil for time.Now.
	Now func() time.Time
	// Log may be nil.
	Log *slog.Logger
}

// Portal is what the console knows of a portal.
type Portal struct {
	// Title is its name for people.
	Title string
	// Plans are the names of the plans configured for it, to choose from in the filter.
	Plans []string
}

// Attempt is somebody who wants to sign in.
type Attempt struct {
	Name, Password string
	// Code is that of a second factor; empty where none was given.
	Code string
	// Half is CodeNeededError.Half, in place of Name and Password; empty where there was none.
	Half string
	// Address is the client's IP address, for throttling.
	Address string
}

// ErrCode says that the name and password are right, and that a second factor's code is
// missing. A CodeNeededError is one.
var ErrCode = errors.New("console: a code is needed")

// CodeNeededError is an ErrCode with what stands for the name and password, so that they
// need not be typed again.
type CodeNeededError struct {
	// Half is put into the page and comes back in Attempt.Half. It must be of no use to
	// anybody without the code.
	Half string
}

// Error says what is needed.
func (CodeNeededError) Error() string { return ErrCode.Error() }

// Is makes it an ErrCode.
func (CodeNeededError) Is(target error) bool { return target == ErrCode }

// Console answers everything under /console/.
type Console struct {
	cfg     Config
	pages   *web.Pages
	handler http.Handler
}

// New returns a console. It starts nothing.
func New(cfg Config) (*Console, error) {
	if cfg.Service == nil || cfg.SignIn == nil || cfg.Who == nil || cfg.SignOut == nil || cfg.SignOutEverywhere == nil {
		return nil, errors.New("console: Config needs Service, SignIn, Who, SignOut and SignOutEverywhere")
	}
	if cfg.Glance == nil {
		cfg.Glance = cfg.Who
	}
	if cfg.Name == "" {
		cfg.Name = "keybridge"
	}
	if cfg.Zone == nil {
		cfg.Zone = time.UTC
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Record == nil {
		cfg.Record = func(context.Context, bridge.Entry) {}
	}
	if cfg.Links == nil {
		cfg.Links = func(bridge.Ref) string { return "" }
	}
	s := &Console{cfg: cfg}
	var err error
	if s.pages, err = readPages(); err != nil {
		return nil, err
	}
	if s.handler, err = s.routes(); err != nil {
		return nil, err
	}
	return s, nil
}

// ServeHTTP answers a request.
func (s *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Where the console's pages are.
const (
	queuePath   = "/console/"
	signInPath  = "/console/sign-in"
	requestPath = "/console/requests/"
)

// routes is everything the console answers.
func (s *Console) routes() (http.Handler, error) {
	e, err := web.Engine{TrustedProxies: s.cfg.TrustedProxies, Fail: s.showError, Log: s.cfg.Log, Headers: web.PageHeaders(contentSecurity)}.New()
	if err != nil {
		return nil, err
	}
	guard, err := web.SameOrigin(s.cfg.Origin, func(c *gin.Context) { s.showError(c, errOtherSite) })
	if err != nil {
		return nil, err
	}
	e.Use(guard)
	e.Match(looked, "/console", func(c *gin.Context) { c.Redirect(http.StatusSeeOther, queuePath) })
	e.Match(looked, staticPath+"*file", s.page(s.static))
	s.doorRoutes(e)
	s.queueRoutes(e)
	s.workRoutes(e)
	s.moneyRoutes(e)
	s.reconcileRoutes(e)
	s.houseRoutes(e)
	e.NoRoute(s.page(func(*gin.Context) error { return errNotHere }))
	e.NoMethod(s.page(func(*gin.Context) error { return errNotSo }))
	return e, nil
}

// looked are the methods that look and change nothing.
var looked = []string{http.MethodGet, http.MethodHead}

// page turns a handler that returns an error into one that shows it.
func (s *Console) page(handle func(*gin.Context) error) gin.HandlerFunc {
	return func(c *gin.Context) {
		c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, 64<<10)
		if err := handle(c); err != nil {
			s.showError(c, err)
		}
	}
}

// sent returns the form that was posted. Too large a one is an http.MaxBytesError, one that
// cannot be read Invalid.
func sent(c *gin.Context) (url.Values, error) {
	err := c.Request.ParseForm()
	if _, large := errors.AsType[*http.MaxBytesError](err); err != nil && !large {
		err = &bridge.Error{Kind: bridge.Invalid, Msg: "What was sent cannot be read. Nothing was done.", Err: err}
	}
	return c.Request.PostForm, err
}

// contentSecurity lets a page load our own style sheet, script and picture, ask us, and
// nothing else.
const contentSecurity = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
