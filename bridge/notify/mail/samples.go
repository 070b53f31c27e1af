package mail

import (
	"time"

	"keybridge/bridge"
)

// Sample is a request that a mail of a kind may be about.
type Sample struct {
	Kind bridge.MessageKind
	// Name says what is special about it. Kind and Name are unique together.
	Name    string
	Request bridge.Request
}

// sampleDay is the day on which all samples happen.
var sampleDay = time.Date(2026, time.March, 14, 12, 0, 0, 0, time.UTC)

// Samples returns the made-up requests that templates are tried out with, in the
// order of bridge.MessageKinds. Everything that a built-in template says, it says on
// one of them.
func Samples() []Sample {
	return []Sample{
		{bridge.TellStart, "subscription", sample()},
		{bridge.TellStart, "card check and review", sample(steps(bridge.Validation, bridge.Review), free)},
		{bridge.TellStart, "held payment, trial, nameless", sample(steps(bridge.Paying, bridge.Review), held, nameless)},
		{bridge.TellStart, "two prices", sample(twoPrices)},
		{bridge.TellReminder, "subscription", sample()},
		{bridge.TellReminder, "card check", sample(steps(bridge.Validation), free)},
		{bridge.TellReminder, "held payment", sample(steps(bridge.Paying, bridge.Review), held)},
		{bridge.TellQuestion, "review", sample(steps(bridge.Review), free, asked)},
		{bridge.TellQuestion, "payment waits", sample(asked)},
		{bridge.TellQuestion, "card check waits", sample(steps(bridge.Validation), free, asked)},
		{bridge.TellApproved, "subscription", sample(active)},
		{bridge.TellApproved, "free plan", sample(free, active, unpaid)},
		{bridge.TellApproved, "trial", sample(active, func(r *bridge.Request) { r.Payment.Have, r.Payment.Collected = bridge.Trialing, bridge.Amount{} })},
		{bridge.TellApproved, "paid once", sample(active, once)},
		{bridge.TellDeclined, "by a person, with a reason", sample(declined(bridge.ByPerson, "This plan is for members only.\nWrite to us if you are one."))},
		{bridge.TellDeclined, "by a person, money back", sample(declined(bridge.ByPerson, ""), refunded)},
		{bridge.TellDeclined, "cancelled", sample(declined(bridge.ByDeveloper, "withdrawn by the developer"))},
		{bridge.TellDeclined, "not paid in time", sample(declined(bridge.ByClock, "the time for the payment is over"))},
		{bridge.TellDeclined, "card not checked in time", sample(steps(bridge.Validation), free, declined(bridge.ByClock, "the time for the validation is over"))},
		{bridge.TellDeclined, "account stayed deactivated", sample(active, inactive, refunded, func(r *bridge.Request) {
			mark := bridge.Mark{At: sampleDay, By: bridge.Actor{Kind: bridge.ByClock}, Why: "the developer's account stayed deactivated"}
			r.Verdict = bridge.Verdict{Outcome: bridge.Decline, Mark: mark}
			r.Access.Have, r.Access.Granted = bridge.Gone, time.Time{}
		})},
		{bridge.TellDeclined, "withdrawn in the portal", sample(declined(bridge.ByPortal, "withdrawn in the portal"))},
		{bridge.TellDeclined, "money went back", sample(declined(bridge.ByProvider, "the money went back before access was granted"), refunded)},
		{bridge.TellSuspended, "overdue", sample(suspended, func(r *bridge.Request) { r.Payment.Have = bridge.Overdue })},
		{bridge.TellSuspended, "disputed", sample(suspended, func(r *bridge.Request) { r.Payment.Have = bridge.Disputed })},
		{bridge.TellSuspended, "refunded", sample(suspended, refunded)},
		{bridge.TellSuspended, "account deactivated", sample(suspended, inactive)},
		{bridge.TellSuspended, "by the portal", sample(suspended, func(r *bridge.Request) { r.Access.Stopped = bridge.Mark{At: sampleDay} })},
		{bridge.TellResumed, "same key", sample(active)},
		{bridge.TellResumed, "new key", sample(active, newKey)},
		{bridge.TellEnded, "subscription over", sample(ended(bridge.ByProvider, bridge.PaymentEnded))},
		{bridge.TellEnded, "refunded", sample(ended(bridge.ByProvider, bridge.Refunded), refunded)},
		{bridge.TellEnded, "disputed", sample(ended(bridge.ByProvider, bridge.Disputed))},
		{bridge.TellEnded, "removed in the portal", sample(ended(bridge.ByPortal, bridge.Paid))},
		{bridge.TellEnded, "by a person", sample(ended(bridge.ByPerson, bridge.PaymentEnded))},
	}
}

