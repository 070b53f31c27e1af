package people

import (
	"context"
	"time"

	"keybridge/bridge"
)

// fresh is how long a sign-in at the OpenID provider stands for the password that there
// is none of.
const fresh = 15 * time.Minute

// SignInAgainError is the cause of the error that asks who has no password here to sign in
// again at the OpenID provider (errors.AsType).
type SignInAgainError struct{}

func (SignInAgainError) Error() string { return "the session is too old for this" }

// ProveAgain finds out once more whether who holds a session's token is who they say,
// before something that would outlast a stolen session. Who has a password here has to
// type it; who comes from the OpenID provider has to have signed in within the last
// quarter of an hour, whatever they typed.
//
// Errors: Refused for a token of no session and for a wrong password, which counts as a
// failed sign-in does; Limited after too many; Denied with the cause SignInAgainError for
// a session of the provider's that is too old. address is as in Attempt.
func (g *Register) ProveAgain(ctx context.Context, session, password, address string) error {
	s, u, _, err := g.session(ctx, session)
	if err != nil {
		return err
	}
	if u.From != "" {
		return g.justCame(s)
	}
	return g.attempt(ctx, keyOf(s.User), s.User, address, func() error {
		_, err := g.provePassword(ctx, s.User, password)
		return err
	})
}

func (g *Register) justCame(s session) error {
	if g.now().Before(s.Opened.Add(fresh)) {
		return nil
	}
	return &bridge.Error{
		Kind: bridge.Denied, Err: SignInAgainError{},
		Msg: "You signed in more than 15 minutes ago. Sign in again first, so that it is certain that it is you.",
	}
}
