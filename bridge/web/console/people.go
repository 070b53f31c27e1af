package console

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
)

// peopleView lists the people that somebody manages, and what their programs hold.
type peopleView struct {
	frame
	Flash  string
	People []personRow
	Tokens tokenTable
	Roles  []bridge.Role
	Rights []rightsRow
	// Programs says that there are some, which tokens can be made for.
	Programs bool
}

// personRow is a user as they are listed.
type personRow struct {
	Name, Display, Href         string
	Role, Portals, In, SignedIn string
	Factor                      string
	State                       state
	You                         bool
}

// rightsRow says of something that can be done which roles may, in the order of
// bridge.Roles.
type rightsRow struct {
	What string
	May  []roleMay
}

type roleMay struct {
	Role bridge.Role
	Yes  bool
}

// rights is the table of who may do what, as the domain has it.
func rights() (rows []rightsRow) {
	for _, o := range bridge.Operations() {
		row := rightsRow{What: upper(string(o))}
		for _, r := range bridge.Roles {
			row.May = append(row.May, roleMay{r, (bridge.Person{Role: r}).May(o, "") == nil})
		}
		rows = append(rows, row)
	}
	return rows
}

func (s *Console) listPeople(c *gin.Context, p bridge.Person) error {
	users, err := s.cfg.House.UsersFor(c.Request.Context(), p)
	if err != nil {
		return err
	}
	tokens, err := s.cfg.House.TokensFor(c.Request.Context(), p)
	if err != nil {
		return err
	}
	view := peopleView{frame: s.desk(c, p, "People"), Roles: bridge.Roles, Rights: rights()}
	for _, u := range users {
		view.People = append(view.People, s.personRow(p, u))
		view.Programs = view.Programs || u.program() && !u.Disabled
	}
	view.Tokens = s.tokensOf(tokens, "", houseTokensPath)
	if c.Query("done") == "revoke" && !view.Tokens.has(c.Query("name")) {
		view.Flash = "The token is revoked. It opens nothing any more."
	}
	return s.pages.render(c, http.StatusOK, "people", view)
}

func (s *Console) personRow(p bridge.Person, u User) personRow {
	return personRow{
		Name: u.Name, Display: u.Display, Href: userPath(u.Name), Role: string(u.Role), Portals: s.portalWords(u.Portals), In: comesIn(u),
		Factor: factorWords(u), SignedIn: s.lastWords(u), State: stands(u), You: u.Name == p.Name,
	}
}

func userPath(name string) string { return usersPath + url.PathEscape(name) }

// stands says whether somebody may come in.
func stands(u User) state {
	if u.Disabled {
		return state{"Disabled", "bad"}
	}
	return state{"Enabled", "good"}
}

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

// personView is the page of one user.
type personView struct {
	frame
	Flash   string
	Display string
	State   state
	Facts   []named
	You     bool
	Offers  []offered
	// Token is where one is made for them; empty: they make theirs themselves.
	Token  string
	Tokens tokenTable
}

// offered is an act as a page offers it.
type offered struct {
	Name, Word, Href string
	Grave            bool
}

func (s *Console) onePerson(c *gin.Context, p bridge.Person) error {
	u, err := s.cfg.House.UserFor(c.Request.Context(), p, c.Param("name"))
	if err != nil {
		return homeward(err, toPeople)
	}
	tokens, err := s.cfg.House.TokensFor(c.Request.Context(), p)
	if err != nil {
		return err
	}
	view := personView{
		frame: s.desk(c, p, cmp.Or(u.Display, u.Name)), Flash: s.told(c.Query("done"), p, u), State: stands(u), Facts: s.factsOf(u), You: u.Name == p.Name,
	}
	view.Facts = append(view.Facts, named{"Added", s.moment(u.Created.At) + ", by " + u.Created.By.Name})
	if u.Changed.At != u.Created.At {
		view.Facts = append(view.Facts, named{"Changed last", s.moment(u.Changed.At) + ", by " + u.Changed.By.Name})
	}
	for _, a := range acts {
		if !view.You && a.not(u) == nil && (a.Name != "sign-out" || !u.program()) {
			view.Offers = append(view.Offers, offered{a.Name, a.Word, userPath(u.Name) + "/" + a.Name, a.Grave})
		}
	}
	if u.program() && !u.Disabled && !view.You {
		view.Token = houseTokensPath + "?" + url.Values{"for": {u.Name}}.Encode()
	}
	view.Tokens = s.tokensOf(tokens, u.Name, houseTokensPath)
	return s.pages.render(c, http.StatusOK, "person", view)
}

// fresh is how long a page says what was just done.
const fresh = 5 * time.Minute

// told says what was just done, if the address says so and the record bears it out: an
// address can be made up.
func (s *Console) told(done string, p bridge.Person, u User) string {
	a, ok := actOf(done)
	again := a.Name != actRole && a.Name != "sign-out" && ok && a.not(u) == nil // it could be done still
	if !ok || again || u.Changed.By != p.Actor() || s.cfg.Now().Sub(u.Changed.At) > fresh {
		return ""
	}
	return a.Done
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
	return s.pages.render(c, http.StatusOK, "done", doneView{
		frame: s.desk(c, p, title), Label: "Password of " + name, Secret: password,
		Says: []string{"It is shown here and never again. Tell it to them where nobody else reads it.", "They change it on their page, after they have signed in."},
		Href: userPath(name), Word: "To " + name,
	})
}

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
