package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	stripesandbox "keybridge/billing/stripe/sandbox"
)

// farEnd is the sandboxes as they are reached over HTTP: by their pages' and control
// APIs, as their people and programs would.
type farEnd struct {
	t     *testing.T
	place sandboxPlace
}

// call makes one JSON call and reads the answer into what is given.
func (f *farEnd) call(method, address, credential string, body, into any) error {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(f.t.Context(), method, address, content)
	if err != nil {
		return err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Authorization", credential)
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }() // read to its end, or of no use
	if answer.StatusCode >= 300 {
		why, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<10))
		return fmt.Errorf("%s %s: %s: %s", method, address, answer.Status, why)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(answer.Body).Decode(into)
}

// act has a person, a bank or time do something at Stripe.
func (f *farEnd) act(id, action string) error {
	return f.call(http.MethodPost, f.place.Stripe+"/sandbox/act", "", map[string]any{
		"id": id, "action": action, "args": stripesandbox.Args{"email": "payer@example.org"},
	}, nil)
}

// openCheckouts are sessions that can be paid, the newest first.
func (f *farEnd) openCheckouts() ([]checkout, error) {
	var list struct {
		Data []checkout `json:"data"`
	}
	err := f.call(http.MethodGet, f.place.Stripe+"/v1/checkout/sessions?limit=100&status=open", "Bearer "+f.place.StripeKey, nil, &list)
	return list.Data, err
}

// objects are all objects of a kind at Stripe.
func (f *farEnd) objects(kind string, into any) error {
	return f.call(http.MethodGet, f.place.Stripe+"/sandbox/objects/"+kind, "", nil, into)
}

// payers pay what is open, most of them; some let it lapse, some pay a bank debit that
// settles or fails later, and some wait.
func (f *farEnd) payers(draw *rand.Rand, stop <-chan struct{}) {
	var later []string
	for !over(stop) {
		open, _ := f.openCheckouts() // it may fail while faults are on; the next look will not
		for _, c := range open {
			switch draw.IntN(12) {
			case 0:
				_ = f.act(c.ID, "expire")
			case 1:
				if f.act(c.ID, "pay_later") == nil {
					later = append(later, c.ID)
				}
			case 2, 3: // not now
			default:
				_ = f.act(c.ID, "pay") // who was faster has paid
			}
		}
		for i := len(later) - 1; i >= 0; i-- {
			if draw.IntN(3) == 0 {
				_ = f.act(later[i], []string{"settle", "settle", "settle", "fail"}[draw.IntN(4)])
				later = slices.Delete(later, i, i+1)
			}
		}
		time.Sleep(30 * time.Millisecond)
	}
	for _, id := range later {
		_ = f.act(id, "settle")
	}
}

// stripeFails has some of the provider's next calls or events go wrong.
func (f *farEnd) stripeFails(draw *rand.Rand) {
	kinds := []stripesandbox.FaultKind{
		stripesandbox.RateLimit, stripesandbox.ErrorBefore, stripesandbox.ErrorAfter, stripesandbox.CutBefore, stripesandbox.CutAfter,
		stripesandbox.WebhookDuplicate, stripesandbox.WebhookShuffle, stripesandbox.WebhookLoss,
	}
	_ = f.call(http.MethodPost, f.place.Stripe+"/sandbox/faults", "", map[string]any{
		"kind": kinds[draw.IntN(len(kinds))], "times": 1 + draw.IntN(3), "skip": draw.IntN(5), "retry_after": "1s",
	}, nil)
}

// answered are the ids of the events that a bridge has answered with 2xx.
func (f *farEnd) answered() (ids map[string]json.RawMessage, err error) {
	var list struct {
		Events []stripesandbox.Event `json:"events"`
	}
	if err := f.call(http.MethodGet, f.place.Stripe+"/sandbox/events", "", nil, &list); err != nil {
		return nil, err
	}
	ids = map[string]json.RawMessage{}
	for _, e := range list.Events {
		if slices.ContainsFunc(e.Deliveries, stripesandbox.Delivery.OK) {
			body, err := json.Marshal(map[string]any{
				"id": e.ID, "object": "event", "type": e.Type, "created": e.Created.Unix(), "livemode": false, "data": map[string]any{"object": e.Object},
			})
			if err != nil {
				return nil, err
			}
			ids[e.ID] = body
		}
	}
	return ids, nil
}

// cursor is where a list of the bridge's goes on.
func cursor(after string) url.Values { return url.Values{"after": {after}, "limit": {"1000"}} }
