package stripe

import (
	"context"
	"time"

	stripego "github.com/stripe/stripe-go/v76"

	"keybridge/bridge"
)

// bills is what a subscription's invoices come to.
type bills struct {
	// paid is the latest invoice that was paid, nil where none was; owed the first
	// one after it that was not.
	paid, owed *invoice
	// times are those that were paid for, by their invoices.
	times map[*invoice]span
	// begun is when the first of these began, taken back or not.
	begun time.Time
	// earlier are the paid invoices before paid for which a charge was made.
	earlier []*invoice
	// quarrel is what the bank says to the charge of paid, and whether it is still
	// deciding about one of the earlier ones.
	quarrel quarrel
}

// span is a time that was paid for.
type span struct{ start, end time.Time }

// until is the end of the last period that was paid and not taken back; where all were, it is
// the beginning of the first.
func (b *bills) until() (at time.Time) {
	for _, t := range b.times {
		at = later(at, t.end)
	}
	if at.IsZero() {
		return b.begun
	}
	return at
}

// takenBack takes an invoice's period out of the time paid for, because its money was given
// back or lost in a dispute.
func (b *bills) takenBack(in *invoice) { delete(b.times, in) }

// seeSubscription reads the subscription of a completed checkout.
// Source: https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses
func (p *Provider) seeSubscription(ctx context.Context, m *bridge.Money, r bridge.Request, s *session) error {
	sub := s.Subscription
	if sub == nil {
		m.State = bridge.Processing
		return nil
	}
	p.refer(m, bridge.RefSubscription, sub.ID)
	b, err := p.bills(ctx, r, sub)
	if err != nil {
		return err
	}
	p.referInvoice(m, sub.LatestInvoice)
	m.State = bridge.Paid
	if b.paid != nil {
		p.referInvoice(m, b.paid)
		if b.quarrel, err = p.seeInvoice(ctx, m, b.paid); err != nil {
			return err
		}
		if err := p.seeEarlier(ctx, m, &b); err != nil {
			return err
		}
		if b.quarrel.lost > 0 && m.Returned.Minor >= m.Collected.Minor {
			b.takenBack(b.paid)
		}
	}
	seeStatus(m, sub, b)
	return nil
}

// bills reads the invoices. Where the latest one is paid and the request has seen
// no other, what came with the session is all there is.
func (p *Provider) bills(ctx context.Context, r bridge.Request, sub *subscription) (bills, error) {
	latest := sub.LatestInvoice
	if latest == nil {
		return bills{}, nil
	}
	if latest.Status == stripego.InvoiceStatusPaid && !p.knowsOther(r, latest.ID) {
		return sum([]invoice{*latest}), nil
	}
	page, err := pageOf[invoice](ctx, p, "/v1/invoices", &stripego.InvoiceListParams{
		ListParams:   stripego.ListParams{Limit: stripego.Int64(recentInvoices)},
		Subscription: stripego.String(sub.ID),
		Expand:       stripego.StringSlice([]string{"data.charge"}),
	})
	if err != nil {
		return bills{}, p.problem("read invoices", err)
	}
	return sum(page.Data), nil
}

// recentInvoices is how far back invoices are read: two years of monthly ones, and
// longer than any bank lets a charge be disputed for weekly ones.
const recentInvoices = 24

// knowsOther reports whether the request has had another invoice than this one.
func (p *Provider) knowsOther(r bridge.Request, id string) bool {
	for _, ref := range r.Refs {
		if ref.System == p.cfg.Name && ref.Kind == bridge.RefInvoice && ref.ID != id {
			return true
		}
	}
	return false
}

// sum goes through invoices, which Stripe lists newest first.
func sum(invoices []invoice) bills {
	b := bills{times: map[*invoice]span{}}
	for i := range invoices {
		in := &invoices[i]
		switch {
		case in.Status == stripego.InvoiceStatusPaid && b.paid == nil:
			b.paid = in
		case in.Status == stripego.InvoiceStatusPaid && collected(in):
			b.earlier = append(b.earlier, in)
		case in.Status == stripego.InvoiceStatusOpen || in.Status == stripego.InvoiceStatusUncollectible:
			if b.paid == nil {
				b.owed = in
			}
		}
		if in.Status == stripego.InvoiceStatusPaid {
			b.times[in] = period(in)
			b.begun = b.times[in].start // the oldest comes last
			if collected(in) && in.Charge.Refunded {
				b.takenBack(in)
			}
		}
	}
	return b
}

