// Package billingtest is the conformance suite of bridge.Provider: what must be
// true of every payment provider, shown against the real adapter.
//
// # The idea
//
// A Provider stands between the worker and somebody who holds money. The suite
// drives both ends: it calls the provider as the worker does, and pulls levers at the
// far end as developers, banks and the passing of time do. After each step it reads
// what the provider says and what has in truth happened there (Effects), and lets
// connections break in between.
//
// # How an adapter uses it
//
//	func TestConformance(t *testing.T) {
//		billingtest.Run(t, func(t *testing.T) billingtest.Stand { … })
//	}
//
// A Stand is made afresh for every test. A provider that has no counterpart of some
// lever (an invoice on paper is never disputed by a bank) names it in Stand.Lacks;
// tests that need it are then left out of the suite rather than skipped, because
// there is nothing they could show.
//
// # Decisions
//
//   - Whatever a call returns is held to the rules that every bridge.Money obeys
//     (bench.see), so that each test need only say what is particular to it.
//   - A test keeps its request as the worker does, by bridge.Change.Observe: what the
//     next call is given is what the last one said.
//
// It imports testing and is for tests only.
package billingtest
