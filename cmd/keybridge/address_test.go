package main

import (
	"net"
	"testing"
)

// Whoever stops listening at an address of their own finds it free again, and nobody is
// given it meanwhile.
func TestAnOwnAddressIsGivenToNobodyElse(t *testing.T) {
	t.Parallel()
	address := ownAddress(t)
	for range 3 {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if c, err := net.Dial("tcp", address); err == nil {
			_ = c.Close()
			t.Error("somebody answers where nobody listens")
		}
	}
	for range 2000 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if l.Addr().String() == address {
			t.Error("somebody else was given the address")
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
