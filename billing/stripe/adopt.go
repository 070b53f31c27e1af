package stripe

import (
	"context"
	"fmt"
	"time"

	stripego "github.com/stripe/stripe-go/v76"

	"keybridge/bridge"
)

// skew is how far Stripe's clock and ours may be apart.
const skew = 10 * time.Minute

// pageSize is the most that Stripe lists at once.
const pageSize = 100

// adopt looks for what earlier attempts at an order have left behind since a time.
// A checkout that was paid or is being paid is taken before one that is open, and so is
// one whose first payment failed and whose subscription can still ask for money: what
// nobody knows of would never be ended. Of several open ones the newest is kept and the
// others are expired. found is false when there is none that can still come to anything.
func (p *Provider) adopt(ctx context.Context, o bridge.Order, since time.Time) (money bridge.Money, found bool, err error) {
	open, complete, err := p.leftBehind(ctx, o, since)
	if err != nil {
		return money, false, err
	}
	for _, s := range complete {
		money, err = p.read(ctx, o.Request, s.ID)
		if err != nil {
			return money, false, err
		}
		if comesToSomething(money) {
			return money, true, p.closeAll(ctx, o, open)
		}
	}
	if len(open) == 0 {
		return bridge.Money{}, false, nil
	}
	if err := p.closeAll(ctx, o, open[1:]); err != nil {
		return bridge.Money{}, false, err
	}
	money, err = p.read(ctx, o.Request, open[0].ID)
	if err != nil || comesToSomething(money) || money.Checkout.State == bridge.CheckoutOpen {
		return money, true, err
	}
	return bridge.Money{}, false, nil // it closed in this very moment
}

// comesToSomething reports a checkout that was completed and has brought money, or may yet.
func comesToSomething(m bridge.Money) bool {
	return m.Checkout.State == bridge.CheckoutComplete || m.Subscribed
}

// leftBehind lists the sessions of an order's request and step, newest first. The
// list is bounded by the time since the attempt and by ctx; each page is a call.
func (p *Provider) leftBehind(ctx context.Context, o bridge.Order, since time.Time) (open, complete []*session, err error) {
	in := &stripego.CheckoutSessionListParams{
		ListParams:   stripego.ListParams{Limit: stripego.Int64(pageSize)},
		CreatedRange: &stripego.RangeQueryParams{GreaterThanOrEqual: since.Add(-skew).Unix()},
	}
	for {
		page, err := pageOf[session](ctx, p, sessions, in)
		if err != nil {
			return nil, nil, p.problem("look for a checkout", err)
		}
		for i := range page.Data {
			s := &page.Data[i]
			switch {
			case s.Metadata[metaRequest] != string(o.Request.ID) || s.Metadata[metaStep] != string(o.For):
			case s.Status == stripego.CheckoutSessionStatusOpen:
				open = append(open, s)
			case s.Status == stripego.CheckoutSessionStatusComplete:
				complete = append(complete, s)
			}
		}
		if !page.HasMore || len(page.Data) == 0 {
			return open, complete, nil
		}
		in.StartingAfter = stripego.String(page.Data[len(page.Data)-1].ID)
	}
}

// closeAll expires sessions that are too many. The keys are made of the order's, so that an
// answer that Stripe repeats ends with the attempt. Conflict: one is no longer open. It may
// have been paid, and no reading would look at it any more once another one is adopted, so
// the order is to be placed anew.
func (p *Provider) closeAll(ctx context.Context, o bridge.Order, spare []*session) error {
	for _, s := range spare {
		if err := p.expire(ctx, s.ID, fmt.Sprintf("%s_spare_%s", o.Key, s.ID)); err != nil {
			return err
		}
	}
	return nil
}
