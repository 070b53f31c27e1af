package stripe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	stripego "github.com/stripe/stripe-go/v76"

	"keybridge/bridge"
)

// The metadata that leads from an object at Stripe back to its request.
const (
	metaRequest = bridge.MetadataRequest
	metaStep    = "keybridge_step"
	metaPortal  = "keybridge_portal"
)

// Stripe's bounds on what is sent.
// Source: https://docs.stripe.com/api/checkout/sessions/create, https://docs.stripe.com/api/metadata
const (
	longestName     = 250
	longestMeta     = 500
	longestTrial    = 730
	mostLines       = 20 // of each kind, in subscription mode
	cardOnly        = "card"
	addressAsNeeded = "auto"
)

// Open opens a checkout, or adopts the one an earlier attempt made. It may be
// repeated with the same order: there is one session for a key. What comes back is
// how the checkout stands, which for a repetition may be complete or expired.
//
// Invalid: the order cannot become a checkout (a line without amount and price id,
// parameters Stripe refuses); the message names the parameter.
func (p *Provider) Open(ctx context.Context, o bridge.Order) (bridge.Money, error) {
	if err := checkOrder(o); err != nil {
		return bridge.Money{}, err
	}
	if since := p.lookSince(o); !since.IsZero() {
		money, found, err := p.adopt(ctx, o, since)
		if err != nil || found {
			return money, err
		}
	}
	if money, alive, err := p.replace(ctx, o); err != nil || alive {
		return money, err
	}
	s, stored, err := p.create(ctx, o)
	if err != nil {
		return bridge.Money{}, err
	}
	if stored {
		return p.read(ctx, o.Request, s.ID)
	}
	return p.money(ctx, o.Request, s)
}

// replace ends the subscription of the request's last checkout, whose first payment
// failed, before another one is opened: two must never ask for money. alive is true
// when the payment came in after all, or is on its way, even if the subscription is over
// by now; then nothing is opened.
func (p *Provider) replace(ctx context.Context, o bridge.Order) (money bridge.Money, alive bool, err error) {
	if !o.Request.Payment.Subscribed {
		return money, false, nil
	}
	money, err = p.Read(ctx, o.Request)
	if err == nil && money.State == bridge.NoPayment && money.Subscribed {
		money, err = p.Cancel(ctx, o.Request, o.Key+"_replace")
	}
	return money, err == nil && money.State != bridge.NoPayment, err
}

// forgetting is the age from which an order is looked for before it is placed:
// Stripe keeps an idempotency key for 24 hours at least.
const forgetting = 12 * time.Hour

// lookSince is the time from which a session of this order may exist that the
// idempotency key alone would not find. Zero: there is none.
func (p *Provider) lookSince(o bridge.Order) time.Time {
	if o.Since.IsZero() && !o.At.IsZero() && p.cfg.Now().Sub(o.At) > forgetting {
		return o.At
	}
	return o.Since
}

func checkOrder(o bridge.Order) error {
	lines := o.Request.Terms.Lines
	var msg string
	switch {
	case o.Key == "":
		msg = "a checkout cannot be opened without an idempotency key"
	case o.For == bridge.Validation:
		return nil
	case o.For != bridge.Paying:
		msg = fmt.Sprintf("no checkout serves the step %q", o.For)
	case len(lines) == 0:
		msg = "the plan asks for a payment and names no price"
	case len(lines) > 2*mostLines:
		msg = fmt.Sprintf("a checkout holds %d prices at most", 2*mostLines)
	case o.Request.Terms.TrialDays > longestTrial:
		msg = fmt.Sprintf("a trial lasts %d days at most", longestTrial)
	}
	for _, line := range lines {
		if line.Amount.Currency == "" {
			msg = fmt.Sprintf("the price %q has no amount: it was not quoted", line.Ref+line.Lookup)
		}
	}
	if msg == "" {
		return nil
	}
	return &bridge.Error{Kind: bridge.Invalid, Msg: msg}
}

