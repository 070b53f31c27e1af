package api_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"keybridge/bridge"
	"keybridge/bridge/web/api"
	"keybridge/store/bolt"
)

// The clock of these tests.
var noon = time.Date(2026, time.March, 14, 12, 0, 0, 0, time.UTC)

// The people of the house, by the token that is theirs.
var people = map[string]bridge.Person{
	"kbt_viewer":   {Name: "vera", Role: bridge.Viewer},
	"kbt_reviewer": {Name: "rosa", Role: bridge.Reviewer},
	"kbt_approver": {Name: "anna", Role: bridge.Approver, Email: "anna@house.example"},
	"kbt_second":   {Name: "otto", Role: bridge.Approver},
	"kbt_admin":    {Name: "adam", Role: bridge.Admin},
	"kbt_other":    {Name: "olga", Role: bridge.Admin, Portals: []string{"other"}},
}

// house is an API over a real service on a real store, in which records are put by hand. No
// worker runs, so they stay as they are.
type house struct {
	*api.API
	t       testing.TB
	store   *bolt.Store
	service *bridge.Service
	portal  *farPortal
	log     *logbook
	cfg     api.Config

	mu      sync.Mutex
	next    bridge.ID // of the next request
	clock   time.Time
	asked   int // how often whose a token is was asked
	broken  error
	entries []bridge.Entry
	refused []refusal
	alter   func([]bridge.Entry) []bridge.Entry
	run     begun // of reconciling, that somebody has begun
}

// altered is a store from whose history somebody with access to the file has taken what
// is theirs.
type altered struct {
	*bolt.Store
	h *house
}

func (a altered) History(ctx context.Context, id bridge.ID) ([]bridge.Entry, error) {
	entries, err := a.Store.History(ctx, id)
	if a.h.alter != nil {
		entries = a.h.alter(entries)
	}
	return entries, err
}

// refusal is what the desk told of.
type refusal struct {
	Who  string
	What bridge.Operation
	ID   bridge.ID
}

// newHouse returns a house whose configuration a test may change first.
func newHouse(t testing.TB, change ...func(*api.Config)) *house {
	t.Helper()
	h := &house{t: t, clock: noon, log: &logbook{}, portal: &farPortal{}}
	var err error
	if h.store, err = bolt.Open(bolt.Config{Path: filepath.Join(t.TempDir(), "keybridge.db"), Now: h.now, InitialMmapSize: 1 << 20}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.store.Close() })
	h.service, err = bridge.New(bridge.Config{
		Store: altered{h.store, h}, Portals: map[string]bridge.Site{"main": {Portal: h.portal}, "other": {Portal: h.portal}}, Now: h.now,
		NewID: h.newID, Settle: 1, // nothing counts as under way
		Page: func(id bridge.ID, _ time.Time) string { return "https://bridge.example/r/" + string(id) },
		Refused: func(p bridge.Person, what bridge.Operation, id bridge.ID) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.refused = append(h.refused, refusal{p.Name, what, id})
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	h.cfg = api.Config{
		Service: h.service, Who: h.who, Papers: h.store, Now: h.now, House: h.store.House, Plans: plans,
		Portals: map[string]api.Portal{"main": {Title: "portal.example"}, "other": {Title: "Other portal"}},
		People:  func(context.Context) ([]string, error) { return []string{"anna", "otto", "rosa"}, nil },
		Record: func(_ context.Context, e bridge.Entry) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.entries = append(h.entries, e)
		},
		Log: slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	h.remake(change...)
	return h
}

// remake makes the API anew with another configuration.
func (h *house) remake(change ...func(*api.Config)) {
	h.t.Helper()
	for _, fn := range change {
		fn(&h.cfg)
	}
	var err error
	if h.API, err = api.New(h.cfg); err != nil {
		h.t.Fatal(err)
	}
}

// plans are what can be asked for in the portals.
var plans = bridge.Plans{
	{Name: "Weather Pro", Portal: "main", Policies: []string{"pro"}, Terms: bridge.Terms{
		Plan: "Weather Pro", Steps: []bridge.StepKind{bridge.Review, bridge.Paying}, Second: bridge.NewAmount(10000, "EUR"),
		Lines: []bridge.Price{{Amount: bridge.NewAmount(4900, "EUR"), Interval: bridge.Interval{Unit: "month"}}},
	}},
	{Name: "Weather Free", Portal: "other", Policies: []string{"free"}},
}

// newID is the next id, and another one after that.
func (h *house) newID() bridge.ID {
	h.mu.Lock()
	defer h.mu.Unlock()
	id := h.next
	h.next = idOf(string(id), noon)
	return id
}

func (h *house) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.clock
}

