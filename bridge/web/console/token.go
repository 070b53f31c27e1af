package console

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
)

// tokenRow is a token as it is listed.
type tokenRow struct {
	Name, Of, Role, Portals string
	Made, Expires, Used     string
	// Over: it has expired.
	Over bool
	// Revoke is where it is revoked.
	Revoke string
}

// tokenTable lists tokens. Owners says that whose they are is shown.
type tokenTable struct {
	Rows   []tokenRow
	Owners bool
}

// has reports whether a token is listed.
func (t tokenTable) has(name string) bool {
	return slices.ContainsFunc(t.Rows, func(r tokenRow) bool { return r.Name == name })
}

// tokensOf lists those tokens that are somebody's; empty: everybody's. base is where they
// are revoked.
func (s *Console) tokensOf(all []Token, of, base string) tokenTable {
	table := tokenTable{Owners: of == ""}
	for _, t := range all {
		if of == "" || t.Of == of {
			table.Rows = append(table.Rows, s.tokenRow(t, base))
		}
	}
	return table
}

func (s *Console) tokenRow(t Token, base string) tokenRow {
	row := tokenRow{
		Name: t.Name, Of: t.Of, Role: string(t.Role), Portals: s.portalWords(t.Portals), Made: s.moment(t.Made.At) + ", by " + t.Made.By.Name,
		Expires: s.moment(t.Expires), Used: "never", Over: !s.cfg.Now().Before(t.Expires), Revoke: base + "/" + url.PathEscape(t.Name) + "/revoke",
	}
	if !t.Used.IsZero() {
		row.Used = s.moment(t.Used)
	}
	return row
}

// lives are how long a token may last, in days.
var lives = []int{7, 30, 90, 180, 365}

const usualLife = 90

func lifeChoices(chosen string) (all []choice) {
	for _, days := range lives {
		value := strconv.Itoa(days)
		all = append(all, choice{Value: value, Text: value + " days", Chosen: value == cmp.Or(chosen, strconv.Itoa(usualLife))})
	}
	return all
}

// tokenDesk is one of the two places where tokens are made: one's own, or those of others.
type tokenDesk struct {
	path string
	back choice
	// owners are the users that a token can be made for; nil: one's own.
	owners []choice
}

var ownTokens = tokenDesk{path: ownTokensPath, back: toYou}

// houseTokens is where tokens of others are made: of the programs that one manages. A
// person's are theirs to make.
func (s *Console) houseTokens(ctx context.Context, p bridge.Person, chosen string) (tokenDesk, error) {
	users, err := s.cfg.House.UsersFor(ctx, p)
	d := tokenDesk{path: houseTokensPath, back: toPeople, owners: []choice{}}
	for _, u := range users {
		if u.program() && !u.Disabled {
			d.owners = append(d.owners, choice{Value: u.Name, Text: cmp.Or(u.Display, u.Name), Chosen: u.Name == chosen})
		}
	}
	if err == nil && len(d.owners) == 0 {
		err = homeward(conflict("There is no program yet that a token could be made for. Add one first; or make a token of your own, on your page."), toPeople)
	}
	return d, err
}

// tokenSheet is the page where a token is made. form is what was typed.
func (s *Console) tokenSheet(c *gin.Context, p bridge.Person, d tokenDesk, form url.Values) (sheet, error) {
	asks, err := s.asks(c, p)
	view := sheet{
		frame: s.desk(c, p, "Make a token"), Trail: trail(d.back), Action: d.path, Back: d.back.Href, Button: "Make the token", Again: asks,
		Says: []string{"Whoever has the token's secret does with it what the token may, in your name, until it expires or is revoked.", "The secret is shown once, on the next page."},
		Note: "A token never does more than its owner may do at the moment.",
	}
	all := "All of mine"
	if d.owners != nil {
		all = "All that its owner has"
		view.Says[0] = "Whoever has the token's secret does with it what the token may, in its owner's name, until it expires or is revoked."
		view.Blanks = append(view.Blanks, blank{Kind: "select", Name: "for", Label: "Owner", Choices: d.owners})
	}
	view.Blanks = append(view.Blanks,
		blank{Kind: "text", Name: "name", Label: "Name of the token", Value: form.Get("name"), Most: 64, Hint: "What for, such as erp-export: a to z, digits, dot, dash. History keeps it."},
		blank{Kind: "select", Name: "role", Label: "Role", Choices: roleChoices(p, cmp.Or(bridge.Role(form.Get("role")), bridge.Viewer))},
		s.scopeBlank(p, all, form.Get("scope"), form["portal"]),
		blank{Kind: "select", Name: "days", Label: "Expires in", Choices: lifeChoices(form.Get("days"))},
	)
	return view, err
}

