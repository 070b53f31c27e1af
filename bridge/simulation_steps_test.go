package bridge_test

import (
	"context"
	"fmt"
	"time"

	"keybridge/bridge"
)

// doing is a kind of thing that happens. What cannot happen to a request as it stands
// does not, so that happenings can be dropped before it.
type doing struct {
	name   string
	weight int
	ways   []string
	lasts  bool // has a length, and a number
	do     func(*simulation, happening)
}

// comings are the ways in which a key request comes to us.
var comings = []string{"signed", "signed", "signed", "bare", "webhook", "webhook first", "polled"}

// doings is everything that happens. The first is what each request begins with.
var doings = []doing{
	{"is asked for", 0, comings, true, (*simulation).asks},
	{"comes back", 3, []string{"signed", "bare", "same link"}, false, (*simulation).comesBack},
	{"is looked at", 6, nil, false, (*simulation).looks},
	{"is hinted at by the portal", 5, deliveries, true, func(s *simulation, h happening) { s.portalSays(h.Of, h.How, time.Duration(h.For)) }},
	{"completes the checkout", 24, deliveries, true, (*simulation).completes},
	{"completes it with money that is on its way", 4, deliveries, true, (*simulation).completesLater},
	{"withdraws", 1, nil, false, (*simulation).withdraws},
	{"answers", 2, nil, false, (*simulation).answers},

	{"the money arrives", 5, deliveries, true, turns(func(t *till) bool { return t.money.State == bridge.Processing }, (*till).pays)},
	{"the money does not arrive", 4, deliveries, true, turns(func(t *till) bool { return t.money.State == bridge.Processing }, func(t *till) { t.close(bridge.CheckoutFailed, bridge.NoPayment); t.called = false })},
	{"the money arrives after all", 3, deliveries, true, turns(func(t *till) bool { return t.money.Subscribed && t.money.State == bridge.NoPayment }, (*till).pays)},
	{"the authorisation lapses", 2, deliveries, true, turns(func(t *till) bool { return t.money.State == bridge.Held }, func(t *till) { t.close(bridge.CheckoutFailed, bridge.NoPayment) })},
	{"is refunded by hand", 3, deliveries, true, turns(func(t *till) bool { return t.money.State == bridge.Paid }, func(t *till) { t.money.Returned = t.money.Collected; t.reckon() })},
	{"is disputed", 5, deliveries, true, turns((*till).disputable, func(t *till) { t.bank = contested; t.reckon() })},
	{"the dispute is won", 4, deliveries, true, turns((*till).disputed, func(t *till) { t.bank = peace; t.reckon() })},
	{"the dispute is lost", 4, deliveries, true, turns((*till).disputed, (*till).loses)},
	{"the renewal fails", 5, deliveries, true, turns((*till).renews, func(t *till) { t.behind = time.Now(); t.reckon() })},
	{"the renewal is paid", 5, deliveries, true, turns((*till).renews, (*till).pays)},
	{"the subscription ends", 3, deliveries, true, turns(func(t *till) bool { return t.money.Subscribed }, (*till).ends)},

	{"the admin approves", 2, deliveries, true, admin(bridge.Pending, bridge.Granted)},
	{"the admin deletes the request", 1, deliveries, true, admin(bridge.Pending, bridge.Gone)},
	{"the admin suspends the key", 2, deliveries, true, admin(bridge.Granted, bridge.Suspended)},
	{"the admin resumes the key", 3, deliveries, true, admin(bridge.Suspended, bridge.Granted)},
	{"the admin removes the key", 1, deliveries, true, admin(bridge.Granted, bridge.Gone)},
	{"the account is deactivated", 2, deliveries, true, (*simulation).deactivates},
	{"the portal finds nothing for once", 2, nil, false, (*simulation).findsNothing},

	{"a person approves", 10, nil, false, func(s *simulation, h happening) { s.approves(h.Of, "anna") }},
	{"a person declines", 1, nil, false, func(s *simulation, h happening) { s.declines(h.Of, "anna") }},
	{"two persons decide at once", 6, []string{"approve", "approve", "decline"}, false, (*simulation).bothDecide},
	{"a person refunds", 3, []string{"a little", "all"}, false, (*simulation).refunds},
	{"a person waives", 1, nil, false, (*simulation).waives},
	{"a person ends it", 1, nil, false, (*simulation).ends},
	{"a person retries", 3, nil, false, (*simulation).retries},
	{"a person writes", 3, []string{"note", "question"}, false, (*simulation).writes},
	{"a person has the applicant forgotten", 2, nil, false, (*simulation).forgets},
	{"a person makes one for a developer", 1, []string{"waived", ""}, false, (*simulation).creates},

	{"somebody reconciles", 2, nil, false, (*simulation).reconciles},

	{"a fault", 34, simulatedFaults, false, (*simulation).armed},
	{"all calls fail for a while", 4, []string{"portal", "provider", "mail"}, true, (*simulation).fails},
	{"the process dies", 36, nil, true, (*simulation).dies},
	{"the process is stopped", 3, nil, true, (*simulation).stops},
	{"the clock jumps", 5, []string{"-24h", "-5m", "-1h", "0s", "5m", "1h", "24h"}, false, (*simulation).jumps},
}

