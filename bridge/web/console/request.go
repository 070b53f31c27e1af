package console

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
	"keybridge/bridge/web"
)

// requestView is the page of one request.
type requestView struct {
	frame
	ID        bridge.ID
	Href      string
	Applicant who
	Plan      string
	State     state
	Age, Made string
	Why       string
	// Unanswered says that a question waits for its answer.
	Unanswered string
	// Flash says what was just done. Second says who approved first.
	Flash, Second string
	// Next is the next action and when it comes, Error the last one in words.
	Next, When, Error, ErrorAt string
	Portal, Money, Bridge      column
	Asked                      []named
	Reasons                    []named
	Terms                      []named
	Steps                      []stepView
	Notes                      []noteView
	Told                       []toldView
	Refs                       []refView
	Entries                    []entryView
	// Broken says what is wrong with the history.
	Broken string
	// Offers are the deeds that can be done, Barred says why others may not be.
	Offers []deed
	Barred []string
	// Note, Assign and Retry are offered beside the others.
	Note, Assign, Retry bool
	People              []choice
	Assigned            string
	Unsent              unsent
	// Edition names the record as the page shows it, Updated is when it was read, Here the
	// page's address, and Every after how many milliseconds a script asks for another.
	Edition, Updated, Here string
	Every                  int
}

// unsent is a note that could not be added, and why.
type unsent struct{ Note, Problem string }

// column is what one side has, and what it should have.
type column struct {
	Title, Have, Want string
	// HaveName and WantName are what the two are called.
	HaveName, WantName string
	// Same: nothing has to be done.
	Same  bool
	Lines []named
}

type stepView struct{ Kind, State, Tone, At, By, Why string }

type noteView struct{ Kind, Tone, At, By, Text string }

type toldView struct{ What, At, Unsent string }

type refView struct{ System, Kind, ID, Href string }

type entryView struct{ At, Stamp, Actor, What, Before, After, Why string }

// request shows everything that is known of one request. That somebody looked is
// recorded: the page names the applicant.
func (s *Console) request(c *gin.Context, p bridge.Person) error {
	id, ok := bridge.ParseID(c.Param("id"))
	if !ok {
		return errNotHere
	}
	r, err := s.cfg.Service.Desk(p).Get(c.Request.Context(), id)
	if err != nil {
		return err
	}
	if c.GetHeader("If-None-Match") == edition(r) {
		c.Status(http.StatusNotModified) // the page that has asked shows it already, so nothing is seen anew
		c.Writer.WriteHeaderNow()
		return nil
	}
	return s.showRequest(c, p, r, http.StatusOK, unsent{})
}

// edition is another one after every change of the record: what people see of it
// (bridge.Request.Edition), and what the worker has noted. RFC 9110 section 8.8.3.
func edition(r bridge.Request) string { return fmt.Sprintf(`"%s-%d"`, r.Edition(), r.Revision) }

func (s *Console) showRequest(c *gin.Context, p bridge.Person, r bridge.Request, status int, note unsent) error {
	now := s.cfg.Now()
	s.cfg.Record(c.Request.Context(), bridge.Entry{Request: r.ID, At: now.UTC(), Actor: p.Actor(), What: bridge.WhatViewed})
	view := requestView{
		frame: s.desk(c, p, cmp.Or(r.Terms.Plan, "Key request")), ID: r.ID, Href: requestPath + string(r.ID), Applicant: applicant(r),
		Plan: r.Terms.Plan, State: stateOf(r.State()), Age: age(now.Sub(r.Created)), Made: s.moment(r.Created), Why: whyWaits(r),
		Flash: flash(bridge.DeedKind(c.Query("done")), r), Second: s.second(r), Error: errorWords(r), ErrorAt: s.moment(r.Work.ErrorAt),
		Reasons: reasons(r), Assigned: r.Assigned, Unsent: note, Edition: edition(r), Updated: s.clock(now), Here: requestPath + string(r.ID),
		Every: int(everyQueue.Milliseconds()),
	}
	view.Unanswered = unanswered(r)
	view.Next, view.When = s.next(r, now)
	view.Portal, view.Money, view.Bridge = s.columns(r, now)
	view.Asked, view.Terms = s.asked(r), s.terms(r)
	s.lists(&view, r)
	s.history(c, p, r, &view)
	s.offer(c, p, r, &view)
	return s.pages.Render(c, status, "request", view)
}

