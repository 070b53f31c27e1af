package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
)

// Pages are templates that were read, one for each page, all in one layout, and the files
// that pages need beside them.
type Pages struct {
	byName map[string]*template.Template
	assets map[string]asset  // by the file's name
	hashed map[string]string // hashed name to the file's
}

// asset is a file beside the pages. It is served under a name that holds a hash of its
// content, so that browsers may keep it for ever.
type asset struct {
	hashed string
	body   []byte
}

// ReadPages reads the pages in the folder templates, of which layout.html is around all
// others, and the files in the folder static, which are served below an address. Templates
// may call asset with a file's name for its address, and the given functions.
func ReadPages(files fs.FS, address string, functions template.FuncMap) (*Pages, error) {
	p := &Pages{byName: map[string]*template.Template{}, assets: map[string]asset{}, hashed: map[string]string{}}
	err := fs.WalkDir(files, "static", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return p.take(files, file)
	})
	if err != nil {
		return nil, err
	}
	functions = maps.Clone(functions)
	if functions == nil {
		functions = template.FuncMap{}
	}
	functions["asset"] = func(name string) string { return address + p.assets[name].hashed }
	const layout = "templates/layout.html"
	names, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		t, err := template.New(path.Base(layout)).Funcs(functions).ParseFS(files, layout, name)
		if err != nil {
			return nil, err
		}
		p.byName[strings.TrimSuffix(path.Base(name), ".html")] = t
	}
	return p, nil
}

// take takes in one file beside the pages.
func (p *Pages) take(files fs.FS, file string) error {
	body, err := fs.ReadFile(files, file)
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

// Render answers with a page. It is built before the first byte is sent, so that a template
// that fails gives an error and not half a page.
func (p *Pages) Render(c *gin.Context, status int, name string, page any) error {
	t, ok := p.byName[name]
	if !ok {
		return fmt.Errorf("web: there is no page %q", name)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, page); err != nil {
		return err
	}
	c.Data(status, "text/html; charset=utf-8", b.Bytes())
	return nil
}

// Serve answers with a file beside the pages, by its hashed name; false where there is none.
func (p *Pages) Serve(c *gin.Context, hashed string) bool {
	name, ok := p.hashed[hashed]
	if !ok {
		return false
	}
	c.Header("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeContent(c.Writer, c.Request, name, time.Time{}, bytes.NewReader(p.assets[name].body))
	return true
}
