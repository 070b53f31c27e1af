package storetest

import (
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"keybridge/bridge"
)

func (b *bench) feed(after uint64, limit int) []bridge.Line {
	b.Helper()
	lines, err := b.store.Feed(b.ctx, after, limit)
	if err != nil {
		b.Fatalf("feed after %d: %v", after, err)
	}
	return lines
}

func (b *bench) feedEnd() uint64 {
	b.Helper()
	end, err := b.store.FeedEnd(b.ctx)
	if err != nil {
		b.Fatalf("feed's end: %v", err)
	}
	return end
}

// add adds a line to the n-th request's history.
func (b *bench) add(n int, why string) {
	b.Helper()
	b.update(id(n), func(c *bridge.Change) { note(c, why) })
}

// told names the request and the reason of each line.
func told(lines []bridge.Line) []string {
	var out []string
	for _, l := range lines {
		out = append(out, fmt.Sprintf("%s %s", l.Entry.Request[24:], l.Entry.Why))
	}
	return out
}

var feedTests = []test{
	{"a feed without entries is empty, and its end is 0", func(b *bench) {
		b.same("feed", b.feed(0, 0), []bridge.Line{})
		b.same("end", b.feedEnd(), uint64(0))
	}},
	{"the entries of all requests come in the order of their commits, as their histories have them", func(b *bench) {
		b.create(2)
		b.create(1)
		b.add(2, "a")
		b.update(id(1), func(c *bridge.Change) { note(c, "b"); note(c, "c") })
		b.accept(b.at(id(2)), func(c *bridge.Change) error { note(c, "d"); return nil })
		lines := b.feed(0, 0)
		b.same("feed", told(lines), []string{"02 received", "01 received", "02 a", "01 b", "01 c", "02 d"})
		b.same("the first one's", []bridge.Entry{lines[1].Entry, lines[3].Entry, lines[4].Entry}, b.history(id(1)))
		b.same("end", b.feedEnd(), lines[5].Place)
	}},
	{"a page begins after its place and holds no more than was asked for", func(b *bench) {
		b.create(1)
		for i := range 250 {
			b.add(1, fmt.Sprint(i))
		}
		all := b.feed(0, 1000)
		b.same("all", len(all), 251)
		b.same("no limit given", b.feed(0, 0), all[:100])
		for i, line := range all {
			if i > 0 && line.Place <= all[i-1].Place {
				b.Fatalf("place %d comes after %d", line.Place, all[i-1].Place)
			}
			b.same("the next", b.feed(line.Place, 3), all[i+1:min(i+4, len(all))])
		}
		b.same("between two places", b.feed(all[9].Place-1, 1), all[9:10])
		b.same("after the last", b.feed(b.feedEnd(), 1), []bridge.Line{})
		b.same("far after it", b.feed(math.MaxUint64, 1), []bridge.Line{})
	}},
	{"a limit is at most a thousand", func(b *bench) {
		for _, limit := range []int{-1, 1001} {
			_, err := b.store.Feed(b.ctx, 0, limit)
			b.wantKind(err, bridge.Invalid)
		}
	}},
	{"what adds no entry is not in it, and neither is what was not kept", func(b *bench) {
		b.create(1)
		end := b.feedEnd()
		b.accept(b.at(id(1)), nil)
		b.accept(b.hint(1, "evt"), nil)
		b.update(id(1), func(c *bridge.Change) { c.Work.Failures++ })
		_, err := b.store.Update(b.ctx, id(1), func(c *bridge.Change) error { note(c, "no"); return errMine })
		if !errors.Is(err, errMine) {
			b.Fatal(err)
		}
		b.same("end", b.feedEnd(), end)
		b.same("feed", told(b.feed(0, 0)), []string{"01 received"})
	}},
	{"entries of a request that was dropped are passed over", func(b *bench) {
		for n := range 3 {
			b.create(n)
		}
		b.add(1, "a")
		b.add(2, "b")
		place := b.feed(0, 2)[1].Place
		if err := b.store.Drop(b.ctx, id(1)); err != nil {
			b.Fatal(err)
		}
		b.same("feed", told(b.feed(0, 0)), []string{"00 received", "02 received", "02 b"})
		b.same("after a place of its own", told(b.feed(place, 1)), []string{"02 received"})
		if err := b.store.Drop(b.ctx, id(2)); err != nil {
			b.Fatal(err)
		}
		end := b.feedEnd()
		b.add(0, "c")
		if b.feedEnd() <= end {
			b.Fatalf("the place %d was given again", end)
		}
		b.same("feed", told(b.feed(0, 0)), []string{"00 received", "00 c"})
	}},
	{"entries stay for good", func(b *bench) {
		b.create(1)
		for i := range 120 {
			b.add(1, fmt.Sprint(i))
			b.clock.pass(10 * 24 * time.Hour)
		}
		all := b.feed(0, 1000)
		if len(all) != 121 || all[120].Entry.Why != "119" {
			b.Fatalf("%d are kept", len(all))
		}
	}},
	{"a place is never given twice, whatever the clock does", func(b *bench) {
		b.create(1)
		last := b.feedEnd()
		for _, d := range []time.Duration{0, 0, -time.Hour, time.Microsecond, -400 * 24 * time.Hour, 300 * 24 * time.Hour, 400 * 24 * time.Hour, -time.Minute} {
			b.clock.pass(d)
			b.update(id(1), func(c *bridge.Change) { note(c, "a"); note(c, "b") })
			lines := b.feed(last, 0)
			if len(lines) != 2 || lines[0].Place <= last || lines[1].Place <= lines[0].Place || b.feedEnd() != lines[1].Place {
				b.Fatalf("%s on: after %d come %+v, and the end is %d", d, last, lines, b.feedEnd())
			}
			last = lines[1].Place
		}
	}},
	{"who follows the feed while others write misses nothing and gets nothing twice", func(b *bench) {
		const requests, each = 8, 15
		var writing atomic.Int64
		writing.Store(requests)
		done := make(chan []string)
		go func() {
			var got []string
			var at uint64
			for over := false; ; {
				lines, err := b.store.Feed(b.ctx, at, 7)
				if err != nil {
					b.Error(err)
				}
				for _, l := range lines {
					at, got = l.Place, append(got, fmt.Sprintf("%s %d", l.Entry.Request, l.Entry.Seq))
				}
				if len(lines) == 0 && over {
					break
				}
				over = writing.Load() == 0
			}
			done <- got
		}()
		together(requests, func(n int) {
			defer writing.Add(-1)
			if _, err := b.store.Accept(b.ctx, b.hint(n, ""), nil); err != nil {
				b.Error(err)
			}
			for range each {
				if _, err := b.store.Update(b.ctx, id(n), func(c *bridge.Change) error { note(c, "x"); return nil }); err != nil {
					b.Error(err)
				}
			}
		})
		got := <-done
		seen := map[string]bool{}
		for _, line := range got {
			seen[line] = true
		}
		if len(got) != requests*(each+1) || len(seen) != len(got) {
			b.Fatalf("%d lines, %d different ones, want %d", len(got), len(seen), requests*(each+1))
		}
	}},
	{"a context that is over reads nothing", func(b *bench) {
		ctx := over()
		_, feed := b.store.Feed(ctx, 0, 1)
		_, end := b.store.FeedEnd(ctx)
		for _, err := range []error{feed, end} {
			if !errors.Is(err, ctx.Err()) {
				b.Fatalf("error %v", err)
			}
		}
	}},
}
