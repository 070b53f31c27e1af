package sandbox

import (
	"strconv"
	"strings"
	"time"
)

// Bounds of a session's life after it was made.
// Source: https://stripe.com/docs/api/checkout/sessions/create#create_checkout_session-expires_at
const (
	shortestSession = 30 * time.Minute
	longestSession  = 24 * time.Hour
	// A client's clock and ours differ by a little, and its request took a moment.
	sessionSlack = time.Minute
)

// delayed are the payment methods whose money is on its way for days.
func delayed(kind string) bool { return kind == "sepa_debit" || kind == "us_bank_account" }

func locales() []string {
	return strings.Fields("auto bg cs da de el en en-GB es es-419 et fi fil fr fr-CA hr hu id it ja ko lt lv ms mt nb nl pl pt pt-BR ro ru sk sl sv th tr vi zh zh-HK zh-TW")
}

func sessionShape() shape {
	on := nested(shape{"enabled": yesNo().must()})
	return answers().with(lineShape()).with(shape{
		"mode": choice("payment", "setup", "subscription"), "ui_mode": choice("hosted", "embedded"),
		"success_url": address(), "cancel_url": address(),
		"customer": text(5000), "customer_email": email(), "customer_creation": choice("always", "if_required"),
		"customer_update":     nested(shape{"address": choice("auto", "never"), "name": choice("auto", "never"), "shipping": choice("auto", "never")}),
		"client_reference_id": text(200), "metadata": metadata(), "currency": text(3), "expires_at": number(0, 0),
		"payment_method_types":      listOf(choice("card", "sepa_debit", "us_bank_account"), 0),
		"payment_method_collection": choice("always", "if_required"),
		"automatic_tax":             on, "tax_id_collection": on, "phone_number_collection": on,
		"allow_promotion_codes": yesNo(), "billing_address_collection": choice("auto", "required"),
		"discounts":   listOf(nested(shape{"coupon": text(5000), "promotion_code": text(5000)}), 1),
		"submit_type": choice("auto", "book", "donate", "pay"), "locale": choice(locales()...),
		"invoice_creation": nested(shape{
			"enabled":      yesNo().must(),
			"invoice_data": nested(shape{"description": text(1500), "footer": text(5000), "metadata": metadata()}),
		}),
		"payment_intent_data": nested(shape{
			"capture_method": choice("automatic", "automatic_async", "manual"), "description": text(1000),
			"metadata": metadata(), "receipt_email": email(), "setup_future_usage": choice("off_session", "on_session"),
			"statement_descriptor": text(22), "statement_descriptor_suffix": text(22),
		}),
		"setup_intent_data": nested(shape{"description": text(1000), "metadata": metadata()}),
		"subscription_data": nested(shape{
			"description": text(500), "metadata": metadata(), "trial_period_days": number(1, 730), "trial_end": number(0, 0),
			"trial_settings": nested(shape{"end_behavior": nested(shape{
				"missing_payment_method": choice("cancel", "create_invoice", "pause").must(),
			}).must()}),
		}),
	})
}

func lineShape() shape {
	return shape{"line_items": listOf(nested(shape{
		"price": text(5000), "quantity": number(1, 999999),
		"price_data": nested(shape{
			"currency": text(3).must(), "product": text(5000), "product_data": nested(productShape()),
			"recurring": recurringShape(), "unit_amount": number(0, 0),
			"tax_behavior": choice("exclusive", "inclusive", "unspecified"),
		}),
	}), 100)}
}

func checkoutCalls() []call {
	list := pages().with(shape{
		"customer": text(5000), "payment_intent": text(5000), "subscription": text(5000),
		"status":           choice("complete", "expired", "open"),
		"customer_details": nested(shape{"email": text(5000).must()}),
	})
	lines := pagesWithout("created")
	return []call{
		{"POST", "/v1/checkout/sessions", sessionShape(), "checkout.session", createSession},
		{"GET", "/v1/checkout/sessions", list, "list:checkout.session", listSessions},
		{"GET", "/v1/checkout/sessions/{session}", answers(), "checkout.session", readSession},
		{"POST", "/v1/checkout/sessions/{session}/expire", answers(), "checkout.session", expireSession},
		{"GET", "/v1/checkout/sessions/{session}/line_items", lines, "list:item", listLines},
	}
}

