// Package portaltest is the suite that every bridge.Portal has to pass. What a comment on bridge.Portal promises is
// tried here, against a portal that can be seen from both ends: through the adapter, and at the far end, where the
// portal's own admin works, answers get lost and decisions are counted.
//
// # How to use it
//
// Run is given a function that builds a Stand: the adapter under test with the levers at the far end. It is called once
// for each test, and each test has its portal to itself. Portals differ: what declining leaves behind, whether a key is
// resumed or another one given, whether a reason can be kept. The stand says how its portal is, and the tests expect what
// follows from it. Levers that a portal does not have are nil; the few tests that need them are then left out, and Run
// says in its documentation which those are.
//
//	func TestClassic(t *testing.T) {
//		portaltest.Run(t, func(t *testing.T) portaltest.Stand { … })
//	}
//
// # What it must never do
//
// It takes no adapter's side: it knows the domain's words only, and imports nothing of an adapter. It does not wait for
// time to pass.
//
// # Decisions
//
//   - The adapter is wrapped, and all that comes back through it (facts, errors, and what it logged) is searched for the
//     far end's secrets after every test, not in a test of its own: a key that leaks, leaks in the path nobody thought of.
//   - Decisions are counted at the far end. That an adapter asked twice is no fault, that the portal decided twice is.
package portaltest
