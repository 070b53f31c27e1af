package stripe

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
)

// scripted is a provider whose session is given as JSON. Lists are given by their
// path; what changes something goes on to Stripe's own mock, which refuses what is
// not well formed.
func scripted(t *testing.T, session string, lists map[string]string) *mocked {
	t.Helper()
	m := mock(t, Config{})
	inner := m.cfg.URL
	far := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if list, ok := lists[r.URL.Path]; ok && r.Method == http.MethodGet {
			_, _ = fmt.Fprintf(w, `{"object":"list","has_more":false,"data":[%s]}`, list)
			forward(t, inner, r) // for its judgement alone
			return
		}
		if r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, sessions+"/") {
			_, _ = io.WriteString(w, session)
			return
		}
		_, _ = w.Write(forward(t, inner, r))
	}))
	t.Cleanup(far.Close)
	p, err := New(Config{Key: "sk_test_123", URL: far.URL})
	if err != nil {
		t.Fatal(err)
	}
	m.Provider = p
	return m
}

func forward(t *testing.T, to string, r *http.Request) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(r.Context(), r.Method, to+r.URL.RequestURI(), r.Body)
	if err != nil {
		t.Error(err)
		return nil
	}
	req.Header = r.Header.Clone()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return nil
	}
	defer func() { _ = res.Body.Close() }()
	body, _ := io.ReadAll(res.Body)
	return body
}

func stamp(day int) int64 { return time.Date(2026, 5, day, 0, 0, 0, 0, time.UTC).Unix() }

func day(n int) time.Time { return clock(stamp(n)) }

// complete is a completed session of a mode, with more members.
func complete(mode, more string) string {
	return fmt.Sprintf(`{"id":"cs_1","object":"checkout.session","status":"complete","mode":%q,"currency":"eur","metadata":{"keybridge_request":"01J","keybridge_step":"payment"}%s}`, mode, more)
}

func bill(id, status string, from, to int, more string) string {
	return fmt.Sprintf(`{"id":%q,"object":"invoice","status":%q,"currency":"eur","created":%d,"lines":{"data":[{"id":"il_1","type":"subscription","period":{"start":%d,"end":%d}}]}%s}`,
		id, status, stamp(from), stamp(from), stamp(to), more)
}

func charged(id string, minor int, more string) string {
	return fmt.Sprintf(`,"charge":{"id":%q,"amount":%d,"amount_captured":%d,"captured":true,"paid":true,"currency":"eur"%s}`, id, minor, minor, more)
}

func subscribed(status, invoice, more string) string {
	if invoice == "" {
		invoice = "null"
	}
	return complete("subscription", fmt.Sprintf(`,"subscription":{"id":"sub_1","object":"subscription","status":%q,"current_period_start":%d,"current_period_end":%d,"latest_invoice":%s%s}`,
		status, stamp(1), stamp(31), invoice, more))
}

