package stripe

import (
	"context"
	"time"

	stripego "github.com/stripe/stripe-go/v76"

	"keybridge/bridge"
)

// expansions is all of a session that money is made of, in one answer. Stripe
// expands four levels at most.
// Source: https://docs.stripe.com/api/expanding_objects
var expansions = []string{
	"payment_intent.latest_charge",
	"setup_intent",
	"subscription.latest_invoice.charge",
	"subscription.latest_invoice.payment_intent",
}

// Read reads how a request's payment stands, from its latest checkout on. It
// changes nothing. A request for which nothing was opened yet has no payment.
// NotFound: Stripe does not know the session, which mostly means a key of another
// account or mode.
func (p *Provider) Read(ctx context.Context, r bridge.Request) (bridge.Money, error) {
	id := p.sessionOf(r)
	if id == "" {
		return bridge.Money{State: bridge.NoPayment}, nil
	}
	return p.read(ctx, r, id)
}

// sessionOf is the id of the request's latest checkout, empty where there is none.
func (p *Provider) sessionOf(r bridge.Request) string {
	if r.Payment.Checkout.ID != "" {
		return r.Payment.Checkout.ID
	}
	if ref, ok := r.Ref(bridge.RefSession); ok && ref.System == p.cfg.Name {
		return ref.ID
	}
	return ""
}

func (p *Provider) read(ctx context.Context, r bridge.Request, id string) (bridge.Money, error) {
	s, err := p.session(ctx, r, id)
	if err != nil {
		return bridge.Money{}, err
	}
	return p.money(ctx, r, s)
}

// session reads a session with all that hangs on it. One that was made for another
// request is refused: its money is not ours to count.
func (p *Provider) session(ctx context.Context, r bridge.Request, id string) (*session, error) {
	s := new(session)
	err := p.get(stripego.FormatURLPath(sessions+"/%s", id), &stripego.CheckoutSessionParams{
		Params: stripego.Params{Context: ctx},
		Expand: stripego.StringSlice(expansions),
	}, s)
	if err != nil {
		return nil, p.problem("read checkout", err)
	}
	if owner := s.Metadata[metaRequest]; owner != "" && owner != string(r.ID) {
		return nil, &bridge.Error{Kind: bridge.Invalid, Msg: "the checkout belongs to another request"}
	}
	return s, nil
}

// money says in the domain's words what a session and what hangs on it come to.
func (p *Provider) money(ctx context.Context, r bridge.Request, s *session) (bridge.Money, error) {
	m := bridge.Money{
		State:    bridge.NoPayment,
		Checkout: bridge.Checkout{ID: s.ID, For: stepOf(r, s)},
	}
	p.refer(&m, bridge.RefSession, s.ID)
	if s.Customer != nil {
		m.Customer = s.Customer.ID
	}
	switch s.Status {
	case stripego.CheckoutSessionStatusOpen:
		m.State = bridge.PaymentOpen
		m.Checkout.State = bridge.CheckoutOpen
		m.Checkout.URL = s.URL
		m.Checkout.Expires = clock(s.ExpiresAt)
		return m, nil
	case stripego.CheckoutSessionStatusExpired:
		m.Checkout.State = bridge.CheckoutExpired
		m.Checkout.Expires = clock(s.ExpiresAt)
		return m, nil
	}
	m.Checkout.State = bridge.CheckoutComplete
	var err error
	switch s.Mode {
	case stripego.CheckoutSessionModeSetup:
		p.seeValidation(&m, s.SetupIntent)
	case stripego.CheckoutSessionModeSubscription:
		err = p.seeSubscription(ctx, &m, r, s)
	default:
		err = p.seePayment(ctx, &m, s)
	}
	return m, err
}

// stepOf is the step a session serves, by its own word first.
func stepOf(r bridge.Request, s *session) bridge.StepKind {
	switch {
	case s.Metadata[metaStep] != "":
		return bridge.StepKind(s.Metadata[metaStep])
	case s.Mode == stripego.CheckoutSessionModeSetup:
		return bridge.Validation
	case r.Payment.Checkout.ID == s.ID && r.Payment.Checkout.For != "":
		return r.Payment.Checkout.For
	}
	return bridge.Paying
}

// refer notes an id that leads back to the request.
func (p *Provider) refer(m *bridge.Money, kind bridge.RefKind, id string) {
	if id != "" {
		m.Refs = append(m.Refs, bridge.Ref{System: p.cfg.Name, Kind: kind, ID: id})
	}
}

// seeValidation reads the SetupIntent of a completed setup checkout.
func (p *Provider) seeValidation(m *bridge.Money, si *setup) {
	if si == nil {
		return
	}
	p.refer(m, bridge.RefSetup, si.ID)
	switch si.Status {
	case stripego.SetupIntentStatusSucceeded:
		m.Validated = true
	case stripego.SetupIntentStatusCanceled, stripego.SetupIntentStatusRequiresPaymentMethod:
		fail(m, why(si.LastSetupError, "The card could not be validated."))
	default:
		m.State = bridge.Processing
	}
}

// fail marks a checkout that was completed and came to nothing.
func fail(m *bridge.Money, why string) {
	m.State = bridge.NoPayment
	m.Checkout.State = bridge.CheckoutFailed
	m.Why = why
}

// clock is a time of Stripe's, which counts seconds and has no zero.
func clock(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}
