package billingtest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
)

// test is one thing that must be true, and the levers it takes to show it.
type test struct {
	name  string
	needs []Lever
	try   func(*bench)
}

// Run holds a provider to the suite. stand is called for every test.
func Run(t *testing.T, stand func(*testing.T) Stand) {
	var probe Stand
	t.Run("a stand can be made", func(t *testing.T) { probe = stand(t) })
	for _, group := range []struct {
		name  string
		there bool
		tests []test
	}{
		{"checkout", true, checkoutTests},
		{"one-off payment", true, paymentTests},
		{"refund", true, refundTests},
		{"dispute", true, disputeTests},
		{"hold", true, holdTests},
		{"validation", true, validationTests},
		{"subscription", true, subscriptionTests},
		{"fault", probe.Break != nil, faultTests},
		{"quote", probe.OnSale.Ref != "", quoteTests},
		{"missed", probe.Undelivered != nil, missedTests},
		{"list", true, listTests},
	} {
		if !group.there {
			continue
		}
		t.Run(group.name, func(t *testing.T) {
			for _, tt := range group.tests {
				if slices.ContainsFunc(tt.needs, func(l Lever) bool { return slices.Contains(probe.Lacks, l) }) {
					continue
				}
				t.Run(tt.name, func(t *testing.T) {
					t.Parallel()
					tt.try(&bench{T: t, Stand: stand(t)})
				})
			}
		})
	}
}

// bench is one test's stand and the requests on it.
type bench struct {
	*testing.T
	Stand
	deals int
}

// deal is one request and what was last read of it.
type deal struct {
	*bench
	r     bridge.Request
	calls int
}

// deal returns a new request that is held to terms.
func (b *bench) deal(terms bridge.Terms) *deal {
	b.deals++
	terms.Provider = b.System
	return &deal{bench: b, r: bridge.Request{
		ID: bridge.ID(fmt.Sprintf("01JREQUEST%016d", b.deals)), Portal: "main", Terms: terms,
	}}
}

// once and monthly are terms with one price.
func once(minor int64, currency string) bridge.Terms {
	return bridge.Terms{Plan: "Gold", Steps: []bridge.StepKind{bridge.Paying},
		Lines: []bridge.Price{{Name: "Gold", Amount: bridge.NewAmount(minor, currency)}}}
}

func monthly(minor int64, currency string) bridge.Terms {
	terms := once(minor, currency)
	terms.Lines[0].Interval = bridge.Interval{Unit: "month", Count: 1}
	return terms
}

func held() bridge.Terms {
	terms := once(4900, "EUR")
	terms.Hold = true
	return terms
}

// key is a new idempotency key.
func (d *deal) key() string {
	d.calls++
	return fmt.Sprintf("kb_%s_%d", d.r.ID, d.calls)
}

// order asks for a checkout under a new key.
func (d *deal) order(step bridge.StepKind) bridge.Order {
	return bridge.Order{
		Request: d.r, For: step, Key: d.key(), At: d.Now(),
		Success: "https://keys.example.com/r/t/return", Cancel: "https://keys.example.com/r/t",
	}
}

// open opens a checkout for the payment.
func (d *deal) open() bridge.Money { d.Helper(); return d.openFor(bridge.Paying) }

func (d *deal) openFor(step bridge.StepKind) bridge.Money {
	d.Helper()
	return d.sees("open")(d.Provider.Open(d.Context(), d.order(step)))
}

func (d *deal) read() bridge.Money {
	d.Helper()
	return d.sees("read")(d.Provider.Read(d.Context(), d.r))
}

// pull pulls a lever on the latest checkout and reads what came of it.
func (d *deal) pull(lever Lever, amount ...int64) bridge.Money {
	d.Helper()
	d.Do(d.T, d.r.Payment.Checkout.ID, lever, append(amount, 0)[0])
	return d.read()
}

// paid is a deal whose checkout has been paid.
func (b *bench) paid(terms bridge.Terms) *deal {
	b.Helper()
	d := b.deal(terms)
	d.open()
	d.pull(Pay)
	return d
}

// sees takes what a call returned into the request, as the worker does.
func (d *deal) sees(doing string) func(bridge.Money, error) bridge.Money {
	d.Helper()
	return func(m bridge.Money, err error) bridge.Money {
		d.Helper()
		if err != nil {
			d.Fatalf("%s: %v", doing, err)
		}
		d.see(m)
		return m
	}
}

