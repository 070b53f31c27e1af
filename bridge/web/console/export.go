package console

import (
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
	"keybridge/bridge/web"
)

// Shelf is where lists are made into files, in the background; an export.Shelf is one. What a
// person may not have is refused there.
type Shelf interface {
	// Start begins to make a file of the requests that fit a filter.
	Start(d bridge.Desk, as bridge.Format, f bridge.Filter) (bridge.Export, error)
	// Exports returns a person's files, the newest first.
	Exports(p bridge.Person) []bridge.Export
	// Open returns a person's file for reading; the caller closes it. NotFound when there is
	// none, Conflict while it is not ready.
	Open(p bridge.Person, id string) (*os.File, bridge.Export, error)
	// Remove cancels a file while it is made, and removes it once it is not.
	Remove(p bridge.Person, id string) error
}

// fieldQuery holds the queue's filter, as its address has it, where a form is about the
// list that it chooses.
const fieldQuery = "query"

// exportsView is the page of the files that a person takes away.
type exportsView struct {
	frame
	Files []fileView
	// Making: something is being made, so the page looks again by itself, where it may.
	// Still: it was asked not to.
	Making, Still bool
	// Every is after how many milliseconds a script looks again; 0: it does not.
	Every int
	// Here is the page's address, Updated when it was read. Files have no Edition.
	Here, Updated, Edition string
}

// fileView is one file.
type fileView struct {
	ID, Name, What, Asked, Until string
	State, Tone                  string
	// Progress says how far it has come, Problem why it failed.
	Progress, Problem string
	// Href is where it is, once it is ready; Size is how large.
	Href, Size string
	// Rows of Of are for a bar; Of is 0 where there is none.
	Rows, Of int
	Remove   string
}

// everyMaking is how often a script looks again while a file is made. The page itself says
// how often a browser without one does.
const everyMaking = 2 * time.Second

// exports shows a person's files.
func (s *Console) exports(c *gin.Context, p bridge.Person) error {
	if s.cfg.Shelf == nil {
		return errNotHere
	}
	if err := s.cfg.Service.Desk(p).May(bridge.MayExport, ""); err != nil {
		return err
	}
	view := exportsView{frame: s.desk(c, p, "Exports"), Still: c.Query("still") != "", Here: exportsPath, Updated: s.clock(s.cfg.Now())}
	for _, j := range s.cfg.Shelf.Exports(p) {
		view.Files = append(view.Files, s.file(j))
		view.Making = view.Making || j.State == bridge.ExportMaking
	}
	if view.Making {
		view.Every = int(everyMaking.Milliseconds())
	}
	return s.pages.Render(c, http.StatusOK, "exports", view)
}

// file is a file as the page shows it.
func (s *Console) file(j bridge.Export) fileView {
	f := fileView{
		ID: j.ID, Name: j.Name(), What: j.What, Asked: s.moment(j.Asked), Until: s.moment(j.Until), Remove: "Remove", Problem: j.Problem,
	}
	switch j.State {
	case bridge.ExportMaking:
		f.State, f.Tone, f.Remove, f.Progress = "Being made", "move", "Cancel", progress(j)
		if !j.More && j.Of > 0 {
			f.Rows, f.Of = min(j.Rows, j.Of), j.Of
		}
	case bridge.ExportReady:
		f.State, f.Tone, f.Progress = "Ready", "good", count(j.Rows, "request")
		f.Href, f.Size = exportsPath+"/"+url.PathEscape(j.ID), size(j.Size)
	case bridge.ExportFailed:
		f.State, f.Tone = "Failed", "bad"
	case bridge.ExportCancelled:
		f.State = "Cancelled"
	}
	return f
}

// progress says how many rows there are of how many.
func progress(j bridge.Export) string {
	switch {
	case j.More && j.Rows < j.Of:
		return fmt.Sprintf("%d of more than %s", j.Rows, count(j.Of, "request"))
	case j.Of == 0 || j.More || j.Rows > j.Of:
		return count(j.Rows, "request") + " so far"
	}
	return fmt.Sprintf("%d of about %s", j.Rows, count(j.Of, "request"))
}

// count names a number of things.
func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return strconv.Itoa(n) + " " + what
}

// size is how large a file is.
func size(bytes int64) string {
	switch {
	case bytes < 10_000:
		return strconv.FormatInt(bytes, 10) + " bytes"
	case bytes < 10_000_000:
		return strconv.FormatInt(bytes/1000, 10) + " kB"
	}
	return strconv.FormatInt(bytes/1_000_000, 10) + " MB"
}

// startExport begins to make a file of the list that a filter chooses.
func (s *Console) startExport(c *gin.Context, p bridge.Person) error {
	if s.cfg.Shelf == nil {
		return errNotHere
	}
	form, err := sent(c)
	if err != nil {
		return err
	}
	f, err := s.listOf(form, p)
	if err != nil {
		return err
	}
	if _, err := s.cfg.Shelf.Start(s.cfg.Service.Desk(p), bridge.Format(form.Get("as")), f.Asks); err != nil {
		return toExports(err)
	}
	c.Redirect(http.StatusSeeOther, exportsPath)
	return nil
}

// toExports gives an error whose page should lead to the files a way there.
func toExports(err error) error {
	e := *asPage(err)
	e.Back, e.Word = exportsPath, "To your exports"
	if bridge.KindOf(err) == bridge.Conflict {
		e.Title = "Not ready yet"
	}
	return &e
}

// listOf is the filter that a form is about. Invalid for one that cannot be understood.
func (s *Console) listOf(form url.Values, p bridge.Person) (web.Filter, error) {
	query, err := url.ParseQuery(form.Get(fieldQuery))
	if err != nil {
		return web.Filter{}, &bridge.Error{Kind: bridge.Invalid, Msg: "The filter cannot be understood. Nothing was done.", Err: err}
	}
	f := web.ReadFilter(query, p, s.cfg.Now())
	for _, problem := range f.Problems {
		return f, &bridge.Error{Kind: bridge.Invalid, Msg: problem}
	}
	return f, nil
}

// download gives a person their file.
func (s *Console) download(c *gin.Context, p bridge.Person) error {
	if s.cfg.Shelf == nil {
		return errNotHere
	}
	file, j, err := s.cfg.Shelf.Open(p, c.Param("file"))
	if err != nil {
		return toExports(err)
	}
	defer func() { _ = file.Close() }()
	// A large file on a slow line takes longer than any page may. The network's clock is
	// the machine's own. What does not know deadlines has none.
	_ = http.NewResponseController(c.Writer).SetWriteDeadline(time.Now().Add(longestDownload))
	c.Header("Content-Type", j.Format.MediaType())
	c.Header("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": j.Name()}))
	http.ServeContent(c.Writer, c.Request, j.Name(), time.Time{}, file)
	return nil
}

const longestDownload = 15 * time.Minute

// removeExport cancels or removes a person's file. One that is gone already is as it should be.
func (s *Console) removeExport(c *gin.Context, p bridge.Person) error {
	if s.cfg.Shelf == nil {
		return errNotHere
	}
	if err := s.cfg.Shelf.Remove(p, c.Param("file")); err != nil && bridge.KindOf(err) != bridge.NotFound {
		return err
	}
	c.Redirect(http.StatusSeeOther, exportsPath)
	return nil
}
