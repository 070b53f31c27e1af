package stripe

import (
	"context"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	stripego "github.com/stripe/stripe-go/v76"

	"keybridge/bridge"
)

// Events are the types of events that hint at a payment: what a webhook endpoint
// has to subscribe to, and what Missed asks for. Stripe lists 20 types at most.
// Source: https://docs.stripe.com/api/events/types
var Events = []string{
	"checkout.session.completed",
	"checkout.session.async_payment_succeeded",
	"checkout.session.async_payment_failed",
	"checkout.session.expired",
	"payment_intent.amount_capturable_updated",
	"payment_intent.canceled", // an authorisation lapsed
	"charge.captured",         // by somebody in the Dashboard
	"charge.refunded",
	"charge.refund.updated", // a refund the bank did not take
	"charge.dispute.created",
	"charge.dispute.closed",
	"radar.early_fraud_warning.created",
	"invoice.paid",
	"invoice.payment_failed",
	"invoice.payment_action_required",
	"customer.subscription.updated",
	"customer.subscription.deleted",
	"customer.subscription.paused",
	"customer.subscription.resumed",
	"customer.subscription.trial_will_end",
}

// keptEvents is how long Stripe lists events.
// Source: https://docs.stripe.com/api/events/list
const keptEvents = 30 * 24 * time.Hour

// Missed calls yield with a hint for every event since a time that did not reach
// each endpoint it was meant for, oldest first, until yield returns an error, which
// it returns. Times further back than 30 days, which is as long as Stripe keeps
// events, begin there. It may be repeated: an event's hint has the event's id, so it
// is accepted once. Events that came in while it listed are found by the next call.
func (p *Provider) Missed(ctx context.Context, since time.Time, yield func(bridge.Hint) error) error {
	if oldest := p.cfg.Now().Add(-keptEvents); since.Before(oldest) {
		since = oldest
	}
	// Stripe lists newest first. Hints are small: they, and not the events, are kept
	// until the oldest is reached.
	var hints []bridge.Hint
	for after := ""; ; {
		page, err := p.eventsAfter(ctx, since, after)
		if err != nil {
			return err
		}
		for _, event := range page.Data {
			if hint, ours := p.cfg.Hint(event); ours {
				hints = append(hints, hint)
			}
		}
		if !page.HasMore || len(page.Data) == 0 {
			break
		}
		after = idOf(page.Data[len(page.Data)-1])
		if after == "" {
			break
		}
	}
	for _, hint := range slices.Backward(hints) {
		if err := yield(hint); err != nil {
			return err
		}
	}
	return nil
}

// eventsAfter reads one page, beginning behind an event. They stay as they came:
// Config.Hint reads each, as it would from a webhook.
func (p *Provider) eventsAfter(ctx context.Context, since time.Time, after string) (list[jsontext.Value], error) {
	in := &stripego.EventListParams{
		ListParams:      stripego.ListParams{Limit: stripego.Int64(pageSize)},
		CreatedRange:    &stripego.RangeQueryParams{GreaterThanOrEqual: since.Unix()},
		DeliverySuccess: stripego.Bool(false),
		Types:           stripego.StringSlice(Events),
	}
	if after != "" {
		in.StartingAfter = stripego.String(after)
	}
	page, err := pageOf[jsontext.Value](ctx, p, "/v1/events", in)
	if err != nil {
		return page, p.problem("list events", err)
	}
	return page, nil
}

func idOf(event jsontext.Value) string {
	var named struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(event, &named) != nil {
		return ""
	}
	return named.ID
}
