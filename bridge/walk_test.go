package bridge

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// The walk visits every combination of a request and the world outside it that can
// be reached, by everything that can happen: calls that succeed, fail before or
// after the work, people, banks and the clock. The world is a model of what Tyk and
// Stripe do (it stands in for the facts, not for any code of ours); the moves of the
// request are the real Observe, Next, begin, settle and fail.

// t0 is the walk's only moment. Time passes by moving what lies behind or before it.
var t0 = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

const longAgo = -1000 * time.Hour

// outside is the world: one key request and what the provider holds for it.
type outside struct {
	Key      AccessState
	Approved int  // how often a key was issued
	Live     int  // open checkouts
	Stopped  bool // the admin suspended the key
	Admin    bool // the admin approved
	Opened   string
	Money    Money
}

// node is one state of the walk: the request, the world, and the call that was
// written down but not made yet.
type node struct {
	R   Request
	W   outside
	Act *Action
}

// nodeKey names a node by what matters: history, revisions and counters do not. It
// is comparable, because a walk looks up a million and a half of them.
type nodeKey struct {
	Steps    [3]Step
	Outcome  Outcome
	Arrival  Arrival
	Have     AccessState
	Granted  time.Time
	Stopped  Mark
	Ended    time.Time
	Payment  Payment
	Opening  Attempt
	Stopping time.Time
	World    worldKey
	Act      Action
}

type worldKey struct {
	Key            AccessState
	Approved, Live int
	Stopped, Admin bool
	Opened         string
	Money          Payment
	Validated      bool
}

func (n node) key() nodeKey {
	r := n.R
	k := nodeKey{
		Outcome: r.Verdict.Outcome, Arrival: r.Arrival, Have: r.Access.Have, Granted: r.Access.Granted,
		Stopped: r.Access.Stopped, Ended: r.Ended.At, Payment: r.Payment, World: n.W.key(),
	}
	for i, s := range r.Steps {
		k.Steps[i] = Step{Kind: s.Kind, State: s.State, Mark: Mark{At: s.Mark.At}}
	}
	k.Stopped.Why, k.Payment.Why = "", ""
	// Of the attempts the rules see two: an opening whose answer was lost, and a
	// suspension that may have been ours.
	if try := r.Work.Attempts[OpenCheckout]; !try.First.IsZero() {
		k.Opening = Attempt{First: try.First, For: try.For}
	}
	if !r.Work.Attempts[SuspendKey].First.IsZero() {
		k.Stopping = t0
	}
	if n.Act != nil {
		k.Act = *n.Act
	}
	return k
}

func (w outside) key() worldKey {
	m := w.Money
	return worldKey{
		Key: w.Key, Approved: w.Approved, Live: w.Live, Stopped: w.Stopped, Admin: w.Admin, Opened: w.Opened,
		Validated: m.Validated, Money: Payment{
			Have: m.State, Checkout: m.Checkout, Collected: m.Collected, Returned: m.Returned, Subscribed: m.Subscribed,
			PaidUntil: m.PaidUntil, OverdueSince: m.OverdueSince, CancelsAt: m.CancelsAt, Customer: m.Customer,
		},
	}
}

func (n node) clone() node {
	n.R = n.R.Clone()
	if n.Act != nil {
		a := *n.Act
		n.Act = &a
	}
	return n
}

// change runs fn on the node's request.
func (n *node) change(fn func(*Change)) {
	c := Change{Request: n.R}
	fn(&c)
	n.R = c.Request
}

func (n *node) facts() Facts {
	m := n.W.Money
	key := KeyRequest{State: n.W.Key}
	if n.R.Payment.Checkout.ID == "" {
		return Facts{Key: &key}
	}
	return Facts{Key: &key, Money: &m}
}

// look reads the facts and writes down the next call, as a pass does.
func (n *node) look() {
	f := n.facts()
	n.change(func(c *Change) {
		c.Observe(f, t0)
		n.Act = nil
		if a, ok := Next(c.Request, t0); ok {
			c.begin(a, t0)
			n.Act = &a
		}
	})
}

