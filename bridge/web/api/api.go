package api

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
	"keybridge/bridge/web"
)

// Base is where the API is.
const Base = "/api/v1"

// Config is what the API needs.
type Config struct {
	// Service is asked for desks and for nothing else.
	Service *bridge.Service
	// Who returns whom a token lets in. Refused for one that opens nothing.
	Who func(ctx context.Context, token string) (bridge.Person, error)
	// Papers keep the receipts of writes that have an Idempotency-Key.
	Papers Papers
	// Portals are the configured portals by name, Plans what can be asked for in them.
	Portals map[string]Portal
	Plans   bridge.Plans
	// People returns the names that a request can be assigned to. Nil: one's own alone.
	People func(ctx context.Context) ([]string, error)
	// Report is how it goes. Nil: GET /money is not offered.
	Report Report
	// House returns the house's own entries; see bridge.Store. Nil: GET /audit is not
	// offered.
	House func(ctx context.Context, after uint64, limit int) ([]bridge.Line, error)
	// Shelf is where lists are taken away as files. Nil: they are not.
	Shelf Shelf
	// Record takes the house's own entries: that a person has viewed a request. It may be
	// nil.
	Record func(ctx context.Context, e bridge.Entry)
	// Rate is how many calls a second a token may make in the long run, and Burst how many
	// at once. Zero: 10 and 100.
	Rate  float64
	Burst int
	// TrustedProxies are the addresses or ranges whose X-Forwarded-For is believed.
	TrustedProxies []string
	// Now is the clock; nil for time.Now. NewID returns the id of a run of reconciling, of
	// letters and digits, which nobody can guess; nil for a random one.
	Now   func() time.Time
	NewID func() string
	// Log may be nil.
	Log *slog.Logger
}

// Portal is what the API knows of a portal.
type Portal struct {
	// Title is its name for people.
	Title string
}

// Report is where the sheets are; a report.Reader has them.
type Report interface {
	// Between returns the sheets of some days, both included, for some portals; none: all.
	Between(ctx context.Context, from, to time.Time, portals []string) ([]bridge.Day, error)
	// Counted says how far the sheets have come.
	Counted(ctx context.Context) (bridge.Counted, error)
}

// Papers are where receipts are kept; see bridge.Store.
type Papers interface {
	Papers(ctx context.Context, kind, after string, limit int) ([]bridge.Paper, error)
	SetPaper(ctx context.Context, kind, name string, change func(old []byte) ([]byte, error)) error
}

// API answers everything under Base.
type API struct {
	cfg      Config
	document document
	tokens   *paces // calls, by token
	wrong    *paces // wrong tokens, by network
	handler  http.Handler
	runs     runs
	work     chan func(context.Context) // for Run, which does each on its own
}

// New returns an API. It starts nothing; see Run.
func New(cfg Config) (*API, error) {
	if cfg.Service == nil || cfg.Who == nil || cfg.Papers == nil {
		return nil, errors.New("api: Config needs Service, Who and Papers")
	}
	if cfg.Rate <= 0 {
		cfg.Rate = 10
	}
	if cfg.Burst <= 0 {
		cfg.Burst = 100
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.NewID == nil {
		cfg.NewID = rand.Text
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Record == nil {
		cfg.Record = func(context.Context, bridge.Entry) {}
	}
	a := &API{
		cfg: cfg, tokens: newPaces(cfg.Rate, cfg.Burst), wrong: newPaces(wrongRate, wrongBurst), work: make(chan func(context.Context)),
	}
	var err error
	if a.document, err = readDocument(); err != nil {
		return nil, err
	}
	if a.handler, err = a.routes(); err != nil {
		return nil, err
	}
	return a, nil
}

// ServeHTTP answers a call. HEAD is answered as GET is, and net/http leaves out the body.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodHead {
		r = r.Clone(r.Context())
		r.Method = http.MethodGet
	}
	a.handler.ServeHTTP(w, r)
}

// operation is one thing that can be asked for. Its path is below Base, as gin has it.
type operation struct {
	method, path string
	handle       func(c *gin.Context, p bridge.Person) (reply, error)
}

// operations are all that take a token and answer with JSON.
func (a *API) operations() []operation {
	all := []operation{
		{http.MethodGet, "/me", a.me},
		{http.MethodGet, "/portals", a.portals},
		{http.MethodGet, "/requests", a.list},
		{http.MethodPost, "/requests", a.create},
		{http.MethodGet, "/requests/:id", a.request},
		{http.MethodGet, "/requests/:id/history", a.history},
		{http.MethodPost, "/exports", a.startExport},
		{http.MethodGet, "/exports/:id", a.export},
		{http.MethodGet, reconcilePath, a.reconciled},
		{http.MethodPost, reconcilePath, a.reconcile},
		{http.MethodGet, reconcilePath + "/runs/:id", a.run},
		{http.MethodGet, "/money", a.money},
		{http.MethodGet, "/audit", a.audit},
	}
	for _, d := range deeds() {
		all = append(all, operation{http.MethodPost, "/requests/:id/" + string(d.kind), a.does(d)})
	}
	return all
}

// routes is everything the API answers.
func (a *API) routes() (http.Handler, error) {
	e, err := web.Engine{TrustedProxies: a.cfg.TrustedProxies, Fail: a.fail, Log: a.cfg.Log, Headers: headers}.New()
	if err != nil {
		return nil, err
	}
	for _, op := range a.operations() {
		e.Handle(op.method, Base+op.path, a.answered(op.handle))
	}
	e.GET(Base+"/exports/:id/file", a.file)
	for path, serve := range a.document.routes() {
		e.GET(Base+path, serve)
	}
	e.NoRoute(func(c *gin.Context) { a.fail(c, errNoOperation) })
	e.NoMethod(func(c *gin.Context) { a.fail(c, errNoMethod) })
	return e, nil
}

// Run removes receipts that are no longer kept, now and every hour, and makes the runs that
// programs begin, until ctx ends; then it waits for the runs under way, which end with ctx.
// failed is told what went wrong; it may be nil.
func (a *API) Run(ctx context.Context, failed func(error)) {
	var under sync.WaitGroup
	defer under.Wait()
	every := time.NewTicker(sweepEvery)
	defer every.Stop()
	sweep := func() {
		if err := a.sweep(ctx); err != nil && ctx.Err() == nil && failed != nil {
			failed(err)
		}
	}
	for sweep(); ; {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
			sweep()
		case work := <-a.work:
			under.Go(func() { work(ctx) })
		}
	}
}
