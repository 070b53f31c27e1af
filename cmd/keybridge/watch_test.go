package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	tyksandbox "keybridge/bridge/tyk/sandbox"

	"keybridge/bridge"
	"keybridge/bridge/people"
	"keybridge/bridge/web"
	"keybridge/store/bolt"
)

func TestADiskIsTakenToBeFullBeforeItIs(t *testing.T) {
	const mib, gib = 1 << 20, 1 << 30
	for _, one := range []struct {
		name string
		v    web.Vitals
		want web.CheckStatus
	}{
		{"all is well", web.Vitals{Bytes: 100 * mib, DiskBytes: 100 * gib, DiskFree: 2 * gib}, web.CheckOK},
		{"the disk is unknown", web.Vitals{Bytes: 100 * mib}, web.CheckOK},
		{"a small disk", web.Vitals{Bytes: mib, DiskBytes: gib, DiskFree: gib - 1}, web.CheckWarning},
		{"no room for a copy", web.Vitals{Bytes: 3 * gib, DiskBytes: 9 * gib, DiskFree: 3*gib - 1}, web.CheckWarning},
		{"room for a copy", web.Vitals{Bytes: 3 * gib, DiskBytes: 9 * gib, DiskFree: 3 * gib}, web.CheckOK},
		{"a small store on a full disk", web.Vitals{Bytes: mib, DiskBytes: gib, DiskFree: 8*mib - 1}, web.CheckFailing},
		{"a small store on a nearly full disk", web.Vitals{Bytes: mib, DiskBytes: gib, DiskFree: 8 * mib}, web.CheckWarning},
		{"a large store on a full disk", web.Vitals{Bytes: 9 * gib, DiskBytes: 10 * gib, DiskFree: 64*mib - 1}, web.CheckFailing},
	} {
		if c := diskCheck(one.v); c.Status != one.want || (c.Says == "") != (one.want == web.CheckOK) {
			t.Errorf("%s: %+v, want %s", one.name, c, one.want)
		}
	}
}

func TestAStoreSaysWhyItCanKeepNothing(t *testing.T) {
	gone := &bridge.Error{Kind: bridge.Unavailable, Msg: "It is shut down.", Err: errors.New("canary")}
	for _, one := range []struct {
		name string
		room bolt.Room
		err  error
		want web.CheckStatus
		says string
	}{
		{"all is well", bolt.Room{}, nil, web.CheckOK, ""},
		{"it fills up", bolt.Room{Low: true}, nil, web.CheckWarning, "four fifths"},
		{"it was full a moment ago", bolt.Room{Full: true, Low: true}, nil, web.CheckWarning, "no room left"},
		{"it is full", bolt.Room{Full: true}, gone, web.CheckFailing, "no room left"},
		{"it cannot be read", bolt.Room{Low: true}, gone, web.CheckFailing, "It is shut down."},
	} {
		if c := storeCheck(one.room, one.err); c.Status != one.want || !strings.Contains(c.Says, one.says) || (c.Says == "") != (one.says == "") || strings.Contains(c.Says, "canary") {
			t.Errorf("%s: %+v", one.name, c)
		}
	}
}

