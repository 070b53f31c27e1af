package console_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"keybridge/bridge"
	staff "keybridge/bridge/people"
	"keybridge/bridge/web/console"
	"keybridge/store/bolt"
)

// home is an office whose people are real ones, kept in a store, with chance that is the
// same in every run.
type home struct {
	*office
	*staff.Register
	papers *bolt.Store
}

// residents are the people of a home. All but the program have the same password.
var residents = []staff.Newcomer{
	{Name: "adam", Role: bridge.Admin, Display: "Adam <b>Admin</b>", Email: "adam@house.example", Password: password},
	{Name: "eve", Role: bridge.Admin, Password: password},
	{Name: "olga", Role: bridge.Admin, Portals: []string{"other"}, Password: password},
	{Name: "anna", Role: bridge.Approver, Email: "anna@house.example", Password: password},
	{Name: "rosa", Role: bridge.Reviewer, Portals: []string{"gone", "main"}, Password: password},
	{Name: "otto", Role: bridge.Reviewer, Portals: []string{"other"}, Password: password},
	{Name: "vera", Role: bridge.Viewer, Password: password},
	{Name: "erp", Display: "The accounting program", Role: bridge.Reviewer},
}

var commands = bridge.Person{Name: "operator", Role: bridge.Admin}

func newHome(t *testing.T, change ...func(*console.Config)) *home {
	t.Helper()
	h := &home{}
	var err error
	if h.papers, err = bolt.Open(bolt.Config{Path: filepath.Join(t.TempDir(), "people.db")}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.papers.Close() })
	h.Register, err = staff.New(staff.Config{
		Papers: h.papers, Secrets: [][]byte{bytes.Repeat([]byte("s"), 32)}, Cost: staff.Cost{Memory: 32, Passes: 1, Threads: 1},
		Now: func() time.Time { return h.now() }, Random: rand.NewChaCha8([32]byte{}), Record: h.note,
	})
	if err != nil {
		t.Fatal(err)
	}
	h.office = newOffice(t, append([]func(*console.Config){h.settle}, change...)...)
	for _, n := range residents {
		if _, err := h.Add(t.Context(), commands, n); err != nil {
			t.Fatal(err)
		}
	}
	h.told()
	return h
}

// settle has the console ask the register.
func (h *home) settle(c *console.Config) {
	c.House = house{h.Register}
	c.SignIn = func(ctx context.Context, a console.Attempt) (string, time.Time, error) {
		token, s, err := h.SignIn(ctx, staff.Attempt{Name: a.Name, Password: a.Password, Code: a.Code, Half: a.Half, Address: a.Address})
		if needed, ok := errors.AsType[staff.CodeNeededError](err); ok {
			err = console.CodeNeededError{Half: needed.Half}
		}
		return token, s.Last, err
	}
	c.Who = func(ctx context.Context, token string) (bridge.Person, error) {
		p, _, err := h.Who(ctx, token)
		return p, err
	}
	c.SignOut = h.SignOut
}

func (h *home) note(_ context.Context, e bridge.Entry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.entries = append(h.entries, e)
}

// told returns what was recorded, as "who: what before > after", and forgets it.
func (h *home) told() (lines []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.entries {
		lines = append(lines, fmt.Sprintf("%s: %s %s > %s", e.Actor.Name, e.What, e.Before, e.After))
	}
	h.entries = nil
	return lines
}

func (h *home) pass(d time.Duration) { h.set(h.now().Add(d)) }

// everything is all that is kept of people and tokens.
func (h *home) everything() string {
	h.t.Helper()
	var all strings.Builder
	for _, kind := range []string{"user", "token", "session"} {
		papers, err := h.papers.Papers(h.t.Context(), kind, "", 0)
		if err != nil {
			h.t.Fatal(err)
		}
		for _, p := range papers {
			fmt.Fprintln(&all, p.Kind, p.Name, string(p.Value))
		}
	}
	return all.String()
}

