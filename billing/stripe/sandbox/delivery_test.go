package sandbox

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/webhook"
)

func TestEveryEventIsDeliveredAndSigned(t *testing.T) {
	b := setUp(t)
	made := b.open(onceParams())
	b.act(made.ID, "pay", nil)
	waitFor(t, "four events", func() bool { return len(b.inbox.events()) == 4 })
	if b.inbox.bad > 0 {
		t.Errorf("%d signatures did not verify", b.inbox.bad)
	}
	waitFor(t, "all are known as delivered", func() bool {
		return !slices.ContainsFunc(b.Events(), func(e Event) bool { return !e.Delivered })
	})
}

func TestAnEventNamesTheRequestThatCausedIt(t *testing.T) {
	b := setUp(t)
	b.customer("key-1", "a@example.com")
	waitFor(t, "the event", func() bool { return b.inbox.count("customer.created") == 1 })
	e := b.inbox.events()[0]
	if e.Request.IdempotencyKey != "key-1" || e.Request.ID != b.Calls()[0].RequestID || e.APIVersion != "2023-10-16" || e.PendingWebhooks != 1 {
		t.Errorf("the event: %+v, request %+v", e, e.Request)
	}
}

func TestAnEndpointThatFailsIsTriedAgain(t *testing.T) {
	b := setUp(t)
	b.inbox.answers = []int{500, 302, 400}
	b.customer("k", "a@example.com")
	waitFor(t, "the fourth attempt", func() bool { return b.inbox.count("customer.created") == 4 })
	waitFor(t, "it is delivered", func() bool { return b.Events()[0].Delivered })
	var got []int
	for _, d := range b.Events()[0].Deliveries {
		got = append(got, d.Status)
	}
	if diff := cmp.Diff([]int{500, 302, 400, 200}, got); diff != "" {
		t.Error(diff)
	}
}

func TestWhatNobodyTookIsListedAsUndelivered(t *testing.T) {
	b := setUp(t, func(c *Config) { c.Retries = []time.Duration{} })
	b.inbox.answers = []int{500}
	b.customer("1", "lost@example.com")
	waitFor(t, "the failure is known", func() bool { return len(b.Events()[0].Deliveries) == 1 })
	b.customer("2", "taken@example.com")
	waitFor(t, "the second is delivered", func() bool { return b.Events()[1].Delivered })
	undelivered := func() []string {
		var ids []string
		list := b.client.Events.List(&stripe.EventListParams{DeliverySuccess: stripe.Bool(false)})
		for list.Next() {
			ids = append(ids, list.Event().ID)
		}
		return ids
	}
	if diff := cmp.Diff([]string{b.Events()[0].ID}, undelivered()); diff != "" {
		t.Fatal(diff)
	}
	if err := b.Deliver(b.Events()[0].ID); err != nil {
		t.Fatal(err)
	}
	if left := undelivered(); len(left) != 0 {
		t.Errorf("still undelivered: %v", left)
	}
}