var full = bridge.NewAmount(500, "eur")

// asks makes a key request in the portal, and has it come to us in a way.
func (s *simulation) asks(h happening) {
	c := s.requests[h.Of]
	if c.key != "" {
		return
	}
	c.key = s.portal.ask(c.plan)
	switch h.How {
	case "polled":
	case "webhook":
		s.portalSays(h.Of, "at once", 0)
	case "webhook first":
		s.portalSays(h.Of, "at once", 0)
		s.browser(h.Of, bridge.Signed, s.unique("link"), time.Duration(h.For))
	default:
		s.portalSays(h.Of, "late", time.Duration(h.For))
		s.browser(h.Of, bridge.Trust(h.How), s.unique("link"), 0)
	}
}

func (s *simulation) comesBack(h happening) {
	c := s.requests[h.Of]
	if c.key == "" {
		return
	}
	link, trust := s.unique("link"), bridge.Trust(h.How)
	if h.How == "same link" {
		link, trust = c.link, bridge.Signed
	}
	s.browser(h.Of, trust, link, 0)
}

// browser is a browser that the portal sends here. It gives up when it is not answered:
// the webhook and the poll are still there.
func (s *simulation) browser(of int, trust bridge.Trust, link string, after time.Duration) {
	c := s.requests[of]
	c.link = link
	if trust == bridge.Bare {
		link = ""
	}
	s.group.Go(func() {
		time.Sleep(after)
		answered, err := s.on(func(p *process) error {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			_, err := p.service.Arrive(ctx, handoff(c.key, trust, link, "browser of "+c.key))
			return err
		})
		if answered && err == nil {
			s.acknowledged(of)
		}
	})
}

// portalSays is the portal's webhook.
func (s *simulation) portalSays(of int, how string, later time.Duration) {
	if key := s.requests[of].key; key != "" {
		said := s.portal.says(key)
		s.deliver(how, later, of, func(p *process, id string) bridge.Hint {
			return bridge.Hint{Source: "portal/main", ID: id, What: "submitted", Said: said, Portal: "main", Key: key, Intake: p.service.Intake("main", key)}
		}, func(string) {}) // what waits can be listed
	}
}

// providerSays is the provider's webhook. What it could not deliver can be asked for.
func (s *simulation) providerSays(of int, how string, later time.Duration) {
	r, ok := s.find(of)
	if !ok {
		return
	}
	at := time.Now()
	event := func(id string) bridge.Hint {
		return bridge.Hint{Source: "stripe", ID: id, What: "event", Said: bridge.SaidMoney, At: at, Request: r.ID}
	}
	s.deliver(how, later, of, func(_ *process, id string) bridge.Hint { return event(id) }, func(id string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.provider.missed = append(s.provider.missed, event(id))
	})
}