func createSession(t *turn) (object, *problem) {
	in := t.in
	for _, check := range []func(values) *problem{checkMode, checkModeData, t.checkCustomer, t.checkExpiry} {
		if wrong := check(in); wrong != nil {
			return nil, wrong
		}
	}
	s := t.newSession(in)
	for _, fill := range []func(*session, values) *problem{t.fillLines, t.fillDiscount, t.fillMethods} {
		if wrong := fill(s, in); wrong != nil {
			return nil, wrong
		}
	}
	s.addUp()
	if wrong := s.checkTotal(); wrong != nil {
		return nil, wrong
	}
	for _, item := range s.lines { // kept only now, so that a refused session leaves nothing
		if _, known := t.prices.get(item.price.id); !known {
			t.keepPrice(item.price)
		}
	}
	if s.mode == "setup" {
		s.setup = t.newSetup(s).id
	}
	t.sessions.add(s, "customer", s.customer, "setup_intent", s.setup)
	l := t.ledger // the diary keeps it for a day, and must not keep the request
	l.at(s.expires, func() { l.letExpire(s) })
	return s.render(t.ledger), nil
}

// checkMode holds a request to what its mode needs and forbids.
func checkMode(in values) *problem {
	switch mode := in.text("mode"); {
	case mode == "":
		return parameterMissing("mode")
	case in.text("ui_mode") == "embedded":
		return invalid("", "ui_mode", "The sandbox stands in for the hosted page only: ui_mode must be hosted.")
	case !in.has("success_url"):
		return parameterMissing("success_url")
	case mode == "setup" && in.has("line_items"):
		return invalid("", "line_items", "You can not pass `line_items` in `setup` mode.")
	case mode != "setup" && len(in.items("line_items")) == 0:
		return parameterMissing("line_items")
	case mode == "setup" && !in.has("payment_method_types") && !in.has("currency"):
		return parameterMissing("currency")
	}
	return nil
}

// checkModeData refuses what belongs to another mode.
func checkModeData(in values) *problem {
	mode := in.text("mode")
	for name, only := range map[string]string{
		"payment_intent_data": "payment", "subscription_data": "subscription", "setup_intent_data": "setup",
		"invoice_creation": "payment", "payment_method_collection": "subscription", "submit_type": "payment",
	} {
		if in.has(name) && mode != only {
			return invalid("", name, "You can not pass `%s` in `%s` mode.", name, mode)
		}
	}
	if in.has("customer_creation") && mode == "subscription" {
		return invalid("", "customer_creation", "`customer_creation` can only be used in `payment` and `setup` mode.")
	}
	if days := in.under("subscription_data"); days.has("trial_period_days") && days.has("trial_end") {
		return invalid("", "subscription_data[trial_end]", "You may only specify one of these parameters: trial_end, trial_period_days.")
	}
	return nil
}

func (l *ledger) checkCustomer(in values) *problem {
	given := in.text("customer")
	switch {
	case given == "":
		return nil
	case in.has("customer_email"):
		return invalid("", "customer_email", "You may only specify one of these parameters: customer, customer_email.")
	case in.has("customer_creation"):
		return invalid("", "customer_creation", "You may only specify one of these parameters: customer, customer_creation.")
	}
	if _, ok := l.customers.get(given); !ok {
		return missing("customer", given, "customer", 400)
	}
	return nil
}

