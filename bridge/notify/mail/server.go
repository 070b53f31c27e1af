package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

// stage is how far a mail got: an answer means something else at each.
type stage string

const (
	connecting stage = "connecting"
	signingIn  stage = "signing in"
	naming     stage = "naming the sender"
	addressing stage = "naming the recipient"
	handing    stage = "handing over the mail"
)

// deliver hands a mail to the server, on a connection of its own.
func (n *Notifier) deliver(ctx context.Context, e envelope, mail []byte) error {
	ctx, cancel := context.WithTimeout(ctx, n.cfg.SendTimeout)
	defer cancel()
	select {
	case n.places <- struct{}{}:
		defer func() { <-n.places }()
	case <-ctx.Done():
		return refusal(ctx, connecting, ctx.Err())
	}
	v := &visit{n: n, envelope: e}
	defer v.leave()
	if at, err := v.mail(ctx, mail); err != nil {
		return refusal(ctx, at, err)
	}
	return nil
}

// visit is one connection to the server.
type visit struct {
	envelope
	n      *Notifier
	client *smtp.Client
	conn   net.Conn
	signed *signIn
	// unbind ends the connection's tie to its context.
	unbind func() bool
}

// mail is the conversation of RFC 5321, 3.3. It says how far it got.
func (v *visit) mail(ctx context.Context, mail []byte) (at stage, err error) {
	if at, err = v.arrive(ctx); err != nil {
		return at, err
	}
	// The deadline of the greeting is over with it: from here on the context counts.
	if err := v.client.UpdateDeadline(v.n.cfg.SendTimeout); err != nil {
		return connecting, err
	}
	if err := v.client.Mail("<" + v.sender + ">"); err != nil {
		return naming, err
	}
	if err := v.client.Rcpt("<" + v.to + ">"); err != nil {
		return addressing, err
	}
	body, err := v.client.Data()
	if err != nil {
		return handing, err
	}
	if _, err := body.Write(mail); err != nil {
		return handing, err
	}
	return handing, body.Close()
}

// arrive connects, greets, encrypts and signs in.
func (v *visit) arrive(ctx context.Context) (stage, error) {
	c := v.n.cfg
	options := []gomail.Option{
		gomail.WithPort(c.Port), gomail.WithTimeout(c.DialTimeout), gomail.WithHELO(c.HELO),
		gomail.WithTLSConfig(v.n.tls()), gomail.WithDialContextFunc(v.dialWithin(ctx)), gomail.WithTLSPolicy(gomail.TLSMandatory),
	}
	if !strings.ContainsFunc(v.sender+v.to, func(r rune) bool { return r > unicode.MaxASCII }) {
		// Else a mail to an ordinary address asks every server on its way for SMTPUTF8
		// (RFC 6531), and bounces from those without.
		options = append(options, gomail.WithoutSMTPUTF8())
	}
	switch c.TLS {
	case ImplicitTLS:
		options = append(options, gomail.WithSSL())
	case NoTLS:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	}
	if c.Username != "" {
		v.signed = &signIn{visit: v}
		options = append(options, gomail.WithSMTPAuthCustom(v.signed))
	}
	client, err := gomail.NewClient(c.Host, options...)
	if err != nil {
		return connecting, err
	}
	v.client, err = client.DialToSMTPClientWithContext(ctx)
	if v.signed != nil && v.signed.begun {
		return signingIn, err
	}
	return connecting, err
}

func (n *Notifier) tls() *tls.Config {
	return &tls.Config{ServerName: n.cfg.Host, RootCAs: n.cfg.RootCAs, MinVersion: tls.VersionTLS12}
}

// dialWithin connects, and ties the connection to a context: when that ends, whatever
// is waited for fails. (The library looks at its own context while it dials only, and
// leaves the connection open when the greeting fails.)
func (v *visit) dialWithin(whole context.Context) gomail.DialContextFunc {
	// The library's own address has no brackets around an IPv6 one.
	address := net.JoinHostPort(v.n.cfg.Host, strconv.Itoa(v.n.cfg.Port))
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		v.conn = conn
		v.unbind = context.AfterFunc(whole, func() { _ = conn.Close() })
		if v.n.cfg.TLS != ImplicitTLS {
			return conn, nil
		}
		encrypted := tls.Client(conn, v.n.tls())
		return encrypted, encrypted.HandshakeContext(ctx)
	}
}

// leave says goodbye where there was a greeting. How the server takes it changes
// nothing: what it took over, it took over.
func (v *visit) leave() {
	if v.client != nil {
		if v.client.UpdateDeadline(2*time.Second) == nil {
			_ = v.client.Quit()
		}
	}
	if v.conn != nil {
		v.unbind()
		_ = v.conn.Close()
	}
}

// local reports whether the other end is this machine.
func (v *visit) local() bool {
	addr, err := netip.ParseAddrPort(v.conn.RemoteAddr().String())
	return err == nil && addr.Addr().IsLoopback()
}

// The mechanisms, the best first. Those from PLAIN on show the password.
var mechanisms = []string{"SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN"}

var errNoSignIn = errors.New("the server offers no way to sign in that would not show the password")

// signIn signs in by the best mechanism that the server offers. (The library's own
// discovery prefers NTLM, which needs a domain, wherever an Exchange offers it.)
type signIn struct {
	visit *visit
	begun bool
	smtp.Auth
}

// Start chooses the mechanism and begins with it.
func (s *signIn) Start(server *smtp.ServerInfo) (string, []byte, error) {
	s.begun = true
	c := s.visit.n.cfg
	show := server.TLS || s.visit.local()
	for i, name := range mechanisms {
		if !slices.Contains(server.Auth, name) || i >= slices.Index(mechanisms, "PLAIN") && !show {
			continue
		}
		switch password := c.Password(); name {
		case "SCRAM-SHA-256":
			s.Auth = smtp.ScramSHA256Auth(c.Username, password)
		case "SCRAM-SHA-1":
			s.Auth = smtp.ScramSHA1Auth(c.Username, password)
		case "CRAM-MD5":
			s.Auth = smtp.CRAMMD5Auth(c.Username, password)
		case "PLAIN":
			s.Auth = smtp.PlainAuth("", c.Username, password, c.Host, show)
		case "LOGIN":
			s.Auth = smtp.LoginAuth(c.Username, password, c.Host, show)
		}
		return s.Auth.Start(server)
	}
	return "", nil, errNoSignIn
}
