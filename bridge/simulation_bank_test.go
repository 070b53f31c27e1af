package bridge_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"keybridge/bridge"
)

// bank is the provider of a simulation. Unlike farProvider's accounts, each checkout has
// money of its own and goes on by itself, and a reading is of the one that the record
// names, as it is at Stripe: what nobody knows of can be paid twice here.
type bank struct {
	w *world
	// tills are the checkouts of each request, oldest first; made are those of each
	// idempotency key, stored its answers. All under the world's lock.
	tills  map[bridge.ID][]*till
	made   map[string]*till
	stored map[string]error
	// twice are the requests that had two open checkouts at one time.
	twice map[bridge.ID]bool
}

// till is one checkout and what came of it.
type till struct {
	made  time.Time
	money bridge.Money
}

func newBank(w *world) *bank {
	return &bank{w: w, tills: map[bridge.ID][]*till{}, made: map[string]*till{}, stored: map[string]error{}, twice: map[bridge.ID]bool{}}
}

func (t *till) open() bool { return t.money.Checkout.State == bridge.CheckoutOpen }

func (t *till) kept() int64 { return t.money.Collected.Minor - t.money.Returned.Minor }

// close ends the checkout.
func (t *till) close(s bridge.CheckoutState, p bridge.PaymentState) {
	t.money.Checkout.State, t.money.State = s, p
}

// of returns the request's checkout of that id after closing those whose time is over;
// nil when there is none.
func (b *bank) of(id bridge.ID, checkout string) *till {
	var found *till
	for _, t := range b.tills[id] {
		if t.open() && t.money.Checkout.Expires.Before(time.Now()) {
			t.close(bridge.CheckoutExpired, bridge.NoPayment)
		}
		if t.money.Checkout.ID == checkout {
			found = t
		}
	}
	return found
}

// change is what the developer, the bank or time does to the checkout that a record names.
func (b *bank) change(r bridge.Request, fn func(*till)) {
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	if t := b.of(r.ID, r.Payment.Checkout.ID); t != nil {
		fn(t)
	}
}

// see returns copies of a request's checkouts, and of the money that the record names.
func (b *bank) see(r bridge.Request) (all []till, named bridge.Money) {
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	named.State = bridge.NoPayment
	if t := b.of(r.ID, r.Payment.Checkout.ID); t != nil {
		named = t.money
	}
	for _, t := range b.tills[r.ID] {
		all = append(all, *t)
	}
	return all, named
}

// call does something with the checkout that the record names, and returns the facts.
func (b *bank) call(ctx context.Context, name, key string, r bridge.Request, work func(*till) error) (bridge.Money, error) {
	err := b.w.call(ctx, name, key, b.stored, func() error {
		if t := b.of(r.ID, r.Payment.Checkout.ID); t != nil {
			return work(t)
		}
		return errMoved
	})
	if err != nil {
		return bridge.Money{}, err
	}
	_, m := b.see(r)
	return m, nil
}

// Open opens a checkout, or adopts one that an earlier attempt left behind: rather one
// that is complete than one that is open. What is too much is closed.
func (b *bank) Open(ctx context.Context, o bridge.Order) (m bridge.Money, err error) {
	id := o.Request.ID
	err = b.w.call(ctx, "open", o.Key, b.stored, func() error {
		b.of(id, "")
		if t := b.adopt(o); t != nil {
			b.made[o.Key] = t
			return nil
		}
		t := &till{made: time.Now(), money: bridge.Money{State: bridge.PaymentOpen, Checkout: bridge.Checkout{
			ID: fmt.Sprintf("cs_%s_%d", id, len(b.tills[id])+1), For: o.For, State: bridge.CheckoutOpen,
			URL: "https://pay.test/", Expires: time.Now().Add(24 * time.Hour),
		}}}
		t.money.Refs = []bridge.Ref{{System: "stripe", Kind: bridge.RefSession, ID: t.money.Checkout.ID}}
		b.tills[id], b.made[o.Key] = append(b.tills[id], t), t
		if b.live(id) > 1 {
			b.twice[id] = true
		}
		return nil
	})
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	if err == nil {
		b.of(id, "")
		m = b.made[o.Key].money
	}
	return m, err
}

