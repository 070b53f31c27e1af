package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"keybridge/bridge"
)

// counter is a store that can count, which is to become part of the port.
type counter interface {
	Count(ctx context.Context, f bridge.Filter, most int) (n int, more bool, err error)
}

// counted checks that want requests fit, or that it was given up before the last one.
func (b *bench) counted(f bridge.Filter, want int) {
	b.Helper()
	n, more, err := b.store.(counter).Count(b.ctx, f, 10_000)
	if err != nil || n > want || n < want && !more {
		b.Fatalf("%d of %d counted, more %t, for %+v: %v", n, want, more, f, err)
	}
}

var listTests = []test{
	{"every filter finds what fits and nothing else, in both directions and on pages of every size", func(b *bench) {
		all := b.crowd(50)
		random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same filters each time
		found := 0
		for range 200 {
			f := someFilter(random)
			var want []bridge.ID
			for _, r := range all {
				if fits(r, f) {
					want = append(want, r.ID)
				}
			}
			found += len(want)
			if !f.Oldest {
				slices.Reverse(want)
			}
			for _, f.Limit = range []int{0, 3} {
				b.same(fmt.Sprintf("%+v", f), b.list(f), want)
			}
			b.counted(f, len(want))
		}
		if found < 200 {
			b.Fatalf("only %d found at all: the filters ask for too much", found)
		}
	}},
	{"a request is found by what it is now, and no more by what it was", func(b *bench) {
		b.create(1)
		b.create(2)
		was := b.get(id(1)).Tags()
		is := b.update(id(1), func(c *bridge.Change) {
			c.Work.Attention, c.Assigned, c.Terms.Plan = true, "olga", "Silver"
			c.Applicant.Email, c.Asked.Reasons = "neu@example.net", nil
			c.Refs = append(c.Refs, ref(7))
		}).Tags()
		for _, tag := range is {
			if !slices.Contains(b.list(bridge.Filter{Tags: []bridge.Tag{tag}}), id(1)) {
				b.Errorf("not found by %q", tag)
			}
		}
		gone := 0
		for _, tag := range was {
			if slices.Contains(is, tag) {
				continue
			}
			gone++
			b.same(string(tag), b.list(bridge.Filter{Tags: []bridge.Tag{tag}}), []bridge.ID{id(2)})
		}
		if gone < 4 {
			b.Fatalf("only %d tags went away", gone)
		}
	}},
	{"a dropped request is found by nothing", func(b *bench) {
		tags := b.create(1).Tags()
		b.create(2)
		if err := b.store.Drop(b.ctx, id(1)); err != nil {
			b.Fatal(err)
		}
		for _, tag := range tags {
			if slices.Contains(b.list(bridge.Filter{Tags: []bridge.Tag{tag}}), id(1)) {
				b.Errorf("found by %q", tag)
			}
		}
	}},
	{"text that is not UTF-8 leaves nothing behind when it is changed", func(b *bench) {
		b.create(1, func(c *bridge.Change) { c.Applicant.Name = "Ga\xffbi \xfe\xfd" })
		for _, tag := range b.get(id(1)).Tags() {
			b.same(string(tag), b.list(bridge.Filter{Tags: []bridge.Tag{tag}}), []bridge.ID{id(1)})
		}
		b.same("by its beginning", b.list(bridge.Filter{Words: []string{"ga"}}), []bridge.ID{id(1)})
		b.update(id(1), func(c *bridge.Change) { c.Applicant.Name = "" })
		b.same("afterwards", b.list(bridge.Filter{Words: []string{"ga"}}), []bridge.ID{})
	}},
	{"words are found in every case, by their beginning, and by the address they are part of", func(b *bench) {
		b.create(1, func(c *bridge.Change) { c.Applicant.Email = "Anna.Lee@Example.org" })
		b.create(2, func(c *bridge.Change) { c.Applicant.Email = "anna@example.org"; c.Applicant.Name = "Lee" })
		b.create(3, func(c *bridge.Change) { c.Applicant.Email = "bert@example.net"; c.Applicant.Name = "" })
		for _, c := range []struct {
			words []string
			want  []bridge.ID
		}{
			{[]string{"anna"}, []bridge.ID{id(2), id(1)}},
			{[]string{"ANN", "le"}, []bridge.ID{id(2), id(1)}},
			{[]string{"anna.lee@example.org"}, []bridge.ID{id(1)}},
			{[]string{"<Anna.Lee@example.org>,"}, []bridge.ID{id(1)}},
			{[]string{"anna.l"}, []bridge.ID{id(1)}},
			{[]string{"anna lee"}, []bridge.ID{id(2), id(1)}},
			{bridge.Words("anna.lee@example.org"), []bridge.ID{id(1)}},
			{[]string{"example"}, []bridge.ID{id(3), id(2), id(1)}},
			{[]string{"example", "bert"}, []bridge.ID{id(3)}},
			{[]string{"nna"}, nil},
			{[]string{"anna", "nobody"}, nil},
			{[]string{"anna\x00"}, nil},
		} {
			b.same(fmt.Sprint(c.words), b.list(bridge.Filter{Words: c.words}), c.want)
		}
	}},
	{"times bound when a request was created, to the microsecond", func(b *bench) {
		var made []time.Time
		for n := range 6 { // ids that do not follow the clock, as after it was set back
			b.clock.pass(13 * time.Hour)
			made = append(made, b.create(9-n).Created)
		}
		b.same("from", b.list(bridge.Filter{From: made[2]}), []bridge.ID{id(7), id(6), id(5), id(4)})
		b.same("after", b.list(bridge.Filter{From: made[2].Add(1)}), []bridge.ID{id(6), id(5), id(4)})
		b.same("before", b.list(bridge.Filter{Before: made[2], Oldest: true}), []bridge.ID{id(8), id(9)})
		b.same("one", b.list(bridge.Filter{From: made[2], Before: made[2].Add(time.Microsecond)}), []bridge.ID{id(7)})
		b.same("none", b.list(bridge.Filter{From: made[3], Before: made[2]}), []bridge.ID{})
		b.same("too early", b.list(bridge.Filter{Before: made[0].AddDate(-100, 0, 0)}), []bridge.ID{})
		b.same("too late", b.list(bridge.Filter{From: made[0].AddDate(100, 0, 0)}), []bridge.ID{})
	}},
	{"requests that come in or go meanwhile move no page of the oldest", func(b *bench) {
		for i := range 6 {
			b.create(10 + i)
		}
		page, err := b.store.List(b.ctx, bridge.Filter{Oldest: true, Limit: 3})
		if err != nil {
			b.Fatal(err)
		}
		b.create(5)
		if err := b.store.Drop(b.ctx, id(12)); err != nil { // the last one of the page
			b.Fatal(err)
		}
		b.same("second page", b.list(bridge.Filter{Oldest: true, Limit: 2, After: page.Next}), []bridge.ID{id(13), id(14), id(15)})
	}},
	{"counting stops where it is told to", func(b *bench) {
		b.crowd(5)
		for most, want := range map[int]bool{1: true, 4: true, 5: false, 6: false} {
			n, more, err := b.store.(counter).Count(b.ctx, bridge.Filter{Limit: 1, Oldest: true, After: string(id(3))}, most)
			if err != nil || n != min(most, 5) || more != want {
				b.Errorf("up to %d: %d, more %t, %v", most, n, more, err)
			}
		}
	}},
	{"a filter that cannot be answered is invalid for lists and counts", func(b *bench) {
		for _, f := range []bridge.Filter{
			{Words: []string{"x"}}, {Words: []string{"gold", "-"}}, {Words: make([]string, 21)},
			{Least: bridge.Amount{Minor: 1}}, {Most: bridge.Amount{Minor: 1}}, {Applicant: "ann"},
		} {
			_, err := b.store.List(b.ctx, f)
			b.wantKind(err, bridge.Invalid)
			_, _, err = b.store.(counter).Count(b.ctx, f, 1)
			b.wantKind(err, bridge.Invalid)
		}
		for _, most := range []int{-1, 0, 10_001} {
			_, _, err := b.store.(counter).Count(b.ctx, bridge.Filter{}, most)
			b.wantKind(err, bridge.Invalid)
		}
	}},
	{"a context that is over counts nothing", func(b *bench) {
		ctx := over()
		if _, _, err := b.store.(counter).Count(ctx, bridge.Filter{}, 1); !errors.Is(err, ctx.Err()) {
			b.Fatal(err)
		}
	}},
}

