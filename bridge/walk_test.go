package bridge

import (
	"fmt"
	"runtime/debug"
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
	Theirs   bool // and nobody here has tried to since
	Overrule bool // the worker resumed what only the admin had stopped
	Admin    bool // the admin approved
	Inactive bool // the developer's account is deactivated
	Twice    bool // a checkout was opened while what came of another one goes on, or its money is here
	Opened   string
	Money    Money
}

// node is one state of the walk: the request, the world, and the call that was
// written down but not made yet.
type node struct {
	R    Request
	W    outside
	Act  *Action
	With scope
}

// scope is what else happens in a walk, beside everything that happens in all.
// Each doubles or triples the number of states, so no walk has to bear all.
type scope struct {
	Doubts  bool // the portal says "gone" by mistake; else doubts are settled at once
	Refunds bool // people give money back
	Ends    bool // people end a key's life
	Unseen  bool // no browser has arrived at the start
	Account bool // the admin deactivates the developer's account
	Waived  bool // a person has said that nothing is asked of the applicant
}

// nodeKey names a node by what matters: history, revisions and counters do not. It
// is a few bytes without a pointer, because a walk keeps hundreds of thousands and
// looks up millions.
type nodeKey [84]byte

// keyer writes keys. Words and times are written as the numbers they were given
// when they were first seen; the zero value of each is 0.
type keyer struct {
	words map[string]byte
	times map[int64]byte
	key   nodeKey
	n     int
}

func (k *keyer) put(b byte) { k.key[k.n], k.n = b, k.n+1 }

func (k *keyer) flags(flags ...bool) {
	var b byte
	for i, f := range flags {
		if f {
			b |= 1 << i
		}
	}
	k.put(b)
}

func (k *keyer) word(s string) { k.put(numbered(k.words, s)) }

func (k *keyer) time(t time.Time) { k.put(numbered(k.times, t.Unix()-time.Time{}.Unix())) }

func (k *keyer) amount(a Amount) { k.put(byte(a.Minor)); k.word(a.Currency) }

// numbered returns the number of a value, which is a new one for a new value.
func numbered[T comparable](seen map[T]byte, v T) byte {
	var zero T
	if v == zero {
		return 0
	}
	i, ok := seen[v]
	if !ok {
		i = byte(len(seen) + 1)
		seen[v] = i
	}
	if len(seen) > 255 {
		panic("more values than a byte can tell apart")
	}
	return i
}

func (k *keyer) of(n *node) nodeKey {
	k.key, k.n = nodeKey{}, 0
	r := &n.R
	for _, s := range r.Steps {
		k.word(string(s.Kind))
		k.word(string(s.State))
		k.time(s.Mark.At)
	}
	k.n = 9 // a request has three steps at most
	k.word(string(r.Verdict.Outcome))
	k.word(string(r.Arrival.Trust))
	k.word(string(r.Access.Have))
	k.time(r.Access.Granted)
	k.time(r.Access.Stopped.At)
	k.time(r.Access.Missing)
	k.time(r.Ended.At)
	k.payment(&r.Payment)
	k.word(string(r.lastTold().Kind))
	k.word(string(r.lastTold().For))
	k.time(r.Access.Inactive)
	k.flags(n.W.Inactive)
	k.attempt(n, OpenCheckout)
	k.attempt(n, SuspendKey)
	k.world(&n.W)
	if a := n.Act; a != nil {
		k.word(string(a.Kind))
		k.word(string(a.For))
		k.amount(a.Amount)
		k.word(string(a.Message))
	}
	return k.key
}

// attempt writes what the rules see of the attempts at an action: an opening whose
// answer was lost, or a suspension that may have been ours; and, while the call is
// under way, whether a no to it shows that nothing was left behind. (Once it is over
// and First is still set, no later one can show that.)
func (k *keyer) attempt(n *node, kind ActionKind) {
	try := n.R.Work.Attempts[kind]
	if try.First.IsZero() {
		try = Attempt{}
	}
	k.time(try.First)
	k.word(string(try.For))
	k.flags(n.Act != nil && n.Act.Kind == kind && (try.Again || try.Left))
}

