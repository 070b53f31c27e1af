package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	tyksandbox "keybridge/bridge/tyk/sandbox"

	"keybridge/bridge"
)

// standOutgoing signs the outgoing webhooks of a stand.
const standOutgoing = "whsec_T3V0Z29pbmctY2FuYXJ5LUx2NTctY2FuYXJ5LUx2NTc="

// accountant is a receiver of outgoing webhooks that checks every signature.
type accountant struct {
	*httptest.Server
	t  *testing.T
	mu sync.Mutex
	// refuses: everything is answered 500.
	refuses bool
	got     []heard
	raw     bytes.Buffer
}

// heard is a message that was taken.
type heard struct {
	ID   string
	Type string `json:"type"`
	Data struct {
		Request   bridge.ID `json:"request"`
		Applicant struct {
			ID    string `json:"id"`
			Email string `json:"email"`
		} `json:"applicant"`
	} `json:"data"`
}

func newAccountant(t *testing.T) *accountant {
	a := &accountant{t: t}
	verifier, err := standardwebhooks.NewWebhook(standOutgoing)
	if err != nil {
		t.Fatal(err)
	}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		m := heard{ID: r.Header.Get("Webhook-Id")}
		if err := verifier.Verify(body, r.Header); err != nil {
			t.Errorf("the signature: %v", err)
		}
		if err != nil || json.Unmarshal(body, &m) != nil {
			t.Errorf("the body: %s", body)
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.refuses {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		a.got = append(a.got, m)
		a.raw.Write(body)
	}))
	t.Cleanup(a.Close)
	return a
}

func (a *accountant) refuse(refuses bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refuses = refuses
}

// of are the messages about a request, in the order in which they came.
func (a *accountant) of(id bridge.ID) (all []heard) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, m := range a.got {
		if m.Data.Request == id {
			all = append(all, m)
		}
	}
	return all
}

// bodies are all bodies that were taken.
func (a *accountant) bodies() []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	return bytes.Clone(a.raw.Bytes())
}

func typesOf(all []heard) (types []string) {
	for _, m := range all {
		types = append(types, m.Type)
	}
	return types
}

// accounts is the section of a configuration for an accountant.
func (a *accountant) accounts() string {
	return "outgoing: [{name: accounting, url: " + a.URL + ", secret_file: outgoing.secret, events: [request.approved, payment.paid, payment.refunded, access.*]}]"
}

func TestWhatHappensIsToldToOtherSystemsSignedAndOnce(t *testing.T) {
	t.Parallel()
	a := newAccountant(t)
	s := startStand(t, choice{plans: []string{paidPlan}, more: a.accounts()})
	k := s.ask(asker, tyksandbox.PaidPolicy)
	s.act(s.awaitCheckout(k.ID).ID, "pay", nil)
	r := s.awaitState(k.ID, bridge.StateActive)
	want := []string{"payment.paid", "request.approved", "access.granted"}
	await(t, "accounting to be told", func() bool { return len(a.of(r.ID)) >= len(want) }, func() string { return strings.Join(typesOf(a.of(r.ID)), " ") })
	if got := typesOf(a.of(r.ID)); !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
	for _, m := range a.of(r.ID) {
		if m.Data.Applicant.ID == "" || m.Data.Applicant.Email != "" {
			t.Errorf("the applicant is %+v; it was not asked for personal data", m.Data.Applicant)
		}
	}

	a.refuse(true)
	charge, _ := r.Ref(bridge.RefCharge)
	s.act(charge.ID, "refund", nil)
	s.awaitState(k.ID, bridge.StateEnded)
	await(t, "the failure to be shown", func() bool { return strings.Contains(s.operate("outgoing", "list"), "failed") }, nil)
	if err := s.stopBridge(); err != nil {
		t.Fatal(err)
	}
	a.refuse(false)
	s.resumeBridge()
	s.operate("outgoing", "resume", "accounting")
	await(t, "accounting to be told of the refund", func() bool { return slices.Contains(typesOf(a.of(r.ID)), "payment.refunded") }, nil)
	await(t, "the end to be told", func() bool { return slices.Contains(typesOf(a.of(r.ID)), "access.gone") }, nil)

	before := a.of(r.ID)
	s.operate("outgoing", "replay", "--request", string(r.ID), "accounting")
	await(t, "everything to come again", func() bool { return len(a.of(r.ID)) == 2*len(before) }, func() string { return strings.Join(typesOf(a.of(r.ID)), " ") })
	for i, m := range a.of(r.ID)[len(before):] {
		if m.ID != before[i].ID {
			t.Errorf("%s came again as %s", before[i].ID, m.ID)
		}
	}
}
