package sandbox

import (
	"strconv"
	"time"
)

// incompleteFor is how long a first payment may take before the subscription
// is given up. Source: https://stripe.com/docs/billing/subscriptions/overview
const incompleteFor int64 = 23 * 3600

// trialWarning is how long before its end a trial is announced to end.
const trialWarning int64 = 3 * 24 * 3600

// subscription is a price that is paid again in every period.
type subscription struct {
	id, status, customer, currency, description string
	items                                       []*subscriptionItem
	extras                                      []line // one-time prices, on the first invoice only
	created, started, anchor                    int64
	from, until                                 int64 // current period
	cancelAtEnd                                 bool
	cancelAt, canceled, ended                   int64
	trialFrom, trialUntil                       int64
	latest, method                              string // invoice, default payment method
	metadata                                    map[string]string
	reason, comment, feedback                   string // cancellation_details
	withoutMeans                                string
	discount                                    *discount
	session                                     string
}

type subscriptionItem struct {
	id, subscription string
	price            *price
	name             string
	quantity         int64
	created          int64
}

func (s *subscription) key() string { return s.id }
func (s *subscription) made() int64 { return s.created }

func (i *subscriptionItem) render(l *ledger) object {
	return object{
		"id": i.id, "object": "subscription_item", "billing_thresholds": nil, "created": i.created,
		"metadata": map[string]string{}, "price": i.price.render(l), "quantity": i.quantity,
		"subscription": i.subscription, "tax_rates": []any{},
	}
}

func (s *subscription) render(l *ledger) object {
	items := make([]any, len(s.items))
	for i, item := range s.items {
		items[i] = item.render(l)
	}
	return object{
		"id": s.id, "object": "subscription", "application": nil, "application_fee_percent": nil,
		"automatic_tax":        object{"enabled": false, "liability": nil},
		"billing_cycle_anchor": s.anchor, "billing_cycle_anchor_config": nil, "billing_thresholds": nil,
		"cancel_at": s.renderCancelAt(), "cancel_at_period_end": s.cancelAtEnd, "canceled_at": numberOrNull(s.canceled),
		"cancellation_details": object{
			"comment": orNull(s.comment), "feedback": orNull(s.feedback), "reason": orNull(s.reason),
		},
		"collection_method": "charge_automatically", "created": s.created, "currency": s.currency,
		"current_period_end": s.until, "current_period_start": s.from, "customer": s.customer,
		"days_until_due": nil, "default_payment_method": orNull(s.method), "default_source": nil,
		"default_tax_rates": []any{}, "description": orNull(s.description), "discount": s.renderDiscount(l),
		"ended_at": numberOrNull(s.ended), "items": wrap(items, "/v1/subscription_items?subscription="+s.id),
		"latest_invoice": orNull(s.latest), "livemode": false, "metadata": s.metadata,
		"next_pending_invoice_item_invoice": nil, "on_behalf_of": nil, "pause_collection": nil,
		"payment_settings": object{
			"payment_method_options": nil, "payment_method_types": nil, "save_default_payment_method": "off",
		},
		"pending_invoice_item_interval": nil, "pending_setup_intent": nil, "pending_update": nil, "schedule": nil,
		"start_date": s.started, "status": s.status, "test_clock": nil, "transfer_data": nil,
		"trial_end": numberOrNull(s.trialUntil), "trial_start": numberOrNull(s.trialFrom),
		"trial_settings": object{"end_behavior": object{"missing_payment_method": s.withoutMeans}},
	}
}

func (s *subscription) renderCancelAt() any {
	if s.cancelAtEnd {
		return s.until
	}
	return numberOrNull(s.cancelAt)
}

func (s *subscription) renderDiscount(l *ledger) any {
	if s.discount == nil {
		return nil
	}
	return object{
		"id": s.discount.id, "object": "discount", "checkout_session": orNull(s.session),
		"coupon": s.discount.coupon.render(l), "customer": s.customer, "end": nil, "invoice": nil,
		"invoice_item": nil, "promotion_code": orNull(s.discount.promotion), "start": s.discount.start,
		"subscription": s.id,
	}
}

