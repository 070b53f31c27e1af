package sandbox

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"
)

// checkoutPage is what the hosted checkout shows.
type checkoutPage struct {
	ID, Status, Mode, Heading, Notice string
	Shop                              string
	Lines                             []checkoutLine
	Total, Currency                   string
	Recurring, Trial                  string
	Email                             string
	EmailFixed                        bool
	Cancel                            string
	Button                            string
	Manual, Later, NoCard, Codes      bool
	Discount                          string
	Outcomes                          []outcome
}

type checkoutLine struct{ Name, Each, Amount string }

// outcome is one test card: the sandbox never asks for a number.
type outcome struct{ Value, Text string }

func outcomes(mode string) []outcome {
	all := []outcome{
		{"ok", "Test card that works (•••• 4242)"},
		{"generic_decline", "Test card that is declined (•••• 0002)"},
		{"insufficient_funds", "Test card without enough money (•••• 9995)"},
		{"expired_card", "Test card that has expired (•••• 0069)"},
		{"authentication_required", "Test card whose holder fails the bank's check (•••• 3184)"},
	}
	if mode == "subscription" {
		all = append(all, outcome{"later", "Test card that works now and fails at every renewal (•••• 0341)"})
	}
	return all
}

func (s *Server) showCheckout(w http.ResponseWriter, r *http.Request) {
	s.checkout(w, r.PathValue("session"), http.StatusOK, "", "")
}

// checkout shows the page of a session as it stands.
func (s *Server) checkout(w http.ResponseWriter, id string, status int, notice, email string) {
	s.mu.Lock()
	s.ledger.catchUp()
	of, ok := s.ledger.sessions.get(id)
	var page checkoutPage
	if ok {
		page = s.ledger.checkoutPage(of)
	}
	s.mu.Unlock()
	if !ok {
		s.showTrouble(w, http.StatusNotFound, trouble{Title: "There is no such checkout",
			Text: "The address is not one this sandbox gave out, or the sandbox was started again since."})
		return
	}
	page.Notice = notice
	if email != "" && !page.EmailFixed {
		page.Email = email
	}
	s.show(w, status, "checkout.html", page)
}

func (l *ledger) checkoutPage(of *session) checkoutPage {
	p := checkoutPage{
		ID: of.id, Status: of.status, Mode: of.mode, Shop: hostOf(of.success), Cancel: of.cancel, Email: of.email,
		Manual: of.manual(), Outcomes: outcomes(of.mode), Currency: of.currency,
		NoCard: of.mode == "subscription" && of.total == 0 && of.collection == "if_required",
	}
	p.Codes, _ = of.settings["allow_promotion_codes"].(bool)
	if c, ok := l.customers.get(of.customer); ok && c.email != "" {
		p.Email, p.EmailFixed = c.email, true
	}
	p.EmailFixed = p.EmailFixed || of.email != ""
	for _, kind := range of.methods {
		p.Later = p.Later || delayed(kind) && of.mode != "setup" && of.total > 0 && !of.manual()
	}
	l.priceTags(&p, of)
	p.Heading, p.Button = headingOf(of)
	return p
}

func (l *ledger) priceTags(p *checkoutPage, of *session) {
	var every *price
	var later int64
	due := of.dueOf()
	for i, item := range of.lines {
		tag := checkoutLine{Name: item.name, Amount: Amount(due[i].before, of.currency)}
		if item.quantity > 1 {
			tag.Each = Amount(item.price.amount, of.currency) + " each, quantity " + plain(item.quantity, "jpy")
		}
		if item.price.interval != "" {
			every = item.price
			later += item.price.amount * item.quantity
		}
		p.Lines = append(p.Lines, tag)
	}
	p.Total = Amount(of.total, of.currency)
	if of.discounted > 0 {
		p.Discount = Amount(-of.discounted, of.currency)
	}
	if every == nil {
		return
	}
	p.Recurring = Amount(later, of.currency) + " " + perPeriod(every)
	switch days := of.subscribing.trialDays; {
	case days == 1:
		p.Trial = "1 day free"
	case days > 1:
		p.Trial = plain(days, "jpy") + " days free"
	case of.trial():
		p.Trial = "Free until " + clockTime(of.subscribing.trialEnd)
	}
}

func perPeriod(p *price) string {
	if p.count == 1 {
		return "per " + p.interval
	}
	return "every " + plain(p.count, "jpy") + " " + p.interval + "s"
}

func headingOf(of *session) (heading, button string) {
	switch {
	case of.mode == "setup":
		return "Save a card", "Save card"
	case of.trial():
		return "Start your free trial", "Start trial"
	case of.mode == "subscription":
		return "Subscribe", "Subscribe"
	case of.manual():
		return "Authorise a payment", "Authorise " + Amount(of.total, of.currency)
	case of.total == 0:
		return "Complete your order", "Complete order"
	}
	return "Pay", "Pay " + Amount(of.total, of.currency)
}

func hostOf(address string) string {
	_, rest, _ := strings.Cut(address, "://")
	host, _, _ := strings.Cut(rest, "/")
	return host
}

