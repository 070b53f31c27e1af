package bridge

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// Reconciling compares provider, bridge and portals, and makes what differs due. It decides
// nothing and calls nothing that changes anything outside: what it finds are hints, and the
// rules do the rest.
//
// It walks in three turns, a page at a time. What the provider lists leads to the requests
// whose money is otherwise, to checkouts beside a request's own and to those of nobody here.
// What the portals list as waiting leads to what was not taken in. Then each request that is
// not over is read in its portal. What is suspected is read afresh on both sides before it is
// called a difference; one that changed a moment ago, or came a moment ago, is looked at once
// more later, because it is mostly being worked on.

const (
	// moment is how long something has to have stood still before it is called a difference.
	moment = time.Minute
	// mostSuspects bounds what is looked at in one run, mostDifferences what is kept of it.
	// The next run finds the rest.
	mostSuspects    = 5000
	mostDifferences = 1000
	// readsAtOnce is how many requests are read at once, and mostFailures how many readings
	// in a row may fail before a portal is given up for this run.
	readsAtOnce  = 4
	mostFailures = 5
	// mostCounted is as far as a store counts.
	mostCounted = 10_000
)

// Reconciling is an order to reconcile.
type Reconciling struct {
	// Since bounds what is looked at: checkouts that were opened and requests that were made
	// since then. Zero: 30 days back. What is older is looked at by its own clock, daily.
	Since time.Time
	// DryRun only looks: nothing is made due, and nothing is kept.
	DryRun bool
	// By is who wants it.
	By Actor
	// Begun is called once, when it is certain that no other one is under way. It must not
	// block. May be nil.
	Begun func()
	// Progress is told how far it is, by one goroutine at a time; of is 0 where that is not
	// known. It must not block. May be nil.
	Progress func(doing string, done, of int)
}

// Reconciliation is what came of it.
type Reconciliation struct {
	Began  time.Time `json:"began"`
	Ended  time.Time `json:"ended"`
	Since  time.Time `json:"since"`
	By     Actor     `json:"by"`
	DryRun bool      `json:"dry_run,omitempty"`
	// Checkouts, Waiting and Requests are how many the provider listed, how many the portals
	// listed as waiting, and how many requests were looked at.
	Checkouts int `json:"checkouts"`
	Waiting   int `json:"waiting"`
	Requests  int `json:"requests"`
	// Differences are at most 1000; Counts counts them all, by portal and kind.
	Differences []Difference      `json:"differences,omitempty"`
	Counts      []DifferenceCount `json:"counts,omitempty"`
	// Moving is how many were still being worked on, Left how many were suspected beyond
	// what is looked at in one run.
	Moving int `json:"moving,omitempty"`
	Left   int `json:"left,omitempty"`
	// Failed says what could not be asked: not everything was compared then.
	Failed []Unasked `json:"failed,omitempty"`
}

// DifferenceCount is how many differences of a kind there are in a portal.
type DifferenceCount struct {
	Portal string         `json:"portal,omitempty"`
	Kind   DifferenceKind `json:"kind"`
	Count  int            `json:"count"`
}

// Unasked is a portal or provider that did not answer.
type Unasked struct {
	// Portal or Provider is its configured name; the other is empty.
	Portal   string `json:"portal,omitempty"`
	Provider string `json:"provider,omitempty"`
	// Doing is what was tried, Why in words for an operator how it failed last, and Count
	// how often.
	Doing string `json:"doing"`
	Why   string `json:"why"`
	Count int    `json:"count"`
}

// Total is how many differences there are.
func (r Reconciliation) Total() (n int) {
	for _, c := range r.Counts {
		n += c.Count
	}
	return n
}

// reconcile runs one. Conflict while another one is under way in this process. The error
// is the store's, or ctx's when it was cancelled; what was found by then is returned with it.
func (s *Service) reconcile(ctx context.Context, o Reconciling) (Reconciliation, error) {
	if !s.reconciling.TryLock() {
		return Reconciliation{}, &Error{Kind: Conflict, Msg: "A reconciliation is under way already. Wait for it to end."}
	}
	defer s.reconciling.Unlock()
	if o.Begun != nil {
		o.Begun()
	}
	now := s.cfg.Now().UTC()
	if o.Since.IsZero() {
		o.Since = now.Add(-sweepBack)
	}
	if o.Progress == nil {
		o.Progress = func(string, int, int) {}
	}
	c := &comparison{
		service: s, worker: NewWorker(s), order: o, suspects: map[ID]*suspect{}, failures: map[string]int{},
		out: Reconciliation{Began: now, Since: o.Since.UTC(), By: o.By, DryRun: o.DryRun},
	}
	err := c.run(ctx)
	c.out.Ended = s.cfg.Now().UTC()
	c.sort()
	if err == nil && !o.DryRun {
		err = s.keepReconciliation(ctx, c.out)
	}
	return c.out, err
}

