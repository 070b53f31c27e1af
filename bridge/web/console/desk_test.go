package console_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"keybridge/bridge"
	"keybridge/bridge/export"
	"keybridge/bridge/web/console"
	"keybridge/store/bolt"
)

// The clock of the pages.
var noon = time.Date(2026, time.March, 14, 12, 0, 0, 0, time.UTC)

// The people of the house, by the session that is theirs.
var people = map[string]bridge.Person{
	"viewer":   {Name: "vera", Role: bridge.Viewer},
	"reviewer": {Name: "rosa", Role: bridge.Reviewer},
	"approver": {Name: "anna", Role: bridge.Approver, Email: "anna@house.example"},
	"second":   {Name: "otto", Role: bridge.Approver},
	"admin":    {Name: "adam", Role: bridge.Admin},
	"other":    {Name: "olga", Role: bridge.Admin, Portals: []string{"other"}},
}

// office is a console over a real service on a real store, in which records are put by
// hand. No worker runs, so they stay as they are.
type office struct {
	*console.Console
	t       *testing.T
	store   *bolt.Store
	next    bridge.ID // of the next request
	service *bridge.Service
	log     *logbook
	closed  bool // nobody is signed in any more
	alter   func([]bridge.Entry) []bridge.Entry
	gate    func() // holds up every page of a list but the first

	mu       sync.Mutex
	clock    time.Time
	attempts []console.Attempt
	ended    []string // sessions
	gone     []string // people signed out everywhere
	entries  []bridge.Entry
	refused  []string
}

