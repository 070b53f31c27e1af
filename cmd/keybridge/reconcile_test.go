package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	stripesandbox "keybridge/billing/stripe/sandbox"
	tyksandbox "keybridge/bridge/tyk/sandbox"

	"keybridge/bridge"
)

// soon has requests count as settled at once, and nothing reconcile but the command.
const soon = `reconcile: {at: off, settle: 300ms}`

// reconcile runs the command, and returns what it prints and its exit code.
func (s *stand) reconcile(args ...string) (out, errOut string, code int) {
	s.t.Helper()
	var text, progress strings.Builder
	code = run(s.t.Context(), append([]string{"reconcile", "--config", filepath.Join(s.folder, "keybridge.yaml")}, args...), &text, &progress)
	return text.String(), progress.String(), code
}

// differences runs the command for a program.
func (s *stand) differences(args ...string) bridge.Reconciliation {
	s.t.Helper()
	out, errOut, code := s.reconcile(append(args, "--format", "json")...)
	var r bridge.Reconciliation
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		s.t.Fatalf("%v: %s%s", err, out, errOut)
	}
	if want := map[bool]int{true: exitDiffers}[r.Total() > 0]; code != want {
		s.t.Errorf("it exits with %d, want %d: %s", code, want, errOut)
	}
	return r
}

// awaitDifferences runs the command until it finds what is to be found once what is under
// way has come to its end.
func (s *stand) awaitDifferences(what string, so func(bridge.Reconciliation) bool) (found bridge.Reconciliation) {
	s.t.Helper()
	await(s.t, what, func() bool {
		found = s.differences()
		return so(found)
	}, func() string { return fmt.Sprintf("it finds %+v", found) })
	return found
}

// TestWhatNobodyToldOfIsFoundByReconciling loses every webhook, refunds a payment in the
// Dashboard of Stripe, removes a key in the portal, and leaves a checkout of nobody.
func TestWhatNobodyToldOfIsFoundByReconciling(t *testing.T) {
	t.Parallel()
	s := startStand(t, choice{plans: []string{freePlan, paidPlan}, more: soon, poll: "off"})
	pays := func(email string) asked {
		a := s.ask(email, tyksandbox.PaidPolicy)
		s.act(s.awaitCheckout(a.ID).ID, "pay", nil)
		s.awaitState(a.ID, bridge.StateActive)
		return a
	}
	refunded, removed := pays("refunded@example.com"), pays("removed@example.com")
	unheard := s.ask("unheard@example.com", tyksandbox.PaidPolicy)
	open := s.awaitCheckout(unheard.ID)
	s.awaitDifferences("nothing to differ before anything happened", func(got bridge.Reconciliation) bool {
		return got.Total() == 0 && got.Checkouts == 3 && got.Waiting == 1 && got.Requests == 3
	})

	s.Stripe.Fault(stripesandbox.Fault{Kind: stripesandbox.WebhookLoss})
	s.act(open.ID, "pay", nil)
	s.act(s.request(refunded.ID).Payment.Checkout.ID, "refund", nil)
	if err := s.Portal.RevokeKey(s.request(removed.ID).Access.Keys[0]); err != nil {
		t.Fatal(err)
	}
	settings := s.Portal.Settings()
	settings.Webhook = ""
	if err := s.Portal.SetSettings(settings); err != nil {
		t.Fatal(err)
	}
	silent := s.ask("silent@example.com", tyksandbox.FreePolicy)
	stray := s.strayCheckout()

	want := map[string]bridge.DifferenceKind{
		string(s.request(unheard.ID).ID): bridge.NotGranted, string(s.request(refunded.ID).ID): bridge.RefundedGranted,
		string(s.request(removed.ID).ID): bridge.NotSeen, silent.ID: bridge.UnknownHere, stray: bridge.UnknownHere,
	}
	s.wantFound("a dry run", s.differences("--dry-run"), want)
	if r := s.request(unheard.ID); r.Stage() != bridge.StatePaying {
		t.Errorf("a dry run has changed something: it is %s", r.Stage())
	}
	s.wantFound("a run", s.differences(), want)
	s.awaitState(unheard.ID, bridge.StateActive)
	s.awaitState(silent.ID, bridge.StateActive)
	s.awaitState(refunded.ID, bridge.StateEnded)
	s.awaitState(removed.ID, bridge.StateEnded)
	s.wantOneKey(unheard.ID, "unheard@example.com")
	if n := s.keysOf("refunded@example.com"); n != 0 {
		t.Errorf("who was refunded has %d keys", n)
	}
	left := s.awaitDifferences("one difference to be left", func(got bridge.Reconciliation) bool { return got.Total() == 1 })
	s.wantFound("a run after it was mended", left, map[string]bridge.DifferenceKind{stray: bridge.UnknownHere})
	s.act(stray, "expire", nil)
	s.wantFound("the last run", s.differences(), nil)
	s.wantShown()
}

