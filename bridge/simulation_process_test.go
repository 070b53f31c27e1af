package bridge_test

import (
	"context"
	"fmt"
	"hash/fnv"
	"runtime"
	"sync"
	"time"

	"keybridge/bridge"
)

// A process is a service and a worker as one run of the program has them. It may die
// between any two of its calls, those to the store among them: a goroutine that comes to
// such a point in a dead process ends there, so that nothing of what it knew is left but
// what it had written.
type process struct {
	s       *simulation
	stop    context.CancelFunc
	service *bridge.Service
	ended   chan struct{} // closed when the worker has returned

	mu   sync.Mutex
	fuse int // how many points it has left to live, once lit
	lit  bool
	dead bool
	down time.Duration // how long nothing runs after that
}

// start starts a process, if none is up.
func (s *simulation) start() {
	s.m.Lock()
	defer s.m.Unlock()
	if s.up != nil || s.asleep || s.over {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	p := &process{s: s, stop: stop, ended: make(chan struct{})}
	cfg := s.cfg
	cfg.Store = mortalStore{s.store, p}
	cfg.Portals = map[string]bridge.Site{"main": {
		Portal: mortalPortal{p}, Workers: s.plan.Workers, Poll: 6 * time.Hour, Tell: bridge.MessageKinds, Remind: time.Hour,
	}}
	cfg.Providers = map[string]bridge.Provider{"stripe": mortalProvider{p}}
	cfg.Notifier = mortalMailbox{p}
	service, err := bridge.New(cfg)
	if err != nil {
		s.failed("cannot start: %v", err)
		return
	}
	p.service = service
	worker := bridge.NewWorker(service)
	worker.Nap(time.Hour)
	s.up = p
	s.group.Go(func() {
		defer close(p.ended)
		worker.Run(ctx)
	})
}

// light has the process die at the n-th point from now, and another one start after a
// while.
func (p *process) light(n int, down time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fuse, p.lit, p.down = n, true, down
}

// spare has the process live on.
func (p *process) spare() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lit = false
}

// point is where a process may die.
func (p *process) point() {
	p.mu.Lock()
	if p.fuse--; p.lit && p.fuse <= 0 && !p.dead {
		p.dead = true
		p.stop()
		p.s.died(p)
	}
	dead := p.dead
	p.mu.Unlock()
	if dead {
		runtime.Goexit()
	}
}

// died counts a death and has another process start.
func (s *simulation) died(p *process) {
	s.m.Lock()
	defer s.m.Unlock()
	s.deaths++
	if s.up == p {
		s.up = nil
	}
	s.group.Go(func() {
		time.Sleep(p.down)
		s.start()
	})
}

// process returns the one that is up, or nil.
func (s *simulation) process() *process {
	s.m.Lock()
	defer s.m.Unlock()
	return s.up
}

// on calls the process that is up, as a browser or a webhook does. Not answered: none is,
// or it died before it could answer.
func (s *simulation) on(call func(*process) error) (answered bool, err error) {
	p := s.process()
	if p == nil {
		return false, nil
	}
	answer := make(chan error, 1)
	s.group.Go(func() {
		defer close(answer)
		defer func() {
			if v := recover(); v != nil { // as every server does
				answer <- fmt.Errorf("a handler panicked: %v", v)
			}
		}()
		err := call(p)
		p.point()
		answer <- err
	})
	err, answered = <-answer
	return answered, err
}

// mortalStore is the store as one process has it.
type mortalStore struct {
	bridge.Store
	p *process
}

// between makes a call that the process may not live to make, or to see answered.
func between[T any](p *process, call func() (T, error)) (T, error) {
	p.point()
	got, err := call()
	p.point()
	return got, err
}

func (m mortalStore) Accept(ctx context.Context, h bridge.Hint, then func(*bridge.Change) error) (bridge.Accepted, error) {
	if m.p.s.breaks == losesWords && h.Source == "person" {
		return bridge.Accepted{Request: h.Request}, nil
	}
	return between(m.p, func() (bridge.Accepted, error) { return m.Store.Accept(ctx, h, then) })
}

func (m mortalStore) Update(ctx context.Context, id bridge.ID, fn func(*bridge.Change) error) (bridge.Request, error) {
	return between(m.p, func() (bridge.Request, error) { return m.Store.Update(ctx, id, fn) })
}

func (m mortalStore) Get(ctx context.Context, id bridge.ID) (bridge.Request, error) {
	return between(m.p, func() (bridge.Request, error) { return m.Store.Get(ctx, id) })
}

func (m mortalStore) Find(ctx context.Context, ref bridge.Ref) (bridge.Request, error) {
	return between(m.p, func() (bridge.Request, error) { return m.Store.Find(ctx, ref) })
}

