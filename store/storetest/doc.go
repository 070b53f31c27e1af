// Package storetest is the suite that every bridge.Store has to pass. It says, in
// the names of its tests, what bridge/ports.go leaves to be said, and knows a store
// by its port alone.
//
// An adapter's test calls Run with a function that opens an empty store:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T, now func() time.Time) bridge.Store {
//			...
//		})
//	}
//
// Time is the suite's: it hands the store a clock and moves it by hand, so that
// thirty-five days pass at once. What only one kind of store can promise (that its
// file survives a crash, that a second process is told off) is tested beside it.
package storetest
