package main

import (
	"context"
	"time"

	attr "go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"keybridge/bridge"
)

// ports has a span made of every commit and every call to the outside.
func (t *tracing) ports(c bridge.Config) bridge.Config {
	if t == nil {
		return c
	}
	c.Pass = t.pass
	c.Store = tracedStore{c.Store, t}
	for name, site := range c.Portals {
		site.Portal = tracedPortal{site.Portal, t, []attr.KeyValue{attrPortal.String(name)}}
		c.Portals[name] = site
	}
	for name, provider := range c.Providers {
		c.Providers[name] = tracedProvider{provider, t, []attr.KeyValue{attrProvider.String(name)}}
	}
	if c.Notifier != nil {
		c.Notifier = tracedNotifier{c.Notifier, t}
	}
	return c
}

// tracedStore makes spans of commits. Readings are part of what surrounds them.
type tracedStore struct {
	bridge.Store
	t *tracing
}

// Accept commits a hint.
func (s tracedStore) Accept(ctx context.Context, h bridge.Hint, then func(*bridge.Change) error) (bridge.Accepted, error) {
	ctx, span := s.t.Start(ctx, "commit hint", trace.WithAttributes(attrSource.String(h.Source), attrHint.String(h.What)))
	defer span.End()
	a, err := s.Store.Accept(ctx, h, then)
	outcome := a.Outcome()
	if err != nil {
		outcome = string(bridge.KindOf(err))
	}
	span.SetAttributes(attrOutcome.String(outcome))
	if a.Request != "" {
		span.SetAttributes(attrRequest.String(string(a.Request)))
	}
	failed(span, err)
	return a, err
}

// Update commits what was observed, or done.
func (s tracedStore) Update(ctx context.Context, id bridge.ID, fn func(*bridge.Change) error) (bridge.Request, error) {
	ctx, span := s.t.Start(ctx, "record", trace.WithAttributes(attrRequest.String(string(id))))
	defer span.End()
	r, err := s.Store.Update(ctx, id, fn)
	failed(span, err)
	return r, err
}

// tracedPortal makes spans of calls to a portal.
type tracedPortal struct {
	next  bridge.Portal
	t     *tracing
	about []attr.KeyValue
}

var _ bridge.Portal = tracedPortal{}

func (p tracedPortal) Read(ctx context.Context, key string, known bridge.Access) (bridge.KeyRequest, error) {
	return p.call(ctx, "read portal", key, known, p.next.Read)
}

func (p tracedPortal) Approve(ctx context.Context, key string, known bridge.Access) (bridge.KeyRequest, error) {
	return p.call(ctx, string(bridge.ApproveKey), key, known, p.next.Approve)
}

func (p tracedPortal) Decline(ctx context.Context, key string, known bridge.Access, why string) (bridge.KeyRequest, error) {
	return call(ctx, p.t, string(bridge.DeclineKey), p.about, func(ctx context.Context) (bridge.KeyRequest, error) { return p.next.Decline(ctx, key, known, why) })
}

func (p tracedPortal) Suspend(ctx context.Context, key string, known bridge.Access) (bridge.KeyRequest, error) {
	return p.call(ctx, string(bridge.SuspendKey), key, known, p.next.Suspend)
}

func (p tracedPortal) Resume(ctx context.Context, key string, known bridge.Access) (bridge.KeyRequest, error) {
	return p.call(ctx, string(bridge.ResumeKey), key, known, p.next.Resume)
}

func (p tracedPortal) Revoke(ctx context.Context, key string, known bridge.Access) (bridge.KeyRequest, error) {
	return p.call(ctx, string(bridge.RevokeKey), key, known, p.next.Revoke)
}

func (p tracedPortal) ListPending(ctx context.Context, yield func(key string) error) error {
	_, err := call(ctx, p.t, "list pending", p.about, func(ctx context.Context) (struct{}, error) { return struct{}{}, p.next.ListPending(ctx, yield) })
	return err
}

func (p tracedPortal) Create(ctx context.Context, a bridge.Asking) (string, error) {
	return call(ctx, p.t, "create key request", p.about, func(ctx context.Context) (string, error) { return p.next.Create(ctx, a) })
}

