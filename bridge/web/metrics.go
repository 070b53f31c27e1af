package web

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"keybridge/bridge"
)

// Metrics counts what happens. Labels hold names from the configuration and words
// of ours, never an id or anything a stranger sent.
type Metrics struct {
	handler http.Handler
	measures
	hints    *prometheus.CounterVec
	handoffs *prometheus.CounterVec
	calls    *prometheus.CounterVec
	took     *prometheus.HistogramVec
	changes  *prometheus.CounterVec
	messages *prometheus.CounterVec
	outgoing *prometheus.CounterVec
	group    *prometheus.HistogramVec
	commit   *prometheus.HistogramVec
	signIns  *prometheus.CounterVec
	refusals *prometheus.CounterVec
	exports  *prometheus.CounterVec

	undelivered undelivered
	far         far
	store       storeGauges
	endpoints   func() []Endpoint
	reconciled  func() (bridge.Reconciliation, bool)
}

// NewMetrics returns metrics in a registry of their own.
func NewMetrics() *Metrics {
	m := &Metrics{measures: measures{registry: prometheus.NewRegistry()}}
	m.hints = m.counter("keybridge_hints_total",
		"Words that something may have changed, by where they came from (a webhook: stripe, portal/ and its name; else handoff/, poll/, sweep/ and a name, page, person, reconcile) and what became of them.",
		"source", "outcome")
	m.handoffs = m.counter("keybridge_handoffs_total",
		"Browsers handed off by a portal, by the way they came and what became of them.", "portal", "way", "outcome")
	m.calls = m.counter("keybridge_calls_total",
		"Calls to portals, providers and the mail server, by what was done, whose request it was for (empty: nobody's) and how it ended.", "doing", "portal", "outcome")
	m.took = m.histogram("keybridge_call_seconds",
		"How long calls took, by what was done and who was called: portal, provider or mail.", prometheus.ExponentialBuckets(0.002, 2.5, 11), "doing", "to")
	m.changes = m.counter("keybridge_changes_total", "Lines added to the history of requests, by what changed.", "what")
	m.messages = m.counter("keybridge_messages_total",
		"Attempts to tell an applicant something, by what it was and how it ended.", "message", "outcome")
	m.outgoing = m.counter("keybridge_outgoing_total",
		"Attempts to deliver an outgoing webhook, by endpoint and what became of them.", "endpoint", "outcome")
	m.group = m.histogram("keybridge_commit_writes", "How many writes shared a commit of the store.", prometheus.ExponentialBuckets(1, 2, 11))
	m.commit = m.histogram("keybridge_commit_seconds",
		"How long a commit of the store took, until it was on the disk.", prometheus.ExponentialBuckets(0.0002, 2.5, 11))
	m.signIns = m.counter("keybridge_sign_ins_total", "Sign-ins at the console, ok or refused.", "outcome")
	m.refusals = m.counter("keybridge_refusals_total",
		"What people and programs were refused, beside sign-ins: a token that is not good, or an operation that they may not do.", "of")
	m.exports = m.counter("keybridge_exports_total", "Lists and audits that somebody took away.")
	m.showUndelivered()
	m.showFar()
	m.showStore()
	m.showEndpoints()
	m.showReconciled()
	m.begin()
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.handler = promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
	return m
}

// begin shows at zero what has one series or few, so that the first of it is an increase.
func (m *Metrics) begin() {
	for _, outcome := range []string{"ok", "refused"} {
		m.signIns.WithLabelValues(outcome)
	}
	for _, of := range []string{"token", "operation"} {
		m.refusals.WithLabelValues(of)
	}
	m.exports.WithLabelValues()
	m.group.WithLabelValues()
	m.commit.WithLabelValues()
}

// Measures are all metrics that are about the bridge, as they are documented. Those of
// the process and of Go's runtime come with them.
func (m *Metrics) Measures() []Measure { return m.all }

// Hint counts a word from outside: a webhook's delivery. source and outcome are words
// of ours.
func (m *Metrics) Hint(source, outcome string) { m.hints.WithLabelValues(source, outcome).Inc() }

// Expect shows a source of hints with its outcomes at zero.
func (m *Metrics) Expect(source string, outcomes []string) {
	for _, outcome := range outcomes {
		m.hints.WithLabelValues(source, outcome)
	}
}

