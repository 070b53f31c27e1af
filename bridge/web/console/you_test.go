package console_test

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"rsc.io/qr"

	"keybridge/bridge"
	staff "keybridge/bridge/people"
	"keybridge/bridge/web/console"
)

func TestThePagesAboutOneself(t *testing.T) {
	h := settled(t)
	anna := h.in("anna")
	for name, path := range map[string]string{
		"you": "", "sheet-password": "/password", "sheet-token": "/tokens", "sheet-revoke": "/tokens/old/revoke",
	} {
		golden(t, name, http.StatusOK, anna.get("/console/you"+path))
	}
	golden(t, "sheet-factor", http.StatusOK, anna.get("/console/you/factor"))
	h.pass(time.Minute)
	h.factor(anna)
	golden(t, "you-factor", http.StatusOK, anna.get("/console/you?done=factor"))
	golden(t, "sheet-drop", http.StatusOK, anna.get("/console/you/factor/drop"))
	golden(t, "error-factor-had", http.StatusConflict, anna.get("/console/you/factor"))
	rosa := h.in("rosa")
	golden(t, "you-some", http.StatusOK, rosa.get("/console/you"))
	golden(t, "error-factor-none", http.StatusConflict, rosa.get("/console/you/factor/drop"))
	golden(t, "error-not-your-token", http.StatusNotFound, rosa.get("/console/you/tokens/old/revoke"))
}

func TestThePagesAboutOneselfAfterSomethingWasTyped(t *testing.T) {
	h := settled(t)
	anna := h.in("anna")
	change := url.Values{"old": {password}, "new": {given}, "repeated": {given}}
	golden(t, "sheet-password-apart", http.StatusBadRequest, anna.post("/console/you/password", with(change, "repeated", "something else")))
	golden(t, "sheet-password-short", http.StatusBadRequest, anna.post("/console/you/password", with(change, "new", "short", "repeated", "short")))
	golden(t, "sheet-password-wrong", http.StatusForbidden, anna.post("/console/you/password", with(change, "old", "not it")))
	sealed := sealedValue.FindStringSubmatch(textOf(t, anna.get("/console/you/factor")))[1]
	golden(t, "sheet-factor-wrong", http.StatusBadRequest, anna.does("/console/you/factor", url.Values{"sealed": {sealed}, "code": {"1"}}))
	golden(t, "sheet-token-life", http.StatusBadRequest, anna.does("/console/you/tokens", url.Values{"name": {"t"}, "role": {"reviewer"}, "scope": {"some"}, "portal": {"main"}}))
	h.factor(anna)
	golden(t, "sheet-drop-wrong", http.StatusForbidden, anna.does("/console/you/factor/drop", url.Values{"code": {"1"}}))
	golden(t, "done-your-token", http.StatusOK, anna.does("/console/you/tokens", url.Values{"name": {"t"}, "role": {"reviewer"}, "scope": {"all"}, "days": {"7"}}))
	golden(t, "done-your-password", http.StatusOK, anna.post("/console/you/password", change))
}

// No page writes a password back, and no answer holds one in its address.
func TestWhatIsTypedIntoAPasswordsFieldIsNowhereAfterwards(t *testing.T) {
	h := newHome(t)
	anna := h.in("anna")
	const typed = "a secret of nobody else's"
	form := url.Values{"old": {typed}, "new": {typed}, "repeated": {typed}, "again": {typed}, "code": {"918273"}, "sealed": {"x"}, "name": {"t"}, "role": {"viewer"}, "scope": {"all"}, "days": {"7"}}
	for _, path := range []string{"/you/password", "/you/factor", "/you/factor/drop", "/you/tokens"} {
		got := anna.post("/console"+path, form)
		if page := textOf(t, got); strings.Contains(page, typed) || strings.Contains(page, "918273") || got.Header.Get("Location") != "" {
			t.Errorf("%s: %d to %q holds what was typed", path, got.StatusCode, got.Header.Get("Location"))
		}
	}
	if strings.Contains(h.log.String(), typed) || strings.Contains(strings.Join(h.told(), "\n"), typed) {
		t.Error("it is in the log or in history")
	}
}

