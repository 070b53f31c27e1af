package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	stripesandbox "keybridge/billing/stripe/sandbox"
	tyksandbox "keybridge/bridge/tyk/sandbox"

	"keybridge/bridge"
)

// payment is a way to pay, whose events are delivered in every order.
type payment struct {
	name, plan, policy string
	// pay does at the checkout what the developer does, and settle what the bank does
	// later; nil where nothing comes later.
	pay, settle func(*stand, checkout)
	// paid is the payment status of the one session at the end.
	paid string
	// most bounds the orders that are tried, drawn evenly; zero: all of them.
	most int
}

func payments() []payment {
	pay := func(s *stand, c checkout) { s.act(c.ID, "pay", stripesandbox.Args{"email": "payer@example.org"}) }
	later := func(s *stand, c checkout) {
		s.act(c.ID, "pay_later", stripesandbox.Args{"email": "payer@example.org"})
	}
	settle := func(s *stand, c checkout) { s.act(c.ID, "settle", nil) }
	return []payment{
		{name: "a card pays once", plan: paidPlan, policy: tyksandbox.PaidPolicy, pay: pay, paid: "paid"},
		{name: "a card is checked", plan: cardPlan, policy: tyksandbox.FreePolicy, pay: pay, paid: "no_payment_required"},
		{name: "a bank debit settles later", plan: paidPlan, policy: tyksandbox.PaidPolicy, pay: later, settle: settle, paid: "paid", most: 100},
		{name: "a card subscribes", plan: monthlyPlan, policy: tyksandbox.PaidPolicy, pay: pay, paid: "paid", most: 100},
	}
}

// TestFaultAnyOrder holds back what Stripe has to say of a payment and then says it in
// every order, each event one to three times, while the landing page is loaded at some
// moment between. Whatever the order, the key is approved by one call, there is one
// session, and the end is the same.
//
// A way with n events has n! orders. All are tried up to 120; of a way with more of
// them as many as its most, drawn with a fixed seed.
func TestFaultAnyOrder(t *testing.T) {
	t.Parallel()
	for _, p := range payments() {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			s := startStand(t, choice{plans: []string{p.plan}, handoff: queryHandoff})
			s.Stripe.Hold(true)
			o := &orders{stand: s, payment: p, keys: map[string]bool{}, places: map[[2]int]bool{}}
			t.Run("in the order of events", func(t *testing.T) { o.walk(t, nil, rand.New(rand.NewPCG(0, 0))) })
			o.walkAll(t)
			o.wantQuiet()
			t.Logf("%d events, %d orders, %d deliveries, of which %d came before the landing page; at each place of the order %d events were tried",
				len(o.kinds), o.walks, o.deliveries, o.before, o.coverage())
		})
	}
}

// TestABrowserThatComesAfterTheApprovalIsLetIn lets the portal's webhook be faster than
// the browser it belongs to: a plan that asks for nothing is approved by then.
func TestABrowserThatComesAfterTheApprovalIsLetIn(t *testing.T) {
	t.Parallel()
	s := startStand(t, choice{plans: []string{freePlan}})
	a := s.ask(asker, tyksandbox.FreePolicy)
	s.awaitState(a.ID, bridge.StateActive)
	v := browse(t)
	if err := v.open(a.Redirect); err != nil {
		t.Fatal(err)
	}
	if heading := text(find(v.page, "title")); heading != "Your access is active" {
		t.Errorf("the page says %q", heading)
	}
	s.wantOneKey(a.ID, asker)
}

// orders are the walks of one way to pay.
type orders struct {
	*stand
	payment payment

	mu                        sync.Mutex
	kinds                     []string // the events of the way, in their order
	end                       *ending  // of the first walk
	keys                      map[string]bool
	places                    map[[2]int]bool // event and place
	walks, deliveries, before int
}

// walkAll walks once for each order, and is over when all walks are.
func (o *orders) walkAll(t *testing.T) {
	draw := rand.New(rand.NewPCG(1, uint64(len(o.kinds))))
	all := map[string][]int{}
	for _, order := range permutations(len(o.kinds), o.payment.most, draw) {
		all[fmt.Sprint(order)] = order
	}
	besideEachOther(t, all, func(t *testing.T, order []int) {
		o.walk(t, order, rand.New(rand.NewPCG(2, hashOf(order))))
	})
}

