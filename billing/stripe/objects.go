package stripe

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	stripego "github.com/stripe/stripe-go/v76"
)

// The objects of Stripe's API, as far as they are read here: what is not named in this
// file is skipped, personal data and client secrets first of all. Members have Stripe's
// own names and values, times are seconds since 1970, amounts minor units.
//
// An object within another one is an id alone unless the call asked for the whole
// (expand): then nothing but its ID is set.
// Source: https://docs.stripe.com/api (version 2023-10-16), https://docs.stripe.com/api/expanding_objects

// session is a Checkout Session.
type session struct {
	ID            string                                `json:"id"`
	Status        stripego.CheckoutSessionStatus        `json:"status"`
	Mode          stripego.CheckoutSessionMode          `json:"mode"`
	PaymentStatus stripego.CheckoutSessionPaymentStatus `json:"payment_status"`
	Currency      stripego.Currency                     `json:"currency"`
	Created       int64                                 `json:"created"`
	ExpiresAt     int64                                 `json:"expires_at"`
	URL           string                                `json:"url"`
	Metadata      map[string]string                     `json:"metadata"`
	Customer      *customer                             `json:"customer"`
	Invoice       *invoice                              `json:"invoice"`
	PaymentIntent *intent                               `json:"payment_intent"`
	SetupIntent   *setup                                `json:"setup_intent"`
	Subscription  *subscription                         `json:"subscription"`
}

// customer is whoever pays. Nothing of them is read.
type customer struct {
	ID string `json:"id"`
}

// intent is a PaymentIntent.
type intent struct {
	ID                 string                                   `json:"id"`
	Status             stripego.PaymentIntentStatus             `json:"status"`
	AmountReceived     int64                                    `json:"amount_received"`
	Currency           stripego.Currency                        `json:"currency"`
	CancellationReason stripego.PaymentIntentCancellationReason `json:"cancellation_reason"`
	LatestCharge       *charge                                  `json:"latest_charge"`
	LastPaymentError   *failure                                 `json:"last_payment_error"`
}

// setup is a SetupIntent.
type setup struct {
	ID             string                     `json:"id"`
	Status         stripego.SetupIntentStatus `json:"status"`
	LastSetupError *failure                   `json:"last_setup_error"`
}

// failure is why a payment or a validation failed, as its object keeps it.
type failure struct {
	Code        string `json:"code"`
	DeclineCode string `json:"decline_code"`
}

// charge is money that was asked of a bank.
type charge struct {
	ID             string            `json:"id"`
	Amount         int64             `json:"amount"`
	AmountCaptured int64             `json:"amount_captured"`
	AmountRefunded int64             `json:"amount_refunded"`
	Currency       stripego.Currency `json:"currency"`
	Refunded       bool              `json:"refunded"`
	Disputed       bool              `json:"disputed"`
}

// subscription is a payment that is due again each period.
type subscription struct {
	ID                 string                      `json:"id"`
	Status             stripego.SubscriptionStatus `json:"status"`
	LatestInvoice      *invoice                    `json:"latest_invoice"`
	CancelAt           int64                       `json:"cancel_at"`
	CancelAtPeriodEnd  bool                        `json:"cancel_at_period_end"`
	CurrentPeriodStart int64                       `json:"current_period_start"`
	CurrentPeriodEnd   int64                       `json:"current_period_end"`
	TrialEnd           int64                       `json:"trial_end"`
	EndedAt            int64                       `json:"ended_at"`
}

// invoice is what is due for one period of a subscription, or what a one-off payment
// was made for.
type invoice struct {
	ID                string                 `json:"id"`
	Status            stripego.InvoiceStatus `json:"status"`
	Currency          stripego.Currency      `json:"currency"`
	Created           int64                  `json:"created"`
	Charge            *charge                `json:"charge"`
	PaymentIntent     *intent                `json:"payment_intent"`
	Lines             list[invoiceLine]      `json:"lines"`
	StatusTransitions struct {
		FinalizedAt int64 `json:"finalized_at"`
	} `json:"status_transitions"`
}

// invoiceLine is one line of an invoice, and the time it is for.
type invoiceLine struct {
	Type   stripego.InvoiceLineItemType `json:"type"`
	Period struct {
		Start int64 `json:"start"`
		End   int64 `json:"end"`
	} `json:"period"`
}

// dispute is a cardholder's complaint about a charge to their bank.
type dispute struct {
	Status stripego.DisputeStatus `json:"status"`
	Amount int64                  `json:"amount"`
}

// price is a price of a product.
type price struct {
	ID                string                      `json:"id"`
	Active            bool                        `json:"active"`
	Deleted           bool                        `json:"deleted"`
	BillingScheme     stripego.PriceBillingScheme `json:"billing_scheme"`
	Currency          stripego.Currency           `json:"currency"`
	UnitAmount        int64                       `json:"unit_amount"`
	UnitAmountDecimal float64                     `json:"unit_amount_decimal,string"`
	CustomUnitAmount  *struct{}                   `json:"custom_unit_amount"`
	Recurring         *recurring                  `json:"recurring"`
	Product           *product                    `json:"product"`
}

// recurring is how often a price is due.
type recurring struct {
	Interval      string                           `json:"interval"`
	IntervalCount int64                            `json:"interval_count"`
	UsageType     stripego.PriceRecurringUsageType `json:"usage_type"`
}

// product is what a price is of. Object is empty where only its id is known.
type product struct {
	ID     string `json:"id"`
	Object string `json:"object"`
	Active bool   `json:"active"`
	Name   string `json:"name"`
}

// list is a page of objects. What is null in it is an object without members.
type list[T any] struct {
	HasMore bool `json:"has_more"`
	Data    []T  `json:"data"`
}

// expanded decodes an object that may be an id alone.
func expanded(in *jsontext.Decoder, id *string, whole any) error {
	if in.PeekKind() == '"' {
		return json.UnmarshalDecode(in, id)
	}
	return json.UnmarshalDecode(in, whole)
}

// UnmarshalJSONFrom takes an id for a customer.
func (c *customer) UnmarshalJSONFrom(in *jsontext.Decoder) error {
	type whole customer
	return expanded(in, &c.ID, (*whole)(c))
}

// UnmarshalJSONFrom takes an id for a PaymentIntent.
func (i *intent) UnmarshalJSONFrom(in *jsontext.Decoder) error {
	type whole intent
	return expanded(in, &i.ID, (*whole)(i))
}

// UnmarshalJSONFrom takes an id for a SetupIntent.
func (s *setup) UnmarshalJSONFrom(in *jsontext.Decoder) error {
	type whole setup
	return expanded(in, &s.ID, (*whole)(s))
}

// UnmarshalJSONFrom takes an id for a charge.
func (c *charge) UnmarshalJSONFrom(in *jsontext.Decoder) error {
	type whole charge
	return expanded(in, &c.ID, (*whole)(c))
}

// UnmarshalJSONFrom takes an id for a subscription.
func (s *subscription) UnmarshalJSONFrom(in *jsontext.Decoder) error {
	type whole subscription
	return expanded(in, &s.ID, (*whole)(s))
}

// UnmarshalJSONFrom takes an id for an invoice.
func (i *invoice) UnmarshalJSONFrom(in *jsontext.Decoder) error {
	type whole invoice
	return expanded(in, &i.ID, (*whole)(i))
}

// UnmarshalJSONFrom takes an id for a product.
func (p *product) UnmarshalJSONFrom(in *jsontext.Decoder) error {
	type whole product
	return expanded(in, &p.ID, (*whole)(p))
}