// pressCheckout is a button of the page.
func (s *Server) pressCheckout(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		s.showTrouble(w, http.StatusBadRequest, trouble{Title: "The form could not be read"})
		return
	}
	id, email := r.PathValue("session"), strings.TrimSpace(r.PostForm.Get("email"))
	if r.PostForm.Get("action") == "apply" {
		s.enterCode(w, id, r.PostForm.Get("promotion_code"), email)
		return
	}
	name, args := pressed(r, email)
	switch name {
	case "pay", "decline", "pay_later":
		if !strings.Contains(email, "@") && !s.knowsPayer(id) {
			s.checkout(w, id, http.StatusUnprocessableEntity, "Please enter your e-mail address, so that the receipt finds you.", email)
			return
		}
	case "expire":
	default: // the other actions are the dashboard's, not a customer's
		s.checkout(w, id, http.StatusBadRequest, "That is not something this page can do.", email)
		return
	}
	err := s.Act(id, name, args)
	switch {
	case errors.Is(err, ErrDeclined):
		s.checkout(w, id, http.StatusPaymentRequired, declineText(err), email)
	case err != nil: // complete, expired or unknown: the page as it is now says which
		s.checkout(w, id, http.StatusConflict, "", email)
	case name == "expire":
		s.checkout(w, id, http.StatusOK, "", email)
	default:
		s.sendOn(w, r, id)
	}
}

func declineText(err error) string {
	_, text, _ := strings.Cut(err.Error(), ErrDeclined.Error()+": ")
	return text + " Nothing was charged; you can try another card."
}

// pressed reads which button it was and what the form says.
func pressed(r *http.Request, email string) (string, Args) {
	args := Args{"email": email, "name": strings.TrimSpace(r.PostForm.Get("name"))}
	name := r.PostForm.Get("action")
	if name == "pay_without_card" {
		args["method"] = "none"
		return "pay", args
	}
	if name != "pay" {
		return name, args
	}
	switch card := r.PostForm.Get("card"); card {
	case "", "ok":
	case "later":
		args["later"] = "generic_decline"
	default:
		args["decline"] = card
	}
	return name, args
}

func (s *Server) knowsPayer(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	of, ok := s.ledger.sessions.get(id)
	return ok && s.ledger.whoPays(of, payer{}).email != ""
}

func (s *Server) enterCode(w http.ResponseWriter, id, code, email string) {
	s.mu.Lock()
	of, ok := s.ledger.sessions.get(id)
	notice := ""
	if ok && of.status == "open" {
		if wrong := s.ledger.promote(of, strings.TrimSpace(code)); wrong != nil {
			notice = wrong.message
		}
	}
	s.mu.Unlock()
	s.checkout(w, id, http.StatusOK, notice, email)
}

// sendOn sends the customer back to the shop. Stripe waits for the answers to
// checkout.session.completed first, but not longer than its patience.
func (s *Server) sendOn(w http.ResponseWriter, r *http.Request, id string) {
	s.mu.Lock()
	of, ok := s.ledger.sessions.get(id)
	var done, to string
	if ok {
		to = strings.ReplaceAll(of.success, "{CHECKOUT_SESSION_ID}", of.id)
		for _, e := range s.ledger.events.marked("subject", id) {
			if e.kind == "checkout.session.completed" {
				done = e.id
			}
		}
	}
	s.mu.Unlock()
	wait, stop := context.WithTimeout(r.Context(), s.cfg.Patience)
	defer stop()
	select {
	case <-s.courier.settled(done):
	case <-wait.Done():
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// showPortal is the customer portal: a customer's subscriptions, and an end to
// each of them.
func (s *Server) showPortal(w http.ResponseWriter, r *http.Request) { s.portal(w, r, "") }

type portalPage struct {
	Email, Back, Notice, Path string
	Subscriptions             []subscriptionRow
}

type subscriptionRow struct {
	ID, Name, Status, Price string
	Until                   int64
	Ending, Over            bool
}

func (s *Server) portal(w http.ResponseWriter, r *http.Request, notice string) {
	s.mu.Lock()
	s.ledger.catchUp()
	p, ok := s.ledger.visit(r.URL.Path)
	page := portalPage{Notice: notice, Path: r.URL.Path}
	if ok {
		page.Back = p.back
		if c, known := s.ledger.customers.get(p.customer); known {
			page.Email = c.email
		}
		for _, sub := range s.ledger.subscriptions.marked("customer", p.customer) {
			page.Subscriptions = append(page.Subscriptions, rowOf(sub))
		}
	}
	s.mu.Unlock()
	if !ok {
		s.showTrouble(w, http.StatusNotFound, trouble{Title: "There is no such visit",
			Text: "Ask the shop for a new link to manage your billing."})
		return
	}
	s.show(w, http.StatusOK, "portal.html", page)
}

// visit finds a portal session by its path.
func (l *ledger) visit(path string) (*portal, bool) {
	found := l.portals.marked("address", path)
	if len(found) == 0 || l.unix()-found[0].created > int64(time.Hour/time.Second) {
		return nil, false
	}
	return found[0], true
}

func rowOf(sub *subscription) subscriptionRow {
	row := subscriptionRow{
		ID: sub.id, Status: sub.status, Until: sub.until, Ending: sub.cancelAtEnd, Over: sub.over(),
	}
	var sum int64
	for _, item := range sub.items {
		row.Name = strings.TrimPrefix(row.Name+", "+item.name, ", ")
		sum += item.price.amount * item.quantity
	}
	row.Price = Amount(sum, sub.currency) + " " + perPeriod(sub.items[0].price)
	return row
}

func (s *Server) pressPortal(w http.ResponseWriter, r *http.Request) {
	id, name := r.PostFormValue("subscription"), r.PostFormValue("action")
	s.mu.Lock()
	p, ok := s.ledger.visit(r.URL.Path)
	sub, known := s.ledger.subscriptions.get(id)
	s.mu.Unlock()
	if !ok || !known || sub.customer != p.customer || (name != "cancel_later" && name != "keep") {
		s.portal(w, r, "That is not something this page can do.")
		return
	}
	if err := s.Act(id, name, nil); err != nil {
		s.portal(w, r, "That is not possible any more.")
		return
	}
	goBack(w)
}