// create makes the session. A customer who was deleted at Stripe meanwhile is left
// out, under a key of its own because the parameters differ.
func (p *Provider) create(ctx context.Context, o bridge.Order) (s *session, stored bool, err error) {
	const doing = "open checkout"
	s = new(session)
	stored, err = p.call(http.MethodPost, sessions, p.params(ctx, o), s)
	if err == nil {
		return s, stored, nil
	}
	se, ok := errors.AsType[*stripego.Error](err)
	if ok && o.Customer != "" && se.Param == "customer" && se.Code == stripego.ErrorCodeResourceMissing {
		o.Customer, o.Key = "", o.Key+"_new-customer"
		if stored, err = p.call(http.MethodPost, sessions, p.params(ctx, o), s); err == nil {
			return s, stored, nil
		}
	}
	if ok && se.Param == "expires_at" && se.HTTPStatusCode == http.StatusBadRequest {
		return nil, false, &bridge.Error{Kind: bridge.Unavailable, Msg: "The checkout came too late to stay open long enough. A new attempt is made by itself.", Err: told(doing, se), Answered: true}
	}
	return nil, false, p.problem(doing, err)
}

// params is the order in Stripe's words. It depends on the order and the
// configuration alone, so that a repetition says the same.
func (p *Provider) params(ctx context.Context, o bridge.Order) *stripego.CheckoutSessionParams {
	in := &stripego.CheckoutSessionParams{
		Params:            stripego.Params{Context: ctx, IdempotencyKey: stripego.String(o.Key)},
		ClientReferenceID: stripego.String(string(o.Request.ID)),
		Metadata:          metadata(o),
		SuccessURL:        stripego.String(o.Success),
		ExpiresAt:         p.expiresAt(o),
	}
	if o.Cancel != "" {
		in.CancelURL = stripego.String(o.Cancel)
	}
	if p.cfg.Locale != "" {
		in.Locale = stripego.String(p.cfg.Locale)
	}
	switch {
	case o.For == bridge.Validation:
		validate(in, o)
	case o.Request.Terms.Recurring():
		p.subscribe(in, o)
	default:
		p.charge(in, o)
	}
	payer(in, o)
	return in
}

// metadata is the lead back to the request.
func metadata(o bridge.Order) map[string]string {
	m := map[string]string{metaRequest: string(o.Request.ID), metaStep: string(o.For)}
	if o.Request.Portal != "" {
		m[metaPortal] = cut(o.Request.Portal, longestMeta)
	}
	return m
}

// expiresAt is when the checkout shall close: nil leaves it to Stripe, which means
// 24 hours. It is counted from the order's time, so that a repetition says the same;
// one that comes too late for Stripe is refused and ends the attempt (see create).
func (p *Provider) expiresAt(o bridge.Order) *int64 {
	// Stripe's clock is not ours, and the call takes a moment.
	const margin = 2 * time.Minute
	if p.cfg.CheckoutExpiry > longestExpiry-margin {
		return nil
	}
	at := o.At
	if at.IsZero() {
		at = p.cfg.Now()
	}
	return stripego.Int64(at.Add(max(p.cfg.CheckoutExpiry, shortestExpiry+margin)).Unix())
}

// validate makes it a checkout that checks a card and charges nothing.
func validate(in *stripego.CheckoutSessionParams, o bridge.Order) {
	in.Mode = stripego.String(string(stripego.CheckoutSessionModeSetup))
	in.PaymentMethodTypes = stripego.StringSlice([]string{cardOnly})
	in.SetupIntentData = &stripego.CheckoutSessionSetupIntentDataParams{Metadata: metadata(o)}
}

// charge makes it a checkout for one payment.
func (p *Provider) charge(in *stripego.CheckoutSessionParams, o bridge.Order) {
	terms := o.Request.Terms
	in.Mode = stripego.String(string(stripego.CheckoutSessionModePayment))
	sell(in, terms)
	in.PaymentIntentData = &stripego.CheckoutSessionPaymentIntentDataParams{Metadata: metadata(o)}
	if terms.Plan != "" {
		in.PaymentIntentData.Description = stripego.String(cut(terms.Plan, longestName))
	}
	if terms.Hold {
		in.PaymentIntentData.CaptureMethod = stripego.String(string(stripego.PaymentIntentCaptureMethodManual))
		return
	}
	if p.cfg.Invoices {
		in.InvoiceCreation = &stripego.CheckoutSessionInvoiceCreationParams{
			Enabled:     stripego.Bool(true),
			InvoiceData: &stripego.CheckoutSessionInvoiceCreationInvoiceDataParams{Metadata: metadata(o)},
		}
	}
}

