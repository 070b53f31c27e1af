package console

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
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

// deed is something that a person does to a request.
type deed struct {
	Name string
	may  bridge.Operation
	// Word and Button name it, Label its text field, Hint says who reads that. Done says
	// that it was done.
	Word, Button, Label, Hint, Done string
	// Grave ones are shown in red.
	Grave bool
	// Needs says that the text may not be empty.
	Needs bool
	// harmless is done at once.
	harmless bool
	// not says why it cannot be done to a request as it stands; nil when it can.
	not func(bridge.Request) error
	// word applies it to a copy of a request, to see what follows.
	word func(*bridge.Change, typed, bridge.Mark)
	run  func(context.Context, bridge.Desk, bridge.Request, typed) error
}

// deeds are all of them, in the order in which a page offers them.
var deeds = []deed{
	{
		Name: "approve", may: bridge.MayReview, Word: "Approve", Button: "Approve the request", Done: "Approved.",
		Label: "Why (optional)", Hint: "It stays in the history for good: write nothing personal.", not: notReviewed, word: foreseeApproval,
		run: func(ctx context.Context, d bridge.Desk, r bridge.Request, t typed) error {
			return d.Approve(ctx, r.ID, t.Text)
		},
	},
	{
		Name: "decline", may: bridge.MayReview, Word: "Decline", Button: "Decline the request", Done: "Declined.", Grave: true, Needs: true,
		Label: "Why", Hint: "The applicant reads this. It stays in the history for good: write nothing personal.", not: notOpen, word: foreseeDecline,
		run: func(ctx context.Context, d bridge.Desk, r bridge.Request, t typed) error {
			return d.Decline(ctx, r.ID, t.Text)
		},
	},
	{
		Name: "ask", may: bridge.MayAsk, Word: "Ask the applicant", Button: "Send the question", Done: "The question is on its way.", Needs: true,
		Label: "Your question", Hint: "The applicant reads this, and answers on their page.", not: notAskable,
		word: func(c *bridge.Change, _ typed, m bridge.Mark) {
			c.Notes = append(c.Notes, bridge.Note{Kind: bridge.Question, At: m.At, By: m.By})
		},
		run: func(ctx context.Context, d bridge.Desk, r bridge.Request, t typed) error {
			return d.Ask(ctx, r.ID, t.Text)
		},
	},
	{
		Name: "waive", may: bridge.MayWaive, Word: "Waive the payment", Button: "Waive what is asked for", Done: "Waived.", Needs: true,
		Label: "Why", Hint: "The applicant reads this. It stays in the history for good: write nothing personal.", not: notAsking, word: foreseeWaiver,
		run: func(ctx context.Context, d bridge.Desk, r bridge.Request, t typed) error {
			return d.Waive(ctx, r.ID, t.Text)
		},
	},
	{
		Name: "refund", may: bridge.MayRefund, Word: "Refund", Button: "Give the money back", Done: "The refund is ordered.", Grave: true, Needs: true,
		Label: "Why", Hint: "It stays in the history for good: write nothing personal.", not: notRefundable, word: foreseeRefund,
		run: func(ctx context.Context, d bridge.Desk, r bridge.Request, t typed) error {
			a, _ := web.ParseAmount(t.Amount, r.Payment.Collected.Currency) // nothing, where it cannot be read: that is refused
			return d.Refund(ctx, r.ID, a, t.Text)
		},
	},
	{
		Name: "end", may: bridge.MayCancel, Word: "End the key's life", Button: "End it now", Done: "The key's life is ended.", Grave: true, Needs: true,
		Label: "Why", Hint: "The applicant reads this. It stays in the history for good: write nothing personal.", not: notAlive,
		word: func(c *bridge.Change, _ typed, m bridge.Mark) { c.Ended = m },
		run: func(ctx context.Context, d bridge.Desk, r bridge.Request, t typed) error {
			return d.End(ctx, r.ID, t.Text)
		},
	},
	{
		Name: "note", may: bridge.MayNote, Word: "Note", Button: "Add the note", Done: "The note is added.", harmless: true,
		Label: "A note for the house", Hint: "The applicant does not see it.", not: always,
		run: func(ctx context.Context, d bridge.Desk, r bridge.Request, t typed) error {
			return d.Note(ctx, r.ID, t.Text)
		},
	},
	{
		Name: "assign", may: bridge.MayAssign, Word: "Assign", Button: "Assign", Done: "Assigned.", harmless: true, not: always,
		run: func(ctx context.Context, d bridge.Desk, r bridge.Request, t typed) error {
			return d.Assign(ctx, r.ID, t.To)
		},
	},
	{
		Name: "retry", may: bridge.MayRetry, Word: "Look again now", Button: "Look again now", Done: "Portal and provider are being read again.", harmless: true, not: always,
		run: func(ctx context.Context, d bridge.Desk, r bridge.Request, _ typed) error { return d.Retry(ctx, r.ID) },
	},
}