// flash says what was just done, if the address says so and the request bears it out: an
// address can be made up.
func flash(done bridge.DeedKind, r bridge.Request) string {
	d, ok := deedOf(string(done))
	p := r.Payment
	_, asked := r.Unanswered()
	switch {
	case !ok:
		return ""
	case done == bridge.DoApprove && r.Allows(done) == nil && len(r.Seconded) > 0:
		return "Your approval is kept. It takes a second person's."
	case d.harmless, done == bridge.DoAsk && asked, done == bridge.DoRefund && (p.Refund.Amount.Minor > 0 || p.Returned.Minor > 0):
		return d.Done
	case done == bridge.DoAsk, done == bridge.DoRefund, r.Allows(done) == nil:
		return ""
	}
	return d.Done
}

// second says who approved first, where a second person is needed.
func (s *Console) second(r bridge.Request) string {
	switch {
	case r.Allows(bridge.DoApprove) != nil || !r.Above():
		return ""
	case len(r.Seconded) == 0:
		return "This request takes two persons' approval, because " + aboveWords(r) + "."
	}
	m := r.Seconded[0]
	text := "Approved first by " + m.By.Name + ", " + s.moment(m.At)
	if m.Why != "" {
		text += " (" + m.Why + ")"
	}
	return text + ". A second person is needed."
}

func errorWords(r bridge.Request) string {
	if r.Work.Error == "" {
		return ""
	}
	text := r.Work.Error
	if r.Work.Doing != "" {
		text = upper(r.Work.Doing) + ": " + text
	}
	if r.Work.Failures > 1 {
		text += " (" + strconv.Itoa(r.Work.Failures) + " times in a row)"
	}
	return text
}

// next is the next action and when it comes.
func (s *Console) next(r bridge.Request, now time.Time) (what, when string) {
	when = s.moment(r.Work.Next)
	if when != "" && !r.Work.Next.After(now) {
		when = "now"
	}
	a, ok := bridge.Next(r, now)
	switch {
	case r.Access.Have == bridge.Unread:
		return "Read the key request from " + s.title(r.Portal), cmp.Or(when, "now")
	case ok && r.Work.Failures == 0:
		return upper(a.String()), "now" // what asks for it has made it due
	case ok:
		return upper(a.String()), cmp.Or(when, "now")
	case !r.Access.Missing.IsZero():
		return "The portal does not find the key request any more. It is asked once more before that is believed", when
	}
	if when == "" {
		return "Nothing to do: " + waitsFor(r), "looked at again when something changes"
	}
	return "Nothing to do: " + waitsFor(r), "looked at again " + when
}

func waitsFor(r bridge.Request) string {
	step, waits := r.Current()
	asked := waits && r.Verdict.Outcome == bridge.Open
	stage := r.Stage()
	moving := stage == bridge.StateApproving || stage == bridge.StateDeclining
	switch {
	case stage == bridge.StateDeclined || stage == bridge.StateEnded:
		return "it is over"
	case moving && r.Payment.Have == bridge.Disputed:
		return "the payment is in dispute, and the bank decides about it"
	case moving && r.Payment.Have == bridge.Overdue:
		return "the payment is overdue"
	case moving && r.Payment.Have == bridge.Processing:
		return "the payment is on its way"
	case asked && step.Kind == bridge.Review:
		return "it waits for a person"
	case (asked || moving) && !r.Access.Inactive.IsZero():
		return "the developer's account is deactivated"
	case asked:
		return "it waits for the applicant's " + string(step.Kind)
	}
	return "everything is as it should be"
}

