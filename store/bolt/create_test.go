package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"keybridge/bridge"
)

func TestANewFileIsItsOwnersOnlyAndNothingElseIsLeft(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "deep", "er", "keybridge.db")
	open(t, Config{Path: path})
	st, err := os.Stat(path)
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Fatal(st.Mode(), err)
	}
	dir, err := os.Stat(filepath.Dir(path))
	if err != nil || dir.Mode().Perm() != 0o700 {
		t.Fatal(dir.Mode(), err)
	}
	onlyFile(t, path)
	if st.Size() > 4<<20 {
		t.Fatalf("an empty store has %d bytes", st.Size())
	}
}

func onlyFile(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 || entries[0].Name() != filepath.Base(path) {
		t.Fatalf("beside the store there is something: %v", entries)
	}
}

func TestFaultSecondProcess(t *testing.T) {
	t.Parallel()
	path := temp(t)
	open(t, Config{Path: path})
	began := time.Now()
	out, err := child(t, "opener", path).CombinedOutput()
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 3 {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{"another keybridge process has " + path + " open", "operator socket"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is not in: %s", want, out)
		}
	}
	_, err = Open(Config{Path: path})
	wantKind(t, err, bridge.Unavailable)
}

func TestProcessesThatCreateAStoreAtOnceMakeOne(t *testing.T) {
	t.Parallel()
	path := temp(t)
	together(6, func(int) {
		out, err := child(t, "opener", path).CombinedOutput()
		if err != nil && !strings.Contains(string(out), "another keybridge process") {
			t.Errorf("%v: %s", err, out)
		}
	})
	onlyFile(t, path)
	whole(t, open(t, Config{Path: path}))
}

func TestAPathIsNeededAndHasToBeAFile(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"", t.TempDir()} {
		_, err := Open(Config{Path: path})
		wantKind(t, err, bridge.Invalid)
	}
}

// sample is the content of a store's file with some requests.
func sample(t *testing.T, n int) []byte {
	t.Helper()
	path := temp(t)
	s, err := Open(Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, s, n)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func highWater(b []byte) int {
	newest, err := newestRoot(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		panic(err)
	}
	return int(newest.highWater) * int(newest.pageSize)
}

func TestFaultTruncatedFile(t *testing.T) {
	t.Parallel()
	good := sample(t, 50)
	const page = 4096
	for name, spoil := range map[string]func(b []byte) []byte{
		"empty":                   func([]byte) []byte { return nil },
		"one byte":                func(b []byte) []byte { return b[:1] },
		"a torn first page":       func(b []byte) []byte { return b[:page/2] },
		"one page":                func(b []byte) []byte { return b[:page] },
		"the roots alone":         func(b []byte) []byte { return b[:2*page] },
		"cut in half":             func(b []byte) []byte { return b[:highWater(b)/2] },
		"one page short":          func(b []byte) []byte { return b[:highWater(b)-page] },
		"one byte short":          func(b []byte) []byte { return b[:highWater(b)-1] },
		"zeros":                   func(b []byte) []byte { return make([]byte, len(b)) },
		"not a database":          func(b []byte) []byte { return bytes.Repeat([]byte("keybridge\n"), len(b)/10) },
		"both roots torn":         func(b []byte) []byte { clear(b[:2*page]); return b },
		"everything but the root": func(b []byte) []byte { clear(b[2*page:]); return b },
		"another version": func(b []byte) []byte {
			for _, at := range []int{0, page} {
				binary.NativeEndian.PutUint32(b[at+pageHead+4:], 3)
			}
			return b
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bad := spoil(bytes.Clone(good))
			path := temp(t)
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			// In a process of its own, which must end in an orderly way.
			out, err := child(t, "opener", path).CombinedOutput()
			if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 3 {
				t.Fatalf("%v: %s", err, out)
			}
			_, err = Open(Config{Path: path})
			wantKind(t, err, bridge.Internal)
			if !strings.Contains(bridge.Explain(err), "keybridge restore") {
				t.Errorf("it does not say what to do: %v", err)
			}
			after, err := os.ReadFile(path)
			if err != nil || !bytes.Equal(after, bad) {
				t.Errorf("the file was changed: %v", err)
			}
			// Whoever moves it away can go on at once.
			if err := os.WriteFile(path, good, 0o600); err != nil {
				t.Fatal(err)
			}
			whole(t, open(t, Config{Path: path}))
		})
	}
}

