package outgoing

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
	"keybridge/store/bolt"
)

// secretOf makes a secret.
func secretOf(fill byte) string {
	return secretPrefix + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{fill}, 32))
}

// got is a message that a receiver got.
type got struct {
	ID   string
	At   time.Time // webhook-timestamp
	Body string
	Type Type
	head http.Header
}

// receiver is an endpoint: it verifies what comes with the library that receivers use,
// and answers as it is told.
type receiver struct {
	t       testing.TB
	url     string
	secret  string
	answer  func(w http.ResponseWriter, r *http.Request, n int) // n counts from 1; nil: 204
	arrived chan struct{}

	mu  sync.Mutex
	all []got
}

func newReceiver(t testing.TB, answer func(w http.ResponseWriter, r *http.Request, n int)) *receiver {
	r := &receiver{t: t, secret: secretOf(1), answer: answer, arrived: make(chan struct{}, 10_000)}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.url = server.URL + "/hook"
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		r.t.Error(err)
	}
	verifier, err := standardwebhooks.NewWebhook(r.secret)
	if err != nil {
		r.t.Error(err)
		return
	}
	if err := verifier.Verify(body, request.Header); err != nil {
		r.t.Errorf("the receiver refuses a message: %v", err)
	}
	var p Payload
	if err := json.Unmarshal(body, &p); err != nil {
		r.t.Error(err)
	}
	at, err := strconv.ParseInt(request.Header.Get("webhook-timestamp"), 10, 64)
	if err != nil {
		r.t.Error(err)
	}
	r.mu.Lock()
	r.all = append(r.all, got{request.Header.Get("webhook-id"), time.Unix(at, 0), string(body), p.Type, request.Header.Clone()})
	n := len(r.all)
	r.mu.Unlock()
	defer func() { r.arrived <- struct{}{} }()
	if r.answer == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	r.answer(w, request, n)
}

// answers says each status in turn, and the last one from then on.
func answers(statuses ...int) func(http.ResponseWriter, *http.Request, int) {
	return func(w http.ResponseWriter, _ *http.Request, n int) {
		w.WriteHeader(statuses[min(n, len(statuses))-1])
	}
}

func (r *receiver) got() []got {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all)
}

// wait waits until n messages were answered since the last wait.
func (r *receiver) wait(n int) {
	r.t.Helper()
	for range n {
		select {
		case <-r.arrived:
		case <-time.After(30 * time.Second):
			r.t.Fatalf("%d messages came", len(r.got()))
		}
	}
}

func (r *receiver) ids() (ids []string) {
	for _, g := range r.got() {
		ids = append(ids, g.ID)
	}
	return ids
}

func (r *receiver) types() (types []Type) {
	for _, g := range r.got() {
		types = append(types, g.Type)
	}
	return types
}

// endpoint is the receiver as it is configured.
func (r *receiver) endpoint(name string, types ...string) Endpoint {
	return Endpoint{Name: name, URL: r.url, Secrets: []string{r.secret}, Types: types}
}

// world is a real store and what happens in it.
type world struct {
	testing.TB
	path  string
	store *bolt.Store
	now   func() time.Time
	log   *safeBuffer
}

func newWorld(t testing.TB) *world {
	w := &world{TB: t, path: filepath.Join(t.TempDir(), "keybridge.db"), now: time.Now, log: &safeBuffer{}}
	w.open()
	t.Cleanup(func() { _ = w.store.Close() })
	return w
}

func (w *world) open() {
	w.Helper()
	store, err := bolt.Open(bolt.Config{Path: w.path, Now: func() time.Time { return w.now() }})
	if err != nil {
		w.Fatal(err)
	}
	w.store = store
}

func idOf(n int) bridge.ID { return bridge.ID(fmt.Sprintf("01J%023d", n)) }

// intake makes the n-th request known, and unread.
func (w *world) intake(n int) {
	w.Helper()
	c := &bridge.Change{Request: bridge.Request{
		ID: idOf(n), Portal: "main", Key: fmt.Sprintf("key-%d", n), Verdict: bridge.Verdict{Outcome: bridge.Open},
	}}
	if _, err := w.store.Accept(w.Context(), bridge.Hint{Source: "test", Portal: "main", Key: c.Key, Intake: c}, nil); err != nil {
		w.Fatal(err)
	}
}

func key(state bridge.AccessState) *bridge.KeyRequest {
	return &bridge.KeyRequest{
		State:     state,
		Applicant: bridge.Applicant{ID: "dev-1", Email: "ann@example.org", Name: "Ann Example", Organisation: "Example Ltd", App: "Weather"},
		Asked:     bridge.Asked{Policies: []string{"gold"}, Reasons: map[string]string{"why": "to try it"}},
	}
}

func terms() bridge.Terms {
	return bridge.Terms{Plan: "Gold", Provider: "stripe", Steps: []bridge.StepKind{bridge.Paying}, Lines: []bridge.Price{
		{Name: "Gold", Amount: bridge.NewAmount(4900, "eur"), Interval: bridge.Interval{Unit: "month"}},
	}}
}

