package billingtest

import "keybridge/bridge"

var paymentTests = []test{
	{name: "what came in is counted in the smallest unit of its currency", needs: []Lever{Pay}, try: func(b *bench) {
		for _, a := range []bridge.Amount{{Minor: 4900, Currency: "EUR"}, {Minor: 500, Currency: "JPY"}, {Minor: 5120, Currency: "KWD"}} {
			d := b.paid(once(a.Minor, a.Currency))
			m := d.read()
			d.wants(m, bridge.Paid, bridge.CheckoutComplete)
			d.wantsAmounts(m, a.Minor, 0)
			if m.Subscribed || !m.PaidUntil.IsZero() || m.Customer == "" {
				b.Errorf("%+v", m)
			}
		}
	}},
	{name: "several prices are one payment", needs: []Lever{Pay}, try: func(b *bench) {
		terms := once(4900, "EUR")
		terms.Lines = append(terms.Lines, bridge.Price{Name: "Set-up", Amount: bridge.NewAmount(1000, "EUR")})
		d := b.paid(terms)
		d.wantsAmounts(d.read(), 5900, 0)
		b.wantsEffects(Effects{Checkouts: 1, Payments: 1})
	}},
	{name: "the payer of one checkout is the customer of the next", needs: []Lever{Pay}, try: func(b *bench) {
		first := b.paid(once(4900, "EUR"))
		next := b.deal(once(4900, "EUR"))
		o := next.order(bridge.Paying)
		o.Customer = first.r.Payment.Customer
		next.sees("open")(b.Provider.Open(b.Context(), o))
		if m := next.pull(Pay); m.Customer != first.r.Payment.Customer {
			b.Errorf("customer %s, want %s", m.Customer, first.r.Payment.Customer)
		}
	}},
	{name: "a customer who was deleted meanwhile does not stop a payment", needs: []Lever{Pay}, try: func(b *bench) {
		d := b.deal(once(4900, "EUR"))
		o := d.order(bridge.Paying)
		o.Customer = "cus_deleted"
		for range 2 {
			d.wants(d.sees("open")(b.Provider.Open(b.Context(), o)), bridge.PaymentOpen, bridge.CheckoutOpen)
		}
		b.wantsEffects(Effects{Checkouts: 1, Open: 1})
	}},
	{name: "money that takes days is on its way until it is there", needs: []Lever{PayLater, Settle}, try: func(b *bench) {
		d := b.deal(once(4900, "EUR"))
		d.open()
		m := d.pull(PayLater)
		d.wants(m, bridge.Processing, bridge.CheckoutComplete)
		if m.Collected.Minor != 0 {
			b.Errorf("collected %+v", m.Collected)
		}
		m = d.pull(Settle)
		d.wants(m, bridge.Paid, bridge.CheckoutComplete)
		d.wantsAmounts(m, 4900, 0)
	}},
	{name: "money that takes days and never comes was no payment, and another try is possible", needs: []Lever{PayLater, Fail}, try: func(b *bench) {
		d := b.deal(once(4900, "EUR"))
		d.open()
		d.pull(PayLater)
		m := d.pull(Fail)
		d.wants(m, bridge.NoPayment, bridge.CheckoutFailed)
		if m.Collected.Minor != 0 {
			b.Errorf("collected %+v", m.Collected)
		}
		d.open()
		m = d.pull(Pay)
		d.wants(m, bridge.Paid, bridge.CheckoutComplete)
		if m.Why != "" {
			b.Errorf("still says %q", m.Why)
		}
	}},
	{name: "an early or late read says the same as one in between", needs: []Lever{Pay}, try: func(b *bench) {
		d := b.paid(once(4900, "EUR"))
		first := d.read()
		for range 3 {
			if m := d.read(); m.State != first.State || m.Collected != first.Collected || len(m.Refs) != len(first.Refs) {
				b.Errorf("%+v, then %+v", first, m)
			}
		}
	}},
}

