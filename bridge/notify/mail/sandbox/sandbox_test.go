package sandbox_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"strings"
	"testing"
	"time"

	"keybridge/bridge/notify/mail/sandbox"
)

// patience is how long a test waits for what must happen: far longer than it takes.
const patience = 20 * time.Second

// mailbox is a sandbox with the clients a test sends with.
type mailbox struct {
	*sandbox.Server
	t   *testing.T
	cfg sandbox.Config
}

func newMailbox(t *testing.T, cfg sandbox.Config) *mailbox {
	t.Helper()
	s, err := sandbox.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &mailbox{s, t, cfg}
}

// trust is what a client needs to know of the sandbox's certificate.
func (b *mailbox) trust() *tls.Config {
	b.t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b.CA()) {
		b.t.Fatal("the authority's certificate is none")
	}
	return &tls.Config{RootCAs: pool, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12}
}

// connect returns a client that has said hello, and is as secure as the sandbox wants it.
func (b *mailbox) connect() (*smtp.Client, error) {
	b.t.Helper()
	conn, err := net.DialTimeout("tcp", b.Addr(), patience)
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	if b.cfg.Security == sandbox.TLS {
		conn = tls.Client(conn, b.trust())
	}
	client, err := smtp.NewClient(conn, "127.0.0.1")
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	b.t.Cleanup(func() { _ = client.Close() })
	if err := client.Hello("client.example"); err != nil {
		return nil, err
	}
	if b.cfg.Security == sandbox.StartTLS {
		return client, client.StartTLS(b.trust())
	}
	return client, nil
}

// send delivers a mail over a connection of its own, and returns what a client would learn of it.
func (b *mailbox) send(raw string, to ...string) error {
	b.t.Helper()
	client, err := b.connect()
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	if b.cfg.Username != "" {
		if err := client.Auth(smtp.PlainAuth("", b.cfg.Username, b.cfg.Password, "127.0.0.1")); err != nil {
			return err
		}
	}
	if err := client.Mail("bridge@example.com"); err != nil {
		return err
	}
	for _, address := range to {
		if err := client.Rcpt(address); err != nil {
			return err
		}
	}
	w, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write([]byte(raw)); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return client.Quit()
}

// must delivers a mail that has to be taken, and returns it as it was kept.
func (b *mailbox) must(raw string, to ...string) sandbox.Mail {
	b.t.Helper()
	if err := b.send(raw, to...); err != nil {
		b.t.Fatal(err)
	}
	mails := b.Mails(sandbox.Filter{})
	return mails[len(mails)-1]
}