// deedOf finds a deed by its name.
func deedOf(name string) (deed, bool) {
	i := slices.IndexFunc(deeds, func(d deed) bool { return d.Name == name })
	if i < 0 {
		return deed{}, false
	}
	return deeds[i], true
}

// barred says why a person may not do a deed to a request; nil when they may. Desk has
// the last word: this is for what a page offers.
func (d deed) barred(p bridge.Person, r bridge.Request) error {
	if err := p.May(d.may, r.Portal); err != nil {
		return err
	}
	own := r.Maker.Name != "" && r.Maker == p.Actor() || p.Email != "" && strings.EqualFold(p.Email, r.Applicant.Email)
	if own && (d.Name == "approve" || d.Name == "waive") {
		return &bridge.Error{Kind: bridge.Denied, Msg: "Nobody approves what they asked for themselves. Ask somebody else."}
	}
	if d.Name != "approve" || !r.Above() || len(r.Seconded) == 0 {
		return nil
	}
	if slices.ContainsFunc(r.Seconded, func(m bridge.Mark) bool { return m.By == p.Actor() }) {
		return &bridge.Error{Kind: bridge.Denied, Msg: "You have approved this already. It takes a second person."}
	}
	return p.May(bridge.MaySecond, r.Portal)
}

func conflict(msg string) error { return &bridge.Error{Kind: bridge.Conflict, Msg: msg} }

// first says who was first, as bridge does.
func first(what string, m bridge.Mark) error {
	msg := what + ", by " + m.By.String()
	if m.Why != "" {
		msg += " (" + m.Why + ")"
	}
	return conflict(msg + ".")
}

func always(bridge.Request) error { return nil }

func notOpen(r bridge.Request) error {
	if r.Verdict.Outcome != bridge.Open {
		return first("This request was already decided: "+string(r.Verdict.Outcome), r.Verdict.Mark)
	}
	return nil
}

func notReviewed(r bridge.Request) error {
	if err := notOpen(r); err != nil {
		return err
	}
	if review, ok := r.Step(bridge.Review); ok && review.State == bridge.Met {
		return first("This request was already reviewed", review.Mark)
	}
	if step, ok := r.Current(); !ok || step.Kind != bridge.Review {
		return conflict("This request does not wait for a review.")
	}
	return nil
}

func notAskable(r bridge.Request) error {
	if err := notOpen(r); err != nil {
		return err
	}
	if _, waits := r.Unanswered(); waits {
		return conflict("A question waits for its answer already.")
	}
	return nil
}

func notAsking(r bridge.Request) error {
	step, ok := r.Current()
	if !ok || r.Verdict.Outcome != bridge.Open || step.Kind == bridge.Review {
		return conflict("This request does not wait for the applicant.")
	}
	return nil
}

func notRefundable(r bridge.Request) error {
	switch p := r.Payment; {
	case p.Refund.Amount.Minor > 0:
		return conflict("A refund was already decided (by " + p.Refund.Mark.By.String() + ") and is being made.")
	case p.Have == bridge.Disputed:
		return conflict("The payment is in dispute. The bank decides about it, and it cannot be refunded.")
	case kept(r).Minor <= 0:
		return conflict("There is no money here that could be given back.")
	}
	return nil
}

func notAlive(r bridge.Request) error {
	if r.Access.Granted.IsZero() || !r.Ended.At.IsZero() {
		return conflict("There is no key whose life could be ended.")
	}
	return nil
}

// kept is what came in and did not go back.
func kept(r bridge.Request) bridge.Amount {
	return bridge.Amount{Minor: r.Payment.Collected.Minor - r.Payment.Returned.Minor, Currency: r.Payment.Collected.Currency}
}

