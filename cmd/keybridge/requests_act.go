package main

import (
	"net/url"

	"keybridge/bridge/web"
)

// say sends an operator's word about a request, and tells what became of it.
func (f resultFlags) say(c *console, id, act string, o web.RequestOrder, done string) error {
	var r web.RequestView
	if err := f.call(c, "POST", "/v1/requests/"+url.PathEscape(id)+"/"+act, o, &r); err != nil {
		return err
	}
	return f.tell(c, r, line(c, done))
}

type requestsRetryCommand struct {
	resultFlags
	ID string `arg:"" help:"The request's id."`
}

// Run runs the command.
func (cmd *requestsRetryCommand) Run(c *console) error {
	return cmd.say(c, cmd.ID, "retry", web.RequestOrder{}, "The request is looked at again now.")
}

type requestsApproveCommand struct {
	resultFlags
	ID  string `arg:"" help:"The request's id."`
	Why string `help:"The reason, for the history."`
}

// Run runs the command.
func (cmd *requestsApproveCommand) Run(c *console) error {
	return cmd.say(c, cmd.ID, "approve", web.RequestOrder{Why: cmd.Why}, "The review is done.")
}

type requestsDeclineCommand struct {
	resultFlags
	ID  string `arg:"" help:"The request's id."`
	Why string `help:"The reason. The developer reads it." required:""`
}

// Run runs the command.
func (cmd *requestsDeclineCommand) Run(c *console) error {
	return cmd.say(c, cmd.ID, "decline", web.RequestOrder{Why: cmd.Why}, "The request is declined; whatever was paid goes back.")
}

type requestsNoteCommand struct {
	resultFlags
	ID   string `arg:"" help:"The request's id."`
	Text string `arg:"" help:"The note. It is for the house alone."`
}

// Run runs the command.
func (cmd *requestsNoteCommand) Run(c *console) error {
	return cmd.say(c, cmd.ID, "note", web.RequestOrder{Text: cmd.Text}, "The note is kept.")
}

type requestsAskCommand struct {
	resultFlags
	ID   string `arg:"" help:"The request's id."`
	Text string `arg:"" help:"The question. The developer is mailed it, and answers on their page."`
}

// Run runs the command.
func (cmd *requestsAskCommand) Run(c *console) error {
	return cmd.say(c, cmd.ID, "ask", web.RequestOrder{Text: cmd.Text}, "The developer is asked.")
}

type requestsAssignCommand struct {
	resultFlags
	ID string `arg:"" help:"The request's id."`
	To string `arg:"" optional:"" help:"Who looks after it. Absent: nobody."`
}

// Run runs the command.
func (cmd *requestsAssignCommand) Run(c *console) error {
	done := "Nobody looks after the request now."
	if cmd.To != "" {
		done = cmd.To + " looks after the request now."
	}
	return cmd.say(c, cmd.ID, "assign", web.RequestOrder{To: cmd.To}, done)
}

type requestsWaiveCommand struct {
	resultFlags
	ID  string `arg:"" help:"The request's id."`
	Why string `help:"The reason. The developer reads it, and it stays in the history." required:""`
}

// Run runs the command.
func (cmd *requestsWaiveCommand) Run(c *console) error {
	return cmd.say(c, cmd.ID, "waive", web.RequestOrder{Why: cmd.Why}, "The developer is not asked to pay or validate any more.")
}

type requestsRefundCommand struct {
	resultFlags
	ID     string `arg:"" help:"The request's id."`
	Amount string `help:"How much, in the currency it was paid in, as 12.50. Absent: all that is left."`
	Why    string `help:"The reason, for the history." required:""`
}

// Run runs the command.
func (cmd *requestsRefundCommand) Run(c *console) error {
	return cmd.say(c, cmd.ID, "refund", web.RequestOrder{Why: cmd.Why, Amount: cmd.Amount}, "The refund is ordered.")
}

type requestsEndCommand struct {
	resultFlags
	ID  string `arg:"" help:"The request's id."`
	Why string `help:"The reason, for the history." required:""`
}

// Run runs the command.
func (cmd *requestsEndCommand) Run(c *console) error {
	return cmd.say(c, cmd.ID, "end", web.RequestOrder{Why: cmd.Why}, "The key is revoked and its subscription cancelled. What was paid stays.")
}
