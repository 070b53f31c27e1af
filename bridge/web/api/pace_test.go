package api

import (
	"strconv"
	"testing"
	"time"
)

func TestPacesForgetWhoIsQuietBeforeTheyGrowTooLarge(t *testing.T) {
	now := time.Date(2026, time.March, 14, 12, 0, 0, 0, time.UTC)
	p := newPaces(1, 2)
	for i := range mostNames {
		p.take(strconv.Itoa(i), now)
	}
	now = now.Add(2 * time.Second) // all may start anew by now
	for range 2 {
		p.take("0", now)
	}
	p.take("one more", now)
	if len(p.by) != 2 || p.wait("0", now) == 0 {
		t.Errorf("%d names are left, and who is busy waits %s", len(p.by), p.wait("0", now))
	}
	for i := range mostNames + 10 { // all of them busy
		p.take("busy "+strconv.Itoa(i), now)
	}
	if len(p.by) > mostNames {
		t.Errorf("there are %d names", len(p.by))
	}
}
