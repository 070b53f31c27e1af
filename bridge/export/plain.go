package export

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// clean makes text fit to be stored in a file: valid UTF-8, lines ended by \n, and no
// control characters beside that and the tab.
func clean(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\r\n", "\n")
	return strings.Map(func(c rune) rune {
		switch {
		case c == '\r':
			return '\n'
		case c == '\n' || c == '\t':
			return c
		case unicode.IsControl(c), c == '\uFFFE', c == '\uFFFF':
			return '\uFFFD'
		}
		return c
	}, text)
}

// The characters that begin a formula, the wide ones among them, which Excel takes for
// the others in some languages; and those that a spreadsheet may take for a border
// between cells where we mean none. Source:
// https://owasp.org/www-community/attacks/CSV_Injection
const (
	formulas = "=+-@＝＋－＠"
	borders  = ";\t\n"
)

// plain puts an apostrophe before whatever a spreadsheet could take for a formula, and
// before what begins with a tab or a new line.
func plain(text string) string {
	var b strings.Builder
	if bordered(text) {
		b.WriteByte('\'')
	}
	for text != "" {
		if runs(text) {
			b.WriteByte('\'')
		}
		next := strings.IndexAny(text, borders) + 1
		if next == 0 {
			next = len(text)
		}
		b.WriteString(text[:next])
		text = text[next:]
	}
	return b.String()
}

// runs reports whether a cell that begins like this would be run.
func runs(text string) bool {
	bare := strings.TrimLeftFunc(text, passed)
	c, _ := utf8.DecodeRuneInString(bare)
	return bare != "" && strings.ContainsRune(formulas, c)
}

// bordered reports whether a text begins with a tab or a new line, or would without what
// is passed over.
func bordered(text string) bool {
	bare := strings.TrimLeftFunc(text, func(c rune) bool { return passed(c) && c != '\t' && c != '\n' })
	return strings.HasPrefix(bare, "\t") || strings.HasPrefix(bare, "\n")
}

// passed reports whether some spreadsheet passes over a character at the beginning of a cell.
func passed(c rune) bool { return c == '"' || unicode.IsSpace(c) || unicode.In(c, unicode.Cf) }
