package bridge

import "time"

// Day is what happened on one day, at those portals that were asked for.
type Day struct {
	// At is when the day begins, in UTC.
	At time.Time
	Sheet
}

// dayOf is when the day of a time begins.
func dayOf(t time.Time) time.Time {
	y, m, d := t.UTC().Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// AddUp is some days added up.
func AddUp(days []Day) (total Sheet) {
	for _, day := range days {
		total.Add(day.Sheet)
	}
	return total
}

// PartLength is how long the parts of a span are.
type PartLength string

// The lengths. A week begins on Monday.
const (
	Daily   PartLength = "day"
	Weekly  PartLength = "week"
	Monthly PartLength = "month"
)

// Part is some days of a span added up, both included.
type Part struct {
	From, To time.Time
	Sheet
}

// Parts divides a span, both days included, into whole days, weeks or months. The first
// and the last part may be cut off by the span. Days outside of it are left out.
func Parts(days []Day, from, to time.Time, each PartLength) (parts []Part) {
	last := dayOf(to)
	for at := dayOf(from); !at.After(last); {
		next := each.next(at)
		part := Part{From: at, To: next.AddDate(0, 0, -1)}
		if part.To.After(last) {
			part.To = last
		}
		for _, day := range days {
			if !day.At.Before(at) && day.At.Before(next) && !day.At.After(last) {
				part.Add(day.Sheet)
			}
		}
		parts = append(parts, part)
		at = next
	}
	return parts
}

// next is when the next part begins.
func (l PartLength) next(at time.Time) time.Time {
	switch l {
	case Weekly:
		return at.AddDate(0, 0, 7-(int(at.Weekday())+6)%7)
	case Monthly:
		return time.Date(at.Year(), at.Month()+1, 1, 0, 0, 0, 0, time.UTC)
	}
	return at.AddDate(0, 0, 1)
}

// Counted is how far the sheets have come.
type Counted struct {
	// To is when the last entry was made that is on them; zero while there is none.
	To time.Time
	// Behind: there are later ones, which are not on them yet.
	Behind bool
	// Stopped: something is damaged that cannot be left out, so nothing is counted any more.
	Stopped bool
	// Left is how many entries up to there could not be read, and are left out.
	Left int
}
