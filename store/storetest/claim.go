package storetest

import (
	"errors"
	"sync"
	"time"

	"keybridge/bridge"
)

var claimTests = []test{
	{"a request is due from its first hint", func(b *bench) {
		b.accept(b.hint(1, ""), nil)
		now := b.clock.Now()
		claims, next, err := b.store.Claim(b.ctx, "main", now, now.Add(time.Minute), 10)
		if err != nil {
			b.Fatal(err)
		}
		b.same("claims", claims, []bridge.Claim{{
			Request: id(1), Portal: "main", Hints: 1, Until: micro(now.Add(time.Minute)),
		}})
		b.same("next", next, micro(now.Add(time.Minute)))
	}},
	{"a hint without a time, or from the future, is due now", func(b *bench) {
		for i, at := range []time.Time{{}, start.Add(time.Hour)} {
			h := b.hint(i, "")
			h.At = at
			b.accept(h, nil)
			b.done(b.claimOne(id(i)), time.Time{})
		}
	}},
	{"what is due is claimed the longest due first, up to the limit, and next says that there is more", func(b *bench) {
		now := b.clock.Now()
		for i, ago := range []time.Duration{1, 3, 2, 5, 4} {
			h := b.hint(i, "")
			h.At = now.Add(-ago * time.Minute)
			b.accept(h, nil)
		}
		claims, next, err := b.store.Claim(b.ctx, "main", now, now.Add(time.Hour), 3)
		if err != nil {
			b.Fatal(err)
		}
		var ids []bridge.ID
		for _, c := range claims {
			ids = append(ids, c.Request)
		}
		b.same("claimed", ids, []bridge.ID{id(3), id(4), id(1)})
		b.same("next", next, micro(now.Add(-2*time.Minute)))
	}},
	{"a limit of nothing claims nothing and says what is next", func(b *bench) {
		b.accept(b.hint(1, ""), nil)
		now := b.clock.Now()
		claims, next, err := b.store.Claim(b.ctx, "main", now, now.Add(time.Minute), 0)
		if err != nil || len(claims) != 0 || !next.Equal(micro(now)) {
			b.Fatalf("%v, %s, %v", claims, next, err)
		}
	}},
	{"portals are claimed apart", func(b *bench) {
		b.accept(b.hint(1, ""), nil)
		now := b.clock.Now()
		for _, portal := range []string{"", "mai", "main2", "other", "main\x00"} {
			claims, next, err := b.store.Claim(b.ctx, portal, now, now.Add(time.Minute), 10)
			if err != nil || len(claims) != 0 || !next.IsZero() {
				b.Errorf("portal %q: %v, %s, %v", portal, claims, next, err)
			}
		}
		b.claimOne(id(1))
	}},
	{"nothing is in sight where nothing is scheduled", func(b *bench) {
		b.create(1)
		now := b.clock.Now()
		claims, next, err := b.store.Claim(b.ctx, "main", now, now.Add(time.Minute), 10)
		if err != nil || len(claims) != 0 || !next.IsZero() {
			b.Fatalf("%v, %s, %v", claims, next, err)
		}
	}},
	{"a claimed request is left alone until its lease lapses, and then claimed again", func(b *bench) {
		b.accept(b.hint(1, ""), nil)
		first := b.claimOne(id(1))
		b.clock.pass(59 * time.Second)
		b.nothingDue("the lease holds")
		b.clock.pass(time.Second)
		second := b.claimOne(id(1))
		if second.Until.Equal(first.Until) || second.Hints != first.Hints {
			b.Fatalf("%+v after %+v", second, first)
		}
	}},
	{"a claim given back is due when it was said", func(b *bench) {
		b.accept(b.hint(1, ""), nil)
		due := b.clock.Now().Add(time.Hour)
		b.done(b.claimOne(id(1)), due)
		now := b.clock.Now()
		claims, next, err := b.store.Claim(b.ctx, "main", now, now.Add(time.Minute), 10)
		if err != nil || len(claims) != 0 || !next.Equal(micro(due)) {
			b.Fatalf("%v, %s, %v", claims, next, err)
		}
		b.clock.pass(time.Hour - time.Millisecond)
		b.nothingDue("it is a millisecond early")
		b.clock.pass(time.Millisecond)
		b.claimOne(id(1))
	}},
	{"a claim given back for now is due now", func(b *bench) {
		b.accept(b.hint(1, ""), nil)
		b.done(b.claimOne(id(1)), b.clock.Now())
		b.claimOne(id(1))
	}},
	{"a claim given back without a time is due when a hint comes", func(b *bench) {
		b.accept(b.hint(1, ""), nil)
		b.done(b.claimOne(id(1)), time.Time{})
		b.clock.pass(1000 * time.Hour)
		b.nothingDue("nothing hinted at it")
		b.accept(b.at(id(1)), nil)
		b.same("hints", b.claimOne(id(1)).Hints, uint64(2))
	}},
	{"a hint makes a request due at once that was to wait", func(b *bench) {
		b.accept(b.hint(1, ""), nil)
		b.done(b.claimOne(id(1)), b.clock.Now().Add(time.Hour))
		b.accept(b.at(id(1)), nil)
		b.done(b.claimOne(id(1)), time.Time{})
		b.clock.pass(2 * time.Hour)
		b.nothingDue("the time it was to wait for is forgotten")
	}},
	{"a hint during a claim does not open it, and makes the request due when it is given back", func(b *bench) {
		for n, due := range []time.Time{{}, start.Add(time.Hour)} {
			b.accept(b.hint(n, ""), nil)
			claim := b.claimOne(id(n))
			b.clock.pass(time.Second)
			b.accept(b.at(id(n)), nil)
			b.nothingDue("the lease holds")
			b.done(claim, due)
			again := b.claimOne(id(n))
			b.same("hints", again.Hints, claim.Hints+1)
			b.done(again, time.Time{})
			b.nothingDue("the hint was seen to")
		}
	}},
	{"a claim is told what was said since the one before", func(b *bench) {
		says := func(words ...bridge.Said) {
			for _, word := range words {
				h := b.at(id(1))
				h.Said = word
				b.accept(h, nil)
			}
		}
		first := b.hint(1, "")
		first.Said = bridge.SaidPortal
		b.accept(first, nil)
		claim := b.claimOne(id(1))
		b.same("what the first hint said", claim.Said, bridge.SaidPortal)
		b.done(claim, time.Time{})
		says(bridge.SaidMoney, bridge.SaidGranted)
		claim = b.claimOne(id(1))
		b.same("what two hints said", claim.Said, bridge.SaidMoney|bridge.SaidGranted)
		says(bridge.SaidPortal)
		b.done(claim, time.Time{})
		claim = b.claimOne(id(1))
		b.same("what was said during a claim", claim.Said, bridge.SaidPortal)
		b.done(claim, time.Time{})
		says(bridge.SaidPortal, 0, bridge.SaidMoney)
		claim = b.claimOne(id(1))
		b.same("said with one that may be about anything", claim.Said, bridge.Said(0))
		b.done(claim, b.clock.Now().Add(time.Second))
		b.clock.pass(time.Second)
		b.same("nothing was said", b.claimOne(id(1)).Said, bridge.Said(0))
		says(bridge.SaidMoney)
		b.clock.pass(time.Hour)
		b.same("said after a claim that was left alone", b.claimOne(id(1)).Said, bridge.Said(0))
	}},
	{"a duplicate during a claim counts for nothing", func(b *bench) {
		b.accept(b.hint(1, "evt-1"), nil)
		claim := b.claimOne(id(1))
		b.accept(b.hint(1, "evt-1"), nil)
		b.done(claim, time.Time{})
		b.nothingDue("it was a duplicate")
	}},
	{"a hint that comes after a lease lapsed is not lost", func(b *bench) {
		b.accept(b.hint(1, ""), nil)
		b.claimOne(id(1))
		b.clock.pass(time.Hour)
		b.accept(b.at(id(1)), nil)
		b.same("hints", b.claimOne(id(1)).Hints, uint64(2))
	}},
	{"a late end of a claim nobody else took still counts", func(b *bench) {
		b.accept(b.hint(1, ""), nil)
		claim := b.claimOne(id(1))
		b.clock.pass(time.Hour)
		b.done(claim, time.Time{})
		b.nothingDue("it was given back, late")
	}},
	{"the end of a lost claim leaves the newer one alone, and its change is kept", func(b *bench) {
		b.accept(b.hint(1, ""), nil)
		lost := b.claimOne(id(1))
		b.clock.pass(2 * time.Minute)
		newer := b.claimOne(id(1))
		r := b.update(id(1), func(c *bridge.Change) {
			c.Work.Failures = 7
			c.Done = &bridge.Done{Claim: lost, Due: b.clock.Now()}
		})
		b.same("change", r.Work.Failures, 7)
		b.nothingDue("the newer claim holds")
		b.done(newer, time.Time{})
		b.nothingDue("the newer claim said so")
		b.done(lost, b.clock.Now())
		b.nothingDue("a claim ends once")
	}},
	{"the end of a claim needs no other change, and is no revision", func(b *bench) {
		b.accept(b.hint(1, ""), nil)
		was := b.get(id(1))
		b.done(b.claimOne(id(1)), time.Time{})
		b.same("request", b.get(id(1)), was)
		b.nothingDue("it was given back")
	}},
	{"claims at once never overlap", func(b *bench) {
		const n = 100
		for i := range n {
			b.accept(b.hint(i, ""), nil)
		}
		var mu sync.Mutex
		taken := map[bridge.ID]int{}
		now := b.clock.Now()
		together(16, func(int) {
			for {
				claims, _, err := b.store.Claim(b.ctx, "main", now, now.Add(time.Minute), 7)
				if err != nil {
					b.Error(err)
				}
				if len(claims) == 0 {
					return
				}
				mu.Lock()
				for _, c := range claims {
					taken[c.Request]++
				}
				mu.Unlock()
			}
		})
		for id, times := range taken {
			if times != 1 {
				b.Errorf("%s was claimed %d times", id, times)
			}
		}
		b.same("claimed", len(taken), n)
	}},
	{"no hint is lost between workers and senders at full tilt", func(b *bench) {
		const requests, hints = 8, 25
		for i := range requests {
			b.create(i)
		}
		var work sync.WaitGroup
		stop := make(chan struct{})
		for range 4 {
			work.Go(func() { b.worker(stop) })
		}
		together(requests*hints, func(i int) {
			h := b.at(id(i % requests))
			h.ID = keyOf(i)
			if _, err := b.store.Accept(b.ctx, h, nil); err != nil {
				b.Error(err)
			}
		})
		close(stop)
		work.Wait()
		for i := range requests {
			r := b.get(id(i))
			b.same("hints seen by the worker", r.Work.Doing, "seen "+keyOf(hints+1))
		}
	}},
	{"a context that is over claims nothing", func(b *bench) {
		b.accept(b.hint(1, ""), nil)
		ctx := over()
		_, _, err := b.store.Claim(ctx, "main", b.clock.Now(), b.clock.Now().Add(time.Minute), 1)
		if !errors.Is(err, ctx.Err()) {
			b.Fatalf("error %v", err)
		}
		b.claimOne(id(1))
	}},
}

// worker claims, notes how many hints a request had had, and gives it back, until
// it was stopped and nothing is due.
func (b *bench) worker(stop <-chan struct{}) {
	for {
		stopped := false
		select {
		case <-stop:
			stopped = true
		default:
		}
		now := b.clock.Now()
		claims, _, err := b.store.Claim(b.ctx, "main", now, now.Add(time.Minute), 3)
		if err != nil {
			b.Error(err)
			return
		}
		for _, claim := range claims {
			_, err := b.store.Update(b.ctx, claim.Request, func(c *bridge.Change) error {
				c.Work.Doing = "seen " + keyOf(int(claim.Hints)) //nolint:gosec // small
				c.Done = &bridge.Done{Claim: claim}
				return nil
			})
			if err != nil {
				b.Error(err)
			}
		}
		if stopped && len(claims) == 0 {
			return
		}
	}
}
