package report

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"keybridge/bridge"
)

// Between returns the days from one to another, both included, in UTC and in their
// order, without those on which nothing happened. portals are those whose sheets are
// added up; none: all.
func (r *Reader) Between(ctx context.Context, from, to time.Time, portals []string) ([]bridge.Day, error) {
	var days []bridge.Day
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
func addDay(days []bridge.Day, name string, paper []byte) ([]bridge.Day, error) {
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
		days = append(days, bridge.Day{At: at})
	}
	days[len(days)-1].Add(k.Sheet)
	return days, nil
}