func TestOnesOwnPasswordIsChangedAndEverySessionEnds(t *testing.T) {
	h := newHome(t)
	here, there := h.in("anna"), h.in("anna")
	got := here.post("/console/you/password", url.Values{"old": {password}, "new": {given}, "repeated": {given}})
	if got.StatusCode != http.StatusOK || len(got.Cookies()) != 1 || got.Cookies()[0].MaxAge >= 0 {
		t.Errorf("%d, cookies %v", got.StatusCode, got.Cookies())
	}
	if here.isIn() || there.isIn() {
		t.Error("a session goes on")
	}
	if _, _, err := h.SignIn(t.Context(), staff.Attempt{Name: "anna", Password: given}); err != nil {
		t.Error(err)
	}
}

func TestASecondFactorIsTakenAskedForAndGivenUp(t *testing.T) {
	h := newHome(t)
	anna := h.in("anna")
	secret := h.factor(anna)
	h.pass(time.Minute)
	signIn := url.Values{"name": {"anna"}, "password": {password}}
	if got := h.as("").post("/console/sign-in", signIn); got.StatusCode != http.StatusUnauthorized || !strings.Contains(textOf(t, got), `name="half"`) {
		t.Errorf("signing in without the code: %d", got.StatusCode)
	}
	if got := h.as("").post("/console/sign-in", with(signIn, "code", h.code(secret))); got.StatusCode != http.StatusSeeOther {
		t.Errorf("signing in with the code: %d", got.StatusCode)
	}
	used := h.code(secret)
	if got := anna.does("/console/you/factor/drop", url.Values{"code": {used}}); got.StatusCode != http.StatusForbidden {
		t.Errorf("giving it up with a code that was used: %d", got.StatusCode)
	}
	h.pass(time.Minute)
	got := anna.does("/console/you/factor/drop", url.Values{"code": {h.code(secret)}})
	if to := got.Header.Get("Location"); to != "/console/you?done=drop" || !strings.Contains(textOf(t, anna.get(to)), "Your password is enough now.") {
		t.Errorf("giving it up: %d to %q", got.StatusCode, to)
	}
	h.in("anna") // by the password alone
}

// Without the password nothing counts, and neither does an offer that was made to somebody
// else or is too old.
func TestASecondFactorIsTakenByWhoItWasOfferedToAlone(t *testing.T) {
	h := newHome(t)
	anna, vera := h.in("anna"), h.in("vera")
	page := anna.get("/console/you/factor")
	secret, sealed := shown(t, page), sealedValue.FindStringSubmatch(textOf(t, page))[1]
	form := func() url.Values { return url.Values{"sealed": {sealed}, "code": {h.code(secret)}} }
	for name, got := range map[string]*http.Response{
		"without the password": anna.post("/console/you/factor", form()),
		"by somebody else":     vera.does("/console/you/factor", form()),
		"from another site":    anna.send(http.MethodPost, "/console/you/factor", with(form(), "again", password), http.Header{"Sec-Fetch-Site": {"cross-site"}}),
	} {
		if got.StatusCode < 400 {
			t.Errorf("%s: %d", name, got.StatusCode)
		}
	}
	h.pass(15 * time.Minute)
	if got := anna.does("/console/you/factor", form()); got.StatusCode != http.StatusBadRequest {
		t.Errorf("too late: %d", got.StatusCode)
	}
	for _, name := range []string{"anna", "vera"} {
		if u, err := h.Get(t.Context(), name); err != nil || u.Factor {
			t.Errorf("%s has a second factor, %v", name, err)
		}
	}
}