// What a person's word changes in the record; the rules do the rest.

func foreseeApproval(c *bridge.Change, _ typed, m bridge.Mark) { step(c, bridge.Met, m, bridge.Review) }

func foreseeWaiver(c *bridge.Change, _ typed, m bridge.Mark) {
	step(c, bridge.Waived, m, bridge.Validation, bridge.Paying)
}

func foreseeDecline(c *bridge.Change, _ typed, m bridge.Mark) {
	c.Verdict = bridge.Verdict{Outcome: bridge.Decline, Mark: m}
}

func foreseeRefund(c *bridge.Change, t typed, m bridge.Mark) {
	p := &c.Payment
	a, err := web.ParseAmount(t.Amount, p.Collected.Currency)
	if err != nil {
		return // it was checked before
	}
	a.Minor += p.Returned.Minor
	p.Refund = bridge.Refund{Amount: a, PaidUntil: p.PaidUntil, Mark: m}
}

// step moves those steps that wait.
func step(c *bridge.Change, to bridge.StepState, m bridge.Mark, kinds ...bridge.StepKind) {
	for i, s := range c.Steps {
		if s.State == bridge.Waiting && slices.Contains(kinds, s.Kind) {
			c.Steps[i] = bridge.Step{Kind: s.Kind, State: to, Mark: m}
		}
	}
}

// consequences say in words what a deed leads to.
func (s *Console) consequences(d deed, p bridge.Person, r bridge.Request, t typed, now time.Time) []string {
	if d.Name == "approve" && r.Above() && len(r.Seconded) == 0 {
		return []string{
			"This request takes two persons, because " + aboveWords(r) + ". Yours is the first approval.",
			"Nothing else happens until somebody else, who may decide that, approves it too.",
		}
	}
	then, actions := foresee(r, func(c *bridge.Change) { d.word(c, t, bridge.Mark{At: now, By: p.Actor(), Why: t.Text}) }, now)
	var says []string
	for _, a := range actions {
		says = append(says, s.consequence(r, a))
	}
	return append(says, s.rest(d, r, then, actions)...)
}

// rest says what is left to say beside the calls.
func (s *Console) rest(d deed, r, then bridge.Request, actions []bridge.Action) (says []string) {
	told := slices.ContainsFunc(actions, func(a bridge.Action) bool { return a.Kind == bridge.Tell })
	moved := then.Access.Have != r.Access.Have
	switch {
	case r.Access.Have == bridge.Unread:
		says = append(says, "The portal has not been read yet. What follows is done as soon as it was.")
	case d.Name == "ask" && !told:
		says = append(says, "The question stands on the applicant's page. They are not mailed.")
	case d.Name == "ask":
		return nil
	case d.Name == "refund" && !moved && r.Access.Have == bridge.Granted:
		says = append(says, "The key keeps working.")
	case len(actions) == 0:
		says = append(says, "Nothing has to be changed at the portal or the provider for that.")
	}
	if next, waits := then.Current(); waits && then.Verdict.Outcome == bridge.Open {
		says = append(says, "Then the request waits for the "+string(next.Kind)+".")
	}
	if money := kept(then); d.Name == "end" && money.Minor > 0 {
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
func seenBy(d deed, consequences []string) string {
	sum := sha256.Sum256([]byte(d.Name + "\n" + strings.Join(consequences, "\n")))
	return hex.EncodeToString(sum[:12])
}

// wrong says what is wrong with what was typed; nil: nothing.
func (d deed) wrong(r bridge.Request, t typed) error {
	if len(t.Text) > bridge.LongestNote {
		return &bridge.Error{Kind: bridge.Invalid, Msg: fmt.Sprintf("This is too long: at most %d bytes.", bridge.LongestNote)}
	}
	if d.Name != "refund" {
		return nil
	}
	a, err := web.ParseAmount(t.Amount, r.Payment.Collected.Currency)
	if err == nil && (a.Minor <= 0 || a.Minor > kept(r).Minor) {
		err = &bridge.Error{Kind: bridge.Invalid, Msg: "At least something, and at most " + cmp.Or(web.FormatAmount(kept(r)), "nothing") + ", can be given back."}
	}
	return err
}
