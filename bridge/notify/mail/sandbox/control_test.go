package sandbox_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"keybridge/bridge/notify/mail/sandbox"
)

// into reads the JSON of an answer.
func (a answer) into(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), v); err != nil || a.header.Get("Content-Type") != "application/json" {
		t.Fatalf("%v in %s", err, a.body)
	}
}

func TestControlListsTheMailsThatAreAskedFor(t *testing.T) {
	b := filled(t)
	for query, want := range map[string]int{
		"": 5, "?to=DEV@example.com": 4, "?kind=start": 3, "?subject=pay%20for": 2, "?since=3": 2, "?to=dev@example.com&once=true": 3,
		"?message_id=2@example.com": 1, "?to=nobody@example.com": 0,
	} {
		var mails []sandbox.Mail
		b.ask("GET", "/sandbox/mails"+query, "").into(t, &mails)
		if len(mails) != want {
			t.Errorf("%q lists %d", query, len(mails))
		}
	}
	for _, query := range []string{"?since=x", "?once=x", "?wait=x", "?wait=1h"} {
		if a := b.ask("GET", "/sandbox/mails"+query, ""); a.status != 400 || !strings.Contains(a.body, `"error"`) {
			t.Errorf("%q: %d %s", query, a.status, a.body)
		}
	}
}

func TestControlShowsOneMailWhole(t *testing.T) {
	b := filled(t)
	var m struct {
		sandbox.Mail
		Raw []byte
	}
	b.ask("GET", "/sandbox/mails/1", "").into(t, &m)
	if m.Number != 1 || m.MessageID != "01J0.start.1@example.com" || m.Subject != "Pay for your key – Weather Pro" || !bytes.Equal(m.Raw, []byte(crlf(both))) {
		t.Errorf("%+v", m)
	}
	for _, path := range []string{"/sandbox/mails/99", "/sandbox/mails/x", "/sandbox/nothing"} {
		if a := b.ask("GET", path, ""); a.status != 404 || !strings.Contains(a.body, `"error"`) {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	if a := b.ask("DELETE", "/sandbox/mails", ""); strings.TrimSpace(a.body) != "[]" || len(b.Mails(sandbox.Filter{})) != 0 {
		t.Errorf("forgetting: %s", a.body)
	}
}

func TestControlWaitsForAMailAndNoLonger(t *testing.T) {
	b := still(t)
	if a := b.ask("GET", "/sandbox/mails?wait=1ms", ""); strings.TrimSpace(a.body) != "[]" {
		t.Errorf("nothing came: %s", a.body)
	}
	began, got := time.Now(), make(chan answer)
	go func() { got <- b.ask("GET", "/sandbox/mails?to=dev@example.com&wait=1m", "") }()
	b.must(letter("1@example.com", "Hello", ""), "other@example.com")
	b.must(letter("2@example.com", "Hello", ""), "dev@example.com")
	var mails []sandbox.Mail
	(<-got).into(t, &mails)
	if len(mails) != 1 || mails[0].Number != 2 || time.Since(began) > patience {
		t.Errorf("%+v after %v", mails, time.Since(began))
	}
}

func TestControlSetsAndClearsFaults(t *testing.T) {
	b := still(t)
	body := `{"kind":"latency","at":"recipient","to":"dev@*","times":2,"delay_ms":5}`
	if a := b.ask("POST", "/sandbox/faults", body); a.status != 200 || strings.TrimSpace(a.body) != `{"id":"1"}` {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := b.ask("GET", "/sandbox/faults", ""); strings.TrimSpace(a.body) != `[{"id":"1",`+body[1:]+`]` {
		t.Errorf("read: %s", a.body)
	}
	for _, wrong := range []string{`{"kind":"x"}`, `{"kind":"cut","at":"mail","when":1}`, `{"kind":"latency","at":"mail","delay_ms":99999999999999999}`, `[]`, ``} {
		if a := b.ask("POST", "/sandbox/faults", wrong); a.status < 400 || a.status > 499 || !strings.Contains(a.body, `"error"`) {
			t.Errorf("%s: %d %s", wrong, a.status, a.body)
		}
	}
	if a := b.ask("DELETE", "/sandbox/faults", ""); strings.TrimSpace(a.body) != "[]" || len(b.Faults()) != 0 {
		t.Errorf("cleared: %s", a.body)
	}
}

func TestControlShowsCallsAndTheAuthority(t *testing.T) {
	b := faulty(t)
	var calls []sandbox.Call
	b.ask("GET", "/sandbox/calls", "").into(t, &calls)
	if len(calls) != 5 || calls[4].At != sandbox.AtAnswer || calls[4].Status != 0 {
		t.Errorf("%+v", calls)
	}
	if a := b.ask("DELETE", "/sandbox/calls", ""); strings.TrimSpace(a.body) != "[]" || len(b.Calls()) != 0 {
		t.Errorf("forgetting: %s", a.body)
	}
	if a := b.ask("GET", "/sandbox/ca.pem", ""); a.body != string(b.CA()) || !strings.HasPrefix(a.body, "-----BEGIN CERTIFICATE-----") {
		t.Errorf("the authority: %s", a.body)
	}
}
