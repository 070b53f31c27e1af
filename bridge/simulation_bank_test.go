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
	// lasts is the end of a subscription's latest period that was paid, zero where none was;
	// behind is since when the next one is owed.
	lasts, behind time.Time
	bank          quarrel
	// called is a debit that the bank was asked for, and its subscription ended since.
	called bool
}

// quarrel is what the cardholder's bank says of what came in.
type quarrel string

const (
	peace quarrel = ""
	// contested: it may take back what was paid last, and earlier: what was paid before.
	contested quarrel = "contested"
	earlier   quarrel = "contested earlier"
	// taken: it took back what was paid last.
	taken quarrel = "taken"
)

const period = 30 * 24 * time.Hour

func newBank(w *world) *bank {
	return &bank{w: w, tills: map[bridge.ID][]*till{}, made: map[string]*till{}, stored: map[string]error{}, twice: map[bridge.ID]bool{}}
}

func (t *till) open() bool { return t.money.Checkout.State == bridge.CheckoutOpen }

func (t *till) kept() int64 { return t.money.Collected.Minor - t.money.Returned.Minor }

// close ends the checkout.
func (t *till) close(s bridge.CheckoutState, p bridge.PaymentState) {
	t.money.Checkout.State, t.money.State = s, p
}

// pays takes in the money for a checkout, or for another period of its subscription. A dispute
// about what was paid before goes on, and one that was lost is about nothing that counts now.
func (t *till) pays() {
	if t.recurs() {
		t.lasts = time.Now().Add(period)
	}
	t.money.Collected, t.money.Returned = full, bridge.NewAmount(0, full.Currency)
	t.money.Checkout.State, t.behind, t.called = bridge.CheckoutComplete, time.Time{}, false
	switch t.bank {
	case contested:
		t.bank = earlier
	case taken:
		t.bank = peace
	}
	t.reckon()
}

// recurs reports a subscription, living or over.
func (t *till) recurs() bool { return t.money.Subscribed || t.called || !t.lasts.IsZero() }

// ends ends the subscription. What the bank was asked for already is still on its way.
func (t *till) ends() {
	t.money.Subscribed = false
	if t.money.State == bridge.Processing {
		t.called = true
		return
	}
	if !t.lasts.IsZero() {
		t.reckon()
	}
}

// reckon says what what came in, what went back and what the bank says come to.
func (t *till) reckon() {
	m := &t.money
	back := m.Collected.Minor > 0 && t.kept() == 0
	m.OverdueSince, m.PaidUntil = time.Time{}, t.lasts
	if back && !t.lasts.IsZero() {
		m.PaidUntil = t.lasts.Add(-period)
	}
	switch {
	case t.bank == contested || t.bank == earlier:
		m.State = bridge.Disputed
	case t.recurs() && !m.Subscribed:
		m.State = bridge.PaymentEnded
	case t.bank == taken:
		m.State = bridge.Disputed
	case !t.behind.IsZero():
		m.State, m.OverdueSince = bridge.Overdue, t.behind
	case back:
		m.State = bridge.Refunded
	default:
		m.State = bridge.Paid
	}
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
		t := b.adopt(o)
		if t == nil {
			t = b.replace(o)
		}
		if t != nil {
			b.made[o.Key] = t
			return nil
		}
		t = &till{made: time.Now(), money: bridge.Money{State: bridge.PaymentOpen, Checkout: bridge.Checkout{
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

// replace ends the subscription of the checkout that the record names, where its first payment
// failed; one that came to something after all is returned.
func (b *bank) replace(o bridge.Order) (alive *till) {
	t := b.of(o.Request.ID, o.Request.Payment.Checkout.ID)
	switch {
	case !o.Request.Payment.Subscribed || t == nil:
		return nil
	case t.money.State != bridge.NoPayment:
		return t
	}
	t.ends()
	return nil
}

func (b *bank) adopt(o bridge.Order) (found *till) {
	if o.Since.IsZero() {
		return nil
	}
	for _, state := range []bridge.CheckoutState{bridge.CheckoutComplete, bridge.CheckoutOpen} {
		for _, t := range slices.Backward(b.tills[o.Request.ID]) {
			checkout := t.money.Checkout
			switch {
			case t.made.Before(o.Since.Add(-farApart)), checkout.For != o.For:
			case checkout.State != state && (state != bridge.CheckoutComplete || !t.money.Subscribed):
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
		if m.State != bridge.Processing {
			t.reckon()
		}
		return nil
	})
}

func (b *bank) Cancel(ctx context.Context, r bridge.Request, key string) (bridge.Money, error) {
	return b.call(ctx, "cancel", key, r, func(t *till) error {
		if !t.money.Subscribed {
			return errMoved
		}
		t.ends()
		return nil
	})
}
