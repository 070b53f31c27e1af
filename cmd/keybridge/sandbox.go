package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	stripesandbox "keybridge/billing/stripe/sandbox"
	mailsandbox "keybridge/bridge/notify/mail/sandbox"
	tyksandbox "keybridge/bridge/tyk/sandbox"

	"keybridge/webhooks"
)

// sandboxes are the far ends to try things with: a portal of each kind, a Stripe and a
// mail server, each on a listener of its own.
type sandboxes struct {
	Portal     *tyksandbox.Server
	Enterprise *tyksandbox.Enterprise
	Stripe     *stripesandbox.Server
	Mail       *mailsandbox.Server

	PortalURL     string
	EnterpriseURL string
	StripeURL     string
	MailboxURL    string
	servers       []*http.Server
}

// sandboxAddrs say where the sandboxes listen. An empty one, or port 0, is a free port.
type sandboxAddrs struct {
	Portal, Enterprise, Stripe, Mailbox, SMTP string
}

// startSandboxes starts all of them.
func startSandboxes(at sandboxAddrs) (*sandboxes, error) {
	s := &sandboxes{}
	if err := s.start(at); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

func (s *sandboxes) start(at sandboxAddrs) error {
	var err error
	if s.Mail, err = mailsandbox.New(mailsandbox.Config{
		Addr: at.SMTP, Security: mailsandbox.StartTLS, Username: mailUser, Password: mailPassword,
	}); err != nil {
		return fmt.Errorf("listen for mail: %w", err)
	}
	if err := s.serve(at.Mailbox, "the mailbox", &s.MailboxURL, func() (http.Handler, error) {
		return s.Mail.Handler(), nil
	}); err != nil {
		return err
	}
	if err := s.serve(at.Portal, "the Classic Portal", &s.PortalURL, func() (http.Handler, error) {
		s.Portal, err = tyksandbox.New(tyksandbox.Config{URL: s.PortalURL})
		return s.Portal, err
	}); err != nil {
		return err
	}
	if err := s.serve(at.Enterprise, "the Enterprise Portal", &s.EnterpriseURL, func() (http.Handler, error) {
		s.Enterprise, err = tyksandbox.NewEnterprise(tyksandbox.EnterpriseConfig{
			URL: s.EnterpriseURL, Now: func() time.Time { return time.Now().UTC() }, // keybridge takes its dates to be in UTC unless told otherwise
		})
		return s.Enterprise, err
	}); err != nil {
		return err
	}
	return s.serve(at.Stripe, "Stripe", &s.StripeURL, func() (http.Handler, error) {
		s.Stripe = stripesandbox.New(stripesandbox.Config{URL: s.StripeURL})
		return s.Stripe, nil
	})
}

// The credentials of the sandbox's mail server. There is nothing behind them.
const (
	mailUser     = "keybridge"
	mailPassword = "sandbox-mail" //nolint:gosec // see above
)

// serve listens, says where, and serves what is made for that address.
func (s *sandboxes) serve(addr, what string, at *string, build func() (http.Handler, error)) error {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("listen for %s: %w", what, err)
	}
	*at = "http://" + l.Addr().String()
	h, err := build()
	if err != nil {
		return errors.Join(err, l.Close())
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	s.servers = append(s.servers, server)
	go func() { _ = server.Serve(l) }() // ends with Stop
	return nil
}

// connection is how the sandboxes are told of a bridge.
type connection struct {
	Bridge string // its address
	// Portal and PortalSecret are the Classic Portal's name in the bridge's configuration
	// and the secret in the address of its webhook; the other two are the Enterprise
	// Portal's and the secret in its webhook's header.
	Portal, PortalSecret         string
	Enterprise, EnterpriseSecret string
	StripeSecret                 string
	// StripeEvents are the events that Stripe sends. None: all there are.
	StripeEvents []string
}

// Connect makes the sandboxes call a bridge: the Classic Portal sends browsers and
// webhooks there, the Enterprise Portal webhooks, Stripe its events.
func (s *sandboxes) Connect(c connection) error {
	settings := s.Portal.Settings()
	settings.RedirectOnKeyRequest = true
	settings.RedirectTo = c.Bridge + "/handoff/" + c.Portal
	settings.Webhook = c.Bridge + "/webhooks/portal/" + c.Portal + "?secret=" + c.PortalSecret
	s.Stripe.AddEndpoint(stripesandbox.Endpoint{URL: c.Bridge + "/webhooks/stripe", Secret: c.StripeSecret, Events: c.StripeEvents})
	_, err := s.Enterprise.AddChannel(tyksandbox.Channel{
		Name: "keybridge", URL: c.Bridge + "/webhooks/portal/" + c.Enterprise,
		Headers: []tyksandbox.ChannelHeader{{Name: webhookHeader, Value: c.EnterpriseSecret}},
	})
	return errors.Join(err, s.Portal.SetSettings(settings))
}

// webhookHeader is the header that carries the secret of the Enterprise Portal's
// webhook where the configuration names no other.
const webhookHeader = "X-Keybridge-Secret"

// Stop stops all of them at once.
func (s *sandboxes) Stop() {
	for _, server := range s.servers {
		_ = server.Close() // nothing here is worth waiting for
	}
	if s.Stripe != nil {
		s.Stripe.Close()
	}
	if s.Portal != nil {
		_ = s.Portal.Close() // likewise
	}
	if s.Enterprise != nil {
		_ = s.Enterprise.Close() // likewise
	}
	if s.Mail != nil {
		_ = s.Mail.Close() // likewise
	}
}

// sandboxCommand runs the sandboxes alone, for a bridge that runs elsewhere.
type sandboxCommand struct {
	PortalAddr       string `help:"Where the Classic Portal answers." default:"127.0.0.1:8081"`
	StripeAddr       string `help:"Where Stripe answers." default:"127.0.0.1:8082"`
	EnterpriseAddr   string `help:"Where the Enterprise Portal answers." default:"127.0.0.1:8083"`
	MailboxAddr      string `help:"Where the mailbox is read." default:"127.0.0.1:8084"`
	SMTPAddr         string `help:"Where mail is taken." default:"127.0.0.1:2525" name:"smtp-addr"`
	Bridge           string `help:"The address of the bridge to send browsers and events to." default:"http://127.0.0.1:8080"`
	PortalName       string `help:"The name the Classic Portal has in the bridge's configuration." default:"main"`
	WebhookSecret    string `help:"The secret in the address of its webhook." default:"sandbox-portal-webhook"`
	EnterpriseName   string `help:"The name the Enterprise Portal has in the bridge's configuration." default:"partners"`
	EnterpriseSecret string `help:"The secret in the header of its webhook." default:"sandbox-partners-webhook"`
	StripeSecret     string `help:"The signing secret of Stripe's webhook endpoint." default:"whsec_sandbox_0123456789abcdef"`
	jsonFlag
}

// sandboxPlace is where the sandboxes are; the JSON of sandbox --json. There is nothing
// behind its secrets.
type sandboxPlace struct {
	Portal           string `json:"portal"`
	DashboardSecret  string `json:"dashboard_secret"`
	Organisation     string `json:"organisation"`
	Enterprise       string `json:"enterprise"`
	EnterpriseSecret string `json:"enterprise_secret"`
	Stripe           string `json:"stripe"`
	StripeKey        string `json:"stripe_key"`
	Mailbox          string `json:"mailbox"`
	SMTP             string `json:"smtp"`
	SMTPUser         string `json:"smtp_user"`
	SMTPPassword     string `json:"smtp_password"`
}

// Run runs the command.
func (cmd *sandboxCommand) Run(c *console) error {
	s, err := startSandboxes(sandboxAddrs{
		Portal: cmd.PortalAddr, Enterprise: cmd.EnterpriseAddr, Stripe: cmd.StripeAddr, Mailbox: cmd.MailboxAddr, SMTP: cmd.SMTPAddr,
	})
	if err != nil {
		return err
	}
	defer s.Stop()
	if err := s.Connect(connection{
		Bridge: cmd.Bridge, Portal: cmd.PortalName, PortalSecret: cmd.WebhookSecret,
		Enterprise: cmd.EnterpriseName, EnterpriseSecret: cmd.EnterpriseSecret, StripeSecret: cmd.StripeSecret,
		StripeEvents: webhooks.StripeEvents(),
	}); err != nil {
		return err
	}
	if err := cmd.tell(c, sandboxPlace{
		Portal: s.PortalURL, DashboardSecret: s.Portal.Secret(), Organisation: s.Portal.Org(),
		Enterprise: s.EnterpriseURL, EnterpriseSecret: s.Enterprise.Secret(), Stripe: s.StripeURL, StripeKey: s.Stripe.Key(),
		Mailbox: s.MailboxURL, SMTP: s.Mail.Addr(), SMTPUser: mailUser, SMTPPassword: mailPassword,
	}, func() error { return s.say(c, cmd.Bridge) }); err != nil {
		return err
	}
	<-c.ctx.Done()
	return nil
}

// say tells people where everything is.
func (s *sandboxes) say(c *console, bridge string) error {
	_, err := fmt.Fprintf(c.out, `Classic Portal     %[1]s/portal/    sign in as %[2]s, password %[3]s
      Dashboard    %[1]s/admin/     its API: %[1]s/api/, authorization: %[4]s
                   organisation %[5]s
Enterprise Portal  %[6]s/portal/    sign in as %[7]s, password %[8]s
      its admin    %[6]s/admin/     its API: %[6]s/portal-api, authorization: %[9]s
Stripe             %[10]s/           its API key: %[11]s
Mail               %[12]s/           SMTP at %[13]s with STARTTLS, user %[14]s, password %[15]s
                   its CA: %[12]s/sandbox/ca.pem
All send browsers and events to %[16]s. Stop with Ctrl-C.
`, s.PortalURL, tyksandbox.DemoEmail, tyksandbox.DemoPassword, s.Portal.Secret(), s.Portal.Org(),
		s.EnterpriseURL, tyksandbox.EnterpriseEmail, tyksandbox.EnterprisePassword, s.Enterprise.Secret(),
		s.StripeURL, s.Stripe.Key(), s.MailboxURL, s.Mail.Addr(), mailUser, mailPassword, bridge)
	return err
}
