package web

import (
	"github.com/prometheus/client_golang/prometheus"

	"keybridge/bridge"
)

// Reconciled shows from now on what the last reconciliation found. last returns it, and
// false when there is none; it is called at every scrape, perhaps by several at once, and
// waits for nothing but the store. Reconciled is called once.
func (m *Metrics) Reconciled(last func() (bridge.Reconciliation, bool)) {
	m.registry.MustRegister(reconciled(last))
}

// reconciled collects what the last reconciliation found. Before the first one there is
// nothing to collect: no differences would be a claim.
type reconciled func() (bridge.Reconciliation, bool)

var (
	differencesDesc = prometheus.NewDesc("keybridge_differences",
		"Differences between provider, bridge and portals that the last reconciliation found, by kind.", []string{"kind"}, nil)
	reconciledDesc = prometheus.NewDesc("keybridge_reconciled_timestamp_seconds",
		"When the last reconciliation ended, in seconds since 1970.", nil, nil)
	unaskedDesc = prometheus.NewDesc("keybridge_reconcile_unasked",
		"Calls to portals and providers that the last reconciliation could not make.", nil, nil)
)

// Describe implements prometheus.Collector.
func (reconciled) Describe(out chan<- *prometheus.Desc) {
	out <- differencesDesc
	out <- reconciledDesc
	out <- unaskedDesc
}

// Collect implements prometheus.Collector.
func (c reconciled) Collect(out chan<- prometheus.Metric) {
	r, ok := c()
	if !ok {
		return
	}
	found := map[bridge.DifferenceKind]int{}
	for _, n := range r.Counts {
		found[n.Kind] += n.Count
	}
	for _, kind := range bridge.DifferenceKinds {
		out <- prometheus.MustNewConstMetric(differencesDesc, prometheus.GaugeValue, float64(found[kind]), string(kind))
	}
	unasked := 0
	for _, f := range r.Failed {
		unasked += f.Count
	}
	out <- prometheus.MustNewConstMetric(unaskedDesc, prometheus.GaugeValue, float64(unasked))
	out <- prometheus.MustNewConstMetric(reconciledDesc, prometheus.GaugeValue, float64(r.Ended.Unix()))
}