// crowd creates n requests that differ in what they can be found by, and returns them
// in the order of their ids.
func (b *bench) crowd(n int) []bridge.Request {
	b.Helper()
	var all []bridge.Request
	for i := range n {
		b.clock.pass(5 * time.Hour)
		all = append(all, b.create(i, func(c *bridge.Change) {
			c.Portal = []string{"main", "other", "main2"}[i%3]
			c.Applicant = bridge.Applicant{
				ID: fmt.Sprintf("dev-%d", i%4), Email: fmt.Sprintf("dev-%d@%s.example", i, []string{"one", "two"}[i%2]),
				Name: []string{"Anna Lee", "Bert", "Annabel Ørsted", ""}[i%4],
			}
			c.Terms.Plan = []string{"Gold", "Silver", ""}[i%5%3]
			c.Terms.Lines = []bridge.Price{{Name: "x", Amount: bridge.NewAmount(int64(100*i), []string{"eur", "usd"}[i/3%2])}}
			c.Steps[0].Kind = []bridge.StepKind{bridge.Paying, bridge.Review}[i/2%2]
			c.Work.Attention = i%7 == 0
			c.Assigned = []string{"", "olga"}[i%11%2]
		}))
	}
	return all
}

// someFilter asks for some of what the crowd has.
func someFilter(random *rand.Rand) bridge.Filter {
	f := bridge.Filter{Oldest: random.IntN(2) == 0}
	pick := func(share int, fn func()) {
		if random.IntN(share) == 0 {
			fn()
		}
	}
	oneOf := func(all ...string) string { return all[random.IntN(len(all))] }
	amount := func() bridge.Amount { return bridge.NewAmount(int64(random.IntN(6000)), oneOf("eur", "usd")) }
	moment := func() time.Time { return start.Add(time.Duration(random.IntN(300)) * time.Hour) }
	pick(5, func() { f.State = bridge.State(oneOf("paying", "reviewing", "needs attention", "ended")) })
	pick(5, func() { f.Portal = oneOf("main", "other", "main2", "mai") })
	pick(4, func() { f.Portals = []string{oneOf("main", "other"), oneOf("main2", "nowhere")} })
	pick(4, func() { f.Tags = append(f.Tags, bridge.TagWaits) })
	pick(4, func() { f.Tags = append(f.Tags, bridge.TagPlan(oneOf("Gold", "Silver"))) })
	pick(8, func() { f.Tags = append(f.Tags, bridge.TagAssigned("olga")) })
	pick(4, func() { f.Words = append(f.Words, oneOf("ann", "anna", "LEE", "ørs", "dev-1", "two", "example")) })
	pick(8, func() { f.Words = append(f.Words, oneOf("go", "be", "one", "nobody")) })
	pick(6, func() { f.Least = amount() })
	pick(6, func() { f.Most = amount() })
	pick(5, func() { f.From = moment() })
	pick(5, func() { f.Before = moment() })
	if f.Portal != "" {
		pick(3, func() { f.Applicant = fmt.Sprintf("dev-%d", random.IntN(4)) })
	}
	return f
}

