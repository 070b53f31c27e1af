package bridge_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

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
		bridge.MaySee: {see, history}, bridge.MayNote: {d.Do(ctx, id, bridge.Deed{Kind: bridge.DoNote, Text: "hm"})}, bridge.MayAsk: {d.Do(ctx, id, bridge.Deed{Kind: bridge.DoAsk, Text: "Why?"})},
		bridge.MayAssign: {d.Do(ctx, id, bridge.Deed{Kind: bridge.DoAssign, To: "rita"})}, bridge.MayRetry: {d.Do(ctx, id, bridge.Deed{Kind: bridge.DoRetry})},
		bridge.MayReview: {d.Do(ctx, id, bridge.Deed{Kind: bridge.DoApprove}), d.Do(ctx, id, bridge.Deed{Kind: bridge.DoDecline, Text: "no"})}, bridge.MayWaive: {d.Do(ctx, id, bridge.Deed{Kind: bridge.DoWaive, Text: "paid"})},
		bridge.MayRefund: {d.Do(ctx, id, bridge.Deed{Kind: bridge.DoRefund, Amount: bridge.NewAmount(1, "eur"), Text: ""})}, bridge.MayCancel: {d.Do(ctx, id, bridge.Deed{Kind: bridge.DoEnd})},
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
	mo := bridge.Person{Name: "mo", Role: bridge.Viewer, Portals: []string{"other", "main"}}
	for _, one := range []struct {
		who  bridge.Person
		ask  bridge.Filter
		want int
	}{
		{vera, bridge.Filter{}, 1}, {mo, bridge.Filter{}, 1}, {olga, bridge.Filter{}, 0},
		{olga, bridge.Filter{Portals: []string{"main"}}, 0}, {mo, bridge.Filter{Portal: "main"}, 1},
	} {
		page, err := w.service.Desk(one.who).List(t.Context(), one.ask)
		if err != nil || len(page.Requests) != one.want {
			t.Errorf("%s asks for %+v: %d requests, %v", one.who.Name, one.ask, len(page.Requests), err)
		}
	}
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
	for range 2 { // the answer to the first may have been lost
		if err := w.service.Desk(rita).Once("order-1").Do(ctx, id, bridge.Deed{Kind: bridge.DoApprove, Text: "fine"}); err != nil {
			t.Fatal(err)
		}
	}
	if r := w.wantState(id, bridge.StateReviewing); len(r.Seconded) != 1 || !r.Waits() {
		t.Errorf("%+v", r.Seconded)
	}
	wantKind(t, "the same person again", w.service.Desk(rita).Do(ctx, id, bridge.Deed{Kind: bridge.DoApprove}), bridge.Denied)
	wantKind(t, "another reviewer", w.service.Desk(bridge.Person{Name: "rob", Role: bridge.Reviewer}).Do(ctx, id, bridge.Deed{Kind: bridge.DoApprove}), bridge.Denied)
	if err := w.service.Desk(paul).Do(ctx, id, bridge.Deed{Kind: bridge.DoApprove, Text: "fine as well"}); err != nil {
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
	between.happens = func() {
		wantKind(t, "the one who is first", w.service.Desk(rita).Do(ctx, id, bridge.Deed{Kind: bridge.DoApprove}), "")
	}
	wantKind(t, "the one who began first", w.service.Desk(rob).Do(ctx, id, bridge.Deed{Kind: bridge.DoApprove}), bridge.Denied)
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
	wantKind(t, "the first approval", desk.Do(ctx, id, bridge.Deed{Kind: bridge.DoApprove, Text: "fine"}), "")
	wantKind(t, "the same repeated", desk.Do(ctx, id, bridge.Deed{Kind: bridge.DoApprove, Text: "fine"}), "")
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
	if err := w.service.Desk(rita).Do(t.Context(), id, bridge.Deed{Kind: bridge.DoApprove}); err != nil {
		t.Fatal(err)
	}
	w.wantState(id, bridge.StateActive)
}

func TestNobodyApprovesWhatTheyAskedFor(t *testing.T) {
	w := newWorld(t)
	id := w.ask("reviewed")
	w.wantState(id, bridge.StateReviewing)
	wantKind(t, "the applicant", w.service.Desk(canarys).Do(t.Context(), id, bridge.Deed{Kind: bridge.DoApprove}), bridge.Denied)
	r, err := w.service.Desk(paul).Create(t.Context(), "main", bridge.Asking{Developer: "dev-1", Policies: []string{"reviewed-too"}}, "")
	if err != nil {
		t.Fatal(err)
	}
	w.wantState(r.ID, bridge.StateReviewing)
	wantKind(t, "the maker", w.service.Desk(paul).Do(t.Context(), r.ID, bridge.Deed{Kind: bridge.DoApprove}), bridge.Denied)
	wantKind(t, "somebody else", w.service.Desk(rita).Do(t.Context(), r.ID, bridge.Deed{Kind: bridge.DoApprove}), "")
}

