package storetest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"keybridge/bridge"
)

func over() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func ref(n int) bridge.Ref {
	return bridge.Ref{System: "stripe", Kind: bridge.RefSession, ID: fmt.Sprintf("cs_%d", n)}
}

var updateTests = []test{
	{"a change is what comes back and what Get says afterwards", func(b *bench) {
		was := b.create(1)
		now := b.clock.pass(time.Hour)
		local := time.Now() // with a monotonic reading and a zone
		got := b.update(id(1), func(c *bridge.Change) {
			b.same("the closure's request", c.Request, was)
			c.Access.Granted = local
			c.Asked.Reasons["more"] = "…"
			c.Created, c.Updated, c.Revision = local, local, 77
			note(c, "granted")
		})
		b.same("get", b.get(id(1)), got)
		if got.Revision != 2 || !got.Updated.Equal(micro(now)) || !got.Created.Equal(was.Created) {
			b.Fatalf("revision %d, updated %s, created %s", got.Revision, got.Updated, got.Created)
		}
		if !got.Access.Granted.Equal(local) || got.Asked.Reasons["more"] != "…" {
			b.Fatalf("%+v", got)
		}
		b.same("history", b.verified(id(1)), []string{"received", "granted"})
	}},
	{"a change that changes nothing has no revision", func(b *bench) {
		was := b.create(1)
		b.clock.pass(time.Hour)
		got := b.update(id(1), func(c *bridge.Change) { c.Steps = append([]bridge.Step(nil), c.Steps...) })
		b.same("returned", got, was)
		b.same("get", b.get(id(1)), was)
	}},
	{"an error of the closure is returned as it is and keeps nothing", func(b *bench) {
		was := b.create(1)
		h := b.at(id(1))
		b.accept(h, nil)
		claim := b.claimOne(id(1))
		_, err := b.store.Update(b.ctx, id(1), func(c *bridge.Change) error {
			c.Access.Have = bridge.Gone
			c.Steps[0].State = bridge.Failed
			c.Asked.Reasons["why"] = "changed"
			c.Refs = []bridge.Ref{ref(1)}
			c.Done = &bridge.Done{Claim: claim, Due: h.At}
			note(c, "gone")
			return errMine
		})
		if err != errMine { //nolint:errorlint // as it is
			b.Fatalf("error %v", err)
		}
		b.same("request", b.get(id(1)), was)
		b.same("history", b.verified(id(1)), []string{"received"})
		_, err = b.store.Find(b.ctx, ref(1))
		b.wantKind(err, bridge.NotFound)
		b.nothingDue("the claim was not given back")
	}},
	{"there is nothing to change where there is no request", func(b *bench) {
		for _, id := range []bridge.ID{id(1), "", "x", "\x00"} {
			_, err := b.store.Update(b.ctx, id, func(*bridge.Change) error { b.Error("called"); return nil })
			b.wantKind(err, bridge.NotFound)
		}
	}},
	{"changes of one request at once follow one another", func(b *bench) {
		b.create(1)
		const n = 200
		together(n, func(i int) {
			_, err := b.store.Update(b.ctx, id(1), func(c *bridge.Change) error {
				c.Work.Failures++
				c.Refs = append(c.Refs, ref(i))
				note(c, "once more")
				return nil
			})
			if err != nil {
				b.Error(err)
			}
		})
		r := b.get(id(1))
		if r.Work.Failures != n || r.Revision != n+1 || len(r.Refs) != n || len(b.verified(id(1))) != n+1 {
			b.Fatalf("%d failures, revision %d, %d refs", r.Work.Failures, r.Revision, len(r.Refs))
		}
	}},
	{"a closure that fails spoils no change beside it", func(b *bench) {
		const n = 100
		for i := range 4 {
			b.create(i)
		}
		together(n, func(i int) {
			_, err := b.store.Update(b.ctx, id(i%4), func(c *bridge.Change) error {
				c.Work.Failures++
				if i%5 == 0 {
					return errMine
				}
				return nil
			})
			if (i%5 == 0) != errors.Is(err, errMine) || i%5 != 0 && err != nil {
				b.Errorf("%d: %v", i, err)
			}
		})
		total := 0
		for i := range 4 {
			total += b.get(id(i)).Work.Failures
		}
		b.same("changes kept", total, n-n/5)
	}},
	{"entries that do not continue the history are refused", func(b *bench) {
		was := b.create(1)
		for name, fn := range map[string]func(*bridge.Change){
			"a gap":              func(c *bridge.Change) { note(c, "x"); c.Entries[0].Seq++; c.Head.Seq++ },
			"another past":       func(c *bridge.Change) { c.Head.Hash = "00"; note(c, "x") },
			"another request's":  func(c *bridge.Change) { note(c, "x"); c.Entries[0].Request = id(9) },
			"a head of its own":  func(c *bridge.Change) { c.Head.Seq++ },
			"a line not told of": func(c *bridge.Change) { h := c.Head; note(c, "x"); c.Head = h },
		} {
			_, err := b.store.Update(b.ctx, id(1), func(c *bridge.Change) error { fn(c); return nil })
			if bridge.KindOf(err) != bridge.Internal {
				b.Errorf("%s: %v", name, err)
			}
		}
		b.same("request", b.get(id(1)), was)
		b.same("history", b.verified(id(1)), []string{"received"})
	}},
	{"a change cannot make a request another one", func(b *bench) {
		was := b.create(1)
		for _, fn := range []func(*bridge.Change){
			func(c *bridge.Change) { c.ID = id(2) },
			func(c *bridge.Change) { c.Portal = "other" },
			func(c *bridge.Change) { c.Key = "other" },
		} {
			_, err := b.store.Update(b.ctx, id(1), func(c *bridge.Change) error { fn(c); return nil })
			b.wantKind(err, bridge.Internal)
		}
		b.same("request", b.get(id(1)), was)
	}},
	{"refs lead to the request from the commit that adds them to the one that removes them", func(b *bench) {
		b.create(1)
		b.update(id(1), func(c *bridge.Change) { c.Refs = []bridge.Ref{ref(1), ref(2), ref(2)} })
		for _, n := range []int{1, 2} {
			if r, err := b.store.Find(b.ctx, ref(n)); err != nil || r.ID != id(1) {
				b.Fatalf("ref %d: %s, %v", n, r.ID, err)
			}
		}
		b.update(id(1), func(c *bridge.Change) { c.Refs = []bridge.Ref{ref(2), ref(3)} })
		_, err := b.store.Find(b.ctx, ref(1))
		b.wantKind(err, bridge.NotFound)
		for _, n := range []int{2, 3} {
			if r, err := b.store.Find(b.ctx, ref(n)); err != nil || r.ID != id(1) {
				b.Fatalf("ref %d: %s, %v", n, r.ID, err)
			}
		}
	}},
	{"a ref is never taken from another request", func(b *bench) {
		b.create(1, func(c *bridge.Change) { c.Refs = []bridge.Ref{ref(1)} })
		was := b.create(2)
		_, err := b.store.Update(b.ctx, id(2), func(c *bridge.Change) error {
			c.Refs = []bridge.Ref{ref(2), ref(1)}
			c.Access.Have = bridge.Gone
			return nil
		})
		b.wantKind(err, bridge.Internal)
		b.same("request", b.get(id(2)), was)
		if r, err := b.store.Find(b.ctx, ref(1)); err != nil || r.ID != id(1) {
			b.Fatalf("the ref leads to %s, %v", r.ID, err)
		}
		_, err = b.store.Find(b.ctx, ref(2))
		b.wantKind(err, bridge.NotFound)

		h := b.hint(3, "")
		h.Intake.Refs = []bridge.Ref{ref(1)}
		_, err = b.store.Accept(b.ctx, h, nil)
		b.wantKind(err, bridge.Internal)
		_, err = b.store.Get(b.ctx, id(3))
		b.wantKind(err, bridge.NotFound)
	}},
	{"lists follow a change of state and of applicant", func(b *bench) {
		b.create(1)
		b.same("paying", b.list(bridge.Filter{State: bridge.StatePaying}), []bridge.ID{id(1)})
		b.same("applicant", b.list(bridge.Filter{Portal: "main", Applicant: "dev-1"}), []bridge.ID{id(1)})
		b.update(id(1), func(c *bridge.Change) {
			c.Work.Attention = true
			c.Applicant.ID = "somebody else"
		})
		b.same("paying", b.list(bridge.Filter{State: bridge.StatePaying}), []bridge.ID{})
		b.same("needs attention", b.list(bridge.Filter{State: bridge.StateNeedsAttention}), []bridge.ID{id(1)})
		b.same("applicant", b.list(bridge.Filter{Portal: "main", Applicant: "dev-1"}), []bridge.ID{})
		b.same("applicant", b.list(bridge.Filter{Portal: "main", Applicant: "somebody else"}), []bridge.ID{id(1)})
		b.update(id(1), func(c *bridge.Change) { c.Applicant = bridge.Applicant{} }) // forgotten
		b.same("applicant", b.list(bridge.Filter{Portal: "main", Applicant: "somebody else"}), []bridge.ID{})
	}},
	{"a change without a claim leaves the schedule alone", func(b *bench) {
		b.create(1)
		b.update(id(1), func(c *bridge.Change) { c.Work.Next = b.clock.Now() })
		b.nothingDue("Work.Next is the domain's note, not the schedule")
	}},
	{"a context that is over changes nothing", func(b *bench) {
		was := b.create(1)
		ctx := over()
		_, err := b.store.Update(ctx, id(1), func(c *bridge.Change) error { c.Work.Failures++; return nil })
		if !errors.Is(err, ctx.Err()) {
			b.Fatalf("error %v", err)
		}
		b.same("request", b.get(id(1)), was)
	}},
	{"a context that ends meanwhile leaves a change whole or undone, and the answer says which", func(b *bench) {
		b.create(1)
		wrong, kept := 0, 0
		for i := range 200 {
			ctx, cancel := context.WithTimeout(b.ctx, time.Duration(i*5)*time.Microsecond)
			before := b.get(id(1)).Work.Failures
			_, err := b.store.Update(ctx, id(1), func(c *bridge.Change) error { c.Work.Failures++; return nil })
			cancel()
			after := b.get(id(1)).Work.Failures
			if (err == nil) != (after == before+1) {
				wrong++
			}
			if err == nil {
				kept++
			}
		}
		if wrong > 0 {
			b.Fatalf("%d answers were wrong (%d changes were kept)", wrong, kept)
		}
	}},
}