// columns are portal, money and bridge side by side.
func (s *Console) columns(r bridge.Request, now time.Time) (portal, money, ours column) {
	want := r.Want(now)
	portal = column{Title: "Portal", HaveName: "Have", WantName: "Want", Have: accessWords(r.Access.Have), Want: accessWords(want.Access), Same: r.Access.Have == want.Access}
	portal.add("Portal", s.title(r.Portal))
	portal.add("Key request", r.Key)
	portal.add("First granted", s.moment(r.Access.Granted))
	portal.add("Suspended by the portal's admin", s.moment(r.Access.Stopped.At))
	portal.add("Not found since", s.moment(r.Access.Missing))
	portal.add("Account deactivated since", s.moment(r.Access.Inactive))

	p := r.Payment
	due, _ := bridge.Next(r, now)
	money = column{Title: "Money", HaveName: "Have", WantName: "Want", Have: paymentWords(p.Have), Want: wantWords[want.Payment], Same: !moves[due.Kind]}
	if order := p.Refund.Amount; order.Minor > 0 {
		money.Want = web.FormatAmount(order) + " given back in all, the rest kept"
	}
	money.add("Provider", r.Terms.Provider)
	money.add("Collected", web.FormatAmount(p.Collected))
	if p.Returned.Minor > 0 {
		money.add("Returned", web.FormatAmount(p.Returned))
	}
	if p.Refund.Amount.Minor > 0 {
		money.add("Refund ordered", s.moment(p.Refund.Mark.At)+", by "+p.Refund.Mark.By.Name)
		money.add("Refund because", p.Refund.Mark.Why)
	}
	money.add("Checkout", checkoutWords(p.Checkout))
	money.add("Checkout closes", s.moment(p.Checkout.Expires))
	if p.Subscribed {
		money.add("Subscription", "renews by itself")
	}
	money.add("Paid until", s.moment(p.PaidUntil))
	money.add("Overdue since", s.moment(p.OverdueSince))
	money.add("Cancelled for", s.moment(p.CancelsAt))
	money.add("Went wrong", p.Why)

	ours = column{Title: "Bridge", HaveName: "Stands at", WantName: "Verdict", Have: string(r.Stage()), Want: string(r.Verdict.Outcome), Same: true}
	ours.add("Decided by", byWhom(r.Verdict.Mark))
	ours.add("Decided", s.moment(r.Verdict.Mark.At))
	ours.add("Because", r.Verdict.Mark.Why)
	ours.add("Ended by", byWhom(r.Ended))
	ours.add("Ended", s.moment(r.Ended.At))
	ours.add("Ended because", r.Ended.Why)
	ours.add("Waived by", byWhom(r.Waived))
	ours.add("Made by", r.Maker.Name)
	ours.add("Looked after by", r.Assigned)
	if r.Work.Failures > 0 {
		ours.add("Failures in a row", strconv.Itoa(r.Work.Failures))
	}
	return portal, money, ours
}

// moves are the actions that have to do with money.
var moves = map[bridge.ActionKind]bool{
	bridge.OpenCheckout: true, bridge.ExpireCheckout: true, bridge.CapturePayment: true, bridge.VoidPayment: true,
	bridge.RefundPayment: true, bridge.CancelPayment: true,
}

// add adds a line, unless there is nothing to say.
func (c *column) add(name, value string) {
	if value != "" {
		c.Lines = append(c.Lines, named{name, value})
	}
}

func checkoutWords(c bridge.Checkout) string {
	if c.State == bridge.NoCheckout {
		return ""
	}
	return string(c.State) + ", for " + string(c.For)
}

// byWhom names who did something; empty when nobody did.
func byWhom(m bridge.Mark) string {
	if m.By == (bridge.Actor{}) {
		return ""
	}
	return m.By.String()
}

// asked is who asks and for what.
func (s *Console) asked(r bridge.Request) []named {
	var c column
	a := r.Applicant
	c.add("Name", a.Name)
	c.add("Organisation", a.Organisation)
	c.add("E-mail", a.Email)
	c.add("App", a.App)
	c.add("Developer's id", a.ID)
	c.add("Catalogue entry", r.Asked.Entry)
	for _, policy := range r.Asked.Policies {
		c.add("Policy or product", policy)
	}
	c.add("Portal's plan", r.Asked.Plan)
	c.add("Asked", s.moment(r.Asked.At))
	c.add("Came here", s.moment(r.Arrival.At))
	return c.Lines
}

// terms is what the plan demands.
func (s *Console) terms(r bridge.Request) []named {
	var c column
	t := r.Terms
	if r.Access.Have == bridge.Unread {
		return []named{{"Terms", "not known until the portal was read"}}
	}
	for _, line := range t.Lines {
		c.add(cmp.Or(line.Name, "Price"), cmp.Or(web.FormatPrice(line), "not quoted yet"))
	}
	if len(t.Lines) == 0 {
		c.add("Price", "free")
	}
	if total, ok := t.Total(); ok && len(t.Lines) > 1 {
		c.add("First payment", web.FormatAmount(total))
	}
	if t.Hold {
		c.add("Payment", "held first, taken with the approval")
	}
	if t.TrialDays > 0 {
		c.add("Trial", strconv.Itoa(t.TrialDays)+" days")
	}
	if t.Grace > 0 {
		c.add("Access while overdue", age(t.Grace))
	}
	c.add("When refunded in full", string(cmp.Or(t.Refunded, bridge.Revoke))+" access")
	c.add("When disputed", string(cmp.Or(t.Disputed, bridge.Suspend))+" access")
	c.add("Two persons above", web.FormatAmount(t.Second))
	c.add("For a person, because", t.Why)
	return c.Lines
}

