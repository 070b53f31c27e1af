package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"keybridge/bridge"
	tyksandbox "keybridge/bridge/tyk/sandbox"
	"keybridge/bridge/web"
)

// bare makes it one that came by an unsigned hand-off, in a browser that is not here.
func bare(r *bridge.Request) {
	r.Arrival.Trust, r.Arrival.Browser = bridge.Bare, "another"
}

// untold makes it one that no browser was led to.
func untold(r *bridge.Request) { r.Arrival = bridge.Arrival{} }

// mailed is the path of a mailed link that was made at a time.
func (g *gallery) mailed(key string, at time.Time) string {
	return strings.TrimPrefix(g.links.Mailed(idOf(key), at), g.links.Base)
}

// with is a header with the cookies that an answer has set.
func with(answers ...*http.Response) http.Header {
	var cookies []string
	for _, a := range answers {
		for _, c := range a.Cookies() {
			cookies = append(cookies, c.Name+"="+c.Value)
		}
	}
	return http.Header{"Cookie": {strings.Join(cookies, "; ")}}
}

func TestAMailedLinkOpensInEveryBrowser(t *testing.T) {
	for name, came := range map[string]func(*bridge.Request){"bare": bare, "untold": untold, "signed": func(*bridge.Request) {}} {
		g := newGallery(t, quietPortal)
		g.put(all(func(r *bridge.Request) { r.Key = "mine" }, came))
		page := g.mailed("mine", noon)
		for path, want := range map[string]int{page: 200, page + "?look=1": 200, page + "?go=1": 303, page + "/return": 200, page + "/withdraw": 405} {
			if got := g.get(path); got.StatusCode != want {
				t.Errorf("%s: %.70s is answered %d, want %d", name, path, got.StatusCode, want)
			}
		}
		no := g.send("POST", page+"/withdraw", http.Header{"Sec-Fetch-Site": {"same-origin"}})
		if no.StatusCode != http.StatusSeeOther || no.Header.Get("Location") != page {
			t.Errorf("%s: withdrawing is answered %d to %q", name, no.StatusCode, no.Header.Get("Location"))
		}
		if r, err := g.store.Get(t.Context(), idOf("mine")); err != nil || r.Verdict.Outcome != bridge.Decline {
			t.Errorf("%s: the verdict is %s (%v)", name, r.Verdict.Outcome, err)
		}
	}
}

func TestAMailedLinkThatIsNotGoodOpensNothing(t *testing.T) {
	g := newGallery(t, quietPortal)
	page := g.put(all(func(r *bridge.Request) { r.Key = "mine" }, bare))
	g.put(all(func(r *bridge.Request) { r.Key = "other" }, bare))
	mine, other := g.mailed("mine", noon), g.mailed("other", noon)
	foreign := web.Links{Secrets: [][]byte{[]byte(strings.Repeat("x", 32))}}
	for name, test := range map[string]struct {
		path string
		want int
	}{
		"good":                               {mine, 200},
		"the unmailed one":                   {page, 403},
		"expired":                            {g.mailed("mine", noon.AddDate(0, 0, -31)), 410},
		"with the request of another":        {mine[:20] + other[20:], 404},
		"with the signature of the unmailed": {mine[:len(mine)-22] + page[len(page)-22:], 403}, // which is the unmailed one
		"with the signature of another":      {mine[:len(mine)-22] + other[len(other)-22:], 404},
		"cut":                                {mine[:len(mine)-1], 404},
		"of another bridge":                  {foreign.Mailed(idOf("mine"), noon), 404},
		"of a request that is not there":     {g.mailed("never", noon), 404},
	} {
		got := g.get(test.path)
		if got.StatusCode != test.want {
			t.Errorf("%s: %d, want %d", name, got.StatusCode, test.want)
		}
		if test.want != 200 && len(got.Cookies()) > 0 {
			t.Errorf("%s: the browser is given %v", name, got.Cookies())
		}
	}
}

