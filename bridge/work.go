package bridge

import (
	"fmt"
	"time"
)

// ActionKind names one outside call the rules ask for.
type ActionKind string

// The actions. Those from OpenCheckout on are the provider's, Tell is the
// notifier's, the others are the portal's.
const (
	ApproveKey     ActionKind = "approve key"
	DeclineKey     ActionKind = "decline key"
	SuspendKey     ActionKind = "suspend key"
	ResumeKey      ActionKind = "resume key"
	RevokeKey      ActionKind = "revoke key"
	OpenCheckout   ActionKind = "open checkout"
	ExpireCheckout ActionKind = "expire checkout"
	CapturePayment ActionKind = "capture payment"
	VoidPayment    ActionKind = "void payment"
	RefundPayment  ActionKind = "refund payment"
	CancelPayment  ActionKind = "cancel subscription"
	Tell           ActionKind = "tell applicant"
)

// Action is one outside call the rules ask for.
type Action struct {
	Kind ActionKind
	// For is the step a checkout is opened for.
	For StepKind
	// Amount is what is refunded.
	Amount Amount
	// Message is what is told.
	Message MessageKind
}

// String names the action for people.
func (a Action) String() string {
	switch a.Kind {
	case OpenCheckout:
		return fmt.Sprintf("%s for %s", a.Kind, a.For)
	case RefundPayment:
		return fmt.Sprintf("%s of %s", a.Kind, a.Amount)
	case Tell:
		return fmt.Sprintf("%s: %s", a.Kind, a.Message)
	}
	return string(a.Kind)
}

// Attempt is one try of an action, written down before the call is made.
type Attempt struct {
	// N counts the attempts that had an idempotency key of their own, from 1.
	N int `json:"n"`
	// Key is the idempotency key, Begun when it was written down.
	Key   string    `json:"key"`
	Begun time.Time `json:"begun,omitzero"`
	// First is when the first attempt of this action began whose effect is still
	// unknown; zero when none is.
	First time.Time `json:"first,omitzero"`
	// Of is the action in words, For the step of a checkout.
	Of  string   `json:"of"`
	For StepKind `json:"for,omitempty"`
	// Open is true from before the call until its outcome is recorded: while it is
	// true the same key is used again.
	Open bool `json:"open,omitempty"`
	// Again is true once a call under this key went unanswered and was made again.
	Again bool `json:"again,omitempty"`
	// Left is true when an attempt under an earlier key, begun at First, may have left
	// something behind. (Times do not tell: two attempts may begin in one moment.)
	Left bool `json:"left,omitempty"`
}

// Work is what the worker has tried on a request.
type Work struct {
	Attempts map[ActionKind]Attempt `json:"attempts,omitempty"`
	// Failures counts the passes in a row that ended in an error.
	Failures int `json:"failures,omitempty"`
	// Error is the last one in words for an operator, and Doing what was tried.
	// Empty after a pass that went well.
	Error   string    `json:"error,omitempty"`
	Doing   string    `json:"doing,omitempty"`
	ErrorAt time.Time `json:"error_at,omitzero"`
	// Attention asks for a person: the failure is permanent, or has lasted.
	Attention bool `json:"attention,omitempty"`
	// Apart is a difference between provider, bridge and portal that no rule mends, in
	// words for people. It asks for a person until it is gone, or they say "retry".
	Apart string `json:"apart,omitempty"`
	// Next is when the worker will look again; zero when only a hint wakes it.
	Next time.Time `json:"next,omitzero"`
}

// keyLife is how long an idempotency key is relied on. Stripe keeps one for at
// least 24 hours.
const keyLife = 20 * time.Hour

// begin writes down an attempt at an action. An attempt whose outcome was never
// recorded is taken up again under its own key, as long as it says the same and the
// provider is sure to remember it.
func (c *Change) begin(a Action, now time.Time) {
	try := c.Work.Attempts[a.Kind]
	if a.Kind == Tell && try.Of != a.String() {
		try.First = time.Time{} // another message, whatever became of the one before
	}
	try.Again = try.Open && try.Of == a.String() && now.Sub(try.Begun) <= keyLife
	if !try.Again {
		try.N++
		try.Key = fmt.Sprintf("kb_%s_%s_%d", c.ID, slug(a.Kind), try.N)
		if a.Kind == Tell {
			try.Key = c.messageID(a.Message) // the same, however often it is tried
		}
		try.Begun = now
		try.Of, try.For = a.String(), a.For
		try.Open, try.Left = true, !try.First.IsZero()
	}
	if try.First.IsZero() {
		try.First = now
	}
	c.setAttempt(a.Kind, try)
}

// done records that an action was done, and what was seen afterwards.
func (c *Change) done(a Action, f Facts, now time.Time) {
	try := c.Work.Attempts[a.Kind]
	c.note(now, c.actorOf(a.Kind), WhatAction, "", a.String(), fmt.Sprintf("attempt %d", try.N))
	if a.Kind == Tell {
		c.told(a, now, "")
	}
	f.After = a.Kind
	c.Observe(f, now) // while the attempt is still known: a suspension seen now is ours
	c.settle(a.Kind)
}

// settle records that the effect of an action is known.
func (c *Change) settle(kind ActionKind) {
	if try, ok := c.Work.Attempts[kind]; ok {
		try.Open, try.Left = false, false
		try.First = time.Time{}
		c.setAttempt(kind, try)
	}
}

// fail records that an attempt ended in an error. One whose answer the provider
// will repeat is over, and the next one gets a key of its own; First stays, so
// that the next one looks for what the failed one may have left behind. Only a
// definite no to the first call there ever was shows that it left nothing.
func (c *Change) fail(kind ActionKind, err error) {
	try := c.Work.Attempts[kind]
	no := KindOf(err) == Invalid || KindOf(err) == Conflict
	try.Open = !answered(err) && !Permanent(err) && !no
	if no && !try.Again && !try.Left {
		try.First = time.Time{}
	}
	c.setAttempt(kind, try)
}

func (c *Change) setAttempt(kind ActionKind, try Attempt) {
	if c.Work.Attempts == nil {
		c.Work.Attempts = map[ActionKind]Attempt{}
	}
	c.Work.Attempts[kind] = try
}

// slug is the action's name within an idempotency key.
func slug(kind ActionKind) string {
	b := []byte(kind)
	for i, c := range b {
		if c == ' ' {
			b[i] = '-'
		}
	}
	return string(b)
}
