package stripe

import (
	"context"
	"time"

	stripego "github.com/stripe/stripe-go/v76"

	"keybridge/bridge"
)

// List calls yield with every Checkout Session that names a request in its metadata and
// was made since a time, newest first, until yield returns an error, which it returns. It
// changes nothing and may be repeated. A page of 100 is one call, with what hangs on each;
// a disputed charge, and a subscription whose latest invoice is not paid, are one more
// each. Sessions that are made while it lists are found by the next call.
// Source: https://docs.stripe.com/api/checkout/sessions/list
func (p *Provider) List(ctx context.Context, since time.Time, yield func(bridge.Opened) error) error {
	in := &stripego.CheckoutSessionListParams{
		ListParams:   stripego.ListParams{Limit: stripego.Int64(pageSize)},
		CreatedRange: &stripego.RangeQueryParams{GreaterThanOrEqual: since.Unix()},
	}
	for _, path := range expansions {
		in.AddExpand("data." + path)
	}
	for {
		page, err := pageOf[session](ctx, p, sessions, in)
		if err != nil {
			return p.problem("list checkouts", err)
		}
		for i := range page.Data {
			if err := p.opened(ctx, &page.Data[i], yield); err != nil {
				return err
			}
		}
		if !page.HasMore || len(page.Data) == 0 {
			return nil
		}
		in.StartingAfter = stripego.String(page.Data[len(page.Data)-1].ID)
	}
}

// opened yields one session, unless it was not made for a request.
func (p *Provider) opened(ctx context.Context, s *session, yield func(bridge.Opened) error) error {
	id := bridge.ID(s.Metadata[metaRequest])
	if id == "" {
		return nil
	}
	money, err := p.money(ctx, bridge.Request{ID: id}, s)
	if err != nil {
		return err
	}
	return yield(bridge.Opened{Request: id, Portal: s.Metadata[metaPortal], At: clock(s.Created), Money: money})
}