func (m mortalStore) FindKey(ctx context.Context, portal, key string) (bridge.Request, error) {
	return between(m.p, func() (bridge.Request, error) { return m.Store.FindKey(ctx, portal, key) })
}

func (m mortalStore) List(ctx context.Context, f bridge.Filter) (bridge.Page, error) {
	return between(m.p, func() (bridge.Page, error) { return m.Store.List(ctx, f) })
}

func (m mortalStore) Claim(ctx context.Context, portal string, now, lease time.Time, limit int) (claims []bridge.Claim, next time.Time, err error) {
	claims, err = between(m.p, func() (claims []bridge.Claim, err error) {
		claims, next, err = m.Store.Claim(ctx, portal, now, lease, limit)
		return claims, err
	})
	return claims, next, err
}

func (m mortalStore) Drop(ctx context.Context, id bridge.ID) error {
	_, err := between(m.p, func() (struct{}, error) { return struct{}{}, m.Store.Drop(ctx, id) })
	return err
}

// outside makes a call to a far end: it takes its time on the way there and back, the
// process may die before and after, and one that is held up in the network takes effect
// when nobody waits for it any more.
func outside[T any](ctx context.Context, p *process, call string, work func(context.Context) (T, error)) (got T, err error) {
	p.point()
	there, back, late := p.s.pace(call)
	if late {
		p.s.group.Go(func() {
			defer func() { _ = recover() }() // what a panicking far end says is heard by nobody
			time.Sleep(there)
			_, _ = work(context.WithoutCancel(ctx))
		})
	}
	if !pause(ctx, there) || late {
		p.point()
		return got, &bridge.Error{Kind: bridge.Unavailable, Err: context.DeadlineExceeded}
	}
	got, err = work(ctx)
	if !pause(ctx, back) {
		err = &bridge.Error{Kind: bridge.Unavailable, Err: context.DeadlineExceeded}
	}
	p.point()
	return got, err
}

// pause waits; false when ctx ends before.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// pace is how long a call is on the way, there and back: drawn from the seed, the call's
// name and how often it was made, so that it does not depend on what else was dropped
// from a schedule, and no two things happen in one moment.
func (s *simulation) pace(call string) (there, back time.Duration, late bool) {
	s.m.Lock()
	defer s.m.Unlock()
	s.calls[call]++
	if s.total++; s.total > mostCalls {
		s.fail("%d calls and no rest", s.total)
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(call))
	n := mix(s.plan.Seed ^ h.Sum64() ^ uint64(s.calls[call])<<40)
	there, back = time.Duration(n%150e6+1), time.Duration(n>>32%150e6+1)
	held := s.held[call]
	if len(held) == 0 {
		return there, back, false
	}
	s.held[call] = held[1:]
	if held[0] == "slow" {
		return there, back + 3*time.Minute, false
	}
	return there + time.Duration(n%600)*time.Second, back, true
}

// mix spreads the bits of a number: the finaliser of SplitMix64.
func mix(n uint64) uint64 {
	n += 0x9e3779b97f4a7c15
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}

type mortalPortal struct{ p *process }

func (m mortalPortal) call(ctx context.Context, call string, work func(context.Context, *farPortal) (bridge.KeyRequest, error)) (bridge.KeyRequest, error) {
	return outside(ctx, m.p, call, func(ctx context.Context) (bridge.KeyRequest, error) { return work(ctx, m.p.s.portal) })
}

func (m mortalPortal) Read(ctx context.Context, key string, known bridge.Access) (bridge.KeyRequest, error) {
	return m.call(ctx, "read portal", func(ctx context.Context, far *farPortal) (bridge.KeyRequest, error) {
		facts, err := far.Read(ctx, key, known)
		if err == nil && m.p.s.lies(key) {
			facts.State = bridge.Gone
		}
		return facts, err
	})
}

func (m mortalPortal) Approve(ctx context.Context, key string, known bridge.Access) (bridge.KeyRequest, error) {
	return m.call(ctx, "approve", func(ctx context.Context, far *farPortal) (bridge.KeyRequest, error) {
		return far.Approve(ctx, key, known)
	})
}

func (m mortalPortal) Decline(ctx context.Context, key string, known bridge.Access, why string) (bridge.KeyRequest, error) {
	return m.call(ctx, "decline", func(ctx context.Context, far *farPortal) (bridge.KeyRequest, error) {
		return far.Decline(ctx, key, known, why)
	})
}

func (m mortalPortal) Suspend(ctx context.Context, key string, known bridge.Access) (bridge.KeyRequest, error) {
	return m.call(ctx, "suspend", func(ctx context.Context, far *farPortal) (bridge.KeyRequest, error) {
		return far.Suspend(ctx, key, known)
	})
}

func (m mortalPortal) Resume(ctx context.Context, key string, known bridge.Access) (bridge.KeyRequest, error) {
	return m.call(ctx, "resume", func(ctx context.Context, far *farPortal) (bridge.KeyRequest, error) {
		return far.Resume(ctx, key, known)
	})
}

