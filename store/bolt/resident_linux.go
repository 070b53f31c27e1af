package bolt

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
)

// residentFiles is how many bytes of files are mapped and in this process's memory, 0
// where the system does not tell. Source: proc_pid_statm(5), the third number.
func residentFiles() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	fields := bytes.Fields(text)
	if err != nil || len(fields) < 3 {
		return 0
	}
	pages, _ := strconv.ParseInt(string(fields[2]), 10, 64) // the kernel writes numbers
	return pages * int64(os.Getpagesize())
}

// giveBack takes what is mapped from an address on out of this process's memory. It is
// still mapped: who reads it finds it in the system's cache, or on the disk.
// Source: madvise(2), MADV_DONTNEED on a shared mapping of a file.
func giveBack(from uintptr, size int64) error {
	page := int64(os.Getpagesize())
	size = (size + page - 1) / page * page
	if _, _, errno := syscall.Syscall(syscall.SYS_MADVISE, from, uintptr(size), syscall.MADV_DONTNEED); errno != 0 { //nolint:gosec // positive
		return errno
	}
	return nil
}
