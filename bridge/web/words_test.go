package web

import "testing"

func TestWhatSomebodyElseWroteTurnsNothingRound(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "",
		"Maps":                           "\u2068Maps\u2069",
		"אבג":                            "\u2068אבג\u2069",
		"a\u202eb\u2069c\u200fd\u061ce":  "\u2068abcde\u2069",
		"one\nline\x00 \x1b[31mof\u0085": "\u2068oneline [31mof\u2069",
		"größer 👍":                       "\u2068größer 👍\u2069",
	} {
		if got := apart(text); got != want {
			t.Errorf("%q is written %q, want %q", text, got, want)
		}
	}
}
