package webhooks_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76/webhook"

	"keybridge/bridge"
	"keybridge/webhooks"
)

func stripeVerifier(t testing.TB, secrets ...string) *webhooks.StripeVerifier {
	t.Helper()
	v, err := webhooks.NewStripeVerifier(secrets, 0)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestStripeSignatureIsBelievedOrNot(t *testing.T) {
	body := []byte(`{"id":"evt_1"}`)
	good := signStripe(now, body, stripeSecret)
	stamp, sig, _ := strings.Cut(good, ",v1=")
	zeros := strings.Repeat("0", 64)
	for _, c := range []struct {
		name   string
		header string
		body   string
		want   webhooks.Reason // "" is believed
	}{
		{"signed with the live secret", good, "", ""},
		{"signed with the second live secret", signStripe(now, body, rolledSecret), "", ""},
		{"signed with both while one is rolled", signStripe(now, body, rolledSecret, stripeSecret), "", ""},
		{"one good signature among others", stamp + ",v1=" + zeros + ",v1=" + sig, "", ""},
		{"other schemes are passed over", good + ",v0=" + sig + ",v2=whatever", "", ""},
		{"upper-case hex", stamp + ",v1=" + strings.ToUpper(sig), "", ""},
		{"the order does not matter", "v1=" + sig + "," + stamp, "", ""},
		{"exactly 5 minutes old", signStripe(now.Add(-5*time.Minute), body, stripeSecret), "", ""},
		{"exactly 5 minutes ahead", signStripe(now.Add(5*time.Minute), body, stripeSecret), "", ""},

		{"a second too old", signStripe(now.Add(-301*time.Second), body, stripeSecret), "", webhooks.Expired},
		{"a second too far ahead", signStripe(now.Add(301*time.Second), body, stripeSecret), "", webhooks.Early},
		{"another secret", signStripe(now, body, "whsec_of_somebody_else"), "", webhooks.Forged},
		{"another body", good, `{"id":"evt_2"}`, webhooks.Forged},
		{"the body with white space added", good, `{"id":"evt_1"} `, webhooks.Forged},
		{"another time", "t=1700000001,v1=" + sig, "", webhooks.Forged},
		{"only the scheme for test events", stamp + ",v0=" + sig, "", webhooks.Forged},
		{"no header", "", "", webhooks.Forged},
		{"no signature", stamp, "", webhooks.Forged},
		{"no time", "v1=" + sig, "", webhooks.Forged},
		{"an empty time", "t=,v1=" + sig, "", webhooks.Forged},
		{"two times", stamp + "," + good, "", webhooks.Forged},
		{"two different times", good + ",t=1", "", webhooks.Forged},
		{"an empty signature", stamp + ",v1=", "", webhooks.Forged},
		{"a short signature", stamp + ",v1=" + sig[:62], "", webhooks.Forged},
		{"a long signature", stamp + ",v1=" + sig + "00", "", webhooks.Forged},
		{"a signature that is no hex", stamp + ",v1=" + sig[:63] + "g", "", webhooks.Forged},
		{"a good and a broken signature", good + ",v1=zz", "", webhooks.Forged},
		{"a time that overflows", "t=99999999999999999999,v1=" + sig, "", webhooks.Forged},
		{"a negative time", "t=-1700000000,v1=" + sig, "", webhooks.Forged},
		{"a time with a sign", "t=+1700000000,v1=" + sig, "", webhooks.Forged},
		{"no list", "hello", "", webhooks.Forged},
		{"an empty item", good + ",", "", webhooks.Forged},
		{"too many signatures", stamp + strings.Repeat(",v1="+zeros, 8) + ",v1=" + sig, "", webhooks.Forged},
		{"too long a header", good + ",v0=" + strings.Repeat("0", 2048), "", webhooks.Forged},
	} {
		t.Run(c.name, func(t *testing.T) {
			sent := body
			if c.body != "" {
				sent = []byte(c.body)
			}
			err := stripeVerifier(t, stripeSecret, rolledSecret).Verify(c.header, sent, now)
			if got := webhooks.ReasonOf(err); got != c.want || (err == nil) != (c.want == "") {
				t.Fatalf("got %v, want reason %q", err, c.want)
			}
			if err != nil && bridge.KindOf(err) != bridge.Refused {
				t.Errorf("kind %q, want refused", bridge.KindOf(err))
			}
			if err != nil && (strings.Contains(err.Error(), sig) || strings.Contains(err.Error(), "whsec_")) {
				t.Errorf("the error repeats what was sent: %v", err)
			}
		})
	}
}

func TestStripesOwnLibraryTakesAFutureTimestampAndWeDoNot(t *testing.T) {
	body := []byte(`{}`)
	future := time.Now().Add(24 * time.Hour)
	header := signStripe(future, body, stripeSecret)
	if err := webhook.ValidatePayload(body, header, stripeSecret); err != nil {
		t.Fatalf("stripe-go has changed: %v", err)
	}
	err := stripeVerifier(t, stripeSecret).Verify(header, body, time.Now())
	if webhooks.ReasonOf(err) != webhooks.Early {
		t.Errorf("got %v, want early", err)
	}
}

func TestStripeVerifierRefusesSecretsThatCannotBe(t *testing.T) {
	for name, secrets := range map[string][]string{
		"none":           nil,
		"empty":          {""},
		"a placeholder":  {"whsec_todo"},
		"with a newline": {stripeSecret + "\n"},
		"second is bad":  {stripeSecret, ""},
		"too many":       strings.Split(strings.Repeat(stripeSecret+" ", 9), " ")[:9],
	} {
		t.Run(name, func(t *testing.T) {
			_, err := webhooks.NewStripeVerifier(secrets, 0)
			if err == nil {
				t.Fatal("taken")
			}
			if strings.Contains(err.Error(), "whsec_") {
				t.Errorf("the error repeats the secret: %v", err)
			}
		})
	}
	if _, err := webhooks.NewStripeVerifier([]string{stripeSecret}, -time.Second); err == nil {
		t.Error("a negative tolerance was taken")
	}
}

func BenchmarkStripeVerify(b *testing.B) {
	body := []byte(strings.Repeat("x", 1024))
	v, header := stripeVerifier(b, stripeSecret), signStripe(now, body, stripeSecret)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if err := v.Verify(header, body, now); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzStripeSignature: whatever the header, it is believed only if Stripe's own
// library believes it too; and the body it was made for is always believed.
func FuzzStripeSignature(f *testing.F) {
	body := []byte(`{"id":"evt_1"}`)
	f.Add(signStripe(now, body, stripeSecret), body)
	f.Add(signStripe(now, body, stripeSecret, rolledSecret), body)
	f.Add("t=1700000000,v1=00,v0=1", body)
	f.Add("t=,t=,v1=,,=", []byte{})
	v := stripeVerifier(f, stripeSecret)
	f.Fuzz(func(t *testing.T, header string, body []byte) {
		if v.Verify(header, body, now) == nil {
			if err := webhook.ValidatePayloadIgnoringTolerance(body, header, stripeSecret); err != nil {
				t.Fatalf("believed %q, and stripe-go says %v", header, err)
			}
		}
		if err := v.Verify(signStripe(now, body, rolledSecret, stripeSecret), body, now); err != nil {
			t.Fatalf("a good signature was refused: %v", err)
		}
		if v.Verify(signStripe(now, append(body, ' '), stripeSecret), body, now) == nil {
			t.Fatal("the signature of another body was believed")
		}
	})
}