// askFor shows the page where a token is made.
func (s *Console) askFor(c *gin.Context, p bridge.Person, d tokenDesk) error {
	view, err := s.tokenSheet(c, p, d, url.Values{})
	if err != nil {
		return err
	}
	return s.showSheet(c, view, nil)
}

func (s *Console) askOwnToken(c *gin.Context, p bridge.Person) error {
	return s.askFor(c, p, ownTokens)
}

func (s *Console) askToken(c *gin.Context, p bridge.Person) error {
	d, err := s.houseTokens(c.Request.Context(), p, c.Query("for"))
	if err != nil {
		return err
	}
	return s.askFor(c, p, d)
}

func (s *Console) issueOwn(c *gin.Context, p bridge.Person) error {
	form, err := sent(c)
	if err != nil {
		return err
	}
	return s.issueAt(c, p, ownTokens, form)
}

func (s *Console) issue(c *gin.Context, p bridge.Person) error {
	form, err := sent(c)
	if err != nil {
		return err
	}
	d, err := s.houseTokens(c.Request.Context(), p, form.Get("for"))
	if err != nil {
		return err
	}
	return s.issueAt(c, p, d, form)
}

// issueAt makes a token and shows its secret once.
func (s *Console) issueAt(c *gin.Context, p bridge.Person, d tokenDesk, form url.Values) error {
	order, err := s.tokenOrder(p, d, form)
	if err == nil {
		err = s.proven(c, form)
	}
	secret := ""
	if err == nil {
		secret, err = s.cfg.House.Issue(c.Request.Context(), p, order)
	}
	if err != nil {
		if bridge.KindOf(err) == bridge.Conflict {
			err = wrongAt("name", err)
		}
		view, failed := s.tokenSheet(c, p, d, form)
		if failed != nil {
			return failed
		}
		return s.showSheet(c, view, err)
	}
	return s.pages.Render(c, http.StatusOK, "done", doneView{
		frame: s.desk(c, p, "The token is made"), Label: "Secret of " + order.Name, Secret: secret,
		Says: []string{"It is shown here and never again. Put it where the program reads its secrets.", "It expires on " + s.moment(order.Expires) + "."},
		Href: d.back.Href, Word: d.back.Text,
	})
}

// tokenOrder reads what was typed.
func (s *Console) tokenOrder(p bridge.Person, d tokenDesk, form url.Values) (TokenOrder, error) {
	o := TokenOrder{Name: strings.TrimSpace(form.Get("name")), Role: bridge.Role(form.Get("role"))}
	if d.owners != nil {
		if o.For = form.Get("for"); !slices.ContainsFunc(d.owners, func(c choice) bool { return c.Value == o.For }) {
			return o, missing("for", "Choose whose token it is.")
		}
	}
	days, err := strconv.Atoi(form.Get("days"))
	if err != nil || !slices.Contains(lives, days) {
		return o, missing("days", "Choose when it expires.")
	}
	o.Expires = s.cfg.Now().Add(time.Duration(days) * 24 * time.Hour)
	o.Portals, err = s.scopeOf(p, form, nil) // none: as many as its maker and its owner both have
	return o, err
}
