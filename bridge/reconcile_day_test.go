package bridge

import (
	"testing"
	"time"
)

func TestADayIsReconciledWhenTheClocksOfItsZoneSaySo(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	const at = 3*time.Hour + 30*time.Minute
	for name, one := range map[string]struct{ now, want string }{
		"later today":                 {"2026-06-10T03:29:59+02:00", "2026-06-10T03:30:00+02:00"},
		"now is over":                 {"2026-06-10T03:30:00+02:00", "2026-06-11T03:30:00+02:00"},
		"the clocks are put forward":  {"2026-03-29T01:00:00+01:00", "2026-03-29T03:30:00+02:00"},
		"the clocks are put back":     {"2026-10-25T00:30:00+02:00", "2026-10-25T03:30:00+01:00"},
		"the last day of the year":    {"2026-12-31T04:00:00+01:00", "2027-01-01T03:30:00+01:00"},
		"the day has begun elsewhere": {"2026-06-09T23:00:00Z", "2026-06-10T03:30:00+02:00"},
	} {
		now, err := time.Parse(time.RFC3339, one.now)
		if err != nil {
			t.Fatal(err)
		}
		if got := nextDaily(now, at, berlin).Format(time.RFC3339); got != one.want {
			t.Errorf("%s: %s, want %s", name, got, one.want)
		}
	}
}
