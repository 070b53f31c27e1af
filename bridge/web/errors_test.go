package web_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"keybridge/bridge"
	"keybridge/bridge/web"
)

func TestThePageOfEveryError(t *testing.T) {
	open := quietPortal
	open.Token = func(token string) (web.Handoff, error) {
		if token == "good" {
			return web.Handoff{Key: "handed", ID: "once"}, nil
		}
		return web.Handoff{}, &bridge.Error{Kind: bridge.Refused, Msg: "This link has expired. Go back to the portal and ask for your key again.", Err: errors.New("canary")}
	}
	g := newGallery(t, open)
	page := g.put(func(r *bridge.Request) { r.Arrival.Trust, r.Arrival.Browser = bridge.Bare, "another" })
	signed := g.put(func(r *bridge.Request) { r.Key = "signed" })
	told := g.put(all(bare, func(r *bridge.Request) { r.Key, r.Terms.Tell = "told", bridge.MessageKinds }))
	gone := strings.TrimPrefix(g.links.Page(idOf("never"), noon), g.links.Base)
	expired := strings.TrimPrefix(g.links.Page(idOf("signed"), noon.AddDate(0, 0, -31)), g.links.Base)
	for _, test := range []struct {
		name   string
		status int
		method string
		path   string
		header http.Header
	}{
		{"error-not-here", 404, "GET", "/anything", nil},
		{"error-no-static", 404, "GET", "/static/style.css", nil},
		{"error-method", 405, "DELETE", signed, nil},
		{"error-unknown-portal", 404, "GET", "/handoff/nowhere?token=good", nil},
		{"error-refused", 403, "GET", "/handoff/main?token=bad", nil},
		{"error-closed", 403, "GET", "/handoff/main?id=1", nil},
		{"error-other-browser", 403, "GET", page, nil},
		{"error-other-browser-paid", 403, "GET", page + "/return", nil},
		{"error-other-browser-told", 403, "GET", told, nil},
		{"error-bad-link", 404, "GET", "/r/AAAA", nil},
		{"error-no-request", 404, "GET", gone, nil},
		{"error-expired", 410, "GET", expired, nil},
		{"error-other-site", 403, "POST", signed + "/withdraw", http.Header{"Sec-Fetch-Site": {"cross-site"}}},
	} {
		t.Run(test.name, func(t *testing.T) { golden(t, test.name, test.status, g.send(test.method, test.path, test.header)) })
	}
	in := g.get("/handoff/main?token=good")
	cookie := in.Cookies()[0]
	golden(t, "error-used", http.StatusConflict, g.send("GET", "/handoff/main?token=good", http.Header{"Cookie": {cookie.Name + "=" + cookie.Value}}))
	for range 10 {
		g.get("/handoff/main?token=bad")
	}
	golden(t, "error-limited", http.StatusTooManyRequests, g.get("/handoff/main?token=bad"))
	golden(t, "front", http.StatusOK, g.get("/"))
	if err := g.store.Close(); err != nil {
		t.Fatal(err)
	}
	down := g.get(signed)
	if down.Header.Get("Retry-After") == "" {
		t.Error("the store is closed, and nobody is told when to come again")
	}
	golden(t, "error-unavailable", http.StatusServiceUnavailable, down)
}

func TestProgramsGetProblemDocuments(t *testing.T) {
	g := newGallery(t, quietPortal)
	for _, test := range []struct {
		method, path, accept string
		status               int
	}{
		{"GET", "/anything", "application/json", 404},
		{"GET", "/r/AAAA", "application/problem+json, application/json;q=0.9", 404},
		{"GET", "/handoff/main?id=1", "application/json", 403},
		{"POST", "/webhooks/portal/nowhere", "", 404},
		{"POST", "/webhooks/portal/main", "*/*", 404},
		{"POST", "/webhooks/stripe", "", 404},
		{"GET", "/webhooks/anything", "text/html", 404},
	} {
		got := g.send(test.method, test.path, http.Header{"Accept": {test.accept}})
		var problem struct {
			Status        int
			Title, Detail string
		}
		err := json.NewDecoder(got.Body).Decode(&problem)
		if err != nil || got.Header.Get("Content-Type") != "application/problem+json" || got.StatusCode != test.status || problem.Status != test.status || problem.Detail == "" {
			t.Errorf("%s %s: %d %s %+v %v", test.method, test.path, got.StatusCode, got.Header.Get("Content-Type"), problem, err)
		}
	}
	browser := g.send("GET", "/anything", http.Header{"Accept": {"text/html,application/json;q=0.9"}})
	if !strings.HasPrefix(browser.Header.Get("Content-Type"), "text/html") {
		t.Errorf("a browser gets %s", browser.Header.Get("Content-Type"))
	}
}

