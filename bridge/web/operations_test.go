package web_test

import (
	"context"
	"encoding/json"
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

func TestLiveAndReadyAreTwoThings(t *testing.T) {
	ok := web.Check{Name: "store", Status: web.CheckOK}
	full := web.Check{Name: "disk", Status: web.CheckFailing, Says: "The disk is full."}
	silent := web.Check{Name: "portal main", Status: web.CheckWarning, Says: "The portal main has not answered."}
	for _, one := range []struct {
		name         string
		checks       []web.Check
		stop         bool
		ready        int
		detail, word string
	}{
		{"all is well", []web.Check{ok}, false, 200, "", "ready\nstore: ok.\n"},
		{"a portal is silent", []web.Check{ok, silent}, false, 200, "", "ready\nstore: ok.\nportal main: warning. The portal main has not answered.\n"},
		{"the disk is full", []web.Check{ok, full, silent}, false, 503, "The disk is full.", "not ready\nstore: ok.\ndisk: failing. The disk is full.\nportal main: warning. The portal main has not answered.\n"},
		{"it says nothing more", []web.Check{{Name: "store", Status: web.CheckFailing}}, false, 503, "store", "not ready\nstore: failing.\n"},
		{"it stops", []web.Check{ok}, true, 503, "The bridge is stopping.", "not ready\nstore: ok.\nbridge: failing. The bridge is stopping.\n"},
	} {
		t.Run(one.name, func(t *testing.T) {
			o := &web.Operations{Metrics: web.NewMetrics(), Checks: func(context.Context) []web.Check { return one.checks }}
			if one.stop {
				o.Stop()
			}
			for _, path := range []string{"/livez", "/healthz"} {
				if got, _, body := ask(o, "GET", path, ""); got != 200 || body != "{\"status\":\"ok\"}\n" {
					t.Errorf("%s answers %d %s", path, got, body)
				}
			}
			status, header, body := ask(o, "GET", "/readyz", "")
			var said struct {
				Status any
				Detail string
				Checks []web.Check
			}
			if err := json.Unmarshal([]byte(body), &said); err != nil {
				t.Fatal(err, body)
			}
			retry := header.Get("Retry-After") != ""
			if status != one.ready || retry != (status == 503) || said.Detail != one.detail || len(said.Checks) < len(one.checks) ||
				said.Checks[0] != one.checks[0] || (said.Status == "ready") != (status == 200) ||
				strings.HasPrefix(header.Get("Content-Type"), "application/problem+json") != (status == 503) {
				t.Errorf("%d %v %s", status, header, body)
			}
			r := httptest.NewRequest(http.MethodGet, "/readyz", nil)
			r.Header.Set("Accept", "text/plain")
			w := httptest.NewRecorder()
			o.ServeHTTP(w, r)
			if w.Code != one.ready || w.Body.String() != one.word {
				t.Errorf("in words %d %q", w.Code, w.Body)
			}
		})
	}
}

func TestNothingElseIsOnTheOperationsAddress(t *testing.T) {
	o := &web.Operations{Metrics: web.NewMetrics()}
	for _, path := range []string{"/", "/debug/pprof/", "/console/", "/readyz/x"} {
		if got, header, _ := ask(o, "GET", path, ""); got != 404 || header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s is answered %d", path, got)
		}
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
	is("at the start", map[string]string{"keybridge_undelivered": "0", "keybridge_undelivered_oldest_seconds": "0"})
	approved(&r)
	r.Verdict.Mark.At = time.Now().Add(-time.Hour - time.Minute)
	attention(&r) // which does not hide it
	m.Changed(r, []bridge.Entry{{What: bridge.WhatVerdict}, {What: bridge.WhatVerdict}})
	is("approved", map[string]string{"keybridge_undelivered": "1", "keybridge_undelivered_oldest_seconds": "more than an hour", `keybridge_changes_total{what="verdict"}`: "2"})
	active(&r)
	r.Work = bridge.Work{}
	m.Changed(r, nil)
	is("delivered", map[string]string{"keybridge_undelivered": "0", "keybridge_undelivered_oldest_seconds": "0"})
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