var refundTests = []test{
	{name: "what was given back by hand is seen, in part and in full", needs: []Lever{Pay, GiveBack}, try: func(b *bench) {
		for _, terms := range []bridge.Terms{once(4900, "EUR"), once(500, "JPY"), once(5120, "KWD")} {
			whole := terms.Lines[0].Amount.Minor
			d := b.paid(terms)
			m := d.pull(GiveBack, 100)
			d.wants(m, bridge.Paid, bridge.CheckoutComplete)
			d.wantsAmounts(m, whole, 100)
			m = d.pull(GiveBack)
			d.wants(m, bridge.Refunded, bridge.CheckoutComplete)
			d.wantsAmounts(m, whole, whole)
		}
	}},
	{name: "a refund gives back what is asked, once for a key", needs: []Lever{Pay}, try: func(b *bench) {
		d := b.paid(once(4900, "EUR"))
		key := d.key()
		for range 3 {
			m := d.sees("refund")(b.Provider.Refund(b.Context(), d.r, bridge.NewAmount(900, "EUR"), key))
			d.wants(m, bridge.Paid, bridge.CheckoutComplete)
			d.wantsAmounts(m, 4900, 900)
		}
		key = d.key()
		for range 2 {
			m := d.sees("refund the rest")(b.Provider.Refund(b.Context(), d.r, bridge.NewAmount(4000, "EUR"), key))
			d.wants(m, bridge.Refunded, bridge.CheckoutComplete)
			d.wantsAmounts(m, 4900, 4900)
		}
		b.wantsEffects(Effects{Checkouts: 1, Payments: 1, Refunds: 2})
	}},
	{name: "the same refund at the same moment is one", needs: []Lever{Pay}, try: func(b *bench) {
		d := b.paid(once(4900, "EUR"))
		key := d.key()
		b.atOnce(10, func() error {
			_, err := b.Provider.Refund(b.Context(), d.r, bridge.NewAmount(4900, "EUR"), key)
			return err
		})
		b.wantsEffects(Effects{Checkouts: 1, Payments: 1, Refunds: 1})
	}},
	{name: "a refund of money that is not there is a conflict", needs: []Lever{Pay, GiveBack}, try: func(b *bench) {
		refund := func(d *deal, minor int64) error {
			_, err := b.Provider.Refund(b.Context(), d.r, bridge.NewAmount(minor, "EUR"), d.key())
			return err
		}
		unopened, open, all := b.deal(once(4900, "EUR")), b.deal(once(4900, "EUR")), b.paid(once(4900, "EUR"))
		open.open()
		b.wantsKind(refund(unopened, 4900), bridge.Conflict)
		b.wantsKind(refund(open, 4900), bridge.Conflict)
		b.wantsKind(refund(all, 4901), bridge.Conflict)
		all.pull(GiveBack, 900)
		b.wantsKind(refund(all, 4900), bridge.Conflict)
		all.pull(GiveBack)
		b.wantsKind(refund(all, 1), bridge.Conflict)
		all.wantsAmounts(all.read(), 4900, 4900)
	}},
	{name: "a refund of nothing, of less, or in another currency is invalid", needs: []Lever{Pay}, try: func(b *bench) {
		d := b.paid(once(4900, "EUR"))
		for _, a := range []bridge.Amount{bridge.NewAmount(0, "EUR"), bridge.NewAmount(-5, "EUR"), bridge.NewAmount(4900, "USD"), {Minor: 5}} {
			_, err := b.Provider.Refund(b.Context(), d.r, a, d.key())
			b.wantsKind(err, bridge.Invalid)
		}
		b.wantsEffects(Effects{Checkouts: 1, Payments: 1})
	}},
	{name: "no change is made without a key", needs: []Lever{Pay}, try: func(b *bench) {
		d := b.paid(monthly(4900, "EUR"))
		h := b.deal(held())
		h.open()
		h.pull(Pay)
		for name, call := range map[string]func() (bridge.Money, error){
			"refund": func() (bridge.Money, error) {
				return b.Provider.Refund(b.Context(), d.r, bridge.NewAmount(1, "EUR"), "")
			},
			"cancel":  func() (bridge.Money, error) { return b.Provider.Cancel(b.Context(), d.r, "") },
			"expire":  func() (bridge.Money, error) { return b.Provider.Expire(b.Context(), d.r, "") },
			"capture": func() (bridge.Money, error) { return b.Provider.Capture(b.Context(), h.r, "") },
			"void":    func() (bridge.Money, error) { return b.Provider.Void(b.Context(), h.r, "") },
		} {
			if _, err := call(); bridge.KindOf(err) != bridge.Invalid {
				b.Errorf("%s: %v", name, err)
			}
		}
	}},
}

