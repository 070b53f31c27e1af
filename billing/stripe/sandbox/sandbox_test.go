package sandbox

import (
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/client"
	"github.com/stripe/stripe-go/v76/webhook"
)

const (
	testKey    = "sk_test_sandbox"
	testSecret = "whsec_sandbox"
)

// bench is a sandbox with a real client at one side and a webhook receiver at
// the other.
type bench struct {
	*Server
	t      *testing.T
	url    string
	client *client.API
	inbox  *inbox
	clock  *hands
}

// hands are a clock that a test sets.
type hands struct {
	mu sync.Mutex
	at time.Time
}

func (h *hands) now() time.Time { h.mu.Lock(); defer h.mu.Unlock(); return h.at }

// inbox is a webhook receiver that checks signatures and remembers what came.
type inbox struct {
	mu      sync.Mutex
	got     []stripe.Event
	raw     [][]byte
	answers []int // statuses for the next deliveries; 200 after them
	arrived chan struct{}
	secret  string
	bad     int
	wrong   []string // what about the events is not as Stripe describes it
}

func (in *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	in.mu.Lock()
	defer in.mu.Unlock()
	e, err := webhook.ConstructEventWithOptions(body, r.Header.Get("Stripe-Signature"), in.secret,
		webhook.ConstructEventOptions{IgnoreAPIVersionMismatch: true})
	if err != nil {
		in.bad++
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	status := http.StatusOK
	if len(in.answers) > 0 {
		status, in.answers = in.answers[0], in.answers[1:]
	}
	if e.APIVersion == apiVersion {
		in.wrong = append(in.wrong, openAPI().wrongNamed(e.Data.Raw)...)
	}
	in.got = append(in.got, e)
	in.raw = append(in.raw, body)
	w.WriteHeader(status)
	select {
	case in.arrived <- struct{}{}:
	default:
	}
}

func (in *inbox) events() []stripe.Event {
	in.mu.Lock()
	defer in.mu.Unlock()
	return append([]stripe.Event(nil), in.got...)
}

// count says how often events of a type arrived.
func (in *inbox) count(kind string) int {
	n := 0
	for _, e := range in.events() {
		if string(e.Type) == kind {
			n++
		}
	}
	return n
}

// waitFor waits until something is so; what it waits for comes from another
// goroutine of the sandbox.
func waitFor(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if so() {
			return
		}
	}
	t.Fatalf("it did not come to pass: %s", what)
}

// setUp starts a sandbox, changed as the test likes.
func setUp(t *testing.T, change ...func(*Config)) *bench {
	t.Helper()
	b := &bench{t: t, inbox: &inbox{arrived: make(chan struct{}, 1000), secret: testSecret}, clock: &hands{at: time.Now()}}
	receiver := httptest.NewServer(b.inbox)
	t.Cleanup(receiver.Close)
	cfg := Config{
		Key: testKey, Now: b.clock.now, Rand: rand.NewChaCha8([32]byte{1}), Patience: 2 * time.Second,
		Endpoints: []Endpoint{{URL: receiver.URL, Secret: testSecret}},
		Retries:   []time.Duration{10 * time.Millisecond, 10 * time.Millisecond, 10 * time.Millisecond},
		Prices: []Price{
			{ID: "price_once", LookupKey: "once", Product: "API access", Currency: "eur", Amount: 2000},
			{ID: "price_monthly", LookupKey: "monthly", Product: "API access", Currency: "usd", Amount: 1500, Interval: "month"},
		},
	}
	for _, c := range change {
		c(&cfg)
	}
	b.Server = New(cfg)
	t.Cleanup(b.Close)
	server := httptest.NewServer(checked(t, b.Server))
	t.Cleanup(server.Close)
	b.url = server.URL
	t.Cleanup(func() {
		b.inbox.mu.Lock()
		defer b.inbox.mu.Unlock()
		for _, what := range b.inbox.wrong {
			t.Error("an event's object is not as Stripe describes it: " + what)
		}
	})
	b.client = b.newClient(testKey)
	return b
}

