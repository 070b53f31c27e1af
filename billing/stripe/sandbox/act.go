package sandbox

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// Args are what an action is told besides its name. See [Server.Act].
type Args map[string]string

// target is what an action is done to: whatever of these an id leads to.
type target struct {
	session *session
	intent  *intent
	charge  *charge
	sub     *subscription
	invoice *invoice
	dispute *dispute
}

// action is something a person, a bank or the passing of time does.
type action func(*ledger, target, Args) *problem

// actions by their names. Each is also a button of the dashboard and a word of
// the control API.
func actions() map[string]action {
	return map[string]action{
		"pay": payBy(""), "decline": payBy("generic_decline"), "pay_later": payLater, "expire": expireNow,
		"settle": settleBy(""), "fail": settleBy("debit_not_authorized"),
		"refund": refundNow, "capture": captureNow, "void": voidNow, "lapse": lapseNow,
		"dispute": disputeAs("needs_response"), "inquire": disputeAs("warning_needs_response"),
		"win": closeAs("won"), "lose": closeAs("lost"), "warn": warnNow,
		"renew": renewBy(""), "miss": renewBy("generic_decline"), "require_action": renewBy("authentication_required"),
		"retry": retryBy, "give_up": giveUpNow, "cancel": cancelNow, "cancel_later": cancelLaterBy(true),
		"keep": cancelLaterBy(false), "end_trial": endTrialNow, "warn_trial": warnTrialNow,
		"pause": pauseNow, "resume": resumeNow, "incomplete": giveFirstUp, "card_fails": cardFails,
	}
}

// ErrUnknown is returned by [Server.Act] for an id or an action there is none of.
var ErrUnknown = errors.New("stripe sandbox: unknown")

// ErrNotNow is returned by [Server.Act] for an action that what is so does not
// allow: refunding what was refunded, paying what is expired.
var ErrNotNow = errors.New("stripe sandbox: not possible now")

// ErrDeclined is returned by [Server.Act] when the bank said no. What follows
// from that has happened.
var ErrDeclined = errors.New("stripe sandbox: declined")

// Act does what a person at a page, a bank or time would do. The id is one of a
// session, PaymentIntent, charge, dispute, invoice or subscription; what the
// action needs is found from there: a session leads to its charge, a
// subscription to the charge of its latest invoice.
//
// On a session: pay, decline, pay_later (args: email, name, method, decline,
// later=decline code of every later payment), expire.
//
// On a payment: settle and fail (the bank's answer to what is on its way; of a
// subscription's later payments too), refund (amount in minor units, all that is left without;
// reason), capture (amount), void, lapse (the authorisation runs out), dispute,
// inquire, win, lose, warn (early fraud warning).
//
// On a subscription: renew, miss (the renewal fails), require_action (it asks for
// authentication), retry (the open invoice is tried again; decline), give_up
// (to=canceled, unpaid or past_due), cancel, cancel_later, keep, end_trial,
// warn_trial, pause, resume, incomplete (23 hours pass without the first
// payment), card_fails (decline: every later payment; empty: they succeed again).
//
// The error is one of [ErrUnknown], [ErrNotNow] or [ErrDeclined], wrapped.
func (s *Server) Act(id, name string, args Args) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ledger.catchUp()
	do, ok := s.actions[name]
	if !ok {
		return fmt.Errorf("%w: action %q (there are %s)", ErrUnknown, name, strings.Join(actionNames(), ", "))
	}
	on, ok := s.ledger.target(id)
	if !ok {
		return fmt.Errorf("%w: id %q", ErrUnknown, id)
	}
	p := do(s.ledger, on, args)
	switch {
	case p == nil:
		return nil
	case p.kind == "card_error":
		return fmt.Errorf("%w: %s", ErrDeclined, p.message)
	default:
		return fmt.Errorf("%w: %s", ErrNotNow, p.message)
	}
}