// TestRareStates reads what a sandbox of today's defaults does not come to.
func TestRareStates(t *testing.T) {
	intent := func(status, more string) string {
		return complete("payment", fmt.Sprintf(`,"payment_status":"unpaid","payment_intent":{"id":"pi_1","object":"payment_intent","status":%q,"currency":"eur"%s}`, status, more))
	}
	eur := func(minor int64) bridge.Amount { return bridge.NewAmount(minor, "EUR") }
	list := func(invoices ...string) map[string]string {
		return map[string]string{"/v1/invoices": strings.Join(invoices, ",")}
	}
	failed := `,"payment_intent":{"id":"pi_9","status":"requires_payment_method","last_payment_error":{"type":"card_error","code":"card_declined","decline_code":"insufficient_funds","message":"Canary"}}`
	pending := `,"payment_intent":{"id":"pi_9","status":"processing"}`
	for _, tt := range []struct {
		name    string
		session string
		lists   map[string]string
		want    bridge.Money // Checkout and Refs are looked at apart
		state   bridge.CheckoutState
	}{
		{name: "a voucher that waits to be paid", session: intent("requires_action", ""), want: bridge.Money{State: bridge.Processing}},
		{name: "nothing to pay after a promotion", session: complete("payment", `,"payment_status":"no_payment_required"`),
			want: bridge.Money{State: bridge.Paid, Collected: eur(0), Returned: eur(0)}},
		{name: "complete, and the intent is not there yet", session: complete("payment", `,"payment_status":"unpaid"`), want: bridge.Money{State: bridge.Processing}},
		{name: "failed with the bank's reason", session: intent("requires_payment_method", `,"last_payment_error":{"type":"card_error","code":"card_declined","decline_code":"insufficient_funds","message":"Canary"}`),
			want: bridge.Money{Why: "There was not enough money on the account."}, state: bridge.CheckoutFailed},
		{name: "a partial capture counts what was taken", session: intent("succeeded", `,"latest_charge":{"id":"ch_1","amount":4900,"amount_captured":4000,"amount_refunded":1000,"currency":"eur","captured":true}`),
			want: bridge.Money{State: bridge.Paid, Collected: eur(4000), Returned: eur(100)}},
		{name: "part of a payment lost in a dispute", session: intent("succeeded", `,"latest_charge":{"id":"ch_1","amount":4900,"amount_captured":4900,"currency":"eur","captured":true,"disputed":true}`),
			lists: map[string]string{"/v1/disputes": `{"id":"dp_2","status":"won","amount":500},{"id":"dp_1","status":"lost","amount":900}`},
			want:  bridge.Money{State: bridge.Disputed, Collected: eur(4900), Returned: eur(900), Why: quarrel{}.why()}},
		{name: "an inquiry that was closed", session: intent("succeeded", `,"latest_charge":{"id":"ch_1","amount":4900,"amount_captured":4900,"currency":"eur","captured":true,"disputed":true}`),
			lists: map[string]string{"/v1/disputes": `{"id":"dp_1","status":"warning_closed","amount":4900}`},
			want:  bridge.Money{State: bridge.Paid, Collected: eur(4900), Returned: eur(0)}},

		{name: "an active subscription whose first debit is on its way", session: subscribed("active", bill("in_1", "open", 1, 31, pending), ""), lists: list(bill("in_1", "open", 1, 31, pending)),
			want: bridge.Money{State: bridge.Processing, Subscribed: true}},
		{name: "its first debit failed and Stripe goes on asking", session: subscribed("past_due", bill("in_1", "open", 1, 31, failed), ""), lists: list(bill("in_1", "open", 1, 31, failed)),
			want: bridge.Money{Subscribed: true, Why: "There was not enough money on the account."}, state: bridge.CheckoutFailed},
		{name: "it was asked for again and is on its way", session: subscribed("past_due", bill("in_1", "open", 1, 31, pending), ""), lists: list(bill("in_1", "open", 1, 31, pending)),
			want: bridge.Money{State: bridge.Processing, Subscribed: true}},
		{name: "incomplete and given up", session: subscribed("incomplete_expired", bill("in_1", "void", 1, 31, ""), ""), lists: list(bill("in_1", "void", 1, 31, "")),
			want: bridge.Money{Why: noFirstPayment}, state: bridge.CheckoutFailed},
		{name: "cancelled before the first payment came in", session: subscribed("canceled", bill("in_1", "open", 1, 31, failed), fmt.Sprintf(`,"ended_at":%d`, stamp(2))), lists: list(bill("in_1", "open", 1, 31, failed)),
			want: bridge.Money{Why: "There was not enough money on the account."}, state: bridge.CheckoutFailed},
		{name: "unpaid for several periods is overdue since the first", session: subscribed("unpaid", bill("in_4", "draft", 29, 31, ""), ""),
			lists: list(bill("in_4", "draft", 29, 31, ""), bill("in_3", "open", 20, 29, failed), bill("in_2", "uncollectible", 10, 20, `,"status_transitions":{"finalized_at":`+fmt.Sprint(stamp(11))+`}`), bill("in_1", "paid", 1, 10, charged("ch_1", 4900, ""))),
			want:  bridge.Money{State: bridge.Overdue, Subscribed: true, Collected: eur(4900), Returned: eur(0), PaidUntil: day(10), OverdueSince: day(11), Why: "The latest payment of the subscription failed."}},
		{name: "paused because the trial ended without a card", session: subscribed("paused", bill("in_1", "paid", 1, 15, ""), fmt.Sprintf(`,"trial_end":%d`, stamp(15))),
			want: bridge.Money{State: bridge.Overdue, Subscribed: true, Collected: eur(0), Returned: eur(0), PaidUntil: day(15), OverdueSince: day(15), Why: "The latest payment of the subscription failed."}},
		{name: "a renewal that is being collected keeps the subscription", session: subscribed("active", bill("in_2", "draft", 20, 31, ""), ""),
			lists: list(bill("in_2", "draft", 20, 31, ""), bill("in_1", "paid", 1, 20, charged("ch_1", 4900, ""))),
			want:  bridge.Money{State: bridge.Paid, Subscribed: true, Collected: eur(4900), Returned: eur(0), PaidUntil: day(31)}},
		{name: "an operator waived the first invoice", session: subscribed("active", bill("in_1", "void", 1, 31, ""), ""), lists: list(bill("in_1", "void", 1, 31, "")),
			want: bridge.Money{State: bridge.Paid, Subscribed: true, PaidUntil: day(31)}},
		{name: "paid outside Stripe", session: subscribed("active", bill("in_1", "paid", 1, 31, `,"amount_paid":4900,"paid_out_of_band":true`), ""),
			want: bridge.Money{State: bridge.Paid, Subscribed: true, Collected: eur(0), Returned: eur(0), PaidUntil: day(31)}},
		{name: "an earlier period is in dispute", session: subscribed("active", bill("in_2", "draft", 20, 31, ""), ""),
			lists: map[string]string{
				"/v1/invoices": bill("in_2", "paid", 20, 31, charged("ch_2", 4900, "")) + "," + bill("in_1", "paid", 1, 20, charged("ch_1", 4900, `,"disputed":true`)),
				"/v1/disputes": `{"id":"dp_1","status":"under_review","amount":4900}`,
			},
			want: bridge.Money{State: bridge.Disputed, Subscribed: true, Collected: eur(4900), Returned: eur(0), PaidUntil: day(31), Why: "The cardholder's bank disputes the payment of an earlier period."}},
		{name: "an earlier period was lost, and a later one paid", session: subscribed("active", bill("in_2", "draft", 20, 31, ""), ""),
			lists: map[string]string{
				"/v1/invoices": bill("in_2", "paid", 20, 31, charged("ch_2", 4900, "")) + "," + bill("in_1", "paid", 1, 20, charged("ch_1", 4900, `,"disputed":true`)),
				"/v1/disputes": `{"id":"dp_1","status":"lost","amount":4900}`,
			},
			want: bridge.Money{State: bridge.Paid, Subscribed: true, Collected: eur(4900), Returned: eur(0), PaidUntil: day(31)}},
		{name: "cancelled on a day of somebody's choosing", session: subscribed("active", bill("in_1", "paid", 1, 31, charged("ch_1", 4900, "")), fmt.Sprintf(`,"cancel_at":%d`, stamp(20))),
			want: bridge.Money{State: bridge.Paid, Subscribed: true, Collected: eur(4900), Returned: eur(0), PaidUntil: day(31), CancelsAt: day(20)}},
		{name: "over, with a last invoice that was never paid", session: subscribed("canceled", bill("in_2", "open", 20, 31, failed), fmt.Sprintf(`,"ended_at":%d`, stamp(25))),
			lists: list(bill("in_2", "open", 20, 31, failed), bill("in_1", "paid", 1, 20, charged("ch_1", 4900, ""))),
			want:  bridge.Money{State: bridge.PaymentEnded, Collected: eur(4900), Returned: eur(0), PaidUntil: day(20)}},
		{name: "the subscription is not there yet", session: complete("subscription", ""), want: bridge.Money{State: bridge.Processing}},
		{name: "a validation that came to nothing", session: strings.Replace(complete("setup", `,"setup_intent":{"id":"seti_1","status":"requires_payment_method"}`), `"payment"`, `"validation"`, 1),
			want: bridge.Money{Why: "The card could not be validated."}, state: bridge.CheckoutFailed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := scripted(t, tt.session, tt.lists)
			got, err := m.Read(t.Context(), request())
			if err != nil {
				t.Fatal(err)
			}
			if tt.state == "" {
				tt.state = bridge.CheckoutComplete
			}
			if tt.want.State == "" {
				tt.want.State = bridge.NoPayment
			}
			if got.Checkout.State != tt.state || got.Checkout.ID != "cs_1" || got.Checkout.URL != "" {
				t.Errorf("checkout %+v, want %q", got.Checkout, tt.state)
			}
			said, _ := json.Marshal(got)
			if strings.Contains(string(said), "Canary") {
				t.Errorf("Stripe's own words are passed on: %s", said)
			}
			got.Checkout, got.Refs = bridge.Checkout{}, nil
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if tt.lists != nil {
				m.wellFormed(t)
			}
		})
	}
}