func (k *keyer) payment(p *Payment) {
	k.word(string(p.Have))
	k.word(p.Checkout.ID)
	k.word(string(p.Checkout.For))
	k.word(string(p.Checkout.State))
	k.time(p.Checkout.Expires)
	k.amount(p.Collected)
	k.amount(p.Returned)
	k.flags(p.Subscribed)
	k.time(p.PaidUntil)
	k.time(p.OverdueSince)
	k.time(p.CancelsAt)
	k.word(p.Customer)
	k.amount(p.Refund.Amount)
	k.time(p.Refund.PaidUntil)
}

func (k *keyer) world(w *outside) {
	m := &w.Money
	k.word(string(w.Key))
	k.put(byte(w.Approved))
	k.put(byte(w.Live))
	k.flags(w.Stopped, w.Theirs, w.Overrule, w.Admin, m.Validated, w.Twice)
	k.word(w.Opened)
	k.payment(&Payment{
		Have: m.State, Checkout: m.Checkout, Collected: m.Collected, Returned: m.Returned, Subscribed: m.Subscribed,
		PaidUntil: m.PaidUntil, OverdueSince: m.OverdueSince, CancelsAt: m.CancelsAt, Customer: m.Customer,
	})
}

func (n *node) clone() *node {
	to := *n
	to.R = n.R.Clone()
	if n.Act != nil {
		a := *n.Act
		to.Act = &a
	}
	return &to
}

// change runs fn on the node's request.
func (n *node) change(fn func(*Change)) {
	c := Change{Request: n.R}
	fn(&c)
	n.R = c.Request
}

func (n *node) facts() Facts {
	m := n.W.Money
	key := n.W.key()
	if n.R.Payment.Checkout.ID == "" {
		return Facts{Key: &key}
	}
	return Facts{Key: &key, Money: &m}
}

// key is what the portal says.
func (w *outside) key() KeyRequest { return KeyRequest{State: w.Key, Inactive: w.Inactive} }

// look reads the facts and writes down the next call, as a pass does.
func (n *node) look() { n.see(n.facts()) }

func (n *node) see(f Facts) {
	n.change(func(c *Change) {
		c.Observe(f, t0)
		if !n.With.Doubts && !c.Access.Missing.IsZero() {
			c.Access.Missing = t0.Add(longAgo)
			c.Observe(f, t0)
		}
		n.begin(c)
	})
}

// begin writes down the next call.
func (n *node) begin(c *Change) {
	n.Act = nil
	if a, ok := Next(c.Request, t0); ok {
		c.begin(a, t0)
		n.Act = &a
		n.W.Theirs = n.W.Theirs && a.Kind != SuspendKey
	}
}

// effect does to the world what a call asks for, as the record had it. ok is false where the
// world has moved on: the call is answered with a conflict.
func (w *outside) effect(a Action, had *Payment, lost bool) (ok bool) {
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
		w.Overrule = w.Theirs
		w.Key, w.Stopped, w.Theirs = Granted, false, false
	case RevokeKey:
		w.Key = Gone
	case OpenCheckout:
		if w.Opened == "lost" { // adopted: the same key, or found by its metadata
			if !lost {
				w.Opened = "known"
			}
			return true
		}
		if had.Subscribed && m.State != NoPayment {
			return true // the payment that had failed came in after all: nothing is opened
		}
		m.Subscribed = false // what a payment that failed has left is ended first
		w.Live++
		w.Twice = m.Returned.Minor < m.Collected.Minor || m.State == Processing
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
		if m.State != Held && m.State != Invoiced && m.State != Overdue {
			return false
		}
		m.State, m.OverdueSince = NoPayment, time.Time{}
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
		w.end()
	}
	return true
}

