package console

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
	"keybridge/bridge/web"
)

// moneyPath is where finance sees how it goes; auditPath where admins see who did what.
const (
	moneyPath = "/console/money"
	auditPath = "/console/audit"
)

// Report is where the money pages have their sheets from; a report.Reader is one.
type Report interface {
	// Between returns the days from one to another, both included, of some portals; none:
	// of all.
	Between(ctx context.Context, from, to time.Time, portals []string) ([]bridge.Day, error)
	// Counted says how far the sheets have come.
	Counted(ctx context.Context) (bridge.Counted, error)
}

// moneyRoutes are the pages about how it goes, and about who did what.
func (s *Console) moneyRoutes(e *gin.Engine) {
	if s.cfg.Report != nil {
		e.Match(looked, moneyPath, s.page(s.seated(s.money)))
		e.Match(looked, moneyPath+"/:file", s.page(s.seated(s.moneyFile)))
	}
	s.auditRoutes(e)
}

// moneyView is the page of how it goes.
type moneyView struct {
	frame
	// Spans are those that have a name; Span is the one that was chosen, if any.
	Spans         []choice
	Span          string
	From, To      string
	Portals       []choice
	Words         string
	Problem       map[string]string
	Figures       []figureView
	UpTo, Stopped string
	// Left says how much could not be counted; empty: all was.
	Left string
}

// figureView is a figure with the addresses of its files.
type figureView struct {
	figure
	// Wide and Narrow are the plot in light and dark; zero where there is none.
	Wide, Narrow plotView
	// Files are where the table is taken away; none where the person may not.
	Files []tableFile
}

// tableFile is a table as a file of a format.
type tableFile struct{ Format, Href string }

type plotView struct {
	Light, Dark   string
	Width, Height int
}

// money shows how it goes.
func (s *Console) money(c *gin.Context, p bridge.Person) error {
	asked := readSpan(c.Request.URL.Query(), s.cfg.Now())
	if err := s.cfg.Service.Desk(p).May(bridge.MaySee, asked.Portal); err != nil {
		return err
	}
	view := s.moneyView(c, p, asked)
	if len(asked.Problems) > 0 {
		return s.pages.Render(c, http.StatusBadRequest, "money", view)
	}
	if err := s.standing(c, &view); err != nil {
		return err
	}
	days, err := s.cfg.Report.Between(c.Request.Context(), asked.From, asked.To, asked.portals(p))
	if err != nil {
		return err
	}
	waiting, err := s.waiting(c, p, asked)
	if err != nil {
		return err
	}
	take := s.cfg.WriteTable != nil && p.May(bridge.MayExport, asked.Portal) == nil
	for _, f := range append(figuresOf(days, asked), waiting...) {
		view.Figures = append(view.Figures, viewOf(f, asked, take))
	}
	return s.pages.Render(c, http.StatusOK, "money", view)
}

// moneyView is the page without its figures.
func (s *Console) moneyView(c *gin.Context, p bridge.Person, asked span) moneyView {
	view := moneyView{
		frame: s.desk(c, p, "Money"), Span: asked.Name, Problem: asked.Problems, Words: upper(asked.Words()),
		From: asked.typed[0], To: asked.typed[1], Portals: choices(asked.Portal, "All", s.portalChoices(p)),
	}
	for _, one := range []choice{{Value: spanWeek, Text: "7 days"}, {Value: spanMonth, Text: "30 days"}, {Value: spanYear, Text: "12 months"}} {
		one.Chosen = one.Value == asked.Name
		query := url.Values{fieldSpan: {one.Value}}
		if asked.Portal != "" {
			query.Set(web.FieldPortal, asked.Portal)
		}
		one.Href = moneyPath + "?" + query.Encode()
		view.Spans = append(view.Spans, one)
	}
	return view
}

// standing says how far it was counted, and what is missing.
func (s *Console) standing(c *gin.Context, view *moneyView) error {
	at, err := s.cfg.Report.Counted(c.Request.Context())
	if err != nil {
		return err
	}
	switch {
	case at.Stopped:
		view.Stopped = "Counted up to " + s.moment(at.To) + " and no further, because what comes next is damaged. An operator has to look at the log."
	case at.Behind && at.To.IsZero():
		view.UpTo = "Nothing is counted yet. It begins in a moment."
	case at.Behind:
		view.UpTo = "Counted up to " + s.moment(at.To) + ". What came after that is being counted."
	}
	if at.Left > 0 {
		view.Left = "Too little is counted: " + many(at.Left, "line") + " of history cannot be read, and " +
			plural(at.Left, "is", "are") + " left out. An operator has to look at the log."
	}
	return nil
}

// viewOf is a figure with the addresses of its files.
func viewOf(f figure, asked span, take bool) figureView {
	view := figureView{figure: f}
	query := asked.Query()
	if take && len(f.Table.Rows) > 0 {
		for _, as := range bridge.Formats {
			href := moneyPath + "/" + url.PathEscape(f.Name) + "." + string(as) + "?" + query.Encode()
			view.Files = append(view.Files, tableFile{strings.ToUpper(string(as)), href})
		}
	}
	if f.Chart == nil {
		return view
	}
	for _, of := range []struct {
		to     *plotView
		narrow bool
	}{{&view.Wide, false}, {&view.Narrow, true}} {
		of.to.Width, of.to.Height = f.Chart.size(look{narrow: of.narrow})
		of.to.Light, of.to.Dark = plotAddress(f.Name, query, look{false, of.narrow}), plotAddress(f.Name, query, look{true, of.narrow})
	}
	return view
}

