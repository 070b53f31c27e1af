package console

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"keybridge/bridge"
)

// The queue's filter is its address: names of fields, as the form sends them.
const (
	fieldShow     = "show" // waits, attention, all
	fieldState    = "state"
	fieldPortal   = "portal"
	fieldPlan     = "plan"
	fieldCurrency = "currency"
	fieldLeast    = "least"
	fieldMost     = "most"
	fieldAge      = "age" // days
	fieldAssigned = "assigned"
	fieldWords    = "q"
	// fieldAt is once for each page walked to so far: the places where they begin.
	fieldAt = "at"
)

var fields = []string{
	fieldShow, fieldState, fieldPortal, fieldPlan, fieldCurrency, fieldLeast, fieldMost, fieldAge, fieldAssigned, fieldWords, fieldAt,
}

// The bounds of a filter.
const (
	longestField = 200
	mostPlaces   = 20
	perPage      = 50
)

// What the queue shows.
const (
	showWaits     = "waits"
	showAttention = "attention"
	showAll       = "all"
)

// known returns what a query has of the filter, without what is empty, too long, or too
// much.
func known(query url.Values) url.Values {
	out := url.Values{}
	for _, name := range fields {
		for _, value := range query[name] {
			if value != "" && len(value) <= longestField && (name == fieldAt || out[name] == nil) {
				out.Add(name, value)
			}
		}
	}
	if at := out[fieldAt]; len(at) > mostPlaces {
		out[fieldAt] = at[len(at)-mostPlaces:]
	}
	return out
}

// filter is what a query asks for. problem says, in words, which field cannot be
// understood and why; the filter is not to be used then.
type filter struct {
	query   url.Values
	asks    bridge.Filter
	problem map[string]string
}

// readFilter reads the filter of somebody's queue.
func readFilter(query url.Values, p bridge.Person, now time.Time) filter {
	f := filter{query: known(query), problem: map[string]string{}}
	f.asks = bridge.Filter{
		State: bridge.State(f.get(fieldState)), Portal: f.get(fieldPortal),
		Words: bridge.Words(f.get(fieldWords)), Limit: perPage, After: f.at(),
	}
	if text := f.get(fieldWords); text != "" && len(f.asks.Words) == 0 {
		f.problem[fieldWords] = "A search takes a word of two letters or more."
	}
	if f.asks.State != "" && !slices.Contains(bridge.States, f.asks.State) {
		f.problem[fieldState] = "There is no such state."
	}
	switch f.show() {
	case showWaits:
		f.asks.Oldest = true
		f.asks.Tags = append(f.asks.Tags, bridge.TagWaits)
	case showAttention:
		f.asks.Oldest = true
		f.asks.Tags = append(f.asks.Tags, bridge.TagAttention)
	}
	if plan := f.get(fieldPlan); plan != "" {
		f.asks.Tags = append(f.asks.Tags, bridge.TagPlan(plan))
	}
	switch to := f.get(fieldAssigned); to {
	case "":
	case "me":
		f.asks.Tags = append(f.asks.Tags, bridge.TagAssigned(p.Name))
	default:
		f.asks.Tags = append(f.asks.Tags, bridge.TagAssigned(strings.TrimPrefix(to, "to ")))
	}
	f.readAmounts()
	f.readAge(now)
	return f
}

func (f *filter) get(name string) string { return f.query.Get(name) }

// show is which of the queue's parts is shown.
func (f *filter) show() string {
	if show := f.get(fieldShow); show == showAttention || show == showAll {
		return show
	}
	return showWaits
}

// at is the place where the page begins.
func (f *filter) at() string {
	if at := f.query[fieldAt]; len(at) > 0 {
		return at[len(at)-1]
	}
	return ""
}

func (f *filter) readAmounts() {
	currency := strings.ToUpper(strings.TrimSpace(f.get(fieldCurrency)))
	least, most := f.get(fieldLeast), f.get(fieldMost)
	switch {
	case currency == "" && least == "" && most == "":
		return
	case currency == "":
		f.problem[fieldCurrency] = "Say in which currency. Amounts of different ones are not compared."
		return
	case len(currency) != 3 || strings.Trim(currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "":
		f.problem[fieldCurrency] = "A currency is three letters, such as EUR."
		return
	}
	f.asks.Tags = append(f.asks.Tags, bridge.TagCurrency(currency))
	for name, to := range map[string]*bridge.Amount{fieldLeast: &f.asks.Least, fieldMost: &f.asks.Most} {
		text := f.get(name)
		if text == "" {
			continue
		}
		a, err := parseAmount(text, currency)
		if err != nil {
			f.problem[name] = bridge.Explain(err)
			continue
		}
		*to = a
	}
}

func (f *filter) readAge(now time.Time) {
	text := f.get(fieldAge)
	if text == "" {
		return
	}
	days, err := strconv.Atoi(text)
	if err != nil || days < 1 || days > 36500 {
		f.problem[fieldAge] = "An age is a number of days."
		return
	}
	f.asks.Before = now.AddDate(0, 0, -days)
}

// refined reports whether anything but the part that is shown narrows the list.
func (f *filter) refined() bool {
	for name := range f.query {
		if name != fieldShow && name != fieldAt {
			return true
		}
	}
	return false
}

// address is the queue with this filter, at other places.
func (f *filter) address(at []string) string {
	query := url.Values{}
	for name, values := range f.query {
		query[name] = values
	}
	delete(query, fieldAt)
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
	at := append(slices.Clone(f.query[fieldAt]), next)
	return f.address(at[max(0, len(at)-mostPlaces):])
}

func (f *filter) back() (address string, walked bool) {
	at := f.query[fieldAt]
	if len(at) == 0 {
		return "", false
	}
	return f.address(at[:len(at)-1]), true
}
