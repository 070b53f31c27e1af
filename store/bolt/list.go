package bolt

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"keybridge/bridge"
)

// The bounds of a page, and of what a filter can ask for.
const (
	pageDefault = 100
	pageMax     = 1000
	countMax    = 10_000
	filterTags  = 50
	filterWords = 20
	filterNames = 1000
)

// query is a filter that can be answered.
type query struct {
	filter bridge.Filter
	limit  int
	order  order
	// tags and words are all that have to be there.
	tags  []bridge.Tag
	words []string
	// bare: the records are not needed.
	bare    bool
	limits  limits
	decoded *decoded
}

// limits are how far one walk goes.
type limits struct {
	steps int
	time  time.Duration
}

// List returns a page of requests, the newest or the oldest first; see bridge.Store.
// Their order is that of their ids. The cursor is the id of the last request that was
// looked at, so that requests that come in meanwhile move nothing. A page is shorter
// than its limit, or empty, and has a Next, where a walk of 30 ms or 20,000 steps found
// no more; never where one index answers it all (one state, tag or applicant, say).
//
// Invalid for a filter that cannot be answered, and for a beginning that too many words
// have. A damaged record is an error and never left out in silence.
func (s *Store) List(ctx context.Context, f bridge.Filter) (bridge.Page, error) {
	q, err := s.query(f)
	if err != nil {
		return bridge.Page{}, err
	}
	var found [][2][]byte
	var page bridge.Page
	err = s.view(ctx, func(tx *bbolt.Tx) error {
		next, err := q.run(tx, q.limit, func(id, record []byte) {
			found = append(found, [2][]byte{bytes.Clone(id), bytes.Clone(record)})
		})
		page.Next = string(next)
		return err
	})
	if err != nil {
		return bridge.Page{}, err
	}
	for _, f := range found {
		r, err := openRequest(f[0], f[1])
		if err != nil {
			return bridge.Page{}, err
		}
		page.Requests = append(page.Requests, r)
	}
	return page, nil
}

// Count returns how many requests fit a filter, up to most (1 to 10,000; Invalid
// otherwise); more is set where there are more, or may be, because the walk was as long
// as that of a page may be. After, Limit and Oldest make no difference.
func (s *Store) Count(ctx context.Context, f bridge.Filter, most int) (n int, more bool, err error) {
	f.After = ""
	q, err := s.query(f)
	switch {
	case err != nil:
		return 0, false, err
	case most < 1 || most > countMax:
		return 0, false, errInvalid("count: up to 1 to %d", countMax)
	}
	q.bare = true
	err = s.view(ctx, func(tx *bbolt.Tx) error {
		next, err := q.run(tx, most, func(_, _ []byte) { n++ })
		more = next != nil
		return err
	})
	if err != nil {
		return 0, false, err
	}
	return n, more, nil
}

// query checks a filter.
func (s *Store) query(f bridge.Filter) (query, error) {
	q := query{filter: f, limit: f.Limit, order: order(f.Oldest), limits: s.limits, decoded: &s.decoded}
	for _, bad := range []struct {
		is  bool
		why string
	}{
		{f.Limit < 0 || f.Limit > pageMax, "the limit is 1 to 1000"},
		{f.Applicant != "" && f.Portal == "", "an applicant needs a portal"},
		{f.After != "" && len(f.After) != idLen, "the place is none in a list"},
		{len(f.Tags) > filterTags || len(f.Words) > filterWords || len(f.Portals) > filterNames, "too much is asked for at once"},
		{f.Least.Currency == "" && f.Least.Minor != 0 || f.Most.Currency == "" && f.Most.Minor != 0, "an amount needs a currency"},
	} {
		if bad.is {
			return query{}, errInvalid("list: %s", bad.why)
		}
	}
	if q.limit == 0 {
		q.limit = pageDefault
	}
	var err error
	q.words, err = wordsOf(f.Words)
	q.tags = tagsOf(f)
	return q, err
}

// tagsOf are the tags that a filter's members stand for.
func tagsOf(f bridge.Filter) []bridge.Tag {
	tags := append([]bridge.Tag(nil), f.Tags...)
	if f.State != "" {
		tags = append(tags, bridge.TagState(f.State))
	}
	if f.Portal != "" && f.Applicant == "" { // the index of applicants names the portal
		tags = append(tags, bridge.TagPortal(f.Portal))
	}
	for _, a := range []bridge.Amount{f.Least, f.Most} {
		if a.Currency != "" {
			tags = append(tags, bridge.TagCurrency(a.Currency))
		}
	}
	return tags
}

// run walks; see walk.run.
func (q query) run(tx *bbolt.Tx, most int, hit func(id, record []byte)) (next []byte, err error) {
	w := &walk{query: q, tx: tx}
	if q.filter.After != "" {
		w.last = []byte(q.filter.After)
	}
	if !w.within() {
		return nil, nil
	}
	if w.all, err = q.indexes(tx); err != nil {
		return nil, err
	}
	return w.run(most, hit)
}

// indexes are what a query walks over: what is asked for, else the schedule, which is
// small and has every request.
func (q query) indexes(tx *bbolt.Tx) ([]ids, error) {
	var all []ids
	f := q.filter
	if f.Applicant != "" {
		all = append(all, newPosting(tx, bucketApplicant, key(f.Portal, f.Applicant), q.order))
	}
	tagged := &tagIndex{tx: tx, decoded: q.decoded, order: q.order}
	for _, tag := range q.tags {
		all = append(all, tagged.of(tag))
	}
	if f.Portal == "" && len(f.Portals) > 0 {
		portals := union{order: q.order}
		for _, name := range f.Portals {
			portals.any = append(portals.any, tagged.of(bridge.TagPortal(name)))
		}
		all = append(all, portals)
	}
	for _, word := range q.words {
		found, err := tagged.beginning(word)
		if err != nil {
			return nil, err
		}
		all = append(all, found)
	}
	if len(all) == 0 {
		all = append(all, newPosting(tx, bucketSchedule, nil, q.order))
	}
	return all, nil
}

// picky reports whether a request's record has to be looked at.
func (q query) picky() bool {
	f := q.filter
	return f.Least.Currency != "" || f.Most.Currency != "" || !f.From.IsZero() || !f.Before.IsZero()
}

// fits looks at what no index says.
func (q query) fits(r bridge.Request) bool {
	f := q.filter
	total, _ := r.Terms.Total()
	switch {
	case f.Least.Currency != "" && (total.Currency != f.Least.Currency || total.Minor < f.Least.Minor),
		f.Most.Currency != "" && (total.Currency != f.Most.Currency || total.Minor > f.Most.Minor),
		!f.From.IsZero() && r.Created.Before(f.From),
		!f.Before.IsZero() && !r.Created.Before(f.Before):
		return false
	}
	return true
}

// wordsOf are the words to look for, each once.
func wordsOf(asked []string) ([]string, error) {
	var words []string
	for _, field := range strings.Fields(strings.Join(asked, " ")) {
		whole := bridge.WholeWords(field)
		if len(whole) == 0 {
			return nil, &bridge.Error{Kind: bridge.Invalid, Msg: "One of the words is too short to be looked for. Type more of it."}
		}
		words = append(words, whole...)
	}
	slices.Sort(words)
	return slices.Compact(words), nil
}
