package sandbox_test

import (
	"net/http"
	"testing"
	"time"

	"keybridge/bridge/tyk/sandbox"
)

func (p *portal) fault(f sandbox.Fault) {
	p.t.Helper()
	if _, err := p.Fault(f); err != nil {
		p.t.Fatal(err)
	}
}

func TestFaultsStrikeBeforeOrAfterTheWork(t *testing.T) {
	for _, c := range []struct {
		kind   sandbox.FaultKind
		status int // 0: the connection is cut
		worked bool
	}{
		{sandbox.TooManyRequests, 429, false},
		{sandbox.ErrorBefore, 500, false},
		{sandbox.ErrorAfter, 500, true},
		{sandbox.CutBefore, 0, false},
		{sandbox.CutAfter, 0, true},
		{sandbox.Latency, 200, true},
	} {
		t.Run(string(c.kind), func(t *testing.T) {
			p := newPortal(t, sandbox.Config{})
			id := p.ask(sandbox.FreePolicy).ID
			p.fault(sandbox.Fault{Method: "PUT", Path: "/api/portal/requests/approve/", Kind: c.kind, Times: 1, RetryAfter: 7, Delay: 30 * time.Millisecond})
			began := time.Now()
			a, err := p.send("PUT", "/api/portal/requests/approve/"+id, "", "authorization", p.Secret())
			if (err != nil) != (c.status == 0) || a.status != c.status {
				t.Errorf("status %d, error %v", a.status, err)
			}
			if c.kind == sandbox.TooManyRequests && a.header.Get("Retry-After") != "7" {
				t.Errorf("Retry-After is %q", a.header.Get("Retry-After"))
			}
			if took := time.Since(began); c.kind == sandbox.Latency && took < 30*time.Millisecond {
				t.Errorf("it took %v", took)
			}
			if request, _ := p.KeyRequest(id); request.Approved != c.worked {
				t.Errorf("approved: %v", request.Approved)
			}
			if left := p.Faults(); len(left) != 0 {
				t.Errorf("the fault is still set: %+v", left)
			}
			calls := p.Calls()
			if last := calls[len(calls)-1]; last.Status != c.status || last.Method != http.MethodPut {
				t.Errorf("recorded as %+v", last)
			}
		})
	}
}

func TestAFaultStrikesWhatItMatchesAndAsOftenAsItIsSetTo(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	p.fault(sandbox.Fault{Method: "GET", Path: "/api/portal/requests", Kind: sandbox.ErrorBefore, Times: 2, Status: 503})
	p.must("GET", "/api/portal/catalogue", "")
	for range 2 {
		if a := p.call("GET", "/api/portal/requests", ""); a.status != 503 {
			t.Errorf("status %d", a.status)
		}
	}
	p.must("GET", "/api/portal/requests", "")

	p.fault(sandbox.Fault{Kind: sandbox.ErrorBefore})
	for range 5 {
		if a := p.call("GET", "/portal/", ""); a.status != 500 {
			t.Errorf("status %d", a.status)
		}
	}
	a, err := p.send("GET", "/sandbox/faults", "")
	if err != nil || a.status != 200 {
		t.Errorf("control went wrong too: %d %v", a.status, err)
	}
	p.ClearFaults()
	p.must("GET", "/api/portal/requests", "")
}

func TestLatencyGoesWithTheFaultThatDecides(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	p.fault(sandbox.Fault{Kind: sandbox.ErrorBefore, Times: 1})
	p.fault(sandbox.Fault{Kind: sandbox.CutBefore}) // for good: net/http repeats a GET by itself when a kept connection is cut
	p.fault(sandbox.Fault{Kind: sandbox.Latency, Delay: 20 * time.Millisecond})
	began := time.Now()
	if a := p.call("GET", "/api/portal/requests", ""); a.status != http.StatusInternalServerError || time.Since(began) < 20*time.Millisecond {
		t.Errorf("status %d after %v", a.status, time.Since(began))
	}
	if _, err := p.send("GET", "/api/portal/requests", ""); err == nil {
		t.Error("the second fault did not wait for its turn")
	}
}

func TestFaultsThatAreNoneAreRefused(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	for _, f := range []sandbox.Fault{
		{}, {Kind: "explode"}, {Kind: sandbox.Latency, Delay: time.Hour}, {Kind: sandbox.Latency, Times: -1},
		{Kind: sandbox.ErrorBefore, Status: 200}, {Kind: sandbox.TooManyRequests, RetryAfter: -1},
	} {
		if _, err := p.Fault(f); err == nil {
			t.Errorf("%+v was accepted", f)
		}
	}
}

func TestCallsAreRecordedAndForgotten(t *testing.T) {
	p := newPortal(t, sandbox.Config{})
	p.must("GET", "/api/portal/requests?p=-1", "")
	p.call("GET", "/api/portal/requests/x", "")
	calls := p.Calls()
	if len(calls) != 2 || calls[0].Path != "/api/portal/requests" || calls[0].Query != "p=-1" || calls[0].Status != 200 || calls[1].Status != 404 || calls[0].At.IsZero() {
		t.Errorf("%+v", calls)
	}
	p.ClearCalls()
	if calls := p.Calls(); len(calls) != 0 {
		t.Errorf("%+v", calls)
	}
}
