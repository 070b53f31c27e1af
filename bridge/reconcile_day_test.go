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
	for name, one := range map[string]struct{ now, last, next string }{
		"later today":                 {"2026-06-10T03:29:59+02:00", "2026-06-09T03:30:00+02:00", "2026-06-10T03:30:00+02:00"},
		"now":                         {"2026-06-10T03:30:00+02:00", "2026-06-10T03:30:00+02:00", "2026-06-11T03:30:00+02:00"},
		"the clocks are put forward":  {"2026-03-29T01:00:00+01:00", "2026-03-28T03:30:00+01:00", "2026-03-29T03:30:00+02:00"},
		"the clocks are put back":     {"2026-10-25T00:30:00+02:00", "2026-10-24T03:30:00+02:00", "2026-10-25T03:30:00+01:00"},
		"they were put back":          {"2026-10-25T03:30:00+01:00", "2026-10-25T03:30:00+01:00", "2026-10-26T03:30:00+01:00"},
		"the last day of the year":    {"2026-12-31T04:00:00+01:00", "2026-12-31T03:30:00+01:00", "2027-01-01T03:30:00+01:00"},
		"the day has begun elsewhere": {"2026-06-09T23:00:00Z", "2026-06-09T03:30:00+02:00", "2026-06-10T03:30:00+02:00"},
	} {
		now, err := time.Parse(time.RFC3339, one.now)
		if err != nil {
			t.Fatal(err)
		}
		last, next := daily(now, at, berlin)
		if last.Format(time.RFC3339) != one.last || next.Format(time.RFC3339) != one.next {
			t.Errorf("%s: %s and %s, want %s and %s", name, last, next, one.last, one.next)
		}
	}
}

func TestADailyRunIsTakenByOneAndBegunTwiceAtMost(t *testing.T) {
	now := time.Date(2026, time.June, 10, 9, 0, 0, 0, time.UTC)
	due := now.Add(-5 * time.Hour)
	taken := func(begun int) dayRun { return dayRun{Day: due, Begun: begun, Until: now.Add(dayHeld)} }
	for name, one := range map[string]struct {
		paper string
		want  dayRun
	}{
		"the first start of all":             {"", dayRun{Day: due, Ended: true}},
		"the day before has ended":           {`{"day":"2026-06-09T04:00:00Z","ended":true,"begun":1}`, taken(1)},
		"the day before has not":             {`{"day":"2026-06-09T04:00:00Z","begun":2}`, taken(1)},
		"as it was written before this":      {"2026-06-09T04:00:00Z", taken(1)},
		"as it was written before, and done": {"2026-06-10T04:00:00Z", dayRun{Day: due, Ended: true}},
		"it has ended":                       {`{"day":"2026-06-10T04:00:00Z","ended":true,"begun":1}`, dayRun{Day: due, Ended: true, Begun: 1}},
		"somebody is at it":                  {`{"day":"2026-06-10T04:00:00Z","begun":1,"until":"2026-06-10T09:03:00Z"}`, taken(1)},
		"somebody has died":                  {`{"day":"2026-06-10T04:00:00Z","begun":1,"until":"2026-06-10T09:00:00Z"}`, taken(2)},
		"two have died":                      {`{"day":"2026-06-10T04:00:00Z","begun":2}`, dayRun{Day: due, Ended: true, Begun: 2}},
		"it was given back":                  {`{"day":"2026-06-10T04:00:00Z"}`, taken(1)},
		"said by a clock that was wrong":     {`{"day":"2026-06-10T04:00:00Z","begun":1,"until":"2026-06-11T09:00:00Z"}`, taken(2)},
		"a later day, and the clock was set": {`{"day":"2026-06-11T04:00:00Z"}`, dayRun{Day: due.Add(24 * time.Hour)}},
	} {
		was, known, err := readDay([]byte(one.paper))
		if err != nil {
			t.Fatal(name, err)
		}
		if got := was.take(due, now, known); got != one.want {
			t.Errorf("%s: %+v, want %+v", name, got, one.want)
		}
	}
	if _, _, err := readDay([]byte("{")); err == nil {
		t.Error("a paper that cannot be read is taken for one")
	}
}