// after gives the end of a period that begins at a time. Months keep the day of
// the anchor where the month has it: 31 January, 29 February, 31 March.
func after(from, anchor int64, interval string, count int64) int64 {
	start, day := time.Unix(from, 0).UTC(), time.Unix(anchor, 0).UTC().Day()
	n := int(count)
	switch interval {
	case "day":
		return start.AddDate(0, 0, n).Unix()
	case "week":
		return start.AddDate(0, 0, 7*n).Unix()
	case "year":
		n *= 12
	}
	first := time.Date(start.Year(), start.Month()+time.Month(n), 1, start.Hour(), start.Minute(), start.Second(), 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(day, last)-1).Unix()
}

func (s *subscription) periodAfter(from int64) int64 {
	every := s.items[0].price
	return after(from, s.anchor, every.interval, every.count)
}

// subscribe starts the subscription a session is for.
func (l *ledger) subscribe(s *session, m *method) *subscription {
	want, now := s.subscribing, l.unix()
	sub := &subscription{
		id: l.id("sub_1", 23), status: "incomplete", customer: s.customer, currency: s.currency,
		description: want.description, created: now, started: now, anchor: now, from: now,
		metadata: want.metadata, withoutMeans: want.withoutMeans, discount: s.discount, session: s.id,
	}
	if sub.withoutMeans == "" {
		sub.withoutMeans = "create_invoice"
	}
	if m != nil {
		sub.method = m.id
	}
	for _, item := range s.lines {
		if item.price.interval == "" {
			sub.extras = append(sub.extras, item)
			continue
		}
		sub.items = append(sub.items, &subscriptionItem{
			l.id("si_", 14), sub.id, item.price, item.name, item.quantity, now,
		})
	}
	sub.until = sub.periodAfter(now)
	if s.trial() {
		sub.status, sub.trialFrom, sub.trialUntil = "trialing", now, want.trialEnd
		if want.trialDays > 0 {
			sub.trialUntil = now + want.trialDays*24*3600
		}
		sub.until, sub.anchor = sub.trialUntil, sub.trialUntil
		l.at(sub.trialUntil-trialWarning, func() { l.announceTrialEnd(sub) })
	}
	s.subscription = sub.id
	l.subscriptions.add(sub, "customer", sub.customer)
	for _, item := range sub.items {
		l.subscriptions.mark(sub.id, "item", item.id)
		l.subscriptions.mark(sub.id, "price", item.price.id)
	}
	l.sessions.mark(s.id, "subscription", sub.id)
	l.emit("customer.subscription.created", sub.render(l), nil)
	l.awaitPeriodEnd(sub)
	return sub
}

// change tells of what was done to a subscription in one event.
func (l *ledger) change(sub *subscription, kind string, do func()) {
	before := sub.render(l)
	do()
	after := sub.render(l)
	if diff := changed(before, after); len(diff) > 0 || kind != "customer.subscription.updated" {
		if kind == "customer.subscription.deleted" {
			diff = nil
		}
		l.emit(kind, after, diff)
	}
}

func (l *ledger) announceTrialEnd(sub *subscription) {
	if sub.status == "trialing" && !sub.cancelAtEnd {
		l.emit("customer.subscription.trial_will_end", sub.render(l), nil)
	}
}

// awaitPeriodEnd has what is due at the end of the current period done then.
func (l *ledger) awaitPeriodEnd(sub *subscription) {
	until := sub.until
	l.at(until, func() {
		if sub.until != until || sub.over() { // renewed by hand meanwhile
			return
		}
		_ = l.turnPeriod(sub) // the subscription and its events tell how it went
	})
}

