package people

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"keybridge/bridge"
)

// OIDC is an OpenID provider where people sign in, with the authorization code flow and
// PKCE (OpenID Connect Core 1.0 section 3.1, RFC 7636).
type OIDC struct {
	// Issuer is the provider's, without /.well-known; https, or http on this host.
	// Required.
	Issuer string
	// ClientID is what the provider calls us. Required. ClientSecret is asked for at each
	// sign-in; nil, or empty: a public client, which PKCE alone protects.
	ClientID     string
	ClientSecret func() string
	// RedirectURL is where the provider sends the browser back to. Required.
	RedirectURL string
	// Scopes are asked for beside openid. None: profile, email and groups.
	Scopes []string
	// NameClaim is whose value is the person's name here, in lower case; it has to be as
	// User.Name, so no e-mail address. Empty: preferred_username. GroupsClaim is whose
	// value are their groups, a list or one text. Empty: groups. Both are taken from the
	// ID token.
	NameClaim, GroupsClaim string
	// Groups are what the members of each may do. Required: who is in none of them does
	// not get in.
	Groups map[string]Grant
	// Algorithms are those an ID token may be signed with. None: RS256 and ES256.
	Algorithms []string
	// Client calls the provider; nil: one that waits ten seconds. Whichever it is follows
	// no redirects to other hosts, and reads no more than 1 MiB.
	Client *http.Client
}

// Grant is what the members of a group may do. Who is in several has the highest of
// their roles, at the portals of all of them together.
type Grant struct {
	Role bridge.Role
	// Portals are as in User.Portals. None: all.
	Portals []string
}

const (
	awayLife      = 10 * time.Minute
	longestAnswer = 1 << 20 // bytes
	openIDPatient = 10 * time.Second
)

// asymmetric are the algorithms that an ID token can be signed with so that the provider
// alone can.
var asymmetric = []string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA,
}

// check says everything that is wrong.
func (o OIDC) check() error {
	var errs []error
	if !safeAddress(o.Issuer) {
		errs = append(errs, errors.New("the issuer has to be an https address"))
	}
	if !safeAddress(o.RedirectURL) {
		errs = append(errs, errors.New("the redirect address has to be an https address"))
	}
	if o.ClientID == "" {
		errs = append(errs, errors.New("it needs a client id"))
	}
	if len(o.Groups) == 0 {
		errs = append(errs, errors.New("it needs groups: nobody gets in without one"))
	}
	for _, name := range slices.Sorted(maps.Keys(o.Groups)) {
		grant := o.Groups[name]
		if name == "" || rank(grant.Role) < 0 || slices.Contains(grant.Portals, "") {
			errs = append(errs, fmt.Errorf("group %q: it needs a name, a role, and portals with names", name))
		}
	}
	for _, alg := range o.Algorithms {
		if !slices.Contains(asymmetric, alg) {
			errs = append(errs, fmt.Errorf("algorithm %q: it has to be one of %v", alg, asymmetric))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("OpenID provider: %w", err)
	}
	return nil
}

// safeAddress reports whether nobody on the way can read what is sent to an address.
func safeAddress(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	here := u.Hostname() == "localhost" || err == nil && ip.IsLoopback()
	return u.Scheme == "https" || u.Scheme == "http" && here
}

// openID is the provider as it is known.
type openID struct {
	cfg    OIDC
	now    func() time.Time
	client *http.Client
	turn   chan struct{} // one looks the provider up, the others wait
	found  *provider
}

// provider is what the provider says of itself.
type provider struct {
	oauth    oauth2.Config
	verifier *oidc.IDTokenVerifier
}

func newOpenID(c OIDC, now func() time.Time) *openID {
	if len(c.Scopes) == 0 {
		c.Scopes = []string{"profile", "email", "groups"}
	}
	if c.NameClaim == "" {
		c.NameClaim = "preferred_username"
	}
	if c.GroupsClaim == "" {
		c.GroupsClaim = "groups"
	}
	if len(c.Algorithms) == 0 {
		c.Algorithms = []string{oidc.RS256, oidc.ES256}
	}
	return &openID{cfg: c, now: now, client: careful(c.Client), turn: make(chan struct{}, 1)}
}

// careful is a client that answers cannot lead astray or fill the memory of.
func careful(from *http.Client) *http.Client {
	client := &http.Client{Timeout: openIDPatient}
	if from != nil {
		*client = *from
	}
	if client.Transport == nil {
		client.Transport = http.DefaultTransport
	}
	client.Transport = bounded{client.Transport}
	client.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		if len(via) >= 5 || r.URL.Host != via[0].URL.Host || r.URL.Scheme != via[0].URL.Scheme {
			return errElsewhere
		}
		return nil
	}
	return client
}

// errElsewhere is why a redirect is not followed.
var errElsewhere = errors.New("it leads to another host, or on and on")

