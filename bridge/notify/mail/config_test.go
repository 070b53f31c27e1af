package mail_test

import (
	"strings"
	"testing"
	"time"

	"keybridge/bridge"
	"keybridge/bridge/notify/mail"
)

func TestEverythingWrongWithTheConfigurationIsSaidAtOnce(t *testing.T) {
	_, err := mail.New(mail.Config{
		Port: 70000, TLS: "ssl", Username: "bridge", HELO: "a b", Connections: -1, From: "nobody@", ReplyTo: "x",
		Contact: "call us", Console: "bridge.example.com", Subjects: map[bridge.MessageKind]string{"farewell": "Bye"},
		Portals: map[string]mail.Portal{"main": {Home: "javascript:alert(1)", KeyDelivery: "pigeon"}},
	})
	if err == nil {
		t.Fatal("nothing is wrong")
	}
	for _, want := range []string{
		"Host is missing", `TLS is "ssl"`, "Port is 70000", "no Password", "HELO", "below zero", "From: not an e-mail address", "ReplyTo: not",
		"Contact is not", "Console is not", `"farewell"`, "Portals[main].Home", `Portals[main].KeyDelivery is "pigeon"`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("it does not say %q", want)
		}
	}
	if strings.Contains(err.Error(), "nobody@") {
		t.Error("it repeats an address")
	}
	if _, err := mail.New(mail.Config{Host: "mail.example.com"}); err == nil || !strings.Contains(err.Error(), "From is missing") {
		t.Error(err)
	}
}

func TestOnlyThisMachineIsSentToInTheClear(t *testing.T) {
	for host, near := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "127.9.9.9": true, "::1": true,
		"mail.example.com": false, "192.0.2.1": false, "localhost.example.com": false, "0.0.0.0": false,
	} {
		cfg := mail.Config{Host: host, TLS: mail.NoTLS, From: "keys@example.com"}
		if _, err := mail.New(cfg); (err == nil) != near {
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestLittleHasToBeConfigured(t *testing.T) {
	n, err := mail.New(mail.Config{Host: "mail.example.com", From: "keys@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	_, text, html, err := n.Preview(bridge.TellApproved, message(bridge.TellApproved).Request)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"at sample is approved", "Ask the people behind sample", "sent by keybridge"} {
		if !strings.Contains(text, want) || !strings.Contains(html, want) {
			t.Errorf("it does not say %q", want)
		}
	}
}

func TestAMessageThatCannotBeMadeIsNotSent(t *testing.T) {
	n := quiet(t)
	for name, test := range map[string]struct {
		change func(*bridge.Message)
		kind   bridge.Kind
	}{
		"no id":                   {func(m *bridge.Message) { m.ID = "" }, bridge.Internal},
		"an unknown kind":         {func(m *bridge.Message) { m.Kind = "farewell" }, bridge.Invalid},
		"nowhere to pay":          {func(m *bridge.Message) { m.Page = "" }, bridge.Invalid},
		"a page that is a script": {func(m *bridge.Message) { m.Page = "javascript:alert(1)" }, bridge.Invalid},
		"a page of two lines":     {func(m *bridge.Message) { m.Page = "https://a.example/\nb" }, bridge.Invalid},
	} {
		m := message(bridge.TellStart)
		test.change(&m)
		if err := n.Send(t.Context(), m); bridge.KindOf(err) != test.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWithoutATimeTheClockIsAsked(t *testing.T) {
	m := message(bridge.TellStart)
	m.At, m.Until = time.Time{}, time.Time{}
	raw, err := quiet(t).Compose(m)
	if err != nil {
		t.Fatal(err)
	}
	p := parse(t, raw)
	if got := p.header.Get("Date"); got != "Sat, 14 Mar 2026 12:00:00 +0000" {
		t.Errorf("Date: %s", got)
	}
	if strings.Contains(p.text, "Please do so by") || strings.Contains(p.html, "0001") {
		t.Error(p.text)
	}
}