// comparison is one run.
type comparison struct {
	service *Service
	worker  *Worker
	order   Reconciling

	mu       sync.Mutex // guards what is below while several requests are read at once
	out      Reconciliation
	suspects map[ID]*suspect
	strays   []strayCheckout
	waits    []waitingKey
	failures map[string]int // in a row, by portal
}

// suspect is a request that may differ, with the checkouts listed beside its own.
type suspect struct{ spare []string }

type strayCheckout struct {
	provider string
	Opened
}

type waitingKey struct{ portal, key string }

func (c *comparison) run(ctx context.Context) error {
	for _, turn := range []func(context.Context) error{c.listCheckouts, c.listWaiting, c.walkRequests, c.lookCloser} {
		if err := turn(ctx); err != nil {
			return err
		}
	}
	return nil
}

// suspect has a request looked at closer, beside one of its checkouts that is not its own
// where there is one. What is beyond the bound is counted.
func (c *comparison) suspect(id ID, spare string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, ok := c.suspects[id]
	if !ok && len(c.suspects) >= mostSuspects {
		c.out.Left++
		return
	}
	if !ok {
		s = &suspect{}
		c.suspects[id] = s
	}
	if spare != "" {
		s.spare = append(s.spare, spare)
	}
}

// listCheckouts goes through what the providers list.
func (c *comparison) listCheckouts(ctx context.Context) error {
	for _, name := range slices.Sorted(maps.Keys(c.service.cfg.Providers)) {
		var stored error // the store's errors end the run, the provider's do not
		p := &pass{w: c.worker}
		err := p.timed("list checkouts", func() error {
			return c.service.cfg.Providers[name].List(ctx, c.order.Since, func(o Opened) error {
				stored = c.listed(ctx, name, o)
				return cmp.Or(stored, ctx.Err())
			})
		})
		if stored != nil || ctx.Err() != nil {
			return cmp.Or(stored, ctx.Err())
		}
		if err != nil {
			c.failed(Unasked{Provider: name, Doing: "list checkouts"}, err)
		}
	}
	return nil
}

// listed compares one checkout with the record it leads to.
func (c *comparison) listed(ctx context.Context, provider string, o Opened) error {
	c.out.Checkouts++
	c.order.Progress("checkouts", c.out.Checkouts, 0)
	r, err := c.service.cfg.Store.Get(ctx, o.Request)
	switch {
	case KindOf(err) == NotFound:
		_, ours := c.service.cfg.Portals[o.Portal]
		if _, alive := stray(provider, o); !alive || !ours && o.Portal != "" {
			return nil // it came to nothing, or is of another installation
		}
		if len(c.strays) >= mostSuspects {
			c.out.Left++
			return nil
		}
		c.strays = append(c.strays, strayCheckout{provider, o})
	case err != nil:
		return err
	case r.Payment.Checkout.ID != o.Money.Checkout.ID:
		if o.Money.alive() {
			c.suspect(r.ID, o.Money.Checkout.ID)
		}
	case otherwise(r.Payment, o.Money):
		c.suspect(r.ID, "")
	}
	return nil
}

// otherwise reports whether a listed checkout says something else than the record. It may be
// wrong about a subscription's earlier periods: what it suspects is read before it is said.
func otherwise(p Payment, m Money) bool {
	return p.Have != m.State || p.Checkout.State != m.Checkout.State || p.Collected != m.Collected || p.Returned != m.Returned ||
		p.Subscribed != m.Subscribed || !p.CancelsAt.Equal(m.CancelsAt)
}

// listWaiting goes through what the portals list as waiting.
func (c *comparison) listWaiting(ctx context.Context) error {
	for _, name := range slices.Sorted(maps.Keys(c.service.cfg.Portals)) {
		var stored error
		p := &pass{w: c.worker, request: Request{Portal: name}}
		err := p.timed("list pending", func() error {
			return c.service.cfg.Portals[name].Portal.ListPending(ctx, func(key string) error {
				c.out.Waiting++
				c.order.Progress("key requests that wait", c.out.Waiting, 0)
				_, err := c.service.GetKey(ctx, name, key)
				switch {
				case KindOf(err) == NotFound && len(c.waits) >= mostSuspects:
					c.out.Left++
				case KindOf(err) == NotFound:
					c.waits = append(c.waits, waitingKey{name, key})
				case err != nil:
					stored = err
				}
				return cmp.Or(stored, ctx.Err())
			})
		})
		if stored != nil || ctx.Err() != nil {
			return cmp.Or(stored, ctx.Err())
		}
		if err != nil {
			c.failed(Unasked{Portal: name, Doing: "list pending"}, err)
		}
	}
	return nil
}

