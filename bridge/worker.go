package bridge

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"
)

// Worker brings requests to what they should be: it claims what is due, reads the
// facts, does the one next thing, records it, and goes on until there is nothing
// to do but wait. Each portal has a loop of its own, so that a slow one does not
// slow the others.
type Worker struct {
	service *Service
	cfg     Config
	// tells has a channel for each portal, with room for those of its passes that may
	// tell applicants something at once.
	tells map[string]chan struct{}
	// nap is longestNap. A member so that a test can lengthen it.
	nap time.Duration
	// clock is what the schedule is read and written by.
	clock    *steady
	readings readings
}

// NewWorker returns a worker on a service.
func NewWorker(s *Service) *Worker {
	w := &Worker{service: s, cfg: s.cfg, tells: map[string]chan struct{}{}, nap: longestNap, clock: &steady{now: s.cfg.Now}}
	for name, site := range s.cfg.Portals {
		w.tells[name] = make(chan struct{}, max(site.workers()/2, 1))
	}
	return w
}

// Run works until ctx ends, then finishes the passes under way (each is bounded by
// its lease) and returns. Requests that were claimed when a process ended are
// claimed again once their lease has lapsed, so nothing is lost with it.
func (w *Worker) Run(ctx context.Context) {
	var loops sync.WaitGroup
	loops.Go(func() { w.strand(ctx) })
	loops.Go(func() { w.retain(ctx) })
	for name, site := range w.cfg.Portals {
		wake := w.service.join()
		loops.Go(func() { w.loop(ctx, name, site, wake) })
		loops.Go(func() { w.poll(ctx, name, site) })
	}
	for name, provider := range w.cfg.Providers {
		loops.Go(func() { w.sweeps(ctx, name, provider) })
	}
	loops.Wait()
}

// findPortal is what fails for a request whose portal was taken out of the
// configuration.
const findPortal = "find portal"

// strand asks for a person for every request that is not over and whose portal is
// not configured any more: no loop claims those, so nobody would hear of them. It
// runs once, because the configuration does not change while the process lives.
func (w *Worker) strand(ctx context.Context) {
	for _, state := range States {
		if state == StateEnded || state == StateDeclined {
			continue
		}
		for f := (Filter{State: state, Limit: 200}); ; {
			page, err := w.cfg.Store.List(ctx, f)
			if err != nil {
				if ctx.Err() == nil {
					w.cfg.Log.Error("cannot look for requests without a portal", "error", err)
				}
				return
			}
			for _, r := range page.Requests {
				if _, ok := w.cfg.Portals[r.Portal]; !ok && r.Work.Doing != findPortal {
					w.work(ctx, &pass{w: w, request: r})
				}
			}
			if f.After = page.Next; f.After == "" {
				break
			}
		}
	}
}

// join returns a channel on which a loop is woken.
func (s *Service) join() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	ch := make(chan struct{}, 1)
	s.wakes = append(s.wakes, ch)
	return ch
}

// longestNap bounds how long a loop sleeps without looking at the schedule, which
// another node may have changed.
const longestNap = 5 * time.Second

func (w *Worker) loop(ctx context.Context, portal string, site Site, wake <-chan struct{}) {
	slots := make(chan struct{}, site.workers())
	crew := newCrew(cap(slots))
	defer crew.rest()
	freed := make(chan struct{}, 1)
	var order turns
	for ctx.Err() == nil {
		nap := w.nap
		if free := cap(slots) - len(slots); free > 0 {
			now := w.clock.Now()
			claims, next, err := w.cfg.Store.Claim(ctx, portal, now, now.Add(w.cfg.Lease), free)
			switch {
			case err != nil && ctx.Err() == nil:
				w.cfg.Log.Error("cannot claim requests", "portal", portal, "error", err)
			case len(claims) == free:
				nap = 0
			case !next.IsZero():
				nap = min(nap, max(next.Sub(w.clock.Now()), 0))
			}
			for _, claim := range claims {
				slots <- struct{}{}
				before, over := order.take(claim.Request)
				crew.do(func() {
					defer func() { // however a pass ends, nobody waits for it any more
						<-before // who comes next waits for both
						over()
						<-slots
						select {
						case freed <- struct{}{}:
						default:
						}
					}()
					w.pass(ctx, claim, before)
				})
			}
		}
		if nap == 0 && len(slots) < cap(slots) {
			continue
		}
		select {
		case <-ctx.Done():
		case <-wake:
		case <-freed:
		case <-time.After(nap):
		}
	}
}

