package bridge

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Service is what receivers, pages and commands call. It commits and answers; all
// outside calls but one are left to the Worker. (The one: a bare id is read back
// before it is believed.)
type Service struct {
	cfg Config

	// asks has a channel for each portal, on which its polling is woken. Buffered, so
	// that a word is never lost.
	asks map[string]chan struct{}

	mu    sync.Mutex
	waits map[ID]*wait
	// makes are the key requests that persons are making right now; see create.
	makes map[*Asking]string
	wakes []chan struct{} // one a worker loop; buffered, so that a wake is never lost

	reconciling sync.Mutex // held while a reconciliation is under way
}

// New returns a service. It starts nothing; see Worker.
func New(cfg Config) (*Service, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	s := &Service{cfg: cfg, waits: map[ID]*wait{}, makes: map[*Asking]string{}, asks: map[string]chan struct{}{}}
	for name := range cfg.Portals {
		s.asks[name] = make(chan struct{}, 1)
	}
	return s, nil
}

// Accept commits a hint and wakes the worker. It may be repeated.
func (s *Service) Accept(ctx context.Context, h Hint) (Accepted, error) {
	return s.take(ctx, h, nil)
}

// accept is Accept for what comes from within: it may apply a change, and is counted.
func (s *Service) accept(ctx context.Context, h Hint, then func(*Change) error) (Accepted, error) {
	done, err := s.take(ctx, h, then)
	s.cfg.Hinted(h.Source, done, err)
	return done, err
}

func (s *Service) take(ctx context.Context, h Hint, then func(*Change) error) (Accepted, error) {
	if h.At.IsZero() {
		h.At = s.cfg.Now()
	}
	if h.Key != "" {
		h.Refs = append(slices.Clip(h.Refs), Ref{System: h.Portal, Kind: RefRequest, ID: h.Key})
	}
	done, seen, err := s.keep(ctx, h, then)
	if err != nil {
		return done, err
	}
	if seen != nil && len(seen.Entries) > 0 {
		s.changed(seen.Request, seen.Entries)
	}
	if done.Request != "" && !done.Duplicate {
		s.wake()
	}
	return done, nil
}

// keep has the store accept a hint, and returns what that changed: nil or zero where
// nothing is.
func (s *Service) keep(ctx context.Context, h Hint, then func(*Change) error) (done Accepted, seen *Change, err error) {
	if then == nil { // so that a store need not read the record
		if done, err = s.cfg.Store.Accept(ctx, h, nil); done.Created {
			seen = h.Intake
		}
		return done, seen, err
	}
	seen = &Change{}
	done, err = s.cfg.Store.Accept(ctx, h, func(c *Change) error {
		err := then(c)
		*seen = *c
		return err
	})
	return done, seen, err
}

// Intake returns the request to create for a key request that is not known yet.
func (s *Service) Intake(portal, key string) *Change {
	now := s.cfg.Now().UTC()
	c := &Change{Request: Request{
		ID: s.cfg.NewID(), Portal: portal, Key: key, Created: now,
		Verdict: Verdict{Outcome: Open},
	}}
	c.note(now, Actor{Kind: ByPortal, Name: portal}, WhatReceived, "", "", "")
	return c
}

// Handoff is a browser that a portal sent here.
type Handoff struct {
	Portal, Key string
	Trust       Trust
	// ID makes a signed hand-off work once: a token's jti, a query's signature.
	ID string
	// Browser is the hash of the cookie of the browser it came in.
	Browser string
	// Return is where the developer wants to go back to, already checked.
	Return string
}