// walkRequests reads each request that is not over in its portal.
func (c *comparison) walkRequests(ctx context.Context) error {
	store := c.service.cfg.Store
	of, more, err := store.Count(ctx, Filter{From: c.order.Since}, mostCounted)
	if err != nil {
		return err
	}
	if more {
		of = 0
	}
	done := 0
	for f := (Filter{From: c.order.Since, Limit: 100}); ; {
		page, err := store.List(ctx, f)
		if err != nil {
			return err
		}
		var reads sync.WaitGroup
		slots := make(chan struct{}, readsAtOnce)
		for _, r := range page.Requests {
			slots <- struct{}{}
			reads.Go(func() {
				c.walked(ctx, r)
				<-slots
			})
		}
		reads.Wait()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		done += len(page.Requests)
		c.out.Requests = done
		c.order.Progress("requests", done, of)
		if f.After = page.Next; f.After == "" {
			return nil
		}
	}
}

// walked compares a request with its portal. What its provider says was compared before.
func (c *comparison) walked(ctx context.Context, r Request) {
	site, ok := c.service.cfg.Portals[r.Portal]
	_, over := r.over()
	switch {
	case ctx.Err() != nil:
		return
	case r.Work.Apart != "" || r.Access.Have == Unread && r.Work.Failures > 0:
		c.suspect(r.ID, "")
		return
	case !ok || over || r.Access.Have == Unread || r.Access.Have == Gone || c.givenUp(r.Portal):
		return
	}
	var key KeyRequest
	p := &pass{w: c.worker, request: r, site: site}
	err := p.timed("read portal", func() (err error) { key, err = site.Portal.Read(ctx, r.Key, r.known()); return })
	c.answered(r.Portal, err)
	if err == nil && len(Compare(r, Facts{Key: &key}, nil, p.now())) > 0 {
		c.suspect(r.ID, "")
	}
}

// givenUp reports whether a portal has failed too often in a row.
func (c *comparison) givenUp(portal string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failures[portal] >= mostFailures
}

// answered notes how a reading of a portal went.
func (c *comparison) answered(portal string, err error) {
	if err != nil {
		c.failed(Unasked{Portal: portal, Doing: "read portal"}, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failures[portal]++
	if err == nil {
		c.failures[portal] = 0
	}
}

// failed notes that something could not be asked.
func (c *comparison) failed(u Unasked, err error) {
	c.service.cfg.Log.Warn("reconcile: a call failed", "doing", u.Doing, "portal", u.Portal, "provider", u.Provider, "kind", string(KindOf(err)), "error", err)
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.out.Failed, func(f Unasked) bool {
		return f.Portal == u.Portal && f.Provider == u.Provider && f.Doing == u.Doing
	})
	if i < 0 {
		c.out.Failed = append(c.out.Failed, u)
		i = len(c.out.Failed) - 1
	}
	c.out.Failed[i].Why = operatorMessage(err)
	c.out.Failed[i].Count++
}

// sort puts the worst first, and counts.
func (c *comparison) sort() {
	rank := func(k DifferenceKind) int { return slices.Index(DifferenceKinds, k) }
	slices.SortStableFunc(c.out.Differences, func(a, b Difference) int {
		return cmp.Or(cmp.Compare(rank(a.Kind), rank(b.Kind)), cmp.Compare(a.Request, b.Request), cmp.Compare(a.Key+a.Checkout, b.Key+b.Checkout))
	})
	slices.SortFunc(c.out.Counts, func(a, b DifferenceCount) int {
		return cmp.Or(cmp.Compare(a.Portal, b.Portal), cmp.Compare(rank(a.Kind), rank(b.Kind)))
	})
}

// found adds a difference.
func (c *comparison) found(d Difference) {
	if len(c.out.Differences) < mostDifferences {
		c.out.Differences = append(c.out.Differences, d)
	}
	i := slices.IndexFunc(c.out.Counts, func(n DifferenceCount) bool { return n.Portal == d.Portal && n.Kind == d.Kind })
	if i < 0 {
		c.out.Counts = append(c.out.Counts, DifferenceCount{Portal: d.Portal, Kind: d.Kind})
		i = len(c.out.Counts) - 1
	}
	c.out.Counts[i].Count++
}

// String says in a line what came of it.
func (r Reconciliation) String() string {
	found := "no differences"
	if n := r.Total(); n > 0 {
		found = counted(n, "difference")
	}
	return fmt.Sprintf("%s, %s and %s compared: %s",
		counted(r.Checkouts, "checkout"), counted(r.Waiting, "waiting key request"), counted(r.Requests, "request"), found)
}

func counted(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}
