package mail_test

import (
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"keybridge/bridge"
	"keybridge/bridge/notify/mail"
)

// folder is one with these files.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// preview is what a notifier writes about the first sample of a kind.
func preview(t *testing.T, n *mail.Notifier, kind bridge.MessageKind) (subject, text, html string) {
	t.Helper()
	subject, text, html, err := n.Preview(kind, message(kind).Request)
	if err != nil {
		t.Fatal(err)
	}
	return subject, text, html
}

func TestAFolderReplacesWhatItHasAndNothingElse(t *testing.T) {
	builtIn := quiet(t)
	n := quiet(t, func(c *mail.Config) {
		c.Templates = folder(t, map[string]string{
			"approve.txt": "Hurra, {{.Name}}!\n", "reject.subject.txt": "Nein zu {{.Plan}}\n",
			".gitkeep": "", "..2026_03_14": "Kubernetes puts such into its mounts",
		})
		c.Subjects = map[bridge.MessageKind]string{bridge.TellApproved: "Ja zu {{.Plan}} für {{.Name}}"}
	})
	subject, text, html := preview(t, n, bridge.TellApproved)
	_, _, htmlBefore := preview(t, builtIn, bridge.TellApproved)
	if subject != "Ja zu Weather Pro für Ada Lovelace" || !strings.HasPrefix(text, "Hello Ada Lovelace,\n\nHurra, Ada Lovelace!\n\n--------\nPlan: Weather Pro\n") {
		t.Errorf("approve: %q\n%s", subject, text)
	}
	if strings.ReplaceAll(html, subject, "Your Weather Pro key request is approved") != htmlBefore {
		t.Errorf("the HTML is not the built-in one with another title:\n%s", html)
	}
	subject, text, _ = preview(t, n, bridge.TellDeclined)
	if _, before, _ := preview(t, builtIn, bridge.TellDeclined); subject != "Nein zu Weather Pro" || text != before {
		t.Errorf("reject: %q\n%s", subject, text)
	}
}

func TestTheBuiltInTextsAreAFolderToBeginWith(t *testing.T) {
	files := map[string]string{}
	for _, name := range mail.TemplateFiles() {
		files[name], _ = mail.TemplateText(name)
	}
	builtIn, copied := quiet(t), quiet(t, func(c *mail.Config) { c.Templates = folder(t, files) })
	for _, kind := range bridge.MessageKinds {
		subject, text, html := preview(t, copied, kind)
		if s, x, h := preview(t, builtIn, kind); s != subject || x != text || h != html {
			t.Errorf("%s is another mail", kind)
		}
	}
	if _, ok := mail.TemplateText("digest.html"); ok {
		t.Error("the digest's is among them")
	}
}

func TestALayoutThatLacksWhatTheFilesUseIsSaid(t *testing.T) {
	cfg := config(t, "127.0.0.1:25")
	cfg.Templates = folder(t, map[string]string{"layout.html": `<p>{{template "main" .}}</p>`})
	if _, err := mail.New(cfg); err == nil || !strings.Contains(err.Error(), `start.html:`) || !strings.Contains(err.Error(), `no such template "text"`) {
		t.Error(err)
	}
}

func TestALayoutReplacesWhatIsAroundEveryMail(t *testing.T) {
	n := quiet(t, func(c *mail.Config) {
		c.Templates = folder(t, map[string]string{
			"layout.txt":  `<<{{template "main" .}}>>`,
			"layout.html": `<!doctype html><html lang="de"><title>{{.Subject}}</title>{{template "main" .}}</html>{{define "heading"}}{{end}}{{define "text"}}{{end}}{{define "button"}}{{end}}{{define "quote"}}{{end}}{{define "page"}}{{end}}{{define "status"}}{{end}}`,
		})
	})
	for _, kind := range bridge.MessageKinds {
		subject, text, html := preview(t, n, kind)
		if !strings.HasPrefix(text, "<<") || !strings.HasPrefix(html, `<!doctype html><html lang="de"><title>`+subject+`</title>`) {
			t.Errorf("%s:\n%s\n%s", kind, text, html)
		}
	}
}

