package api

import (
	"time"

	"keybridge/bridge"
	"keybridge/bridge/web"
)

// money is an amount: in digits with a point, and in the smallest unit of its currency.
type money struct {
	Amount   string `json:"amount"`
	Currency string `json:"currency"`
	Minor    int64  `json:"minor"`
}

func moneyOf(a bridge.Amount) *money {
	if a.Currency == "" {
		return nil
	}
	return &money{web.PlainAmount(a), a.Currency, a.Minor}
}

// mark says when something came to be, by whom and why.
type mark struct {
	At  time.Time    `json:"at,omitzero"`
	By  bridge.Actor `json:"by,omitzero"`
	Why string       `json:"why,omitempty"`
}

func markOf(m bridge.Mark) *mark {
	if m == (bridge.Mark{}) {
		return nil
	}
	return &mark{m.At.UTC(), m.By, m.Why}
}

// summary is a request as lists have it.
type summary struct {
	ID      bridge.ID    `json:"id"`
	Self    string       `json:"self"`
	Edition string       `json:"edition"`
	State   bridge.State `json:"state"`
	// Stage is where it stands, whether or not it needs attention.
	Stage     bridge.State     `json:"stage"`
	Verdict   bridge.Outcome   `json:"verdict"`
	Waits     bool             `json:"waits"`
	Attention bool             `json:"attention"`
	Portal    string           `json:"portal"`
	Key       string           `json:"key"`
	Created   time.Time        `json:"created"`
	Updated   time.Time        `json:"updated"`
	Plan      string           `json:"plan,omitempty"`
	Total     *money           `json:"total,omitempty"`
	Assigned  string           `json:"assigned,omitempty"`
	Asks      bool             `json:"question_waits"`
	Applicant bridge.Applicant `json:"applicant"`
	Asked     asked            `json:"asked"`
}

type asked struct {
	Policies []string          `json:"policies,omitempty"`
	Plan     string            `json:"portal_plan,omitempty"`
	Entry    string            `json:"entry,omitempty"`
	Reasons  map[string]string `json:"reasons,omitempty"`
	At       time.Time         `json:"at,omitzero"`
}

func summaryOf(r bridge.Request) summary {
	_, asks := r.Unanswered()
	v := summary{
		ID: r.ID, Self: Base + "/requests/" + string(r.ID), Edition: r.Edition(), State: r.State(), Stage: r.Stage(),
		Verdict: r.Verdict.Outcome, Waits: r.Waits(), Attention: r.Work.Attention, Portal: r.Portal, Key: r.Key,
		Created: r.Created.UTC(), Updated: r.Updated.UTC(), Plan: r.Terms.Plan, Assigned: r.Assigned, Applicant: r.Applicant,
		Asks:  asks && r.Verdict.Outcome == bridge.Open,
		Asked: asked{r.Asked.Policies, r.Asked.Plan, r.Asked.Entry, r.Asked.Reasons, r.Asked.At.UTC()},
	}
	if total, known := r.Terms.Total(); known {
		v.Total = moneyOf(total)
	}
	return v
}

// request is everything that is known of one.
type request struct {
	summary
	Prices []price `json:"prices,omitempty"`
	// Second is the amount above which it takes two persons; Seconded who approved while it
	// waits for the second.
	Second    *money        `json:"two_persons_above,omitempty"`
	Seconded  []*mark       `json:"seconded,omitempty"`
	Why       string        `json:"review_because,omitempty"`
	Steps     []stepView    `json:"steps,omitempty"`
	Decided   *mark         `json:"decided,omitempty"`
	Access    accessView    `json:"access"`
	Payment   paymentView   `json:"payment"`
	Waived    *mark         `json:"waived,omitempty"`
	Ended     *mark         `json:"ended,omitempty"`
	Maker     *bridge.Actor `json:"maker,omitempty"`
	Notes     []noteView    `json:"notes,omitempty"`
	Told      []toldView    `json:"told,omitempty"`
	Refs      []bridge.Ref  `json:"refs,omitempty"`
	Forgotten time.Time     `json:"forgotten,omitzero"`
	Work      workView      `json:"work"`
}

type price struct {
	Name   string `json:"name,omitempty"`
	Amount *money `json:"amount,omitempty"`
	// Every is how often it is paid: "once", "every month".
	Every string `json:"every"`
}

type stepView struct {
	Kind  bridge.StepKind  `json:"kind"`
	State bridge.StepState `json:"state"`
	Mark  *mark            `json:"mark,omitempty"`
}

type accessView struct {
	Have     bridge.AccessState `json:"have"`
	Want     bridge.AccessState `json:"want"`
	Granted  time.Time          `json:"granted,omitzero"`
	Stopped  *mark              `json:"stopped,omitempty"`
	Missing  time.Time          `json:"missing,omitzero"`
	Inactive time.Time          `json:"inactive,omitzero"`
}

