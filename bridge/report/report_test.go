package report_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
	"keybridge/bridge/report"
	"keybridge/store/bolt"
)

// noon is the first day of these tests.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// house is a real store with requests whose histories the domain writes.
type house struct {
	testing.TB
	path  string
	store *bolt.Store
	now   time.Time
	n     int
}

func newHouse(t testing.TB) *house {
	h := &house{TB: t, now: noon, path: filepath.Join(t.TempDir(), "test.db")}
	h.open()
	t.Cleanup(func() { _ = h.store.Close() })
	return h
}

func (h *house) open() {
	h.Helper()
	var err error
	h.store, err = bolt.Open(bolt.Config{Path: h.path, Now: func() time.Time { return h.now }, InitialMmapSize: 1 << 20})
	if err != nil {
		h.Fatal(err)
	}
}

// receive takes in a key request for a plan.
func (h *house) receive(plan string) bridge.ID { return h.receiveAt("main", plan) }

func (h *house) receiveAt(portal, plan string) bridge.ID {
	h.Helper()
	id := h.accept(portal)
	h.change(id, func(c *bridge.Change) {
		c.TakeIn(bridge.KeyRequest{State: bridge.Pending}, bridge.Terms{Plan: plan, Provider: "stripe", Steps: []bridge.StepKind{bridge.Paying}}, h.now)
	})
	h.see(id, bridge.Pending, bridge.Money{State: bridge.NoPayment})
	return id
}

// accept takes in a hint at a key request that nothing is known of.
func (h *house) accept(portal string) bridge.ID {
	h.Helper()
	h.n++
	id := bridge.ID(fmt.Sprintf("01J%023d", h.n))
	intake := &bridge.Change{Request: bridge.Request{
		ID: id, Portal: portal, Key: fmt.Sprint("k", h.n), Created: h.now, Verdict: bridge.Verdict{Outcome: bridge.Open},
	}}
	_, err := h.store.Accept(h.Context(), bridge.Hint{Source: "test", Portal: portal, Key: intake.Key, Intake: intake}, nil)
	if err != nil {
		h.Fatal(err)
	}
	return id
}

func (h *house) change(id bridge.ID, fn func(*bridge.Change)) {
	h.Helper()
	if _, err := h.store.Update(h.Context(), id, func(c *bridge.Change) error { fn(c); return nil }); err != nil {
		h.Fatal(err)
	}
}

// see lets a request observe facts.
func (h *house) see(id bridge.ID, access bridge.AccessState, m bridge.Money) {
	h.Helper()
	h.change(id, func(c *bridge.Change) {
		c.Observe(bridge.Facts{Key: &bridge.KeyRequest{State: access}, Money: &m}, h.now)
	})
}

func checkout(s bridge.CheckoutState) bridge.Checkout {
	return bridge.Checkout{ID: "cs", For: bridge.Paying, State: s}
}

// paid is money that came in, of which some went back.
func paid(minor, back int64, currency string) bridge.Money {
	m := bridge.Money{State: bridge.Paid, Checkout: checkout(bridge.CheckoutComplete), Collected: bridge.NewAmount(minor, currency)}
	if back > 0 {
		m.Returned = bridge.NewAmount(back, currency)
	}
	return m
}

// live takes a request from its intake to its key.
func (h *house) live(plan string, m bridge.Money, wait time.Duration) bridge.ID {
	h.Helper()
	id := h.receive(plan)
	h.see(id, bridge.Pending, bridge.Money{State: bridge.PaymentOpen, Checkout: checkout(bridge.CheckoutOpen)})
	h.see(id, bridge.Pending, m)
	h.now = h.now.Add(wait)
	h.see(id, bridge.Granted, m)
	return id
}

func (h *house) reader() *report.Reader {
	h.Helper()
	r, err := report.New(report.Config{Store: h.store})
	if err != nil {
		h.Fatal(err)
	}
	return r
}

// between is the report of some days, caught up.
func (h *house) between(from, to time.Time, portals ...string) (bridge.Sheet, []bridge.Day) {
	h.Helper()
	r := h.reader()
	if err := r.CatchUp(h.Context()); err != nil {
		h.Fatal(err)
	}
	days, err := r.Between(h.Context(), from, to, portals)
	if err != nil {
		h.Fatal(err)
	}
	return bridge.AddUp(days), days
}

