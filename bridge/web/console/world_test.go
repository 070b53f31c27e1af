package console_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"keybridge/bridge"
	"keybridge/bridge/web/console"
	"keybridge/store/bolt"
)

// world is a console over a service whose worker runs, between a portal and a provider
// that exist in memory.
type world struct {
	*office
	mu       sync.Mutex
	keys     map[string]bridge.AccessState
	policies map[string]string
	accounts map[bridge.ID]bridge.Money
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{keys: map[string]bridge.AccessState{}, policies: map[string]string{}, accounts: map[bridge.ID]bridge.Money{}}
	store, err := bolt.Open(bolt.Config{Path: filepath.Join(t.TempDir(), "keybridge.db")})
	if err != nil {
		t.Fatal(err)
	}
	w.office = &office{t: t, store: store}
	w.service, err = bridge.New(bridge.Config{
		Store: store, Portals: map[string]bridge.Site{"main": {Portal: farPortal{w}, Tell: bridge.MessageKinds}},
		Providers: map[string]bridge.Provider{"far": farProvider{w}}, Plans: plans(), Notifier: farMailbox{},
		NewID: func() bridge.ID { return bridge.ID(ulid.Make().String()) },
		Page:  func(id bridge.ID, _ time.Time) string { return "https://bridge.example/r/" + string(id) },
	})
	if err != nil {
		t.Fatal(err)
	}
	none := func(context.Context, string) error { return nil }
	w.Console, err = console.New(console.Config{Service: w.service, SignIn: w.signIn, Who: w.who, SignOut: none, SignOutEverywhere: none})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var worker sync.WaitGroup
	worker.Go(func() { bridge.NewWorker(w.service).Run(ctx) })
	t.Cleanup(func() {
		stop()
		worker.Wait()
		_ = store.Close()
	})
	return w
}

// plans are one for each way in which money and access hang together.
func plans() (all bridge.Plans) {
	once := []bridge.Price{{Name: "Once", Amount: bridge.NewAmount(1900, "EUR")}}
	monthly := []bridge.Price{{Name: "Monthly", Amount: bridge.NewAmount(900, "EUR"), Interval: bridge.Interval{Unit: "month"}}}
	for name, terms := range map[string]bridge.Terms{
		"reviewed": {Steps: []bridge.StepKind{bridge.Review}},
		"both":     {Steps: []bridge.StepKind{bridge.Review, bridge.Paying}, Lines: once},
		"held":     {Steps: []bridge.StepKind{bridge.Paying, bridge.Review}, Lines: once, Hold: true},
		"once":     {Steps: []bridge.StepKind{bridge.Paying}, Lines: once},
		"keep":     {Steps: []bridge.StepKind{bridge.Paying}, Lines: once, Refunded: bridge.Keep},
		"suspend":  {Steps: []bridge.StepKind{bridge.Paying}, Lines: once, Refunded: bridge.Suspend},
		"monthly":  {Steps: []bridge.StepKind{bridge.Paying}, Lines: monthly},
		"checked":  {Steps: []bridge.StepKind{bridge.Validation, bridge.Review}, Lines: once},
	} {
		terms.Provider = "far"
		all = append(all, bridge.Plan{Name: name, Portal: "main", Policies: []string{name}, Terms: terms})
	}
	return all
}

// ask files a key request and hands its browser off.
func (w *world) ask(policy string) bridge.ID {
	w.t.Helper()
	w.mu.Lock()
	key := fmt.Sprintf("k%d", len(w.keys)+1)
	w.keys[key], w.policies[key] = bridge.Pending, policy
	w.mu.Unlock()
	r, err := w.service.Arrive(w.t.Context(), bridge.Handoff{Portal: "main", Key: key, Trust: bridge.Signed, ID: key})
	if err != nil {
		w.t.Fatal(err)
	}
	return r.ID
}

// until waits until a request is in a state, and nothing is left to do for it.
func (w *world) until(id bridge.ID, want bridge.State) bridge.Request {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 30*time.Second)
	defer cancel()
	rests := func(r bridge.Request) bool {
		_, ok := bridge.Next(r, time.Now())
		return !ok && r.State() == want
	}
	r, err := w.service.Await(ctx, id, rests)
	if err != nil || !rests(r) {
		w.t.Fatalf("the request is %s and not %s at rest: %v %s", r.State(), want, err, r.Work.Error)
	}
	return r
}

// pays is what the applicant does at the checkout.
func (w *world) pays(id bridge.ID) {
	w.t.Helper()
	r := w.get(id)
	w.mu.Lock()
	m := w.accounts[id]
	m.Checkout.State = bridge.CheckoutComplete
	total, _ := r.Terms.Total()
	switch {
	case m.Checkout.For == bridge.Validation:
		m.State, m.Validated = bridge.NoPayment, true
	case r.Terms.Hold:
		m.State = bridge.Held
	default:
		m.State, m.Collected, m.Subscribed = bridge.Paid, total, r.Terms.Recurring()
	}
	w.accounts[id] = m
	w.mu.Unlock()
	if err := w.service.Look(w.t.Context(), id); err != nil {
		w.t.Fatal(err)
	}
}

