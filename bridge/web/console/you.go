package console

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
)

// youView is the page about oneself.
type youView struct {
	frame
	Flash string
	Facts []named
	// May is what one may do, MayNot what takes another role.
	May, MayNot []string
	// Elsewhere is where one signs in; empty: here.
	Elsewhere string
	Factor    bool
	Sessions  []sessionRow
	// Others says that one is signed in elsewhere too.
	Others bool
	Tokens tokenTable
}

// sessionRow is a session as it is listed.
type sessionRow struct {
	ID, Way, Opened, Seen, Ends string
	Here                        bool
}

// you shows who one is, and what one may do.
func (s *Console) you(c *gin.Context, p bridge.Person) error {
	ctx := c.Request.Context()
	me, err := s.cfg.House.UserFor(ctx, p, p.Name)
	if err != nil {
		return err
	}
	sessions, err := s.cfg.House.Sessions(ctx, p, s.token(c))
	if err != nil {
		return err
	}
	tokens, err := s.cfg.House.TokensFor(ctx, p)
	if err != nil {
		return err
	}
	view := youView{frame: s.desk(c, p, "You"), Facts: s.factsOf(me), Elsewhere: me.From, Factor: me.Factor, Others: len(sessions) > 1}
	view.May, view.MayNot = mayWords(p)
	for _, o := range sessions {
		view.Sessions = append(view.Sessions, sessionRow{o.ID, upper(o.Way), s.moment(o.Opened), s.moment(o.Seen), s.moment(o.Ends), o.Here})
	}
	view.Tokens = s.tokensOf(tokens, p.Name, ownTokensPath)
	view.Flash = view.flash(c.Query("done"), c.Query("name"))
	return s.pages.Render(c, http.StatusOK, "you", view)
}

// flash says what was just done, if the address says so and what is shown bears it out: an
// address can be made up.
func (v *youView) flash(done, name string) string {
	named := name != ""
	switch {
	case done == "factor" && v.Factor:
		return "Your second factor is set up. From now on signing in takes a code."
	case done == "drop" && !v.Factor:
		return "Your second factor is dropped. Your password is enough now."
	case done == "session" && named && !slices.ContainsFunc(v.Sessions, func(r sessionRow) bool { return r.ID == name }):
		return "That session is over."
	case done == "others" && !v.Others:
		return "You are signed in here, and nowhere else."
	case done == "revoke" && named && !v.Tokens.has(name):
		return "The token is revoked. It opens nothing any more."
	}
	return ""
}

// othersValue is what ends all sessions but the one that somebody sits in.
const othersValue = "others"

// endSessions ends one of one's sessions, or all others. It asks for no password: who stole
// a session gains nothing by it, and who it was stolen from is in a hurry.
func (s *Console) endSessions(c *gin.Context, p bridge.Person) error {
	form, err := sent(c)
	if err != nil {
		return err
	}
	done := url.Values{"done": {othersValue}}
	if id := form.Get("end"); id == othersValue {
		err = s.cfg.House.EndOthers(c.Request.Context(), p, s.token(c))
	} else {
		done = url.Values{"done": {"session"}, "name": {id}}
		err = s.cfg.House.EndSession(c.Request.Context(), p, id)
	}
	if err != nil && bridge.KindOf(err) != bridge.NotFound { // over is what it was to be
		return homeward(err, toYou)
	}
	c.Redirect(http.StatusSeeOther, selfPath+"?"+done.Encode())
	return nil
}

// mayWords are what somebody may do, and what takes another role.
func mayWords(p bridge.Person) (may, not []string) {
	for _, o := range bridge.Operations() {
		if p.May(o, "") == nil {
			may = append(may, string(o))
			continue
		}
		not = append(not, string(o)+" (takes the role "+string(leastRole(o))+")")
	}
	return may, not
}

// leastRole is the least role that may do something.
func leastRole(o bridge.Operation) bridge.Role {
	for _, r := range bridge.Roles {
		if (bridge.Person{Role: r}).May(o, "") == nil {
			return r
		}
	}
	return ""
}

