package mail_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"keybridge/bridge"
	"keybridge/bridge/notify/mail"
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

func TestARepetitionIsTheSameMailByteForByte(t *testing.T) {
	p := open(t, sandbox.Config{Security: sandbox.StartTLS})
	before, after := p.notifier(), p.notifier() // a restart
	for _, kind := range bridge.MessageKinds {
		for _, n := range []*mail.Notifier{before, after} {
			if err := n.Send(t.Context(), message(kind)); err != nil {
				t.Fatal(err)
			}
		}
	}
	mails := p.Mails(sandbox.Filter{})
	if len(mails) != 2*len(bridge.MessageKinds) {
		t.Fatalf("%d mails came", len(mails))
	}
	for i := 0; i < len(mails); i += 2 {
		if first, second := mails[i], mails[i+1]; second.First != first.Number || !bytes.Equal(first.Raw, second.Raw) {
			t.Errorf("the repetition differs:\n%s\n%s", first.Raw, second.Raw)
		}
	}
}

func TestWhatTheServerDoesWrongIsOfTheRightKind(t *testing.T) {
	for name, test := range map[string]struct {
		fault sandbox.Fault
		kind  bridge.Kind
		says  string
	}{
		"busy at the greeting":        {sandbox.Fault{Kind: sandbox.Refuse, At: sandbox.AtGreeting}, bridge.Unavailable, "takes no mail"},
		"gone at the greeting":        {sandbox.Fault{Kind: sandbox.Cut, At: sandbox.AtGreeting}, bridge.Unavailable, "cannot be reached"},
		"no service for us":           {sandbox.Fault{Kind: sandbox.Refuse, At: sandbox.AtGreeting, Status: 554}, bridge.Refused, "does not let"},
		"a wrong password":            {sandbox.Fault{Kind: sandbox.Refuse, At: sandbox.AtAuth}, bridge.Refused, "user name and password"},
		"its directory is down":       {sandbox.Fault{Kind: sandbox.Refuse, At: sandbox.AtAuth, Status: 454}, bridge.Unavailable, "takes no mail"},
		"gone while signing in":       {sandbox.Fault{Kind: sandbox.Cut, At: sandbox.AtAuth}, bridge.Unavailable, "cannot be reached"},
		"our sender is refused":       {sandbox.Fault{Kind: sandbox.Refuse, At: sandbox.AtSender}, bridge.Refused, "does not let"},
		"our sender, later":           {sandbox.Fault{Kind: sandbox.Refuse, At: sandbox.AtSender, Status: 451}, bridge.Unavailable, "takes no mail"},
		"nobody of that address":      {sandbox.Fault{Kind: sandbox.Refuse, At: sandbox.AtRecipient}, bridge.Invalid, "applicant's address"},
		"the mailbox is busy":         {sandbox.Fault{Kind: sandbox.Refuse, At: sandbox.AtRecipient, Status: 450}, bridge.Unavailable, "takes no mail"},
		"signing in is asked for":     {sandbox.Fault{Kind: sandbox.Refuse, At: sandbox.AtRecipient, Status: 530}, bridge.Refused, "does not let"},
		"gone at the recipient":       {sandbox.Fault{Kind: sandbox.Cut, At: sandbox.AtRecipient}, bridge.Unavailable, "cannot be reached"},
		"policy refuses the mail":     {sandbox.Fault{Kind: sandbox.Refuse, At: sandbox.AtMail}, bridge.Refused, "does not let"},
		"the mail is lost":            {sandbox.Fault{Kind: sandbox.Cut, At: sandbox.AtMail}, bridge.Unavailable, "cannot be reached"},
		"kept, and nobody knows":      {sandbox.Fault{Kind: sandbox.Cut, At: sandbox.AtAnswer}, bridge.Unavailable, "cannot be reached"},
		"kept, and said to be broken": {sandbox.Fault{Kind: sandbox.Refuse, At: sandbox.AtAnswer}, bridge.Unavailable, "takes no mail"},
		"kept, and refused for good":  {sandbox.Fault{Kind: sandbox.Refuse, At: sandbox.AtAnswer, Status: 550}, bridge.Invalid, "this mail for good"},
	} {
		t.Run(name, func(t *testing.T) {
			p := open(t, sandbox.Config{Security: sandbox.StartTLS, Username: "bridge@example.com", Password: "secret"})
			if _, err := p.Fault(test.fault); err != nil {
				t.Fatal(err)
			}
			n := p.notifier()
			err := n.Send(t.Context(), message(bridge.TellStart))
			if bridge.KindOf(err) != test.kind || !strings.Contains(bridge.Explain(err), test.says) {
				t.Errorf("%v: kind %q, want %q and %q", err, bridge.KindOf(err), test.kind, test.says)
			}
			discreet(t, err)
			p.ClearFaults()
			if err := n.Send(t.Context(), message(bridge.TellStart)); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

// discreet checks that an error names nobody.
func discreet(t *testing.T, err error) {
	t.Helper()
	for _, private := range []string{"@", "ada", "lovelace", "analytical", "secret", "token"} {
		if err != nil && strings.Contains(strings.ToLower(err.Error()), private) {
			t.Errorf("the error has %q in it: %v", private, err)
		}
	}
}

func TestASilentServerIsLeftInTime(t *testing.T) {
	for _, at := range sandbox.Stages {
		t.Run(string(at), func(t *testing.T) {
			t.Parallel()
			p := open(t, sandbox.Config{Security: sandbox.TLS, Username: "bridge", Password: "secret"})
			if _, err := p.Fault(sandbox.Fault{Kind: sandbox.Silence, At: at}); err != nil {
				t.Fatal(err)
			}
			n := p.notifier(func(c *mail.Config) { c.SendTimeout = 700 * time.Millisecond })
			begun := time.Now()
			err := n.Send(t.Context(), message(bridge.TellStart))
			if bridge.KindOf(err) != bridge.Unavailable || !strings.Contains(bridge.Explain(err), "in time") {
				t.Errorf("%v: kind %q", err, bridge.KindOf(err))
			}
			if took := time.Since(begun); took > patience {
				t.Errorf("it took %s", took)
			}
			discreet(t, err)
		})
	}
}

func TestTheGreetingHasATimeOfItsOwn(t *testing.T) {
	p := open(t, sandbox.Config{})
	if _, err := p.Fault(sandbox.Fault{Kind: sandbox.Silence, At: sandbox.AtGreeting}); err != nil {
		t.Fatal(err)
	}
	n := p.notifier(func(c *mail.Config) { c.DialTimeout, c.SendTimeout = 300*time.Millisecond, time.Hour })
	if err := n.Send(t.Context(), message(bridge.TellStart)); bridge.KindOf(err) != bridge.Unavailable {
		t.Errorf("%v", err)
	}
}

func TestASendEndsWithItsContext(t *testing.T) {
	p := open(t, sandbox.Config{})
	if _, err := p.Fault(sandbox.Fault{Kind: sandbox.Silence, At: sandbox.AtRecipient}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	sent := make(chan error, 1)
	go func() { sent <- p.notifier().Send(ctx, message(bridge.TellStart)) }()
	awaitCall(t, p, sandbox.AtRecipient)
	cancel()
	select {
	case err := <-sent:
		if bridge.KindOf(err) != bridge.Unavailable {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Fatal("it goes on")
	}
}

func awaitCall(t *testing.T, p *postOffice, at sandbox.Stage) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := p.AwaitCall(ctx, func(c sandbox.Call) bool { return c.At == at }); err != nil {
		t.Fatal(err)
	}
}

func TestNoMoreConnectionsThanAllowedAreOpen(t *testing.T) {
	p := open(t, sandbox.Config{})
	if _, err := p.Fault(sandbox.Fault{Kind: sandbox.Silence, At: sandbox.AtRecipient}); err != nil {
		t.Fatal(err)
	}
	n := p.notifier(func(c *mail.Config) { c.Connections = 1 })
	ctx, cancel := context.WithCancel(t.Context())
	sent := make(chan error, 1)
	go func() { sent <- n.Send(ctx, message(bridge.TellStart)) }()
	awaitCall(t, p, sandbox.AtRecipient)
	soon, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer stop()
	if err := n.Send(soon, message(bridge.TellReminder)); bridge.KindOf(err) != bridge.Unavailable {
		t.Errorf("the second: %v", err)
	}
	for _, call := range p.Calls() {
		if call.Visit != p.Calls()[0].Visit {
			t.Errorf("a second connection was made: %+v", call)
		}
	}
	cancel()
	if err := <-sent; err == nil {
		t.Error("the first was sent")
	}
	p.ClearFaults()
	if err := n.Send(t.Context(), message(bridge.TellReminder)); err != nil {
		t.Errorf("once there is room: %v", err)
	}
}

func TestANewPasswordIsUsedAtOnce(t *testing.T) {
	p := open(t, sandbox.Config{Security: sandbox.TLS, Username: "bridge", Password: "new-secret"})
	password := "old-secret"
	n := p.notifier(func(c *mail.Config) { c.Password = func() string { return password } })
	err := n.Send(t.Context(), message(bridge.TellStart))
	if bridge.KindOf(err) != bridge.Refused {
		t.Fatalf("with the old one: %v", err)
	}
	discreet(t, err)
	password = "new-secret"
	if err := n.Send(t.Context(), message(bridge.TellStart)); err != nil {
		t.Errorf("with the new one: %v", err)
	}
}

func TestAServerThatCannotBeTrustedGetsNothing(t *testing.T) {
	for name, test := range map[string]struct {
		server sandbox.Security
		change func(*mail.Config)
		says   string
	}{
		"starttls, unknown authority": {sandbox.StartTLS, func(c *mail.Config) { c.RootCAs = x509.NewCertPool() }, "certificate"},
		"tls, unknown authority":      {sandbox.TLS, func(c *mail.Config) { c.RootCAs = x509.NewCertPool() }, "certificate"},
		"no starttls is offered":      {sandbox.Plain, func(c *mail.Config) { c.TLS = mail.StartTLS }, "does not encrypt"},
	} {
		t.Run(name, func(t *testing.T) {
			p := open(t, sandbox.Config{Security: test.server, Username: "bridge", Password: "secret"})
			err := p.notifier(test.change).Send(t.Context(), message(bridge.TellStart))
			if bridge.KindOf(err) != bridge.Refused || !strings.Contains(bridge.Explain(err), test.says) {
				t.Errorf("%v: kind %q", err, bridge.KindOf(err))
			}
			for _, call := range p.Calls() {
				if call.At != sandbox.AtGreeting {
					t.Errorf("it went as far as %s", call.At)
				}
			}
		})
	}
}

func TestAServerThatIsNotThereIsUnavailable(t *testing.T) {
	p := open(t, sandbox.Config{})
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if err := p.notifier().Send(t.Context(), message(bridge.TellStart)); bridge.KindOf(err) != bridge.Unavailable {
		t.Error(err)
	}
}

func TestAPasswordIsNeverShownOnAnOpenLink(t *testing.T) {
	n := quiet(t, func(c *mail.Config) {
		c.Host, c.TLS, c.Username, c.Password = "mail.example.com", mail.StartTLS, "bridge", func() string { return "secret" }
	})
	const near, far = "127.0.0.1:25", "192.0.2.1:25"
	for _, test := range []struct {
		at      string
		tls     bool
		offered string
		want    string
	}{
		{far, true, "PLAIN LOGIN", "PLAIN"},
		{far, true, "LOGIN", "LOGIN"},
		{far, true, "NTLM LOGIN PLAIN CRAM-MD5", "CRAM-MD5"},
		{far, true, "PLAIN SCRAM-SHA-1 SCRAM-SHA-256 CRAM-MD5", "SCRAM-SHA-256"},
		{far, true, "PLAIN SCRAM-SHA-1", "SCRAM-SHA-1"},
		{far, false, "PLAIN LOGIN CRAM-MD5", "CRAM-MD5"},
		{far, false, "PLAIN LOGIN", ""},
		{near, false, "PLAIN LOGIN", "PLAIN"},
		{near, false, "LOGIN", "LOGIN"},
		{near, true, "NTLM XOAUTH2", ""},
		{near, true, "", ""},
	} {
		got, err := n.Mechanism(test.at, test.tls, strings.Fields(test.offered)...)
		if got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%s, TLS %t, offered %s: %q, %v", test.at, test.tls, test.offered, got, err)
		}
		if err != nil && !strings.Contains(err.Error(), "no way to sign in") {
			t.Errorf("%s, TLS %t, offered %s: %v", test.at, test.tls, test.offered, err)
		}
	}
}

func TestWhereNobodyCanSignInNothingIsSent(t *testing.T) {
	for _, offered := range []string{"250 hello", "250-hello\r\n250 AUTH XOAUTH2 NTLM"} {
		addr, _ := scripted(t, "220 hello", offered, "221 bye")
		cfg := config(t, addr)
		cfg.Username, cfg.Password = "bridge", func() string { return "secret" }
		n, err := mail.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		err = n.Send(t.Context(), message(bridge.TellStart))
		if bridge.KindOf(err) != bridge.Refused || !strings.Contains(bridge.Explain(err), "sign in") {
			t.Errorf("%s: %v", offered, err)
		}
	}
}

// scripted is a server that says what it is told to, for what no decent one says: the
// greeting, then one answer for each line it reads. What it read comes out of heard.
func scripted(t *testing.T, lines ...string) (addr string, heard <-chan string) {
	t.Helper()
	said := make(chan string, len(lines))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		in := bufio.NewReader(conn)
		for _, line := range lines {
			if _, err := fmt.Fprintf(conn, "%s\r\n", line); err != nil {
				return
			}
			command, err := in.ReadString('\n')
			if err != nil {
				return
			}
			said <- command
		}
	}()
	return listener.Addr().String(), said
}

func TestOnlyAnAddressThatNeedsItAsksForMoreThanASCII(t *testing.T) {
	for address, want := range map[string]string{
		"ada@example.com": "MAIL FROM:<keys@example.com>\r\n", "ada@münchen.de": "MAIL FROM:<keys@example.com>\r\n",
		"адa@example.com": "MAIL FROM:<keys@example.com> SMTPUTF8\r\n",
	} {
		addr, heard := scripted(t, "220 hello", "250-hello\r\n250 SMTPUTF8", "550 no", "221 bye")
		n, err := mail.New(config(t, addr))
		if err != nil {
			t.Fatal(err)
		}
		m := message(bridge.TellStart)
		m.Request.Applicant.Email = address
		if err := n.Send(t.Context(), m); bridge.KindOf(err) != bridge.Refused {
			t.Error(err)
		}
		if hello, got := <-heard, <-heard; hello != "EHLO bridge.example.com\r\n" || got != want {
			t.Errorf("to %s: %q, want %q", address, got, want)
		}
	}
}

func TestWhatAServerSaysNeverNamesAnybodyInAnError(t *testing.T) {
	for name, lines := range map[string][]string{
		"in the greeting":          {"554 ada@example.com is not welcome"},
		"in no answer at all":      {"ada@example.com"},
		"after a good beginning":   {"220 hello", "ada@example.com lovelace"},
		"at the sender":            {"220 hello", "250 hello", "550 5.1.0 ada@example.com may not"},
		"at the recipient":         {"220 hello", "250 hello", "250 ok", "550 5.1.1 <ada@example.com> (ADA) ada: Ada.Lovelace unknown in example.com"},
		"in several lines":         {"220 hello", "250 hello", "250 ok", "550-5.1.1 The account ada=40example.com\r\n550 5.1.1 https://help.example/?a=ada@example.com"},
		"quoting the link":         {"220 hello", "250 hello", "250 ok", "554 5.6.0 https://bridge.example.com/r/token is spam"},
		"with a code that is none": {"220 hello", "250 hello", "999 ada@example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			addr, _ := scripted(t, lines...)
			n, err := mail.New(config(t, addr))
			if err != nil {
				t.Fatal(err)
			}
			err = n.Send(t.Context(), message(bridge.TellStart))
			if err == nil {
				t.Fatal("it was sent")
			}
			discreet(t, err)
			discreet(t, errors.Unwrap(err))
		})
	}
}

func TestWhoHasNoAddressIsNotWrittenTo(t *testing.T) {
	p := open(t, sandbox.Config{})
	n := p.notifier()
	for _, address := range []string{
		"", "ada", "ada@", "@example.com", "ada@example", "Ada <ada@example.com>", "ada@example.com, eve@example.com",
		"ada@example.com\r\nBcc: eve@example.com", "ada@example.com>\r\nRCPT TO:<eve@example.com", `"ada eve"@example.com`,
		"ada@exam ple.com", "ada@example.com\x00", "ada@[127.0.0.1]", strings.Repeat("a", 65) + "@example.com",
		"ada@" + strings.Repeat("a.", 130) + "com", "ada@-example.com", "a..da@example.com", "ada\u202e@example.com",
	} {
		m := message(bridge.TellStart)
		m.Request.Applicant.Email = address
		if err := n.Send(t.Context(), m); bridge.KindOf(err) != bridge.Invalid {
			t.Errorf("%q: %v", address, err)
		}
	}
	if mails := p.Mails(sandbox.Filter{}); len(mails) > 0 {
		t.Errorf("%d mails came", len(mails))
	}
}

func TestAddressesOfEveryCountryAreWrittenTo(t *testing.T) {
	p := open(t, sandbox.Config{})
	n := p.notifier()
	for typed, sent := range map[string]string{
		"\tada@example.com\n":     "ada@example.com",
		"ada+keys@münchen.de":     "ada+keys@xn--mnchen-3ya.de",
		"o'neill@EXAMPLE.com":     "o'neill@example.com",
		"адa@пример.рф":           "адa@xn--e1afmkfd.xn--p1ai",
		"ada_l%x@mail.example.co": "ada_l%x@mail.example.co",
	} {
		m := message(bridge.TellStart)
		m.Request.Applicant.Email = typed
		if err := n.Send(t.Context(), m); err != nil {
			t.Errorf("%q: %v", typed, err)
			continue
		}
		if got := p.await(sent); got.Problem != "" {
			t.Errorf("%q: %s", typed, got.Problem)
		}
	}
}

func TestWhoWritesIsWhomToAnswerUnlessSaidOtherwise(t *testing.T) {
	for replyTo, want := range map[string]string{
		"":                        `"Weather keys" <keys@example.com> |  | example.com`,
		"Help <help@example.org>": `"Weather keys" <keys@example.com> | "Help" <help@example.org> | example.com`,
	} {
		p := open(t, sandbox.Config{})
		n := p.notifier(func(c *mail.Config) { c.ReplyTo = replyTo })
		if err := n.Send(t.Context(), message(bridge.TellStart)); err != nil {
			t.Fatal(err)
		}
		got := p.Mails(sandbox.Filter{})[0]
		_, domain, _ := strings.Cut(got.MessageID, "@")
		is := strings.Join([]string{got.Header.Get("From"), got.Header.Get("Reply-To"), domain}, " | ")
		if is != want || got.From != "keys@example.com" {
			t.Errorf("%s, envelope from %s; want %s", is, got.From, want)
		}
	}
}

// A connection for each mail is fine as long as this is little beside what a decision
// takes. With a signed-in TLS session on loopback it is about 2 ms.
func BenchmarkSend(b *testing.B) {
	s, err := sandbox.New(sandbox.Config{Security: sandbox.StartTLS, Username: "bridge", Password: "secret"})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	host, port, _ := net.SplitHostPort(s.Addr())
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.CA())
	var number int
	_, _ = fmt.Sscan(port, &number)
	n, err := mail.New(mail.Config{
		Host: host, Port: number, RootCAs: roots, From: "keys@example.com", Username: "bridge", Password: func() string { return "secret" },
	})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := n.Send(b.Context(), message(bridge.TellStart)); err != nil {
			b.Fatal(err)
		}
	}
}
