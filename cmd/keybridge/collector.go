package main

import "runtime/debug"

// A bridge has some 15 MB on its heap and makes much that is garbage at once, so the
// runtime's usual pace has it collect dozens of times a second under load: a sixth of the
// processor's time on the whole way of a key, measured. It may be lazier while there is
// little to collect. heapBound is where that ends: from there it collects as often as it
// has to (and with no more than half of the processors), because what is mapped of the
// store's file needs memory too.
const (
	heapGrowth = 400
	heapBound  = 256 << 20
)

// relaxCollector sets this up, unless the environment says how it is to be (GOGC,
// GOMEMLIMIT: see package runtime).
func relaxCollector(lookup func(string) (string, bool)) {
	if _, said := lookup("GOGC"); !said {
		debug.SetGCPercent(heapGrowth)
	}
	if _, said := lookup("GOMEMLIMIT"); !said {
		debug.SetMemoryLimit(heapBound)
	}
}
