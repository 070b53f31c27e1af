package api

import (
	"context"
	"mime"
	"net/http"
	"net/url"
	"os"
	"slices"
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
}

// exportOrder is a list to be taken away: its format, and its filter as GET /requests has it.
type exportOrder struct {
	As     string            `json:"as"`
	Filter map[string]string `json:"filter,omitempty"`
}

// exportView is a file that was asked for.
type exportView struct {
	ID     string             `json:"id"`
	Self   string             `json:"self"`
	As     bridge.Format      `json:"as"`
	State  bridge.ExportState `json:"state"`
	What   string             `json:"what"`
	Asked  time.Time          `json:"asked"`
	Until  time.Time          `json:"until"`
	Rows   int                `json:"rows"`
	Of     int                `json:"of,omitempty"`
	More   bool               `json:"more"`
	Size   int64              `json:"size,omitempty"`
	File   string             `json:"file,omitempty"`
	Reason string             `json:"problem,omitempty"`
}

func exportOf(j bridge.Export) exportView {
	v := exportView{
		ID: j.ID, Self: Base + "/exports/" + j.ID, As: j.Format, State: j.State, What: j.What, Asked: j.Asked.UTC(), Until: j.Until.UTC(),
		Rows: j.Rows, Of: j.Of, More: j.More, Size: j.Size, Reason: j.Problem,
	}
	if j.State == bridge.ExportReady {
		v.File = v.Self + "/file"
	}
	return v
}

// startExport answers POST /exports: a file is made in the background.
func (a *API) startExport(c *gin.Context, p bridge.Person) (reply, error) {
	if _, err := readQuery(c); err != nil {
		return reply{}, err
	}
	desk := a.cfg.Service.Desk(p)
	if err := desk.May(bridge.MayExport, ""); err != nil {
		return reply{}, err
	}
	if a.cfg.Shelf == nil {
		return reply{}, errNoShelf
	}
	o, f, err := a.readExport(c, p)
	if err != nil {
		return reply{}, err
	}
	return a.once(c, p, "export", o, func(context.Context, string) (reply, error) {
		j, err := a.cfg.Shelf.Start(desk, bridge.Format(o.As), f) //nolint:contextcheck // the file is made when the call is over
		v := exportOf(j)
		return reply{status: http.StatusAccepted, location: v.Self, body: v}, noPortal(err)
	})
}

var errNoShelf = notOffered("Lists are not taken away as files here.")

// readExport reads which list is to be taken away, and how.
func (a *API) readExport(c *gin.Context, p bridge.Person) (o exportOrder, f bridge.Filter, err error) {
	sent, err := readObject(c)
	if err != nil {
		return o, f, err
	}
	faults := append(members{"as": filled(&o.As), "filter": textsByName(&o.Filter)}.read("", sent), missing("", sent, "as")...)
	if o.As != "" && !slices.Contains(bridge.Formats, bridge.Format(o.As)) {
		faults = append(faults, inBody("as", "This is csv or xlsx."))
	}
	query := url.Values{}
	for name, value := range o.Filter {
		query.Set(name, value)
	}
	query, wrongNames := checkQuery(query, web.FilterFields)
	asks, wrongValues := a.readRequestFilter(query, p)
	for _, bad := range append(wrongNames, wrongValues...) {
		faults = append(faults, inBody("filter."+bad.Name, bad.Detail))
	}
	if len(faults) > 0 {
		return o, f, wrong(faults...)
	}
	return o, asks.Asks, nil
}

// export answers GET /exports/{id}: how far a file has come.
func (a *API) export(c *gin.Context, p bridge.Person) (reply, error) {
	if _, err := readQuery(c); err != nil {
		return reply{}, err
	}
	if a.cfg.Shelf == nil {
		return reply{}, errNoShelf
	}
	for _, j := range a.cfg.Shelf.Exports(p) {
		if j.ID == c.Param("id") {
			return ok(exportOf(j)), nil
		}
	}
	return reply{}, errNoExport
}

var errNoExport = &bridge.Error{Kind: bridge.NotFound, Msg: "This file is not here any more, or is not yours. Ask for the list again."}

// longestDownload is how long a file may take on a slow line.
const longestDownload = 15 * time.Minute

// file answers GET /exports/{id}/file with the file itself.
func (a *API) file(c *gin.Context) {
	p, err := a.enter(c)
	if err == nil {
		_, err = readQuery(c)
	}
	if err == nil && a.cfg.Shelf == nil {
		err = errNoShelf
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	file, j, err := a.cfg.Shelf.Open(p, c.Param("id"))
	if err != nil {
		a.fail(c, err)
		return
	}
	defer func() { _ = file.Close() }() // it was read
	// The network's clock is the machine's own. What does not know deadlines has none.
	_ = http.NewResponseController(c.Writer).SetWriteDeadline(time.Now().Add(longestDownload))
	c.Header("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": j.Name()}))
	c.DataFromReader(http.StatusOK, j.Size, j.Format.MediaType(), file, nil)
}
