//go:build !linux

package main

import (
	"os"
	"time"
)

// dataSync has what was written on the disk before it returns, as a store's commit does.
func dataSync(f *os.File) error { return f.Sync() }

// processorsOfThis is not known here.
func processorsOfThis() time.Duration { return 0 }
