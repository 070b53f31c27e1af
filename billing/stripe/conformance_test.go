package stripe_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"keybridge/billing/billingtest"
	"keybridge/billing/stripe"
	"keybridge/billing/stripe/sandbox"
	"keybridge/bridge"
)

// canary is the payer's name at the far end; it must not come out anywhere.
const canary = "Canary Birdsong"

// levers are the sandbox's words for what the suite pulls.
var levers = map[billingtest.Lever]string{
	billingtest.Pay: "pay", billingtest.PayLater: "pay_later", billingtest.CardDeclined: "decline",
	billingtest.Settle: "settle", billingtest.Fail: "fail", billingtest.TimeOut: "expire", billingtest.Lapse: "lapse",
	billingtest.GiveBack: "refund", billingtest.Inquire: "inquire", billingtest.Dispute: "dispute",
	billingtest.Win: "win", billingtest.Lose: "lose", billingtest.Renew: "renew", billingtest.Miss: "miss",
	billingtest.PayUp: "retry", billingtest.GiveUp: "give_up", billingtest.Cancel: "cancel",
	billingtest.CancelLater: "cancel_later", billingtest.Keep: "keep",
}

// faults are the sandbox's words for what breaks.
var faults = map[billingtest.Fault]sandbox.Fault{
	billingtest.CutBefore:   {Kind: sandbox.CutBefore},
	billingtest.CutAfter:    {Kind: sandbox.CutAfter},
	billingtest.BreakBefore: {Kind: sandbox.ErrorBefore},
	billingtest.BreakAfter:  {Kind: sandbox.ErrorAfter},
	billingtest.SlowDown:    {Kind: sandbox.RateLimit, RetryAfter: sandbox.Wait(3 * time.Second)},
}

// farEnd is a sandbox whose only webhook endpoint takes nothing, so that every event
// stays undelivered.
func farEnd(t *testing.T) (*sandbox.Server, string) {
	t.Helper()
	deaf := httptest.NewServer(http.NotFoundHandler())
	s := sandbox.New(sandbox.Config{
		Retries:   []time.Duration{},
		Endpoints: []sandbox.Endpoint{{URL: deaf.URL, Events: stripe.Events}},
		Prices: []sandbox.Price{{
			ID: "price_gold", LookupKey: "gold", Product: "Gold API", Currency: "eur", Amount: 9900, Interval: "month", Count: 3,
		}},
	})
	far := httptest.NewServer(s)
	t.Cleanup(func() {
		far.Close()
		s.Close()
		deaf.Close()
	})
	return s, far.URL
}

func provider(t *testing.T, s *sandbox.Server, url string, change func(*stripe.Config)) *stripe.Provider {
	t.Helper()
	cfg := stripe.Config{Key: s.Key(), URL: url, Now: s.Now, Hint: func(event []byte) (bridge.Hint, bool) {
		var e struct{ ID, Type string }
		err := json.Unmarshal(event, &e)
		return bridge.Hint{Source: "stripe", ID: e.ID, What: e.Type}, err == nil
	}}
	if change != nil {
		change(&cfg)
	}
	p, err := stripe.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestConformance(t *testing.T) {
	billingtest.Run(t, func(t *testing.T) billingtest.Stand {
		s, url := farEnd(t)
		return billingtest.Stand{
			Provider: provider(t, s, url, nil),
			System:   "stripe",
			Canary:   canary,
			Now:      s.Now,
			Advance:  func(_ *testing.T, by time.Duration) { s.Advance(by) },
			Effects:  func(t *testing.T) billingtest.Effects { return effects(t, s) },
			Do: func(t *testing.T, checkout string, lever billingtest.Lever, amount int64) {
				t.Helper()
				args := sandbox.Args{"name": canary}
				if amount > 0 {
					args["amount"] = strconv.FormatInt(amount, 10)
				}
				err := s.Act(checkout, levers[lever], args)
				if err != nil && lever != billingtest.CardDeclined && lever != billingtest.Miss {
					t.Fatalf("%s: %v", lever, err)
				}
			},
			Break: func(_ *testing.T, f billingtest.Fault) {
				s.ClearFaults()
				for _, method := range []string{http.MethodPost, http.MethodDelete} {
					fault := faults[f]
					fault.Times, fault.Method = 1, method
					s.Fault(fault)
				}
			},
			OnSale: bridge.Price{
				Name: "Gold API", Ref: "price_gold", Lookup: "gold", Amount: bridge.NewAmount(9900, "EUR"),
				Interval: bridge.Interval{Unit: "month", Count: 3},
			},
			Archived: archived(t, s, url),
			Unknown:  "price_nobody",
			Undelivered: func(t *testing.T, since time.Time) []string {
				return undelivered(t, s, since)
			},
		}
	})
}

// archived is a price that was sold once.
func archived(t *testing.T, s *sandbox.Server, url string) string {
	t.Helper()
	var made struct{ ID string }
	post(t, s, url+"/v1/prices", "currency=eur&unit_amount=100&active=false&product_data[name]=Old", &made)
	return made.ID
}

func post(t *testing.T, s *sandbox.Server, url, form string, into any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(s.Key(), "")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s", url, form, res.Status)
	}
	if err := json.NewDecoder(res.Body).Decode(into); err != nil {
		t.Fatal(err)
	}
}

// undelivered are the events our endpoint should have had, once the sandbox has
// tried to deliver them.
func undelivered(t *testing.T, s *sandbox.Server, since time.Time) []string {
	t.Helper()
	var ids []string
	for _, e := range s.Events() {
		if slices.Contains(stripe.Events, e.Type) && !e.Created.Before(since.Truncate(time.Second)) && !e.Delivered {
			ids = append(ids, e.ID)
		}
	}
	return ids
}

// effects counts what is at the sandbox.
func effects(t *testing.T, s *sandbox.Server) billingtest.Effects {
	t.Helper()
	var e billingtest.Effects
	for _, raw := range s.Objects("checkout.session") {
		e.Checkouts++
		if object(t, raw).Status == "open" {
			e.Open++
		}
	}
	for _, raw := range s.Objects("charge") {
		if c := object(t, raw); c.Captured && c.Paid && c.Status == "succeeded" {
			e.Payments++
		}
	}
	for _, raw := range s.Objects("subscription") {
		e.Subscriptions++
		if status := object(t, raw).Status; status != "canceled" && status != "incomplete_expired" {
			e.Living++
		}
	}
	e.Refunds = len(s.Objects("refund"))
	for _, event := range s.Events() {
		switch event.Type {
		case "charge.captured":
			e.Captures++
		case "payment_intent.canceled":
			e.Voids++
		}
	}
	return e
}

// shown is what the tests look at of an object.
type shown struct {
	ID, Object, Status string
	Captured, Paid     bool
	Metadata           map[string]string
}

func object(t *testing.T, raw json.RawMessage) shown {
	t.Helper()
	var o shown
	if err := json.Unmarshal(raw, &o); err != nil {
		t.Fatal(err)
	}
	return o
}