func TestMoneyIsCountedByPlanAndCurrencyAndNeverAddedUp(t *testing.T) {
	h := newHouse(t)
	h.live("Pro", paid(4900, 0, "eur"), time.Second)
	h.live("Pro", paid(4900, 0, "eur"), time.Second)
	h.live("Pro", paid(5900, 0, "usd"), time.Second)
	partly := h.live("Team", paid(9900, 0, "eur"), time.Second)
	h.now = h.now.Add(24 * time.Hour)
	h.see(partly, bridge.Granted, paid(9900, 1000, "eur"))
	h.see(partly, bridge.Granted, paid(9900, 3000, "eur"))
	total, days := h.between(noon, h.now)
	want := []bridge.PlanFlow{
		{Plan: "Team", In: bridge.NewAmount(9900, "eur"), Back: bridge.NewAmount(3000, "eur"), Payments: 1},
		{Plan: "Pro", In: bridge.NewAmount(9800, "eur"), Back: bridge.NewAmount(0, "eur"), Payments: 2},
		{Plan: "Pro", In: bridge.NewAmount(5900, "usd"), Back: bridge.NewAmount(0, "usd"), Payments: 1},
	}
	slices.SortFunc(want, func(a, b bridge.PlanFlow) int { return int(b.In.Minor - a.In.Minor) })
	if diff := cmp.Diff([]bridge.PlanFlow{want[0], want[1], want[2]}, total.ByPlan()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := days[1].ByPlan(); !days[1].At.Equal(noon.Add(12*time.Hour)) || len(got) != 1 || got[0].In.Minor != 0 || got[0].Back.Minor != 3000 {
		t.Errorf("the second day: %+v", got)
	}
}

func TestARenewalIsCountedAndItsRefundToo(t *testing.T) {
	h := newHouse(t)
	month := func(minor, back int64, until time.Time) bridge.Money {
		m := paid(minor, back, "eur")
		m.PaidUntil, m.Subscribed = until, true
		return m
	}
	id := h.live("Monthly", month(1900, 0, noon.AddDate(0, 1, 0)), time.Second)
	h.see(id, bridge.Granted, month(1900, 500, noon.AddDate(0, 1, 0)))
	h.see(id, bridge.Granted, month(1900, 0, noon.AddDate(0, 2, 0)))
	h.see(id, bridge.Granted, month(1900, 700, noon.AddDate(0, 2, 0)))
	total, _ := h.between(noon, h.now)
	if got := total.ByPlan(); len(got) != 1 || got[0].In.Minor != 3800 || got[0].Back.Minor != 1200 || got[0].Payments != 2 {
		t.Errorf("%+v", got)
	}
}

func TestMilestonesAndTimesAndCauses(t *testing.T) {
	h := newHouse(t)
	for i := range 20 {
		h.live("Pro", paid(100, 0, "eur"), time.Duration(i+1)*time.Minute)
	}
	h.receive("Pro")
	gone := h.receive("Pro")
	h.see(gone, bridge.Gone, bridge.Money{State: bridge.NoPayment})
	h.now = h.now.Add(time.Minute) // what is gone is believed when it is seen twice
	h.see(gone, bridge.Gone, bridge.Money{State: bridge.NoPayment})
	late := h.receive("Pro")
	h.now = h.now.Add(8 * 24 * time.Hour)
	h.see(late, bridge.Pending, bridge.Money{State: bridge.NoPayment})
	total, _ := h.between(noon, h.now)
	if diff := cmp.Diff(map[bridge.Milestone]int{bridge.MilestoneReceived: 23, bridge.MilestoneCheckedOut: 20, bridge.MilestonePaid: 20, bridge.MilestoneGranted: 20}, total.Milestones); diff != "" {
		t.Errorf("milestones (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[bridge.Cause]int{bridge.CausePortal: 1, bridge.CauseTime: 1}, total.Declined); diff != "" {
		t.Errorf("causes (-want +got):\n%s", diff)
	}
	for part, want := range map[float64]time.Duration{0.5: 10 * time.Minute, 0.95: 19 * time.Minute} {
		got, ok := total.Quantile(part)
		if !ok || got < want || got > want*5/4 {
			t.Errorf("%g: %s, want %s or a quarter more at most", part, got, want)
		}
	}
}

func TestNothingIsCountedTwiceHoweverOftenItIsRead(t *testing.T) {
	h := newHouse(t)
	for range 5 {
		h.live("Pro", paid(100, 0, "eur"), time.Hour)
	}
	first, _ := h.between(noon, h.now)
	var readers sync.WaitGroup
	for range 4 { // a crash before the bookmark was kept reads all of it again
		if err := h.store.SetBookmark(t.Context(), "report", nil); err != nil {
			t.Fatal(err)
		}
		readers.Go(func() {
			if err := h.reader().CatchUp(context.WithoutCancel(t.Context())); err != nil {
				t.Error(err)
			}
		})
	}
	readers.Wait()
	again, _ := h.between(noon, h.now)
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("(-first +again):\n%s", diff)
	}
}

func TestDaysOutsideAreLeftOut(t *testing.T) {
	h := newHouse(t)
	for range 10 {
		h.live("Pro", paid(100, 0, "eur"), time.Second)
		h.now = h.now.Add(24 * time.Hour)
	}
	total, days := h.between(noon.AddDate(0, 0, 3), noon.AddDate(0, 0, 5))
	if len(days) != 3 || total.ByPlan()[0].In.Minor != 300 {
		t.Errorf("%d days, %+v", len(days), total.ByPlan())
	}
	if total, days := h.between(noon.AddDate(1, 0, 0), noon.AddDate(2, 0, 0)); len(days) != 0 || len(total.ByPlan()) != 0 {
		t.Errorf("%d days of the future", len(days))
	}
}

func TestAReaderGoesOnByItself(t *testing.T) {
	h := newHouse(t)
	r, err := report.New(report.Config{Store: h.store, Rest: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); r.Run(ctx) }()
	h.live("Pro", paid(100, 0, "eur"), time.Second)
	r.Wake()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		days, err := r.Between(ctx, noon, noon, nil)
		if err != nil {
			t.Fatal(err)
		}
		if bridge.AddUp(days).Milestones[bridge.MilestoneGranted] == 1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%+v", days)
		}
	}
	stop()
	<-ended
}

func TestAReaderNeedsAStore(t *testing.T) {
	if _, err := report.New(report.Config{}); err == nil {
		t.Error("made without")
	}
}