// collected reports an invoice that a charge has paid.
func collected(in *invoice) bool { return in.Charge != nil && in.Charge.AmountCaptured > 0 }

// period is the time that an invoice is for: that of its line for the subscription
// that reaches furthest. The invoice's own period is the one before.
// Source: https://docs.stripe.com/api/invoices/object#invoice_object-period_end
func period(in *invoice) (t span) {
	for _, line := range in.Lines.Data {
		if line.Type != stripego.InvoiceLineItemTypeSubscription {
			continue
		}
		if clock(line.Period.End).After(t.end) {
			t = span{clock(line.Period.Start), clock(line.Period.End)}
		}
	}
	return t
}

func (p *Provider) referInvoice(m *bridge.Money, in *invoice) {
	if in == nil {
		return
	}
	for _, ref := range m.Refs {
		if ref.ID == in.ID {
			return
		}
	}
	p.refer(m, bridge.RefInvoice, in.ID)
	if in.PaymentIntent != nil {
		p.refer(m, bridge.RefIntent, in.PaymentIntent.ID)
	}
	if in.Charge != nil {
		p.refer(m, bridge.RefCharge, in.Charge.ID)
	}
}

// seeInvoice reads what the latest paid invoice brought. One that nothing was due
// on (a trial, a promotion, credit) or that was paid outside Stripe brought nothing
// that could be given back.
func (p *Provider) seeInvoice(ctx context.Context, m *bridge.Money, in *invoice) (quarrel, error) {
	if collected(in) {
		return p.seeCharge(ctx, m, in.Charge)
	}
	m.Collected = bridge.NewAmount(0, string(in.Currency))
	m.Returned = m.Collected
	return quarrel{}, nil
}

// seeEarlier looks for a dispute about an earlier period: an open one, and those that took
// its money.
func (p *Provider) seeEarlier(ctx context.Context, m *bridge.Money, b *bills) error {
	for _, in := range b.earlier {
		ch := in.Charge
		if !ch.Disputed || b.quarrel.open {
			continue
		}
		q, err := p.quarrel(ctx, ch.ID)
		if err != nil {
			return err
		}
		if q.open {
			b.quarrel.open = true
			m.State = bridge.Disputed
			m.Why = "The cardholder's bank disputes the payment of an earlier period."
		}
		if q.lost > 0 && returned(ch)+q.lost >= ch.AmountCaptured {
			b.takenBack(in)
		}
	}
	return nil
}

// seeStatus puts what the subscription's status says over what its latest payment
// came to.
func seeStatus(m *bridge.Money, sub *subscription, b bills) {
	m.Subscribed = true
	m.PaidUntil = b.until()
	if sub.CancelAt != 0 {
		m.CancelsAt = clock(sub.CancelAt)
	} else if sub.CancelAtPeriodEnd {
		m.CancelsAt = clock(sub.CurrentPeriodEnd)
	}
	if firstOutstanding(sub, b) {
		seeFirst(m, sub)
		return
	}
	settled := m.State == bridge.Paid
	switch sub.Status {
	case stripego.SubscriptionStatusTrialing:
		if settled {
			m.State = bridge.Trialing
		}
		m.PaidUntil = clock(sub.TrialEnd)
	case stripego.SubscriptionStatusActive:
		// A renewal that is still being collected is given the trust Stripe gives it.
		if settled {
			m.PaidUntil = clock(sub.CurrentPeriodEnd)
		}
	case stripego.SubscriptionStatusPastDue, stripego.SubscriptionStatusUnpaid, stripego.SubscriptionStatusPaused:
		if m.State != bridge.Disputed {
			m.State = bridge.Overdue
			m.OverdueSince = overdueSince(sub, b)
			m.Why = why(lastError(sub), "The latest payment of the subscription failed.")
		}
	case stripego.SubscriptionStatusIncomplete:
		m.State = bridge.Processing
	case stripego.SubscriptionStatusIncompleteExpired:
		m.Subscribed = false
		fail(m, why(lastError(sub), noFirstPayment))
	case stripego.SubscriptionStatusCanceled:
		seeEnded(m, sub, b)
	}
}

