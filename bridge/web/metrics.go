package web

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"keybridge/bridge"
)

// Metrics counts what happens. Labels hold names from the configuration and words
// of ours, never an id or anything a stranger sent.
type Metrics struct {
	handler  http.Handler
	registry *prometheus.Registry
	hints    *prometheus.CounterVec
	handoffs *prometheus.CounterVec
	calls    *prometheus.CounterVec
	took     *prometheus.HistogramVec
	changes  *prometheus.CounterVec
	messages *prometheus.CounterVec
	outgoing *prometheus.CounterVec

	mu sync.Mutex
	// undelivered are the decisions that the outside does not know yet, with when they
	// were made, and unwell the requests that need attention. Both are what was seen of
	// requests since the start: one that was left over from before is seen when it is
	// tried again.
	undelivered map[bridge.ID]time.Time
	unwell      map[bridge.ID]bool
}

// NewMetrics returns metrics in a registry of their own.
func NewMetrics() *Metrics {
	m := &Metrics{
		undelivered: map[bridge.ID]time.Time{}, unwell: map[bridge.ID]bool{},
		hints: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "keybridge_hints_total",
			Help: "Words from outside by source (a webhook's, or poll/ and a portal's name) and what became of them."}, []string{"source", "outcome"}),
		handoffs: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "keybridge_handoffs_total",
			Help: "Browsers handed off by a portal, by the way they came and what became of them."}, []string{"portal", "way", "outcome"}),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "keybridge_calls_total",
			Help: "Calls to portals, providers and the mail server by what was done and how it ended."}, []string{"doing", "portal", "outcome"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "keybridge_call_seconds",
			Help: "How long calls to portals, providers and the mail server took.", Buckets: prometheus.ExponentialBuckets(0.002, 2.5, 10)}, []string{"doing"}),
		changes: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "keybridge_changes_total",
			Help: "Lines added to the history of requests, by what changed."}, []string{"what"}),
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "keybridge_messages_total",
			Help: "Attempts to tell an applicant something, by what it was and how it ended."}, []string{"message", "outcome"}),
		outgoing: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "keybridge_outgoing_total",
			Help: "Attempts to deliver an outgoing webhook, by endpoint and what became of them."}, []string{"endpoint", "outcome"}),
		registry: prometheus.NewRegistry(),
	}
	m.registry.MustRegister(m.hints, m.handoffs, m.calls, m.took, m.changes, m.messages, m.outgoing,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "keybridge_undelivered_oldest_seconds",
			Help: "Age of the oldest decision that portal and provider do not both know yet; 0 when there is none."}, m.oldest),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "keybridge_undelivered",
			Help: "Decisions that portal and provider do not both know yet."}, func() float64 { return m.count(func() int { return len(m.undelivered) }) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "keybridge_needing_attention",
			Help: "Requests that need a person."}, func() float64 { return m.count(func() int { return len(m.unwell) }) }),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.handler = promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
	return m
}

// Hint counts a word from outside: a webhook's delivery, or a key request that was found
// by asking a portal. source and outcome are words of ours.
func (m *Metrics) Hint(source, outcome string) { m.hints.WithLabelValues(source, outcome).Inc() }

// Handoff counts a browser that was handed off.
func (m *Metrics) Handoff(portal, way, outcome string) {
	m.handoffs.WithLabelValues(portal, way, outcome).Inc()
}

// Try counts a call to a portal, a provider or the notifier.
func (m *Metrics) Try(t bridge.Try) {
	m.calls.WithLabelValues(t.Doing, t.Portal, outcomeOf(t.Kind)).Inc()
	m.took.WithLabelValues(t.Doing).Observe(t.Took.Seconds())
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
// waits for nothing but the store. Endpoints is called once.
func (m *Metrics) Endpoints(list func() []Endpoint) { m.registry.MustRegister(standing(list)) }

// standing collects how the endpoints stand.
type standing func() []Endpoint

var (
	pausedDesc = prometheus.NewDesc("keybridge_outgoing_paused",
		"1 while nothing is sent to an endpoint, because it kept refusing; 0 while it is.", []string{"endpoint"}, nil)
	behindDesc = prometheus.NewDesc("keybridge_outgoing_behind",
		"Messages that wait for an endpoint, as far as they are counted.", []string{"endpoint"}, nil)
)

// Describe implements prometheus.Collector.
func (standing) Describe(out chan<- *prometheus.Desc) { out <- pausedDesc; out <- behindDesc }

// Collect implements prometheus.Collector.
func (s standing) Collect(out chan<- prometheus.Metric) {
	for _, e := range s() {
		paused := 0.0
		if !e.PausedSince.IsZero() {
			paused = 1
		}
		out <- prometheus.MustNewConstMetric(pausedDesc, prometheus.GaugeValue, paused, e.Name)
		out <- prometheus.MustNewConstMetric(behindDesc, prometheus.GaugeValue, float64(e.Behind), e.Name)
	}
}

// Changed counts new lines of history, and notes where the request stands.
func (m *Metrics) Changed(r bridge.Request, entries []bridge.Entry) {
	for _, e := range entries {
		m.changes.WithLabelValues(string(e.What)).Inc()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch r.Stage() {
	case bridge.StateApproving, bridge.StateDeclining:
		m.undelivered[r.ID] = r.Verdict.Mark.At
	default:
		delete(m.undelivered, r.ID)
	}
	junk := r.Access.Have == bridge.Unread && r.Arrival.Trust == bridge.Bare // dropped without a word
	if r.Work.Attention && !junk {
		m.unwell[r.ID] = true
	} else {
		delete(m.unwell, r.ID)
	}
}

// oldest is the age of the oldest undelivered decision in seconds.
func (m *Metrics) oldest() float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	var age time.Duration
	for _, at := range m.undelivered {
		age = max(age, time.Since(at))
	}
	return age.Seconds()
}

func (m *Metrics) count(of func() int) float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return float64(of())
}