func (l *ledger) checkExpiry(in values) *problem {
	if !in.has("expires_at") {
		return nil
	}
	away := time.Unix(in.whole("expires_at"), 0).Sub(l.now())
	if away < shortestSession-sessionSlack || away > longestSession+sessionSlack {
		return invalid("", "expires_at",
			"The `expires_at` timestamp must be at least 30 minutes and at most 24 hours from Checkout Session creation.")
	}
	return nil
}

func (l *ledger) newSession(in values) *session {
	s := &session{
		id: l.id("cs_test_a1", 56), mode: in.text("mode"), status: "open", payment: "unpaid",
		created: l.unix(), expires: in.whole("expires_at"), customer: in.text("customer"),
		creation: in.text("customer_creation"), email: in.text("customer_email"),
		reference: in.text("client_reference_id"), metadata: in.metadataOver(nil),
		success: in.text("success_url"), cancel: in.text("cancel_url"),
		collection: in.text("payment_method_collection"), currency: strings.ToLower(in.text("currency")),
	}
	if s.expires == 0 {
		s.expires = s.created + int64(longestSession/time.Second)
	}
	switch {
	case s.mode == "subscription":
		s.creation = "always"
		if s.collection == "" {
			s.collection = "always"
		}
	case s.creation == "":
		s.creation = "if_required"
	}
	if s.mode == "setup" {
		s.payment = "no_payment_required"
	}
	if s.customer != "" {
		s.creation = ""
	}
	s.url = l.base + "/c/pay/" + s.id
	s.takeSettings(in)
	s.takeFuture(in)
	return s
}

// takeSettings keeps what only changes the look of the page, to be shown back.
func (s *session) takeSettings(in values) {
	s.settings = object{
		"automatic_tax":              in.under("automatic_tax").flag("enabled"),
		"tax_id_collection":          object{"enabled": in.under("tax_id_collection").flag("enabled")},
		"phone_number_collection":    object{"enabled": in.under("phone_number_collection").flag("enabled")},
		"allow_promotion_codes":      nil,
		"billing_address_collection": orNull(in.text("billing_address_collection")),
		"locale":                     orNull(in.text("locale")), "submit_type": orNull(in.text("submit_type")),
	}
	if in.has("allow_promotion_codes") {
		s.settings["allow_promotion_codes"] = in.flag("allow_promotion_codes")
	}
}

// takeFuture keeps what the objects of the session are made with later.
// Metadata does not travel from the session to them.
func (s *session) takeFuture(in values) {
	pay, setup, sub := in.under("payment_intent_data"), in.under("setup_intent_data"), in.under("subscription_data")
	s.charging = futureIntent{
		metadata: pay.metadataOver(nil), capture: pay.text("capture_method"), description: pay.text("description"),
		receipt: pay.text("receipt_email"), future: pay.text("setup_future_usage"),
		statement: pay.text("statement_descriptor"), suffix: pay.text("statement_descriptor_suffix"),
	}
	if s.charging.capture == "" {
		s.charging.capture = "automatic"
	}
	s.validating = futureSetup{metadata: setup.metadataOver(nil), description: setup.text("description")}
	s.subscribing = futureSubscription{
		metadata: sub.metadataOver(nil), description: sub.text("description"),
		trialDays: sub.whole("trial_period_days"), trialEnd: sub.whole("trial_end"),
		withoutMeans: sub.under("trial_settings").under("end_behavior").text("missing_payment_method"),
	}
	if bill := in.under("invoice_creation"); bill.flag("enabled") {
		given := bill.under("invoice_data")
		s.billing = &futureInvoice{given.metadataOver(nil), given.text("description"), given.text("footer")}
	}
}

