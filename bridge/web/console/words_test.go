package console

import (
	"testing"
	"time"

	"keybridge/bridge"
)

func TestAnAgeIsSaidInItsTwoLargestUnits(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Hour: "now", 0: "now", 59 * time.Second: "now", time.Minute: "1 min", 59 * time.Minute: "59 min", time.Hour: "1 h",
		90 * time.Minute: "1 h 30 min", 23*time.Hour + 59*time.Minute: "23 h 59 min", 24 * time.Hour: "1 d", 26 * time.Hour: "1 d 2 h",
		24*time.Hour + 30*time.Minute: "1 d", 400 * 24 * time.Hour: "400 d",
	} {
		if got := age(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}

// A state, a wish, a message that the domain gets has words here, too.
func TestEverythingHasItsWords(t *testing.T) {
	for _, s := range bridge.States {
		if got := stateOf(s); got.Text == "" || got.Tone == "" {
			t.Errorf("the state %q is shown as %+v", s, got)
		}
	}
	for _, kind := range bridge.MessageKinds {
		if toldWords[kind] == "" {
			t.Errorf("the message %q has no words", kind)
		}
	}
	for _, want := range []bridge.PaymentWant{bridge.WantNothing, bridge.WantOpen, bridge.WantSettled, bridge.WantReturned, bridge.WantCancelled} {
		if wantWords[want] == "" {
			t.Errorf("what is wanted, %q, has no words", want)
		}
	}
}

func TestAPriceIsSaidInItsCurrencyAndNeverAddedUpWrongly(t *testing.T) {
	month := bridge.Interval{Unit: "month"}
	line := func(minor int64, currency string, every bridge.Interval) bridge.Price {
		return bridge.Price{Amount: bridge.NewAmount(minor, currency), Interval: every}
	}
	for want, lines := range map[string][]bridge.Price{
		"free":                               nil,
		"EUR 49.00 every month":              {line(4900, "EUR", month)},
		"EUR 50.00 every month":              {line(4900, "EUR", month), line(100, "EUR", month)},
		"EUR 49.00 every month + EUR 100.00": {line(4900, "EUR", month), line(10000, "EUR", bridge.Interval{})},
		"EUR 49.00 + JPY 1,200":              {line(4900, "EUR", bridge.Interval{}), line(1200, "JPY", bridge.Interval{})},
		"EUR 49.00 + not quoted yet":         {line(4900, "EUR", bridge.Interval{}), {Lookup: "pro"}},
		"KWD 1.250":                          {line(1250, "KWD", bridge.Interval{})},
	} {
		if got := price(bridge.Terms{Lines: lines}); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
