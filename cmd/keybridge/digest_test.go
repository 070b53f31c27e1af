package main

import (
	"strings"
	"testing"
	"time"

	"keybridge/bridge"
	"keybridge/bridge/notify/mail"
)

func TestTheDigestLeadsToTheConsole(t *testing.T) {
	cfg := goodFile(t, "kinds.yaml")
	notifier, err := notifierOf(cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	waits := bridge.Request{Portal: cfg.Portals[0].Name, Steps: []bridge.Step{{Kind: bridge.Review, State: bridge.Waiting}}}
	waits.Access.Have, waits.Verdict.Outcome = bridge.Pending, bridge.Open
	_, text, html, err := notifier.PreviewDigest(mail.Digest{At: time.Now(), Requests: []bridge.Request{waits}})
	if err != nil {
		t.Fatal(err)
	}
	link := cfg.PublicURL.String() + "/console/"
	if !strings.Contains(text, "\n"+link+"\n") || !strings.Contains(html, `href="`+link+`"`) {
		t.Errorf("there is no %s in\n%s", link, text)
	}
}
