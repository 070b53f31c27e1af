package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"text/tabwriter"
	"time"

	"keybridge/bridge"
	"keybridge/bridge/notify/outgoing"
	"keybridge/bridge/web"
)

// senderOf makes what sends outgoing webhooks; nil where none are configured.
func senderOf(cfg *config, log *slog.Logger, store outgoing.Store, metrics *web.Metrics) (*outgoing.Sender, error) {
	if len(cfg.Outgoing) == 0 {
		return nil, nil
	}
	out := outgoing.Config{
		Store: store, Log: log,
		Observe: func(a outgoing.Attempt) { metrics.Outgoing(a.Endpoint, string(a.Outcome)) },
	}
	for _, o := range cfg.Outgoing {
		out.Endpoints = append(out.Endpoints, outgoing.Endpoint{
			Name: o.Name, URL: o.URL.String(), AllowHTTP: o.AllowHTTP, Secrets: reveal(o.Secrets), Types: o.Events,
			Personal: o.Personal, Timeout: o.Timeout, GiveUp: o.GiveUp,
		})
	}
	return outgoing.New(out)
}

// outgoingDesk shows operators how the outgoing webhooks stand.
type outgoingDesk struct{ sender *outgoing.Sender }

// Endpoints returns how every endpoint stands.
func (d outgoingDesk) Endpoints(ctx context.Context) ([]web.Endpoint, error) {
	return d.all(ctx), nil
}

func (d outgoingDesk) all(ctx context.Context) (all []web.Endpoint) {
	for _, s := range d.sender.Endpoints(ctx) {
		all = append(all, endpointOf(s))
	}
	return all
}

func endpointOf(s outgoing.Standing) web.Endpoint {
	return web.Endpoint{
		Name: s.Name, Host: s.Host, Place: s.Place, Behind: s.Backlog, PausedSince: s.Paused, Why: s.Why,
		Failures: s.Failures, LastSuccess: s.Delivered, LastStatus: s.Status,
	}
}

// one returns how an endpoint stands.
func (d outgoingDesk) one(ctx context.Context, name string) (web.Endpoint, error) {
	for _, s := range d.sender.Endpoints(ctx) {
		if s.Name == name {
			return endpointOf(s), nil
		}
	}
	return web.Endpoint{}, &bridge.Error{Kind: bridge.NotFound, Msg: fmt.Sprintf("There is no endpoint %q in the configuration.", name)}
}

// Resume goes on with an endpoint.
func (d outgoingDesk) Resume(ctx context.Context, name string) (web.Endpoint, error) {
	if err := d.sender.Resume(ctx, name); err != nil {
		return web.Endpoint{}, err
	}
	return d.one(ctx, name)
}

// Replay sends an endpoint something again.
func (d outgoingDesk) Replay(ctx context.Context, name string, what web.Replay) (web.Endpoint, error) {
	if _, err := d.sender.Replay(ctx, name, outgoing.Selection{Since: what.Since, Request: what.Request}); err != nil {
		return web.Endpoint{}, err
	}
	return d.one(ctx, name)
}

// Skip passes over what an endpoint does not take.
func (d outgoingDesk) Skip(ctx context.Context, name string) (web.Endpoint, error) {
	if _, err := d.sender.Skip(ctx, name); err != nil {
		return web.Endpoint{}, err
	}
	return d.one(ctx, name)
}

// outgoingCommand is about outgoing webhooks.
type outgoingCommand struct {
	List   outgoingListCommand   `cmd:"" help:"Show how the receivers of outgoing webhooks stand."`
	Resume outgoingResumeCommand `cmd:"" help:"Go on with a receiver that was paused."`
	Skip   outgoingSkipCommand   `cmd:"" help:"Pass over the one message that a receiver does not take, and go on."`
	Replay outgoingReplayCommand `cmd:"" help:"Send a receiver again what it was sent before, under the same ids."`
	Types  outgoingTypesCommand  `cmd:"" help:"List the types of events that can be sent."`
}

type outgoingListCommand struct {
	resultFlags
}

// Run runs the command.
func (cmd *outgoingListCommand) Run(c *console) error {
	var list web.EndpointList
	if err := cmd.call(c, "GET", "/v1/outgoing", nil, &list); err != nil {
		return err
	}
	return cmd.tell(c, list, func() error { return printEndpoints(c, list.Endpoints...) })
}

type outgoingResumeCommand struct {
	resultFlags
	Name string `arg:"" help:"The receiver's name in the configuration."`
}

// Run runs the command.
func (cmd *outgoingResumeCommand) Run(c *console) error {
	return cmd.endpoint(c, cmd.Name, "resume", struct{}{})
}

type outgoingSkipCommand struct {
	resultFlags
	Name string `arg:"" help:"The receiver's name in the configuration."`
}

// Run runs the command.
func (cmd *outgoingSkipCommand) Run(c *console) error {
	return cmd.endpoint(c, cmd.Name, "skip", struct{}{})
}

type outgoingReplayCommand struct {
	resultFlags
	Name    string        `arg:"" help:"The receiver's name in the configuration."`
	Request string        `help:"All about one request." placeholder:"ID" xor:"what" required:""`
	Since   time.Time     `help:"All since a time, as 2026-01-02T15:04:05Z." xor:"what" required:""`
	For     time.Duration `help:"All of the last so long, as 36h." xor:"what" required:""`
}

// Run runs the command.
func (cmd *outgoingReplayCommand) Run(c *console) error {
	what := web.Replay{Since: cmd.Since, Request: bridge.ID(cmd.Request)}
	if cmd.For > 0 {
		what.Since = time.Now().Add(-cmd.For)
	}
	return cmd.endpoint(c, cmd.Name, "replay", what)
}

// endpoint sends an operator's word about a receiver and shows how that stands then.
func (f resultFlags) endpoint(c *console, name, what string, body any) error {
	var e web.Endpoint
	if err := f.call(c, "POST", "/v1/outgoing/"+url.PathEscape(name)+"/"+what, body, &e); err != nil {
		return err
	}
	return f.tell(c, e, func() error { return printEndpoints(c, e) })
}

func printEndpoints(c *console, all ...web.Endpoint) error {
	w := tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "RECEIVER\tHOST\tSTANDS\tWAITING\tLAST TAKEN\tWHY")
	for _, e := range all {
		stands := "well"
		switch {
		case !e.PausedSince.IsZero():
			stands = "paused for " + age(e.PausedSince)
		case e.Failures > 0:
			stands = fmt.Sprintf("failed %d times", e.Failures)
		}
		taken := "never"
		if !e.LastSuccess.IsZero() {
			taken = age(e.LastSuccess) + " ago"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\n", e.Name, e.Host, stands, e.Behind, taken, dash(printable(e.Why)))
	}
	return w.Flush()
}

type outgoingTypesCommand struct{ jsonFlag }

// Run runs the command.
func (cmd *outgoingTypesCommand) Run(c *console) error {
	return cmd.tell(c, outgoing.Types(), func() error {
		w := tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)
		for _, e := range outgoing.Types() {
			fmt.Fprintf(w, "%s\t%s\n", e.Type, e.Says)
		}
		return w.Flush()
	})
}
