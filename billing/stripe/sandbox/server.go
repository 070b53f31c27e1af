package sandbox

import (
	"context"
	"crypto/rand"
	"embed"
	"html/template"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// Config says how a sandbox is set up. The zero value works.
type Config struct {
	// Key is the secret API key that is accepted, as a Bearer token or as the
	// user of basic authentication. Empty = one is made, see [Server.Key].
	Key string

	// Endpoints are the webhook endpoints known from the start.
	Endpoints []Endpoint

	// Prices are on sale from the start.
	Prices []Price

	// URL is where the sandbox is reached, without a slash at the end
	// ("http://127.0.0.1:12111"). It begins the address of the checkout page.
	// Empty = whatever host the API request was sent to.
	URL string

	// Now is the clock; nil = time.Now. [Server.Advance] is counted on top.
	Now func() time.Time

	// Log takes what the sandbox has to say: a line for each call at debug, for
	// each delivery that failed at info. No body, key or secret is logged. nil = nothing.
	Log *slog.Logger

	// Retries are the waits between the attempts to deliver a webhook; after
	// the last one the event stays undelivered. nil = 1 s, 5 s, 30 s, 2 min,
	// 10 min, 1 h (Stripe itself goes on for three days). Empty but not nil =
	// no second attempt.
	Retries []time.Duration

	// Patience is how long an endpoint has to answer a webhook, and how long the
	// checkout page waits for the answers to checkout.session.completed before
	// it sends the customer on. 0 = 10 s, as at Stripe.
	Patience time.Duration

	// AfterRetries is what becomes of a subscription when the last retry to
	// collect failed: "canceled" (the default), "unpaid" or "past_due". It is a
	// setting of the account at Stripe.
	AfterRetries string

	// Rand is where ids and secrets come from; nil = crypto/rand. It must not
	// run dry. A seeded one (math/rand/v2.ChaCha8) makes a run repeatable.
	Rand io.Reader
}

// Price is a price that is on sale from the start.
type Price struct {
	ID        string // "price_…"; empty = made
	LookupKey string // optional
	Product   string // what is sold, as the checkout page shows it
	Currency  string // three letters
	Amount    int64  // minor units
	Interval  string // "", "day", "week", "month", "year"
	Count     int64  // intervals in a period; 0 = 1
}

// Server is a Stripe to try things with. It is an http.Handler for the API
// (/v1/…), the checkout page (/c/pay/…), the dashboard (/) and the control API
// (/sandbox/…), and safe for concurrent use. Close it after use.
type Server struct {
	cfg       Config
	log       *slog.Logger
	mux       *http.ServeMux
	guard     *http.CrossOriginProtection
	pages     *template.Template
	relations map[string]map[string]string
	offers    []call
	actions   map[string]action

	mu     sync.Mutex // over ledger
	ledger *ledger

	replays *replays
	faults  *faults
	courier *courier
	journal *journal

	stop context.CancelFunc
	done sync.WaitGroup
}

//go:embed templates
var files embed.FS

// New starts a sandbox. It panics when Config.Rand runs dry, Config.Prices hold
// a currency Stripe does not have, or Config.Endpoints an address that is none:
// a sandbox is set up by its programmer.
func New(cfg Config) *Server {
	cfg = withDefaults(cfg)
	ctx, stop := context.WithCancel(context.Background())
	s := &Server{
		cfg: cfg, log: cfg.Log, mux: http.NewServeMux(), guard: http.NewCrossOriginProtection(),
		relations: relations(), actions: actions(), replays: newReplays(), journal: &journal{}, stop: stop,
		ledger: newLedger(cfg.Now, cfg.Rand),
	}
	s.faults = &faults{}
	s.courier = newCourier(ctx, cfg, s.faults)
	s.ledger.post, s.ledger.last, s.ledger.base = s.courier.post, cfg.AfterRetries, cfg.URL
	if s.cfg.Key == "" {
		s.cfg.Key = s.ledger.id("sk_test_", 32)
	}
	for _, e := range cfg.Endpoints {
		s.AddEndpoint(e)
	}
	for _, p := range cfg.Prices {
		s.stock(p)
	}
	s.pages = template.Must(template.New("").Funcs(template.FuncMap{"amount": Amount, "clock": clockTime}).
		ParseFS(files, "templates/*.html"))
	s.routes()
	s.done.Go(s.courier.run)
	s.done.Go(func() { s.keepTime(ctx) })
	return s
}

func withDefaults(cfg Config) Config {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Retries == nil {
		cfg.Retries = []time.Duration{
			time.Second, 5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, time.Hour,
		}
	}
	if cfg.Patience == 0 {
		cfg.Patience = 10 * time.Second
	}
	if cfg.AfterRetries == "" {
		cfg.AfterRetries = "canceled"
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	return cfg
}

// Key is the API key that is accepted.
func (s *Server) Key() string { return s.cfg.Key }

// Close stops deliveries and the clock, and waits until what is under way has
// ended. Requests that come later are still answered; nothing is delivered.
func (s *Server) Close() {
	s.stop()
	s.done.Wait()
}

// ServeHTTP answers the API, the pages and the control API.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Advance puts the sandbox's clock forward. What falls due on the way happens
// in order and at its own time: sessions expire, authorisations lapse, trials
// end, subscriptions renew, retries of webhooks come nearer. The timestamps of
// webhook signatures stay on Config.Now, or no receiver would take them.
func (s *Server) Advance(by time.Duration) {
	if by <= 0 {
		return
	}
	s.mu.Lock()
	s.ledger.ahead += by
	s.ledger.catchUp()
	s.mu.Unlock()
	s.courier.hasten(by)
}

// Now is the sandbox's time.
func (s *Server) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ledger.now()
}

// keepTime lets what is due happen also while nobody asks.
func (s *Server) keepTime(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.mu.Lock()
			s.ledger.catchUp()
			s.mu.Unlock()
		}
	}
}

