package outgoing

import (
	"regexp"
	"slices"
	"testing"
	"time"

	"keybridge/bridge"
)

func TestEveryEntryHasOneTypeOrNone(t *testing.T) {
	t.Parallel()
	used := map[Type]bool{}
	for _, c := range []struct {
		what               bridge.What
		before, after, why string
		want               Type
	}{
		{bridge.WhatReceived, "", "", "", ""},
		{bridge.WhatReceived, "", "made for the developer", "an offline sale", ""},
		{bridge.WhatArrived, "", "signed", "", ""},
		{bridge.WhatTerms, "", "Gold", "", RequestReceived},
		{bridge.WhatTerms, "", "", "no plan is configured", RequestReceived},

		{bridge.WhatStep, "", "validation waiting", "", ValidationWaiting},
		{bridge.WhatStep, "validation waiting", "validation met", "", ValidationMet},
		{bridge.WhatStep, "validation waiting", "validation failed", "", ValidationFailed},
		{bridge.WhatStep, "validation waiting", "validation waived", "", ValidationWaived},
		{bridge.WhatStep, "", "review waiting", "", ReviewWaiting},
		{bridge.WhatStep, "review waiting", "review met", "", ReviewMet},
		{bridge.WhatStep, "review waiting", "review failed", "", ReviewFailed},
		{bridge.WhatStep, "review waiting", "review waived", "", ReviewWaived},
		{bridge.WhatStep, "", "payment waiting", "", PaymentWaiting},
		{bridge.WhatStep, "payment met", "payment waiting", "it lapsed", PaymentWaiting},
		{bridge.WhatStep, "payment waiting", "payment met", "", PaymentMet},
		{bridge.WhatStep, "payment waiting", "payment failed", "", PaymentFailed},
		{bridge.WhatStep, "payment waiting", "payment waived", "", PaymentWaived},

		{bridge.WhatVerdict, "open", "approve", "", RequestApproved},
		{bridge.WhatVerdict, "open", "decline", "", RequestDeclined},
		{bridge.WhatVerdict, "approve", "decline", "", RequestDeclined},
		{bridge.WhatVerdict, "approve", "open", "", RequestReopened},

		{bridge.WhatAccess, "", "pending", "", ""},
		{bridge.WhatAccess, "", "granted", "", AccessGranted},
		{bridge.WhatAccess, "pending", "granted", "", AccessGranted},
		{bridge.WhatAccess, "gone", "granted", "", AccessGranted},
		{bridge.WhatAccess, "granted", "suspended", "", AccessSuspended},
		{bridge.WhatAccess, "suspended", "granted", "", AccessResumed},
		{bridge.WhatAccess, "granted", "gone", "", AccessGone},
		{bridge.WhatAccess, "pending", "gone", "", AccessGone},
		{bridge.WhatAccess, "granted", "granted", "the portal does not find it any more", ""},
		{bridge.WhatAccess, "", "granted", "the portal finds it again", ""},
		{bridge.WhatAccess, "account active", "account deactivated", "", ApplicantDeactivated},
		{bridge.WhatAccess, "account deactivated", "account active", "", ApplicantActivated},

		{bridge.WhatCheckout, "", "open", "", CheckoutOpened},
		{bridge.WhatCheckout, "expired", "open", "", CheckoutOpened},
		{bridge.WhatCheckout, "open", "complete", "", CheckoutCompleted},
		{bridge.WhatCheckout, "open", "expired", "", CheckoutExpired},
		{bridge.WhatCheckout, "complete", "failed", "", CheckoutFailed},
		{bridge.WhatCheckout, "open", "", "", ""},

		{bridge.WhatPayment, "", "open", "", ""},
		{bridge.WhatPayment, "open", "none", "", ""},
		{bridge.WhatPayment, "processing", "none", "", ""},
		{bridge.WhatPayment, "open", "processing", "", PaymentProcessing},
		{bridge.WhatPayment, "open", "held", "", PaymentHeld},
		{bridge.WhatPayment, "held", "none", "", PaymentReleased},
		{bridge.WhatPayment, "held", "paid", "", PaymentPaid},
		{bridge.WhatPayment, "open", "trialing", "", PaymentTrialing},
		{bridge.WhatPayment, "open", "invoiced", "", PaymentInvoiced},
		{bridge.WhatPayment, "paid", "overdue", "", PaymentOverdue},
		{bridge.WhatPayment, "overdue", "paid", "", PaymentPaid},
		{bridge.WhatPayment, "", "renewed", "received 49.00 EUR", PaymentRenewed},
		{bridge.WhatPayment, "paid", "ended", "", PaymentEnded},
		{bridge.WhatPayment, "paid", "disputed", "", PaymentDisputed},
		{bridge.WhatPayment, "paid", "refunded", "", PaymentRefunded},
		{bridge.WhatPayment, "", "returned 10.00 EUR of 49.00 EUR", "", PaymentReturned},
		{bridge.WhatPayment, "", "returned nothing of all", "", ""},
		{bridge.WhatPayment, "", "refund payment of 10.00 EUR", "", PaymentRefundOrdered},
		{bridge.WhatPayment, "", "refund not made", "", PaymentRefundDropped},

		{bridge.WhatEnded, "", "", "the subscription has ended", RequestEnded},
		{bridge.WhatAttention, "", "needs attention", "", RequestAttention},
		{bridge.WhatAttention, "needs attention", "", "", RequestAttentionOver},
		{bridge.WhatAttention, "", "", "retry now", ""},
		{bridge.WhatTold, "", "approve not sent", "", ApplicantNotTold},
		{bridge.WhatAction, "", "tell applicant: approve", "", ApplicantTold},
		{bridge.WhatAction, "", "approve key", "", ""},
		{bridge.WhatAction, "", "refund payment of 10.00 EUR", "", ""},
		{"something new", "", "approve", "", ""},
	} {
		got, ok := TypeOf(bridge.Entry{Actor: bridge.Actor{Kind: bridge.ByProvider}, What: c.what, Before: c.before, After: c.after, Why: c.why})
		if got != c.want || ok != (c.want != "") {
			t.Errorf("%s: %q → %q (%s) is %q, want %q", c.what, c.before, c.after, c.why, got, c.want)
		}
		used[got] = true
	}
	for _, e := range Types() {
		if !used[e.Type] {
			t.Errorf("no entry leads to %s", e.Type)
		}
		delete(used, e.Type)
	}
	delete(used, "")
	if len(used) > 0 {
		t.Errorf("types that are not listed: %v", used)
	}
}

