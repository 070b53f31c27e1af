package web_test

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/oklog/ulid/v2"

	"keybridge/bridge"
	"keybridge/bridge/web"
	"keybridge/store/bolt"
)

var update = flag.Bool("update", false, "write the pages as they are now to testdata")

// The clock of the pages, and who must not be named on them.
var noon = time.Date(2026, time.March, 14, 12, 0, 0, 0, time.UTC)

var somebody = bridge.Applicant{
	ID: "dev-canary", Email: "canary@example.com", Name: "Cana Ry", Organisation: "Canary Org", App: "Canary App",
}

// gallery is a server over a store in which records are put by hand. No worker runs,
// so they stay as they are.
type gallery struct {
	*web.Server
	t       *testing.T
	store   *bolt.Store
	service *bridge.Service
	links   web.Links
	now     func() time.Time
	log     *slog.Logger // nil: nothing is logged
}

func newGallery(t *testing.T, portal web.Portal) *gallery {
	t.Helper()
	g := &gallery{t: t, links: web.Links{Base: "https://bridge.example", Secrets: [][]byte{[]byte("page-secret-0123456789-0123456789")}}}
	g.now = func() time.Time { return noon }
	var err error
	if g.store, err = bolt.Open(bolt.Config{Path: filepath.Join(t.TempDir(), "keybridge.db"), Now: g.now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.store.Close() })
	g.service, err = bridge.New(bridge.Config{
		Store: g.store, Portals: map[string]bridge.Site{"main": {}}, Page: g.links.Page, NewID: func() bridge.ID { return idOf("new") }, Now: g.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	g.serve(portal)
	return g
}

// serve makes the server, with the links and the clock as they are now.
func (g *gallery) serve(portal web.Portal) {
	g.t.Helper()
	var err error
	g.Server, err = web.New(web.Config{
		Service: g.service, Portals: map[string]web.Portal{"main": portal}, Links: g.links, Name: "Weather keys",
		Contact: "mailto:help@example.com", Patience: time.Millisecond, Now: g.now, Log: g.log,
	})
	if err != nil {
		g.t.Fatal(err)
	}
}

// idOf makes an id that is the same in every run.
func idOf(key string) bridge.ID {
	sum := sha256.Sum256([]byte(key))
	return bridge.ID(ulid.MustNew(ulid.Timestamp(noon), bytes.NewReader(sum[:])).String())
}

// put stores a record and returns the path of its page.
func (g *gallery) put(change func(*bridge.Request)) string {
	g.t.Helper()
	r := asked()
	change(&r)
	r.ID = idOf(r.Key)
	_, err := g.store.Accept(g.t.Context(), bridge.Hint{
		Source: "test", At: noon, Portal: r.Portal, Key: r.Key, Intake: &bridge.Change{Request: r},
	}, nil)
	if err != nil {
		g.t.Fatal(err)
	}
	return strings.TrimPrefix(g.links.Page(r.ID, noon), g.links.Base)
}

// get answers a request the way the listener would.
func (g *gallery) get(path string) *http.Response { return g.send(http.MethodGet, path, nil) }

func (g *gallery) send(method, path string, header http.Header) *http.Response {
	w := httptest.NewRecorder()
	req := httptest.NewRequest(method, "https://bridge.example"+path, http.NoBody)
	for name, values := range header {
		req.Header[name] = values
	}
	g.ServeHTTP(w, req)
	return w.Result()
}

// asked is a request for a paid plan whose checkout waits for the developer.
func asked() bridge.Request {
	return bridge.Request{
		Portal: "main", Key: "5f7c1e0a8d3b2c0001a4e9d1", Created: noon, Applicant: somebody,
		Asked:   bridge.Asked{Policies: []string{"p"}, Reasons: map[string]string{"Why": "canary reasons"}, At: noon},
		Arrival: bridge.Arrival{Trust: bridge.Signed, At: noon, Return: "https://portal.example/portal/keys"},
		Terms: bridge.Terms{
			Plan: "Weather Pro", Provider: "stripe", Steps: []bridge.StepKind{bridge.Paying}, Grace: 7 * 24 * time.Hour,
			Lines: []bridge.Price{{Name: "Weather Pro", Amount: bridge.NewAmount(4900, "EUR"), Interval: bridge.Interval{Unit: "month"}}},
		},
		Steps:   []bridge.Step{{Kind: bridge.Paying, State: bridge.Waiting, Mark: bridge.Mark{At: noon}}},
		Verdict: bridge.Verdict{Outcome: bridge.Open},
		Access:  bridge.Access{Have: bridge.Pending},
		Payment: bridge.Payment{Have: bridge.PaymentOpen, Checkout: bridge.Checkout{
			ID: "cs_1", For: bridge.Paying, State: bridge.CheckoutOpen, URL: "https://checkout.example/c/pay/cs_1", Expires: noon.Add(time.Hour),
		}},
	}
}

// approved makes it one whose payment was taken and whose verdict is approve.
func approved(r *bridge.Request) {
	mark := bridge.Mark{At: noon, By: bridge.Actor{Kind: bridge.ByProvider, Name: "stripe"}, Why: "payment met"}
	r.Steps[0] = bridge.Step{Kind: bridge.Paying, State: bridge.Met, Mark: mark}
	r.Verdict = bridge.Verdict{Outcome: bridge.Approve, Mark: mark}
	r.Payment = bridge.Payment{
		Have: bridge.Paid, Checkout: bridge.Checkout{ID: "cs_1", For: bridge.Paying, State: bridge.CheckoutComplete},
		Collected: bridge.NewAmount(4900, "EUR"), Subscribed: true, PaidUntil: noon.AddDate(0, 1, 0),
	}
}

// active makes it one whose key lives.
func active(r *bridge.Request) {
	approved(r)
	r.Access = bridge.Access{Have: bridge.Granted, Granted: noon}
}

// declined makes it one that is over without a key.
func declined(by bridge.ActorKind, why string) func(*bridge.Request) {
	return func(r *bridge.Request) {
		mark := bridge.Mark{At: noon, By: bridge.Actor{Kind: by}, Why: why}
		r.Steps[0] = bridge.Step{Kind: bridge.Paying, State: bridge.Failed, Mark: mark}
		r.Verdict = bridge.Verdict{Outcome: bridge.Decline, Mark: mark}
		r.Access = bridge.Access{Have: bridge.Gone}
		r.Payment = bridge.Payment{Have: bridge.NoPayment, Checkout: bridge.Checkout{ID: "cs_1", State: bridge.CheckoutExpired}}
	}
}

// all makes one change of several.
func all(changes ...func(*bridge.Request)) func(*bridge.Request) {
	return func(r *bridge.Request) {
		for _, change := range changes {
			change(r)
		}
	}
}

// steps makes it one with these steps, the first of which waits.
func steps(kinds ...bridge.StepKind) func(*bridge.Request) {
	return func(r *bridge.Request) {
		r.Terms.Steps, r.Steps = kinds, nil
		for _, kind := range kinds {
			r.Steps = append(r.Steps, bridge.Step{Kind: kind, State: bridge.Waiting})
		}
		r.Payment.Checkout.For = kinds[0]
	}
}

// turn makes it one whose first step's turn has come.
func turn(r *bridge.Request) { r.Steps[0].Mark.At = noon }

// inactive makes it one whose developer's account is deactivated.
func inactive(r *bridge.Request) { r.Access.Inactive = noon }

// waived makes it one whose first step, a payment, a person has let go of.
func waived(why string) func(*bridge.Request) {
	return func(r *bridge.Request) {
		r.Waived = bridge.Mark{At: noon, By: bridge.Actor{Kind: bridge.ByPerson, Name: "anna"}, Why: why}
		r.Steps[0] = bridge.Step{Kind: bridge.Paying, State: bridge.Waived, Mark: r.Waived}
		r.Payment = bridge.Payment{}
	}
}

func ended(r *bridge.Request) {
	active(r)
	r.Ended, r.Access.Have = bridge.Mark{At: noon, Why: "the subscription has ended"}, bridge.Gone
	r.Payment.Have, r.Payment.Subscribed = bridge.PaymentEnded, false
}

func attention(r *bridge.Request) { r.Work.Attention, r.Work.Failures = true, 9 }

func suspended(r *bridge.Request) { active(r); r.Access.Have = bridge.Suspended }

const hostile = `<script>alert(1)</script>"' onload=x {{.Service}} javascript:alert(1)` + "\u202e\u05d0\u05d1\u05d2 &amp;"

// pagesOfRequests are the states of a developer's page.
var pagesOfRequests = map[string]func(*bridge.Request){
	"received": func(r *bridge.Request) {
		r.Access.Have, r.Terms, r.Steps, r.Payment = bridge.Unread, bridge.Terms{}, nil, bridge.Payment{}
	},
	"received-attention": func(r *bridge.Request) {
		r.Access.Have, r.Terms, r.Steps, r.Payment = bridge.Unread, bridge.Terms{}, nil, bridge.Payment{}
		attention(r)
	},
	"validating": steps(bridge.Validation, bridge.Review, bridge.Paying),
	"reviewing": all(steps(bridge.Review), func(r *bridge.Request) {
		r.Terms.Lines, r.Payment = nil, bridge.Payment{}
	}),
	"reviewing-held": all(steps(bridge.Paying, bridge.Review), func(r *bridge.Request) {
		r.Steps[0].State, r.Payment.Have, r.Payment.Checkout.State = bridge.Met, bridge.Held, bridge.CheckoutComplete
	}),
	"paying-preparing": func(r *bridge.Request) { r.Payment = bridge.Payment{} },
	"paying":           func(*bridge.Request) {},
	"paying-again":     func(r *bridge.Request) { r.Payment.Why = "the card was declined" },
	"paying-attention": attention,
	"paying-processing": func(r *bridge.Request) {
		r.Payment.Have, r.Payment.Checkout.State = bridge.Processing, bridge.CheckoutComplete
	},
	"approving":           approved,
	"approving-attention": all(approved, attention),
	"active":              active,
	"active-attention":    all(active, attention),
	"active-free":         all(active, func(r *bridge.Request) { r.Terms.Lines, r.Steps, r.Payment = nil, nil, bridge.Payment{} }),
	"active-once": all(active, func(r *bridge.Request) {
		r.Terms.Lines[0].Interval, r.Payment.PaidUntil = bridge.Interval{}, time.Time{}
	}),
	"active-trial":         all(active, func(r *bridge.Request) { r.Payment.Have, r.Payment.Collected = bridge.Trialing, bridge.Amount{} }),
	"active-part-returned": all(active, func(r *bridge.Request) { r.Payment.Returned = bridge.NewAmount(1000, "EUR") }),
	"active-unquoted": all(active, func(r *bridge.Request) {
		r.Terms.Lines, r.Payment = []bridge.Price{{Name: "Weather Pro", Lookup: "pro"}}, bridge.Payment{}
		r.Steps[0].State = bridge.Waived
	}),
	"overdue": all(active, func(r *bridge.Request) { r.Payment.Have, r.Payment.OverdueSince = bridge.Overdue, noon }),
	"suspended-overdue": all(suspended, func(r *bridge.Request) {
		r.Payment.Have, r.Payment.OverdueSince = bridge.Overdue, noon.AddDate(0, -1, 0)
	}),
	"suspended-disputed": all(suspended, func(r *bridge.Request) { r.Payment.Have = bridge.Disputed }),
	"suspended-refunded": all(suspended, func(r *bridge.Request) { r.Payment.Have, r.Payment.Returned = bridge.Refunded, r.Payment.Collected }),
	"suspended-portal":   all(suspended, func(r *bridge.Request) { r.Access.Stopped = bridge.Mark{At: noon} }),
	"ending-cancelled":   all(active, func(r *bridge.Request) { r.Payment.CancelsAt = noon.AddDate(0, 1, 0) }),
	"ending":             all(active, func(r *bridge.Request) { r.Ended = bridge.Mark{At: noon, Why: "the key was removed in the portal"} }),
	"ending-over": all(active, func(r *bridge.Request) {
		r.Payment.Have, r.Payment.PaidUntil = bridge.PaymentEnded, noon.Add(-time.Hour)
	}),
	"ending-at-cancel": all(active, func(r *bridge.Request) { r.Payment.CancelsAt, r.Payment.PaidUntil = noon.AddDate(0, 0, 3), time.Time{} }),
	"ended":            ended,
	"ended-by-person": all(ended, func(r *bridge.Request) {
		r.Ended.By, r.Ended.Why = bridge.Actor{Kind: bridge.ByPerson, Name: "paul"}, "a word for the house"
	}),
	"overdue-past-grace": all(active, func(r *bridge.Request) {
		r.Payment.Have, r.Payment.OverdueSince = bridge.Overdue, noon.AddDate(0, 0, -7)
	}),
	"untold-validating":    all(steps(bridge.Validation), turn, untold),
	"untold-reviewing":     all(steps(bridge.Review), untold, func(r *bridge.Request) { r.Terms.Lines, r.Payment = nil, bridge.Payment{} }),
	"untold-paying":        untold,
	"paying-nearly-late":   func(r *bridge.Request) { r.Steps[0].Mark.At, r.Terms.Patience = noon.Add(-time.Hour), 61*time.Minute },
	"paying-late":          func(r *bridge.Request) { r.Steps[0].Mark.At, r.Terms.Patience = noon.Add(-time.Hour), time.Hour },
	"inactive-pending":     inactive,
	"inactive-preparing":   all(inactive, attention, func(r *bridge.Request) { r.Payment = bridge.Payment{} }),
	"inactive-approving":   all(approved, inactive),
	"inactive-granted":     all(active, inactive),
	"inactive-suspended":   all(suspended, inactive),
	"inactive-declined":    all(declined(bridge.ByPerson, "not for resale"), inactive),
	"inactive-ended":       all(ended, inactive),
	"waived-by-person":     all(active, waived("paid by bank transfer in March")),
	"waived-reviewing":     all(steps(bridge.Paying, bridge.Review), waived("paid by bank transfer in March")),
	"waived-in-the-portal": all(active, waived(""), func(r *bridge.Request) { r.Waived = bridge.Mark{} }),
	"waived-but-held":      all(active, waived(""), func(r *bridge.Request) { r.Payment.Have = bridge.Held }),
	"active-anew": all(active, func(r *bridge.Request) {
		r.Refs = []bridge.Ref{{System: "main", Kind: bridge.RefRequest, ID: "12"}}
	}),
	"declining":           all(declined(bridge.ByPerson, "not for resale"), func(r *bridge.Request) { r.Access.Have = bridge.Pending }),
	"declining-attention": all(declined(bridge.ByPerson, ""), attention, func(r *bridge.Request) { r.Access.Have = bridge.Pending }),
	"declined-person":     declined(bridge.ByPerson, "not for resale"),
	"declined-no-reason":  declined(bridge.ByPerson, ""),
	"declined-clock":      declined(bridge.ByClock, "the time for the payment is over"),
	"declined-portal":     declined(bridge.ByPortal, "withdrawn in the portal"),
	"declined-developer":  declined(bridge.ByDeveloper, "withdrawn by the developer"),
	"declined-returned": all(declined(bridge.ByPerson, "not for resale"), func(r *bridge.Request) {
		r.Payment.Have, r.Payment.Collected, r.Payment.Returned = bridge.Refunded, bridge.NewAmount(4900, "EUR"), bridge.NewAmount(4900, "EUR")
	}),
	"portal-unknown": func(r *bridge.Request) { r.Portal = "gone" },
	"hostile": all(declined(bridge.ByPerson, hostile), func(r *bridge.Request) {
		r.Terms.Plan, r.Terms.Lines[0].Name = hostile, hostile
		r.Arrival.Return = "javascript:alert(1)"
	}),
	"hostile-checkout": func(r *bridge.Request) { r.Payment.Checkout.URL, r.Payment.Why = "javascript:alert(1)", hostile },
	"long": all(declined(bridge.ByPerson, strings.Repeat("word", 2500)), func(r *bridge.Request) {
		r.Terms.Plan = strings.Repeat("Wetterdienst", 40)
	}),
}

func TestThePageOfARequestInEveryState(t *testing.T) {
	g := newGallery(t, quietPortal)
	seen := map[bridge.State]bool{}
	for name, change := range pagesOfRequests {
		t.Run(name, func(t *testing.T) {
			r := asked()
			change(&r)
			seen[r.State()] = true
			page := g.get(g.put(func(p *bridge.Request) { p.Key = "key-" + name; change(p) }))
			golden(t, name, http.StatusOK, page)
		})
	}
	for _, state := range bridge.States {
		if !seen[state] {
			t.Errorf("no page was shown in the state %q", state)
		}
	}
}

func TestThePageOfAnActiveRequestSaysWhereTheKeyIs(t *testing.T) {
	for _, delivery := range bridge.Deliveries {
		portal := quietPortal
		portal.Delivery = delivery
		g := newGallery(t, portal)
		golden(t, "active-"+string(delivery), http.StatusOK, g.get(g.put(all(active, func(r *bridge.Request) { r.Applicant.App = "" }))))
	}
}

// An app is named to the applicant and to nobody else: to whoever comes by a link in
// their mail, with the pass that came of it, or by the portal's signature.
func TestThePageNamesAnAppToItsOwnerOnly(t *testing.T) {
	portal := quietPortal
	portal.Delivery = bridge.ShowsKey
	g := newGallery(t, portal)
	for name, test := range map[string]struct {
		is    func(*bridge.Request)
		known bool
		way   func(page, mailed string) *http.Response
	}{
		"app-signed": {active, true, func(page, _ string) *http.Response { return g.get(page) }},
		"app-untold": {all(active, untold), false, func(page, _ string) *http.Response { return g.get(page) }},
		"app-mailed": {all(active, untold), true, func(_, mailed string) *http.Response { return g.get(mailed) }},
		"app-passed": {all(active, bare), true, func(page, mailed string) *http.Response {
			return g.send("GET", page, with(g.get(mailed)))
		}},
		"app-hostile": {all(active, waived(hostile), func(r *bridge.Request) { r.Applicant.App = hostile + somebody.App }), true, func(_, mailed string) *http.Response {
			return g.get(mailed)
		}},
		"app-paying-untold": {untold, false, func(page, _ string) *http.Response { return g.get(page) }},
		"app-paying-mailed": {untold, true, func(_, mailed string) *http.Response { return g.get(mailed) }},
	} {
		page := g.put(all(test.is, func(r *bridge.Request) { r.Key = name }))
		got := test.way(page, g.mailed(name, noon))
		raw, _ := io.ReadAll(got.Body)
		got.Body = io.NopCloser(bytes.NewReader(raw))
		golden(t, name, http.StatusOK, got)
		if names := bytes.Contains(raw, []byte(somebody.App)); names != test.known {
			t.Errorf("%s: the page names the app: %t", name, names)
		}
	}
}

func TestNothingIsAskedOfADeactivatedAccount(t *testing.T) {
	g := newGallery(t, quietPortal)
	page := g.put(inactive)
	for path, want := range map[string]string{"?go=1": "", "/return?try=8": page} {
		got := g.get(page + path)
		if got.Header.Get("Location") != want {
			t.Errorf("%s is sent to %q", path, got.Header.Get("Location"))
		}
	}
}

func TestAPageThatWaitsCanBeHeldStill(t *testing.T) {
	g := newGallery(t, quietPortal)
	path := g.put(approved)
	golden(t, "still", http.StatusOK, g.get(path+"?still=1"))
	golden(t, "later", http.StatusOK, g.get(path+"?go=1&try=12"))
}

func TestTheLandingPageChecks(t *testing.T) {
	g := newGallery(t, quietPortal)
	golden(t, "checking", http.StatusOK, g.get(g.put(opened)+"/return"))
	golden(t, "checking-card", http.StatusOK, g.get(g.put(all(steps(bridge.Validation), opened, func(r *bridge.Request) { r.Key = "k2" }))+"/return?try=3"))
	slow := all(opened, func(r *bridge.Request) { r.Key, r.Work.Failures = "k3", 2 })
	golden(t, "checking-slow", http.StatusOK, g.get(g.put(slow)+"/return?try=30&still=1"))
}

// opened makes it one whose open checkout sends browsers back to its page.
func opened(r *bridge.Request) {
	r.Work.Attempts = map[bridge.ActionKind]bridge.Attempt{bridge.OpenCheckout: {N: 1, Begun: noon}}
}

var quietPortal = web.Portal{Title: "portal.example", Home: "https://portal.example/portal/keys"}

var hashes = regexp.MustCompile(`\.[0-9a-f]{12}\.`)

// golden compares a page with the one in testdata, and checks what holds for every
// page.
func golden(t *testing.T, name string, status int, page *http.Response) {
	t.Helper()
	raw, err := io.ReadAll(page.Body)
	if err != nil {
		t.Fatal(err)
	}
	if page.StatusCode != status {
		t.Errorf("%s: status %d, want %d", name, page.StatusCode, status)
	}
	sound(t, page.Header, string(raw))
	got := hashes.ReplaceAllString(string(raw), ".HASH.")
	file := filepath.Join("testdata", name+".html")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s is not as it was (-was +is):\n%s", file, diff)
	}
}
