package sandbox

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// BenchmarkASessionFromOpenToPaid opens a session as keybridge does, has it paid, sends the one event that is waited
// for, and reads what came of it. That the cost of each stays the same however many there were shows that what there is
// does not slow down what comes.
func BenchmarkASessionFromOpenToPaid(b *testing.B) {
	taken := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer taken.Close()
	s := New(Config{Key: testKey, Endpoints: []Endpoint{{URL: taken.URL, Secret: testSecret, Events: []string{"checkout.session.completed"}}}})
	defer s.Close()
	form := url.Values{
		"mode": {"payment"}, "client_reference_id": {"01JREQUEST0000000000000000"}, "customer_creation": {"always"},
		"success_url": {"https://keys.example.com/r/t/return?session={CHECKOUT_SESSION_ID}"}, "cancel_url": {"https://keys.example.com/r/t"},
		"line_items[0][quantity]": {"1"}, "line_items[0][price_data][currency]": {"eur"}, "line_items[0][price_data][unit_amount]": {"100"},
		"line_items[0][price_data][product_data][name]": {"Gold"}, "payment_intent_data[description]": {"Gold"},
	}
	for name, value := range map[string]string{"portal": "main", "request": "01JREQUEST0000000000000000", "step": "payment"} {
		form.Set("metadata[keybridge_"+name+"]", value)
		form.Set("payment_intent_data[metadata][keybridge_"+name+"]", value)
	}
	body := form.Encode()
	wanted := url.Values{
		"expand[0]": {"payment_intent.latest_charge"}, "expand[1]": {"setup_intent"},
		"expand[2]": {"subscription.latest_invoice.charge"}, "expand[3]": {"subscription.latest_invoice.payment_intent"},
	}.Encode()
	b.ReportAllocs()
	for b.Loop() {
		answer := request(s, http.MethodPost, "/v1/checkout/sessions", body)
		_, after, _ := strings.Cut(answer.String(), `"id":"cs_`)
		id, _, _ := strings.Cut(after, `"`)
		id = "cs_" + id
		if err := s.Act(id, "pay", Args{"email": "payer@example.org"}); err != nil {
			b.Fatal(err)
		}
		answer = request(s, http.MethodGet, "/v1/checkout/sessions/"+id+"?"+wanted, "")
		if !bytes.Contains(answer.Bytes(), []byte(`"amount_received":100`)) {
			b.Fatal(answer.String())
		}
	}
}