func (p tracedPortal) call(ctx context.Context, doing, key string, known bridge.Access,
	do func(context.Context, string, bridge.Access) (bridge.KeyRequest, error),
) (bridge.KeyRequest, error) {
	return call(ctx, p.t, doing, p.about, func(ctx context.Context) (bridge.KeyRequest, error) { return do(ctx, key, known) })
}

// tracedProvider makes spans of calls to a provider.
type tracedProvider struct {
	next  bridge.Provider
	t     *tracing
	about []attr.KeyValue
}

var _ bridge.Provider = tracedProvider{}

func (p tracedProvider) Quote(ctx context.Context, price bridge.Price) (bridge.Price, error) {
	return call(ctx, p.t, "quote", p.about, func(ctx context.Context) (bridge.Price, error) { return p.next.Quote(ctx, price) })
}

func (p tracedProvider) Open(ctx context.Context, o bridge.Order) (bridge.Money, error) {
	return call(ctx, p.t, string(bridge.OpenCheckout), p.about, func(ctx context.Context) (bridge.Money, error) { return p.next.Open(ctx, o) })
}

func (p tracedProvider) Read(ctx context.Context, r bridge.Request) (bridge.Money, error) {
	return call(ctx, p.t, "read payment", p.about, func(ctx context.Context) (bridge.Money, error) { return p.next.Read(ctx, r) })
}

func (p tracedProvider) Expire(ctx context.Context, r bridge.Request, key string) (bridge.Money, error) {
	return p.call(ctx, bridge.ExpireCheckout, r, key, p.next.Expire)
}

func (p tracedProvider) Capture(ctx context.Context, r bridge.Request, key string) (bridge.Money, error) {
	return p.call(ctx, bridge.CapturePayment, r, key, p.next.Capture)
}

func (p tracedProvider) Void(ctx context.Context, r bridge.Request, key string) (bridge.Money, error) {
	return p.call(ctx, bridge.VoidPayment, r, key, p.next.Void)
}

func (p tracedProvider) Refund(ctx context.Context, r bridge.Request, a bridge.Amount, key string) (bridge.Money, error) {
	return call(ctx, p.t, string(bridge.RefundPayment), p.about, func(ctx context.Context) (bridge.Money, error) { return p.next.Refund(ctx, r, a, key) })
}

func (p tracedProvider) Cancel(ctx context.Context, r bridge.Request, key string) (bridge.Money, error) {
	return p.call(ctx, bridge.CancelPayment, r, key, p.next.Cancel)
}

func (p tracedProvider) Missed(ctx context.Context, since time.Time, yield func(bridge.Hint) error) error {
	_, err := call(ctx, p.t, "list missed events", p.about, func(ctx context.Context) (struct{}, error) { return struct{}{}, p.next.Missed(ctx, since, yield) })
	return err
}

func (p tracedProvider) List(ctx context.Context, since time.Time, yield func(bridge.Opened) error) error {
	_, err := call(ctx, p.t, "list checkouts", p.about, func(ctx context.Context) (struct{}, error) { return struct{}{}, p.next.List(ctx, since, yield) })
	return err
}

func (p tracedProvider) call(ctx context.Context, doing bridge.ActionKind, r bridge.Request, key string,
	do func(context.Context, bridge.Request, string) (bridge.Money, error),
) (bridge.Money, error) {
	return call(ctx, p.t, string(doing), p.about, func(ctx context.Context) (bridge.Money, error) { return do(ctx, r, key) })
}

// tracedNotifier makes spans of what applicants are told.
type tracedNotifier struct {
	next bridge.Notifier
	t    *tracing
}

func (n tracedNotifier) Send(ctx context.Context, m bridge.Message) error {
	about := []attr.KeyValue{attrMessage.String(string(m.Kind))}
	_, err := call(ctx, n.t, string(bridge.Tell), about, func(ctx context.Context) (struct{}, error) { return struct{}{}, n.next.Send(ctx, m) })
	return err
}
