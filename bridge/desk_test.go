package bridge_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"keybridge/bridge"
)

// The persons of these tests.
var (
	vera    = bridge.Person{Name: "vera", Role: bridge.Viewer}
	rita    = bridge.Person{Name: "rita", Role: bridge.Reviewer}
	paul    = bridge.Person{Name: "paul", Role: bridge.Approver}
	ada     = bridge.Person{Name: "ada", Role: bridge.Admin}
	olga    = bridge.Person{Name: "olga", Role: bridge.Admin, Portals: []string{"other"}}
	canarys = bridge.Person{Name: "casey", Role: bridge.Admin, Email: strings.ToUpper(canary)}
)

// wantKind checks the kind of an error; "" is none.
func wantKind(t *testing.T, what string, err error, want bridge.Kind) {
	t.Helper()
	if bridge.KindOf(err) != want {
		t.Errorf("%s: %v, want %q", what, err, want)
	}
}

// deskOps are all operations on a request, as a person would try them.
func deskOps(w *world, p bridge.Person, id bridge.ID) map[bridge.Operation][]error {
	ctx, d := w.Context(), w.service.Desk(p)
	_, see := d.Get(ctx, id)
	_, history := d.History(ctx, id)
	_, made := d.Create(ctx, "main", bridge.Asking{Developer: "nobody"}, "")
	return map[bridge.Operation][]error{
		bridge.MaySee: {see, history}, bridge.MayNote: {d.Note(ctx, id, "hm")}, bridge.MayAsk: {d.Ask(ctx, id, "Why?")},
		bridge.MayAssign: {d.Assign(ctx, id, "rita")}, bridge.MayRetry: {d.Retry(ctx, id)},
		bridge.MayReview: {d.Approve(ctx, id, ""), d.Decline(ctx, id, "no")}, bridge.MayWaive: {d.Waive(ctx, id, "paid")},
		bridge.MayRefund: {d.Refund(ctx, id, bridge.NewAmount(1, "eur"), "")}, bridge.MayCancel: {d.End(ctx, id, "")},
		bridge.MayCreate: {made},
	}
}

func TestADeskRefusesWhatItsPersonMayNotDoAndTellsOfIt(t *testing.T) {
	var told []bridge.Operation
	w := newWorld(t, func(c *bridge.Config) {
		c.Refused = func(_ bridge.Person, o bridge.Operation, _ bridge.ID) { told = append(told, o) }
	})
	for _, p := range []bridge.Person{vera, rita, paul, ada, olga, {Name: "nobody"}} {
		id := w.ask("reviewed")
		w.step()
		for o, errs := range deskOps(w, p, id) {
			for _, err := range errs {
				denied := bridge.KindOf(err) == bridge.Denied || p.Name == "olga" && bridge.KindOf(err) == bridge.NotFound
				if denied != (p.May(o, "main") != nil) {
					t.Errorf("%s tries to %s: %v", p.Name, o, err)
				}
				if denied && !slices.Contains(told, o) {
					t.Errorf("nobody was told that %s was not let to %s", p.Name, o)
				}
			}
		}
	}
}

func TestAListShowsOnlyThePortalsOfItsPerson(t *testing.T) {
	w := newWorld(t)
	w.ask("free")
	w.step()
	_, err := w.service.Desk(olga).List(t.Context(), bridge.Filter{Portal: "main"})
	wantKind(t, "a portal out of scope", err, bridge.NotFound)
}

// above makes the plan "reviewed" one that takes two persons.
func above(c *bridge.Config) {
	for i := range c.Plans {
		c.Plans[i].Terms.Second = bridge.NewAmount(499, "eur")
	}
}

func TestAboveTheThresholdItTakesTwo(t *testing.T) {
	w := newWorld(t, above)
	id := w.ask("held") // 7.00 EUR, of which the review comes after the payment
	w.wantState(id, bridge.StatePaying)
	w.provider.change(id, func(a *account) { a.close(bridge.CheckoutComplete, bridge.Held) })
	w.wantState(id, bridge.StateReviewing)
	ctx := t.Context()
	if err := w.service.Desk(rita).Approve(ctx, id, "fine"); err != nil {
		t.Fatal(err)
	}
	if r := w.wantState(id, bridge.StateReviewing); len(r.Seconded) != 1 || !r.Waits() {
		t.Errorf("%+v", r.Seconded)
	}
	wantKind(t, "the same person again", w.service.Desk(rita).Approve(ctx, id, ""), bridge.Denied)
	wantKind(t, "another reviewer", w.service.Desk(bridge.Person{Name: "rob", Role: bridge.Reviewer}).Approve(ctx, id, ""), bridge.Denied)
	if err := w.service.Desk(paul).Approve(ctx, id, "fine as well"); err != nil {
		t.Fatal(err)
	}
	w.wantState(id, bridge.StateActive)
}

