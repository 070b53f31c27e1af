package web_test

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"keybridge/bridge"
	tyksandbox "keybridge/bridge/tyk/sandbox"
)

func TestEveryGoodHandoffLeadsToItsPage(t *testing.T) {
	h := newHouse(t, housing{})
	ways := map[string]func(key string) string{
		"main query":                 func(key string) string { return h.byQuery(key, nil) },
		"main id":                    func(key string) string { return "/handoff/main?key_request_id=" + key },
		"main id under another name": func(key string) string { return "/handoff/main?id=" + key },
		"main id, and a slash":       func(key string) string { return "/handoff/main/?request_id=" + key },
	}
	for portal := range portalKeys(t) {
		if portal != "closed" {
			ways[portal+" token"] = func(key string) string { return h.byToken(portal, key) }
		}
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			portal, _, _ := strings.Cut(name, " ")
			key := h.asks(tyksandbox.FreePolicy)
			b := h.browser()
			in := b.get(way(key))
			if in.status != http.StatusSeeOther || !strings.HasPrefix(in.to(), h.URL+"/r/") {
				t.Fatalf("answered %d to %q: %s", in.status, in.to(), in.title())
			}
			h.eventually(portal, key, "active", isState(bridge.StateActive))
			page := b.get(in.to())
			if page.status != http.StatusOK || page.title() != "Your access is active" || !strings.Contains(page.body, portal+" Free") {
				t.Errorf("the page answers %d and says %q", page.status, page.title())
			}
			sound(t, page.header, page.body)
		})
	}
}

// refusal is a hand-off that must not be believed.
type refusal struct {
	name   string
	status int
	title  string
	// path makes the way in from a key request that waits, and the claims of a token
	// that would be good.
	path func(key string, good jwt.MapClaims) string
}

const noWay = "This link does not work"

