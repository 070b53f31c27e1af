package sandbox

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
)

// mostRows is how many rows each table of the dashboard shows, the newest first.
const mostRows = 50

type dashboardPage struct {
	Now           int64
	Notice        string
	Holding       bool
	Losing        bool
	Sessions      []sessionRow
	Subscriptions []subscriptionRow
	Events        []eventRow
	Endpoints     []endpointRow
	Faults        []Fault
	Count         map[string]int
	Path          string
}

type sessionRow struct {
	ID, Mode, Status, Payment, Amount, Reference string
	Created                                      int64
}

type eventRow struct {
	ID, Type  string
	Created   int64
	Delivered bool
	Unwanted  bool // no endpoint takes its type
	Tries     []Delivery
}

type endpointRow struct{ ID, URL, Version, Events, Status string }

func (s *Server) showDashboard(w http.ResponseWriter, _ *http.Request) {
	s.dashboard(w, http.StatusOK, "")
}

func (s *Server) dashboard(w http.ResponseWriter, status int, notice string) {
	s.mu.Lock()
	s.ledger.catchUp()
	l := s.ledger
	page := dashboardPage{Path: "/", Now: l.unix(), Notice: notice, Count: map[string]int{
		"sessions": len(l.sessions.rows), "subscriptions": len(l.subscriptions.rows), "events": len(l.events.rows),
	}}
	for _, of := range latest(l.sessions) {
		page.Sessions = append(page.Sessions, sessionRowOf(of))
	}
	for _, sub := range latest(l.subscriptions) {
		page.Subscriptions = append(page.Subscriptions, rowOf(sub))
	}
	for _, h := range latest(l.hooks) {
		if !h.gone() {
			page.Endpoints = append(page.Endpoints, endpointRowOf(h))
		}
	}
	events := latest(l.events)
	s.mu.Unlock()
	page.Events = s.eventRows(events)
	page.Faults = s.Faults()
	page.Losing = slices.ContainsFunc(page.Faults, func(f Fault) bool { return f.Kind == WebhookLoss })
	page.Holding = s.courier.isHolding()
	s.show(w, status, "dashboard.html", page)
}

// latest are the newest rows of a shelf, newest first.
func latest[T entry](s *shelf[T]) []T {
	rows := slices.Clone(s.rows[max(0, len(s.rows)-mostRows):])
	slices.Reverse(rows)
	return rows
}

func sessionRowOf(of *session) sessionRow {
	row := sessionRow{
		ID: of.id, Mode: of.mode, Status: of.status, Payment: of.payment, Reference: of.reference, Created: of.created,
	}
	if of.mode != "setup" {
		row.Amount = Amount(of.total, of.currency)
	}
	return row
}

func endpointRowOf(h *hook) endpointRow {
	row := endpointRow{ID: h.id, URL: h.URL, Version: h.APIVersion, Events: strings.Join(h.Events, ", "), Status: "enabled"}
	if h.Disabled {
		row.Status = "disabled"
	}
	return row
}

func (s *Server) eventRows(events []*event) []eventRow {
	rows := make([]eventRow, len(events))
	for i, e := range events {
		rows[i] = eventRow{
			e.id, e.kind, e.created, s.courier.delivered(e.id), s.courier.unwanted(e.id), s.courier.tries(e.id),
		}
	}
	return rows
}