func TestEverythingWrongWithTemplatesIsSaidAtOnceWithItsLine(t *testing.T) {
	cfg := config(t, "127.0.0.1:25")
	cfg.Templates = folder(t, map[string]string{
		"start.txt":            "one\ntwo {{.Nme}}\n",
		"approve.html":         "<p>\n{{if .Name}}\n",
		"reject.txt":           "{{.Reason | shout}}",
		"resume.html":          "<p>\n<a href='{{if .Name}}'>{{end}}",
		"suspend.txt":          "{{range .Prices}}\n\n{{.Cost}}{{end}}",
		"reminder.subject.txt": "{{with .Reason}}{{.}}{{end}}",
		"aprove.txt":           "a slip of the pen",
		"digest.txt":           "not to be replaced",
	})
	cfg.Subjects = map[bridge.MessageKind]string{bridge.TellEnded: "{{.Plan", "farewell": "Bye"}
	_, err := mail.New(cfg)
	if err == nil {
		t.Fatal("nothing is wrong")
	}
	for _, want := range []string{
		"/approve.html:3: unexpected EOF", "/reject.txt:1: function \"shout\" not defined", "Subjects[end]:1: unclosed action",
		"/aprove.txt: there is no template of that name", "/digest.txt: there is no template of that name", `no mails of the kind "farewell"`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("it does not say %q", want)
		}
	}
	for _, name := range []string{"approve.html", "reject.txt", "aprove.txt", "digest.txt"} { // what can be read is tried
		if err := os.Remove(filepath.Join(cfg.Templates, name)); err != nil {
			t.Fatal(err)
		}
	}
	cfg.Subjects = nil
	_, err = mail.New(cfg)
	if err == nil {
		t.Fatal("nothing is wrong")
	}
	for _, want := range []string{"/start.txt:2:6: ", "can't evaluate field Nme", "/resume.html:2", "/suspend.txt:3:2: ", "/reminder.subject.txt writes nothing"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("it does not say %q:\n%v", want, err)
		}
	}
}

func TestAMissingFolderOrFileIsSaid(t *testing.T) {
	cfg := config(t, "127.0.0.1:25")
	cfg.Templates = filepath.Join(t.TempDir(), "nowhere")
	if _, err := mail.New(cfg); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Error(err)
	}
	cfg.Templates = t.TempDir()
	if err := os.Mkdir(filepath.Join(cfg.Templates, "start.txt"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := mail.New(cfg); err == nil || !strings.Contains(err.Error(), "start.txt") {
		t.Error(err)
	}
}

func TestATemplateThatFailsOnARequestQuotesNothingOfIt(t *testing.T) {
	n := quiet(t, func(c *mail.Config) {
		c.Templates = folder(t, map[string]string{"start.txt": `{{if eq .Name "Ada L"}}{{eq .Reasons .Reasons}}{{end}}{{with .Plan}}{{slice . 0 3}}{{end}}`})
	})
	for _, change := range []func(*bridge.Request){
		// What cannot be compared is quoted by the template package.
		func(r *bridge.Request) {
			r.Applicant.Name, r.Asked.Reasons = "Ada L", map[string]string{"Purpose": "ada@example.com"}
		},
		func(r *bridge.Request) { r.Terms.Plan = "P" },
	} {
		r := message(bridge.TellStart).Request
		change(&r)
		_, _, _, err := n.Preview(bridge.TellStart, r)
		if bridge.KindOf(err) != bridge.Invalid || !strings.Contains(err.Error(), "start.txt:1:") {
			t.Errorf("%v: kind %q", err, bridge.KindOf(err))
		}
		discreet(t, err)
	}
}

func TestAMailIsNotWithoutEnd(t *testing.T) {
	cfg := config(t, "127.0.0.1:25")
	cfg.Templates = folder(t, map[string]string{"start.txt": "{{range 1000000}}a long line again and again{{end}}"})
	if _, err := mail.New(cfg); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Error(err)
	}
}

func TestAnUnknownKindIsInvalid(t *testing.T) {
	if _, _, _, err := quiet(t).Preview("farewell", message(bridge.TellStart).Request); bridge.KindOf(err) != bridge.Invalid {
		t.Error(err)
	}
}

func TestVariablesAreThoseOfTheTemplates(t *testing.T) {
	names := map[string]bool{}
	for _, v := range mail.Variables() {
		names[v.Name] = true
		if v.Description == "" || v.Example == "" || !strings.HasSuffix(v.Description, ".") {
			t.Errorf("%s: %q, for example %q", v.Name, v.Description, v.Example)
		}
	}
	used := regexp.MustCompile(`[ ($]\.([A-Z]\w*)`)
	for _, file := range mail.TemplateFiles() {
		text, ok := mail.TemplateText(file)
		if !ok {
			t.Fatalf("there is no %s", file)
		}
		for _, m := range used.FindAllStringSubmatch(text, -1) {
			if !names["."+m[1]] {
				t.Errorf("%s uses .%s, which is no variable", file, m[1])
			}
		}
	}
}