type paymentView struct {
	Have         bridge.PaymentState `json:"have"`
	Want         bridge.PaymentWant  `json:"want"`
	Provider     string              `json:"provider,omitempty"`
	Collected    *money              `json:"collected,omitempty"`
	Returned     *money              `json:"returned,omitempty"`
	Refund       *refundView         `json:"refund,omitempty"`
	Subscribed   bool                `json:"subscribed"`
	PaidUntil    time.Time           `json:"paid_until,omitzero"`
	OverdueSince time.Time           `json:"overdue_since,omitzero"`
	CancelsAt    time.Time           `json:"cancels_at,omitzero"`
	Why          string              `json:"why,omitempty"`
}

// refundView is a refund that was decided and is not done yet: what is to have gone back
// in all.
type refundView struct {
	Amount *money `json:"returned_in_all"`
	Mark   *mark  `json:"mark,omitempty"`
}

type noteView struct {
	Kind bridge.NoteKind `json:"kind"`
	At   time.Time       `json:"at"`
	By   bridge.Actor    `json:"by"`
	Text string          `json:"text"`
}

type toldView struct {
	Kind   bridge.MessageKind `json:"kind"`
	For    bridge.StepKind    `json:"for,omitempty"`
	At     time.Time          `json:"at"`
	Unsent bool               `json:"unsent"`
}

// workView is what the worker does and has noted for itself.
type workView struct {
	Next     string    `json:"next_action,omitempty"`
	Due      time.Time `json:"due,omitzero"`
	Failures int       `json:"failures"`
	Doing    string    `json:"doing,omitempty"`
	Error    string    `json:"error,omitempty"`
	ErrorAt  time.Time `json:"error_at,omitzero"`
}

// requestOf returns a request as programs see it at a time.
func requestOf(r bridge.Request, now time.Time) request {
	want, p := r.Want(now), r.Payment
	v := request{
		summary: summaryOf(r), Prices: pricesOf(r.Terms.Lines), Second: moneyOf(r.Terms.Second), Why: r.Terms.Why,
		Decided: markOf(r.Verdict.Mark), Waived: markOf(r.Waived), Ended: markOf(r.Ended), Refs: r.Refs, Forgotten: r.Forgotten.UTC(),
		Access: accessView{r.Access.Have, want.Access, r.Access.Granted.UTC(), markOf(r.Access.Stopped), r.Access.Missing.UTC(), r.Access.Inactive.UTC()},
		Payment: paymentView{
			Have: p.Have, Want: want.Payment, Provider: r.Terms.Provider, Collected: moneyOf(p.Collected), Returned: moneyOf(p.Returned),
			Subscribed: p.Subscribed, PaidUntil: p.PaidUntil.UTC(), OverdueSince: p.OverdueSince.UTC(), CancelsAt: p.CancelsAt.UTC(), Why: p.Why,
		},
		Work: workView{Due: r.Work.Next.UTC(), Failures: r.Work.Failures, Doing: r.Work.Doing, Error: r.Work.Error, ErrorAt: r.Work.ErrorAt.UTC()},
	}
	if p.Refund.Amount.Minor > 0 {
		v.Payment.Refund = &refundView{moneyOf(p.Refund.Amount), markOf(p.Refund.Mark)}
	}
	if r.Maker != (bridge.Actor{}) {
		v.Maker = &r.Maker
	}
	if act, due := bridge.Next(r, now); due {
		v.Work.Next = act.String()
	}
	v.lists(r)
	return v
}

// lists fills in what there may be several of.
func (v *request) lists(r bridge.Request) {
	for _, m := range r.Seconded {
		v.Seconded = append(v.Seconded, markOf(m))
	}
	for _, s := range r.Steps {
		v.Steps = append(v.Steps, stepView{s.Kind, s.State, markOf(s.Mark)})
	}
	for _, n := range r.Notes {
		v.Notes = append(v.Notes, noteView{n.Kind, n.At.UTC(), n.By, n.Text})
	}
	for _, t := range r.Told {
		v.Told = append(v.Told, toldView{t.Kind, t.For, t.At.UTC(), t.Unsent})
	}
}

func pricesOf(lines []bridge.Price) (all []price) {
	for _, l := range lines {
		all = append(all, price{l.Name, moneyOf(l.Amount), l.Interval.String()})
	}
	return all
}

// entry is a line of a history, or of the house's own.
type entry struct {
	Request bridge.ID    `json:"request,omitempty"`
	Seq     uint64       `json:"seq"`
	At      time.Time    `json:"at"`
	Actor   bridge.Actor `json:"actor"`
	What    bridge.What  `json:"what"`
	Before  string       `json:"before,omitempty"`
	After   string       `json:"after,omitempty"`
	Why     string       `json:"why,omitempty"`
	Prev    string       `json:"prev,omitempty"`
	Hash    string       `json:"hash"`
}

func entryOf(e bridge.Entry) entry {
	return entry{e.Request, e.Seq, e.At.UTC(), e.Actor, e.What, e.Before, e.After, e.Why, e.Prev, e.Hash}
}