// newOffice returns an office whose configuration a test may change first.
func newOffice(t *testing.T, change ...func(*console.Config)) *office {
	t.Helper()
	o := &office{t: t, clock: noon, log: &logbook{}}
	var err error
	if o.store, err = bolt.Open(bolt.Config{Path: filepath.Join(t.TempDir(), "keybridge.db"), Now: o.now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.store.Close() })
	o.service, err = bridge.New(bridge.Config{
		Store: altered{o.store, o}, Portals: map[string]bridge.Site{"main": {}, "other": {}}, NewID: func() bridge.ID { return o.next }, Now: o.now,
		Page: func(id bridge.ID, _ time.Time) string { return "https://bridge.example/r/" + string(id) },
		Refused: func(p bridge.Person, what bridge.Operation, _ bridge.ID) {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.refused = append(o.refused, fmt.Sprintf("%s may not %s", p.Name, what))
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg := console.Config{
		Service: o.service, SignIn: o.signIn, Who: o.who, Name: "Weather keys", Now: o.now,
		SignOut: func(_ context.Context, token string) error {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.ended = append(o.ended, token)
			return nil
		},
		SignOutEverywhere: func(_ context.Context, name string) error {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.gone = append(o.gone, name)
			return nil
		},
		People: func(context.Context) ([]string, error) { return []string{"anna", "otto", "rosa"}, nil },
		Record: func(_ context.Context, e bridge.Entry) {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.entries = append(o.entries, e)
		},
		Portals: map[string]console.Portal{
			"main": {Title: "portal.example", Plans: []string{"Weather Pro", "Weather Free"}}, "other": {Title: "Other portal", Plans: []string{"Weather Pro"}},
		},
		Shelf: o.shelf(), Views: o.store,
		Links: func(ref bridge.Ref) string {
			if ref.System != "stripe" {
				return ""
			}
			return "https://stripe.example/" + string(ref.Kind) + "/" + url.PathEscape(ref.ID)
		},
		Log: slog.New(slog.NewTextHandler(o.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, fn := range change {
		fn(&cfg)
	}
	if o.Console, err = console.New(cfg); err != nil {
		t.Fatal(err)
	}
	return o
}

// shelf returns where lists are taken away as files.
func (o *office) shelf() *export.Shelf {
	o.t.Helper()
	n := 0
	shelf, err := export.New(export.Config{
		Folder: filepath.Join(o.t.TempDir(), "exports"), Count: o.store.Count, Now: o.now,
		NewID: func() string { n++; return fmt.Sprintf("FILE%d", n) },
		Record: func(_ context.Context, e bridge.Entry) {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.entries = append(o.entries, e)
		},
	})
	if err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(func() { _ = shelf.Close() })
	return shelf
}

// altered is a store from whose history somebody with access to the file has taken what
// is theirs.
type altered struct {
	*bolt.Store
	o *office
}

func (a altered) History(ctx context.Context, id bridge.ID) ([]bridge.Entry, error) {
	entries, err := a.Store.History(ctx, id)
	if a.o.alter != nil {
		entries = a.o.alter(entries)
	}
	return entries, err
}

func (a altered) List(ctx context.Context, f bridge.Filter) (bridge.Page, error) {
	if a.o.gate != nil && f.After != "" {
		a.o.gate()
	}
	return a.Store.List(ctx, f)
}

func (o *office) now() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.clock
}

func (o *office) set(now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.clock = now
}

const password = "a password that is nowhere shown"

// signIn knows the people by one password. Otto has a second factor, and so has Adam, for
// whose password something stands meanwhile.
func (o *office) signIn(_ context.Context, a console.Attempt) (string, time.Time, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.attempts = append(o.attempts, a)
	if len(o.attempts) > 5 {
		return "", time.Time{}, &bridge.Error{Kind: bridge.Limited, Msg: "Too many tries.", RetryAfter: 90500 * time.Millisecond}
	}
	for session, p := range people {
		switch {
		case a.Half == "half of adam" && a.Code == "123456" && p.Name == "adam":
			return session, noon.Add(8 * time.Hour), nil
		case p.Name != a.Name || a.Password != password:
		case p.Name == "adam":
			return "", time.Time{}, fmt.Errorf("sign in: %w", console.CodeNeededError{Half: "half of adam"})
		case p.Name == "otto" && a.Code == "":
			return "", time.Time{}, fmt.Errorf("sign in: %w", console.ErrCode)
		default:
			return session, noon.Add(8 * time.Hour), nil
		}
	}
	return "", time.Time{}, &bridge.Error{Kind: bridge.Refused, Msg: "The name or the password is not right."}
}

func (o *office) who(_ context.Context, token string) (bridge.Person, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	p, ok := people[token]
	if !ok || o.closed {
		return p, &bridge.Error{Kind: bridge.Refused, Msg: "no such session"}
	}
	return p, nil
}

// close ends every session.
func (o *office) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
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

// put stores a record and returns its id.
func (o *office) put(key string, changes ...func(*bridge.Request)) bridge.ID {
	o.t.Helper()
	r := asked()
	for _, change := range changes {
		change(&r)
	}
	r.Key, r.ID = key, idOf(key, r.Created)
	if r.Portal == "" {
		r.Portal = "main"
	}
	for i := range r.Refs {
		r.Refs[i].ID += "-" + key
	}
	o.next = r.ID
	before := o.now()
	o.set(r.Created) // the store keeps its own time
	defer o.set(before)
	intake := o.service.Intake(r.Portal, key)
	r.Head = intake.Head
	intake.Request = r
	_, err := o.store.Accept(o.t.Context(), bridge.Hint{Source: "test", At: r.Created, Portal: r.Portal, Key: key, Intake: intake}, nil)
	if err != nil {
		o.t.Fatal(err)
	}
	return r.ID
}

func (o *office) get(id bridge.ID) bridge.Request {
	o.t.Helper()
	r, err := o.service.Get(o.t.Context(), id)
	if err != nil {
		o.t.Fatal(err)
	}
	return r
}

// asked is a request whose review waits for a person.
func asked() bridge.Request {
	return bridge.Request{
		Created: noon.Add(-26 * time.Hour),
		Applicant: bridge.Applicant{
			ID: "dev-7", Email: "dana@applicant.example", Name: "Dana Doe", Organisation: "Doe Weather Ltd", App: "Rainradar",
		},
		Asked: bridge.Asked{
			Policies: []string{"5f7c1e0a8d3b2c0001a4e9d1"}, Entry: "Weather API", At: noon.Add(-26 * time.Hour),
			Reasons: map[string]string{"Purpose": "A rain radar for cyclists.", "Volume": "10,000 calls a day"},
		},
		Arrival: bridge.Arrival{Trust: bridge.Signed, At: noon.Add(-26 * time.Hour)},
		Terms: bridge.Terms{
			Plan: "Weather Pro", Provider: "stripe", Steps: []bridge.StepKind{bridge.Review, bridge.Paying}, Grace: 7 * 24 * time.Hour,
			Lines: []bridge.Price{{Name: "Weather Pro", Amount: bridge.NewAmount(4900, "EUR"), Interval: bridge.Interval{Unit: "month"}}},
			Tell:  bridge.MessageKinds,
		},
		Steps: []bridge.Step{
			{Kind: bridge.Review, State: bridge.Waiting, Mark: bridge.Mark{At: noon.Add(-26 * time.Hour)}},
			{Kind: bridge.Paying, State: bridge.Waiting},
		},
		Verdict: bridge.Verdict{Outcome: bridge.Open},
		Access:  bridge.Access{Have: bridge.Pending},
	}
}

// visitor is a browser with a session.
type visitor struct {
	o       *office
	session string
}

func (o *office) as(session string) visitor { return visitor{o, session} }

func (v visitor) get(path string) *http.Response { return v.send(http.MethodGet, path, nil, nil) }

// post sends a form as a page of ours would.
func (v visitor) post(path string, form url.Values) *http.Response {
	return v.send(http.MethodPost, path, form, http.Header{"Sec-Fetch-Site": {"same-origin"}})
}

func (v visitor) send(method, path string, form url.Values, header http.Header) *http.Response {
	v.o.t.Helper()
	req := httptest.NewRequest(method, "https://bridge.example"+path, strings.NewReader(form.Encode()))
	for name, values := range header {
		req.Header[name] = values
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if v.session != "" {
		req.AddCookie(&http.Cookie{Name: "keybridge-console", Value: v.session})
	}
	w := httptest.NewRecorder()
	v.o.ServeHTTP(w, req)
	return w.Result()
}

func textOf(t *testing.T, got *http.Response) string {
	t.Helper()
	raw, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	got.Body = io.NopCloser(bytes.NewReader(raw))
	return string(raw)
}

// seenOn is the name of the consequences that a page shows.
func seenOn(t *testing.T, page *http.Response) string {
	t.Helper()
	_, after, ok := strings.Cut(textOf(t, page), `name="seen" value="`)
	if !ok {
		t.Fatalf("the page (%d) asks for no confirmation", page.StatusCode)
	}
	seen, _, _ := strings.Cut(after, `"`)
	return seen
}
