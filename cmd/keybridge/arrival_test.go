package main

import (
	"fmt"
	"testing"

	tyksandbox "keybridge/bridge/tyk/sandbox"

	"keybridge/bridge"
)

// Developers share an address: an office, a proxy that is not on the list.
func TestManyDevelopersBehindOneAddressAreLetIn(t *testing.T) {
	t.Parallel()
	s := startStand(t, choice{settings: holdWebhooks})
	for i := range 20 {
		a := s.ask(fmt.Sprintf("dev%d@example.com", i), tyksandbox.PaidPolicy)
		if err := browse(t).open(a.Redirect); err != nil {
			t.Fatalf("developer %d: %v", i+1, err)
		}
	}
}

// Whichever of webhook and browser comes first, a signed hand-off names the developer
// at the checkout.
func TestASignedHandoffNamesTheDeveloperWhicheverCameFirst(t *testing.T) {
	t.Parallel()
	s := startStand(t, choice{handoff: tokenHandoff})
	a := s.ask(asker, tyksandbox.PaidPolicy)
	s.awaitState(a.ID, bridge.StatePaying) // the webhook was first
	if err := browse(t).open(a.Redirect); err != nil {
		t.Fatal(err)
	}
	if c := s.awaitCheckout(a.ID); c.CustomerEmail != asker {
		t.Errorf("the checkout knows the developer as %q", c.CustomerEmail)
	}
}

// A developer whose bank debit failed is told so.
func TestAFailedDebitIsExplained(t *testing.T) {
	t.Parallel()
	s := startStand(t, choice{handoff: queryHandoff, settings: holdWebhooks})
	a := s.ask(asker, tyksandbox.PaidPolicy)
	v := browse(t)
	if err := v.open(a.Redirect); err != nil {
		t.Fatal(err)
	}
	c := s.awaitCheckout(a.ID)
	s.act(c.ID, "pay_later", nil)
	await(t, "the debit", func() bool { return s.request(a.ID).Payment.Have == bridge.Processing }, nil)
	s.act(c.ID, "fail", nil)
	await(t, "another checkout", func() bool { return s.request(a.ID).Payment.Checkout.ID != c.ID }, nil)
	s.awaitCheckout(a.ID)
	if why := s.request(a.ID).Payment.Why; why == "" {
		t.Error("nothing says why the developer has to pay again")
	}
}
