package console

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
	"rsc.io/qr"

	"keybridge/bridge"
)

// picture is a QR code and what it says, in words.
type picture struct {
	// Side is how many squares are on one, the margin too; Path draws the dark ones.
	Side   int
	Path   string
	Secret string
}

// quiet is the margin that a code needs (ISO/IEC 18004, 6.3.8).
const quiet = 4

// pictureOf draws a text.
func pictureOf(text, secret string) (*picture, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return nil, fmt.Errorf("drawing a code: %w", err)
	}
	var path strings.Builder
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			from := x
			for code.Black(x, y) {
				x++
			}
			if x > from {
				fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", from+quiet, y+quiet, x-from, x-from)
			}
		}
	}
	return &picture{Side: code.Size + 2*quiet, Path: path.String(), Secret: grouped(secret)}, nil
}

// grouped writes a secret in fours, for typing.
func grouped(secret string) string {
	var parts []string
	for len(secret) > 4 {
		parts, secret = append(parts, secret[:4]), secret[4:]
	}
	return strings.Join(append(parts, secret), " ")
}

// factorSheet is the page where a second factor is taken. sealed is the offer.
func (s *Console) factorSheet(c *gin.Context, p bridge.Person, sealed string) (sheet, error) {
	asks, err := s.asks(c, p)
	return sheet{
		frame: s.desk(c, p, "Set up a second factor"), Trail: trail(toYou), Action: factorPath, Back: selfPath, Button: "Set it up", Again: asks,
		Says: []string{"From then on signing in takes your password and a code of your authenticator app.", "If you lose the app, an admin can drop the second factor for you."},
		Blanks: []blank{
			{Kind: "hidden", Name: "sealed", Value: sealed},
			{Kind: "code", Name: "code", Label: "Code that the app shows now", Complete: "one-time-code"},
		},
	}, err
}

// offerFactor shows a second factor that may be taken. Nothing of it is kept: each look is
// another.
func (s *Console) offerFactor(c *gin.Context, p bridge.Person) error {
	offer, err := s.cfg.House.OfferCode(c.Request.Context(), p)
	if bridge.KindOf(err) == bridge.Conflict {
		return homeward(err, toYou)
	}
	if err != nil {
		return err
	}
	view, err := s.factorSheet(c, p, offer.Sealed)
	if err == nil {
		view.Picture, err = pictureOf(offer.URL, offer.Secret)
	}
	if err != nil {
		return err
	}
	return s.showSheet(c, view, nil)
}

// takeFactor makes the offered second factor one's own. After a wrong code the same offer
// holds, and its secret is not shown again.
func (s *Console) takeFactor(c *gin.Context, p bridge.Person) error {
	form, err := sent(c)
	if err != nil {
		return err
	}
	err = s.proven(c, form)
	if err == nil {
		err = s.cfg.House.TakeCode(c.Request.Context(), p, form.Get("sealed"), form.Get("code"), c.ClientIP())
		if bridge.KindOf(err) == bridge.Invalid {
			err = wrongAt("code", err)
		}
	}
	if err != nil {
		view, failed := s.factorSheet(c, p, form.Get("sealed"))
		if failed != nil {
			return failed
		}
		view.Note = "The code that you took a picture of before still holds, for a quarter of an hour. To see another, go back and begin again."
		return s.showSheet(c, view, err)
	}
	c.Redirect(http.StatusSeeOther, selfPath+"?done=factor")
	return nil
}

// giveUpSheet is the page where one drops one's own second factor.
func (s *Console) giveUpSheet(c *gin.Context, p bridge.Person) sheet {
	return sheet{
		frame: s.desk(c, p, "Drop your second factor"), Trail: trail(toYou), Action: giveUpPath, Back: selfPath, Button: "Drop it", Grave: true,
		Says: []string{"From then on your password is enough to come in.", "You can set up another one at once: on another phone, for instance."},
		Note: "Who has lost the app asks an admin.",
		Blanks: []blank{
			{Kind: "password", Name: againField, Label: "Your password", Complete: "current-password"},
			{Kind: "code", Name: "code", Label: "Code that the app shows now", Complete: "one-time-code"},
		},
	}
}

func (s *Console) askGiveUp(c *gin.Context, p bridge.Person) error {
	me, err := s.cfg.House.UserFor(c.Request.Context(), p, p.Name)
	if err != nil {
		return err
	}
	if !me.Factor {
		return homeward(conflict("You have no second factor."), toYou)
	}
	return s.showSheet(c, s.giveUpSheet(c, p), nil)
}

// giveUp drops one's own second factor.
func (s *Console) giveUp(c *gin.Context, p bridge.Person) error {
	form, err := sent(c)
	if err != nil {
		return err
	}
	err = s.cfg.House.GiveUpCode(c.Request.Context(), p, form.Get(againField), form.Get("code"), c.ClientIP())
	switch bridge.KindOf(err) {
	case bridge.Refused:
		err = &bridge.Error{Kind: bridge.Refused, Msg: "That is not your password and a code that was not used yet. Nothing was done.", Err: err}
	case bridge.Conflict:
		return homeward(err, toYou)
	}
	if err != nil {
		return s.showSheet(c, s.giveUpSheet(c, p), err)
	}
	c.Redirect(http.StatusSeeOther, selfPath+"?done=drop")
	return nil
}
