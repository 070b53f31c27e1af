//go:build !linux && !darwin

package bolt

// disk says that nothing is known of the disk.
func disk(string) (size, free int64, err error) { return 0, 0, nil }
