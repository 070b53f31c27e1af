package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"keybridge/billing/stripe"
	"keybridge/bridge"
	"keybridge/bridge/tyk"
	"keybridge/bridge/web"
	"keybridge/store/bolt"
	"keybridge/webhooks"
)

// The files of the data folder.
const (
	storeFile  = "keybridge.db"
	pageSecret = "page.secret"
	socketFile = "operator.sock"
)

// running is a bridge that runs.
type running struct {
	// URL is where the bridge answers on this machine, Operations likewise; the
	// latter is empty where it is off.
	URL, Operations string

	service    *bridge.Service
	store      *bolt.Store
	operations *web.Operations
	servers    []*http.Server
	worker     sync.WaitGroup
	stopWorker context.CancelFunc
	shutdown   time.Duration
	failed     chan error
}

// startBridge ties everything together and starts it. listener is where the bridge
// answers; nil to listen on the configured address. changed hears of every change
// of a request; it may be nil.
func startBridge(cfg *config, log *slog.Logger, listener net.Listener, changed func(bridge.Request, []bridge.Entry)) (*running, error) {
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return nil, fmt.Errorf("the data folder cannot be made: %w", err)
	}
	b := &running{failed: make(chan error, 4), shutdown: cfg.Shutdown}
	var err error
	b.store, err = bolt.Open(bolt.Config{
		Path: filepath.Join(cfg.Data, storeFile), Log: log, Fatal: func(err error) { b.failed <- err },
	})
	if err != nil {
		return nil, err
	}
	if err := b.start(cfg, log, listener, changed); err != nil {
		return nil, errors.Join(err, b.Stop())
	}
	return b, nil
}

func (b *running) start(cfg *config, log *slog.Logger, listener net.Listener, changed func(bridge.Request, []bridge.Entry)) error {
	links, err := linksOf(cfg)
	if err != nil {
		return err
	}
	metrics := web.NewMetrics()
	domain, err := domainOf(cfg, log, b.store, links, metrics, changed)
	if err != nil {
		return err
	}
	if b.service, err = bridge.New(domain); err != nil {
		return err
	}
	public, err := publicOf(cfg, log, b.service, links, metrics)
	if err != nil {
		return err
	}
	if err := b.listen(cfg, listener, public, metrics); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	b.stopWorker = cancel
	b.worker.Go(func() { bridge.NewWorker(b.service).Run(ctx) })
	return nil
}

// linksOf reads the secret of the pages' links, or makes one and keeps it.
func linksOf(cfg *config) (web.Links, error) {
	links := web.Links{Base: cfg.PublicURL.String(), Life: cfg.Pages.LinkLife}
	if text := cfg.Pages.Secret.Reveal(); text != "" {
		links.Secrets = [][]byte{[]byte(text)}
		return links, nil
	}
	path := filepath.Join(cfg.Data, pageSecret)
	secret, err := os.ReadFile(path) //nolint:gosec // in our own folder
	if errors.Is(err, os.ErrNotExist) {
		secret = []byte(rand.Text() + rand.Text())
		err = os.WriteFile(path, secret, 0o600)
	}
	if err == nil && len(secret) < 32 {
		err = fmt.Errorf("%s is damaged; remove it, and links to pages that are out stop working", path)
	}
	links.Secrets = [][]byte{secret}
	return links, err
}

