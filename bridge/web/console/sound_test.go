package console_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// sound checks what holds for every page, whatever it says: one can find one's way
// through it with a screen reader, nothing that a stranger wrote became part of it, and
// it may load nothing but our own files.
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
	csp := header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'"} {
		if !slices.Contains(strings.Split(csp, "; "), want) {
			t.Errorf("Content-Security-Policy lacks %s: %s", want, csp)
		}
	}
	if strings.Contains(csp, "unsafe") || strings.Contains(csp, "http") || strings.Contains(csp, "*") || strings.Contains(csp, "data:") {
		t.Errorf("Content-Security-Policy is too wide: %s", csp)
	}
	for _, never := range []string{"ZgotmplZ", "{{", "cs_secret", password, "%!"} {
		if strings.Contains(strings.ReplaceAll(page, "{{.Service}}", ""), never) { // a stranger wrote that
			t.Errorf("the page holds %q", never)
		}
	}
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	f := found{count: map[string]int{}, ids: map[string]bool{}, labels: map[string]bool{}}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode {
			f.element(t, n)
		}
	}
	f.check(t)
}

// found is what was found on a page.
type found struct {
	count       map[string]int
	ids, labels map[string]bool
	refers      []string // to ids
	controls    []string // that need a label
	headings    []string
}

func (f *found) element(t *testing.T, n *html.Node) {
	t.Helper()
	f.count[n.Data]++
	id := attribute(n, "id")
	if id != "" && f.ids[id] {
		t.Errorf("two elements have the id %q", id)
	}
	f.ids[id] = true
	for _, name := range []string{"aria-labelledby", "aria-describedby", "for"} {
		f.refers = append(f.refers, strings.Fields(attribute(n, name))...)
	}
	switch n.Data {
	case "label":
		f.labels[attribute(n, "for")] = true
	case "input", "select", "textarea":
		if attribute(n, "type") != "hidden" && n.Parent.Data != "label" {
			f.controls = append(f.controls, id)
		}
	case "h1", "h2", "h3":
		f.headings = append(f.headings, n.Data)
	case "script":
		if n.FirstChild != nil || !strings.HasPrefix(attribute(n, "src"), "/console/static/") {
			t.Error("a script is not a file of ours")
		}
	case "form":
		if method := attribute(n, "method"); method != "post" && method != "dialog" && attribute(n, "role") != "search" {
			t.Errorf("a form is sent with %q", method)
		}
	}
	attributes(t, n)
}

func attributes(t *testing.T, n *html.Node) {
	t.Helper()
	for _, a := range n.Attr {
		if strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "srcdoc" || a.Key == "formaction" {
			t.Errorf("<%s> has the attribute %s", n.Data, a.Key)
		}
		if a.Key != "href" && a.Key != "src" && a.Key != "action" {
			continue
		}
		u, err := url.Parse(a.Val)
		ours := err == nil && u.Scheme == "" && u.Host == "" && (strings.HasPrefix(u.Path, "/console/") || a.Val == "#main")
		away := err == nil && n.Data == "a" && u.Scheme == "https" && strings.Contains(attribute(n, "rel"), "noreferrer")
		if !ours && !away {
			t.Errorf("<%s> leads to %q", n.Data, a.Val)
		}
	}
}

func (f *found) check(t *testing.T) {
	t.Helper()
	for _, once := range []string{"h1", "main", "header", "footer", "title"} {
		if f.count[once] != 1 {
			t.Errorf("the page has %d <%s>", f.count[once], once)
		}
	}
	if f.count["style"] > 0 || f.count["script"] != 1 || !f.ids["title"] || len(f.headings) == 0 || f.headings[0] != "h1" {
		t.Errorf("the page has %d styles, %d scripts, the headings %v", f.count["style"], f.count["script"], f.headings)
	}
	for _, id := range f.refers {
		if !f.ids[id] {
			t.Errorf("something refers to %q, which is not there", id)
		}
	}
	for _, id := range f.controls {
		if id == "" || !f.labels[id] {
			t.Errorf("the field %q has no label", id)
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
