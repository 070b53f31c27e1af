package mail

import (
	"embed"
	"errors"
	"fmt"
	html "html/template"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"keybridge/bridge"
)

//go:embed templates
var builtIn embed.FS

// source is the text of one template and where it stands.
type source struct{ where, text string }

// letters are the templates of one kind of mail: text and html are the layouts, which
// know the kind's own as "main".
type letters struct {
	subject *template.Template
	text    *template.Template
	html    *html.Template
}

// execute is what a parsed template of either package does.
type execute func(io.Writer, any) error

// TemplateFiles returns the names of the files that a folder of templates may hold.
func TemplateFiles() []string {
	names := []string{"layout.txt", "layout.html"}
	for _, kind := range bridge.MessageKinds {
		names = append(names, string(kind)+".subject.txt", string(kind)+".txt", string(kind)+".html")
	}
	return names
}

// TemplateText returns the built-in text of one of TemplateFiles, to begin with; ok is
// false where there is none of that name.
func TemplateText(name string) (text string, ok bool) {
	if !slices.Contains(TemplateFiles(), name) {
		return "", false
	}
	b, err := builtIn.ReadFile("templates/" + name)
	return string(b), err == nil
}

func knownKind(kind bridge.MessageKind) bool { return slices.Contains(bridge.MessageKinds, kind) }

// readTemplates returns the text of every template: the folder's where it has one,
// else the built-in one. Every file of the folder that is none is an error. Names
// that begin with a dot are passed over: Kubernetes puts such into its mounts.
func readTemplates(folder string, subjects map[bridge.MessageKind]string) (map[string]source, []error) {
	sources, wrong := map[string]source{}, []error(nil)
	for _, name := range TemplateFiles() {
		text, ok := TemplateText(name)
		if !ok { // a test sees every kind
			wrong = append(wrong, fmt.Errorf("mail: there is no built-in %s", name))
		}
		sources[name] = source{"built-in " + name, text}
	}
	if folder != "" {
		wrong = append(wrong, replace(sources, folder)...)
	}
	for kind, text := range sorted(subjects) {
		sources[string(kind)+".subject.txt"] = source{"Subjects[" + string(kind) + "]", text}
	}
	return sources, wrong
}

// replace takes in the files of a folder.
func replace(sources map[string]source, folder string) (wrong []error) {
	files, err := os.ReadDir(folder)
	if err != nil {
		return []error{fmt.Errorf("mail: the folder of templates: %w", err)}
	}
	for _, file := range files {
		name, where := file.Name(), filepath.Join(folder, file.Name())
		if strings.HasPrefix(name, ".") {
			continue
		}
		if _, known := sources[name]; !known {
			wrong = append(wrong, fmt.Errorf("mail: %s: there is no template of that name; there are %s", where, strings.Join(TemplateFiles(), ", ")))
			continue
		}
		text, err := os.ReadFile(where) // #nosec G304 -- the operator's folder
		if err != nil {
			wrong = append(wrong, fmt.Errorf("mail: %w", err))
			continue
		}
		sources[name] = source{where, string(text)}
	}
	return wrong
}

// parse makes the templates of every kind. All errors are returned at once, with
// file and line.
func parse(sources map[string]source) (map[bridge.MessageKind]letters, []error) {
	byKind, wrong := map[bridge.MessageKind]letters{}, []error(nil)
	for _, kind := range bridge.MessageKinds {
		var l letters
		errs := make([]error, 3)
		l.subject, errs[0] = parseText(sources[string(kind)+".subject.txt"])
		l.text, errs[1] = parseText(sources["layout.txt"], sources[string(kind)+".txt"])
		l.html, errs[2] = parseHTML(sources["layout.html"], sources[string(kind)+".html"])
		byKind[kind] = l
		for _, err := range errs {
			if err != nil && !slices.ContainsFunc(wrong, func(w error) bool { return w.Error() == err.Error() }) {
				wrong = append(wrong, err) // a layout's error once, and not for every kind
			}
		}
	}
	return byKind, wrong
}

// parseText parses a template, and one that it knows as "main".
func parseText(root source, main ...source) (*template.Template, error) {
	t, err := template.New(root.where).Parse(root.text)
	if err != nil {
		return nil, located(err)
	}
	for _, m := range main {
		part, err := t.New(m.where).Parse(m.text)
		if err != nil {
			return nil, located(err)
		}
		if t, err = t.AddParseTree("main", part.Tree); err != nil {
			return nil, located(err)
		}
	}
	return t.Lookup(root.where), nil
}