// Hinted counts a hint that no webhook brought; see bridge.Config.Hinted.
func (m *Metrics) Hinted(by string, a bridge.Accepted, err error) {
	outcome := a.Outcome()
	if err != nil {
		outcome = outcomeOf(bridge.KindOf(err))
	}
	m.Hint(by, outcome)
}

// Handoff counts a browser that was handed off.
func (m *Metrics) Handoff(portal, way, outcome string) {
	m.handoffs.WithLabelValues(portal, way, outcome).Inc()
}

// Try counts a call to a portal, a provider or the notifier, and notes who answers.
func (m *Metrics) Try(t bridge.Try) {
	m.calls.WithLabelValues(t.Doing, t.Portal, outcomeOf(t.Kind)).Inc()
	m.took.WithLabelValues(t.Doing, toWhom(t.Doing)).Observe(t.Took.Seconds())
	m.far.tried(t)
}

// Telling returns a notifier that counts what n is given to send. bridge.Try says that
// somebody was told, and not what.
func (m *Metrics) Telling(n bridge.Notifier) bridge.Notifier { return telling{n, m.messages} }

type telling struct {
	bridge.Notifier
	messages *prometheus.CounterVec
}

func (t telling) Send(ctx context.Context, msg bridge.Message) error {
	err := t.Notifier.Send(ctx, msg)
	t.messages.WithLabelValues(string(msg.Kind), outcomeOf(bridge.KindOf(err))).Inc()
	return err
}

func outcomeOf(k bridge.Kind) string {
	if k == "" {
		return "ok"
	}
	return string(k)
}

// Outgoing counts an attempt to deliver an outgoing webhook. endpoint is its configured
// name, outcome a word of ours.
func (m *Metrics) Outgoing(endpoint, outcome string) {
	m.outgoing.WithLabelValues(endpoint, outcome).Inc()
}

// Endpoints shows from now on how the endpoints of the outgoing webhooks stand. list is
// called at every scrape, perhaps by several at once, and returns each endpoint once; it
// waits for nothing but the store. Endpoints is called once, before the first scrape.
func (m *Metrics) Endpoints(list func() []Endpoint) { m.endpoints = list }

func (m *Metrics) showEndpoints() {
	paused := m.gauge("keybridge_outgoing_paused", "1 while nothing is sent to an endpoint, because it kept refusing; 0 while it is.", "endpoint")
	behind := m.gauge("keybridge_outgoing_behind", "Messages that wait for an endpoint, as far as they are counted.", "endpoint")
	m.registry.MustRegister(readings{[]*prometheus.Desc{paused, behind}, func(tell func(*prometheus.Desc, float64, ...string)) {
		if m.endpoints == nil {
			return
		}
		for _, e := range m.endpoints() {
			tell(paused, oneIf(!e.PausedSince.IsZero()), e.Name)
			tell(behind, float64(e.Behind), e.Name)
		}
	}})
}

func oneIf(so bool) float64 {
	if so {
		return 1
	}
	return 0
}

// Recorded counts an entry of the house's own chain: sign-ins, refusals, exports.
func (m *Metrics) Recorded(e bridge.Entry) {
	switch {
	case e.What == bridge.WhatSignedIn && e.After == "signed in":
		m.signIns.WithLabelValues("ok").Inc()
	case e.What == bridge.WhatExported:
		m.exports.WithLabelValues().Inc()
	case e.What != bridge.WhatRefused:
	case e.After == "sign-in":
		m.signIns.WithLabelValues("refused").Inc()
	case e.After == "token" || strings.HasPrefix(e.After, "token "):
		m.refusals.WithLabelValues("token").Inc()
	default:
		m.refusals.WithLabelValues("operation").Inc()
	}
}

// Commit counts a commit of the store: how many writes shared it, and how long it took.
func (m *Metrics) Commit(group int, took time.Duration) {
	m.group.WithLabelValues().Observe(float64(group))
	m.commit.WithLabelValues().Observe(took.Seconds())
}

// Changed counts new lines of history, and notes where the request stands.
func (m *Metrics) Changed(r bridge.Request, entries []bridge.Entry) {
	for _, e := range entries {
		m.changes.WithLabelValues(string(e.What)).Inc()
	}
	m.undelivered.changed(r)
}