// letter is a plain mail.
func letter(id, subject, text string) string {
	return strings.ReplaceAll(fmt.Sprintf(
		"From: Keybridge <bridge@example.com>\nSubject: %s\nMessage-ID: <%s>\nX-Kind: start\n\n%s\n", subject, id, text), "\n", "\r\n")
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func TestAMailIsKeptAsItCame(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	b := newMailbox(t, sandbox.Config{Now: func() time.Time { return at }})
	raw := letter("1@example.com", "Pay for your key", "Go to https://pay.example/r/abc.\n.a line that begins with a dot")
	m := b.must(raw, "dev@example.com", "Boss@example.com")
	if string(m.Raw) != raw {
		t.Errorf("the bytes are %q", m.Raw)
	}
	if m.Number != 1 || !m.At.Equal(at) || m.From != "bridge@example.com" || strings.Join(m.To, " ") != "dev@example.com Boss@example.com" {
		t.Errorf("the envelope is %+v", m)
	}
	if m.Subject != "Pay for your key" || m.MessageID != "1@example.com" || m.Kind != "start" || m.Sender != "Keybridge <bridge@example.com>" {
		t.Errorf("the header is %+v", m)
	}
	if len(m.Links) != 1 || m.Links[0] != "https://pay.example/r/abc" || !strings.HasSuffix(m.Text, "\n.a line that begins with a dot\n") {
		t.Errorf("the text is %q, its links %q", m.Text, m.Links)
	}
	if m.TLS || m.User != "" || m.Problem != "" {
		t.Errorf("%+v", m)
	}
}

func TestAMailInChunksIsKeptWhole(t *testing.T) {
	b := newMailbox(t, sandbox.Config{})
	conn, err := net.Dial("tcp", b.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	talk := "EHLO c.example\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\n" +
		"BDAT 14\r\nSubject: part\rBDAT 8 LAST\r\n\n\r\ntext\nQUIT\r\n"
	if _, err := conn.Write([]byte(talk)); err != nil {
		t.Fatal(err)
	}
	if said := heard(t, conn); !strings.Contains(said, "221 ") {
		t.Errorf("it says %q", said)
	}
	mails := b.Mails(sandbox.Filter{})
	if len(mails) != 1 || string(mails[0].Raw) != "Subject: part\r\n\r\ntext\n" || mails[0].To[0] != "b@example.com" {
		t.Errorf("%+v", mails)
	}
}

func TestMailComesInAsSecurelyAsTheSandboxAsks(t *testing.T) {
	for _, security := range []sandbox.Security{sandbox.Plain, sandbox.StartTLS, sandbox.TLS} {
		t.Run("security "+string(security), func(t *testing.T) {
			b := newMailbox(t, sandbox.Config{Security: security, Username: "bridge", Password: "s3cret"})
			m := b.must(letter("1@example.com", "Hello", "there"), "dev@example.com")
			if m.TLS != (security != sandbox.Plain) || m.User != "bridge" {
				t.Errorf("TLS %v, user %q", m.TLS, m.User)
			}
		})
	}
}

func TestNoMailIsTakenInTheClearWhereTLSIsAskedFor(t *testing.T) {
	b := newMailbox(t, sandbox.Config{Security: sandbox.StartTLS})
	b.cfg.Security = sandbox.Plain // of the client
	if err := b.send(letter("1@example.com", "Hello", ""), "dev@example.com"); status(err) != 530 {
		t.Errorf("STARTTLS: %v", err)
	}
	b = newMailbox(t, sandbox.Config{Security: sandbox.TLS})
	b.cfg.Security = sandbox.StartTLS
	conn, err := net.Dial("tcp", b.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write([]byte("EHLO client.example\r\n")); err != nil {
		t.Fatal(err)
	}
	if got := heard(t, conn); strings.Contains(got, "220") {
		t.Errorf("it greets in the clear: %q", got)
	}
}

func TestTheCertificateIsForTheHostsThatAreNamedAlone(t *testing.T) {
	for name, c := range map[string]struct {
		hosts []string
		known bool
		good  bool
	}{
		"the right host":       {nil, true, true},
		"another host":         {[]string{"mail.example"}, true, false},
		"an unknown authority": {nil, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := newMailbox(t, sandbox.Config{Security: sandbox.TLS, Hosts: c.hosts})
			config := b.trust()
			if !c.known {
				config.RootCAs = x509.NewCertPool()
			}
			conn, err := tls.Dial("tcp", b.Addr(), config)
			if (err == nil) != c.good {
				t.Errorf("dialling: %v", err)
			}
			if err == nil {
				_ = conn.Close()
			}
		})
	}
}

// status is the code a client was told; 0 when it was told nothing.
func status(err error) int {
	var code int
	if err == nil {
		return 250
	}
	if _, scanErr := fmt.Sscanf(err.Error(), "%d ", &code); scanErr != nil {
		return 0
	}
	return code
}

// heard is what a connection says until it is closed.
func heard(t *testing.T, conn net.Conn) string {
	t.Helper()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	buffer := make([]byte, 4096)
	for {
		n, err := conn.Read(buffer)
		all.Write(buffer[:n])
		if err != nil {
			return all.String()
		}
	}
}

func TestOnlyWhoKnowsThePasswordMaySend(t *testing.T) {
	b := newMailbox(t, sandbox.Config{Security: sandbox.StartTLS, Username: "bridge", Password: "s3cret"})
	for name, c := range map[string]struct {
		auth smtp.Auth
		want int
	}{
		"plain":                   {smtp.PlainAuth("", "bridge", "s3cret", "127.0.0.1"), 250},
		"login":                   {&login{"bridge", "s3cret"}, 250},
		"plain with another word": {smtp.PlainAuth("", "bridge", "secret", "127.0.0.1"), 535},
		"login with another name": {&login{"bridges", "s3cret"}, 535},
		"a kind it does not know": {smtp.CRAMMD5Auth("bridge", "s3cret"), 504},
		"none":                    {nil, 530},
	} {
		t.Run(name, func(t *testing.T) {
			client, err := b.connect()
			if err != nil {
				t.Fatal(err)
			}
			if c.auth != nil {
				err = client.Auth(c.auth)
			}
			if err == nil {
				err = client.Mail("bridge@example.com")
			}
			if status(err) != c.want {
				t.Errorf("told %v", err)
			}
		})
	}
}

// login is a client's side of LOGIN that waits to be asked for the name.
type login struct{ username, password string }

func (l *login) Start(*smtp.ServerInfo) (string, []byte, error) { return "LOGIN", nil, nil }

func (l *login) Next(asked []byte, more bool) ([]byte, error) {
	switch {
	case !more:
		return nil, nil
	case string(asked) == "Username:":
		return []byte(l.username), nil
	default:
		return []byte(l.password), nil
	}
}

func TestItListensOnLoopbackAlone(t *testing.T) {
	for _, addr := range []string{":0", "0.0.0.0:0", "192.0.2.1:0", "[::]:0"} {
		if s, err := sandbox.New(sandbox.Config{Addr: addr}); err == nil {
			t.Errorf("it listens at %s", s.Addr())
			_ = s.Close()
		}
	}
	open, err := net.Listen("tcp", ":0") //nolint:gosec // what must be refused
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sandbox.New(sandbox.Config{Listener: open}); err == nil {
		t.Error("it takes a listener others can reach")
	}
	if _, err := sandbox.New(sandbox.Config{Security: "tsl"}); err == nil {
		t.Error("it takes a security there is none of")
	}
	mine, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := newMailbox(t, sandbox.Config{Listener: mine})
	if b.Addr() != mine.Addr().String() {
		t.Errorf("it listens at %s", b.Addr())
	}
	b.must(letter("1@example.com", "Hello", ""), "dev@example.com")
}

func TestWhoWaitsForAMailHasItAsSoonAsItComes(t *testing.T) {
	b := newMailbox(t, sandbox.Config{})
	b.must(letter("1@example.com", "Pay", ""), "dev@example.com")
	got := make(chan sandbox.Mail)
	go func() {
		m, err := b.Await(within(t), sandbox.Filter{To: "DEV@example.com", Subject: "approved", Kind: "start"})
		if err != nil {
			t.Error(err)
		}
		got <- m
	}()
	b.must(letter("2@example.com", "Your key is approved", ""), "other@example.com")
	b.must(letter("3@example.com", "Your key is Approved", ""), "dev@example.com")
	if m := <-got; m.Number != 3 {
		t.Errorf("it was %+v", m)
	}
	ctx, cancel := context.WithCancel(within(t))
	cancel()
	if _, err := b.Await(ctx, sandbox.Filter{Since: 3}); !errors.Is(err, context.Canceled) {
		t.Errorf("given up with %v", err)
	}
}

func TestClosingEndsWhoeverWaitsAndEveryConnection(t *testing.T) {
	b := newMailbox(t, sandbox.Config{})
	b.fault(sandbox.Silence, sandbox.AtMail, 1)
	ended := make(chan error)
	go func() {
		_, err := b.Await(within(t), sandbox.Filter{})
		ended <- err
	}()
	go func() { ended <- b.send(letter("1@example.com", "Hello", ""), "dev@example.com") }()
	b.noted(sandbox.AtMail, 0)
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := <-ended; err == nil {
			t.Error("one of them was not told")
		}
	}
	if _, err := net.Dial("tcp", b.Addr()); err == nil {
		t.Error("it listens still")
	}
	if err := b.Close(); err != nil {
		t.Errorf("closing again: %v", err)
	}
}

func (b *mailbox) fault(kind sandbox.FaultKind, at sandbox.Stage, times int) {
	b.t.Helper()
	if _, err := b.Fault(sandbox.Fault{Kind: kind, At: at, Times: times}); err != nil {
		b.t.Fatal(err)
	}
}

// noted waits until a call is noted.
func (b *mailbox) noted(at sandbox.Stage, status int) {
	b.t.Helper()
	if _, err := b.AwaitCall(within(b.t), func(c sandbox.Call) bool { return c.At == at && c.Status == status }); err != nil {
		b.t.Fatalf("%s %d: %v", at, status, err)
	}
}
