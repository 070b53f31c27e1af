package stripe_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"keybridge/billing/stripe"
	"keybridge/billing/stripe/sandbox"
	"keybridge/bridge"
)

func terms(unit string) bridge.Terms {
	return bridge.Terms{Plan: "Gold", Provider: "stripe", Lines: []bridge.Price{
		{Name: "Gold", Amount: bridge.NewAmount(4900, "EUR"), Interval: bridge.Interval{Unit: unit}},
	}}
}

func orderOf(id bridge.ID, step bridge.StepKind, terms bridge.Terms, at time.Time) bridge.Order {
	return bridge.Order{
		Request: bridge.Request{ID: id, Portal: "main", Terms: terms}, For: step,
		Key: "kb_" + string(id), At: at, Success: "https://keys.example.com/return", Cancel: "https://keys.example.com/",
	}
}

func act(t *testing.T, s *sandbox.Server, id, name string) {
	t.Helper()
	if err := s.Act(id, name, sandbox.Args{"name": canary, "email": "canary@example.com"}); err != nil {
		t.Fatal(err)
	}
}

// seen is the request as it is after money was observed.
func seen(o bridge.Order, m bridge.Money) bridge.Request {
	c := bridge.Change{Request: o.Request}
	c.Observe(bridge.Facts{Money: &m}, o.At)
	return c.Request
}

func TestWhateverACheckoutMakesLeadsBackToItsRequest(t *testing.T) {
	s, url := farEnd(t)
	p := provider(t, s, url, func(c *stripe.Config) { c.Invoices = true })
	for id, o := range map[bridge.ID]bridge.Order{
		"01A": orderOf("01A", bridge.Paying, terms(""), s.Now()),
		"01B": orderOf("01B", bridge.Paying, terms("month"), s.Now()),
		"01C": orderOf("01C", bridge.Validation, terms("month"), s.Now()),
	} {
		m, err := p.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		act(t, s, m.Checkout.ID, "pay")
		if m, err = p.Read(t.Context(), seen(o, m)); err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, ref := range m.Refs {
			raw, err := s.Object(ref.ID)
			if err != nil {
				t.Fatal(err)
			}
			ours := map[bridge.RefKind]bool{
				bridge.RefSession: true, bridge.RefSetup: true, bridge.RefSubscription: true,
				// What a subscription makes by itself is found by the subscription.
				bridge.RefIntent: id == "01A", bridge.RefInvoice: id == "01A",
			}[ref.Kind]
			meta := object(t, raw).Metadata
			if ours && (meta["keybridge_request"] != string(id) || meta["keybridge_step"] != string(o.For) || meta["keybridge_portal"] != "main") {
				t.Errorf("%s %s has the metadata %v", ref.Kind, ref.ID, meta)
			}
			if ours {
				found++
			}
		}
		if want := map[bridge.ID]int{"01A": 3, "01B": 2, "01C": 2}[id]; found != want {
			t.Errorf("%s: %d of %+v carry metadata, want %d", id, found, m.Refs, want)
		}
	}
}

