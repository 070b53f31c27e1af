package sandbox

import (
	"bytes"
	"strings"

	"golang.org/x/net/html"
)

// tame makes a mail's HTML fit for a frame: its links lead to where they say in the whole window, and what would change
// where they lead is gone. It does not make it safe: that is for the frame's sandbox and the policy it is sent with
// (frameHeaders), which let nothing run and nothing be loaded, whatever is written there.
func tame(page string) []byte {
	var out bytes.Buffer
	tokens := html.NewTokenizer(strings.NewReader(page))
	inScript := false
	for tokens.Next() != html.ErrorToken {
		raw := bytes.Clone(tokens.Raw())
		token := tokens.Token()
		tag := token.Type == html.StartTagToken || token.Type == html.SelfClosingTagToken || token.Type == html.EndTagToken
		switch {
		case tag && token.Data == "script":
			inScript = token.Type == html.StartTagToken
		case inScript, tag && (token.Data == "base" || token.Data == "meta"):
		case tag && token.Type != html.EndTagToken && (token.Data == "a" || token.Data == "area"):
			out.WriteString(tamed(token).String())
		default:
			out.Write(raw)
		}
	}
	return out.Bytes()
}

// tamed is a link that opens in the whole window, and only where it leads to the web.
func tamed(link html.Token) html.Token {
	kept := []html.Attribute{{Key: "target", Val: "_top"}, {Key: "rel", Val: "noopener noreferrer"}}
	for _, attr := range link.Attr {
		switch strings.ToLower(attr.Key) {
		case "target", "rel", "ping", "download":
		case "href", "xlink:href":
			if to := strings.TrimSpace(attr.Val); onTheWeb(to) {
				kept = append(kept, html.Attribute{Key: attr.Key, Val: to})
			}
		default:
			kept = append(kept, attr)
		}
	}
	link.Attr = kept
	return link
}
