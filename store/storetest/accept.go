package storetest

import (
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"keybridge/bridge"
)

var acceptTests = []test{
	{"an intake is stored as it was given, with the store's own times and revision", func(b *bench) {
		h := b.hint(1, "evt-1")
		want := h.Intake.Clone()
		want.Created, want.Updated, want.Revision = micro(b.clock.Now()), micro(b.clock.Now()), 1
		h.Intake.Created = start.Add(-time.Hour) // not the caller's to say
		a := b.accept(h, nil)
		b.same("accepted", a, bridge.Accepted{Request: id(1), Created: true})
		b.same("request", b.get(id(1)), want)
		b.same("history", b.verified(id(1)), []string{"received"})
	}},
	{"what the caller does to the intake afterwards changes nothing", func(b *bench) {
		h := b.hint(1, "")
		b.accept(h, nil)
		h.Intake.Asked.Reasons["why"] = "changed"
		h.Intake.Steps[0].State = bridge.Met
		if r := b.get(id(1)); r.Asked.Reasons["why"] == "changed" || r.Steps[0].State == bridge.Met {
			b.Fatal("the stored request changed")
		}
	}},
	{"a hint at an unknown request keeps nothing, not even its id", func(b *bench) {
		for _, h := range []bridge.Hint{
			{Request: id(1)},
			{Portal: "main", Key: keyOf(1)},
			{Refs: []bridge.Ref{{System: "stripe", Kind: bridge.RefSession, ID: "cs_1"}}},
			{},
		} {
			h.Source, h.ID, h.At = "portal/main", "evt-1", start
			a := b.accept(h, func(*bridge.Change) error { b.Error("then was called"); return nil })
			if !a.Unknown() || a.Created {
				b.Fatalf("%+v for %+v", a, h)
			}
		}
		if a := b.accept(b.hint(1, "evt-1"), nil); !a.Created {
			b.Fatalf("the id was kept: %+v", a)
		}
	}},
	{"a hint finds its request by id, by key and by any ref", func(b *bench) {
		b.create(1, func(c *bridge.Change) {
			c.Refs = []bridge.Ref{{System: "stripe", Kind: bridge.RefSession, ID: "cs_1"}, {System: "stripe", Kind: bridge.RefCharge, ID: "ch_1"}}
		})
		for name, h := range map[string]bridge.Hint{
			"id":  {Request: id(1)},
			"key": {Portal: "main", Key: keyOf(1)},
			"ref": {Refs: []bridge.Ref{{System: "stripe", Kind: bridge.RefInvoice, ID: "in_9"}, {System: "stripe", Kind: bridge.RefCharge, ID: "ch_1"}}},
		} {
			b.same(name, b.accept(h, nil), bridge.Accepted{Request: id(1)})
		}
		for name, h := range map[string]bridge.Hint{
			"another portal's key": {Portal: "other", Key: keyOf(1)},
			"another kind of ref":  {Refs: []bridge.Ref{{System: "stripe", Kind: bridge.RefIntent, ID: "cs_1"}}},
			"another system's ref": {Refs: []bridge.Ref{{System: "manual", Kind: bridge.RefSession, ID: "cs_1"}}},
		} {
			if a := b.accept(h, nil); !a.Unknown() {
				b.Errorf("%s led to %+v", name, a)
			}
		}
	}},
	{"of what leads to a request the first that leads anywhere is used", func(b *bench) {
		b.create(1)
		b.create(2, func(c *bridge.Change) { c.Refs = []bridge.Ref{{System: "s", Kind: bridge.RefKey, ID: "x"}} })
		refs := b.get(id(2)).Refs
		b.same("id before key", b.accept(bridge.Hint{Request: id(1), Portal: "main", Key: keyOf(2)}, nil).Request, id(1))
		b.same("key before refs", b.accept(bridge.Hint{Portal: "main", Key: keyOf(1), Refs: refs}, nil).Request, id(1))
		b.same("a key after an unknown id",
			b.accept(bridge.Hint{Request: id(9), Portal: "main", Key: keyOf(1)}, nil).Request, id(1))
		b.same("refs after an unknown id and an unknown key",
			b.accept(bridge.Hint{Request: id(9), Portal: "main", Key: keyOf(9), Refs: refs}, nil).Request, id(2))
	}},
	{"an intake of a known key is a hint at the request that is there", func(b *bench) {
		was := b.create(1)
		h := b.hint(2, "")
		h.Key, h.Intake.Key = keyOf(1), keyOf(1)
		b.same("accepted", b.accept(h, nil), bridge.Accepted{Request: id(1)})
		b.same("request", b.get(id(1)), was)
		b.claimOne(id(1))
		_, err := b.store.Get(b.ctx, id(2))
		b.wantKind(err, bridge.NotFound)
	}},
	{"the same key of another portal is another request", func(b *bench) {
		b.create(1)
		h := b.hint(2, "")
		h.Portal, h.Intake.Portal = "other", "other"
		h.Key, h.Intake.Key = keyOf(1), keyOf(1)
		if a := b.accept(h, nil); !a.Created || a.Request != id(2) {
			b.Fatalf("%+v", a)
		}
	}},
	{"an intake under an id that is taken is refused", func(b *bench) {
		b.create(1)
		h := b.hint(1, "")
		h.Key, h.Intake.Key = "another", "another"
		_, err := b.store.Accept(b.ctx, h, nil)
		b.wantKind(err, bridge.Internal)
		_, err = b.store.FindKey(b.ctx, "main", "another")
		b.wantKind(err, bridge.NotFound)
	}},
	{"a duplicate changes nothing, says where the first one led, and then is not called", func(b *bench) {
		b.accept(b.hint(1, "evt-1"), nil)
		b.done(b.claimOne(id(1)), time.Time{})
		was := b.get(id(1))
		b.clock.pass(time.Minute)
		for _, h := range []bridge.Hint{b.hint(1, "evt-1"), b.hint(2, "evt-1")} { // whatever else it says
			a := b.accept(h, func(*bridge.Change) error { b.Error("then was called"); return nil })
			b.same("accepted", a, bridge.Accepted{Request: id(1), Duplicate: true})
		}
		b.same("request", b.get(id(1)), was)
		b.nothingDue("a duplicate wakes nobody")
	}},
	{"an id counts within its source only, and hints without an id all count", func(b *bench) {
		b.create(1)
		for _, h := range []bridge.Hint{
			{Source: "a", ID: "bc"}, {Source: "ab", ID: "c"}, {Source: "", ID: "abc"},
			{Source: "a"}, {Source: "a"},
		} {
			h.Request = id(1)
			if a := b.accept(h, nil); a.Duplicate {
				b.Errorf("%+v counts as a duplicate", h)
			}
		}
		b.same("hints", b.claimOne(id(1)).Hints-b.countAfterCreate(), uint64(5))
	}},
	{"then is applied to a request that is created, in the same commit", func(b *bench) {
		b.accept(b.hint(1, ""), func(c *bridge.Change) error {
			c.Arrival = bridge.Arrival{Trust: bridge.Signed, Return: "https://example.org/"}
			c.Created, c.Revision = start.Add(time.Hour), 7
			note(c, "arrived")
			return nil
		})
		r := b.get(id(1))
		if r.Arrival.Trust != bridge.Signed || r.Revision != 1 || !r.Created.Equal(micro(start)) {
			b.Fatalf("%+v", r)
		}
		b.same("history", b.verified(id(1)), []string{"received", "arrived"})
	}},
	{"then is applied to a known request, in the same commit", func(b *bench) {
		b.create(1)
		now := b.clock.pass(time.Minute)
		b.accept(b.hint(1, "evt-1"), func(c *bridge.Change) error {
			c.Access.Have = bridge.Granted
			note(c, "granted")
			return nil
		})
		r := b.get(id(1))
		if r.Access.Have != bridge.Granted || r.Revision != 2 || !r.Updated.Equal(micro(now)) {
			b.Fatalf("%+v", r)
		}
		b.same("history", b.verified(id(1)), []string{"received", "granted"})
		b.claimOne(id(1))
	}},
	{"an error of then is returned as it is and keeps nothing", func(b *bench) {
		fail := func(c *bridge.Change) error {
			c.Access.Have = bridge.Gone
			note(c, "gone")
			return errMine
		}
		if _, err := b.store.Accept(b.ctx, b.hint(1, "evt-1"), fail); !errors.Is(err, errMine) {
			b.Fatalf("error %v", err)
		}
		_, err := b.store.Get(b.ctx, id(1))
		b.wantKind(err, bridge.NotFound)
		b.nothingDue("nothing was created")
		was := b.create(1)
		if _, err := b.store.Accept(b.ctx, b.hint(1, "evt-1"), fail); !errors.Is(err, errMine) {
			b.Fatalf("error %v", err)
		}
		b.same("request", b.get(id(1)), was)
		b.same("history", b.verified(id(1)), []string{"received"})
		b.nothingDue("the hint was not kept")
		if a := b.accept(b.hint(1, "evt-1"), nil); a.Duplicate {
			b.Fatal("the hint's id was kept")
		}
	}},
	{"an intake that is not the hint's, or is not whole, is invalid", func(b *bench) {
		for name, spoil := range map[string]func(*bridge.Hint){
			"another key": func(h *bridge.Hint) { h.Intake.Key = "another" },
			"no key":      func(h *bridge.Hint) { h.Key, h.Intake.Key = "", "" },
			"no portal":   func(h *bridge.Hint) { h.Portal, h.Intake.Portal = "", "" },
			"no id":       func(h *bridge.Hint) { h.Intake.ID = "" },
		} {
			h := b.hint(1, "evt-1")
			spoil(&h)
			if _, err := b.store.Accept(b.ctx, h, nil); bridge.KindOf(err) != bridge.Invalid {
				b.Errorf("%s: %v", name, err)
			}
		}
	}},
	{"a thousand duplicates at once have one effect", func(b *bench) {
		var created, duplicate, called atomic.Int32
		together(1000, func(int) {
			a, err := b.store.Accept(b.ctx, b.hint(1, "evt-1"), func(c *bridge.Change) error {
				called.Add(1)
				note(c, "then")
				return nil
			})
			switch {
			case err != nil || a.Request != id(1):
				b.Errorf("%+v, %v", a, err)
			case a.Created:
				created.Add(1)
			case a.Duplicate:
				duplicate.Add(1)
			}
		})
		if created.Load() != 1 || duplicate.Load() != 999 || called.Load() < 1 {
			b.Fatalf("%d created, %d duplicates, then called %d times", created.Load(), duplicate.Load(), called.Load())
		}
		b.same("history", b.verified(id(1)), []string{"received", "then"})
		b.same("hints", b.claimOne(id(1)).Hints, uint64(1))
	}},
	{"of many intakes of one key at once one is created", func(b *bench) {
		var created atomic.Int32
		together(64, func(i int) {
			h := b.hint(i+1, "")
			h.Key, h.Intake.Key = "one", "one"
			a, err := b.store.Accept(b.ctx, h, nil)
			if err != nil {
				b.Error(err)
			}
			if a.Created {
				created.Add(1)
			}
		})
		if created.Load() != 1 || len(b.list(bridge.Filter{})) != 1 {
			b.Fatalf("%d created, %d there", created.Load(), len(b.list(bridge.Filter{})))
		}
	}},
	{"an id is remembered for 35 days and more, whatever day it came", func(b *bench) {
		b.create(1)
		const day = 24 * time.Hour
		for i := range 60 {
			h := b.at(id(1))
			h.ID = "day-" + keyOf(i)
			b.accept(h, nil)
			if old := i - 35; old >= 0 {
				h.ID = "day-" + keyOf(old)
				if a := b.accept(h, nil); !a.Duplicate {
					b.Fatalf("on day %d the id of day %d was forgotten", i, old)
				}
			}
			b.clock.pass(day)
		}
	}},
	{"a clock that goes back a day forgets nothing", func(b *bench) {
		b.accept(b.hint(1, "evt-1"), nil)
		for _, step := range []time.Duration{-24 * time.Hour, -24 * 6 * time.Hour, 24 * 9 * time.Hour} {
			b.clock.pass(step)
			b.accept(b.hint(1, step.String()), nil)
			for _, seen := range []string{"evt-1", step.String()} {
				if a := b.accept(b.hint(1, seen), nil); !a.Duplicate {
					b.Fatalf("after %s: %s was forgotten", step, seen)
				}
			}
		}
	}},
	{"hostile ids are kept apart, or refused", func(b *bench) {
		ids := []string{
			"a", "a\x00", "a\x00b", "\x00", "\x00\xc3\xbf", "a/b", "a:b", "%00", "' OR 1=1 --", "../../etc/passwd",
			"Straße", "Strasse", "é", "e\u0301", "\u202eabc", "🔑", "\ufffd", " ", "a ", "NULL", strings.Repeat("x", 300),
			strings.Repeat("x", 301), strings.Repeat("y", 40_000),
		}
		stored := map[bridge.ID]string{}
		for i, key := range ids {
			h := b.hint(i+1, key)
			h.Key, h.Intake.Key = key, key
			h.Intake.Applicant.ID = key
			h.Intake.Refs = []bridge.Ref{{System: key, Kind: bridge.RefKey, ID: key}}
			a, err := b.store.Accept(b.ctx, h, nil)
			if bridge.KindOf(err) == bridge.Invalid && strings.Contains(key, "\x00") {
				continue
			}
			if err != nil || !a.Created {
				b.Fatalf("%.20q: %+v, %v", key, a, err)
			}
			stored[a.Request] = key
		}
		for want, key := range stored {
			for name, find := range map[string]func() (bridge.Request, error){
				"key": func() (bridge.Request, error) { return b.store.FindKey(b.ctx, "main", key) },
				"ref": func() (bridge.Request, error) {
					return b.store.Find(b.ctx, bridge.Ref{System: key, Kind: bridge.RefKey, ID: key})
				},
			} {
				if r, err := find(); err != nil || r.ID != want || r.Key != key {
					b.Errorf("%s %.20q leads to %s (%.20q), %v", name, key, r.ID, r.Key, err)
				}
			}
			b.same("requests of the applicant", b.list(bridge.Filter{Portal: "main", Applicant: key}), []bridge.ID{want})
			h := b.hint(99, key)
			if a := b.accept(h, nil); !a.Duplicate || a.Request != want {
				b.Errorf("hint %.20q: %+v", key, a)
			}
		}
	}},
	{"ids that are not UTF-8 are invalid in an intake and lead nowhere", func(b *bench) {
		h := b.hint(1, "")
		h.Key, h.Intake.Key = "\xff", "\xff"
		_, err := b.store.Accept(b.ctx, h, nil)
		b.wantKind(err, bridge.Invalid)
		_, err = b.store.FindKey(b.ctx, "main", "\xff")
		b.wantKind(err, bridge.NotFound)
	}},
	{"a context that is over keeps nothing", func(b *bench) {
		ctx := over()
		_, err := b.store.Accept(ctx, b.hint(1, "evt-1"), nil)
		if !errors.Is(err, ctx.Err()) {
			b.Fatalf("error %v", err)
		}
		if a := b.accept(b.hint(1, "evt-1"), nil); !a.Created {
			b.Fatalf("something was kept: %+v", a)
		}
	}},
}

// countAfterCreate is how many hints a request has had once create made it.
func (b *bench) countAfterCreate() uint64 { return 1 }
