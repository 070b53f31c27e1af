package bridge_test

import (
	"testing"

	"keybridge/bridge"
)

// What history says of money is read as it was meant, and nothing else is taken for it.
func TestMoneyIsReadFromHistory(t *testing.T) {
	provider, person := bridge.Actor{Kind: bridge.ByProvider, Name: "stripe"}, bridge.Actor{Kind: bridge.ByPerson, Name: "anna"}
	eur := func(minor int64) bridge.Amount { return bridge.NewAmount(minor, "eur") }
	for name, one := range map[string]struct {
		e                         bridge.Entry
		received, back, collected bridge.Amount
	}{
		"a payment":         {e: bridge.Entry{Actor: provider, What: bridge.WhatPayment, Before: "open", After: "paid", Why: "received 12.50 EUR"}, received: eur(1250)},
		"the next period's": {e: bridge.Entry{Actor: provider, What: bridge.WhatPayment, After: "renewed", Why: "received 12.50 EUR"}, received: eur(1250)},
		"a part given back": {e: bridge.Entry{Actor: provider, What: bridge.WhatPayment, After: "returned 2.00 EUR of 12.50 EUR"}, back: eur(200), collected: eur(1250)},
		"a person's reason": {e: bridge.Entry{Actor: person, What: bridge.WhatPayment, After: "refund payment of 12.50 EUR", Why: "received 12.50 EUR"}},
		"a person's review": {e: bridge.Entry{Actor: person, What: bridge.WhatStep, After: "paid", Why: "received 12.50 EUR"}},
		"why it failed":     {e: bridge.Entry{Actor: provider, What: bridge.WhatPayment, After: "overdue", Why: "received 12.50 EUR"}},
		"two currencies":    {e: bridge.Entry{Actor: provider, What: bridge.WhatPayment, After: "returned 2.00 EUR of 12.50 USD"}},
		"half an amount":    {e: bridge.Entry{Actor: provider, What: bridge.WhatPayment, After: "returned 2.00 EUR"}},
	} {
		if got, ok := one.e.Received(); got != one.received || ok != (one.received != bridge.Amount{}) {
			t.Errorf("%s: received %v, %t", name, got, ok)
		}
		back, collected, ok := one.e.Returned()
		if back != one.back || collected != one.collected || ok != (one.back != bridge.Amount{}) {
			t.Errorf("%s: returned %v of %v, %t", name, back, collected, ok)
		}
	}
}

func TestAReasonThatReadsLikeAPaymentIsNone(t *testing.T) {
	w := newWorld(t)
	id := w.ask("paid")
	w.wantState(id, bridge.StatePaying)
	w.provider.pay(id)
	w.wantState(id, bridge.StateActive)
	if err := w.desk("anna").Do(t.Context(), id, bridge.Deed{Kind: bridge.DoRefund, Amount: bridge.NewAmount(100, "eur"), Text: "received 5000.00 EUR"}); err != nil {
		t.Fatal(err)
	}
	w.step()
	entries, err := w.service.History(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	var in, back []string
	for _, e := range entries {
		if a, ok := e.Received(); ok {
			in = append(in, a.String())
		}
		if a, _, ok := e.Returned(); ok {
			back = append(back, a.String())
		}
	}
	if len(in) != 1 || len(back) != 1 || back[0] != "1.00 EUR" {
		t.Errorf("received %q, returned %q", in, back)
	}
}
