package bolt

import (
	"time"

	"go.etcd.io/bbolt"
)

// What a process has touched of a file that is mapped counts as its memory for as long as
// the system has room, and the system maps sixteen pages where one was asked for. With a
// large store that is hundreds of megabytes of which next to nothing is needed again. So
// the committer looks now and then, and gives all of it back: the pages stay in the
// system's cache, and finding one again costs under a microsecond.
const (
	// residentMost is how many bytes of files this process may have in memory before the
	// store's are given back.
	residentMost = 96 << 20
	residentLook = 100 * time.Millisecond
)

// trim gives the file's pages back where there are too many of them in memory.
func (s *Store) trim() {
	now := time.Now()
	if now.Sub(s.trimmed) < residentLook {
		return
	}
	s.trimmed = now
	if residentFiles() < residentMost {
		return
	}
	// While a transaction is open the file is not mapped anew. What fails leaves things as
	// they are, and costs memory alone.
	_ = s.db.View(func(tx *bbolt.Tx) error { return giveBack(s.db.Info().Data, tx.Size()) })
}
