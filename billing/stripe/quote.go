package stripe

import (
	"context"
	"errors"
	"fmt"

	stripego "github.com/stripe/stripe-go/v76"

	"keybridge/bridge"
)

// Quote fills in what Stripe knows of a price that the plan names by id (Ref) or by
// lookup key: id, amount, interval, and the product's name where the plan gives
// none. A price whose amount is stated comes back unchanged and without a call.
//
// Invalid: there is no such price, it is not active, or it is of a kind that has no
// fixed amount; the message says what an operator has to do.
func (p *Provider) Quote(ctx context.Context, want bridge.Price) (bridge.Price, error) {
	if want.Amount.Currency != "" {
		return want, nil
	}
	found, err := p.price(ctx, want)
	if err != nil {
		return want, err
	}
	if fault := unfit(found); fault != "" {
		return want, invalidPrice("the Stripe price %q %s", found.ID, fault)
	}
	want.Ref = found.ID
	want.Amount = bridge.NewAmount(found.UnitAmount, string(found.Currency))
	want.Interval = bridge.Interval{}
	if every := found.Recurring; every != nil {
		want.Interval = bridge.Interval{Unit: every.Interval, Count: int(every.IntervalCount)}
	}
	if want.Name == "" && found.Product != nil {
		want.Name = found.Product.Name
	}
	return want, nil
}

// price finds a price by its id, else by its lookup key, of which one active price
// of an account has each.
func (p *Provider) price(ctx context.Context, want bridge.Price) (*price, error) {
	switch {
	case want.Ref != "":
		found := new(price)
		err := p.get(stripego.FormatURLPath("/v1/prices/%s", want.Ref), &stripego.PriceParams{
			Params: stripego.Params{Context: ctx}, Expand: stripego.StringSlice([]string{"product"}),
		}, found)
		if se, ok := errors.AsType[*stripego.Error](err); ok && se.Code == stripego.ErrorCodeResourceMissing {
			return nil, invalidPrice("Stripe has no price %q: an operator has to check the id, and that the key is of the account and mode (live or test) the price was made in", want.Ref)
		}
		if err != nil {
			return nil, p.problem("read price", err)
		}
		return found, nil
	case want.Lookup == "":
		return nil, invalidPrice("a price needs an amount, a Stripe price id or a lookup key")
	}
	page, err := pageOf[price](ctx, p, "/v1/prices", &stripego.PriceListParams{
		ListParams: stripego.ListParams{Limit: stripego.Int64(1)},
		Active:     stripego.Bool(true),
		LookupKeys: stripego.StringSlice([]string{want.Lookup}),
		Expand:     stripego.StringSlice([]string{"data.product"}),
	})
	if err != nil {
		return nil, p.problem("read price", err)
	}
	if len(page.Data) == 0 {
		return nil, invalidPrice("no active Stripe price has the lookup key %q: an operator has to give the key to one, or check that the API key is of the account and mode (live or test) it was made in", want.Lookup)
	}
	return &page.Data[0], nil
}

// unfit says why a price cannot be one line of a checkout; empty where it can.
func unfit(found *price) string {
	switch {
	case found.Deleted || !found.Active:
		return "is archived: an operator has to activate it or name another"
	case found.Product != nil && found.Product.Object != "" && !found.Product.Active:
		return "belongs to an archived product: an operator has to activate that or name another price"
	case found.BillingScheme == stripego.PriceBillingSchemeTiered:
		return "is tiered: name one with a fixed amount"
	case found.CustomUnitAmount != nil:
		return "lets the payer choose the amount: name one with a fixed amount"
	case found.Recurring != nil && found.Recurring.UsageType == stripego.PriceRecurringUsageTypeMetered:
		return "is billed by usage: name one with a fixed amount"
	case found.UnitAmount == 0 && found.UnitAmountDecimal != 0:
		return "has a fraction of the smallest coin in its amount: name one with a whole amount"
	}
	return ""
}

func invalidPrice(format string, args ...any) error {
	return &bridge.Error{Kind: bridge.Invalid, Msg: fmt.Sprintf(format, args...)}
}
