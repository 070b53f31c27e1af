package mail_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"keybridge/bridge"
	"keybridge/bridge/notify/mail"
)

// parsed is a mail as a mail program reads it.
type parsed struct {
	header     netmail.Header
	subject    string
	text, html string
	types      []string
}

// parse reads a mail, and fails where a strict reader would.
func parse(t *testing.T, raw []byte) (p parsed) {
	t.Helper()
	m, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("%v:\n%s", err, raw)
	}
	p.header = m.Header
	if p.subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		t.Fatal(err)
	}
	kind, options, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("Content-Type %s: %v", m.Header.Get("Content-Type"), err)
	}
	parts := multipart.NewReader(m.Body, options["boundary"])
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return p
		}
		if err != nil {
			t.Fatalf("%v:\n%s", err, raw)
		}
		if len(part.Header) != 2 || part.Header.Get("Content-Transfer-Encoding") != "quoted-printable" {
			t.Fatalf("a part has the header %v", part.Header)
		}
		text, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			t.Fatal(err)
		}
		switch p.types = append(p.types, part.Header.Get("Content-Type")); len(p.types) {
		case 1:
			p.text = strings.ReplaceAll(string(text), "\r\n", "\n")
		case 2:
			p.html = strings.ReplaceAll(string(text), "\r\n", "\n")
		}
	}
}

// ours are the fields of a mail's header, each there once.
var ours = []string{
	"Auto-Submitted", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Subject", "To", "X-Auto-Response-Suppress",
}

// sound checks what holds for every mail, whoever wrote what is in it.
func sound(t *testing.T, raw []byte, to string) parsed {
	t.Helper()
	p := parse(t, raw)
	if got := slices.Sorted(maps.Keys(p.header)); !slices.Equal(got, ours) {
		t.Fatalf("the header has %v:\n%s", got, raw)
	}
	for name, values := range p.header {
		if len(values) != 1 {
			t.Fatalf("%s is there %d times", name, len(values))
		}
	}
	if list, err := p.header.AddressList("To"); err != nil || len(list) != 1 || list[0].Address != to || list[0].Name != "" {
		t.Fatalf("it goes to %v: %v", list, err)
	}
	if !slices.Equal(p.types, []string{"text/plain; charset=UTF-8", "text/html; charset=UTF-8"}) {
		t.Fatalf("its parts are %v", p.types)
	}
	for line := range strings.SplitSeq(string(raw), "\r\n") {
		if len(line) > 998 || strings.ContainsAny(line, "\r\n") { // RFC 5322, 2.1.1
			t.Fatalf("a line is %d long or not one: %q", len(line), line)
		}
	}
	return p
}

func TestAMailHasItsHeaderAndNoOther(t *testing.T) {
	n := quiet(t)
	for _, kind := range bridge.MessageKinds {
		m := message(kind)
		raw, err := n.Compose(m)
		if err != nil {
			t.Fatal(err)
		}
		p := sound(t, raw, "ada@example.com")
		for name, want := range map[string]string{
			"Auto-Submitted": "auto-generated", "Date": "Sat, 14 Mar 2026 12:00:00 +0000", "From": `"Weather keys" <keys@example.com>`,
			"Message-Id": "<" + m.ID + "@example.com>", "Mime-Version": "1.0", "X-Auto-Response-Suppress": "DR, RN, NRN, OOF, AutoReply",
		} {
			if got := p.header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", kind, name, got, want)
			}
		}
		if !strings.Contains(p.text, "Hello Ada Lovelace,") || !strings.Contains(p.html, "Hello <bdi>Ada Lovelace</bdi>,") {
			t.Errorf("%s:\n%s\n%s", kind, p.text, p.html)
		}
	}
}

func TestAnIdThatIsNoMessageIDStaysOneMail(t *testing.T) {
	n := quiet(t)
	m := message(bridge.TellStart)
	seen := map[string]bool{}
	for _, id := range []string{"a>\r\nBcc: eve@example.com", "a b", ".a", "a..b", strings.Repeat("x", 101), "ä", "a@b"} {
		m.ID = id
		for range 2 {
			raw, err := n.Compose(m)
			if err != nil {
				t.Fatal(err)
			}
			seen[sound(t, raw, "ada@example.com").header.Get("Message-Id")] = true
		}
	}
	if len(seen) != 7 {
		t.Errorf("%d Message-IDs for 7 ids: %v", len(seen), seen)
	}
}

