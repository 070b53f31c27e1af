package bridge_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
	"keybridge/store/bolt"
)

// world is a service and a worker on a real store, between a portal and a provider
// that exist in memory: models of what is so at the far ends, with faults. Nothing
// of ours is replaced.
type world struct {
	testing.TB
	cfg      bridge.Config
	store    *bolt.Store
	service  *bridge.Service
	worker   *bridge.Worker
	portal   *farPortal
	provider *farProvider
	log      *logBuffer

	closed sync.Once
	mu     sync.Mutex
	clock  time.Time     // zero: the runtime's own
	jumped time.Duration // by how much the runtime's own was set
	ids    int
	seen   map[bridge.ID][]bridge.Entry // what Changed was told
	tries  []bridge.Try
	mail   []bridge.MessageKind
	told   map[string]bool
	fault  func(call string) fault
	hook   func(call string) // runs before each outside call
}

// fault is how an outside call goes wrong.
type fault int

const (
	fine fault = iota
	cutBefore
	cutAfter
	storedBefore // a 500 that is repeated for the same key
	storedAfter
	limited
	refused
	invalid
	panics
	conflicts
	quotes // an error that holds the applicant's address
)

// canary is personal data that must be found in no log and no history.
const canary = "canary@example.org"

func newWorld(t testing.TB, change ...func(*bridge.Config)) *world {
	t.Helper()
	w := &world{TB: t, clock: noon, seen: map[bridge.ID][]bridge.Entry{}, log: &logBuffer{}, told: map[string]bool{}, fault: func(string) fault { return fine }}
	store, err := bolt.Open(bolt.Config{Path: filepath.Join(t.TempDir(), "test.db"), Now: w.now, InitialMmapSize: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	w.store = store
	w.portal = &farPortal{w: w, keys: map[string]*farKey{}}
	w.provider = &farProvider{w: w, accounts: map[bridge.ID]*account{}, stored: map[string]error{}}
	w.cfg = bridge.Config{
		Store: store, Portals: map[string]bridge.Site{"main": {Portal: w.portal, Tell: bridge.MessageKinds, Remind: time.Hour}},
		Providers: map[string]bridge.Provider{"stripe": w.provider}, Plans: shelf(), Notifier: (*farMailbox)(w),
		Page:  func(id bridge.ID, _ time.Time) string { return "https://bridge.test/r/" + string(id) },
		NewID: w.newID, Now: w.now, Jitter: func() float64 { return 0.5 }, Changed: w.changed, Tried: w.tried,
		Log: slog.New(slog.NewJSONHandler(w.log, nil)),
	}
	for _, fn := range change {
		fn(&w.cfg)
	}
	w.restart()
	t.Cleanup(w.close)
	return w
}

// restart replaces service and worker, as a new process would.
func (w *world) restart() {
	service, err := bridge.New(w.cfg)
	if err != nil {
		w.Fatal(err)
	}
	w.service, w.worker = service, bridge.NewWorker(service)
}

// close checks what has to be true at the end of every test. It may be repeated.
func (w *world) close() { w.closed.Do(w.check) }

func (w *world) check() {
	ctx := context.Background()
	page, err := w.store.List(ctx, bridge.Filter{Limit: 1000})
	if err != nil {
		w.Error(err)
	}
	for _, r := range page.Requests {
		entries, err := w.service.History(ctx, r.ID)
		if err != nil {
			w.Errorf("history of %s: %v", r.ID, err)
		}
		w.mu.Lock()
		if diff := cmp.Diff(entries, w.seen[r.ID]); diff != "" {
			w.Errorf("Changed was not told of each line once (-history +told):\n%s", diff)
		}
		w.mu.Unlock()
		if strings.Contains(lines(entries), canary) {
			w.Errorf("personal data in history:\n%s", lines(entries))
		}
	}
	if w.log.contains(canary) {
		w.Error("personal data in the log")
	}
	if n := w.service.Waiting(); n != 0 {
		w.Errorf("%d waits are left over", n)
	}
	if err := w.store.Close(); err != nil {
		w.Error(err)
	}
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.clock.IsZero() {
		return time.Now().Add(w.jumped)
	}
	return w.clock
}

// jump sets the runtime's own clock, as everybody here sees it; its waiting goes on as ever.
func (w *world) jump(by time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.jumped += by
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clock = w.clock.Add(d)
}

func (w *world) newID() bridge.ID {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ids++
	return bridge.ID(fmt.Sprintf("01J%023d", w.ids))
}

func (w *world) changed(r bridge.Request, entries []bridge.Entry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen[r.ID] = append(w.seen[r.ID], entries...)
	// Two commits may be told of in either order.
	slices.SortFunc(w.seen[r.ID], func(a, b bridge.Entry) int { return int(a.Seq) - int(b.Seq) })
}

func (w *world) tried(try bridge.Try) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tries = append(w.tries, try)
}

// count is how often a call was made.
func (w *world) count(doing string) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, try := range w.tries {
		if try.Doing == doing {
			n++
		}
	}
	return n
}