// meanwhile is a store before whose next hint something else happens.
type meanwhile struct {
	bridge.Store
	happens func()
}

func (m *meanwhile) Accept(ctx context.Context, h bridge.Hint, then func(*bridge.Change) error) (bridge.Accepted, error) {
	if happens := m.happens; happens != nil {
		m.happens = nil
		happens()
	}
	return m.Store.Accept(ctx, h, then)
}

func TestOfTwoReviewersWhoApproveInOneMomentNeitherIsTheSecondPerson(t *testing.T) {
	var told []bridge.Operation
	between := &meanwhile{}
	w := newWorld(t, above, func(c *bridge.Config) {
		between.Store, c.Store = c.Store, between
		c.Refused = func(_ bridge.Person, o bridge.Operation, _ bridge.ID) { told = append(told, o) }
	})
	id, ctx := w.ask("held"), t.Context()
	w.wantState(id, bridge.StatePaying)
	w.provider.change(id, func(a *account) { a.close(bridge.CheckoutComplete, bridge.Held) })
	w.wantState(id, bridge.StateReviewing)
	rob := bridge.Person{Name: "rob", Role: bridge.Reviewer}
	between.happens = func() { wantKind(t, "the one who is first", w.service.Desk(rita).Approve(ctx, id, ""), "") }
	wantKind(t, "the one who began first", w.service.Desk(rob).Approve(ctx, id, ""), bridge.Denied)
	if r := w.wantState(id, bridge.StateReviewing); len(r.Seconded) != 1 || !slices.Equal(told, []bridge.Operation{bridge.MaySecond}) {
		t.Errorf("approved by %+v, told of %q", r.Seconded, told)
	}
}

func TestTheFirstOfTwoApprovalsRepeatedUnderItsKeyIsDone(t *testing.T) {
	w := newWorld(t, above)
	id, ctx := w.ask("held"), t.Context()
	w.wantState(id, bridge.StatePaying)
	w.provider.change(id, func(a *account) { a.close(bridge.CheckoutComplete, bridge.Held) })
	w.wantState(id, bridge.StateReviewing)
	desk := w.service.Desk(rita).Once("k") // who may not be the second person
	wantKind(t, "the first approval", desk.Approve(ctx, id, "fine"), "")
	wantKind(t, "the same repeated", desk.Approve(ctx, id, "fine"), "")
	if r := w.wantState(id, bridge.StateReviewing); len(r.Seconded) != 1 {
		t.Errorf("%+v", r.Seconded)
	}
}

func TestBelowTheThresholdOneIsEnough(t *testing.T) {
	w := newWorld(t, func(c *bridge.Config) {
		above(c)
		for i := range c.Plans {
			c.Plans[i].Terms.Second.Minor = 700
		}
	})
	id := w.ask("held")
	w.wantState(id, bridge.StatePaying)
	w.provider.change(id, func(a *account) { a.close(bridge.CheckoutComplete, bridge.Held) })
	w.wantState(id, bridge.StateReviewing)
	if err := w.service.Desk(rita).Approve(t.Context(), id, ""); err != nil {
		t.Fatal(err)
	}
	w.wantState(id, bridge.StateActive)
}

func TestNobodyApprovesWhatTheyAskedFor(t *testing.T) {
	w := newWorld(t)
	id := w.ask("reviewed")
	w.wantState(id, bridge.StateReviewing)
	wantKind(t, "the applicant", w.service.Desk(canarys).Approve(t.Context(), id, ""), bridge.Denied)
	r, err := w.service.Desk(paul).Create(t.Context(), "main", bridge.Asking{Developer: "dev-1", Policies: []string{"reviewed-too"}}, "")
	if err != nil {
		t.Fatal(err)
	}
	w.wantState(r.ID, bridge.StateReviewing)
	wantKind(t, "the maker", w.service.Desk(paul).Approve(t.Context(), r.ID, ""), bridge.Denied)
	wantKind(t, "somebody else", w.service.Desk(rita).Approve(t.Context(), r.ID, ""), "")
}