// see holds money to what is true of all money, and keeps it.
func (d *deal) see(m bridge.Money) {
	d.Helper()
	said, err := json.Marshal(m)
	if err != nil {
		d.Fatal(err)
	}
	open := m.Checkout.State == bridge.CheckoutOpen
	for fault, is := range map[string]bool{
		"an address without an open checkout, or the other way round": (m.Checkout.URL != "") != open,
		"an open checkout without an end":                             open && m.Checkout.Expires.IsZero(),
		"an open checkout and a payment that is not":                  open != (m.State == bridge.PaymentOpen),
		"a checkout without an id":                                    m.Checkout.ID == "",
		"a checkout without its step":                                 m.Checkout.For == "",
		"more returned than collected":                                m.Returned.Minor > m.Collected.Minor,
		"a negative amount":                                           m.Returned.Minor < 0 || m.Collected.Minor < 0,
		"amounts of two currencies":                                   m.Returned.Currency != m.Collected.Currency,
		"a currency not in capitals":                                  m.Collected.Currency != strings.ToUpper(m.Collected.Currency),
		"an amount without a currency":                                m.Collected.Minor > 0 && len(m.Collected.Currency) != 3,
		"full return that is neither refund, dispute nor end":         m.Collected.Minor > 0 && m.Returned == m.Collected && m.State.Good(),
		"a failed checkout without a reason":                          m.Checkout.State == bridge.CheckoutFailed && m.Why == "",
		"overdue without a since":                                     (m.State == bridge.Overdue) == m.OverdueSince.IsZero(),
		"an ended payment that goes on":                               m.State == bridge.PaymentEnded && m.Subscribed,
		"something of the payer's":                                    d.Canary != "" && strings.Contains(string(said), d.Canary) || strings.Contains(string(said), "@"),
	} {
		if is {
			d.Errorf("%s: %s", fault, said)
		}
	}
	d.seeRefs(m)
	for _, at := range []time.Time{m.Checkout.Expires, m.PaidUntil, m.OverdueSince, m.CancelsAt} {
		if at.Location() != time.UTC {
			d.Errorf("the time %s is not UTC", at)
		}
	}
	c := bridge.Change{Request: d.r}
	c.Observe(bridge.Facts{Money: &m}, d.Now())
	d.r = c.Request
}

func (d *deal) seeRefs(m bridge.Money) {
	d.Helper()
	for i, ref := range m.Refs {
		if ref.System != d.System || ref.ID == "" || ref.Kind == "" || slices.Contains(m.Refs[:i], ref) {
			d.Errorf("ref %+v among %+v", ref, m.Refs)
		}
	}
	if !slices.Contains(m.Refs, bridge.Ref{System: d.System, Kind: bridge.RefSession, ID: m.Checkout.ID}) {
		d.Errorf("the checkout %s is not among the refs %+v", m.Checkout.ID, m.Refs)
	}
}

// wants compares the state of payment and checkout.
func (d *deal) wants(m bridge.Money, state bridge.PaymentState, checkout bridge.CheckoutState) {
	d.Helper()
	if m.State != state || m.Checkout.State != checkout {
		d.Errorf("payment %q, checkout %q (%s); want %q, %q", m.State, m.Checkout.State, m.Why, state, checkout)
	}
}

// wantsAmounts compares what came in and went back, in the currency of the terms.
func (d *deal) wantsAmounts(m bridge.Money, collected, returned int64) {
	d.Helper()
	currency := d.r.Terms.Lines[0].Amount.Currency
	got := []bridge.Amount{m.Collected, m.Returned}
	want := []bridge.Amount{{Minor: collected, Currency: currency}, {Minor: returned, Currency: currency}}
	if diff := cmp.Diff(want, got); diff != "" {
		d.Errorf("collected and returned (-want +got):\n%s", diff)
	}
}

// wantsEffects compares what happened at the far end.
func (b *bench) wantsEffects(want Effects) {
	b.Helper()
	if diff := cmp.Diff(want, b.Effects(b.T)); diff != "" {
		b.Errorf("effects (-want +got):\n%s", diff)
	}
}

// wantsKind checks the kind of an error, and that it explains itself.
func (b *bench) wantsKind(err error, kind bridge.Kind) {
	b.Helper()
	if bridge.KindOf(err) != kind {
		b.Fatalf("error %v of kind %q, want %q", err, bridge.KindOf(err), kind)
	}
	if e := asError(err); e.Msg == "" {
		b.Errorf("the error %v says nothing that a person may read", err)
	}
	b.wantsNoSecret(err)
}

func (b *bench) wantsNoSecret(err error) {
	b.Helper()
	if text := fmt.Sprint(err); b.Canary != "" && strings.Contains(text, b.Canary) || strings.Contains(text, "@") {
		b.Errorf("the error tells of the payer: %v", err)
	}
}

// around checks a time to within a minute.
func (b *bench) around(what string, got, want time.Time) {
	b.Helper()
	if diff := got.Sub(want).Abs(); diff > time.Minute {
		b.Errorf("%s is %s, want about %s", what, got, want)
	}
}
