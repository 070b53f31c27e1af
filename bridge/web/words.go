package web

import (
	"fmt"
	"time"

	"keybridge/bridge"
)

// words are what a page says first.
type words struct {
	title, tone, lead, detail string
}

// wordsFor puts where a request stands into words for the developer. Success is
// claimed only where the portal grants access.
func wordsFor(r bridge.Request, portal Portal, checking bool, now time.Time) words {
	if checking {
		return words{"Checking your payment", "wait", "We are asking the payment provider how it went.",
			"This usually takes a few seconds. You can close this page: whatever you paid is not lost."}
	}
	w := wordsForStage(r, portal, now)
	if r.Work.Attention {
		w.detail = "This takes longer than it should, and a person has been asked to look at it. You need not do anything: nothing you did is lost, and you will not be charged twice."
		w.tone = "wait"
	}
	return w
}

func wordsForStage(r bridge.Request, portal Portal, now time.Time) words {
	why := r.Verdict.Mark.Why
	switch r.Stage() {
	case bridge.StateReceived:
		return words{"Preparing your request", "wait", "We are reading your key request from " + portal.Title + ".",
			"This page goes on by itself. If the portal is slow to answer, your request is kept until it does."}
	case bridge.StateValidating:
		return wordsForCheckout(r, "Your card has to be checked before the key is issued.", "Nothing is charged.")
	case bridge.StatePaying:
		return wordsForCheckout(r, "Your key is issued as soon as it is paid.", "")
	case bridge.StateReviewing:
		return words{"Your request is being reviewed", "wait", "A person looks at your request and decides.",
			"You need not stay on this page."}
	case bridge.StateApproving:
		return words{"Almost there", "wait", "Everything that was asked for is done. We are getting your access from " + portal.Title + ".",
			"This page goes on by itself."}
	case bridge.StateActive:
		return words{"Your access is active", "good", portal.delivered(), ""}
	case bridge.StateOverdue:
		return words{"Your payment is overdue", "bad", "The latest payment for your access did not go through.",
			fmt.Sprintf("Your access stays until %s. Please bring your payment details up to date with the payment provider, which has mailed you.",
				r.Payment.OverdueSince.Add(r.Terms.Grace).UTC().Format("2 January 2006"))}
	case bridge.StateSuspended:
		return wordsForSuspended(r)
	case bridge.StateEnding:
		return wordsForEnding(r, now)
	case bridge.StateEnded:
		return words{"Your access has ended", "bad", sentence(r.Ended.Why), "You can ask for a new key in the portal."}
	case bridge.StateDeclining:
		return words{"Your request was declined", "bad", sentence(why),
			"We are putting everything back. Whatever you paid is returned to you."}
	}
	w := words{"Your request was declined", "bad", sentence(why), "You can ask again in the portal."}
	if r.Payment.Returned.Minor > 0 {
		w.detail = "What you paid (" + FormatAmount(r.Payment.Returned) + ") has been returned to you. " + w.detail
	}
	return w
}

func wordsForCheckout(r bridge.Request, lead, detail string) words {
	switch {
	case r.Payment.Have == bridge.Processing:
		return words{"Your payment is on its way", "wait", "The payment provider is waiting for your bank. With some methods this takes a few days.",
			"You need not stay on this page. Your key is issued as soon as the money has arrived."}
	case !payable(r):
		return words{"Preparing the checkout", "wait", lead, "This page goes on by itself."}
	case r.Payment.Why != "":
		return words{"Please try again", "bad", r.Payment.Why, lead + " " + detail}
	case r.Payment.Checkout.For == bridge.Validation:
		return words{"Check your card", "act", lead, detail}
	}
	return words{"Waiting for your payment", "act", lead, detail}
}

func wordsForSuspended(r bridge.Request) words {
	detail := "Your access comes back by itself as soon as it is paid."
	switch {
	case !r.Access.Stopped.At.IsZero():
		detail = "It was suspended in the portal. Its operator can tell you more."
	case r.Payment.Have == bridge.Disputed:
		detail = "The payment is disputed. Your access comes back by itself if the dispute is settled in favour of the payment."
	case r.Payment.Have == bridge.Refunded:
		detail = "The payment was refunded."
	}
	return words{"Your access is suspended", "bad", "Your key does not open anything at the moment.", detail}
}

func wordsForEnding(r bridge.Request, now time.Time) words {
	until := r.Payment.PaidUntil
	if until.IsZero() {
		until = r.Payment.CancelsAt
	}
	if until.After(now) {
		return words{"Your access is ending", "wait", "Your subscription has been cancelled.",
			"Your access stays until " + until.UTC().Format("2 January 2006") + "."}
	}
	return words{"Your access is ending", "bad", sentence(r.Ended.Why), "We are putting everything in order."}
}

// delivered says where the developer gets the key.
func (p Portal) delivered() string {
	switch p.Delivery {
	case ByLink:
		return p.Title + " has sent you a mail with a link. Follow it and sign in to generate your key."
	case InPortal:
		return "Sign in to " + p.Title + " to see your key."
	}
	return p.Title + " has sent you a mail with your key."
}

// sentence makes a reason a sentence.
func sentence(why string) string {
	if why == "" {
		return ""
	}
	b := []byte(why)
	if b[0] >= 'a' && b[0] <= 'z' {
		b[0] -= 'a' - 'A'
	}
	if last := b[len(b)-1]; last != '.' && last != '!' && last != '?' {
		b = append(b, '.')
	}
	return string(b)
}