func TestAQuestionIsAskedOnceAndAnswered(t *testing.T) {
	w := newWorld(t)
	id, ctx := w.ask("reviewed"), t.Context()
	w.wantState(id, bridge.StateReviewing)
	wantKind(t, "an answer to nothing", w.service.Answer(ctx, id, 0, "Because."), bridge.Conflict)
	desk := w.service.Desk(rita)
	wantKind(t, "nothing", desk.Do(ctx, id, bridge.Deed{Kind: bridge.DoAsk, Text: "  "}), bridge.Invalid)
	wantKind(t, "too much", desk.Do(ctx, id, bridge.Deed{Kind: bridge.DoAsk, Text: strings.Repeat("x", bridge.LongestNote+1)}), bridge.Invalid)
	wantKind(t, "a question", desk.Do(ctx, id, bridge.Deed{Kind: bridge.DoAsk, Text: "What for?"}), "")
	wantKind(t, "another one", desk.Do(ctx, id, bridge.Deed{Kind: bridge.DoAsk, Text: "What for?"}), bridge.Conflict)
	w.wantState(id, bridge.StateReviewing)
	w.wantMail(bridge.TellQuestion)
	wantKind(t, "the answer", w.service.Answer(ctx, id, 0, "For sailors."), "")
	wantKind(t, "the answer again", w.service.Answer(ctx, id, 0, "For sailors."), bridge.Conflict)
	wantKind(t, "an answer to nothing", w.service.Answer(ctx, id, 7, "For sailors."), bridge.Conflict)
	wantKind(t, "a second question", desk.Do(ctx, id, bridge.Deed{Kind: bridge.DoAsk, Text: "Which ones?"}), "")
	w.pass(1)
	w.wantState(id, bridge.StateReviewing)
	wantKind(t, "a remark", desk.Do(ctx, id, bridge.Deed{Kind: bridge.DoNote, Text: "Sounds good."}), "")
	wantKind(t, "the approval", desk.Do(ctx, id, bridge.Deed{Kind: bridge.DoApprove}), "")
	r := w.wantState(id, bridge.StateActive)
	w.wantMail(bridge.TellQuestion, bridge.TellQuestion, bridge.TellApproved)
	if len(r.Notes) != 4 || r.Notes[1].Text != "For sailors." {
		t.Errorf("%+v", r.Notes)
	}
	wantKind(t, "a question after the decision", desk.Do(ctx, id, bridge.Deed{Kind: bridge.DoAsk, Text: "Still there?"}), bridge.Conflict)
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
	wantKind(t, "nobody to tell", w.service.Desk(rita).Do(t.Context(), done.Request, bridge.Deed{Kind: bridge.DoAsk, Text: "Why?"}), bridge.Conflict)
	id := w.ask("reviewed") // who came by a signed hand-off
	w.wantState(id, bridge.StateReviewing)
	wantKind(t, "one who reads their page", w.service.Desk(rita).Do(t.Context(), id, bridge.Deed{Kind: bridge.DoAsk, Text: "Why?"}), "")
}

func TestAWaivedPaymentIsNotAskedForAndALifeIsEnded(t *testing.T) {
	w := newWorld(t)
	id, ctx := w.ask("paid"), t.Context()
	w.wantState(id, bridge.StatePaying)
	desk := w.service.Desk(paul)
	wantKind(t, "an end before the beginning", desk.Do(ctx, id, bridge.Deed{Kind: bridge.DoEnd, Text: "too soon"}), bridge.Conflict)
	wantKind(t, "the waiver", desk.Do(ctx, id, bridge.Deed{Kind: bridge.DoWaive, Text: "a friend of the house"}), "")
	r := w.wantState(id, bridge.StateActive)
	if r.Payment.Checkout.State != bridge.CheckoutExpired || r.Verdict.Mark.By.Name != "paul" {
		t.Errorf("%s, %+v", r.Payment.Checkout.State, r.Verdict)
	}
	wantKind(t, "a second waiver", desk.Do(ctx, id, bridge.Deed{Kind: bridge.DoWaive, Text: "again"}), bridge.Conflict)
	wantKind(t, "the end", desk.Do(ctx, id, bridge.Deed{Kind: bridge.DoEnd, Text: "no longer needed"}), "")
	r = w.wantState(id, bridge.StateEnded)
	if r.Access.Have != bridge.Gone || r.Ended.Why != "no longer needed" {
		t.Errorf("%+v", r.Ended)
	}
}