// Each of these is said by some sample, or New would try out less than there is.
func TestTheSamplesCoverEveryCause(t *testing.T) {
	n := quiet(t)
	seen := map[string]bool{}
	for _, s := range mail.Samples() {
		l := n.LetterOf(bridge.Message{Kind: s.Kind, Request: s.Request})
		seen[string(s.Kind)+" "+l.Cause] = true
	}
	i := slices.IndexFunc(mail.Variables(), func(v mail.Variable) bool { return v.Name == ".Cause" })
	about := mail.Variables()[i].Description
	for kind, causes := range map[string]string{
		"reject": "applicant person time account portal payment", "suspend": "overdue disputed refunded account portal",
		"end": "subscription person refunded disputed portal", "start": "", "reminder": "", "question": "", "approve": "", "resume": "",
	} {
		for _, cause := range strings.Fields(causes) {
			if !seen[kind+" "+cause] || !strings.Contains(about, cause) {
				t.Errorf("%s %s: on a sample %t, described in %q", kind, cause, seen[kind+" "+cause], about)
			}
			delete(seen, kind+" "+cause)
		}
		if causes == "" {
			delete(seen, kind+" ")
		}
	}
	if len(seen) > 0 {
		t.Errorf("causes that nobody knows: %v", seen)
	}
}

// What is read has a contrast of 4.5:1 (WCAG 2.2, 1.4.3), in both colour schemes, and
// also where a mail program turns only the grounds or knows no style sheet.
func TestColoursHaveEnoughContrast(t *testing.T) {
	for _, file := range []string{"layout.html", "digest.html"} {
		raw, err := mail.BuiltIn.ReadFile("templates/" + file)
		if err != nil {
			t.Fatal(err)
		}
		text := string(raw)
		for _, m := range regexp.MustCompile(`\.(?:soft|link) \{ color: #([0-9a-f]{6}) !important`).FindAllStringSubmatch(text, -1) {
			enough(t, file, m[1], "10151f")
			enough(t, file, m[1], "19202d")
		}
		for _, m := range regexp.MustCompile(`\{ background: #([0-9a-f]{6}) !important; color: #([0-9a-f]{6}) !important`).FindAllStringSubmatch(text, -1) {
			enough(t, file, m[1], m[2])
		}
		_, inline, _ := strings.Cut(text, "<body")
		for _, m := range regexp.MustCompile(`background:#([0-9a-f]{6}); color:#([0-9a-f]{6})`).FindAllStringSubmatch(inline, -1) {
			enough(t, file, m[1], m[2])
		}
		for _, m := range regexp.MustCompile(`[ ";]color:#([0-9a-f]{6})`).FindAllStringSubmatch(inline, -1) {
			if m[1] != "ffffff" {
				enough(t, file, m[1], "ffffff")
				enough(t, file, m[1], "f3f5f9")
			}
		}
	}
}

func enough(t *testing.T, file, a, b string) {
	t.Helper()
	x, y := luminance(t, a), luminance(t, b)
	if ratio := (max(x, y) + 0.05) / (min(x, y) + 0.05); ratio < 4.5 {
		t.Errorf("%s: #%s on #%s has a contrast of %.2f", file, a, b, ratio)
	}
}

// luminance is the relative luminance of a colour as WCAG 2.2 defines it.
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	n, err := strconv.ParseUint(hex, 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		c := float64(n>>(16-8*i)&255) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

// Every mail is readable with neither style sheet nor picture, by eye and by ear.
func TestEveryMailIsSound(t *testing.T) {
	n := quiet(t)
	for _, s := range mail.Samples() {
		_, text, html, err := n.Preview(s.Kind, s.Request)
		if err != nil {
			t.Fatal(err)
		}
		for _, must := range []string{`<html lang="en" dir="ltr">`, `<meta name="color-scheme" content="light dark">`, "<title>", "<h1 "} {
			if strings.Count(html, must) != 1 {
				t.Errorf("%s, %s: there is not one %s", s.Kind, s.Name, must)
			}
		}
		for _, never := range []string{"<img", "<script", "<link", "@import", "url(", "<form", "ZgotmplZ", "<no value>", "&lt;", "{{", "<nil>", "%!"} {
			if strings.Contains(html+text, never) {
				t.Errorf("%s, %s has %s", s.Kind, s.Name, never)
			}
		}
		for _, m := range regexp.MustCompile(`<a [^>]*href="([^"]*)"[^>]*>([^<]*)<`).FindAllStringSubmatch(html, -1) {
			if !strings.HasPrefix(m[1], "https://") && !strings.HasPrefix(m[1], "mailto:") || len(m[2]) < 4 {
				t.Errorf("%s, %s: a link to %q is called %q", s.Kind, s.Name, m[1], m[2])
			}
			if strings.HasPrefix(m[1], "https://") && !strings.Contains(text, m[1]) {
				t.Errorf("%s, %s: the text has no %s", s.Kind, s.Name, m[1])
			}
		}
	}
}