// fits says, from the record alone, whether a request is to be found.
func fits(r bridge.Request, f bridge.Filter) bool {
	tags := r.Tags()
	total, ok := r.Terms.Total()
	for _, is := range []bool{
		f.State == "" || r.State() == f.State,
		f.Portal == "" || r.Portal == f.Portal,
		f.Portal != "" || len(f.Portals) == 0 || slices.Contains(f.Portals, r.Portal),
		f.Applicant == "" || r.Applicant.ID == f.Applicant,
		f.Least == bridge.Amount{} || ok && total.Currency == f.Least.Currency && total.Minor >= f.Least.Minor,
		f.Most == bridge.Amount{} || ok && total.Currency == f.Most.Currency && total.Minor <= f.Most.Minor,
		f.From.IsZero() || !r.Created.Before(f.From),
		f.Before.IsZero() || r.Created.Before(f.Before),
	} {
		if !is {
			return false
		}
	}
	for _, tag := range f.Tags {
		if !slices.Contains(tags, tag) {
			return false
		}
	}
	for _, word := range f.Words {
		if !slices.ContainsFunc(tags, func(tag bridge.Tag) bool {
			return strings.HasPrefix(string(tag), "word/"+strings.ToLower(word))
		}) {
			return false
		}
	}
	return true
}