// domainOf makes the ports.
func domainOf(cfg *config, log *slog.Logger, store bridge.Store, links web.Links, metrics *web.Metrics,
	changed func(bridge.Request, []bridge.Entry),
) (bridge.Config, error) {
	out := bridge.Config{
		Store: store, Portals: map[string]bridge.Site{}, Providers: map[string]bridge.Provider{},
		Plans: cfg.plans(), Page: links.Page, NewID: newID, Log: log, Tried: metrics.Try,
		Changed: func(r bridge.Request, entries []bridge.Entry) {
			metrics.Changed(r, entries)
			if changed != nil {
				changed(r, entries)
			}
		},
	}
	for _, p := range cfg.Portals {
		portal, err := tyk.NewClassic(tyk.Config{
			Name: p.Name, URL: p.URL.String(), Secret: p.Secret.Reveal, Organisation: p.Organisation, Log: log,
		})
		if err != nil {
			return out, err
		}
		site := bridge.Site{Portal: portal, Workers: p.Workers}
		if p.Handoff.Bare != nil {
			site.Fresh = p.Handoff.Bare.Fresh
		}
		out.Portals[p.Name] = site
	}
	if s := cfg.Stripe; s != nil {
		provider, err := stripe.New(stripe.Config{
			Name: stripeProvider, Key: s.Key.Reveal(), URL: s.URL.String(), Log: log, Locale: s.Locale,
			CheckoutExpiry: s.CheckoutExpiry, Invoices: s.Invoices, TrialWithoutCard: s.TrialWithoutCard,
			Hint: func(event []byte) (bridge.Hint, bool) {
				h, known, err := webhooks.StripeHint(stripeProvider, event)
				return h, known && err == nil
			},
		})
		if err != nil {
			return out, err
		}
		out.Providers[stripeProvider] = provider
	}
	return out, nil
}

// newID makes the ids of requests: ULIDs, which sort by time.
func newID() bridge.ID { return bridge.ID(ulid.Make().String()) }

// publicOf makes the handler of the public listener.
func publicOf(cfg *config, log *slog.Logger, service *bridge.Service, links web.Links, metrics *web.Metrics) (*web.Server, error) {
	out := web.Config{
		Service: service, Portals: map[string]web.Portal{}, Links: links,
		Name: cfg.Pages.ServiceName, Contact: contactOf(cfg.Pages.Contact), Count: metrics.Handoff, Log: log,
	}
	for _, proxy := range cfg.TrustedProxies {
		out.TrustedProxies = append(out.TrustedProxies, proxy.String())
	}
	receiver := webhooks.Receiver{Accept: service.Accept, Observe: metrics.Hint, Log: log}
	var err error
	if s := cfg.Stripe; s != nil {
		out.Stripe, err = webhooks.Stripe(webhooks.StripeConfig{
			Receiver: receiver, Name: stripeProvider, Secrets: reveal(s.WebhookSecrets),
		})
		if err != nil {
			return nil, err
		}
	}
	for _, p := range cfg.Portals {
		if out.Portals[p.Name], err = pagesOf(p, receiver, service); err != nil {
			return nil, err
		}
	}
	return web.New(out)
}

// pagesOf makes what the pages know of a portal.
func pagesOf(p portalConfig, receiver webhooks.Receiver, service *bridge.Service) (web.Portal, error) {
	out := web.Portal{
		Title: cmp.Or(p.Title, p.Home.Host), Home: p.Home.String(), Delivery: web.Delivery(p.KeyDelivery),
	}
	for _, address := range p.ReturnAddresses {
		out.Returns = append(out.Returns, address.String())
	}
	if len(p.WebhookSecrets) > 0 {
		hook, err := webhooks.Tyk(webhooks.TykConfig{
			Receiver: receiver, Portal: p.Name, Secrets: reveal(p.WebhookSecrets), Intake: service.Intake,
		})
		if err != nil {
			return out, err
		}
		out.Webhook = hook
	}
	if b := p.Handoff.Bare; b != nil {
		out.Bare = func(query url.Values) (string, error) { return webhooks.BareKey(query, b.Parameters) }
	}
	return out, errors.Join(takeTokens(&out, p.Name, p.Handoff.Token), takeQueries(&out, p.Name, p.Handoff.Query))
}

// takeTokens lets browsers in with a signed token.
func takeTokens(out *web.Portal, name string, t *tokenConfig) error {
	if t == nil {
		return nil
	}
	var keys []webhooks.TokenKey
	for _, text := range append(reveal(t.Secrets), reveal(t.Keys)...) {
		keys = append(keys, webhooks.TokenKey{Text: text})
	}
	verifier, err := webhooks.NewTokenVerifier(webhooks.TokenConfig{
		Portal: name, Algorithm: t.Algorithm, Keys: keys, Issuer: t.Issuer, Audience: t.Audience, Leeway: t.Leeway,
	})
	out.Token = func(token string) (web.Handoff, error) {
		h, err := verifier.Verify(token, time.Now())
		return web.Handoff{Key: h.Key, ID: h.ID, Return: h.Return}, err
	}
	return err
}

