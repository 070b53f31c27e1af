package web

import (
	"context"
	"net/http"

	"keybridge/bridge"
)

// RequestOrder is what an operator says of a request. Each word takes what it needs, and
// nothing for it may be left out but Why of a retry or an approval, To and Amount.
type RequestOrder struct {
	// Why is a reason, for the history. The applicant reads that of a refusal and of a
	// waiver.
	Why string `json:"why,omitempty"`
	// Text is a note, or a question to the applicant.
	Text string `json:"text,omitempty"`
	// To is who looks after the request from now on; empty: nobody.
	To string `json:"to,omitempty"`
	// Amount is what is given back, as ParseAmount reads it, in the currency it was paid in.
	// Empty: all that is left.
	Amount string `json:"amount,omitempty"`
}

// acts are an operator's words about one request.
var acts = map[string]func(ctx context.Context, d bridge.Desk, r bridge.Request, o RequestOrder) error{
	"retry": func(ctx context.Context, d bridge.Desk, r bridge.Request, _ RequestOrder) error {
		return d.Retry(ctx, r.ID)
	},
	"approve": func(ctx context.Context, d bridge.Desk, r bridge.Request, o RequestOrder) error {
		return d.Approve(ctx, r.ID, o.Why)
	},
	"decline": func(ctx context.Context, d bridge.Desk, r bridge.Request, o RequestOrder) error {
		return d.Decline(ctx, r.ID, o.Why)
	},
	"note": func(ctx context.Context, d bridge.Desk, r bridge.Request, o RequestOrder) error {
		return d.Note(ctx, r.ID, o.Text)
	},
	"ask": func(ctx context.Context, d bridge.Desk, r bridge.Request, o RequestOrder) error {
		return d.Ask(ctx, r.ID, o.Text)
	},
	"assign": func(ctx context.Context, d bridge.Desk, r bridge.Request, o RequestOrder) error {
		return d.Assign(ctx, r.ID, o.To)
	},
	"waive": func(ctx context.Context, d bridge.Desk, r bridge.Request, o RequestOrder) error {
		return d.Waive(ctx, r.ID, o.Why)
	},
	"refund": refund,
	"end": func(ctx context.Context, d bridge.Desk, r bridge.Request, o RequestOrder) error {
		return d.End(ctx, r.ID, o.Why)
	},
}

// refund gives back an amount, or all that is left.
func refund(ctx context.Context, d bridge.Desk, r bridge.Request, o RequestOrder) error {
	amount := r.Payment.Collected
	amount.Minor -= r.Payment.Returned.Minor
	if o.Amount != "" {
		var err error
		if amount, err = ParseAmount(o.Amount, amount.Currency); err != nil {
			return err
		}
	}
	return d.Refund(ctx, r.ID, amount, o.Why)
}

// act applies an operator's word and answers with the request as it is then.
func (o *Operator) act(r *http.Request) (any, error) {
	do, ok := acts[r.PathValue("act")]
	if !ok {
		return nil, errNoOperation
	}
	var order RequestOrder
	if err := ReadOrder(r, &order); err != nil {
		return nil, err
	}
	desk := o.desk()
	req, err := desk.Get(r.Context(), bridge.ID(r.PathValue("id")))
	if err == nil {
		err = do(r.Context(), desk, req, order)
	}
	if err != nil {
		return nil, err
	}
	return o.view(r.Context(), req.ID)
}
