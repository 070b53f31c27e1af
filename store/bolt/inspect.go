package bolt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"slices"
	"time"
)

// The layout of bbolt's first two pages: a page header, then the root of
// everything, in the byte order of the machine. See go.etcd.io/bbolt,
// internal/common/page.go and meta.go.
const (
	pageHead    = 16
	metaLen     = 64
	metaSum     = 56 // where the checksum is, and how much it covers
	metaMagic   = 0xED0CDAED
	metaVersion = 2
	noFreelist  = ^uint64(0)
	pageSizeMin = 1 << 10
	pageSizeMax = 16 << 20

	branchPage, leafPage, metaPage, freelistPage = 0x01, 0x02, 0x04, 0x10
)

// root is one of the two.
type root struct {
	pageSize                         uint32
	page, freelist, highWater, txnNo uint64
}

// inspect reads the two roots of a file and compares the newest with the file's
// size. bbolt maps a file that is cut short without noticing, and then the first
// read of a missing page is a memory fault that cannot be recovered from in
// goroutines of its own.
func inspect(path string) error {
	f, err := os.Open(path) //nolint:gosec // the operator chose the path
	if err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	defer func() { _ = f.Close() }()
	st, err := f.Stat()
	if err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	if !st.Mode().IsRegular() {
		return errInvalid("open store: %s is not a file", path)
	}
	for range inspectTries {
		if st, err = f.Stat(); err == nil { // it may have grown
			err = inspectRoots(f, st.Size())
		}
		if err == nil {
			return nil
		}
		time.Sleep(inspectPause)
	}
	return errDamaged(path, err)
}

// Another process may be writing the file, and then what was read of it does not
// fit together. That is not for long; who finds the file locked is told so later.
const (
	inspectTries = 5
	inspectPause = 20 * time.Millisecond
)

func inspectRoots(f io.ReaderAt, size int64) error {
	if size == 0 {
		return errors.New("the file is empty")
	}
	newest, err := newestRoot(f, size)
	if err != nil {
		return err
	}
	if newest.pageSize < pageSizeMin || newest.pageSize > pageSizeMax {
		return fmt.Errorf("its pages are said to have %d bytes", newest.pageSize)
	}
	pages := uint64(size) / uint64(newest.pageSize) //nolint:gosec // a size is not negative
	switch {
	case newest.highWater > pages:
		return fmt.Errorf("the file has %d pages and should have %d", pages, newest.highWater)
	case newest.page < 2 || newest.page >= newest.highWater:
		return fmt.Errorf("its root is said to be page %d of %d", newest.page, newest.highWater)
	case newest.freelist != noFreelist && (newest.freelist < 2 || newest.freelist >= newest.highWater):
		return fmt.Errorf("its free pages are said to be listed on page %d of %d", newest.freelist, newest.highWater)
	}
	if newest.freelist != noFreelist {
		if err := inspectPage(f, newest, newest.freelist, freelistPage); err != nil {
			return err
		}
	}
	return inspectPage(f, newest, newest.page, branchPage, leafPage)
}

// inspectPage checks that a page is what it is said to be. bbolt panics where one
// is not.
func inspectPage(f io.ReaderAt, r root, page uint64, kinds ...uint16) error {
	b := make([]byte, pageHead)
	if _, err := f.ReadAt(b, int64(page)*int64(r.pageSize)); err != nil { //nolint:gosec // within the file
		return err
	}
	order := binary.NativeEndian
	if order.Uint64(b) != page || !slices.Contains(kinds, order.Uint16(b[8:])) {
		return fmt.Errorf("page %d is not what it should be", page)
	}
	return nil
}

// newestRoot returns the valid root with the highest transaction number. The
// second lies one page into the file; where the first is torn, every page size is
// tried.
func newestRoot(f io.ReaderAt, size int64) (root, error) {
	first, err := readRoot(f, 0)
	if err == nil {
		second, err := readRoot(f, int64(first.pageSize))
		if err == nil && second.txnNo > first.txnNo {
			return second, nil
		}
		return first, nil
	}
	for at := int64(pageSizeMin); at <= pageSizeMax && at < size; at *= 2 {
		if second, err := readRoot(f, at); err == nil && int64(second.pageSize) == at {
			return second, nil
		}
	}
	return root{}, fmt.Errorf("it has no valid root: %w", err)
}

// bothRoots reports an error unless both roots are valid. bbolt goes on with the other
// one where one is not, because a power cut tears that of the commit under way, which
// nobody was answered for. But a bit of the newest root that rotted looks the same, and
// takes back the last commit: so somebody has to be told. The file has to be locked.
func bothRoots(path string) error {
	f, err := os.Open(path) //nolint:gosec // the operator chose the path
	if err != nil {
		return fmt.Errorf("look at the roots: %w", err)
	}
	defer func() { _ = f.Close() }() // nothing was written
	st, err := f.Stat()
	if err != nil {
		return fmt.Errorf("look at the roots: %w", err)
	}
	newest, err := newestRoot(f, st.Size())
	if err == nil {
		_, err = readRoot(f, 0)
	}
	if err == nil {
		_, err = readRoot(f, int64(newest.pageSize))
	}
	for page := range uint64(2) { // what their checksums leave out
		if err == nil {
			err = inspectPage(f, newest, page, metaPage)
		}
	}
	if err != nil {
		return fmt.Errorf("one of its two roots is damaged: a power cut does that to a commit that nobody was answered for; "+
			"where there was none, the last commit is missing: %w", err)
	}
	return nil
}

func readRoot(f io.ReaderAt, at int64) (root, error) {
	b := make([]byte, metaLen)
	if _, err := f.ReadAt(b, at+pageHead); err != nil {
		return root{}, err
	}
	order := binary.NativeEndian
	sum := fnv.New64a()
	_, _ = sum.Write(b[:metaSum])
	switch {
	case order.Uint32(b) != metaMagic:
		return root{}, errors.New("this is no bbolt file")
	case order.Uint32(b[4:]) != metaVersion:
		return root{}, fmt.Errorf("bbolt's file version is %d", order.Uint32(b[4:]))
	case order.Uint64(b[metaSum:]) != sum.Sum64():
		return root{}, errors.New("the root does not match its checksum")
	}
	return root{
		pageSize: order.Uint32(b[8:]), page: order.Uint64(b[16:]),
		freelist: order.Uint64(b[32:]), highWater: order.Uint64(b[40:]), txnNo: order.Uint64(b[48:]),
	}, nil
}