func TestAssigningIsNoted(t *testing.T) {
	w := newWorld(t)
	id := w.ask("reviewed")
	for _, to := range []string{"rita", "rita", "paul", ""} {
		wantKind(t, "assign", w.service.Desk(rita).Do(t.Context(), id, bridge.Deed{Kind: bridge.DoAssign, To: to}), "")
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
		"approve": desk.Do(ctx, reviewed, bridge.Deed{Kind: bridge.DoApprove, Text: long}), "decline": desk.Do(ctx, reviewed, bridge.Deed{Kind: bridge.DoDecline, Text: long}), "waive": desk.Do(ctx, living, bridge.Deed{Kind: bridge.DoWaive, Text: long}),
		"refund": desk.Do(ctx, living, bridge.Deed{Kind: bridge.DoRefund, Amount: bridge.NewAmount(1, "eur"), Text: long}), "end": desk.Do(ctx, living, bridge.Deed{Kind: bridge.DoEnd, Text: long}),
		"assign": desk.Do(ctx, living, bridge.Deed{Kind: bridge.DoAssign, To: strings.Repeat("x", 101)}),
	} {
		wantKind(t, what, err, bridge.Invalid)
	}
	wantKind(t, "the longest reason", desk.Do(ctx, reviewed, bridge.Deed{Kind: bridge.DoApprove, Text: long[1:]}), "")
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
		wantKind(t, "a note", desk.Do(ctx, id, bridge.Deed{Kind: bridge.DoNote, Text: "hm"}), "")
	}
	wantKind(t, "the same key for another operation", desk.Do(ctx, id, bridge.Deed{Kind: bridge.DoAssign, To: "rita"}), "")
	wantKind(t, "the same key of another person", w.service.Desk(paul).Once("k1").Do(ctx, id, bridge.Deed{Kind: bridge.DoNote, Text: "hm"}), "")
	wantKind(t, "another key", w.service.Desk(rita).Once("k2").Do(ctx, id, bridge.Deed{Kind: bridge.DoNote, Text: "hm"}), "")
	wantKind(t, "a decision", desk.Do(ctx, id, bridge.Deed{Kind: bridge.DoApprove}), "")
	wantKind(t, "the decision repeated", desk.Do(ctx, id, bridge.Deed{Kind: bridge.DoApprove}), "")
	wantKind(t, "the decision without a key", w.service.Desk(rita).Do(ctx, id, bridge.Deed{Kind: bridge.DoApprove}), bridge.Conflict)
	r, err := w.service.Get(ctx, id)
	if err != nil || len(r.Notes) != 3 || r.Assigned != "rita" {
		t.Errorf("%d notes, assigned to %q (%v)", len(r.Notes), r.Assigned, err)
	}
}

func TestWhatHasChangedSinceItWasSeenIsNotDecided(t *testing.T) {
	w := newWorld(t)
	id, ctx := w.ask("reviewed"), t.Context()
	seen := w.wantState(id, bridge.StateReviewing).Edition()
	wantKind(t, "a note by somebody else", w.service.Desk(paul).Do(ctx, id, bridge.Deed{Kind: bridge.DoNote, Text: "wait"}), "")
	desk := w.service.Desk(rita).Seen(seen)
	for what, err := range map[string]error{
		"approve": desk.Do(ctx, id, bridge.Deed{Kind: bridge.DoApprove}), "decline": desk.Do(ctx, id, bridge.Deed{Kind: bridge.DoDecline, Text: "no"}), "note": desk.Do(ctx, id, bridge.Deed{Kind: bridge.DoNote, Text: "hm"}),
		"ask": desk.Do(ctx, id, bridge.Deed{Kind: bridge.DoAsk, Text: "Why?"}), "assign": desk.Do(ctx, id, bridge.Deed{Kind: bridge.DoAssign, To: "rita"}), "retry": desk.Do(ctx, id, bridge.Deed{Kind: bridge.DoRetry}),
	} {
		if !errors.Is(err, bridge.ErrMoved) {
			t.Errorf("%s: %v", what, err)
		}
	}
	r := w.wantState(id, bridge.StateReviewing)
	if len(r.Notes) != 1 || r.Edition() == seen {
		t.Errorf("%d notes, edition %s", len(r.Notes), r.Edition())
	}
	wantKind(t, "with what is there now", w.service.Desk(rita).Seen(r.Edition()).Once("k").Do(ctx, id, bridge.Deed{Kind: bridge.DoApprove}), "")
	wantKind(t, "repeated, with what was there then", w.service.Desk(rita).Seen(r.Edition()).Once("k").Do(ctx, id, bridge.Deed{Kind: bridge.DoApprove}), "")
}

