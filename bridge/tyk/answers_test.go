package tyk

import (
	"bytes"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/v1"
)

// An answer may hold a live secret, which is not to lie about until the next one is read.
func TestABufferOfAnAnswerIsWipedWhenItIsGivenBack(t *testing.T) {
	for name, size := range map[string]int{"kept": 100, "left to the collector": keepAnswer + 1} {
		t.Run(name, func(t *testing.T) {
			var a answers
			b := a.take()
			if _, err := b.ReadFrom(strings.NewReader(strings.Repeat("secret", size/6))); err != nil {
				t.Fatal(err)
			}
			held := b.Bytes()
			a.give(b)
			if n := len(bytes.Trim(held, "\x00")); n > 0 {
				t.Errorf("%d bytes of %d are still there", n, len(held))
			}
			if next := a.take(); next.Len() != 0 || next.Cap() > keepAnswer {
				t.Errorf("the next one is given %d bytes, in a buffer of %d", next.Len(), next.Cap())
			}
		})
	}
}

// Text that needs no decoder is what a decoder would make of it.
func TestTextIsReadAsADecoderReadsIt(t *testing.T) {
	for _, sent := range []string{
		`"plain"`, `""`, `"Zoë and 世界"`, `"a \"quoted\" \\ \/ \u00e9 \ud83d\ude00 \ud83d"`, "\"not \xff UTF-8\"", "\"cut \xe4\xb8\"", `"\n"`,
	} {
		var want string
		if err := json.Unmarshal([]byte(sent), &want); err != nil {
			t.Fatalf("%q: %v", sent, err)
		}
		var got text
		if err := got.UnmarshalJSON([]byte(sent)); err != nil || string(got) != want {
			t.Errorf("%q is read as %q, and is %q: %v", sent, got, want, err)
		}
	}
	for sent, want := range map[string]text{`null`: "", `1.50`: "1.50", `true`: "true", `{"a": [1, "b"]}`: `{"a":[1,"b"]}`} {
		got := text("before")
		if err := got.UnmarshalJSON([]byte(sent)); err != nil || got != want {
			t.Errorf("%q is read as %q, and is %q: %v", sent, got, want, err)
		}
	}
	var none text
	if err := none.UnmarshalJSON([]byte(`"`)); err == nil {
		t.Error("half a string is taken")
	}
}
