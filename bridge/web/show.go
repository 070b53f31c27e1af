package web

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
	assets map[string]asset
}

// asset is one embedded file, named by its content so that browsers may keep it.
type asset struct {
	name string // with the hash
	body []byte
}

func parsePages() (*pages, error) {
	p := &pages{byName: map[string]*template.Template{}, assets: map[string]asset{}}
	err := fs.WalkDir(staticFiles, "static", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := staticFiles.ReadFile(file)
		sum := sha256.Sum256(body)
		ext := path.Ext(file)
		base := strings.TrimSuffix(path.Base(file), ext)
		p.assets[path.Base(file)] = asset{base + "." + hex.EncodeToString(sum[:6]) + ext, body}
		return err
	})
	if err != nil {
		return nil, err
	}
	functions := template.FuncMap{
		"asset":  func(name string) string { return "/static/" + p.assets[name].name },
		"amount": FormatAmount,
		"day":    func(t time.Time) string { return t.UTC().Format("2 January 2006") },
	}
	for _, name := range []string{"request", "error", "front"} {
		t, err := template.New("layout.html").Funcs(functions).ParseFS(templateFiles, "templates/layout.html", "templates/"+name+".html")
		if err != nil {
			return nil, err
		}
		p.byName[name] = t
	}
	return p, nil
}

// render writes a page. It is built before the first byte is sent, so that a
// template that fails gives an error and not half a page.
func (p *pages) render(c *gin.Context, status int, name string, data any) {
	var b bytes.Buffer
	if err := p.byName[name].Execute(&b, data); err != nil {
		_ = c.Error(err)
		http.Error(c.Writer, "the page could not be shown", http.StatusInternalServerError)
		return
	}
	c.Data(status, "text/html; charset=utf-8", b.Bytes())
}

// static serves an embedded file under its hashed name.
func (s *Server) static(c *gin.Context) {
	want := strings.TrimPrefix(c.Param("file"), "/")
	for name, a := range s.pages.assets {
		if a.name == want {
			c.Header("Cache-Control", "public, max-age=31536000, immutable")
			c.Header("X-Content-Type-Options", "nosniff")
			http.ServeContent(c.Writer, c.Request, name, time.Time{}, bytes.NewReader(a.body))
			return
		}
	}
	http.NotFound(c.Writer, c.Request)
}

// frame is what every page has around it.
type frame struct {
	Service string
	Title   string
	Contact template.URL
	// Refresh is the value of the meta refresh; empty: the page stays.
	Refresh string
}

func (s *Server) frame(title string) frame {
	return frame{Service: s.cfg.Name, Title: title, Contact: template.URL(s.cfg.Contact)} //nolint:gosec // from the operator's configuration
}

// view is one request as its page shows it. It holds nothing personal.
type view struct {
	frame
	// Tone is how the page feels: wait, act, good, bad.
	Tone   string
	Lead   string
	Detail string
	// Go sends the browser on to the checkout as soon as there is one.
	Go bool
	// Checking is the landing page that has no answer yet, for the Again-th time.
	Checking bool
	Again    int

	Plan     string
	Lines    []line
	Steps    []stepView
	Checkout string // where to pay, while that is possible
	Button   string
	Withdraw string // where to post, while that is possible
	Portal   string
	Home     string
	Request  bridge.ID
}

type line struct {
	Name, Price string
}

// stepView is one line of the list of steps: done, current or ahead.
type stepView struct {
	Text, State string
}

// show renders a request's page.
func (s *Server) show(c *gin.Context, r bridge.Request, v view) {
	portal := s.cfg.Portals[r.Portal]
	w := wordsFor(r, portal, v.Checking, s.cfg.Now())
	v.frame = s.frame(w.title)
	v.Tone, v.Lead, v.Detail = w.tone, w.lead, w.detail
	v.Plan = r.Terms.Plan
	for _, l := range r.Terms.Lines {
		v.Lines = append(v.Lines, line{l.Name, FormatPrice(l)})
	}
	v.Steps = stepsOf(r)
	v.Portal, v.Home, v.Request = portal.Title, r.Arrival.Return, r.ID
	if v.Home == "" {
		v.Home = portal.Home
	}
	if payable(r) && !v.Checking {
		v.Checkout, v.Button = r.Payment.Checkout.URL, "Continue to payment"
		if r.Payment.Checkout.For == bridge.Validation {
			v.Button = "Continue to card check"
		}
	}
	if r.Verdict.Outcome == bridge.Open && r.Payment.Have != bridge.Processing && !v.Checking {
		v.Withdraw = s.pagePath(c) + "/withdraw"
	}
	v.Refresh = s.refresh(c, r, v)
	s.pages.render(c, http.StatusOK, "request", v)
}

// refresh says when and where the page reloads itself.
func (s *Server) refresh(c *gin.Context, r bridge.Request, v view) string {
	here := s.pagePath(c)
	switch {
	case v.Checking:
		return "2; url=" + here + "/return?try=" + strconv.Itoa(v.Again)
	case settled(r) && r.Payment.Have != bridge.Processing && !r.Work.Attention:
		return ""
	case r.Work.Attention || r.Payment.Have == bridge.Processing:
		return "30; url=" + here
	case v.Go:
		return "2; url=" + here + "?go=1"
	}
	return "2; url=" + here
}

// stepsOf lists what has to happen, as a developer sees it.
func stepsOf(r bridge.Request) []stepView {
	out := []stepView{{"Key requested", "done"}}
	current, waits := r.Current()
	for _, s := range r.Steps {
		text := map[bridge.StepKind]string{
			bridge.Validation: "Card check", bridge.Review: "Review by a person", bridge.Paying: "Payment",
		}[s.Kind]
		state := "ahead"
		switch {
		case s.State == bridge.Met:
			state = "done"
		case s.State == bridge.Waived:
			text, state = text+" (not needed)", "done"
		case s.State == bridge.Failed:
			state = "failed"
		case waits && s.Kind == current.Kind && r.Verdict.Outcome == bridge.Open:
			state = "current"
		}
		out = append(out, stepView{text, state})
	}
	last := stepView{"Access", "ahead"}
	switch {
	case r.Verdict.Outcome == bridge.Decline, !r.Ended.At.IsZero():
		last.State = "failed"
	case r.Access.Have == bridge.Granted:
		last.State = "done"
	case r.Verdict.Outcome == bridge.Approve:
		last.State = "current"
	}
	return append(out, last)
}

// pageError is an error that has a page of its own.
type pageError struct {
	Status      int
	Title, Text string
	// Home leads back to the portal, Resume on to the visitor's own request.
	Home, Resume string
	Err          error
}

func (e *pageError) Error() string {
	if e.Err != nil {
		return e.Err.Error()
	}
	return e.Title
}

func (e *pageError) Unwrap() error { return e.Err }

var errNotHere = &pageError{Status: http.StatusNotFound, Title: "Nothing here",
	Text: "There is no page at this address. If you asked for a key, go back to the portal and open your request from there."}

// showError answers with a page that says what to do next. What is ours to mend is
// logged.
func (s *Server) showError(c *gin.Context, err error) {
	e, ok := err.(*pageError) //nolint:errorlint // a page error is never wrapped
	if !ok {
		e = &pageError{Status: statusOf(err), Title: "That did not work", Text: bridge.Explain(err), Err: err}
	}
	if e.Status >= 500 {
		s.cfg.Log.Error("a page could not be answered", "route", c.FullPath(), "error", e)
		c.Header("Retry-After", "5")
	}
	secured(c)
	s.pages.render(c, e.Status, "error", struct {
		frame
		*pageError
	}{s.frame(e.Title), e})
}