// bounded reads the beginning of an answer and no more.
type bounded struct{ next http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.next.RoundTrip(r)
	if err == nil {
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(res.Body, longestAnswer), res.Body}
	}
	return res, err
}

// reach looks the provider up (OpenID Connect Discovery 1.0), once it has answered never
// again. Unavailable when it does not, so that a provider that is down keeps nobody from
// starting the bridge, nor from signing in otherwise.
func (o *openID) reach(ctx context.Context) (*provider, error) {
	select {
	case o.turn <- struct{}{}:
		defer func() { <-o.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if o.found != nil {
		return o.found, nil
	}
	looking := *o.client
	looking.Transport = looked{looking.Transport}
	known, err := oidc.NewProvider(oidc.ClientContext(ctx, &looking), o.cfg.Issuer)
	var more struct {
		Methods []string `json:"token_endpoint_auth_methods_supported"`
	}
	if err == nil {
		err = known.Claims(&more)
	}
	if err != nil {
		return nil, unreachable(unread(err))
	}
	endpoint := known.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInHeader // the default of Discovery section 3
	if len(more.Methods) > 0 && !slices.Contains(more.Methods, "client_secret_basic") || o.secret() == "" {
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	o.found = &provider{
		oauth: oauth2.Config{
			ClientID: o.cfg.ClientID, RedirectURL: o.cfg.RedirectURL, Endpoint: endpoint,
			Scopes: append([]string{oidc.ScopeOpenID}, o.cfg.Scopes...),
		},
		verifier: known.Verifier(&oidc.Config{ClientID: o.cfg.ClientID, SupportedSigningAlgs: o.cfg.Algorithms, Now: o.now}),
	}
	return o.found, nil
}

func (o *openID) secret() string {
	if o.cfg.ClientSecret == nil {
		return ""
	}
	return o.cfg.ClientSecret()
}

// looked makes an error of an answer that refuses, which says its status alone: go-oidc's own
// quotes the answer whole.
type looked struct{ next http.RoundTripper }

func (l looked) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := l.next.RoundTrip(r)
	if err == nil && res.StatusCode >= http.StatusBadRequest {
		_ = res.Body.Close() // nothing is kept of it
		return nil, answeredError(res.StatusCode)
	}
	return res, err
}

// answeredError is the status of an answer that refuses.
type answeredError int

func (e answeredError) Error() string { return fmt.Sprintf("it answers %d", int(e)) }

// unread says why the provider could not be looked up, in words that quote nothing of what
// it says.
func unread(err error) error {
	if status, is := errors.AsType[answeredError](err); is {
		return status
	}
	if _, is := errors.AsType[*oidc.IssuerMismatchError](err); is {
		return errors.New("it says that it is another issuer: check the address, with and without a slash at its end")
	}
	if _, is := errors.AsType[*url.Error](err); is {
		return unanswered(err)
	}
	return errors.New("what it says of itself cannot be read")
}

// unanswered says why a call came to no answer.
func unanswered(err error) error {
	if errors.Is(err, errElsewhere) {
		return errElsewhere
	}
	return bridge.Unanswered(err)
}

func unreachable(err error) error {
	return &bridge.Error{
		Kind: bridge.Unavailable, Msg: "The sign-in provider does not answer. Try again in a moment.",
		Err: fmt.Errorf("OpenID provider: %w", err),
	}
}

// away is what the browser keeps while it is at the provider, sealed.
type away struct {
	State, Nonce, Verifier string
	Until                  time.Time
}

// Begin returns the provider's address to send a browser to, and what it has to keep
// meanwhile, in a cookie that is for Finish alone and good for ten minutes (HttpOnly,
// SameSite=Lax).
//
// Errors: NotFound where there is no provider, Unavailable where it does not answer.
func (g *Register) Begin(ctx context.Context) (address, sealed string, err error) {
	if g.oidc == nil {
		return "", "", noOpenID()
	}
	p, err := g.oidc.reach(ctx)
	if err != nil {
		return "", "", err
	}
	chance := func() string { return base64.RawURLEncoding.EncodeToString(g.chance(tokenLength)) }
	a := away{State: chance(), Nonce: chance(), Verifier: chance(), Until: g.now().Add(awayLife)}
	b, err := json.Marshal(a)
	if err != nil {
		return "", "", err
	}
	address = p.oauth.AuthCodeURL(a.State, oidc.Nonce(a.Nonce), oauth2.S256ChallengeOption(a.Verifier))
	return address, g.seal(sealAway, "", b), nil
}

func noOpenID() error {
	return &bridge.Error{Kind: bridge.NotFound, Msg: "There is no sign-in provider here. Sign in with your password."}
}

// Returned is what a browser brings back from the provider.
type Returned struct {
	// Code and State are from the address; an empty Code is that of who was refused there.
	Code, State string
	// Sealed is what Begin returned.
	Sealed string
	// Address and Before are as in Attempt.
	Address, Before string
}

// Finish opens a session for who comes back from the provider, as SignIn does. They are
// listed among the users from then on, can be disabled here, and have the rights that
// their groups gave them when they last signed in.
//
// Errors: NotFound where there is no provider; Refused for what is not what Begin began,
// always with the same words; Denied for who has shown who they are and may not come in;
// Limited after too many failures from the address; Unavailable where the provider does
// not answer.
func (g *Register) Finish(ctx context.Context, r Returned) (token string, s Session, err error) {
	if g.oidc == nil {
		return "", Session{}, noOpenID()
	}
	err = g.attempt(ctx, "", "", r.Address, func() error {
		a, err := g.openAway(r)
		if err != nil {
			return err
		}
		c, err := g.oidc.redeem(ctx, r.Code, a)
		if err != nil {
			return err
		}
		name, u, err := g.admit(ctx, c)
		if err != nil {
			return err
		}
		token, s, err = g.openSession(ctx, name, u, byOpenID, r.Before)
		return err
	})
	return token, s, err
}

// openAway opens what Begin sealed, and checks that this browser is the one that left.
func (g *Register) openAway(r Returned) (a away, err error) {
	b, err := g.open(sealAway, "", r.Sealed)
	if err != nil || json.Unmarshal(b, &a) != nil || subtle.ConstantTimeCompare([]byte(a.State), []byte(r.State)) != 1 {
		return away{}, &refusal{why: "not the browser that was sent to the sign-in provider"}
	}
	if !g.now().Before(a.Until) {
		return away{}, &refusal{why: "too long at the sign-in provider"}
	}
	if r.Code == "" {
		return away{}, &refusal{why: "refused by the sign-in provider"}
	}
	return a, nil
}

// redeem changes a code for what the provider says of a person.
func (o *openID) redeem(ctx context.Context, code string, a away) (claims, error) {
	p, err := o.reach(ctx)
	if err != nil {
		return claims{}, err
	}
	ctx = oidc.ClientContext(ctx, o.client)
	config := p.oauth
	config.ClientSecret = o.secret()
	got, err := config.Exchange(ctx, code, oauth2.VerifierOption(a.Verifier))
	if err != nil {
		return claims{}, exchangeError(err)
	}
	raw, _ := got.Extra("id_token").(string)
	id, err := p.verifier.Verify(ctx, raw)
	switch {
	case err != nil && strings.HasPrefix(err.Error(), keysUnread):
		return claims{}, unreachable(errors.New("its keys cannot be read"))
	case err != nil:
		return claims{}, &refusal{why: "an ID token that is not good", err: badToken(err)}
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(a.Nonce)) != 1 {
		return claims{}, &refusal{why: "an ID token of another sign-in"}
	}
	return o.claims(id)
}

// faults are what may be wrong with an ID token, by how go-oidc begins to say it. The rest
// of its sentence quotes the token, or what else the provider answered.
var faults = []struct{ said, why string }{
	{"oidc: malformed jwt", "it is none, or is signed in a way that is not asked for"},
	{"oidc: id token issued by a different provider", "it is from another issuer"},
	{"oidc: expected audience", "it is for another client"},
	{"oidc: token is expired", "it has expired: compare the clocks"},
	{"oidc: current time", "it is not valid yet: compare the clocks"},
	{"failed to verify signature", "no key of the provider has signed it"},
	{"oidc: id token not signed", "it is not signed"},
	{"oidc: multiple signatures", "it has several signatures"},
}

// keysUnread is how go-oidc begins to say that nothing can be said of a signature.
const keysUnread = "failed to verify signature: fetching keys"

// badToken says what is wrong with an ID token, in words that quote nothing of it.
func badToken(err error) error {
	for _, f := range faults {
		if strings.HasPrefix(err.Error(), f.said) {
			return errors.New("ID token: " + f.why)
		}
	}
	return errors.New("ID token: it cannot be read")
}

// exchangeError says why a code was not taken. The provider's answer is left out: it may
// repeat what was sent.
func exchangeError(err error) error {
	refused, is := errors.AsType[*oauth2.RetrieveError](err)
	if !is || refused.Response == nil {
		if lost, is := errors.AsType[*url.Error](err); is {
			return unreachable(unanswered(lost))
		}
		return unreachable(errors.New("its answer to the code cannot be read"))
	}
	status := refused.Response.StatusCode
	switch {
	case refused.ErrorCode == "invalid_grant":
		return &refusal{why: "a code that the sign-in provider does not take"}
	case status >= http.StatusInternalServerError || status == http.StatusTooManyRequests:
		return unreachable(fmt.Errorf("it answers %d", status))
	}
	return &bridge.Error{
		Kind: bridge.Internal, Msg: "The sign-in provider does not know us. Tell who runs this service.",
		Err: fmt.Errorf("OpenID provider: it answers %d to the code: check the client's id, secret and redirect address", status),
	}
}