// sample is a request for a subscription that waits for its payment, with changes.
func sample(changes ...func(*bridge.Request)) bridge.Request {
	r := bridge.Request{
		ID: "01JPA7Q5WZ0000000000SAMPLE", Portal: "sample", Created: sampleDay, Updated: sampleDay,
		Applicant: bridge.Applicant{ID: "1", Email: "ada@example.com", Name: "Ada Lovelace", Organisation: "Analytical Engines", App: "Weather map"},
		Asked:     bridge.Asked{Reasons: map[string]string{"Purpose": "A map of tomorrow's weather"}, At: sampleDay},
		Terms: bridge.Terms{
			Plan: "Weather Pro", Steps: []bridge.StepKind{bridge.Paying},
			Lines: []bridge.Price{{Name: "Weather Pro", Amount: bridge.NewAmount(4900, "EUR"), Interval: bridge.Interval{Unit: "month"}}},
		},
		Steps:   []bridge.Step{{Kind: bridge.Paying, State: bridge.Waiting, Mark: bridge.Mark{At: sampleDay}}},
		Verdict: bridge.Verdict{Outcome: bridge.Open},
		Access:  bridge.Access{Have: bridge.Pending},
		Payment: bridge.Payment{Have: bridge.PaymentOpen},
	}
	for _, change := range changes {
		change(&r)
	}
	return r
}

// steps makes it one with these steps, the first of which waits.
func steps(kinds ...bridge.StepKind) func(*bridge.Request) {
	return func(r *bridge.Request) {
		r.Terms.Steps, r.Steps = kinds, nil
		for _, kind := range kinds {
			r.Steps = append(r.Steps, bridge.Step{Kind: kind, State: bridge.Waiting})
		}
		r.Steps[0].Mark.At = sampleDay
	}
}

func free(r *bridge.Request) { r.Terms.Plan, r.Terms.Lines = "Weather Basic", nil }

func held(r *bridge.Request) { r.Terms.Hold, r.Terms.TrialDays, r.Terms.Tax = true, 14, true }

func nameless(r *bridge.Request) {
	r.Applicant, r.Terms.Plan = bridge.Applicant{Email: "ada@example.com"}, ""
}

// asked makes it one with a question that waits for its answer.
func asked(r *bridge.Request) {
	r.Notes = append(r.Notes, bridge.Note{
		Kind: bridge.Question, At: sampleDay, By: bridge.Actor{Kind: bridge.ByPerson, Name: "rita"},
		Text: "How many people will use your map?\nAnd do you sell what you make of the forecasts?",
	})
}

func twoPrices(r *bridge.Request) {
	r.Terms.Plan = "Weather Pro + Set-up"
	r.Terms.Tax = true
	r.Terms.Lines = append(r.Terms.Lines, bridge.Price{Name: "Set-up", Amount: bridge.NewAmount(100000, "EUR")})
}

// active makes it one whose key lives and is paid for.
func active(r *bridge.Request) {
	for i := range r.Steps {
		r.Steps[i].State = bridge.Met
	}
	r.Verdict.Outcome = bridge.Approve
	r.Access = bridge.Access{Have: bridge.Granted, Granted: sampleDay}
	r.Payment = bridge.Payment{Have: bridge.Paid, Collected: bridge.NewAmount(4900, "EUR"), Subscribed: true, PaidUntil: sampleDay.AddDate(0, 1, 0)}
}

func unpaid(r *bridge.Request) { r.Steps, r.Payment = nil, bridge.Payment{} }

func once(r *bridge.Request) {
	r.Terms.Lines[0].Interval = bridge.Interval{}
	r.Payment.Subscribed, r.Payment.PaidUntil = false, time.Time{}
}

func suspended(r *bridge.Request) {
	active(r)
	r.Access.Have = bridge.Suspended
}

func inactive(r *bridge.Request) { r.Access.Inactive = sampleDay }

func newKey(r *bridge.Request) {
	r.Refs = append(r.Refs, bridge.Ref{System: "sample", Kind: bridge.RefRequest, ID: "2"})
}

func refunded(r *bridge.Request) {
	r.Payment = bridge.Payment{Have: bridge.Refunded, Collected: bridge.NewAmount(4900, "EUR"), Returned: bridge.NewAmount(4900, "EUR")}
}

// declined makes it one that is over without a key.
func declined(by bridge.ActorKind, why string) func(*bridge.Request) {
	return func(r *bridge.Request) {
		mark := bridge.Mark{At: sampleDay, By: bridge.Actor{Kind: by}, Why: why}
		r.Steps[0].State, r.Steps[0].Mark = bridge.Failed, mark
		r.Verdict = bridge.Verdict{Outcome: bridge.Decline, Mark: mark}
		r.Access.Have, r.Payment = bridge.Gone, bridge.Payment{Have: bridge.NoPayment}
	}
}

// ended makes it one whose key is gone.
func ended(by bridge.ActorKind, have bridge.PaymentState) func(*bridge.Request) {
	return func(r *bridge.Request) {
		active(r)
		r.Access.Have = bridge.Gone
		r.Ended = bridge.Mark{At: sampleDay, By: bridge.Actor{Kind: by}}
		r.Payment.Have, r.Payment.Subscribed, r.Payment.PaidUntil = have, false, time.Time{}
	}
}
