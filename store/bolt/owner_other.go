//go:build !unix

package bolt

import "os"

// keepOwner does nothing where a file's owner is no number.
func keepOwner(string, os.FileInfo) error { return nil }