var disputeTests = []test{
	{name: "a dispute is open, then won", needs: []Lever{Pay, Dispute, Win}, try: func(b *bench) {
		d := b.paid(once(4900, "EUR"))
		m := d.pull(Dispute)
		d.wants(m, bridge.Disputed, bridge.CheckoutComplete)
		d.wantsAmounts(m, 4900, 0)
		if m.Why == "" {
			b.Error("it does not say why")
		}
		m = d.pull(Win)
		d.wants(m, bridge.Paid, bridge.CheckoutComplete)
		d.wantsAmounts(m, 4900, 0)
	}},
	{name: "a dispute that was lost has taken the money", needs: []Lever{Pay, Dispute, Lose}, try: func(b *bench) {
		d := b.paid(once(4900, "EUR"))
		d.pull(Dispute)
		m := d.pull(Lose)
		d.wants(m, bridge.Disputed, bridge.CheckoutComplete)
		d.wantsAmounts(m, 4900, 4900)
	}},
	{name: "a dispute about the rest of a payment, lost, leaves nothing", needs: []Lever{Pay, GiveBack, Dispute, Lose}, try: func(b *bench) {
		d := b.paid(once(4900, "EUR"))
		d.pull(GiveBack, 900)
		m := d.pull(Dispute)
		d.wants(m, bridge.Disputed, bridge.CheckoutComplete)
		d.wantsAmounts(m, 4900, 900)
		d.wantsAmounts(d.pull(Lose), 4900, 4900)
	}},
	{name: "what is disputed cannot be refunded", needs: []Lever{Pay, Dispute, Lose}, try: func(b *bench) {
		d := b.paid(once(4900, "EUR"))
		for _, lever := range []Lever{Dispute, Lose} {
			d.pull(lever)
			_, err := b.Provider.Refund(b.Context(), d.r, bridge.NewAmount(4900, "EUR"), d.key())
			b.wantsKind(err, bridge.Conflict)
		}
	}},
	{name: "an inquiry takes nothing and can be settled by a refund", needs: []Lever{Pay, Inquire}, try: func(b *bench) {
		d := b.paid(once(4900, "EUR"))
		m := d.pull(Inquire)
		d.wants(m, bridge.Paid, bridge.CheckoutComplete)
		d.wantsAmounts(m, 4900, 0)
		m = d.sees("refund")(b.Provider.Refund(b.Context(), d.r, bridge.NewAmount(4900, "EUR"), d.key()))
		d.wants(m, bridge.Refunded, bridge.CheckoutComplete)
	}},
	{name: "an inquiry can become a dispute", needs: []Lever{Pay, Inquire, Dispute}, try: func(b *bench) {
		d := b.paid(once(4900, "EUR"))
		d.pull(Inquire)
		d.wants(d.pull(Dispute), bridge.Disputed, bridge.CheckoutComplete)
	}},
}

