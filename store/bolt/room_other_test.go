//go:build !unix

package bolt

// fillTheDisk needs a limit on the size of files; see room_unix_test.go.
var fillTheDisk func(path string) error