// TestAReadIsOneCall keeps the worker's most frequent call cheap.
func TestAReadIsOneCall(t *testing.T) {
	s, url := farEnd(t)
	p := provider(t, s, url, nil)
	for name, tt := range map[string]struct {
		order   bridge.Order
		actions []string
		want    int
	}{
		"open":                  {orderOf("01A", bridge.Paying, terms(""), s.Now()), nil, 1},
		"paid":                  {orderOf("01B", bridge.Paying, terms(""), s.Now()), []string{"pay"}, 1},
		"validated":             {orderOf("01C", bridge.Validation, terms(""), s.Now()), []string{"pay"}, 1},
		"subscribed":            {orderOf("01D", bridge.Paying, terms("month"), s.Now()), []string{"pay"}, 1},
		"disputed":              {orderOf("01E", bridge.Paying, terms(""), s.Now()), []string{"pay", "dispute"}, 2},
		"renewed":               {orderOf("01F", bridge.Paying, terms("month"), s.Now()), []string{"pay", "renew"}, 2},
		"missed":                {orderOf("01G", bridge.Paying, terms("month"), s.Now()), []string{"pay", "miss"}, 2},
		"refunded, by somebody": {orderOf("01H", bridge.Paying, terms(""), s.Now()), []string{"pay", "refund"}, 1},
	} {
		m, err := p.Open(t.Context(), tt.order)
		if err != nil {
			t.Fatal(err)
		}
		r := seen(tt.order, m)
		for _, action := range tt.actions {
			act(t, s, m.Checkout.ID, action)
			if m, err = p.Read(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			r = seen(bridge.Order{Request: r, At: s.Now()}, m)
		}
		before := len(s.Calls())
		if _, err := p.Read(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if calls := len(s.Calls()) - before; calls != tt.want {
			t.Errorf("%s: %d calls, want %d", name, calls, tt.want)
		}
	}
}

func TestNothingSecretComesOut(t *testing.T) {
	s, url := farEnd(t)
	var log bytes.Buffer
	p := provider(t, s, url, func(c *stripe.Config) {
		c.Log = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	var out strings.Builder
	keep := func(m bridge.Money, err error) bridge.Money {
		text, _ := json.Marshal(m)
		fmt.Fprintf(&out, "%s %+v %v\n", text, m, err)
		return m
	}
	for i, unit := range []string{"", "month"} {
		o := orderOf(bridge.ID(fmt.Sprint("01J", i)), bridge.Paying, terms(unit), s.Now())
		o.Email = "canary@example.com"
		m := keep(p.Open(t.Context(), o))
		act(t, s, m.Checkout.ID, "pay_later")
		r := seen(o, m)
		keep(p.Read(t.Context(), r))
		keep(p.Capture(t.Context(), r, "k1"+unit))
		keep(p.Refund(t.Context(), r, bridge.NewAmount(1, "EUR"), "k2"+unit))
		act(t, s, m.Checkout.ID, "fail")
		keep(p.Read(t.Context(), r))
		keep(p.Expire(t.Context(), r, "k3"+unit))
	}
	wrong := provider(t, s, url, func(c *stripe.Config) { c.Key = "sk_test_wrong_canary" })
	keep(wrong.Open(t.Context(), orderOf("01K", bridge.Paying, terms(""), s.Now())))
	for what, text := range map[string]string{"log": log.String(), "answers": out.String()} {
		if !strings.Contains(text, "cs_test_") {
			t.Errorf("the %s say nothing at all: %s", what, text)
		}
		for _, secret := range []string{canary, "canary@example.com", s.Key(), "canary", "_secret_", "client_secret", "Bearer"} {
			if strings.Contains(text, secret) {
				t.Errorf("the %s hold %q:\n%s", what, secret, text)
			}
		}
	}
}

func TestAdoptionLooksThroughEveryPage(t *testing.T) {
	s, url := farEnd(t)
	p := provider(t, s, url, nil)
	lost := orderOf("01LOST", bridge.Paying, terms(""), s.Now())
	made, err := p.Open(t.Context(), lost)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 120 {
		if _, err := p.Open(t.Context(), orderOf(bridge.ID(fmt.Sprint("01", i)), bridge.Paying, terms(""), s.Now())); err != nil {
			t.Fatal(err)
		}
	}
	next := lost
	next.Key, next.Since = lost.Key+"_2", lost.At
	found, err := p.Open(t.Context(), next)
	if err != nil || found.Checkout.ID != made.Checkout.ID {
		t.Errorf("%+v, %v, want %s", found.Checkout, err, made.Checkout.ID)
	}
	lists := 0
	for _, c := range s.Calls() {
		if c.Method == http.MethodGet && c.Path == "/v1/checkout/sessions" {
			lists++
		}
	}
	if lists != 2 {
		t.Errorf("%d pages were read, want 2", lists)
	}
}

func TestACheckoutPaidAsItIsFoundToBeSpareIsAdopted(t *testing.T) {
	s, url := farEnd(t)
	p := provider(t, s, url, nil)
	o := orderOf("01SPARE", bridge.Paying, terms("month"), s.Now())
	older, err := p.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	beside := o
	beside.Key += "_2"
	if _, err = p.Open(t.Context(), beside); err != nil {
		t.Fatal(err)
	}
	var paid sync.Once
	hasty := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/expire") {
			paid.Do(func() { act(t, s, older.Checkout.ID, "pay") }) // after it was listed as open
		}
		s.ServeHTTP(w, r)
	}))
	defer hasty.Close()
	p = provider(t, s, hasty.URL, nil)
	next := o
	next.Key, next.Since = o.Key+"_3", o.At
	if m, err := p.Open(t.Context(), next); bridge.KindOf(err) != bridge.Conflict {
		t.Fatalf("adopted %+v, %v", m.Checkout, err)
	}
	next.Key = o.Key + "_4"
	m, err := p.Open(t.Context(), next)
	if err != nil || m.Checkout.ID != older.Checkout.ID || m.State != bridge.Paid {
		t.Errorf("%+v, %v, want %s to be paid", m, err, older.Checkout.ID)
	}
}

