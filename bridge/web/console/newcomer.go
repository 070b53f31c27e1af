package console

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
)

// addSheet is the page where somebody is added. form is what was typed.
func (s *Console) addSheet(c *gin.Context, p bridge.Person, form url.Values) (sheet, error) {
	asks, err := s.asks(c, p)
	return sheet{
		frame: s.desk(c, p, "Add somebody"), Trail: trail(toPeople), Action: addPath, Back: peoplePath, Button: "Add them", Again: asks,
		Says: []string{"A person gets a first password, which is shown once, on the next page.", "A program has none, and comes with tokens."},
		Blanks: []blank{
			{Kind: "text", Name: "name", Label: "Name", Value: form.Get("name"), Most: 64,
				Hint: "What history calls them, for good: a to z, digits, dot, dash. No e-mail address."},
			{Kind: "text", Name: "display", Label: "Shown as", Value: form.Get("display"), Most: 200, Optional: true},
			{Kind: "email", Name: "email", Label: "E-mail address", Value: form.Get("email"), Most: 320, Optional: true,
				Hint: "Nobody approves what was asked for with their own address."},
			{Kind: "select", Name: "kind", Label: "Is", Choices: []choice{
				{Value: "person", Text: "a person"}, {Value: "program", Text: "a program", Chosen: form.Get("kind") == "program"},
			}},
			{Kind: "select", Name: "role", Label: "Role", Choices: roleChoices(p, cmp.Or(bridge.Role(form.Get("role")), bridge.Viewer))},
			s.scopeBlank(p, "All portals, also those to come", form.Get("scope"), form["portal"]),
		},
	}, err
}

func (s *Console) askAdd(c *gin.Context, p bridge.Person) error {
	view, err := s.addSheet(c, p, url.Values{})
	if err != nil {
		return err
	}
	return s.showSheet(c, view, nil)
}

func (s *Console) add(c *gin.Context, p bridge.Person) error {
	form, err := sent(c)
	if err != nil {
		return err
	}
	n := Newcomer{
		Name: strings.TrimSpace(form.Get("name")), Display: strings.TrimSpace(form.Get("display")), Email: strings.TrimSpace(form.Get("email")),
		Role: bridge.Role(form.Get("role")), Program: form.Get("kind") == "program",
	}
	password := ""
	portals, err := s.scopeOf(p, form, nil)
	n.Portals = given(p, portals)
	if err == nil {
		err = s.proven(c, form)
	}
	if err == nil {
		password, err = s.cfg.House.Add(c.Request.Context(), p, n)
	}
	switch {
	case err != nil:
		if bridge.KindOf(err) == bridge.Conflict {
			err = wrongAt("name", err)
		}
		view, failed := s.addSheet(c, p, form)
		if failed != nil {
			return failed
		}
		return s.showSheet(c, view, err)
	case n.Program:
		c.Redirect(http.StatusSeeOther, userPath(n.Name))
		return nil
	}
	return s.showPassword(c, p, n.Name, n.Name+" is added", password)
}
