package storetest

import (
	"errors"
	"time"

	"keybridge/bridge"
)

var dropTests = []test{
	{"a dropped request is gone with everything that led to it", func(b *bench) {
		h := b.hint(1, "evt-1")
		h.Intake.Refs = []bridge.Ref{ref(1)}
		b.accept(h, nil)
		b.create(2)
		b.accept(b.at(id(1)), nil)
		if err := b.store.Drop(b.ctx, id(1)); err != nil {
			b.Fatal(err)
		}
		_, get := b.store.Get(b.ctx, id(1))
		_, find := b.store.Find(b.ctx, ref(1))
		_, byKey := b.store.FindKey(b.ctx, "main", keyOf(1))
		_, history := b.store.History(b.ctx, id(1))
		_, update := b.store.Update(b.ctx, id(1), func(*bridge.Change) error { return nil })
		for _, err := range []error{get, find, byKey, history, update} {
			b.wantKind(err, bridge.NotFound)
		}
		for _, f := range []bridge.Filter{{}, {State: bridge.StatePaying}, {Portal: "main"}} {
			b.same("list", b.list(f), []bridge.ID{id(2)})
		}
		b.same("applicant", b.list(bridge.Filter{Portal: "main", Applicant: "dev-1"}), []bridge.ID{})
		if a := b.accept(bridge.Hint{Source: "x", Request: id(1)}, nil); !a.Unknown() {
			b.Fatalf("%+v", a)
		}
		b.nothingDue("it is gone")
	}},
	{"dropping may be repeated, and what is not there can be dropped", func(b *bench) {
		b.create(1)
		for _, id := range []bridge.ID{id(1), id(1), id(2), "", "x"} {
			if err := b.store.Drop(b.ctx, id); err != nil {
				b.Fatal(err)
			}
		}
	}},
	{"the house says once of a dropped request that it was, and with how many entries", func(b *bench) {
		b.create(1)
		b.add(1, "a")
		for range 2 {
			if err := b.store.Drop(b.ctx, id(1)); err != nil {
				b.Fatal(err)
			}
		}
		entries := b.house(0)
		if len(entries) != 1 {
			b.Fatalf("%+v", entries)
		}
		e := entries[0]
		b.same("entry", []any{e.What, e.Request, e.Before, e.At}, []any{bridge.WhatDropped, id(1), "2 entries", micro(b.clock.Now())})
	}},
	{"a dropped key can come again, but not by the same hint", func(b *bench) {
		b.accept(b.hint(1, "evt-1"), nil)
		if err := b.store.Drop(b.ctx, id(1)); err != nil {
			b.Fatal(err)
		}
		b.same("the same hint", b.accept(b.hint(2, "evt-1"), nil), bridge.Accepted{Duplicate: true})
		h := b.hint(2, "evt-2")
		h.Key, h.Intake.Key = keyOf(1), keyOf(1)
		b.same("another hint", b.accept(h, nil), bridge.Accepted{Request: id(2), Created: true})
		b.same("history", b.verified(id(2)), []string{"received"})
	}},
	{"a claimed request can be dropped, and its claim ends with it", func(b *bench) {
		b.accept(b.hint(1, ""), nil)
		claim := b.claimOne(id(1))
		if err := b.store.Drop(b.ctx, id(1)); err != nil {
			b.Fatal(err)
		}
		_, err := b.store.Update(b.ctx, id(1), func(c *bridge.Change) error {
			c.Done = &bridge.Done{Claim: claim}
			return nil
		})
		b.wantKind(err, bridge.NotFound)
		b.clock.pass(time.Hour)
		now := b.clock.Now()
		claims, next, err := b.store.Claim(b.ctx, "main", now, now.Add(time.Minute), 1)
		if err != nil || len(claims) != 0 || !next.IsZero() {
			b.Fatalf("%v, %s, %v", claims, next, err)
		}
	}},
	{"a context that is over drops nothing", func(b *bench) {
		b.create(1)
		ctx := over()
		if err := b.store.Drop(ctx, id(1)); !errors.Is(err, ctx.Err()) {
			b.Fatalf("error %v", err)
		}
		b.get(id(1))
	}},
}
