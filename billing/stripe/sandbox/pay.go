package sandbox

// purse is what a person does with the checkout page: who they are, what they
// pay with, and how their bank answers.
type purse struct {
	payer
	kind    string // card, or a delayed method; empty = none is given
	decline string // decline code; empty = the bank agrees
	later   string // decline code of every payment after this one
}

// pay does what pressing the page's button does. The problem it returns is what
// the page shows: a declined card leaves the session open.
func (l *ledger) pay(s *session, by purse) *problem {
	switch s.status {
	case "complete":
		return wrongMoment("this checkout is complete already")
	case "expired":
		return wrongMoment("this checkout has expired")
	}
	if s.manual() && delayed(by.kind) {
		return wrongMoment("a bank debit cannot be held, only taken")
	}
	s.payer = l.whoPays(s, by.payer)
	if s.payer.email == "" {
		s.payer = nil
		return invalid("email_invalid", "email", "Please enter your e-mail address.")
	}
	if by.decline == "" {
		l.bringCustomer(s)
	}
	var wrong *problem
	switch s.mode {
	case "payment":
		wrong = l.payOnce(s, by)
	case "subscription":
		wrong = l.startSubscription(s, by)
	case "setup":
		wrong = l.saveCard(s, by)
	}
	if wrong != nil {
		return wrong
	}
	l.redeem(s)
	s.status = "complete"
	l.emit("checkout.session.completed", s.render(l), nil)
	return nil
}

// whoPays takes the customer's own e-mail address where there is one: Stripe
// does not let it be changed on the page.
func (l *ledger) whoPays(s *session, given payer) *payer {
	if c, ok := l.customers.get(s.customer); ok && c.email != "" {
		return &payer{c.email, firstOf(c.name, given.name)}
	}
	return &payer{firstOf(s.email, given.email), given.name}
}

func firstOf(words ...string) string {
	for _, word := range words {
		if word != "" {
			return word
		}
	}
	return ""
}

// bringCustomer makes the customer a session asks for; a guest stays a guest.
func (l *ledger) bringCustomer(s *session) {
	if s.customer != "" {
		if c, ok := l.customers.get(s.customer); ok && c.email == "" {
			c.email = s.payer.email
			l.customers.mark(c.id, "email", c.email)
		}
		return
	}
	if s.creation != "always" {
		return
	}
	c := l.newCustomer(s.payer.email, s.payer.name)
	s.customer = c.id
	l.keepCustomer(c)
	l.sessions.mark(s.id, "customer", c.id)
}

func (l *ledger) payOnce(s *session, by purse) *problem {
	if s.total == 0 {
		s.payment = "no_payment_required"
		return nil
	}
	i, ok := l.intents.get(s.intent)
	if !ok {
		i = l.newIntent(s)
	}
	if i.customer == "" && s.customer != "" {
		i.customer = s.customer
		l.intents.mark(i.id, "customer", s.customer)
	}
	m := l.newMethod(by.kind, *s.payer)
	if wrong := l.attempt(i, m, by.decline); wrong != nil {
		return wrong
	}
	m.fails = by.later
	if s.charging.future != "" {
		l.attach(m, s.customer)
	}
	switch i.status {
	case "succeeded":
		s.payment = "paid"
		l.receipt(s, i)
	case "processing":
		s.bank = "pending"
	}
	return nil
}

// receipt makes the invoice a one-off session may ask for, after it was paid.
func (l *ledger) receipt(s *session, i *intent) {
	if s.billing == nil {
		return
	}
	in := l.newInvoice(s.customer, s.currency, "manual")
	in.session, in.intent, in.charge = s.id, i.id, i.charge
	in.description, in.footer, in.metadata = s.billing.description, s.billing.footer, s.billing.metadata
	in.email, in.name = s.payer.email, s.payer.name
	for _, item := range s.lines {
		in.add(l, item, l.unix())
	}
	in.addUp()
	if s.discount != nil {
		in.apply(s.discount)
	}
	s.invoice = in.id
	l.keepInvoice(in)
	l.settleInvoice(in, nil)
}

