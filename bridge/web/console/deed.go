package console

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"keybridge/bridge"
	"keybridge/bridge/web"
)

// typed is what a person wrote into the form of a deed.
type typed struct {
	// Text is a reason, a question or a note, Amount what to give back, To whom to assign.
	Text, Amount, To string
	// Seen names the consequences that the person was shown.
	Seen string
}

// deed is something that a person does to a request, as the pages speak of it.
type deed struct {
	Kind bridge.DeedKind
	// Word and Button name it, Label its text field, Hint says who reads that. Done says
	// that it was done.
	Word, Button, Label, Hint, Done string
	// Grave ones are shown in red.
	Grave bool
	// harmless is done at once.
	harmless bool
}

// Needs says that the text may not be empty.
func (d deed) Needs() bool { return d.Kind.Reasoned() || d.Kind == bridge.DoAsk }

// Who reads a reason.
const (
	readByApplicant = "The applicant reads this. It stays in the history for good: write nothing personal."
	readByHouse     = "It stays in the history for good: write nothing personal."
)

// deeds are all of them, in the order in which a page offers them.
var deeds = []deed{
	{
		Kind: bridge.DoApprove, Word: "Approve", Button: "Approve the request", Done: "Approved.",
		Label: "Why (optional)", Hint: readByHouse,
	},
	{
		Kind: bridge.DoDecline, Word: "Decline", Button: "Decline the request", Done: "Declined.", Grave: true,
		Label: "Why", Hint: readByApplicant,
	},
	{
		Kind: bridge.DoAsk, Word: "Ask the applicant", Button: "Send the question", Done: "The question is on its way.",
		Label: "Your question", Hint: "The applicant reads this, and answers on their page.",
	},
	{
		Kind: bridge.DoWaive, Word: "Waive the payment", Button: "Waive what is asked for", Done: "Waived.",
		Label: "Why", Hint: readByApplicant,
	},
	{
		Kind: bridge.DoRefund, Word: "Refund", Button: "Give the money back", Done: "The refund is ordered.", Grave: true,
		Label: "Why", Hint: readByHouse,
	},
	{
		Kind: bridge.DoEnd, Word: "End the key's life", Button: "End it now", Done: "The key's life is ended.", Grave: true,
		Label: "Why", Hint: readByApplicant,
	},
	{
		Kind: bridge.DoNote, Word: "Note", Button: "Add the note", Done: "The note is added.", harmless: true,
		Label: "A note for the house", Hint: "The applicant does not see it.",
	},
	{Kind: bridge.DoAssign, Word: "Assign", Button: "Assign", Done: "Assigned.", harmless: true},
	{Kind: bridge.DoRetry, Word: "Look again now", Button: "Look again now", Done: "Portal and provider are being read again.", harmless: true},
}

// deedOf finds a deed by its name.
func deedOf(name string) (deed, bool) {
	i := slices.IndexFunc(deeds, func(d deed) bool { return string(d.Kind) == name })
	if i < 0 {
		return deed{}, false
	}
	return deeds[i], true
}

func conflict(msg string) error { return &bridge.Error{Kind: bridge.Conflict, Msg: msg} }

// as is the deed as it was typed about a request. Invalid for an amount that cannot be read.
func (t typed) as(kind bridge.DeedKind, r bridge.Request) (bridge.Deed, error) {
	d, err := bridge.Deed{Kind: kind, Text: t.Text, To: t.To}, error(nil)
	if kind == bridge.DoRefund {
		d.Amount, err = web.ParseAmount(t.Amount, r.Payment.Collected.Currency)
	}
	return d, err
}

// consequences say in words what a deed leads to; the error is why it cannot be done.
func (s *Console) consequences(d bridge.Deed, p bridge.Person, r bridge.Request, now time.Time) (says []string, err error) {
	then, actions, err := bridge.Foresee(r, d, p.Actor(), now)
	switch {
	case err != nil:
		return nil, err
	case len(then.Seconded) > len(r.Seconded):
		return []string{
			"This request takes two persons, because " + aboveWords(r) + ". Yours is the first approval.",
			"Nothing else happens until somebody else, who may decide that, approves it too.",
		}, nil
	}
	for _, a := range actions {
		says = append(says, s.consequence(r, a))
	}
	return append(says, s.rest(d.Kind, r, then, actions)...), nil
}

// rest says what is left to say beside the calls.
func (s *Console) rest(kind bridge.DeedKind, r, then bridge.Request, actions []bridge.Action) (says []string) {
	told := slices.ContainsFunc(actions, func(a bridge.Action) bool { return a.Kind == bridge.Tell })
	moved := then.Access.Have != r.Access.Have
	switch {
	case r.Access.Have == bridge.Unread:
		says = append(says, "The portal has not been read yet. What follows is done as soon as it was.")
	case kind == bridge.DoAsk && !told:
		says = append(says, "The question stands on the applicant's page. They are not mailed.")
	case kind == bridge.DoAsk:
		return nil
	case kind == bridge.DoRefund && !moved && r.Access.Have == bridge.Granted:
		says = append(says, "The key keeps working.")
	case len(actions) == 0:
		says = append(says, "Nothing has to be changed at the portal or the provider for that.")
	}
	if next, waits := then.Current(); waits && then.Verdict.Outcome == bridge.Open {
		says = append(says, "Then the request waits for the "+string(next.Kind)+".")
	}
	money := then.Payment.Kept()
	if kind == bridge.DoDecline && then.Payment.Have == bridge.Disputed && money.Minor > 0 {
		says = append(says, web.FormatAmount(money)+" are in dispute. What the bank leaves of them here is given back then.")
	}
	if kind == bridge.DoEnd && money.Minor > 0 {
		says = append(says, web.FormatAmount(money)+" that were paid stay here. A refund is decided apart.")
	}
	return says
}

// aboveWords say why a request takes two persons.
func aboveWords(r bridge.Request) string {
	limit := r.Terms.Second
	if total, ok := r.Terms.Total(); ok && total.Currency == limit.Currency {
		return "it is above " + web.FormatAmount(limit)
	}
	return "its price is not one amount in " + limit.Currency + ", in which the limit is " + web.FormatAmount(limit)
}

// seenBy names consequences, so that whoever confirms says which ones they saw.
func seenBy(kind bridge.DeedKind, consequences []string) string {
	sum := sha256.Sum256([]byte(string(kind) + "\n" + strings.Join(consequences, "\n")))
	return hex.EncodeToString(sum[:12])
}
