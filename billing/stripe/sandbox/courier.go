package sandbox

import (
	"bytes"
	"container/heap"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"
)

// atOnce is how many deliveries may be under way at a time.
const atOnce = 32

// courier delivers events to webhook endpoints: at least once, again after a
// failure, and in no order that could be relied on. It has a lock of its own
// and never takes the ledger's.
type courier struct {
	ctx      context.Context
	client   *http.Client
	log      *slog.Logger
	now      func() time.Time // for signatures
	retries  []time.Duration
	patience time.Duration
	faults   *faults
	wake     chan struct{}
	slots    chan struct{}
	done     sync.WaitGroup

	mu       sync.Mutex
	hooks    []hook
	postings map[string]*posting
	queue    rounds
	holding  bool
	held     []*posting
}

// posting is one event with the ways it has to go.
type posting struct {
	event   *event
	legs    []*leg
	unmet   int           // legs that were not tried yet
	settled chan struct{} // closed when every leg was tried once
}

// leg is the way of one event to one endpoint.
type leg struct {
	of       *posting
	hook     string
	tries    []Delivery
	ok, lost bool
	over     bool // no further attempt is planned
}

// Delivery is one attempt to deliver an event.
type Delivery struct {
	Endpoint string        `json:"endpoint"` // id of the endpoint
	URL      string        `json:"url"`
	Time     time.Time     `json:"time"`
	Took     time.Duration `json:"took_ns"`
	Status   int           `json:"status"` // 0 = no answer
	Error    string        `json:"error,omitempty"`
}

// OK says whether the endpoint took the event: any 2xx.
func (d Delivery) OK() bool { return d.Status >= 200 && d.Status < 300 }

// round is one attempt that is planned.
type round struct {
	due time.Time
	nth int
	leg *leg
}

type rounds struct {
	planned []round
	made    int
}

func (q *rounds) Len() int { return len(q.planned) }
func (q *rounds) Less(i, j int) bool {
	if q.planned[i].due.Equal(q.planned[j].due) {
		return q.planned[i].nth < q.planned[j].nth
	}
	return q.planned[i].due.Before(q.planned[j].due)
}
func (q *rounds) Swap(i, j int) { q.planned[i], q.planned[j] = q.planned[j], q.planned[i] }
func (q *rounds) Push(x any) {
	if r, ok := x.(round); ok {
		q.planned = append(q.planned, r)
	}
}
func (q *rounds) Pop() any {
	last := q.planned[len(q.planned)-1]
	q.planned = q.planned[:len(q.planned)-1]
	return last
}

func newCourier(ctx context.Context, cfg Config, fs *faults) *courier {
	return &courier{
		ctx: ctx, log: cfg.Log, now: cfg.Now, retries: cfg.Retries, patience: cfg.Patience, faults: fs,
		client: &http.Client{
			Timeout: cfg.Patience,
			// To Stripe a redirect is a failure.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport:     &http.Transport{MaxIdleConnsPerHost: atOnce, IdleConnTimeout: 30 * time.Second},
		},
		wake: make(chan struct{}, 1), slots: make(chan struct{}, atOnce), postings: map[string]*posting{},
	}
}

// post takes a new event in: on its way, or held back.
func (c *courier) post(e *event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := &posting{event: e, settled: make(chan struct{})}
	for _, h := range c.hooks {
		if h.wants(e.kind) {
			p.legs = append(p.legs, &leg{of: p, hook: h.id})
		}
	}
	c.postings[e.id] = p
	p.unmet = len(p.legs)
	if p.unmet == 0 || c.holding {
		close(p.settled)
		p.unmet = 0
	}
	if c.holding {
		c.held = append(c.held, p)
		return
	}
	c.plan(p)
}

// plan sends an event on all its ways, as the faults will have it.
func (c *courier) plan(p *posting) {
	if len(p.legs) == 0 {
		return
	}
	now := time.Now()
	is := c.faults.fateOf(p.event.kind, now)
	for _, way := range p.legs {
		if is.lost {
			way.lost, way.over = true, true
			c.met(p)
			continue
		}
		for range is.copies + 1 {
			c.push(way, now.Add(is.delay))
		}
	}
}

