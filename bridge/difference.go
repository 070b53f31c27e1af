package bridge

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// A difference is where provider, bridge and portal do not say the same. Compare is pure:
// it lets the rules look at fresh facts on a copy of the record, and what they would then
// have to do is what is wrong now. So there is no second set of rules that could disagree
// with the first.

// DifferenceKind says what sort of difference it is.
type DifferenceKind string

// The kinds of differences, the worst first.
const (
	// NotGranted: paid (or approved where nothing is paid), and the portal does not grant
	// the key.
	NotGranted DifferenceKind = "paid but not granted"
	// NotPaid: the key works, and its payment does not earn that.
	NotPaid DifferenceKind = "granted but not paid"
	// RefundedGranted: the money went back, and the key works against the plan's terms.
	RefundedGranted DifferenceKind = "refunded but granted"
	// KeptMoney: money, or a way to pay, is kept although the request is declined or the
	// key gone.
	KeptMoney DifferenceKind = "kept although over"
	// OpenTwice: two checkouts of one request are open or paid.
	OpenTwice DifferenceKind = "open twice"
	// UnknownHere: a checkout with the id of a request, or a key request that waits in a
	// portal, that nothing here knows of.
	UnknownHere DifferenceKind = "unknown here"
	// NotSeen: something changed outside, nobody told of it, and it is not one of the
	// others: a key that was removed in the portal, a refund in part.
	NotSeen DifferenceKind = "not seen here"
)

// DifferenceKinds lists every kind, the worst first.
var DifferenceKinds = []DifferenceKind{NotGranted, NotPaid, RefundedGranted, KeptMoney, OpenTwice, UnknownHere, NotSeen}

// Remedy is what is done about a difference.
type Remedy string

// The remedies.
const (
	// Hinted: the request is made due, and the rules do the rest.
	Hinted Remedy = "hint"
	// Retried: it is made due again: what the rules want has failed before.
	Retried Remedy = "retry"
	// TakenIn: the key request is taken in.
	TakenIn Remedy = "taken in"
	// NeedsPerson: no rule mends it. Its request needs attention (Work.Apart) until the
	// difference is gone or a person says "retry".
	NeedsPerson Remedy = "needs a person"
)

// Difference is one.
type Difference struct {
	Kind   DifferenceKind `json:"kind"`
	Remedy Remedy         `json:"remedy"`
	// Request is empty where nothing here knows of it; then Key (at Portal) or Checkout (at
	// Provider) says what it is about. Portal may be empty with it.
	Request  ID     `json:"request,omitempty"`
	Portal   string `json:"portal,omitempty"`
	Key      string `json:"key,omitempty"`
	Provider string `json:"provider,omitempty"`
	Checkout string `json:"checkout,omitempty"`
	// Amount is the money in question; its currency is empty where there is none.
	Amount Amount `json:"amount,omitzero"`
	// Text says it in words for people, of at most longestText bytes. It holds no personal
	// data.
	Text string `json:"text"`
}

const longestText = 400

// Compare says how facts that were read just now differ from what the record says and from
// what the rules want. spare are checkouts of the request beside its own. What f leaves out
// counts as the record has it. It returns none where all agree.
func Compare(r Request, f Facts, spare []Money, now time.Time) (all []Difference) {
	seen := Change{Request: r.Clone()}
	if r.Access.Have != Unread {
		seen.Observe(f, now)
	}
	is := seen.Request
	if d, ok := is.apart(r, f, now); ok {
		all = append(all, r.different(d))
	}
	if d, ok := is.twice(spare); ok {
		all = append(all, r.different(d))
	}
	return all
}