func (l *ledger) fillLines(s *session, in values) *problem {
	for i, given := range in.items("line_items") {
		prefix := nameUnder("line_items", strconv.Itoa(i))
		p, wrong := l.pricedBy(given, prefix)
		if wrong != nil {
			return wrong
		}
		if wrong := s.checkLine(p, prefix); wrong != nil {
			return wrong
		}
		name := p.nickname
		if p.sold != nil {
			name = p.sold.name
		} else if sold, ok := l.products.get(p.product); ok {
			name = sold.name
		}
		s.currency = p.currency
		s.lines = append(s.lines, line{l.id("li_1", 23), p, max(given.whole("quantity"), 1), name})
	}
	if s.mode == "subscription" && !s.recurs() {
		return invalid("", "line_items", "You must provide at least one recurring price in `subscription` mode when using prices.")
	}
	return nil
}

func (l *ledger) pricedBy(given values, prefix string) (*price, *problem) {
	id, inline := given.text("price"), given.under("price_data")
	switch {
	case id == "" && inline == nil:
		return nil, parameterMissing(nameUnder(prefix, "price"))
	case id != "" && inline != nil:
		return nil, invalid("", prefix, "You may only specify one of these parameters: price, price_data.")
	case !given.has("quantity"):
		return nil, parameterMissing(nameUnder(prefix, "quantity"))
	case id != "":
		p, ok := l.prices.get(id)
		if !ok {
			return nil, missing("price", id, nameUnder(prefix, "price"), 400)
		}
		if !p.active {
			return nil, refused("", nameUnder(prefix, "price"), "The price specified is inactive. This field only accepts active prices.")
		}
		return p, nil
	}
	under := nameUnder(prefix, "price_data")
	if !inline.has("unit_amount") {
		return nil, parameterMissing(nameUnder(under, "unit_amount"))
	}
	if inline.has("product") == inline.has("product_data") {
		return nil, invalid("parameter_missing", nameUnder(under, "product"),
			"You must specify either `product` or `product_data` when creating a price.")
	}
	return l.newPrice(inline, under)
}

func (s *session) checkLine(p *price, prefix string) *problem {
	if s.currency != "" && s.currency != p.currency {
		return invalid("", nameUnder(prefix, "price"),
			"The price specified only supports `%s`. This doesn't match the expected currency: `%s`.", p.currency, s.currency)
	}
	if s.mode == "payment" && p.interval != "" {
		return invalid("", nameUnder(prefix, "price"),
			"You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or use only one-time prices.")
	}
	for _, before := range s.lines {
		if p.interval != "" && before.price.interval != "" &&
			(before.price.interval != p.interval || before.price.count != p.count) {
			return invalid("", nameUnder(prefix, "price"),
				"Checkout does not support multiple prices with different billing intervals.")
		}
	}
	return nil
}

func (s *session) recurs() bool {
	for _, item := range s.lines {
		if item.price.interval != "" {
			return true
		}
	}
	return false
}

func (l *ledger) fillDiscount(s *session, in values) *problem {
	given, wrong := l.offered(in)
	s.discount = given
	return wrong
}

// fillMethods names the ways to pay. Left to Stripe, a card is offered and, so
// that delayed payments can be tried in any currency, one bank debit.
func (l *ledger) fillMethods(s *session, in values) *problem {
	if s.currency != "" {
		currency, wrong := readCurrency(s.currency, "currency")
		if wrong != nil {
			return wrong
		}
		s.currency = currency
	}
	s.methods = in.texts("payment_method_types")
	if len(s.methods) > 0 {
		if s.mode == "payment" && s.manual() && len(s.methods) == 1 && delayed(s.methods[0]) {
			return invalid("", "payment_intent_data[capture_method]",
				"The payment method type %s does not support manual capture.", s.methods[0])
		}
		return nil
	}
	s.methods = []string{"card"}
	switch {
	case s.mode == "setup" || s.manual():
	case s.currency == "usd":
		s.methods = append(s.methods, "us_bank_account")
	default:
		s.methods = append(s.methods, "sepa_debit")
	}
	return nil
}

// due is what one line costs at this checkout.
type due struct{ before, off int64 }

