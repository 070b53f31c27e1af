package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.etcd.io/bbolt"

	"keybridge/bridge"
	"keybridge/bridge/web"
	"keybridge/store/bolt"
	"keybridge/webhooks"
)

// What a load is put on is a process of its own, as it is in production: this test's
// binary under the name of load-server (see TestMain). It prints where it answers, does
// what it is told line by line, and ends with its standard input.

// loadServer runs one.
func loadServer() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "load-server KIND FOLDER")
		os.Exit(exitUsage)
	}
	if err := serveLoad(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "load-server:", err)
		os.Exit(1)
	}
}

func serveLoad(kind, folder string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	b := &running{failed: make(chan error, 1), shutdown: time.Second}
	var handler http.Handler
	switch kind {
	case onNothing:
		handler = answering(func(*http.Request) error { return nil })
	case onBridge:
		relaxCollector(os.LookupEnv)
		handler, err = b.intake(folder)
	case onUpdate:
		handler, err = updating(folder)
	case onPostgres:
		handler, err = inserting(folder)
	default:
		err = fmt.Errorf("there is no kind %q", kind)
	}
	if err != nil {
		return err
	}
	b.serve(l, handler, writeTime)
	fmt.Println(l.Addr())
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		if err := b.told(lines.Text()); err != nil {
			return err
		}
		fmt.Println("done")
	}
	if b.store == nil {
		return nil
	}
	return errors.Join(b.servers[0].Close(), b.store.Close())
}

// answering is Gin with one handler that does nothing else than what is given.
func answering(do func(*http.Request) error) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.POST("/webhooks/stripe", func(c *gin.Context) {
		if err := do(c.Request); err != nil {
			c.String(http.StatusServiceUnavailable, err.Error())
			return
		}
		c.Status(http.StatusOK)
	})
	return e
}

// verified reads an event, checks its signature and returns its id.
func verified() (func(*http.Request) (id string, err error), error) {
	verifier, err := webhooks.NewStripeVerifier([]string{standStripeHook}, 0)
	return func(r *http.Request) (string, error) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = verifier.Verify(r.Header.Get("Stripe-Signature"), body, time.Now())
		}
		if err != nil {
			return "", err
		}
		h, _, err := webhooks.StripeHint(stripeProvider, body)
		return h.ID, err
	}, err
}

// updating is what is usually written: the signature, and a transaction for each event
// that keeps its id.
func updating(folder string) (http.Handler, error) {
	db, err := bbolt.Open(filepath.Join(folder, "update.db"), 0o600, nil)
	if err != nil {
		return nil, err
	}
	name := []byte("event")
	if err := db.Update(func(tx *bbolt.Tx) error { _, err := tx.CreateBucketIfNotExists(name); return err }); err != nil {
		return nil, err
	}
	read, err := verified()
	return answering(func(r *http.Request) error {
		id, err := read(r)
		if err != nil {
			return err
		}
		return db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(name).Put([]byte(id), make([]byte, 256)) })
	}), err
}

// inserting is the same on PostgreSQL: an insert for each event, on a pool of connections.
// folder has the server's socket.
func inserting(folder string) (http.Handler, error) {
	pool, err := pgxpool.New(context.Background(), "host="+folder+" user=postgres dbname=postgres pool_max_conns=32")
	if err != nil {
		return nil, err
	}
	if _, err := pool.Exec(context.Background(), "CREATE TABLE event (id text PRIMARY KEY, kept bytea NOT NULL)"); err != nil {
		return nil, err
	}
	read, err := verified()
	return answering(func(r *http.Request) error {
		id, err := read(r)
		if err != nil {
			return err
		}
		_, err = pool.Exec(r.Context(), "INSERT INTO event VALUES ($1, $2) ON CONFLICT DO NOTHING", id, make([]byte, 256))
		return err
	}), err
}

// intake is the public listener of a bridge, wired as serve wires it, on the configuration
// and data of a folder. What does not come in with a webhook does not run: the worker's
// part is measured with the whole way.
func (b *running) intake(folder string) (http.Handler, error) {
	cfg, err := loadConfig(filepath.Join(folder, "keybridge.yaml"), os.LookupEnv)
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo}))
	if b.store, err = bolt.Open(bolt.Config{Path: filepath.Join(cfg.Data, storeFile), Log: log}); err != nil {
		return nil, err
	}
	links, err := linksOf(cfg)
	if err != nil {
		return nil, err
	}
	metrics := web.NewMetrics()
	domain, err := domainOf(cfg, log, b.store, links)
	if err != nil {
		return nil, err
	}
	domain.Tried, domain.Hinted, domain.Changed = metrics.Try, metrics.Hinted, metrics.Changed
	if b.service, err = bridge.New(portsThroughFailpoints(domain)); err != nil {
		return nil, err
	}
	public, err := publicOf(cfg, log, b.service, links, metrics)
	if err != nil {
		return nil, err
	}
	nothing := http.NotFoundHandler()
	return handlerThroughFailpoints(withAPI(withConsole(public, nothing), nothing)), nil
}

// told does what a line says. What keeps nothing has nothing to do.
func (b *running) told(what string) error {
	to, backup := strings.CutPrefix(what, sayBackup)
	switch {
	case b.store == nil:
		return nil
	case backup:
		return b.store.Backup(context.Background(), to, nil)
	case what == sayRest:
		return b.rest()
	case what == sayEnter:
		return b.enter()
	}
	return fmt.Errorf("nobody knows what %q is", what)
}

// enter claims for a portal that has no requests until nothing waits in the intake, of which
// each claim enters a part.
func (b *running) enter() error {
	now := time.Now()
	for {
		_, next, err := b.store.Claim(context.Background(), "nobody's", now, now.Add(time.Hour), 1)
		if err != nil || next.IsZero() {
			return err
		}
	}
}

// rest does what a worker does that finds everything as it should be: nothing is due
// afterwards.
func (b *running) rest() error {
	ctx, now := context.Background(), time.Now()
	for {
		claims, _, err := b.store.Claim(ctx, demoPortal, now, now.Add(time.Hour), 1000)
		if err != nil || len(claims) == 0 {
			return err
		}
		failures := make([]error, len(claims))
		var all sync.WaitGroup
		for i, claim := range claims {
			all.Go(func() {
				_, failures[i] = b.store.Update(ctx, claim.Request, func(c *bridge.Change) error {
					c.Done = &bridge.Done{Claim: claim}
					return nil
				})
			})
		}
		all.Wait()
		if err := errors.Join(failures...); err != nil {
			return err
		}
	}
}