// turns let one pass at a time work on a request. One is claimed again while a pass is under
// way when a hint came as that one ended and had given its claim back already, or when a
// clock that jumped let its lease lapse. The new claim waits for it: dropped, it would keep
// the request from everybody until it lapses.
type turns struct {
	mu   sync.Mutex
	last map[ID]chan struct{} // closed when the last pass that was given a turn is over
}

// take gives a pass its turn: it comes when before is closed, and is ended by over.
func (t *turns) take(id ID) (before <-chan struct{}, over func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last == nil {
		t.last = map[ID]chan struct{}{}
	}
	mine, last := make(chan struct{}), t.last[id]
	if last == nil {
		last = make(chan struct{})
		close(last)
	}
	t.last[id] = mine
	return last, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.last[id] == mine {
			delete(t.last, id)
		}
		close(mine)
	}
}

// mostActions bounds one pass: a request that still moves after so many calls is
// looked at again later, so that two sides that disagree for ever cost little.
const mostActions = 12

// pass works on one claimed request once its turn has come. It goes on when ctx ends,
// because a call under way is better finished; its own bound is the lease, which goes by
// while it waits, too.
func (w *Worker) pass(ctx context.Context, claim Claim, before <-chan struct{}) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.cfg.Lease*3/4)
	defer cancel()
	select {
	case <-before:
	case <-ctx.Done():
		return // the lease lapses and another pass tries
	}
	r, err := w.cfg.Store.Get(ctx, claim.Request)
	if KindOf(err) == NotFound {
		return
	}
	if err != nil {
		w.cfg.Log.Error("cannot read a request", "request", claim.Request, "error", err)
		return // the lease lapses and another pass tries
	}
	ctx, over := w.cfg.Pass(ctx, r.ID, r.Portal)
	defer over()
	w.work(ctx, &pass{w: w, claim: claim, request: r})
}

func (w *Worker) work(ctx context.Context, p *pass) {
	if err := p.run(ctx); err != nil {
		w.cfg.Log.Error("pass not recorded", "request", p.request.ID, "error", err)
	}
}

// pass is one claimed request being worked on. claim is zero for one whose portal is
// not configured any more.
type pass struct {
	w       *Worker
	claim   Claim
	request Request
	site    Site
	// telling: the pass has one of the places of Worker.tells.
	telling bool
	// again: the outside moved on meanwhile, so both sides are read whatever was said.
	again bool
}

// mayTell takes a place among those who tell, if there is one. Telling may take no more
// than half of a portal's workers, so that a mail server that hangs holds up nobody's
// key. It may be repeated.
func (p *pass) mayTell() bool {
	select {
	case p.w.tells[p.request.Portal] <- struct{}{}:
		p.telling = true
	default:
	}
	return p.telling
}

// toldAll gives the place back.
func (p *pass) toldAll() {
	if p.telling {
		<-p.w.tells[p.request.Portal]
	}
}

// tellAgain is how soon who found no place looks for one again.
const tellAgain = 2 * time.Second