func TestNothingIsOpenedOverAFirstPaymentThatCameInAfterAll(t *testing.T) {
	for name, tt := range map[string]struct {
		since []string // what became of it since it was read
		want  bridge.PaymentState
	}{
		"it is here":                      {[]string{"retry", "settle"}, bridge.Paid},
		"here, and the subscription over": {[]string{"retry", "settle", "cancel"}, bridge.PaymentEnded},
		"it is on its way":                {[]string{"retry"}, bridge.Processing},
		"on its way, and it is over":      {[]string{"retry", "cancel"}, bridge.Processing},
	} {
		s, url := farEnd(t)
		p := provider(t, s, url, nil)
		o := orderOf("01AFTER", bridge.Paying, terms("month"), s.Now())
		m, err := p.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		act(t, s, m.Checkout.ID, "pay_later")
		act(t, s, m.Checkout.ID, "fail")
		if m, err = p.Read(t.Context(), seen(o, m)); err != nil || m.State != bridge.NoPayment {
			t.Fatalf("%+v, %v", m, err)
		}
		next := o
		next.Request, next.Key = seen(o, m), o.Key+"_2"
		for _, action := range tt.since {
			act(t, s, m.Checkout.ID, action)
		}
		again, err := p.Open(t.Context(), next)
		if err != nil || again.Checkout.ID != m.Checkout.ID || again.State != tt.want {
			t.Errorf("%s: %s of %s, %v, want %s of %s", name, again.State, again.Checkout.ID, err, tt.want, m.Checkout.ID)
		}
		if n := len(s.Objects("checkout.session")); n != 1 {
			t.Errorf("%s: %d checkouts", name, n)
		}
	}
}

func TestACheckoutClosesWhenConfigured(t *testing.T) {
	s, url := farEnd(t)
	for _, want := range []time.Duration{30 * time.Minute, 2 * time.Hour, 24 * time.Hour} {
		p := provider(t, s, url, func(c *stripe.Config) { c.CheckoutExpiry = want })
		o := orderOf(bridge.ID("01"+want.String()), bridge.Paying, terms(""), s.Now())
		m, err := p.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Checkout.Expires.Sub(o.At); got < want-time.Minute || got > want+5*time.Minute {
			t.Errorf("it closes after %s, want %s", got, want)
		}
		s.Advance(5 * time.Minute) // repeated later, it is the same order still
		again, err := p.Open(t.Context(), o)
		if err != nil || again.Checkout.ID != m.Checkout.ID {
			t.Errorf("repeated: %+v, %v", again.Checkout, err)
		}
		late := o
		late.Key += "_late"
		if _, err = p.Open(t.Context(), late); want == 30*time.Minute {
			e, ok := errors.AsType[*bridge.Error](err)
			if !ok || bridge.Permanent(err) || !e.Answered {
				t.Errorf("an order that reached Stripe too late: %v", err)
			}
		} else if err != nil {
			t.Error(err)
		}
	}
}

func TestATrialWithoutACardEndsWithIt(t *testing.T) {
	s, url := farEnd(t)
	p := provider(t, s, url, func(c *stripe.Config) { c.TrialWithoutCard = true })
	trial := terms("month")
	trial.TrialDays = 7
	o := orderOf("01T", bridge.Paying, trial, s.Now())
	m, err := p.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Act(m.Checkout.ID, "pay", sandbox.Args{"method": "none"}); err != nil {
		t.Fatal(err)
	}
	m, err = p.Read(t.Context(), seen(o, m))
	if err != nil || m.State != bridge.Trialing {
		t.Fatalf("%+v, %v", m, err)
	}
	s.Advance(7*24*time.Hour + time.Hour)
	m, err = p.Read(t.Context(), seen(o, m))
	if err != nil || m.State != bridge.PaymentEnded || m.Subscribed {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestEventsFitOneListing(t *testing.T) {
	if len(stripe.Events) > 20 {
		t.Errorf("Stripe lists 20 types at most, not %d", len(stripe.Events))
	}
}

func TestAWrongKeyIsRefused(t *testing.T) {
	s, url := farEnd(t)
	p := provider(t, s, url, func(c *stripe.Config) { c.Key = "sk_test_wrong" })
	_, err := p.Open(t.Context(), orderOf("01K", bridge.Paying, terms(""), s.Now()))
	if bridge.KindOf(err) != bridge.Refused || !strings.Contains(bridge.Explain(err), "key") {
		t.Error(err)
	}
}