// takeQueries lets browsers in with a signed query.
func takeQueries(out *web.Portal, name string, q *queryConfig) error {
	if q == nil {
		return nil
	}
	verifier, err := webhooks.NewQueryVerifier(webhooks.QueryConfig{
		Portal: name, Secrets: reveal(q.Secrets), KeyName: q.Parameter, Tolerance: q.Tolerance,
	})
	out.Query = func(path, rawQuery string) (web.Handoff, error) {
		h, err := verifier.Verify(path, rawQuery, time.Now())
		return web.Handoff{Key: h.Key, ID: h.ID, Return: h.Return}, err
	}
	return err
}

// contactOf makes an address out of what the file says.
func contactOf(text string) string {
	if text != "" && !isURL(text) {
		return "mailto:" + text
	}
	return text
}

func isURL(text string) bool { return len(text) > 8 && text[:8] == "https://" }

// listen opens every listener and serves.
func (b *running) listen(cfg *config, public net.Listener, handler http.Handler, metrics *web.Metrics) error {
	var err error
	if public == nil {
		if public, err = net.Listen("tcp", cfg.Listen); err != nil {
			return fmt.Errorf("listen for the bridge: %w", err)
		}
	}
	b.URL = "http://" + public.Addr().String()
	b.serve(public, handler, writeTime)
	b.operations = &web.Operations{Metrics: metrics, Ready: b.ready}
	if cfg.Operations != "off" {
		l, err := net.Listen("tcp", cfg.Operations)
		if err != nil {
			return fmt.Errorf("listen for operations: %w", err)
		}
		b.Operations = "http://" + l.Addr().String()
		b.serve(l, b.operations, writeTime)
	}
	socket, err := listenSocket(filepath.Join(cfg.Data, socketFile))
	if err != nil {
		return err
	}
	// A backup takes as long as it takes.
	b.serve(socket, &web.Operator{Service: b.service, Backup: backupOf(b.store)}, 0)
	return nil
}

// listenSocket listens on the operator's socket. The store's lock is held by now, so
// a socket that is there already was left behind.
func listenSocket(path string) (net.Listener, error) {
	if len(path) > 100 {
		return nil, fmt.Errorf("the path of the operator's socket is too long for the system (%d bytes, at most 100): %s; choose a shorter data folder", len(path), path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("the old operator's socket: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen for operators: %w", err)
	}
	return l, os.Chmod(path, 0o600)
}

// writeTime is how long an answer may take on a listener that others reach.
const writeTime = 30 * time.Second

// serve answers on a listener until Stop. An answer may take as long as write says;
// zero: as long as it takes.
func (b *running) serve(l net.Listener, h http.Handler, write time.Duration) {
	s := &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 20 * time.Second,
		WriteTimeout: write, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10,
	}
	b.servers = append(b.servers, s)
	go func() {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			b.failed <- err
		}
	}()
}

// ready says why nothing can be taken in.
func (b *running) ready(ctx context.Context) error {
	_, err := b.service.List(ctx, bridge.Filter{Limit: 1})
	return err
}

// Stop takes nothing more in, finishes what is under way within the configured time
// and closes the store.
func (b *running) Stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), b.shutdown)
	defer cancel()
	if b.operations != nil {
		b.operations.Stop()
	}
	var errs []error
	for _, s := range b.servers {
		errs = append(errs, s.Shutdown(ctx))
	}
	if b.stopWorker != nil {
		b.stopWorker()
		done := make(chan struct{})
		go func() { b.worker.Wait(); close(done) }()
		select {
		case <-done:
		case <-ctx.Done():
			errs = append(errs, errors.New("stopped while calls to a portal or a provider were under way; they are taken up again at the next start"))
		}
	}
	return errors.Join(append(errs, b.store.Close())...)
}
