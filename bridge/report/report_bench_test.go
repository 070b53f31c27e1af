package report_test

import (
	"fmt"
	"testing"
	"time"

	"keybridge/bridge"
)

// BenchmarkTwelveMonths reads what a page of a year at three portals shows, each day with
// the money of twenty plans in two currencies.
func BenchmarkTwelveMonths(b *testing.B) {
	h := newHouse(b)
	for i := range 20 {
		h.live(fmt.Sprint("Plan ", i), paid(int64(100+i), 10, "eur"), time.Duration(i)*time.Minute)
		h.live(fmt.Sprint("Plan ", i), paid(int64(100+i), 0, "usd"), time.Hour/2)
		h.now = noon
	}
	r := h.reader()
	if err := r.CatchUp(b.Context()); err != nil {
		b.Fatal(err)
	}
	day, err := h.store.Papers(b.Context(), "report", "", 1)
	if err != nil || len(day) != 1 {
		b.Fatal(len(day), err)
	}
	for i := range 365 {
		for _, portal := range []string{"main", "other", "third"} {
			name := noon.AddDate(0, 0, -i).Format(time.DateOnly) + " " + portal
			if err := h.store.SetPaper(b.Context(), "report", name, func([]byte) ([]byte, error) { return day[0].Value, nil }); err != nil {
				b.Fatal(err)
			}
		}
	}
	for b.Loop() {
		days, err := r.Between(b.Context(), noon.AddDate(-1, 0, 0), noon, nil)
		if err != nil || len(days) != 365 {
			b.Fatal(len(days), err)
		}
		bridge.Parts(days, noon.AddDate(-1, 0, 0), noon, bridge.Monthly)
	}
}

// BenchmarkCatchingUp counts what 640 people did who came, paid and got their keys, 64 of
// them at once.
func BenchmarkCatchingUp(b *testing.B) {
	h := newHouse(b)
	for range 10 {
		h.sideBySide(64)
	}
	r := h.reader()
	for b.Loop() {
		h.forget()
		if err := r.CatchUp(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	days, err := r.Between(b.Context(), noon, noon, nil)
	if total := bridge.AddUp(days); err != nil || total.Milestones[bridge.MilestoneGranted] != 640 {
		b.Fatal(total, err)
	}
}