func TestEveryFigureOfTheStoreIsShown(t *testing.T) {
	since := time.Date(2026, 3, 4, 15, 0, 0, 0, time.UTC)
	got := vitals(bolt.Stats{
		FileSize: 1, MaxSize: 2, DiskSize: 3, DiskFree: 4, FreePages: 5, PageSize: 4096, Queued: 6, Claimed: 7, NeedAttention: 8,
		Due: map[string]bolt.Backlog{"main": {Count: 9, Oldest: since}},
	})
	want := web.Vitals{
		Bytes: 1, Limit: 2, Unused: 20480, DiskBytes: 3, DiskFree: 4, Queued: 6, Claimed: 7, Attention: 8,
		Due: map[string]web.Due{"main": {Count: 9, Since: since}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestBytesAreWrittenForPeople(t *testing.T) {
	for n, want := range map[int64]string{0: "0 bytes", 1023: "1023 bytes", 1024: "1.0 KiB", 1536 << 10: "1.5 MiB", 5 << 30: "5.0 GiB"} {
		if got := inBytes(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

// readyz asks whether the bridge is ready, in words.
func (s *stand) readyz() string {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.bridge.Operations+"/readyz", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Accept", "text/plain")
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return fmt.Sprint(answer.StatusCode, " ", string(text))
}

// wantMetrics waits until the metrics have these samples.
func (s *stand) wantMetrics(samples ...string) {
	s.t.Helper()
	for _, sample := range samples {
		await(s.t, sample, func() bool { return strings.Contains("\n"+s.metrics(), "\n"+sample+"\n") }, s.metrics)
	}
}

func TestABridgeIsWatched(t *testing.T) {
	t.Parallel()
	s := startStand(t, choice{plans: []string{freePlan}})
	if got := s.readyz(); !strings.HasPrefix(got, "200 ready\nstore: ok.\ndisk: ") {
		t.Errorf("at the start: %s", got)
	}
	s.wantMetrics(`keybridge_hints_total{outcome="unavailable",source="stripe"} 0`, `keybridge_hints_total{outcome="accepted",source="sweep/stripe"} 0`,
		`keybridge_hints_total{outcome="accepted",source="poll/weather"} 0`)
	key := s.ask(tyksandbox.DemoEmail, tyksandbox.FreePolicy).ID
	s.awaitState(key, bridge.StateActive)
	s.wantMetrics(`keybridge_hints_total{outcome="accepted",source="portal/weather"} 2`, "keybridge_undelivered 0", // asked, approved
		`keybridge_calls_total{doing="approve key",outcome="ok",portal="weather"} 1`, "keybridge_store_up 1", `keybridge_unanswered_seconds{portal="weather",to="portal"} 0`)

	// A sign-in that is refused, by the very register that the console uses.
	if _, _, err := s.bridge.register.SignIn(t.Context(), people.Attempt{Name: "nobody", Password: "canary", Address: "127.0.0.1"}); bridge.KindOf(err) != bridge.Refused {
		t.Errorf("a stranger signs in: %v", err)
	}
	s.wantMetrics(`keybridge_sign_ins_total{outcome="refused"} 1`)

	// A portal that is down makes nobody unready, and is told of.
	s.portalFault(tyksandbox.Fault{Kind: tyksandbox.CutBefore})
	s.bridge.service.Ask(demoPortal)
	await(t, "the portal's silence to be told of", func() bool { return strings.Contains(s.readyz(), "The portal weather has not answered since") }, s.readyz)
	if got := s.readyz(); !strings.HasPrefix(got, "200 ready\n") {
		t.Error(got)
	}

	s.Portal.ClearFaults()

	// A decision that cannot be delivered is known of, also after the next start.
	s.portalFault(tyksandbox.Fault{Kind: tyksandbox.ErrorBefore, Method: http.MethodPut})
	key = s.ask(tyksandbox.DemoEmail, tyksandbox.FreePolicy).ID
	s.wantMetrics("keybridge_undelivered 1", `keybridge_calls_total{doing="approve key",outcome="unavailable",portal="weather"} 1`)
	if err := s.stopBridge(); err != nil {
		t.Fatal(err)
	}
	s.resumeBridge()
	s.wantMetrics("keybridge_undelivered 1")
	s.Portal.ClearFaults()
	s.awaitState(key, bridge.StateActive)
	s.wantMetrics("keybridge_undelivered 0", "keybridge_undelivered_oldest_seconds 0")

	if err := s.bridge.store.Close(); err != nil {
		t.Fatal(err)
	}
	if got := s.readyz(); !strings.HasPrefix(got, "503 not ready\nstore: failing. ") {
		t.Errorf("without its store: %s", got)
	}
}