func TestAQuestionIsAskedOnceAndAnswered(t *testing.T) {
	w := newWorld(t)
	id, ctx := w.ask("reviewed"), t.Context()
	w.wantState(id, bridge.StateReviewing)
	wantKind(t, "an answer to nothing", w.service.Answer(ctx, id, 0, "Because."), bridge.Conflict)
	desk := w.service.Desk(rita)
	wantKind(t, "nothing", desk.Ask(ctx, id, "  "), bridge.Invalid)
	wantKind(t, "too much", desk.Ask(ctx, id, strings.Repeat("x", bridge.LongestNote+1)), bridge.Invalid)
	wantKind(t, "a question", desk.Ask(ctx, id, "What for?"), "")
	wantKind(t, "another one", desk.Ask(ctx, id, "What for?"), bridge.Conflict)
	w.wantState(id, bridge.StateReviewing)
	w.wantMail(bridge.TellQuestion)
	wantKind(t, "the answer", w.service.Answer(ctx, id, 0, "For sailors."), "")
	wantKind(t, "the answer again", w.service.Answer(ctx, id, 0, "For sailors."), bridge.Conflict)
	wantKind(t, "an answer to nothing", w.service.Answer(ctx, id, 7, "For sailors."), bridge.Conflict)
	wantKind(t, "a second question", desk.Ask(ctx, id, "Which ones?"), "")
	w.pass(1)
	w.wantState(id, bridge.StateReviewing)
	wantKind(t, "a remark", desk.Note(ctx, id, "Sounds good."), "")
	wantKind(t, "the approval", desk.Approve(ctx, id, ""), "")
	r := w.wantState(id, bridge.StateActive)
	w.wantMail(bridge.TellQuestion, bridge.TellQuestion, bridge.TellApproved)
	if len(r.Notes) != 4 || r.Notes[1].Text != "For sailors." {
		t.Errorf("%+v", r.Notes)
	}
	wantKind(t, "a question after the decision", desk.Ask(ctx, id, "Still there?"), bridge.Conflict)
}

func TestWhoCannotReadAQuestionIsNotAskedOne(t *testing.T) {
	w := newWorld(t, func(c *bridge.Config) {
		site := c.Portals["main"]
		site.Tell = []bridge.MessageKind{bridge.TellApproved}
		c.Portals["main"] = site
	})
	done, err := w.service.Accept(t.Context(), w.webhook(w.portal.ask("reviewed")))
	if err != nil {
		t.Fatal(err)
	}
	w.wantState(done.Request, bridge.StateReviewing)
	wantKind(t, "nobody to tell", w.service.Desk(rita).Ask(t.Context(), done.Request, "Why?"), bridge.Conflict)
	id := w.ask("reviewed") // who came by a signed hand-off
	w.wantState(id, bridge.StateReviewing)
	wantKind(t, "one who reads their page", w.service.Desk(rita).Ask(t.Context(), id, "Why?"), "")
}

func TestAWaivedPaymentIsNotAskedForAndALifeIsEnded(t *testing.T) {
	w := newWorld(t)
	id, ctx := w.ask("paid"), t.Context()
	w.wantState(id, bridge.StatePaying)
	desk := w.service.Desk(paul)
	wantKind(t, "an end before the beginning", desk.End(ctx, id, ""), bridge.Conflict)
	wantKind(t, "the waiver", desk.Waive(ctx, id, "a friend of the house"), "")
	r := w.wantState(id, bridge.StateActive)
	if r.Payment.Checkout.State != bridge.CheckoutExpired || r.Verdict.Mark.By.Name != "paul" {
		t.Errorf("%s, %+v", r.Payment.Checkout.State, r.Verdict)
	}
	wantKind(t, "a second waiver", desk.Waive(ctx, id, ""), bridge.Conflict)
	wantKind(t, "the end", desk.End(ctx, id, "no longer needed"), "")
	r = w.wantState(id, bridge.StateEnded)
	if r.Access.Have != bridge.Gone || r.Ended.Why != "no longer needed" {
		t.Errorf("%+v", r.Ended)
	}
}

