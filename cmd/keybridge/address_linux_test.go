package main

import (
	"net"
	"strconv"
	"syscall"
	"testing"
)

// ownAddress is an address on loopback that is the test's until it ends: nobody else is
// given it, also while the bridge that answers there is stopped or killed and has not
// started again. Until somebody listens there, connections are refused.
//
// The kernel gives a port that it may choose to nobody while a socket is bound to it, and
// lets who names it listen beside a socket that was bound in the same way (SO_REUSEADDR,
// as package net does) and does not listen itself.
func ownAddress(t testing.TB) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) }) // nothing was written
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	bound, ok := name.(*syscall.SockaddrInet4)
	if !ok {
		t.Fatalf("the socket is bound to %T", name)
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(bound.Port))
}