func TestChangesAreWellFormed(t *testing.T) {
	paid := complete("payment", `,"payment_intent":{"id":"pi_1","status":"succeeded","currency":"eur","latest_charge":{"id":"ch_1","amount":4900,"amount_captured":4900,"currency":"eur","captured":true}}`)
	live := subscribed("active", bill("in_1", "paid", 1, 31, charged("ch_1", 4900, "")), "")
	for _, tt := range []struct {
		name, session, method, path string
		do                          func(*mocked) error
		want                        map[string]string
	}{
		{"capture", paid, "POST", "/v1/payment_intents/pi_1/capture", func(m *mocked) error { _, err := m.Capture(t.Context(), request(), "k"); return err }, nil},
		{"void", paid, "POST", "/v1/payment_intents/pi_1/cancel", func(m *mocked) error { _, err := m.Void(t.Context(), request(), "k"); return err }, nil},
		{"refund", paid, "POST", "/v1/refunds", func(m *mocked) error {
			_, err := m.Refund(t.Context(), request(), bridge.NewAmount(900, "EUR"), "k")
			return err
		}, map[string]string{"charge": "ch_1", "amount": "900", "metadata[keybridge_request]": "01J"}},
		{"refund of a period", live, "POST", "/v1/refunds", func(m *mocked) error {
			_, err := m.Refund(t.Context(), request(), bridge.NewAmount(4900, "EUR"), "k")
			return err
		}, map[string]string{"charge": "ch_1", "amount": "4900"}},
		{"expire", paid, "POST", "/v1/checkout/sessions/cs_1/expire", func(m *mocked) error { _, err := m.Expire(t.Context(), request(), "k"); return err }, nil},
		{"cancel", live, "DELETE", "/v1/subscriptions/sub_1", func(m *mocked) error {
			money, err := m.Cancel(t.Context(), request(), "k")
			if !money.Subscribed { // the session is scripted: it stays active
				t.Error("what Stripe still shows as active counts as cancelled")
			}
			return err
		}, map[string]string{"invoice_now": "false", "prorate": "false"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := scripted(t, tt.session, nil)
			if err := tt.do(m); err != nil {
				t.Error(err)
			}
			m.wellFormed(t)
			c := m.calls[len(m.calls)-1]
			if c.method != tt.method || c.path != tt.path || c.header.Get("Idempotency-Key") != "k" {
				t.Errorf("%s %s under key %q", c.method, c.path, c.header.Get("Idempotency-Key"))
			}
			for name, want := range tt.want {
				if got := c.form.Get(name); got != want {
					t.Errorf("%s = %q, want %q", name, got, want)
				}
			}
		})
	}
}