// Arrive takes in a browser that a portal sent here and returns its request, new
// or known.
//
// A signed hand-off is believed, once: Conflict when it was used before. A bare id
// is read back first, and has to be a fresh request that waits: NotFound when it is not,
// ErrUnseen where the portal does not find it, Conflict when it was opened in another
// browser. When the portal does not answer within ctx, or not to us, nothing is lost: the
// request is kept, unread, and the worker reads it back; what turns out not to be one is
// dropped.
func (s *Service) Arrive(ctx context.Context, h Handoff) (Request, error) {
	site, ok := s.cfg.Portals[h.Portal]
	if !ok {
		return Request{}, &Error{Kind: NotFound, Msg: "There is no portal of that name here."}
	}
	readBack := false
	if h.Trust == Bare {
		var err error
		if readBack, err = s.readBack(ctx, site, h); err != nil {
			return Request{}, err
		}
	}
	hint := Hint{
		Source: "handoff/" + h.Portal, ID: h.ID, What: "handoff", Said: SaidArrived, At: s.cfg.Now(),
		Portal: h.Portal, Key: h.Key, Intake: s.Intake(h.Portal, h.Key),
	}
	// What a browser asked for is committed even when its patience is over.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	done, err := s.accept(ctx, hint, func(c *Change) error { return c.arrive(h, readBack, s.cfg.Now()) })
	switch {
	case err != nil:
		return Request{}, err
	case done.Duplicate:
		return Request{}, &Error{Kind: Conflict, Msg: "This link has been used already. Go back to the portal to continue from there."}
	}
	return s.cfg.Store.Get(ctx, done.Request)
}

// readBack asks the portal whether a bare id names a fresh request that waits. A
// request that a webhook has brought in before its browser came was read already,
// and may have been decided since: a free plan's is approved within milliseconds.
//
// False without an error says that the portal did not tell: the id is kept, and the
// worker reads it back.
func (s *Service) readBack(ctx context.Context, site Site, h Handoff) (bool, error) {
	if r, err := s.cfg.Store.FindKey(ctx, h.Portal, h.Key); err == nil {
		switch {
		case r.Arrival.Browser != "":
			return r.Arrival.ReadBack, nil // bound to a browser: arrive compares the two
		case r.Access.Have != Unread:
			err := believable(KeyRequest{State: Pending, Asked: r.Asked}, site, s.cfg.Now())
			return err == nil, err
		}
	}
	var key KeyRequest
	err := s.outside(h.Portal, "read portal", func() (err error) { key, err = site.Portal.Read(ctx, h.Key, Access{}); return })
	switch {
	case err == nil:
		err := believable(key, site, s.cfg.Now())
		return err == nil, err
	case KindOf(err) == Invalid || KindOf(err) == NotFound:
		return false, err
	}
	return false, nil
}

// outside makes an outside call that is not the worker's, and tells of it as the worker does.
func (s *Service) outside(portal, doing string, call func() error) error {
	p := &pass{w: &Worker{service: s, cfg: s.cfg}, request: Request{Portal: portal}}
	return p.timed(doing, call)
}

// ErrUnseen says that a portal does not find what a bare id names. It may be too early to
// ask: a portal that reads from a copy that lags finds it a moment later.
var ErrUnseen = &Error{
	Kind: NotFound,
	Msg:  "The portal finds no key request behind this address. Go back to the portal and ask for the key again.",
}

// believable says whether a key request that came by its bare id is one that may
// start here: it waits, and it was made just now.
func believable(key KeyRequest, site Site, now time.Time) error {
	if key.State == Gone {
		return ErrUnseen
	}
	const skew = 5 * time.Minute // between the portal's clock and ours
	age := now.Sub(key.Asked.At)
	if key.State != Pending || key.Asked.At.IsZero() || age > site.fresh() || age < -skew {
		return &Error{
			Kind: NotFound,
			Msg:  "We found no new key request behind this address. Go back to the portal and ask for the key again.",
			Err:  fmt.Errorf("a bare hand-off of a request that is %q, %s old", key.State, age.Round(time.Second)),
		}
	}
	return nil
}

// arrive binds a browser to the request.
func (c *Change) arrive(h Handoff, readBack bool, now time.Time) error {
	was := c.Arrival
	if h.Trust == Bare {
		if was.Trust != Untold && was.Browser != h.Browser {
			return &Error{Kind: Conflict, Msg: "This key request was already opened in another browser. Continue there, or go back to the portal."}
		}
		if was.Trust == Signed {
			return nil
		}
	}
	c.Arrival = Arrival{Trust: h.Trust, At: now.UTC(), Browser: h.Browser, ReadBack: readBack, Return: h.Return}
	if was.Trust != h.Trust {
		c.note(now, Actor{Kind: ByDeveloper}, WhatArrived, string(was.Trust), string(h.Trust), "")
	}
	return nil
}

