package main

import (
	"context"
	"runtime"
	"testing"
	"time"

	"keybridge/bridge"
)

// BenchmarkExport takes all requests of a house that has many away as a file, and reports
// the memory that it takes at most beside what the bridge has in use at rest, looked at
// every 10 ms, what the collector has yet to clear included. See requestsAsked and grow;
// run with -benchtime=1x.
func BenchmarkExport(b *testing.B) {
	n := requestsAsked(b)
	s := &stand{t: b, folder: grow(b, n), log: &logbook{}}
	var err error
	if s.sandboxes, err = startSandboxes(sandboxAddrs{}); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.Stop)
	s.start()
	vera := bridge.Person{Name: "vera", Role: bridge.Viewer}
	for _, as := range bridge.Formats {
		b.Run(string(as), func(b *testing.B) {
			runtime.GC()
			for b.Loop() {
				before := inUse()
				j, err := s.bridge.shelf.Start(s.bridge.service.Desk(vera), as, bridge.Filter{})
				if err != nil {
					b.Fatal(err)
				}
				most := before
				for end := time.Now().Add(10 * time.Minute); j.State == bridge.ExportMaking && time.Now().Before(end); {
					most = max(most, inUse())
					ctx, cancel := context.WithTimeout(b.Context(), 10*time.Millisecond)
					if j, err = s.bridge.shelf.Wait(ctx, vera, j.ID); err != nil {
						b.Fatal(err)
					}
					cancel()
				}
				if j.State != bridge.ExportReady || j.Rows != n {
					b.Fatalf("the file is %s with %d rows of %d: %s", j.State, j.Rows, n, j.Problem)
				}
				b.ReportMetric(most-before, "held-MB")
				b.ReportMetric(float64(j.Size)/(1<<20), "file-MB")
			}
		})
	}
}

// inUse is the memory in use, in MiB.
func inUse() float64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapInuse+m.StackInuse) / (1 << 20)
}
