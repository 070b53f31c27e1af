package stripe

import (
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	stripego "github.com/stripe/stripe-go/v76"

	"keybridge/bridge"
)

// TestEveryMemberIsOneOfStripes holds the names and kinds of all that is read against stripe-go's types, which are made
// from Stripe's own description of its API: a name that is misspelt would be read as nothing, for good.
func TestEveryMemberIsOneOfStripes(t *testing.T) {
	for ours, theirs := range map[reflect.Type]reflect.Type{
		reflect.TypeFor[session](): reflect.TypeFor[stripego.CheckoutSession](),
		reflect.TypeFor[dispute](): reflect.TypeFor[stripego.Dispute](),
		reflect.TypeFor[price]():   reflect.TypeFor[stripego.Price](),
	} {
		sameMembers(t, ours.Name(), ours, theirs)
	}
}

// sameMembers compares two types, and what is within them. In ours a list stands for any of stripe-go's.
func sameMembers(t *testing.T, path string, ours, theirs reflect.Type) {
	t.Helper()
	for ours.Kind() == reflect.Pointer || ours.Kind() == reflect.Slice {
		if ours.Kind() == reflect.Slice && theirs.Kind() != reflect.Slice {
			t.Errorf("%s is a list here, and %s in stripe-go", path, theirs)
			return
		}
		ours, theirs = ours.Elem(), theirs.Elem()
	}
	if theirs.Kind() == reflect.Pointer {
		theirs = theirs.Elem()
	}
	if ours.Kind() != theirs.Kind() {
		t.Errorf("%s is %s here, and %s in stripe-go", path, ours.Kind(), theirs.Kind())
		return
	}
	if ours.Kind() != reflect.Struct {
		return
	}
	known := map[string]reflect.StructField{}
	for _, field := range reflect.VisibleFields(theirs) {
		known[field.Tag.Get("json")] = field
	}
	for _, field := range reflect.VisibleFields(ours) {
		tag := field.Tag.Get("json")
		their, ok := known[tag]
		if !ok {
			their, ok = known[tag+",omitempty"] // as the members of its errors are
		}
		if !ok {
			t.Errorf("stripe-go's %s has no %q", theirs, tag)
			continue
		}
		sameMembers(t, path+"."+tag, field.Type, their.Type)
	}
}

func TestAnIDStandsForWhatWasNotExpanded(t *testing.T) {
	const text = `{"customer":"cus_1","invoice":"in_1","payment_intent":"pi_1","setup_intent":"seti_1","subscription":"sub_1"}`
	var s session
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		t.Fatal(err)
	}
	if s.Customer.ID != "cus_1" || s.Invoice.ID != "in_1" || s.PaymentIntent.ID != "pi_1" || s.SetupIntent.ID != "seti_1" || s.Subscription.ID != "sub_1" {
		t.Errorf("%+v", s)
	}
	var i intent
	if err := json.Unmarshal([]byte(`{"latest_charge":"ch_1"}`), &i); err != nil || i.LatestCharge.ID != "ch_1" {
		t.Errorf("%+v, %v", i, err)
	}
	var p price
	if err := json.Unmarshal([]byte(`{"product":"prod_1"}`), &p); err != nil || p.Product.ID != "prod_1" || p.Product.Object != "" {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestWhatIsNotThereIsNil(t *testing.T) {
	const text = `{"customer":null,"invoice":null,"payment_intent":null,"setup_intent":null,"subscription":null,"currency":null,"url":null}`
	var s session
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		t.Fatal(err)
	}
	if s.Customer != nil || s.Invoice != nil || s.PaymentIntent != nil || s.SetupIntent != nil || s.Subscription != nil || s.URL != "" {
		t.Errorf("%+v", s)
	}
}

// always is a far end that answers every call with the same, until it has had enough: a list may say for ever that there
// is more of it.
type always struct {
	answer string
	left   int
}

func (a *always) RoundTrip(req *http.Request) (*http.Response, error) {
	if a.left--; a.left < 0 {
		return nil, io.ErrUnexpectedEOF
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(a.answer)), Request: req}, nil
}

// FuzzAnswer: whatever is answered, a call that reads ends well or in an error of the house's, which holds nothing that
// nobody may read.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		complete("payment", `,"payment_intent":{"id":"pi_1","status":"succeeded","amount_received":1,"client_secret":"canary","latest_charge":{"id":"ch_1","amount":2,"amount_captured":2,"currency":"eur"}}`),
		complete("payment", `,"payment_intent":"pi_1","payment_status":"paid"`),
		complete("setup", `,"setup_intent":{"id":"seti_1","status":"canceled","last_setup_error":{"code":"card_declined","message":"canary"}}`),
		complete("subscription", `,"subscription":{"id":"sub_1","status":"past_due","latest_invoice":`+bill("in_1", "open", 1, 31, charged("ch_1", 900, ``))+`}`),
		`{"id":"cs_1","status":"open","url":"https://pay.example/c/1","expires_at":1780000000,"customer":{"id":"cus_1","email":"canary"}}`,
		`{"id":["canary"],"metadata":{"keybridge_request":7}}`, `{"id":"canary`, `null`, `"canary"`, `[]`, ``, `{}{}`, "{\"url\":\"\xff\"}",
		`{"data":[{"status":"lost","amount":9}]}`, `{"data":[null],"lines":null}`, `{"data":[{"id":"cs_1"}],"has_more":true}`, `{"data":[{"id":"price_1","active":true,"unit_amount_decimal":"0.5","product":"prod_1"}]}`,
		`{"data":[{"status":"paid","charge":{"refunded":true,"amount_captured":1},"lines":{"data":[null,{"type":"subscription","period":{"end":9}}]}}]}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		far := &always{answer: answer}
		p, err := New(Config{Key: "sk_test_123", Client: &http.Client{Transport: far}})
		if err != nil {
			t.Fatal(err)
		}
		order := bridge.Order{Request: request(), For: bridge.Validation, Key: "k", Since: time.Unix(1780000000, 0)}
		for name, call := range map[string]func() error{
			"read":    func() error { _, err := p.Read(t.Context(), order.Request); return err },
			"open":    func() error { _, err := p.Open(t.Context(), order); return err },
			"quote":   func() error { _, err := p.Quote(t.Context(), bridge.Price{Lookup: "gold"}); return err },
			"dispute": func() error { _, err := p.quarrel(t.Context(), "ch_1"); return err },
			"bills": func() error {
				_, err := p.bills(t.Context(), order.Request, &subscription{LatestInvoice: &invoice{}})
				return err
			},
		} {
			far.left = 3
			err := call()
			if e, ok := errors.AsType[*bridge.Error](err); err != nil && (!ok || e.Kind == "") {
				t.Errorf("%s: %T %v", name, err, err)
			}
			if err != nil && strings.Contains(err.Error(), "canary") {
				t.Errorf("%s: the error quotes the answer: %v", name, err)
			}
		}
	})
}