// A look changes nothing: whoever opens or prefetches a page decides nothing, and no
// other site's page decides anything in a developer's browser.
func TestOnlyAPostFromHereWithdraws(t *testing.T) {
	g := newGallery(t, quietPortal)
	page := g.put(func(*bridge.Request) {})
	open := func(what string) {
		t.Helper()
		r, err := g.store.Get(t.Context(), idOf(asked().Key))
		if err != nil || r.Verdict.Outcome != bridge.Open || r.Revision != 1 {
			t.Errorf("%s: the verdict is %s, revision %d (%v)", what, r.Verdict.Outcome, r.Revision, err)
		}
	}
	for _, path := range []string{page, page + "?go=1", page + "?look=1", page + "?still=1&try=-5", page + "/return", page + "/return?try=99999999999999999999", "/", "/static/x"} {
		for _, method := range []string{"GET", "HEAD"} {
			g.send(method, path, nil)
			open(method + " " + path)
		}
	}
	for _, method := range []string{"GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"} {
		if got := g.send(method, page+"/withdraw", nil); got.StatusCode != http.StatusMethodNotAllowed || got.Header.Get("Allow") != "POST" {
			t.Errorf("%s is answered %d, Allow %q", method, got.StatusCode, got.Header.Get("Allow"))
		}
		open(method)
	}
	for name, header := range map[string]http.Header{
		"cross-site":       {"Sec-Fetch-Site": {"cross-site"}},
		"same-site":        {"Sec-Fetch-Site": {"same-site"}},
		"foreign origin":   {"Origin": {"https://evil.example"}},
		"null origin":      {"Origin": {"null"}},
		"another port":     {"Origin": {"https://bridge.example:444"}},
		"another scheme":   {"Origin": {"http://bridge.example.evil.example"}},
		"lying fetch site": {"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.example"}},
	} {
		if got := g.send("POST", page+"/withdraw", header); got.StatusCode != http.StatusForbidden {
			t.Errorf("%s is answered %d", name, got.StatusCode)
		}
		open(name)
	}
	if got := g.send("POST", page+"/withdraw", http.Header{"Origin": {"https://bridge.example"}, "Sec-Fetch-Site": {"same-origin"}}); got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != page {
		t.Errorf("the page's own button: %d to %q", got.StatusCode, got.Header.Get("Location"))
	}
	r, err := g.store.Get(t.Context(), idOf(asked().Key))
	if err != nil || r.Verdict.Outcome != bridge.Decline || r.Verdict.Mark.By.Kind != bridge.ByDeveloper {
		t.Errorf("the verdict is %+v (%v)", r.Verdict, err)
	}
	if again := g.send("POST", page+"/withdraw", nil); again.StatusCode != http.StatusSeeOther {
		t.Errorf("withdrawn again: %d", again.StatusCode)
	}
}

func TestHeadIsAnsweredLikeGetAndHandsNothingOff(t *testing.T) {
	portal := quietPortal
	handed := 0
	portal.Token = func(string) (web.Handoff, error) { handed++; return web.Handoff{Key: "k", ID: "i"}, nil }
	g := newGallery(t, portal)
	page := g.put(active)
	for path, want := range map[string]int{"/": 200, page: 200, "/nowhere": 404, "/r/x": 404, "/handoff/main?token=x": 405, page + "/return": 405} {
		if got := g.send("HEAD", path, nil); got.StatusCode != want {
			t.Errorf("HEAD %s: %d, want %d", path, got.StatusCode, want)
		}
	}
	if handed != 0 {
		t.Error("HEAD hands off")
	}
}

func TestEachPageOpensWithItsOwnTokenOnly(t *testing.T) {
	g := newGallery(t, quietPortal)
	mine := g.put(func(r *bridge.Request) { r.Terms.Plan = "Mine" })
	other := g.put(func(r *bridge.Request) { r.Key, r.Terms.Plan = "other", "Other" })
	foreign := web.Links{Base: "", Secrets: [][]byte{[]byte(strings.Repeat("x", 32))}}
	for path, want := range map[string]int{
		mine: 200, other: 200,
		mine[:20] + other[20:]: 404, mine[:len(mine)-1]: 404, mine + "A": 404, mine + "%0a": 404, "/r/": 404,
		foreign.Page(idOf(asked().Key), noon): 404, "/r/" + strings.Repeat("A", 54): 404, "/r/" + strings.Repeat("A", 100_000): 404,
		"/r/" + url.PathEscape("../../"+mine): 404, "/r/%00": 404,
	} {
		if got := g.get(path); got.StatusCode != want {
			t.Errorf("%.60s: %d, want %d", path, got.StatusCode, want)
		}
	}
}

