package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"keybridge/bridge"
	"keybridge/bridge/export"
	"keybridge/bridge/ledger"
	"keybridge/bridge/notify/mail"
	"keybridge/bridge/notify/outgoing"
	"keybridge/bridge/people"
	"keybridge/bridge/report"
	"keybridge/bridge/web"
	"keybridge/bridge/web/api"
	"keybridge/store/bolt"
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
	metrics    *web.Metrics
	tracing    *tracing // nil where nobody asks for it
	operations *web.Operations
	servers    []*http.Server
	notifier   *mail.Notifier   // nil where no mail is configured
	sender     *outgoing.Sender // nil where no outgoing webhooks are
	register   *people.Register
	keeper     *ledger.Keeper
	programs   *api.API
	shelf      *export.Shelf
	sheets     *report.Reader
	loops      sync.WaitGroup
	stopLoops  context.CancelFunc
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
	b := &running{failed: make(chan error, 4), shutdown: cfg.Shutdown, metrics: web.NewMetrics()}
	var err error
	at := storeOf(cfg, log)
	at.Fatal, at.Observe = func(err error) { b.failed <- err }, b.metrics.Commit
	b.store, err = bolt.Open(at)
	if err != nil {
		return nil, err
	}
	if b.tracing, err = startTracing(context.Background(), log); err != nil {
		return nil, errors.Join(err, b.Stop())
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
	metrics, store := b.metrics, b.watched(cfg)
	if b.sender, err = senderOf(cfg, log, b.store, metrics); err != nil {
		return err
	}
	if b.sender != nil {
		b.sender.Endpoints(context.Background()) // settles where a new one begins, before anything comes in
		metrics.Endpoints(func() []web.Endpoint { return outgoingDesk{b.sender}.all(context.Background()) })
	}
	if cfg.Mail != nil {
		if b.notifier, err = notifierOf(cfg, log); err != nil {
			return err
		}
	}
	if b.sheets, err = report.New(report.Config{Store: b.store, Log: log}); err != nil {
		return err
	}
	domain, err := domainOf(cfg, log, store, links)
	if err != nil {
		return err
	}
	b.hear(&domain, changed)
	if b.service, err = bridge.New(portsThroughFailpoints(b.tracing.ports(domain))); err != nil {
		return err
	}
	metrics.Reconciled(lastReconciled(b.service, log))
	public, err := publicOf(cfg, log, b.service, links, metrics)
	if err != nil {
		return err
	}
	if b.register, err = registerOf(cfg, store, links, log); err != nil {
		return err
	}
	if b.keeper, err = keeperOf(cfg, b.store, log); err != nil {
		return err
	}
	noteSettings(cfg, b.store, b.keeper.Digest, log)
	if b.shelf, err = shelfOf(cfg, store, log); err != nil {
		return err
	}
	desk, err := b.console(cfg, store, log)
	if err != nil {
		return err
	}
	if b.programs, err = b.api(cfg, store, log); err != nil {
		return err
	}
	if err := b.listen(cfg, listener, handlerThroughFailpoints(b.tracing.handler(withAPI(withConsole(public, desk), b.programs), cfg.Portals)), metrics); err != nil {
		return err
	}
	b.run(cfg, log)
	return nil
}

// hear has the domain tell of what it does: those who count it, those who pass it on, and
// changed, which may be nil.
func (b *running) hear(domain *bridge.Config, changed func(bridge.Request, []bridge.Entry)) {
	domain.Tried, domain.Hinted = b.metrics.Try, b.metrics.Hinted
	if b.notifier != nil {
		domain.Notifier = b.metrics.Telling(b.notifier)
	}
	domain.Changed = func(r bridge.Request, entries []bridge.Entry) {
		b.metrics.Changed(r, entries)
		b.sheets.Wake()
		if b.sender != nil {
			b.sender.Wake()
		}
		if changed != nil {
			changed(r, entries)
		}
	}
}

// run starts what works by itself: the worker, the report, the outgoing webhooks and the
// digest.
func (b *running) run(cfg *config, log *slog.Logger) {
	ctx, cancel := context.WithCancel(context.Background())
	b.stopLoops = cancel
	b.loops.Go(func() { bridge.NewWorker(b.service).Run(ctx) })
	b.loops.Go(func() {
		b.register.Run(ctx, func(err error) { log.Error("sessions that have ended cannot be removed", "error", err) })
	})
	b.loops.Go(func() { b.recall(ctx, log) })
	b.loops.Go(func() { b.sheets.Run(ctx) })
	if at := cfg.Reconcile.At; !at.Off {
		b.loops.Go(func() { b.service.ReconcileDaily(ctx, at.since(), cfg.Console.TimeZone) })
	}
	b.loops.Go(func() { b.keeper.Run(ctx) })
	b.loops.Go(func() {
		b.programs.Run(ctx, func(err error) { log.Error("receipts of the API that are over cannot be removed", "error", err) })
	})
	if b.sender != nil {
		b.loops.Go(func() { b.sender.Run(ctx) })
	}
	if b.notifier != nil && cfg.Mail.Digest != nil {
		b.loops.Go(func() {
			if err := b.notifier.RunDigests(ctx, digestsOf(cfg.Mail, b.service, b.store)); err != nil {
				log.Error("the digest cannot be sent", "error", err)
			}
		})
	}
}

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
	b.operations = &web.Operations{Metrics: metrics, Checks: b.checks}
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
	b.serve(socket, b.operator(cfg), 0)
	return nil
}

// operator answers the commands.
func (b *running) operator(cfg *config) *web.Operator {
	o := &web.Operator{Service: b.service, Person: operator, Backup: backupOf(b.store), Create: createOf(cfg.plans(), b.service)}
	if b.sender != nil {
		o.Outgoing = outgoingDesk{b.sender}
	}
	serveHouse(o, b.register, b.keeper)
	serveCheck(o, b.store)
	serveReconcile(o, b.service)
	return o
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

// Stop takes nothing more in, finishes what is under way within the configured time
// and closes the store. What takes longer is broken off: a store cannot be closed while a
// backup reads it.
func (b *running) Stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), b.shutdown)
	defer cancel()
	if b.operations != nil {
		b.operations.Stop()
	}
	ended := b.endLoops() // beside the servers: whoever is slow with a body takes none of their time
	var errs []error
	for _, s := range b.servers {
		errs = append(errs, stopServer(ctx, s))
	}
	errs = append(errs, awaitLoops(ctx, ended))
	if b.shelf != nil {
		errs = append(errs, b.shelf.Close()) // it reads the store
	}
	return errors.Join(append(errs, signStop(b.keeper), b.store.Close(), b.tracing.Stop(ctx))...)
}

// stopServer has a server finish what is under way, and breaks off what is not over with ctx.
func stopServer(ctx context.Context, s *http.Server) error {
	if err := s.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("what was still being answered was broken off: %w", err), s.Close())
	}
	return nil
}

// endLoops tells everything that works by itself to end, and returns a channel that is
// closed once it has.
func (b *running) endLoops() (ended <-chan struct{}) {
	if b.stopLoops != nil {
		b.stopLoops()
	}
	done := make(chan struct{})
	go func() { b.loops.Wait(); close(done) }()
	return done
}

func awaitLoops(ctx context.Context, ended <-chan struct{}) error {
	select {
	case <-ended:
	case <-ctx.Done():
	}
	select {
	case <-ended: // maybe both at once
		return nil
	default:
		return errors.New("stopped while calls to a portal or a provider were under way; they are taken up again at the next start")
	}
}
