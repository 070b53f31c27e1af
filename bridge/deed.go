package bridge

import (
	"fmt"
	"strings"
)

// Deed is what a person does to a request. A page shows what it leads to before it is done
// (Foresee), and it is done by Desk.Do: both by the same rules.
type Deed struct {
	Kind DeedKind
	// Text is a reason, a question or a note: UTF-8, at most LongestNote bytes.
	Text string
	// Amount is what a refund gives back.
	Amount Amount
	// To is who is to look after the request, at most 100 bytes; empty: nobody. Whether there
	// is somebody of that name is not checked: whoever calls knows the people.
	To string
}

// DeedKind names what a person may do to a request.
type DeedKind string

// The kinds of deeds.
const (
	DoApprove DeedKind = "approve"
	DoDecline DeedKind = "decline"
	DoAsk     DeedKind = "ask"
	DoWaive   DeedKind = "waive"
	DoRefund  DeedKind = "refund"
	DoEnd     DeedKind = "end"
	DoNote    DeedKind = "note"
	DoAssign  DeedKind = "assign"
	DoRetry   DeedKind = "retry"
)

// DeedKinds lists every kind.
var DeedKinds = []DeedKind{DoApprove, DoDecline, DoAsk, DoWaive, DoRefund, DoEnd, DoNote, DoAssign, DoRetry}

// operations are what somebody has to be allowed for a deed.
var operations = map[DeedKind]Operation{
	DoApprove: MayReview, DoDecline: MayReview, DoAsk: MayAsk, DoWaive: MayWaive, DoRefund: MayRefund, DoEnd: MayCancel,
	DoNote: MayNote, DoAssign: MayAssign, DoRetry: MayRetry,
}

// Operation is what somebody has to be allowed for a deed of a kind; "" for none that is.
func (k DeedKind) Operation() Operation { return operations[k] }

// Reasoned reports whether a deed of a kind takes a reason that may not be left out.
func (k DeedKind) Reasoned() bool {
	return k == DoDecline || k == DoWaive || k == DoRefund || k == DoEnd
}

// Complete says what is missing of a deed or wrong with it, whatever request it is done to.
func (d Deed) Complete() error {
	switch {
	case d.Kind.Reasoned() && strings.TrimSpace(d.Text) == "" && d.Kind == DoRefund:
		return &Error{Kind: Invalid, Msg: "Say why. It stays in the history."}
	case d.Kind.Reasoned() && strings.TrimSpace(d.Text) == "":
		return &Error{Kind: Invalid, Msg: "Say why. The applicant reads it."}
	case len(d.Text) > LongestNote:
		return &Error{Kind: Invalid, Msg: fmt.Sprintf("This is too long: at most %d bytes.", LongestNote)}
	case len(d.To) > longestName:
		return &Error{Kind: Invalid, Msg: "Nobody has such a long name."}
	}
	return nil
}

// do does a deed. An error leaves the change as it was.
func (c *Change) do(d Deed, mark Mark) error {
	switch d.Kind {
	case DoNote:
		return c.write(Remark, d.Text, mark)
	case DoAsk:
		return c.write(Question, d.Text, mark)
	case DoAssign:
		c.assign(d.To, mark)
		return nil
	case DoRetry:
		c.retry(mark)
		return nil
	}
	mark.Why = d.Text
	switch d.Kind {
	case DoApprove:
		return c.rule(Approve, mark)
	case DoDecline:
		return c.rule(Decline, mark)
	case DoRefund:
		return c.refund(d.Amount, mark)
	case DoWaive:
		return c.excuse(mark)
	}
	return c.endNow(mark)
}

// Allows says why a deed of a kind cannot be done to the request as it stands, by whomever;
// nil when it can.
func (r Request) Allows(kind DeedKind) error {
	d := Deed{Kind: kind, Text: sampleText, Amount: r.Payment.Kept()}
	c := Change{Request: r.Clone()}
	return c.do(d, Mark{By: Actor{Kind: ByPerson}})
}

// sampleText stands for what is not written yet: whatever it says, the same follows.
const sampleText = "…"

// assign says who looks after a request.
func (c *Change) assign(to string, mark Mark) {
	if c.Assigned != to {
		c.note(mark.At, mark.By, WhatAssigned, c.Assigned, to, "")
		c.Assigned = to
	}
}

// excuse lets the applicant off what they are asked for.
func (c *Change) excuse(mark Mark) error {
	if step, ok := c.Current(); !ok || c.Verdict.Outcome != Open || !step.asks() {
		return &Error{Kind: Conflict, Msg: "This request does not wait for the applicant."}
	}
	c.waivedBy(mark)
	return nil
}

// endNow ends the key's life by a person's word.
func (c *Change) endNow(mark Mark) error {
	if c.Access.Granted.IsZero() || !c.Ended.At.IsZero() {
		return &Error{Kind: Conflict, Msg: "There is no key whose life could be ended."}
	}
	c.Ended = mark
	c.note(mark.At, mark.By, WhatEnded, "", "", mark.Why)
	return nil
}
