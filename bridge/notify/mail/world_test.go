package mail_test

import (
	"context"
	"crypto/x509"
	"flag"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
	"keybridge/bridge/notify/mail"
	"keybridge/bridge/notify/mail/sandbox"
)

var update = flag.Bool("update", false, "write the mails as they are now to testdata")

// patience is how long a test waits for what must happen: far longer than it takes.
const patience = 20 * time.Second

var noon = time.Date(2026, time.March, 14, 12, 0, 0, 0, time.UTC)

// postOffice is a mail server and how to reach it.
type postOffice struct {
	*sandbox.Server
	t   *testing.T
	cfg mail.Config
}

// open starts a mail server, and says how a notifier reaches it.
func open(t *testing.T, cfg sandbox.Config) *postOffice {
	t.Helper()
	s, err := sandbox.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	p := &postOffice{Server: s, t: t, cfg: config(t, s.Addr())}
	p.cfg.RootCAs = x509.NewCertPool()
	p.cfg.RootCAs.AppendCertsFromPEM(s.CA())
	switch cfg.Security {
	case sandbox.StartTLS:
		p.cfg.TLS = mail.StartTLS
	case sandbox.TLS:
		p.cfg.TLS = mail.ImplicitTLS
	}
	if cfg.Username != "" {
		p.cfg.Username, p.cfg.Password = cfg.Username, func() string { return cfg.Password }
	}
	return p
}

// config is that of the notifier of a service that is called "Weather keys", without
// encryption.
func config(t *testing.T, addr string) mail.Config {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return mail.Config{
		Host: host, Port: number, TLS: mail.NoTLS, HELO: "bridge.example.com",
		From: "Weather keys <keys@example.com>", Service: "Weather keys", Contact: "mailto:help@example.com",
		Console: "https://bridge.example.com/console/", Zone: berlin, Now: func() time.Time { return noon },
		Portals: map[string]mail.Portal{"sample": {Title: "Weather Portal", Home: "https://portal.example.com/keys"}},
	}
}

// notifier makes one of the configuration, changed.
func (p *postOffice) notifier(changes ...func(*mail.Config)) *mail.Notifier {
	p.t.Helper()
	cfg := p.cfg
	for _, change := range changes {
		change(&cfg)
	}
	n, err := mail.New(cfg)
	if err != nil {
		p.t.Fatal(err)
	}
	return n
}

// await returns the oldest mail to an address.
func (p *postOffice) await(to string) sandbox.Mail {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	m, err := p.Await(ctx, sandbox.Filter{To: to})
	if err != nil {
		p.t.Fatal(err)
	}
	return m
}

// message is one about the first sample of a kind.
func message(kind bridge.MessageKind) bridge.Message {
	for _, s := range mail.Samples() {
		if s.Kind == kind {
			return bridge.Message{
				ID: "kb_01JPA7Q5WZ0000000000SAMPLE_tell-" + string(kind) + "_1", Kind: kind, At: noon, Request: s.Request,
				Page: "https://bridge.example.com/r/token", Until: noon.AddDate(0, 0, 7),
			}
		}
	}
	panic("no sample of " + kind)
}

// golden compares a text with the one in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s is not as it was (-was +is):\n%s", file, diff)
	}
}
