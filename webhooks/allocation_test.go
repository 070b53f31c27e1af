//go:build !race

package webhooks_test

import (
	"strings"
	"testing"
)

// The race detector empties sync.Pool at random, so this is told without it.
func TestStripeVerificationAllocatesNothing(t *testing.T) {
	body := []byte(strings.Repeat("x", 1024))
	v, header := stripeVerifier(t, stripeSecret), signStripe(now, body, stripeSecret)
	allocations := testing.AllocsPerRun(1000, func() {
		if v.Verify(header, body, now) != nil {
			t.Fatal("refused")
		}
	})
	if allocations >= 1 {
		t.Errorf("%v allocations, want none", allocations)
	}
}
