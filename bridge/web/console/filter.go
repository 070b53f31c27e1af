package console

import (
	"net/url"
	"slices"
	"time"

	"keybridge/bridge"
	"keybridge/bridge/web"
)

// The queue's filter is its address: the fields of web.Filter, and the places of the
// pages that were walked to.
const (
	// fieldAt is once for each page walked to so far: the places where they begin.
	fieldAt    = "at"
	mostPlaces = 20
	perPage    = 50
)

// known returns what a query has of the filter and the places, without what is too much.
func known(query url.Values) url.Values {
	out := web.KnownFields(query)
	for _, place := range query[fieldAt] {
		if place != "" && len(place) <= web.LongestField {
			out.Add(fieldAt, place)
		}
	}
	if at := out[fieldAt]; len(at) > mostPlaces {
		out[fieldAt] = at[len(at)-mostPlaces:]
	}
	return out
}

// filter is the filter of somebody's queue, and where in it they are.
type filter struct {
	web.Filter
	// places are where the pages begin that were walked to, the last one's last.
	places []string
}

// readFilter reads the filter of somebody's queue.
func readFilter(query url.Values, p bridge.Person, now time.Time) filter {
	f := filter{Filter: web.ReadFilter(query, p, now), places: known(query)[fieldAt]}
	f.Asks.Limit = perPage
	if n := len(f.places); n > 0 {
		f.Asks.After = f.places[n-1]
	}
	return f
}

// address is the queue with this filter, at other places.
func (f *filter) address(at []string) string {
	query := url.Values{}
	for name, values := range f.Query {
		query[name] = values
	}
	if len(at) > 0 {
		query[fieldAt] = at
	}
	if len(query) == 0 {
		return queuePath
	}
	return queuePath + "?" + query.Encode()
}

// onwards is the page after this one, back the one before. walked says whether there is
// one before.
func (f *filter) onwards(next string) string {
	at := append(slices.Clone(f.places), next)
	return f.address(at[max(0, len(at)-mostPlaces):])
}

func (f *filter) back() (address string, walked bool) {
	if len(f.places) == 0 {
		return "", false
	}
	return f.address(f.places[:len(f.places)-1]), true
}
