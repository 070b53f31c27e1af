package web

import (
	"github.com/prometheus/client_golang/prometheus"
)

// Measure is one of the metrics, as it is documented.
type Measure struct {
	// Name begins with keybridge_ and ends with its unit where it has one: seconds,
	// bytes, or total for what only grows.
	Name string `json:"name"`
	// Kind is counter, gauge or histogram.
	Kind string `json:"kind"`
	// Labels are in the order in which they are documented.
	Labels []string `json:"labels,omitempty"`
	Help   string   `json:"help"`
}

// measures makes metrics, and keeps of each what is documented of it: one that is made
// elsewhere does not exist.
type measures struct {
	registry *prometheus.Registry
	all      []Measure
}

// counter makes what only grows.
func (m *measures) counter(name, help string, labels ...string) *prometheus.CounterVec {
	m.all = append(m.all, Measure{name, "counter", labels, help})
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	m.registry.MustRegister(c)
	return c
}

// histogram makes what is spread over buckets.
func (m *measures) histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	m.all = append(m.all, Measure{name, "histogram", labels, help})
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	m.registry.MustRegister(h)
	return h
}

// gauge describes what is read when it is asked for; see readings.
func (m *measures) gauge(name, help string, labels ...string) *prometheus.Desc {
	m.all = append(m.all, Measure{name, "gauge", labels, help})
	return prometheus.NewDesc(name, help, labels, nil)
}

// readings collects gauges: read sends what they are at the moment. What it sends
// nothing of is not there, because a wrong number would be worse than none.
type readings struct {
	gauges []*prometheus.Desc
	read   func(tell func(g *prometheus.Desc, value float64, labels ...string))
}

// Describe implements prometheus.Collector.
func (r readings) Describe(out chan<- *prometheus.Desc) {
	for _, g := range r.gauges {
		out <- g
	}
}

// Collect implements prometheus.Collector.
func (r readings) Collect(out chan<- prometheus.Metric) {
	r.read(func(g *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(g, prometheus.GaugeValue, value, labels...)
	})
}
