package console

import (
	"net/url"
	"time"

	"keybridge/bridge"
	"keybridge/bridge/web"
)

// fieldSpan chooses the days by a name.
const fieldSpan = "span"

// The spans that have a name. Any other is chosen by its first and last day.
const (
	spanWeek  = "7d"
	spanMonth = "30d"
	spanYear  = "12m"
)

// span is which days are looked at, both included, and at whose portals.
type span struct {
	// Name is one of the spans above; empty: chosen by its days.
	Name string
	web.Span
	// Portal is a portal's name; empty: all that the person may see.
	Portal string
	// typed is what was written for the days.
	typed    [2]string
	Problems map[string]string
}

// readSpan reads what a query asks for. Who gives one of the days chooses by days.
func readSpan(query url.Values, now time.Time) span {
	s := span{
		Name: query.Get(fieldSpan), Portal: query.Get(web.FieldPortal), Problems: map[string]string{},
		typed: [2]string{query.Get(web.FieldFrom), query.Get(web.FieldTo)},
	}
	if s.typed[0] != "" || s.typed[1] != "" {
		s.Name = ""
		s.Span, s.Problems = web.ReadSpan(query, now)
		return s
	}
	s.To = now.UTC().Truncate(24 * time.Hour)
	switch s.Name {
	case spanWeek:
		s.From = s.To.AddDate(0, 0, -6)
	case spanYear:
		s.From = time.Date(s.To.Year(), s.To.Month()-11, 1, 0, 0, 0, 0, time.UTC)
	default:
		s.Name, s.From = spanMonth, s.To.AddDate(0, 0, -29)
	}
	return s
}

// Query asks for the same span again.
func (s *span) Query() url.Values {
	query := url.Values{}
	if s.Name != "" {
		query.Set(fieldSpan, s.Name)
	} else {
		query.Set(web.FieldFrom, s.From.Format(time.DateOnly))
		query.Set(web.FieldTo, s.To.Format(time.DateOnly))
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
