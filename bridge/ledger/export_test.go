package ledger

import (
	"bytes"
	"crypto/ed25519"
	"slices"
	"strings"
	"testing"
	"time"

	"keybridge/bridge"
)

// exported is an export of a world, line by line, and the key it is verified with.
func exported(t testing.TB, w *world) ([][]byte, Options) {
	t.Helper()
	var out bytes.Buffer
	k := w.keeper()
	if err := k.WriteExport(t.Context(), &out, nil); err != nil {
		t.Fatal(err)
	}
	return bytes.Split(bytes.TrimSuffix(out.Bytes(), []byte("\n")), []byte("\n")), Options{Keys: k.Keys()}
}

func TestAnExportIsVerifiedByItself(t *testing.T) {
	t.Parallel()
	lines, o := exported(t, lived(t))
	var done, total uint64
	o.Progress = func(d, of uint64) { done, total = d, of }
	r, err := VerifyExport(t.Context(), bytes.NewReader(bytes.Join(lines, []byte("\n"))), o)
	if err != nil || !r.Whole() || !r.Signed || r.Heads != 6 || r.Dropped != 2 || r.Entries != r.End.Count || int(r.Entries) != len(lines)-7 { //nolint:gosec // small
		t.Fatalf("%v, %+v", err, r)
	}
	if done != total || total != r.Entries {
		t.Errorf("%d of %d", done, total)
	}
}

func TestAnExportThatWasTouchedIsFound(t *testing.T) {
	t.Parallel()
	const title, first = 1, 7 // lines before the heads, and before the ledger's
	replace := func(n int, from, to string) func([][]byte) [][]byte {
		return func(l [][]byte) [][]byte { l[n] = bytes.Replace(l[n], []byte(from), []byte(to), 1); return l }
	}
	for name, c := range map[string]struct {
		change func([][]byte) [][]byte
		first  string
	}{
		"a byte of an entry":       {replace(first+8, `"why":"day`, `"why":"dax`), "was altered"},
		"a line removed":           {func(l [][]byte) [][]byte { return slices.Delete(l, first+8, first+9) }, "is not in the ledger"},
		"two lines swapped":        {func(l [][]byte) [][]byte { l[first+7], l[first+8] = l[first+8], l[first+7]; return l }, "is out of place"},
		"the end cut off":          {func(l [][]byte) [][]byte { return l[:len(l)-2] }, "lines of the ledger were removed"},
		"an entry taken out":       {replace(first+8, `,"entry":{`, `,"entri":{`), "line 16 is none of an export"},
		"a line of something else": {replace(first+8, `{`, `{ `), "line 16 is none of an export"},
		"a line added": {func(l [][]byte) [][]byte {
			return append(l, bytes.Replace(l[len(l)-1], []byte(`"place":1`), []byte(`"place":2`), 1))
		}, "was added: it comes after what was signed"},
		"a head altered":      {replace(title+1, `"number":2`, `"number":3`), "signed head 3 in the export was altered"},
		"a head that is none": {replace(title+1, `"number":2`, `"x":2`), "line 3 should be signed head 2"},
		"the heads removed": {func(l [][]byte) [][]byte {
			return append([][]byte{bytes.Replace(l[0], []byte(`"heads":6`), []byte(`"heads":0`), 1)}, l[first:]...)
		}, "has no signed head"},
		"nothing at all":                {func([][]byte) [][]byte { return nil }, "this is no export"},
		"another file":                  {func([][]byte) [][]byte { return [][]byte{[]byte(`{"keybridge":"x"}`)} }, "this is no export"},
		"only the title":                {func(l [][]byte) [][]byte { return l[:1] }, "ends before its signed heads do"},
		"a line that is far too long":   {func(l [][]byte) [][]byte { return append(l[:first], bytes.Repeat([]byte("x"), 2<<20)) }, "is too long"},
		"an entry of a request altered": {replace(first, `"why":"received"`, `"why":"believed"`), "entry 1 of request " + string(testID(1)) + " was altered"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lines, o := exported(t, lived(t))
			r, err := VerifyExport(t.Context(), bytes.NewReader(bytes.Join(c.change(lines), []byte("\n"))), o)
			if err != nil || !strings.Contains(says(r), c.first) {
				t.Errorf("%v, and %q should be found:\n%s", err, c.first, says(r))
			}
		})
	}
}

func TestAnExportOfAnotherKeyIsNotBelieved(t *testing.T) {
	t.Parallel()
	lines, _ := exported(t, lived(t))
	stranger := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{9}, 32)).Public().(ed25519.PublicKey) //nolint:forcetypeassert // it is no other
	r, err := VerifyExport(t.Context(), bytes.NewReader(bytes.Join(lines, []byte("\n"))), Options{Keys: []ed25519.PublicKey{stranger}})
	if err != nil || !strings.Contains(says(r), "it was signed with another key") {
		t.Errorf("%v: %s", err, says(r))
	}
}

func TestADamagedLedgerIsNotExported(t *testing.T) {
	t.Parallel()
	w := lived(t)
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	forge(t, w.path(), func(f forger) {
		bucket, k := at(testID(2), 2)
		f.good(f.bucket(bucket).Put(k, []byte("x")))
	})
	w.open(t)
	err := w.keeper().WriteExport(t.Context(), &bytes.Buffer{}, nil)
	if bridge.KindOf(err) != bridge.Internal || !strings.Contains(bridge.Explain(err), "Verify it") {
		t.Errorf("the error is %v", err)
	}
}

// FuzzVerifyExport shows that nobody but who has the key can write an export with entries
// that is believed. (The title is not signed: it says nothing that is proved.)
func FuzzVerifyExport(f *testing.F) {
	w := &world{dir: f.TempDir(), now: time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)}
	w.open(f)
	w.viewed(f)
	w.viewed(f)
	lines, o := exported(f, w)
	genuine := string(bytes.Join(lines[1:], []byte("\n")))
	head := Head{Number: 1}.sign(testKey)
	f.Add(bytes.Join(lines, []byte("\n")))
	f.Add([]byte(`{"keybridge":"audit export","version":1,"at":"2026-11-20T00:00:00Z","heads":1}` + "\n" + string(head.Line()) + "\n" + `{"place":1,"seq":1,"hash":"x"}`))
	f.Add([]byte(`{"keybridge":"audit export","version":1,"at":"2026-11-20T00:00:00Z","heads":18446744073709551615}`))
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := VerifyExport(t.Context(), bytes.NewReader(text), o)
		if err != nil {
			t.Errorf("a text is no error of reading: %v", err)
		}
		_, rest, _ := strings.Cut(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n")
		if r.Whole() && r.Entries > 0 && strings.TrimRight(rest, "\r\n") != genuine {
			t.Errorf("believed: %q", text)
		}
	})
}