// effect does to the world what a call asks for. ok is false where the world has
// moved on: the call is answered with a conflict.
func (w *outside) effect(a Action, lost bool) (ok bool) {
	m := &w.Money
	switch a.Kind {
	case ApproveKey:
		if w.Key == Pending {
			w.Key = Granted
			w.Approved++
		}
		return w.Key == Granted || w.Key == Suspended
	case DeclineKey:
		if w.Key == Granted || w.Key == Suspended {
			return false
		}
		w.Key = Gone
	case SuspendKey:
		if w.Key == Gone {
			return false
		}
		w.Key = Suspended
	case ResumeKey:
		if w.Key == Gone {
			return false
		}
		w.Key, w.Stopped = Granted, false
	case RevokeKey:
		w.Key = Gone
	case OpenCheckout:
		if w.Opened == "lost" { // adopted: the same key, or found by its metadata
			if !lost {
				w.Opened = "known"
			}
			return true
		}
		w.Live++
		w.Opened = "known"
		if lost {
			w.Opened = "lost"
		}
		*m = Money{State: PaymentOpen, Checkout: Checkout{ID: "cs", For: a.For, State: CheckoutOpen, Expires: t0.Add(time.Hour)}}
	case ExpireCheckout:
		if m.Checkout.State != CheckoutOpen {
			return m.Checkout.State == CheckoutExpired
		}
		w.close(CheckoutExpired, NoPayment)
	case CapturePayment:
		if m.State != Held {
			return m.State == Paid
		}
		m.State, m.Collected = Paid, Amount{2, "EUR"}
	case VoidPayment:
		if m.State != Held {
			return false
		}
		m.State = NoPayment
	case RefundPayment:
		if m.State == Disputed || m.Collected.Minor-m.Returned.Minor < a.Amount.Minor {
			return false
		}
		m.Returned.Minor += a.Amount.Minor
		if m.Returned.Minor == m.Collected.Minor && m.State == Paid {
			m.State = Refunded
		}
	case CancelPayment:
		if !m.Subscribed {
			return false
		}
		m.Subscribed = false
		m.State = PaymentEnded
		if m.Collected.Minor > 0 && m.Returned == m.Collected {
			m.State = Refunded
		}
	}
	return true
}

func (w *outside) close(s CheckoutState, p PaymentState) {
	w.Live--
	w.Money.Checkout.State = s
	w.Money.State = p
}

// edge is one thing that can happen.
type edge struct {
	name string
	to   node
	calm bool // the worker going on, with nothing going wrong
}

// edges lists everything that can happen in a node.
func (n node) edges() []edge {
	var out []edge
	add := func(name string, fn func(*node)) {
		to := n.clone()
		fn(&to)
		calm := n.Act == nil && name == "pass" || n.Act != nil && name == n.Act.String()+" done"
		out = append(out, edge{name, to, calm})
	}
	if n.Act == nil {
		add("pass", func(to *node) { to.look() })
		add("pass with the portal down", func(to *node) {
			f := to.facts()
			to.change(func(c *Change) { c.Observe(Facts{Money: f.Money}, t0) })
		})
	} else {
		n.callEdges(add)
	}
	n.portalEdges(add)
	n.developerEdges(add)
	n.bankEdges(add)
	n.personEdges(add)
	n.clockEdges(add)
	return out
}

