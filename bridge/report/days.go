package report

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

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

// Between returns the days from one to another, both included, in UTC and in their
// order, without those on which nothing happened. portals are those whose sheets are
// added up; none: all.
func (r *Reader) Between(ctx context.Context, from, to time.Time, portals []string) ([]Day, error) {
	var days []Day
	after, last := from.UTC().Format(dayForm), to.UTC().Format(dayForm)
	for {
		papers, err := r.cfg.Store.Papers(ctx, paperKind, after, batch)
		if err != nil || len(papers) == 0 {
			return days, err
		}
		for _, p := range papers {
			day, portal, named := strings.Cut(p.Name, " ")
			if day > last {
				return days, nil
			}
			if !named || len(portals) > 0 && !slices.Contains(portals, portal) {
				continue
			}
			if days, err = addDay(days, day, p.Value); err != nil {
				return nil, fmt.Errorf("report: the sheet of %s: %w", p.Name, err)
			}
		}
		after = papers[len(papers)-1].Name
	}
}

// addDay adds a portal's sheet to the last day, or begins the next.
func addDay(days []Day, name string, paper []byte) ([]Day, error) {
	at, err := time.Parse(dayForm, name)
	if err != nil {
		return nil, err
	}
	var k kept
	if err := json.Unmarshal(paper, &k); err != nil {
		return nil, err
	}
	if k.Shape != shape {
		return days, nil // an older one, which will be made anew
	}
	if len(days) == 0 || !days[len(days)-1].At.Equal(at) {
		days = append(days, Day{At: at})
	}
	days[len(days)-1].add(k.Sheet)
	return days, nil
}

// Sum is some days added up.
func Sum(days []Day) (total Sheet) {
	for _, day := range days {
		total.add(day.Sheet)
	}
	return total
}

// Unit is how long the parts of a span are.
type Unit string

// The units. A week begins on Monday.
const (
	Daily   Unit = "day"
	Weekly  Unit = "week"
	Monthly Unit = "month"
)

// Part is some days of a span added up, both included.
type Part struct {
	From, To time.Time
	Sheet
}

// Parts divides a span, both days included, into whole days, weeks or months. The first
// and the last part may be cut off by the span. Days outside of it are left out.
func Parts(days []Day, from, to time.Time, unit Unit) (parts []Part) {
	last := dayOf(to)
	for at := dayOf(from); !at.After(last); {
		next := unit.next(at)
		part := Part{From: at, To: next.AddDate(0, 0, -1)}
		if part.To.After(last) {
			part.To = last
		}
		for _, day := range days {
			if !day.At.Before(at) && day.At.Before(next) && !day.At.After(last) {
				part.add(day.Sheet)
			}
		}
		parts = append(parts, part)
		at = next
	}
	return parts
}

// next is when the next part begins.
func (u Unit) next(at time.Time) time.Time {
	switch u {
	case Weekly:
		return at.AddDate(0, 0, 7-(int(at.Weekday())+6)%7)
	case Monthly:
		return time.Date(at.Year(), at.Month()+1, 1, 0, 0, 0, 0, time.UTC)
	}
	return at.AddDate(0, 0, 1)
}