// run reads, then acts until nothing is left to do. The errors it returns are the
// store's: those of the outside are recorded with the request.
func (p *pass) run(ctx context.Context) error {
	site, ok := p.w.cfg.Portals[p.request.Portal]
	if !ok {
		return p.failed(ctx, Action{}, findPortal, &Error{Kind: Invalid,
			Msg: fmt.Sprintf("the portal %q is not configured any more", p.request.Portal)})
	}
	p.site = site
	defer p.toldAll()
	var act Action
	var more bool
	for done := 0; done < mostActions; done++ {
		begun := p.now()
		if !more { // at the start, and whenever an action found that the outside had moved on
			facts, terms, doing, err := p.read(ctx, begun)
			if err == nil && p.unbelievable(facts) {
				return p.w.cfg.Store.Drop(ctx, p.request.ID)
			}
			if err == nil && p.request.Access.Have == Unread {
				var known bool
				if known, doing, err = p.known(ctx, *facts.Key); known {
					return p.w.cfg.Store.Drop(ctx, p.request.ID)
				}
			}
			act, more, err = p.observe(ctx, facts, terms, doing, err)
			p.has(facts, begun, err)
			if err != nil || !more {
				return err
			}
		}
		facts, err := p.do(ctx, act)
		switch {
		case KindOf(err) == Conflict:
			more, p.again = false, true
			if err := p.update(ctx, func(c *Change) error { c.fail(act.Kind, err); return nil }); err != nil {
				return err
			}
			continue
		case act.Kind == Tell && KindOf(err) == Invalid:
			act, more, err = p.record(ctx, func(c *Change, now time.Time) { c.untellable(act, err, now) })
		case err != nil:
			return p.failed(ctx, act, act.String(), err)
		default:
			act, more, err = p.record(ctx, func(c *Change, now time.Time) { c.done(act, facts, now) })
			p.has(facts, begun, err)
		}
		if err != nil || !more {
			return err
		}
	}
	return p.failed(ctx, Action{}, "agree", &Error{Kind: Unavailable,
		Msg: "portal and provider kept changing while they were read"})
}

// unbelievable reports a bare hand-off that could not be read back when it came,
// and is now seen to be none.
func (p *pass) unbelievable(f Facts) bool {
	arrival := p.request.Arrival
	return p.request.Access.Have == Unread && arrival.Trust == Bare && !arrival.ReadBack &&
		!p.request.doubts(f, p.now()) && believable(*f.Key, p.site, p.request.Created) != nil
}

// known reports whether an unread request is one that was made when another one's keys
// were given anew (KeyRequest.Also): the portal may tell of it before the call that
// made it has returned. While such a call is under way it is not known, and that is an
// error; so it is while a person makes a key request like this one.
func (p *pass) known(ctx context.Context, key KeyRequest) (known bool, doing string, err error) {
	if p.w.service.isMade(p.request.Portal, key.Asked) && p.request.Waived.At.IsZero() {
		return false, "find request", &Error{Kind: Unavailable, Msg: "such a key request is being made by a person"}
	}
	if key.Applicant.ID == "" {
		return false, "", nil
	}
	also := Ref{System: p.request.Portal, Kind: RefRequest, ID: p.request.Key}
	for f := (Filter{Portal: p.request.Portal, Applicant: key.Applicant.ID, Limit: 100}); ; {
		page, err := p.w.cfg.Store.List(ctx, f)
		if err != nil {
			return false, "find request", err
		}
		for _, other := range page.Requests {
			switch {
			case other.ID == p.request.ID:
			case slices.Contains(other.Refs, also):
				return true, "", nil
			case !other.Work.Attempts[ResumeKey].First.IsZero() && other.Asked.Plan == key.Asked.Plan &&
				other.Applicant.App == key.Applicant.App && sameSet(other.Asked.Policies, key.Asked.Policies):
				return false, "find request", &Error{Kind: Unavailable,
					Msg: "the keys of request " + string(other.ID) + " are being given anew, and this may be what comes of it"}
			}
		}
		if f.After = page.Next; f.After == "" {
			return false, "", nil
		}
	}
}

// has remembers which sides were read, from when on, once what was read is recorded.
func (p *pass) has(f Facts, begun time.Time, recorded error) {
	if recorded != nil {
		return
	}
	var r reading
	if f.Key != nil {
		r.portal = begun
	}
	if f.Money != nil {
		r.money = begun
	}
	p.w.readings.keep(p.request.ID, r)
}