func (w *world) update(n int, fn func(*bridge.Change)) {
	w.Helper()
	if _, err := w.store.Update(w.Context(), idOf(n), func(c *bridge.Change) error { fn(c); return nil }); err != nil {
		w.Fatal(err)
	}
}

// read has the n-th request read for the first time: it is received, and its turn to
// pay comes.
func (w *world) read(n int) {
	w.Helper()
	w.intake(n)
	w.update(n, func(c *bridge.Change) {
		c.TakeIn(*key(bridge.Pending), terms(), w.now())
		c.Observe(bridge.Facts{Key: key(bridge.Pending)}, w.now())
	})
}

// tick adds one entry to the n-th request's history that is a message: its checkout is
// opened, or, when it is, has expired.
func (w *world) tick(n int) {
	w.Helper()
	w.update(n, func(c *bridge.Change) {
		state := bridge.CheckoutOpen
		if c.Payment.Checkout.State == state {
			state = bridge.CheckoutExpired
		}
		c.Observe(bridge.Facts{Money: &bridge.Money{State: bridge.NoPayment, Checkout: bridge.Checkout{ID: "cs_1", State: state}}}, w.now())
	})
}

// see has facts of the n-th request observed.
func (w *world) see(n int, f bridge.Facts) {
	w.Helper()
	w.update(n, func(c *bridge.Change) { c.Observe(f, w.now()) })
}

func (w *world) history(n int) []bridge.Entry {
	w.Helper()
	entries, err := w.store.History(w.Context(), idOf(n))
	if err != nil {
		w.Fatal(err)
	}
	return entries
}

// told are the ids and types of the messages that the n-th request's history makes.
func (w *world) told(n int) (ids []string, types []Type) {
	w.Helper()
	for _, e := range w.history(n) {
		if t, ok := TypeOf(e); ok {
			ids, types = append(ids, messageID(e)), append(types, t)
		}
	}
	return ids, types
}

// first is the id of the message that the n-th request's first entry makes.
func (w *world) first(n int) string {
	w.Helper()
	return messageID(w.history(n)[0])
}

func (w *world) sender(cfg Config, endpoints ...Endpoint) *Sender {
	w.Helper()
	if cfg.Store == nil {
		cfg.Store = w.store
	}
	cfg.Endpoints = endpoints
	cfg.Log = slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s, err := New(cfg)
	if err != nil {
		w.Fatal(err)
	}
	for _, standing := range s.Endpoints(w.Context()) { // so that what happens from now on is told
		if strings.HasPrefix(standing.Why, "the store") {
			w.Fatal(standing.Why)
		}
	}
	return s
}

// run runs a sender until stop is called or the test ends.
func (w *world) run(s *Sender) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { s.Run(ctx) })
	stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
	})
	w.Cleanup(stop)
	return stop
}

// one returns how the only endpoint is.
func (w *world) one(s *Sender) Standing {
	w.Helper()
	all := s.Endpoints(w.Context())
	if len(all) != 1 {
		w.Fatalf("%+v", all)
	}
	return all[0]
}

// until waits until how the only endpoint is satisfies ok.
func (w *world) until(s *Sender, ok func(Standing) bool) Standing {
	w.Helper()
	for range 30_000 {
		if st := w.one(s); ok(st) {
			return st
		}
		time.Sleep(time.Millisecond)
	}
	w.Fatalf("it stays %+v", w.one(s))
	return Standing{}
}

// logged waits until something was logged.
func (w *world) logged() {
	w.Helper()
	for range 30_000 {
		if w.log.String() != "" {
			return
		}
		time.Sleep(time.Millisecond)
	}
	w.Fatal("nothing was logged")
}

func idle(st Standing) bool { return st.Backlog == 0 && !st.Replaying }

func equal(t testing.TB, what string, got, want any, options ...cmp.Option) {
	t.Helper()
	if d := cmp.Diff(want, got, options...); d != "" {
		t.Fatalf("%s (-want +got):\n%s", what, d)
	}
}

func wantKind(t testing.TB, err error, kind bridge.Kind) {
	t.Helper()
	if bridge.KindOf(err) != kind {
		t.Fatalf("error %v is of kind %q, want %q", err, bridge.KindOf(err), kind)
	}
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// pipes is a network in memory, for tests whose time is synctest's: a connection that
// waits there is seen to wait.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	close(p.closed)
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// within returns a receiver in memory, and a client that reaches it and nothing else.
func within(t testing.TB, answer func(w http.ResponseWriter, r *http.Request, n int)) (*receiver, *http.Client) {
	r := &receiver{t: t, secret: secretOf(1), answer: answer, arrived: make(chan struct{}, 10_000), url: "http://127.0.0.1/hook"}
	p := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{Handler: r, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	go func() { _ = server.Serve(p) }()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		client, end := net.Pipe()
		select {
		case p.conns <- end:
			return client, nil
		case <-p.closed:
			return nil, errors.New("the network is closed")
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = server.Close()
	})
	return r, &http.Client{Transport: transport}
}