// parseHTML does the same for HTML.
func parseHTML(root, main source) (*html.Template, error) {
	t, err := html.New(root.where).Parse(root.text)
	if err != nil {
		return nil, located(err)
	}
	part, err := t.New(main.where).Parse(main.text)
	if err != nil {
		return nil, located(err)
	}
	if _, err = t.AddParseTree("main", part.Tree); err != nil {
		return nil, located(err)
	}
	return t.Lookup(root.where), nil
}

// prefix is what the template packages begin their errors with.
var prefix = regexp.MustCompile(`^(html/)?template: ?`)

func located(err error) error {
	return errors.New("mail: template " + strings.TrimSpace(prefix.ReplaceAllString(err.Error(), "")))
}

// The most that a mail may hold: more is a template gone wrong.
const (
	longestSubject = 150
	biggestBody    = 256 << 10
)

// written is a mail in words.
type written struct{ subject, text, html string }

// write fills in the templates of a letter or a digest. An error is Invalid: this mail
// fails and will fail again. It names the place in the template, and nothing of the
// request.
func (t letters) write(l titled) (w written, err error) {
	if w.subject, err = fill(t.subject.Execute, l); err != nil {
		return written{}, err
	}
	w.subject = line(w.subject, longestSubject)
	if w.subject == "" {
		return written{}, fails(fmt.Errorf("%s writes nothing", t.subject.Name()))
	}
	l = l.titled(w.subject)
	if w.text, err = fill(t.text.Execute, l); err != nil {
		return written{}, err
	}
	if w.html, err = fill(t.html.Execute, l); err != nil {
		return written{}, err
	}
	w.text = gaps.ReplaceAllString(strings.TrimSpace(w.text), "\n\n") + "\n"
	w.html = strings.TrimSpace(w.html) + "\n"
	return w, nil
}

// gaps are more than one blank line, as parts that are left out leave them behind.
var gaps = regexp.MustCompile(`\n[ \t]*\n(?:[ \t]*\n)+`)

// titled is what templates are filled in with: it takes its subject once that is known.
type titled interface{ titled(subject string) titled }

func (l Letter) titled(subject string) titled {
	l.Subject = subject
	return l
}

func fill(to execute, l titled) (string, error) {
	var b bounded
	if err := to(&b, l); err != nil {
		return "", fails(err)
	}
	return b.text.String(), nil
}

// bounded is a buffer that takes biggestBody.
type bounded struct{ text strings.Builder }

func (b *bounded) Write(p []byte) (int, error) {
	if b.text.Len()+len(p) > biggestBody {
		return 0, fmt.Errorf("the mail is longer than %d bytes", biggestBody)
	}
	return b.text.Write(p)
}

// place is where a template failed; what comes after it may quote the request.
var place = regexp.MustCompile(`^(?:html/)?template: ?(.*?:\d+(?::\d+)?): `)

func fails(err error) error {
	cause := err
	if m := place.FindStringSubmatch(err.Error()); m != nil {
		cause = errors.New(m[1])
	}
	return &bridge.Error{Kind: bridge.Invalid, Msg: "The template of this mail fails on this request", Err: cause}
}

// tryOut writes every sample with the templates of its kind, as each portal would
// have it, and returns everything that fails, with file and line.
func (n *Notifier) tryOut() (wrong []error) {
	seen := map[string]bool{}
	for _, s := range Samples() {
		for _, delivery := range bridge.Deliveries {
			l := n.letter(n.sampleMessage(s.Kind, s.Request))
			l.KeyDelivery = string(delivery)
			err := n.letters[s.Kind].explain(l)
			if err != nil && !seen[err.Error()] {
				seen[err.Error()] = true
				wrong = append(wrong, fmt.Errorf("%w (on the sample %q)", err, s.Name))
			}
		}
	}
	return wrong
}

// explain says what is wrong with the templates of a kind, in the words of whoever
// wrote them: the letter is made up, so that it may be quoted.
func (t letters) explain(l Letter) error {
	_, err := t.write(l)
	if err == nil {
		return nil
	}
	l.Subject = "A subject"
	for _, to := range []execute{t.subject.Execute, t.text.Execute, t.html.Execute} {
		if err := to(&bounded{}, l); err != nil {
			return located(err)
		}
	}
	return fmt.Errorf("mail: %w", err)
}
