package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// secret is a text that is shown to nobody: not by fmt with any verb, not as JSON
// or YAML, not in a log. Only Reveal returns it. The zero value is no secret.
type secret struct {
	// A function, because whatever walks over a struct by reflection stops at one.
	text func() string
}

func newSecret(text string) secret { return secret{text: func() string { return text }} }

// hidden stands where a secret would be.
const hidden = "[secret]"

// Reveal returns the text itself, for the one place that needs it. Empty: there is
// none.
func (s secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return s.text()
}

// String hides the secret.
func (secret) String() string { return hidden }

// Format hides it from every verb.
func (secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// MarshalText hides it from JSON, YAML and the like.
func (secret) MarshalText() ([]byte, error) { return []byte(hidden), nil } //nolint:unparam // the interface has an error

// LogValue hides it from logs.
func (secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// reveal returns the texts of several live secrets.
func reveal(secrets []secret) []string {
	var out []string
	for _, s := range secrets {
		out = append(out, s.Reveal())
	}
	return out
}

// maxLive is how many secrets for one thing may be live at once.
const maxLive = 8

// maxSecret is the longest file that holds a secret or a key, in bytes.
const maxSecret = 64 << 10

var variablePattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// checkSecret reports a secret that is too short, or that came with white space
// around it, as a copy from a page or an editor's second line end leave it.
func (r *reading) checkSecret(s *secret, least int) {
	text := s.Reveal()
	switch {
	case !r.good(s) || text == "":
	case strings.TrimSpace(text) != text:
		r.wrong(s, "the secret begins or ends with white space; take it off")
	case len(text) < least:
		r.wrong(s, "the secret has %d bytes and needs at least %d; make one with: openssl rand -base64 %d", len(text), least, least)
	}
}

// checkCredential reports a secret that is too short or cannot stand in a header.
func (r *reading) checkCredential(s *secret, least int) {
	r.checkSecret(s, least)
	if strings.ContainsFunc(s.Reveal(), func(c rune) bool { return c <= ' ' || c > '~' }) {
		r.wrong(s, "the secret holds a space, a line end or another character that no credential has; copy it again")
	}
}

// secrets reads a secret, or a list of them, from what its two keys name.
func (r *reading) secrets(v reflect.Value, k configKey, given map[string]entry, parent place) {
	env, hasEnv := given[k.forms()[0]]
	file, hasFile := given[k.forms()[1]]
	if !hasEnv && !hasFile {
		r.missing(v, k, parent)
		return
	}
	several := v.Type() == secretsType
	first := env
	if !hasEnv {
		first = file
	}
	here := r.note(v, first.place())
	before := r.found
	if hasEnv && hasFile && !several {
		r.wrongAt(file.key, "%s is given too; keep one of the two", k.forms()[0])
	}
	found := r.named(env, hasEnv, several, r.fromEnvironment)
	found = append(found, r.named(file, hasFile, several, r.fromFile)...)
	if len(found) > maxLive {
		r.wrongAt(*here, "%d are given, and at most %d can be live at once; two are a rotation", len(found), maxLive)
	}
	here.bad = r.found > before
	switch {
	case here.bad:
	case several:
		v.Set(reflect.MakeSlice(secretsType, len(found), len(found)))
		for i, s := range found {
			r.note(v.Index(i), s.at)
			v.Index(i).Set(reflect.ValueOf(s.secret))
		}
	default:
		v.Set(reflect.ValueOf(found[0].secret))
	}
}

// foundSecret is a secret with the place of what named it.
type foundSecret struct {
	secret
	at place
}

// named fetches what one key names: one name, or a list of them.
func (r *reading) named(e entry, given, several bool, fetch func(name string, at place) (string, string)) []foundSecret {
	if !given {
		return nil
	}
	at := e.place()
	node, ok := r.resolve(e.node, at)
	if !ok {
		return nil
	}
	items := []ast.Node{node}
	if seq, isList := node.(*ast.SequenceNode); isList && several {
		items = seq.Values
	}
	if len(items) == 0 {
		r.wrongAt(at, "the list is empty; name at least one, or remove the key")
	}
	var found []foundSecret
	for i, item := range items {
		here := at
		if len(items) > 1 {
			here = nodePlace(item)
			here.path = fmt.Sprintf("%s[%d]", at.path, i)
		}
		if text, ok := r.fetch(item, here, fetch); ok {
			found = append(found, foundSecret{secret: newSecret(text), at: here})
		}
	}
	return found
}

// fetch gets one secret. What the file names it by is never repeated: it could be
// the secret itself, written where its name belongs.
func (r *reading) fetch(item ast.Node, at place, from func(string, place) (string, string)) (string, bool) {
	node, ok := r.resolve(item, at)
	if !ok {
		return "", false
	}
	name, problem := scalarText(node, reflect.String)
	text := ""
	if problem == "" {
		text, problem = from(name, at)
	}
	if problem != "" {
		r.wrongAt(at, "%s", problem)
	}
	return text, problem == ""
}

// fromEnvironment returns the value of a variable, or what is wrong with it.
func (r *reading) fromEnvironment(name string, _ place) (text, problem string) {
	if !variablePattern.MatchString(name) {
		return "", "this cannot be the name of an environment variable; write the name here and the secret into the environment"
	}
	text, ok := r.lookup(name)
	switch {
	case !ok:
		return "", "the environment variable named here is not set; set it, or use a _file"
	case text == "":
		return "", "the environment variable named here is empty; set it, or use a _file"
	case len(text) > maxSecret:
		return "", "the environment variable named here has more than 64 KiB"
	}
	return text, ""
}

// fromFile returns the content of a file without one line break at its end, or
// what is wrong with it.
func (r *reading) fromFile(name string, at place) (text, problem string) {
	content, mode, problem := readNamed(r.inFolder(name), maxSecret)
	if problem != "" {
		return "", problem
	}
	text = strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r")
	if text == "" {
		return "", "the file named here is empty; put the secret into it"
	}
	if mode.Perm()&0o004 != 0 && !strings.Contains(text, "PUBLIC KEY-----") {
		r.warnAt(at, "everybody on this machine can read the file named here; chmod 600 or 640 it")
	}
	return text, ""
}

// readNamed returns the content and mode of a file that the configuration names, or
// what is wrong with it. most is how many bytes it may have.
func readNamed(path string, most int) (content []byte, mode os.FileMode, problem string) {
	about, err := os.Stat(path) //nolint:gosec // the configuration says which files are read
	switch {
	case err != nil:
		return nil, 0, fmt.Sprintf("the file named here cannot be read: %s; put it there, or let keybridge read it", reasonOf(err))
	case !about.Mode().IsRegular():
		return nil, 0, "what is named here is not a file"
	}
	f, err := os.Open(path) //nolint:gosec // the operator says which file to read
	if err != nil {
		return nil, 0, fmt.Sprintf("the file named here cannot be read: %s; let keybridge read it", reasonOf(err))
	}
	defer func() { _ = f.Close() }() // nothing was written
	content, err = io.ReadAll(io.LimitReader(f, int64(most)+1))
	switch {
	case err != nil:
		return nil, 0, fmt.Sprintf("the file named here cannot be read: %s", reasonOf(err))
	case len(content) > most:
		return nil, 0, fmt.Sprintf("the file named here has more than %d KiB", most>>10)
	}
	return content, about.Mode(), ""
}

// inFolder resolves a relative path from the folder of the configuration.
func (r *reading) inFolder(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(r.folder, path)
}