func (l *ledger) startSubscription(s *session, by purse) *problem {
	if by.decline != "" {
		return declined(by.decline)
	}
	var m *method
	if by.kind != "" {
		m = l.newMethod(by.kind, *s.payer)
		l.attach(m, s.customer)
	}
	sub := l.subscribe(s, m)
	in := l.bill(sub, "subscription_create")
	s.invoice = in.id
	if wrong := l.collect(in, ""); wrong != nil {
		return wrong
	}
	if m != nil {
		m.fails = by.later
	}
	switch {
	case in.status == "paid" && in.total == 0:
		s.payment = "no_payment_required"
		l.paidUp(sub)
	case in.status == "paid":
		s.payment = "paid"
	default:
		s.bank = "pending"
	}
	l.at(sub.created+incompleteFor, func() { l.expireIncomplete(sub) })
	return nil
}

func (l *ledger) saveCard(s *session, by purse) *problem {
	i, ok := l.setups.get(s.setup)
	if !ok {
		return wrongMoment("this session has no setup intent")
	}
	i.customer = s.customer
	l.setups.mark(i.id, "customer", s.customer)
	if by.decline != "" {
		return l.validate(i, nil, by.decline)
	}
	return l.validate(i, l.newMethod(by.kind, *s.payer), "")
}

// redeem counts a coupon as used.
func (l *ledger) redeem(s *session) {
	if s.discount == nil {
		return
	}
	s.discount.coupon.redeemed++
	if p, ok := l.promotions.get(s.discount.promotion); ok {
		p.redeemed++
	}
}

// promote applies a promotion code that was entered on the page.
func (l *ledger) promote(s *session, code string) *problem {
	allowed, _ := s.settings["allow_promotion_codes"].(bool)
	p, ok := l.promotionByCode(code)
	if !allowed || !ok || !p.coupon.valid() || (p.coupon.currency != "" && p.coupon.currency != s.currency) {
		return invalid("", "promotion_code", "This code is invalid.")
	}
	was := s.discount
	s.discount = &discount{id: l.id("di_1", 23), promotion: p.id, coupon: p.coupon, start: l.unix()}
	s.addUp()
	if wrong := s.checkTotal(); wrong != nil {
		s.discount = was
		s.addUp()
		return wrong
	}
	return nil
}

// settlePending ends the wait for the bank on whatever is on its way: the first
// payment of a session, or a later one for a subscription.
func (l *ledger) settlePending(t target, decline string) *problem {
	if t.intent == nil || t.intent.status != "processing" {
		return wrongMoment("nothing is on its way")
	}
	if s := t.session; s != nil && s.bank == "pending" {
		return l.settleSession(s, decline)
	}
	if t.invoice == nil || !l.settle(t.intent, decline) {
		return wrongMoment("nothing is on its way")
	}
	if decline != "" {
		l.collectionFailed(t.invoice, t.sub, decline)
		return nil
	}
	l.settleInvoice(t.invoice, t.sub)
	return nil
}

// settleSession ends the wait for the bank, one way or the other.
func (l *ledger) settleSession(s *session, decline string) *problem {
	i, in := l.pendingOf(s)
	if i == nil || !l.settle(i, decline) {
		return wrongMoment("nothing of the session %s is on its way", s.id)
	}
	sub, _ := l.subscriptions.get(s.subscription)
	if decline != "" {
		s.bank = "failed"
		if in != nil {
			l.emit("invoice.payment_failed", in.render(l), nil)
		}
		l.emit("checkout.session.async_payment_failed", s.render(l), nil)
		if sub != nil {
			l.expireIncomplete(sub)
		}
		return nil
	}
	s.bank, s.payment = "succeeded", "paid"
	if in != nil {
		l.settleInvoice(in, sub)
	} else {
		l.receipt(s, i)
	}
	l.emit("checkout.session.async_payment_succeeded", s.render(l), nil)
	return nil
}

// pendingOf finds the intent of a session, or of its subscription's invoice.
func (l *ledger) pendingOf(s *session) (*intent, *invoice) {
	if i, ok := l.intents.get(s.intent); ok {
		return i, nil
	}
	in, ok := l.invoices.get(s.invoice)
	if !ok {
		return nil, nil
	}
	i, _ := l.intents.get(in.intent)
	return i, in
}
