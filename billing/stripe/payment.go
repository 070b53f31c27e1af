package stripe

import (
	"context"

	stripego "github.com/stripe/stripe-go/v76"

	"keybridge/bridge"
)

// seePayment reads the one-off payment of a completed checkout.
// Source: https://docs.stripe.com/payments/paymentintents/lifecycle
func (p *Provider) seePayment(ctx context.Context, m *bridge.Money, s *session) error {
	if s.Invoice != nil {
		p.refer(m, bridge.RefInvoice, s.Invoice.ID)
	}
	pi := s.PaymentIntent
	if pi == nil {
		// A promotion that takes off everything leaves nothing to collect.
		m.State = bridge.Processing
		if s.PaymentStatus != stripego.CheckoutSessionPaymentStatusUnpaid {
			m.State = bridge.Paid
			m.Collected = bridge.NewAmount(0, string(s.Currency))
			m.Returned = m.Collected
		}
		return nil
	}
	p.refer(m, bridge.RefIntent, pi.ID)
	if pi.LatestCharge != nil {
		p.refer(m, bridge.RefCharge, pi.LatestCharge.ID)
	}
	switch pi.Status {
	case stripego.PaymentIntentStatusSucceeded:
		if pi.LatestCharge == nil {
			m.State = bridge.Paid
			m.Collected = bridge.NewAmount(pi.AmountReceived, string(pi.Currency))
			m.Returned = bridge.NewAmount(0, string(pi.Currency))
			return nil
		}
		_, err := p.seeCharge(ctx, m, pi.LatestCharge)
		return err
	case stripego.PaymentIntentStatusRequiresCapture:
		m.State = bridge.Held
	case stripego.PaymentIntentStatusCanceled:
		fail(m, letGo(pi))
	case stripego.PaymentIntentStatusRequiresPaymentMethod:
		fail(m, why(pi.LastPaymentError, "The payment did not go through."))
	default:
		// On its way, or waiting for the payer at their bank (a voucher, a transfer).
		m.State = bridge.Processing
	}
	return nil
}

// letGo says why a held amount was released.
func letGo(pi *intent) string {
	if pi.CancellationReason == stripego.PaymentIntentCancellationReasonAutomatic {
		return "The bank's authorisation lapsed before it was used; nothing was charged."
	}
	return "The authorisation was released; nothing was charged."
}

// seeCharge reads what came in with a charge and what went back of it.
func (p *Provider) seeCharge(ctx context.Context, m *bridge.Money, ch *charge) (quarrel, error) {
	m.State = bridge.Paid
	m.Collected = bridge.NewAmount(ch.AmountCaptured, string(ch.Currency))
	m.Returned = bridge.NewAmount(returned(ch), string(ch.Currency))
	if m.Collected.Minor > 0 && m.Returned.Minor >= m.Collected.Minor {
		m.State = bridge.Refunded
	}
	if !ch.Disputed {
		return quarrel{}, nil
	}
	q, err := p.quarrel(ctx, ch.ID)
	if err != nil {
		return q, err
	}
	if q.open || q.lost > 0 {
		m.State = bridge.Disputed
		m.Returned.Minor = min(m.Returned.Minor+q.lost, m.Collected.Minor)
		m.Why = q.why()
	}
	return q, nil
}

// returned is what was given back of a charge. Stripe counts what a partial capture
// did not take among the refunds.
func returned(ch *charge) int64 {
	return max(ch.AmountRefunded-(ch.Amount-ch.AmountCaptured), 0)
}

// quarrel is what the disputes of one charge come to.
type quarrel struct {
	open bool
	lost int64 // minor units the bank has taken for good
}

func (q quarrel) why() string {
	if q.open {
		return "The cardholder's bank disputes the payment."
	}
	return "The payment was lost in a dispute with the cardholder's bank."
}

// quarrel reads the disputes of a charge. Inquiries (warning_*) take no money, and
// one that was won has given it back: neither counts.
// Source: https://docs.stripe.com/api/disputes/object#dispute_object-status
func (p *Provider) quarrel(ctx context.Context, charge string) (quarrel, error) {
	var q quarrel
	page, err := pageOf[dispute](ctx, p, "/v1/disputes", &stripego.DisputeListParams{
		ListParams: stripego.ListParams{Limit: stripego.Int64(pageSize)},
		Charge:     stripego.String(charge),
	})
	if err != nil {
		return q, p.problem("read disputes", err)
	}
	for _, d := range page.Data {
		switch d.Status {
		case stripego.DisputeStatusNeedsResponse, stripego.DisputeStatusUnderReview:
			q.open = true
		case stripego.DisputeStatusLost:
			q.lost += d.Amount
		}
	}
	return q, nil
}

// why says in words for people why a payment failed. Stripe's own words are not
// passed on: they may name the payer.
// Source: https://docs.stripe.com/declines/codes
func why(e *failure, fallback string) string {
	if e == nil {
		return fallback
	}
	if words, ok := declined[e.DeclineCode]; ok {
		return words
	}
	if words, ok := declined[e.Code]; ok {
		return words
	}
	return fallback
}

var declined = map[string]string{
	"authentication_required":               "The bank asked for a confirmation that was not given.",
	"bank_account_closed":                   "The bank account is closed.",
	"account_closed":                        "The bank account is closed.",
	"bank_account_restricted":               "The bank account does not allow this payment.",
	"card_declined":                         "The card was declined.",
	"card_not_supported":                    "The card does not support this kind of payment.",
	"currency_not_supported":                "The card does not support this currency.",
	"debit_not_authorized":                  "The bank did not accept the debit.",
	"do_not_honor":                          "The card was declined.",
	"expired_card":                          "The card has expired.",
	"generic_decline":                       "The card was declined.",
	"insufficient_funds":                    "There was not enough money on the account.",
	"incorrect_cvc":                         "The card's security code was wrong.",
	"lost_card":                             "The card was declined.",
	"no_account":                            "The bank account was not found.",
	"payment_intent_authentication_failure": "The bank's confirmation failed.",
	"processing_error":                      "The payment could not be processed.",
	"setup_intent_authentication_failure":   "The bank's confirmation failed.",
	"stolen_card":                           "The card was declined.",
	"transaction_not_allowed":               "The bank does not allow this kind of payment.",
}