// in signs somebody in and returns their browser.
func (h *home) in(name string) visitor {
	h.t.Helper()
	token, _, err := h.SignIn(h.t.Context(), staff.Attempt{Name: name, Password: password})
	if err != nil {
		h.t.Fatal(err)
	}
	return h.as(token)
}

// isIn reports whether a browser's session is one.
func (v visitor) isIn() bool { return v.get("/console/you").StatusCode == http.StatusOK }

// does posts a form with the password.
func (v visitor) does(path string, form url.Values) *http.Response {
	v.o.t.Helper()
	with := url.Values{"again": {password}}
	for name, values := range form {
		with[name] = values
	}
	return v.post(path, with)
}

// code is what an authenticator shows now.
func (h *home) code(secret string) string {
	h.t.Helper()
	code, err := totp.GenerateCodeCustom(secret, h.now(), totp.ValidateOpts{Period: 30, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
	if err != nil {
		h.t.Fatal(err)
	}
	return code
}

var (
	shownSecret = regexp.MustCompile(`<code class="secret" id="secret"[^>]*>([^<]+)</code>`)
	sealedValue = regexp.MustCompile(`name="sealed" value="([^"]+)"`)
)

// shown is the secret that a page shows.
func shown(t *testing.T, page *http.Response) string {
	t.Helper()
	found := shownSecret.FindStringSubmatch(textOf(t, page))
	if found == nil {
		t.Fatalf("the page (%d) shows no secret", page.StatusCode)
	}
	return strings.ReplaceAll(found[1], " ", "")
}

// factor sets up a second factor on the pages, and returns what the app keeps.
func (h *home) factor(v visitor) string {
	h.t.Helper()
	page := v.get("/console/you/factor")
	secret := shown(h.t, page)
	sealed := sealedValue.FindStringSubmatch(textOf(h.t, page))[1]
	got := v.does("/console/you/factor", url.Values{"sealed": {sealed}, "code": {h.code(secret)}})
	if to := got.Header.Get("Location"); got.StatusCode != http.StatusSeeOther || to != "/console/you?done=factor" {
		h.t.Fatalf("setting it up: %d to %q", got.StatusCode, to)
	}
	return secret
}

// house is the register as the console asks it; the wiring in cmd has the like.
type house struct{ *staff.Register }

func (h house) Sessions(ctx context.Context, by bridge.Person, session string) (out []console.Session, err error) {
	all, err := h.Register.Sessions(ctx, by, session)
	for _, s := range all {
		out = append(out, console.Session(s))
	}
	return out, err
}

func (h house) OfferCode(ctx context.Context, by bridge.Person) (console.Offer, error) {
	o, err := h.Register.OfferCode(ctx, by)
	return console.Offer(o), err
}

func (h house) UserFor(ctx context.Context, by bridge.Person, name string) (console.User, error) {
	u, err := h.Register.UserFor(ctx, by, name)
	return console.User(u), err
}

func (h house) UsersFor(ctx context.Context, by bridge.Person) (out []console.User, err error) {
	all, err := h.Register.UsersFor(ctx, by)
	for _, u := range all {
		out = append(out, console.User(u))
	}
	return out, err
}

// given is the password that the house makes for people.
const given = "four-quiet-owls-on-a-wire"

func (h house) Add(ctx context.Context, by bridge.Person, n console.Newcomer) (password string, err error) {
	if !n.Program {
		password = given
	}
	_, err = h.Register.Add(ctx, by, staff.Newcomer{Name: n.Name, Display: n.Display, Email: n.Email, Role: n.Role, Portals: n.Portals, Password: password})
	return password, err
}

func (h house) SetPassword(ctx context.Context, by bridge.Person, name string) (string, error) {
	return given, h.Register.SetPassword(ctx, by, name, given)
}

func (h house) TokensFor(ctx context.Context, by bridge.Person) (out []console.Token, err error) {
	all, err := h.Register.TokensFor(ctx, by)
	for _, t := range all {
		out = append(out, console.Token(t))
	}
	return out, err
}

func (h house) Issue(ctx context.Context, by bridge.Person, o console.TokenOrder) (string, error) {
	return h.Register.Issue(ctx, by, staff.TokenOrder(o))
}
