package webhooks_test

import (
	"fmt"
	"testing"
	"time"

	"keybridge/webhooks"
)

// TestFaultClockJumps moves this machine's clock beside the sender's: every verdict is
// one that was decided on, on both sides of every bound, and a clock that comes back is
// believed again.
func TestFaultClockJumps(t *testing.T) {
	const day = 24 * time.Hour
	body := []byte(`{"id":"evt_1"}`)
	header := signStripe(now, body, stripeSecret)
	query := signQuery("key_request_id="+keyID, stamped)
	token := sign(t, "HS256", []byte(hmacText), nil, goodClaims(nil))
	ways := map[string]func(at time.Time) error{
		"Stripe's signature": func(at time.Time) error { return stripeVerifier(t, stripeSecret).Verify(header, body, at) },
		"a signed query": func(at time.Time) error {
			_, err := queryVerifier(t, querySecret).Verify(handoffPath, query, at)
			return err
		},
		"a token": func(at time.Time) error {
			_, err := tokenVerifier(t, "HS256", webhooks.TokenKey{Text: hmacText}).Verify(token, at)
			return err
		},
	}
	// What is signed is good for five minutes to either side; a token from half a minute
	// before it was issued until half a minute after it expires, which is five minutes on.
	signed := map[time.Duration]webhooks.Reason{
		-day: webhooks.Early, -5*time.Minute - time.Second: webhooks.Early, -5 * time.Minute: "", -time.Minute: "", 0: "",
		time.Minute: "", 5 * time.Minute: "", 5*time.Minute + time.Second: webhooks.Expired, day: webhooks.Expired,
	}
	verdicts := map[string]map[time.Duration]webhooks.Reason{
		"Stripe's signature": signed, "a signed query": signed,
		"a token": {
			-day: webhooks.Early, -5 * time.Minute: webhooks.Early, -time.Minute: webhooks.Early, -30 * time.Second: "", 0: "",
			time.Minute: "", 5 * time.Minute: "", 6 * time.Minute: webhooks.Expired, day: webhooks.Expired,
		},
	}
	for name, verify := range ways {
		for jump, want := range verdicts[name] {
			t.Run(fmt.Sprintf("%s, %s off", name, jump), func(t *testing.T) {
				if got := webhooks.ReasonOf(verify(now.Add(jump))); got != want {
					t.Errorf("the verdict is %q, want %q", got, want)
				}
				if err := verify(now); err != nil {
					t.Errorf("once the clock is right again: %v", err)
				}
			})
		}
	}
}
