package main

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"keybridge/bridge"
	"keybridge/bridge/web"
)

// requestsCommand is about requests.
type requestsCommand struct {
	List    requestsListCommand    `cmd:"" help:"List requests, newest first."`
	Show    requestsShowCommand    `cmd:"" help:"Show one request: what is, what should be, and its history."`
	Create  requestsCreateCommand  `cmd:"" help:"Make a key request for a developer, after an offline sale, say."`
	Retry   requestsRetryCommand   `cmd:"" help:"Look at a request again now."`
	Approve requestsApproveCommand `cmd:"" help:"Say yes to a request that waits for a review."`
	Decline requestsDeclineCommand `cmd:"" help:"Decline a request that is open."`
	Note    requestsNoteCommand    `cmd:"" help:"Write a note about a request."`
	Ask     requestsAskCommand     `cmd:"" help:"Ask the developer a question."`
	Assign  requestsAssignCommand  `cmd:"" help:"Say who looks after a request."`
	Waive   requestsWaiveCommand   `cmd:"" help:"Let a developer off paying or validating."`
	Refund  requestsRefundCommand  `cmd:"" help:"Give back what was paid, or a part of it."`
	End     requestsEndCommand     `cmd:"" help:"End a key's life now."`
}

type requestsListCommand struct {
	resultFlags
	State  string `help:"Only those in this state (received, reviewing, paying, active, needs attention, ...)."`
	Portal string `help:"Only those of this portal."`
	Limit  int    `help:"At most so many." default:"50"`
	After  string `help:"Go on after a list that was cut: what it printed last." placeholder:"CURSOR"`
}

// Run runs the command.
func (cmd *requestsListCommand) Run(c *console) error {
	if cmd.State != "" && !slices.Contains(bridge.States, bridge.State(cmd.State)) {
		return &exitError{exitUsage, fmt.Errorf("there is no state %q; the states are: %s", cmd.State, strings.ReplaceAll(listed(bridge.States), ",", ", "))}
	}
	q := url.Values{"state": {cmd.State}, "portal": {cmd.Portal}, "limit": {strconv.Itoa(cmd.Limit)}, "after": {cmd.After}}
	var page web.RequestPage
	if err := cmd.call(c, "GET", "/v1/requests?"+q.Encode(), nil, &page); err != nil {
		return err
	}
	return cmd.tell(c, page, func() error { return printRequests(c, page) })
}

// printRequests prints a list of requests, for people.
func printRequests(c *console, page web.RequestPage) error {
	if len(page.Requests) == 0 {
		fmt.Fprintln(c.out, "There are no such requests.")
		return nil
	}
	w := tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "REQUEST\tSTATE\tPORTAL\tPLAN\tPRICE\tAGE\tNEXT")
	for _, r := range page.Requests {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.ID, r.State, r.Portal, dash(printable(r.Plan)),
			dash(strings.Join(r.Price, " + ")), age(r.Created), dash(r.Next))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if page.Next != "" {
		fmt.Fprintf(c.out, "There are more: --after %s\n", page.Next)
	}
	return nil
}

type requestsShowCommand struct {
	resultFlags
	ID string `arg:"" help:"The request's id."`
}

// Run runs the command.
func (cmd *requestsShowCommand) Run(c *console) error {
	var r web.RequestView
	if err := cmd.call(c, "GET", "/v1/requests/"+url.PathEscape(cmd.ID), nil, &r); err != nil {
		return err
	}
	return cmd.tell(c, r, func() error { return printRequest(c, r) })
}

type requestsCreateCommand struct {
	resultFlags
	Portal     string            `help:"The portal. Absent: the only one." placeholder:"NAME"`
	Developer  string            `help:"The developer's e-mail address, or id at the portal." required:""`
	Plan       string            `help:"The plan of the configuration that it is for."`
	Policy     []string          `help:"A policy, or a product of an Enterprise Portal, by its id; where the plan has several. May be repeated." placeholder:"ID"`
	PortalPlan string            `help:"The Enterprise Portal's own plan by its id; where the plan has several." placeholder:"ID"`
	App        string            `help:"The developer's app, where they have several."`
	Reason     map[string]string `help:"What the portal's form would have asked for. May be repeated." placeholder:"FIELD=TEXT"`
	Settled    string            `help:"Nothing is asked of the developer, because it was settled elsewhere: how. They read it, and it stays in the history." placeholder:"WHY"`
	By         string            `help:"Who makes it, for the history: a name, and no e-mail address." default:"${operator}"`
}