// callEdges are the ways in which the call written down can end.
func (n node) callEdges(add func(string, func(*node))) {
	a := *n.Act
	lostErr := &Error{Kind: Unavailable}
	storedErr := &Error{Kind: Unavailable, Answered: true}
	done := func(to *node) {
		if !to.W.effect(a, false) {
			to.change(func(c *Change) { c.settle(a.Kind) })
			to.Act = nil
			return
		}
		m, key := to.W.Money, KeyRequest{State: to.W.Key}
		to.change(func(c *Change) {
			c.settle(a.Kind)
			switch a.Kind {
			case ApproveKey, DeclineKey, SuspendKey, ResumeKey, RevokeKey:
				c.Observe(Facts{Key: &key}, t0)
			default:
				c.Observe(Facts{Money: &m}, t0)
			}
			to.Act = nil
			if next, ok := Next(c.Request, t0); ok {
				c.begin(next, t0)
				to.Act = &next
			}
		})
	}
	fail := func(err error, effect bool) func(*node) {
		return func(to *node) {
			if effect {
				to.W.effect(a, true)
			}
			to.change(func(c *Change) { c.fail(a.Kind, err) })
			to.Act = nil
		}
	}
	add(a.String()+" done", done)
	add(a.String()+" cut off before the work", fail(lostErr, false))
	add(a.String()+" cut off after the work", fail(lostErr, true))
	add(a.String()+" answered 500 before the work", fail(storedErr, false))
	add(a.String()+" answered 500 after the work", fail(storedErr, true))
	add(a.String()+" refused", fail(&Error{Kind: Invalid}, false))
	add("crash", func(to *node) { to.Act = nil })
}

func (n node) portalEdges(add func(string, func(*node))) {
	switch n.W.Key {
	case Pending:
		add("admin approves", func(to *node) { to.W.Key, to.W.Admin = Granted, true; to.W.Approved++ })
		add("admin deletes the request", func(to *node) { to.W.Key = Gone })
	case Granted:
		add("admin suspends the key", func(to *node) { to.W.Key, to.W.Stopped = Suspended, true })
		add("admin removes the key", func(to *node) { to.W.Key = Gone })
	case Suspended:
		add("admin resumes the key", func(to *node) { to.W.Key, to.W.Stopped = Granted, false })
		add("admin removes the key", func(to *node) { to.W.Key = Gone })
	}
}

// developerEdges are what the developer can do at a checkout they can reach: one
// whose address is known to us.
func (n node) developerEdges(add func(string, func(*node))) {
	if n.R.Verdict.Outcome == Open && n.R.Access.Have != Unread {
		add("developer withdraws", func(to *node) {
			to.change(func(c *Change) { _ = c.rule(Decline, Mark{By: Actor{Kind: ByDeveloper}}, t0) })
		})
	}
	if n.W.Money.Checkout.State != CheckoutOpen || n.R.Payment.Checkout.State != CheckoutOpen {
		return
	}
	if n.W.Money.Checkout.For == Validation {
		add("card validated", func(to *node) { to.W.close(CheckoutComplete, NoPayment); to.W.Money.Validated = true })
		return
	}
	paid := Amount{2, "EUR"}
	switch {
	case n.R.Terms.Recurring():
		add("subscribes", func(to *node) {
			to.W.close(CheckoutComplete, Paid)
			to.W.Money.Collected, to.W.Money.Subscribed, to.W.Money.PaidUntil = paid, true, t0.Add(time.Hour)
		})
		add("starts a trial", func(to *node) {
			to.W.close(CheckoutComplete, Trialing)
			to.W.Money.Subscribed, to.W.Money.PaidUntil = true, t0.Add(time.Hour)
		})
	case n.R.Terms.Hold:
		add("authorises", func(to *node) { to.W.close(CheckoutComplete, Held) })
	default:
		add("pays", func(to *node) { to.W.close(CheckoutComplete, Paid); to.W.Money.Collected = paid })
		add("pays later", func(to *node) { to.W.close(CheckoutComplete, Processing) })
	}
}

