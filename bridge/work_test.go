package bridge

import (
	"testing"
	"time"
)

var (
	errCut    = &Error{Kind: Unavailable}
	errStored = &Error{Kind: Unavailable, Answered: true}
	errNo     = &Error{Kind: Invalid, Answered: true}
)

func TestAttemptsKeepTheirKeyUntilTheAnswerIsKnown(t *testing.T) {
	open, other := Action{Kind: OpenCheckout, For: Paying}, Action{Kind: OpenCheckout, For: Validation}
	begin := func(a Action, after time.Duration) func(*Change) {
		return func(c *Change) { c.begin(a, t0.Add(after)) }
	}
	fail := func(err error) func(*Change) { return func(c *Change) { c.fail(OpenCheckout, err) } }
	settle := func(c *Change) { c.settle(OpenCheckout) }
	crash := func(*Change) {}
	for name, one := range map[string]struct {
		do    []func(*Change)
		key   string
		first bool // what earlier attempts did is still to be found out
		begun time.Duration
	}{
		"the first":                          {[]func(*Change){begin(open, 0)}, "kb_01J_open-checkout_1", true, 0},
		"after a crash the same":             {[]func(*Change){begin(open, 0), crash, begin(open, time.Hour)}, "kb_01J_open-checkout_1", true, 0},
		"after a cut connection the same":    {[]func(*Change){begin(open, 0), fail(errCut), begin(open, time.Hour)}, "kb_01J_open-checkout_1", true, 0},
		"after a stored 500 the next":        {[]func(*Change){begin(open, 0), fail(errStored), begin(open, time.Hour)}, "kb_01J_open-checkout_2", true, time.Hour},
		"after a refusal the next":           {[]func(*Change){begin(open, 0), fail(errNo), begin(open, time.Hour)}, "kb_01J_open-checkout_2", true, time.Hour},
		"after success the next":             {[]func(*Change){begin(open, 0), settle, begin(open, time.Hour)}, "kb_01J_open-checkout_2", true, time.Hour},
		"at the end of a key's life":         {[]func(*Change){begin(open, 0), fail(errCut), begin(open, 20*time.Hour)}, "kb_01J_open-checkout_1", true, 0},
		"after a key's life the next":        {[]func(*Change){begin(open, 0), fail(errCut), begin(open, 20*time.Hour+1)}, "kb_01J_open-checkout_2", true, 20*time.Hour + 1},
		"another step's checkout":            {[]func(*Change){begin(open, 0), fail(errCut), begin(other, time.Hour)}, "kb_01J_open-checkout_2", true, time.Hour},
		"success leaves nothing to find":     {[]func(*Change){begin(open, 0), settle}, "kb_01J_open-checkout_1", false, 0},
		"a first no leaves nothing to find":  {[]func(*Change){begin(open, 0), fail(errNo)}, "kb_01J_open-checkout_1", false, 0},
		"a conflict neither":                 {[]func(*Change){begin(open, 0), fail(&Error{Kind: Conflict})}, "kb_01J_open-checkout_1", false, 0},
		"a no after a cut connection may":    {[]func(*Change){begin(open, 0), fail(errCut), begin(open, 1), fail(errNo)}, "kb_01J_open-checkout_1", true, 0},
		"a no after a stored 500 may":        {[]func(*Change){begin(open, 0), fail(errStored), begin(open, 1), fail(errNo)}, "kb_01J_open-checkout_2", true, 1},
		"also when both began in one moment": {[]func(*Change){begin(open, 0), fail(errStored), begin(open, 0), fail(errNo)}, "kb_01J_open-checkout_2", true, 0},
		"refused credentials say nothing":    {[]func(*Change){begin(open, 0), fail(&Error{Kind: Refused})}, "kb_01J_open-checkout_1", true, 0},
		"settling what never began is quiet": {[]func(*Change){settle}, "", false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c := &Change{Request: Request{ID: "01J"}}
			for _, do := range one.do {
				do(c)
			}
			got := c.Work.Attempts[OpenCheckout]
			if got.Key != one.key || got.First.IsZero() == one.first {
				t.Errorf("key %q, first %v", got.Key, got.First)
			}
			if one.key != "" && !got.Begun.Equal(t0.Add(one.begun)) {
				t.Errorf("begun %v later, want %v", got.Begun.Sub(t0), one.begun)
			}
		})
	}
}

func TestTheFirstUnansweredAttemptIsRemembered(t *testing.T) {
	c := &Change{Request: Request{ID: "01J"}}
	a := Action{Kind: OpenCheckout, For: Paying}
	for i := range 3 {
		c.begin(a, t0.Add(time.Duration(i)*time.Hour))
		c.fail(OpenCheckout, errStored)
	}
	if got := c.Work.Attempts[OpenCheckout]; !got.First.Equal(t0) || got.N != 3 {
		t.Errorf("%+v", got)
	}
}

func TestAMessageIsOfTheTimeItWasFirstTried(t *testing.T) {
	c := &Change{Request: Request{ID: "01J"}}
	for i, one := range []struct {
		say  MessageKind
		want time.Duration
	}{{TellStart, 0}, {TellStart, 0}, {TellReminder, 2 * time.Hour}, {TellReminder, 2 * time.Hour}} {
		c.begin(Action{Kind: Tell, Message: one.say}, t0.Add(time.Duration(i)*time.Hour))
		c.fail(Tell, errCut)
		if got := c.Work.Attempts[Tell].First; !got.Equal(t0.Add(one.want)) {
			t.Errorf("%d: %s is of %s", i, one.say, got.Sub(t0))
		}
	}
}

func TestARefundOfAnotherAmountIsAnotherAttempt(t *testing.T) {
	c := &Change{Request: Request{ID: "01J"}}
	c.begin(Action{Kind: RefundPayment, Amount: Amount{2, "EUR"}}, t0)
	first := c.Work.Attempts[RefundPayment].Key
	c.begin(Action{Kind: RefundPayment, Amount: Amount{1, "EUR"}}, t0)
	if got := c.Work.Attempts[RefundPayment].Key; got == first {
		t.Errorf("both have the key %s", got)
	}
}

func TestBackoffIsBoundedAndNeverLessThanAsked(t *testing.T) {
	for name, one := range map[string]struct {
		failures  int
		attention bool
		asked     time.Duration
		jitter    float64
		want      time.Duration
	}{
		"the first failure":              {1, false, 0, 0.5, time.Second},
		"it doubles":                     {4, false, 0, 0.5, 8 * time.Second},
		"to a quarter of an hour":        {11, false, 0, 0.5, 15 * time.Minute},
		"and no further":                 {1 << 30, false, 0, 0.5, 15 * time.Minute},
		"at least half":                  {4, false, 0, 0, 4 * time.Second},
		"at most one and a half":         {4, false, 0, 1, 12 * time.Second},
		"half an hour with a person":     {1, true, 0, 0.5, 30 * time.Minute},
		"Retry-After is honoured":        {1, false, time.Minute, 0.5, time.Minute},
		"but for an hour at most":        {1, false, 100 * time.Hour, 0.5, time.Hour},
		"and not to hurry":               {11, false, time.Second, 0.5, 15 * time.Minute},
		"a negative Retry-After is none": {1, false, -time.Hour, 0.5, time.Second},
		"no failure counts as one":       {0, false, 0, 0.5, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			if got := backoff(one.failures, one.attention, one.asked, one.jitter); got != one.want {
				t.Errorf("%v, want %v", got, one.want)
			}
		})
	}
}
