package web_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
	"keybridge/bridge/web"
)

// exposed is what /metrics answers.
func exposed(m *web.Metrics) string {
	_, _, body := ask(&web.Operations{Metrics: m}, "GET", "/metrics", "")
	return body
}

// plain are the samples of metrics that have no labels; a metric that is not there is
// "absent".
func plain(m *web.Metrics, names ...string) map[string]string {
	out := map[string]string{}
	for _, name := range names {
		out[name] = "absent"
	}
	for line := range strings.Lines(exposed(m)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if _, ok := out[name]; ok {
			out[name] = value
		}
	}
	return out
}

// samples are the samples of the metrics whose names begin so.
func samples(m *web.Metrics, names ...string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(exposed(m)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "} ")
		for _, want := range names {
			if ok && strings.HasPrefix(name, want+"{") {
				out[name+"}"] = value
			}
		}
	}
	return out
}

func TestHintsAreCountedByWhereTheyComeFromAndWhatBecomesOfThem(t *testing.T) {
	m := web.NewMetrics()
	m.Expect("portal/main", []string{"accepted", "refused"})
	m.Hint("portal/main", "accepted")
	m.Hinted("poll/main", bridge.Accepted{Request: "r", Created: true}, nil)
	m.Hinted("poll/main", bridge.Accepted{Request: "r", Created: true}, nil)
	m.Hinted("sweep/stripe", bridge.Accepted{Request: "r", Duplicate: true}, nil)
	m.Hinted("sweep/stripe", bridge.Accepted{}, nil)
	m.Hinted("person", bridge.Accepted{}, &bridge.Error{Kind: bridge.Conflict, Msg: "canary was first"})
	m.Hinted("page", bridge.Accepted{}, errors.New("canary"))
	want := map[string]string{
		`keybridge_hints_total{outcome="accepted",source="portal/main"}`:   "1",
		`keybridge_hints_total{outcome="refused",source="portal/main"}`:    "0",
		`keybridge_hints_total{outcome="accepted",source="poll/main"}`:     "2",
		`keybridge_hints_total{outcome="duplicate",source="sweep/stripe"}`: "1",
		`keybridge_hints_total{outcome="unknown",source="sweep/stripe"}`:   "1",
		`keybridge_hints_total{outcome="conflict",source="person"}`:        "1",
		`keybridge_hints_total{outcome="internal",source="page"}`:          "1",
	}
	if diff := cmp.Diff(want, samples(m, "keybridge_hints_total")); diff != "" {
		t.Error(diff)
	}
}

func TestWhatTheHouseKeepsOfItselfIsCounted(t *testing.T) {
	m := web.NewMetrics()
	names := []string{"keybridge_sign_ins_total", "keybridge_refusals_total"}
	if got := samples(m, names...); len(got) != 4 {
		t.Errorf("at the start there is %v", got)
	}
	for _, e := range []bridge.Entry{
		{What: bridge.WhatSignedIn, After: "signed in"},
		{What: bridge.WhatSignedIn, Before: "signed in", After: "signed out"},
		{What: bridge.WhatSignedIn, Before: "jo: signed out everywhere"},
		{What: bridge.WhatRefused, After: "sign-in"},
		{What: bridge.WhatRefused, After: "sign-in"},
		{What: bridge.WhatRefused, After: "token"},
		{What: bridge.WhatRefused, After: "token canary"},
		{What: bridge.WhatRefused, After: string(bridge.MayCancel)},
		{What: bridge.WhatRefused},
		{What: bridge.WhatViewed},
		{What: bridge.WhatExported, After: "12 rows as csv"},
	} {
		m.Recorded(e)
	}
	want := map[string]string{
		`keybridge_sign_ins_total{outcome="ok"}`:      "1",
		`keybridge_sign_ins_total{outcome="refused"}`: "2",
		`keybridge_refusals_total{of="token"}`:        "2",
		`keybridge_refusals_total{of="operation"}`:    "2",
	}
	if diff := cmp.Diff(want, samples(m, names...)); diff != "" {
		t.Error(diff)
	}
	if got := plain(m, "keybridge_exports_total"); got["keybridge_exports_total"] != "1" {
		t.Error(got)
	}
}

func TestCommitsAreCountedWithTheirSizeAndTime(t *testing.T) {
	m := web.NewMetrics()
	m.Commit(1, 300*time.Microsecond)
	m.Commit(60, 4*time.Millisecond)
	want := map[string]string{"keybridge_commit_writes_sum": "61", "keybridge_commit_writes_count": "2", "keybridge_commit_seconds_count": "2", "keybridge_commit_seconds_sum": "0.0043"}
	if diff := cmp.Diff(want, plain(m, slices.Collect(maps.Keys(want))...)); diff != "" {
		t.Error(diff)
	}
}