func TestHeldEventsAreDeliveredByHandInAnyOrderAndNumber(t *testing.T) {
	b := setUp(t)
	b.Hold(true)
	made := b.open(onceParams())
	b.act(made.ID, "pay", nil)
	time.Sleep(20 * time.Millisecond)
	events := b.Events()
	if len(b.inbox.events()) != 0 || len(events) != 4 {
		t.Fatalf("%d events, %d of them delivered", len(events), len(b.inbox.events()))
	}
	for _, i := range []int{3, 0, 3, 3, 1} {
		if err := b.Deliver(events[i].ID); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, e := range b.inbox.events() {
		got = append(got, e.ID)
	}
	want := []string{events[3].ID, events[0].ID, events[3].ID, events[3].ID, events[1].ID}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	b.Hold(false)
	waitFor(t, "the one that was left", func() bool { return len(b.inbox.events()) == 6 })
	time.Sleep(20 * time.Millisecond)
	if got := b.inbox.events(); len(got) != 6 || got[5].ID != events[2].ID {
		t.Errorf("after letting go: %d events", len(got))
	}
}

func TestWebhooksAreDuplicatedLostAndShuffledOnDemand(t *testing.T) {
	t.Run("duplicated", func(t *testing.T) {
		b := setUp(t)
		b.Fault(Fault{Kind: WebhookDuplicate, Event: "customer.", Copies: 2})
		b.customer("k", "a@example.com")
		waitFor(t, "three deliveries", func() bool { return b.inbox.count("customer.created") == 3 })
	})
	t.Run("lost", func(t *testing.T) {
		b := setUp(t)
		b.Fault(Fault{Kind: WebhookLoss, Event: "payment_intent.succeeded"})
		b.act(b.open(onceParams()).ID, "pay", nil)
		waitFor(t, "the others", func() bool { return len(b.inbox.events()) == 3 })
		for _, e := range b.Events() {
			if lost := e.Type == "payment_intent.succeeded"; lost && (e.Delivered || len(e.Deliveries) > 0) {
				t.Errorf("%s was delivered: %+v", e.Type, e.Deliveries)
			}
		}
	})
	t.Run("shuffled", func(t *testing.T) {
		b := setUp(t)
		b.Fault(Fault{Kind: WebhookShuffle, Delay: Wait(400 * time.Millisecond), Copies: 4})
		b.act(b.open(onceParams()).ID, "pay", nil)
		waitFor(t, "all four", func() bool { return len(b.inbox.events()) == 4 })
		var got []string
		for _, e := range b.inbox.events() {
			got = append(got, string(e.Type))
		}
		want := b.allKinds()
		slices.Reverse(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-reversed +got):\n%s", diff)
		}
	})
}

func TestWhileASecretIsRolledBothSign(t *testing.T) {
	b := setUp(t)
	hooks := b.client.WebhookEndpoints.List(nil)
	hooks.Next()
	fresh := must(b.RollSecret(hooks.WebhookEndpoint().ID, time.Hour))(t)
	header := func() string {
		b.mu.Lock()
		defer b.mu.Unlock()
		h, _ := b.ledger.hooks.get(hooks.WebhookEndpoint().ID)
		return h.sign(b.clock.now(), []byte("{}"))
	}
	for _, secret := range []string{fresh, testSecret} {
		if err := webhook.ValidatePayload([]byte("{}"), header(), secret); err != nil {
			t.Errorf("during the roll: %v", err)
		}
	}
	b.clock.at = b.clock.at.Add(time.Hour)
	if strings.Count(header(), "v1=") != 1 {
		t.Errorf("after the roll: %s", header())
	}
	if _, err := b.RollSecret("we_unknown", 0); err == nil {
		t.Error("the secret of an unknown endpoint was rolled")
	}
}

func TestAnEndpointGetsTheEventsItWantsInItsVersion(t *testing.T) {
	b := setUp(t)
	modern := &inbox{arrived: make(chan struct{}, 100)}
	receiver := httptest.NewServer(modern)
	t.Cleanup(receiver.Close)
	made := must(b.client.WebhookEndpoints.New(&stripe.WebhookEndpointParams{
		URL: &receiver.URL, EnabledEvents: []*string{stripe.String("invoice.paid"), stripe.String("customer.subscription.updated")},
		APIVersion: stripe.String("2025-03-31.basil"),
	}))(t)
	if !strings.HasPrefix(made.Secret, "whsec_") {
		t.Fatalf("no secret was told: %+v", made)
	}
	modern.secret = made.Secret
	_, sub := b.subscribe(monthlyParams(), nil)
	waitFor(t, "both events", func() bool { return len(modern.events()) == 2 })
	for i, e := range modern.events() {
		if e.APIVersion != "2025-03-31.basil" {
			t.Errorf("%s came in %s", e.Type, e.APIVersion)
		}
		var o struct {
			Data struct {
				Object struct {
					Subscription *string
					Period       int64 `json:"current_period_end"`
					Parent       struct {
						Details struct{ Subscription string } `json:"subscription_details"`
					}
					Items struct {
						Data []struct {
							Period int64 `json:"current_period_end"`
						}
					}
				}
			}
		}
		if err := json.Unmarshal(modern.raw[i], &o); err != nil {
			t.Fatal(err)
		}
		got := o.Data.Object
		switch e.Type {
		case "invoice.paid":
			if got.Subscription != nil || got.Parent.Details.Subscription != sub {
				t.Errorf("the invoice names its subscription in the old way: %+v", got)
			}
		default:
			if got.Period != 0 || len(got.Items.Data) != 1 || got.Items.Data[0].Period == 0 {
				t.Errorf("the subscription has its period in the old place: %+v", got)
			}
		}
	}
}

