package sandbox_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge/tyk/sandbox"
)

// receiver takes webhooks in and answers with a status.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	got    []received
}

type received struct {
	event, id, path string
	method          string
	headers         http.Header
	message         map[string]any // of an Enterprise Portal
	body            string
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{status: 204}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err != nil {
			t.Error(err)
		}
		var sent struct {
			Event   string
			Data    sandbox.KeyRequest
			Message map[string]any
		}
		if len(body) > 0 {
			answer{body: string(body)}.into(t, &sent)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got = append(r.got, received{
			sent.Event, sent.Data.ID, q.URL.RequestURI(), q.Method, q.Header, sent.Message, string(body),
		})
		w.WriteHeader(r.status)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) events() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var events []string
	for _, one := range r.got {
		events = append(events, one.event+" "+one.id)
	}
	return events
}

func TestTheWebhookFiresWhenARequestIsCreatedChangedAndApproved(t *testing.T) {
	p, r := newPortal(t, sandbox.Config{}), newReceiver(t)
	p.set(func(c *sandbox.Settings) { c.Webhook = r.URL + "/hook/secret?a=b" })

	p.submitted(sandbox.FreePolicy)
	byForm := p.KeyRequests()[0].ID
	p.settle()
	byAPI := p.must("POST", "/api/portal/requests", `{"by_user":"`+p.developer().ID+`","for_plan":"`+sandbox.FreePolicy+`","version":"v2","approved":false}`).envelope(t).Message
	p.settle()
	if err := p.UpdateKeyRequest(byAPI, map[string]string{"Why": "else"}); err != nil {
		t.Fatal(err)
	}
	p.settle()
	p.set(func(c *sandbox.Settings) { c.UpdateEvent = "key_request_event.approved" })
	p.must("PUT", "/api/portal/requests/approve/"+byForm, "")
	p.settle()
	p.must("DELETE", "/api/portal/requests/"+byAPI, "")
	p.settle()

	want := []string{
		"key_request_event.submitted " + byForm, "key_request_event.submitted " + byAPI,
		"key_request_event.updated " + byAPI, "key_request_event.approved " + byForm,
	}
	if diff := cmp.Diff(want, r.events()); diff != "" {
		t.Error(diff)
	}
	first := r.got[0]
	if first.path != "/hook/secret?a=b" || first.headers.Get("Content-Type") != "application/json" || first.headers.Get("Authorization") != "" {
		t.Errorf("the webhook came to %s with %v", first.path, first.headers)
	}
	for _, member := range []string{`"portal_developer":{`, `"catalogue_entry":{`, `"apply_policies":["` + sandbox.FreePolicy} {
		if !strings.Contains(first.body, member) {
			t.Errorf("the payload lacks %s: %s", member, first.body)
		}
	}
	for i, d := range p.Webhooks() {
		if d.Status != 204 || d.Sent != 1 || d.Error != "" || string(d.Body) != r.got[i].body {
			t.Errorf("webhook %d was recorded as %+v", i, d)
		}
	}
}

func TestAWebhookIsAttemptedOnceHoweverItEnds(t *testing.T) {
	var log bytes.Buffer
	p, r := newPortal(t, sandbox.Config{Log: slog.New(slog.NewJSONHandler(&log, nil))}), newReceiver(t)
	r.status = 500
	p.set(func(c *sandbox.Settings) { c.Webhook = r.URL + "/canary-secret" })
	p.ask(sandbox.FreePolicy)
	p.settle()
	r.Close()
	p.ask(sandbox.FreePolicy)
	p.settle()
	if n := len(r.events()); n != 1 {
		t.Errorf("the receiver got %d", n)
	}
	hooks := p.Webhooks()
	if hooks[0].Status != 500 || hooks[0].Error != "" || hooks[1].Status != 0 || hooks[1].Error == "" {
		t.Errorf("they were recorded as %+v", hooks)
	}
	if strings.Contains(log.String(), "canary-secret") || !strings.Contains(log.String(), "a webhook failed") {
		t.Errorf("the log says %s", log.String())
	}
}

func TestWithoutAWebhookNothingIsSent(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	p.ask(sandbox.FreePolicy)
	if hooks := p.Webhooks(); len(hooks) != 0 {
		t.Errorf("%+v", hooks)
	}
}

func TestAHeldWebhookIsLostUntilItIsReplayedAndMayBeReplayedAgain(t *testing.T) {
	p, r := newPortal(t, sandbox.Config{}), newReceiver(t)
	p.set(func(c *sandbox.Settings) { c.Webhook, c.HoldWebhooks = r.URL, true })
	id := p.ask(sandbox.FreePolicy).ID
	p.settle()
	if events := r.events(); len(events) != 0 || p.Webhooks()[0].Sent != 0 {
		t.Fatalf("it was sent: %v", events)
	}
	for range 2 {
		if err := p.Replay("1"); err != nil {
			t.Fatal(err)
		}
	}
	p.settle()
	want := []string{"key_request_event.submitted " + id, "key_request_event.submitted " + id}
	if diff := cmp.Diff(want, r.events()); diff != "" || p.Webhooks()[0].Sent != 2 {
		t.Errorf("%s, sent %d", diff, p.Webhooks()[0].Sent)
	}
	if err := p.Replay("7"); err == nil {
		t.Error("a webhook that is not there was replayed")
	}
}

func TestASlowReceiverHoldsNobodyUpAndCloseDoesNotWaitForIt(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	release := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	defer slow.Close()
	defer close(release)
	p.set(func(c *sandbox.Settings) { c.Webhook = slow.URL })
	began := time.Now()
	for range 100 {
		p.ask(sandbox.FreePolicy)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	p.ask(sandbox.FreePolicy)
	for _, d := range p.Webhooks() {
		if d.Status != 0 {
			t.Errorf("webhook %s: %+v", d.ID, d)
		}
	}
}
