package webhooks_test

import (
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v76/webhook"
)

// The clock, secrets and ids of the tests.
var now = time.Unix(1_700_000_000, 0).UTC()

const (
	stripeSecret  = "whsec_0123456789abcdef0123456789abcdef"
	rolledSecret  = "whsec_fedcba9876543210fedcba9876543210"
	querySecret   = "secret-of-32-bytes-for-example-1"
	tykSecret     = "tyk-secret-in-the-address"
	keyID         = "5f7c1e0a8d3b2c0001a4e9d1"
	requestULID   = "01HF7YAT00ABCDEFGHJKMNPQRS"
	handoffPath   = "/handoff/main"
	stripeEventID = "evt_1OCxyz"
)

// signStripe makes a Stripe-Signature header with Stripe's own library.
func signStripe(at time.Time, body []byte, secrets ...string) string {
	header := fmt.Sprintf("t=%d", at.Unix())
	for _, secret := range secrets {
		header += ",v1=" + hex.EncodeToString(webhook.ComputeSignature(at, body, secret))
	}
	return header
}

func values(pairs ...string) url.Values {
	out := url.Values{}
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		out.Add(name, value)
	}
	return out
}
