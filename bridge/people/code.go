package people

import (
	"context"
	"crypto/subtle"
	"encoding/base32"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"keybridge/bridge"
)

// The codes are those of RFC 6238 as every authenticator makes them: SHA-1, six digits,
// half a minute. SHA-1 is a keyed function here, and its collisions are no matter.
const (
	period       = 30 // seconds
	factorLength = 20 // bytes (RFC 4226 section 4)
	offerLife    = 15 * time.Minute
)

// Offer is a second factor that somebody may take. Nothing of it is kept until they show
// with a code that they have it.
type Offer struct {
	// Secret is for typing, base32; URL is what the authenticator reads
	// (otpauth://totp/…), as a link or a QR code. Both are shown once, to them alone.
	Secret, URL string
	// Sealed is sent back with the first code. It is good for a quarter of an hour.
	Sealed string
}

// offer is what Offer.Sealed holds.
type offer struct {
	Seed  string // the secret
	Epoch uint64
	Until time.Time
}

// OfferCode offers a second factor to who sits at the console: by is who they are.
// Conflict for who has one, or signs in elsewhere.
func (g *Register) OfferCode(ctx context.Context, by bridge.Person) (Offer, error) {
	u, found, err := g.user(ctx, by.Name)
	if err == nil && !found {
		err = noUser()
	}
	if err == nil {
		err = u.mayTakeFactor()
	}
	if err != nil {
		return Offer{}, err
	}
	secret := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(g.chance(factorLength))
	b, err := json.Marshal(offer{Seed: secret, Epoch: u.Epoch, Until: g.now().Add(offerLife)})
	if err != nil {
		return Offer{}, err
	}
	link := url.URL{Scheme: "otpauth", Host: "totp", Path: "/keybridge:" + by.Name, RawQuery: url.Values{
		"secret": {secret}, "issuer": {"keybridge"}, "algorithm": {"SHA1"}, "digits": {"6"}, "period": {strconv.Itoa(period)},
	}.Encode()}
	return Offer{Secret: secret, URL: link.String(), Sealed: g.seal(sealOffer, by.Name, b)}, nil
}

func (u user) mayTakeFactor() error {
	switch {
	case u.From != "":
		return &bridge.Error{Kind: bridge.Conflict, Msg: "You sign in elsewhere: the second factor is asked for there."}
	case u.Factor != "":
		return &bridge.Error{Kind: bridge.Conflict, Msg: "You have a second factor already. Drop that one first."}
	}
	return nil
}

// TakeCode makes an offered second factor that of who sits at the console. From then on
// signing in takes a code. Invalid for a wrong code or an offer that is over; Limited
// after too many wrong ones.
func (g *Register) TakeCode(ctx context.Context, by bridge.Person, sealed, code, address string) error {
	err := g.attempt(ctx, keyOf(by.Name), by.Name, address, func() error {
		var o offer
		b, err := g.open(sealOffer, by.Name, sealed)
		if err != nil || json.Unmarshal(b, &o) != nil || !g.now().Before(o.Until) {
			return &refusal{name: by.Name, why: "no such offer of a second factor"}
		}
		step, ok := step(o.Seed, code, g.now())
		if !ok {
			return &refusal{name: by.Name, why: "wrong code"}
		}
		factor := g.seal(sealCode, by.Name, []byte(o.Seed))
		return g.same(ctx, by.Name, user{Epoch: o.Epoch}, func(u *user) error {
			if err := u.mayTakeFactor(); err != nil {
				return err
			}
			u.Factor, u.Step = factor, step
			u.Changed = bridge.Mark{At: g.now(), By: by.Actor()}
			return nil
		})
	})
	switch {
	case bridge.KindOf(err) == bridge.Refused:
		return invalid("That code is not right, or came too late. Try the next one, or begin again.")
	case err == nil:
		g.record(ctx, by.Actor(), bridge.WhatPerson, "", by.Name+": second factor", "")
	}
	return err
}

// DropCode takes the second factor from a user who lost it: from then on the password is
// enough. It may be repeated. Nobody drops their own.
func (g *Register) DropCode(ctx context.Context, by bridge.Person, name string) error {
	if err := g.may(ctx, by); err != nil {
		return err
	}
	if by.Name == name {
		return g.denied(ctx, by, "Nobody drops their own second factor. Ask another admin.")
	}
	had := false
	err := g.manage(ctx, by, name, func(u *user) error {
		had = u.Factor != ""
		u.Factor, u.Step = "", 0
		return nil
	})
	if err == nil && had {
		g.record(ctx, by.Actor(), bridge.WhatPerson, name+": second factor", name+": no second factor", "")
	}
	return err
}

// GiveUpCode takes their second factor from who sits at the console and has shown it once
// more: from then on the password is enough. Both are Refused, with the same words, and
// count as a failed sign-in does. Conflict for who has none. address is as in Attempt.
func (g *Register) GiveUpCode(ctx context.Context, by bridge.Person, password, code, address string) error {
	err := g.attempt(ctx, keyOf(by.Name), by.Name, address, func() error {
		u, err := g.provePassword(ctx, by.Name, password)
		switch {
		case err != nil:
			return err
		case u.Factor == "":
			return &bridge.Error{Kind: bridge.Conflict, Msg: "You have no second factor."}
		}
		factor := u.Factor
		if err := g.checkCode(by.Name, &u, code); err != nil {
			return err
		}
		return g.same(ctx, by.Name, u, func(now *user) error {
			if u.Step <= now.Step || now.Factor != factor {
				return &refusal{name: by.Name, why: "code used before"}
			}
			now.Factor, now.Step = "", 0
			now.Changed = bridge.Mark{At: g.now(), By: by.Actor()}
			return nil
		})
	})
	if err == nil {
		g.record(ctx, by.Actor(), bridge.WhatPerson, by.Name+": second factor", by.Name+": no second factor", "")
	}
	return err
}

// checkCode checks a code and notes its step, and seals the secret anew under the first
// of the house's. Whether the step is a new one is found out by who writes it down.
func (g *Register) checkCode(name string, u *user, code string) error {
	secret, err := g.open(sealCode, name, u.Factor)
	if err != nil {
		return &bridge.Error{Kind: bridge.Internal, Err: err,
			Msg: "Your second factor cannot be read any more. An admin can remove it, and you set up another."}
	}
	at, ok := step(string(secret), code, g.now())
	if !ok {
		return &refusal{name: name, why: "wrong code"}
	}
	u.Step, u.Factor = at, g.seal(sealCode, name, secret)
	return nil
}

// step returns the period whose code it is: the present one, the one before or the one
// after (RFC 6238 section 5.2). Space in the code does not matter.
func step(secret, code string, now time.Time) (uint64, bool) {
	if len(code) > 40 {
		return 0, false
	}
	if code = strings.Join(strings.Fields(code), ""); len(code) != otp.DigitsSix.Length() {
		return 0, false
	}
	at := uint64(max(now.Unix(), period)) / period
	for _, c := range []uint64{at, at - 1, at + 1} {
		want, err := hotp.GenerateCodeCustom(secret, c, hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err == nil && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			return c, true
		}
	}
	return 0, false
}
