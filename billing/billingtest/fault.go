package billingtest

import (
	"slices"
	"time"

	"keybridge/bridge"
)

var faultTests = []test{
	{name: "after a cut connection the same key finishes the job, once", try: func(b *bench) {
		for i, f := range []Fault{CutBefore, CutAfter} {
			d := b.deal(once(4900, "EUR"))
			o := d.order(bridge.Paying)
			b.Break(b.T, f)
			_, err := b.Provider.Open(b.Context(), o)
			b.wantsUnanswered(err)
			d.wants(d.sees("open again")(b.Provider.Open(b.Context(), o)), bridge.PaymentOpen, bridge.CheckoutOpen)
			b.wantsEffects(Effects{Checkouts: i + 1, Open: i + 1})
		}
	}},
	{name: "after an answer that will be repeated the next key adopts what was made, or makes it", try: func(b *bench) {
		for i, f := range []Fault{BreakBefore, BreakAfter} {
			d := b.deal(once(4900, "EUR"))
			o := d.order(bridge.Paying)
			b.Break(b.T, f)
			for range 2 {
				_, err := b.Provider.Open(b.Context(), o)
				b.wantsKind(err, bridge.Unavailable)
				if !asError(err).Answered {
					b.Errorf("%s: it does not count as answered", f)
				}
			}
			d.wants(d.sees("open anew")(b.Provider.Open(b.Context(), d.since(o))), bridge.PaymentOpen, bridge.CheckoutOpen)
			b.wantsEffects(Effects{Checkouts: i + 1, Open: i + 1})
		}
	}},
	{name: "being asked to slow down says for how long and does nothing", try: func(b *bench) {
		d := b.deal(once(4900, "EUR"))
		o := d.order(bridge.Paying)
		b.Break(b.T, SlowDown)
		_, err := b.Provider.Open(b.Context(), o)
		b.wantsKind(err, bridge.Limited)
		if e := asError(err); e.Answered || e.RetryAfter != 3*time.Second {
			b.Errorf("answered %v, retry after %s", e.Answered, e.RetryAfter)
		}
		d.sees("open again")(b.Provider.Open(b.Context(), o))
		b.wantsEffects(Effects{Checkouts: 1, Open: 1})
	}},
	{name: "a checkout that was paid while its opening was unanswered is adopted", needs: []Lever{Pay}, try: func(b *bench) {
		d := b.deal(once(4900, "EUR"))
		o := d.order(bridge.Paying)
		left := d.sees("open")(b.Provider.Open(b.Context(), o))
		d.pull(Pay)
		d.open() // another, open one beside it
		d.r.Payment, d.r.Refs = bridge.Payment{}, nil
		m := d.sees("open anew")(b.Provider.Open(b.Context(), d.since(o)))
		d.wants(m, bridge.Paid, bridge.CheckoutComplete)
		if m.Checkout.ID != left.Checkout.ID {
			b.Errorf("adopted %s, want %s", m.Checkout.ID, left.Checkout.ID)
		}
		b.wantsEffects(Effects{Checkouts: 2, Payments: 1})
	}},
	{name: "of several open checkouts one is kept", try: func(b *bench) {
		d := b.deal(once(4900, "EUR"))
		o := d.order(bridge.Paying)
		var made []string
		for range 3 {
			made = append(made, d.open().Checkout.ID)
		}
		d.r.Payment, d.r.Refs = bridge.Payment{}, nil
		m := d.sees("open anew")(b.Provider.Open(b.Context(), d.since(o)))
		d.wants(m, bridge.PaymentOpen, bridge.CheckoutOpen)
		if !slices.Contains(made, m.Checkout.ID) {
			b.Errorf("%s is none of %v", m.Checkout.ID, made)
		}
		b.wantsEffects(Effects{Checkouts: 3, Open: 1})
	}},
	{name: "what is over is not adopted, nor what is another request's or another step's", needs: []Lever{TimeOut, PayLater, Fail}, try: func(b *bench) {
		other := b.deal(once(4900, "EUR"))
		d := b.deal(once(4900, "EUR"))
		o := d.order(bridge.Paying)
		other.open()
		d.openFor(bridge.Validation)
		d.open()
		d.pull(TimeOut)
		d.open()
		d.pull(PayLater)
		d.pull(Fail)
		known := []string{other.r.Payment.Checkout.ID}
		for _, ref := range d.r.Refs {
			known = append(known, ref.ID)
		}
		m := d.sees("open anew")(b.Provider.Open(b.Context(), d.since(o)))
		d.wants(m, bridge.PaymentOpen, bridge.CheckoutOpen)
		if slices.Contains(known, m.Checkout.ID) {
			b.Errorf("adopted %s", m.Checkout.ID)
		}
		b.wantsEffects(Effects{Checkouts: 5, Open: 3})
	}},
	{name: "a subscription whose first payment failed while its opening was unanswered is ended, and no second one is left", needs: []Lever{Pay, PayLater, Fail}, try: func(b *bench) {
		for i, further := range []func(*deal){
			func(d *deal) { d.open(); d.pull(Pay) },
			func(d *deal) { d.sees("cancel")(b.Provider.Cancel(b.Context(), d.r, d.key())) },
		} {
			d := b.deal(monthly(4900, "EUR"))
			o := d.order(bridge.Paying)
			left := d.sees("open")(b.Provider.Open(b.Context(), o))
			d.pull(PayLater)
			d.pull(Fail)
			d.r.Payment, d.r.Refs = bridge.Payment{}, nil
			m := d.sees("open anew")(b.Provider.Open(b.Context(), d.since(o)))
			if m.Checkout.ID != left.Checkout.ID || !m.Subscribed || m.State != bridge.NoPayment {
				b.Errorf("adopted %+v, want %s, which can still ask for money", m, left.Checkout.ID)
			}
			further(d)
			b.wantsEffects(Effects{Checkouts: i + 2, Payments: 1, Subscriptions: i + 2, Living: 1})
		}
	}},
	{name: "an order as old as the memory for keys is looked for first", try: func(b *bench) {
		d := b.deal(once(4900, "EUR"))
		o := d.order(bridge.Paying)
		left := d.sees("open")(b.Provider.Open(b.Context(), o))
		b.Advance(b.T, 23*time.Hour)
		m := d.sees("open much later")(b.Provider.Open(b.Context(), o))
		if m.Checkout.ID != left.Checkout.ID {
			b.Errorf("%s, want %s", m.Checkout.ID, left.Checkout.ID)
		}
		b.wantsEffects(Effects{Checkouts: 1, Open: 1})
	}},
	{name: "a refund whose answer was lost is not made twice", needs: []Lever{Pay}, try: func(b *bench) {
		for i, f := range []Fault{CutBefore, CutAfter} {
			d := b.paid(once(4900, "EUR"))
			key := d.key()
			b.Break(b.T, f)
			_, err := b.Provider.Refund(b.Context(), d.r, bridge.NewAmount(900, "EUR"), key)
			b.wantsUnanswered(err)
			m := d.sees("refund again")(b.Provider.Refund(b.Context(), d.r, bridge.NewAmount(900, "EUR"), key))
			d.wantsAmounts(m, 4900, 900)
			b.wantsEffects(Effects{Checkouts: i + 1, Payments: i + 1, Refunds: i + 1})
		}
	}},
	{name: "a capture, a release, an end and a closing whose answer was lost are done once", needs: []Lever{Pay}, try: func(b *bench) {
		captured, voided, ended, closed := b.deal(held()), b.deal(held()), b.paid(monthly(4900, "EUR")), b.deal(once(4900, "EUR"))
		for _, d := range []*deal{captured, voided, closed} {
			d.open()
		}
		captured.pull(Pay)
		voided.pull(Pay)
		for _, tt := range []struct {
			d    *deal
			call func(d *deal, key string) (bridge.Money, error)
			want bridge.PaymentState
		}{
			{captured, func(d *deal, key string) (bridge.Money, error) { return b.Provider.Capture(b.Context(), d.r, key) }, bridge.Paid},
			{voided, func(d *deal, key string) (bridge.Money, error) { return b.Provider.Void(b.Context(), d.r, key) }, bridge.NoPayment},
			{ended, func(d *deal, key string) (bridge.Money, error) { return b.Provider.Cancel(b.Context(), d.r, key) }, bridge.PaymentEnded},
			{closed, func(d *deal, key string) (bridge.Money, error) { return b.Provider.Expire(b.Context(), d.r, key) }, bridge.NoPayment},
		} {
			key := tt.d.key()
			for _, f := range []Fault{CutBefore, SlowDown, CutAfter} {
				b.Break(b.T, f)
				if _, err := tt.call(tt.d, key); err == nil {
					b.Errorf("%s: no error", f)
				}
			}
			if m := tt.d.sees("again")(tt.call(tt.d, key)); m.State != tt.want {
				b.Errorf("%q, want %q", m.State, tt.want)
			}
		}
		b.wantsEffects(Effects{Checkouts: 4, Payments: 2, Captures: 1, Voids: 1, Subscriptions: 1})
	}},
}

// since is the next attempt at an order whose outcome is unknown.
func (d *deal) since(o bridge.Order) bridge.Order {
	next := d.order(o.For)
	next.Since = o.At
	return next
}

// wantsUnanswered checks that an error leaves the key to be used again.
func (b *bench) wantsUnanswered(err error) {
	b.Helper()
	b.wantsKind(err, bridge.Unavailable)
	if asError(err).Answered {
		b.Errorf("it counts as answered: %v", err)
	}
}