func TestTheCookieIsForUsAlone(t *testing.T) {
	portal := quietPortal
	portal.Token = func(string) (web.Handoff, error) { return web.Handoff{Key: "k", ID: "i"}, nil }
	g := newGallery(t, portal)
	cookie := g.get("/handoff/main?token=x").Cookies()[0]
	if !cookie.HttpOnly || !cookie.Secure || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" || cookie.Domain != "" || len(cookie.Value) != 32 {
		t.Errorf("the cookie is %+v", cookie)
	}
	for _, bad := range []string{"", "x", strings.Repeat("0", 31), strings.Repeat("z", 32), strings.Repeat("0", 64)} {
		got := g.send("GET", "/handoff/main?token=x", http.Header{"Cookie": {cookie.Name + "=" + bad}})
		if fresh := got.Cookies(); len(fresh) != 1 || fresh[0].Value == cookie.Value {
			t.Errorf("a browser with the cookie %q gets %v", bad, fresh)
		}
	}
	if again := g.send("GET", "/handoff/main?token=x", http.Header{"Cookie": {cookie.Name + "=" + cookie.Value}}); len(again.Cookies()) != 0 {
		t.Error("a browser that has one gets another")
	}
}

func TestStaticFilesAreKeptByBrowsers(t *testing.T) {
	g := newGallery(t, quietPortal)
	front := g.get("/")
	var b strings.Builder
	_ = front.Write(&b)
	for _, name := range []string{"style.", "key."} {
		_, rest, _ := strings.Cut(b.String(), "/static/"+name)
		hashed, _, _ := strings.Cut(rest, `"`)
		path := "/static/" + name + hashed
		got := g.get(path)
		if got.StatusCode != http.StatusOK || !strings.Contains(got.Header.Get("Cache-Control"), "immutable") || got.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d %v", path, got.StatusCode, got.Header)
		}
	}
	for _, path := range []string{"/static/", "/static/../server.go", "/static/%2e%2e/server.go", "/static/style.css", "/static/templates/layout.html"} {
		if got := g.get(path); got.StatusCode != http.StatusNotFound || got.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d, %s", path, got.StatusCode, got.Header.Get("Cache-Control"))
		}
	}
}

func TestWaitingPagesLookLessOftenTheLongerItTakes(t *testing.T) {
	g := newGallery(t, quietPortal)
	page := g.put(approved)
	for try, want := range map[string]string{"": "2;", "4": "2;", "5": "5;", "10": "15;", "20": "30;", "999": "30;", "-1": "2;", "x": "2;"} {
		got := g.get(page + "?try=" + try)
		var b strings.Builder
		_ = got.Write(&b)
		if !strings.Contains(b.String(), `http-equiv="refresh" content="`+want) {
			t.Errorf("try %q: not %s", try, want)
		}
	}
}

func TestAServerNeedsItsConfiguration(t *testing.T) {
	g := newGallery(t, quietPortal)
	for _, links := range []web.Links{
		{}, {Base: "https://bridge.example"}, {Secrets: g.links.Secrets}, {Base: "no address", Secrets: g.links.Secrets},
		{Base: "https://bridge.example", Secrets: [][]byte{g.links.Secrets[0], []byte(strings.Repeat("x", 31))}},
	} {
		if _, err := web.New(web.Config{Service: &bridge.Service{}, Links: links}); err == nil {
			t.Errorf("a server with the links %+v starts", links)
		}
	}
	if _, err := web.New(web.Config{Service: &bridge.Service{}, Links: g.links, TrustedProxies: []string{"nonsense"}}); err == nil {
		t.Error("a server that trusts nonsense starts")
	}
}

func TestOnlyWhoHasNothingToReadIsSentOn(t *testing.T) {
	g := newGallery(t, quietPortal)
	page := g.put(func(*bridge.Request) {})
	again := g.put(func(r *bridge.Request) { r.Key, r.Payment.Why = "again", "the card was declined" })
	if got := g.get(page + "?go=1"); got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != "https://checkout.example/c/pay/cs_1" {
		t.Errorf("just handed off: %d %q", got.StatusCode, got.Header.Get("Location"))
	}
	for what, path := range map[string]string{"without go": page, "after a failed payment": again + "?go=1"} {
		if got := g.get(path); got.StatusCode != http.StatusOK {
			t.Errorf("%s: %d %q", what, got.StatusCode, got.Header.Get("Location"))
		}
	}
}

func TestAPanicIsAnsweredWithAPage(t *testing.T) {
	portal := quietPortal
	portal.Token = func(string) (web.Handoff, error) { panic("canary") }
	g := newGallery(t, portal)
	var log bytes.Buffer
	g.log = slog.New(slog.NewTextHandler(&log, nil))
	g.serve(portal)
	golden(t, "error-ours", http.StatusInternalServerError, g.get("/handoff/main?token=x"))
	if text := log.String(); strings.Contains(text, "canary") || !strings.Contains(text, "a string") || !strings.Contains(text, "TestAPanicIsAnswered") {
		t.Errorf("the log says %s", text)
	}
	if got := g.get("/"); got.StatusCode != http.StatusOK {
		t.Errorf("afterwards the front answers %d", got.StatusCode)
	}
	portal.Token = func(string) (web.Handoff, error) { panic(http.ErrAbortHandler) }
	g = newGallery(t, portal)
	defer func() {
		if err, _ := recover().(error); !errors.Is(err, http.ErrAbortHandler) {
			t.Error("a handler cannot abort")
		}
	}()
	g.get("/handoff/main?token=x")
}
