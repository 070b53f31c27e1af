package webhooks

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// members reads an object into the values of its string members.
func members(text []byte) (map[string]string, error) {
	out := map[string]string{}
	err := scanObject(text, func(s *scan, name []byte) error {
		value, err := s.textOr()
		if value != nil {
			out[strings.ToValidUTF8(string(name), "\uFFFD")] = strings.ToValidUTF8(string(value), "\uFFFD")
		} else {
			delete(out, strings.ToValidUTF8(string(name), "\uFFFD"))
		}
		return err
	})
	return out, err
}

func TestScanAcceptsJSONAndNothingElse(t *testing.T) {
	for _, text := range []string{
		`{}`, ` { } `, "{\"a\":\r\n\"b\"}\t", `{"a":1,"b":-0.5e+10,"c":0,"d":[1,[],{}],"e":null,"f":true,"g":false}`,
		`{"a":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"}`, `{"a":"b","a":"c"}`, `{"":""}`,
		``, `{`, `}`, `[]`, `"a"`, `1`, `null`, `{} {}`, `{}x`, `{,}`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{a:1}`, `{'a':1}`,
		`{"a":01}`, `{"a":1.}`, `{"a":.5}`, `{"a":+1}`, `{"a":1e}`, `{"a":--1}`, `{"a":0x1}`, `{"a":NaN}`,
		`{"a":tru}`, `{"a":trues}`, `{"a":[1,]}`, `{"a":[,]}`, `{"a":[1 2]}`, `{"a":[}`, `{"a":1 "b":2}`,
		"{\"a\":\"\x00\"}", "{\"a\":\"\n\"}", `{"a":"\x"}`, `{"a":"\u12"}`, `{"a":"\u12g4"}`, `{"a":"`, `{"a":"\`, `{"a":"\u`,
		"\ufeff{}", "{\x00}", "{}\x00", `{"a":1}/**/`,
	} {
		want := json.Valid([]byte(text)) && strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "{")
		_, err := members([]byte(text))
		if (err == nil) != want {
			t.Errorf("%q: accepted %t, encoding/json says %t", text, err == nil, want)
		}
	}
}

func TestScanStopsAtADepth(t *testing.T) {
	for _, pair := range [][2]string{{`{"a":`, `}`}, {`[`, `]`}} {
		deep := func(n int) []byte {
			return []byte(`{"a":` + strings.Repeat(pair[0], n) + `1` + strings.Repeat(pair[1], n) + `}`)
		}
		if _, err := members(deep(maxDepth - 1)); err != nil {
			t.Errorf("%d levels of %s: %v", maxDepth, pair[0], err)
		}
		if _, err := members(deep(maxDepth)); !errors.Is(err, errDepth) {
			t.Errorf("%d levels of %s: %v, want too deep", maxDepth+1, pair[0], err)
		}
		if _, err := members(bytes.Repeat([]byte(pair[0]), 1<<20)); err == nil {
			t.Errorf("a million levels of %s were accepted", pair[0])
		}
	}
}

// FuzzScan: what is accepted, and what is read, is what encoding/json accepts and
// reads.
func FuzzScan(f *testing.F) {
	f.Add([]byte(`{"id":"evt_1","data":{"object":{"id":"cs_1","n":[1,2.5e3,null,true]}}}`))
	f.Add([]byte(`{"a":"\ud83d\ude00","b":"\ud800","c":"` + "\xff" + `"}`))
	f.Add([]byte(`{"a":"1","a":2}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := members(text)
		var all map[string]any
		decode := json.Unmarshal(text, &all)
		switch {
		case errors.Is(err, errDepth):
			return
		case err != nil:
			if decode == nil && all != nil {
				t.Fatalf("refused %q, which is JSON: %v", text, err)
			}
			return
		case decode != nil:
			t.Fatalf("accepted %q, which is not JSON: %v", text, decode)
		}
		want := map[string]string{}
		for name, value := range all {
			if text, ok := value.(string); ok {
				want[name] = text
			}
		}
		// encoding/json writes one replacement character for each bad byte, ToValidUTF8
		// one for each run of them.
		if !strings.Contains(string(text), "\uFFFD") && json.Valid(text) && bytes.Equal(text, bytes.ToValidUTF8(text, nil)) {
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("read otherwise (-encoding/json +scan):\n%s", diff)
			}
		}
	})
}
