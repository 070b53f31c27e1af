package web_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
	"keybridge/bridge/web"
)

// samples are the samples of the metrics whose names begin so.
func samples(m *web.Metrics, names ...string) map[string]string {
	_, _, body := ask(&web.Operations{Metrics: m}, "GET", "/metrics", "")
	out := map[string]string{}
	for line := range strings.Lines(body) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "} ")
		for _, want := range names {
			if ok && strings.HasPrefix(name, want+"{") {
				out[name+"}"] = value
			}
		}
	}
	return out
}

func TestWhatIsFoundByAskingAPortalIsCountedBesideItsWebhooks(t *testing.T) {
	m := web.NewMetrics()
	m.Hint("portal/main", "accepted")
	m.Hint("poll/main", "accepted")
	m.Hint("poll/main", "accepted")
	want := map[string]string{
		`keybridge_hints_total{outcome="accepted",source="portal/main"}`: "1",
		`keybridge_hints_total{outcome="accepted",source="poll/main"}`:   "2",
	}
	if diff := cmp.Diff(want, samples(m, "keybridge_hints_total")); diff != "" {
		t.Error(diff)
	}
}

// post is the far side of the notifier's port.
type post func(bridge.Message) error

func (p post) Send(_ context.Context, m bridge.Message) error { return p(m) }

func TestMessagesAreCountedByWhatTheySayAndHowItEnds(t *testing.T) {
	m := web.NewMetrics()
	refusal := &bridge.Error{Kind: bridge.Invalid, Msg: "canary@example.com is refused"}
	n := m.Telling(post(func(msg bridge.Message) error {
		switch msg.ID {
		case "refused":
			return refusal
		case "broken":
			return errors.New("canary")
		}
		return nil
	}))
	for _, msg := range []bridge.Message{
		{ID: "1", Kind: bridge.TellApproved}, {ID: "2", Kind: bridge.TellApproved}, {ID: "refused", Kind: bridge.TellApproved},
		{ID: "broken", Kind: bridge.TellStart}, {ID: "3", Kind: bridge.TellStart},
	} {
		if err := n.Send(t.Context(), msg); (err == nil) != (len(msg.ID) == 1) || msg.ID == "refused" && !errors.Is(err, refusal) {
			t.Errorf("%s: the worker is told %v", msg.ID, err)
		}
	}
	want := map[string]string{
		`keybridge_messages_total{message="approve",outcome="ok"}`:      "2",
		`keybridge_messages_total{message="approve",outcome="invalid"}`: "1",
		`keybridge_messages_total{message="start",outcome="ok"}`:        "1",
		`keybridge_messages_total{message="start",outcome="internal"}`:  "1",
	}
	if diff := cmp.Diff(want, samples(m, "keybridge_messages_total")); diff != "" {
		t.Error(diff)
	}
}

func TestOutgoingWebhooksAreCountedAndTheirEndpointsShown(t *testing.T) {
	m := web.NewMetrics()
	names := []string{"keybridge_outgoing_total", "keybridge_outgoing_paused", "keybridge_outgoing_behind"}
	if got := samples(m, names...); len(got) != 0 {
		t.Errorf("without outgoing webhooks there is %v", got)
	}
	paused := noon
	m.Endpoints(func() []web.Endpoint {
		return []web.Endpoint{{Name: "books"}, {Name: "crm", PausedSince: paused, Behind: 7}}
	})
	m.Outgoing("crm", "refused")
	m.Outgoing("crm", "refused")
	m.Outgoing("books", "ok")
	want := map[string]string{
		`keybridge_outgoing_total{endpoint="books",outcome="ok"}`:    "1",
		`keybridge_outgoing_total{endpoint="crm",outcome="refused"}`: "2",
		`keybridge_outgoing_paused{endpoint="books"}`:                "0",
		`keybridge_outgoing_paused{endpoint="crm"}`:                  "1",
		`keybridge_outgoing_behind{endpoint="books"}`:                "0",
		`keybridge_outgoing_behind{endpoint="crm"}`:                  "7",
	}
	if diff := cmp.Diff(want, samples(m, names...)); diff != "" {
		t.Error(diff)
	}
	paused = time.Time{}
	if got := samples(m, names...)[`keybridge_outgoing_paused{endpoint="crm"}`]; got != "0" {
		t.Errorf("resumed, it is shown as %s", got)
	}
}
