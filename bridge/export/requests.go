package export

import (
	"context"
	"iter"
	"slices"
	"strings"

	"keybridge/bridge"
)

// perPage is how many requests are read at once, and so how many are in memory.
const perPage = 200

// Each returns the requests that fit a filter, read by pages of a list, such as
// bridge.Desk.List. The filter's own Limit is not looked at. An error is the last of
// the sequence.
func Each(ctx context.Context, list func(context.Context, bridge.Filter) (bridge.Page, error), f bridge.Filter) iter.Seq2[bridge.Request, error] {
	return func(yield func(bridge.Request, error) bool) {
		for f.Limit = perPage; ; {
			page, err := list(ctx, f)
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(bridge.Request{}, err)
				return
			}
			for _, r := range page.Requests {
				if !yield(r, nil) {
					return
				}
			}
			if f.After = page.Next; f.After == "" {
				return
			}
		}
	}
}

// column is a column of requests.
type column struct {
	bridge.Column
	cell func(bridge.Request) bridge.Cell
}

// columns are what finance wants to know of a request.
var columns = []column{
	text("Request", 29, func(r bridge.Request) string { return string(r.ID) }),
	text("Portal", 14, func(r bridge.Request) string { return r.Portal }),
	text("Key request", 29, func(r bridge.Request) string { return r.Key }),
	text("State", 16, func(r bridge.Request) string { return string(r.State()) }),
	text("Plan", 20, func(r bridge.Request) string { return r.Terms.Plan }),
	{bridge.Column{Title: "Amount", Width: 12}, func(r bridge.Request) bridge.Cell { return bridge.Cell{Amount: total(r)} }},
	text("Currency", 9, func(r bridge.Request) string { return total(r).Currency }),
	text("Interval", 14, intervals),
	{bridge.Column{Title: "Collected", Width: 12}, func(r bridge.Request) bridge.Cell { return bridge.Cell{Amount: r.Payment.Collected} }},
	{bridge.Column{Title: "Returned", Width: 12}, func(r bridge.Request) bridge.Cell { return bridge.Cell{Amount: r.Payment.Returned} }},
	text("Paid in", 9, func(r bridge.Request) string { return r.Payment.Collected.Currency }),
	text("Applicant", 24, func(r bridge.Request) string { return r.Applicant.Name }),
	text("E-mail", 28, func(r bridge.Request) string { return r.Applicant.Email }),
	text("Organisation", 24, func(r bridge.Request) string { return r.Applicant.Organisation }),
	text("App", 20, func(r bridge.Request) string { return r.Applicant.App }),
	{bridge.Column{Title: "Created (UTC)", Width: 20}, func(r bridge.Request) bridge.Cell { return bridge.Cell{At: r.Created} }},
	text("Verdict", 10, func(r bridge.Request) string { return string(r.Verdict.Outcome) }),
	{bridge.Column{Title: "Decided (UTC)", Width: 20}, func(r bridge.Request) bridge.Cell { return bridge.Cell{At: decided(r).At} }},
	text("Decided by", 18, func(r bridge.Request) string { return by(decided(r)) }),
	text("Why", 30, func(r bridge.Request) string { return decided(r).Why }),
	{bridge.Column{Title: "Granted (UTC)", Width: 20}, func(r bridge.Request) bridge.Cell { return bridge.Cell{At: r.Access.Granted} }},
	{bridge.Column{Title: "Ended (UTC)", Width: 20}, func(r bridge.Request) bridge.Cell { return bridge.Cell{At: r.Ended.At} }},
	text("Ended by", 18, func(r bridge.Request) string { return by(r.Ended) }),
	text("Assigned to", 14, func(r bridge.Request) string { return r.Assigned }),
	text("Provider", 10, func(r bridge.Request) string { return r.Terms.Provider }),
	refs("Session", bridge.RefSession),
	refs("Intent", bridge.RefIntent),
	refs("Charge", bridge.RefCharge),
	refs("Invoice", bridge.RefInvoice),
	refs("Subscription", bridge.RefSubscription),
}

// Requests makes a table of requests.
func Requests(all iter.Seq2[bridge.Request, error]) bridge.Table {
	t := bridge.Table{Name: "Requests"}
	for _, c := range columns {
		t.Columns = append(t.Columns, c.Column)
	}
	t.Rows = func(yield func([]bridge.Cell, error) bool) {
		cells := make([]bridge.Cell, len(columns))
		for r, err := range all {
			for i, c := range columns {
				cells[i] = c.cell(r)
			}
			if !yield(cells, err) || err != nil {
				return
			}
		}
	}
	return t
}

func text(title string, width float64, of func(bridge.Request) string) column {
	return column{bridge.Column{Title: title, Width: width}, func(r bridge.Request) bridge.Cell { return bridge.Cell{Text: of(r)} }}
}

// refs is a column of the provider's ids of a kind, oldest first.
func refs(title string, kind bridge.RefKind) column {
	return text(title, 30, func(r bridge.Request) string {
		var ids []string
		for _, ref := range r.Refs {
			if ref.Kind == kind {
				ids = append(ids, ref.ID)
			}
		}
		return strings.Join(ids, " ")
	})
}

// total is what the first payment comes to; without a currency where that is not one
// amount, or where there is nothing to pay.
func total(r bridge.Request) bridge.Amount {
	total, _ := r.Terms.Total()
	return total
}

// intervals say how often the prices recur, each once.
func intervals(r bridge.Request) string {
	var all []string
	for _, line := range r.Terms.Lines {
		if text := line.Interval.String(); !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	return strings.Join(all, " + ")
}

// decided is the verdict's mark; the zero one while it is open.
func decided(r bridge.Request) bridge.Mark {
	if r.Verdict.Outcome == bridge.Open {
		return bridge.Mark{}
	}
	return r.Verdict.Mark
}

// by names who did something; empty when nobody did.
func by(m bridge.Mark) string {
	if m.By == (bridge.Actor{}) {
		return ""
	}
	return m.By.String()
}