// end ends the subscription. It calls no debit back that is on its way, and decides nothing
// for a bank.
func (w *outside) end() {
	m := &w.Money
	m.Subscribed = false
	if m.State == Processing || m.State == NoPayment || m.State == Disputed && m.Returned != m.Collected {
		return
	}
	m.State, m.OverdueSince = PaymentEnded, time.Time{}
	if m.Collected.Minor > 0 && m.Returned == m.Collected {
		m.PaidUntil = t0.Add(-time.Second) // what was given back was paid for nothing
	}
}

func (w *outside) close(s CheckoutState, p PaymentState) {
	w.Live--
	w.Money.Checkout.State = s
	w.Money.State = p
}

// edge is one thing that can happen.
type edge struct {
	name string
	to   *node
	calm bool // the worker going on, with nothing going wrong
}

// edges yields everything that can happen in a node.
func (n *node) edges(yield func(edge)) {
	next := n.next()
	add := func(name string, fn func(*node)) {
		to := n.clone()
		fn(to)
		yield(edge{name, to, name == next})
	}
	if n.Act == nil {
		add("pass", func(to *node) { to.look() })
		if n.R.Access.Missing.Equal(t0) {
			add("pass a little later", func(to *node) { to.R.Access.Missing = t0.Add(longAgo); to.look() })
		} else if n.With.Doubts && n.R.Access.Missing.IsZero() && n.W.Key != Gone {
			add("pass, and the portal says gone by mistake", func(to *node) {
				f := to.facts()
				f.Key.State = Gone
				to.see(f)
			})
		}
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
}

// next is the edge that the worker takes when nothing goes wrong.
func (n *node) next() string {
	switch {
	case n.Act != nil:
		return n.Act.String() + " done"
	case n.R.Access.Missing.Equal(t0):
		return "pass a little later"
	}
	return "pass"
}

// callEdges are the ways in which the call written down can end.
func (n *node) callEdges(add func(string, func(*node))) {
	a := *n.Act
	lostErr := &Error{Kind: Unavailable}
	storedErr := &Error{Kind: Unavailable, Answered: true}
	done := func(to *node) {
		if !to.W.effect(a, &n.R.Payment, false) {
			to.change(func(c *Change) { c.fail(a.Kind, &Error{Kind: Conflict}) })
			to.Act = nil
			return
		}
		m, key := to.W.Money, to.W.key()
		to.change(func(c *Change) {
			switch a.Kind {
			case ApproveKey, DeclineKey, SuspendKey, ResumeKey, RevokeKey:
				c.done(a, Facts{Key: &key}, t0)
			case Tell:
				c.done(a, Facts{}, t0)
			default:
				c.done(a, Facts{Money: &m}, t0)
			}
			to.begin(c)
		})
	}
	fail := func(err error, effect bool) func(*node) {
		return func(to *node) {
			if effect {
				to.W.effect(a, &n.R.Payment, true)
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
	if a.Kind == Tell {
		add(a.String()+" refused", func(to *node) {
			to.change(func(c *Change) { c.untellable(a, &Error{Kind: Invalid}, t0); to.begin(c) })
		})
	} else {
		add(a.String()+" refused", fail(&Error{Kind: Invalid}, false))
	}
	add("crash", func(to *node) { to.Act = nil })
}

func (n *node) portalEdges(add func(string, func(*node))) {
	if n.With.Account {
		name := map[bool]string{false: "the account is deactivated", true: "the account is activated"}[n.W.Inactive]
		add(name, func(to *node) {
			to.W.Inactive = !to.W.Inactive
			// What is first seen suspended while the account is deactivated is taken to be so
			// because of that: a portal may do both at once.
			to.W.Theirs = to.W.Theirs && (!to.W.Inactive || n.R.Access.Have == Suspended)
		})
	}
	switch n.W.Key {
	case Pending:
		add("admin approves", func(to *node) { to.W.Key, to.W.Admin = Granted, true; to.W.Approved++ })
		add("admin deletes the request", func(to *node) { to.W.Key = Gone })
	case Granted:
		add("admin suspends the key", func(to *node) {
			to.W.Key, to.W.Stopped = Suspended, true
			to.W.Theirs = n.R.Access.Have != Suspended && !n.W.Inactive && n.R.Work.Attempts[SuspendKey].First.IsZero()
		})
		add("admin removes the key", func(to *node) { to.W.Key = Gone })
	case Suspended:
		add("admin resumes the key", func(to *node) { to.W.Key, to.W.Stopped, to.W.Theirs = Granted, false, false })
		add("admin removes the key", func(to *node) { to.W.Key = Gone })
	}
}

// developerEdges are what the developer can do at a checkout they can reach: one
// whose address is known to us.
func (n *node) developerEdges(add func(string, func(*node))) {
	if n.R.Verdict.Outcome == Open && n.R.Access.Have != Unread {
		add("developer withdraws", func(to *node) {
			to.change(func(c *Change) { _ = c.rule(Decline, Mark{At: t0, By: Actor{Kind: ByDeveloper}}) })
		})
	}
	if n.R.Arrival.Trust == Untold {
		add("a browser arrives", func(to *node) { to.R.Arrival = Arrival{Trust: Signed, At: t0} })
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
	case n.R.Terms.Provider == invoices:
		add("is sent an invoice", func(to *node) { to.W.close(CheckoutComplete, Invoiced) })
	case n.R.Terms.Recurring():
		add("subscribes", func(to *node) {
			to.W.close(CheckoutComplete, Paid)
			to.W.Money.Collected, to.W.Money.Subscribed, to.W.Money.PaidUntil = paid, true, t0.Add(time.Hour)
		})
		add("subscribes by a debit", func(to *node) {
			to.W.close(CheckoutComplete, Processing)
			to.W.Money.Subscribed = true
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

func (n *node) bankEdges(add func(string, func(*node))) {
	m := n.W.Money
	switch m.State {
	case PaymentOpen:
		add("checkout expires", func(to *node) { to.W.close(CheckoutExpired, NoPayment) })
	case Processing:
		add("delayed payment succeeds", (*node).arrives)
		add("delayed payment fails", func(to *node) { to.W.Money.State, to.W.Money.Checkout.State = NoPayment, CheckoutFailed })
	case NoPayment:
		if m.Subscribed {
			add("the payment that failed succeeds after all", (*node).arrives)
		}
	case Invoiced:
		add("invoice is paid", func(to *node) { to.W.Money.State, to.W.Money.Collected = Paid, Amount{2, "EUR"} })
		add("invoice falls overdue", func(to *node) { to.W.Money.State, to.W.Money.OverdueSince = Overdue, t0.Add(-time.Hour) })
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
			add("dispute lost", func(to *node) {
				to.W.Money.Returned = m.Collected
				if n.R.Terms.Recurring() && !m.Subscribed {
					to.W.end()
				}
			})
		}
	case PaymentEnded:
		if m.Returned.Minor == 0 && m.Collected.Minor > 0 {
			add("disputed", func(to *node) { to.W.Money.State = Disputed })
		}
	}
	if m.State == Overdue && !m.Subscribed {
		add("invoice is paid after all", func(to *node) {
			to.W.Money.State, to.W.Money.Collected, to.W.Money.OverdueSince = Paid, Amount{2, "EUR"}, time.Time{}
		})
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
	add("subscription ends", func(to *node) { to.W.end() })
}

// arrives takes in a payment by debit.
func (n *node) arrives() {
	m := &n.W.Money
	m.State, m.Collected, m.Checkout.State = Paid, Amount{2, "EUR"}, CheckoutComplete
	if !n.R.Terms.Recurring() {
		return
	}
	m.PaidUntil = t0.Add(time.Hour)
	if !m.Subscribed {
		m.State = PaymentEnded
	}
}

// wonState is what a dispute that was won leaves.
func wonState(m Money) PaymentState {
	if m.Subscribed || m.PaidUntil.IsZero() {
		return Paid
	}
	return PaymentEnded
}

func (n *node) personEdges(add func(string, func(*node))) {
	p := n.R.Payment
	if n.With.Refunds && p.Have == Paid && p.Refund.Amount.Minor == 0 && p.Kept().Minor > 0 {
		add("a person gives money back", func(to *node) {
			to.change(func(c *Change) { _ = c.refund(Amount{1, "EUR"}, Mark{At: t0, By: Actor{Kind: ByPerson}}) })
		})
	}
	if n.With.Ends && n.R.Allows(DoEnd) == nil {
		add("a person ends it", func(to *node) {
			to.change(func(c *Change) { _ = c.endNow(Mark{At: t0, By: Actor{Kind: ByPerson}}) })
		})
	}
	decline := func(to *node) {
		to.change(func(c *Change) { _ = c.rule(Decline, Mark{At: t0, By: Actor{Kind: ByPerson}}) })
	}
	if n.R.Verdict.Outcome == Approve && n.R.Allows(DoDecline) == nil {
		add("a person declines what is held up", decline)
	}
	if step, ok := n.R.Current(); !ok || step.Kind != Review || n.R.Verdict.Outcome != Open {
		return
	}
	add("reviewer approves", func(to *node) {
		to.change(func(c *Change) { _ = c.rule(Approve, Mark{At: t0, By: Actor{Kind: ByPerson}}) })
	})
	add("reviewer declines", decline)
}

func (n *node) clockEdges(add func(string, func(*node))) {
	m := n.W.Money
	if step, ok := n.R.Current(); ok && step.Mark.At.After(t0.Add(longAgo)) && step.Kind != Review {
		since := func(d time.Duration) func(to *node) {
			return func(to *node) {
				i := slices.IndexFunc(to.R.Steps, func(s Step) bool { return s.Kind == step.Kind })
				to.R.Steps[i].Mark.At = t0.Add(d)
			}
		}
		add("patience runs out", since(longAgo))
		if n.R.Arrival.Trust == Untold && step.Mark.At.Equal(t0) {
			add("nobody comes for a while", since(-browserComes))
		}
		if n.R.Terms.Remind > 0 && step.Mark.At.After(t0.Add(n.R.Terms.Remind-n.R.Terms.patience())) {
			add("nobody comes for longer", since(-writeAfter))
			add("the time is nearly over", since(n.R.Terms.Remind-n.R.Terms.patience()))
		}
	}
	if since := n.R.Access.Inactive; since.Equal(t0) {
		add("the account stays deactivated", func(to *node) { to.R.Access.Inactive = t0.Add(longAgo) })
	}
	if m.State == Overdue && m.OverdueSince.After(t0.Add(longAgo)) {
		add("grace runs out", func(to *node) { to.W.Money.OverdueSince = t0.Add(longAgo) })
	}
	if m.State == PaymentEnded && m.PaidUntil.After(t0) {
		add("paid period ends", func(to *node) { to.W.Money.PaidUntil = t0.Add(-time.Second) })
	}
}

// always says what is wrong with a state in which something may still be under way.
func (n *node) always() string {
	switch {
	case n.W.Live > 1:
		return "two checkouts are open"
	case n.W.Approved > 1:
		return "two keys were issued"
	case n.W.Money.Returned.Minor > n.W.Money.Collected.Minor:
		return "more was returned than collected"
	case n.W.Twice:
		return "a checkout was opened over a payment that is here or a subscription that goes on"
	case n.W.Overrule:
		return "resumed what the admin had stopped"
	}
	for _, d := range Compare(n.R, n.facts(), nil, t0) {
		if d.Remedy == NeedsPerson {
			return "reconciling finds what no rule mends: " + d.Text
		}
	}
	return ""
}

// resting says what is wrong with a state in which nothing is left to do.
func (n *node) resting() string {
	r, m := n.R, n.W.Money
	kept := m.Collected.Minor - m.Returned.Minor
	has := n.W.Key == Granted || n.W.Key == Suspended
	open := m.Checkout.State == CheckoutOpen
	waitsForBank := m.State == Disputed || m.State == Processing
	switch stage := r.Stage(); {
	case r.Verdict.Outcome == Decline && kept > 0 && !waitsForBank:
		return "declined with money kept"
	case r.Verdict.Outcome == Decline && (has || n.W.Key == Pending):
		return "declined, and the portal says " + string(n.W.Key)
	case r.Verdict.Outcome != Open && m.Checkout.State == CheckoutOpen:
		return "decided with a checkout open"
	case kept > 0 && !has && r.Verdict.Outcome == Approve && r.Ended.At.IsZero() && m.State != Disputed && !r.Access.Inactive.Equal(t0):
		return "paid with no access and no refund"
	case has && r.Verdict.Outcome == Open:
		return "granted with nothing decided"
	case has && n.W.Key != r.Want(t0).Access:
		return fmt.Sprintf("wanted %s, the portal says %s", r.Want(t0).Access, n.W.Key)
	case !r.Ended.At.IsZero() && (has || m.Subscribed):
		return "ended, and still has something"
	case m.Subscribed && !has && r.Allows(DoDecline) != nil && r.Allows(DoEnd) != nil:
		return "a subscription goes on without access, and nobody can end it"
	case !r.Access.Stopped.At.IsZero() && !n.W.Stopped:
		return "our own suspension is taken for the admin's"
	case has && m.State == NoPayment && paid(r) && !n.W.Admin:
		return "granted, and nothing was paid"
	case m.State == Held && r.Verdict.Outcome != Open:
		return "decided with money held"
	case m.Collected.Minor > 0 && r.Payment.Refund.Amount.Minor > m.Returned.Minor && !waitsForBank:
		return "a person's refund was not made"
	case r.Verdict.Outcome == Decline && (m.State == Invoiced || m.State == Overdue):
		return "declined, and still asking for money"
	case open && n.W.Inactive:
		return "a checkout is open for an account that is deactivated"
	case !waitsForBank && n.W.Key == Granted && n.W.Inactive:
		return "granted to an account that is deactivated"
	case len(r.Terms.Tell) > 0 && n.untold(stage):
		return "not told that it is " + string(stage)
	case (stage == StateDeclined || stage == StateEnded) && (m.Checkout.State == CheckoutOpen || m.Subscribed):
		return string(stage) + " with something live"
	case stage != StateDeclined && stage != StateEnded && Until(r, t0).IsZero():
		return "nothing left to do at " + string(stage) + ", and nobody looks again"
	}
	if r.Access.Missing.IsZero() {
		for _, d := range Compare(r, n.facts(), nil, t0) {
			return "at rest, and reconciling finds it " + string(d.Kind) + ": " + d.Text
		}
	}
	return ""
}

// untold reports that the applicant does not know how the request stands.
func (n *node) untold(stage State) bool {
	switch last := n.R.lastTold().Kind; stage {
	case StateDeclined:
		return last != TellDeclined
	case StateEnded:
		return last != TellEnded
	case StateActive:
		return last != TellApproved && last != TellResumed
	case StateSuspended:
		return last != TellSuspended
	}
	return false
}

// paid reports that the request counts as paid, by the provider's word.
func paid(r Request) bool {
	step, ok := r.Step(Paying)
	return ok && step.State == Met
}

// good reports an end that a request may be meant to come to.
func (n *node) good() bool {
	s := n.R.Stage()
	return n.Act == nil && (s == StateDeclined || s == StateEnded || s == StateActive && n.W.Key == Granted)
}

// invoices is the provider that sends invoices instead of charging a card.
const invoices = "manual"

// termsToWalk are plans that differ in what the rules see.
func termsToWalk() map[string]Terms {
	once := []Price{{Amount: Amount{2, "EUR"}}}
	monthly := []Price{{Amount: Amount{2, "EUR"}, Interval: Interval{Unit: "month"}}}
	base := Terms{Provider: "p", Grace: 2 * time.Hour}
	with := func(fn func(*Terms)) Terms { t := base; fn(&t); return t }
	return map[string]Terms{
		"free":      {},
		"reviewed":  with(func(t *Terms) { t.Steps = []StepKind{Review} }),
		"validated": with(func(t *Terms) { t.Steps = []StepKind{Validation} }),
		"paid":      with(func(t *Terms) { t.Steps, t.Lines = []StepKind{Paying}, once }),
		"held":      with(func(t *Terms) { t.Steps, t.Lines, t.Hold = []StepKind{Paying, Review}, once, true }),
		"invoiced": with(func(t *Terms) {
			t.Provider, t.Steps, t.Lines, t.Hold = invoices, []StepKind{Paying, Review}, once, true
		}),
		"told": with(func(t *Terms) {
			t.Steps, t.Lines = []StepKind{Paying}, once
			t.Tell, t.Remind = MessageKinds, time.Hour
		}),
		"told some": with(func(t *Terms) {
			t.Steps, t.Lines = []StepKind{Paying}, once
			t.Mailed, t.Tell = true, []MessageKind{TellStart, TellSuspended}
		}),
		"waived":     with(func(t *Terms) { t.Steps, t.Lines = []StepKind{Validation, Review, Paying}, once }),
		"everything": with(func(t *Terms) { t.Steps, t.Lines = []StepKind{Validation, Review, Paying}, once }),
		"subscribed": with(func(t *Terms) { t.Steps, t.Lines = []StepKind{Paying}, monthly }),
		"lenient": with(func(t *Terms) {
			t.Steps, t.Lines, t.Refunded, t.Disputed = []StepKind{Paying}, monthly, Keep, Keep
		}),
		"strict":    with(func(t *Terms) { t.Steps, t.Lines, t.Refunded, t.Disputed = []StepKind{Paying}, monthly, Revoke, Revoke }),
		"suspended": with(func(t *Terms) { t.Steps, t.Lines, t.Refunded = []StepKind{Paying}, monthly, Suspend }),
	}
}

// longWalks are those of the most states.
var longWalks = []string{"lenient", "subscribed", "suspended", "strict", "told", "told some", "paid", "everything"}

// scopes says in which walks something happens that does not in all.
var scopes = map[string]scope{
	"reviewed": {Doubts: true}, "validated": {Doubts: true, Unseen: true}, "told": {Unseen: true}, "held": {Doubts: true, Refunds: true},
	"told some": {Unseen: true, Account: true}, "waived": {Waived: true, Account: true}, "free": {Account: true},
	"paid": {Doubts: true, Refunds: true}, "everything": {Doubts: true}, "subscribed": {Doubts: true},
	"suspended": {Ends: true},
}

func start(terms Terms, with scope) *node {
	c := Change{Request: Request{ID: "01JZZZZZZZZZZZZZZZZZZZZZZZ", Portal: "main", Key: "k", Verdict: Verdict{Outcome: Open}}}
	if with.Waived {
		c.Waived = Mark{At: t0, By: Actor{Kind: ByPerson}}
	}
	c.TakeIn(KeyRequest{State: Pending, Applicant: Applicant{Email: "a@example.com"}}, terms, t0)
	if !with.Unseen {
		c.Arrival = Arrival{Trust: Signed, At: t0}
	}
	return &node{R: c.Request, W: outside{Key: Pending}, With: with}
}

func TestEveryReachableStateKeepsTheInvariantsAndHasAWayOn(t *testing.T) {
	// Nearly all that a walk makes is thrown away at once; what it keeps is small.
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	var mu sync.Mutex
	var states, edges int
	var plans []string
	t.Run("plans", func(t *testing.T) {
		for name, terms := range termsToWalk() {
			if raced && slices.Contains(longWalks, name) {
				continue // one goroutine races with nobody, and takes ten times as long; .ci/run walks them all
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s, e := walk(t, start(terms, scopes[name]))
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
	from int32  // where it was first reached from
	by   string // and by what; empty for the first
	calm int32  // where the worker takes it when nothing else happens
	good bool
	ways int // where in walker.ways its own begin
}

// walker visits everything reachable from a node.
type walker struct {
	keyer   keyer
	numbers map[nodeKey]int32
	visits  []visit
	ways    []int32 // where everything that can happen takes each state
	queue   []*node // those not visited yet; the first one's number is next
}

// number returns a node's number, and puts it into the queue if it is new.
func (w *walker) number(n *node, from int32, by string) int32 {
	key := w.keyer.of(n)
	i, ok := w.numbers[key]
	if !ok {
		i = int32(len(w.visits))
		w.numbers[key] = i
		w.visits = append(w.visits, visit{from: from, by: by})
		w.queue = append(w.queue, n)
	}
	return i
}

// path tells how a state was reached.
func (w *walker) path(i int32) (steps string) {
	for v := w.visits[i]; v.by != ""; v = w.visits[v.from] {
		steps = "\n  " + v.by + steps
	}
	return steps
}

// walk visits everything reachable from a node and returns how much there was.
func walk(t *testing.T, from *node) (states, edges int) {
	t.Helper()
	w := walker{keyer: keyer{words: map[string]byte{}, times: map[int64]byte{}}, numbers: map[nodeKey]int32{}}
	w.number(from, 0, "")
	for at := int32(0); len(w.queue) > 0; at++ {
		n := w.queue[0]
		w.queue[0] = nil // so that it can be forgotten
		w.queue = w.queue[1:]
		if wrong := n.always(); wrong != "" {
			t.Fatalf("%s after:%s", wrong, w.path(at))
		}
		begin, calm := len(w.ways), at
		n.edges(func(e edge) {
			to := w.number(e.to, at, e.name)
			w.ways = append(w.ways, to)
			if e.calm {
				calm = to
			}
		})
		v := &w.visits[at]
		v.good, v.calm, v.ways = n.good(), calm, begin
		if calm == at { // the worker has nothing left to do here
			if wrong := n.resting(); wrong != "" {
				t.Fatalf("%s (at %s) after:%s", wrong, n.R.Stage(), w.path(at))
			}
		}
	}
	for i := range w.visits {
		if !w.comesToRest(int32(i)) {
			t.Fatalf("does not come to rest after:%s", w.path(int32(i)))
		}
	}
	if i := w.deadEnd(); i >= 0 {
		t.Fatalf("dead end after:%s", w.path(int32(i)))
	}
	return len(w.visits), len(w.ways)
}

// comesToRest follows what the worker does when every call succeeds.
func (w *walker) comesToRest(i int32) bool {
	for range 40 {
		if w.visits[i].calm == i {
			return true
		}
		i = w.visits[i].calm
	}
	return false
}

// deadEnd returns a state from which no good end can be reached, -1 if there is
// none. It spreads the word back from the good ones until nobody new hears it.
func (w *walker) deadEnd() int {
	wayOn := make([]bool, len(w.visits))
	for i, v := range w.visits {
		wayOn[i] = v.good
	}
	for changed := true; changed; {
		changed = false
		end := len(w.ways)
		for i := len(w.visits) - 1; i >= 0; i-- {
			ways := w.ways[w.visits[i].ways:end]
			end = w.visits[i].ways
			if !wayOn[i] && slices.ContainsFunc(ways, func(to int32) bool { return wayOn[to] }) {
				wayOn[i], changed = true, true
			}
		}
	}
	return slices.Index(wayOn, false)
}

func TestStatesAreListedOnce(t *testing.T) {
	seen := slices.Clone(States)
	slices.Sort(seen)
	if got := slices.Compact(seen); len(got) != len(States) {
		t.Errorf("States has %d entries, %d distinct", len(States), len(got))
	}
}
