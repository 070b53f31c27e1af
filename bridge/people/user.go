package people

import (
	"context"
	"fmt"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"keybridge/bridge"
)

// User is a person of the house as they are listed.
type User struct {
	// Name is what history says: 1 to 64 of a-z, 0-9, dot, dash and underscore, the first
	// of them a letter or digit. It never changes and is nobody else's ever.
	Name string
	// Display is what pages say, at most 200 characters. Email may be empty.
	Display, Email string
	Role           bridge.Role
	// Portals are those whose requests they may see. None: all.
	Portals  []string
	Disabled bool
	// From is the issuer of the OpenID provider they come from; empty for who has a
	// password here, or none yet.
	From string
	// Password and Factor report that they have one.
	Password, Factor bool
	// Created and Changed say when and by whom; SignedIn when they last did, zero: never.
	Created, Changed bridge.Mark
	SignedIn         time.Time
}

// Person is the user as the domain knows them.
func (u User) Person() bridge.Person {
	return bridge.Person{Name: u.Name, Role: u.Role, Portals: u.Portals, Email: u.Email}
}

// user is a User as it is kept. It is apart from User so that nothing that must not be
// shown can be.
type user struct {
	Display  string      `json:"display,omitempty"`
	Email    string      `json:"email,omitempty"`
	Role     bridge.Role `json:"role"`
	Portals  []string    `json:"portals,omitempty"`
	Disabled bool        `json:"disabled,omitempty"`
	// From and Subject are the issuer, and the hash of the subject there.
	From    string `json:"from,omitempty"`
	Subject string `json:"subject,omitempty"`
	// Hash is that of the password, Factor the sealed secret of the codes, Step the
	// period of the last code that was used.
	Hash   string `json:"hash,omitempty"`
	Factor string `json:"factor,omitempty"`
	Step   uint64 `json:"step,omitempty"`
	// Epoch is counted up when all that is open has to end: a session of another epoch is
	// over.
	Epoch    uint64      `json:"epoch"`
	Created  bridge.Mark `json:"created"`
	Changed  bridge.Mark `json:"changed"`
	SignedIn time.Time   `json:"signed_in,omitzero"`
}

func (u user) public(name string) User {
	return User{
		Name: name, Display: u.Display, Email: u.Email, Role: u.Role, Portals: u.Portals, Disabled: u.Disabled,
		From: u.From, Password: u.Hash != "", Factor: u.Factor != "",
		Created: u.Created, Changed: u.Changed, SignedIn: u.SignedIn,
	}
}

// Newcomer is a user to be added.
type Newcomer struct {
	// Name, Display, Email, Role and Portals are as in User.
	Name, Display, Email string
	Role                 bridge.Role
	Portals              []string
	// Password is their first one. Empty: they cannot sign in yet, or never, as the owner
	// of a program's tokens.
	Password string
}

const (
	longestDisplay = 200 // characters
	longestName    = 64
	longestEmail   = 320 // bytes (RFC 5321 section 4.5.3.1)
)

var names = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// Operator is whom history names for what was done by a command, so nobody may be called
// so.
const Operator = "operator"

// validName reports whether a user or a token may be called so.
func validName(name string) bool { return names.MatchString(name) }

// Add adds a user. Conflict where there is one of that name, Invalid for what cannot be,
// Denied for who may not.
func (g *Register) Add(ctx context.Context, by bridge.Person, n Newcomer) (User, error) {
	portals := scope(n.Portals)
	if err := g.mayGive(ctx, by, n.Role, portals); err != nil {
		return User{}, err
	}
	if err := n.check(); err != nil {
		return User{}, err
	}
	mark := bridge.Mark{At: g.now(), By: by.Actor()}
	u := user{
		Display: strings.TrimSpace(n.Display), Email: n.Email, Role: n.Role, Portals: portals,
		Created: mark, Changed: mark,
	}
	if n.Password != "" {
		password, err := acceptable(n.Password, n.Name)
		if err == nil {
			u.Hash, err = g.hashed(ctx, password)
		}
		if err != nil {
			return User{}, err
		}
	}
	err := change(ctx, g.cfg.Papers, kindUser, n.Name, func(old *user) (*user, error) {
		if old != nil {
			return nil, &bridge.Error{Kind: bridge.Conflict, Msg: "There is a user of that name already."}
		}
		return &u, nil
	})
	if err != nil {
		return User{}, err
	}
	g.record(ctx, mark.By, bridge.WhatPerson, "", rights(n.Name, u.Role, u.Portals), "")
	return u.public(n.Name), nil
}

