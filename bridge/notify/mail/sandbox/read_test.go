package sandbox_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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

// FuzzMail sends any bytes as a mail: none may break the sandbox, what was sent is what is kept, and every page and control
// shows it.
func FuzzMail(f *testing.F) {
	for _, raw := range []string{
		both, hostile, letter("1@example.com", "Hello", "https://a.example/"), "", "\n", "Subject: =?utf-7?q?x?=\n\n",
		"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n--b--\n",
		"Content-Type: text/html; charset=utf-16le\nContent-Transfer-Encoding: base64\n\nPABhAA==\n",
		"Content-Type: text/html\n\n<svg><a xlink:href=javascript:x><script><!--<a href=http://x.example></script>",
	} {
		f.Add([]byte(raw))
	}
	s, err := sandbox.New(sandbox.Config{Keep: 2})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Close() })
	f.Fuzz(func(t *testing.T, raw []byte) {
		raw = sendable(raw)
		b := &mailbox{Server: s, t: t}
		before := b.must(letter("before@example.com", "before", ""), "other@example.com")
		if err := b.send(string(raw), "dev@example.com"); err != nil {
			t.Fatal(err)
		}
		m, here := b.Mail(before.Number + 1)
		if !here || !bytes.Equal(bytes.TrimSuffix(m.Raw, []byte("\r\n")), bytes.TrimSuffix(raw, []byte("\r\n"))) {
			t.Fatalf("%q is kept as %q", raw, m.Raw)
		}
		for _, path := range []string{"/", "/mails/N", "/mails/N?show=text", "/mails/N?show=source", "/mails/N/raw", "/sandbox/mails/N", "/sandbox/mails"} {
			a := b.ask(http.MethodGet, strings.ReplaceAll(path, "N", jsonOf(m.Number)), "")
			if a.status != 200 || (strings.HasPrefix(path, "/sandbox/") && !json.Valid([]byte(a.body))) {
				t.Errorf("%s: %d %s", path, a.status, a.body)
			}
			if strings.HasPrefix(a.header.Get("Content-Type"), "text/html") && strings.Contains(strings.ToLower(a.body), "<script") {
				t.Errorf("%s has a script: %s", path, a.body)
			}
		}
	})
}

// sendable breaks lines as SMTP does, and takes out what net/smtp would change on the way.
func sendable(raw []byte) []byte {
	raw = bytes.ReplaceAll(raw, []byte("\r"), nil)
	var lines [][]byte
	for line := range bytes.SplitSeq(raw, []byte("\n")) {
		lines = append(lines, line[:min(len(line), 990)])
	}
	return append(bytes.Join(lines, []byte("\r\n")), "\r\n"...)
}

func jsonOf(v any) string {
	encoded, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(encoded)
}
