package main

import (
	"math"
	"runtime/debug"
	"testing"
)

func TestTheEnvironmentSaysHowTheCollectorIs(t *testing.T) {
	percent, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(math.MaxInt64)
	t.Cleanup(func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	})
	for _, c := range []struct {
		name    string
		said    map[string]string
		percent int
		limit   int64
	}{
		{"both said", map[string]string{"GOGC": "100", "GOMEMLIMIT": "1GiB"}, 100, math.MaxInt64},
		{"nothing said", nil, heapGrowth, heapBound},
		{"a limit said", map[string]string{"GOMEMLIMIT": "1GiB"}, heapGrowth, math.MaxInt64},
		{"a pace said", map[string]string{"GOGC": "100"}, 100, heapBound},
	} {
		debug.SetGCPercent(100)
		debug.SetMemoryLimit(math.MaxInt64)
		relaxCollector(func(name string) (string, bool) { text, ok := c.said[name]; return text, ok })
		if got := debug.SetGCPercent(100); got != c.percent {
			t.Errorf("%s: the heap grows by %d %%, want %d", c.name, got, c.percent)
		}
		if got := debug.SetMemoryLimit(-1); got != c.limit {
			t.Errorf("%s: the limit is %d, want %d", c.name, got, c.limit)
		}
	}
}
