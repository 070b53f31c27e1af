package mail

import (
	"regexp"
	"strings"
	"unicode"
)

// unseen reports a character that people do not see and machines act on: controls,
// line ends, and what turns the direction of a text around.
func unseen(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) && r != '\u200d' && r != '\u200c' || r == '\u2028' || r == '\u2029' || r == unicode.ReplacementChar
}

// line makes a text of somebody else's one line of at most limit characters: without
// what is unseen, with single spaces.
func line(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unseen(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	return shorten(strings.Join(strings.Fields(text), " "), limit)
}

// paragraph does the same for a text that may have several lines. Blank lines are
// left out, so that nobody pushes what follows out of sight.
func paragraph(text string, limit int) string {
	var lines []string
	for part := range strings.Lines(strings.ReplaceAll(text, "\r", "\n")) {
		if part = line(part, limit); part != "" {
			lines = append(lines, part)
		}
	}
	return shorten(strings.Join(lines, "\n"), limit)
}

// shorten cuts a text after limit characters and says so by an ellipsis.
func shorten(text string, limit int) string {
	n := 0
	for i := range text {
		if n++; n == limit {
			if rest := []rune(text[i:]); len(rest) > 1 {
				return strings.TrimSpace(text[:i]) + "…"
			}
		}
	}
	return text
}

// linkLike finds what a mail program may make a link of.
var linkLike = regexp.MustCompile(`[@/\\]|[\pL\pN-]{2,}\.\pL{2,}`)

// chosen is a text that the applicant chose and that a mail shows by itself. One
// that may become a link is left out: whoever signs up with somebody else's address
// would make us send them their advertisement.
func chosen(text string, limit int) string {
	if text = line(text, limit); linkLike.MatchString(text) {
		return ""
	}
	return text
}
