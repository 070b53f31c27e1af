package people

import (
	"context"

	"keybridge/bridge"
)

// MayManage refuses, and tells of it, where a person may not manage people and tokens.
func (g *Register) MayManage(ctx context.Context, by bridge.Person) error { return g.may(ctx, by) }

// UserFor returns a user whom somebody may see: themselves, and whom they manage.
// Denied for who manages nobody, NotFound for everybody else.
func (g *Register) UserFor(ctx context.Context, by bridge.Person, name string) (User, error) {
	if by.Name != name {
		if err := g.may(ctx, by); err != nil {
			return User{}, err
		}
	}
	u, err := g.Get(ctx, name)
	if err == nil && by.Name != name && !reaches(by, u.Role, u.Portals) {
		err = noUser()
	}
	if err != nil {
		return User{}, err
	}
	return u, nil
}

// UsersFor returns whom somebody manages, and themselves, in the order of their names.
// Denied for who manages nobody.
func (g *Register) UsersFor(ctx context.Context, by bridge.Person) ([]User, error) {
	if err := g.may(ctx, by); err != nil {
		return nil, err
	}
	var all []User
	err := walk(ctx, g.cfg.Papers, kindUser, func(name string, u user) error {
		if name == by.Name || reaches(by, u.Role, u.Portals) {
			all = append(all, u.public(name))
		}
		return nil
	})
	return all, err
}

// TokensFor returns the tokens that somebody may revoke, in the order of their names,
// expired ones too: their own, and for who manages people those that are within what
// they may do themselves.
func (g *Register) TokensFor(ctx context.Context, by bridge.Person) ([]Token, error) {
	var all []Token
	err := walk(ctx, g.cfg.Papers, kindToken, func(name string, t token) error {
		if t.within(by) {
			all = append(all, t.public(name))
		}
		return nil
	})
	return all, err
}

// within reports whether somebody may revoke a token.
func (t token) within(by bridge.Person) bool {
	return t.Of == by.Name || by.May(bridge.MayManage, "") == nil && reaches(by, t.Role, t.Portals)
}

// reaches reports whether a role and scope are no more than what somebody has.
func reaches(by bridge.Person, role bridge.Role, portals []string) bool {
	return rank(role) <= rank(by.Role) && covers(by.Portals, portals)
}