// deliver brings a hint, again until it is taken or given up. How says when and how often.
func (s *simulation) deliver(how string, later time.Duration, of int, hint func(*process, string) bridge.Hint, missed func(id string)) {
	id := s.unique("event")
	if how == "never" {
		missed(id)
		return
	}
	send := func(after time.Duration) {
		time.Sleep(after)
		for wait := 10 * time.Second; wait < 12*time.Hour; wait *= 4 {
			answered, err := s.on(func(p *process) error { _, err := p.service.Accept(context.Background(), hint(p, id)); return err })
			if answered && err == nil {
				s.acknowledged(of)
				return
			}
			time.Sleep(wait)
		}
		missed(id)
	}
	if how != "late" {
		s.group.Go(func() { send(0) })
	}
	if how != "at once" {
		s.group.Go(func() { send(later) })
	}
}

func (s *simulation) looks(h happening) {
	s.click(h.Of, func(p *process, id bridge.ID) error { return p.service.Look(context.Background(), id) }, nil)
}

func (s *simulation) withdraws(h happening) {
	s.click(h.Of, func(p *process, id bridge.ID) error { return p.service.Withdraw(context.Background(), id) }, func(c *course) { c.declined++ })
}

func (s *simulation) answers(h happening) {
	s.click(h.Of, func(p *process, id bridge.ID) error {
		r, err := p.service.Get(context.Background(), id)
		if err != nil {
			return err
		}
		return p.service.Answer(context.Background(), id, len(r.Notes)-1, "write to "+canary)
	}, nil)
}

// click is somebody's word, given once: who gets no answer looks again before they
// repeat it. done notes what was answered with yes.
func (s *simulation) click(of int, call func(*process, bridge.ID) error, done func(*course)) {
	r, ok := s.find(of)
	if !ok {
		return
	}
	s.group.Go(func() {
		answered, err := s.on(func(p *process) error { return call(p, r.ID) })
		if answered && err == nil && done != nil {
			s.m.Lock()
			defer s.m.Unlock()
			done(s.requests[of])
		}
	})
}

// desk is a program's word: repeated with its key until it is answered.
func (s *simulation) desk(of int, name string, call func(bridge.Desk, bridge.ID) error, done func(*course)) {
	r, ok := s.find(of)
	if !ok {
		return
	}
	key := s.unique("click")
	s.group.Go(func() {
		for range 5 {
			answered, err := s.on(func(p *process) error {
				return call(p.service.Desk(bridge.Person{Name: name, Role: bridge.Admin}).Once(key), r.ID)
			})
			if !answered {
				time.Sleep(time.Minute)
				continue
			}
			if err == nil && done != nil {
				s.m.Lock()
				defer s.m.Unlock()
				done(s.requests[of])
			}
			return
		}
	})
}

func (s *simulation) approves(of int, name string) {
	s.desk(of, name, func(d bridge.Desk, id bridge.ID) error {
		return d.Do(context.Background(), id, bridge.Deed{Kind: bridge.DoApprove})
	}, func(c *course) { c.approved++ })
}

func (s *simulation) declines(of int, name string) {
	s.desk(of, name, func(d bridge.Desk, id bridge.ID) error {
		return d.Do(context.Background(), id, bridge.Deed{Kind: bridge.DoDecline, Text: "no"})
	}, func(c *course) { c.declined++ })
}

// bothDecide has two persons decide in one moment: one approves, the other does what is
// said.
func (s *simulation) bothDecide(h happening) {
	s.approves(h.Of, "anna")
	if h.How == "decline" {
		s.declines(h.Of, "bert")
		return
	}
	s.approves(h.Of, "bert")
}

func (s *simulation) refunds(h happening) {
	r, ok := s.find(h.Of)
	if !ok {
		return
	}
	amount := bridge.NewAmount(1, "eur")
	if h.How == "all" {
		amount.Minor = r.Payment.Collected.Minor - r.Payment.Returned.Minor
	}
	s.desk(h.Of, "anna", func(d bridge.Desk, id bridge.ID) error {
		return d.Do(context.Background(), id, bridge.Deed{Kind: bridge.DoRefund, Amount: amount, Text: "sorry"})
	}, nil)
}