// Get returns a request; NotFound when there is none.
func (s *Service) Get(ctx context.Context, id ID) (Request, error) { return s.cfg.Store.Get(ctx, id) }

// List returns a page of requests.
func (s *Service) List(ctx context.Context, f Filter) (Page, error) { return s.cfg.Store.List(ctx, f) }

// History returns a request's entries, oldest first. When their chain is broken, or
// is not the one the request says, they are returned with an Internal error. NotFound
// when there is no such request.
func (s *Service) History(ctx context.Context, id ID) ([]Entry, error) {
	r, err := s.cfg.Store.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	for {
		entries, err := s.cfg.Store.History(ctx, id)
		if err != nil {
			return nil, err
		}
		wrong := VerifyHistory(entries, r.Head)
		now, err := s.cfg.Store.Get(ctx, id)
		if err != nil {
			return nil, err
		}
		if wrong == nil || now.Head == r.Head {
			return entries, wrong
		}
		r = now // a line was added between the two readings
	}
}

// Look hints that somebody looks at a request and wants to see how it is now.
func (s *Service) Look(ctx context.Context, id ID) error {
	_, err := s.accept(ctx, Hint{Source: "page", What: "look", Request: id}, nil)
	return err
}

// Await returns the request as soon as enough says so, or as it is when ctx ends;
// that is no error.
func (s *Service) Await(ctx context.Context, id ID, enough func(Request) bool) (Request, error) {
	for {
		w := s.watch(id) // before it is read, so that no change between the two is missed
		r, err := s.cfg.Store.Get(context.WithoutCancel(ctx), id)
		if err != nil || ctx.Err() != nil || enough(r) {
			s.unwatch(id, w)
			return r, err
		}
		select {
		case <-w.changed:
		case <-time.After(250 * time.Millisecond): // another node may have changed it
		case <-ctx.Done():
		}
		s.unwatch(id, w)
	}
}

// Withdraw is the developer's own "no, thank you": the request is declined while
// it is still open. Conflict when it has been decided.
func (s *Service) Withdraw(ctx context.Context, id ID) error {
	mark := Mark{At: s.cfg.Now().UTC(), By: Actor{Kind: ByDeveloper}, Why: "withdrawn by the developer"}
	return s.rule(ctx, Hint{Source: "person", What: "withdraw", Request: id}, func(c *Change) error { return c.rule(Decline, mark) })
}

// rule applies a person's word and makes the request due.
func (s *Service) rule(ctx context.Context, h Hint, then func(*Change) error) error {
	done, err := s.accept(ctx, h, then)
	if err == nil && done.Unknown() {
		return &Error{Kind: NotFound, Msg: "There is no such request."}
	}
	return err
}

// wake tells every worker loop that something is due.
func (s *Service) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ch := range s.wakes {
		select {
		case ch <- struct{}{}:
		default: // it has been told already
		}
	}
}

// wait is who waits for a request to change.
type wait struct {
	changed chan struct{} // closed at the next change
	waiters int
}

func (s *Service) watch(id ID) *wait {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, ok := s.waits[id]
	if !ok {
		w = &wait{changed: make(chan struct{})}
		s.waits[id] = w
	}
	w.waiters++
	return w
}

func (s *Service) unwatch(id ID, w *wait) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.waiters--; w.waiters == 0 && s.waits[id] == w {
		delete(s.waits, id)
	}
}

// changed tells whoever waits for a request.
func (s *Service) changed(r Request, entries []Entry) {
	s.mu.Lock()
	if w, ok := s.waits[r.ID]; ok {
		close(w.changed)
		delete(s.waits, r.ID)
	}
	s.mu.Unlock()
	s.cfg.Changed(r, entries)
}

// GetKey returns the request of a portal's key request, by any of the ids that the
// portal has for it. NotFound when there is none.
func (s *Service) GetKey(ctx context.Context, portal, key string) (Request, error) {
	r, err := s.cfg.Store.FindKey(ctx, portal, key)
	if KindOf(err) == NotFound {
		return s.cfg.Store.Find(ctx, Ref{System: portal, Kind: RefRequest, ID: key})
	}
	return r, err
}