func TestAPassIsForOneRequestAndEndsWithItsLink(t *testing.T) {
	g := newGallery(t, quietPortal)
	now := noon
	g.now = func() time.Time { return now }
	g.serve(quietPortal)
	mine := g.put(all(func(r *bridge.Request) { r.Key = "mine" }, bare))
	other := g.put(all(func(r *bridge.Request) { r.Key = "other" }, bare))
	opened := g.get(g.mailed("mine", noon))
	if len(opened.Cookies()) != 1 {
		t.Fatalf("the browser is given %v", opened.Cookies())
	}
	pass := opened.Cookies()[0]
	if !pass.HttpOnly || !pass.Secure || pass.SameSite != http.SameSiteLaxMode || pass.Path != "/r/" || pass.Domain != "" ||
		pass.MaxAge != 30*24*3600 || !strings.HasSuffix(pass.Name, string(idOf("mine"))) {
		t.Errorf("the cookie is %+v", pass)
	}
	called := func(id bridge.ID, value string) http.Header {
		return http.Header{"Cookie": {"keybridge_pass_" + string(id) + "=" + value}}
	}
	token := func(path string) string { return strings.TrimPrefix(path, "/r/") }
	foreign := web.Links{Secrets: [][]byte{[]byte(strings.Repeat("x", 32))}}
	for name, test := range map[string]struct {
		path   string
		header http.Header
		want   int
	}{
		"mine":                               {mine, with(opened), 200},
		"mine, back from a checkout":         {mine + "/return", with(opened), 200},
		"none, back from a checkout":         {mine + "/return", nil, 403},
		"among others of the name":           {mine, http.Header{"Cookie": {pass.Name + "=x; " + pass.Name + "=" + pass.Value}}, 200},
		"none":                               {mine, nil, 403},
		"another request":                    {other, with(opened), 403},
		"another request, by its name":       {other, called(idOf("other"), pass.Value), 403},
		"changed":                            {mine, called(idOf("mine"), pass.Value[:len(pass.Value)-2]+"AA"), 403},
		"the page's own token":               {mine, called(idOf("mine"), token(mine)), 403},
		"the mailed token":                   {mine, called(idOf("mine"), token(g.mailed("mine", noon))), 403},
		"the mailed token of another bridge": {mine, called(idOf("mine"), token(foreign.Mailed(idOf("mine"), noon))), 403},
		"the pass as an address":             {"/r/" + pass.Value, nil, 404},
	} {
		if got := g.send("GET", test.path, test.header); got.StatusCode != test.want {
			t.Errorf("%s: %d, want %d", name, got.StatusCode, test.want)
		}
	}
	now = noon.AddDate(0, 0, 29)
	later := strings.TrimPrefix(g.links.Page(idOf("mine"), now), g.links.Base)
	late := g.get(g.mailed("mine", noon))
	if left := late.Cookies()[0].MaxAge; left != 24*3600 {
		t.Errorf("opened a day before it ends, the cookie lasts %d seconds", left)
	}
	if got := g.send("GET", later, with(opened)); got.StatusCode != http.StatusOK {
		t.Errorf("on its last day it is answered %d", got.StatusCode)
	}
	now = noon.AddDate(0, 0, 30).Add(time.Second)
	if got := g.send("GET", later, with(opened)); got.StatusCode != http.StatusForbidden {
		t.Errorf("after its link it is answered %d", got.StatusCode)
	}
}

