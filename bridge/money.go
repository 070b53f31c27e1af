package bridge

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Amount is money in the smallest unit of its currency (cents, yen, fils), never
// a float. Currency is the upper-case ISO 4217 code. Amounts of two currencies
// are never added up.
type Amount struct {
	Minor    int64  `json:"minor"`
	Currency string `json:"currency,omitempty"`
}

// NewAmount returns an amount; the currency may be in either case.
func NewAmount(minor int64, currency string) Amount {
	return Amount{Minor: minor, Currency: strings.ToUpper(currency)}
}

// String writes an amount in the decimals of its currency: "12.50 EUR", "1200 JPY".
// It is for history and messages to operators; pages format for their reader.
func (a Amount) String() string {
	sign, minor, unit := "", a.Minor, int64(1)
	if minor < 0 {
		sign, minor = "-", -minor
	}
	decimals := a.Decimals()
	for range decimals {
		unit *= 10
	}
	if decimals == 0 {
		return fmt.Sprintf("%s%d %s", sign, minor, a.Currency)
	}
	return fmt.Sprintf("%s%d.%0*d %s", sign, minor/unit, decimals, minor%unit, a.Currency)
}

// ParseAmount reads an amount as String writes it; ok is false for any other text.
func ParseAmount(text string) (a Amount, ok bool) {
	number, currency, _ := strings.Cut(text, " ")
	minor, err := strconv.ParseInt(strings.Replace(number, ".", "", 1), 10, 64)
	a = Amount{Minor: minor, Currency: currency}
	return a, err == nil && len(currency) == 3 && strings.ToUpper(strings.TrimSpace(currency)) == currency && a.String() == text
}

// PaymentState is what the provider holds for a request.
type PaymentState string

// The states of a payment.
const (
	// NoPayment: nothing was asked for yet, or what was asked for is over without
	// money (a checkout that expired, a delayed payment that failed).
	NoPayment PaymentState = "none"
	// PaymentOpen: a checkout waits for the developer.
	PaymentOpen PaymentState = "open"
	// Processing: the checkout is complete, the money is on its way (delayed
	// methods take days) and may still fail.
	Processing PaymentState = "processing"
	// Held: authorised, not captured.
	Held PaymentState = "held"
	// Paid: the money is there and nothing is owed now.
	Paid PaymentState = "paid"
	// Trialing: a subscription in its free trial.
	Trialing PaymentState = "trialing"
	// Invoiced: an invoice is out, and access is given on trust.
	Invoiced PaymentState = "invoiced"
	// Overdue: a subscription whose latest payment failed and is being retried.
	Overdue PaymentState = "overdue"
	// PaymentEnded: a subscription that is over.
	PaymentEnded PaymentState = "ended"
	// Refunded: given back in full.
	Refunded PaymentState = "refunded"
	// Disputed: the cardholder's bank has taken it back, or may.
	Disputed PaymentState = "disputed"
)

// Good reports whether the payment earns access.
func (s PaymentState) Good() bool { return s == Paid || s == Trialing || s == Invoiced }

// PaymentWant is what should become of a payment.
type PaymentWant string

// What can be wanted of a payment.
const (
	// WantNothing: no checkout is open.
	WantNothing PaymentWant = "none"
	// WantOpen: a checkout for the step that waits.
	WantOpen PaymentWant = "open"
	// WantSettled: what is held is captured, what is paid stays.
	WantSettled PaymentWant = "settled"
	// WantReturned: expired, voided, cancelled and refunded, whichever it takes to
	// keep no money.
	WantReturned PaymentWant = "returned"
	// WantCancelled: no further payment; what was paid for the time used stays.
	WantCancelled PaymentWant = "cancelled"
)

// CheckoutState is what the provider says of one checkout.
type CheckoutState string

// The states of a checkout. Only the provider says that one is over.
const (
	NoCheckout       CheckoutState = ""
	CheckoutOpen     CheckoutState = "open"
	CheckoutComplete CheckoutState = "complete"
	CheckoutExpired  CheckoutState = "expired"
	// CheckoutFailed: completed, and the payment failed afterwards.
	CheckoutFailed CheckoutState = "failed"
)

// Checkout is the page at the provider where a developer pays or validates a
// card. A request has at most one that is open.
type Checkout struct {
	// ID is the provider's id of the session.
	ID string `json:"id,omitempty"`
	// For is the step it serves: Validation or Paying.
	For   StepKind      `json:"for,omitempty"`
	State CheckoutState `json:"state,omitempty"`
	// URL is where the developer goes. Set while it is open. Not a secret, but
	// whoever has it can pay.
	URL string `json:"url,omitempty"`
	// Expires is when the provider will close it.
	Expires time.Time `json:"expires,omitzero"`
}

// Payment is what the provider held when it was last read, and what is wanted of
// it beyond what follows from the verdict.
type Payment struct {
	Have     PaymentState `json:"have,omitempty"`
	Checkout Checkout     `json:"checkout,omitzero"`
	// Collected is what came in and Returned what went back of it, for the one-off
	// payment or the subscription's latest period.
	Collected Amount `json:"collected,omitzero"`
	Returned  Amount `json:"returned,omitzero"`
	// Subscribed reports a subscription that can still ask for money.
	Subscribed bool `json:"subscribed,omitempty"`
	// PaidUntil is the end of the time paid for. Zero for a one-off payment.
	PaidUntil time.Time `json:"paid_until,omitzero"`
	// OverdueSince is when the latest payment failed first.
	OverdueSince time.Time `json:"overdue_since,omitzero"`
	// CancelsAt is when a subscription that was cancelled for later will end.
	CancelsAt time.Time `json:"cancels_at,omitzero"`
	// Customer is the provider's id of the payer, for use in a later checkout.
	Customer string `json:"customer,omitempty"`
	// Why says in words for people what went wrong last.
	Why string `json:"why,omitempty"`
	// Refund is what a person decided to give back beyond what the verdict asks.
	Refund Refund `json:"refund,omitzero"`
}

// Refund is a person's decision to give money back. It is kept until the provider
// says that it is done.
type Refund struct {
	// Amount is what Payment.Returned is to come to.
	Amount Amount `json:"amount,omitzero"`
	// PaidUntil is Payment.PaidUntil when it was decided: a later period's payment is
	// not what it was decided about.
	PaidUntil time.Time `json:"paid_until,omitzero"`
	Mark      Mark      `json:"mark,omitzero"`
}

// owed reports an invoice that is out and not paid, which can be withdrawn.
func (p Payment) owed() bool {
	return p.Have == Invoiced || p.Have == Overdue && !p.Subscribed
}

// Kept is how much money is here that could be given back.
func (p Payment) Kept() Amount {
	return Amount{p.Collected.Minor - p.Returned.Minor, p.Collected.Currency}
}

// Money is the facts: what a provider says of one request's payment, read afresh.
type Money struct {
	State    PaymentState
	Checkout Checkout
	// Validated reports that the card of a validation checkout was accepted.
	Validated    bool
	Refs         []Ref
	Collected    Amount
	Returned     Amount
	Subscribed   bool
	PaidUntil    time.Time
	OverdueSince time.Time
	CancelsAt    time.Time
	Customer     string
	// Why is what went wrong, in words for people. Empty where nothing did.
	Why string
}

// came reports a payment that has come to something: its money is here, held, on its way or
// disputed, or its subscription has begun.
func (m Money) came() bool {
	switch m.State {
	case NoPayment, PaymentOpen, "":
		return false
	case PaymentEnded, Refunded:
		return m.Subscribed || m.Collected.Minor > m.Returned.Minor
	}
	return true
}