// pressDashboard is what is done to the sandbox as a whole.
func (s *Server) pressDashboard(w http.ResponseWriter, r *http.Request) {
	switch r.PostFormValue("action") {
	case "hold":
		s.Hold(true)
	case "release":
		s.Hold(false)
	case "lose":
		s.Fault(Fault{Kind: WebhookLoss})
	case "clear":
		s.ClearFaults()
	case "advance":
		by, err := time.ParseDuration(r.PostFormValue("by"))
		if err != nil || by <= 0 {
			s.dashboard(w, http.StatusBadRequest, "The clock goes forward by a time such as 1h or 168h.")
			return
		}
		s.Advance(by)
	default:
		s.dashboard(w, http.StatusBadRequest, "That is not something this page can do.")
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// button is one thing that may happen to an object now.
type button struct{ Action, Text, Hint string }

type objectPage struct {
	ID, Kind, Path, Notice string
	Facts                  []fact
	Buttons                []button
	Refundable             string // what can be refunded, as text; empty = nothing
	Events                 []eventRow
	JSON                   string
}

type fact struct{ Name, Value, Link string }

func (s *Server) showObject(w http.ResponseWriter, r *http.Request) {
	s.object(w, r, http.StatusOK, "")
}

func (s *Server) object(w http.ResponseWriter, r *http.Request, status int, notice string) {
	id := r.PathValue("id")
	s.mu.Lock()
	s.ledger.catchUp()
	on, ok := s.ledger.target(id)
	var page objectPage
	var events []*event
	if ok {
		page = s.ledger.objectPage(id, on)
		events = s.ledger.eventsOf(page.Facts)
	}
	s.mu.Unlock()
	if !ok {
		s.showTrouble(w, http.StatusNotFound, trouble{Title: "There is no such object", Back: "/", BackText: "All of the sandbox"})
		return
	}
	page.Path, page.Notice = r.URL.Path, notice
	page.Events = s.eventRows(events)
	s.show(w, status, "object.html", page)
}

// eventsOf are the latest events of everything a page names, the newest first.
func (l *ledger) eventsOf(facts []fact) []*event {
	var places []int
	for _, of := range facts {
		places = append(places, l.events.marks["subject="+of.Value]...)
	}
	slices.Sort(places)
	places = slices.Compact(places)
	slices.Reverse(places)
	var rows []*event
	for _, at := range places[:min(len(places), mostRows)] {
		rows = append(rows, l.events.rows[at])
	}
	return rows
}

func (l *ledger) objectPage(id string, on target) objectPage {
	p := objectPage{ID: id}
	add := func(name, value, link string) {
		if value != "" {
			p.Facts = append(p.Facts, fact{name, value, link})
		}
	}
	if of := on.session; of != nil {
		add("Checkout session", of.id, "/sessions/"+of.id)
		add("Mode", of.mode, "")
		add("Status", of.status, "")
		add("Payment", of.payment, "")
		add("Setup intent", of.setup, "")
	}
	if sub := on.sub; sub != nil {
		add("Subscription", sub.id, "/subscriptions/"+sub.id)
		add("Subscription status", sub.status, "")
		add("Paid until", clockTime(sub.until), "")
	}
	if in := on.invoice; in != nil {
		add("Latest invoice", in.id, "")
		add("Invoice", in.status+", "+Amount(in.total, in.currency), "")
	}
	if i := on.intent; i != nil {
		add("Payment intent", i.id, "")
		add("Intent", i.status+", "+Amount(i.amount, i.currency), "")
	}
	if c := on.charge; c != nil {
		add("Charge", c.id, "")
		add("Charged", c.status+", "+Amount(c.collected, c.currency)+" taken, "+Amount(c.refunded, c.currency)+" given back", "")
		if left := c.collected - c.refundedOfCollected(); c.captured && left > 0 && !l.chargedBack(c) {
			p.Refundable = Amount(left, c.currency)
		}
	}
	p.Kind = "Checkout session"
	if on.session == nil || id != on.session.id {
		p.Kind = "Subscription"
	}
	p.Buttons = l.buttons(on)
	if found, ok := l.find(id); ok {
		p.JSON = indented(found)
	}
	return p
}

// buttons are the actions that make sense now.
func (l *ledger) buttons(on target) []button {
	var all []button
	if of := on.session; of != nil && of.status == "open" {
		all = append(all, button{"expire", "Let expire", "the customer never comes"})
	}
	if i := on.intent; i != nil && i.status == "processing" {
		all = append(all,
			button{"settle", "The bank pays", "the delayed payment succeeds"},
			button{"fail", "The bank refuses", "the delayed payment fails"})
	}
	if i := on.intent; i != nil && i.status == "requires_capture" {
		all = append(all,
			button{"capture", "Capture", "take the money that is held"},
			button{"void", "Void", "let go of it"},
			button{"lapse", "Let the authorisation lapse", "seven days pass"})
	}
	if c := on.charge; c != nil && c.captured {
		all = append(all, l.chargeButtons(c)...)
	}
	if sub := on.sub; sub != nil && !sub.over() {
		all = append(all, l.subscriptionButtons(sub)...)
	}
	return all
}

func (l *ledger) chargeButtons(c *charge) []button {
	all := []button{{"warn", "Fraud warning", "the card's issuer suspects fraud"}}
	d, open := l.openDispute(c)
	switch {
	case open && d.inquiry():
		all = append(all, button{"dispute", "Inquiry becomes a dispute", "the money is taken back"},
			button{"win", "Close the inquiry", "nothing comes of it"})
	case open:
		all = append(all, button{"win", "Dispute won", "the money stays"}, button{"lose", "Dispute lost", "the money is gone"})
	case c.collected > c.refundedOfCollected() && !l.chargedBack(c):
		all = append(all, button{"dispute", "Dispute", "the cardholder wants the money back"},
			button{"inquire", "Inquiry", "the cardholder's bank asks first"})
	}
	return all
}

func (l *ledger) subscriptionButtons(sub *subscription) []button {
	var all []button
	switch sub.status {
	case "trialing":
		all = append(all, button{"warn_trial", "Announce the end of the trial", "as Stripe does three days before"},
			button{"end_trial", "End the trial", "the paid period begins"})
	case "paused":
		all = append(all, button{"resume", "Resume", "a new period begins"})
	case "incomplete":
		all = append(all, button{"incomplete", "Give the first payment up", "23 hours pass"})
	case "past_due":
		all = append(all, button{"give_up", "Give up retrying", "as the account is set"})
	}
	if _, owes := l.owed(sub); owes && sub.status != "incomplete" {
		all = append(all, button{"retry", "Pays again", "the open invoice is collected"})
	}
	if sub.status != "incomplete" && sub.status != "paused" {
		all = append(all, button{"renew", "Renew", "the period ends and the next is paid"},
			button{"miss", "Renewal fails", "the card is declined"},
			button{"require_action", "Renewal needs the customer", "the bank asks for authentication"},
			button{"pause", "Pause", "no invoices until it is resumed"})
	}
	if sub.cancelAtEnd {
		all = append(all, button{"keep", "Do not cancel after all", "it goes on"})
	} else {
		all = append(all, button{"cancel_later", "Cancel at period end", "it runs until the period is over"})
	}
	return append(all, button{"cancel", "Cancel now", "it ends at once"})
}

func (s *Server) pressObject(w http.ResponseWriter, r *http.Request) {
	args := Args{"amount": r.PostFormValue("amount")}
	err := s.Act(r.PathValue("id"), r.PostFormValue("action"), args)
	switch {
	case err == nil || errors.Is(err, ErrDeclined):
		goBack(w)
	case errors.Is(err, ErrUnknown):
		s.object(w, r, http.StatusBadRequest, "That is not something this page can do.")
	default:
		_, why, _ := strings.Cut(err.Error(), ErrNotNow.Error()+": ")
		s.object(w, r, http.StatusConflict, "Not possible now: "+why+".")
	}
}

// pressDeliver delivers an event once more and goes back to where it was pressed.
func (s *Server) pressDeliver(w http.ResponseWriter, r *http.Request) {
	back := r.PostFormValue("back")
	if !strings.HasPrefix(back, "/") || strings.HasPrefix(back, "//") || strings.Contains(back, "\\") {
		back = "/"
	}
	if err := s.courier.deliverNow(r.Context(), r.PathValue("event")); err != nil {
		s.showTrouble(w, http.StatusBadGateway, trouble{Title: "The event was not taken", Text: err.Error(), Back: back, BackText: "Back"})
		return
	}
	http.Redirect(w, r, back, http.StatusSeeOther)
}

func (c *courier) isHolding() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.holding
}
