package console

import (
	"cmp"
	"net/http"
	"net/url"
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
	if name := c.Query("name"); c.Query("done") == "revoke" && name != "" && !view.Tokens.has(name) {
		view.Flash = "The token is revoked. It opens nothing any more."
	}
	return s.pages.Render(c, http.StatusOK, "people", view)
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

// personView is the page of one user.
type personView struct {
	frame
	Flash  string
	State  state
	Facts  []named
	You    bool
	Offers []offered
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
	return s.pages.Render(c, http.StatusOK, "person", view)
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