func TestTheStoreIsReadOnceForScrapesThatFollowClosely(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := web.NewMetrics()
		gauges := []string{
			"keybridge_store_up", "keybridge_store_bytes", "keybridge_store_limit_bytes", "keybridge_store_unused_bytes", "keybridge_store_queued",
			"keybridge_disk_bytes", "keybridge_disk_free_bytes", "keybridge_claimed", "keybridge_needing_attention",
		}
		is := func(what string, want ...string) {
			t.Helper()
			got := plain(m, gauges...)
			for i, name := range gauges {
				if got[name] != want[i] {
					t.Errorf("%s: %s is %s, want %s", what, name, got[name], want[i])
				}
			}
		}
		is("without a store", slices.Repeat([]string{"absent"}, len(gauges))...)
		reads, broken := 0, false
		m.Store([]string{"main", "idle"}, func(ctx context.Context) (web.Vitals, error) {
			reads++
			if _, bounded := ctx.Deadline(); !bounded {
				t.Error("it may take for ever")
			}
			if broken {
				return web.Vitals{}, errors.New("canary")
			}
			return web.Vitals{
				Bytes: 4096 * 100, Limit: 1 << 20, Unused: 4096, Queued: 3, DiskBytes: 1 << 21, DiskFree: 1 << 19, Claimed: 4, Attention: 2,
				Due: map[string]web.Due{"main": {5, time.Now().Add(-time.Minute)}, "gone": {1, time.Now().Add(time.Minute)}},
			}, nil
		})
		is("a store", "1", "409600", "1.048576e+06", "4096", "3", "2.097152e+06", "524288", "4", "2")
		due := map[string]string{
			`keybridge_due{portal="main"}`: "5", `keybridge_due{portal="idle"}`: "0", `keybridge_due{portal="gone"}`: "1",
			`keybridge_due_oldest_seconds{portal="main"}`: "60", `keybridge_due_oldest_seconds{portal="idle"}`: "0", `keybridge_due_oldest_seconds{portal="gone"}`: "0",
		}
		if diff := cmp.Diff(due, samples(m, "keybridge_due", "keybridge_due_oldest_seconds")); diff != "" {
			t.Error(diff)
		}
		broken = true
		is("a moment later", "1", "409600", "1.048576e+06", "4096", "3", "2.097152e+06", "524288", "4", "2")
		if reads != 1 {
			t.Errorf("it was read %d times", reads)
		}
		time.Sleep(5 * time.Second)
		is("one that cannot be read", append([]string{"0"}, slices.Repeat([]string{"absent"}, len(gauges)-1)...)...)
		if reads != 2 || strings.Contains(exposed(m), "canary") {
			t.Errorf("it was read %d times", reads)
		}
	})
}

func TestItIsToldWhoDoesNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := web.NewMetrics()
		if got := m.Answering(); len(got) != 0 {
			t.Errorf("before anybody was called: %v", got)
		}
		try := func(doing, portal string, kind bridge.Kind) {
			time.Sleep(time.Second)
			m.Try(bridge.Try{Doing: doing, Portal: portal, Kind: kind, Took: time.Second})
		}
		told := func(what string, want map[string]string) {
			t.Helper()
			got := map[string]string{}
			for _, c := range m.Answering() {
				got[c.Name] = string(c.Status) + " " + c.Says
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s:\n%s", what, diff)
			}
		}
		try("read portal", "main", "")
		try("list pending", "other", "")
		try("create key request", "third", "")
		try("open checkout", "main", bridge.Invalid)
		told("all answer, one of them no", map[string]string{"portal main": "ok ", "portal other": "ok ", "portal third": "ok ", "provider": "ok "})
		try("approve key", "main", bridge.Unavailable)
		try("read portal", "main", bridge.Limited)
		try("read portal", "main", bridge.Internal)
		try("read portal", "main", bridge.Unavailable)
		try("read payment", "other", bridge.Refused)
		try("tell applicant", "main", bridge.Unavailable)
		told("some do not", map[string]string{
			"mail":         "warning The mail server has not answered since 2000-01-01 00:00 UTC (calls that failed: 1). What it has to be told waits.",
			"portal main":  "warning The portal main has not answered since 2000-01-01 00:00 UTC (calls that failed: 2). What it has to be told waits.",
			"portal other": "ok ",
			"portal third": "ok ",
			"provider":     "warning The payment provider has refused our credentials since 2000-01-01 00:00 UTC. What it has to be told waits.",
		})
		want := map[string]string{
			`keybridge_unanswered_seconds{portal="",to="mail"}`:        "1",
			`keybridge_unanswered_seconds{portal="",to="provider"}`:    "2",
			`keybridge_unanswered_seconds{portal="main",to="portal"}`:  "6",
			`keybridge_unanswered_seconds{portal="other",to="portal"}`: "0",
			`keybridge_unanswered_seconds{portal="third",to="portal"}`: "0",
		}
		if diff := cmp.Diff(want, samples(m, "keybridge_unanswered_seconds")); diff != "" {
			t.Error(diff)
		}
		try("read portal", "main", bridge.NotFound)
		try("expire checkout", "main", bridge.Conflict)
		try("tell applicant", "main", "")
		told("all do again", map[string]string{"mail": "ok ", "portal main": "ok ", "portal other": "ok ", "portal third": "ok ", "provider": "ok "})
	})
}

