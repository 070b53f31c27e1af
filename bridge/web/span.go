package web

import (
	"net/url"
	"time"
)

// The fields of the days that a report is about.
const (
	FieldFrom = "from"
	FieldTo   = "to"
)

// longestSpan is how many years a span may have, and usualSpan how many days one has of which
// only the end is said.
const (
	longestSpan = 10
	usualSpan   = 30
)

// Span is some days, both included. Days are days in UTC, as those of bridge.Sheet are.
type Span struct {
	// From and To begin their days.
	From, To time.Time
}

// ReadSpan reads a span as a query has it: FieldFrom and FieldTo, each a day such as
// 2026-03-14. Without the last day it is today, and without the first one the thirty days that
// end with the last. The problems, by field, say in words what to write instead.
func ReadSpan(query url.Values, now time.Time) (s Span, problems map[string]string) {
	problems = map[string]string{}
	day := func(field string, none time.Time) time.Time {
		text := query.Get(field)
		if text == "" {
			return none
		}
		at, err := time.Parse(time.DateOnly, text)
		if err != nil {
			problems[field] = "Write a day such as 2026-03-14."
		}
		return at
	}
	today := now.UTC().Truncate(24 * time.Hour)
	s.To = day(FieldTo, today)
	s.From = day(FieldFrom, s.To.AddDate(0, 0, 1-usualSpan))
	switch {
	case len(problems) > 0:
	case s.To.After(today):
		problems[FieldTo] = "That day has not come yet."
	case s.From.After(s.To):
		problems[FieldFrom] = "The first day is after the last one."
	case s.From.Before(s.To.AddDate(-longestSpan, 0, 0)):
		problems[FieldFrom] = "That is too long ago: at most ten years before the last day."
	}
	return s, problems
}
