package storetest

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"keybridge/bridge"
)

func (b *bench) record(e bridge.Entry) {
	b.Helper()
	if err := b.store.Record(b.ctx, e); err != nil {
		b.Fatalf("record: %v", err)
	}
}

// house reads all of the house's entries in pages and verifies them.
func (b *bench) house(limit int) []bridge.Entry {
	b.Helper()
	var entries []bridge.Entry
	for after := uint64(0); ; {
		lines, err := b.store.House(b.ctx, after, limit)
		if err != nil {
			b.Fatalf("house after %d: %v", after, err)
		}
		for _, l := range lines {
			if l.Place != l.Entry.Seq || l.Place <= after {
				b.Fatalf("entry %d at the place %d after %d", l.Entry.Seq, l.Place, after)
			}
			after = l.Place
			entries = append(entries, l.Entry)
		}
		if len(lines) == 0 {
			break
		}
	}
	end, err := b.store.HouseEnd(b.ctx)
	if err != nil {
		b.Fatal(err)
	}
	if err := bridge.VerifyHistory(entries, end); err != nil {
		b.Fatal(err)
	}
	return entries
}

// viewed is an entry of the house.
func viewed(why string) bridge.Entry {
	return bridge.Entry{
		Request: id(1), At: start, Actor: bridge.Actor{Kind: bridge.ByPerson, Name: "olga"}, What: bridge.WhatViewed, Why: why,
	}
}

var houseTests = []test{
	{"the house's entries are one chain in the order of their commits", func(b *bench) {
		if entries := b.house(0); len(entries) > 0 {
			b.Fatalf("%+v", entries)
		}
		for n := range 130 {
			b.record(viewed(fmt.Sprint(n)))
		}
		for _, limit := range []int{0, 1, 7, 1000} {
			entries := b.house(limit)
			if len(entries) != 130 || entries[129].Why != "129" || entries[129].Seq != 130 {
				b.Fatalf("%d entries, the last %+v", len(entries), entries[len(entries)-1])
			}
		}
		last := b.house(0)[129]
		want := viewed("129")
		want.At, want.Seq, want.Prev, want.Hash = micro(want.At), 130, last.Prev, last.Hash
		b.same("last", last, want)
	}},
	{"entries that are recorded at once are one chain too", func(b *bench) {
		together(8, func(i int) {
			for n := range 20 {
				if err := b.store.Record(b.ctx, viewed(fmt.Sprint(i, n))); err != nil {
					b.Error(err)
				}
			}
		})
		if entries := b.house(0); len(entries) != 160 {
			b.Fatalf("%d entries", len(entries))
		}
	}},
	{"what is given as a place in the chain counts for nothing, and no time is now", func(b *bench) {
		e := viewed("x")
		e.Seq, e.Prev, e.Hash, e.At = 7, "made", "up", time.Time{}
		b.record(e)
		b.same("time", b.house(0)[0].At, micro(b.clock.Now()))
	}},
	{"text that is not UTF-8 breaks no chain", func(b *bench) {
		b.record(bridge.Entry{Request: "\xff", Actor: bridge.Actor{Kind: "\xfe", Name: "a\xff"}, What: "\xff", Before: "\xff", After: "\xff", Why: "\xffb"})
		b.record(viewed("after it"))
		b.same("why", b.house(0)[0].Why, "\uFFFDb")
	}},
	{"a page of the house is 100 unless another limit is given, and none is after the end", func(b *bench) {
		for range 101 {
			b.record(viewed("x"))
		}
		for after, want := range map[uint64]int{0: 100, 1: 100, 2: 99, 101: 0, 1 << 63: 0, ^uint64(0): 0} {
			lines, err := b.store.House(b.ctx, after, 0)
			if err != nil || len(lines) != want {
				b.Errorf("%d after %d, %v", len(lines), after, err)
			}
		}
	}},
	{"the house's entries are in no request's history and stay when it is dropped", func(b *bench) {
		b.create(1)
		b.record(viewed("x"))
		b.same("history", b.verified(id(1)), []string{"received"})
		if err := b.store.Drop(b.ctx, id(1)); err != nil {
			b.Fatal(err)
		}
		if entries := b.house(0); len(entries) != 2 || entries[0].Request != id(1) || entries[0].What != bridge.WhatViewed {
			b.Fatalf("%+v", entries)
		}
	}},
	{"what cannot be an entry of the house is refused", func(b *bench) {
		b.wantKind(b.store.Record(b.ctx, viewed(strings.Repeat("x", 64<<10))), bridge.Invalid)
		for _, limit := range []int{-1, 1001} {
			_, err := b.store.House(b.ctx, 0, limit)
			b.wantKind(err, bridge.Invalid)
		}
		b.record(viewed("well"))
		if entries := b.house(0); len(entries) != 1 {
			b.Fatalf("%+v", entries)
		}
	}},
	{"a context that is over records and reads nothing of the house", func(b *bench) {
		ctx := over()
		_, house := b.store.House(ctx, 0, 0)
		_, end := b.store.HouseEnd(ctx)
		for _, err := range []error{house, end, b.store.Record(ctx, viewed("x"))} {
			if !errors.Is(err, ctx.Err()) {
				b.Errorf("error %v", err)
			}
		}
		if entries := b.house(0); len(entries) > 0 {
			b.Fatalf("%+v", entries)
		}
	}},
}
