package stripe

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-mock/embedded"
	"github.com/stripe/stripe-mock/server"

	"keybridge/bridge"
)

// officialMock is Stripe's own mock, which refuses what its OpenAPI description of
// 2023-10-16 does not have. Reading that description takes a second, so it is read
// once.
var officialMock = sync.OnceValues(func() (http.Handler, error) {
	spec, err := server.LoadSpec(embedded.OpenAPISpec, "")
	if err != nil {
		return nil, err
	}
	fixtures, err := server.LoadFixtures(embedded.OpenAPIFixtures, "")
	if err != nil {
		return nil, err
	}
	stub, err := server.NewStubServer(fixtures, spec, true, false)
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(stub.HandleRequest), nil
})

// call is one request as it went out.
type call struct {
	method, path string
	form         url.Values
	header       http.Header
	status       int
	answer       string
}

// mocked is a provider on the official mock, and what it sent.
type mocked struct {
	*Provider
	mu    sync.Mutex
	calls []call
}

func mock(t *testing.T, cfg Config) *mocked {
	t.Helper()
	official, err := officialMock()
	if err != nil {
		t.Fatal(err)
	}
	m := &mocked{}
	far := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		form, _ := url.ParseQuery(string(body) + "&" + r.URL.RawQuery)
		rec := httptest.NewRecorder()
		official.ServeHTTP(rec, r)
		m.mu.Lock()
		m.calls = append(m.calls, call{r.Method, r.URL.Path, form, r.Header.Clone(), rec.Code, rec.Body.String()})
		m.mu.Unlock()
		for name, values := range rec.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes())
	}))
	t.Cleanup(far.Close)
	cfg.Key, cfg.URL = "sk_test_123", far.URL
	if m.Provider, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *mocked) wellFormed(t *testing.T) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.calls) == 0 {
		t.Error("no call was made")
	}
	for _, c := range m.calls {
		if c.status != 200 {
			t.Errorf("%s %s %v: status %d: %s", c.method, c.path, c.form, c.status, c.answer)
		}
		if got := c.header.Get("Stripe-Version"); got != "2023-10-16" {
			t.Errorf("%s %s: Stripe-Version %q", c.method, c.path, got)
		}
		if c.header.Get("X-Stripe-Client-Telemetry") != "" || strings.Contains(c.header.Get("X-Stripe-Client-User-Agent"), "uname") {
			t.Errorf("%s %s tells of the machine it runs on", c.method, c.path)
		}
	}
}

// sent returns the form of the only POST to a path.
func (m *mocked) sent(t *testing.T, path string) call {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.calls {
		if c.method == "POST" && c.path == path {
			return c
		}
	}
	t.Fatalf("nothing was sent to %s", path)
	return call{}
}

func order(step bridge.StepKind, terms bridge.Terms) bridge.Order {
	return bridge.Order{
		Request: bridge.Request{ID: "01JREQUEST0000000000000000", Portal: "main", Terms: terms},
		For:     step, Key: "kb_1", At: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC),
		Success: "https://keys.example.com/r/t/return?session={CHECKOUT_SESSION_ID}", Cancel: "https://keys.example.com/r/t",
	}
}

func line(minor int64, currency, unit string) bridge.Price {
	return bridge.Price{Name: "Gold", Amount: bridge.NewAmount(minor, currency), Interval: bridge.Interval{Unit: unit}}
}

