package mail_test

import (
	"testing"

	"keybridge/bridge"
	"keybridge/bridge/notify/mail/sandbox"
)

func TestMailArrivesHoweverTheLinkIsSecured(t *testing.T) {
	for _, security := range []sandbox.Security{sandbox.Plain, sandbox.StartTLS, sandbox.TLS} {
		for _, user := range []string{"", "bridge"} {
			t.Run("security "+string(security)+" user "+user, func(t *testing.T) {
				p := open(t, sandbox.Config{Security: security, Username: user, Password: "secret"})
				n := p.notifier()
				if err := n.Send(t.Context(), message(bridge.TellStart)); err != nil {
					t.Fatal(err)
				}
				m := p.await("ada@example.com")
				if m.Problem != "" || m.TLS != (security != sandbox.Plain) || m.User != user {
					t.Errorf("problem %q, TLS %t, user %q", m.Problem, m.TLS, m.User)
				}
				if m.From != "keys@example.com" || len(m.To) != 1 {
					t.Errorf("the envelope is from %q to %q", m.From, m.To)
				}
				if m.MessageID != "kb_01JPA7Q5WZ0000000000SAMPLE_tell-start_1@example.com" {
					t.Errorf("Message-ID %s", m.MessageID)
				}
			})
		}
	}
}