// pass lets time go by.
func (h *house) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clock = h.clock.Add(d)
}

func (h *house) who(_ context.Context, token string) (bridge.Person, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked++
	if h.broken != nil {
		return bridge.Person{}, h.broken
	}
	p, ok := people[token]
	if !ok {
		return p, &bridge.Error{Kind: bridge.Refused, Msg: "This token opens nothing."}
	}
	return p, nil
}

// told returns what the desk has told of, and begins anew.
func (h *house) told() []refusal {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := h.refused
	h.refused = nil
	return all
}

// recorded returns the house's own entries so far, and begins anew.
func (h *house) recorded() []bridge.Entry {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := h.entries
	h.entries = nil
	return all
}

// logbook is a log that can be read while it is written.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// idOf makes an id that is the same in every run.
func idOf(key string, at time.Time) bridge.ID {
	sum := sha256.Sum256([]byte(key))
	return bridge.ID(ulid.MustNew(ulid.Timestamp(at), bytes.NewReader(sum[:])).String())
}

// put stores a record and returns its id. It waits for a review, and then for a payment.
func (h *house) put(key string, changes ...func(*bridge.Request)) bridge.ID {
	h.t.Helper()
	r := bridge.Request{
		Portal: "main", Created: noon.Add(-26 * time.Hour),
		Applicant: bridge.Applicant{ID: "dev-7", Email: "dana@applicant.example", Name: "Dana Doe", Organisation: "Doe Weather Ltd", App: "Rainradar"},
		Asked: bridge.Asked{
			Policies: []string{"pro"}, Entry: "Weather API", At: noon.Add(-26 * time.Hour), Reasons: map[string]string{"Purpose": "A rain radar for cyclists."},
		},
		Arrival: bridge.Arrival{Trust: bridge.Signed, At: noon.Add(-26 * time.Hour)},
		Terms: bridge.Terms{
			Plan: "Weather Pro", Provider: "stripe", Steps: []bridge.StepKind{bridge.Review, bridge.Paying}, Tell: bridge.MessageKinds,
			Lines: []bridge.Price{{Name: "Weather Pro", Amount: bridge.NewAmount(4900, "EUR"), Interval: bridge.Interval{Unit: "month"}}},
		},
		Steps:   []bridge.Step{{Kind: bridge.Review, State: bridge.Waiting, Mark: bridge.Mark{At: noon.Add(-26 * time.Hour)}}, {Kind: bridge.Paying, State: bridge.Waiting}},
		Verdict: bridge.Verdict{Outcome: bridge.Open}, Access: bridge.Access{Have: bridge.Pending},
	}
	for _, change := range changes {
		change(&r)
	}
	r.Key, r.ID = key, idOf(key, r.Created)
	for i := range r.Refs {
		r.Refs[i].ID += key
	}
	h.next = r.ID
	intake := h.service.Intake(r.Portal, key)
	r.Head = intake.Head
	intake.Request = r
	before := h.now()
	h.pass(r.Created.Sub(before)) // the store keeps its own time
	defer h.pass(before.Sub(r.Created))
	_, err := h.store.Accept(h.t.Context(), bridge.Hint{Source: "test", At: r.Created, Portal: r.Portal, Key: key, Intake: intake}, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return r.ID
}

func (h *house) get(id bridge.ID) bridge.Request {
	h.t.Helper()
	r, err := h.store.Get(h.t.Context(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

// What a record may be beside what put makes of it.

func otherPortal(r *bridge.Request) { r.Portal = "other" }

func paying(r *bridge.Request) { r.Steps[0].State = bridge.Met }

func above(r *bridge.Request) { r.Terms.Second = bridge.NewAmount(100, "EUR") }

func paid(r *bridge.Request) {
	r.Steps[0].State, r.Steps[1].State = bridge.Met, bridge.Met
	r.Verdict = bridge.Verdict{Outcome: bridge.Approve, Mark: bridge.Mark{At: noon.Add(-time.Hour), By: bridge.Actor{Kind: bridge.ByPerson, Name: "rosa"}}}
	r.Access = bridge.Access{Have: bridge.Granted, Granted: noon.Add(-time.Hour)}
	r.Payment = bridge.Payment{Have: bridge.Paid, Collected: bridge.NewAmount(4900, "EUR"), Returned: bridge.NewAmount(0, "EUR"), Subscribed: true, PaidUntil: noon.AddDate(0, 1, 0)}
	r.Refs = []bridge.Ref{{System: "stripe", Kind: bridge.RefSubscription, ID: "sub_"}}
}

// farPortal is a portal that exists in memory, as far as making, reading and listing key
// requests goes.
type farPortal struct {
	bridge.Portal
	mu    sync.Mutex
	made  []bridge.Asking
	fails error
	// waits are what it lists, once hold, where there is one, is closed.
	waits []string
	hold  chan struct{}
}

func (f *farPortal) Create(_ context.Context, a bridge.Asking) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fails != nil {
		return "", f.fails
	}
	f.made = append(f.made, a)
	return fmt.Sprintf("made-%d", len(f.made)), nil
}

func (f *farPortal) Read(context.Context, string, bridge.Access) (bridge.KeyRequest, error) {
	return bridge.KeyRequest{State: bridge.Pending}, nil
}

func (f *farPortal) ListPending(ctx context.Context, yield func(string) error) error {
	if f.hold != nil {
		select {
		case <-f.hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for _, key := range f.waits {
		if err := yield(key); err != nil {
			return err
		}
	}
	return nil
}

// call is what a program sends.
type call struct {
	method, path, token, body string
	query                     string // as it is, after the path
	header                    http.Header
	odd                       bool // it may be done though it is not described: it has an empty parameter, say
}

// with adds a header.
func (c call) with(name, value string) call {
	c.header = c.header.Clone()
	if c.header == nil {
		c.header = http.Header{}
	}
	c.header.Add(name, value)
	return c
}

// get and post are calls of people, by what their tokens are called.
func get(who, path string) call { return call{method: http.MethodGet, path: path, token: "kbt_" + who} }

func post(who, path, body string) call {
	return call{method: http.MethodPost, path: path, token: "kbt_" + who, body: body}
}

// request is the call as it comes in.
func (c call) request(ctx context.Context) *http.Request {
	r := httptest.NewRequestWithContext(ctx, c.method, api.Base+c.path, strings.NewReader(c.body))
	r.RemoteAddr = "192.0.2.7:4711"
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	if c.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.query != "" {
		r.URL.RawQuery = c.query
	}
	for name, values := range c.header {
		r.Header[name] = values
	}
	return r
}

// answer is what came back.
type answer struct {
	t      testing.TB
	status int
	header http.Header
	body   []byte
}

// send sends a call. Every answer is held against the description.
func (h *house) send(c call) answer {
	h.t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, c.request(h.t.Context()))
	body, err := io.ReadAll(w.Result().Body)
	if err != nil {
		h.t.Fatal(err)
	}
	a := answer{h.t, w.Code, w.Result().Header, body}
	a.described(c)
	return a
}

// want sends a call and fails the test unless it is answered with a status.
func (h *house) want(status int, c call) answer {
	h.t.Helper()
	a := h.send(c)
	if a.status != status {
		h.t.Fatalf("%s %s is answered %d %s, want %d", c.method, c.path, a.status, a.body, status)
	}
	return a
}

// into reads the body of an answer.
func (a answer) into(v any) {
	a.t.Helper()
	if err := json.Unmarshal(a.body, v); err != nil {
		a.t.Fatalf("%v: %s", err, a.body)
	}
}

// problem is a problem document.
type problem struct {
	Type, Title, Detail, Instance string
	Status                        int
	Errors                        []struct{ In, Name, Detail string }
}

func (a answer) problem() (p problem) {
	a.t.Helper()
	a.into(&p)
	return p
}

// faults are the names of what a problem says is wrong.
func (a answer) faults() (all []string) {
	a.t.Helper()
	for _, e := range a.problem().Errors {
		all = append(all, e.In+" "+e.Name)
	}
	return all
}

// etag is a request's.
func (h *house) etag(id bridge.ID) string { return `"` + h.get(id).Edition() + `"` }

// of is the path of a request.
func of(id bridge.ID) string { return "/requests/" + string(id) }

// replaced is a body in which one id stands for another.
func replaced(body []byte, old, id bridge.ID) string {
	return strings.ReplaceAll(string(body), string(old), string(id))
}
