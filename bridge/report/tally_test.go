package report_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
	"keybridge/bridge/report"
	"keybridge/store/bolt"
)

// watched is a store that knows what was asked of it, and does something whenever the feed
// is read.
type watched struct {
	*bolt.Store
	asked  map[string]int
	onFeed func()
}

func (w *watched) Feed(ctx context.Context, after uint64, limit int) ([]bridge.Line, error) {
	w.asked["feed"]++
	lines, err := w.Store.Feed(ctx, after, limit)
	if w.onFeed != nil {
		w.onFeed()
	}
	return lines, err
}

func (w *watched) Get(ctx context.Context, id bridge.ID) (bridge.Request, error) {
	w.asked["get"]++
	return w.Store.Get(ctx, id)
}

func (w *watched) History(ctx context.Context, id bridge.ID) ([]bridge.Entry, error) {
	w.asked["history"]++
	return w.Store.History(ctx, id)
}

func (w *watched) SetPaper(ctx context.Context, kind, name string, change func([]byte) ([]byte, error)) error {
	w.asked["sheet"]++
	return w.Store.SetPaper(ctx, kind, name, change)
}

func (w *watched) SetBookmark(ctx context.Context, name string, value []byte) error {
	w.asked["bookmark"]++
	return w.Store.SetBookmark(ctx, name, value)
}

// watching is a reader of the house, and what it asks of the store.
func (h *house) watching() (*report.Reader, *watched) {
	h.Helper()
	w := &watched{Store: h.store, asked: map[string]int{}}
	r, err := report.New(report.Config{Store: w})
	if err != nil {
		h.Fatal(err)
	}
	return r, w
}

// sideBySide takes requests to their keys, all of them a step at a time.
func (h *house) sideBySide(n int) {
	ids := make([]bridge.ID, n)
	for i := range ids {
		ids[i] = h.receive("Pro")
	}
	m := paid(4900, 0, "eur")
	for _, see := range []func(bridge.ID){
		func(id bridge.ID) {
			h.see(id, bridge.Pending, bridge.Money{State: bridge.PaymentOpen, Checkout: checkout(bridge.CheckoutOpen)})
		},
		func(id bridge.ID) { h.see(id, bridge.Pending, m) },
		func(id bridge.ID) { h.see(id, bridge.Granted, m) },
	} {
		for _, id := range ids {
			see(id)
		}
	}
}

// enter adds an entry to a request's history, whatever it says.
func (h *house) enter(id bridge.ID, what bridge.What, after string) {
	h.Helper()
	h.change(id, func(c *bridge.Change) {
		head, e := c.Head.Next(bridge.Entry{Request: id, At: h.now, Actor: bridge.Actor{Kind: bridge.ByClock}, What: what, After: after})
		c.Head, c.Entries = head, append(c.Entries, e)
	})
}