// different fills in whose a difference is, and what became of earlier tries to mend it.
func (r Request) different(d Difference) Difference {
	d.Request, d.Portal, d.Provider = r.ID, r.Portal, r.Terms.Provider
	if d.Checkout == "" {
		d.Checkout = r.Payment.Checkout.ID
	}
	if d.Remedy == Hinted && r.Work.Failures > 0 {
		d.Remedy = Retried
		d.Text += fmt.Sprintf(" Tried %d times: %s: %s.", r.Work.Failures, r.Work.Doing, r.Work.Error)
	}
	d.Text = cut(d.Text, longestText)
	return d
}

// apart says how the request, with the facts in it, differs from what should be, and then
// from what was, its record.
func (r Request) apart(was Request, f Facts, now time.Time) (d Difference, ok bool) {
	if was.Access.Have == Unread {
		return Difference{Kind: UnknownHere, Remedy: Hinted, Text: "The key request came in, and could not be read yet."}, was.Work.Failures > 0
	}
	want := r.Want(now)
	have := was.Access.Have
	if f.Key != nil {
		have = f.Key.State
	}
	for _, look := range []func(Want, AccessState) (Difference, bool){r.keeps, r.opens, r.withholds} {
		if d, ok = look(want, have); ok {
			d.Remedy = NeedsPerson
			_, more := Next(r, now)
			if moved(was, r) != "" || more || !r.Access.Missing.IsZero() {
				d.Remedy = Hinted
			}
			return d, true
		}
	}
	text := moved(was, r)
	return Difference{Kind: NotSeen, Remedy: Hinted, Amount: r.Payment.Collected, Text: text}, text != ""
}

// keeps looks for money, or a way to pay, that should not be here any more.
func (r Request) keeps(want Want, have AccessState) (Difference, bool) {
	p := r.Payment
	gone := have == Gone && !r.Access.Missing.IsZero()
	over := want.Payment == WantReturned || want.Payment == WantCancelled
	d := Difference{Kind: KeptMoney, Amount: p.Kept()}
	why := "The key's life is over"
	switch {
	case gone:
		why = "The portal does not have the key request any more"
	case want.Payment == WantReturned:
		why = "The request is declined"
	}
	switch {
	case (over || gone) && p.Subscribed:
		d.Text = why + ", and its subscription still asks for money."
	case (over || gone) && p.Have == Held:
		d.Text = why + ", and a payment is still held."
	case want.Payment == WantReturned && p.owed():
		d.Text = why + ", and an invoice is still out."
	case p.Have == Disputed || p.Have == Processing:
		return d, false // a bank decides about it first
	case want.Payment == WantReturned && p.Kept().Minor > 0, gone && r.Access.Granted.IsZero() && p.Kept().Minor > 0:
		d.Text = why + ", and what was paid is still here."
	case want.Payment != WantOpen && p.Checkout.State == CheckoutOpen:
		d.Amount, _ = r.Terms.Total()
		d.Text = "A checkout is open at which nobody should pay any more."
	}
	return d, d.Text != ""
}

// opens looks for a key that works and should not.
func (r Request) opens(want Want, have AccessState) (Difference, bool) {
	if have != Granted || want.Access != Suspended && want.Access != Gone {
		return Difference{}, false
	}
	d := Difference{Kind: NotPaid, Amount: r.Payment.Collected}
	switch {
	case r.Payment.Have == Refunded:
		d.Kind, d.Text = RefundedGranted, "The key works, and its payment was refunded in full."
	case r.Payment.Have == Disputed:
		d.Kind, d.Text = RefundedGranted, "The key works, and its payment is disputed."
	case r.Verdict.Outcome == Decline:
		d.Text = "The key works, and the request is declined."
	case r.Payment.Have == Overdue:
		d.Amount, _ = r.Terms.Total()
		d.Text = "The key works, and its payment is overdue for longer than the plan allows."
	case r.Payment.Have == PaymentEnded:
		d.Text = "The key works, and its subscription has ended."
	default:
		d.Text = fmt.Sprintf("The key works, and should be %s.", want.Access)
	}
	return d, true
}

