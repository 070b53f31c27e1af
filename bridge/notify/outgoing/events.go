package outgoing

import (
	"slices"
	"strings"

	"keybridge/bridge"
)

// Type says what a message is about: words of [a-z_], joined by full stops.
type Type string

// The types. What each one means stands in Events.
const (
	RequestReceived      Type = "request.received"
	RequestApproved      Type = "request.approved"
	RequestDeclined      Type = "request.declined"
	RequestReopened      Type = "request.reopened"
	RequestEnded         Type = "request.ended"
	RequestAttention     Type = "request.attention"
	RequestAttentionOver Type = "request.attention_over"

	ValidationWaiting Type = "validation.waiting"
	ValidationMet     Type = "validation.met"
	ValidationFailed  Type = "validation.failed"
	ValidationWaived  Type = "validation.waived"
	ReviewWaiting     Type = "review.waiting"
	ReviewMet         Type = "review.met"
	ReviewFailed      Type = "review.failed"
	ReviewWaived      Type = "review.waived"
	PaymentWaiting    Type = "payment.waiting"
	PaymentMet        Type = "payment.met"
	PaymentFailed     Type = "payment.failed"
	PaymentWaived     Type = "payment.waived"

	CheckoutOpened    Type = "checkout.opened"
	CheckoutCompleted Type = "checkout.completed"
	CheckoutExpired   Type = "checkout.expired"
	CheckoutFailed    Type = "checkout.failed"

	PaymentProcessing    Type = "payment.processing"
	PaymentHeld          Type = "payment.held"
	PaymentReleased      Type = "payment.released"
	PaymentPaid          Type = "payment.paid"
	PaymentRenewed       Type = "payment.renewed"
	PaymentTrialing      Type = "payment.trialing"
	PaymentInvoiced      Type = "payment.invoiced"
	PaymentOverdue       Type = "payment.overdue"
	PaymentEnded         Type = "payment.ended"
	PaymentDisputed      Type = "payment.disputed"
	PaymentRefundOrdered Type = "payment.refund_ordered"
	PaymentRefundDropped Type = "payment.refund_dropped"
	PaymentReturned      Type = "payment.returned"
	PaymentRefunded      Type = "payment.refunded"

	AccessGranted   Type = "access.granted"
	AccessSuspended Type = "access.suspended"
	AccessResumed   Type = "access.resumed"
	AccessGone      Type = "access.gone"

	ApplicantTold        Type = "applicant.told"
	ApplicantNotTold     Type = "applicant.not_told"
	ApplicantDeactivated Type = "applicant.deactivated"
	ApplicantActivated   Type = "applicant.activated"
)

// Event is a type and what it means, in a sentence.
type Event struct {
	Type Type   `json:"type"`
	Says string `json:"says"`
}

// Types lists every type there is, in the order of a request's life.
func Types() []Event { return slices.Clone(events) }

var events = []Event{
	{RequestReceived, "A key request was read from its portal for the first time, and its terms are known."},
	{ValidationWaiting, "The applicant's turn to validate a card has come."},
	{ValidationMet, "The applicant's card was validated."},
	{ValidationFailed, "The card was not validated, and the request is declined."},
	{ValidationWaived, "The card need not be validated any more."},
	{ReviewWaiting, "The request waits for a person's review."},
	{ReviewMet, "A person approved the request in its review."},
	{ReviewFailed, "A person declined the request in its review, or it was withdrawn meanwhile."},
	{ReviewWaived, "The request need not be reviewed any more."},
	{PaymentWaiting, "The applicant's turn to pay has come, or has come again because a hold on the money lapsed."},
	{PaymentMet, "What the plan demands was paid, or is held until the request is decided."},
	{PaymentFailed, "What the plan demands was not paid, and the request is declined."},
	{PaymentWaived, "What the plan demands need not be paid any more."},
	{CheckoutOpened, "A checkout was opened at the payment provider and waits for the applicant."},
	{CheckoutCompleted, "The applicant completed a checkout; the money may still be on its way."},
	{CheckoutExpired, "A checkout was closed before anybody completed it."},
	{CheckoutFailed, "A checkout was completed, and its payment failed afterwards."},
	{PaymentProcessing, "Money is on its way and may still fail to arrive."},
	{PaymentHeld, "Money is authorised and not taken yet."},
	{PaymentReleased, "Money that was held was let go, or the hold on it lapsed."},
	{PaymentPaid, "The money is there, and nothing is owed now; data.collected is how much."},
	{PaymentRenewed, "The next period of a subscription was paid for; data.collected is how much."},
	{PaymentTrialing, "A subscription began with a free trial."},
	{PaymentInvoiced, "An invoice is out, and access is given on trust."},
	{PaymentOverdue, "The latest payment of a subscription or an invoice failed or is late."},
	{PaymentEnded, "The subscription is over."},
	{PaymentDisputed, "The payer's bank has taken the money back, or may."},
	{PaymentRefundOrdered, "A person decided to give money back; payment.returned follows when it went."},
	{PaymentRefundDropped, "A refund that was decided is not made, because another period was paid for meanwhile."},
	{PaymentReturned, "Money went back to the payer; data.returned is how much of data.collected so far."},
	{PaymentRefunded, "Everything that was paid went back."},
	{RequestApproved, "The request is approved; access.granted follows when the portal has granted it."},
	{RequestDeclined, "The request is declined; access.gone follows when the portal knows."},
	{RequestReopened, "An approval was taken back before it was delivered, because a hold on the money lapsed."},
	{AccessGranted, "The portal grants access."},
	{AccessSuspended, "The key was suspended and opens nothing."},
	{AccessResumed, "The key was suspended and works again."},
	{AccessGone, "The key request was deleted or rejected in the portal, or the key was removed."},
	{ApplicantTold, "The applicant was sent a message; data.after says which."},
	{ApplicantNotTold, "A message could not be sent to the applicant, and is not tried again."},
	{ApplicantDeactivated, "The applicant's account was deactivated in the portal."},
	{ApplicantActivated, "The applicant's account is active in the portal again."},
	{RequestEnded, "The life of the key is over."},
	{RequestAttention, "Work on the request fails, and a person has to look at it."},
	{RequestAttentionOver, "Work on a request that needed attention goes on."},
}

