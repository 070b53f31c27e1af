package bolt

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A file is made whole under a temporary name, which says whose it is: .NAME, what follows,
// and digits. Who is killed leaves it behind, as large as a store may be.
const unfinished = ".keybridge-unfinished-"

// deadAfter is how long nobody has to have written to such a file for it to be nobody's:
// the copy of a large store may be looked at for hours after it was written.
const deadAfter = 24 * time.Hour

// tempName makes an empty file beside path, with mode 0600.
func tempName(path string) (string, error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+unfinished+"*")
	if err != nil {
		return "", err
	}
	return f.Name(), f.Close()
}

// isUnfinished reports whether a file has such a name.
func isUnfinished(name string) bool {
	i := strings.LastIndex(name, unfinished)
	digits := name[max(i, 0):]
	return i > 1 && name[0] == '.' && strings.Trim(digits[len(unfinished):], "0123456789") == "" && len(digits) > len(unfinished)
}

// clearUnfinished removes from a folder what a process that died has left there. What it
// cannot do is told, and keeps nobody from anything.
func clearUnfinished(folder string, now time.Time, log *slog.Logger) {
	files, err := os.ReadDir(folder)
	if err != nil {
		log.Warn("cannot look for what a killed process left", "folder", folder, "error", err)
		return
	}
	for _, file := range files {
		if !file.Type().IsRegular() || !isUnfinished(file.Name()) {
			continue
		}
		info, err := file.Info()
		if err != nil || now.Sub(info.ModTime()) < deadAfter { // gone meanwhile, or being written
			continue
		}
		path := filepath.Join(folder, file.Name())
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			log.Warn("cannot remove what a killed process left", "file", path, "bytes", info.Size(), "error", err)
			continue
		}
		log.Info("removed what a killed process left", "file", path, "bytes", info.Size())
	}
}