// What a request came to in one stretch of the feed costs one reading of it, however many
// lines of other requests are between its own.
func TestARequestIsReadOnceForAllItsEntriesOfAStretch(t *testing.T) {
	const people = 130
	h := newHouse(t)
	h.sideBySide(people)
	r, w := h.watching()
	if err := r.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w.asked["feed"] < 2 {
		t.Fatalf("the feed was read %d times: this is to be about more than one batch of it", w.asked["feed"])
	}
	w.asked["feed"] = 0
	if diff := cmp.Diff(map[string]int{"feed": 0, "get": people, "sheet": 1, "bookmark": 1}, w.asked); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What had begun before the stretch has its history read, once.
func TestAHistoryIsReadOnceWhereTheStretchBeganInItsMiddle(t *testing.T) {
	h := newHouse(t)
	id := h.live("Pro", paid(4900, 0, "eur"), time.Second)
	r, w := h.watching()
	if err := r.CatchUp(t.Context()); err != nil || w.asked["history"] != 0 {
		t.Fatal(err, w.asked)
	}
	h.see(id, bridge.Granted, paid(4900, 1000, "eur"))
	h.see(id, bridge.Granted, paid(4900, 3000, "eur"))
	if err := r.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w.asked["get"] != 2 || w.asked["history"] != 1 {
		t.Errorf("%v", w.asked)
	}
	total, _ := h.between(noon, h.now)
	if got := total.In("EUR"); got != (bridge.Flow{In: 4900, Back: 3000, Payments: 1}) {
		t.Errorf("%+v", got)
	}
}

// Wherever the feed is cut into stretches, the sheets are the same.
func TestHoweverTheFeedIsCutTheSameIsCounted(t *testing.T) {
	h := newHouse(t)
	step := func(do func()) {
		t.Helper()
		do()
		h.between(noon, h.now) // which reads what there is by now, by another reader each time
	}
	var first, second bridge.ID
	m := paid(4900, 0, "eur")
	for _, do := range []func(){
		func() { first = h.receive("Pro") },
		func() { second = h.receiveAt("other", "Team") },
		func() { h.enter(first, bridge.WhatArrived, string(bridge.Signed)) },
		func() {
			h.see(second, bridge.Pending, bridge.Money{State: bridge.PaymentOpen, Checkout: checkout(bridge.CheckoutOpen)})
		},
		func() { h.see(first, bridge.Pending, m) },
		func() { h.now = h.now.Add(20 * time.Hour); h.see(first, bridge.Granted, m) },
		func() { h.see(second, bridge.Pending, m) },
		func() { h.see(first, bridge.Granted, paid(4900, 100, "eur")) },
		func() { h.see(second, bridge.Granted, m) },
		func() { h.see(first, bridge.Granted, paid(4900, 4900, "eur")) },
	} {
		step(do)
	}
	_, cut := h.between(noon, h.now)
	h.forget()
	_, whole := h.between(noon, h.now)
	if diff := cmp.Diff(cut, whole); diff != "" {
		t.Errorf("(-entry by entry +all at once):\n%s", diff)
	}
	total := bridge.AddUp(whole)
	if got := total.In("EUR"); got != (bridge.Flow{In: 9800, Back: 4900, Payments: 2}) || total.Milestones[bridge.MilestoneGranted] != 2 {
		t.Errorf("%+v", total)
	}
}

// A browser may come before the portal has said what is asked for, and counts from then on.
func TestAHandOffCountsOnceThePortalHasSaidWhatIsAskedFor(t *testing.T) {
	for name, order := range map[string][]bridge.What{
		"the browser first": {bridge.WhatArrived, bridge.WhatTerms, bridge.WhatArrived},
		"the portal first":  {bridge.WhatTerms, bridge.WhatArrived, bridge.WhatArrived},
		"only the browser":  {bridge.WhatArrived, bridge.WhatArrived},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			id := h.accept("main")
			for _, what := range order {
				h.enter(id, what, "so")
			}
			total, _ := h.between(noon, h.now)
			want := map[bridge.Milestone]int{bridge.MilestoneReceived: 1, bridge.MilestoneHandedOff: 1}
			if !slices.Contains(order, bridge.WhatTerms) {
				want = nil
			}
			if diff := cmp.Diff(want, total.Milestones); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Who catches up is done with what there was when it began. It ends even where more comes
// with every look.
func TestCatchingUpEndsHoweverMuchComes(t *testing.T) {
	h := newHouse(t)
	h.live("Pro", paid(4900, 0, "eur"), time.Second)
	r, w := h.watching()
	w.onFeed = func() { h.receive("Pro") }
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := r.CatchUp(ctx); err != nil || w.asked["feed"] != 1 || w.asked["bookmark"] != 1 {
		t.Fatal(err, w.asked)
	}
	w.onFeed = nil
	if err := r.CatchUp(ctx); err != nil {
		t.Fatal(err)
	}
	days, err := r.Between(ctx, noon, noon, nil)
	if got := bridge.AddUp(days).Milestones[bridge.MilestoneReceived]; err != nil || got != 2 {
		t.Errorf("%d were received: %v", got, err)
	}
}

// A reader that is woken all the time looks as often as it says, and misses nothing.
func TestAReaderRestsBetweenTwoReadings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		r, w := h.watching() // at rest for two seconds
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); r.Run(ctx) }()
		for range 200 { // in ten seconds
			h.receive("Pro")
			r.Wake()
			time.Sleep(50 * time.Millisecond)
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		stop()
		<-ended
		if n := w.asked["bookmark"]; n < 4 || n > 7 {
			t.Errorf("%d readings in ten seconds", n)
		}
		days, err := r.Between(t.Context(), noon, noon, nil)
		if got := bridge.AddUp(days).Milestones[bridge.MilestoneReceived]; err != nil || got != 200 {
			t.Errorf("%d were received: %v", got, err)
		}
	})
}