func TestEveryOrderIsWellFormed(t *testing.T) {
	gold := bridge.Terms{Plan: "Gold", Lines: []bridge.Price{line(4900, "EUR", "")}}
	monthly := bridge.Terms{Plan: "Gold", Lines: []bridge.Price{line(4900, "EUR", "month")}}
	with := func(t bridge.Terms, change func(*bridge.Terms)) bridge.Terms { change(&t); return t }
	known := func(o bridge.Order) bridge.Order { o.Customer, o.Email = "cus_1", "dev@example.com"; return o }
	mailed := func(o bridge.Order) bridge.Order { o.Email = "dev@example.com"; return o }
	everything := func(t *bridge.Terms) { t.Tax, t.TaxIDs, t.Promotions = true, true, true }

	for _, tt := range []struct {
		name   string
		cfg    Config
		order  bridge.Order
		want   map[string]string
		absent []string
	}{
		{name: "one payment", order: order(bridge.Paying, gold), want: map[string]string{
			"mode": "payment", "client_reference_id": "01JREQUEST0000000000000000",
			"line_items[0][price_data][currency]": "eur", "line_items[0][price_data][unit_amount]": "4900",
			"line_items[0][price_data][product_data][name]": "Gold", "line_items[0][quantity]": "1",
			"metadata[keybridge_request]":                      "01JREQUEST0000000000000000",
			"metadata[keybridge_step]":                         "payment",
			"metadata[keybridge_portal]":                       "main",
			"payment_intent_data[metadata][keybridge_request]": "01JREQUEST0000000000000000",
			"payment_intent_data[metadata][keybridge_step]":    "payment",
			"customer_creation":                                "always",
			"success_url":                                      "https://keys.example.com/r/t/return?session={CHECKOUT_SESSION_ID}",
			"cancel_url":                                       "https://keys.example.com/r/t",
		}, absent: []string{"customer", "customer_email", "expires_at", "payment_intent_data[capture_method]", "invoice_creation[enabled]", "locale", "subscription_data"}},
		{name: "held", order: order(bridge.Paying, with(gold, func(t *bridge.Terms) { t.Hold = true })), cfg: Config{Invoices: true},
			want:   map[string]string{"payment_intent_data[capture_method]": "manual"},
			absent: []string{"invoice_creation[enabled]"}},
		{name: "with an invoice", order: order(bridge.Paying, gold), cfg: Config{Invoices: true},
			want: map[string]string{"invoice_creation[enabled]": "true", "invoice_creation[invoice_data][metadata][keybridge_request]": "01JREQUEST0000000000000000"}},
		{name: "yen have no smaller unit", order: order(bridge.Paying, bridge.Terms{Lines: []bridge.Price{line(500, "JPY", "")}}),
			want: map[string]string{"line_items[0][price_data][currency]": "jpy", "line_items[0][price_data][unit_amount]": "500"}},
		{name: "dinars have a thousand", order: order(bridge.Paying, bridge.Terms{Lines: []bridge.Price{line(5120, "KWD", "")}}),
			want: map[string]string{"line_items[0][price_data][currency]": "kwd", "line_items[0][price_data][unit_amount]": "5120"}},
		{name: "subscription", order: order(bridge.Paying, monthly),
			want: map[string]string{
				"mode": "subscription", "line_items[0][price_data][recurring][interval]": "month",
				"line_items[0][price_data][recurring][interval_count]": "1",
				"subscription_data[metadata][keybridge_request]":       "01JREQUEST0000000000000000",
				"subscription_data[metadata][keybridge_step]":          "payment",
			}, absent: []string{"customer_creation", "payment_intent_data", "payment_method_collection"}},
		{name: "every three months with a price paid once", order: order(bridge.Paying, bridge.Terms{Plan: "Gold", Lines: []bridge.Price{
			{Name: "Gold", Ref: "price_1", Amount: bridge.NewAmount(9900, "USD"), Interval: bridge.Interval{Unit: "month", Count: 3}},
			line(1000, "USD", ""),
		}}), want: map[string]string{"mode": "subscription", "line_items[0][price]": "price_1", "line_items[1][price_data][unit_amount]": "1000"},
			absent: []string{"line_items[0][price_data][unit_amount]", "line_items[1][price_data][recurring][interval]"}},
		{name: "trial", order: order(bridge.Paying, with(monthly, func(t *bridge.Terms) { t.TrialDays = 14 })),
			want:   map[string]string{"subscription_data[trial_period_days]": "14"},
			absent: []string{"payment_method_collection"}},
		{name: "trial without a card", cfg: Config{TrialWithoutCard: true}, order: order(bridge.Paying, with(monthly, func(t *bridge.Terms) { t.TrialDays = 14 })),
			want: map[string]string{"subscription_data[trial_period_days]": "14", "payment_method_collection": "if_required",
				"subscription_data[trial_settings][end_behavior][missing_payment_method]": "cancel"}},
		{name: "a subscription that costs nothing", order: order(bridge.Paying, bridge.Terms{Lines: []bridge.Price{line(0, "EUR", "month")}}),
			want: map[string]string{"payment_method_collection": "if_required"}},
		{name: "validation", order: order(bridge.Validation, with(monthly, everything)),
			want: map[string]string{"mode": "setup", "payment_method_types[0]": "card", "customer_creation": "always",
				"setup_intent_data[metadata][keybridge_request]": "01JREQUEST0000000000000000",
				"setup_intent_data[metadata][keybridge_step]":    "validation"},
			absent: []string{"line_items[0][quantity]", "automatic_tax[enabled]", "allow_promotion_codes", "tax_id_collection[enabled]", "currency"}},
		{name: "known customer with tax", order: known(order(bridge.Paying, with(gold, everything))),
			want: map[string]string{"customer": "cus_1", "customer_update[address]": "auto", "customer_update[name]": "auto",
				"automatic_tax[enabled]": "true", "tax_id_collection[enabled]": "true", "allow_promotion_codes": "true"},
			absent: []string{"customer_email", "customer_creation"}},
		{name: "known customer, validation", order: known(order(bridge.Validation, with(gold, everything))),
			want: map[string]string{"customer": "cus_1"}, absent: []string{"customer_update[address]", "customer_creation"}},
		{name: "e-mail of a signed hand-off", order: mailed(order(bridge.Paying, gold)),
			want: map[string]string{"customer_email": "dev@example.com", "customer_creation": "always"}, absent: []string{"customer"}},
		{name: "language and time", cfg: Config{Locale: "de", CheckoutExpiry: 2 * time.Hour, Now: func() time.Time { return time.Date(2026, 5, 1, 12, 0, 40, 0, time.UTC) }},
			order: order(bridge.Paying, gold), want: map[string]string{"locale": "de", "expires_at": "1777644000"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.cfg.Now == nil {
				tt.cfg.Now = func() time.Time { return tt.order.At }
			}
			m := mock(t, tt.cfg)
			money, err := m.Open(t.Context(), tt.order)
			if err != nil {
				t.Fatal(err)
			}
			if money.Checkout.ID == "" {
				t.Error("the checkout has no id")
			}
			m.wellFormed(t)
			c := m.sent(t, sessions)
			if got := c.header.Get("Idempotency-Key"); got != "kb_1" {
				t.Errorf("Idempotency-Key %q", got)
			}
			for name, want := range tt.want {
				if got := c.form.Get(name); got != want {
					t.Errorf("%s = %q, want %q", name, got, want)
				}
			}
			for _, name := range tt.absent {
				for sent := range c.form {
					if sent == name || strings.HasPrefix(sent, name+"[") && !strings.Contains(name, "]") && name != "customer" {
						t.Errorf("%s was sent", sent)
					}
				}
			}
		})
	}
}

