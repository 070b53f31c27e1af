package bolt

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestWhatAKilledProcessLeftIsRemovedADayLater(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		name string
		age  time.Duration
		gone bool
	}{
		{".keybridge.db.keybridge-unfinished-1234", day + time.Minute, true},
		{".keybridge-2026-11-22.db.keybridge-unfinished-0", 40 * day, true},
		{".keybridge.db.keybridge-unfinished-1234", day - time.Minute, false}, // somebody may be at it
		{".keybridge.db.keybridge-unfinished-1234", -40 * day, false},
		{".keybridge.db.keybridge-unfinished-", 40 * day, false},
		{".keybridge.db.keybridge-unfinished-12a", 40 * day, false},
		{".keybridge-unfinished-12", 40 * day, false},
		{"keybridge.db.keybridge-unfinished-12", 40 * day, false},
		{".notes.new-1234", 40 * day, false},
		{"keybridge-2026-11-20.db", 40 * day, false},
		{".keybridge.db.keybridge-unfinished-12/", 40 * day, false}, // a folder
	} {
		for _, how := range []string{"by a backup", "by a start"} {
			s := open(t, Config{Path: filepath.Join(t.TempDir(), "keybridge.db")})
			folder := t.TempDir()
			if how == "by a start" {
				folder = filepath.Dir(s.path)
			}
			left := filepath.Join(folder, c.name)
			leave(t, left, strings.HasSuffix(c.name, "/"), c.age)
			var log strings.Builder
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = open(t, Config{Path: s.path, Log: slog.New(slog.NewTextHandler(&log, nil))})
			if how == "by a backup" {
				if err := s.Backup(t.Context(), filepath.Join(folder, "copy.db"), nil); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := os.Lstat(left); os.IsNotExist(err) != c.gone {
				t.Errorf("%s, %s old, is gone %s: %v", c.name, c.age, how, os.IsNotExist(err))
			}
			if strings.Contains(log.String(), "removed what a killed process left") != c.gone {
				t.Errorf("%s: the log says %q", c.name, log.String())
			}
		}
	}
}

// leave leaves a file, or a folder, that was last written to some time ago.
func leave(t *testing.T, path string, folder bool, age time.Duration) {
	t.Helper()
	write := func() error { return os.WriteFile(path, []byte("half a store"), 0o600) }
	if folder {
		write = func() error { return os.Mkdir(path, 0o700) }
	}
	if err := write(); err != nil {
		t.Fatal(err)
	}
	then := time.Now().Add(-age)
	if err := os.Chtimes(path, then, then); err != nil {
		t.Fatal(err)
	}
}

func TestATemporaryNameIsKnownAgain(t *testing.T) {
	for _, base := range []string{"keybridge.db", ".hidden", "a*b", "x"} {
		path, err := tempName(filepath.Join(t.TempDir(), base))
		if err != nil || !isUnfinished(filepath.Base(path)) {
			t.Errorf("%s: %s, %v", base, path, err)
		}
	}
}
