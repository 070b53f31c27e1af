package sandbox

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// address finds what looks like a web address in a text.
var address = regexp.MustCompile(`(?i)\bhttps?://[^\s<>"\x{201C}\x{201D}]+`)

// span is a piece of a text; Link is set where it is a web address.
type span struct{ Text, Link string }

// spans cuts a text at the web addresses in it. Joined again they are the text.
func spans(text string) []span {
	var pieces []span
	from := 0
	for _, at := range address.FindAllStringIndex(text, -1) {
		if at[1]-at[0] > maxLink {
			continue
		}
		link := untrailed(text[at[0]:at[1]])
		if !onTheWeb(link) {
			continue
		}
		if at[0] > from {
			pieces = append(pieces, span{Text: text[from:at[0]]})
		}
		pieces = append(pieces, span{Text: link, Link: link})
		from = at[0] + len(link)
	}
	if from < len(text) {
		pieces = append(pieces, span{Text: text[from:]})
	}
	return pieces
}

// maxLink is longer than any address a browser takes, in bytes. What is longer is text.
const maxLink = 2048

// untrailed takes off what belongs to the sentence around an address.
func untrailed(link string) string {
	for {
		shorter := strings.TrimRight(link, ".,;:!?'*_")
		if strings.HasSuffix(shorter, ")") && strings.Count(shorter, "(") < strings.Count(shorter, ")") {
			shorter = strings.TrimSuffix(shorter, ")")
		}
		if shorter == link {
			return link
		}
		link = shorter
	}
}

func onTheWeb(link string) bool {
	u, err := url.Parse(link)
	return len(link) <= maxLink && err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// links returns the web addresses of a mail, each once: those of its text, then those only its HTML leads to.
func links(text, page string) []string {
	found := []string{}
	add := func(link string) {
		if !slices.Contains(found, link) && len(found) < maxParts {
			found = append(found, link)
		}
	}
	for _, piece := range spans(text) {
		if piece.Link != "" {
			add(piece.Link)
		}
	}
	tokens := html.NewTokenizer(strings.NewReader(page))
	for tokens.Next() != html.ErrorToken {
		if link, ok := linkOf(tokens.Token()); ok && onTheWeb(link) {
			add(link)
		}
	}
	return found
}

// linkOf returns where a link in HTML leads.
func linkOf(t html.Token) (link string, ok bool) {
	if (t.Type != html.StartTagToken && t.Type != html.SelfClosingTagToken) || (t.Data != "a" && t.Data != "area") {
		return "", false
	}
	for _, attr := range t.Attr {
		if attr.Key == "href" {
			return strings.TrimSpace(attr.Val), true
		}
	}
	return "", false
}