func (b *bench) newClient(key string) *client.API {
	backend := stripe.GetBackendWithConfig(stripe.APIBackend, &stripe.BackendConfig{
		URL: stripe.String(b.url), MaxNetworkRetries: stripe.Int64(0), LeveledLogger: &stripe.LeveledLogger{},
		EnableTelemetry: stripe.Bool(false),
	})
	return client.New(key, &stripe.Backends{API: backend, Connect: backend, Uploads: backend})
}

// must gives a value and fails the test where there is an error instead.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func (b *bench) act(id, action string, args Args) {
	b.t.Helper()
	if err := b.Act(id, action, args); err != nil {
		b.t.Fatalf("%s %s: %v", action, id, err)
	}
}

func onceParams() *stripe.CheckoutSessionParams {
	return &stripe.CheckoutSessionParams{
		Mode:       stripe.String("payment"),
		SuccessURL: stripe.String("https://shop.example/done?session={CHECKOUT_SESSION_ID}"),
		CancelURL:  stripe.String("https://shop.example/cancel"),
		LineItems: []*stripe.CheckoutSessionLineItemParams{
			{Price: stripe.String("price_once"), Quantity: stripe.Int64(1)},
		},
		CustomerEmail:     stripe.String("dev@example.com"),
		ClientReferenceID: stripe.String("request-1"),
		Metadata:          map[string]string{"on": "session"},
		PaymentIntentData: &stripe.CheckoutSessionPaymentIntentDataParams{Metadata: map[string]string{"on": "intent"}},
	}
}

func monthlyParams() *stripe.CheckoutSessionParams {
	p := onceParams()
	p.Mode, p.PaymentIntentData = stripe.String("subscription"), nil
	p.LineItems[0].Price = stripe.String("price_monthly")
	p.SubscriptionData = &stripe.CheckoutSessionSubscriptionDataParams{Metadata: map[string]string{"on": "subscription"}}
	return p
}

func setupParams() *stripe.CheckoutSessionParams {
	p := onceParams()
	p.Mode, p.PaymentIntentData, p.LineItems = stripe.String("setup"), nil, nil
	p.Currency = stripe.String("eur")
	p.SetupIntentData = &stripe.CheckoutSessionSetupIntentDataParams{Metadata: map[string]string{"on": "setup"}}
	return p
}

// open makes a session with the real client.
func (b *bench) open(p *stripe.CheckoutSessionParams) *stripe.CheckoutSession {
	b.t.Helper()
	return must(b.client.CheckoutSessions.New(p))(b.t)
}

func (b *bench) session(id string) *stripe.CheckoutSession {
	b.t.Helper()
	return must(b.client.CheckoutSessions.Get(id, nil))(b.t)
}

// browser follows no redirects, so that a test sees them.
func browser() *http.Client {
	return &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// press sends a form of the checkout page.
func press(t *testing.T, at string, form url.Values) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, at, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := browser().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	return answer, string(body)
}

func TestASessionThatIsPaidOnThePageIsPaidEverywhere(t *testing.T) {
	b := setUp(t)
	made := b.open(onceParams())
	if made.Status != "open" || made.PaymentStatus != "unpaid" || made.PaymentIntent != nil || made.AmountTotal != 2000 {
		t.Fatalf("a new session: %+v", made)
	}
	answer, _ := press(t, made.URL, url.Values{"action": {"pay"}, "card": {"ok"}, "email": {"dev@example.com"}})
	if want := "https://shop.example/done?session=" + made.ID; answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != want {
		t.Fatalf("answered %d, on to %q, want %q", answer.StatusCode, answer.Header.Get("Location"), want)
	}
	if b.inbox.count("checkout.session.completed") != 1 {
		t.Error("the customer was sent on before the webhook was answered")
	}
	got := b.session(made.ID)
	if got.Status != "complete" || got.PaymentStatus != "paid" || got.PaymentIntent == nil {
		t.Fatalf("a paid session: %+v", got)
	}
	intent := must(b.client.PaymentIntents.Get(got.PaymentIntent.ID, nil))(t)
	if intent.Status != "succeeded" || intent.AmountReceived != 2000 || intent.Metadata["on"] != "intent" {
		t.Errorf("its intent: %+v", intent)
	}
}