func (h *house) forgedTokens(t *testing.T) []refusal {
	with := func(changes map[string]any) func(string, jwt.MapClaims) string {
		return func(key string, good jwt.MapClaims) string {
			c := h.claims(key, changes)
			for name, value := range changes {
				if from, ok := value.(time.Duration); ok {
					c[name] = h.at(from)
				}
			}
			c["jti"] = good["jti"]
			return "/handoff/main?token=" + h.token("main", c)
		}
	}
	raw := func(make func(good string) string) func(string, jwt.MapClaims) string {
		return func(_ string, good jwt.MapClaims) string {
			return "/handoff/main?token=" + h.secret(make(h.token("main", good)))
		}
	}
	encode := base64.RawURLEncoding.EncodeToString
	keys := portalKeys(t)
	return []refusal{
		{"a token with a forged signature", 403, noWay, raw(func(good string) string { return good[:len(good)-8] + "AAAAAAAA" })},
		{"a token of another key", 403, noWay, func(_ string, good jwt.MapClaims) string {
			return "/handoff/main?token=" + h.signed(jwt.SigningMethodHS256, []byte(strings.Repeat("x", 40)), good)
		}},
		{"a token without a signature", 403, noWay, raw(func(good string) string { return good[:strings.LastIndex(good, ".")+1] })},
		{"alg none", 403, noWay, raw(func(good string) string {
			return encode([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + strings.Split(good, ".")[1] + "."
		})},
		{"alg None with the good signature", 403, noWay, raw(func(good string) string {
			parts := strings.Split(good, ".")
			return encode([]byte(`{"alg":"None","typ":"JWT"}`)) + "." + parts[1] + "." + parts[2]
		})},
		{"another algorithm with the right key", 403, noWay, func(_ string, good jwt.MapClaims) string {
			return "/handoff/main?token=" + h.signed(jwt.SigningMethodHS512, keys["main"].private, good)
		}},
		{"a public key used as a shared secret", 403, noWay, func(_ string, good jwt.MapClaims) string {
			return "/handoff/rs256?token=" + h.signed(jwt.SigningMethodHS256, []byte(keys["rs256"].public), good)
		}},
		{"a tampered token", 403, noWay, raw(func(good string) string {
			parts := strings.Split(good, ".")
			claims, _ := base64.RawURLEncoding.DecodeString(parts[1])
			return parts[0] + "." + encode([]byte(strings.Replace(string(claims), `"sub":"`, `"sub":"0`, 1))) + "." + parts[2]
		})},
		{"an expired token", 403, noWay, with(map[string]any{"iat": -10 * time.Minute, "exp": -5 * time.Minute})},
		{"a token from the future", 403, noWay, with(map[string]any{"iat": 5 * time.Minute, "exp": 10 * time.Minute})},
		{"a token that is good for too long", 400, noWay, with(map[string]any{"exp": time.Hour})},
		{"a token that never expires", 400, noWay, with(map[string]any{"exp": nil})},
		{"a token for somebody else", 403, noWay, with(map[string]any{"aud": "https://other.example"})},
		{"a token for us and somebody else", 403, noWay, with(map[string]any{"aud": []string{"https://bridge.example", "https://other.example"}})},
		{"a token of another issuer", 403, noWay, with(map[string]any{"iss": "https://other.example"})},
		{"a token that names no request", 400, noWay, with(map[string]any{"sub": nil})},
		{"a token that names a strange request", 400, noWay, with(map[string]any{"sub": "../../admin"})},
		{"a token at another portal", 403, noWay, func(_ string, good jwt.MapClaims) string { return "/handoff/hs384?token=" + h.token("main", good) }},
		{"two tokens", 400, noWay, raw(func(good string) string { return good + "&token=" + good })},
		{"an empty token", 400, noWay, raw(func(string) string { return "" })},
		{"garbage for a token", 400, noWay, raw(func(string) string { return "%00%ff.%0a.%3Cscript%3E" })},
		{"a token that is too long", 400, noWay, raw(func(good string) string { return good + strings.Repeat("A", 9000) })},
		{"a token at a closed door", 403, noWay, func(_ string, good jwt.MapClaims) string { return "/handoff/closed?token=" + h.token("closed", good) }},
		{"a token at an unknown portal", 404, "Unknown portal", func(_ string, good jwt.MapClaims) string { return "/handoff/nowhere?token=" + h.token("main", good) }},
	}
}

func (h *house) forgedQueries() []refusal {
	with := func(changes url.Values) func(string, jwt.MapClaims) string {
		return func(key string, _ jwt.MapClaims) string { return h.byQuery(key, changes) }
	}
	signedAt := func(from time.Duration) func(string, jwt.MapClaims) string {
		return func(key string, _ jwt.MapClaims) string {
			return h.byQuery(key, url.Values{"timestamp": {strconv.FormatInt(h.at(from), 10)}})
		}
	}
	raw := func(change func(good string) string) func(string, jwt.MapClaims) string {
		return func(key string, _ jwt.MapClaims) string { return change(h.byQuery(key, nil)) }
	}
	return []refusal{
		{"a query with a forged signature", 403, noWay, raw(func(good string) string {
			q := strings.Split(good, "signature=")
			return q[0] + "signature=" + strings.Repeat("0", 64) + q[1][64:]
		})},
		{"a tampered query", 403, noWay, raw(func(good string) string { return strings.Replace(good, "key_request_id=", "key_request_id=0", 1) })},
		{"a query with something added", 403, noWay, raw(func(good string) string { return good + "&return=https://apps.example/team" })},
		{"a query with two signatures", 403, noWay, raw(func(good string) string { return good + "&signature=" + strings.Repeat("0", 64) })},
		{"an expired query", 403, noWay, signedAt(-6 * time.Minute)},
		{"a query from the future", 403, noWay, signedAt(6 * time.Minute)},
		{"a query without a time", 400, noWay, with(url.Values{"timestamp": {}})},
		{"a query for another portal", 403, noWay, with(url.Values{"portal": {"hs384"}})},
		{"a query with two requests", 400, noWay, with(url.Values{"key_request_id": {"5f7c1e0a8d3b2c0001a4e9d1", "5f7c1e0a8d3b2c0001a4e9d2"}})},
		{"a query at another portal", 403, noWay, raw(func(good string) string { return strings.Replace(good, "/handoff/main", "/handoff/hs384", 1) })},
	}
}

func (h *house) forgedIDs() []refusal {
	raw := func(query string) func(string, jwt.MapClaims) string {
		return func(key string, _ jwt.MapClaims) string {
			return "/handoff/main?" + strings.ReplaceAll(query, "KEY", key)
		}
	}
	return []refusal{
		{"no id", 400, noWay, raw("")},
		{"an id twice", 400, noWay, raw("id=KEY&id=KEY")},
		{"two ids", 400, noWay, raw("id=KEY&request_id=5f7c1e0a8d3b2c0001a4e9d1")},
		{"an id that climbs", 400, noWay, raw("id=..%2f..%2fdevelopers")},
		{"an id that is too long", 400, noWay, raw("id=" + strings.Repeat("a", 8000))},
		{"an id that nobody knows", 404, looking, raw("id=5f7c1e0a8d3b2c0001a4e9d1")},
		{"an id at a door for tokens", 403, noWay, func(key string, _ jwt.MapClaims) string { return "/handoff/hs384?id=" + key }},
		{"an id that was approved", 404, noWay, func(string, jwt.MapClaims) string {
			key := h.asks(tyksandbox.FreePolicy)
			if err := h.portal.Approve(key); err != nil {
				h.t.Fatal(err)
			}
			return "/handoff/main?id=" + key
		}},
		{"an id that was declined", 404, looking, func(string, jwt.MapClaims) string {
			key := h.asks(tyksandbox.FreePolicy)
			if err := h.portal.Decline(key); err != nil {
				h.t.Fatal(err)
			}
			return "/handoff/main?id=" + key
		}},
	}
}

// Nothing is left of a refused hand-off: no record, and nothing that would refuse the
// good one that has the same id.
func TestARefusedHandoffSaysWhatToDoAndLeavesNothing(t *testing.T) {
	h := newHouse(t, housing{still: true})
	all := append(append(h.forgedTokens(t), h.forgedQueries()...), h.forgedIDs()...)
	for _, test := range all {
		t.Run(test.name, func(t *testing.T) {
			h.ahead.Add(int64(time.Minute)) // refusals are limited, and forgiven
			before := h.kept()
			key := h.asks(tyksandbox.FreePolicy)
			good := h.claims(key, nil)
			path := test.path(key, good)
			how := "id"
			if strings.Contains(path, "token=") {
				how = "token"
			} else if strings.Contains(path, "signature=") {
				how = "query"
			}
			portal := strings.Split(strings.Split(path, "?")[0], "/")[2]
			counted := h.counted(portal + " " + how + " refused")
			no := h.browser().get(path)
			if no.status != test.status || no.title() != test.title {
				t.Errorf("answered %d %q, want %d %q", no.status, no.title(), test.status, test.title)
			}
			sound(t, no.header, no.body)
			if !strings.Contains(strings.ToLower(no.body), "go back to the portal") {
				t.Error("the page does not say what to do next")
			}
			if home := no.byID("home"); portal != "nowhere" && (home == nil || attribute(home, "href") != "https://portal.example/portal/") {
				t.Error("the page does not lead back to the portal")
			}
			if strings.Contains(no.body, key) {
				t.Error("the page repeats the id")
			}
			if got := h.counted(portal + " " + how + " refused"); portal != "nowhere" && got != counted+1 {
				t.Errorf("%d refusals were counted", got-counted)
			}
			if got := h.kept(); got != before {
				t.Errorf("%d requests were kept", got-before)
			}
			if yes := h.browser().get("/handoff/main?token=" + h.token("main", good)); yes.status != http.StatusSeeOther {
				t.Errorf("the good hand-off of the same id is answered %d %q", yes.status, yes.title())
			}
		})
	}
}

func TestAHandoffWorksOnceAndItsBrowserGoesOn(t *testing.T) {
	h := newHouse(t, housing{})
	for name, way := range map[string]func(string) string{
		"token": func(key string) string { return h.byToken("main", key) },
		"query": func(key string) string { return h.byQuery(key, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			key := h.asks(tyksandbox.PaidPolicy)
			path, mine, other := way(key), h.browser(), h.browser()
			if in := mine.get(path); in.status != http.StatusSeeOther {
				t.Fatalf("answered %d", in.status)
			}
			before := h.kept()
			again := mine.get(path)
			resume := again.byID("resume")
			if again.status != http.StatusConflict || resume == nil || textOf(resume) != "Continue with your request" {
				t.Fatalf("the same browser again: %d %q", again.status, again.body)
			}
			if page := mine.get(attribute(resume, "href")); page.status != http.StatusOK {
				t.Errorf("the way on is answered %d", page.status)
			}
			for range 15 { // whoever goes back and forth is no stranger who guesses
				if again = mine.get(path); again.status != http.StatusConflict {
					t.Fatalf("answered %d %q", again.status, again.title())
				}
			}
			stolen := other.get(path)
			if stolen.status != http.StatusConflict || stolen.byID("resume") != nil || strings.Contains(stolen.body, "/r/") {
				t.Errorf("another browser: %d %q", stolen.status, stolen.body)
			}
			if h.kept() != before {
				t.Error("a replay was kept")
			}
		})
	}
}

func TestABareHandoffBelongsToItsBrowser(t *testing.T) {
	h := newHouse(t, housing{})
	key := h.asks(tyksandbox.PaidPolicy)
	path, mine, other := "/handoff/main?key_request_id="+key, h.browser(), h.browser()
	in := mine.get(path)
	if in.status != http.StatusSeeOther {
		t.Fatalf("answered %d", in.status)
	}
	if stolen := other.get(path); stolen.status != http.StatusConflict || strings.Contains(stolen.body, "/r/") {
		t.Errorf("another browser with the id: %d %q", stolen.status, stolen.title())
	}
	for _, path := range []string{in.to(), strings.TrimSuffix(in.to(), "?go=1") + "/return"} {
		if stolen := other.get(path); stolen.status != http.StatusForbidden || strings.Contains(stolen.body, "Weather") {
			t.Errorf("another browser with the page's address: %d %q", stolen.status, stolen.title())
		}
	}
	if stolen := other.do(http.MethodPost, strings.TrimSuffix(in.to(), "?go=1")+"/withdraw", nil); stolen.status != http.StatusForbidden {
		t.Errorf("another browser withdraws: %d", stolen.status)
	}
	if again := mine.get(path); again.status != http.StatusSeeOther {
		t.Errorf("the same browser again: %d %q", again.status, again.title())
	}
	r := h.eventually("main", key, "payable", isState(bridge.StatePaying))
	if r.Arrival.Trust != bridge.Bare {
		t.Errorf("it is trusted as %q", r.Arrival.Trust)
	}
}

func TestABareHandoffHasToBeFresh(t *testing.T) {
	h := newHouse(t, housing{still: true})
	key := h.asks(tyksandbox.FreePolicy)
	h.ahead.Store(int64(16 * time.Minute))
	if old := h.browser().get("/handoff/main?id=" + key); old.status != http.StatusNotFound || h.kept() != 0 {
		t.Errorf("a request 16 minutes old: %d %q, %d kept", old.status, old.title(), h.kept())
	}
	h.ahead.Store(int64(14 * time.Minute))
	if fresh := h.browser().get("/handoff/main?id=" + key); fresh.status != http.StatusSeeOther {
		t.Errorf("a request 14 minutes old: %d %q", fresh.status, fresh.title())
	}
}

// The page of a bare id that the portal does not find yet looks again by itself, and goes on
// once it does. It says so, and looks no more than a few times.
func TestABareHandoffThatIsAheadOfThePortalLooksAgainByItself(t *testing.T) {
	for _, c := range []struct {
		lags int64
		ends string // the title; empty: it goes on
	}{{0, ""}, {1, ""}, {4, ""}, {5, "We could not find your request"}} {
		h := newHouse(t, housing{still: true, lags: c.lags})
		b := h.browser()
		a := b.get("/handoff/main?id=" + h.asks(tyksandbox.PaidPolicy) + "&lang=en")
		var waits []string
		for a.status == http.StatusNotFound && a.refresh() != "" {
			sound(t, a.header, a.body)
			if again := a.byID("again"); a.title() != looking || again == nil || attribute(again, "href") != a.refresh() {
				t.Errorf("it says %q, and links to another address than it goes on to, %q", a.title(), a.refresh())
			}
			wait, _, _ := strings.Cut(a.metaRefresh(), ";")
			waits = append(waits, wait)
			a = b.get("/handoff/main" + a.refresh())
		}
		if want := []string{"2", "4", "6", "8"}[:min(c.lags, mostLooks)]; !slices.Equal(waits, want) {
			t.Errorf("it looks again after %q seconds, want %q", waits, want)
		}
		if c.ends == "" && a.status != http.StatusSeeOther || c.ends != "" && (a.title() != c.ends || h.kept() != 0) {
			t.Errorf("behind by %d looks: %d %q, %d kept", c.lags, a.status, a.title(), h.kept())
		}
		if c.ends == "" {
			continue
		}
		if again := a.byID("again"); again == nil || b.get("/handoff/main"+attribute(again, "href")).status != http.StatusSeeOther {
			t.Error("the page that gave up does not lead on when the portal has caught up")
		}
	}
}

const (
	looking   = "Looking for your request"
	mostLooks = 4
)

func TestThePageOfARequestThatThePortalDoesNotFind(t *testing.T) {
	h := newHouse(t, housing{still: true})
	for name, query := range map[string]string{"error-unseen": "", "error-unseen-still": "&try=1&still=1", "error-unseen-at-last": "&try=4"} {
		a := h.browser().get("/handoff/main?id=5f7c1e0a8d3b2c0001a4e9d1" + query)
		if still := a.byID("still"); (a.refresh() != "") != (query == "") || (still != nil) != (query == "") {
			t.Errorf("%s: it goes on to %q, and can be stopped: %v", name, a.refresh(), still != nil)
		}
		golden(t, name, http.StatusNotFound, &http.Response{StatusCode: a.status, Header: a.header, Body: io.NopCloser(strings.NewReader(a.body))})
	}
}

func TestASignedHandoffTakesOverFromABareOne(t *testing.T) {
	h := newHouse(t, housing{})
	key := h.asks(tyksandbox.PaidPolicy)
	if in := h.browser().get("/handoff/main?id=" + key); in.status != http.StatusSeeOther {
		t.Fatalf("answered %d", in.status)
	}
	b := h.browser()
	in := b.get(h.byToken("main", key))
	if in.status != http.StatusSeeOther {
		t.Fatalf("the signed one is answered %d %q", in.status, in.title())
	}
	h.eventually("main", key, "payable", isState(bridge.StatePaying))
	if page := h.browser().get(strings.TrimSuffix(in.to(), "?go=1")); page.status != http.StatusOK {
		t.Errorf("the page of a signed hand-off in any browser: %d", page.status)
	}
}

func TestAHandoffWhileTheStoreIsDownCanBeSentAgain(t *testing.T) {
	h := newHouse(t, housing{still: true})
	path := h.byToken("main", h.asks(tyksandbox.FreePolicy))
	if err := h.store.Close(); err != nil {
		t.Fatal(err)
	}
	b := h.browser()
	for range 12 { // our fault is nobody's guess
		no := b.get(path)
		if no.status != http.StatusServiceUnavailable || no.title() == noWay || no.byID("again") == nil || no.header.Get("Retry-After") == "" {
			t.Fatalf("answered %d %q", no.status, no.title())
		}
		sound(t, no.header, no.body)
	}
	if h.counted("main token unavailable") != 12 {
		t.Errorf("%d were counted", h.counted("main token unavailable"))
	}
}

func TestABareHandoffHasToBeOfTheRightOrganisation(t *testing.T) {
	h := newHouse(t, housing{still: true, organisation: "5ac07777cbb8c2d530000099"})
	no := h.browser().get("/handoff/main?id=" + h.asks(tyksandbox.FreePolicy))
	if no.status != http.StatusNotFound || no.title() != looking || h.kept() != 0 {
		t.Errorf("a request of another organisation: %d %q, %d kept", no.status, no.title(), h.kept())
	}
}