// read asks portal and provider at once, those that are to be asked. An error does not
// hide the other's facts.
func (p *pass) read(ctx context.Context, now time.Time) (f Facts, terms Terms, doing string, err error) {
	r := p.request
	portalAsked, moneyAsked := p.asks(now)
	var money Money
	var moneyErr error
	var both sync.WaitGroup
	provider := p.w.cfg.Providers[r.Terms.Provider]
	moneyAsked = moneyAsked && r.Payment.Checkout.ID != ""
	if moneyAsked {
		if provider == nil {
			return f, terms, "read payment", &Error{Kind: Invalid,
				Msg: fmt.Sprintf("the provider %q is not configured any more", r.Terms.Provider)}
		}
		both.Go(func() {
			moneyErr = p.timed("read payment", func() (err error) { money, err = provider.Read(ctx, r); return })
		})
	}
	var key KeyRequest
	var keyErr error
	if portalAsked {
		keyErr = p.timed("read portal", func() (err error) { key, err = p.site.Portal.Read(ctx, r.Key, r.known()); return })
	}
	both.Wait()
	if portalAsked && keyErr == nil {
		f.Key = &key
	}
	if moneyAsked && moneyErr == nil {
		f.Money = &money
	}
	switch {
	case keyErr != nil:
		return f, terms, "read portal", keyErr
	case moneyErr != nil:
		return f, terms, "read payment", moneyErr
	case r.Access.Have == Unread:
		terms, err = p.terms(ctx, key)
		return f, terms, "quote", err
	}
	return f, terms, "", nil
}

// terms makes the terms of a request that is read for the first time. Prices are
// quoted only where they can still matter.
func (p *pass) terms(ctx context.Context, key KeyRequest) (Terms, error) {
	terms := p.w.cfg.Plans.Terms(p.request.Portal, key.Asked)
	terms.Tell, terms.Remind, terms.Mailed = slices.Clone(p.site.Tell), p.site.Remind, p.site.Mailed
	if key.State != Pending {
		return terms, nil
	}
	provider := p.w.cfg.Providers[terms.Provider]
	unquoted := slices.ContainsFunc(terms.Lines, func(line Price) bool { return !line.quoted() })
	if provider == nil && (terms.Provider != "" || unquoted) {
		return terms, &Error{Kind: Invalid, Msg: fmt.Sprintf("the provider %q is not configured", terms.Provider)}
	}
	for i, line := range terms.Lines {
		if line.quoted() {
			continue
		}
		err := p.timed("quote", func() (err error) { line, err = provider.Quote(ctx, line); return })
		if err != nil {
			return terms, err
		}
		terms.Lines[i] = line
	}
	return terms.Fitted(), nil
}

// observe commits what was read and, if all was, the next attempt.
func (p *pass) observe(ctx context.Context, f Facts, terms Terms, doing string, readErr error) (act Action, more bool, err error) {
	if readErr != nil && p.request.Access.Have == Unread {
		return act, false, p.failed(ctx, Action{}, doing, readErr)
	}
	err = p.update(ctx, func(c *Change) error {
		now := p.now()
		if c.Access.Have == Unread {
			c.TakeIn(*f.Key, terms, now)
		}
		c.Observe(f, now)
		if readErr == nil {
			act, more = p.next(c, now)
		}
		return nil
	})
	if err == nil && readErr != nil {
		return act, false, p.failed(ctx, Action{}, doing, readErr)
	}
	return act, more, err
}

// record commits the outcome of an action and the next attempt.
func (p *pass) record(ctx context.Context, outcome func(*Change, time.Time)) (act Action, more bool, err error) {
	err = p.update(ctx, func(c *Change) error {
		now := p.now()
		outcome(c, now)
		act, more = p.next(c, now)
		return nil
	})
	return act, more, err
}

// next writes down the next attempt, or gives the claim back.
func (p *pass) next(c *Change, now time.Time) (Action, bool) {
	act, more := Next(c.Request, now)
	crowded := more && act.Kind == Tell && !p.telling && !p.mayTell()
	if more && !crowded {
		c.begin(act, now)
		return act, true
	}
	c.Work.Next = Until(c.Request, now)
	c.retain(p.w.cfg.Retain, now)
	if crowded {
		c.Work.Next = now.Add(tellAgain)
	}
	if c.Work.Attention && c.Work.Apart == "" {
		c.note(now, Actor{Kind: ByClock}, WhatAttention, "needs attention", "", "")
	}
	c.Work.calm()
	c.Done = &Done{Claim: p.claim, Due: p.w.clock.due(c.Work.Next)}
	return Action{}, false
}

