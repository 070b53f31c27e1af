package console

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
	"keybridge/bridge/web"
)

// sheet is a page with one form, that says what will happen and asks.
type sheet struct {
	frame
	// Trail leads back, Whom says whom it is about.
	Trail []choice
	Whom  string
	// Says is what will happen. Note is what is to be known beside it.
	Says []string
	Note string
	// Problem says what is wrong with what was typed.
	Problem string
	// Picture is what an authenticator reads.
	Picture *picture
	Action  string
	Blanks  []blank
	Again   again
	Button  string
	Grave   bool
	// Back leads away, and nothing was done.
	Back string
}

// blank is a field of a sheet that is to be filled in.
type blank struct {
	// Kind is text, email, password, code, select, scope or hidden.
	Kind, Name, Label, Hint, Value string
	// Complete is what browsers may fill in (HTML, autocomplete).
	Complete string
	Choices  []choice
	Most     int
	Optional bool
	// All says what the scope of all means, and Scope which was chosen: all, some, or
	// nothing yet.
	All, Scope string
	// Wrong is what Problem is about.
	Wrong bool
}

// again is how somebody shows once more that it is them. Neither: they just did.
type again struct {
	// Password asks for it, Leave is where to sign in again first.
	Password bool
	Leave    string
	Wrong    bool
}

// againField holds the password of who sits there.
const againField = "again"

// asks says how who sits there shows once more that it is them.
func (s *Console) asks(c *gin.Context, p bridge.Person) (again, error) {
	me, err := s.cfg.House.UserFor(c.Request.Context(), p, p.Name)
	if err != nil {
		return again{}, err
	}
	if me.From == "" {
		return again{Password: true}, nil
	}
	err = s.cfg.House.ProveAgain(c.Request.Context(), s.token(c), "", c.ClientIP())
	if bridge.KindOf(err) == bridge.Denied {
		next := onlyHere(c.Request.URL.Path)
		return again{Leave: openIDPath + "?" + url.Values{"next": {next}}.Encode()}, nil
	}
	return again{}, err
}

// proven finds out once more whether it is them.
func (s *Console) proven(c *gin.Context, form url.Values) error {
	err := s.cfg.House.ProveAgain(c.Request.Context(), s.token(c), form.Get(againField), c.ClientIP())
	if bridge.KindOf(err) == bridge.Refused {
		return wrongAt(againField, &bridge.Error{Kind: bridge.Refused, Msg: "That is not your password. Nothing was done.", Err: err})
	}
	return err
}

// blankError is an error beside a blank.
type blankError struct {
	at  string
	err error
}

func (e *blankError) Error() string { return e.err.Error() }

// Unwrap returns the error.
func (e *blankError) Unwrap() error { return e.err }

// atBlank is the blank that an error is beside; empty: none.
func atBlank(err error) string {
	if e, ok := errors.AsType[*blankError](err); ok {
		return e.at
	}
	return ""
}

func wrongAt(blank string, err error) error { return &blankError{blank, err} }

func missing(at, msg string) error {
	return wrongAt(at, &bridge.Error{Kind: bridge.Invalid, Msg: msg})
}

// sheetKinds are the errors that are shown where something was typed.
var sheetKinds = []bridge.Kind{bridge.Invalid, bridge.Conflict, bridge.Denied, bridge.Refused, bridge.Limited}

// showSheet shows a sheet, with what was wrong when it was sent before.
func (s *Console) showSheet(c *gin.Context, view sheet, problem error) error {
	status := http.StatusOK
	if problem != nil {
		if !slices.Contains(sheetKinds, bridge.KindOf(problem)) {
			return problem
		}
		status, view.Problem = web.StatusOf(problem), bridge.Explain(problem)
		if wait := retryAfter(problem); wait != "" {
			c.Header("Retry-After", wait)
			view.Problem += " Try again in " + wait + " s."
		}
		view.mark(problem)
	}
	return s.pages.Render(c, status, "sheet", view)
}

// mark marks the blank that a problem is beside.
func (v *sheet) mark(problem error) {
	at := atBlank(problem)
	v.Again.Wrong = at == againField
	for i := range v.Blanks {
		v.Blanks[i].Wrong = v.Blanks[i].Name == at
	}
}

// What somebody chooses of portals.
const (
	scopeAll  = "all"
	scopeSome = "some"
)

// scopeBlank asks for portals: all of them, or some. Neither is chosen beforehand, and
// nothing ticked is never all.
func (s *Console) scopeBlank(p bridge.Person, all, scope string, chosen []string) blank {
	if len(p.Portals) > 0 {
		all = "All of yours"
	}
	known := s.portalChoices(p)
	for _, name := range chosen {
		if !slices.ContainsFunc(known, func(c choice) bool { return c.Value == name }) {
			known = append(known, choice{Value: name, Text: s.title(name)})
		}
	}
	for i := range known {
		known[i].Chosen = slices.Contains(chosen, known[i].Value)
	}
	return blank{Kind: "scope", Name: "portal", Label: "Portals", All: all, Scope: scope, Choices: known}
}

// scopeOf reads what was chosen; had are the portals that may be kept though they are
// configured no more. None: all that a person has.
func (s *Console) scopeOf(p bridge.Person, form url.Values, had []string) ([]string, error) {
	portals := form["portal"]
	switch scope := form.Get("scope"); {
	case scope == scopeAll && len(portals) > 0:
		return nil, missing("portal", "Choose all portals or single ones, not both.")
	case scope == scopeAll:
		return nil, nil
	case scope != scopeSome || len(portals) == 0:
		return nil, missing("portal", "Choose at least one portal, or all of them.")
	}
	for _, name := range portals {
		// What is not theirs to give is for House to refuse, and to tell of.
		if _, known := s.cfg.Portals[name]; !known && p.Reaches(name) && !slices.Contains(had, name) {
			return nil, missing("portal", "There is no such portal.")
		}
	}
	return portals, nil
}

// given is a scope as somebody gives it: all that they have, where none are named.
func given(p bridge.Person, portals []string) []string {
	if len(portals) == 0 {
		return p.Portals
	}
	return portals
}

// portalWords are a scope in words.
func (s *Console) portalWords(portals []string) string {
	if len(portals) == 0 {
		return "all portals"
	}
	var titles []string
	for _, name := range portals {
		titles = append(titles, s.title(name))
	}
	return strings.Join(titles, ", ")
}

// roleChoices are the roles that somebody may give.
func roleChoices(p bridge.Person, chosen bridge.Role) (all []choice) {
	for _, r := range bridge.Roles {
		all = append(all, choice{Value: string(r), Text: string(r), Chosen: r == chosen})
		if r == p.Role {
			break
		}
	}
	return all
}

// doneView is a page that says what was done, and shows a secret once.
type doneView struct {
	frame
	Says []string
	// Secret is shown here and never again; Label says what it is.
	Secret, Label string
	Href, Word    string
}
