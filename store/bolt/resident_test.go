package bolt

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

// TestWhatWasReadOfTheFileDoesNotStayInMemory is not parallel: other stores of this process
// count as well.
func TestWhatWasReadOfTheFileDoesNotStayInMemory(t *testing.T) {
	s := open(t, Config{Path: temp(t)})
	s.db.NoSync = true
	const size = residentMost + 32<<20
	big := make([]byte, 1<<20)
	for n := range size >> 20 {
		big[0] = byte(n)
		if err := s.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(bucketBookmark).Put(fmt.Append(nil, n), enclose(big)) }); err != nil {
			t.Fatal(err)
		}
	}
	read := func() {
		t.Helper()
		if err := s.view(t.Context(), func(tx *bbolt.Tx) error {
			return tx.Bucket(bucketBookmark).ForEach(func(k, v []byte) error {
				b, err := body(v)
				if err == nil && !bytes.Equal(k, fmt.Append(nil, int(b[0]))) {
					err = fmt.Errorf("%s is of %d", k, b[0])
				}
				return err
			})
		}); err != nil {
			t.Fatal(err)
		}
	}
	read()
	before := residentFiles()
	if runtime.GOOS != "linux" && before == 0 {
		return // the system does not tell
	}
	if before < size {
		t.Fatalf("%d MiB of files are in memory after %d were read", before>>20, size>>20)
	}
	for range 2 { // the first has the committer look, the second waits until it has
		if err := s.write(t.Context(), func(*txn) error { s.trimmed = time.Time{}; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if after := residentFiles(); after > before-size/2 {
		t.Errorf("%d MiB were in memory, and %d are", before>>20, after>>20)
	}
	read() // it is all there
}
