package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// sound checks what holds for every page, whatever it says: it can be found one's way
// through with a screen reader, nothing that a stranger wrote became part of it,
// nobody is named, and it may load nothing but our own style sheet.
func sound(t *testing.T, header http.Header, page string) {
	t.Helper()
	for name, want := range map[string]string{
		"Content-Type": "text/html; charset=utf-8", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
		"X-Content-Type-Options": "nosniff", "X-Robots-Tag": "noindex",
	} {
		if got := header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if csp := header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") || strings.Contains(csp, "script-src") {
		t.Errorf("Content-Security-Policy is %q", csp)
	}
	for _, name := range []string{"canary", "Cana Ry", "ZgotmplZ", "{{"} {
		if strings.Contains(strings.ReplaceAll(page, "{{.Service}} javascript", ""), name) {
			t.Errorf("the page holds %q", name)
		}
	}
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	count, ids := map[string]int{}, map[string]bool{}
	var labels, fields []string
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		count[n.Data]++
		soundElement(t, n)
		if id := attribute(n, "id"); id != "" {
			if ids[id] {
				t.Errorf("two elements have the id %q", id)
			}
			ids[id] = true
		}
		if attribute(n, "aria-current") != "" {
			count["current"]++
		}
		if by := attribute(n, "aria-labelledby"); by != "" {
			labels = append(labels, by)
		}
		if name := attribute(n, "for"); name != "" {
			labels = append(labels, name)
			count[n.Data+" for "+name]++
		}
		if n.Data == "textarea" || n.Data == "input" && attribute(n, "type") != "hidden" {
			fields = append(fields, attribute(n, "id"))
		}
	}
	for _, id := range labels {
		if !ids[id] {
			t.Errorf("something is labelled by %q, or labels it, and there is no such element", id)
		}
	}
	for _, id := range fields {
		if count["label for "+id] != 1 {
			t.Errorf("the field %q has %d labels", id, count["label for "+id])
		}
	}
	for _, once := range []string{"h1", "main", "header", "footer", "title"} {
		if count[once] != 1 {
			t.Errorf("the page has %d <%s>", count[once], once)
		}
	}
	if count["script"] > 0 || count["style"] > 0 || count["current"] > 1 || !ids["title"] {
		t.Errorf("the page has %d scripts, %d styles, %d current steps, and an element title: %t", count["script"], count["style"], count["current"], ids["title"])
	}
}

func soundElement(t *testing.T, n *html.Node) {
	t.Helper()
	for _, a := range n.Attr {
		if strings.HasPrefix(a.Key, "on") || a.Key == "style" {
			t.Errorf("<%s> has the attribute %s", n.Data, a.Key)
		}
		if a.Key != "href" && a.Key != "src" && a.Key != "action" {
			continue
		}
		u, err := url.Parse(a.Val)
		if err != nil || u.Scheme != "" && u.Scheme != "https" && u.Scheme != "mailto" {
			if !strings.HasPrefix(a.Val, "#") {
				t.Errorf("<%s> leads to %q", n.Data, a.Val)
			}
		}
	}
	switch n.Data {
	case "html":
		if attribute(n, "lang") == "" {
			t.Error("the page has no language")
		}
	case "a", "button", "h1", "title":
		if strings.TrimSpace(textOf(n)) == "" {
			t.Errorf("<%s> says nothing", n.Data)
		}
	}
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// textOf is what an element says.
func textOf(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}
