package bridge_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
)

func day(month time.Month, d int) time.Time { return time.Date(2026, month, d, 0, 0, 0, 0, time.UTC) }

func TestPartsAreWholeDaysWeeksAndMonths(t *testing.T) {
	for _, c := range []struct {
		each     bridge.PartLength
		from, to time.Time
		want     [][2]time.Time
	}{
		{bridge.Daily, day(2, 27), day(3, 1), [][2]time.Time{{day(2, 27), day(2, 27)}, {day(2, 28), day(2, 28)}, {day(3, 1), day(3, 1)}}},
		{bridge.Weekly, day(3, 4), day(3, 17), [][2]time.Time{{day(3, 4), day(3, 8)}, {day(3, 9), day(3, 15)}, {day(3, 16), day(3, 17)}}},
		{bridge.Weekly, day(3, 9), day(3, 15), [][2]time.Time{{day(3, 9), day(3, 15)}}},
		{bridge.Monthly, day(1, 31), day(3, 1), [][2]time.Time{{day(1, 31), day(1, 31)}, {day(2, 1), day(2, 28)}, {day(3, 1), day(3, 1)}}},
		{bridge.Monthly, day(3, 2), day(3, 1), nil},
	} {
		var got [][2]time.Time
		for _, p := range bridge.Parts(nil, c.from.Add(13*time.Hour), c.to.Add(time.Hour), c.each) {
			got = append(got, [2]time.Time{p.From, p.To})
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s from %s to %s (-want +got):\n%s", c.each, c.from, c.to, diff)
		}
	}
}

func TestPartsAddUpToWhatTheDaysDo(t *testing.T) {
	draw := rand.New(rand.NewPCG(1, 2))
	var days []bridge.Day
	for at := day(1, 1); at.Before(day(7, 1)); at = at.AddDate(0, 0, 1+draw.IntN(3)) {
		d := bridge.Day{At: at}
		d.AddFlow("Pro", []string{"EUR", "USD"}[draw.IntN(2)], bridge.Flow{In: draw.Int64N(1000), Back: draw.Int64N(100), Payments: 1})
		d.Add(bridge.Sheet{Milestones: map[bridge.Milestone]int{bridge.MilestonePaid: draw.IntN(5)}, Failed: map[string]int{"approve": 1}})
		d.AddWait(time.Duration(draw.Int64N(int64(time.Hour))))
		days = append(days, d)
	}
	for _, each := range []bridge.PartLength{bridge.Daily, bridge.Weekly, bridge.Monthly} {
		var total bridge.Sheet
		for _, p := range bridge.Parts(days, day(1, 1), day(6, 30), each) {
			total.Add(p.Sheet)
		}
		if diff := cmp.Diff(bridge.AddUp(days), total); diff != "" {
			t.Errorf("%s (-days +parts):\n%s", each, diff)
		}
	}
	inside := slices.Collect(func(yield func(bridge.Day) bool) {
		for _, d := range days {
			if !d.At.Before(day(3, 5)) && !d.At.After(day(4, 2)) && !yield(d) {
				return
			}
		}
	})
	var total bridge.Sheet
	for _, p := range bridge.Parts(days, day(3, 5), day(4, 2), bridge.Weekly) {
		total.Add(p.Sheet)
	}
	if diff := cmp.Diff(bridge.AddUp(inside), total); diff != "" {
		t.Errorf("a span in the midst (-days +parts):\n%s", diff)
	}
}

func TestAQuantileIsWithinAQuarterOfTheTruth(t *testing.T) {
	draw := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		var s bridge.Sheet
		var waits []time.Duration
		for range 1 + draw.IntN(300) {
			wait := time.Second + time.Duration(draw.Int64N(int64(time.Second)<<draw.IntN(20)))
			waits = append(waits, wait)
			s.AddWait(wait)
		}
		slices.Sort(waits)
		for _, part := range []float64{0.5, 0.95, 1} {
			want := waits[max(0, (len(waits)*int(part*100)+99)/100-1)]
			got, ok := s.Quantile(part)
			if !ok || got < want.Truncate(time.Millisecond) || got > want*5/4+time.Millisecond {
				t.Fatalf("the part %g of %d waits: %s, and it is %s", part, len(waits), got, want)
			}
		}
	}
	if _, ok := (bridge.Sheet{}).Quantile(0.5); ok {
		t.Error("there is a median of nothing")
	}
}
