package console

import (
	"net/url"
	"time"

	"keybridge/bridge"
	"keybridge/bridge/web"
)

// The fields that choose what the money pages are about.
const (
	fieldSpan     = "span"
	fieldFirstDay = "from"
	fieldLastDay  = "to"
)

// The spans that have a name. Any other is chosen by its first and last day.
const (
	spanWeek  = "7d"
	spanMonth = "30d"
	spanYear  = "12m"
)

// longestSpan is how many years a span may have.
const longestSpan = 10

// span is which days are looked at, both included, and at whose portals.
type span struct {
	// Name is one of the spans above; empty: chosen by its days.
	Name string
	// From and To begin their days, in UTC.
	From, To time.Time
	// Portal is a portal's name; empty: all that the person may see.
	Portal string
	// typed is what was written for the days.
	typed    [2]string
	Problems map[string]string
}

// readSpan reads what a query asks for. Days are days in UTC, as the sheets are. Who gives
// one of the days chooses by days; without the last it is today, and without the first the
// thirty days before the last.
func readSpan(query url.Values, now time.Time) span {
	today := now.UTC().Truncate(24 * time.Hour)
	s := span{
		Name: query.Get(fieldSpan), To: today, Portal: query.Get(web.FieldPortal), Problems: map[string]string{},
		typed: [2]string{query.Get(fieldFirstDay), query.Get(fieldLastDay)},
	}
	if s.typed[0] != "" || s.typed[1] != "" {
		s.Name = ""
		s.days(today)
		return s
	}
	switch s.Name {
	case spanWeek:
		s.From = today.AddDate(0, 0, -6)
	case spanYear:
		s.From = time.Date(today.Year(), today.Month()-11, 1, 0, 0, 0, 0, time.UTC)
	default:
		s.Name, s.From = spanMonth, today.AddDate(0, 0, -29)
	}
	return s
}

// days reads the days that were written.
func (s *span) days(today time.Time) {
	s.To = s.day(fieldLastDay, s.typed[1], today)
	s.From = s.day(fieldFirstDay, s.typed[0], s.To.AddDate(0, 0, -29))
	switch {
	case len(s.Problems) > 0:
	case s.To.After(today):
		s.Problems[fieldLastDay] = "That day has not come yet."
	case s.From.After(s.To):
		s.Problems[fieldFirstDay] = "The first day is after the last one."
	case s.From.Before(s.To.AddDate(-longestSpan, 0, 0)):
		s.Problems[fieldFirstDay] = "That is too long ago: at most ten years before the last day."
	}
}

func (s *span) day(field, text string, none time.Time) time.Time {
	if text == "" {
		return none
	}
	at, err := time.Parse(time.DateOnly, text)
	if err != nil {
		s.Problems[field] = "Write a day such as 2026-03-14."
	}
	return at
}

// Query asks for the same span again.
func (s *span) Query() url.Values {
	query := url.Values{}
	if s.Name != "" {
		query.Set(fieldSpan, s.Name)
	} else {
		query.Set(fieldFirstDay, s.From.Format(time.DateOnly))
		query.Set(fieldLastDay, s.To.Format(time.DateOnly))
	}
	if s.Portal != "" {
		query.Set(web.FieldPortal, s.Portal)
	}
	return query
}

// portals are those whose sheets a person is shown; none: all. Whether they may see the
// one that was chosen is for their desk to say.
func (s *span) portals(p bridge.Person) []string {
	if s.Portal != "" {
		return []string{s.Portal}
	}
	return p.Portals
}

// unit is into what the span is divided, so that there are not too many parts to see.
func (s *span) unit() bridge.PartLength {
	switch days := s.To.Sub(s.From).Hours() / 24; {
	case days <= 31:
		return bridge.Daily
	case days <= 31*6:
		return bridge.Weekly
	}
	return bridge.Monthly
}

// partName is what a part of a span is called.
func partName(p bridge.Part, unit bridge.PartLength) string {
	if unit == bridge.Monthly {
		return p.From.Format("Jan 2006")
	}
	return p.From.Format("2 Jan")
}

// Words says which days it is.
func (s *span) Words() string {
	if s.From.Equal(s.To) {
		return "on " + s.From.Format("2 Jan 2006")
	}
	return "from " + s.From.Format("2 Jan 2006") + " to " + s.To.Format("2 Jan 2006")
}
