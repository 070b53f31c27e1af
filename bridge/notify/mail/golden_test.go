package mail_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"keybridge/bridge"
	"keybridge/bridge/notify/mail"
)

// quiet is a notifier that sends nothing.
func quiet(t *testing.T, changes ...func(*mail.Config)) *mail.Notifier {
	t.Helper()
	cfg := config(t, "127.0.0.1:25")
	for _, change := range changes {
		change(&cfg)
	}
	n, err := mail.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

var unnamed = regexp.MustCompile(`[^a-z]+`)

// fileOf is the golden file of a sample, without its ending.
func fileOf(kind bridge.MessageKind, name string) string {
	return string(kind) + "-" + strings.Trim(unnamed.ReplaceAllString(strings.ToLower(name), "-"), "-")
}

func TestEveryKindSaysWhatHappenedAndWhatToDo(t *testing.T) {
	n := quiet(t)
	seen := map[bridge.MessageKind]bool{}
	inOrder := slices.IsSortedFunc(mail.Samples(), func(a, b mail.Sample) int {
		return slices.Index(bridge.MessageKinds, a.Kind) - slices.Index(bridge.MessageKinds, b.Kind)
	})
	if !inOrder {
		t.Error("the samples are not in the order of a request's life")
	}
	for _, s := range mail.Samples() {
		name := fileOf(s.Kind, s.Name)
		t.Run(name, func(t *testing.T) {
			seen[s.Kind] = true
			subject, text, html, err := n.Preview(s.Kind, s.Request)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".txt", "Subject: "+subject+"\n\n"+text)
			golden(t, name+".html", html)
		})
	}
	for _, kind := range bridge.MessageKinds {
		if !seen[kind] {
			t.Errorf("there is no sample of %s", kind)
		}
	}
}

func TestAnApprovalSaysWhereTheKeyIs(t *testing.T) {
	for _, delivery := range bridge.Deliveries {
		n := quiet(t, func(c *mail.Config) {
			c.Portals = map[string]mail.Portal{"sample": {Title: "Weather Portal", KeyDelivery: delivery}}
			c.Contact = ""
		})
		for _, kind := range []bridge.MessageKind{bridge.TellApproved, bridge.TellResumed} {
			for _, s := range mail.Samples() {
				if s.Kind != kind || s.Name != "paid once" && s.Name != "new key" {
					continue
				}
				subject, text, html, err := n.Preview(kind, s.Request)
				if err != nil {
					t.Fatal(err)
				}
				name := fileOf(kind, "key by "+string(delivery))
				golden(t, name+".txt", "Subject: "+subject+"\n\n"+text)
				golden(t, name+".html", html)
			}
		}
	}
}
