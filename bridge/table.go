package bridge

import (
	"slices"
	"strings"
	"time"
)

// RulesTable returns the rules as a Markdown table for operators: for each verdict
// and payment, the access and the payment that are wanted. Every cell is what Want
// answers about a request that is so; the README holds a copy, and a test compares.
func RulesTable() string {
	var out strings.Builder
	out.WriteString("| the request is | its payment is | access wanted | payment wanted |\n")
	out.WriteString("|---|---|---|---|\n")
	for _, s := range situations {
		for _, row := range s.rows() {
			out.WriteString("| " + s.says + " | " + row.payments() + " | " + string(row.want.Access) + " | " + wantInWords(row.want) + " |\n")
		}
	}
	return out.String()
}

// tableNow is the moment for which the table is made.
var tableNow = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// situation is a request as it may stand, before its payment is looked at.
type situation struct {
	says string
	make func(*Request)
}

var situations = []situation{
	{"open, a review waits", func(r *Request) { r.Steps = []Step{{Kind: Review, State: Waiting}} }},
	{"open, a card validation waits", func(r *Request) { r.Steps = []Step{{Kind: Validation, State: Waiting}} }},
	{"open, a payment waits", func(r *Request) { r.Steps = []Step{{Kind: Paying, State: Waiting}} }},
	{"open, the developer's account deactivated", func(r *Request) {
		r.Steps, r.Access.Inactive = []Step{{Kind: Paying, State: Waiting}}, tableNow
	}},
	{"approved, and never had access yet", func(r *Request) { r.Verdict.Outcome = Approve }},
	{"approved", granted},
	{"approved, suspended by the portal's admin", func(r *Request) { granted(r); r.Access.Stopped.At = tableNow }},
	{"approved, the developer's account deactivated", func(r *Request) { granted(r); r.Access.Inactive = tableNow }},
	{"declined", func(r *Request) { r.Verdict.Outcome = Decline }},
	{"ended: its key is gone", func(r *Request) { granted(r); r.Ended.At = tableNow }},
}

func granted(r *Request) {
	r.Verdict.Outcome = Approve
	r.Access.Have, r.Access.Granted = Granted, tableNow
}

// payments are how a payment may stand, with the terms where those decide.
var payments = []situation{
	{"not asked for", func(*Request) {}},
	{"to be made", func(r *Request) { r.Payment.Have = PaymentOpen }},
	{"on its way", func(r *Request) { r.Payment.Have = Processing }},
	{"held", func(r *Request) { r.Payment.Have = Held }},
	{"paid", func(r *Request) { r.Payment.Have = Paid }},
	{"in a trial", func(r *Request) { r.Payment.Have = Trialing }},
	{"invoiced", func(r *Request) { r.Payment.Have = Invoiced }},
	{"overdue, within grace", func(r *Request) { overdueFor(r, time.Hour-1) }},
	{"overdue, past grace", func(r *Request) { overdueFor(r, time.Hour) }},
	{"disputed, terms say keep", func(r *Request) { r.Payment.Have, r.Terms.Disputed = Disputed, Keep }},
	{"disputed, terms say suspend or nothing", func(r *Request) { r.Payment.Have = Disputed }},
	{"disputed, terms say revoke", func(r *Request) { r.Payment.Have, r.Terms.Disputed = Disputed, Revoke }},
	{"refunded in full, terms say keep", func(r *Request) { r.Payment.Have, r.Terms.Refunded = Refunded, Keep }},
	{"refunded in full, terms say suspend", func(r *Request) { r.Payment.Have, r.Terms.Refunded = Refunded, Suspend }},
	{"refunded in full, terms say revoke or nothing", func(r *Request) { r.Payment.Have = Refunded }},
	{"subscription ended, within the time paid for", func(r *Request) { r.Payment.Have, r.Payment.PaidUntil = PaymentEnded, tableNow.Add(1) }},
	{"subscription ended, the time paid for is over", func(r *Request) { r.Payment.Have, r.Payment.PaidUntil = PaymentEnded, tableNow }},
}

func overdueFor(r *Request, d time.Duration) {
	r.Terms.Grace = time.Hour
	r.Payment.Have, r.Payment.OverdueSince = Overdue, tableNow.Add(-d)
}

// row is all payments for which the same is wanted.
type row struct {
	want Want
	says []string
}

func (s situation) rows() []row {
	var rows []row
	for _, p := range payments {
		r := Request{Access: Access{Have: Pending}, Verdict: Verdict{Outcome: Open}}
		s.make(&r)
		p.make(&r)
		want := r.Want(tableNow)
		i := slices.IndexFunc(rows, func(row row) bool { return row.want == want })
		if i < 0 {
			i = len(rows)
			rows = append(rows, row{want: want})
		}
		rows[i].says = append(rows[i].says, p.says)
	}
	return rows
}

func (r row) payments() string {
	if len(r.says) == len(payments) {
		return "any"
	}
	return strings.Join(r.says, " · ")
}

// wantInWords says what becomes of the payment.
func wantInWords(w Want) string {
	switch w.Payment {
	case WantOpen:
		return "a checkout for the " + string(w.For)
	case WantSettled:
		return "taken if it is held; what is paid stays"
	case WantReturned:
		return "none: what is open, held, owed or paid is expired, voided, cancelled or refunded"
	case WantCancelled:
		return "no further one; what was paid stays"
	}
	return "no checkout"
}
