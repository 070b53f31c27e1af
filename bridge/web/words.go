package web

import (
	"time"

	"keybridge/bridge"
)

// words are what a page says first.
type words struct {
	Title string
	// Tone is how the page feels: wait, act, good, bad, over.
	Tone         string
	Lead, Detail string
	// Reason is what a person wrote, quoted.
	Reason string
}

func say(title, tone, lead, detail string) words {
	return words{Title: title, Tone: tone, Lead: lead, Detail: detail}
}

// wordsFor puts where a request stands into words for the developer. Success is
// claimed only where the portal grants access.
func wordsFor(r bridge.Request, portal Portal, checking bool, now time.Time) words {
	if checking {
		return wordsForChecking(r)
	}
	w := wordsForStage(r, portal, now)
	if r.Work.Attention && working(r) {
		w.Tone = "wait"
		w.Detail = "This takes longer than it should, and a person has been asked to look at it. You need not do anything: nothing you did is lost, and you will not be charged twice."
	}
	return w
}

func wordsForChecking(r bridge.Request) words {
	title := "Checking your payment"
	if r.Payment.Checkout.For == bridge.Validation {
		title = "Checking your card"
	}
	detail := "This usually takes a few seconds. You can close this page: whatever you paid is not lost."
	if r.Work.Failures > 0 {
		detail = "It is slow to answer at the moment, and we keep asking. You can close this page: whatever you paid is not lost, and you will not be charged twice."
	}
	return say(title, "wait", "We are asking the payment provider how it went.", detail)
}

func wordsForStage(r bridge.Request, portal Portal, now time.Time) words {
	switch r.Stage() {
	case bridge.StateReceived:
		return say("Preparing your request", "wait", "We are reading your key request from "+portal.Title+".",
			"If the portal is slow to answer, your request is kept until it does.")
	case bridge.StateValidating:
		return wordsForCheckout(r, "Your card has to be checked before the key is issued.", "Nothing is charged for the check.")
	case bridge.StatePaying:
		return wordsForCheckout(r, "Your key is issued as soon as it is paid.", "Have you paid already? Then check again; you cannot be charged twice.")
	case bridge.StateReviewing:
		return say("Your request is being reviewed", "wait", "A person looks at your request and decides.",
			join(paid(r), "You need not stay on this page: this link keeps working."))
	case bridge.StateApproving:
		return say("Almost there", "wait", "Everything that was asked for is done. We are getting your access from "+portal.Title+".", paid(r))
	case bridge.StateActive:
		return say("Your access is active", "good", portal.delivered(), paid(r))
	case bridge.StateOverdue:
		return say("Your payment is overdue", "bad", "The latest payment for your access did not go through.",
			"Your access stays until "+day(r.Payment.OverdueSince.Add(r.Terms.Grace))+". Please bring your payment details up to date with the payment provider, which has mailed you.")
	case bridge.StateSuspended:
		return wordsForSuspended(r)
	case bridge.StateEnding:
		return wordsForEnding(r, now)
	case bridge.StateEnded:
		return say("Your access has ended", "bad", sentence(r.Ended.Why), "You can ask for a new key in the portal.")
	}
	return wordsForDeclined(r)
}

func wordsForCheckout(r bridge.Request, lead, detail string) words {
	switch {
	case r.Payment.Have == bridge.Processing:
		return say("Your payment is on its way", "wait", "The payment provider is waiting for your bank. With some methods this takes a few days.",
			"You need not stay on this page. Your key is issued as soon as the money has arrived.")
	case !payable(r):
		return say("Preparing the checkout", "wait", lead, "")
	case r.Payment.Why != "":
		return say("Please try again", "bad", sentence(r.Payment.Why), join(lead, detail))
	case r.Payment.Checkout.For == bridge.Validation:
		return say("Check your card", "act", lead, detail)
	}
	return say("Waiting for your payment", "act", lead, detail)
}

// paid says what has come in, for whoever wonders whether it did.
func paid(r bridge.Request) string {
	switch p := r.Payment; {
	case p.Have == bridge.Trialing:
		return "Your free trial has begun."
	case p.Have == bridge.Held:
		return "Your payment is authorised. It is taken when your request is approved, and not at all if it is not."
	case p.Have != bridge.Paid || p.Collected.Minor <= 0:
		return ""
	case p.Returned.Minor > 0:
		return "We have received your payment of " + FormatAmount(p.Collected) + ", and returned " + FormatAmount(p.Returned) + " of it."
	case p.PaidUntil.IsZero():
		return "We have received your payment of " + FormatAmount(p.Collected) + "."
	default:
		return "We have received your payment of " + FormatAmount(p.Collected) + ". It is paid until " + day(p.PaidUntil) + " and renews by itself."
	}
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
	return say("Your access is suspended", "bad", "Your key does not open anything at the moment.", detail)
}

func wordsForEnding(r bridge.Request, now time.Time) words {
	until := r.Payment.PaidUntil
	if until.IsZero() {
		until = r.Payment.CancelsAt
	}
	if r.Ended.At.IsZero() && until.After(now) {
		return say("Your access is ending", "wait", "Your subscription has been cancelled.",
			"Your access stays until "+day(until)+".")
	}
	why := r.Ended.Why
	if why == "" {
		why = "your subscription has ended"
	}
	return say("Your access is ending", "bad", sentence(why), "We are putting everything in order.")
}

// wordsForDeclined says how a request ended that was never granted, and what became
// of the money: on its way back until it is there.
func wordsForDeclined(r bridge.Request) words {
	w := say("Your request was declined", "bad", sentence(r.Verdict.Mark.Why), "You can ask again in the portal.")
	switch r.Verdict.Mark.By.Kind {
	case bridge.ByDeveloper:
		w.Title, w.Tone, w.Lead = "You cancelled your request", "over", "No key is issued."
	case bridge.ByPerson:
		w.Lead, w.Reason = "A person has looked at your request and declined it.", r.Verdict.Mark.Why
	}
	switch {
	case r.Stage() == bridge.StateDeclining:
		w.Detail = "We are putting everything back. Whatever you paid is returned to you."
	case r.Payment.Returned.Minor > 0:
		w.Detail = join("What you paid ("+FormatAmount(r.Payment.Returned)+") has been returned to you. It can take some days until your bank shows it.", w.Detail)
	}
	return w
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

func day(t time.Time) string { return t.UTC().Format("2 January 2006") }

// join puts two sentences together, either of which may be missing.
func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + " " + b
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
