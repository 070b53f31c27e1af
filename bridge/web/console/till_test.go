package console_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"testing"
	"time"

	"keybridge/bridge"
	"keybridge/bridge/export"
	"keybridge/bridge/report"
	"keybridge/bridge/web/console"
	"keybridge/store/bolt"
)

// till is an office whose requests have a history that the domain has written, with the
// report that is made of it and the house's own chain.
type till struct {
	*office
	sheets *report.Reader
	filed  int
	worn   *worn
}

// worn is a store of which something cannot be read any more.
type worn struct {
	*bolt.Store
	request bridge.ID // whose record is damaged
	cut     bool      // the feed is damaged behind its first entry
	entry   uint64    // of the house, which is damaged
	missing uint64    // of the house, which is removed
}

var errWorn = &bridge.Error{Kind: bridge.Internal, Msg: "It is damaged."}

func (w *worn) Get(ctx context.Context, id bridge.ID) (bridge.Request, error) {
	if id == w.request {
		return bridge.Request{}, errWorn
	}
	return w.Store.Get(ctx, id)
}

func (w *worn) Feed(ctx context.Context, after uint64, limit int) ([]bridge.Line, error) {
	if w.cut && after > 0 {
		return nil, errWorn
	}
	if w.cut {
		limit = 1
	}
	return w.Store.Feed(ctx, after, limit)
}

func (w *worn) House(ctx context.Context, after uint64, limit int) ([]bridge.Line, error) {
	if w.entry > after && w.entry <= after+uint64(limit) {
		return nil, errWorn
	}
	lines, err := w.Store.House(ctx, after, limit)
	return slices.DeleteFunc(lines, func(l bridge.Line) bool { return l.Entry.Seq == w.missing }), err
}

func newTill(t *testing.T, change ...func(*console.Config)) *till {
	t.Helper()
	o := newOffice(t)
	worn := &worn{Store: o.store}
	sheets, err := report.New(report.Config{Store: worn})
	if err != nil {
		t.Fatal(err)
	}
	none := func(context.Context, string) error { return nil }
	cfg := console.Config{
		Service: o.service, SignIn: o.signIn, Who: o.who, SignOut: none, SignOutEverywhere: none, Name: "Weather keys", Now: o.now,
		Portals: map[string]console.Portal{"main": {Title: "portal.example"}, "other": {Title: "Other portal"}},
		Count:   o.store.Count, Report: sheets, WriteTable: writeTable, Chain: worn, Log: slog.New(slog.NewTextHandler(o.log, nil)),
		Record: func(ctx context.Context, e bridge.Entry) {
			if err := o.store.Record(ctx, e); err != nil {
				t.Error(err)
			}
		},
	}
	for _, fn := range change {
		fn(&cfg)
	}
	if o.Console, err = console.New(cfg); err != nil {
		t.Fatal(err)
	}
	return &till{office: o, sheets: sheets, worn: worn}
}

// file takes in a key request for a plan.
func (b *till) file(portal, plan string) bridge.ID {
	b.t.Helper()
	b.filed++
	key := fmt.Sprint("filed-", b.filed)
	b.next = idOf(key, b.now())
	_, err := b.store.Accept(b.t.Context(), bridge.Hint{Source: "test", Portal: portal, Key: key, Intake: b.service.Intake(portal, key)}, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	r, err := b.store.FindKey(b.t.Context(), portal, key)
	if err != nil {
		b.t.Fatal(err)
	}
	b.change(r.ID, func(c *bridge.Change) {
		c.TakeIn(bridge.KeyRequest{State: bridge.Pending}, bridge.Terms{Plan: plan, Provider: "stripe", Steps: []bridge.StepKind{bridge.Paying}}, b.now())
	})
	b.see(r.ID, bridge.Pending, bridge.Money{State: bridge.NoPayment})
	return r.ID
}

func (b *till) change(id bridge.ID, fn func(*bridge.Change)) {
	b.t.Helper()
	if _, err := b.store.Update(b.t.Context(), id, func(c *bridge.Change) error { fn(c); return nil }); err != nil {
		b.t.Fatal(err)
	}
}

// see lets a request observe facts.
func (b *till) see(id bridge.ID, access bridge.AccessState, m bridge.Money) {
	b.t.Helper()
	b.change(id, func(c *bridge.Change) {
		c.Observe(bridge.Facts{Key: &bridge.KeyRequest{State: access}, Money: &m}, b.now())
	})
}

func (b *till) wait(d time.Duration) { b.set(b.now().Add(d)) }

// collected is money of which some went back.
func collected(minor, back int64, currency string) bridge.Money {
	m := bridge.Money{
		State: bridge.Paid, Checkout: bridge.Checkout{ID: "cs", For: bridge.Paying, State: bridge.CheckoutComplete},
		Collected: bridge.NewAmount(minor, currency),
	}
	if back > 0 {
		m.Returned = bridge.NewAmount(back, currency)
	}
	return m
}

// sells takes a request from its intake to its key, which it gets after a while.
func (b *till) sells(portal, plan string, m bridge.Money, after time.Duration) bridge.ID {
	b.t.Helper()
	id := b.file(portal, plan)
	b.see(id, bridge.Pending, bridge.Money{State: bridge.PaymentOpen, Checkout: bridge.Checkout{ID: "cs", For: bridge.Paying, State: bridge.CheckoutOpen}})
	b.see(id, bridge.Pending, m)
	b.wait(after)
	b.see(id, bridge.Granted, m)
	return id
}

// month is what happened in the thirty days before noon.
func (b *till) month() {
	b.t.Helper()
	b.set(noon.AddDate(0, 0, -29))
	for day := range 29 {
		for n := range 1 + day%3 {
			b.sells("main", "Weather Pro", collected(int64(4900+100*day), 0, "eur"), time.Duration(1+day*n)*time.Minute)
		}
		switch {
		case day%7 == 2:
			back := b.sells("main", "Team <b>&", collected(125000, 0, "eur"), 40*time.Hour)
			b.see(back, bridge.Granted, collected(125000, 25000, "eur"))
		case day%5 == 4:
			b.sells("other", "Japan", collected(1200, 0, "jpy"), 5*time.Second)
			gone := b.file("main", "Weather Pro")
			b.see(gone, bridge.Gone, bridge.Money{State: bridge.NoPayment})
			b.wait(time.Minute) // it is believed when it is seen twice
			b.see(gone, bridge.Gone, bridge.Money{State: bridge.NoPayment})
		}
		b.set(noon.AddDate(0, 0, -28+day))
	}
	b.set(noon)
	b.count()
}

// count brings the report up to date.
func (b *till) count() {
	b.t.Helper()
	if err := b.sheets.CatchUp(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

// writeTable writes tables as cmd/keybridge does.
func writeTable(to io.Writer, t bridge.Table, as bridge.Format) (int, error) {
	return export.Write(to, t, as, "")
}
