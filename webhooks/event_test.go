package webhooks_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
	"keybridge/webhooks"
)

// stripeEvent wraps an object as Stripe does, data before type.
func stripeEvent(kind, object string) []byte {
	return fmt.Appendf(nil, `{"id":%q,"object":"event","api_version":"2025-03-31.basil","created":1700000000,"data":{"object":%s,"previous_attributes":{"id":"no"}},"livemode":false,"pending_webhooks":1,"request":{"id":null},"type":%q}`,
		stripeEventID, object, kind)
}

func refs(pairs ...string) []bridge.Ref {
	var out []bridge.Ref
	for _, pair := range pairs {
		kind, id, _ := strings.Cut(pair, " ")
		out = append(out, bridge.Ref{System: "stripe", Kind: bridge.RefKind(kind), ID: id})
	}
	return out
}

func TestStripeEventsLeadToTheirRequest(t *testing.T) {
	const meta = `"metadata":{"other":"x","keybridge_request":"` + requestULID + `"}`
	for _, c := range []struct {
		name, kind, object string
		request            bridge.ID
		refs               []bridge.Ref
	}{
		{
			"a session in payment mode", "checkout.session.completed",
			`{"id":"cs_test_1","object":"checkout.session","payment_intent":"pi_1","subscription":null,"setup_intent":null,"invoice":null,"customer":"cus_1",` + meta + `}`,
			requestULID, refs("session cs_test_1", "intent pi_1"),
		},
		{
			"a session in subscription mode", "checkout.session.completed",
			`{"id":"cs_1","object":"checkout.session","invoice":"in_1","subscription":"sub_1",` + meta + `}`,
			requestULID, refs("session cs_1", "invoice in_1", "subscription sub_1"),
		},
		{
			"a session in setup mode", "checkout.session.completed",
			`{"id":"cs_1","object":"checkout.session","setup_intent":"seti_1","metadata":null}`,
			"", refs("session cs_1", "setup seti_1"),
		},
		{
			"a session with its intent and charge expanded", "checkout.session.completed",
			`{"id":"cs_1","object":"checkout.session","payment_intent":{"id":"pi_1","object":"payment_intent","latest_charge":{"id":"ch_1","object":"charge","invoice":"in_1"}},` + meta + `}`,
			requestULID, refs("session cs_1", "intent pi_1", "charge ch_1", "invoice in_1"),
		},
		{
			"metadata of two expanded objects, of which the first counts", "checkout.session.completed",
			`{"id":"cs_1","object":"checkout.session","payment_intent":{"id":"pi_1",` + meta + `},"invoice":{"id":"in_1","metadata":{"keybridge_request":"` + secondULID + `"}},"metadata":{}}`,
			requestULID, refs("session cs_1", "intent pi_1", "invoice in_1"),
		},
		{
			"metadata of an expanded object only", "checkout.session.completed",
			`{"id":"cs_1","object":"checkout.session","payment_intent":{"id":"pi_1",` + meta + `},"metadata":{}}`,
			requestULID, refs("session cs_1", "intent pi_1"),
		},
		{
			"the object's own metadata goes before an expanded one's", "payment_intent.succeeded",
			`{"id":"pi_1","object":"payment_intent","latest_charge":{"id":"ch_1","metadata":{"keybridge_request":"01HF7YAT00000000000000000Z"}},` + meta + `}`,
			requestULID, refs("intent pi_1", "charge ch_1"),
		},
		{
			"an intent", "payment_intent.succeeded",
			`{"id":"pi_1","object":"payment_intent","latest_charge":"ch_1","invoice":"in_1",` + meta + `}`,
			requestULID, refs("intent pi_1", "charge ch_1", "invoice in_1"),
		},
		{
			"a setup intent", "setup_intent.setup_failed",
			`{"id":"seti_1","object":"setup_intent",` + meta + `}`,
			requestULID, refs("setup seti_1"),
		},
		{
			"a charge", "charge.refunded",
			`{"id":"ch_1","object":"charge","payment_intent":"pi_1","invoice":null,"refunds":{"data":[{"id":"re_1","charge":"ch_other"}]}}`,
			"", refs("charge ch_1", "intent pi_1"),
		},
		{
			"an invoice of an old API version", "invoice.paid",
			`{"id":"in_1","object":"invoice","charge":"ch_1","payment_intent":"pi_1","subscription":"sub_1","subscription_details":{` + meta + `},"metadata":{}}`,
			requestULID, refs("invoice in_1", "charge ch_1", "intent pi_1", "subscription sub_1"),
		},
		{
			"an invoice of a new API version", "invoice.paid",
			`{"id":"in_1","object":"invoice","metadata":{},"parent":{"quote_details":null,"subscription_details":{` + meta + `,"subscription":"sub_1"},"type":"subscription_details"},"lines":{"data":[{"id":"il_1","subscription":"sub_other"}]}}`,
			requestULID, refs("invoice in_1", "subscription sub_1"),
		},
		{
			"an invoice of a new API version with its payments", "invoice.paid",
			`{"id":"in_1","object":"invoice","parent":null,"payments":{"object":"list","data":[{"id":"inpay_1","invoice":"in_1","payment":{"type":"payment_intent","payment_intent":"pi_1"}}]}}`,
			"", refs("invoice in_1", "intent pi_1"),
		},
		{
			"an invoice with its subscription expanded", "invoice.payment_failed",
			`{"id":"in_1","object":"invoice","parent":{"subscription_details":{"subscription":{"id":"sub_1","object":"subscription","latest_invoice":"in_1"}}}}`,
			"", refs("invoice in_1", "subscription sub_1"),
		},
		{
			"a subscription", "customer.subscription.updated",
			`{"id":"sub_1","object":"subscription","latest_invoice":"in_1","pending_setup_intent":"seti_1",` + meta + `}`,
			requestULID, refs("subscription sub_1", "invoice in_1", "setup seti_1"),
		},
		{
			"a refund", "charge.refund.updated",
			`{"id":"re_1","object":"refund","charge":"ch_1","payment_intent":"pi_1"}`,
			"", refs("charge ch_1", "intent pi_1"),
		},
		{
			"a dispute", "charge.dispute.created",
			`{"id":"dp_1","object":"dispute","charge":{"id":"ch_1"},"payment_intent":"pi_1"}`,
			"", refs("charge ch_1", "intent pi_1"),
		},
		{
			"a fraud warning", "radar.early_fraud_warning.created",
			`{"id":"issfr_1","object":"radar.early_fraud_warning","charge":"ch_1","payment_intent":"pi_1"}`,
			"", refs("charge ch_1", "intent pi_1"),
		},
		{
			"object after the members that depend on it", "charge.captured",
			`{"payment_intent":"pi_1","id":"ch_1","object":"charge"}`,
			"", refs("charge ch_1", "intent pi_1"),
		},
		{
			"metadata that names no request", "payment_intent.succeeded",
			`{"id":"pi_1","object":"payment_intent","metadata":{"keybridge_request":"01hf7yat00abcdefghjkmnpqrs"}}`,
			"", refs("intent pi_1"),
		},
		{
			"metadata that is too large for a ULID", "payment_intent.succeeded",
			`{"id":"pi_1","object":"payment_intent","metadata":{"keybridge_request":"81HF7YAT00ABCDEFGHJKMNPQRS"}}`,
			"", refs("intent pi_1"),
		},
		{
			"ids that are none are left out", "payment_intent.succeeded",
			`{"id":"pi_1","object":"payment_intent","latest_charge":"../x","invoice":7,"setup_intent":["seti_1"],"charge":""}`,
			"", refs("intent pi_1"),
		},
		{
			"an object we know nothing of", "charge.refunded",
			`{"id":"xx_1","object":"something"}`,
			"", nil,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, known, err := webhooks.StripeHint("stripe", stripeEvent(c.kind, c.object))
			if err != nil || !known {
				t.Fatalf("known %t, %v", known, err)
			}
			want := bridge.Hint{Source: "stripe", ID: stripeEventID, What: c.kind, Said: bridge.SaidMoney, Request: c.request, Refs: c.refs}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestAHintBearsTheConfiguredNameOfTheProvider(t *testing.T) {
	h, _, err := webhooks.StripeHint("stripe-eu", stripeEvent("charge.expired", `{"id":"ch_1","object":"charge"}`))
	if err != nil || h.Source != "stripe-eu" || h.Refs[0].System != "stripe-eu" {
		t.Errorf("%+v, %v", h, err)
	}
}

func TestStripeEventsNobodyListensToAreUnknown(t *testing.T) {
	for _, kind := range []string{"customer.created", "checkout.session.completed.v9", "payment_intent.created", "ping"} {
		h, known, err := webhooks.StripeHint("stripe", stripeEvent(kind, `{"id":"cs_1","object":"checkout.session"}`))
		if known || err != nil || len(h.Refs) > 0 {
			t.Errorf("%s: known %t, %v, %v", kind, known, err, h.Refs)
		}
	}
	thin := []byte(`{"id":"evt_test_1","object":"v2.core.event","type":"v1.billing.meter.error_report_triggered","related_object":{"id":"mtr_1"}}`)
	if _, known, err := webhooks.StripeHint("stripe", thin); known || err != nil {
		t.Errorf("a thin event: known %t, %v", known, err)
	}
}

func TestWhatIsNoStripeEventIsMalformed(t *testing.T) {
	for name, body := range map[string]string{
		"empty":            ``,
		"no JSON":          `hello`,
		"a list":           `[{"id":"evt_1","type":"charge.expired"}]`,
		"null":             `null`,
		"cut off":          string(stripeEvent("charge.expired", `{"id":"ch_1"`))[:60],
		"two documents":    `{"id":"evt_1","type":"charge.expired"}{}`,
		"no id":            `{"type":"charge.expired","data":{"object":{}}}`,
		"an empty id":      `{"id":"","type":"charge.expired"}`,
		"a strange id":     `{"id":"evt 1","type":"charge.expired"}`,
		"an id too long":   `{"id":"` + strings.Repeat("e", 256) + `","type":"charge.expired"}`,
		"no type":          `{"id":"evt_1"}`,
		"a strange type":   `{"id":"evt_1","type":"charge expired"}`,
		"nested too deep":  string(stripeEvent("charge.expired", strings.Repeat(`{"charge":`, 70)+`1`+strings.Repeat(`}`, 70))),
		"numbers as names": `{1:2}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, known, err := webhooks.StripeHint("stripe", []byte(body))
			if known || webhooks.ReasonOf(err) != webhooks.Malformed || bridge.KindOf(err) != bridge.Invalid {
				t.Errorf("known %t, %v", known, err)
			}
		})
	}
}

func TestDataThatIsNoObjectIsNoError(t *testing.T) {
	for _, data := range []string{`null`, `[]`, `"x"`, `{}`, `{"object":null}`, `{"object":[]}`} {
		body := `{"id":"evt_1","type":"charge.expired","data":` + data + `}`
		h, known, err := webhooks.StripeHint("stripe", []byte(body))
		if !known || err != nil || h.Refs != nil {
			t.Errorf("%s: known %t, %v, %v", data, known, err, h.Refs)
		}
	}
}

func TestAnEventLeadsToABoundedNumberOfRefs(t *testing.T) {
	var data []string
	for i := range 1000 {
		data = append(data, fmt.Sprintf(`{"payment":{"payment_intent":"pi_%d"}}`, i))
	}
	h, _, err := webhooks.StripeHint("stripe", stripeEvent("invoice.paid", `{"payments":{"data":[`+strings.Join(data, ",")+`]},"id":"in_1","object":"invoice"}`))
	if err != nil || len(h.Refs) != 16 || h.Refs[0].ID != "in_1" {
		t.Errorf("%d refs, the first %v, %v", len(h.Refs), h.Refs[0], err)
	}
}

// FuzzStripeHint: nothing panics, and whatever is taken from an event is
// well-formed, bounded, and stands in the event.
func FuzzStripeHint(f *testing.F) {
	f.Add(stripeEvent("checkout.session.completed", `{"id":"cs_1","object":"checkout.session","payment_intent":{"id":"pi_1"},"metadata":{"keybridge_request":"`+requestULID+`"}}`))
	f.Add(stripeEvent("invoice.paid", `{"id":"in_1","object":"invoice","parent":{"subscription_details":{"subscription":"sub_1","metadata":{}}},"payments":{"data":[{"payment":{"charge":"ch_1"}}]}}`))
	f.Add([]byte(`{"id":"evt_1","type":"charge.expired","data":{"object":{"id":"\u0063h_1","object":"charge"}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		sent := string(body)
		h, known, err := webhooks.StripeHint("stripe", body)
		if err != nil {
			if known || h.ID != "" {
				t.Fatalf("a hint %+v along with %v", h, err)
			}
			return
		}
		if !json.Valid(body) {
			t.Fatalf("took a hint from %q", body)
		}
		if !known && (h.Request != "" || h.Refs != nil) || len(h.Refs) > 16 {
			t.Fatalf("known %t: %+v", known, h)
		}
		for i := range body {
			body[i] = 'X' // the buffer is used again
		}
		ids := []string{h.ID, h.What, string(h.Request)}
		for _, ref := range h.Refs {
			ids = append(ids, ref.ID)
			if ref.System != "stripe" || ref.Kind == "" || ref.ID == "" {
				t.Fatalf("an incomplete ref: %+v", ref)
			}
		}
		for _, id := range ids {
			if strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") != "" || len(id) > 255 {
				t.Fatalf("a strange id: %q", id)
			}
			if !strings.Contains(sent, `\`) && !strings.Contains(sent, id) {
				t.Fatalf("%q does not stand in %q", id, sent)
			}
		}
	})
}