// The picture is the code of what the authenticator is to read, square by square.
func TestThePictureIsTheCode(t *testing.T) {
	const text = "otpauth://totp/keybridge:anna?secret=AAAABBBBCCCCDDDD&issuer=keybridge"
	side, path, err := console.Picture(text)
	if err != nil {
		t.Fatal(err)
	}
	want, err := qr.Encode(text, qr.M)
	if err != nil {
		t.Fatal(err)
	}
	const margin = 4
	if side != want.Size+2*margin {
		t.Fatalf("%d squares on a side, want %d", side, want.Size+2*margin)
	}
	dark := map[[2]int]bool{}
	for _, run := range regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1h-(\d+)z`).FindAllStringSubmatch(path, -1) {
		x, y, width := number(t, run[1]), number(t, run[2]), number(t, run[3])
		for i := range width {
			dark[[2]int{x + i, y}] = true
		}
	}
	for y := range side {
		for x := range side {
			if dark[[2]int{x, y}] != want.Black(x-margin, y-margin) {
				t.Fatalf("the square %d, %d is wrong", x, y)
			}
		}
	}
	if _, _, err := console.Picture(strings.Repeat("x", 5000)); err == nil {
		t.Error("more than a code can hold is drawn")
	}
}

func number(t *testing.T, text string) (n int) {
	t.Helper()
	for _, c := range text {
		n = 10*n + int(c-'0')
	}
	return n
}

// ends returns what ends each session that a page lists but the one that is sat in.
func ends(t *testing.T, page *http.Response) (ids []string) {
	t.Helper()
	for _, found := range regexp.MustCompile(`name="end" value="([0-9a-f]{64})"`).FindAllStringSubmatch(textOf(t, page), -1) {
		ids = append(ids, found[1])
	}
	return ids
}

func TestOneSessionIsEndedOrAllOthers(t *testing.T) {
	h := newHome(t)
	here := h.in("anna")
	h.pass(time.Minute)
	there, elsewhere, of := h.in("anna"), h.in("anna"), h.in("rosa")
	ids := ends(t, here.get("/console/you"))
	if len(ids) != 2 {
		t.Fatalf("the page ends %d sessions, want two", len(ids))
	}
	for from, header := range map[string]http.Header{"another site": {"Sec-Fetch-Site": {"cross-site"}}, "an old browser": {"Origin": {"https://evil.example"}}} {
		for _, end := range []string{ids[0], "others"} {
			if got := here.send(http.MethodPost, "/console/you/sessions", url.Values{"end": {end}}, header); got.StatusCode != http.StatusForbidden {
				t.Errorf("from %s: %d", from, got.StatusCode)
			}
		}
	}
	if got := of.post("/console/you/sessions", url.Values{"end": {ids[0]}}); got.StatusCode != http.StatusSeeOther || !there.isIn() || !elsewhere.isIn() {
		t.Errorf("rosa ends anna's: %d", got.StatusCode)
	}
	to := here.post("/console/you/sessions", url.Values{"end": {ids[0]}}).Header.Get("Location")
	if !strings.Contains(textOf(t, here.get(to)), "That session is over.") {
		t.Errorf("%s does not say that it is over", to)
	}
	if there.isIn() == elsewhere.isIn() {
		t.Errorf("there: %t, elsewhere: %t; want one of them ended", there.isIn(), elsewhere.isIn())
	}
	to = here.post("/console/you/sessions", url.Values{"end": {"others"}}).Header.Get("Location")
	if !strings.Contains(textOf(t, here.get(to)), "You are signed in here, and nowhere else.") {
		t.Errorf("%s does not say so", to)
	}
	if there.isIn() || elsewhere.isIn() || !here.isIn() || !of.isIn() {
		t.Errorf("there: %t, elsewhere: %t, here: %t, rosa: %t", there.isIn(), elsewhere.isIn(), here.isIn(), of.isIn())
	}
}

func TestATokenOfOnesOwnIsShownOnceAndRevoked(t *testing.T) {
	h := newHome(t)
	rosa := h.in("rosa")
	form := url.Values{"name": {"nightly"}, "role": {"viewer"}, "scope": {"some"}, "portal": {"main"}, "days": {"7"}}
	secret := shown(t, rosa.does("/console/you/tokens", form))
	want := bridge.Person{Name: "rosa", Role: bridge.Viewer, Portals: []string{"main"}}
	if p, err := h.WhoByToken(t.Context(), secret); err != nil || p.Name != want.Name || p.Role != want.Role || !slices.Equal(p.Portals, want.Portals) {
		t.Errorf("%+v, %v", p, err)
	}
	h.pass(10 * time.Minute)
	if page := textOf(t, rosa.get("/console/you")); !strings.Contains(page, "nightly") || strings.Contains(page, secret) {
		t.Error("the token is not listed, or its secret is")
	}
	h.pass(7*24*time.Hour - 10*time.Minute)
	_, err := h.WhoByToken(t.Context(), secret)
	if bridge.KindOf(err) != bridge.Refused {
		t.Errorf("after its time: %v", err)
	}
	rosa = h.in("rosa")
	if got := rosa.send(http.MethodPost, "/console/you/tokens/nightly/revoke", nil, http.Header{"Origin": {"https://evil.example"}}); got.StatusCode != http.StatusForbidden {
		t.Errorf("from another site: %d", got.StatusCode)
	}
	to := rosa.post("/console/you/tokens/nightly/revoke", url.Values{}).Header.Get("Location")
	if page := textOf(t, rosa.get(to)); !strings.Contains(page, "The token is revoked.") || strings.Contains(page, "nightly") {
		t.Errorf("%s still lists it", to)
	}
	if got := rosa.post("/console/you/tokens/nightly/revoke", url.Values{}); got.StatusCode != http.StatusNotFound {
		t.Errorf("once more: %d", got.StatusCode)
	}
}

// away is a house in which everybody comes from an OpenID provider.
type away struct {
	house
	old bool // it is more than a quarter of an hour ago
}

func (a *away) UserFor(ctx context.Context, by bridge.Person, name string) (console.User, error) {
	u, err := a.house.UserFor(ctx, by, name)
	u.From, u.Password = "https://login.example.com", false
	return u, err
}

func (a *away) ProveAgain(context.Context, string, string, string) error {
	if a.old {
		return &bridge.Error{Kind: bridge.Denied, Msg: "You signed in more than 15 minutes ago."}
	}
	return nil
}

func TestWhoSignsInElsewhereSignsInThereOnceMore(t *testing.T) {
	a := &away{old: true}
	h := newHome(t, func(c *console.Config) {
		a.house = c.House.(house)
		c.House = a
	})
	adam := h.in("adam")
	golden(t, "you-elsewhere", http.StatusOK, adam.get("/console/you"))
	golden(t, "error-password-elsewhere", http.StatusConflict, adam.get("/console/you/password"))
	golden(t, "person-elsewhere", http.StatusOK, adam.get("/console/people/users/anna"))
	golden(t, "sheet-leave", http.StatusOK, adam.get("/console/people/users/anna/disable"))
	if got := adam.post("/console/you/password", url.Values{"old": {password}, "new": {given}, "repeated": {given}}); got.StatusCode != http.StatusConflict {
		t.Errorf("changing a password that is elsewhere: %d", got.StatusCode)
	}
	if got := adam.post("/console/people/users/anna/disable", url.Values{}); got.StatusCode != http.StatusForbidden {
		t.Errorf("after more than a quarter of an hour: %d", got.StatusCode)
	}
	if u, err := h.Get(t.Context(), "anna"); err != nil || u.Disabled {
		t.Errorf("%+v, %v", u, err)
	}
	a.old = false
	if page := textOf(t, adam.get("/console/people/users/anna/disable")); strings.Contains(page, "password, once more") || !strings.Contains(page, `id="confirm"`) {
		t.Error("who just came from there is asked for a password")
	}
	if got := adam.post("/console/people/users/anna/disable", url.Values{}); got.StatusCode != http.StatusSeeOther {
		t.Errorf("who just came from there: %d", got.StatusCode)
	}
}

func TestOneComesBackToThePagesAboutPeopleAndToNoneLikeThem(t *testing.T) {
	o := newOffice(t)
	for next, want := range map[string]string{
		"/console/you":                             "/console/you",
		"/console/you/factor":                      "/console/you/factor",
		"/console/you/factor/drop":                 "/console/you/factor/drop",
		"/console/you/tokens/a-b.c/revoke":         "/console/you/tokens/a-b.c/revoke",
		"/console/people":                          "/console/people",
		"/console/people/users/anna":               "/console/people/users/anna",
		"/console/people/users/anna/sign-out":      "/console/people/users/anna/sign-out",
		"/console/people/tokens":                   "/console/people/tokens",
		"/console/people?done=revoke":              "/console/people",
		"/console/you/sessions":                    "/console/",
		"/console/you/":                            "/console/",
		"/console/youth":                           "/console/",
		"/console/people/users/../../sign-out":     "/console/",
		"/console/people/users/%2e%2e":             "/console/",
		"/console/people/users/anna/x/y":           "/console/",
		"//evil.example/console/you":               "/console/",
		"https://evil.example/console/people":      "/console/",
		"/console/people/users/anna\r\nSet-Cookie": "/console/",
	} {
		got := o.as("viewer").get("/console/sign-in?next=" + url.QueryEscape(next))
		if to := got.Header.Get("Location"); to != want {
			t.Errorf("%q leads to %q, want %q", next, to, want)
		}
	}
}
