package billingtest

import (
	"errors"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
)

// listTests are about the list of checkouts.
var listTests = []test{
	{"every checkout is listed with what became of it", []Lever{Pay, PayLater, TimeOut, GiveBack}, func(b *bench) {
		since := b.Now()
		want := map[string]bridge.Opened{}
		for _, run := range []func() *deal{
			func() *deal { d := b.deal(once(4900, "EUR")); d.open(); return d },
			func() *deal { return b.paid(once(4900, "EUR")) },
			func() *deal { return b.paid(monthly(900, "USD")) },
			func() *deal { return b.paid(held()) },
			func() *deal { d := b.deal(once(500, "JPY")); d.open(); d.pull(PayLater); return d },
			func() *deal { d := b.deal(once(4900, "EUR")); d.open(); d.pull(TimeOut); return d },
			func() *deal { d := b.paid(once(4900, "EUR")); d.pull(GiveBack, 900); return d },
			func() *deal { d := b.deal(once(4900, "EUR")); d.openFor(bridge.Validation); d.pull(Pay); return d },
		} {
			d := run()
			money := d.read()
			want[money.Checkout.ID] = bridge.Opened{Request: d.r.ID, Portal: d.r.Portal, Money: money}
		}
		for _, got := range b.listed(since) {
			got.At = time.Time{}
			if diff := cmp.Diff(want[got.Money.Checkout.ID], got); diff != "" {
				b.Errorf("read (-) and listed (+):\n%s", diff)
			}
			delete(want, got.Money.Checkout.ID)
		}
		if len(want) > 0 {
			b.Errorf("not listed: %v", want)
		}
	}},
	{"the list is as long as it takes, newest first, and each once", nil, func(b *bench) {
		const many = 105 // more than a page of any provider
		since := b.Now()
		var want []bridge.ID
		for range many {
			d := b.deal(once(4900, "EUR"))
			d.open()
			want = append(want, d.r.ID)
		}
		var got []bridge.ID
		last := time.Time{}
		for _, o := range b.listed(since) {
			if !last.IsZero() && o.At.After(last) {
				b.Errorf("%s after %s", o.At, last)
			}
			last = o.At
			got = append(got, o.Request)
		}
		slices.Sort(got) // of those of one second any may come first
		if !slices.Equal(got, want) {
			b.Errorf("listed %d of %d", len(got), many)
		}
	}},
	{"what was opened before is not listed", nil, func(b *bench) {
		b.deal(once(4900, "EUR")).open()
		b.Advance(b.T, time.Hour)
		d := b.deal(once(4900, "EUR"))
		d.open()
		if got := b.listed(b.Now().Add(-time.Minute)); len(got) != 1 || got[0].Request != d.r.ID {
			b.Errorf("%v", got)
		}
	}},
	{"who lists may stop", nil, func(b *bench) {
		b.deal(once(4900, "EUR")).open()
		b.deal(once(4900, "EUR")).open()
		enough, n := errors.New("enough"), 0
		err := b.Provider.List(b.Context(), b.Now().Add(-time.Minute), func(bridge.Opened) error { n++; return enough })
		if !errors.Is(err, enough) || n != 1 {
			b.Errorf("%v after %d", err, n)
		}
	}},
}

// listed is the list since a time. The far end may count in whole seconds.
func (b *bench) listed(since time.Time) (all []bridge.Opened) {
	b.Helper()
	err := b.Provider.List(b.Context(), since.Add(-time.Second), func(o bridge.Opened) error {
		all = append(all, o)
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return all
}
