package web_test

import (
	"strings"
	"testing"
	"time"

	"keybridge/bridge"
	"keybridge/bridge/web"
)

func TestTheLastReconciliationIsToldByKind(t *testing.T) {
	m := web.NewMetrics()
	var last *bridge.Reconciliation
	m.Reconciled(func() (bridge.Reconciliation, bool) {
		if last == nil {
			return bridge.Reconciliation{}, false
		}
		return *last, true
	})
	if got := samples(m, "keybridge_differences"); len(got) > 0 {
		t.Errorf("before the first run: %v", got)
	}
	last = &bridge.Reconciliation{
		Ended: time.Unix(1_800_000_000, 0), Failed: []bridge.Unasked{{Portal: "main", Count: 2}, {Provider: "stripe", Count: 1}},
		Counts: []bridge.DifferenceCount{{Portal: "main", Kind: bridge.NotGranted, Count: 2}, {Portal: "other", Kind: bridge.NotGranted, Count: 1}},
	}
	got := samples(m, "keybridge_differences")
	if len(got) != len(bridge.DifferenceKinds) || got[`keybridge_differences{kind="paid but not granted"}`] != "3" || got[`keybridge_differences{kind="open twice"}`] != "0" {
		t.Errorf("%v", got)
	}
	_, _, body := ask(&web.Operations{Metrics: m}, "GET", "/metrics", "")
	for _, want := range []string{"keybridge_reconciled_timestamp_seconds 1.8e+09\n", "keybridge_reconcile_unasked 3\n"} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is not in the metrics", want)
		}
	}
}