// walk takes one request through, with its events delivered in an order; without
// one they come as they happened.
func (o *orders) walk(t *testing.T, order []int, draw *rand.Rand) {
	s := o.in(t)
	email := fmt.Sprintf("order%d@example.com", draw.Uint64())
	a := s.ask(email, o.payment.policy)
	v := browse(t)
	if err := v.open(a.Redirect); err != nil {
		t.Fatal(err)
	}
	c := s.awaitCheckout(a.ID)
	o.payment.pay(s, c)
	if order == nil {
		o.learn(s, c)
		order = inTurn(len(o.kinds))
	}
	back := &landing{v: v, at: c.Success}
	o.deliver(s, c, schedule(order, draw), back, draw)
	s.awaitState(a.ID, bridge.StateActive)
	back.finish(t)
	s.wantOneKey(a.ID, email)
	o.compare(t, endingOf(s.request(a.ID)))
	o.mu.Lock()
	defer o.mu.Unlock()
	o.keys[a.ID] = true
	o.walks++
}

// learn notes which events there are.
func (o *orders) learn(s *stand, c checkout) {
	if o.payment.settle != nil {
		o.payment.settle(s, c)
	}
	mine := s.eventsOf(c.ID)
	for _, e := range s.Stripe.Events() {
		if mine[e.Type] == e.ID {
			o.kinds = append(o.kinds, e.Type)
		}
	}
	o.t.Logf("the events: %q", o.kinds)
}

// delivery is one event that is delivered, several times at once.
type delivery struct{ event, copies int }

// schedule is an order with each event one to three times: some of them at once,
// the rest at any later moment.
func schedule(order []int, draw *rand.Rand) []delivery {
	var all []delivery
	var again []int
	for _, event := range order {
		copies := 1 + draw.IntN(3)
		atOnce := 1 + draw.IntN(copies)
		all = append(all, delivery{event, atOnce})
		for range copies - atOnce {
			again = append(again, event)
		}
		for len(again) > 0 && draw.IntN(3) == 0 {
			i := draw.IntN(len(again))
			all = append(all, delivery{again[i], 1})
			again = slices.Delete(again, i, i+1)
		}
	}
	for _, event := range again {
		all = append(all, delivery{event, 1})
	}
	return all
}

// deliver delivers the events of a checkout. The developer comes back at some moment
// between, and stays while the rest arrives. The bank settles when the turn comes of
// an event that has not happened yet.
func (o *orders) deliver(s *stand, c checkout, all []delivery, back *landing, draw *rand.Rand) {
	s.t.Helper()
	from := draw.IntN(len(all) + 1)
	for place, d := range all {
		if place == from {
			back.start()
		}
		id, happened := s.eventsOf(c.ID)[o.kinds[d.event]]
		if !happened {
			o.payment.settle(s, c)
			id = s.eventsOf(c.ID)[o.kinds[d.event]]
		}
		var deliveries sync.WaitGroup
		for range d.copies {
			deliveries.Go(func() {
				if err := s.Stripe.Deliver(id); err != nil {
					s.t.Errorf("delivering %s: %v", o.kinds[d.event], err)
				}
			})
		}
		deliveries.Wait()
	}
	if from == len(all) {
		back.start()
	}
	o.note(all, from)
}

// note counts what was covered.
func (o *orders) note(all []delivery, from int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	seen := map[int]bool{}
	for place, d := range all {
		if !seen[d.event] {
			o.places[[2]int{d.event, len(seen)}] = true
			seen[d.event] = true
		}
		o.deliveries += d.copies
		if place < from {
			o.before += d.copies
		}
	}
}

// coverage is at how few events any place of the order has seen.
func (o *orders) coverage() int {
	least := len(o.kinds)
	for place := range o.kinds {
		seen := 0
		for event := range o.kinds {
			if o.places[[2]int{event, place}] {
				seen++
			}
		}
		least = min(least, seen)
	}
	return least
}

// compare checks that a walk ended as the first one did.
func (o *orders) compare(t *testing.T, end ending) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.end == nil {
		o.end = &end
	}
	if diff := cmp.Diff(*o.end, end); diff != "" {
		t.Errorf("the end differs from that of the first walk (-first +this):\n%s", diff)
	}
}

