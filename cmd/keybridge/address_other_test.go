//go:build !linux

package main

import (
	"net"
	"testing"
)

// ownAddress is an address on loopback where nobody listened a moment ago. Elsewhere than
// on Linux it cannot be kept from others while nobody listens there.
func ownAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }() // nobody has connected
	return l.Addr().String()
}