// stock puts a price on sale.
func (s *Server) stock(p Price) {
	s.mu.Lock()
	defer s.mu.Unlock()
	made, wrong := s.ledger.newPrice(values{
		"currency": p.Currency, "unit_amount": p.Amount, "product_data": values{"name": p.Product},
	}, "")
	if wrong != nil {
		panic(wrong.Error())
	}
	if p.ID != "" {
		made.id = p.ID
	}
	made.active, made.lookup, made.interval, made.count = true, p.LookupKey, p.Interval, max(p.Count, 1)
	s.ledger.keepPrice(made)
}

func (s *Server) routes() {
	s.offers = s.everyCall()
	for _, c := range s.offers {
		s.mux.Handle(c.method+" "+c.path, s.answer(c))
	}
	s.mux.Handle("/v1/", http.HandlerFunc(s.unknownCall))
	for pattern, do := range s.pageRoutes() {
		s.mux.Handle(pattern, s.guard.Handler(guarded(do)))
	}
	for pattern, do := range s.controlRoutes() {
		s.mux.Handle(pattern, s.guard.Handler(guarded(do)))
	}
}

func (s *Server) everyCall() []call {
	var all []call
	for _, some := range [][]call{
		customerCalls(), priceCalls(), couponCalls(), checkoutCalls(), intentCalls(), setupCalls(), methodCalls(),
		chargeCalls(), refundCalls(), disputeCalls(), subscriptionCalls(), invoiceCalls(), accountCalls(),
		s.eventCalls(), s.hookCalls(),
	} {
		all = append(all, some...)
	}
	return all
}

// guarded limits what a page or the control API reads, and tells browsers to
// take nothing from elsewhere. There is no form-action: the checkout's form
// ends in a redirect to the shop, which it would forbid.
func guarded(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, mostBody)
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next(w, r)
	})
}