func (s *simulation) waives(h happening) {
	s.m.Lock()
	s.requests[h.Of].free = true // if it is done, who said so need not have lived to hear it
	s.m.Unlock()
	s.desk(h.Of, "anna", func(d bridge.Desk, id bridge.ID) error {
		return d.Do(context.Background(), id, bridge.Deed{Kind: bridge.DoWaive, Text: "settled elsewhere"})
	}, nil)
}

func (s *simulation) ends(h happening) {
	s.desk(h.Of, "anna", func(d bridge.Desk, id bridge.ID) error {
		return d.Do(context.Background(), id, bridge.Deed{Kind: bridge.DoEnd, Text: "left"})
	}, nil)
}

func (s *simulation) retries(h happening) {
	s.desk(h.Of, "anna", func(d bridge.Desk, id bridge.ID) error {
		return d.Do(context.Background(), id, bridge.Deed{Kind: bridge.DoRetry})
	}, nil)
}

func (s *simulation) writes(h happening) {
	s.desk(h.Of, "anna", func(d bridge.Desk, id bridge.ID) error {
		if h.How == "question" {
			return d.Do(context.Background(), id, bridge.Deed{Kind: bridge.DoAsk, Text: "are you " + canary + "?"})
		}
		return d.Do(context.Background(), id, bridge.Deed{Kind: bridge.DoNote, Text: "this is " + canary})
	}, nil)
}

func (s *simulation) forgets(h happening) {
	s.desk(h.Of, "anna", func(d bridge.Desk, _ bridge.ID) error {
		_, _, err := d.Forget(context.Background(), "main", "dev-1")
		return err
	}, nil)
}

func (s *simulation) reconciles(happening) {
	s.group.Go(func() {
		_, _ = s.on(func(p *process) error {
			_, err := p.service.Desk(bridge.Person{Name: "anna", Role: bridge.Admin}).Reconcile(context.Background(), bridge.Reconciling{})
			return err
		})
	})
}

// creates has a person make a key request like this one, which may be this one.
func (s *simulation) creates(h happening) {
	c := s.requests[h.Of]
	waive := ""
	if h.How == "waived" {
		waive = "settled elsewhere"
		s.m.Lock()
		for _, same := range s.requests {
			same.free = same.free || same.plan == c.plan
		}
		s.m.Unlock()
	}
	s.group.Go(func() {
		_, _ = s.on(func(p *process) error {
			d := p.service.Desk(bridge.Person{Name: "anna", Role: bridge.Admin})
			_, err := d.Create(context.Background(), "main", bridge.Asking{Developer: "dev-1", Policies: []string{c.plan}}, waive)
			return err
		})
	})
}

// completes is what the developer does at the provider's page, if they can know it.
func (s *simulation) completes(h happening) {
	s.atCheckout(h, func(r bridge.Request, t *till) {
		m := &t.money
		switch {
		case m.Checkout.For == validation:
			t.close(bridge.CheckoutComplete, bridge.NoPayment)
			m.Validated = true
		case r.Terms.Hold:
			t.close(bridge.CheckoutComplete, bridge.Held)
		default:
			m.Subscribed = r.Terms.Recurring()
			t.pays()
		}
	})
}

func (s *simulation) completesLater(h happening) {
	s.atCheckout(h, func(r bridge.Request, t *till) {
		if t.money.Checkout.For == payment && !r.Terms.Hold {
			t.close(bridge.CheckoutComplete, bridge.Processing)
			t.money.Subscribed = r.Terms.Recurring()
		}
	})
}

func (s *simulation) atCheckout(h happening, fn func(bridge.Request, *till)) {
	if r, ok := s.find(h.Of); ok {
		s.bank.change(r, func(t *till) {
			if t.open() {
				fn(r, t)
			}
		})
		s.providerSays(h.Of, h.How, time.Duration(h.For))
	}
}

// turns is what becomes of a payment that stands in a way.
func turns(stands func(*till) bool, fn func(*till)) func(*simulation, happening) {
	return func(s *simulation, h happening) {
		r, ok := s.find(h.Of)
		if !ok {
			return
		}
		s.bank.change(r, func(t *till) {
			if stands(t) {
				fn(t)
			}
		})
		s.providerSays(h.Of, h.How, time.Duration(h.For))
	}
}

