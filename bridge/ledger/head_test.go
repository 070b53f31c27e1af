package ledger

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keybridge/bridge"
)

func FuzzReadHeads(f *testing.F) {
	h := Head{Number: 1, At: time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC), Ledger: bridge.Ledger{Count: 1, Place: 2, Hash: "x"}}.sign(testKey)
	f.Add(h.Line())
	f.Add([]byte("{}\n\n" + strings.Repeat("x", longestHead+2)))
	f.Add([]byte(`{"number":1,"number":2}`))
	keys := New(Config{Key: testKey}).Keys()
	f.Fuzz(func(t *testing.T, text []byte) {
		heads, err := ReadHeads("a file", bytes.NewReader(text))
		if err != nil {
			t.Errorf("a text is no error of reading: %v", err)
		}
		good, _ := heads.sound(keys)
		for _, h := range good {
			if !bytes.Contains(text, h.Line()) {
				t.Errorf("%s was read from %q", h.Line(), text)
			}
		}
	})
}

func TestAHeadIsReadInOneWayOnly(t *testing.T) {
	t.Parallel()
	h := Head{Number: 3, Ledger: bridge.Ledger{Count: 1}}.sign(testKey)
	if got, err := ParseHead(h.Line()); err != nil || got != h {
		t.Errorf("%+v, %v", got, err)
	}
	for name, line := range map[string]string{
		"nothing":        "",
		"another member": strings.Replace(string(h.Line()), `{`, `{"x":1,`, 1),
		"white space":    strings.Replace(string(h.Line()), `{`, `{ `, 1),
		"two members":    strings.Replace(string(h.Line()), `{`, `{"number":4,`, 1),
		"two values":     string(h.Line()) + "{}",
		"too long":       strings.Repeat(" ", longestHead) + string(h.Line()),
	} {
		if _, err := ParseHead([]byte(line)); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func TestAKeyIsPassedOnAsText(t *testing.T) {
	t.Parallel()
	public := testKey.Public().(ed25519.PublicKey) //nolint:forcetypeassert // it is no other
	got, err := ParseKey(" " + KeyText(public) + "\n")
	if err != nil || !got.Equal(public) {
		t.Errorf("%v, %v", got, err)
	}
	for _, text := range []string{"", "ed25519:", "ed25519:AAAA", strings.TrimPrefix(KeyText(public), keyMark), "rsa:" + KeyText(public)} {
		if _, err := ParseKey(text); bridge.KindOf(err) != bridge.Invalid {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestAKeyIsMadeOnceAndKeptForItsOwner(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "audit.key")
	if _, err := KeyFile(path, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without randomness: %v", err)
	}
	key, err := KeyFile(path, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about, err := os.Stat(path)
	if err != nil || about.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", about.Mode(), err)
	}
	if again, err := KeyFile(path, rand.Reader); err != nil || !again.Equal(key) {
		t.Errorf("the second time it is another one: %v", err)
	}
	for name, text := range map[string]string{
		"nothing": "", "something else": "secret", "another kind": "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n",
		"no key": "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := KeyFile(path, rand.Reader); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAHeadIsKeptFiledAndLogged(t *testing.T) {
	t.Parallel()
	w := lived(t)
	var log bytes.Buffer
	k := w.keeper()
	k.cfg.Log = slog.New(slog.NewJSONHandler(&log, nil))
	h, err := k.Sign(t.Context())
	if err != nil || h.Number != 6 {
		t.Fatalf("%+v, %v", h, err)
	}
	heads, err := k.Heads(t.Context())
	if err != nil || len(heads) != 6 || heads[5] != h {
		t.Errorf("the store has %+v, %v", heads, err)
	}
	about, err := os.Stat(k.cfg.File)
	if err != nil || about.Mode().Perm() != 0o600 {
		t.Errorf("the file has the mode %v, %v", about.Mode(), err)
	}
	if filed, err := OpenHeads(k.cfg.File); err != nil || len(filed.Heads) != 6 || filed.Heads[5] != h {
		t.Errorf("the file has %+v, %v", filed, err)
	}
	var line struct{ Head string }
	if err := json.Unmarshal(log.Bytes(), &line); err != nil || line.Head != string(h.Line()) {
		t.Errorf("logged: %s", log.String())
	}
	if again, err := k.Sign(t.Context()); err != nil || again != h {
		t.Errorf("where nothing came, %+v was signed: %v", again, err)
	}
}

func TestWhatTheFileMissedIsMadeUpFor(t *testing.T) {
	t.Parallel()
	w := lived(t)
	editHeads(t, w.dir, func(l [][]byte) [][]byte { return l[:2] })
	w.sign(t)
	editHeads(t, w.dir, func(l [][]byte) [][]byte { return l[:3] })
	w.sign(t) // where nothing came since, too
	if filed, err := OpenHeads(filepath.Join(w.dir, "heads.jsonl")); err != nil || len(filed.Heads) != 6 || len(filed.Wrong) > 0 {
		t.Errorf("%+v, %v", filed, err)
	}
}

func TestTheLatestHeadIsFoundWithoutReadingTheOthersAgain(t *testing.T) {
	t.Parallel()
	s := &shelf{papers: map[string][]byte{}}
	k := New(Config{Store: s, Key: testKey})
	if _, ok, err := k.Latest(t.Context()); ok || err != nil {
		t.Errorf("of none: %t, %v", ok, err)
	}
	for n := range 3 {
		s.grow()
		signed, err := k.Sign(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got, ok, err := k.Latest(t.Context()); got != signed || !ok || err != nil {
			t.Errorf("after %d: head %d, %t, %v", n+1, got.Number, ok, err)
		}
	}
	s.papers[paperHead+"/"+headName(1)] = []byte("rotten") // which verifying finds
	if got, ok, err := k.Latest(t.Context()); got.Number != 3 || !ok || err != nil {
		t.Errorf("with nothing new: head %d, %t, %v", got.Number, ok, err)
	}
	s.papers[paperHead+"/"+headName(4)] = []byte("rotten")
	if _, _, err := k.Latest(t.Context()); bridge.KindOf(err) != bridge.Internal {
		t.Errorf("with a damaged one: %v", err)
	}
}

func TestNothingIsSignedWithoutAKey(t *testing.T) {
	t.Parallel()
	w := lived(t)
	k := New(Config{Store: w.store})
	if _, err := k.Sign(t.Context()); bridge.KindOf(err) != bridge.Unavailable {
		t.Error(err)
	}
	if err := k.WriteExport(t.Context(), &bytes.Buffer{}, nil); bridge.KindOf(err) != bridge.Unavailable {
		t.Error(err)
	}
}

func TestAHeadIsSignedEveryDay(t *testing.T) {
	t.Parallel()
	w := lived(t)
	store := w.store
	synctest.Test(t, func(t *testing.T) {
		shelf := &shelf{Store: store, papers: map[string][]byte{}}
		k := New(Config{Store: shelf, Key: testKey})
		go k.Run(t.Context())
		for range 5 {
			synctest.Wait()
			shelf.grow()
			time.Sleep(24 * time.Hour)
		}
		synctest.Wait()
		heads, err := k.Heads(t.Context())
		if err != nil || len(heads) != 6 {
			t.Fatalf("%d heads in five days, %v", len(heads), err)
		}
		if _, wrong := (Heads{Heads: heads}).sound(k.Keys()); len(wrong) > 0 {
			t.Errorf("%v", wrong)
		}
	})
}

func TestAHeadThatCannotBeSignedIsTriedAgainAnHourLater(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shelf := &shelf{papers: map[string][]byte{}, broken: errors.New("no room")}
		shelf.grow()
		k := New(Config{Store: shelf, Key: testKey})
		go k.Run(t.Context())
		time.Sleep(30 * time.Minute)
		shelf.mend()
		time.Sleep(29 * time.Minute)
		synctest.Wait()
		if _, ok, err := k.Latest(t.Context()); ok || err != nil {
			t.Errorf("signed at once, again and again? %v", err)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if h, ok, err := k.Latest(t.Context()); !ok || err != nil {
			t.Errorf("after an hour: %+v, %v", h, err)
		}
	})
}