func TestTypesAreListedOnceWithASentence(t *testing.T) {
	t.Parallel()
	name := regexp.MustCompile(`^[a-z]+\.[a-z_]+$`)
	sentence := regexp.MustCompile(`^[A-Z].*\.$`)
	seen := map[Type]bool{}
	for _, e := range Types() {
		if seen[e.Type] || !name.MatchString(string(e.Type)) || !sentence.MatchString(e.Says) {
			t.Errorf("%+v", e)
		}
		seen[e.Type] = true
	}
	Types()[0].Type = "changed"
	if Types()[0].Type != RequestReceived {
		t.Error("what is returned is not the caller's own")
	}
}

// TestALifeIsToldAsTheDomainWritesIt goes through lives with the domain's own entries,
// so that a word that changes there is noticed here.
func TestALifeIsToldAsTheDomainWritesIt(t *testing.T) {
	t.Parallel()
	eur := func(minor int64) bridge.Amount { return bridge.NewAmount(minor, "eur") }
	money := func(state bridge.PaymentState, checkout bridge.CheckoutState, more ...func(*bridge.Money)) bridge.Facts {
		m := bridge.Money{State: state, Checkout: bridge.Checkout{ID: "cs", State: checkout}}
		if state == bridge.Paid || state == bridge.Refunded {
			m.Collected = eur(4900)
		}
		for _, fn := range more {
			fn(&m)
		}
		return bridge.Facts{Money: &m}
	}
	returned := func(minor int64) func(*bridge.Money) { return func(m *bridge.Money) { m.Returned = eur(minor) } }
	overdue := func(m *bridge.Money) { m.OverdueSince = time.Now() }
	access := func(s bridge.AccessState) bridge.Facts { return bridge.Facts{Key: key(s)} }
	inactive := key(bridge.Granted)
	inactive.Inactive = true
	received := []Type{RequestReceived, PaymentWaiting}
	paid := slices.Concat(received, []Type{CheckoutOpened, CheckoutCompleted, PaymentPaid, PaymentMet, RequestApproved, AccessGranted})
	pays := []bridge.Facts{money(bridge.PaymentOpen, "open"), money(bridge.Paid, "complete"), access(bridge.Granted)}
	for name, c := range map[string]struct {
		facts []bridge.Facts
		want  []Type
	}{
		"paid late, and refunded in parts": {
			append(pays[:3:3], money(bridge.Overdue, "complete", overdue), money(bridge.Paid, "complete"),
				money(bridge.Paid, "complete", returned(1000)), money(bridge.Refunded, "complete", returned(4900))),
			append(paid[:8:8], PaymentOverdue, PaymentPaid, PaymentReturned, PaymentRefunded, PaymentReturned),
		},
		"paid by bank, and declined in the portal": {
			[]bridge.Facts{money(bridge.PaymentOpen, "open"), money(bridge.Processing, "complete"), access(bridge.Granted)},
			append(received[:2:2], CheckoutOpened, CheckoutCompleted, PaymentProcessing, AccessGranted, PaymentWaived, RequestApproved),
		},
		"a payment that failed, and a checkout that expired": {
			[]bridge.Facts{money(bridge.Processing, "complete"), money(bridge.NoPayment, "failed"), money(bridge.PaymentOpen, "open"), money(bridge.NoPayment, "expired")},
			append(received[:2:2], CheckoutCompleted, PaymentProcessing, CheckoutFailed, CheckoutOpened, CheckoutExpired),
		},
		"held and let go": {
			[]bridge.Facts{money(bridge.Held, "complete"), money(bridge.NoPayment, "complete")},
			append(received[:2:2], CheckoutCompleted, PaymentHeld, PaymentReleased),
		},
		"suspended in the portal, and resumed": {
			append(pays[:3:3], access(bridge.Suspended), access(bridge.Granted)),
			append(paid[:8:8], AccessSuspended, AccessResumed),
		},
		"disputed and ended": {
			append(pays[:3:3], money(bridge.Disputed, "complete"), money(bridge.PaymentEnded, "complete"), access(bridge.Gone), access(bridge.Gone)),
			append(paid[:8:8], PaymentDisputed, PaymentEnded, AccessGone, RequestEnded),
		},
		"an account that was deactivated": {
			append(pays[:3:3], bridge.Facts{Key: inactive}, access(bridge.Granted)),
			append(paid[:8:8], ApplicantDeactivated, ApplicantActivated),
		},
		"withdrawn in the portal": {
			[]bridge.Facts{access(bridge.Gone), access(bridge.Gone)},
			append(received[:2:2], AccessGone, RequestDeclined),
		},
		"a portal that lost it for a moment": {
			append(pays[:3:3], access(bridge.Gone), access(bridge.Granted)),
			paid,
		},
		"a trial": {
			[]bridge.Facts{money(bridge.Trialing, "complete")},
			append(received[:2:2], CheckoutCompleted, PaymentTrialing, PaymentMet, RequestApproved),
		},
		"an invoice": {
			[]bridge.Facts{money(bridge.Invoiced, "complete")},
			append(received[:2:2], CheckoutCompleted, PaymentInvoiced, PaymentMet, RequestApproved),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.read(0)
			for i, f := range c.facts { // a minute apart: what is gone is believed when it is seen twice
				at := w.now().Add(time.Duration(i) * time.Minute)
				w.update(0, func(c *bridge.Change) { c.Observe(f, at) })
			}
			_, types := w.told(0)
			equal(t, "types", types, c.want)
		})
	}
}
