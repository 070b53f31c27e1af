package web

import (
	"strings"
	"time"
	"unicode"

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

// wordsFor puts where a request stands into words for whoever looks at it. Success is
// claimed only where the portal grants access.
func wordsFor(r bridge.Request, portal Portal, who visitor, checking bool, now time.Time) words {
	switch {
	case checking:
		return wordsForChecking(r)
	case inactive(r):
		return wordsForInactive(r, portal)
	}
	w := wordsForStage(r, portal, who, now)
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

func wordsForStage(r bridge.Request, portal Portal, who visitor, now time.Time) words {
	switch r.Stage() {
	case bridge.StateReceived:
		return say("Preparing your request", "wait", "We are reading your key request from "+portal.Title+".",
			"If the portal is slow to answer, your request is kept until it does.")
	case bridge.StateValidating:
		return wordsForCheckout(r, join(unled(r, portal, who), "Your card has to be checked before the key is issued."), "Nothing is charged for the check.")
	case bridge.StatePaying:
		return wordsForCheckout(r, join(unled(r, portal, who), "Your key is issued as soon as it is paid."), "Have you paid already? Then check again; you cannot be charged twice.")
	case bridge.StateReviewing:
		if asks(r, who) {
			return say("We have a question for you", "act", join(unled(r, portal, who), "A person looks at the request, and goes on when you have answered."), paid(r))
		}
		return say("Your request is being reviewed", "wait", join(unled(r, portal, who), "A person looks at the request and decides."),
			join(paid(r), "You need not stay on this page: this link keeps working."))
	case bridge.StateApproving:
		return say("Almost there", "wait", "Everything that was asked for is done. We are getting your access from "+portal.Title+".", paid(r))
	case bridge.StateActive:
		return say("Your access is active", "good", delivered(r, portal, who), join(anew(r), paid(r)))
	case bridge.StateOverdue:
		return wordsForOverdue(r, now)
	case bridge.StateSuspended:
		return wordsForSuspended(r)
	case bridge.StateEnding:
		return wordsForEnding(r, now)
	case bridge.StateEnded:
		return say("Your access has ended", "bad", sentence(whyEnded(r)), "You can ask for a new key in the portal.")
	}
	return wordsForDeclined(r)
}

// inactive reports whether nothing goes on because the developer's account is
// deactivated in the portal. What is over stays over.
func inactive(r bridge.Request) bool {
	return !r.Access.Inactive.IsZero() && r.Verdict.Outcome != bridge.Decline && r.Ended.At.IsZero()
}

func wordsForInactive(r bridge.Request, portal Portal) words {
	detail := "No key is issued and nothing is asked of you until it is active again."
	switch r.Access.Have {
	case bridge.Granted:
		detail = "Your key is being suspended. It works again when your account is active again."
	case bridge.Suspended:
		detail = "Your key does not open anything until your account is active again."
	}
	return say("Your account is deactivated", "bad", "Your developer account is deactivated in "+portal.Title+". Its operator can tell you why, and activate it again.",
		join(detail, paid(r)))
}

// unled says what the page is about to whoever was not led to it by the portal but has
// it from a mail, perhaps because a person made the request for them.
func unled(r bridge.Request, portal Portal, who visitor) string {
	switch app := r.Applicant.App; {
	case r.Arrival.Trust != bridge.Untold:
		return ""
	case who.known && app != "":
		return "A key for your app “" + apart(app) + "” was requested in " + portal.Title + "."
	}
	return "A key was requested for you in " + portal.Title + "."
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

// paid says what has come in, or that nothing has to, for whoever wonders whether it
// did.
func paid(r bridge.Request) string {
	switch p := r.Payment; {
	case p.Have == bridge.Trialing:
		return "Your free trial has begun."
	case p.Have == bridge.Held:
		return "Your payment is authorised. It is taken when your request is approved, and not at all if it is not."
	case waived(r):
		return join("Nothing has to be paid here.", apart(sentence(r.Waived.Why)))
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

// waived reports whether the payment was let go of, and no money is here or on its way
// all the same.
func waived(r bridge.Request) bool {
	step, _ := r.Step(bridge.Paying)
	switch r.Payment.Have {
	case "", bridge.NoPayment, bridge.PaymentOpen:
		return step.State == bridge.Waived
	}
	return false
}

func wordsForOverdue(r bridge.Request, now time.Time) words {
	stays := "Your access is being suspended."
	if until := r.Payment.OverdueSince.Add(r.Terms.Grace); until.After(now) {
		stays = "Your access stays until " + day(until) + "."
	}
	return say("Your payment is overdue", "bad", "The latest payment for your access did not go through.",
		stays+" Please bring your payment details up to date with the payment provider, which has mailed you.")
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
	return say("Your access is ending", "bad", sentence(whyEnded(r)), "We are putting everything in order.")
}

// whyEnded says why a key's life has ended. What a person wrote about it is for the
// house.
func whyEnded(r bridge.Request) string {
	switch {
	case r.Ended.By.Kind == bridge.ByPerson:
		return "it was ended by the people who look after it"
	case r.Ended.Why == "":
		return "your subscription has ended"
	}
	return r.Ended.Why
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

// delivered says where the developer gets the key. Where the portal shows it in an app,
// the app is named to nobody but the applicant.
func delivered(r bridge.Request, portal Portal, who visitor) string {
	app := r.Applicant.App
	switch {
	case portal.Delivery == bridge.MailsLink:
		return portal.Title + " has sent you a mail with a link. Follow it and sign in to generate your key."
	case portal.Delivery == bridge.ShowsKey && app != "" && who.known:
		return "Sign in to " + portal.Title + ": your key is in your developer app “" + apart(app) + "”."
	case portal.Delivery == bridge.ShowsKey && app != "":
		return "Sign in to " + portal.Title + ": your key is in your developer app."
	case portal.Delivery == bridge.ShowsKey:
		return "Sign in to " + portal.Title + " to see your key."
	}
	return portal.Title + " has sent you a mail with your key."
}

// anew says that the key is not the one the developer may know: some portals can only
// give access back with a new one, which is a further request there.
func anew(r bridge.Request) string {
	if _, ok := r.Ref(bridge.RefRequest); !ok {
		return ""
	}
	return "It is a new key: the one you had before your access was suspended does not work any more."
}

func day(t time.Time) string { return t.UTC().Format("2 January 2006") }

func moment(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") }

// join puts two sentences together, either of which may be missing.
func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + " " + b
}

// apart is what somebody else wrote, for the middle of a sentence of ours: whichever way
// it is written, what follows is not turned round by it (Unicode Annex 9: an isolate).
func apart(text string) string {
	if text == "" {
		return ""
	}
	bare := strings.Map(func(c rune) rune {
		if unicode.Is(unicode.Bidi_Control, c) || unicode.IsControl(c) {
			return -1
		}
		return c
	}, text)
	return "\u2068" + bare + "\u2069"
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
