package billingtest

import (
	"slices"
	"time"

	"keybridge/bridge"
)

var subscriptionTests = []test{
	{name: "a subscription is paid for a period", needs: []Lever{Pay}, try: func(b *bench) {
		d := b.paid(monthly(4900, "EUR"))
		m := d.read()
		d.wants(m, bridge.Paid, bridge.CheckoutComplete)
		d.wantsAmounts(m, 4900, 0)
		b.around("the end of the paid time", m.PaidUntil, b.Now().AddDate(0, 1, 0))
		if !m.Subscribed || !m.CancelsAt.IsZero() || m.Customer == "" {
			b.Errorf("%+v", m)
		}
		b.wantsEffects(Effects{Checkouts: 1, Payments: 1, Subscriptions: 1, Living: 1})
	}},
	{name: "a renewal moves the paid time and adds its refs", needs: []Lever{Pay, Renew}, try: func(b *bench) {
		d := b.paid(monthly(4900, "EUR"))
		until := d.r.Payment.PaidUntil
		before := len(d.r.Refs)
		m := d.pull(Renew)
		d.wants(m, bridge.Paid, bridge.CheckoutComplete)
		d.wantsAmounts(m, 4900, 0)
		b.around("the end of the paid time", m.PaidUntil, until.AddDate(0, 1, 0))
		if len(d.r.Refs) <= before {
			b.Errorf("no new refs: %+v", d.r.Refs)
		}
	}},
	{name: "a price paid once beside it is collected with the first period", needs: []Lever{Pay, Renew}, try: func(b *bench) {
		terms := monthly(4900, "EUR")
		terms.Lines = append(terms.Lines, bridge.Price{Name: "Set-up", Amount: bridge.NewAmount(1000, "EUR")})
		d := b.paid(terms)
		d.wantsAmounts(d.read(), 5900, 0)
		d.wantsAmounts(d.pull(Renew), 4900, 0)
	}},
	{name: "a subscription that costs nothing is paid", needs: []Lever{Pay}, try: func(b *bench) {
		d := b.paid(monthly(0, "EUR"))
		m := d.read()
		d.wants(m, bridge.Paid, bridge.CheckoutComplete)
		d.wantsAmounts(m, 0, 0)
	}},
	{name: "a payment that was missed is overdue until it is made up for", needs: []Lever{Pay, Miss, PayUp}, try: func(b *bench) {
		d := b.paid(monthly(4900, "EUR"))
		until := d.r.Payment.PaidUntil
		m := d.pull(Miss)
		d.wants(m, bridge.Overdue, bridge.CheckoutComplete)
		d.wantsAmounts(m, 4900, 0)
		b.around("the end of the paid time", m.PaidUntil, until)
		b.around("overdue since", m.OverdueSince, b.Now())
		if !m.Subscribed || m.Why == "" {
			b.Errorf("%+v", m)
		}
		since := m.OverdueSince
		b.Advance(b.T, time.Hour)
		if m = d.read(); !m.OverdueSince.Equal(since) {
			b.Errorf("overdue since %s, before since %s", m.OverdueSince, since)
		}
		m = d.pull(PayUp)
		d.wants(m, bridge.Paid, bridge.CheckoutComplete)
		b.around("the end of the paid time", m.PaidUntil, until.AddDate(0, 1, 0))
	}},
	{name: "a subscription the provider gave up on ends with what was paid", needs: []Lever{Pay, Miss, GiveUp}, try: func(b *bench) {
		d := b.paid(monthly(4900, "EUR"))
		until := d.r.Payment.PaidUntil
		d.pull(Miss)
		m := d.pull(GiveUp)
		d.wants(m, bridge.PaymentEnded, bridge.CheckoutComplete)
		b.around("the end of the paid time", m.PaidUntil, until)
		d.wantsAmounts(m, 4900, 0)
		b.wantsEffects(Effects{Checkouts: 1, Payments: 1, Subscriptions: 1})
	}},
	{name: "cancelling ends it now, keeps the paid time, and may be repeated", needs: []Lever{Pay}, try: func(b *bench) {
		d := b.paid(monthly(4900, "EUR"))
		until := d.r.Payment.PaidUntil
		key := d.key()
		for _, key := range []string{key, key, d.key()} {
			m := d.sees("cancel")(b.Provider.Cancel(b.Context(), d.r, key))
			d.wants(m, bridge.PaymentEnded, bridge.CheckoutComplete)
			d.wantsAmounts(m, 4900, 0)
			b.around("the end of the paid time", m.PaidUntil, until)
		}
		b.wantsEffects(Effects{Checkouts: 1, Payments: 1, Subscriptions: 1})
	}},
	{name: "somebody else's cancellation is seen", needs: []Lever{Pay, Cancel}, try: func(b *bench) {
		d := b.paid(monthly(4900, "EUR"))
		d.wants(d.pull(Cancel), bridge.PaymentEnded, bridge.CheckoutComplete)
	}},
	{name: "there is nothing to cancel where there is no subscription", needs: []Lever{Pay}, try: func(b *bench) {
		unopened, open, paid := b.deal(monthly(4900, "EUR")), b.deal(monthly(4900, "EUR")), b.paid(once(4900, "EUR"))
		open.open()
		for _, d := range []*deal{unopened, open, paid} {
			_, err := b.Provider.Cancel(b.Context(), d.r, d.key())
			b.wantsKind(err, bridge.Conflict)
		}
	}},
	{name: "a cancellation for later is announced, can be taken back, and comes true", needs: []Lever{Pay, CancelLater, Keep, Renew}, try: func(b *bench) {
		d := b.paid(monthly(4900, "EUR"))
		until := d.r.Payment.PaidUntil
		m := d.pull(CancelLater)
		d.wants(m, bridge.Paid, bridge.CheckoutComplete)
		b.around("its end", m.CancelsAt, until)
		if !m.Subscribed {
			b.Error("it is over already")
		}
		if m = d.pull(Keep); !m.CancelsAt.IsZero() {
			b.Errorf("it still ends at %s", m.CancelsAt)
		}
		d.pull(CancelLater)
		m = d.pull(Renew)
		d.wants(m, bridge.PaymentEnded, bridge.CheckoutComplete)
		b.around("the end of the paid time", m.PaidUntil, until)
		if !m.CancelsAt.IsZero() {
			b.Errorf("what is over still ends at %s", m.CancelsAt)
		}
	}},
	{name: "a refund of a period is seen, and the next period is paid again", needs: []Lever{Pay, Renew}, try: func(b *bench) {
		d := b.paid(monthly(4900, "EUR"))
		m := d.sees("refund")(b.Provider.Refund(b.Context(), d.r, bridge.NewAmount(900, "EUR"), d.key()))
		d.wants(m, bridge.Paid, bridge.CheckoutComplete)
		d.wantsAmounts(m, 4900, 900)
		m = d.sees("refund")(b.Provider.Refund(b.Context(), d.r, bridge.NewAmount(4000, "EUR"), d.key()))
		d.wants(m, bridge.Refunded, bridge.CheckoutComplete)
		if !m.Subscribed {
			b.Error("it cannot ask for money any more")
		}
		m = d.pull(Renew)
		d.wants(m, bridge.Paid, bridge.CheckoutComplete)
		d.wantsAmounts(m, 4900, 0)
		m = d.sees("refund")(b.Provider.Refund(b.Context(), d.r, bridge.NewAmount(4900, "EUR"), d.key()))
		d.wantsAmounts(m, 4900, 4900)
		b.wantsEffects(Effects{Checkouts: 1, Payments: 2, Refunds: 3, Subscriptions: 1, Living: 1})
	}},
	{name: "refunded and cancelled, in either order, leaves no money, no subscription and no paid time", needs: []Lever{Pay}, try: func(b *bench) {
		for _, cancelFirst := range []bool{true, false} {
			d := b.paid(monthly(4900, "EUR"))
			began := b.Now()
			cancel := func() { d.sees("cancel")(b.Provider.Cancel(b.Context(), d.r, d.key())) }
			if cancelFirst {
				cancel()
			}
			d.sees("refund")(b.Provider.Refund(b.Context(), d.r, bridge.NewAmount(4900, "EUR"), d.key()))
			if !cancelFirst {
				cancel()
			}
			m := d.read()
			d.wants(m, bridge.PaymentEnded, bridge.CheckoutComplete)
			d.wantsAmounts(m, 4900, 4900)
			if m.PaidUntil.After(began.Add(time.Minute)) {
				b.Errorf("paid until %s", m.PaidUntil)
			}
		}
	}},
	{name: "a missed payment leaves the last one to be refunded", needs: []Lever{Pay, Miss}, try: func(b *bench) {
		d := b.paid(monthly(4900, "EUR"))
		d.pull(Miss)
		d.sees("cancel")(b.Provider.Cancel(b.Context(), d.r, d.key()))
		m := d.sees("refund")(b.Provider.Refund(b.Context(), d.r, bridge.NewAmount(4900, "EUR"), d.key()))
		d.wants(m, bridge.PaymentEnded, bridge.CheckoutComplete)
		d.wantsAmounts(m, 4900, 4900)
	}},
	{name: "a first payment that takes days is on its way until it is there", needs: []Lever{PayLater, Settle}, try: func(b *bench) {
		d := b.deal(monthly(4900, "EUR"))
		d.open()
		d.wants(d.pull(PayLater), bridge.Processing, bridge.CheckoutComplete)
		m := d.pull(Settle)
		d.wants(m, bridge.Paid, bridge.CheckoutComplete)
		d.wantsAmounts(m, 4900, 0)
	}},
	{name: "a first payment that failed can be tried again, and no second subscription is left", needs: []Lever{Pay, PayLater, Fail}, try: func(b *bench) {
		d := b.deal(monthly(4900, "EUR"))
		d.open()
		d.pull(PayLater)
		m := d.pull(Fail)
		d.wants(m, bridge.NoPayment, bridge.CheckoutFailed)
		d.wants(d.open(), bridge.PaymentOpen, bridge.CheckoutOpen)
		d.wants(d.pull(Pay), bridge.Paid, bridge.CheckoutComplete)
		b.wantsEffects(Effects{Checkouts: 2, Payments: 1, Subscriptions: 2, Living: 1})
	}},
	{name: "a first payment that failed can be left", needs: []Lever{PayLater, Fail}, try: func(b *bench) {
		d := b.deal(monthly(4900, "EUR"))
		d.open()
		d.pull(PayLater)
		d.pull(Fail)
		m := d.sees("cancel")(b.Provider.Cancel(b.Context(), d.r, d.key()))
		d.wants(m, bridge.NoPayment, bridge.CheckoutFailed)
		if m.Subscribed {
			b.Error("it can still ask for money")
		}
	}},
	{name: "a first payment on its way is waited for when its subscription is over", needs: []Lever{PayLater, Settle, Fail}, try: func(b *bench) {
		for _, end := range []struct {
			lever    Lever
			state    bridge.PaymentState
			checkout bridge.CheckoutState
			brought  int64
		}{
			{Settle, bridge.PaymentEnded, bridge.CheckoutComplete, 4900},
			{Fail, bridge.NoPayment, bridge.CheckoutFailed, 0},
		} {
			d := b.deal(monthly(4900, "EUR"))
			d.open()
			d.pull(PayLater)
			m := d.sees("cancel")(b.Provider.Cancel(b.Context(), d.r, d.key()))
			d.wants(m, bridge.Processing, bridge.CheckoutComplete)
			if m.Subscribed {
				b.Error("it can still ask for money")
			}
			m = d.pull(end.lever)
			d.wants(m, end.state, end.checkout)
			if m.Collected.Minor != end.brought {
				b.Errorf("after %s it has brought %s", end.lever, m.Collected)
			}
		}
	}},
	{name: "nothing is paid for by periods that were all given back or lost", needs: []Lever{Pay, Dispute, Lose, GiveBack, Renew, Cancel}, try: func(b *bench) {
		for name, earlier := range map[string][]Lever{"lost": {Dispute, Lose}, "given back": {GiveBack}} {
			d := b.paid(monthly(4900, "EUR"))
			begun := b.Now()
			for _, lever := range slices.Concat(earlier, []Lever{Renew, Dispute, Lose}) {
				d.pull(lever)
			}
			m := d.pull(Cancel)
			d.wants(m, bridge.PaymentEnded, bridge.CheckoutComplete)
			if m.PaidUntil.After(begun) {
				b.Errorf("the first one %s and the second one lost: it is paid until %s", name, m.PaidUntil)
			}
		}
	}},
	{name: "a dispute about the latest period, open, won and lost", needs: []Lever{Pay, Dispute, Win, Lose}, try: func(b *bench) {
		d := b.paid(monthly(4900, "EUR"))
		m := d.pull(Dispute)
		d.wants(m, bridge.Disputed, bridge.CheckoutComplete)
		if !m.Subscribed {
			b.Error("it is over")
		}
		d.wants(d.pull(Win), bridge.Paid, bridge.CheckoutComplete)
		lost := b.paid(monthly(4900, "EUR"))
		lost.pull(Dispute)
		m = lost.pull(Lose)
		lost.wants(m, bridge.Disputed, bridge.CheckoutComplete)
		lost.wantsAmounts(m, 4900, 4900)
	}},
	{name: "a dispute outlasts a cancellation until it is decided", needs: []Lever{Pay, Dispute, Lose}, try: func(b *bench) {
		d := b.paid(monthly(4900, "EUR"))
		d.pull(Dispute)
		m := d.sees("cancel")(b.Provider.Cancel(b.Context(), d.r, d.key()))
		d.wants(m, bridge.Disputed, bridge.CheckoutComplete)
		if m.Subscribed {
			b.Error("it can still ask for money")
		}
		m = d.pull(Lose)
		d.wants(m, bridge.PaymentEnded, bridge.CheckoutComplete)
		if m.PaidUntil.After(b.Now().Add(time.Minute)) {
			b.Errorf("what was lost is paid until %s", m.PaidUntil)
		}
	}},
	{name: "a trial is free until it ends and is paid", needs: []Lever{Pay, Renew}, try: func(b *bench) {
		d := b.trial()
		m := d.read()
		d.wants(m, bridge.Trialing, bridge.CheckoutComplete)
		d.wantsAmounts(m, 0, 0)
		ends := b.Now().AddDate(0, 0, 14)
		b.around("the end of the trial", m.PaidUntil, ends)
		if !m.Subscribed {
			b.Error("it is no subscription")
		}
		b.Advance(b.T, 14*24*time.Hour+time.Hour)
		m = d.read()
		d.wants(m, bridge.Paid, bridge.CheckoutComplete)
		d.wantsAmounts(m, 4900, 0)
		b.around("the end of the paid time", m.PaidUntil, ends.AddDate(0, 1, 0))
	}},
	{name: "a trial that ends without money is overdue, and was never paid for", needs: []Lever{Pay, Miss, GiveUp}, try: func(b *bench) {
		d := b.trial()
		ends := d.r.Payment.PaidUntil
		b.Advance(b.T, ends.Sub(b.Now())-time.Minute)
		m := d.pull(Miss)
		d.wants(m, bridge.Overdue, bridge.CheckoutComplete)
		b.around("overdue since", m.OverdueSince, ends)
		m = d.pull(GiveUp)
		d.wants(m, bridge.PaymentEnded, bridge.CheckoutComplete)
		b.around("the end of the trial", m.PaidUntil, ends)
	}},
	{name: "a trial that is cancelled gives no more time", needs: []Lever{Pay}, try: func(b *bench) {
		d := b.trial()
		m := d.sees("cancel")(b.Provider.Cancel(b.Context(), d.r, d.key()))
		d.wants(m, bridge.PaymentEnded, bridge.CheckoutComplete)
		if m.PaidUntil.After(b.Now().Add(time.Minute)) {
			b.Errorf("it goes on until %s", m.PaidUntil)
		}
		b.wantsEffects(Effects{Checkouts: 1, Subscriptions: 1})
	}},
}

// trial is a deal in its free trial of 14 days.
func (b *bench) trial() *deal {
	b.Helper()
	terms := monthly(4900, "EUR")
	terms.TrialDays = 14
	return b.paid(terms)
}