func (m mortalPortal) Revoke(ctx context.Context, key string, known bridge.Access) (bridge.KeyRequest, error) {
	return m.call(ctx, "revoke", func(ctx context.Context, far *farPortal) (bridge.KeyRequest, error) {
		return far.Revoke(ctx, key, known)
	})
}

func (m mortalPortal) Create(ctx context.Context, a bridge.Asking) (string, error) {
	return outside(ctx, m.p, "create", func(ctx context.Context) (string, error) { return m.p.s.portal.Create(ctx, a) })
}

func (m mortalPortal) ListPending(ctx context.Context, yield func(string) error) error {
	_, err := outside(ctx, m.p, "list pending", func(ctx context.Context) (struct{}, error) {
		return struct{}{}, m.p.s.portal.ListPending(ctx, yield)
	})
	return err
}

type mortalProvider struct{ p *process }

func (m mortalProvider) call(ctx context.Context, call string, work func(context.Context, *bank) (bridge.Money, error)) (bridge.Money, error) {
	return outside(ctx, m.p, call, func(ctx context.Context) (bridge.Money, error) { return work(ctx, m.p.s.bank) })
}

func (m mortalProvider) Quote(ctx context.Context, p bridge.Price) (bridge.Price, error) {
	return outside(ctx, m.p, "quote", func(ctx context.Context) (bridge.Price, error) { return m.p.s.provider.Quote(ctx, p) })
}

func (m mortalProvider) Open(ctx context.Context, o bridge.Order) (bridge.Money, error) {
	return m.call(ctx, "open", func(ctx context.Context, far *bank) (bridge.Money, error) {
		if m.p.s.breaks == forgetsKeys {
			o.Key, o.Since = o.Key+" "+time.Now().String(), time.Time{}
		}
		return far.Open(ctx, o)
	})
}

func (m mortalProvider) Read(ctx context.Context, r bridge.Request) (bridge.Money, error) {
	return m.call(ctx, "read payment", func(ctx context.Context, far *bank) (bridge.Money, error) { return far.Read(ctx, r) })
}

func (m mortalProvider) Expire(ctx context.Context, r bridge.Request, key string) (bridge.Money, error) {
	return m.call(ctx, "expire", func(ctx context.Context, far *bank) (bridge.Money, error) { return far.Expire(ctx, r, key) })
}

func (m mortalProvider) Capture(ctx context.Context, r bridge.Request, key string) (bridge.Money, error) {
	return m.call(ctx, "capture", func(ctx context.Context, far *bank) (bridge.Money, error) { return far.Capture(ctx, r, key) })
}

func (m mortalProvider) Void(ctx context.Context, r bridge.Request, key string) (bridge.Money, error) {
	return m.call(ctx, "void", func(ctx context.Context, far *bank) (bridge.Money, error) { return far.Void(ctx, r, key) })
}

func (m mortalProvider) Refund(ctx context.Context, r bridge.Request, a bridge.Amount, key string) (bridge.Money, error) {
	return m.call(ctx, "refund", func(ctx context.Context, far *bank) (bridge.Money, error) {
		if m.p.s.breaks == keepsMoney {
			_, said := far.see(r)
			said.Returned = said.Collected
			return said, nil
		}
		return far.Refund(ctx, r, a, key)
	})
}

func (m mortalProvider) Cancel(ctx context.Context, r bridge.Request, key string) (bridge.Money, error) {
	return m.call(ctx, "cancel", func(ctx context.Context, far *bank) (bridge.Money, error) {
		if m.p.s.breaks == goesOn {
			_, said := far.see(r)
			said.State, said.Subscribed = bridge.PaymentEnded, false
			return said, nil
		}
		return far.Cancel(ctx, r, key)
	})
}

func (m mortalProvider) Missed(ctx context.Context, since time.Time, yield func(bridge.Hint) error) error {
	_, err := outside(ctx, m.p, "list missed events", func(ctx context.Context) (struct{}, error) {
		return struct{}{}, m.p.s.provider.Missed(ctx, since, yield)
	})
	return err
}

func (m mortalProvider) List(ctx context.Context, since time.Time, yield func(bridge.Opened) error) error {
	_, err := outside(ctx, m.p, "list checkouts", func(ctx context.Context) (struct{}, error) {
		return struct{}{}, m.p.s.bank.List(ctx, since, yield)
	})
	return err
}

type mortalMailbox struct{ p *process }

func (m mortalMailbox) Send(ctx context.Context, msg bridge.Message) error {
	_, err := outside(ctx, m.p, "tell", func(ctx context.Context) (struct{}, error) {
		return struct{}{}, (*farMailbox)(m.p.s.world).Send(ctx, msg)
	})
	return err
}