// lists are the steps, notes, messages and refs.
func (s *Console) lists(view *requestView, r bridge.Request) {
	tone := map[bridge.StepState]string{bridge.Met: "good", bridge.Failed: "bad", bridge.Waived: "over", bridge.Waiting: "wait"}
	for _, step := range r.Steps {
		by := byWhom(step.Mark)
		view.Steps = append(view.Steps, stepView{upper(string(step.Kind)), string(step.State), tone[step.State], s.moment(step.Mark.At), by, step.Mark.Why})
	}
	for _, n := range r.Notes {
		by := cmp.Or(n.By.Name, "the applicant")
		view.Notes = append(view.Notes, noteView{upper(string(n.Kind)), string(n.Kind), s.moment(n.At), by, n.Text})
	}
	for _, told := range r.Told {
		unsent := ""
		if told.Unsent {
			unsent = "not sent"
		}
		view.Told = append(view.Told, toldView{upper(toldWords[told.Kind]), s.moment(told.At), unsent})
	}
	for _, ref := range r.Refs {
		view.Refs = append(view.Refs, refView{ref.System, upper(string(ref.Kind)), ref.ID, onTheWeb(s.cfg.Links(ref))})
	}
	if key := (bridge.Ref{System: r.Portal, Kind: bridge.RefRequest, ID: r.Key}); !slices.Contains(r.Refs, key) {
		view.Refs = append([]refView{{s.title(r.Portal), "Key request", r.Key, onTheWeb(s.cfg.Links(key))}}, view.Refs...)
	}
}

// onTheWeb returns an address if it is one that browsers are sent to.
func onTheWeb(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	return address
}

// history fills in the timeline, newest first. A chain that is broken is shown as far as
// it goes, and said to be broken.
func (s *Console) history(c *gin.Context, p bridge.Person, r bridge.Request, view *requestView) {
	entries, err := s.cfg.Service.Desk(p).History(c.Request.Context(), r.ID)
	if err != nil {
		s.cfg.Log.Error("the history of a request cannot be relied on", "request", r.ID, "error", err)
		view.Broken = "It could not be read. " + bridge.Explain(err)
		_, unread := errors.AsType[*bridge.Error](err)
		if wrong := bridge.VerifyHistory(entries, r.Head); wrong != nil && !unread {
			view.Broken = upper(wrong.Error()) + "."
		}
	}
	for _, e := range slices.Backward(entries) {
		view.Entries = append(view.Entries, entryView{
			At: s.moment(e.At), Stamp: e.At.UTC().Format(time.RFC3339), Actor: e.Actor.String(), What: upper(string(e.What)),
			Before: e.Before, After: e.After, Why: e.Why,
		})
	}
}

// offer fills in what the person can do. What only somebody else may do is said where the
// request waits for it.
func (s *Console) offer(c *gin.Context, p bridge.Person, r bridge.Request, view *requestView) {
	desk := s.cfg.Service.Desk(p)
	for _, d := range deeds {
		if r.Allows(d.Kind) != nil {
			continue
		}
		barred := desk.Barred(d.Kind, r)
		switch {
		case barred != nil && (d.Kind == bridge.DoApprove || d.Kind == bridge.DoRetry && r.Work.Attention):
			view.Barred = append(view.Barred, bridge.Explain(barred))
		case barred != nil:
		case d.Kind == bridge.DoNote:
			view.Note = true
		case d.Kind == bridge.DoAssign:
			view.Assign = true
		case d.Kind == bridge.DoRetry:
			view.Retry = true
		default:
			view.Offers = append(view.Offers, d)
		}
	}
	if view.Assign {
		var all []choice
		for _, name := range s.people(c, p) {
			all = append(all, choice{Value: name, Text: name})
		}
		view.People = choices(r.Assigned, "Nobody", all)
	}
}
