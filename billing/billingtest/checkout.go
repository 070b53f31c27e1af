package billingtest

import (
	"context"
	"errors"
	"sync"
	"time"

	"keybridge/bridge"
)

func asError(err error) *bridge.Error {
	if e, ok := errors.AsType[*bridge.Error](err); ok {
		return e
	}
	return &bridge.Error{}
}

var checkoutTests = []test{
	{name: "a request that nothing was opened for has no payment", try: func(b *bench) {
		d := b.deal(once(4900, "EUR"))
		m, err := b.Provider.Read(b.Context(), d.r)
		if err != nil || m.State != bridge.NoPayment || m.Checkout != (bridge.Checkout{}) || len(m.Refs) != 0 {
			b.Errorf("%+v, %v", m, err)
		}
	}},
	{name: "an opened checkout waits at its address until its end", try: func(b *bench) {
		d := b.deal(once(4900, "EUR"))
		m := d.open()
		d.wants(m, bridge.PaymentOpen, bridge.CheckoutOpen)
		if left := m.Checkout.Expires.Sub(b.Now()); left < 25*time.Minute || left > 24*time.Hour+time.Minute {
			b.Errorf("it ends in %s", left)
		}
		if again := d.read(); again.Checkout != m.Checkout {
			b.Errorf("read %+v, opened %+v", again.Checkout, m.Checkout)
		}
		b.wantsEffects(Effects{Checkouts: 1, Open: 1})
	}},
	{name: "the same key opens one checkout", try: func(b *bench) {
		d := b.deal(once(4900, "EUR"))
		o := d.order(bridge.Paying)
		first := d.sees("open")(b.Provider.Open(b.Context(), o))
		again := d.sees("open again")(b.Provider.Open(b.Context(), o))
		if first.Checkout != again.Checkout {
			b.Errorf("%+v, then %+v", first.Checkout, again.Checkout)
		}
		b.wantsEffects(Effects{Checkouts: 1, Open: 1})
	}},
	{name: "the same key at the same moment opens one checkout", try: func(b *bench) {
		o := b.deal(once(4900, "EUR")).order(bridge.Paying)
		b.atOnce(10, func() error { _, err := b.Provider.Open(b.Context(), o); return err })
		b.wantsEffects(Effects{Checkouts: 1, Open: 1})
	}},
	{name: "another key opens another checkout", try: func(b *bench) {
		d := b.deal(once(4900, "EUR"))
		first, second := d.open(), d.open()
		if first.Checkout.ID == second.Checkout.ID {
			b.Errorf("both are %s", first.Checkout.ID)
		}
		b.wantsEffects(Effects{Checkouts: 2, Open: 2})
	}},
	{name: "opening under a key whose checkout was paid meanwhile says that it was", needs: []Lever{Pay}, try: func(b *bench) {
		d := b.deal(once(4900, "EUR"))
		o := d.order(bridge.Paying)
		d.sees("open")(b.Provider.Open(b.Context(), o))
		d.pull(Pay)
		d.wants(d.sees("open again")(b.Provider.Open(b.Context(), o)), bridge.Paid, bridge.CheckoutComplete)
	}},
	{name: "a declined card leaves the checkout open", needs: []Lever{CardDeclined}, try: func(b *bench) {
		d := b.deal(once(4900, "EUR"))
		d.open()
		d.wants(d.pull(CardDeclined), bridge.PaymentOpen, bridge.CheckoutOpen)
		d.wants(d.pull(Pay), bridge.Paid, bridge.CheckoutComplete)
	}},
	{name: "expiring closes a checkout, again under the same key too", try: func(b *bench) {
		d := b.deal(once(4900, "EUR"))
		d.open()
		key := d.key()
		for range 2 {
			d.wants(d.sees("expire")(b.Provider.Expire(b.Context(), d.r, key)), bridge.NoPayment, bridge.CheckoutExpired)
		}
		_, err := b.Provider.Expire(b.Context(), d.r, d.key())
		b.wantsKind(err, bridge.Conflict)
		b.wantsEffects(Effects{Checkouts: 1})
	}},
	{name: "expiring what was paid is a conflict and changes nothing", needs: []Lever{Pay}, try: func(b *bench) {
		d := b.paid(once(4900, "EUR"))
		_, err := b.Provider.Expire(b.Context(), d.r, d.key())
		b.wantsKind(err, bridge.Conflict)
		d.wants(d.read(), bridge.Paid, bridge.CheckoutComplete)
	}},
	{name: "expiring where nothing was opened is a conflict", try: func(b *bench) {
		_, err := b.Provider.Expire(b.Context(), b.deal(once(4900, "EUR")).r, "kb_1")
		b.wantsKind(err, bridge.Conflict)
	}},
	{name: "a checkout ends by itself, and another can follow", needs: []Lever{TimeOut}, try: func(b *bench) {
		d := b.deal(once(4900, "EUR"))
		d.open()
		d.wants(d.pull(TimeOut), bridge.NoPayment, bridge.CheckoutExpired)
		d.wants(d.open(), bridge.PaymentOpen, bridge.CheckoutOpen)
		b.wantsEffects(Effects{Checkouts: 2, Open: 1})
	}},
	{name: "what cannot become a checkout is invalid and leaves nothing", try: func(b *bench) {
		unquoted := once(0, "")
		unquoted.Lines[0] = bridge.Price{Lookup: "gold"}
		for name, change := range map[string]func(*bridge.Order){
			"no key":       func(o *bridge.Order) { o.Key = "" },
			"no lines":     func(o *bridge.Order) { o.Request.Terms.Lines = nil },
			"not quoted":   func(o *bridge.Order) { o.Request.Terms = unquoted },
			"for a review": func(o *bridge.Order) { o.For = bridge.Review },
		} {
			o := b.deal(once(4900, "EUR")).order(bridge.Paying)
			change(&o)
			if _, err := b.Provider.Open(b.Context(), o); bridge.KindOf(err) != bridge.Invalid {
				b.Errorf("%s: %v", name, err)
			}
		}
		b.wantsEffects(Effects{})
	}},
	{name: "one request's checkout is not another's", try: func(b *bench) {
		mine, yours := b.deal(once(4900, "EUR")), b.deal(once(4900, "EUR"))
		mine.open()
		yours.r.Payment.Checkout.ID = mine.r.Payment.Checkout.ID
		_, err := b.Provider.Read(b.Context(), yours.r)
		b.wantsKind(err, bridge.Invalid)
	}},
	{name: "a checkout nobody knows is not found", try: func(b *bench) {
		d := b.deal(once(4900, "EUR"))
		d.r.Payment.Checkout.ID = "cs_test_nobody"
		_, err := b.Provider.Read(b.Context(), d.r)
		b.wantsKind(err, bridge.NotFound)
	}},
	{name: "a call whose time is over is unavailable and gave no answer", try: func(b *bench) {
		ctx, cancel := context.WithDeadline(b.Context(), time.Now().Add(-time.Second))
		defer cancel()
		_, err := b.Provider.Open(ctx, b.deal(once(4900, "EUR")).order(bridge.Paying))
		b.wantsKind(err, bridge.Unavailable)
		if asError(err).Answered {
			b.Error("it counts as answered")
		}
	}},
}

// atOnce makes the same call many times at the same moment. Each has to succeed or
// to say that the same call is under way; at least one has to succeed.
func (b *bench) atOnce(n int, call func() error) {
	b.Helper()
	var all sync.WaitGroup
	errs := make(chan error, n)
	for range n {
		all.Go(func() { errs <- call() })
	}
	all.Wait()
	close(errs)
	succeeded := 0
	for err := range errs {
		switch {
		case err == nil:
			succeeded++
		case bridge.KindOf(err) != bridge.Unavailable || asError(err).Answered:
			b.Errorf("one of them: %v", err)
		}
	}
	if succeeded == 0 {
		b.Error("none succeeded")
	}
}
