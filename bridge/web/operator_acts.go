package web

import (
	"cmp"
	"net/http"
	"slices"

	"keybridge/bridge"
)

// RequestOrder is what an operator says of a request. Each deed takes what it needs, and
// nothing for it may be left out but Why of an approval, To and Amount.
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

// deed is the order as a deed to a request.
func (o RequestOrder) deed(kind bridge.DeedKind, r bridge.Request) (d bridge.Deed, err error) {
	d = bridge.Deed{Kind: kind, Text: cmp.Or(o.Why, o.Text), To: o.To, Amount: r.Payment.Kept()}
	if o.Amount != "" {
		d.Amount, err = ParseAmount(o.Amount, r.Payment.Collected.Currency)
	}
	return d, err
}

// act does a deed and answers with the request as it is then.
func (o *Operator) act(r *http.Request) (any, error) {
	kind := bridge.DeedKind(r.PathValue("deed"))
	if !slices.Contains(bridge.DeedKinds, kind) {
		return nil, errNoOperation
	}
	var order RequestOrder
	if err := ReadOrder(r, &order); err != nil {
		return nil, err
	}
	desk := o.desk()
	req, err := desk.Get(r.Context(), bridge.ID(r.PathValue("id")))
	if err != nil {
		return nil, err
	}
	deed, err := order.deed(kind, req)
	if err == nil {
		err = desk.Do(r.Context(), req.ID, deed)
	}
	if err != nil {
		return nil, err
	}
	return o.view(r.Context(), req.ID)
}
