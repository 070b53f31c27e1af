package main

import (
	"fmt"
	"net/http"

	"keybridge/bridge"
	"keybridge/bridge/web"
)

// forgetOrder says who is to be forgotten.
type forgetOrder struct {
	Portal    string `json:"portal"`
	Applicant string `json:"applicant"`
}

// forgetDone says in how many requests that was done, and how many are not over yet.
type forgetDone struct {
	Forgotten int `json:"forgotten"`
	Left      int `json:"left"`
}

// serveForget adds the command about people who are to be forgotten to those of the
// operator's socket.
//
//	POST /v1/forget   forgetOrder: blank what is personal
func serveForget(o *web.Operator, service *bridge.Service) {
	o.Handle("POST /v1/forget", func(r *http.Request) (any, error) {
		var order forgetOrder
		if err := web.ReadOrder(r, &order); err != nil {
			return nil, err
		}
		forgotten, left, err := service.Desk(operator).Forget(r.Context(), order.Portal, order.Applicant)
		return forgetDone{forgotten, left}, err
	})
}

type forgetCommand struct {
	resultFlags
	Portal    string `help:"The portal." required:"" placeholder:"NAME"`
	Applicant string `help:"The developer's e-mail address, or id at the portal." required:""`
}

// Run runs the command.
func (cmd *forgetCommand) Run(c *console) error {
	var done forgetDone
	if err := cmd.call(c, "POST", "/v1/forget", forgetOrder{cmd.Portal, cmd.Applicant}, &done); err != nil {
		return err
	}
	return cmd.tell(c, done, func() error {
		fmt.Fprintf(c.out, "Blanked what is personal in %d requests. Amounts and history stay.\n", done.Forgotten)
		if done.Left > 0 {
			fmt.Fprintf(c.out, "%d requests are not over yet and were left: decline them, or end their keys, first.\n", done.Left)
		}
		return nil
	})
}