func TestATornRootFallsBackOnTheOneBefore(t *testing.T) {
	t.Parallel()
	b := sample(t, 50)
	newest := 0
	if binary.NativeEndian.Uint64(b[4096+pageHead+48:]) > binary.NativeEndian.Uint64(b[pageHead+48:]) {
		newest = 4096
	}
	copy(b[newest+pageHead+8:], bytes.Repeat([]byte{0xa5}, 2000))
	path := temp(t)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, Config{Path: path})
	whole(t, s)
	if _, err := s.Accept(t.Context(), testHint(1000), nil); err != nil {
		t.Fatal(err)
	}
}

func TestAFileThatIsBeingWrittenIsNotTakenForADamagedOne(t *testing.T) {
	t.Parallel()
	path := temp(t)
	s := open(t, Config{Path: path})
	stop := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := s.Accept(t.Context(), testHint(n), nil); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for began := time.Now(); time.Since(began) < time.Second; {
		if err := inspect(path); err != nil {
			t.Error(err)
			break
		}
	}
	close(stop)
	writer.Wait()
}

func FuzzRootsOfAStrangersFile(f *testing.F) {
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{0xed, 0xda, 0x0c, 0xed}, 3000))
	f.Fuzz(func(_ *testing.T, b []byte) { _ = inspectRoots(bytes.NewReader(b), int64(len(b))) })
}

func TestNoFileIsReplacedWhereThereAreNoLinks(t *testing.T) {
	t.Parallel()
	made, path := temp(t), temp(t)
	if err := os.WriteFile(made, []byte("made"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := renameTo(made, path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(made, []byte("made again"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := renameTo(made, path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("the second: %v", err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "made" {
		t.Errorf("%s, %v", b, err)
	}
}

// TestALargeFileGrowsWithoutWaitingForReaders looks at what is mapped: where a file outgrows
// that, a write waits for the backup that is under way.
func TestALargeFileGrowsWithoutWaitingForReaders(t *testing.T) {
	t.Parallel()
	for size, want := range map[int64]int64{0: mappedLeast, 400 << 20: mappedLeast, 3 << 30: 6 << 30} {
		path := temp(t)
		if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, size)); err != nil {
			t.Fatal(err)
		}
		equal(t, int64(Config{Path: path}.options().InitialMmapSize), want)
	}
	equal(t, Config{Path: temp(t), InitialMmapSize: 7}.options().InitialMmapSize, 7)
}

func TestTheNewestRootIsTheOneOfTheLastCommit(t *testing.T) {
	t.Parallel()
	path := temp(t)
	s := open(t, Config{Path: path})
	for range 4 { // each commit writes the other one
		if err := s.SetBookmark(t.Context(), "n", stampNow()); err != nil {
			t.Fatal(err)
		}
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		newest, err := newestRoot(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.db.View(func(tx *bbolt.Tx) error { equal(t, newest.txnNo, uint64(tx.ID())); return nil }); err != nil { //nolint:gosec // positive
			t.Fatal(err)
		}
	}
}

// TestADamagedPageKeepsNoStartWaiting: what a start reads first makes no sense, and it says so
// instead of waiting for its own transaction.
func TestADamagedPageKeepsNoStartWaiting(t *testing.T) {
	t.Parallel()
	path := temp(t)
	s, err := Open(Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	atRest(t, s, 1)
	for n := range 500 { // more than stand beside the bucket's name
		accept(t, s, bridge.Hint{Source: "stripe", ID: testKey(n), Request: testID(0)})
	}
	var page int64
	if err := s.db.View(func(tx *bbolt.Tx) error { page = int64(tx.Bucket(bucketIntake).Root()); return nil }); err != nil { //nolint:gosec // within the file
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt([]byte{0x40}, page*int64(os.Getpagesize())+8) // no kind of page
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	opened := make(chan error, 1)
	go func() { _, err := Open(Config{Path: path}); opened <- err }()
	select {
	case err := <-opened:
		if wantKind(t, err, bridge.Internal); !strings.Contains(bridge.Explain(err), "keybridge restore") {
			t.Errorf("it does not say what to do: %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it waits for ever")
	}
}
