package web

import (
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
	hints    *prometheus.CounterVec
	handoffs *prometheus.CounterVec
	calls    *prometheus.CounterVec
	took     *prometheus.HistogramVec
	changes  *prometheus.CounterVec

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
			Help: "Webhook deliveries by source and what became of them."}, []string{"source", "outcome"}),
		handoffs: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "keybridge_handoffs_total",
			Help: "Browsers handed off by a portal, by the way they came and what became of them."}, []string{"portal", "way", "outcome"}),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "keybridge_calls_total",
			Help: "Calls to portals and providers by what was done and how it ended."}, []string{"doing", "portal", "outcome"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "keybridge_call_seconds",
			Help: "How long calls to portals and providers took.", Buckets: prometheus.ExponentialBuckets(0.002, 2.5, 10)}, []string{"doing"}),
		changes: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "keybridge_changes_total",
			Help: "Lines added to the history of requests, by what changed."}, []string{"what"}),
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(m.hints, m.handoffs, m.calls, m.took, m.changes,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "keybridge_undelivered_oldest_seconds",
			Help: "Age of the oldest decision that portal and provider do not both know yet; 0 when there is none."}, m.oldest),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "keybridge_undelivered",
			Help: "Decisions that portal and provider do not both know yet."}, func() float64 { return m.count(func() int { return len(m.undelivered) }) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "keybridge_needing_attention",
			Help: "Requests that need a person."}, func() float64 { return m.count(func() int { return len(m.unwell) }) }),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.handler = promhttp.HandlerFor(reg, promhttp.HandlerOpts{})
	return m
}

// Hint counts a webhook delivery.
func (m *Metrics) Hint(source, outcome string) { m.hints.WithLabelValues(source, outcome).Inc() }

// Handoff counts a browser that was handed off.
func (m *Metrics) Handoff(portal, way, outcome string) {
	m.handoffs.WithLabelValues(portal, way, outcome).Inc()
}

// Try counts a call to a portal or provider.
func (m *Metrics) Try(t bridge.Try) {
	outcome := string(t.Kind)
	if outcome == "" {
		outcome = "ok"
	}
	m.calls.WithLabelValues(t.Doing, t.Portal, outcome).Inc()
	m.took.WithLabelValues(t.Doing).Observe(t.Took.Seconds())
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
