package billingtest

import (
	"errors"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
)

var quoteTests = []test{
	{name: "a price is known by its id and by its lookup key", try: func(b *bench) {
		for name, asked := range map[string]bridge.Price{
			"id": {Ref: b.OnSale.Ref}, "lookup key": {Lookup: b.OnSale.Lookup},
		} {
			want := b.OnSale
			want.Lookup = asked.Lookup
			got, err := b.Provider.Quote(b.Context(), asked)
			if err != nil {
				b.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				b.Errorf("by %s (-want +got):\n%s", name, diff)
			}
		}
	}},
	{name: "the plan's own name stays", try: func(b *bench) {
		got, err := b.Provider.Quote(b.Context(), bridge.Price{Name: "Mine", Ref: b.OnSale.Ref})
		if err != nil || got.Name != "Mine" {
			b.Errorf("%+v, %v", got, err)
		}
	}},
	{name: "what is quoted already comes back as it was", try: func(b *bench) {
		for _, asked := range []bridge.Price{b.OnSale, once(4900, "EUR").Lines[0], {Ref: b.Unknown, Amount: bridge.NewAmount(1, "EUR")}} {
			got, err := b.Provider.Quote(b.Context(), asked)
			if err != nil || got != asked {
				b.Errorf("%+v became %+v, %v", asked, got, err)
			}
		}
	}},
	{name: "a price that is not sold is invalid, and it is said what to do", try: func(b *bench) {
		for _, asked := range []bridge.Price{{Ref: b.Archived}, {Ref: b.Unknown}, {Lookup: "nobody-knows"}, {}} {
			_, err := b.Provider.Quote(b.Context(), asked)
			b.wantsKind(err, bridge.Invalid)
		}
	}},
	{name: "what was quoted can be paid", needs: []Lever{Pay}, try: func(b *bench) {
		terms := monthly(0, "")
		var err error
		if terms.Lines[0], err = b.Provider.Quote(b.Context(), bridge.Price{Lookup: b.OnSale.Lookup}); err != nil {
			b.Fatal(err)
		}
		d := b.paid(terms)
		d.wantsAmounts(d.read(), b.OnSale.Amount.Minor, 0)
	}},
}

var missedTests = []test{
	{name: "what could not be delivered is found, oldest first, once each", needs: []Lever{Pay}, try: func(b *bench) {
		since := b.Now().Add(-time.Minute)
		b.paid(once(4900, "EUR"))
		b.paid(monthly(4900, "EUR"))
		want := b.Undelivered(b.T, since)
		if len(want) < 4 {
			b.Fatalf("only %v", want)
		}
		for range 2 { // looking changes nothing
			if got := b.missed(since); !slices.Equal(got, want) {
				b.Errorf("found %v, want %v", got, want)
			}
		}
	}},
	{name: "what is older than asked for is left out", needs: []Lever{Pay}, try: func(b *bench) {
		b.paid(once(4900, "EUR"))
		b.Advance(b.T, time.Hour)
		since := b.Now().Add(-time.Minute)
		b.paid(once(4900, "EUR"))
		if got, want := b.missed(since), b.Undelivered(b.T, since); len(want) == 0 || !slices.Equal(got, want) {
			b.Errorf("found %v, want %v", got, want)
		}
	}},
	{name: "more than a page is found", needs: []Lever{Pay}, try: func(b *bench) {
		since := b.Now().Add(-time.Minute)
		for range 130 {
			b.paid(once(4900, "EUR"))
		}
		if got, want := b.missed(since), b.Undelivered(b.T, since); len(want) < 101 || !slices.Equal(got, want) {
			b.Errorf("found %d, want %d", len(got), len(want))
		}
	}},
	{name: "what the caller says ends it", needs: []Lever{Pay}, try: func(b *bench) {
		b.paid(once(4900, "EUR"))
		enough, n := errors.New("enough"), 0
		err := b.Provider.Missed(b.Context(), b.Now().Add(-time.Minute), func(bridge.Hint) error { n++; return enough })
		if !errors.Is(err, enough) || n != 1 {
			b.Errorf("%v after %d", err, n)
		}
	}},
}

// missed gives the ids of the hints that were found.
func (b *bench) missed(since time.Time) []string {
	b.Helper()
	var ids []string
	err := b.Provider.Missed(b.Context(), since, func(h bridge.Hint) error {
		ids = append(ids, h.ID)
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return ids
}