func (c *courier) push(way *leg, due time.Time) {
	c.queue.made++
	heap.Push(&c.queue, round{due, c.queue.made, way})
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// met counts a leg that was tried once; with the last one the event is settled.
func (c *courier) met(p *posting) {
	if p.unmet == 0 {
		return
	}
	if p.unmet--; p.unmet == 0 {
		close(p.settled)
	}
}

// run delivers what is due until the sandbox is closed.
func (c *courier) run() {
	defer c.done.Wait()
	for {
		wait := time.Hour
		c.mu.Lock()
		for c.queue.Len() > 0 {
			if wait = time.Until(c.queue.planned[0].due); wait > 0 {
				break
			}
			next, _ := heap.Pop(&c.queue).(round)
			c.mu.Unlock()
			if !c.start(next.leg) {
				return
			}
			c.mu.Lock()
			wait = time.Hour
		}
		c.mu.Unlock()
		timer := time.NewTimer(wait)
		select {
		case <-c.ctx.Done():
			timer.Stop()
			return
		case <-c.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// start makes an attempt as soon as there is room for one more.
func (c *courier) start(way *leg) bool {
	select {
	case <-c.ctx.Done():
		return false
	case c.slots <- struct{}{}:
	}
	c.done.Go(func() {
		defer func() { <-c.slots }()
		c.try(c.ctx, way, true)
	})
	return true
}

// try makes one attempt on a leg. Only what was planned is planned again.
func (c *courier) try(ctx context.Context, way *leg, again bool) Delivery {
	c.mu.Lock()
	to, known := c.hook(way.hook)
	c.mu.Unlock()
	if !known || to.Disabled {
		c.mu.Lock()
		defer c.mu.Unlock()
		way.over = true
		c.met(way.of)
		return Delivery{Endpoint: way.hook, Error: "the endpoint is gone or disabled"}
	}
	done := c.deliver(ctx, to, way.of.event)
	c.mu.Lock()
	defer c.mu.Unlock()
	way.tries = append(way.tries, done)
	way.ok = way.ok || done.OK()
	c.met(way.of)
	nth := len(way.tries) - 1
	switch {
	case way.ok || !again:
	case nth < len(c.retries):
		c.push(way, time.Now().Add(c.retries[nth]))
	default:
		way.over = true
	}
	return done
}

// deliver posts an event to an endpoint, signed, and says how that went.
func (c *courier) deliver(ctx context.Context, to hook, e *event) Delivery {
	start := time.Now()
	done := Delivery{Endpoint: to.id, URL: to.URL, Time: start}
	payload := encode(e.render(to.APIVersion, c.pending(e.id)))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.URL, bytes.NewReader(payload))
	if err != nil {
		done.Error = err.Error()
		return done
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("User-Agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
	req.Header.Set("Stripe-Signature", to.sign(c.now(), payload))
	answer, err := c.client.Do(req)
	done.Took = time.Since(start)
	if err != nil {
		done.Error = "no answer"
		c.log.Info("webhook not delivered", "event", e.id, "type", e.kind, "endpoint", to.id)
		return done
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10)) // read so that the connection can be used again
	_ = answer.Body.Close()
	done.Status = answer.StatusCode
	if !done.OK() {
		done.Error = fmt.Sprintf("answered %d", answer.StatusCode)
		c.log.Info("webhook not taken", "event", e.id, "type", e.kind, "endpoint", to.id, "status", done.Status)
	}
	return done
}

func (c *courier) hook(id string) (hook, bool) {
	i := slices.IndexFunc(c.hooks, func(h hook) bool { return h.id == id })
	if i < 0 {
		return hook{}, false
	}
	return c.hooks[i], true
}

// know takes an endpoint in, or its changes.
func (c *courier) know(h hook) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := slices.IndexFunc(c.hooks, func(k hook) bool { return k.id == h.id }); i >= 0 {
		c.hooks[i] = h
		return
	}
	c.hooks = append(c.hooks, h)
}

func (c *courier) forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hooks = slices.DeleteFunc(c.hooks, func(h hook) bool { return h.id == id })
}

// pending is the number of endpoints that have not taken an event yet.
func (c *courier) pending(id string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	if p, ok := c.postings[id]; ok {
		for _, way := range p.legs {
			if !way.ok {
				n++
			}
		}
	}
	return n
}

func (c *courier) delivered(id string) bool { return c.pending(id) == 0 }

// unwanted says that no endpoint takes an event.
func (c *courier) unwanted(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, ok := c.postings[id]
	return !ok || len(p.legs) == 0
}

// tries are the attempts made for an event, in the order they ended.
func (c *courier) tries(id string) []Delivery {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []Delivery
	if p, ok := c.postings[id]; ok {
		for _, way := range p.legs {
			all = append(all, way.tries...)
		}
	}
	slices.SortStableFunc(all, func(a, b Delivery) int { return a.Time.Compare(b.Time) })
	return all
}

// settled gives the channel that is closed once every endpoint was tried.
func (c *courier) settled(id string) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p, ok := c.postings[id]; ok {
		return p.settled
	}
	closed := make(chan struct{})
	close(closed)
	return closed
}

// hold keeps new events back, or lets go of those that were.
func (c *courier) hold(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.holding = on
	if on {
		return
	}
	for _, p := range c.held {
		if !p.taken() {
			c.plan(p)
		}
	}
	c.held = nil
}

// taken says whether every endpoint has the event already, by hand perhaps.
func (p *posting) taken() bool {
	return !slices.ContainsFunc(p.legs, func(way *leg) bool { return !way.ok })
}

// deliverNow makes one attempt on every leg of an event and waits for it.
func (c *courier) deliverNow(ctx context.Context, id string) error {
	c.mu.Lock()
	p, ok := c.postings[id]
	c.mu.Unlock()
	if !ok {
		return fmt.Errorf("no such event: %s", id)
	}
	var failed []error
	for _, way := range p.legs {
		if done := c.try(ctx, way, false); !done.OK() {
			failed = append(failed, fmt.Errorf("delivering %s to %s: %s", id, done.URL, done.Error))
		}
	}
	return errors.Join(failed...)
}

// hasten brings everything planned nearer.
func (c *courier) hasten(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.queue.planned {
		c.queue.planned[i].due = c.queue.planned[i].due.Add(-by)
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
}
