package main

import (
	"context"
	"net/http"
	"time"

	"keybridge/bridge"
	"keybridge/bridge/web"
)

// deskOrder is what an operator says of a request. Each operation takes what it needs.
type deskOrder struct {
	Text   string `json:"text,omitempty"`
	To     string `json:"to,omitempty"`
	Amount string `json:"amount,omitempty"`
}

// deskActs are the operations on one request that go through its desk.
var deskActs = map[string]func(ctx context.Context, d bridge.Desk, r bridge.Request, o deskOrder) error{
	"note": func(ctx context.Context, d bridge.Desk, r bridge.Request, o deskOrder) error {
		return d.Note(ctx, r.ID, o.Text)
	},
	"ask": func(ctx context.Context, d bridge.Desk, r bridge.Request, o deskOrder) error {
		return d.Ask(ctx, r.ID, o.Text)
	},
	"assign": func(ctx context.Context, d bridge.Desk, r bridge.Request, o deskOrder) error {
		return d.Assign(ctx, r.ID, o.To)
	},
	"waive": func(ctx context.Context, d bridge.Desk, r bridge.Request, o deskOrder) error {
		return d.Waive(ctx, r.ID, o.Text)
	},
	"end": func(ctx context.Context, d bridge.Desk, r bridge.Request, o deskOrder) error {
		return d.End(ctx, r.ID, o.Text)
	},
	"refund": func(ctx context.Context, d bridge.Desk, r bridge.Request, o deskOrder) error {
		left := r.Payment.Collected
		left.Minor -= r.Payment.Returned.Minor
		amount := left
		if o.Amount != "" {
			var problem string
			if amount, problem = parseAmount(o.Amount, left.Currency); problem != "" {
				return &bridge.Error{Kind: bridge.Invalid, Msg: "The amount: " + problem + "."}
			}
		}
		return d.Refund(ctx, r.ID, amount, o.Text)
	},
}

// withDesk answers the commands about one request that go through its desk, and hands
// all others on.
//
//	POST /v1/requests/{id}/note, ask, assign, waive, refund, end    deskOrder
func withDesk(others http.Handler, service *bridge.Service) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", others)
	for name, act := range deskActs {
		mux.HandleFunc("POST /v1/requests/{id}/"+name, func(w http.ResponseWriter, r *http.Request) {
			var o deskOrder
			if !readOrder(w, r, &o) {
				return
			}
			desk := service.Desk(operator)
			q, err := desk.Get(r.Context(), bridge.ID(r.PathValue("id")))
			if err == nil {
				err = act(r.Context(), desk, q, o)
			}
			if err == nil {
				q, err = desk.Get(r.Context(), q.ID)
			}
			answer(w, web.NewRequestView(q, time.Now()), err)
		})
	}
	return mux
}

// order sends an operator's word through the desk.
func (f resultFlags) order(c *console, id, act string, o deskOrder, done string) error {
	return f.post(c, id, act, o, done)
}

type requestsNoteCommand struct {
	resultFlags
	ID   string `arg:"" help:"The request's id."`
	Text string `arg:"" help:"The note. It is for the house alone."`
}

// Run runs the command.
func (cmd *requestsNoteCommand) Run(c *console) error {
	return cmd.order(c, cmd.ID, "note", deskOrder{Text: cmd.Text}, "The note is kept.")
}

type requestsAskCommand struct {
	resultFlags
	ID   string `arg:"" help:"The request's id."`
	Text string `arg:"" help:"The question. The developer is mailed it, and answers on their page."`
}

// Run runs the command.
func (cmd *requestsAskCommand) Run(c *console) error {
	return cmd.order(c, cmd.ID, "ask", deskOrder{Text: cmd.Text}, "The developer is asked.")
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
	return cmd.order(c, cmd.ID, "assign", deskOrder{To: cmd.To}, done)
}

type requestsWaiveCommand struct {
	resultFlags
	ID  string `arg:"" help:"The request's id."`
	Why string `help:"The reason. The developer reads it, and it stays in the history." required:""`
}

// Run runs the command.
func (cmd *requestsWaiveCommand) Run(c *console) error {
	return cmd.order(c, cmd.ID, "waive", deskOrder{Text: cmd.Why}, "The developer is not asked to pay or validate any more.")
}

type requestsRefundCommand struct {
	resultFlags
	ID     string `arg:"" help:"The request's id."`
	Amount string `help:"How much, in the currency it was paid in, as 12.50. Absent: all that is left."`
	Why    string `help:"The reason, for the history." required:""`
}

// Run runs the command.
func (cmd *requestsRefundCommand) Run(c *console) error {
	return cmd.order(c, cmd.ID, "refund", deskOrder{Text: cmd.Why, Amount: cmd.Amount}, "The refund is ordered.")
}

type requestsEndCommand struct {
	resultFlags
	ID  string `arg:"" help:"The request's id."`
	Why string `help:"The reason, for the history." required:""`
}

// Run runs the command.
func (cmd *requestsEndCommand) Run(c *console) error {
	return cmd.order(c, cmd.ID, "end", deskOrder{Text: cmd.Why}, "The key is revoked and its subscription cancelled. What was paid stays.")
}