// wantQuiet waits until the bridge asks nobody anything any more, and then counts
// the approvals once more: there is one for each request, and one session, which is paid.
func (o *orders) wantQuiet() {
	o.t.Helper()
	calls, since := -1, time.Now()
	await(o.t, "the bridge to be at rest", func() bool {
		if n := len(o.Portal.Calls()) + len(o.Stripe.Calls()); n != calls {
			calls, since = n, time.Now()
		}
		return time.Since(since) > 300*time.Millisecond
	}, nil)
	for key := range o.keys {
		if n := o.approvals(key); n != 1 {
			o.t.Errorf("key request %s was approved by %d calls, want one", key, n)
		}
	}
	sessions := map[string][]string{}
	for _, c := range objects[checkout](o.stand, "checkout.session") {
		sessions[c.Reference] = append(sessions[c.Reference], c.Status+" "+c.Payment)
	}
	for key := range o.keys {
		id := string(o.request(key).ID)
		if want := []string{"complete " + o.payment.paid}; !slices.Equal(sessions[id], want) {
			o.t.Errorf("the checkouts of %s at Stripe are %q, want %q", id, sessions[id], want)
		}
		delete(sessions, id)
	}
	if len(sessions) > 0 {
		o.t.Errorf("there are sessions of requests that nobody made: %v", sessions)
	}
}

// eventsOf are the ids of the events of a checkout and of what came of it, by their
// types. No way to pay has two of one type.
func (s *stand) eventsOf(session string) map[string]string {
	s.t.Helper()
	c := s.checkout(session)
	all := map[string]string{}
	for _, id := range []string{c.ID, c.Intent, c.Setup, c.Subscription, c.Invoice, c.Customer} {
		if id == "" {
			continue
		}
		for _, e := range s.Stripe.EventsOf(id) {
			if other, ok := all[e.Type]; ok && other != e.ID {
				s.t.Fatalf("there are two events of the type %s", e.Type)
			}
			all[e.Type] = e.ID
		}
	}
	return all
}

// landing is the developer's browser that comes back from the checkout.
type landing struct {
	v    *visitor
	at   string
	err  error
	done chan struct{}
}

// start comes back, beside what else goes on.
func (l *landing) start() {
	l.done = make(chan struct{})
	go func() {
		defer close(l.done)
		l.err = l.v.open(l.at)
	}()
}

// finish waits for the landing page, looks again and wants to see success.
func (l *landing) finish(t *testing.T) {
	t.Helper()
	<-l.done
	if l.err != nil {
		t.Fatal(l.err)
	}
	if err := l.v.open(l.at); err != nil {
		t.Fatal(err)
	}
	if heading := text(find(l.v.page, "title")); heading != "Your access is active" {
		t.Errorf("the landing page says %q", heading)
	}
}

// ending is what has to be the same whatever the order was.
type ending struct {
	State     bridge.State
	Steps     []string
	Verdict   bridge.Outcome
	Why       string
	Access    bridge.AccessState
	Keys      int
	Payment   bridge.PaymentState
	Collected bridge.Amount
	Refs      []string
	Attempts  map[bridge.ActionKind]int
	Failures  int
}

func endingOf(r bridge.Request) ending {
	e := ending{
		State: r.State(), Verdict: r.Verdict.Outcome, Why: r.Verdict.Mark.Why, Access: r.Access.Have, Keys: len(r.Access.Keys),
		Payment: r.Payment.Have, Collected: r.Payment.Collected, Attempts: map[bridge.ActionKind]int{}, Failures: r.Work.Failures,
	}
	for _, s := range r.Steps {
		e.Steps = append(e.Steps, fmt.Sprintf("%s %s", s.Kind, s.State))
	}
	for _, ref := range r.Refs {
		e.Refs = append(e.Refs, ref.System+" "+string(ref.Kind))
	}
	slices.Sort(e.Refs)
	for kind, try := range r.Work.Attempts {
		e.Attempts[kind] = try.N
	}
	return e
}

// permutations are all orders of n things, or as many as most, drawn without
// repetition.
func permutations(n, most int, draw *rand.Rand) [][]int {
	var all [][]int
	if most == 0 {
		permute(inTurn(n), 0, func(order []int) { all = append(all, slices.Clone(order)) })
		return all
	}
	seen := map[string]bool{}
	for len(all) < most {
		order := draw.Perm(n)
		if !seen[fmt.Sprint(order)] {
			seen[fmt.Sprint(order)] = true
			all = append(all, order)
		}
	}
	return all
}

func permute(order []int, from int, yield func([]int)) {
	if from == len(order) {
		yield(order)
		return
	}
	for i := from; i < len(order); i++ {
		order[from], order[i] = order[i], order[from]
		permute(order, from+1, yield)
		order[from], order[i] = order[i], order[from]
	}
}

func inTurn(n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	return order
}

func hashOf(order []int) uint64 {
	var h uint64
	for _, i := range order {
		h = h*31 + uint64(i) + 1
	}
	return h
}