// dueOf gives what each line costs now: nothing for what recurs after a free
// trial, and the discount spread over the lines.
func (s *session) dueOf() []due {
	all := make([]due, len(s.lines))
	var sum int64
	for i, item := range s.lines {
		if item.price.interval != "" && s.trial() {
			continue
		}
		all[i].before = item.price.amount * item.quantity
		sum += all[i].before
	}
	if s.discount == nil || sum == 0 {
		return all
	}
	whole := s.discount.coupon.from(sum)
	left := whole
	for i := range all {
		all[i].off = whole * all[i].before / sum
		left -= all[i].off
	}
	for i := range all { // what rounding left over goes to the first lines that can bear it
		more := min(left, all[i].before-all[i].off)
		all[i].off += more
		left -= more
	}
	return all
}

func (s *session) addUp() {
	s.subtotal, s.discounted = 0, 0
	for _, d := range s.dueOf() {
		s.subtotal += d.before
		s.discounted += d.off
	}
	s.total = s.subtotal - s.discounted
}

func (s *session) checkTotal() *problem {
	if s.mode == "setup" || s.total == 0 {
		return nil
	}
	if smallest := least(s.currency); s.total < smallest {
		return refused("amount_too_small", "", "The Checkout Session's total amount due must add up to at least %s%s %s",
			sign(s.currency), plain(smallest, s.currency), s.currency)
	}
	if s.total > largest {
		return refused("amount_too_large", "", "The Checkout Session's total amount due must be no more than %s%s %s",
			sign(s.currency), plain(largest, s.currency), s.currency)
	}
	return nil
}

func (t *turn) session() (*session, *problem) {
	s, ok := t.sessions.get(t.path("session"))
	if !ok {
		return nil, missing("checkout.session", t.path("session"), "session", 404)
	}
	return s, nil
}

func readSession(t *turn) (object, *problem) {
	s, wrong := t.session()
	if wrong != nil {
		return nil, wrong
	}
	return s.render(t.ledger), nil
}

func listSessions(t *turn) (object, *problem) {
	in := t.in
	way := t.sessions.along("", "")
	for _, field := range []string{"payment_intent", "subscription", "customer"} {
		if in.has(field) {
			way = t.sessions.along(field, in.text(field))
			break
		}
	}
	mail := in.under("customer_details").text("email")
	return page(t, t.sessions, way, func(s *session) bool {
		return (!in.has("status") || s.status == in.text("status")) &&
			(!in.has("customer") || s.customer == in.text("customer")) &&
			(!in.has("payment_intent") || s.intent == in.text("payment_intent")) &&
			(!in.has("subscription") || s.subscription == in.text("subscription")) &&
			(mail == "" || (s.payer != nil && s.payer.email == mail))
	})
}

func expireSession(t *turn) (object, *problem) {
	s, wrong := t.session()
	if wrong != nil {
		return nil, wrong
	}
	if s.status != "open" {
		return nil, refused("", "",
			"Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of `%s`.", s.status)
	}
	t.letExpire(s)
	return s.render(t.ledger), nil
}

// letExpire closes an open session for good, and with it what it had begun.
func (l *ledger) letExpire(s *session) {
	if s.status != "open" {
		return
	}
	s.status = "expired"
	if i, ok := l.intents.get(s.intent); ok {
		l.cancelIntent(i, "automatic")
	}
	if i, ok := l.setups.get(s.setup); ok {
		l.cancelSetup(i, "abandoned")
	}
	l.emit("checkout.session.expired", s.render(l), nil)
}

func listLines(t *turn) (object, *problem) {
	s, wrong := t.session()
	if wrong != nil {
		return nil, wrong
	}
	all := s.renderLines(t.ledger)
	from, limit := 0, int(t.in.whole("limit"))
	if limit == 0 {
		limit = 10
	}
	for i, item := range s.lines {
		if item.id == t.in.text("starting_after") {
			from = i + 1
		}
	}
	to := min(from+limit, len(all))
	return object{"object": "list", "data": all[from:to], "has_more": to < len(all), "url": t.url}, nil
}