func actionNames() []string {
	var names []string
	for name := range actions() {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// wrongMoment refuses an action that does not fit what is so.
func wrongMoment(format string, args ...any) *problem {
	p := refused("", "", format, args...)
	p.status = http.StatusConflict
	return p
}

// target follows an id to all that hangs on it.
func (l *ledger) target(id string) (target, bool) {
	var t target
	switch prefix, _, _ := strings.Cut(id, "_"); prefix {
	case "cs":
		t.session, _ = l.sessions.get(id)
	case "pi":
		t.intent, _ = l.intents.get(id)
	case "ch":
		t.charge, _ = l.charges.get(id)
	case "sub":
		t.sub, _ = l.subscriptions.get(id)
	case "in":
		t.invoice, _ = l.invoices.get(id)
	case "dp":
		t.dispute, _ = l.disputes.get(id)
	}
	if t == (target{}) {
		return t, false
	}
	l.follow(&t)
	return t, true
}

// follow goes from what is known to what is not, the narrow to the wide and back.
func (l *ledger) follow(t *target) {
	if t.dispute != nil {
		t.charge, _ = l.charges.get(t.dispute.charge)
	}
	if t.intent == nil && t.charge != nil {
		t.intent, _ = l.intents.get(t.charge.intent)
	}
	if t.session != nil {
		t.intent, _ = l.intents.get(t.session.intent)
		t.sub, _ = l.subscriptions.get(t.session.subscription)
	}
	if t.invoice == nil && t.intent != nil {
		t.invoice, _ = l.invoices.get(t.intent.invoice)
	}
	if t.invoice == nil && t.sub != nil {
		t.invoice, _ = l.invoices.get(t.sub.latest)
	}
	if t.sub == nil && t.invoice != nil {
		t.sub, _ = l.subscriptions.get(t.invoice.subscription)
	}
	if t.intent == nil && t.invoice != nil {
		t.intent, _ = l.intents.get(t.invoice.intent)
	}
	if t.charge == nil && t.intent != nil {
		t.charge, _ = l.charges.get(t.intent.charge)
	}
	if t.session == nil && t.intent != nil {
		t.session, _ = l.sessions.get(t.intent.session)
	}
	if t.session == nil && t.sub != nil {
		t.session, _ = l.sessions.get(t.sub.session)
	}
}

// purse reads what a page or an action says of the payer.
func (s *session) purse(args Args, decline string) purse {
	by := purse{
		payer: payer{firstOf(args["email"], s.email), args["name"]},
		kind:  "card", decline: firstOf(args["decline"], decline), later: args["later"],
	}
	if by.email == "" {
		by.email = "jenny.rosen@example.com"
	}
	if !slices.Contains(s.methods, "card") {
		by.kind = s.methods[0]
	}
	if kind := args["method"]; kind != "" {
		by.kind = kind
	}
	if by.kind == "none" {
		by.kind = ""
	}
	return by
}

func payBy(decline string) action {
	return func(l *ledger, t target, args Args) *problem {
		if t.session == nil {
			return wrongMoment("only a session can be paid")
		}
		by := t.session.purse(args, decline)
		if by.kind != "" && !slices.Contains(t.session.methods, by.kind) {
			return wrongMoment("the session does not offer %s", by.kind)
		}
		return l.pay(t.session, by)
	}
}

func payLater(l *ledger, t target, args Args) *problem {
	if t.session == nil {
		return wrongMoment("only a session can be paid")
	}
	for _, kind := range t.session.methods {
		if delayed(kind) {
			by := t.session.purse(args, "")
			by.kind = kind
			return l.pay(t.session, by)
		}
	}
	return wrongMoment("the session offers no payment method that takes days")
}

func expireNow(l *ledger, t target, _ Args) *problem {
	if t.session == nil || t.session.status != "open" {
		return wrongMoment("only an open session can expire")
	}
	l.letExpire(t.session)
	return nil
}

func settleBy(decline string) action {
	return func(l *ledger, t target, args Args) *problem {
		if decline != "" {
			return l.settlePending(t, firstOf(args["decline"], decline))
		}
		return l.settlePending(t, "")
	}
}

// amountIn reads an amount in minor units; 0 means that none was given.
func amountIn(args Args) (int64, *problem) {
	given := strings.TrimSpace(args["amount"])
	if given == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(given, 10, 64)
	if err != nil || n <= 0 {
		return 0, wrongMoment("%q is no amount in minor units", given)
	}
	return n, nil
}

func refundNow(l *ledger, t target, args Args) *problem {
	if t.charge == nil {
		return wrongMoment("there is no charge to refund")
	}
	amount, wrong := amountIn(args)
	if wrong != nil {
		return wrong
	}
	_, wrong = l.refund(t.charge, amount, args["reason"], map[string]string{})
	return wrong
}

func captureNow(l *ledger, t target, args Args) *problem {
	if t.intent == nil || t.intent.status != "requires_capture" {
		return wrongMoment("nothing is held that could be captured")
	}
	amount, wrong := amountIn(args)
	if wrong != nil {
		return wrong
	}
	if amount == 0 {
		amount = t.intent.capturable
	}
	if amount > t.intent.capturable {
		return wrongMoment("only %s is held", Amount(t.intent.capturable, t.intent.currency))
	}
	l.capture(t.intent, amount)
	return nil
}

func voidNow(l *ledger, t target, _ Args) *problem {
	if t.intent == nil || t.intent.status != "requires_capture" {
		return wrongMoment("nothing is held that could be voided")
	}
	l.cancelIntent(t.intent, "requested_by_customer")
	return nil
}

func lapseNow(l *ledger, t target, _ Args) *problem {
	if t.intent == nil || t.intent.status != "requires_capture" {
		return wrongMoment("nothing is held that could lapse")
	}
	l.lapse(t.intent)
	return nil
}

func disputeAs(status string) action {
	return func(l *ledger, t target, _ Args) *problem {
		if t.charge == nil || !t.charge.captured || t.charge.collected <= t.charge.refundedOfCollected() {
			return wrongMoment("there is no money of the cardholder's to dispute")
		}
		if l.chargedBack(t.charge) {
			return wrongMoment("charge %s is disputed already", t.charge.id)
		}
		l.contest(t.charge, status)
		return nil
	}
}

func closeAs(status string) action {
	return func(l *ledger, t target, _ Args) *problem {
		if t.charge == nil {
			return wrongMoment("there is no charge")
		}
		d, ok := l.openDispute(t.charge)
		if !ok {
			return wrongMoment("charge %s is not disputed", t.charge.id)
		}
		l.conclude(d, status)
		return nil
	}
}

func warnNow(l *ledger, t target, _ Args) *problem {
	if t.charge == nil || !t.charge.paid {
		return wrongMoment("there is no successful charge to warn of")
	}
	l.warn(t.charge)
	return nil
}

// live says whether there is a subscription that has not ended.
func (t target) live() *problem {
	if t.sub == nil {
		return wrongMoment("there is no subscription")
	}
	if t.sub.over() {
		return wrongMoment("subscription %s is %s", t.sub.id, t.sub.status)
	}
	return nil
}

func renewBy(decline string) action {
	return func(l *ledger, t target, args Args) *problem {
		if wrong := t.live(); wrong != nil {
			return wrong
		}
		if t.sub.status == "incomplete" || t.sub.status == "paused" {
			return wrongMoment("subscription %s is %s and does not renew", t.sub.id, t.sub.status)
		}
		wanted := firstOf(args["decline"], decline)
		if wanted == "" || t.sub.cancelAtEnd {
			return l.turnPeriod(t.sub)
		}
		m, ok := l.methods.get(l.meansOf(t.sub))
		if !ok {
			return l.turnPeriod(t.sub)
		}
		was := m.fails
		m.fails = wanted
		wrong := l.turnPeriod(t.sub)
		m.fails = was
		if wrong != nil && wrong.kind == "card_error" {
			return nil // that the bank declined is what was asked for
		}
		return wrong
	}
}

func retryBy(l *ledger, t target, args Args) *problem {
	if wrong := t.live(); wrong != nil {
		return wrong
	}
	in, ok := l.owed(t.sub)
	if !ok {
		return wrongMoment("subscription %s owes nothing", t.sub.id)
	}
	return l.collect(in, args["decline"])
}

// owed is the latest open invoice of a subscription.
func (l *ledger) owed(sub *subscription) (*invoice, bool) {
	all := l.invoices.marked("subscription", sub.id)
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].status == "open" {
			return all[i], true
		}
	}
	return nil, false
}