func TestAnEndpointIsMadeChangedAndDeleted(t *testing.T) {
	b := setUp(t)
	made := must(b.client.WebhookEndpoints.New(&stripe.WebhookEndpointParams{
		URL: stripe.String("http://127.0.0.1:1/hook"), EnabledEvents: []*string{stripe.String("*")},
		APIVersion: stripe.String("2023-10-16"), Description: stripe.String("keybridge"),
	}))(t)
	off := must(b.client.WebhookEndpoints.Update(made.ID, &stripe.WebhookEndpointParams{Disabled: stripe.Bool(true)}))(t)
	if off.Status != "disabled" || off.Secret != "" {
		t.Errorf("disabled: %+v", off)
	}
	if gone := must(b.client.WebhookEndpoints.Del(made.ID, nil))(t); !gone.Deleted {
		t.Errorf("deleted: %+v", gone)
	}
	if _, err := b.client.WebhookEndpoints.Get(made.ID, nil); code(err) != "invalid_request_error resource_missing" {
		t.Errorf("reading a deleted endpoint: %v", err)
	}
	list := b.client.WebhookEndpoints.List(nil)
	for list.Next() {
		if list.WebhookEndpoint().ID == made.ID {
			t.Error("a deleted endpoint is listed")
		}
	}
}

func TestThePageWaitsForTheWebhookButNotForEver(t *testing.T) {
	stuck := make(chan struct{})
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-stuck }))
	t.Cleanup(receiver.Close)
	t.Cleanup(func() { close(stuck) })
	b := setUp(t, func(c *Config) {
		c.Patience = 50 * time.Millisecond
		c.Endpoints = []Endpoint{{URL: receiver.URL, Events: []string{"checkout.session.completed"}}}
	})
	made := b.open(onceParams())
	start := time.Now()
	answer, _ := press(t, made.URL, url.Values{"action": {"pay"}, "email": {"a@example.com"}})
	if took := time.Since(start); answer.StatusCode != http.StatusSeeOther || took < 50*time.Millisecond || took > 2*time.Second {
		t.Errorf("answered %d after %s", answer.StatusCode, took)
	}
}

func TestRetriesWaitAsLongAsTheyAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{Retries: []time.Duration{time.Minute, time.Hour}})
		defer s.Close()
		start := time.Now()
		var tries []time.Duration
		s.courier.client.Transport = roundTrip(func(*http.Request) (*http.Response, error) {
			tries = append(tries, time.Since(start))
			return &http.Response{StatusCode: http.StatusInternalServerError, Body: http.NoBody}, nil
		})
		s.AddEndpoint(Endpoint{URL: "http://receiver.example/hook"})
		s.mu.Lock()
		s.ledger.keepCustomer(s.ledger.newCustomer("a@example.com", ""))
		s.mu.Unlock()
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		want := []time.Duration{0, time.Minute, time.Minute + time.Hour}
		if diff := cmp.Diff(want, tries); diff != "" {
			t.Error(diff)
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (do roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return do(r) }

func TestPuttingTheClockForwardBringsRetriesNearer(t *testing.T) {
	b := setUp(t, func(c *Config) { c.Retries = []time.Duration{time.Hour} })
	b.inbox.answers = []int{500}
	b.customer("k", "a@example.com")
	waitFor(t, "the first attempt is known", func() bool { return len(b.Events()[0].Deliveries) == 1 })
	b.Advance(time.Hour)
	waitFor(t, "the second", func() bool { return b.Events()[0].Delivered })
	if b.inbox.bad > 0 {
		t.Error("the signature of a clock put forward was not taken")
	}
}

func TestEventsAreForgottenAfterThirtyDays(t *testing.T) {
	b := setUp(t)
	b.customer("k", "a@example.com")
	id := b.Events()[0].ID
	b.Advance(31 * 24 * time.Hour)
	if list := b.client.Events.List(nil); list.Next() {
		t.Error("an old event is listed")
	}
	if _, err := b.client.Events.Get(id, nil); code(err) != "invalid_request_error resource_missing" {
		t.Errorf("reading an old event: %v", err)
	}
}
