package web

import (
	"github.com/prometheus/client_golang/prometheus"

	"keybridge/bridge"
)

// Reconciled shows from now on what the last reconciliation found. last returns it, and
// false when there is none; it is called at every scrape, perhaps by several at once, and
// waits for nothing but the store. Reconciled is called once, before the first scrape.
func (m *Metrics) Reconciled(last func() (bridge.Reconciliation, bool)) { m.reconciled = last }

// showReconciled shows nothing before the first reconciliation: no differences would be a
// claim.
func (m *Metrics) showReconciled() {
	differences := m.gauge("keybridge_differences",
		"Differences between provider, bridge and portals that the last reconciliation found, by kind; absent before the first one.", "kind")
	unasked := m.gauge("keybridge_reconcile_unasked",
		"Calls to portals and providers that failed in the last reconciliation, so that not everything was compared.")
	at := m.gauge("keybridge_reconciled_timestamp_seconds", "When the last reconciliation ended, in seconds since 1970.")
	m.registry.MustRegister(readings{[]*prometheus.Desc{differences, unasked, at}, func(tell func(*prometheus.Desc, float64, ...string)) {
		if m.reconciled == nil {
			return
		}
		r, ok := m.reconciled()
		if !ok {
			return
		}
		found := map[bridge.DifferenceKind]int{}
		for _, n := range r.Counts {
			found[n.Kind] += n.Count
		}
		for _, kind := range bridge.DifferenceKinds {
			tell(differences, float64(found[kind]), string(kind))
		}
		failed := 0
		for _, f := range r.Failed {
			failed += f.Count
		}
		tell(unasked, float64(failed))
		tell(at, float64(r.Ended.Unix()))
	}})
}