func (s *subscription) over() bool { return s.status == "canceled" || s.status == "incomplete_expired" }

// turnPeriod ends the current period: by cancelling, by ending the trial or by
// renewing.
func (l *ledger) turnPeriod(sub *subscription) *problem {
	switch {
	case sub.cancelAtEnd:
		l.cancelSubscription(sub, "cancellation_requested")
		return nil
	case sub.status == "paused" || sub.status == "incomplete":
		return nil
	case sub.status == "trialing" && sub.method == "" && sub.withoutMeans != "create_invoice":
		return l.endTrialWithoutMeans(sub)
	}
	return l.renew(sub)
}

func (l *ledger) endTrialWithoutMeans(sub *subscription) *problem {
	if sub.withoutMeans == "cancel" {
		l.cancelSubscription(sub, "payment_failed")
		return nil
	}
	l.change(sub, "customer.subscription.paused", func() { sub.status = "paused" })
	return nil
}

// renew begins the next period and collects for it.
func (l *ledger) renew(sub *subscription) *problem {
	l.change(sub, "customer.subscription.updated", func() {
		if sub.status == "trialing" {
			sub.status = "active"
			sub.trialUntil = min(sub.trialUntil, l.unix())
			sub.until, sub.anchor = sub.trialUntil, sub.trialUntil
		}
		sub.from, sub.until = sub.until, sub.periodAfter(sub.until)
	})
	in := l.bill(sub, "subscription_cycle")
	l.awaitPeriodEnd(sub)
	if sub.status == "unpaid" {
		in.status = "draft" // Stripe makes the invoices and collects none of them
		return nil
	}
	return l.collect(in, "")
}

// endTrial ends a trial now: the paid period begins.
func (l *ledger) endTrial(sub *subscription) *problem {
	if sub.status != "trialing" {
		return wrongMoment("the trial of %s is not running", sub.id)
	}
	sub.trialUntil, sub.until = l.unix(), l.unix()
	return l.turnPeriod(sub)
}

// paidUp follows a payment that settled an invoice.
func (l *ledger) paidUp(sub *subscription) {
	if sub.over() || sub.status == "active" || sub.status == "trialing" {
		return
	}
	l.change(sub, "customer.subscription.updated", func() { sub.status = "active" })
}

// fallBehind follows a payment for a running subscription that failed.
func (l *ledger) fallBehind(sub *subscription) {
	if sub.status == "active" || sub.status == "trialing" {
		l.change(sub, "customer.subscription.updated", func() { sub.status = "past_due" })
	}
}

// giveUp follows the last retry: the account's settings say whether the
// subscription is canceled, unpaid or left past_due.
func (l *ledger) giveUp(sub *subscription, status string) {
	switch status {
	case "canceled":
		l.cancelSubscription(sub, "payment_failed")
	case "unpaid":
		l.change(sub, "customer.subscription.updated", func() { sub.status = "unpaid" })
	}
	if in, ok := l.invoices.get(sub.latest); ok {
		in.next = 0
	}
}

// expireIncomplete gives a first payment up that did not come in time.
func (l *ledger) expireIncomplete(sub *subscription) {
	if sub.status != "incomplete" || sub.created+incompleteFor > l.unix() {
		return
	}
	if in, ok := l.invoices.get(sub.latest); ok {
		if i, ok := l.intents.get(in.intent); ok && i.status == "processing" {
			return // the bank has not answered yet; it is asked again when it has
		}
		l.voidInvoice(in)
	}
	l.change(sub, "customer.subscription.updated", func() {
		sub.status, sub.ended = "incomplete_expired", l.unix()
	})
}

func (l *ledger) cancelSubscription(sub *subscription, reason string) {
	if sub.over() {
		return
	}
	l.change(sub, "customer.subscription.deleted", func() {
		sub.status, sub.ended = "canceled", l.unix()
		if sub.canceled == 0 {
			sub.canceled = l.unix()
		}
		if sub.reason == "" {
			sub.reason = reason
		}
	})
	if in, ok := l.invoices.get(sub.latest); ok {
		in.next = 0
	}
}

