package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	stripesandbox "keybridge/billing/stripe/sandbox"
	tyksandbox "keybridge/bridge/tyk/sandbox"
)

// sandboxes are a portal and a Stripe to try things with, each on a listener of its
// own.
type sandboxes struct {
	Portal    *tyksandbox.Server
	Stripe    *stripesandbox.Server
	PortalURL string
	StripeURL string
	servers   []*http.Server
}

// startSandboxes starts both. An address with port 0 gets a free one.
func startSandboxes(portalAddr, stripeAddr string) (*sandboxes, error) {
	var s sandboxes
	portal, err := net.Listen("tcp", portalAddr)
	if err != nil {
		return nil, fmt.Errorf("listen for the portal: %w", err)
	}
	stripe, err := net.Listen("tcp", stripeAddr)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen for Stripe: %w", err), portal.Close())
	}
	s.PortalURL = "http://" + portal.Addr().String()
	s.StripeURL = "http://" + stripe.Addr().String()
	if s.Portal, err = tyksandbox.New(tyksandbox.Config{URL: s.PortalURL}); err != nil {
		return nil, err
	}
	s.Stripe = stripesandbox.New(stripesandbox.Config{URL: s.StripeURL})
	s.serve(portal, s.Portal)
	s.serve(stripe, s.Stripe)
	return &s, nil
}

func (s *sandboxes) serve(l net.Listener, h http.Handler) {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	s.servers = append(s.servers, server)
	go func() { _ = server.Serve(l) }() // ends with Stop
}

// Connect makes the sandboxes call a bridge: the portal sends browsers and webhooks
// there, Stripe its events.
func (s *sandboxes) Connect(bridgeURL, portalName, webhookSecret, stripeSecret string) error {
	settings := s.Portal.Settings()
	settings.RedirectOnKeyRequest = true
	settings.RedirectTo = bridgeURL + "/handoff/" + portalName
	settings.Webhook = bridgeURL + "/webhooks/portal/" + portalName + "?secret=" + webhookSecret
	s.Stripe.AddEndpoint(stripesandbox.Endpoint{URL: bridgeURL + "/webhooks/stripe", Secret: stripeSecret})
	return s.Portal.SetSettings(settings)
}

// Stop stops both at once.
func (s *sandboxes) Stop() {
	for _, server := range s.servers {
		_ = server.Close() // nothing here is worth waiting for
	}
	s.Stripe.Close()
	_ = s.Portal.Close() // likewise
}

// sandboxCommand runs the sandboxes alone, for a bridge that runs elsewhere.
type sandboxCommand struct {
	PortalAddr    string `help:"Where the portal answers." default:"127.0.0.1:8081"`
	StripeAddr    string `help:"Where Stripe answers." default:"127.0.0.1:8082"`
	Bridge        string `help:"The address of the bridge to send browsers and events to." default:"http://127.0.0.1:8080"`
	PortalName    string `help:"The name the portal has in the bridge's configuration." default:"main"`
	WebhookSecret string `help:"The secret in the address of the portal's webhook." default:"sandbox-portal-webhook"`
	StripeSecret  string `help:"The signing secret of Stripe's webhook endpoint." default:"whsec_sandbox_0123456789abcdef"`
}

// Run runs the command.
func (cmd *sandboxCommand) Run(c *console) error {
	s, err := startSandboxes(cmd.PortalAddr, cmd.StripeAddr)
	if err != nil {
		return err
	}
	defer s.Stop()
	if err := s.Connect(cmd.Bridge, cmd.PortalName, cmd.WebhookSecret, cmd.StripeSecret); err != nil {
		return err
	}
	fmt.Fprintf(c.out, `Portal      %[1]s/portal/      sign in as %[3]s, password %[4]s
Dashboard   %[1]s/admin/       its API: %[1]s/api/, authorization: %[5]s
            organisation %[6]s
Stripe      %[2]s/             its API key: %[7]s
Both send browsers and events to %[8]s. Stop with Ctrl-C.
`, s.PortalURL, s.StripeURL, tyksandbox.DemoEmail, tyksandbox.DemoPassword, s.Portal.Secret(), s.Portal.Org(),
		s.Stripe.Key(), cmd.Bridge)
	<-c.ctx.Done()
	return nil
}
