package bolt

import (
	"path/filepath"
	"testing"
	"time"

	"keybridge/bridge"
	"keybridge/store/storetest"
)

func TestStore(t *testing.T) {
	for name, stale := range map[string]int{"index in step": 1, "index stale": staleMost} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T, now func() time.Time) bridge.Store {
				s := open(t, Config{Path: filepath.Join(t.TempDir(), "keybridge.db"), Now: now})
				s.db.NoSync = true        // the suite cuts no power; thousands of syncs would only wait for a busy disk
				s.limits.time = time.Hour // nor is it about a slow machine
				s.staleMost = stale
				return s
			})
		})
	}
}

// open opens a store and closes it when the test ends.
func open(t testing.TB, cfg Config) *Store {
	t.Helper()
	s, err := Open(cfg)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}
