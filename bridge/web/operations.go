package web

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"keybridge/bridge"
)

// Operations answers health and metrics, on a listener that the public does not
// reach.
type Operations struct {
	Metrics *Metrics
	// Ready says why the bridge cannot take anything in; nil when it can. Called on
	// every /readyz.
	Ready func(context.Context) error

	stopping atomic.Bool
}

// Stop makes /readyz answer that the bridge is going, so that nothing new is sent.
func (o *Operations) Stop() { o.stopping.Store(true) }

// ServeHTTP answers /healthz, /readyz and /metrics.
func (o *Operations) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/healthz":
		writeJSON(w, map[string]string{"status": "ok"})
	case "/readyz":
		o.ready(w, r)
	case "/metrics":
		o.Metrics.handler.ServeHTTP(w, r)
	default:
		writeProblem(w, &bridge.Error{Kind: bridge.NotFound, Msg: "Here are /healthz, /readyz and /metrics."})
	}
}

func (o *Operations) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	err := o.Ready(ctx)
	if o.stopping.Load() {
		err = &bridge.Error{Kind: bridge.Unavailable, Msg: "the bridge is stopping"}
	}
	if err != nil {
		w.Header().Set("Retry-After", "5")
		writeProblem(w, &bridge.Error{Kind: bridge.Unavailable, Msg: bridge.Explain(err), Err: err})
		return
	}
	writeJSON(w, map[string]string{"status": "ready"})
}

// Metrics counts what happens. Labels hold names from the configuration and words
// of ours, never an id or anything a stranger sent.
type Metrics struct {
	handler  http.Handler
	hints    *prometheus.CounterVec
	handoffs *prometheus.CounterVec
	calls    *prometheus.CounterVec
	took     *prometheus.HistogramVec
	changes  *prometheus.CounterVec
}

// NewMetrics returns metrics in a registry of their own.
func NewMetrics() *Metrics {
	m := &Metrics{
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

// Changed counts new lines of history.
func (m *Metrics) Changed(_ bridge.Request, entries []bridge.Entry) {
	for _, e := range entries {
		m.changes.WithLabelValues(string(e.What)).Inc()
	}
}