func TestNothingOfTheRequestButWordsIsInAMail(t *testing.T) {
	n := quiet(t)
	canary := func(name string) string { return "canary-" + name }
	for _, s := range mail.Samples() {
		r := s.Request
		r.Key = canary("key")
		r.Applicant.ID, r.Applicant.Organisation = canary("developer"), canary("organisation")
		r.Asked.Policies, r.Asked.Plan, r.Asked.Entry = []string{canary("policy")}, canary("portal-plan"), canary("entry")
		r.Asked.Reasons = map[string]string{canary("field"): canary("reason")}
		r.Arrival.Browser, r.Arrival.Return = canary("browser"), "https://example.com/"+canary("return")
		r.Terms.Provider, r.Terms.Why = canary("provider"), canary("why")
		for i := range r.Terms.Lines {
			r.Terms.Lines[i].Ref, r.Terms.Lines[i].Lookup = canary("price"), canary("lookup")
		}
		r.Access.Keys, r.Access.Applicant = []string{canary("hash")}, canary("whose")
		r.Payment.Checkout.ID, r.Payment.Checkout.URL = canary("session"), "https://checkout.example/"+canary("checkout")
		r.Payment.Customer, r.Payment.Why = canary("customer"), canary("payment-why")
		r.Refs = append(slices.Clone(r.Refs), bridge.Ref{System: canary("system"), Kind: bridge.RefIntent, ID: canary("intent")})
		r.Work.Error, r.Work.Doing = canary("error"), canary("doing")
		r.Verdict.Mark.By.Name, r.Ended.By.Name = canary("person"), canary("ender")
		if r.Verdict.Mark.By.Kind != bridge.ByPerson {
			r.Verdict.Mark.Why = canary("why-of-the-verdict")
		}
		r.Notes = append([]bridge.Note{
			{Kind: bridge.Remark, Text: canary("remark")}, {Kind: bridge.Question, Text: canary("old-question")}, {Kind: bridge.Answer, Text: canary("answer")},
		}, r.Notes...)
		r.Notes = append(r.Notes, bridge.Note{Kind: bridge.Remark, Text: canary("later-remark")})
		for i := range r.Notes {
			r.Notes[i].By.Name = canary("asker")
		}
		m := message(s.Kind)
		m.Request = r
		raw, err := n.Compose(m)
		if err != nil {
			t.Fatal(err)
		}
		p := parse(t, raw)
		for _, place := range []string{string(raw), p.subject, p.text, p.html} {
			if i := strings.Index(place, "canary"); i >= 0 {
				t.Errorf("%s, %s: %.60s", s.Kind, s.Name, place[i:])
			}
		}
		l := n.LetterOf(m)
		l.Reasons = nil // documented, and in no built-in mail
		words, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		if i := bytes.Index(words, []byte("canary")); i >= 0 {
			t.Errorf("%s, %s: a template could use %.60s", s.Kind, s.Name, words[i:])
		}
	}
}

func TestNamesThatAreAdvertisementsAreLeftOut(t *testing.T) {
	n := quiet(t)
	for name, want := range map[string]string{
		"Ada Lovelace": "Hello Ada Lovelace,", "J. R. R. Tolkien": "Hello J. R. R. Tolkien,", "李明": "Hello 李明,", "O'Neill-Żak": "Hello O'Neill-Żak,",
		"Win at https://evil.example": "Hello,", "evil.example": "Hello,", "WWW.EVIL.COM now": "Hello,", "mail eve@evil": "Hello,",
		`\\evil\share`: "Hello,", "see evil-shop.top": "Hello,", "  \r\n": "Hello,",
	} {
		m := message(bridge.TellApproved)
		m.Request.Applicant.Name, m.Request.Applicant.App = name, name
		raw, err := n.Compose(m)
		if err != nil {
			t.Fatal(err)
		}
		if p := parse(t, raw); !strings.HasPrefix(p.text, want+"\n") || strings.Contains(p.html, "evil") {
			t.Errorf("%q: %.40s", name, p.text)
		}
	}
}

// hostile is what a portal may let through.
var hostile = []string{
	"Ada\r\nBcc: eve@example.com\r\n\r\nhello", "Ada\nSubject: another", "\u2028\u2029\u0085", `<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`,
	"{{.Page}}", "=?utf-8?Q?Ada=0D=0ABcc:_eve@example.com?=", "\u202eevil", strings.Repeat("long", 5000), strings.Repeat("ü", 5000),
	"\xff\xfe", "--boundary\r\nContent-Type: text/html\r\n\r\n<b>", ".\r\nMAIL FROM:<eve@example.com>", "\x00\x1b[31m", "a\tb", "Ada, eve@example.com",
}

func TestNothingSomebodyWroteBecomesAHeaderARecipientOrMarkup(t *testing.T) {
	n := quiet(t)
	for _, text := range hostile {
		for _, kind := range bridge.MessageKinds {
			m := message(kind)
			m.Request = spoiled(m.Request, text)
			raw, err := n.Compose(m)
			if err != nil {
				t.Fatal(err)
			}
			p := sound(t, raw, "ada@example.com")
			harmless(t, p.html)
		}
	}
}