func TestPricesOfOtherKindsAreInvalid(t *testing.T) {
	price := func(more string) string {
		if !strings.Contains(more, "unit_amount") {
			more += `,"unit_amount":100,"unit_amount_decimal":"100"`
		}
		return `{"id":"price_1","object":"price","active":true,"currency":"eur"` + more + `}`
	}
	for name, tt := range map[string]struct{ price, says string }{
		"archived":          {price(`,"active":false`), "archived"},
		"archived product":  {price(`,"product":{"id":"prod_1","object":"product","active":false,"name":"x"}`), "archived product"},
		"tiered":            {price(`,"billing_scheme":"tiered","unit_amount":null,"unit_amount_decimal":null`), "tiered"},
		"pay what you want": {price(`,"custom_unit_amount":{"minimum":1},"unit_amount":null,"unit_amount_decimal":null`), "payer choose"},
		"by usage":          {price(`,"recurring":{"interval":"month","interval_count":1,"usage_type":"metered"}`), "usage"},
		"half a cent":       {price(`,"unit_amount":null,"unit_amount_decimal":"0.5"`), "fraction"},
	} {
		t.Run(name, func(t *testing.T) {
			p := answering(t, Config{}, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, tt.price) })
			_, err := p.Quote(t.Context(), bridge.Price{Ref: "price_1"})
			if bridge.KindOf(err) != bridge.Invalid || !strings.Contains(err.Error(), tt.says) {
				t.Error(err)
			}
		})
	}
}
