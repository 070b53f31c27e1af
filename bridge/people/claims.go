package people

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/mail"
	"strings"
	"unicode/utf8"

	"github.com/coreos/go-oidc/v3/oidc"

	"keybridge/bridge"
)

// claims are what the provider says of somebody, as far as it is believed.
type claims struct {
	subject              string // the hash of issuer and subject
	name, display, email string
	grant                Grant
}

// claims reads an ID token that is genuine, and finds out what its person may do.
func (o *openID) claims(id *oidc.IDToken) (claims, error) {
	var all map[string]any
	if err := id.Claims(&all); err != nil {
		return claims{}, &refusal{why: "an ID token that is not good", err: badToken(err)}
	}
	text := func(claim string) string {
		s, _ := all[claim].(string)
		return strings.TrimSpace(s)
	}
	// OpenID Connect Core section 3.1.3.7, 4 and 5: of several audiences it has to say that
	// we are the one it was made for.
	if azp := text("azp"); azp != "" && azp != o.cfg.ClientID || azp == "" && len(id.Audience) > 1 {
		return claims{}, &refusal{why: "an ID token for another client"}
	}
	name := strings.ToLower(text(o.cfg.NameClaim))
	if !validName(name) || name == Operator {
		return claims{}, &refusal{why: "a name that cannot be one here", say: "Your sign-in provider gives you a name that cannot be one here, an e-mail address for instance: history keeps names. Tell who runs this service to choose another claim."}
	}
	sum := sha256.Sum256([]byte(id.Issuer + "\x00" + id.Subject))
	c := claims{subject: hex.EncodeToString(sum[:]), name: name, display: text("name"), email: text("email")}
	if utf8.RuneCountInString(c.display) > longestDisplay || !printable(c.display) {
		c.display = ""
	}
	if a, err := mail.ParseAddress(c.email); err != nil || a.Address != c.email || len(c.email) > longestEmail {
		c.email = ""
	}
	grant, any := o.cfg.granted(all[o.cfg.GroupsClaim])
	if !any || id.Subject == "" {
		return claims{}, &refusal{why: "in no group that may come in", say: "You are in none of the groups that may come in here. Ask who looks after them."}
	}
	c.grant = grant
	return c, nil
}

// granted is the highest role and all portals of the groups that a claim names; any is
// false where none of them is known.
func (o OIDC) granted(claim any) (all Grant, any bool) {
	names, _ := claim.([]interface{})
	if one, is := claim.(string); is {
		names = append(names, one)
	}
	everywhere := false
	for _, n := range names {
		name, _ := n.(string)
		grant, known := o.Groups[name]
		if !known {
			continue
		}
		any = true
		if rank(grant.Role) > rank(all.Role) {
			all.Role = grant.Role
		}
		everywhere = everywhere || len(grant.Portals) == 0
		all.Portals = append(all.Portals, grant.Portals...)
	}
	if all.Portals = scope(all.Portals); everywhere {
		all.Portals = nil
	}
	return all, any
}

// admit lists who comes from the provider among the users, with what their groups give
// them now; where that is something else than before, the sessions they have open end. A
// name belongs to who came with it first: the provider may give it to somebody else one day
// (OpenID Connect Core section 5.7), or there is a user with a password of that name.
func (g *Register) admit(ctx context.Context, c claims) (string, user, error) {
	var now user
	var before, after string
	mark := bridge.Mark{At: g.now(), By: bridge.Actor{Kind: bridge.ByPerson, Name: c.name}, Why: byOpenID}
	err := change(ctx, g.cfg.Papers, kindUser, c.name, func(u *user) (*user, error) {
		before = ""
		switch {
		case u == nil:
			u = &user{From: g.oidc.cfg.Issuer, Subject: c.subject, Created: mark, Changed: mark}
		case u.From != g.oidc.cfg.Issuer || u.Subject != c.subject:
			return nil, &refusal{why: "a name that is somebody else's", say: "Somebody else has your name here already. Ask an admin."}
		case u.Disabled:
			return nil, &refusal{name: c.name, why: "disabled", say: "You may not come in any more. Ask an admin."}
		default:
			before = rights(c.name, u.Role, u.Portals)
		}
		u.Display, u.Email, u.Role, u.Portals, u.SignedIn = c.display, c.email, c.grant.Role, c.grant.Portals, mark.At
		if after = rights(c.name, u.Role, u.Portals); after != before {
			u.Changed = mark
			u.Epoch++
		}
		now = *u
		return u, nil
	})
	if err == nil && before != after {
		g.record(ctx, mark.By, bridge.WhatPerson, before, after, byOpenID)
	}
	return c.name, now, err
}
