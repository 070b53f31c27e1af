//go:build !linux

package bolt

// failSync needs Linux's /proc; see fault_linux_test.go.
var failSync func(path string) error