func TestWhatWasDecidedBeforeTheStartIsCountedOnceItIsRecalled(t *testing.T) {
	left := func(key string, change func(*bridge.Request)) bridge.Request {
		r := asked()
		r.ID = idOf(key)
		change(&r)
		return r
	}
	waits := left("waits", approved)
	stuck := left("stuck", all(approved, attention))
	stuck.Verdict.Mark.At = noon.Add(-time.Hour)
	moved := left("moved", approved)
	done := moved
	active(&done)
	m := web.NewMetrics()
	pages := map[bridge.State][]bridge.Request{
		bridge.StateApproving:      {waits, moved},
		bridge.StateDeclining:      {left("goes", all(declined(bridge.ByPerson, ""), func(r *bridge.Request) { r.Access.Have = bridge.Pending }))},
		bridge.StateNeedsAttention: {stuck, left("other", all(active, attention))},
	}
	list := func(_ context.Context, f bridge.Filter) (bridge.Page, error) {
		left := pages[f.State]
		if f.State == bridge.StateApproving {
			m.Changed(done, nil) // while it is being read as it was
		}
		if len(left) == 0 {
			return bridge.Page{}, errors.New("an unexpected page")
		}
		n := map[string]int{"": 0, "more": 1}[f.After]
		page := bridge.Page{Requests: left[n : n+1]}
		if n+1 < len(left) {
			page.Next = "more"
		}
		return page, nil
	}
	if err := m.Recall(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	got := plain(m, "keybridge_undelivered", "keybridge_undelivered_oldest_seconds")
	oldest, err := strconv.ParseFloat(got["keybridge_undelivered_oldest_seconds"], 64)
	if want := time.Since(stuck.Verdict.Mark.At).Seconds(); err != nil || got["keybridge_undelivered"] != "3" || oldest < want-60 || oldest > want+60 {
		t.Errorf("%v, want 3 and %.0f", got, want)
	}
	broken := errors.New("broken")
	if err := m.Recall(t.Context(), func(context.Context, bridge.Filter) (bridge.Page, error) { return bridge.Page{}, broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
}

// Whatever /metrics shows of the bridge is documented, and what is documented is shown.
func TestEveryMetricIsDocumented(t *testing.T) {
	m := web.NewMetrics()
	m.Hint("s", "o")
	m.Handoff("p", "w", "o")
	m.Try(bridge.Try{Doing: "read portal", Portal: "p"})
	m.Outgoing("e", "o")
	m.Changed(bridge.Request{}, []bridge.Entry{{What: bridge.WhatStep}})
	_ = m.Telling(post(func(bridge.Message) error { return nil })).Send(t.Context(), bridge.Message{Kind: bridge.TellStart})
	m.Endpoints(func() []web.Endpoint { return []web.Endpoint{{Name: "e"}} })
	m.Reconciled(func() (bridge.Reconciliation, bool) { return bridge.Reconciliation{}, true })
	m.Store([]string{"p"}, func(context.Context) (web.Vitals, error) { return web.Vitals{DiskBytes: 1}, nil })
	kinds, helps, labels := map[string]string{}, map[string]string{}, map[string][]string{}
	for line := range strings.Lines(exposed(m)) {
		words := strings.SplitN(strings.TrimSpace(line), " ", 4)
		switch {
		case strings.HasPrefix(line, "# HELP keybridge_"):
			helps[words[2]] = words[3]
		case strings.HasPrefix(line, "# TYPE keybridge_"):
			kinds[words[2]] = words[3]
		case strings.HasPrefix(line, "keybridge_"):
			name, rest, _ := strings.Cut(line[:strings.LastIndex(line, " ")], "{")
			for label := range strings.SplitSeq(strings.TrimSuffix(rest, "}"), ",") {
				if label, _, ok := strings.Cut(label, "="); ok && label != "le" {
					labels[name] = append(labels[name], label)
				}
			}
		}
	}
	for _, one := range m.Measures() {
		if kinds[one.Name] != one.Kind || helps[one.Name] != one.Help || len(one.Help) < 20 {
			t.Errorf("%s: it is %q %q, documented as %q %q", one.Name, kinds[one.Name], helps[one.Name], one.Kind, one.Help)
		}
		sample := one.Name
		if one.Kind == "histogram" {
			sample += "_count"
		}
		for _, label := range one.Labels {
			if !slices.Contains(labels[sample], label) {
				t.Errorf("%s has no label %s", one.Name, label)
			}
		}
		if (one.Kind == "counter") != strings.HasSuffix(one.Name, "_total") || !strings.HasPrefix(one.Name, "keybridge_") {
			t.Errorf("%s is not named as the others are", one.Name)
		}
		delete(kinds, one.Name)
	}
	if len(kinds) != 0 {
		t.Errorf("not documented: %v", kinds)
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