// ask makes a key request in the portal, whose browser is handed off with a signed
// link.
func (w *world) ask(policies ...string) bridge.ID {
	w.Helper()
	key := w.portal.ask(policies...)
	r, err := w.service.Arrive(w.Context(), handoff(key, bridge.Signed, "link of "+key, ""))
	if err != nil {
		w.Fatal(err)
	}
	return r.ID
}

// webhook is what the portal says of a key request as it stands.
func (w *world) webhook(key string) bridge.Hint {
	return bridge.Hint{Source: "portal/main", What: "submitted", Said: w.portal.says(key), Portal: "main", Key: key, Intake: w.service.Intake("main", key)}
}

// step works until nothing is due.
func (w *world) step() (next time.Time) {
	w.Helper()
	for range 50 {
		worked, at, err := w.worker.Step(w.Context(), "main")
		if err != nil {
			w.Fatal(err)
		}
		if worked == 0 {
			return at
		}
	}
	w.Fatal("something is always due")
	return time.Time{}
}

func (w *world) get(id bridge.ID) bridge.Request {
	w.Helper()
	r, err := w.service.Get(context.Background(), id)
	if err != nil {
		w.Fatal(err)
	}
	return r
}

func (w *world) look(id bridge.ID) {
	w.Helper()
	if err := w.service.Look(w.Context(), id); err != nil {
		w.Fatal(err)
	}
}

// wantState works on what is due and says where a request has to stand then.
func (w *world) wantState(id bridge.ID, want bridge.State) bridge.Request {
	w.Helper()
	w.look(id)
	w.step()
	r := w.get(id)
	if r.State() != want {
		entries, _ := w.service.History(context.Background(), id)
		w.Fatalf("%s (%s: %s), want %s, after\n%s", r.State(), r.Work.Doing, r.Work.Error, want, lines(entries))
	}
	return r
}

