package stripe

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	stripego "github.com/stripe/stripe-go/v76"

	"keybridge/bridge"
)

// Refund gives back an amount, in minor units and in the currency that came in, of
// the one-off payment or of the subscription's latest paid period. It may be
// repeated with the same key. Some methods take days: the money counts as returned
// from now on, and no longer should the bank not take it.
//
// Conflict: nothing was collected, less is left than the amount, or the bank is
// deciding about it. Invalid: the amount is not positive or of another currency.
func (p *Provider) Refund(ctx context.Context, r bridge.Request, a bridge.Amount, key string) (bridge.Money, error) {
	if err := keyed(key); err != nil {
		return bridge.Money{}, err
	}
	id := p.sessionOf(r)
	if id == "" {
		return bridge.Money{}, conflict("There is no payment to give back.")
	}
	money, err := p.read(ctx, r, id)
	if err != nil {
		return bridge.Money{}, err
	}
	charge := paidBy(money)
	switch {
	case a.Minor <= 0:
		return bridge.Money{}, &bridge.Error{Kind: bridge.Invalid, Msg: "The amount of a refund must be more than nothing."}
	case charge == "" || money.Collected.Minor == 0:
		return bridge.Money{}, conflict("There is no payment to give back.")
	case a.Currency != money.Collected.Currency:
		return bridge.Money{}, &bridge.Error{Kind: bridge.Invalid, Msg: fmt.Sprintf("The payment was made in %s, not in %s.", money.Collected.Currency, a.Currency)}
	}
	// Whether so much is left is for Stripe to say: it knows a repetition by its key.
	err = p.do(http.MethodPost, "/v1/refunds", &stripego.RefundParams{
		Params: change(ctx, key),
		Charge: stripego.String(charge),
		Amount: stripego.Int64(a.Minor),
		Metadata: map[string]string{
			metaRequest: string(r.ID),
		},
	})
	if err != nil {
		return bridge.Money{}, p.refundProblem(err)
	}
	return p.read(ctx, r, id)
}

// paidBy is the charge that Money.Collected is of: the one noted last.
func paidBy(m bridge.Money) string {
	var id string
	for _, ref := range m.Refs {
		if ref.Kind == bridge.RefCharge {
			id = ref.ID
		}
	}
	return id
}

// refundProblem tells "more than is left" from other refusals: Stripe gives it no
// code, and blames the amount.
func (p *Provider) refundProblem(err error) error {
	const doing = "refund payment"
	se, ok := errors.AsType[*stripego.Error](err)
	if ok && se.HTTPStatusCode == 400 && se.Type == stripego.ErrorTypeInvalidRequest && se.Param == "amount" {
		return &bridge.Error{Kind: bridge.Conflict, Msg: "Less is left of the payment than should be given back.", Err: told(doing, se), Answered: true}
	}
	return p.problem(doing, err)
}
