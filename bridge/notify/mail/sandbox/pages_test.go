package sandbox_test

import (
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge/notify/mail/sandbox"
)

var update = flag.Bool("update", false, "write the golden pages in testdata/pages anew")

// answer is what a page or a control answered.
type answer struct {
	status int
	header http.Header
	body   string
}

// ask makes a request of the pages or the control API, as a browser on the sandbox's own pages would.
func (b *mailbox) ask(method, path, body string, headers ...string) answer {
	b.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if strings.Contains(body, "=") && !strings.HasPrefix(body, "{") {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	b.Handler().ServeHTTP(w, r)
	read, err := io.ReadAll(w.Result().Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer{w.Code, w.Header(), string(read)}
}

// hostile is a mail that tries what a stranger may.
const hostile = `From: =?utf-8?q?Eve_=3Cscript=3E?= <eve@example.org>
Subject: =?utf-8?q?=3Cscript=3Ealert=281=29=3C/script=3E?=
Message-ID: <"><script>alert(1)</script>>
X-Kind: "><img src=x onerror=alert(1)>
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary=b

--b
Content-Type: text/plain; charset=utf-8

<script>alert(1)</script> javascript:alert(1) https://evil.example/"><script>alert(1)</script>
--b
Content-Type: text/html; charset=utf-8

<base href="https://evil.example/"><meta http-equiv=refresh content="0;url=https://evil.example/">
<script>alert(1)</script><p>Hello</p><style>p > b { color: red }</style>
<a href="javascript:alert(1)">run</a> <a href="https://pay.example/?a=1&amp;b=2" target=_self ping="https://evil.example/">pay</a>
<img src="https://evil.example/pixel.gif"><form action="https://evil.example/"><input name=q></form>
--b
Content-Type: application/pdf; name="<b>invoice</b>.pdf"
Content-Disposition: attachment; filename="<b>invoice</b>.pdf"
Content-Transfer-Encoding: base64

aW52b2ljZQ==
--b--
`

// both is an ordinary mail as text and as HTML.
const both = `From: Keybridge <bridge@example.com>
To: dev@example.com
Subject: =?utf-8?q?Pay_for_your_key_=E2=80=93_Weather_Pro?=
Message-ID: <01J0.start.1@example.com>
X-Kind: start
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary=b

--b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Hello Dana,

your key costs 49,00=C2=A0=E2=82=AC. Pay here: http://127.0.0.1:8080/r/abc.
--b
Content-Type: text/html; charset=utf-8

<!doctype html><html lang="en"><body><p>Hello Dana, <a href="http://127.0.0.1:8080/r/abc">pay here</a>
or read <a href="https://docs.example/">the manual</a>.</p></body></html>
--b--
`

// still is a sandbox in which nothing is left to chance.
func still(t *testing.T) *mailbox {
	t.Helper()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	return newMailbox(t, sandbox.Config{Now: func() time.Time { at = at.Add(time.Second); return at }})
}

func crlf(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }

// filled is a mailbox in which something of everything has come.
func filled(t *testing.T) *mailbox {
	t.Helper()
	b := still(t)
	b.must(crlf(both), "dev@example.com")
	b.must(crlf(hostile), "eve@example.org", "dev@example.com")
	b.must(letter("2@example.com", "", "no subject"), "boss@example.com")
	b.must(crlf(both), "dev@example.com")
	b.must("not a mail\r\n", "dev@example.com")
	b.ask("GET", "/mails/3", "")
	return b
}

func TestEveryPageIsAsItShouldBe(t *testing.T) {
	for name, c := range map[string]struct {
		make func(*testing.T) *mailbox
		path string
	}{
		"mailbox":         {filled, "/"},
		"mailbox_empty":   {still, "/?done=empty"},
		"mailbox_for":     {filled, "/?to=DEV%40example"},
		"mailbox_nobody":  {filled, "/?to=%3Cscript%3E"},
		"mail_html":       {filled, "/mails/1"},
		"mail_text":       {filled, "/mails/1?show=text"},
		"mail_source":     {filled, "/mails/1?show=source"},
		"mail_again":      {filled, "/mails/4?show=text"},
		"mail_hostile":    {filled, "/mails/2?show=text"},
		"mail_plain":      {filled, "/mails/3"},
		"mail_unreadable": {filled, "/mails/5"},
		"mail_none":       {filled, "/mails/99"},
		"faults":          {faulty, "/faults?done=set"},
		"faults_none":     {still, "/faults?done=clear"},
	} {
		t.Run(name, func(t *testing.T) {
			b := c.make(t)
			got := b.ask("GET", c.path, "").body
			checkMarkup(t, got)
			golden(t, filepath.Join("testdata", "pages", name+".html"), got)
		})
	}
}

// faulty is a sandbox in which faults are set and one has struck.
func faulty(t *testing.T) *mailbox {
	t.Helper()
	b := still(t)
	for _, f := range []sandbox.Fault{
		{Kind: sandbox.Refuse, At: sandbox.AtRecipient, To: "<gone>@*", Status: 450},
		{Kind: sandbox.Latency, At: sandbox.AtMail, Delay: time.Millisecond, Times: 3},
		{Kind: sandbox.Cut, At: sandbox.AtAnswer, Times: 1},
	} {
		if _, err := b.Fault(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.send(letter("1@example.com", "Hello", ""), "dev@example.com"); err == nil {
		t.Fatal("the answer was not lost")
	}
	return b
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (run the tests with -update)", err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s: %s", file, diff)
	}
}

var (
	anID   = regexp.MustCompile(` id="([^"]*)"`)
	aLabel = regexp.MustCompile(`<label for="([^"]*)"`)
	aField = regexp.MustCompile(`<(?:input|select|textarea) [^>]*>`)
	aTitle = regexp.MustCompile(`aria-labelledby="([^"]*)"`)
)

// checkMarkup looks for what makes a page unusable to some: ids that repeat, fields without a label, a frame or picture
// without a name, a missing title, language or heading, anything from elsewhere.
func checkMarkup(t *testing.T, page string) {
	t.Helper()
	ids := map[string]bool{}
	for _, found := range anID.FindAllStringSubmatch(page, -1) {
		if ids[found[1]] {
			t.Errorf("the id %q is there twice", found[1])
		}
		ids[found[1]] = true
	}
	labelled := map[string]bool{}
	for _, found := range aLabel.FindAllStringSubmatch(page, -1) {
		labelled[found[1]] = true
	}
	for _, found := range append(aLabel.FindAllStringSubmatch(page, -1), aTitle.FindAllStringSubmatch(page, -1)...) {
		if !ids[found[1]] {
			t.Errorf("%s leads nowhere", found[0])
		}
	}
	for _, found := range aField.FindAllString(page, -1) {
		if id := anID.FindStringSubmatch(found); id == nil || !labelled[id[1]] {
			t.Errorf("%s has no label", found)
		}
	}
	for _, must := range []string{`<html lang="en">`, "<h1>", "<title>", `name="viewport"`, `href="#main"`, `<main id="main"`} {
		if strings.Count(page, must) != 1 {
			t.Errorf("%s is there %d times", must, strings.Count(page, must))
		}
	}
	if strings.Count(page, "<iframe") != strings.Count(page, `<iframe id="html" title="`) {
		t.Error("a frame has no name")
	}
	for _, never := range []string{"<script", "style=", `src="http`, `rel="stylesheet" href="http`, "<img", `href="javascript`} {
		if strings.Contains(page, never) {
			t.Errorf("the page has %s", never)
		}
	}
}

func TestPagesMayNotBeFramedCachedOrScripted(t *testing.T) {
	b := filled(t)
	for _, path := range []string{"/", "/mails/1", "/mails/99", "/faults", "/nowhere"} {
		header := b.ask("GET", path, "").header
		for name, want := range map[string]string{
			"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
			"Content-Security-Policy": "default-src 'none'; style-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
		} {
			if got := header.Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
	}
}

func TestTheStyleSheetIsThere(t *testing.T) {
	css, err := os.ReadFile("pages/style.css")
	if err != nil {
		t.Fatal(err)
	}
	if a := still(t).ask("GET", "/sandbox/style.css", ""); a.body != string(css) || a.header.Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("%d %v", a.status, a.header)
	}
}

func TestWhatAStrangerWroteIsSentSoThatNothingRunsAndNothingIsLoaded(t *testing.T) {
	b := filled(t)
	for path, kind := range map[string]string{"/mails/2/html": "text/html; charset=utf-8", "/mails/2/raw": "text/plain; charset=utf-8"} {
		a := b.ask("GET", path, "")
		policy := a.header.Get("Content-Security-Policy")
		for _, must := range []string{"default-src 'none'", "form-action 'none'", "base-uri 'none'", "frame-ancestors 'self'", "; sandbox"} {
			if !strings.Contains(policy, must) {
				t.Errorf("%s: %q is not in %q", path, must, policy)
			}
		}
		if strings.Contains(policy, "allow-scripts") || strings.Contains(policy, "allow-same-origin") {
			t.Errorf("%s: the policy is %q", path, policy)
		}
		if a.status != 200 || a.header.Get("Content-Type") != kind || a.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d %v", path, a.status, a.header)
		}
	}
	if a := b.ask("GET", "/mails/2/raw", ""); a.body != crlf(hostile) {
		t.Errorf("the source is %q", a.body)
	}
	if page := b.ask("GET", "/mails/2", "").body; !strings.Contains(page, `sandbox="allow-top-navigation-by-user-activation" src="/mails/2/html"`) {
		t.Errorf("the frame is not in a sandbox: %s", page)
	}
	if a := b.ask("GET", "/mails/3/html", ""); a.status != 404 {
		t.Errorf("a mail without HTML: %d", a.status)
	}
}

func TestAPageOfTheMailboxListsFiftyAndLeadsToTheOlder(t *testing.T) {
	b := newMailbox(t, sandbox.Config{})
	b.many(1, 120)
	path, seen := "/?to=dev", 0
	for range 3 {
		page := b.ask("GET", path, "").body
		seen += strings.Count(page, `id="open-`)
		if !strings.Contains(page, `<span class="tag">120</span>`) {
			t.Errorf("%s does not tell how many there are", path)
		}
		older := regexp.MustCompile(`id="older" href="([^"]*)"`).FindStringSubmatch(page)
		if older == nil {
			break
		}
		path = strings.ReplaceAll(older[1], "&amp;", "&")
	}
	if seen != 120 {
		t.Errorf("%d mails were listed", seen)
	}
	if a := b.ask("GET", "/?before=x", ""); a.status != 400 {
		t.Errorf("status %d", a.status)
	}
}

func TestAMailIsNewUntilItsPageIsOpened(t *testing.T) {
	b := still(t)
	b.must(letter("1@example.com", "Hello", ""), "dev@example.com")
	for _, c := range []struct {
		path string
		want int
	}{{"/", 1}, {"/mails/1/raw", 1}, {"/mails/1", 0}} {
		b.ask("GET", c.path, "")
		if got := strings.Count(b.ask("GET", "/", "").body, `class="unread"`); got != c.want {
			t.Errorf("after %s, %d are new", c.path, got)
		}
	}
}

func TestTheFormsDoWhatTheySay(t *testing.T) {
	b := filled(t)
	fault := url.Values{"kind": {"refuse"}, "at": {"recipient"}, "to": {"gone@*"}, "times": {"2"}, "status": {"450"}, "delay_ms": {""}}
	if a := b.ask("POST", "/faults", fault.Encode()); a.status != 303 || a.header.Get("Location") != "/faults?done=set" {
		t.Errorf("setting a fault: %d %s", a.status, a.body)
	}
	if faults := b.Faults(); len(faults) != 1 || faults[0] != (sandbox.Fault{ID: "1", Kind: sandbox.Refuse, At: sandbox.AtRecipient, To: "gone@*", Times: 2, Status: 450}) {
		t.Errorf("%+v", faults)
	}
	for _, wrong := range []string{"kind=explode&at=mail", "kind=cut&at=mail&times=x", "kind=latency&at=mail&delay_ms=99999999999999", "kind=cut&at=mail&%"} {
		if a := b.ask("POST", "/faults", wrong); a.status < 400 || a.status > 499 || !strings.Contains(a.body, `id="problem"`) {
			t.Errorf("%s: %d", wrong, a.status)
		}
	}
	if a := b.ask("POST", "/faults/clear", ""); a.status != 303 || len(b.Faults()) != 0 {
		t.Errorf("clearing: %d %v", a.status, b.Faults())
	}
	if a := b.ask("POST", "/empty", ""); a.status != 303 || len(b.Mails(sandbox.Filter{})) != 0 {
		t.Errorf("forgetting: %d", a.status)
	}
}

func TestAnotherSitesFormsAreRefused(t *testing.T) {
	b := filled(t)
	for _, call := range []string{"POST /empty", "POST /faults", "POST /faults/clear", "POST /sandbox/faults", "DELETE /sandbox/mails", "DELETE /sandbox/faults"} {
		method, path, _ := strings.Cut(call, " ")
		for _, header := range [][]string{{"Origin", "http://evil.example"}, {"Sec-Fetch-Site", "cross-site"}} {
			if a := b.ask(method, path, "kind=cut&at=mail", header...); a.status != http.StatusForbidden {
				t.Errorf("%s with %v: %d", call, header, a.status)
			}
		}
	}
	if len(b.Mails(sandbox.Filter{})) == 0 || len(b.Faults()) != 0 {
		t.Error("something was done all the same")
	}
}
