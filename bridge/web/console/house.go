package console

import (
	"context"
	"time"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
)

// House knows the people of the house and what their programs hold. It refuses, with words
// for people, whoever may not do what they ask for, and tells of it; by is always who sits
// at the console, session the token of the session they sit in, and address the browser's
// IP address, for throttling.
type House interface {
	Own
	Staff
	Tokens
}

// Own is what somebody sees and changes of themselves.
type Own interface {
	// Sessions are one's own, the latest first. EndSession ends one by its ID: NotFound for
	// one that is over. EndOthers ends all but the one that one sits in.
	Sessions(ctx context.Context, by bridge.Person, session string) ([]Session, error)
	EndSession(ctx context.Context, by bridge.Person, id string) error
	EndOthers(ctx context.Context, by bridge.Person, session string) error
	// ProveAgain finds out once more whether it is them. Refused for a wrong password,
	// Limited after too many, Denied for who has no password here and has to sign in again.
	ProveAgain(ctx context.Context, session, password, address string) error
	// ChangePassword ends all of one's sessions. Refused for a wrong old one, Invalid for a
	// new one that will not do.
	ChangePassword(ctx context.Context, by bridge.Person, old, password, address string) error
	// OfferCode offers a second factor, TakeCode takes it, with a code of it: Invalid for a
	// wrong one. GiveUpCode lets go of it: Refused for a wrong password or code.
	OfferCode(ctx context.Context, by bridge.Person) (Offer, error)
	TakeCode(ctx context.Context, by bridge.Person, sealed, code, address string) error
	GiveUpCode(ctx context.Context, by bridge.Person, password, code, address string) error
}

// Staff is what who manages people sees and changes of others.
type Staff interface {
	// MayManage is Denied for who may not manage people and tokens.
	MayManage(ctx context.Context, by bridge.Person) error
	// UserFor returns oneself, or somebody one manages; NotFound for everybody else.
	// UsersFor returns all of them.
	UserFor(ctx context.Context, by bridge.Person, name string) (User, error)
	UsersFor(ctx context.Context, by bridge.Person) ([]User, error)
	// Add and SetPassword return the password that was made for them, which is shown once;
	// Add an empty one for a program.
	Add(ctx context.Context, by bridge.Person, n Newcomer) (password string, err error)
	SetPassword(ctx context.Context, by bridge.Person, name string) (password string, err error)
	SetRole(ctx context.Context, by bridge.Person, name string, role bridge.Role, portals []string) error
	Disable(ctx context.Context, by bridge.Person, name string) error
	Enable(ctx context.Context, by bridge.Person, name string) error
	DropCode(ctx context.Context, by bridge.Person, name string) error
	SignOutEverywhere(ctx context.Context, by bridge.Person, name string) error
}

// Tokens are what programs hold, one's own, and for who manages people those of others.
type Tokens interface {
	// TokensFor returns the tokens that somebody may revoke.
	TokensFor(ctx context.Context, by bridge.Person) ([]Token, error)
	// Issue makes a token and returns its secret, which is shown once. Revoke ends one.
	Issue(ctx context.Context, by bridge.Person, o TokenOrder) (secret string, err error)
	Revoke(ctx context.Context, by bridge.Person, name string) error
}

// User is somebody of the house.
type User struct {
	// Name is what history says, Display what pages may say beside it.
	Name           string
	Display, Email string
	Role           bridge.Role
	// Portals are those whose requests they may see. None: all.
	Portals  []string
	Disabled bool
	// From is the address of the OpenID provider they come from; empty: none.
	From string
	// Password and Factor report that they have one. Who has neither a password nor a
	// provider is a program, which comes with tokens.
	Password, Factor bool
	Created, Changed bridge.Mark
	// SignedIn is when they last did; zero: never.
	SignedIn time.Time
}

// program reports whether it is one.
func (u User) program() bool { return !u.Password && u.From == "" }

