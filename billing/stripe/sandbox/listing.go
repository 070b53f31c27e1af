package sandbox

// page answers one page of a list the way Stripe pages: newest first, from a
// cursor, with has_more. Source: https://stripe.com/docs/api/pagination
func page[T record](t *turn, s *shelf[T], way walk, keep func(T) bool) (object, *problem) {
	rows, more, wrong := turnOver(t, s, way, keep, pageSize(t))
	if wrong != nil {
		return nil, wrong
	}
	data := make([]any, len(rows))
	for i, row := range rows {
		data[i] = row.render(t.ledger)
	}
	return object{"object": "list", "data": data, "has_more": more, "url": t.url}, nil
}

// pageSize is the limit of a list, 10 where none is given.
func pageSize(t *turn) int {
	if limit := int(t.in.whole("limit")); limit > 0 {
		return limit
	}
	return 10
}

// turnOver finds the rows of one page, and whether there are more behind it.
func turnOver[T entry](t *turn, s *shelf[T], way walk, keep func(T) bool, limit int) ([]T, bool, *problem) {
	created, bounded := t.in.span("created")
	fits := func(row T) bool { return (!bounded || created.holds(row.made())) && keep(row) }
	if before := t.in.text("ending_before"); before != "" {
		if t.in.has("starting_after") {
			return nil, false, invalid("", "ending_before", "You may only specify one of these parameters: ending_before, starting_after.")
		}
		at, ok := s.at[before]
		if !ok {
			return nil, false, missing("object", before, "ending_before", 400)
		}
		rows, more := newer(s, way, way.before(at+1), fits, limit)
		return rows, more, nil
	}
	from := way.length - 1
	if after := t.in.text("starting_after"); after != "" {
		at, ok := s.at[after]
		if !ok {
			return nil, false, missing("object", after, "starting_after", 400)
		}
		from = way.before(at) - 1
	}
	var rows []T
	for i := from; i >= 0; i-- {
		row := s.rows[way.row(i)]
		if bounded && created.endedBy(row.made()) {
			break // whatever is left is older still
		}
		if !fits(row) {
			continue
		}
		if len(rows) == limit {
			return rows, true, nil
		}
		rows = append(rows, row)
	}
	return rows, false, nil
}

// newer walks towards the present from a step and gives what it found newest
// first, as a page does.
func newer[T entry](s *shelf[T], way walk, from int, fits func(T) bool, limit int) ([]T, bool) {
	var rows []T
	more := false
	for i := from; i < way.length; i++ {
		row := s.rows[way.row(i)]
		if !fits(row) {
			continue
		}
		if len(rows) == limit {
			more = true
			break
		}
		rows = append([]T{row}, rows...)
	}
	return rows, more
}