func TestEveryOtherCallIsWellFormed(t *testing.T) {
	r := bridge.Request{ID: "01J", Payment: bridge.Payment{Checkout: bridge.Checkout{ID: "cs_1"}}}
	for _, tt := range []struct {
		name string
		do   func(*mocked) error
	}{
		{"read", func(m *mocked) error { _, err := m.Read(t.Context(), r); return err }},
		{"expire", func(m *mocked) error { _, err := m.Expire(t.Context(), r, "k"); return err }},
		{"adopt", func(m *mocked) error {
			o := order(bridge.Paying, bridge.Terms{Lines: []bridge.Price{line(100, "EUR", "")}})
			o.Since = o.At
			_, err := m.Open(t.Context(), o)
			return err
		}},
		{"quote an id", func(m *mocked) error {
			_, err := m.Quote(t.Context(), bridge.Price{Ref: "price_1"})
			return err
		}},
		{"quote a lookup key", func(m *mocked) error {
			_, err := m.Quote(t.Context(), bridge.Price{Lookup: "gold"})
			return err
		}},
		{"missed", func(m *mocked) error {
			return m.Missed(t.Context(), time.Now(), func(bridge.Hint) error { return nil })
		}},
		{"disputes", func(m *mocked) error { _, err := m.quarrel(t.Context(), "ch_1"); return err }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := mock(t, Config{})
			if err := tt.do(m); err != nil && bridge.KindOf(err) != bridge.Invalid {
				t.Error(err)
			}
			m.wellFormed(t)
		})
	}
}
