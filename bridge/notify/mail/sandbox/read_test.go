package sandbox_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"keybridge/bridge/notify/mail/sandbox"
)

func TestAMailIsReadAsPeopleWouldSeeIt(t *testing.T) {
	type seen struct {
		Subject, Text, HTML string
		Links               []string
		Attachments         []sandbox.Attachment
		Problem             string
	}
	for name, c := range map[string]struct {
		raw  string
		want seen
	}{
		"text alone": {
			"Subject: Hello\n\nHello\nthere\n",
			seen{Subject: "Hello", Text: "Hello\nthere\n"},
		},
		"encoded words, folded": {
			"Subject: =?iso-8859-1?q?Gr=FC=DFe?=\n =?utf-8?b?IGF1cyBLw7Zsbg==?=\n\n",
			seen{Subject: "Grüße aus Köln"},
		},
		"another charset": {
			"Content-Type: text/plain; charset=iso-8859-15\nContent-Transfer-Encoding: quoted-printable\n\n5 =A4\n",
			seen{Text: "5 €\n"},
		},
		"base64": {
			"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: BASE64\n\nSGVs\nbG8=\n",
			seen{Text: "Hello"},
		},
		"text and HTML, and a picture beside them": {
			"Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: multipart/alternative; boundary=i\n\n" +
				"--i\n\nfirst\n--i\nContent-Type: text/html\n\n<p>first\n--i--\n--o\nContent-Type: image/png; name=dot.png\n" +
				"Content-Transfer-Encoding: base64\n\nAAAA\n--o\nContent-Type: text/plain\n\nsecond\n--o--\n",
			seen{Text: "first", HTML: "<p>first", Attachments: []sandbox.Attachment{
				{Name: "dot.png", Type: "image/png", Size: 3}, {Type: "text/plain", Size: 6},
			}},
		},
		"links of both, each once": {
			"Content-Type: multipart/alternative; boundary=i\n\n--i\n\n(see https://a.example/b_(c)?d=e). Or <http://c.example>, http://\n" +
				"--i\nContent-Type: text/html\n\n<a href='http://c.example'>c</a><a HREF=\"https://d.example/?a&amp;b\">d</a>" +
				"<a href=mailto:x@example.com>x</a><a href=/here>y</a>\n--i--\n",
			seen{
				Text:  "(see https://a.example/b_(c)?d=e). Or <http://c.example>, http://",
				HTML:  "<a href='http://c.example'>c</a><a HREF=\"https://d.example/?a&amp;b\">d</a><a href=mailto:x@example.com>x</a><a href=/here>y</a>",
				Links: []string{"https://a.example/b_(c)?d=e", "http://c.example", "https://d.example/?a&b"},
			},
		},
		"no header":            {"\x00\xff no colon here\n", seen{Problem: "The header cannot be read."}},
		"an unknown charset":   {"Content-Type: text/plain; charset=klingon\n\nHello\n", seen{Text: "Hello\n", Problem: "Not all of it can be read: its charset is unknown."}},
		"an unknown encoding":  {"Content-Transfer-Encoding: x-rot13\n\nUryyb\n", seen{Text: "Uryyb\n"}},
		"broken base64":        {"Content-Transfer-Encoding: base64\n\nSGVs*!\n", seen{Text: "Hel", Problem: "Not all of it can be read: a text is damaged."}},
		"a part that is cut":   {"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nHello", seen{Text: "Hello", Problem: "Not all of it can be read: a text is damaged."}},
		"no boundary":          {"Content-Type: multipart/mixed\n\nHello\n", seen{Problem: "Not all of it can be read: a part is cut off."}},
		"a type that is none":  {"Content-Type: ;;;\n\nHello\n", seen{Attachments: []sandbox.Attachment{{Type: "application/octet-stream", Size: 7}}}},
		"text that is no text": {"Subject: \xff\n\n\xff\x00\n", seen{Subject: "\uFFFD", Text: "\uFFFD\uFFFD\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newMailbox(t, sandbox.Config{})
			m := b.must(crlf(c.raw), "dev@example.com")
			got := seen{m.Subject, m.Text, m.HTML, m.Links, m.Attachments, m.Problem}
			if c.want.Links == nil {
				c.want.Links = []string{}
			}
			if c.want.Attachments == nil {
				c.want.Attachments = []sandbox.Attachment{}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAMailThatIsAllPartsOrAllDepthIsReadNoFurther(t *testing.T) {
	for name, raw := range map[string]string{
		"parts": "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\nContent-Type: x/y\n\nz\n", 5000) + "--b--\n",
		"depth": strings.Repeat("Content-Type: multipart/mixed; boundary=b\n\n--b\n", 200) + "\nHello\n",
	} {
		t.Run(name, func(t *testing.T) {
			b := newMailbox(t, sandbox.Config{})
			m := b.must(crlf(raw), "dev@example.com")
			if len(m.Attachments) > 100 || m.Problem == "" {
				t.Errorf("%d parts, %q", len(m.Attachments), m.Problem)
			}
		})
	}
}

func TestALargeMailMeantToBeSlowIsReadQuickly(t *testing.T) {
	full := func(prefix, piece string) string { return prefix + strings.Repeat(piece, 1<<20/len(piece)) }
	for name, raw := range map[string]string{
		"one subject":             full("Subject: ", "=?utf-8?q?x?= =?"),
		"header fields":           full("", "X: y\n") + "\n",
		"parameters":              full("Content-Type: text/plain", ";a*0*=b"),
		"boundaries that are not": full("Content-Type: multipart/mixed; boundary=b\n\n--b\n\n", "\n--bb"),
		"parts":                   full("Content-Type: multipart/mixed; boundary=b\n\n", "--b\n\nx\n"),
		"addresses":               full("\n", "http://a)))(("),
		"one address":             full("\nhttp://a/", ")"),
		"tags":                    full("Content-Type: text/html\n\n", "<a href=http://a><b x="),
		"attributes":              full("Content-Type: text/html\n\n<a ", "a=b "),
		"comments":                full("Content-Type: text/html\n\n", "<!--"),
		"scripts":                 full("Content-Type: text/html\n\n", "<script><!--"),
	} {
		t.Run(name, func(t *testing.T) {
			b := newMailbox(t, sandbox.Config{})
			began := time.Now()
			b.Take([]byte(raw), "dev@example.com")
			for _, path := range []string{"/", "/mails/1?show=text", "/mails/1?show=source", "/mails/1/html"} {
				b.ask("GET", path, "")
			}
			// Far above what it takes, and far below what anything quadratic would.
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("it took %v", took)
			}
			if m, _ := b.Mail(1); len(m.Subject) > 3000 || len(m.Links) > 100 {
				t.Errorf("a subject of %d bytes, %d links", len(m.Subject), len(m.Links))
			}
		})
	}
}

func TestTheHTMLOfAMailKeepsItsLinksToTheWebAndItsLooks(t *testing.T) {
	b := filled(t)
	page := b.ask("GET", "/mails/2/html", "").body
	for _, must := range []string{
		`<a target="_top" rel="noopener noreferrer" href="https://pay.example/?a=1&amp;b=2">pay</a>`,
		`<a target="_top" rel="noopener noreferrer">run</a>`, `<style>p > b { color: red }</style>`, `<p>Hello</p>`,
	} {
		if !strings.Contains(page, must) {
			t.Errorf("%s is not in %s", must, page)
		}
	}
	for _, never := range []string{"<base", "<meta", "alert(1)", "ping"} {
		if strings.Contains(page, never) {
			t.Errorf("%s is in %s", never, page)
		}
	}
}

// FuzzMail takes any bytes as a mail: none may break the sandbox, what came is what is kept, and every page and control
// shows it with nothing in it that runs.
func FuzzMail(f *testing.F) {
	for _, raw := range []string{
		both, hostile, letter("1@example.com", "Hello", "https://a.example/"), "", "\n", "Subject: =?utf-7?q?x?=\n\n",
		"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n--b--\n",
		"Content-Type: text/html; charset=utf-16le\nContent-Transfer-Encoding: base64\n\nPABhAA==\n",
		"Content-Type: text/html\n\n<svg><a xlink:href=javascript:x><script><!--<a href=http://x.example></script>",
	} {
		f.Add([]byte(raw))
	}
	s, err := sandbox.New(sandbox.Config{Keep: 3, Now: func() time.Time { return time.Unix(0, 0) }})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Close() })
	f.Fuzz(func(t *testing.T, raw []byte) {
		b := &mailbox{Server: s, t: t}
		s.Clear()
		s.Take(raw, "dev@example.com")
		s.Take(raw, "dev@example.com", "other@example.com")
		m := b.Mails(sandbox.Filter{})[1]
		if !bytes.Equal(m.Raw, raw) || (m.Delivery == 2) == (m.MessageID == "") {
			t.Errorf("%q is kept as %+v", raw, m)
		}
		for _, path := range []string{"/", "/mails/N", "/mails/N?show=text", "/mails/N?show=source", "/mails/N/raw", "/sandbox/mails/N", "/sandbox/mails"} {
			a := b.ask(http.MethodGet, strings.ReplaceAll(path, "N", strconv.Itoa(m.Number)), "")
			if a.status != 200 || (strings.HasPrefix(path, "/sandbox/") && !json.Valid([]byte(a.body))) {
				t.Errorf("%s: %d %s", path, a.status, a.body)
			}
			if strings.HasPrefix(a.header.Get("Content-Type"), "text/html") && strings.Contains(strings.ToLower(a.body), "<script") {
				t.Errorf("%s has a script: %s", path, a.body)
			}
		}
		if framed := b.ask(http.MethodGet, "/mails/"+strconv.Itoa(m.Number)+"/html", ""); framed.status == 200 {
			inertLinks(t, framed.body)
		}
	})
}

// inertLinks fails unless every link of a tamed page leads to the web, and in the whole window.
func inertLinks(t *testing.T, page string) {
	t.Helper()
	tokens := html.NewTokenizer(strings.NewReader(page))
	for tokens.Next() != html.ErrorToken {
		token := tokens.Token()
		if token.Type == html.EndTagToken || token.Data != "a" || token.Type == html.TextToken || token.Type == html.CommentToken {
			continue
		}
		for _, attr := range token.Attr {
			elsewhere := (attr.Key == "href" || attr.Key == "xlink:href") && !strings.HasPrefix(strings.ToLower(attr.Val), "http")
			if elsewhere || (attr.Key == "target" && attr.Val != "_top") {
				t.Errorf("a link has %s=%q in %s", attr.Key, attr.Val, page)
			}
		}
	}
}
