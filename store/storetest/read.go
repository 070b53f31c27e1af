package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"keybridge/bridge"
)

var readTests = []test{
	{"what is not there is not found", func(b *bench) {
		b.create(1)
		for _, id := range []bridge.ID{id(2), "", "x", "\x00", id(1) + "x", id(1)[:25]} {
			_, err := b.store.Get(b.ctx, id)
			b.wantKind(err, bridge.NotFound)
			_, err = b.store.History(b.ctx, id)
			b.wantKind(err, bridge.NotFound)
		}
		_, err := b.store.FindKey(b.ctx, "main", "")
		b.wantKind(err, bridge.NotFound)
		_, err = b.store.FindKey(b.ctx, "", keyOf(1))
		b.wantKind(err, bridge.NotFound)
		_, err = b.store.Find(b.ctx, bridge.Ref{})
		b.wantKind(err, bridge.NotFound)
	}},
	{"a request can be had by its id, its key and its refs", func(b *bench) {
		want := b.create(1, func(c *bridge.Change) { c.Refs = []bridge.Ref{ref(1)} })
		byKey, err := b.store.FindKey(b.ctx, "main", keyOf(1))
		if err != nil {
			b.Fatal(err)
		}
		byRef, err := b.store.Find(b.ctx, ref(1))
		if err != nil {
			b.Fatal(err)
		}
		b.same("by key", byKey, want)
		b.same("by ref", byRef, want)
	}},
	{"what is returned is the caller's own", func(b *bench) {
		want := b.create(1)
		r := b.get(id(1))
		r.Asked.Reasons["why"] = "changed"
		r.Steps[0].State = bridge.Met
		b.same("request", b.get(id(1)), want)
	}},
	{"a history comes in order and is the request's own", func(b *bench) {
		b.create(1)
		b.create(2)
		for i := range 300 { // more than fit in a byte
			b.update(id(1), func(c *bridge.Change) { note(c, fmt.Sprint(i)) })
		}
		whys := b.verified(id(1))
		if len(whys) != 301 || whys[1] != "0" || whys[300] != "299" {
			b.Fatalf("%d entries: %v", len(whys), whys)
		}
		b.same("the other's", b.verified(id(2)), []string{"received"})
	}},
	{"a list is newest first, and nothing is no error", func(b *bench) {
		b.same("empty", b.list(bridge.Filter{}), []bridge.ID{})
		for _, n := range []int{3, 1, 2} {
			b.create(n)
		}
		b.same("list", b.list(bridge.Filter{}), []bridge.ID{id(3), id(2), id(1)})
	}},
	{"a list holds whole requests", func(b *bench) {
		want := b.create(1)
		page, err := b.store.List(b.ctx, bridge.Filter{})
		if err != nil {
			b.Fatal(err)
		}
		b.same("page", page, bridge.Page{Requests: []bridge.Request{want}})
	}},
	{"filters combine, and pages of every size hold each request once", func(b *bench) {
		var all []bridge.Request
		for i := range 24 {
			all = append(all, b.create(i, func(c *bridge.Change) {
				c.Portal = []string{"main", "other", "main2"}[i%3]
				c.Applicant.ID = []string{"", "ann", "bob", "an"}[i%4]
				c.Work.Attention = i%5 == 0
			}))
		}
		slices.Reverse(all)
		for _, f := range filters() {
			want := matching(all, f)
			for _, f.Limit = range []int{0, 1, 2, 3, 5, 24, 1000} {
				b.same(fmt.Sprintf("%+v", f), b.list(f), want)
			}
		}
	}},
	{"the last page says that it is the last", func(b *bench) {
		for i := range 4 {
			b.create(i)
		}
		page, err := b.store.List(b.ctx, bridge.Filter{Limit: 2})
		if err != nil || page.Next == "" {
			b.Fatalf("%+v, %v", page, err)
		}
		page, err = b.store.List(b.ctx, bridge.Filter{Limit: 2, After: page.Next})
		if err != nil || page.Next != "" || len(page.Requests) != 2 {
			b.Fatalf("%+v, %v", page, err)
		}
	}},
	{"requests that come in or go meanwhile move no page", func(b *bench) {
		for i := range 6 {
			b.create(10 + i)
		}
		page, err := b.store.List(b.ctx, bridge.Filter{Limit: 3})
		if err != nil {
			b.Fatal(err)
		}
		b.create(20)
		if err := b.store.Drop(b.ctx, id(13)); err != nil { // the last one of the page
			b.Fatal(err)
		}
		b.same("second page", b.list(bridge.Filter{Limit: 2, After: page.Next}), []bridge.ID{id(12), id(11), id(10)})
	}},
	{"a filter that cannot be answered is invalid", func(b *bench) {
		for _, f := range []bridge.Filter{{Limit: -1}, {Limit: 1001}, {Applicant: "ann"}, {After: "?"}} {
			_, err := b.store.List(b.ctx, f)
			b.wantKind(err, bridge.Invalid)
		}
	}},
	{"reads while others write see whole requests", func(b *bench) {
		b.create(1)
		stop := make(chan struct{})
		var readers sync.WaitGroup
		for range 4 {
			readers.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					r, err := b.store.Get(b.ctx, id(1))
					if err != nil || uint64(r.Work.Failures) != r.Revision-1 || len(r.Refs) != r.Work.Failures { //nolint:gosec // small
						b.Errorf("%d failures, %d refs at revision %d: %v", r.Work.Failures, len(r.Refs), r.Revision, err)
						return
					}
				}
			})
		}
		for i := range 100 {
			b.update(id(1), func(c *bridge.Change) { c.Work.Failures++; c.Refs = append(c.Refs, ref(i)) })
		}
		close(stop)
		readers.Wait()
	}},
	{"a context that is over reads nothing", func(b *bench) {
		b.create(1)
		ctx := over()
		_, get := b.store.Get(ctx, id(1))
		_, find := b.store.Find(ctx, ref(1))
		_, byKey := b.store.FindKey(ctx, "main", keyOf(1))
		_, list := b.store.List(ctx, bridge.Filter{})
		_, history := b.store.History(ctx, id(1))
		for _, err := range []error{get, find, byKey, list, history} {
			if !errors.Is(err, ctx.Err()) {
				b.Errorf("error %v", err)
			}
		}
	}},
}

// filters are all combinations of what can be asked for.
func filters() []bridge.Filter {
	var all []bridge.Filter
	for _, state := range []bridge.State{"", bridge.StatePaying, bridge.StateNeedsAttention, bridge.StateEnded, "pay"} {
		for _, portal := range []string{"", "main", "main2", "mai"} {
			all = append(all, bridge.Filter{State: state, Portal: portal})
			if portal == "" {
				continue
			}
			for _, applicant := range []string{"ann", "an", "nobody"} {
				all = append(all, bridge.Filter{State: state, Portal: portal, Applicant: applicant})
			}
		}
	}
	return all
}

func matching(all []bridge.Request, f bridge.Filter) []bridge.ID {
	var ids []bridge.ID
	for _, r := range all {
		if (f.State == "" || r.State() == f.State) && (f.Portal == "" || r.Portal == f.Portal) &&
			(f.Applicant == "" || r.Applicant.ID == f.Applicant) {
			ids = append(ids, r.ID)
		}
	}
	return ids
}
