package console

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
)

// act is something that who manages people does to somebody.
type act struct {
	Name string
	// Word names it, Button does it, Done says that it was done.
	Word, Button, Done string
	// Grave ones are shown in red.
	Grave bool
	// says is what will happen.
	says []string
	// not says why it cannot be done to somebody as they stand; nil when it can.
	not func(User) error
	// run does it.
	run func(House, context.Context, bridge.Person, string) error
}

// Two acts want more than a word: a role and scope are typed, a password is shown. They are
// done in doAct and have no run.
const (
	actRole     = "role"
	actPassword = "password"
)

// acts are all of them, in the order in which a page offers them.
var acts = []act{
	{
		Name: actRole, Word: "Change role and portals", Button: "Change them", Done: "Role and portals are changed.", not: notElsewhere,
		says: []string{"They are signed out in every browser, and have the new role when they sign in again.", "Their tokens stay, and do no more than the new role may."},
	},
	{
		Name: actPassword, Word: "Give a new password", Button: "Make a new password", not: notElsewhere,
		says: []string{"A new password is made, and shown once, on the next page. The one they had opens nothing.", "They are signed out in every browser. Their second factor and tokens stay."},
	},
	{
		Name: "drop-code", Word: "Drop the second factor", Button: "Drop it", Done: "The second factor is dropped.", Grave: true,
		says: []string{"Their password is enough to come in, until they set up another second factor.", "Make sure that it is them who ask for it."},
		not: func(u User) error {
			if !u.Factor {
				return conflict("They have no second factor.")
			}
			return nil
		},
		run: House.DropCode,
	},
	{
		Name: "sign-out", Word: "Sign out everywhere", Button: "Sign them out", Done: "They are signed out everywhere.",
		says: []string{"They are signed out in every browser, and may sign in again.", "Their tokens stay."},
		not:  func(User) error { return nil }, run: House.SignOutEverywhere,
	},
	{
		Name: "disable", Word: "Disable", Button: "Disable them", Done: "They are disabled.", Grave: true,
		says: []string{"They are signed out in every browser, and cannot sign in any more.", "Their tokens open nothing.", "What they did stays in every history under their name."},
		not: func(u User) error {
			if u.Disabled {
				return conflict("They are disabled already.")
			}
			return nil
		},
		run: House.Disable,
	},
	{
		Name: "enable", Word: "Enable", Button: "Enable them", Done: "They are enabled.",
		says: []string{"They may sign in again, with the role, password and second factor they had.", "Their tokens that have not expired work again."},
		not: func(u User) error {
			if !u.Disabled {
				return conflict("They are enabled already.")
			}
			return nil
		},
		run: House.Enable,
	},
}

func notElsewhere(u User) error {
	if u.From != "" {
		return conflict("They come by single sign-on: their password and what they may do are changed there.")
	}
	return nil
}

func actOf(name string) (act, bool) {
	i := slices.IndexFunc(acts, func(a act) bool { return a.Name == name })
	if i < 0 {
		return act{}, false
	}
	return acts[i], true
}

// actOn returns what an address is about: somebody, and what is done to them.
func (s *Console) actOn(c *gin.Context, p bridge.Person) (u User, a act, err error) {
	a, ok := actOf(c.Param("do"))
	if !ok {
		return u, a, errNotHere
	}
	if u, err = s.cfg.House.UserFor(c.Request.Context(), p, c.Param("name")); err != nil {
		return u, a, homeward(err, toPeople)
	}
	if err = a.not(u); err != nil {
		err = homeward(err, choice{Text: "Back to " + u.Name, Href: userPath(u.Name)})
	}
	return u, a, err
}

// actSheet is the page that says what an act does.
func (s *Console) actSheet(c *gin.Context, p bridge.Person, u User, a act, form url.Values) (sheet, error) {
	asks, err := s.asks(c, p)
	back := choice{Text: u.Name, Href: userPath(u.Name)}
	view := sheet{
		frame: s.desk(c, p, a.Word), Trail: trail(toPeople, back), Whom: whom(u) + ": " + string(u.Role) + ", " + s.portalWords(u.Portals),
		Says: a.says, Action: back.Href + "/" + a.Name, Back: back.Href, Button: a.Button, Grave: a.Grave, Again: asks,
	}
	if a.Name == actRole {
		chosen, role, scope := u.Portals, u.Role, scopeAll
		if len(chosen) > 0 {
			scope = scopeSome
		}
		if form != nil {
			chosen, role, scope = form["portal"], bridge.Role(form.Get("role")), form.Get("scope")
		}
		view.Blanks = []blank{
			{Kind: "select", Name: "role", Label: "Role", Choices: roleChoices(p, role)},
			s.scopeBlank(p, "All portals, also those to come", scope, chosen),
		}
	}
	return view, err
}

// whom names somebody.
func whom(u User) string {
	if u.Display == "" {
		return u.Name
	}
	return u.Display + " (" + u.Name + ")"
}

func (s *Console) askAct(c *gin.Context, p bridge.Person) error {
	u, a, err := s.actOn(c, p)
	if err != nil {
		return err
	}
	if u.Name == p.Name { // who sends it nevertheless is refused by House, which tells of it
		return homeward(&bridge.Error{Kind: bridge.Denied, Msg: "Nobody changes their own rights, or shuts themselves out. What is yours to change is on your page; for the rest ask another admin."}, toYou)
	}
	view, err := s.actSheet(c, p, u, a, nil)
	if err != nil {
		return err
	}
	return s.showSheet(c, view, nil)
}

func (s *Console) doAct(c *gin.Context, p bridge.Person) error {
	form, err := sent(c)
	if err != nil {
		return err
	}
	u, a, err := s.actOn(c, p)
	if err != nil {
		return err
	}
	secret := ""
	if err = s.proven(c, form); err == nil {
		secret, err = s.doneTo(c.Request.Context(), p, u, a, form)
	}
	if err != nil {
		view, failed := s.actSheet(c, p, u, a, form)
		if failed != nil {
			return failed
		}
		return s.showSheet(c, view, err)
	}
	if secret != "" {
		return s.showPassword(c, p, u.Name, "The new password is made", secret)
	}
	c.Redirect(http.StatusSeeOther, userPath(u.Name)+"?"+url.Values{"done": {a.Name}}.Encode())
	return nil
}

// doneTo does an act, and returns the password that came of it.
func (s *Console) doneTo(ctx context.Context, p bridge.Person, u User, a act, form url.Values) (secret string, err error) {
	switch a.Name {
	case actPassword:
		return s.cfg.House.SetPassword(ctx, p, u.Name)
	case actRole:
		portals, err := s.scopeOf(p, form, u.Portals)
		if err != nil {
			return "", err
		}
		return "", s.cfg.House.SetRole(ctx, p, u.Name, bridge.Role(form.Get("role")), given(p, portals))
	}
	return "", a.run(s.cfg.House, ctx, p, u.Name)
}

// showPassword shows somebody's new password, once.
func (s *Console) showPassword(c *gin.Context, p bridge.Person, name, title, password string) error {
	return s.pages.Render(c, http.StatusOK, "done", doneView{
		frame: s.desk(c, p, title), Label: "Password of " + name, Secret: password,
		Says: []string{"It is shown here and never again. Tell it to them where nobody else reads it.", "They change it on their page, after they have signed in."},
		Href: userPath(name), Word: "To " + name,
	})
}
