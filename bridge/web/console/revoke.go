package console

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
)

// tokenOf returns the token that an address is about, if somebody may revoke it.
func (s *Console) tokenOf(c *gin.Context, p bridge.Person) (Token, error) {
	all, err := s.cfg.House.TokensFor(c.Request.Context(), p)
	if err != nil {
		return Token{}, err
	}
	i := slices.IndexFunc(all, func(t Token) bool { return t.Name == c.Param("name") })
	if i < 0 {
		return Token{}, &bridge.Error{Kind: bridge.NotFound, Msg: "There is no token of that name, or not any more."}
	}
	return all[i], nil
}

// revokeSheet is the page where a token is ended.
func (s *Console) revokeSheet(c *gin.Context, p bridge.Person, t Token, back choice, asks again) sheet {
	return sheet{
		frame: s.desk(c, p, "Revoke a token"), Trail: trail(back), Whom: t.Name + ", of " + t.Of, Action: c.Request.URL.EscapedPath(), Back: back.Href,
		Button: "Revoke it", Grave: true, Again: asks,
		Says: []string{"It opens nothing from now on: the program that uses it is refused.", "It cannot be given back. A new token has another secret."},
	}
}

func (s *Console) askRevokeOwn(c *gin.Context, p bridge.Person) error {
	t, err := s.ownToken(c, p)
	if err != nil {
		return homeward(err, toYou)
	}
	return s.showSheet(c, s.revokeSheet(c, p, t, toYou, again{}), nil)
}

// ownToken is tokenOf of one's own alone.
func (s *Console) ownToken(c *gin.Context, p bridge.Person) (Token, error) {
	t, err := s.tokenOf(c, p)
	if err == nil && t.Of != p.Name {
		err = errNotHere
	}
	return t, err
}

// revokeOwn ends a token of one's own. As with sessions, that needs no password.
func (s *Console) revokeOwn(c *gin.Context, p bridge.Person) error {
	t, err := s.ownToken(c, p)
	if err == nil {
		err = s.cfg.House.Revoke(c.Request.Context(), p, t.Name)
	}
	if err != nil {
		return homeward(err, toYou)
	}
	c.Redirect(http.StatusSeeOther, selfPath+"?"+url.Values{"done": {"revoke"}, "name": {t.Name}}.Encode())
	return nil
}

func (s *Console) askRevoke(c *gin.Context, p bridge.Person) error { return s.revokeIt(c, p, nil) }

func (s *Console) revoke(c *gin.Context, p bridge.Person) error {
	form, err := sent(c)
	if err != nil {
		return err
	}
	return s.revokeIt(c, p, form)
}

// revokeIt ends a token that somebody manages; without a form it asks first.
func (s *Console) revokeIt(c *gin.Context, p bridge.Person, form url.Values) error {
	t, err := s.tokenOf(c, p)
	if err != nil {
		return homeward(err, toPeople)
	}
	asks, err := s.asks(c, p)
	if err != nil {
		return err
	}
	view := s.revokeSheet(c, p, t, toPeople, asks)
	if form == nil {
		return s.showSheet(c, view, nil)
	}
	if err = s.proven(c, form); err == nil {
		err = s.cfg.House.Revoke(c.Request.Context(), p, t.Name)
	}
	if err != nil {
		return s.showSheet(c, view, err)
	}
	c.Redirect(http.StatusSeeOther, peoplePath+"?"+url.Values{"done": {"revoke"}, "name": {t.Name}}.Encode())
	return nil
}