func (n Newcomer) check() error {
	address, err := mail.ParseAddress(n.Email)
	switch {
	case !validName(n.Name):
		return invalid("A name has 1 to 64 of a-z, 0-9, dot, dash and underscore, and begins with a letter or digit. It is no e-mail address: history keeps it.")
	case n.Name == Operator:
		return invalid("That is what history calls who uses the commands. Choose another name.")
	case utf8.RuneCountInString(n.Display) > longestDisplay || !printable(n.Display):
		return invalid(fmt.Sprintf("The name to show has at most %d characters, and no control characters.", longestDisplay))
	case n.Email != "" && (err != nil || address.Address != n.Email || len(n.Email) > longestEmail):
		return invalid("That is no e-mail address.")
	}
	return nil
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

func invalid(msg string) error { return &bridge.Error{Kind: bridge.Invalid, Msg: msg} }

// scope returns portals sorted, each once, for comparing and for history.
func scope(portals []string) []string {
	if len(portals) == 0 {
		return nil
	}
	return slices.Compact(slices.Sorted(slices.Values(portals)))
}

// rights are what somebody may do, for history.
func rights(name string, role bridge.Role, portals []string) string {
	at := "all portals"
	if len(portals) > 0 {
		at = strings.Join(portals, ", ")
	}
	return fmt.Sprintf("%s: %s at %s", name, role, at)
}

// may refuses, and tells of it, where a person may not manage people and tokens.
func (g *Register) may(ctx context.Context, by bridge.Person) error {
	err := by.May(bridge.MayManage, "")
	if err != nil {
		g.record(ctx, by.Actor(), bridge.WhatRefused, "", string(bridge.MayManage), "")
	}
	return err
}

// mayGive refuses where a person may not give somebody a role and scope: nobody gives
// more than they have.
func (g *Register) mayGive(ctx context.Context, by bridge.Person, role bridge.Role, portals []string) error {
	if err := g.may(ctx, by); err != nil {
		return err
	}
	return g.has(ctx, by, role, portals)
}

// has refuses a role and scope that are none, and tells of it where they are more than
// what a person has.
func (g *Register) has(ctx context.Context, by bridge.Person, role bridge.Role, portals []string) error {
	switch {
	case rank(role) < 0:
		return invalid("There is no such role.")
	case slices.ContainsFunc(portals, func(p string) bool { return p == "" || !printable(p) }):
		return invalid("There is no such portal.")
	case !reaches(by, role, portals):
		return g.denied(ctx, by, "Nobody gives more than they have: choose a role and portals that are yours.")
	}
	return nil
}

// denied tells of a refusal and returns it.
func (g *Register) denied(ctx context.Context, by bridge.Person, msg string) error {
	g.record(ctx, by.Actor(), bridge.WhatRefused, "", string(bridge.MayManage), msg)
	return &bridge.Error{Kind: bridge.Denied, Msg: msg}
}

// rank is a role's place among all, -1 for what is none.
func rank(r bridge.Role) int { return slices.Index(bridge.Roles, r) }

// covers reports whether a scope holds another; none is all.
func covers(has, other []string) bool {
	if len(has) == 0 {
		return true
	}
	return len(other) > 0 && !slices.ContainsFunc(other, func(p string) bool { return !slices.Contains(has, p) })
}

// SetRole gives a user another role and scope. Their sessions end, so that nobody goes on
// at a page that was made for what they could do before; their tokens stay, within what
// they may do now. The same rights again change nothing. Conflict for somebody whose groups
// at the OpenID provider decide that. Nobody changes their own.
func (g *Register) SetRole(ctx context.Context, by bridge.Person, name string, role bridge.Role, portals []string) error {
	portals = scope(portals)
	if err := g.mayGive(ctx, by, role, portals); err != nil {
		return err
	}
	if by.Name == name {
		return g.denied(ctx, by, "Nobody changes their own role. Ask another admin.")
	}
	var before, after string
	err := g.manage(ctx, by, name, func(u *user) error {
		if u.From != "" {
			return &bridge.Error{Kind: bridge.Conflict, Msg: "Their groups at the sign-in provider decide what they may do. Change it there."}
		}
		before = rights(name, u.Role, u.Portals)
		u.Role, u.Portals = role, portals
		if after = rights(name, u.Role, u.Portals); after != before {
			u.Epoch++
		}
		return nil
	})
	if err == nil && before != after {
		g.record(ctx, by.Actor(), bridge.WhatPerson, before, after, "")
	}
	return err
}

// Disable shuts a user out: their sessions end at once, their tokens open nothing, and
// they cannot sign in, here or by the OpenID provider. It may be repeated. Nobody shuts
// themselves out, and who was shut out shuts out nobody, so somebody who can let them in
// again is always left.
func (g *Register) Disable(ctx context.Context, by bridge.Person, name string) error {
	return g.setDisabled(ctx, by, name, true)
}

// Enable lets a user in again. What was open when they were disabled stays ended. It may
// be repeated.
func (g *Register) Enable(ctx context.Context, by bridge.Person, name string) error {
	return g.setDisabled(ctx, by, name, false)
}

func (g *Register) setDisabled(ctx context.Context, by bridge.Person, name string, to bool) error {
	if err := g.may(ctx, by); err != nil {
		return err
	}
	if by.Name == name {
		return g.denied(ctx, by, "Nobody shuts themselves out, or lets themselves in. Ask another admin.")
	}
	words := map[bool]string{false: name + ": enabled", true: name + ": disabled"}
	var was bool
	err := g.manage(ctx, by, name, func(u *user) error {
		was = u.Disabled
		if to && !was {
			u.Epoch++
		}
		u.Disabled = to
		return nil
	})
	if err == nil && was != to {
		g.record(ctx, by.Actor(), bridge.WhatPerson, words[was], words[to], "")
	}
	return err
}

// manage changes a user whom somebody who may manage people may change. Denied for one
// whose scope is beyond their own: a password of theirs would be worth more than what the
// manager has. Denied, too, for who was shut out or may do less by then, which the commit
// looks at: of two who shut each other out in one moment, one stays. NotFound where there
// is no such user.
func (g *Register) manage(ctx context.Context, by bridge.Person, name string, fn func(*user) error) error {
	if !validName(name) {
		return noUser()
	}
	var refused string
	err := changeBeside(ctx, g.cfg.Papers, kindUser, name, by.Name, func(u, manager *user) (*user, error) {
		switch refused = ""; {
		case manager != nil && !manager.still(by):
			refused = "What you may do here was changed a moment ago. Sign in again."
		case u == nil:
			return nil, noUser()
		case !covers(by.Portals, u.Portals) || rank(u.Role) > rank(by.Role):
			refused = "They may do more than you. Ask an admin of all portals."
		}
		if refused != "" {
			return nil, &bridge.Error{Kind: bridge.Denied}
		}
		if err := fn(u); err != nil {
			return nil, err
		}
		u.Changed = bridge.Mark{At: g.now(), By: by.Actor()}
		return u, nil
	})
	if refused != "" {
		return g.denied(ctx, by, refused)
	}
	return err
}

// still reports whether a user may come in, and do what a person could who asked in their
// name.
func (u user) still(p bridge.Person) bool {
	return !u.Disabled && rank(u.Role) >= rank(p.Role) && covers(u.Portals, p.Portals)
}

func noUser() error {
	return &bridge.Error{Kind: bridge.NotFound, Msg: "There is no user of that name."}
}

// Get returns a user; NotFound when there is none. It is for the house's own pages and
// checks nobody: whoever shows a user to somebody looks whether they may.
func (g *Register) Get(ctx context.Context, name string) (User, error) {
	u, found, err := g.user(ctx, name)
	if err == nil && !found {
		err = noUser()
	}
	if err != nil {
		return User{}, err
	}
	return u.public(name), nil
}

// List returns all users in the order of their names. Like Get it checks nobody.
func (g *Register) List(ctx context.Context) ([]User, error) {
	var all []User
	err := walk(ctx, g.cfg.Papers, kindUser, func(name string, u user) error {
		all = append(all, u.public(name))
		return nil
	})
	return all, err
}

// user reads a user. What cannot be a name is nobody's.
func (g *Register) user(ctx context.Context, name string) (user, bool, error) {
	if !validName(name) {
		return user{}, false, nil
	}
	return read[user](ctx, g.cfg.Papers, kindUser, name)
}