func (n node) bankEdges(add func(string, func(*node))) {
	m := n.W.Money
	switch m.State {
	case PaymentOpen:
		add("checkout expires", func(to *node) { to.W.close(CheckoutExpired, NoPayment) })
	case Processing:
		add("delayed payment succeeds", func(to *node) { to.W.Money.State, to.W.Money.Collected = Paid, Amount{2, "EUR"} })
		add("delayed payment fails", func(to *node) { to.W.Money.State, to.W.Money.Checkout.State = NoPayment, CheckoutFailed })
	case Held:
		add("authorisation lapses", func(to *node) { to.W.Money.State, to.W.Money.Checkout.State = NoPayment, CheckoutFailed })
	case Paid:
		add("refunded in full by hand", func(to *node) { to.W.Money.Returned, to.W.Money.State = m.Collected, Refunded })
		add("refunded in part by hand", func(to *node) { to.W.Money.Returned = Amount{1, "EUR"} })
		if m.Returned.Minor == 0 {
			add("disputed", func(to *node) { to.W.Money.State = Disputed })
		}
	case Disputed:
		if m.Returned != m.Collected {
			add("dispute won", func(to *node) { to.W.Money.State = wonState(m) })
			add("dispute lost", func(to *node) { to.W.Money.Returned = m.Collected })
		}
	}
	if !m.Subscribed {
		return
	}
	switch m.State {
	case Paid, Trialing:
		add("renewal fails", func(to *node) {
			to.W.Money.State, to.W.Money.OverdueSince = Overdue, t0.Add(-time.Hour)
			to.W.Money.Collected, to.W.Money.Returned = Amount{}, Amount{}
		})
	case Overdue:
		add("renewal paid after all", func(to *node) {
			to.W.Money.State, to.W.Money.Collected, to.W.Money.OverdueSince = Paid, Amount{2, "EUR"}, time.Time{}
			to.W.Money.PaidUntil = t0.Add(time.Hour)
		})
	}
	add("subscription ends", func(to *node) { to.W.Money.State, to.W.Money.Subscribed = PaymentEnded, false })
}

// wonState is what a dispute that was won leaves.
func wonState(m Money) PaymentState {
	if m.Subscribed || m.PaidUntil.IsZero() {
		return Paid
	}
	return PaymentEnded
}

func (n node) personEdges(add func(string, func(*node))) {
	if step, ok := n.R.Current(); !ok || step.Kind != Review || n.R.Verdict.Outcome != Open {
		return
	}
	add("reviewer approves", func(to *node) {
		to.change(func(c *Change) { _ = c.rule(Approve, Mark{By: Actor{Kind: ByPerson}}, t0) })
	})
	add("reviewer declines", func(to *node) {
		to.change(func(c *Change) { _ = c.rule(Decline, Mark{By: Actor{Kind: ByPerson}}, t0) })
	})
}

func (n node) clockEdges(add func(string, func(*node))) {
	m := n.W.Money
	if step, ok := n.R.Current(); ok && step.Mark.At.Equal(t0) && step.Kind != Review {
		add("patience runs out", func(to *node) {
			for i := range to.R.Steps {
				if to.R.Steps[i].Kind == step.Kind {
					to.R.Steps[i].Mark.At = t0.Add(longAgo)
				}
			}
		})
	}
	if m.State == Overdue && m.OverdueSince.After(t0.Add(longAgo)) {
		add("grace runs out", func(to *node) { to.W.Money.OverdueSince = t0.Add(longAgo) })
	}
	if m.State == PaymentEnded && m.PaidUntil.After(t0) {
		add("paid period ends", func(to *node) { to.W.Money.PaidUntil = t0.Add(-time.Second) })
	}
}

// always says what is wrong with a state in which something may still be under way.
func (n node) always() string {
	switch {
	case n.W.Live > 1:
		return "two checkouts are open"
	case n.W.Approved > 1:
		return "two keys were issued"
	case n.W.Money.Returned.Minor > n.W.Money.Collected.Minor:
		return "more was returned than collected"
	}
	return ""
}

