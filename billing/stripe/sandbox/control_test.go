package sandbox

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76/webhook"
)

// control sends JSON to the control API.
func (b *bench) control(method, path, body string) raw {
	b.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, b.url+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	got, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	return raw{answer.StatusCode, answer.Header, string(got), err}
}

func TestTheControlAPIDoesWhatTheGoAPIDoes(t *testing.T) {
	b := setUp(t)
	expect := func(got raw, status int, says ...string) raw {
		t.Helper()
		for _, part := range says {
			if !strings.Contains(got.body, part) {
				t.Errorf("%s does not say %s", got.body, part)
			}
		}
		if got.status != status || !json.Valid([]byte(got.body)) {
			t.Errorf("%d %s, want %d", got.status, got.body, status)
		}
		return got
	}
	made := b.open(onceParams())
	act := func(action, args string) string {
		return `{"id":"` + made.ID + `","action":"` + action + `","args":` + args + `}`
	}
	expect(b.control("POST", "/sandbox/hold", `{"hold":true}`), 200)
	expect(b.control("POST", "/sandbox/act", act("pay", `{"decline":"expired_card"}`)), 200, `"declined":true`, `"status":"open"`)
	expect(b.control("POST", "/sandbox/act", act("pay", `{}`)), 200, `"declined":false`, `"status":"complete"`)
	expect(b.control("POST", "/sandbox/act", act("pay", `{}`)), 409, "complete already")
	expect(b.control("POST", "/sandbox/act", act("dance", `{}`)), 404, "dance")
	expect(b.control("POST", "/sandbox/act", `{"who":"me"}`), 400, "who")
	expect(b.control("GET", "/sandbox/objects/charge", ""), 200, `"amount":2000`)
	expect(b.control("GET", "/sandbox/objects/nothing", ""), 200, `"data":[]`)
	expect(b.control("GET", "/sandbox/calls", ""), 200, `"/v1/checkout/sessions"`)
	expect(b.control("GET", "/sandbox/events", ""), 200, "charge.succeeded", "checkout.session.completed")
	about := expect(b.control("GET", "/sandbox/events?about="+made.ID, ""), 200, "checkout.session.completed")
	if strings.Contains(about.body, "charge.succeeded") {
		t.Error("it was not asked about the charge")
	}
	id := b.Events()[0].ID
	expect(b.control("POST", "/sandbox/events/"+id+"/deliver", ""), 200, id)
	expect(b.control("GET", "/sandbox/events", ""), 200, `"took_ns":`, `"status":200`)
	expect(b.control("POST", "/sandbox/events/evt_x/deliver", ""), 502, "no such event")
	expect(b.control("POST", "/sandbox/hold", `{"hold":false}`), 200)
	expect(b.control("POST", "/sandbox/faults", `{"kind":"rate_limit","times":2,"retry_after":"3s"}`), 201, `"id":"fault_1"`, `"3s"`)
	expect(b.control("POST", "/sandbox/faults", `{"kind":"earthquake"}`), 400, "earthquake")
	expect(b.control("POST", "/sandbox/faults", `{"kind":"latency","delay":"soon"}`), 400)
	expect(b.control("GET", "/sandbox/faults", ""), 200, "rate_limit")
	expect(b.control("DELETE", "/sandbox/faults", ""), 200, `"faults":[]`)
	was := b.Now()
	expect(b.control("POST", "/sandbox/clock", `{"advance":"48h"}`), 200, "now")
	expect(b.control("POST", "/sandbox/clock", `{"advance":"-1h"}`), 400)
	if b.Now().Sub(was) < 48*time.Hour {
		t.Error("the clock was not put forward")
	}
	expect(b.control("POST", "/sandbox/endpoints/we_x/roll", `{"overlap":"1h"}`), 404)
	hooks := b.client.WebhookEndpoints.List(nil)
	hooks.Next()
	expect(b.control("POST", "/sandbox/endpoints/"+hooks.WebhookEndpoint().ID+"/roll", `{"overlap":"1h"}`), 200, "whsec_")
}