// factsOf are what is known of a user.
func (s *Console) factsOf(u User) []named {
	facts := column{Lines: []named{{"Name", u.Name}}}
	facts.add("Shown as", u.Display)
	facts.add("E-mail address", u.Email)
	facts.add("Role", string(u.Role))
	facts.add("Portals", s.portalWords(u.Portals))
	facts.add("Comes in", comesIn(u))
	facts.add("Second factor", factorWords(u))
	facts.add("Signed in last", s.lastWords(u))
	return facts.Lines
}

// comesIn says how somebody does.
func comesIn(u User) string {
	switch {
	case u.From != "":
		return "by single sign-on: " + u.From
	case u.Password:
		return "with a password"
	}
	return "with tokens only: a program"
}

func factorWords(u User) string {
	switch {
	case u.From != "":
		return "up to the single sign-on"
	case u.Factor:
		return "yes"
	}
	return "none"
}

func (s *Console) lastWords(u User) string {
	if u.SignedIn.IsZero() {
		return "never"
	}
	return s.moment(u.SignedIn)
}

// trail leads back to pages.
func trail(at ...choice) []choice { return at }

var (
	toYou    = choice{Text: "Your page", Href: selfPath}
	toPeople = choice{Text: "People", Href: peoplePath}
)

// passwordSheet is the page where one changes one's password.
func (s *Console) passwordSheet(c *gin.Context, p bridge.Person) sheet {
	return sheet{
		frame: s.desk(c, p, "Change your password"), Trail: trail(toYou), Action: passwordPath, Back: selfPath, Button: "Change the password",
		Says: []string{"You are signed out in every browser, this one too, and sign in with the new password.", "Your second factor and your tokens stay as they are."},
		Blanks: []blank{
			{Kind: "hidden", Name: "username", Value: p.Name, Complete: "username"},
			{Kind: "password", Name: "old", Label: "Password until now", Complete: "current-password"},
			{Kind: "password", Name: "new", Label: "New password", Complete: "new-password",
				Hint: "At least 12 characters, of whatever you like. A few words that only you would put together are easy to keep."},
			{Kind: "password", Name: "repeated", Label: "New password, once more", Complete: "new-password"},
		},
	}
}

func (s *Console) askPassword(c *gin.Context, p bridge.Person) error {
	if err := s.hereOnly(c, p); err != nil {
		return err
	}
	return s.showSheet(c, s.passwordSheet(c, p), nil)
}

// hereOnly refuses who signs in elsewhere.
func (s *Console) hereOnly(c *gin.Context, p bridge.Person) error {
	me, err := s.cfg.House.UserFor(c.Request.Context(), p, p.Name)
	if err == nil && me.From != "" {
		err = homeward(conflict("You sign in elsewhere: your password and second factor are there."), toYou)
	}
	return err
}

// changePassword changes one's own password. What was typed is never written back.
func (s *Console) changePassword(c *gin.Context, p bridge.Person) error {
	form, err := sent(c)
	if err == nil {
		err = s.hereOnly(c, p)
	}
	if err != nil {
		return err
	}
	if form.Get("new") != form.Get("repeated") {
		return s.showSheet(c, s.passwordSheet(c, p), missing("repeated", "The new password was not typed the same twice. Nothing was done."))
	}
	err = s.cfg.House.ChangePassword(c.Request.Context(), p, form.Get("old"), form.Get("new"), c.ClientIP())
	switch bridge.KindOf(err) {
	case bridge.Refused:
		err = wrongAt("old", &bridge.Error{Kind: bridge.Refused, Msg: "That is not your password. Nothing was done.", Err: err})
	case bridge.Invalid:
		err = wrongAt("new", err)
	}
	if err != nil {
		return s.showSheet(c, s.passwordSheet(c, p), err)
	}
	http.SetCookie(c.Writer, s.cookie("", time.Unix(1, 0)))
	return s.pages.Render(c, http.StatusOK, "done", doneView{
		frame: s.frame("Your password is changed"), Says: []string{"You are signed out everywhere. Sign in with the new one."},
		Href: signInPath + "?" + url.Values{"next": {selfPath}}.Encode(), Word: "Sign in",
	})
}
