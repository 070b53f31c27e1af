//go:build race

package bridge

// raced reports that the race detector is on.
const raced = true
