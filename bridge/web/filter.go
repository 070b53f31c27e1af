package web

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"keybridge/bridge"
)

// The fields by which a list of requests is filtered, as the console's form, its
// addresses, exports and the API send them. All that are set have to fit.
const (
	// FieldShow is which part of the requests: ShowWaits, ShowAttention or ShowAll. What
	// is anything else, or missing, is ShowWaits.
	FieldShow = "show"
	// FieldState is one of bridge.States, FieldPortal the configured name of a portal, and
	// FieldPlan that of a plan.
	FieldState  = "state"
	FieldPortal = "portal"
	FieldPlan   = "plan"
	// FieldCurrency is three letters, FieldLeast and FieldMost bound the price in it, as
	// ParseAmount reads one. They cannot be given without the currency.
	FieldCurrency = "currency"
	FieldLeast    = "least"
	FieldMost     = "most"
	// FieldAge is how many days ago a request came at the latest: 1 to 36500.
	FieldAge = "age"
	// FieldAssigned is who looks after a request: "me", or "to " and a name, so that
	// somebody may be called me.
	FieldAssigned = "assigned"
	// FieldWords are words, each of which has to be in the request, or begin a word that is.
	FieldWords = "q"
)

// FilterFields lists every field, in the order of the form.
var FilterFields = []string{
	FieldShow, FieldState, FieldPortal, FieldPlan, FieldCurrency, FieldLeast, FieldMost, FieldAge, FieldAssigned, FieldWords,
}

// What a list shows.
const (
	// ShowWaits: what waits for a person, ShowAttention: what needs attention; both the
	// oldest first.
	ShowWaits     = "waits"
	ShowAttention = "attention"
	// ShowAll: everything, the newest first.
	ShowAll = "all"
)

// The bounds of a filter: bytes of a field, and days.
const (
	LongestField = 200
	oldest       = 36500
)

// Filter is which requests a query asks for.
type Filter struct {
	// Query is what the query has of the filter; see KnownFields. Its Encode is an address
	// that asks for the same again.
	Query url.Values
	// Asks chooses the requests. It is not to be used while there are Problems, and says
	// neither where a page begins nor how long it is.
	Asks bridge.Filter
	// Problems say, by field and in words for people, what cannot be understood.
	Problems map[string]string
}

// KnownFields returns what a query has of the filter: each field once, without what is
// empty or too long.
func KnownFields(query url.Values) url.Values {
	known := url.Values{}
	for _, name := range FilterFields {
		fits := func(value string) bool { return value != "" && len(value) <= LongestField }
		if i := slices.IndexFunc(query[name], fits); i >= 0 {
			known.Set(name, query[name][i])
		}
	}
	return known
}

// ReadFilter reads what a query asks for when a person sends it at a time: assigned=me is
// what they look after. Whether they may see it is for their bridge.Desk to say.
func ReadFilter(query url.Values, p bridge.Person, now time.Time) Filter {
	f := Filter{Query: KnownFields(query), Problems: map[string]string{}}
	f.Asks = bridge.Filter{State: bridge.State(f.Get(FieldState)), Portal: f.Get(FieldPortal), Words: bridge.WholeWords(f.Get(FieldWords))}
	if f.Get(FieldWords) != "" && len(f.Asks.Words) == 0 {
		f.Problems[FieldWords] = "A search takes a word of two letters or more."
	}
	if f.Asks.State != "" && !slices.Contains(bridge.States, f.Asks.State) {
		f.Problems[FieldState] = "There is no such state."
	}
	switch f.Show() {
	case ShowWaits:
		f.Asks.Oldest = true
		f.tag(bridge.TagWaits)
	case ShowAttention:
		f.Asks.Oldest = true
		f.tag(bridge.TagAttention)
	}
	if plan := f.Get(FieldPlan); plan != "" {
		f.tag(bridge.TagPlan(plan))
	}
	switch to := f.Get(FieldAssigned); to {
	case "":
	case "me":
		f.tag(bridge.TagAssigned(p.Name))
	default:
		f.tag(bridge.TagAssigned(strings.TrimPrefix(to, "to ")))
	}
	f.readAmounts()
	f.readAge(now)
	return f
}

// Get returns a field's value, empty where it has none.
func (f Filter) Get(name string) string { return f.Query.Get(name) }

// Show is which part of the requests is shown.
func (f Filter) Show() string {
	if show := f.Get(FieldShow); show == ShowAttention || show == ShowAll {
		return show
	}
	return ShowWaits
}

// Refined reports whether anything but the part that is shown narrows the list.
func (f Filter) Refined() bool {
	for name := range f.Query {
		if name != FieldShow {
			return true
		}
	}
	return false
}

func (f *Filter) tag(t bridge.Tag) { f.Asks.Tags = append(f.Asks.Tags, t) }

func (f *Filter) readAmounts() {
	currency := strings.ToUpper(strings.TrimSpace(f.Get(FieldCurrency)))
	least, most := f.Get(FieldLeast), f.Get(FieldMost)
	switch {
	case currency == "" && least == "" && most == "":
		return
	case currency == "":
		f.Problems[FieldCurrency] = "Say in which currency. Amounts of different ones are not compared."
		return
	case len(currency) != 3 || strings.Trim(currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "":
		f.Problems[FieldCurrency] = "A currency is three letters, such as EUR."
		return
	}
	f.tag(bridge.TagCurrency(currency))
	f.readAmount(FieldLeast, currency, &f.Asks.Least)
	f.readAmount(FieldMost, currency, &f.Asks.Most)
}

func (f *Filter) readAmount(name, currency string, to *bridge.Amount) {
	text := f.Get(name)
	if text == "" {
		return
	}
	a, err := ParseAmount(text, currency)
	if err != nil {
		f.Problems[name] = bridge.Explain(err)
		return
	}
	*to = a
}

func (f *Filter) readAge(now time.Time) {
	text := f.Get(FieldAge)
	if text == "" {
		return
	}
	days, err := strconv.Atoi(text)
	if err != nil || days < 1 || days > oldest {
		f.Problems[FieldAge] = "An age is a number of days."
		return
	}
	f.Asks.Before = now.AddDate(0, 0, -days)
}