// A mail is read by scanners and previewed by clients: what they fetch decides nothing,
// and shuts nobody out.
func TestAScannerThatFollowsAMailedLinkChangesNothing(t *testing.T) {
	g := newGallery(t, quietPortal)
	g.put(all(func(r *bridge.Request) { r.Key = "mine" }, untold))
	page := g.mailed("mine", noon)
	before, err := g.store.Get(t.Context(), idOf("mine"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{page, page + "?go=1", page + "?look=1", page + "/return", page + "/withdraw"} {
		for _, method := range []string{"HEAD", "GET", "OPTIONS"} {
			g.send(method, path, http.Header{"User-Agent": {"scanner"}})
		}
	}
	after, err := g.store.Get(t.Context(), idOf("mine"))
	if err != nil || after.Revision != before.Revision || after.Arrival != (bridge.Arrival{}) || after.Verdict.Outcome != bridge.Open {
		t.Errorf("it is at revision %d with %+v, %s (%v)", after.Revision, after.Arrival, after.Verdict.Outcome, err)
	}
	if got := g.get(page); got.StatusCode != http.StatusOK {
		t.Errorf("the applicant's own browser is answered %d", got.StatusCode)
	}
}

// The whole way of whoever was led here in one browser and opens the mail in another:
// to the checkout, and back to an address that wants the first one's cookie.
func TestFromTheMailToTheCheckoutAndBackInAnotherBrowser(t *testing.T) {
	h := newHouse(t, housing{})
	key := h.asks(tyksandbox.PaidPolicy)
	first, second, stranger := h.browser(), h.browser(), h.browser()
	if in := first.get("/handoff/main?key_request_id=" + key); in.status != http.StatusSeeOther {
		t.Fatalf("the hand-off is answered %d %q", in.status, in.title())
	}
	r := h.eventually("main", key, "payable", func(r bridge.Request) bool { return r.Payment.Checkout.State == bridge.CheckoutOpen })
	if r.Arrival.Trust != bridge.Bare {
		t.Fatalf("it is trusted as %q", r.Arrival.Trust)
	}
	path := strings.TrimPrefix(h.links.Mailed(r.ID, h.now()), h.URL)
	h.secret(strings.TrimPrefix(path, "/r/"))

	page := second.get(path)
	if page.title() != "Waiting for your payment" || attribute(page.byID("checkout"), "href") != r.Payment.Checkout.URL {
		t.Fatalf("the mailed page is answered %d %q", page.status, page.title())
	}
	base, _ := url.Parse(h.URL + "/r/")
	for _, cookie := range second.http.Jar.Cookies(base) {
		h.secret(cookie.Value)
	}
	h.pays(r, "pay")
	h.eventually("main", key, "active", isState(bridge.StateActive))

	landing := h.landing(r)
	if no := stranger.get(landing); no.status != http.StatusForbidden {
		t.Errorf("a stranger comes back to %d %q", no.status, no.title())
	}
	for name, b := range map[string]*browser{"the mail's": second, "the hand-off's": first} {
		back := b.get(landing)
		if back.status != http.StatusSeeOther || back.to() != h.pagesAt(r) {
			t.Fatalf("%s browser comes back to %d %q %q", name, back.status, back.to(), back.title())
		}
		if end := b.get(back.to()); end.title() != "Your access is active" {
			t.Errorf("%s browser ends at %d %q", name, end.status, end.title())
		}
	}
	if again := stranger.get(path); again.title() != "Your access is active" {
		t.Errorf("the link itself, in a third browser: %d %q", again.status, again.title())
	}
}

// A pass that was given before a bare hand-off bound another browser is still good.
func TestAMailedLinkIsNotTakenAwayByALaterHandoff(t *testing.T) {
	t.Parallel()
	h := newHouse(t, housing{})
	key := h.asks(tyksandbox.PaidPolicy)
	if _, err := h.service.Accept(t.Context(), bridge.Hint{Source: "portal/main", Portal: "main", Key: key, Intake: h.service.Intake("main", key)}); err != nil {
		t.Fatal(err)
	}
	r := h.eventually("main", key, "payable", func(r bridge.Request) bool { return r.Payment.Checkout.State == bridge.CheckoutOpen })
	mails, led := h.browser(), h.browser()
	if page := mails.get(h.links.Mailed(r.ID, h.now())); page.status != http.StatusOK {
		t.Fatalf("the mailed page is answered %d %q", page.status, page.title())
	}
	if in := led.get("/handoff/main?id=" + key); in.status != http.StatusSeeOther {
		t.Fatalf("the hand-off is answered %d %q", in.status, in.title())
	}
	for name, b := range map[string]*browser{"the mail's": mails, "the hand-off's": led} {
		if page := b.get(h.pagesAt(r)); page.status != http.StatusOK {
			t.Errorf("%s browser: %d %q", name, page.status, page.title())
		}
	}
	if page := h.browser().get(h.pagesAt(r)); page.status != http.StatusForbidden {
		t.Errorf("any other: %d %q", page.status, page.title())
	}
}

// After the pages' secret was replaced, an address of before still tells whether the
// open checkout is the one that was left.
func TestWhoComesBackAfterTheSecretWasReplacedIsNotSentToPay(t *testing.T) {
	g := newGallery(t, quietPortal)
	page := g.put(opened)
	g.links.Secrets = [][]byte{[]byte("another-secret-0123456789-0123456789"), g.links.Secrets[0]}
	g.serve(quietPortal)
	if got := g.get(page + "/return?try=8"); got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != page {
		t.Errorf("answered %d to %q", got.StatusCode, got.Header.Get("Location"))
	}
	if got := g.get(g.mailed(asked().Key, noon) + "/return?try=8"); got.StatusCode != http.StatusSeeOther || strings.Contains(got.Header.Get("Location"), "go=1") {
		t.Errorf("a mailed one: answered %d to %q", got.StatusCode, got.Header.Get("Location"))
	}
}