// firstOutstanding reports a living subscription whose very first payment has not
// come in. A trial counts as a first payment, of nothing.
func firstOutstanding(sub *subscription, b bills) bool {
	if b.paid != nil || sub.TrialEnd != 0 || sub.LatestInvoice == nil || over(sub) {
		return false
	}
	return sub.LatestInvoice.Status == stripego.InvoiceStatusOpen || sub.LatestInvoice.Status == stripego.InvoiceStatusDraft
}

// seeFirst reads a subscription whose first payment is outstanding. Its status says
// little: while a bank debit is on its way it is "incomplete" or "active", by the
// method. Once the bank has said no, Stripe may ask again for days, or nobody may
// until it lapses after 23 hours; the developer is not made to wait for that. The
// checkout has failed, and what is left of the subscription is cancelled before
// another one is opened (see Open) or with the request.
func seeFirst(m *bridge.Money, sub *subscription) {
	m.State = bridge.Processing
	said := sub.Status == stripego.SubscriptionStatusPastDue || sub.Status == stripego.SubscriptionStatusUnpaid
	if pi := sub.LatestInvoice.PaymentIntent; pi != nil {
		switch pi.Status {
		case stripego.PaymentIntentStatusRequiresPaymentMethod, stripego.PaymentIntentStatusCanceled:
			said = true
		case stripego.PaymentIntentStatusProcessing:
			said = false
		}
	}
	if said {
		fail(m, why(lastError(sub), noFirstPayment))
	}
}

// onItsWay reports that the bank has not answered for the latest invoice yet.
func onItsWay(sub *subscription) bool {
	in := sub.LatestInvoice
	return in != nil && in.PaymentIntent != nil && in.PaymentIntent.Status == stripego.PaymentIntentStatusProcessing
}

const noFirstPayment = "The first payment of the subscription did not go through."

// seeEnded reads a subscription that is over. One that never brought a payment nor
// a trial has never been a subscription to speak of: its checkout failed, unless its first
// payment is still on its way.
func seeEnded(m *bridge.Money, sub *subscription, b bills) {
	m.Subscribed = false
	m.CancelsAt = time.Time{}
	trial := earlier(clock(sub.TrialEnd), clock(sub.EndedAt))
	switch {
	case b.paid == nil && onItsWay(sub):
		m.State = bridge.Processing // ending a subscription calls no debit back
		return
	case b.paid == nil && trial.IsZero():
		fail(m, why(lastError(sub), noFirstPayment))
		return
	case b.quarrel.open: // the bank has not decided yet
		m.State = bridge.Disputed
	default:
		m.State = bridge.PaymentEnded
	}
	if m.PaidUntil.IsZero() || !trial.IsZero() && !clock(sub.TrialEnd).Before(m.PaidUntil) {
		m.PaidUntil = trial // nothing after the trial was paid for
	}
}

// overdueSince is when the first invoice that is still owed was due: it was
// finalised then, and Stripe tries to collect it at once. A subscription paused
// because its trial ended without a card is overdue from the end of the trial.
func overdueSince(sub *subscription, b bills) time.Time {
	switch in := b.owed; {
	case sub.Status == stripego.SubscriptionStatusPaused && sub.TrialEnd != 0:
		return clock(sub.TrialEnd)
	case in != nil && in.StatusTransitions.FinalizedAt != 0:
		return clock(in.StatusTransitions.FinalizedAt)
	case in != nil:
		return clock(in.Created)
	}
	return clock(sub.CurrentPeriodStart)
}

// lastError is what the bank said to the latest invoice, nil where it said nothing.
func lastError(sub *subscription) *failure {
	if sub.LatestInvoice == nil || sub.LatestInvoice.PaymentIntent == nil {
		return nil
	}
	return sub.LatestInvoice.PaymentIntent.LastPaymentError
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// earlier returns the earlier of two times, of which a zero one counts as none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.IsZero() || a.Before(b) {
		return a
	}
	return b
}
