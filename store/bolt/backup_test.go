package bolt

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"keybridge/bridge"
)

func TestFaultBackupUnderLoad(t *testing.T) {
	t.Parallel()
	s := open(t, Config{Path: temp(t)})
	var next, during atomic.Int64
	var mu sync.Mutex
	var answered []int
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for range 16 {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				n := int(next.Add(1))
				if _, err := s.Accept(t.Context(), testHint(n), nil); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				answered = append(answered, n)
				mu.Unlock()
				during.Add(1)
			}
		})
	}
	for during.Load() < 500 {
		if t.Failed() {
			break
		}
	}
	mu.Lock()
	promised := slices.Clone(answered)
	mu.Unlock()
	before := during.Load()
	to := filepath.Join(t.TempDir(), "backup.db")
	var last, of int64
	err := s.Backup(t.Context(), to, func(done, total int64) {
		if done <= last || done > total {
			t.Errorf("%d of %d after %d", done, total, last)
		}
		last, of = done, total
		// The copying waits here until a hint was answered meanwhile.
		for deadline := time.Now().Add(time.Minute); during.Load() == before && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond)
		}
	})
	went := during.Load() - before
	close(stop)
	clients.Wait()
	if err != nil || last != of || of == 0 {
		t.Fatalf("%d of %d: %v", last, of, err)
	}
	if went == 0 {
		t.Error("intake stood still meanwhile")
	}
	onlyFile(t, to)
	if st, err := os.Stat(to); err != nil || st.Mode().Perm() != 0o600 {
		t.Fatal(st.Mode(), err)
	}
	copied := open(t, Config{Path: to})
	for _, n := range promised {
		if _, err := copied.Get(t.Context(), testID(n)); err != nil {
			t.Fatal(err)
		}
	}
	whole(t, copied)
	t.Logf("%d hints answered before, %d during the backup", len(promised), went)
}

func TestABackupReplacesNothing(t *testing.T) {
	t.Parallel()
	path := temp(t)
	s := open(t, Config{Path: path})
	fill(t, s, 10)
	to := filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(to, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{to, path} {
		wantKind(t, s.Backup(t.Context(), to, nil), bridge.Conflict)
	}
	if b, err := os.ReadFile(to); err != nil || string(b) != "precious" {
		t.Fatal(string(b), err)
	}
	onlyFile(t, to)
	onlyFile(t, path)
}

func TestABackupThatIsGivenUpLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	s := open(t, Config{Path: temp(t)})
	fill(t, s, 200)
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	err := s.Backup(ctx, filepath.Join(dir, "backup.db"), func(int64, int64) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Fatal(entries, err)
	}
}

// TestABackupOfWhatCannotBeOpenedIsNone: an operator hears of it while the store still runs.
func TestABackupOfWhatCannotBeOpenedIsNone(t *testing.T) {
	t.Parallel()
	rotten := func(bucket []byte) func(*bbolt.Tx) error {
		return func(tx *bbolt.Tx) error {
			k, record := tx.Bucket(bucket).Cursor().First()
			return tx.Bucket(bucket).Put(bytes.Clone(k), append(bytes.Clone(record), 1))
		}
	}
	for name, spoil := range map[string]func(*bbolt.Tx) error{
		"the end of the ledger": func(tx *bbolt.Tx) error { return tx.Bucket(bucketMeta).Put(metaLedger, []byte{1}) },
		"the end of the house":  func(tx *bbolt.Tx) error { return tx.Bucket(bucketMeta).Put(metaHouse, []byte{1}) },
		"a checkpoint":          rotten(bucketCheckpoint),
		"a history":             rotten(bucketHistory),
		"a paper":               rotten(bucketPaper),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := &dial{t: time.Date(2026, 3, 4, 15, 0, 0, 0, time.UTC)}
			s := open(t, Config{Path: temp(t), Now: clock.now})
			fill(t, s, 1)
			feed(t, s, 0, "one day")
			clock.pass(24 * time.Hour)
			feed(t, s, 0, "another")
			if err := s.SetPaper(t.Context(), "user", "olga", func([]byte) ([]byte, error) { return []byte("1"), nil }); err != nil {
				t.Fatal(err)
			}
			to := filepath.Join(t.TempDir(), "backup.db")
			if err := s.Backup(t.Context(), to, nil); err != nil {
				t.Fatal(err)
			}
			if err := s.db.Update(spoil); err != nil {
				t.Fatal(err)
			}
			if err := s.Backup(t.Context(), to+".2", nil); err == nil {
				t.Error("it was backed up all the same")
			}
			onlyFile(t, to)
		})
	}
}
