package main

import (
	"os"
	"syscall"
	"time"
)

// dataSync has what was written on the disk before it returns, as a store's commit does.
func dataSync(f *os.File) error { return syscall.Fdatasync(int(f.Fd())) }

// processorsOfThis is how much time this process was given so far.
func processorsOfThis() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