// TypeOf returns the type of the message that tells of an entry, and false for an
// entry that is not told: what only says how keybridge goes about its work (a browser
// that came, a call that was made) and what another entry of the same commit says.
func TypeOf(e bridge.Entry) (Type, bool) {
	t := typeOf(e)
	return t, t != ""
}

func typeOf(e bridge.Entry) Type {
	switch e.What {
	case bridge.WhatTerms:
		return RequestReceived
	case bridge.WhatVerdict:
		return map[string]Type{
			string(bridge.Approve): RequestApproved, string(bridge.Decline): RequestDeclined, string(bridge.Open): RequestReopened,
		}[e.After]
	case bridge.WhatStep:
		return stepTypes[e.After]
	case bridge.WhatCheckout:
		return checkoutTypes[bridge.CheckoutState(e.After)]
	case bridge.WhatPayment:
		return paymentType(e)
	case bridge.WhatAccess:
		return accessType(e)
	case bridge.WhatEnded:
		return RequestEnded
	case bridge.WhatAttention:
		return attentionType(e)
	case bridge.WhatTold:
		return ApplicantNotTold // what was sent is noted as an action
	case bridge.WhatAction:
		if strings.HasPrefix(e.After, string(bridge.Tell)+": ") {
			return ApplicantTold
		}
	}
	return ""
}

// stepTypes are the types of steps by what an entry says of them: kind and state.
var stepTypes = map[string]Type{
	"validation waiting": ValidationWaiting, "validation met": ValidationMet,
	"validation failed": ValidationFailed, "validation waived": ValidationWaived,
	"review waiting": ReviewWaiting, "review met": ReviewMet, "review failed": ReviewFailed, "review waived": ReviewWaived,
	"payment waiting": PaymentWaiting, "payment met": PaymentMet, "payment failed": PaymentFailed, "payment waived": PaymentWaived,
}

var checkoutTypes = map[bridge.CheckoutState]Type{
	bridge.CheckoutOpen: CheckoutOpened, bridge.CheckoutComplete: CheckoutCompleted,
	bridge.CheckoutExpired: CheckoutExpired, bridge.CheckoutFailed: CheckoutFailed,
}

// paymentTypes are the types by the state that was reached. That one is open is said
// by its checkout, and so is what becomes of one that nobody paid.
var paymentTypes = map[bridge.PaymentState]Type{
	bridge.Processing: PaymentProcessing, bridge.Held: PaymentHeld, bridge.Paid: PaymentPaid, bridge.Trialing: PaymentTrialing,
	bridge.Invoiced: PaymentInvoiced, bridge.Overdue: PaymentOverdue, bridge.PaymentEnded: PaymentEnded,
	bridge.Refunded: PaymentRefunded, bridge.Disputed: PaymentDisputed,
}

func paymentType(e bridge.Entry) Type {
	_, _, returned := e.Returned()
	switch {
	case returned:
		return PaymentReturned
	case strings.HasPrefix(e.After, string(bridge.RefundPayment)+" of "):
		return PaymentRefundOrdered
	case e.After == "refund not made":
		return PaymentRefundDropped
	case e.After == "renewed":
		return PaymentRenewed
	case e.Before == string(bridge.Held) && e.After == string(bridge.NoPayment):
		return PaymentReleased
	}
	return paymentTypes[bridge.PaymentState(e.After)]
}

// accessType tells changes of access from what else is noted of it: a doubt (before
// and after are the same) and its end (a reason, and nothing before).
func accessType(e bridge.Entry) Type {
	switch {
	case e.Before == e.After, e.Before == "" && e.Why != "":
		return ""
	case e.Before == string(bridge.Suspended) && e.After == string(bridge.Granted):
		return AccessResumed
	}
	return map[string]Type{
		string(bridge.Granted): AccessGranted, string(bridge.Suspended): AccessSuspended, string(bridge.Gone): AccessGone,
		"account deactivated": ApplicantDeactivated, "account active": ApplicantActivated,
	}[e.After]
}

func attentionType(e bridge.Entry) Type {
	const needed = string(bridge.StateNeedsAttention)
	switch needed {
	case e.After:
		return RequestAttention
	case e.Before:
		return RequestAttentionOver
	}
	return ""
}
