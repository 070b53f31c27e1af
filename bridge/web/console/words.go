package console

import (
	"cmp"
	"strings"

	"keybridge/bridge"
)

// state is a state as pages show it: its words, and its tone beside them, because colour
// alone says nothing to many.
type state struct{ Text, Tone string }

var tones = map[bridge.State]string{
	bridge.StateReceived: "move", bridge.StateValidating: "wait", bridge.StateReviewing: "act", bridge.StatePaying: "wait",
	bridge.StateApproving: "move", bridge.StateActive: "good", bridge.StateOverdue: "bad", bridge.StateSuspended: "bad",
	bridge.StateEnding: "move", bridge.StateEnded: "over", bridge.StateDeclining: "move", bridge.StateDeclined: "over",
	bridge.StateNeedsAttention: "bad",
}

func stateOf(s bridge.State) state { return state{Text: upper(string(s)), Tone: tones[s]} }

// upper writes the first letter of a word of ours large.
func upper(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// whyWaits says why a request waits for a person; empty when it does not.
func whyWaits(r bridge.Request) string {
	switch {
	case !r.Waits():
		return ""
	case r.Work.Attention:
		return "Needs attention: " + cmp.Or(r.Work.Error, "look at its history")
	case len(r.Seconded) > 0:
		return "Second approval: approved first by " + r.Seconded[0].By.Name
	case r.Terms.Why != "":
		return "Review: " + r.Terms.Why
	case r.Above():
		return "Review by two persons"
	}
	return "Review"
}

// accessWords and paymentWords put what is and what should be into words.
func accessWords(s bridge.AccessState) string {
	if s == bridge.Unread {
		return "not read yet"
	}
	return string(s)
}

func paymentWords(s bridge.PaymentState) string { return cmp.Or(string(s), "none") }

var wantWords = map[bridge.PaymentWant]string{
	bridge.WantNothing: "nothing", bridge.WantOpen: "a checkout to be open", bridge.WantSettled: "what is held taken, what is paid kept",
	bridge.WantReturned: "everything given back", bridge.WantCancelled: "no further payment",
}

// told is what the applicant was told, in words.
var toldWords = map[bridge.MessageKind]string{
	bridge.TellStart: "that something waits for them", bridge.TellReminder: "that the time for it is nearly over",
	bridge.TellQuestion: "our question", bridge.TellApproved: "that their access is active", bridge.TellDeclined: "that their request is declined",
	bridge.TellSuspended: "that their access is suspended", bridge.TellResumed: "that their access is back", bridge.TellEnded: "that their access has ended",
}