// subscribe makes it a checkout for a subscription. Lines that are paid once go on
// its first invoice.
func (p *Provider) subscribe(in *stripego.CheckoutSessionParams, o bridge.Order) {
	terms := o.Request.Terms
	in.Mode = stripego.String(string(stripego.CheckoutSessionModeSubscription))
	sell(in, terms)
	sub := &stripego.CheckoutSessionSubscriptionDataParams{Metadata: metadata(o)}
	if terms.Plan != "" {
		sub.Description = stripego.String(cut(terms.Plan, longestName))
	}
	in.SubscriptionData = sub
	total, known := terms.Total()
	free := known && total.Minor == 0
	if terms.TrialDays > 0 {
		sub.TrialPeriodDays = stripego.Int64(int64(terms.TrialDays))
	}
	if free || terms.TrialDays > 0 && p.cfg.TrialWithoutCard {
		in.PaymentMethodCollection = stripego.String(string(stripego.CheckoutSessionPaymentMethodCollectionIfRequired))
	}
	if terms.TrialDays > 0 && p.cfg.TrialWithoutCard && !free {
		sub.TrialSettings = &stripego.CheckoutSessionSubscriptionDataTrialSettingsParams{
			EndBehavior: &stripego.CheckoutSessionSubscriptionDataTrialSettingsEndBehaviorParams{
				MissingPaymentMethod: stripego.String(string(stripego.SubscriptionTrialSettingsEndBehaviorMissingPaymentMethodCancel)),
			},
		}
	}
}

// sell puts the terms' lines on a checkout, and what goes with selling.
func sell(in *stripego.CheckoutSessionParams, terms bridge.Terms) {
	for _, line := range terms.Lines {
		in.LineItems = append(in.LineItems, item(line, terms.Plan))
	}
	if terms.Tax {
		in.AutomaticTax = &stripego.CheckoutSessionAutomaticTaxParams{Enabled: stripego.Bool(true)}
	}
	if terms.TaxIDs {
		in.TaxIDCollection = &stripego.CheckoutSessionTaxIDCollectionParams{Enabled: stripego.Bool(true)}
	}
	if terms.Promotions {
		in.AllowPromotionCodes = stripego.Bool(true)
	}
}

// item is one line: by the price's id where there is one, so that Stripe's reports
// count it, else by its amount.
func item(line bridge.Price, plan string) *stripego.CheckoutSessionLineItemParams {
	made := &stripego.CheckoutSessionLineItemParams{Quantity: stripego.Int64(1)}
	if line.Ref != "" {
		made.Price = stripego.String(line.Ref)
		return made
	}
	name := strings.TrimSpace(line.Name)
	if name == "" {
		name = strings.TrimSpace(plan)
	}
	if name == "" {
		name = "API access" // a product without a name is refused
	}
	made.PriceData = &stripego.CheckoutSessionLineItemPriceDataParams{
		Currency:    stripego.String(strings.ToLower(line.Amount.Currency)),
		UnitAmount:  stripego.Int64(line.Amount.Minor),
		ProductData: &stripego.CheckoutSessionLineItemPriceDataProductDataParams{Name: stripego.String(cut(name, longestName))},
	}
	if !line.Interval.Once() {
		made.PriceData.Recurring = &stripego.CheckoutSessionLineItemPriceDataRecurringParams{
			Interval:      stripego.String(line.Interval.Unit),
			IntervalCount: stripego.Int64(int64(max(line.Interval.Count, 1))),
		}
	}
	return made
}

// payer says who pays: a known customer, else an address to begin with, else
// nobody. With a known customer, Stripe wants leave to keep what tax and tax ids
// need on it.
func payer(in *stripego.CheckoutSessionParams, o bridge.Order) {
	terms := o.Request.Terms
	subscribes := in.SubscriptionData != nil
	switch {
	case o.Customer != "":
		in.Customer = stripego.String(o.Customer)
		if in.AutomaticTax == nil && in.TaxIDCollection == nil {
			return
		}
		in.CustomerUpdate = &stripego.CheckoutSessionCustomerUpdateParams{}
		if terms.Tax {
			in.CustomerUpdate.Address = stripego.String(addressAsNeeded)
		}
		if terms.TaxIDs {
			in.CustomerUpdate.Name = stripego.String(addressAsNeeded)
		}
		return
	case o.Email != "":
		in.CustomerEmail = stripego.String(o.Email)
	}
	if !subscribes {
		in.CustomerCreation = stripego.String(string(stripego.CheckoutSessionCustomerCreationAlways))
	}
}

// cut bounds a text to a number of bytes without breaking a letter.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "")
}