// cancelLater has a subscription end with its period, or takes that back.
func (l *ledger) cancelLater(sub *subscription, yes bool) {
	l.change(sub, "customer.subscription.updated", func() {
		sub.cancelAtEnd, sub.cancelAt = yes, 0
		sub.canceled, sub.reason = 0, ""
		if yes {
			sub.canceled, sub.reason = l.unix(), "cancellation_requested"
		}
	})
}

// pause stops a subscription until it is resumed; no invoices are made.
func (l *ledger) pause(sub *subscription) *problem {
	if sub.over() || sub.status == "paused" || sub.status == "incomplete" {
		return wrongMoment("%s is %s and cannot be paused", sub.id, sub.status)
	}
	l.change(sub, "customer.subscription.paused", func() { sub.status = "paused" })
	return nil
}

// resume goes on with a paused subscription from now on.
func (l *ledger) resume(sub *subscription) *problem {
	if sub.status != "paused" {
		return refused("", "", "The subscription %s is %s; only a paused subscription can be resumed.", sub.id, sub.status)
	}
	l.change(sub, "customer.subscription.resumed", func() {
		now := l.unix()
		sub.status, sub.from, sub.anchor = "active", now, now
		sub.until = sub.periodAfter(now)
	})
	l.awaitPeriodEnd(sub)
	return l.collect(l.bill(sub, "subscription_update"), "")
}

func subscriptionCalls() []call {
	details := nested(shape{
		"comment":  text(5000),
		"feedback": choice("customer_service", "low_quality", "missing_features", "other", "switched_service", "too_complex", "too_expensive", "unused"),
	})
	const id = "/v1/subscriptions/{subscription}"
	return []call{
		{"GET", "/v1/subscriptions", pages().with(shape{
			"customer": text(5000), "price": text(5000),
			"status": choice("active", "all", "canceled", "ended", "incomplete", "incomplete_expired", "past_due", "paused", "trialing", "unpaid"),
		}), "list:subscription", listSubscriptions},
		{"GET", id, answers(), "subscription", readSubscription},
		{"POST", id, answers().with(shape{
			"cancel_at_period_end": yesNo(), "cancel_at": text(20).canUnset(), "metadata": metadata(),
			"description": text(500).canUnset(), "default_payment_method": text(5000), "cancellation_details": details,
			"trial_end": choice("now"), "proration_behavior": choice("always_invoice", "create_prorations", "none"),
		}), "subscription", updateSubscription},
		{"DELETE", id, answers().with(shape{
			"invoice_now": yesNo(), "prorate": yesNo(), "cancellation_details": details,
		}), "subscription", deleteSubscription},
		{"POST", id + "/resume", answers().with(shape{
			"billing_cycle_anchor": choice("now", "unchanged"), "proration_behavior": choice("none"),
		}), "subscription", resumeSubscription},
	}
}

func (t *turn) subscription() (*subscription, *problem) {
	sub, ok := t.subscriptions.get(t.path("subscription"))
	if !ok {
		return nil, missing("subscription", t.path("subscription"), "id", 404)
	}
	return sub, nil
}

func readSubscription(t *turn) (object, *problem) {
	sub, wrong := t.subscription()
	if wrong != nil {
		return nil, wrong
	}
	return sub.render(t.ledger), nil
}

func listSubscriptions(t *turn) (object, *problem) {
	in := t.in
	way := t.subscriptions.along("customer", in.text("customer"))
	if in.has("price") && !in.has("customer") {
		way = t.subscriptions.along("price", in.text("price"))
	}
	return page(t, t.subscriptions, way, func(sub *subscription) bool {
		return sub.listedAs(in.text("status")) && (!in.has("price") || sub.has(in.text("price")))
	})
}

