package sandbox

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAFaultHitsTheCallsItIsFor(t *testing.T) {
	b := setUp(t)
	b.Fault(Fault{Kind: ErrorBefore, Method: "post", Path: "/v1/customers", Skip: 1, Times: 2})
	var got []int
	for range 4 {
		got = append(got, b.ask("GET", "/v1/customers", nil).status, b.ask("POST", "/v1/customers", nil).status)
	}
	if diff := cmp.Diff([]int{200, 200, 200, 500, 200, 500, 200, 200}, got); diff != "" {
		t.Error(diff)
	}
	if left := b.Faults(); len(left) != 0 {
		t.Errorf("left over: %+v", left)
	}
}

func TestFaultsLastUntilTheyAreCleared(t *testing.T) {
	b := setUp(t)
	b.Fault(Fault{Kind: RateLimit, RetryAfter: Wait(7 * time.Second)})
	for range 3 {
		got := b.ask("GET", "/v1/account", nil)
		if got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") != "7" || got.field("error.code") != "rate_limit" {
			t.Fatalf("%d %v %s", got.status, got.header, got.body)
		}
	}
	b.ClearFaults()
	if got := b.ask("GET", "/v1/account", nil); got.status != 200 {
		t.Errorf("after clearing: %d", got.status)
	}
}

func TestACutConnectionIsSeenAndRecorded(t *testing.T) {
	b := setUp(t)
	b.ask("GET", "/v1/account", nil) // so that the next request goes over a connection that was used before
	for _, kind := range []FaultKind{CutBefore, CutAfter} {
		b.Fault(Fault{Kind: kind, Times: 1})
		if got := b.ask("POST", "/v1/customers", nil, "Idempotency-Key", string(kind)); got.err == nil {
			t.Errorf("%s: answered %d", kind, got.status)
		}
	}
	calls := b.Calls()[1:]
	if len(calls) != 2 || calls[0].Status != 0 || calls[0].Fault != CutBefore || calls[1].Fault != CutAfter {
		t.Errorf("recorded: %+v", calls)
	}
	if n := len(b.Objects("customer")); n != 1 {
		t.Errorf("%d customers were made, want the one of the cut after the work", n)
	}
}

func TestLatencyGoesWithAnotherFault(t *testing.T) {
	b := setUp(t)
	b.Fault(Fault{Kind: Latency, Delay: Wait(60 * time.Millisecond)})
	b.Fault(Fault{Kind: ErrorBefore, Times: 1})
	start := time.Now()
	got := b.ask("GET", "/v1/account", nil)
	if took := time.Since(start); got.status != 500 || took < 60*time.Millisecond {
		t.Errorf("%d after %s", got.status, took)
	}
}

func TestCallsRememberWhatWasAsked(t *testing.T) {
	b := setUp(t)
	b.ask("POST", "/v1/customers", url.Values{"name": {"A"}, "email": {"a@example.com"}}, "Idempotency-Key", "k")
	b.customer("k", "other@example.com")
	b.ask("GET", "/v1/nothing", nil)
	calls := b.Calls()
	var got []Call
	for _, c := range calls {
		if c.RequestID == "" || c.Time.IsZero() {
			t.Errorf("a call without id or time: %+v", c)
		}
		c.RequestID, c.Time = "", time.Time{}
		got = append(got, c)
	}
	want := []Call{
		{Method: "POST", Path: "/v1/customers", Form: "email=a%40example.com&name=A", IdempotencyKey: "k", Status: 200},
		{Method: "POST", Path: "/v1/customers", Form: "email=other%40example.com", IdempotencyKey: "k", Status: 400},
		{Method: "GET", Path: "/v1/nothing", Status: 404},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAWaitIsWrittenAsPeopleWriteIt(t *testing.T) {
	var f Fault
	if err := json.Unmarshal([]byte(`{"kind":"latency","delay":"250ms"}`), &f); err != nil || time.Duration(f.Delay) != 250*time.Millisecond {
		t.Errorf("%v, %v", f, err)
	}
	for _, wrong := range []string{`{"delay":250}`, `{"delay":"soon"}`} {
		if json.Unmarshal([]byte(wrong), &f) == nil {
			t.Errorf("%s was taken", wrong)
		}
	}
}
