package stripe

import (
	"context"
	"errors"
	"net/http"

	stripego "github.com/stripe/stripe-go/v76"

	"keybridge/bridge"
)

// Expire closes the request's open checkout. It may be repeated with the same key.
// Conflict: there is none, or it is not open any more.
func (p *Provider) Expire(ctx context.Context, r bridge.Request, key string) (bridge.Money, error) {
	id := p.sessionOf(r)
	if id == "" {
		return bridge.Money{}, conflict("There is no checkout to close.")
	}
	if err := p.expire(ctx, id, key); err != nil {
		return bridge.Money{}, err
	}
	return p.read(ctx, r, id)
}

func (p *Provider) expire(ctx context.Context, id, key string) error {
	if err := keyed(key); err != nil {
		return err
	}
	err := p.do(http.MethodPost, stripego.FormatURLPath(sessions+"/%s/expire", id), &stripego.CheckoutSessionExpireParams{Params: change(ctx, key)})
	if err == nil {
		return nil
	}
	// Stripe has no code for it: the call has no parameter that could be wrong, so a
	// 400 says that the session is not open.
	if se, ok := errors.AsType[*stripego.Error](err); ok && se.HTTPStatusCode == http.StatusBadRequest &&
		se.Type == stripego.ErrorTypeInvalidRequest && se.Code != stripego.ErrorCodeResourceMissing {
		return &bridge.Error{Kind: bridge.Conflict, Msg: "The checkout is not open any more.", Err: told("expire checkout", se), Answered: true}
	}
	return p.problem("expire checkout", err)
}

// Capture takes the whole of the held money. It may be repeated with the same key.
// Conflict: nothing is held, or the authorisation has lapsed.
func (p *Provider) Capture(ctx context.Context, r bridge.Request, key string) (bridge.Money, error) {
	return p.onIntent(ctx, r, key, "capture payment", func(intent string) error {
		return p.do(http.MethodPost, stripego.FormatURLPath("/v1/payment_intents/%s/capture", intent), &stripego.PaymentIntentCaptureParams{Params: change(ctx, key)})
	})
}

// Void lets go of the held money. It may be repeated with the same key. Conflict:
// nothing is held.
func (p *Provider) Void(ctx context.Context, r bridge.Request, key string) (bridge.Money, error) {
	return p.onIntent(ctx, r, key, "void payment", func(intent string) error {
		return p.do(http.MethodPost, stripego.FormatURLPath("/v1/payment_intents/%s/cancel", intent), &stripego.PaymentIntentCancelParams{Params: change(ctx, key)})
	})
}

// onIntent changes the intent of a one-off payment and reads how it stands then.
// Its id is asked for rather than taken from the refs, whose newest may be another
// checkout's.
func (p *Provider) onIntent(ctx context.Context, r bridge.Request, key, doing string, do func(intent string) error) (bridge.Money, error) {
	if err := keyed(key); err != nil {
		return bridge.Money{}, err
	}
	id := p.sessionOf(r)
	if id == "" {
		return bridge.Money{}, conflict("There is no payment yet.")
	}
	s, err := p.session(ctx, r, id)
	if err != nil {
		return bridge.Money{}, err
	}
	if s.PaymentIntent == nil {
		return bridge.Money{}, conflict("Nothing is held.")
	}
	if err := do(s.PaymentIntent.ID); err != nil {
		return bridge.Money{}, p.problem(doing, err)
	}
	return p.read(ctx, r, id)
}

// Cancel ends the subscription now: nothing more is billed, and nothing is given
// back for the time left (Refund does that). A subscription that is over already is
// no error, because Stripe takes no idempotency key for this call and answers a
// repetition with 404. Conflict: there is no subscription.
func (p *Provider) Cancel(ctx context.Context, r bridge.Request, key string) (bridge.Money, error) {
	if err := keyed(key); err != nil {
		return bridge.Money{}, err
	}
	id := p.sessionOf(r)
	if id == "" {
		return bridge.Money{}, conflict("There is no subscription.")
	}
	s, err := p.session(ctx, r, id)
	if err != nil {
		return bridge.Money{}, err
	}
	if s.Subscription == nil {
		return bridge.Money{}, conflict("There is no subscription.")
	}
	if over(s.Subscription) {
		return p.money(ctx, r, s)
	}
	err = p.do(http.MethodDelete, stripego.FormatURLPath("/v1/subscriptions/%s", s.Subscription.ID), &stripego.SubscriptionCancelParams{
		Params: change(ctx, key), InvoiceNow: stripego.Bool(false), Prorate: stripego.Bool(false),
	})
	if err != nil {
		err = p.problem("cancel subscription", err)
		if bridge.KindOf(err) != bridge.NotFound {
			return bridge.Money{}, err
		}
	}
	money, again := p.read(ctx, r, id)
	if err != nil && (again != nil || money.Subscribed) { // what was not found is there after all
		return bridge.Money{}, err
	}
	return money, again
}

// keyed refuses a change without an idempotency key: its repetition would be a
// second one.
func keyed(key string) error {
	if key == "" {
		return &bridge.Error{Kind: bridge.Invalid, Msg: "a change at the payment provider needs an idempotency key"}
	}
	return nil
}

func over(sub *subscription) bool {
	return sub.Status == stripego.SubscriptionStatusCanceled || sub.Status == stripego.SubscriptionStatusIncompleteExpired
}

// change is what every call that changes something carries.
func change(ctx context.Context, key string) stripego.Params {
	return stripego.Params{Context: ctx, IdempotencyKey: stripego.String(key)}
}