// listedAs says whether a subscription belongs to a list's status filter; with
// none, the ones that are canceled are left out.
func (s *subscription) listedAs(status string) bool {
	switch status {
	case "":
		return s.status != "canceled"
	case "all":
		return true
	case "ended":
		return s.over()
	default:
		return s.status == status
	}
}

func (s *subscription) has(price string) bool {
	for _, item := range s.items {
		if item.price.id == price {
			return true
		}
	}
	return false
}

func updateSubscription(t *turn) (object, *problem) {
	sub, wrong := t.subscription()
	if wrong != nil {
		return nil, wrong
	}
	in := t.in
	if sub.over() {
		return nil, refused("", "", "A canceled subscription can only update its cancellation_details and metadata.")
	}
	cancelAt, wrong := readCancelAt(in)
	if wrong != nil {
		return nil, wrong
	}
	if method := in.text("default_payment_method"); method != "" {
		if _, ok := t.methods.get(method); !ok {
			return nil, missing("PaymentMethod", method, "default_payment_method", 400)
		}
	}
	if in.has("cancel_at_period_end") && in.flag("cancel_at_period_end") != sub.cancelAtEnd {
		t.cancelLater(sub, in.flag("cancel_at_period_end"))
	}
	t.change(sub, "customer.subscription.updated", func() { sub.take(in, cancelAt, t.unix()) })
	if in.has("cancel_at") && cancelAt > 0 {
		l := t.ledger // the diary must not keep the request
		l.at(cancelAt, func() {
			if sub.cancelAt == cancelAt {
				l.cancelSubscription(sub, "cancellation_requested")
			}
		})
	}
	if in.text("trial_end") == "now" {
		if wrong := t.endTrial(sub); wrong != nil && wrong.kind != "card_error" {
			return nil, wrong
		}
	}
	return sub.render(t.ledger), nil
}

func readCancelAt(in values) (int64, *problem) {
	given := in.text("cancel_at")
	if given == "" {
		return 0, nil
	}
	at, err := strconv.ParseInt(given, 10, 64)
	if err != nil || at <= 0 {
		return 0, invalid("parameter_invalid_integer", "cancel_at", "Invalid integer: %s", given)
	}
	return at, nil
}

func (s *subscription) take(in values, cancelAt, now int64) {
	if in.has("metadata") {
		s.metadata = in.metadataOver(s.metadata)
	}
	if in.has("description") {
		s.description = in.text("description")
	}
	if in.has("default_payment_method") {
		s.method = in.text("default_payment_method")
	}
	if in.has("cancel_at") {
		s.cancelAt, s.cancelAtEnd, s.canceled = cancelAt, false, 0
		if cancelAt > 0 {
			s.canceled, s.reason = now, "cancellation_requested"
		}
	}
	s.takeDetails(in.under("cancellation_details"))
}

func (s *subscription) takeDetails(in values) {
	if in.has("comment") {
		s.comment = in.text("comment")
	}
	if in.has("feedback") {
		s.feedback = in.text("feedback")
	}
}

func deleteSubscription(t *turn) (object, *problem) {
	sub, wrong := t.subscription()
	if wrong != nil {
		return nil, wrong
	}
	if sub.over() { // Stripe says of an ended subscription that there is none
		return nil, missing("subscription", sub.id, "id", 404)
	}
	sub.takeDetails(t.in.under("cancellation_details"))
	if t.in.flag("prorate") && t.in.flag("invoice_now") {
		t.creditUnused(sub)
	}
	t.cancelSubscription(sub, "cancellation_requested")
	return sub.render(t.ledger), nil
}

func resumeSubscription(t *turn) (object, *problem) {
	sub, wrong := t.subscription()
	if wrong != nil {
		return nil, wrong
	}
	if wrong := t.resume(sub); wrong != nil && wrong.kind != "card_error" {
		return nil, wrong
	}
	return sub.render(t.ledger), nil
}
