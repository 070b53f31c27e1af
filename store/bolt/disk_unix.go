//go:build linux || darwin

package bolt

import (
	"fmt"
	"syscall"
)

// disk returns how large the disk is that a file lies on, and how much of it can still
// be written by whom this process runs as, in bytes.
func disk(path string) (size, free int64, err error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(path, &st); err != nil {
		return 0, 0, fmt.Errorf("stats of the disk: %w", err)
	}
	block := uint64(st.Bsize)                                      //nolint:gosec // the size of a block is positive
	return int64(st.Blocks * block), int64(st.Bavail * block), nil //nolint:gosec // no disk has 8 EiB
}
