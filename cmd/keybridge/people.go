package main

import (
	"context"

	"keybridge/bridge"
	"keybridge/bridge/people"
	finance "keybridge/bridge/web/console"
)

// house is the people of the house as the console's pages have them. What the two call
// alike the register does itself.
type house struct{ *people.Register }

var _ finance.House = house{}

// Sessions returns the sessions that somebody has open.
func (h house) Sessions(ctx context.Context, by bridge.Person, session string) ([]finance.Session, error) {
	all, err := h.Register.Sessions(ctx, by, session)
	out := make([]finance.Session, len(all))
	for i, s := range all {
		out[i] = finance.Session(s)
	}
	return out, err
}

// OfferCode offers a second factor.
func (h house) OfferCode(ctx context.Context, by bridge.Person) (finance.Offer, error) {
	o, err := h.Register.OfferCode(ctx, by)
	return finance.Offer(o), err
}

// UserFor returns oneself, or somebody one manages.
func (h house) UserFor(ctx context.Context, by bridge.Person, name string) (finance.User, error) {
	u, err := h.Register.UserFor(ctx, by, name)
	return finance.User(u), err
}

// UsersFor returns whom somebody manages.
func (h house) UsersFor(ctx context.Context, by bridge.Person) ([]finance.User, error) {
	all, err := h.Register.UsersFor(ctx, by)
	out := make([]finance.User, len(all))
	for i, u := range all {
		out[i] = finance.User(u)
	}
	return out, err
}

// Add adds a user with a new password, or a program.
func (h house) Add(ctx context.Context, by bridge.Person, n finance.Newcomer) (password string, err error) {
	if !n.Program {
		password = newPassword()
	}
	_, err = h.Register.Add(ctx, by, people.Newcomer{
		Name: n.Name, Display: n.Display, Email: n.Email, Role: n.Role, Portals: n.Portals, Password: password,
	})
	if err != nil {
		return "", err
	}
	return password, nil
}

// SetPassword gives a user a new password.
func (h house) SetPassword(ctx context.Context, by bridge.Person, name string) (password string, err error) {
	password = newPassword()
	if err := h.Register.SetPassword(ctx, by, name, password); err != nil {
		return "", err
	}
	return password, nil
}

// TokensFor returns the tokens that somebody may revoke.
func (h house) TokensFor(ctx context.Context, by bridge.Person) ([]finance.Token, error) {
	all, err := h.Register.TokensFor(ctx, by)
	out := make([]finance.Token, len(all))
	for i, t := range all {
		out[i] = finance.Token(t)
	}
	return out, err
}

// Issue makes a token.
func (h house) Issue(ctx context.Context, by bridge.Person, o finance.TokenOrder) (secret string, err error) {
	return h.Register.Issue(ctx, by, people.TokenOrder(o))
}