// failed records a failure and when to try again.
func (p *pass) failed(ctx context.Context, act Action, doing string, cause error) error {
	p.w.cfg.Log.Warn("a call failed", "doing", doing, "request", p.request.ID, "portal", p.request.Portal,
		"kind", string(KindOf(cause)), "error", p.loggable(cause), "failures", p.request.Work.Failures+1)
	return p.update(ctx, func(c *Change) error {
		now := p.now()
		if act.Kind != "" {
			c.fail(act.Kind, cause)
		}
		k := &c.Work
		k.Failures++
		k.Error, k.Doing, k.ErrorAt = operatorMessage(cause), doing, now
		if !k.Attention && (Permanent(cause) || k.Failures >= p.w.cfg.AttentionAfter) {
			k.Attention = true
			c.note(now, Actor{Kind: ByClock}, WhatAttention, "", "needs attention", doing+": "+k.Error)
		}
		k.Next = now.Add(backoff(k.Failures, k.Attention, retryAfter(cause), p.w.cfg.Jitter()))
		if p.claim.Request != "" {
			c.Done = &Done{Claim: p.claim, Due: p.w.clock.due(k.Next)}
		}
		return nil
	})
}

// loggable is the text of an error without the applicant's address. Adapters leave it out;
// this is for the one that forgets to.
func (p *pass) loggable(err error) string {
	text := err.Error()
	if email := p.request.Applicant.Email; email != "" {
		text = strings.ReplaceAll(text, email, "[the applicant]")
	}
	return text
}

// operatorMessage is what is kept of an error: its message where it has one, else
// its kind. Causes go to the log only.
func operatorMessage(err error) string {
	if e, ok := errors.AsType[*Error](err); ok && e.Msg != "" {
		return e.Msg
	}
	return string(KindOf(err))
}

// update commits a change of the request and tells who waits for it.
func (p *pass) update(ctx context.Context, fn func(*Change) error) error {
	var entries []Entry
	r, err := p.w.cfg.Store.Update(context.WithoutCancel(ctx), p.request.ID, func(c *Change) error {
		err := fn(c)
		entries = c.Entries
		return err
	})
	if err != nil {
		return err
	}
	p.request = r
	p.w.service.changed(r, entries)
	return nil
}

func (p *pass) now() time.Time { return p.w.cfg.Now().UTC() }

// timed makes one outside call and reports it. An adapter that panics fails that
// call and no more: the request it stumbles over would take the process down again
// after every start, and with it all the others. What it said is not logged, because
// it may quote an answer; where it was, is.
func (p *pass) timed(doing string, call func() error) (err error) {
	begin := time.Now()
	defer func() {
		if v := recover(); v != nil {
			err = &Error{Kind: Internal, Err: fmt.Errorf("%s: the adapter panicked with a %T", doing, v)}
			p.w.cfg.Log.Error("an adapter panicked", "doing", doing, "request", p.request.ID, "stack", string(debug.Stack()))
		}
		p.w.cfg.Tried(Try{Doing: doing, Portal: p.request.Portal, Kind: KindOf(err), Took: time.Since(begin)})
	}()
	return call()
}

func (c *Change) actorOf(kind ActionKind) Actor {
	switch kind {
	case ApproveKey, DeclineKey, SuspendKey, ResumeKey, RevokeKey:
		return c.portal()
	case Tell:
		return Actor{Kind: ByClock}
	}
	return c.provider()
}

// backoff is how long to wait after a number of failures in a row: doubling from
// one second to 15 minutes, from half an hour on once a person is asked for, spread
// by jitter over half to one and a half of that, and never less than the other side
// asked for (of which an hour at most is believed).
func backoff(failures int, attention bool, asked time.Duration, jitter float64) time.Duration {
	wait := 15 * time.Minute
	if failures < 11 {
		wait = min(wait, time.Second<<max(failures-1, 0))
	}
	if attention {
		wait = max(wait, 30*time.Minute)
	}
	wait = time.Duration(float64(wait) * (0.5 + jitter))
	return max(wait, min(asked, time.Hour))
}