// disputable reports money here that no bank asks for yet.
func (t *till) disputable() bool { return t.bank == peace && t.kept() > 0 }

func (t *till) disputed() bool { return t.bank == contested || t.bank == earlier }

// loses has the bank take back what it asked for. What was paid since stands for itself.
func (t *till) loses() {
	if t.bank == earlier {
		t.bank = peace
	} else {
		t.bank, t.money.Returned = taken, t.money.Collected
	}
	t.reckon()
}

// renews reports a subscription that goes on to another period.
func (t *till) renews() bool { return t.money.Subscribed && !t.lasts.IsZero() }

// admin is what the portal's admin does with a key request or key in a state.
func admin(from, to bridge.AccessState) func(*simulation, happening) {
	return func(s *simulation, h happening) {
		c := s.requests[h.Of]
		if c.key == "" || s.portal.get(c.key).state != from {
			return
		}
		c.admin = c.admin || from == bridge.Pending && to == bridge.Granted
		s.portal.set(c.key, to)
		s.portalSays(h.Of, h.How, time.Duration(h.For))
	}
}

func (s *simulation) deactivates(h happening) {
	s.setInactive(true)
	s.portalSays(h.Of, h.How, 0)
	s.group.Go(func() {
		time.Sleep(time.Duration(h.For))
		s.setInactive(false)
	})
}

// findsNothing has the portal not find a request at its next reading, the first of all it
// may be: once, because a second one that says so is believed.
func (s *simulation) findsNothing(h happening) {
	s.m.Lock()
	defer s.m.Unlock()
	if c := s.requests[h.Of]; !c.lied && c.key != "" {
		c.lied, s.lie = true, c.key
	}
}

// lies reports that this reading finds nothing.
func (s *simulation) lies(key string) bool {
	s.m.Lock()
	defer s.m.Unlock()
	if s.lie != key {
		return false
	}
	s.lie = ""
	return true
}

// armed has the next calls of a kind go wrong.
func (s *simulation) armed(h happening) {
	if h.How == "slow" || h.How == "late" {
		s.m.Lock()
		defer s.m.Unlock()
		s.held[h.Call] = append(s.held[h.Call], h.How)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for range h.N {
		s.faults[h.Call] = append(s.faults[h.Call], faultNames[h.How])
	}
}

// sides are the calls that go to each far end.
var sides = map[string][]string{
	"portal":   {"read portal", "approve", "decline", "suspend", "resume", "revoke", "create", "list pending"},
	"provider": {"quote", "open", "read payment", "list checkouts", "expire", "capture", "void", "refund", "cancel", "list missed events"},
	"mail":     {"tell"},
}

// fails has a far end answer nothing for a while.
func (s *simulation) fails(h happening) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, call := range sides[h.How] {
		s.downs[call] = time.Now().Add(time.Duration(h.For))
	}
}

// due is the fault of the next call; it runs under the world's lock.
func (s *simulation) due(call string) fault {
	if time.Now().Before(s.downs[call]) {
		return cutBefore
	}
	faults := s.faults[call]
	if len(faults) == 0 {
		return fine
	}
	s.faults[call] = faults[1:]
	return faults[0]
}

func (s *simulation) dies(h happening) {
	if p := s.process(); p != nil {
		p.light(h.N, time.Duration(h.For))
	}
}

// stops ends the process in good order and starts another one.
func (s *simulation) stops(h happening) {
	s.stop()
	s.group.Go(func() {
		time.Sleep(time.Duration(h.For))
		s.start()
	})
}

// jumps sets our clock wrong by so much. Nobody else's.
func (s *simulation) jumps(h happening) {
	by, err := time.ParseDuration(h.How)
	if err != nil {
		panic(fmt.Sprintf("a jump of %q", h.How))
	}
	s.m.Lock()
	defer s.m.Unlock()
	s.skew = by
	s.astray = s.astray || by.Abs() > farApart
}

// farApart is how far the provider's adapter lets two clocks be apart when it looks for a
// checkout whose opening was never answered. Beyond that it does not find it; but then
// nobody was ever told where it is, so nobody pays there.
const farApart = 10 * time.Minute
