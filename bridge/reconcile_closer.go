package bridge

import (
	"context"
	"maps"
	"slices"
	"time"
)

// Looking closer at what is suspected: both sides are read afresh, and what still differs is
// made due.

// lookCloser looks at every suspect, and once more at those that something was happening to.
func (c *comparison) lookCloser(ctx context.Context) error {
	rest := c.settle()
	later, err := c.examineAll(ctx, slices.Sorted(maps.Keys(c.suspects)), false)
	if err != nil {
		return err
	}
	var young []strayCheckout
	for _, s := range c.strays {
		if s.At.After(c.now().Add(-rest)) {
			young = append(young, s)
			continue
		}
		if err := c.examineStray(ctx, s); err != nil {
			return err
		}
	}
	if len(later)+len(young)+len(c.waits) == 0 {
		return nil
	}
	if err := c.wait(ctx, rest, len(later)+len(young)+len(c.waits)); err != nil {
		return err
	}
	if _, err := c.examineAll(ctx, later, true); err != nil {
		return err
	}
	for _, s := range young {
		if err := c.examineStray(ctx, s); err != nil {
			return err
		}
	}
	for _, k := range c.waits {
		if err := c.examineWaiting(ctx, k); err != nil {
			return err
		}
	}
	return nil
}

func (c *comparison) now() time.Time { return c.service.cfg.Now() }

// settle is how long something has to have stood still.
func (c *comparison) settle() time.Duration {
	if settle := c.service.cfg.Settle; settle > 0 {
		return settle
	}
	return moment
}

// wait waits for what is under way.
func (c *comparison) wait(ctx context.Context, d time.Duration, of int) error {
	c.order.Progress("waiting for what is under way", 0, of)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// examineAll looks at suspects and returns those that changed a moment ago. The last time
// those are only counted.
func (c *comparison) examineAll(ctx context.Context, ids []ID, last bool) (later []ID, err error) {
	for i, id := range ids {
		c.order.Progress("what may differ", i, len(ids))
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		r, err := c.service.cfg.Store.Get(ctx, id)
		switch {
		case KindOf(err) == NotFound:
			continue // dropped meanwhile
		case err != nil:
			return nil, err
		case r.Updated.After(c.now().Add(-c.settle())) && last:
			c.out.Moving++
			continue
		case r.Updated.After(c.now().Add(-c.settle())):
			later = append(later, id)
			continue
		}
		if err := c.examine(ctx, r, c.suspects[id].spare); err != nil {
			return nil, err
		}
	}
	return later, nil
}

// examine reads both sides afresh and compares. The errors it returns are the store's.
func (c *comparison) examine(ctx context.Context, r Request, spare []string) error {
	site, ok := c.service.cfg.Portals[r.Portal]
	if !ok || c.givenUp(r.Portal) {
		return nil
	}
	p := &pass{w: c.worker, request: r, site: site}
	var facts Facts
	if r.Access.Have != Unread {
		var doing string
		var err error
		if facts, _, doing, err = p.read(ctx, p.now()); err != nil {
			c.unread(r, doing, err)
			return nil
		}
	}
	spares, err := p.spares(ctx, spare)
	if err != nil {
		c.unread(r, "read payment", err)
		return nil
	}
	all := Compare(r, facts, spares, p.now())
	for _, d := range all {
		c.found(d)
	}
	if c.order.DryRun {
		return nil
	}
	return c.mend(ctx, r, all)
}

// unread notes that a suspect could not be read.
func (c *comparison) unread(r Request, doing string, err error) {
	u := Unasked{Portal: r.Portal, Doing: doing}
	if doing == "read payment" {
		u = Unasked{Provider: r.Terms.Provider, Doing: doing}
	}
	c.failed(u, err)
}

// spares reads the checkouts of a request beside its own.
func (p *pass) spares(ctx context.Context, ids []string) (all []Money, err error) {
	provider := p.w.cfg.Providers[p.request.Terms.Provider]
	for _, id := range ids {
		if provider == nil || id == p.request.Payment.Checkout.ID {
			continue
		}
		r := p.request.Clone()
		r.Payment.Checkout = Checkout{ID: id}
		var m Money
		if err := p.timed("read payment", func() (err error) { m, err = provider.Read(ctx, r); return }); err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

// mend makes a request due where the rules can do something, and asks for a person where
// they cannot. Where nothing differs any more nobody is asked for.
func (c *comparison) mend(ctx context.Context, r Request, all []Difference) error {
	person := slices.IndexFunc(all, func(d Difference) bool { return d.Remedy == NeedsPerson })
	switch {
	case person >= 0:
		if d := all[person]; d.Text != r.Work.Apart {
			return c.service.sayApart(ctx, r.ID, d.Kind, d.Text)
		}
	case r.Work.Apart != "" && len(c.out.Failed) == 0 && !r.Created.Before(c.order.Since): // all its checkouts were listed
		return c.service.sayApart(ctx, r.ID, "", "")
	}
	if len(all) == 0 || person >= 0 && len(all) == 1 {
		return nil
	}
	_, err := c.service.accept(ctx, Hint{Source: doingReconcile, What: string(all[0].Kind), Request: r.ID}, nil)
	return err
}

// examineStray says that a checkout is of nobody here, unless somebody has come meanwhile.
func (c *comparison) examineStray(ctx context.Context, s strayCheckout) error {
	_, err := c.service.cfg.Store.Get(ctx, s.Request)
	if KindOf(err) != NotFound {
		return err
	}
	d, _ := stray(s.provider, s.Opened)
	c.found(d)
	return nil
}

// examineWaiting takes a key request in that nobody told of, unless somebody has meanwhile.
func (c *comparison) examineWaiting(ctx context.Context, k waitingKey) error {
	_, err := c.service.GetKey(ctx, k.portal, k.key)
	if KindOf(err) != NotFound {
		return err
	}
	c.found(Difference{
		Kind: UnknownHere, Remedy: TakenIn, Portal: k.portal, Key: k.key,
		Text: "A key request waits in the portal and is not known here.",
	})
	if c.order.DryRun {
		return nil
	}
	_, err = c.service.accept(ctx, Hint{
		Source: doingReconcile, What: "pending", Portal: k.portal, Key: k.key, Intake: c.service.Intake(k.portal, k.key),
	}, nil)
	return err
}
