package stripe_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"keybridge/billing/stripe"
	"keybridge/billing/stripe/sandbox"
	"keybridge/bridge"
)

// session makes a checkout at the far end as some other program on the account would.
func session(t *testing.T, s *sandbox.Server, address string, metadata map[string]string) {
	t.Helper()
	form := url.Values{
		"mode": {"payment"}, "success_url": {"https://shop.example/"}, "line_items[0][quantity]": {"1"},
		"line_items[0][price_data][currency]": {"eur"}, "line_items[0][price_data][unit_amount]": {"900"},
		"line_items[0][price_data][product_data][name]": {"Mug"},
	}
	for name, value := range metadata {
		form.Set("metadata["+name+"]", value)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+"/v1/checkout/sessions", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.Key())
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }() // nothing of it is read
	if answer.StatusCode != http.StatusOK {
		t.Fatal(answer.Status)
	}
}

func list(t *testing.T, p *stripe.Provider, s *sandbox.Server) (all []bridge.Opened, err error) {
	t.Helper()
	err = p.List(t.Context(), s.Now().Add(-time.Hour), func(o bridge.Opened) error { all = append(all, o); return nil })
	return all, err
}

func TestCheckoutsOfOtherProgramsOnTheAccountAreNotListed(t *testing.T) {
	s, address := farEnd(t)
	session(t, s, address, nil)
	session(t, s, address, map[string]string{"order": "17"})
	session(t, s, address, map[string]string{bridge.MetadataRequest: "01JOTHER", "keybridge_portal": "elsewhere"})
	got, err := list(t, provider(t, s, address, nil), s)
	if err != nil || len(got) != 1 || got[0].Request != "01JOTHER" || got[0].Portal != "elsewhere" || got[0].Money.State != bridge.PaymentOpen {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAListThatBreaksOffSaysSo(t *testing.T) {
	for name, one := range map[string]struct {
		fault sandbox.Fault
		want  bridge.Kind
		rows  int
	}{
		"at once":            {sandbox.Fault{Kind: sandbox.CutBefore}, bridge.Unavailable, 0},
		"at the second page": {sandbox.Fault{Kind: sandbox.ErrorBefore, Skip: 1}, bridge.Unavailable, 100},
		"asked to slow down": {sandbox.Fault{Kind: sandbox.RateLimit, RetryAfter: sandbox.Wait(time.Second)}, bridge.Limited, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s, address := farEnd(t)
			for i := range 101 {
				session(t, s, address, map[string]string{bridge.MetadataRequest: fmt.Sprintf("01JREQUEST%d", i)})
			}
			one.fault.Method, one.fault.Path = http.MethodGet, "/v1/checkout/sessions"
			s.Fault(one.fault)
			got, err := list(t, provider(t, s, address, nil), s)
			if bridge.KindOf(err) != one.want || len(got) != one.rows {
				t.Errorf("%d rows, %v", len(got), err)
			}
			s.ClearFaults()
			if got, err := list(t, provider(t, s, address, nil), s); err != nil || len(got) != 101 {
				t.Errorf("again: %d rows, %v", len(got), err)
			}
		})
	}
	s, address := farEnd(t)
	_, err := list(t, provider(t, s, address, func(c *stripe.Config) { c.Key = "sk_test_of_somebody_else" }), s)
	if bridge.KindOf(err) != bridge.Refused {
		t.Errorf("with a key of somebody else: %v", err)
	}
}