var holdTests = []test{
	{name: "held money is captured once", needs: []Lever{Pay}, try: func(b *bench) {
		d := b.deal(held())
		d.open()
		m := d.pull(Pay)
		d.wants(m, bridge.Held, bridge.CheckoutComplete)
		if m.Collected.Minor != 0 {
			b.Errorf("collected %+v", m.Collected)
		}
		b.wantsEffects(Effects{Checkouts: 1})
		key := d.key()
		for range 2 {
			m = d.sees("capture")(b.Provider.Capture(b.Context(), d.r, key))
			d.wants(m, bridge.Paid, bridge.CheckoutComplete)
			d.wantsAmounts(m, 4900, 0)
		}
		for _, call := range []func() (bridge.Money, error){
			func() (bridge.Money, error) { return b.Provider.Capture(b.Context(), d.r, d.key()) },
			func() (bridge.Money, error) { return b.Provider.Void(b.Context(), d.r, d.key()) },
		} {
			_, err := call()
			b.wantsKind(err, bridge.Conflict)
		}
		b.wantsEffects(Effects{Checkouts: 1, Payments: 1, Captures: 1})
		m = d.sees("refund")(b.Provider.Refund(b.Context(), d.r, bridge.NewAmount(4900, "EUR"), d.key()))
		d.wants(m, bridge.Refunded, bridge.CheckoutComplete)
	}},
	{name: "held money is let go of once, and nothing was ever collected", needs: []Lever{Pay}, try: func(b *bench) {
		d := b.deal(held())
		d.open()
		d.pull(Pay)
		key := d.key()
		for range 2 {
			m := d.sees("void")(b.Provider.Void(b.Context(), d.r, key))
			d.wants(m, bridge.NoPayment, bridge.CheckoutFailed)
			if m.Collected.Minor != 0 || m.Returned.Minor != 0 {
				b.Errorf("%+v", m)
			}
		}
		_, err := b.Provider.Capture(b.Context(), d.r, d.key())
		b.wantsKind(err, bridge.Conflict)
		_, err = b.Provider.Void(b.Context(), d.r, d.key())
		b.wantsKind(err, bridge.Conflict)
		_, err = b.Provider.Refund(b.Context(), d.r, bridge.NewAmount(4900, "EUR"), d.key())
		b.wantsKind(err, bridge.Conflict)
		b.wantsEffects(Effects{Checkouts: 1, Voids: 1})
	}},
	{name: "what the bank let go of is gone, says so, and can be asked for again", needs: []Lever{Pay, Lapse}, try: func(b *bench) {
		d := b.deal(held())
		d.open()
		d.pull(Pay)
		m := d.pull(Lapse)
		d.wants(m, bridge.NoPayment, bridge.CheckoutFailed)
		if m.Collected.Minor != 0 || m.Returned.Minor != 0 {
			b.Errorf("%+v", m)
		}
		_, err := b.Provider.Capture(b.Context(), d.r, d.key())
		b.wantsKind(err, bridge.Conflict)
		d.open()
		d.wants(d.pull(Pay), bridge.Held, bridge.CheckoutComplete)
	}},
	{name: "nothing is captured or let go of where nothing is held", try: func(b *bench) {
		unopened, open := b.deal(held()), b.deal(held())
		open.open()
		for _, d := range []*deal{unopened, open} {
			_, err := b.Provider.Capture(b.Context(), d.r, d.key())
			b.wantsKind(err, bridge.Conflict)
			_, err = b.Provider.Void(b.Context(), d.r, d.key())
			b.wantsKind(err, bridge.Conflict)
		}
	}},
}

var validationTests = []test{
	{name: "a card is validated without a charge", needs: []Lever{Pay}, try: func(b *bench) {
		d := b.deal(monthly(4900, "EUR"))
		m := d.openFor(bridge.Validation)
		d.wants(m, bridge.PaymentOpen, bridge.CheckoutOpen)
		if m.Checkout.For != bridge.Validation || m.Validated {
			b.Errorf("%+v", m)
		}
		m = d.pull(Pay)
		d.wants(m, bridge.NoPayment, bridge.CheckoutComplete)
		if !m.Validated || m.Collected.Minor != 0 || m.Subscribed {
			b.Errorf("%+v", m)
		}
		b.wantsEffects(Effects{Checkouts: 1})
	}},
	{name: "a card that was declined is not validated and can be replaced", needs: []Lever{Pay, CardDeclined}, try: func(b *bench) {
		d := b.deal(once(4900, "EUR"))
		d.openFor(bridge.Validation)
		m := d.pull(CardDeclined)
		d.wants(m, bridge.PaymentOpen, bridge.CheckoutOpen)
		if m.Validated {
			b.Error("it is validated")
		}
		if m := d.pull(Pay); !m.Validated {
			b.Error("it is not validated")
		}
	}},
	{name: "a validation that nobody came to is over", needs: []Lever{TimeOut}, try: func(b *bench) {
		d := b.deal(once(4900, "EUR"))
		d.openFor(bridge.Validation)
		m := d.pull(TimeOut)
		d.wants(m, bridge.NoPayment, bridge.CheckoutExpired)
		if m.Validated {
			b.Error("it is validated")
		}
	}},
	{name: "a payment after a validation is read as the payment", needs: []Lever{Pay}, try: func(b *bench) {
		d := b.deal(once(4900, "EUR"))
		d.openFor(bridge.Validation)
		validated := d.pull(Pay)
		o := d.order(bridge.Paying)
		o.Customer = validated.Customer
		d.sees("open")(b.Provider.Open(b.Context(), o))
		m := d.pull(Pay)
		d.wants(m, bridge.Paid, bridge.CheckoutComplete)
		d.wantsAmounts(m, 4900, 0)
		if m.Checkout.For != bridge.Paying || m.Customer != validated.Customer {
			b.Errorf("%+v", m)
		}
	}},
}
