package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed static
var staticFiles embed.FS

// pages are the parsed templates, one for each page, all in one layout.
type pages struct {
	byName map[string]*template.Template
	assets map[string]asset  // by the file's name
	hashed map[string]string // hashed name to the file's
}

// asset is one embedded file. It is served under a name that holds a hash of its
// content, so that browsers may keep it for ever.
type asset struct {
	hashed string
	body   []byte
}

func parsePages() (*pages, error) {
	p := &pages{byName: map[string]*template.Template{}, assets: map[string]asset{}, hashed: map[string]string{}}
	if err := fs.WalkDir(staticFiles, "static", p.take); err != nil {
		return nil, err
	}
	functions := template.FuncMap{
		"asset":   func(name string) string { return "/console/static/" + p.assets[name].hashed },
		"field":   func(name, label string, all []choice, problem string) field { return field{name, label, problem, all} },
		"problem": func(name, text string) named { return named{name, text} },
	}
	files, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		t, err := template.New("layout.html").Funcs(functions).ParseFS(templateFiles, "templates/layout.html", file)
		if err != nil {
			return nil, err
		}
		p.byName[strings.TrimSuffix(path.Base(file), ".html")] = t
	}
	return p, nil
}

// field is a field of a form that is one of several values.
type field struct {
	Name, Label, Problem string
	Choices              []choice
}

// take takes in one file of the folder static.
func (p *pages) take(file string, d fs.DirEntry, err error) error {
	if err != nil || d.IsDir() {
		return err
	}
	body, err := staticFiles.ReadFile(file)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	name, ext := path.Base(file), path.Ext(file)
	hashed := strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:6]) + ext
	p.assets[name] = asset{hashed, body}
	p.hashed[hashed] = name
	return nil
}

// render writes a page. It is built before the first byte is sent, so that a template
// that fails gives an error and not half a page.
func (p *pages) render(c *gin.Context, status int, name string, page any) error {
	var b bytes.Buffer
	if err := p.byName[name].Execute(&b, page); err != nil {
		return err
	}
	c.Data(status, "text/html; charset=utf-8", b.Bytes())
	return nil
}

// static serves an embedded file under its hashed name.
func (s *Console) static(c *gin.Context) error {
	name, ok := s.pages.hashed[strings.TrimPrefix(c.Param("file"), "/")]
	if !ok {
		return errNotHere
	}
	c.Header("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeContent(c.Writer, c.Request, name, time.Time{}, bytes.NewReader(s.pages.assets[name].body))
	return nil
}

// frame is what every page has around it.
type frame struct {
	Service, Title string
	// Person is who is signed in, nil where nobody is.
	Person *bridge.Person
	// Rooms are where the navigation leads.
	Rooms []room
	// Waiting and Attention count what waits for a person, "" where it is not counted.
	Waiting, Attention string
}

func (s *Console) frame(title string) frame { return frame{Service: s.cfg.Name, Title: title} }

// mostCounted is where badges stop counting.
const mostCounted = 99

// desk is the frame of a page for somebody who is signed in. What cannot be counted is
// left out: a page that works without a badge is better than none.
func (s *Console) desk(c *gin.Context, p bridge.Person, title string) frame {
	f := s.frame(title)
	f.Person, f.Rooms = &p, rooms(c, p)
	if s.cfg.Count == nil {
		return f
	}
	for tag, to := range map[bridge.Tag]*string{bridge.TagWaits: &f.Waiting, bridge.TagAttention: &f.Attention} {
		n, more, err := s.cfg.Count(c.Request.Context(), bridge.Filter{Portals: p.Portals, Tags: []bridge.Tag{tag}}, mostCounted)
		if err != nil {
			s.cfg.Log.Warn("what waits could not be counted", "error", err)
			continue
		}
		*to = strconv.Itoa(n)
		if more {
			*to += "+"
		}
	}
	return f
}
