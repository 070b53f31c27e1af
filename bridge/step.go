package bridge

import "slices"

// StepKind names one condition of a request.
type StepKind string

// The conditions.
const (
	// Validation: a card is checked without a charge.
	Validation StepKind = "validation"
	// Review: a person says yes.
	Review StepKind = "review"
	// Paying: the price is paid, or held where the terms say so.
	Paying StepKind = "payment"
)

// StepState says how far a step is.
type StepState string

// The states of a step.
const (
	Waiting StepState = "waiting"
	Met     StepState = "met"
	// Failed: it can no longer be met, and the request is declined.
	Failed StepState = "failed"
	Waived StepState = "waived"
)

// Step is one condition and how far it is. Mark.At of a waiting step is when its
// turn came; zero while another one is before it.
type Step struct {
	Kind  StepKind  `json:"kind"`
	State StepState `json:"state"`
	Mark  Mark      `json:"mark,omitzero"`
}

// asks reports whether the step waits for the applicant at the provider.
func (s Step) asks() bool { return s.Kind == Validation || s.Kind == Paying }

// Current returns the step whose turn it is, and whether any waits.
func (r Request) Current() (Step, bool) {
	i := slices.IndexFunc(r.Steps, func(s Step) bool { return s.State == Waiting })
	if i < 0 {
		return Step{}, false
	}
	return r.Steps[i], true
}

// Step returns the step of a kind, and whether the terms demand it.
func (r Request) Step(kind StepKind) (Step, bool) {
	i := slices.IndexFunc(r.Steps, func(s Step) bool { return s.Kind == kind })
	if i < 0 {
		return Step{}, false
	}
	return r.Steps[i], true
}

// Outcome is what has been decided about a request.
type Outcome string

// The outcomes.
const (
	Open    Outcome = "open"
	Approve Outcome = "approve"
	Decline Outcome = "decline"
)

// Verdict is the decision about a request: by whom and why.
type Verdict struct {
	Outcome Outcome `json:"outcome"`
	Mark    Mark    `json:"mark,omitzero"`
}