// withholds looks for a key that does not work and should.
func (r Request) withholds(want Want, have AccessState) (Difference, bool) {
	if want.Access != Granted || have != Pending && have != Suspended {
		return Difference{}, false
	}
	d := Difference{Kind: NotGranted, Amount: r.Payment.Collected, Text: "Approved, and the portal does not grant the key."}
	switch {
	case have == Suspended:
		d.Text = "The key is suspended in the portal, and nothing stands against it any more."
	case r.Payment.Have == Paid:
		d.Text = "Paid, and the portal does not grant the key."
	}
	return d, true
}

// moved says what facts have changed of a record, empty where nothing has that people see.
func moved(was, is Request) string {
	a, b := was.Payment, is.Payment
	switch {
	case !is.Access.Missing.IsZero():
		return "The portal does not have the key request any more."
	case was.Access.Have != is.Access.Have:
		return fmt.Sprintf("The access is %q in the portal, and %q here.", is.Access.Have, was.Access.Have)
	case a.Have != b.Have && (a.Have != "" || b.Have != NoPayment):
		return fmt.Sprintf("The payment is %q at the provider, and %q here.", b.Have, cmp.Or(a.Have, NoPayment))
	case a.Returned != b.Returned && b.Returned.Minor > 0:
		return fmt.Sprintf("%s went back at the provider, and %s here.", b.Returned, Amount{a.Returned.Minor, b.Returned.Currency})
	case a.Checkout.State != b.Checkout.State:
		return fmt.Sprintf("The checkout is %q at the provider, and %q here.", b.Checkout.State, cmp.Or(a.Checkout.State, "unknown"))
	case a.Subscribed != b.Subscribed || !a.CancelsAt.Equal(b.CancelsAt):
		return "The subscription was changed at the provider."
	case was.Access.Inactive.IsZero() != is.Access.Inactive.IsZero():
		return "The developer's account was changed in the portal."
	}
	return ""
}

// alive reports whether what became of a checkout can take money, or has.
func (m Money) alive() bool {
	switch m.State {
	case NoPayment, "", PaymentEnded, Refunded:
		return m.Subscribed
	}
	return true
}

// twice looks for a checkout that can take money, or has, beside the request's own. The
// rules know one. They find another only while the answer to its opening is missing.
func (r Request) twice(spare []Money) (d Difference, ok bool) {
	i := slices.IndexFunc(spare, func(m Money) bool { return m.Checkout.ID != r.Payment.Checkout.ID && m.alive() })
	if i < 0 {
		return d, false
	}
	m := spare[i]
	own := Money{State: r.Payment.Have, Subscribed: r.Payment.Subscribed}
	d = Difference{Kind: OpenTwice, Remedy: NeedsPerson, Checkout: m.Checkout.ID, Amount: m.Collected}
	if !r.Work.Attempts[OpenCheckout].First.IsZero() {
		d.Remedy = Hinted
	}
	stands := fmt.Sprintf("whose payment is %q", m.State)
	if m.State == PaymentOpen {
		d.Amount, _ = r.Terms.Total()
		stands = "which is open"
	}
	d.Text = fmt.Sprintf("Beside its own checkout the request has another one, %s.", stands)
	if !own.alive() {
		d.Kind, d.Text = UnknownHere, fmt.Sprintf("The request has a checkout that is not known here, %s.", stands)
	}
	return d, true
}

// stray is a checkout of no request here. One that came to nothing is no difference.
func stray(provider string, o Opened) (Difference, bool) {
	text := "A checkout is open for a request that is not known here."
	if o.Money.State != PaymentOpen {
		text = fmt.Sprintf("A checkout whose payment is %q is of a request that is not known here.", o.Money.State)
	}
	return Difference{
		Kind: UnknownHere, Remedy: NeedsPerson, Portal: o.Portal, Provider: provider, Checkout: o.Money.Checkout.ID,
		Amount: o.Money.Collected, Text: text,
	}, o.Money.alive()
}