// The fields of a plot's address.
const (
	fieldScheme = "scheme"
	fieldSize   = "size"
)

func plotAddress(name string, query url.Values, l look) string {
	all := url.Values{}
	for field, values := range query {
		all[field] = values
	}
	if l.dark {
		all.Set(fieldScheme, "dark")
	}
	if l.narrow {
		all.Set(fieldSize, "narrow")
	}
	return moneyPath + "/" + url.PathEscape(name) + ".svg?" + all.Encode()
}

// moneyFile is a figure's plot or table as a file.
func (s *Console) moneyFile(c *gin.Context, p bridge.Person) error {
	query := c.Request.URL.Query()
	asked := readSpan(query, s.cfg.Now())
	name, ext, _ := strings.Cut(c.Param("file"), ".")
	operation, taken := bridge.MaySee, slices.Contains(bridge.Formats, bridge.Format(ext))
	if taken {
		operation = bridge.MayExport
	}
	if err := s.cfg.Service.Desk(p).May(operation, asked.Portal); err != nil {
		return err
	}
	if len(asked.Problems) > 0 {
		return errNotHere
	}
	f, err := s.figure(c, p, asked, name)
	switch {
	case err != nil:
		return err
	case taken && s.cfg.WriteTable != nil && len(f.Table.Rows) > 0:
		return s.sendTable(c, f, asked, bridge.Format(ext))
	case ext == "svg" && f.Chart != nil:
		file, err := f.draw(look{query.Get(fieldScheme) == "dark", query.Get(fieldSize) == "narrow"})
		if err == nil {
			c.Data(http.StatusOK, "image/svg+xml", file)
		}
		return err
	}
	return errNotHere
}

// figure returns the figure of a name.
func (s *Console) figure(c *gin.Context, p bridge.Person, asked span, name string) (figure, error) {
	var all []figure
	var err error
	if name == figureWaiting {
		all, err = s.waiting(c, p, asked)
	} else {
		var days []bridge.Day
		days, err = s.cfg.Report.Between(c.Request.Context(), asked.From, asked.To, asked.portals(p))
		all = figuresOf(days, asked)
	}
	if err != nil {
		return figure{}, err
	}
	for _, f := range all {
		if f.Name == name {
			return f, nil
		}
	}
	return figure{}, errNotHere
}

// figureWaiting is the one figure that is about now and not about the span.
const figureWaiting = "waiting"

// mostAged is where the counting of what waits ends.
const mostAged = 10_000

// waiting is how long what waits for a person has waited. There is none where nothing is
// counted.
func (s *Console) waiting(c *gin.Context, p bridge.Person, asked span) ([]figure, error) {
	if s.cfg.Count == nil {
		return nil, nil
	}
	now := s.cfg.Now()
	counts, says, total := map[string]int{}, "", 0
	titles := map[string]string{}
	var classes []string
	before := now.Add(time.Minute) // a request that comes while we count has an age as well
	for _, class := range []struct {
		name string
		days int
	}{{"Less than a day", 1}, {"1 to 3 days", 3}, {"3 to 7 days", 7}, {"7 to 30 days", 30}, {"30 days and more", 0}} {
		f := bridge.Filter{Portal: asked.Portal, Portals: p.Portals, Tags: []bridge.Tag{bridge.TagWaits}, Before: before}
		if class.days > 0 {
			f.From = now.AddDate(0, 0, -class.days)
		}
		n, more, err := s.cfg.Count(c.Request.Context(), f, mostAged)
		if err != nil {
			return nil, err
		}
		if more {
			says = " There are more than were counted: counting ends at " + thousands(mostAged) + "."
		}
		classes, titles[class.name], counts[class.name] = append(classes, class.name), class.name, n
		total += n
		before = f.From
	}
	f := tally(figureWaiting, "What waits for a person now", "Since it was asked for", titles, classes, counts)
	f.Says = many(total, "request") + plural(total, " waits", " wait") + " for a person now, " +
		strconv.Itoa(total-counts[classes[0]]) + " of them for a day or longer." + says
	return []figure{f}, nil
}

// sendTable answers with a table as a file. The currency has a column of its
// own, so amounts are numbers.
func (s *Console) sendTable(c *gin.Context, f figure, asked span, as bridge.Format) error {
	t := bridge.Table{Name: f.Name, Rows: fileRows(f.Table)}
	head := f.Table.Head
	if f.Table.Currency != "" {
		head = append([]string{"Currency"}, head...)
	}
	for _, title := range head {
		t.Columns = append(t.Columns, bridge.Column{Title: title, Width: sheetColumn})
	}
	c.Header("Content-Type", as.MediaType())
	c.Header("Content-Disposition", `attachment; filename="`+f.Name+"-"+asked.From.Format(time.DateOnly)+"-"+asked.To.Format(time.DateOnly)+"."+string(as)+`"`)
	_, err := s.cfg.WriteTable(c.Writer, t, as)
	if err != nil && !c.Writer.Written() {
		c.Writer.Header().Del("Content-Disposition") // what follows is a page
	}
	return err
}

// sheetColumn is how wide a column of a sheet is, in characters: a plan's name fits.
const sheetColumn = 24

// fileRows are the rows of a table as a file has them.
func fileRows(t table) iter.Seq2[[]bridge.Cell, error] {
	return func(yield func([]bridge.Cell, error) bool) {
		for _, row := range t.Rows {
			var cells []bridge.Cell
			if t.Currency != "" {
				cells = append(cells, bridge.Cell{Text: t.Currency})
			}
			for _, cell := range row {
				cells = append(cells, cell.File)
			}
			if !yield(cells, nil) {
				return
			}
		}
	}
}