// call runs an outside call's work under the fault that is due. stored are the
// answers that are repeated for a key; an empty key has none.
func (w *world) call(ctx context.Context, name, key string, stored map[string]error, work func() error) error {
	w.mu.Lock()
	hook := w.hook
	w.mu.Unlock()
	if hook != nil {
		hook(name)
	}
	if ctx.Err() != nil {
		return &bridge.Error{Kind: bridge.Unavailable, Err: ctx.Err()}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	what := w.fault(name)
	if err, ok := stored[key]; ok && key != "" {
		return err
	}
	keep := func(err error) error {
		if key != "" {
			stored[key] = err
		}
		return err
	}
	cut := &bridge.Error{Kind: bridge.Unavailable, Err: errors.New("cut off")}
	broken := &bridge.Error{Kind: bridge.Unavailable, Err: errors.New("status 500"), Answered: key != ""}
	switch what {
	case cutBefore:
		return cut
	case storedBefore:
		return keep(broken)
	case limited:
		return &bridge.Error{Kind: bridge.Limited, RetryAfter: 90 * time.Second}
	case refused:
		return &bridge.Error{Kind: bridge.Refused, Msg: "the credentials are not accepted"}
	case invalid:
		return &bridge.Error{Kind: bridge.Invalid, Msg: "this can never be"}
	case quotes:
		return &bridge.Error{Kind: bridge.Unavailable, Err: errors.New("550 mailbox of " + canary + " is unknown")}
	case conflicts:
		return keep(errMoved)
	case panics:
		panic("an answer with " + canary)
	}
	err := work()
	switch {
	case err != nil:
		return err
	case what == cutAfter:
		_ = keep(nil)
		return cut
	case what == storedAfter:
		return keep(broken)
	}
	return keep(nil)
}

// farKey is a key request in the portal.
type farKey struct {
	state  bridge.AccessState
	asked  bridge.Asked
	issued int
	also   []string // further ids of the same
}

type farPortal struct {
	w    *world
	keys map[string]*farKey
	name string // put before the calls' names, to tell two portals apart
	hang bool   // readings are not answered at all
	// renews: a key that is resumed comes of a key request of its own.
	renews bool
	// inactive: the developer's account is deactivated.
	inactive bool
}

func (p *farPortal) ask(policies ...string) string {
	at := p.w.now()
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	key := fmt.Sprintf("k%d", len(p.keys)+1)
	p.keys[key] = &farKey{state: bridge.Pending, asked: bridge.Asked{Policies: policies, At: at}}
	return key
}

// set is what the portal's admin does.
func (p *farPortal) set(key string, s bridge.AccessState) {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	if k := p.keys[key]; k.state != s {
		if k.state == bridge.Pending && s != bridge.Gone {
			k.issued++
		}
		k.state = s
	}
}

// says is what a webhook about a key request says that it changed.
func (p *farPortal) says(key string) bridge.Said {
	if p.get(key).state == bridge.Granted {
		return bridge.SaidGranted
	}
	return bridge.SaidPortal
}

func (p *farPortal) get(key string) farKey {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	return *p.keys[key]
}

func (p *farPortal) do(ctx context.Context, name, key string, work func(*farKey) error) (facts bridge.KeyRequest, err error) {
	p.w.mu.Lock()
	hang := p.hang
	p.w.mu.Unlock()
	if hang {
		<-ctx.Done()
	}
	err = p.w.call(ctx, p.name+name, "", nil, func() error {
		k, ok := p.keys[key]
		if !ok {
			facts = bridge.KeyRequest{State: bridge.Gone}
			return nil
		}
		if k.state != bridge.Gone {
			if err := work(k); err != nil {
				return err
			}
		}
		facts = bridge.KeyRequest{
			State: k.state, Asked: k.asked, Applicant: bridge.Applicant{ID: "dev-1", Email: canary}, Also: k.also, Inactive: p.inactive,
		}
		if k.issued > 0 {
			facts.Keys = []string{"hash-" + key}
		}
		return nil
	})
	return facts, err
}

var errMoved = &bridge.Error{Kind: bridge.Conflict, Msg: "it has moved on"}

func (p *farPortal) Read(ctx context.Context, key string, _ bridge.Access) (bridge.KeyRequest, error) {
	return p.do(ctx, "read portal", key, func(*farKey) error { return nil })
}

func (p *farPortal) Approve(ctx context.Context, key string, _ bridge.Access) (bridge.KeyRequest, error) {
	return p.do(ctx, "approve", key, func(k *farKey) error {
		if k.state == bridge.Pending {
			k.state = bridge.Granted
			k.issued++
		}
		return nil
	})
}

func (p *farPortal) Decline(ctx context.Context, key string, _ bridge.Access, _ string) (bridge.KeyRequest, error) {
	return p.do(ctx, "decline", key, func(k *farKey) error {
		if k.state != bridge.Pending {
			return errMoved
		}
		k.state = bridge.Gone
		return nil
	})
}

func (p *farPortal) move(ctx context.Context, name, key string, to bridge.AccessState) (bridge.KeyRequest, error) {
	return p.do(ctx, name, key, func(k *farKey) error {
		if k.state == bridge.Pending {
			return errMoved
		}
		k.state = to
		return nil
	})
}

func (p *farPortal) Suspend(ctx context.Context, key string, _ bridge.Access) (bridge.KeyRequest, error) {
	return p.move(ctx, "suspend", key, bridge.Suspended)
}

func (p *farPortal) Resume(ctx context.Context, key string, _ bridge.Access) (bridge.KeyRequest, error) {
	defer func() { // the work is done, and the answer on its way
		p.w.mu.Lock()
		hook := p.w.hook
		p.w.mu.Unlock()
		if hook != nil {
			hook("resumed")
		}
	}()
	return p.do(ctx, "resume", key, func(k *farKey) error {
		if k.state == bridge.Suspended && p.renews {
			anew := fmt.Sprintf("k%d", len(p.keys)+1)
			p.keys[anew], k.also = k, append(k.also, anew)
		}
		if k.state == bridge.Pending {
			return errMoved
		}
		k.state = bridge.Granted
		return nil
	})
}

func (p *farPortal) Revoke(ctx context.Context, key string, _ bridge.Access) (bridge.KeyRequest, error) {
	return p.move(ctx, "revoke", key, bridge.Gone)
}

func (p *farPortal) Create(ctx context.Context, a bridge.Asking) (key string, err error) {
	if a.Developer != "dev-1" {
		return "", &bridge.Error{Kind: bridge.NotFound, Msg: "the portal knows no such developer"}
	}
	defer func() { // the work is done, and the answer on its way
		p.w.mu.Lock()
		hook := p.w.hook
		p.w.mu.Unlock()
		if hook != nil {
			hook("made")
		}
	}()
	at := p.w.now()
	err = p.w.call(ctx, p.name+"create", "", nil, func() error {
		for id, k := range p.keys {
			if k.state == bridge.Pending && slices.Equal(k.asked.Policies, a.Policies) {
				key = id
				return nil
			}
		}
		key = fmt.Sprintf("k%d", len(p.keys)+1)
		p.keys[key] = &farKey{state: bridge.Pending, asked: bridge.Asked{Policies: a.Policies, Plan: a.Plan, At: at}}
		return nil
	})
	return key, err
}

func (p *farPortal) ListPending(ctx context.Context, yield func(string) error) error {
	var waits []string
	err := p.w.call(ctx, p.name+"list pending", "", nil, func() error {
		for key, k := range p.keys {
			if k.state == bridge.Pending {
				waits = append(waits, key)
			}
		}
		return nil
	})
	for _, key := range waits {
		if err := yield(key); err != nil {
			return err
		}
	}
	return err
}

// account is what the provider holds for one request.
type account struct {
	sessions []bridge.Checkout // the last one is that of Money
	opened   int
	money    bridge.Money
}

// live is how many of its checkouts are open.
func (a *account) live() (n int) {
	for _, s := range a.sessions {
		if s.State == bridge.CheckoutOpen {
			n++
		}
	}
	return n
}

// close ends the last checkout.
func (a *account) close(s bridge.CheckoutState, p bridge.PaymentState) {
	a.sessions[len(a.sessions)-1].State = s
	a.money.Checkout.State, a.money.State = s, p
}

type farProvider struct {
	w        *world
	accounts map[bridge.ID]*account
	stored   map[string]error
	quotes   int
	orders   []bridge.Order
	missed   []bridge.Hint // what it could not deliver
	// strangers are checkouts that were opened for no request here.
	strangers []bridge.Opened
}

// do runs work on a request's account and returns the facts.
func (p *farProvider) do(ctx context.Context, name, key string, r bridge.Request, work func(*account) error) (m bridge.Money, err error) {
	err = p.w.call(ctx, name, key, p.stored, func() error { return work(p.account(r.ID)) })
	if err == nil {
		p.w.mu.Lock()
		defer p.w.mu.Unlock()
		m = p.account(r.ID).money
	}
	return m, err
}

func (p *farProvider) account(id bridge.ID) *account {
	a, ok := p.accounts[id]
	if !ok {
		a = &account{money: bridge.Money{State: bridge.NoPayment}}
		p.accounts[id] = a
	}
	return a
}

// change is what the developer, the bank or time does to an account.
func (p *farProvider) change(id bridge.ID, fn func(*account)) {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	fn(p.account(id))
}

// pay pays at the checkout that is open.
func (p *farProvider) pay(id bridge.ID) {
	p.change(id, func(a *account) {
		a.close(bridge.CheckoutComplete, bridge.Paid)
		a.money.Collected = bridge.NewAmount(500, "eur")
	})
}

func (p *farProvider) Quote(ctx context.Context, price bridge.Price) (bridge.Price, error) {
	err := p.w.call(ctx, "quote", "", nil, func() error {
		p.quotes++
		price.Amount = bridge.NewAmount(500, "eur")
		if strings.HasPrefix(price.Ref, "usd") {
			price.Amount = bridge.NewAmount(500, "usd")
		}
		return nil
	})
	if err != nil {
		return bridge.Price{}, err
	}
	return price, nil
}

func (p *farProvider) Open(ctx context.Context, o bridge.Order) (bridge.Money, error) {
	return p.do(ctx, "open", o.Key, o.Request, func(a *account) error {
		p.orders = append(p.orders, o)
		if !o.Since.IsZero() && a.live() > 0 {
			return nil // adopted
		}
		a.opened++
		s := bridge.Checkout{
			ID: fmt.Sprintf("cs_%s_%d", o.Request.ID, a.opened), For: o.For, State: bridge.CheckoutOpen,
			URL: "https://pay.test/", Expires: o.At.Add(24 * time.Hour),
		}
		a.sessions = append(a.sessions, s)
		a.money = bridge.Money{State: bridge.PaymentOpen, Checkout: s, Validated: a.money.Validated, Refs: []bridge.Ref{{System: "stripe", Kind: bridge.RefSession, ID: s.ID}}}
		return nil
	})
}

func (p *farProvider) Read(ctx context.Context, r bridge.Request) (bridge.Money, error) {
	m, err := p.do(ctx, "read payment", "", r, func(*account) error { return nil })
	if err != nil {
		return m, err
	}
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	a := p.account(r.ID)
	i := slices.IndexFunc(a.sessions, func(s bridge.Checkout) bool { return s.ID == r.Payment.Checkout.ID })
	if i < 0 || i == len(a.sessions)-1 {
		return m, nil
	}
	return spare(a.sessions[i]), nil
}

// spare is what a checkout is by itself that is not the last one.
func spare(s bridge.Checkout) bridge.Money {
	m := bridge.Money{State: bridge.NoPayment, Checkout: s}
	if s.State == bridge.CheckoutOpen {
		m.State = bridge.PaymentOpen
	}
	return m
}

func (p *farProvider) Expire(ctx context.Context, r bridge.Request, key string) (bridge.Money, error) {
	return p.do(ctx, "expire", key, r, func(a *account) error {
		if a.live() == 0 {
			return errMoved
		}
		a.close(bridge.CheckoutExpired, bridge.NoPayment)
		return nil
	})
}

func (p *farProvider) Capture(ctx context.Context, r bridge.Request, key string) (bridge.Money, error) {
	return p.do(ctx, "capture", key, r, func(a *account) error {
		if a.money.State != bridge.Held {
			return errMoved
		}
		a.money.State, a.money.Collected = bridge.Paid, bridge.NewAmount(700, "eur")
		return nil
	})
}

func (p *farProvider) Void(ctx context.Context, r bridge.Request, key string) (bridge.Money, error) {
	return p.do(ctx, "void", key, r, func(a *account) error {
		if a.money.State != bridge.Held {
			return errMoved
		}
		a.money.State = bridge.NoPayment
		return nil
	})
}

func (p *farProvider) Refund(ctx context.Context, r bridge.Request, amount bridge.Amount, key string) (bridge.Money, error) {
	return p.do(ctx, "refund", key, r, func(a *account) error {
		m := &a.money
		if m.Collected.Minor-m.Returned.Minor < amount.Minor {
			return errMoved
		}
		m.Returned = bridge.NewAmount(m.Returned.Minor+amount.Minor, amount.Currency)
		if m.Returned.Minor == m.Collected.Minor && m.State == bridge.Paid {
			m.State = bridge.Refunded
		}
		return nil
	})
}

func (p *farProvider) Cancel(ctx context.Context, r bridge.Request, key string) (bridge.Money, error) {
	return p.do(ctx, "cancel", key, r, func(a *account) error {
		if !a.money.Subscribed {
			return errMoved
		}
		a.money.Subscribed, a.money.State = false, bridge.PaymentEnded
		return nil
	})
}

func (p *farProvider) Missed(ctx context.Context, since time.Time, yield func(bridge.Hint) error) error {
	var missed []bridge.Hint
	err := p.w.call(ctx, "list missed events", "", nil, func() error {
		for _, h := range p.missed {
			if h.At.After(since) {
				missed = append(missed, h)
			}
		}
		return nil
	})
	for _, h := range missed {
		if err := yield(h); err != nil {
			return err
		}
	}
	return err
}

// List lists the last checkout of every account with its money, those before as what they
// are by themselves, and then what was opened for nobody here.
func (p *farProvider) List(ctx context.Context, since time.Time, yield func(bridge.Opened) error) error {
	var all []bridge.Opened
	err := p.w.call(ctx, "list checkouts", "", nil, func() error {
		for _, id := range slices.Backward(slices.Sorted(maps.Keys(p.accounts))) {
			a := p.accounts[id]
			for i, s := range slices.Backward(a.sessions) {
				o := bridge.Opened{Request: id, Portal: "main", At: s.Expires.Add(-24 * time.Hour), Money: a.money}
				if i < len(a.sessions)-1 {
					o.Money = spare(s)
				}
				all = append(all, o)
			}
		}
		all = append(all, p.strangers...)
		return nil
	})
	for _, o := range all {
		if o.At.Before(since) {
			continue
		}
		if err := yield(o); err != nil {
			return err
		}
	}
	return err
}

// farMailbox is the world as its applicant's mailbox. What was sent twice under one
// id is shown once.
type farMailbox world

func (m *farMailbox) Send(ctx context.Context, msg bridge.Message) error {
	w := (*world)(m)
	return w.call(ctx, "tell", "", nil, func() error {
		if !w.told[msg.ID] {
			w.told[msg.ID] = true
			w.mail = append(w.mail, msg.Kind)
		}
		return nil
	})
}

// logBuffer keeps what was logged.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logBuffer) contains(s string) bool { return l.count(s) > 0 }

func (l *logBuffer) count(s string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), s)
}
