package console

import (
	"embed"
	"html/template"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
	"keybridge/bridge/web"
)

//go:embed templates/*.html static
var files embed.FS

// staticPath is where the files are that pages need beside them.
const staticPath = "/console/static/"

func readPages() (*web.Pages, error) {
	return web.ReadPages(files, staticPath, template.FuncMap{
		"field":   func(name, label string, all []choice, problem string) field { return field{name, label, problem, all} },
		"problem": func(name, text string) named { return named{name, text} },
	})
}

// field is a field of a form that is one of several values.
type field struct {
	Name, Label, Problem string
	Choices              []choice
}

// static serves an embedded file under its hashed name.
func (s *Console) static(c *gin.Context) error {
	if !s.pages.Serve(c, strings.TrimPrefix(c.Param("file"), "/")) {
		return errNotHere
	}
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
