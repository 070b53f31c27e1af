package ledger

import (
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"keybridge/bridge"
	"keybridge/store/bolt"
)

// BenchmarkVerify verifies a store of 20,000 requests with ten entries each, and tells how
// much memory more than before was in use at most.
func BenchmarkVerify(b *testing.B) {
	const requests, entries, clients = 20_000, 10, 256
	store, err := bolt.Open(bolt.Config{Path: filepath.Join(b.TempDir(), "keybridge.db")})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = store.Close() })
	w := &world{store: store, now: time.Now()}
	var all sync.WaitGroup
	for client := range clients {
		all.Go(func() {
			for n := client; n < requests; n += clients {
				c := &bridge.Change{Request: bridge.Request{ID: testID(n), Portal: "main", Key: fmt.Sprint(n)}}
				for range entries {
					w.note(c, "x")
				}
				if _, err := store.Accept(b.Context(), bridge.Hint{Source: "x", ID: fmt.Sprint(n), Portal: "main", Key: c.Key, Intake: c}, nil); err != nil {
					b.Error(err)
				}
			}
		})
	}
	all.Wait()
	var before, most runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for b.Loop() {
		r, err := Verify(b.Context(), store, Options{Progress: func(uint64, uint64) {
			var now runtime.MemStats
			if runtime.ReadMemStats(&now); now.HeapAlloc > most.HeapAlloc {
				most = now
			}
		}})
		if err != nil || !r.Whole() || r.Entries != requests*entries {
			b.Fatalf("%v, %+v", err, r)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/requests/entries, "ns/entry")
	b.ReportMetric(float64(most.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB")
}
