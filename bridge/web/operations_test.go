package web_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"keybridge/bridge"
	tyksandbox "keybridge/bridge/tyk/sandbox"
	"keybridge/bridge/web"
)

func ask(h http.Handler, method, path, body string) (int, http.Header, string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	raw, _ := io.ReadAll(w.Result().Body)
	return w.Code, w.Header(), string(raw)
}

func TestHealthAndReadiness(t *testing.T) {
	g := newGallery(t, quietPortal)
	o := &web.Operations{Metrics: web.NewMetrics(), Ready: func(ctx context.Context) error {
		_, err := g.store.List(ctx, bridge.Filter{Limit: 1})
		return err
	}}
	steps := []struct {
		what          string
		do            func()
		health, ready int
	}{
		{"while it runs", func() {}, 200, 200},
		{"with the store closed", func() { _ = g.store.Close() }, 200, 503},
		{"without a kind of error", func() { o.Ready = func(context.Context) error { return errors.New("canary internals") } }, 200, 503},
		{"while it stops", func() { o.Ready = func(context.Context) error { return nil }; o.Stop() }, 200, 503},
	}
	for _, step := range steps {
		step.do()
		if got, _, _ := ask(o, "GET", "/healthz", ""); got != step.health {
			t.Errorf("%s: /healthz answers %d", step.what, got)
		}
		got, header, body := ask(o, "GET", "/readyz", "")
		if got != step.ready || got == 503 && header.Get("Retry-After") == "" || strings.Contains(body, "canary") {
			t.Errorf("%s: /readyz answers %d %v %s", step.what, got, header, body)
		}
	}
	if got, header, _ := ask(o, "GET", "/debug/pprof/", ""); got != 404 || header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("anything else is answered %d", got)
	}
}

func TestMetricsTellWhatIsNotDelivered(t *testing.T) {
	m := web.NewMetrics()
	o := &web.Operations{Metrics: m}
	value := func(name string) string {
		_, _, body := ask(o, "GET", "/metrics", "")
		for line := range strings.Lines(body) {
			if rest, ok := strings.CutPrefix(line, name+" "); ok {
				return strings.TrimSpace(rest)
			}
		}
		return "absent"
	}
	is := func(what string, want map[string]string) {
		t.Helper()
		for name, v := range want {
			got := value(name)
			if seconds, err := strconv.ParseFloat(got, 64); err == nil && seconds > 3600 {
				got = "more than an hour"
			}
			if got != v {
				t.Errorf("%s: %s is %s, want %s", what, name, got, v)
			}
		}
	}
	r := asked()
	r.ID = idOf("m")
	is("at the start", map[string]string{"keybridge_undelivered": "0", "keybridge_undelivered_oldest_seconds": "0", "keybridge_needing_attention": "0"})
	approved(&r)
	r.Verdict.Mark.At = time.Now().Add(-time.Hour - time.Minute)
	attention(&r)
	m.Changed(r, []bridge.Entry{{What: bridge.WhatVerdict}, {What: bridge.WhatVerdict}})
	is("approved", map[string]string{"keybridge_undelivered": "1", "keybridge_undelivered_oldest_seconds": "more than an hour", "keybridge_needing_attention": "1", `keybridge_changes_total{what="verdict"}`: "2"})
	active(&r)
	r.Work = bridge.Work{}
	m.Changed(r, nil)
	is("delivered", map[string]string{"keybridge_undelivered": "0", "keybridge_undelivered_oldest_seconds": "0", "keybridge_needing_attention": "0"})
	junk := asked()
	junk.Access.Have, junk.Arrival.Trust = bridge.Unread, bridge.Bare
	attention(&junk)
	m.Changed(junk, nil)
	is("with junk", map[string]string{"keybridge_needing_attention": "0"})
}

// Labels are names of the configuration and words of ours: whatever strangers send,
// there are not more of them, and none holds an id.
func TestStrangersMakeNoLabels(t *testing.T) {
	h := newHouse(t, housing{})
	o := &web.Operations{Metrics: h.metrics}
	walk := func() (string, []string) {
		key := h.asks(tyksandbox.FreePolicy)
		h.browser().get(h.byToken("main", key))
		r := h.eventually("main", key, "active", isState(bridge.StateActive))
		b := h.browser()
		b.get("/handoff/main?token=" + key)
		b.get("/handoff/" + key + "?id=" + key)
		b.get("/handoff/main?id=" + strings.Repeat(key[:1], 24))
		b.do(http.MethodPost, "/webhooks/stripe?"+key, nil)
		b.do(http.MethodPost, "/webhooks/portal/main?secret="+key, nil)
		b.do(http.MethodPost, "/webhooks/portal/"+key, nil)
		_, _, body := ask(o, "GET", "/metrics", "")
		return body, []string{key, string(r.ID), developer, r.Applicant.ID, "canary", "10."}
	}
	series := func(body string) int { return strings.Count(body, "\nkeybridge_") }
	walk()
	first, _ := walk()
	second, ids := walk()
	if series(first) != series(second) {
		t.Errorf("%d series have become %d", series(first), series(second))
	}
	for _, name := range []string{"keybridge_handoffs_total", "keybridge_hints_total", "keybridge_calls_total", "keybridge_call_seconds_bucket", "keybridge_changes_total", "go_goroutines"} {
		if !strings.Contains(second, "\n"+name) {
			t.Errorf("there is no %s", name)
		}
	}
	for line := range strings.Lines(second) {
		_, labels, _ := strings.Cut(line, "{")
		labels, _, _ = strings.Cut(labels, "}")
		for _, id := range ids {
			if strings.Contains(labels, id) {
				t.Errorf("a label holds %q: %s", id, line)
			}
		}
	}
}
