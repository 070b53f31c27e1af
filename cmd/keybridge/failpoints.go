//go:build failpoints

package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"keybridge/bridge"
)

// A program built with the tag failpoints kills itself, as kill -9 does, when it comes to
// a named point for the n-th time: KEYBRIDGE_FAILPOINT="after commit:3". The points stand
// at the ports, where everything that matters goes in and out, so nothing inside knows of
// them. Without the tag there are none.

// failpoint is the one that is armed.
type failpoint struct {
	name string
	left atomic.Int64
}

// armed reads which it is. A name that there is not would test nothing.
func armed() *failpoint {
	name, count, _ := strings.Cut(os.Getenv("KEYBRIDGE_FAILPOINT"), ":")
	n, err := strconv.ParseInt(count, 10, 64)
	if name == "" || err != nil {
		return &failpoint{}
	}
	f := &failpoint{name: name}
	f.left.Store(n)
	return f
}

// at passes a point, or does not.
func (f *failpoint) at(name string) {
	if name == f.name && f.left.Add(-1) == 0 {
		fmt.Fprintln(os.Stderr, "failpoint:", name)
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}

func portsThroughFailpoints(c bridge.Config) bridge.Config {
	f := armed()
	c.Store = failingStore{c.Store, f}
	for name, site := range c.Portals {
		site.Portal = failingPortal{site.Portal, f}
		c.Portals[name] = site
	}
	for name, provider := range c.Providers {
		c.Providers[name] = failingProvider{provider, f}
	}
	return c
}

// handlerThroughFailpoints has points before a webhook is verified, before it is
// answered, and when the answer has gone out.
func handlerThroughFailpoints(h http.Handler) http.Handler {
	f := armed()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/webhooks/") {
			h.ServeHTTP(w, r)
			return
		}
		f.at("before verify")
		h.ServeHTTP(&failingAnswer{w, f}, r)
		_ = http.NewResponseController(w).Flush()
		f.at("after answer")
	})
}

type failingAnswer struct {
	http.ResponseWriter
	f *failpoint
}

func (w *failingAnswer) WriteHeader(status int) {
	w.f.at("before answer")
	w.ResponseWriter.WriteHeader(status)
}

// failingStore has points around commits: of hints, and of what the worker records.
type failingStore struct {
	bridge.Store
	f *failpoint
}

func (s failingStore) Accept(ctx context.Context, h bridge.Hint, then func(*bridge.Change) error) (bridge.Accepted, error) {
	s.f.at("after verify")
	in := then
	if then != nil {
		in = func(c *bridge.Change) error {
			err := then(c)
			s.f.at("before commit")
			return err
		}
	}
	a, err := s.Store.Accept(ctx, h, in)
	s.f.at("after commit")
	return a, err
}

func (s failingStore) Update(ctx context.Context, id bridge.ID, fn func(*bridge.Change) error) (bridge.Request, error) {
	s.f.at("before recording")
	r, err := s.Store.Update(ctx, id, func(c *bridge.Change) error {
		err := fn(c)
		s.f.at("while recording")
		return err
	})
	s.f.at("after recording")
	return r, err
}

// around passes the points before and after a call of a port.
func around[T any](f *failpoint, what string, call func() (T, error)) (T, error) {
	f.at("before " + what)
	v, err := call()
	f.at("after " + what)
	return v, err
}

const (
	portalCall   = "portal call"
	providerCall = "provider call"
)

// failingPortal has points around calls that change something.
type failingPortal struct {
	bridge.Portal
	f *failpoint
}

func (p failingPortal) Approve(ctx context.Context, key string, a bridge.Access) (bridge.KeyRequest, error) {
	return around(p.f, portalCall, func() (bridge.KeyRequest, error) { return p.Portal.Approve(ctx, key, a) })
}

func (p failingPortal) Decline(ctx context.Context, key string, a bridge.Access, why string) (bridge.KeyRequest, error) {
	return around(p.f, portalCall, func() (bridge.KeyRequest, error) { return p.Portal.Decline(ctx, key, a, why) })
}

func (p failingPortal) Suspend(ctx context.Context, key string, a bridge.Access) (bridge.KeyRequest, error) {
	return around(p.f, portalCall, func() (bridge.KeyRequest, error) { return p.Portal.Suspend(ctx, key, a) })
}

func (p failingPortal) Resume(ctx context.Context, key string, a bridge.Access) (bridge.KeyRequest, error) {
	return around(p.f, portalCall, func() (bridge.KeyRequest, error) { return p.Portal.Resume(ctx, key, a) })
}

func (p failingPortal) Revoke(ctx context.Context, key string, a bridge.Access) (bridge.KeyRequest, error) {
	return around(p.f, portalCall, func() (bridge.KeyRequest, error) { return p.Portal.Revoke(ctx, key, a) })
}

// failingProvider has points around calls that change something.
type failingProvider struct {
	bridge.Provider
	f *failpoint
}

func (p failingProvider) Open(ctx context.Context, o bridge.Order) (bridge.Money, error) {
	return around(p.f, providerCall, func() (bridge.Money, error) { return p.Provider.Open(ctx, o) })
}

func (p failingProvider) Expire(ctx context.Context, r bridge.Request, key string) (bridge.Money, error) {
	return around(p.f, providerCall, func() (bridge.Money, error) { return p.Provider.Expire(ctx, r, key) })
}

func (p failingProvider) Capture(ctx context.Context, r bridge.Request, key string) (bridge.Money, error) {
	return around(p.f, providerCall, func() (bridge.Money, error) { return p.Provider.Capture(ctx, r, key) })
}

func (p failingProvider) Void(ctx context.Context, r bridge.Request, key string) (bridge.Money, error) {
	return around(p.f, providerCall, func() (bridge.Money, error) { return p.Provider.Void(ctx, r, key) })
}

func (p failingProvider) Refund(ctx context.Context, r bridge.Request, a bridge.Amount, key string) (bridge.Money, error) {
	return around(p.f, providerCall, func() (bridge.Money, error) { return p.Provider.Refund(ctx, r, a, key) })
}

func (p failingProvider) Cancel(ctx context.Context, r bridge.Request, key string) (bridge.Money, error) {
	return around(p.f, providerCall, func() (bridge.Money, error) { return p.Provider.Cancel(ctx, r, key) })
}