// What a page offers and foretells is what is done: in every state that a request comes
// through, a deed that is allowed and foreseen is done, and one that is not is refused alike.
func TestWhatIsAllowedIsWhatIsDone(t *testing.T) {
	reach := func(w *world, plan string, states ...bridge.State) bridge.ID {
		id := w.ask(plan)
		for i, state := range states {
			if i > 0 {
				w.provider.pay(id)
			}
			w.wantState(id, state)
		}
		return id
	}
	ways := map[string]func(*world) bridge.ID{
		"paying":    func(w *world) bridge.ID { return reach(w, "paid", bridge.StatePaying) },
		"reviewing": func(w *world) bridge.ID { return reach(w, "reviewed", bridge.StateReviewing) },
		"paid for":  func(w *world) bridge.ID { return reach(w, "paid", bridge.StatePaying, bridge.StateActive) },
		"free":      func(w *world) bridge.ID { return reach(w, "free", bridge.StateActive) },
		"held up":   heldUp,
		"declined": func(w *world) bridge.ID {
			id := reach(w, "reviewed", bridge.StateReviewing)
			wantKind(t, "the decline", w.desk("jo").Do(w.Context(), id, bridge.Deed{Kind: bridge.DoDecline, Text: "no"}), "")
			w.wantState(id, bridge.StateDeclined)
			return id
		},
	}
	for name, come := range ways {
		for _, kind := range bridge.DeedKinds {
			w := newWorld(t)
			id := come(w)
			r := w.get(id)
			d := bridge.Deed{Kind: kind, Text: "as agreed", Amount: r.Payment.Kept(), To: "anna"}
			allowed := r.Allows(kind)
			_, _, foreseen := bridge.Foresee(r, d, bridge.Actor{Kind: bridge.ByPerson, Name: "anna"}, w.now())
			done := w.desk("anna").Do(w.Context(), id, d)
			if bridge.KindOf(allowed) != bridge.KindOf(done) || bridge.KindOf(foreseen) != bridge.KindOf(done) {
				t.Errorf("%s a request that is %s: allowed %v, foreseen %v, done %v", kind, name, allowed, foreseen, done)
			}
		}
	}
}

// heldUp is a request whose payment is disputed before its approval gave access.
func heldUp(w *world) bridge.ID {
	w.Helper()
	id := w.ask("monthly")
	w.wantState(id, bridge.StatePaying)
	w.provider.pay(id)
	w.failing("approve", cutBefore)
	w.wantState(id, bridge.StateApproving)
	w.provider.change(id, func(a *account) { a.money.State = bridge.Disputed })
	w.failing("", fine)
	w.wantState(id, bridge.StateApproving)
	return id
}

// Nobody gets a key by a payment that is in dispute, and its subscription goes on: a person can
// say that it was long enough.
func TestAnApprovalThatIsHeldUpCanBeDeclined(t *testing.T) {
	w := newWorld(t)
	id := heldUp(w)
	wantKind(t, "the decline", w.desk("anna").Do(w.Context(), id, bridge.Deed{Kind: bridge.DoDecline, Text: "the bank took too long"}), "")
	r := w.wantState(id, bridge.StateDeclining) // what the bank does is waited for
	if r.Payment.Subscribed || r.Access.Have != bridge.Gone {
		t.Errorf("subscribed %v, access %s", r.Payment.Subscribed, r.Access.Have)
	}
	w.provider.change(id, func(a *account) { a.money.State = bridge.Paid })
	if r = w.wantState(id, bridge.StateDeclined); r.Payment.Kept().Minor != 0 {
		t.Errorf("kept %s", r.Payment.Kept())
	}
}

func TestOnlyAnApprovalThatIsHeldUpCanBeDeclined(t *testing.T) {
	approve := verdict(bridge.Approve)
	for name, one := range map[string]struct {
		r    bridge.Request
		want bridge.Kind
	}{
		"disputed":                             {request(approve, money(bridge.Disputed)), ""},
		"disputed, and the terms say keep":     {request(approve, money(bridge.Disputed), with(func(r *bridge.Request) { r.Terms.Disputed = bridge.Keep })), bridge.Conflict},
		"disputed, and the key works":          {request(approved, money(bridge.Disputed)), bridge.Conflict},
		"overdue":                              {request(approve, overdue(time.Hour)), ""},
		"of an account that is deactivated":    {request(approve, money(bridge.Paid), inactive), ""},
		"paid":                                 {request(approve, money(bridge.Paid)), bridge.Conflict},
		"declined already, and still disputed": {request(verdict(bridge.Decline), money(bridge.Disputed)), bridge.Conflict},
	} {
		wantKind(t, name, one.r.Allows(bridge.DoDecline), one.want)
		wantKind(t, "approve what is "+name, one.r.Allows(bridge.DoApprove), bridge.Conflict)
	}
}