// Run runs the command.
func (cmd *requestsCreateCommand) Run(c *console) error {
	var r web.RequestView
	err := cmd.call(c, "POST", "/v1/requests", web.CreateOrder{
		Portal: cmd.Portal, Developer: cmd.Developer, Plan: cmd.Plan, Policies: cmd.Policy, PortalPlan: cmd.PortalPlan,
		App: cmd.App, Reasons: cmd.Reason, Waive: cmd.Settled, By: cmd.By,
	}, &r)
	if err != nil {
		return err
	}
	done := fmt.Sprintf("Request %s was made as key request %s of %s. See: keybridge requests show %s", r.ID, r.Key, r.Portal, r.ID)
	return cmd.tell(c, r, line(c, done))
}

// createOf makes key requests for the plans of a configuration.
func createOf(plans bridge.Plans, service *bridge.Service) func(context.Context, web.CreateOrder) (bridge.Request, error) {
	return func(ctx context.Context, o web.CreateOrder) (bridge.Request, error) {
		ask := bridge.Asking{Policies: o.Policies, Plan: o.PortalPlan}
		if o.Plan != "" {
			var err error
			if ask, err = plans.Asking(o.Portal, o.Plan, o.PortalPlan, o.Policies); err != nil {
				return bridge.Request{}, err
			}
		}
		ask.Developer, ask.App, ask.Reasons = o.Developer, o.App, o.Reasons
		return service.Desk(bridge.Person{Name: o.By, Role: operator.Role}).Create(ctx, o.Portal, ask, o.Waive)
	}
}

// printRequest prints all that is known of a request, for people.
func printRequest(c *console, r web.RequestView) error {
	w := tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%s\t%s\n", name, value)
		}
	}
	row("Request", string(r.ID))
	row("State", string(r.State))
	row("Portal", r.Portal+", key request "+r.Key)
	row("Applicant", printable(r.Applicant.Email))
	row("Plan", printable(r.Plan))
	row("Price", strings.Join(r.Price, " + "))
	row("Received", r.Created.Local().Format(time.DateTime))
	for _, s := range r.Steps {
		row("Step", fmt.Sprintf("%s: %s", s.Kind, s.State))
	}
	row("Verdict", strings.TrimRight(string(r.Verdict.Outcome)+", "+printable(r.Verdict.Mark.Why), ", "))
	row("Access", fmt.Sprintf("%s, wanted: %s", dash(r.Access.Have), r.Access.Want))
	row("Payment", fmt.Sprintf("%s, wanted: %s", dash(r.Payment.Have), r.Payment.Want))
	row("Collected", r.Collected)
	row("Returned", r.Returned)
	row("Next", r.Next)
	if !r.Due.IsZero() {
		row("Looked at again", r.Due.Local().Format(time.DateTime))
	}
	if r.Error != "" {
		row("Failed", fmt.Sprintf("%d times; %s: %s", r.Failures, r.Doing, printable(r.Error)))
	}
	for _, ref := range r.Refs {
		row("Ref", fmt.Sprintf("%s %s %s", ref.System, ref.Kind, ref.ID))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(c.out, "\nHistory")
	for _, e := range r.History {
		fmt.Fprintf(c.out, "  %s  %s\n", e.At.Local().Format(time.DateTime), printable(entryLine(e)))
	}
	return nil
}

// entryLine is one line of history in words.
func entryLine(e bridge.Entry) string {
	line := string(e.What)
	switch {
	case e.Before != "" && e.After != "":
		line += ": " + e.Before + " → " + e.After
	case e.After != "":
		line += ": " + e.After
	case e.Before != "":
		line += ": no longer " + e.Before
	}
	if e.Why != "" {
		line += " (" + e.Why + ")"
	}
	by := string(e.Actor.Kind)
	if e.Actor.Name != "" {
		by += " " + e.Actor.Name
	}
	return line + ", by " + by
}

// printable takes out what could move a terminal's cursor: plans and reasons are
// texts of others.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return ' '
		}
		return r
	}, text)
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// age is how long ago something was, to two digits or so.
func age(t time.Time) string {
	switch d := time.Since(t); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	default:
		return fmt.Sprintf("%dd", int(d.Hours()/24))
	}
}

// planSummary says in a line what a plan demands.
func planSummary(t bridge.Terms) string {
	if len(t.Steps) == 0 {
		return "approved at once"
	}
	var parts []string
	for _, s := range t.Steps {
		parts = append(parts, string(s))
	}
	text := strings.Join(parts, ", then ")
	for _, l := range t.Lines {
		if l.Amount.Currency != "" {
			text += ", " + web.FormatPrice(l)
		} else {
			text += ", the price " + l.Ref + l.Lookup
		}
	}
	return text
}
