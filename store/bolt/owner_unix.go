//go:build unix

package bolt

import (
	"os"
	"syscall"
)

// keepOwner gives a file the owner of another one, so that an administrator who looks
// after a store does not take it from the user who serves it.
func keepOwner(path string, like os.FileInfo) error {
	want, ok := like.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 { // nobody else may give a file away
		return nil
	}
	return os.Chown(path, int(want.Uid), int(want.Gid))
}
