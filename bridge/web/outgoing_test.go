package web_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
	"keybridge/bridge/web"
)

// senders are the far side of the operator's port: endpoints that are as they are told.
type senders map[string]web.Endpoint

func (s senders) Endpoints(context.Context) ([]web.Endpoint, error) {
	var out []web.Endpoint
	for _, e := range s {
		out = append(out, e)
	}
	return out, nil
}

func (s senders) find(name string) (web.Endpoint, error) {
	e, ok := s[name]
	if !ok {
		return e, &bridge.Error{Kind: bridge.NotFound, Msg: "There is no endpoint " + name + "."}
	}
	return e, nil
}

func (s senders) Resume(_ context.Context, name string) (web.Endpoint, error) {
	e, err := s.find(name)
	if err == nil {
		e.PausedSince, e.Why = time.Time{}, ""
		s[name] = e
	}
	return e, err
}

func (s senders) Skip(_ context.Context, name string) (web.Endpoint, error) {
	e, err := s.find(name)
	switch {
	case err != nil:
		return e, err
	case e.Failures == 0:
		return e, &bridge.Error{Kind: bridge.Conflict, Msg: "There is nothing to pass over."}
	}
	e.Failures = 0
	e.Behind--
	s[name] = e
	return e, nil
}

// Replay says in Why what was asked for, so that a test sees it.
func (s senders) Replay(_ context.Context, name string, what web.Replay) (web.Endpoint, error) {
	e, err := s.find(name)
	e.Why = fmt.Sprint(what.Request, " ", what.Since.UTC().Format(time.DateTime))
	return e, err
}

func TestOperatorsLookAfterOutgoingWebhooks(t *testing.T) {
	o, _ := newOperator(t)
	crm := web.Endpoint{
		Name: "crm", Host: "crm.example:8443", Place: 1_775_000_000_000_000, Behind: 7, PausedSince: noon, Why: "answered 500 for a day",
		Failures: 12, LastSuccess: noon.Add(-24 * time.Hour), LastStatus: 500,
	}
	all := senders{"crm": crm}
	o.Outgoing = all
	list := told[web.EndpointList](t, o, 200, "GET", "/v1/outgoing", "")
	if diff := cmp.Diff([]web.Endpoint{crm}, list.Endpoints); diff != "" {
		t.Errorf("the list is not as they stand (-want +got):\n%s", diff)
	}
	for range 2 {
		if now := told[web.Endpoint](t, o, 200, "POST", "/v1/outgoing/crm/resume", ""); !now.PausedSince.IsZero() || now.Behind != 7 {
			t.Errorf("resumed, it stands %+v", now)
		}
	}
	for body, want := range map[string]string{
		`{"since":"2026-03-14T09:00:00Z"}`:         " 2026-03-14 09:00:00",
		`{"since":"2026-03-14T12:00:00+02:00"}`:    " 2026-03-14 10:00:00",
		`{"request":"01HF7YAT00ABCDEFGHJKMNPQRS"}`: "01HF7YAT00ABCDEFGHJKMNPQRS 0001-01-01 00:00:00",
	} {
		if got := told[web.Endpoint](t, o, 200, "POST", "/v1/outgoing/crm/replay", body); got.Why != want {
			t.Errorf("%s asks for %q, want %q", body, got.Why, want)
		}
	}
	for body, word := range map[string]string{
		``: "not both", `{}`: "not both", `{"since":"2026-03-14T09:00:00Z","request":"01HF7YAT00ABCDEFGHJKMNPQRS"}`: "not both",
		`{"request":"../x"}`: "id of a request", `{"since":"2026-03-14T12:00:01Z"}`: "future", `{"since":"yesterday"}`: "JSON", `{"after":"x"}`: "after",
	} {
		if no := told[map[string]any](t, o, 400, "POST", "/v1/outgoing/crm/replay", body); !strings.Contains(fmt.Sprint(no["detail"]), word) {
			t.Errorf("%s is answered %v", body, no["detail"])
		}
	}
	if now := told[web.Endpoint](t, o, 200, "POST", "/v1/outgoing/crm/skip", "{}"); now.Behind != 6 || now.Failures != 0 {
		t.Errorf("with one passed over, it stands %+v", now)
	}
	told[map[string]any](t, o, 409, "POST", "/v1/outgoing/crm/skip", "")
	told[map[string]any](t, o, 404, "POST", "/v1/outgoing/other/skip", "")
	told[map[string]any](t, o, 400, "POST", "/v1/outgoing/crm/resume", `{"name":"crm"}`)
	told[map[string]any](t, o, 404, "POST", "/v1/outgoing/other/resume", "")
	told[map[string]any](t, o, 404, "POST", "/v1/outgoing/other/replay", `{"request":"01HF7YAT00ABCDEFGHJKMNPQRS"}`)
	told[map[string]any](t, o, 404, "POST", "/v1/outgoing/crm/stop", "")
	told[map[string]any](t, o, 404, "GET", "/v1/outgoing/crm", "")
	o.Outgoing = senders{}
	if none := told[map[string]any](t, o, 200, "GET", "/v1/outgoing", ""); fmt.Sprint(none["endpoints"]) != "[]" {
		t.Errorf("no endpoints are %v, and not []", none)
	}
}

func TestWithoutOutgoingWebhooksItIsSaidWhatToConfigure(t *testing.T) {
	o, _ := newOperator(t)
	for _, op := range []string{"GET /v1/outgoing", "POST /v1/outgoing/crm/resume", "POST /v1/outgoing/crm/skip", "POST /v1/outgoing/crm/replay"} {
		method, path, _ := strings.Cut(op, " ")
		if no := told[map[string]any](t, o, 501, method, path, ""); !strings.Contains(fmt.Sprint(no["detail"]), "outgoing is missing in the configuration") {
			t.Errorf("%s is answered %v", op, no)
		}
	}
}
