package web

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"keybridge/bridge"
)

// Whatever is sent, what becomes of it is text that can be kept and shown, and that stays
// as it is; and what has nothing wrong with it is what the domain takes.
func FuzzTyped(f *testing.F) {
	for _, seed := range []string{
		"", "Ten.", " a\r\nb\rc\n\td ", "\x00\x1b[31m\u0085", "\xff\xfe", "</textarea><script>", "\u202e\u05d0", "\u2028",
		strings.Repeat("x", bridge.LongestNote), strings.Repeat("ü", bridge.LongestNote/2) + "x", strings.Repeat("\xff", bridge.LongestNote),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sent string) {
		text := typed(sent)
		if again := typed(text); again != text {
			t.Errorf("%q became %q, and that %q", sent, text, again)
		}
		if !utf8.ValidString(text) || strings.TrimSpace(text) != text {
			t.Errorf("%q became %q", sent, text)
		}
		for _, c := range text {
			if unicode.IsControl(c) && c != '\n' && c != '\t' {
				t.Errorf("%q became %q, which has the control %q", sent, text, c)
			}
		}
		if fits := text != "" && len(text) <= bridge.LongestNote; fits != (wrongWith(text) == "") {
			t.Errorf("%d bytes: %q", len(text), wrongWith(text))
		}
	})
}
