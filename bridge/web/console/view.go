package console

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
	"keybridge/bridge/web"
)

// Papers keeps people's saved views; a bridge.Store does.
type Papers interface {
	// Paper returns a paper's value, nil when there is none. SetPaper changes it; change may
	// run more than once, and its error is returned as it is.
	Paper(ctx context.Context, kind, name string) ([]byte, error)
	SetPaper(ctx context.Context, kind, name string, change func(old []byte) ([]byte, error)) error
}

// kindViews is the kind of the paper in which a person's views are, by their name.
const kindViews = "views"

// The bounds of saved views: how many, the bytes of a name and of a filter. All of a
// person's fit into one paper.
const (
	mostViews   = 20
	longestName = 60
	longestView = 2000
)

// savedView is a filter of the queue with a name.
type savedView struct {
	Name string `json:"name"`
	// Query is the filter as the queue's address has it: web.KnownFields, encoded.
	Query string `json:"query"`
}

// views are a person's, by name.
func (s *Console) views(c *gin.Context, p bridge.Person) ([]savedView, error) {
	if s.cfg.Views == nil {
		return nil, nil
	}
	raw, err := s.cfg.Views.Paper(c.Request.Context(), kindViews, p.Name)
	if err != nil {
		return nil, err
	}
	return readViews(raw)
}

func readViews(raw []byte) (all []savedView, err error) {
	if len(raw) == 0 {
		return nil, nil
	}
	return all, json.Unmarshal(raw, &all)
}

// writeViews is the paper of some views; nil for none, which removes it.
func writeViews(all []savedView) ([]byte, error) {
	if len(all) == 0 {
		return nil, nil
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // it would make addresses longer than they are bounded to be
	err := e.Encode(all)
	return b.Bytes(), err
}

// viewChoices are the saved views for the queue's page, the one that is shown marked.
// Views that cannot be read are left out: the queue works without.
func (s *Console) viewChoices(c *gin.Context, p bridge.Person, shown web.Filter) (all []choice) {
	views, err := s.views(c, p)
	if err != nil {
		s.cfg.Log.Warn("saved views could not be read", "error", err)
	}
	for _, v := range views {
		all = append(all, choice{Value: v.Name, Text: v.Name, Href: queuePath + "?" + v.Query, Chosen: v.Query == savedQuery(shown)})
	}
	return all
}

// saveView keeps the queue's filter under a name. One of that name is replaced.
func (s *Console) saveView(c *gin.Context, p bridge.Person) error {
	form, err := sent(c)
	if err == nil {
		err = s.cfg.Service.Desk(p).May(bridge.MaySee, "")
	}
	if err != nil {
		return err
	}
	f, err := s.listOf(form, p)
	if err != nil {
		return err
	}
	v := savedView{Name: strings.Join(strings.Fields(form.Get("name")), " "), Query: savedQuery(f)}
	if err := v.wrong(); err != nil {
		return err
	}
	err = s.changeViews(c, p, func(all []savedView) ([]savedView, error) {
		all = slices.DeleteFunc(all, func(old savedView) bool { return old.Name == v.Name })
		if len(all) >= mostViews {
			return nil, &bridge.Error{Kind: bridge.Invalid, Msg: fmt.Sprintf("You have %d saved views, and there can be no more. Remove one first.", mostViews)}
		}
		all = append(all, v)
		slices.SortFunc(all, func(a, b savedView) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
		return all, nil
	})
	if err != nil {
		return err
	}
	c.Redirect(http.StatusSeeOther, queuePath+"?"+v.Query)
	return nil
}

// savedQuery is a filter as a saved view has it. What is shown is always in it, so that the
// queue as it comes can be saved too.
func savedQuery(f web.Filter) string {
	query := maps.Clone(f.Query)
	query.Set(web.FieldShow, f.Show())
	return query.Encode()
}

// wrong says why a view cannot be kept; nil when it can.
func (v savedView) wrong() error {
	switch {
	case v.Name == "":
		return &bridge.Error{Kind: bridge.Invalid, Msg: "A saved view needs a name."}
	case len(v.Name) > longestName || !utf8.ValidString(v.Name) || strings.ContainsFunc(v.Name, unicode.IsControl):
		return &bridge.Error{Kind: bridge.Invalid, Msg: "A saved view needs a shorter name: at most 60 bytes, and no control characters."}
	case len(v.Query) > longestView:
		return &bridge.Error{Kind: bridge.Invalid, Msg: "This filter is too long to be kept."}
	}
	return nil
}

// removeView forgets a saved view. One that is not there is as it should be.
func (s *Console) removeView(c *gin.Context, p bridge.Person) error {
	form, err := sent(c)
	if err != nil {
		return err
	}
	err = s.changeViews(c, p, func(all []savedView) ([]savedView, error) {
		return slices.DeleteFunc(all, func(v savedView) bool { return v.Name == form.Get("name") }), nil
	})
	if err != nil {
		return err
	}
	c.Redirect(http.StatusSeeOther, onlyHere(form.Get("from")))
	return nil
}

// changeViews changes what a person has saved.
func (s *Console) changeViews(c *gin.Context, p bridge.Person, change func([]savedView) ([]savedView, error)) error {
	if s.cfg.Views == nil {
		return errNotHere
	}
	return s.cfg.Views.SetPaper(c.Request.Context(), kindViews, p.Name, func(old []byte) ([]byte, error) {
		all, err := readViews(old)
		if err == nil {
			all, err = change(all)
		}
		if err != nil {
			return nil, err
		}
		return writeViews(all)
	})
}