func (b *bank) adopt(o bridge.Order) (found *till) {
	if o.Since.IsZero() {
		return nil
	}
	for _, state := range []bridge.CheckoutState{bridge.CheckoutComplete, bridge.CheckoutOpen} {
		for _, t := range slices.Backward(b.tills[o.Request.ID]) {
			checkout := t.money.Checkout
			switch {
			case t.made.Before(o.Since.Add(-farApart)), checkout.For != o.For, checkout.State != state:
			case found == nil:
				found = t
			case t.open():
				t.close(bridge.CheckoutExpired, bridge.NoPayment)
			}
		}
	}
	return found
}

// live is how many checkouts of a request are open.
func (b *bank) live(id bridge.ID) (n int) {
	for _, t := range b.tills[id] {
		if t.open() {
			n++
		}
	}
	return n
}

func (b *bank) Read(ctx context.Context, r bridge.Request) (bridge.Money, error) {
	return b.call(ctx, "read payment", "", r, func(*till) error { return nil })
}

// List lists every checkout, the newest of each request first.
func (b *bank) List(ctx context.Context, since time.Time, yield func(bridge.Opened) error) error {
	var all []bridge.Opened
	err := b.w.call(ctx, "list checkouts", "", nil, func() error {
		for _, id := range slices.Backward(slices.Sorted(maps.Keys(b.tills))) {
			b.of(id, "")
			for _, t := range slices.Backward(b.tills[id]) {
				if !t.made.Before(since) {
					all = append(all, bridge.Opened{Request: id, Portal: "main", At: t.made, Money: t.money})
				}
			}
		}
		return nil
	})
	for _, o := range all {
		if err := yield(o); err != nil {
			return err
		}
	}
	return err
}

func (b *bank) Expire(ctx context.Context, r bridge.Request, key string) (bridge.Money, error) {
	return b.call(ctx, "expire", key, r, func(t *till) error {
		if !t.open() {
			return errMoved
		}
		t.close(bridge.CheckoutExpired, bridge.NoPayment)
		return nil
	})
}

func (b *bank) Capture(ctx context.Context, r bridge.Request, key string) (bridge.Money, error) {
	return b.call(ctx, "capture", key, r, func(t *till) error {
		if t.money.State != bridge.Held {
			return errMoved
		}
		t.money.State, t.money.Collected = bridge.Paid, bridge.NewAmount(700, "eur")
		return nil
	})
}

func (b *bank) Void(ctx context.Context, r bridge.Request, key string) (bridge.Money, error) {
	return b.call(ctx, "void", key, r, func(t *till) error {
		if t.money.State != bridge.Held {
			return errMoved
		}
		t.money.State = bridge.NoPayment
		return nil
	})
}

func (b *bank) Refund(ctx context.Context, r bridge.Request, amount bridge.Amount, key string) (bridge.Money, error) {
	return b.call(ctx, "refund", key, r, func(t *till) error {
		m := &t.money
		if t.kept() < amount.Minor || m.State == bridge.Disputed {
			return errMoved
		}
		m.Returned = bridge.NewAmount(m.Returned.Minor+amount.Minor, amount.Currency)
		if t.kept() == 0 && m.State == bridge.Paid {
			m.State = bridge.Refunded
		}
		return nil
	})
}

func (b *bank) Cancel(ctx context.Context, r bridge.Request, key string) (bridge.Money, error) {
	return b.call(ctx, "cancel", key, r, func(t *till) error {
		if !t.money.Subscribed {
			return errMoved
		}
		t.money.Subscribed, t.money.State = false, bridge.PaymentEnded
		return nil
	})
}