// spoiled is a request in which everything that somebody else wrote is the text.
func spoiled(r bridge.Request, text string) bridge.Request {
	r = r.Clone()
	r.ID = bridge.ID(text)
	r.Portal, r.Key = text, text
	r.Applicant = bridge.Applicant{ID: text, Email: "ada@example.com", Name: text, Organisation: text, App: text}
	r.Asked = bridge.Asked{Policies: []string{text}, Plan: text, Entry: text, Reasons: map[string]string{text: text}}
	r.Terms.Plan = text
	for i := range r.Terms.Lines {
		r.Terms.Lines[i].Name, r.Terms.Lines[i].Interval.Unit = text, text
	}
	r.Verdict.Mark.Why = text
	for i := range r.Notes {
		r.Notes[i].Text = text[:min(len(text), bridge.LongestNote)] // the domain takes no longer one
	}
	return r
}

// elements are those of the built-in mails. (<b> is for the hostile alone.)
var elements = strings.Fields("html head meta title style body div p h1 h2 h3 a strong br bdi blockquote table tbody tr th td span")

// harmless checks that a page has the elements and the links of the templates only.
func harmless(t *testing.T, page string) {
	t.Helper()
	tokens := html.NewTokenizer(strings.NewReader(page))
	for {
		switch tokens.Next() {
		case html.ErrorToken:
			return
		case html.StartTagToken, html.SelfClosingTagToken:
			token := tokens.Token()
			if !slices.Contains(elements, token.Data) {
				t.Fatalf("there is a <%s>", token.Data)
			}
			for _, a := range token.Attr {
				if strings.HasPrefix(a.Key, "on") || a.Key == "src" || a.Key == "href" && !strings.HasPrefix(a.Val, "https://") && !strings.HasPrefix(a.Val, "mailto:help@") {
					t.Fatalf("<%s> has %s=%q", token.Data, a.Key, a.Val)
				}
			}
		}
	}
}

func FuzzAMailIsSoundWhateverAnybodyWrote(f *testing.F) {
	n, err := mail.New(mail.Config{
		Host: "localhost", TLS: mail.NoTLS, From: "Weather keys <keys@example.com>", Contact: "mailto:help@example.com",
	})
	if err != nil {
		f.Fatal(err)
	}
	for i, text := range hostile {
		f.Add(text, hostile[len(hostile)-1-i], uint8(i))
	}
	f.Fuzz(func(t *testing.T, text, id string, which uint8) {
		samples := mail.Samples()
		s := samples[int(which)%len(samples)]
		m := bridge.Message{ID: id, Kind: s.Kind, At: noon, Request: spoiled(s.Request, text), Page: "https://bridge.example.com/r/token", Until: time.Time{}}
		raw, err := n.Compose(m)
		if id == "" && bridge.KindOf(err) == bridge.Internal {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		p := sound(t, raw, "ada@example.com")
		harmless(t, p.html)
		subject, written, page, err := n.Preview(s.Kind, m.Request)
		if err != nil {
			t.Fatal(err)
		}
		if p.subject != strings.ReplaceAll(subject, "=?", "= ?") {
			t.Errorf("the subject is read as %q and was %q", p.subject, subject)
		}
		if len(written) > 20_000 || len(page) > 60_000 || len([]rune(subject)) > 150 {
			t.Errorf("it is too long: %d, %d, %d", len(subject), len(written), len(page))
		}
		again, err := n.Compose(m)
		if err != nil || !bytes.Equal(raw, again) {
			t.Errorf("it is another mail the second time: %v", err)
		}
	})
}

func FuzzRecipient(f *testing.F) {
	for _, seed := range append(slices.Clone(hostile), "ada@example.com", "a@b.c, d@e.f", `"a b"@c.d`, "ada@münchen.de") {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		address, err := mail.Recipient(text)
		if err != nil {
			return
		}
		list, err := netmail.ParseAddressList(address)
		if err != nil || len(list) != 1 || list[0].Address != address || strings.ContainsAny(address, " <>\r\n,;:\"") || len(address) > 330 {
			t.Errorf("%q became %q: %v, %v", text, address, list, err)
		}
		if again, err := mail.Recipient(address); err != nil || again != address {
			t.Errorf("%q became %q, and that %q: %v", text, address, again, err)
		}
	})
}

func FuzzRefusalsNameNobody(f *testing.F) {
	ours := regexp.MustCompile(`^The mail server [a-z' ]+: naming the recipient: the server answers -?[0-9]+( [245](\.[0-9]{1,3}){2}, about [a-z ]+)?$`)
	f.Add("5.1.1 <ada.king@example.org>: Recipient address rejected", 550)
	f.Add("mailbox ADA KING (ada=40king%40example.org) is full", 452)
	f.Add("4.7.28 rate limit, see https://help.example/?a=ada.king@example.org", 450)
	f.Fuzz(func(t *testing.T, text string, code int) {
		err := mail.Refused(mail.Addressing, code, text+" ada.king@example.org Ada King")
		if !ours.MatchString(err.Error()) {
			t.Errorf("%q is more than codes, and words of ours", err)
		}
		if bridge.KindOf(err) == bridge.Internal {
			t.Errorf("%d %q has no kind", code, text)
		}
	})
}
