package storetest

import (
	"errors"
	"fmt"
	"math"
	"time"

	"keybridge/bridge"
)

func (b *bench) ledger(after uint64, limit int) []bridge.LedgerLine {
	b.Helper()
	lines, err := b.store.Ledger(b.ctx, after, limit)
	if err != nil {
		b.Fatalf("ledger after %d: %v", after, err)
	}
	return lines
}

func (b *bench) ledgerEnd() (bridge.Ledger, bridge.Head) {
	b.Helper()
	end, house, err := b.store.LedgerEnd(b.ctx)
	if err != nil {
		b.Fatalf("ledger's end: %v", err)
	}
	return end, house
}

// summed reads the whole ledger in pages and returns its running hash, and what the lines
// are: the end of the request's id, or house, and the entry's number.
func (b *bench) summed(limit int) (at bridge.Ledger, lines []string) {
	b.Helper()
	for {
		page := b.ledger(at.Place, limit)
		for _, line := range page {
			name := "house"
			if line.Request != "" {
				name = string(line.Request[24:])
			}
			if line.Entry != nil && (line.Entry.Hash != line.Hash || line.Entry.Seq != line.Seq) {
				b.Fatalf("the line %+v leads to %+v", line, line.Entry)
			}
			lines = append(lines, fmt.Sprintf("%s %d", name, line.Seq))
			at = at.Next(line)
		}
		if len(page) < limit {
			return at, lines
		}
	}
}

var ledgerTests = []test{
	{"a ledger without entries ends with nothing", func(b *bench) {
		end, house := b.ledgerEnd()
		b.same("ends", []any{end, house, b.ledger(0, 0)}, []any{bridge.Ledger{}, bridge.Head{}, []bridge.LedgerLine{}})
	}},
	{"it has the entries of requests and of the house in the order of their commits, and ends with their running hash", func(b *bench) {
		b.create(1)
		b.record(viewed("x"))
		b.create(2)
		b.add(1, "a")
		b.record(viewed("y"))
		for _, limit := range []int{1, 2, 1000} {
			at, lines := b.summed(limit)
			b.same("lines", lines, []string{"01 1", "house 1", "02 1", "01 2", "house 2"})
			end, house := b.ledgerEnd()
			b.same("end", at, end)
			b.same("house", house, bridge.Head{Seq: 2, Hash: b.house(0)[1].Hash})
		}
		b.same("entry", *b.ledger(0, 1)[0].Entry, b.history(id(1))[0])
		b.same("after the end", b.ledger(b.feedEnd(), 1), []bridge.LedgerLine{})
		b.same("far after it", b.ledger(math.MaxUint64, 1), []bridge.LedgerLine{})
	}},
	{"what was not kept is not in it", func(b *bench) {
		b.create(1)
		was, _ := b.ledgerEnd()
		_, err := b.store.Update(b.ctx, id(1), func(c *bridge.Change) error { note(c, "no"); return errMine })
		if !errors.Is(err, errMine) {
			b.Fatal(err)
		}
		b.update(id(1), func(c *bridge.Change) { c.Work.Failures++ })
		is, _ := b.ledgerEnd()
		b.same("end", is, was)
	}},
	{"the lines of a dropped request stay without their entries, and the house's follows them", func(b *bench) {
		b.create(1)
		b.add(1, "a")
		hash := b.history(id(1))[1].Hash
		if err := b.store.Drop(b.ctx, id(1)); err != nil {
			b.Fatal(err)
		}
		at, lines := b.summed(1000)
		b.same("lines", lines, []string{"01 1", "01 2", "house 1"})
		end, _ := b.ledgerEnd()
		b.same("end", at, end)
		line := b.ledger(0, 2)[1]
		b.same("line", []any{line.Entry == nil, line.Hash}, []any{true, hash})
	}},
	{"the end of each day is kept, and that of the one under way is not", func(b *bench) {
		b.create(1)
		var ends []bridge.Ledger
		for i := range 250 {
			b.add(1, fmt.Sprint(i))
			b.record(viewed("x"))
			end, _ := b.ledgerEnd()
			ends = append(ends, end)
			b.clock.pass(24 * time.Hour)
		}
		points, err := b.store.Checkpoints(b.ctx, 0, 1000)
		if err != nil {
			b.Fatal(err)
		}
		b.same("checkpoints", points, ends[:249])
		points, err = b.store.Checkpoints(b.ctx, ends[100].Place, 3)
		if err != nil {
			b.Fatal(err)
		}
		b.same("some", points, ends[100:103])
		points, err = b.store.Checkpoints(b.ctx, 0, 0)
		b.same("no limit given", []any{len(points), err}, []any{100, nil})
	}},
	{"entries that are committed at once are all in the running hash", func(b *bench) {
		together(8, func(n int) {
			if _, err := b.store.Accept(b.ctx, b.hint(n, ""), nil); err != nil {
				b.Error(err)
			}
			for range 10 {
				if err := b.store.Record(b.ctx, viewed("x")); err != nil {
					b.Error(err)
				}
				if _, err := b.store.Update(b.ctx, id(n), func(c *bridge.Change) error { note(c, "x"); return nil }); err != nil {
					b.Error(err)
				}
			}
		})
		at, lines := b.summed(100)
		end, house := b.ledgerEnd()
		b.same("end", at, end)
		b.same("lines", []int{len(lines), int(house.Seq)}, []int{8 * 21, 80})
	}},
	{"a limit of the ledger is at most a thousand", func(b *bench) {
		for _, limit := range []int{-1, 1001} {
			_, err := b.store.Ledger(b.ctx, 0, limit)
			b.wantKind(err, bridge.Invalid)
			_, err = b.store.Checkpoints(b.ctx, 0, limit)
			b.wantKind(err, bridge.Invalid)
		}
	}},
	{"a context that is over reads nothing of the ledger", func(b *bench) {
		ctx := over()
		_, ledger := b.store.Ledger(ctx, 0, 1)
		_, _, end := b.store.LedgerEnd(ctx)
		_, points := b.store.Checkpoints(ctx, 0, 1)
		for _, err := range []error{ledger, end, points} {
			if !errors.Is(err, ctx.Err()) {
				b.Fatalf("error %v", err)
			}
		}
	}},
}