func giveUpNow(l *ledger, t target, args Args) *problem {
	if wrong := t.live(); wrong != nil {
		return wrong
	}
	if t.sub.status != "past_due" {
		return wrongMoment("subscription %s is not past due", t.sub.id)
	}
	to := firstOf(args["to"], l.last)
	if !slices.Contains([]string{"canceled", "unpaid", "past_due"}, to) {
		return wrongMoment("%q is not what can become of a subscription", to)
	}
	l.giveUp(t.sub, to)
	return nil
}

func cancelNow(l *ledger, t target, _ Args) *problem {
	if wrong := t.live(); wrong != nil {
		return wrong
	}
	l.cancelSubscription(t.sub, "cancellation_requested")
	return nil
}

func cancelLaterBy(yes bool) action {
	return func(l *ledger, t target, _ Args) *problem {
		if wrong := t.live(); wrong != nil {
			return wrong
		}
		l.cancelLater(t.sub, yes)
		return nil
	}
}

func endTrialNow(l *ledger, t target, _ Args) *problem {
	if wrong := t.live(); wrong != nil {
		return wrong
	}
	return l.endTrial(t.sub)
}

func warnTrialNow(l *ledger, t target, _ Args) *problem {
	if wrong := t.live(); wrong != nil {
		return wrong
	}
	if t.sub.status != "trialing" {
		return wrongMoment("the trial of %s is not running", t.sub.id)
	}
	l.announceTrialEnd(t.sub)
	return nil
}

func pauseNow(l *ledger, t target, _ Args) *problem {
	if wrong := t.live(); wrong != nil {
		return wrong
	}
	return l.pause(t.sub)
}

func resumeNow(l *ledger, t target, _ Args) *problem {
	if wrong := t.live(); wrong != nil {
		return wrong
	}
	return l.resume(t.sub)
}

func giveFirstUp(l *ledger, t target, _ Args) *problem {
	if wrong := t.live(); wrong != nil {
		return wrong
	}
	if t.sub.status != "incomplete" {
		return wrongMoment("subscription %s is %s, its first payment is not awaited", t.sub.id, t.sub.status)
	}
	if i, ok := l.intents.get(t.invoice.intent); ok && i.status == "processing" {
		return wrongMoment("the bank has not answered yet")
	}
	t.sub.created = min(t.sub.created, l.unix()-incompleteFor)
	l.expireIncomplete(t.sub)
	return nil
}

func cardFails(l *ledger, t target, args Args) *problem {
	if wrong := t.live(); wrong != nil {
		return wrong
	}
	m, ok := l.methods.get(l.meansOf(t.sub))
	if !ok {
		return wrongMoment("subscription %s has no payment method", t.sub.id)
	}
	m.fails = args["decline"]
	return nil
}