func TestAssigningIsNoted(t *testing.T) {
	w := newWorld(t)
	id := w.ask("reviewed")
	for _, to := range []string{"rita", "rita", "paul", ""} {
		wantKind(t, "assign", w.service.Desk(rita).Assign(t.Context(), id, to), "")
	}
	entries, err := w.service.History(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, e := range entries {
		if e.What == bridge.WhatAssigned {
			n++
		}
	}
	if n != 3 {
		t.Errorf("%d lines, want 3", n)
	}
}

func TestNoReasonAndNoNameIsLongerThanItMayBe(t *testing.T) {
	w := newWorld(t)
	ctx, desk, long := t.Context(), w.desk("anna"), strings.Repeat("x", bridge.LongestNote+1)
	reviewed, living := w.ask("reviewed"), w.ask("free")
	w.wantState(reviewed, bridge.StateReviewing)
	w.wantState(living, bridge.StateActive)
	before := w.get(living).Head
	for what, err := range map[string]error{
		"approve": desk.Approve(ctx, reviewed, long), "decline": desk.Decline(ctx, reviewed, long), "waive": desk.Waive(ctx, living, long),
		"refund": desk.Refund(ctx, living, bridge.NewAmount(1, "eur"), long), "end": desk.End(ctx, living, long),
		"assign": desk.Assign(ctx, living, strings.Repeat("x", 101)),
	} {
		wantKind(t, what, err, bridge.Invalid)
	}
	wantKind(t, "the longest reason", desk.Approve(ctx, reviewed, long[1:]), "")
	if w.get(living).Head != before {
		t.Error("something was changed")
	}
}

func TestWhatIsRepeatedUnderAKeyIsDoneOnce(t *testing.T) {
	w := newWorld(t)
	id, ctx := w.ask("reviewed"), t.Context()
	w.step()
	desk := w.service.Desk(rita).Once("k1")
	for range 3 {
		wantKind(t, "a note", desk.Note(ctx, id, "hm"), "")
	}
	wantKind(t, "the same key for another operation", desk.Assign(ctx, id, "rita"), "")
	wantKind(t, "the same key of another person", w.service.Desk(paul).Once("k1").Note(ctx, id, "hm"), "")
	wantKind(t, "another key", w.service.Desk(rita).Once("k2").Note(ctx, id, "hm"), "")
	wantKind(t, "a decision", desk.Approve(ctx, id, ""), "")
	wantKind(t, "the decision repeated", desk.Approve(ctx, id, ""), "")
	wantKind(t, "the decision without a key", w.service.Desk(rita).Approve(ctx, id, ""), bridge.Conflict)
	r, err := w.service.Get(ctx, id)
	if err != nil || len(r.Notes) != 3 || r.Assigned != "rita" {
		t.Errorf("%d notes, assigned to %q (%v)", len(r.Notes), r.Assigned, err)
	}
}

func TestWhatHasChangedSinceItWasSeenIsNotDecided(t *testing.T) {
	w := newWorld(t)
	id, ctx := w.ask("reviewed"), t.Context()
	seen := w.wantState(id, bridge.StateReviewing).Edition()
	wantKind(t, "a note by somebody else", w.service.Desk(paul).Note(ctx, id, "wait"), "")
	desk := w.service.Desk(rita).Seen(seen)
	for what, err := range map[string]error{
		"approve": desk.Approve(ctx, id, ""), "decline": desk.Decline(ctx, id, "no"), "note": desk.Note(ctx, id, "hm"),
		"ask": desk.Ask(ctx, id, "Why?"), "assign": desk.Assign(ctx, id, "rita"), "retry": desk.Retry(ctx, id),
	} {
		if !errors.Is(err, bridge.ErrMoved) {
			t.Errorf("%s: %v", what, err)
		}
	}
	r := w.wantState(id, bridge.StateReviewing)
	if len(r.Notes) != 1 || r.Edition() == seen {
		t.Errorf("%d notes, edition %s", len(r.Notes), r.Edition())
	}
	wantKind(t, "with what is there now", w.service.Desk(rita).Seen(r.Edition()).Once("k").Approve(ctx, id, ""), "")
	wantKind(t, "repeated, with what was there then", w.service.Desk(rita).Seen(r.Edition()).Once("k").Approve(ctx, id, ""), "")
}