// Newcomer is a user to be added.
type Newcomer struct {
	Name, Display, Email string
	Role                 bridge.Role
	Portals              []string
	// Program says that they have no password, and come with tokens.
	Program bool
}

// Token is what a program holds to come in as its owner.
type Token struct {
	// Name is the token's, Of its owner's.
	Name, Of string
	Role     bridge.Role
	Portals  []string
	Made     bridge.Mark
	// Used is to the hour; zero: never.
	Expires, Used time.Time
}

// TokenOrder is a token to be made.
type TokenOrder struct {
	// Name is the token's. For is its owner; empty: who makes it.
	Name string
	For  string
	Role bridge.Role
	// Portals are those it is for; none: as many as its maker and its owner both have.
	Portals []string
	Expires time.Time
}

// Offer is a second factor that somebody may take.
type Offer struct {
	// Secret is for typing, URL for an authenticator to read off a picture.
	Secret, URL string
	// Sealed is sent back with the first code.
	Sealed string
}

// Session is that somebody is in.
type Session struct {
	// Way is how they came in, in words.
	Name, Way string
	// Ends is when it does if they do not come again, Last when it does at the latest.
	Opened, Seen, Ends, Last time.Time
	// ID names it and opens nothing. Here: it is the one that they sit in.
	ID   string
	Here bool
}

// peoplePath is where admins look after people and tokens, selfPath where everybody looks
// after themselves.
const (
	peoplePath = "/console/people"
	selfPath   = "/console/you"

	usersPath       = peoplePath + "/users/"
	addPath         = peoplePath + "/add"
	houseTokensPath = peoplePath + "/tokens"

	passwordPath  = selfPath + "/password"
	factorPath    = selfPath + "/factor"
	giveUpPath    = factorPath + "/drop"
	sessionsPath  = selfPath + "/sessions"
	ownTokensPath = selfPath + "/tokens"
)

// houseRoutes are the pages about the people of the house.
func (s *Console) houseRoutes(e *gin.Engine) {
	if s.cfg.House == nil {
		return
	}
	manage := s.managing
	for _, r := range []struct {
		path       string
		look, done func(*gin.Context, bridge.Person) error
	}{
		{selfPath, s.you, nil},
		{passwordPath, s.askPassword, s.changePassword},
		{factorPath, s.offerFactor, s.takeFactor},
		{giveUpPath, s.askGiveUp, s.giveUp},
		{sessionsPath, nil, s.endSessions},
		{ownTokensPath, s.askOwnToken, s.issueOwn},
		{ownTokensPath + "/:name/revoke", s.askRevokeOwn, s.revokeOwn},
		{peoplePath, manage(s.listPeople), nil},
		{addPath, manage(s.askAdd), manage(s.add)},
		{usersPath + ":name", manage(s.onePerson), nil},
		{usersPath + ":name/:do", manage(s.askAct), manage(s.doAct)},
		{houseTokensPath, manage(s.askToken), manage(s.issue)},
		{houseTokensPath + "/:name/revoke", manage(s.askRevoke), manage(s.revoke)},
	} {
		if r.look != nil {
			e.Match(looked, r.path, s.page(s.seated(r.look)))
		}
		if r.done != nil {
			e.POST(r.path, s.page(s.seated(r.done)))
		}
	}
}

// managing turns a handler for who manages people into one for everybody: others are
// refused, and that is told of.
func (s *Console) managing(handle func(*gin.Context, bridge.Person) error) func(*gin.Context, bridge.Person) error {
	return func(c *gin.Context, p bridge.Person) error {
		if err := s.cfg.House.MayManage(c.Request.Context(), p); err != nil {
			return err
		}
		return handle(c, p)
	}
}

// homeward gives an error a way back to a page. A Conflict is about how somebody stands, and
// nobody was first.
func homeward(err error, to choice) error {
	e := *asPage(err)
	if bridge.KindOf(err) == bridge.Conflict {
		e.Title = "That cannot be done"
	}
	if e.Back == "" {
		e.Back, e.Word = to.Href, to.Text
	}
	return &e
}