// strayCheckout is a checkout for a request that nothing here knows of.
func (s *stand) strayCheckout() string {
	s.t.Helper()
	id := bridge.ID("01JSTRAY000000000000000000")
	price := bridge.Price{Name: "Stray", Amount: bridge.NewAmount(900, "EUR")}
	log := slog.New(slog.DiscardHandler)
	links, err := linksOf(s.cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	cfg, err := domainOf(s.cfg, log, s.bridge.store, links)
	if err != nil {
		s.t.Fatal(err)
	}
	m, err := cfg.Providers[stripeProvider].Open(s.t.Context(), bridge.Order{
		Request: bridge.Request{ID: id, Portal: demoPortal, Terms: bridge.Terms{Provider: stripeProvider, Plan: "Stray", Lines: []bridge.Price{price}}},
		For:     bridge.Paying, Key: "stray", Success: s.url + "/r/x/return",
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return m.Checkout.ID
}

// wantFound checks what differs, by what it is about.
func (s *stand) wantFound(when string, r bridge.Reconciliation, want map[string]bridge.DifferenceKind) {
	s.t.Helper()
	got := map[string]bridge.DifferenceKind{}
	for _, d := range r.Differences {
		got[idOf(d)] = d.Kind
	}
	if len(got) != len(want) || len(r.Differences) != len(want) || len(r.Failed) > 0 {
		s.t.Fatalf("%s finds %+v, want %v", when, r, want)
	}
	for id, kind := range want {
		if got[id] != kind {
			s.t.Errorf("%s: %s is %q, want %q", when, id, got[id], kind)
		}
	}
}

// wantShown checks that the last run is in the metrics.
func (s *stand) wantShown() {
	s.t.Helper()
	text := s.metrics()
	for _, line := range []string{`keybridge_differences{kind="unknown here"} 0`, "keybridge_reconciled_timestamp_seconds "} {
		if !strings.Contains(text, line) {
			s.t.Errorf("%q is not in the metrics", line)
		}
	}
}

func TestDifferencesArePrintedForPeopleAndSpreadsheets(t *testing.T) {
	t.Parallel()
	s := startStand(t, choice{plans: []string{paidPlan}, more: soon})
	a := s.ask(asker, tyksandbox.PaidPolicy)
	open := s.awaitCheckout(a.ID)
	s.Stripe.Fault(stripesandbox.Fault{Kind: stripesandbox.WebhookLoss})
	s.act(open.ID, "pay", nil)
	id := string(s.request(a.ID).ID)

	out, progress, code := s.reconcile("--dry-run")
	for _, want := range []string{
		"KIND", "paid but not granted", id, "EUR 49.00", "would be made due", "Paid, and the portal does not grant the key.",
		"1 checkout, 1 waiting key request and 1 request compared: 1 difference.",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	for _, want := range []string{"checkouts: 1\n", "requests: 1 of 1\n", "1 difference\n"} {
		if !strings.Contains(progress, want) || code != exitDiffers {
			t.Errorf("%d, and %q is not in\n%s", code, want, progress)
		}
	}
	out, _, _ = s.reconcile("--dry-run", "--format", "csv")
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(out, "\uFEFF"))).ReadAll()
	if err != nil || len(rows) != 2 || rows[1][2] != id || rows[1][6] != "49.00" || rows[1][7] != "EUR" {
		t.Errorf("%q, %v", rows, err)
	}
	if _, text, code := s.reconcile("--since=0s"); code != exitUsage || !strings.Contains(text, "how far back") {
		t.Errorf("%d: %s", code, text)
	}
	s.portalFault(tyksandbox.Fault{Kind: tyksandbox.ErrorBefore, Path: "/api/portal/requests"})
	if _, text, code := s.reconcile("--dry-run"); code != exitFailed || !strings.Contains(text, "not asked: weather: ") {
		t.Errorf("where a portal does not answer: %d: %s", code, text)
	}
	if err := s.stopBridge(); err != nil {
		t.Fatal(err)
	}
	if _, text, code := s.reconcile(); code != exitFailed || !strings.Contains(text, "No bridge runs") {
		t.Errorf("where no bridge runs: %d: %s", code, text)
	}
}
