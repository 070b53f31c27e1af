package web

import (
	"embed"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
)

//go:embed templates/*.html static
var files embed.FS

// static serves an embedded file under its hashed name.
func (s *Server) static(c *gin.Context) error {
	if !s.pages.Serve(c, strings.TrimPrefix(c.Param("file"), "/")) {
		return errNotHere
	}
	return nil
}

// frame is what every page has around it.
type frame struct {
	Service string
	Title   string
	Contact string
	// Refresh is the value of the meta refresh; empty: the page stays.
	Refresh string
}

// again is the frame of a page that looks again by itself, where it does.
func (f frame) again(r reload) frame {
	if r.Every > 0 {
		f.Refresh = strconv.Itoa(r.Every) + "; url=" + r.Next
	}
	return f
}

func (s *Server) frame(title string) frame {
	return frame{Service: s.cfg.Name, Title: title, Contact: s.cfg.Contact}
}