func TestASnapshotIsWhatTheAPIWouldAnswer(t *testing.T) {
	b := setUp(t)
	made := b.open(onceParams())
	b.act(made.ID, "pay", nil)
	intent := b.session(made.ID).PaymentIntent.ID
	got := must(b.Object(intent))(t)
	if over := b.ask("GET", "/v1/payment_intents/"+intent, nil); over.body != string(got) {
		t.Errorf("%s\n%s", got, over.body)
	}
	if _, err := b.Object("pi_unknown"); err == nil {
		t.Error("there is an object that was not made")
	}
	for _, kind := range []string{"product", "price", "checkout.session", "payment_intent", "payment_method", "charge"} {
		all := b.Objects(kind)
		if len(all) == 0 || !strings.Contains(string(all[0]), `"object":"`+kind+`"`) {
			t.Errorf("%s: %s", kind, all)
		}
	}
	for _, kind := range []string{"customer", "setup_intent", "refund", "dispute", "subscription", "invoice", "radar.early_fraud_warning", "x"} {
		if all := b.Objects(kind); len(all) != 0 {
			t.Errorf("%s: %s", kind, all)
		}
	}
}

func TestTheZeroConfigWorks(t *testing.T) {
	s := New(Config{})
	defer s.Close()
	if !strings.HasPrefix(s.Key(), "sk_test_") || len(s.Key()) != 40 || s.Now().IsZero() {
		t.Errorf("key %q at %s", s.Key(), s.Now())
	}
	id, secret := s.AddEndpoint(Endpoint{URL: "http://127.0.0.1:1/hook"})
	if !strings.HasPrefix(id, "we_") || !strings.HasPrefix(secret, "whsec_") {
		t.Errorf("endpoint %q, secret %q", id, secret)
	}
}

func TestASandboxThatIsSetUpWronglySaysSo(t *testing.T) {
	for name, cfg := range map[string]Config{
		"a currency there is not": {Prices: []Price{{Currency: "xxx", Amount: 1}}},
		"an address that is none": {Endpoints: []Endpoint{{URL: "somewhere"}}},
		"randomness that ends":    {Rand: strings.NewReader("x")},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("it was taken")
				}
			}()
			New(cfg).Close()
		})
	}
}

func FuzzAnyFormIsReadOrRefused(f *testing.F) {
	for _, seed := range []string{
		"mode=payment&line_items[0][price]=x", "a[b][c][d][e][f][g][h][i]=1", "a[]=1&a[]=2&a[0][b]=3", "a=1&a[b]=2",
		"metadata[]=", "created[gt]=9999999999999999999", "expand[]=a.b.c.d.e", "=&[=&]=&[]=", "%zz", "line_items[-1][quantity]=1",
	} {
		f.Add(seed)
	}
	takes := sessionShape().with(pages())
	f.Fuzz(func(t *testing.T, body string) {
		form, err := url.ParseQuery(body)
		if err != nil {
			return
		}
		tree, p := parseForm(form)
		if p == nil {
			_, p = takes.read(tree, "")
		}
		if p != nil && (p.status != 400 || p.message == "" || !p.unstored) {
			t.Errorf("refused as %+v", p)
		}
	})
}

func FuzzASignatureVerifies(f *testing.F) {
	f.Add([]byte(`{"id":"evt_1"}`), "whsec_x", int64(1700000000))
	f.Fuzz(func(t *testing.T, payload []byte, secret string, at int64) {
		if at < 0 || at > 1<<40 {
			return
		}
		h := &hook{Endpoint: Endpoint{Secret: secret}}
		header := h.sign(time.Unix(at, 0), payload)
		if err := webhook.ValidatePayloadIgnoringTolerance(payload, header, secret); err != nil {
			t.Errorf("%s: %v", header, err)
		}
	})
}

func TestTheDocumentationTellsOfEverything(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	told := actionNames()
	for _, kind := range []FaultKind{
		Latency, RateLimit, ErrorBefore, ErrorAfter, CutBefore, CutAfter, WebhookDuplicate, WebhookShuffle, WebhookLoss,
	} {
		told = append(told, string(kind))
	}
	s := New(Config{})
	defer s.Close()
	for route := range s.controlRoutes() {
		_, path, _ := strings.Cut(route, " ")
		told = append(told, path)
	}
	page, err := os.ReadFile("templates/checkout.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`<(?:button|input|select|a)[^>]* id="([a-z_-]+)"`).FindAllStringSubmatch(string(page), -1) {
		told = append(told, m[1])
	}
	for _, word := range told {
		if !regexp.MustCompile(`(?m)(^|[^a-z_-])` + regexp.QuoteMeta(word) + `($|[^a-z_-])`).Match(doc) {
			t.Errorf("doc.go says nothing of %s", word)
		}
	}
}