// resting says what is wrong with a state in which nothing is left to do.
func (n node) resting() string {
	r, m := n.R, n.W.Money
	kept := m.Collected.Minor - m.Returned.Minor
	has := n.W.Key == Granted || n.W.Key == Suspended
	waitsForBank := m.State == Disputed || m.State == Processing
	switch stage := r.Stage(); {
	case r.Verdict.Outcome == Decline && kept > 0 && !waitsForBank:
		return "declined with money kept"
	case r.Verdict.Outcome == Decline && (has || n.W.Key == Pending):
		return "declined, and the portal says " + string(n.W.Key)
	case r.Verdict.Outcome != Open && m.Checkout.State == CheckoutOpen:
		return "decided with a checkout open"
	case kept > 0 && !has && r.Verdict.Outcome == Approve && r.Ended.At.IsZero() && m.State != Disputed:
		return "paid with no access and no refund"
	case has && r.Verdict.Outcome == Open:
		return "granted with nothing decided"
	case has && n.W.Key != r.Want(t0).Access:
		return fmt.Sprintf("wanted %s, the portal says %s", r.Want(t0).Access, n.W.Key)
	case !r.Ended.At.IsZero() && (has || m.Subscribed):
		return "ended, and still has something"
	case !r.Access.Stopped.At.IsZero() && !n.W.Stopped:
		return "our own suspension is taken for the admin's"
	case has && m.State == NoPayment && paid(r) && !n.W.Admin:
		return "granted, and nothing was paid"
	case m.State == Held && r.Verdict.Outcome != Open:
		return "decided with money held"
	case (stage == StateDeclined || stage == StateEnded) && (m.Checkout.State == CheckoutOpen || m.Subscribed):
		return string(stage) + " with something live"
	case stage != StateDeclined && stage != StateEnded && Until(r, t0).IsZero():
		return "nothing left to do at " + string(stage) + ", and nobody looks again"
	}
	return ""
}

// paid reports that the request counts as paid, by the provider's word.
func paid(r Request) bool {
	step, ok := r.Step(Paying)
	return ok && step.State == Met
}

// good reports an end that a request may be meant to come to.
func (n node) good() bool {
	s := n.R.Stage()
	return n.Act == nil && (s == StateDeclined || s == StateEnded || s == StateActive && n.W.Key == Granted)
}

// termsToWalk are plans that differ in what the rules see.
func termsToWalk() map[string]Terms {
	once := []Price{{Amount: Amount{2, "EUR"}}}
	monthly := []Price{{Amount: Amount{2, "EUR"}, Interval: Interval{Unit: "month"}}}
	base := Terms{Provider: "p", Grace: 2 * time.Hour}
	with := func(fn func(*Terms)) Terms { t := base; fn(&t); return t }
	return map[string]Terms{
		"free":       {},
		"reviewed":   with(func(t *Terms) { t.Steps = []StepKind{Review} }),
		"validated":  with(func(t *Terms) { t.Steps = []StepKind{Validation} }),
		"paid":       with(func(t *Terms) { t.Steps, t.Lines = []StepKind{Paying}, once }),
		"held":       with(func(t *Terms) { t.Steps, t.Lines, t.Hold = []StepKind{Paying, Review}, once, true }),
		"everything": with(func(t *Terms) { t.Steps, t.Lines = []StepKind{Validation, Review, Paying}, once }),
		"subscribed": with(func(t *Terms) { t.Steps, t.Lines = []StepKind{Paying}, monthly }),
		"lenient": with(func(t *Terms) {
			t.Steps, t.Lines, t.Refunded, t.Disputed = []StepKind{Paying}, monthly, Keep, Keep
		}),
		"strict":    with(func(t *Terms) { t.Steps, t.Lines, t.Refunded, t.Disputed = []StepKind{Paying}, monthly, Revoke, Revoke }),
		"suspended": with(func(t *Terms) { t.Steps, t.Lines, t.Refunded = []StepKind{Paying}, monthly, Suspend }),
	}
}

func start(terms Terms) node {
	c := Change{Request: Request{ID: "01JZZZZZZZZZZZZZZZZZZZZZZZ", Portal: "main", Key: "k", Verdict: Verdict{Outcome: Open}}}
	c.TakeIn(KeyRequest{State: Pending}, terms, t0)
	return node{R: c.Request, W: outside{Key: Pending}}
}

