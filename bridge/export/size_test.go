package export_test

import (
	"context"
	"io"
	"runtime"
	"testing"

	"keybridge/bridge"
	"keybridge/bridge/export"
)

// BenchmarkAHundredThousandRows says how long a long list takes, and how much memory it
// takes at its most beside what was there before: held MB. Go's collector runs now and
// then, so that holds some rubbish too.
func BenchmarkAHundredThousandRows(b *testing.B) {
	const rows = 100_000
	page := bridge.Page{Requests: make([]bridge.Request, 200), Next: "more"}
	for i := range page.Requests {
		page.Requests[i] = full()
	}
	for _, as := range bridge.Formats {
		b.Run(string(as), func(b *testing.B) {
			for b.Loop() {
				before, most := heap(), 0.0
				left := rows / len(page.Requests)
				list := func(context.Context, bridge.Filter) (bridge.Page, error) {
					p := page
					if left--; left == 0 {
						p.Next = ""
					}
					if left%10 == 0 {
						most = max(most, heap())
					}
					return p, nil
				}
				n, err := export.Write(io.Discard, export.Requests(export.Each(b.Context(), list, bridge.Filter{})), as, b.TempDir())
				if err != nil || n != rows {
					b.Fatal(n, err)
				}
				b.ReportMetric(max(most, heap())-before, "held-MB")
			}
		})
	}
}

// heap is how much is in use, in MiB.
func heap() float64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapInuse) / (1 << 20)
}