// actions are the calls that were made for a request.
func (w *world) actions(id bridge.ID) (all []string) {
	w.t.Helper()
	entries, err := w.service.History(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range entries {
		if e.What == bridge.WhatAction {
			all = append(all, e.After)
		}
	}
	return all
}

type farPortal struct{ w *world }

func (p farPortal) move(key string, from, to bridge.AccessState) (bridge.KeyRequest, error) {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	if p.w.keys[key] == from {
		p.w.keys[key] = to
	}
	facts := bridge.KeyRequest{
		State: p.w.keys[key], Applicant: bridge.Applicant{ID: "dev-1", Email: "dana@applicant.example"},
		Asked: bridge.Asked{Policies: []string{p.w.policies[key]}, At: time.Now()},
	}
	if facts.State == bridge.Granted || facts.State == bridge.Suspended {
		facts.Keys = []string{"hash-" + key}
	}
	return facts, nil
}

func (p farPortal) Read(_ context.Context, key string, _ bridge.Access) (bridge.KeyRequest, error) {
	return p.move(key, "none", "")
}

func (p farPortal) Approve(_ context.Context, key string, _ bridge.Access) (bridge.KeyRequest, error) {
	return p.move(key, bridge.Pending, bridge.Granted)
}

func (p farPortal) Decline(_ context.Context, key string, _ bridge.Access, _ string) (bridge.KeyRequest, error) {
	return p.move(key, bridge.Pending, bridge.Gone)
}

func (p farPortal) Suspend(_ context.Context, key string, _ bridge.Access) (bridge.KeyRequest, error) {
	return p.move(key, bridge.Granted, bridge.Suspended)
}

func (p farPortal) Resume(_ context.Context, key string, _ bridge.Access) (bridge.KeyRequest, error) {
	return p.move(key, bridge.Suspended, bridge.Granted)
}

func (p farPortal) Revoke(_ context.Context, key string, _ bridge.Access) (bridge.KeyRequest, error) {
	if facts, err := p.move(key, bridge.Granted, bridge.Gone); facts.State == bridge.Gone {
		return facts, err
	}
	return p.move(key, bridge.Suspended, bridge.Gone)
}

func (p farPortal) ListPending(context.Context, func(string) error) error { return nil }

func (p farPortal) Create(context.Context, bridge.Asking) (string, error) {
	return "", &bridge.Error{Kind: bridge.Invalid}
}

type farProvider struct{ w *world }

func (p farProvider) change(id bridge.ID, fn func(*bridge.Money)) (bridge.Money, error) {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	m, ok := p.w.accounts[id]
	if !ok {
		m.State = bridge.NoPayment
	}
	fn(&m)
	p.w.accounts[id] = m
	return m, nil
}

func (p farProvider) Quote(_ context.Context, price bridge.Price) (bridge.Price, error) {
	return price, nil
}

func (p farProvider) Open(_ context.Context, o bridge.Order) (bridge.Money, error) {
	return p.change(o.Request.ID, func(m *bridge.Money) {
		m.State = bridge.PaymentOpen
		m.Checkout = bridge.Checkout{ID: "cs_" + o.Key, For: o.For, State: bridge.CheckoutOpen, URL: "https://pay.example/", Expires: o.At.Add(24 * time.Hour)}
	})
}

func (p farProvider) Read(_ context.Context, r bridge.Request) (bridge.Money, error) {
	return p.change(r.ID, func(*bridge.Money) {})
}

func (p farProvider) Expire(_ context.Context, r bridge.Request, _ string) (bridge.Money, error) {
	return p.change(r.ID, func(m *bridge.Money) { m.State, m.Checkout.State = bridge.NoPayment, bridge.CheckoutExpired })
}

func (p farProvider) Capture(_ context.Context, r bridge.Request, _ string) (bridge.Money, error) {
	total, _ := r.Terms.Total()
	return p.change(r.ID, func(m *bridge.Money) { m.State, m.Collected = bridge.Paid, total })
}

func (p farProvider) Void(_ context.Context, r bridge.Request, _ string) (bridge.Money, error) {
	return p.change(r.ID, func(m *bridge.Money) { m.State = bridge.NoPayment })
}

func (p farProvider) Refund(_ context.Context, r bridge.Request, a bridge.Amount, _ string) (bridge.Money, error) {
	return p.change(r.ID, func(m *bridge.Money) {
		m.Returned = bridge.NewAmount(m.Returned.Minor+a.Minor, a.Currency)
		if m.Returned == m.Collected && m.State == bridge.Paid {
			m.State = bridge.Refunded
		}
	})
}

func (p farProvider) Cancel(_ context.Context, r bridge.Request, _ string) (bridge.Money, error) {
	return p.change(r.ID, func(m *bridge.Money) { m.State, m.Subscribed = bridge.PaymentEnded, false })
}

func (p farProvider) Missed(context.Context, time.Time, func(bridge.Hint) error) error { return nil }

func (p farProvider) List(context.Context, time.Time, func(bridge.Opened) error) error { return nil }

type farMailbox struct{}

func (farMailbox) Send(context.Context, bridge.Message) error { return nil }