func TestEveryReachableStateKeepsTheInvariantsAndHasAWayOn(t *testing.T) {
	var mu sync.Mutex
	var states, edges int
	var plans []string
	t.Run("plans", func(t *testing.T) {
		for name, terms := range termsToWalk() {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s, e := walk(t, start(terms))
				mu.Lock()
				defer mu.Unlock()
				states, edges = states+s, edges+e
				plans = append(plans, fmt.Sprintf("  %-12s %7d states %8d edges", name, s, e))
			})
		}
	})
	slices.Sort(plans)
	t.Logf("walked %d states and %d edges\n%s", states, edges, strings.Join(plans, "\n"))
}

// visit is what the walk keeps of a state. States are known by their numbers.
type visit struct {
	from int    // where it was first reached from
	by   string // and by what; empty for the first
	calm int    // where the worker takes it when nothing else happens
	good bool
	ways []int // where everything that can happen takes it
}

// walker visits everything reachable from a node.
type walker struct {
	numbers map[nodeKey]int
	visits  []visit
	queue   []node // those not visited yet; the first one's number is next
}

// number returns a node's number, and puts it into the queue if it is new.
func (w *walker) number(n node, from int, by string) int {
	key := n.key()
	i, ok := w.numbers[key]
	if !ok {
		i = len(w.visits)
		w.numbers[key] = i
		w.visits = append(w.visits, visit{from: from, by: by})
		w.queue = append(w.queue, n)
	}
	return i
}

// path tells how a state was reached.
func (w *walker) path(i int) (steps string) {
	for v := w.visits[i]; v.by != ""; v = w.visits[v.from] {
		steps = "\n  " + v.by + steps
	}
	return steps
}

// walk visits everything reachable from a node and returns how much there was.
func walk(t *testing.T, from node) (states, edges int) {
	t.Helper()
	w := walker{numbers: map[nodeKey]int{}}
	w.number(from, 0, "")
	for at := 0; len(w.queue) > 0; at++ {
		n := w.queue[0]
		w.queue[0] = node{} // so that it can be forgotten
		w.queue = w.queue[1:]
		if wrong := n.always(); wrong != "" {
			t.Fatalf("%s after:%s", wrong, w.path(at))
		}
		var ways []int
		calm := at
		for _, e := range n.edges() {
			to := w.number(e.to, at, e.name)
			ways = append(ways, to)
			if e.calm {
				calm = to
			}
		}
		edges += len(ways)
		v := &w.visits[at]
		v.good, v.calm, v.ways = n.good(), calm, ways
		if calm == at { // the worker has nothing left to do here
			if wrong := n.resting(); wrong != "" {
				t.Fatalf("%s (at %s) after:%s", wrong, n.R.Stage(), w.path(at))
			}
		}
	}
	for i := range w.visits {
		if !w.comesToRest(i) {
			t.Fatalf("does not come to rest after:%s", w.path(i))
		}
	}
	if i, ok := w.deadEnd(); ok {
		t.Fatalf("dead end after:%s", w.path(i))
	}
	return len(w.visits), edges
}

// comesToRest follows what the worker does when every call succeeds.
func (w *walker) comesToRest(i int) bool {
	for range 40 {
		if w.visits[i].calm == i {
			return true
		}
		i = w.visits[i].calm
	}
	return false
}

// deadEnd returns a state from which no good end can be reached, if there is one.
func (w *walker) deadEnd() (int, bool) {
	back := make([][]int, len(w.visits))
	var reached []int
	for i, v := range w.visits {
		for _, to := range v.ways {
			back[to] = append(back[to], i)
		}
		if v.good {
			reached = append(reached, i)
		}
	}
	wayOn := make([]bool, len(w.visits))
	for len(reached) > 0 {
		i := reached[len(reached)-1]
		reached = reached[:len(reached)-1]
		if !wayOn[i] {
			wayOn[i] = true
			reached = append(reached, back[i]...)
		}
	}
	i := slices.Index(wayOn, false)
	return i, i >= 0
}

func TestStatesAreListedOnce(t *testing.T) {
	seen := slices.Clone(States)
	slices.Sort(seen)
	if got := slices.Compact(seen); len(got) != len(States) {
		t.Errorf("States has %d entries, %d distinct", len(States), len(got))
	}
}
