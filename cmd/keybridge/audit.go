package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"keybridge/bridge"
)

// auditPage is what was found among some requests.
type auditPage struct {
	Requests int `json:"requests"`
	Entries  int `json:"entries"`
	// House is how many of the house's own entries there are: sign-ins, views, refusals.
	House int `json:"house,omitempty"`
	// Wrong says what is wrong with the first history that is not as it was written.
	Wrong string `json:"wrong,omitempty"`
	// Next is where to go on; empty at the end.
	Next string `json:"next,omitempty"`
}

// auditBatch is how many requests are verified in one answer.
const auditBatch = 200

// verify checks the histories of some requests.
func verify(ctx context.Context, service *bridge.Service, after string) (auditPage, error) {
	page, err := service.List(ctx, bridge.Filter{After: after, Limit: auditBatch})
	if err != nil {
		return auditPage{}, err
	}
	out := auditPage{Next: page.Next}
	for _, r := range page.Requests {
		entries, wrong := service.History(ctx, r.ID)
		if bridge.KindOf(wrong) == bridge.NotFound {
			continue // dropped meanwhile: it was no key request
		}
		out.Requests++
		out.Entries += len(entries)
		if wrong != nil {
			out.Wrong, out.Next = wrong.Error(), ""
			break
		}
	}
	return out, nil
}

// verifyHouse checks the house's own chain from its beginning.
func verifyHouse(ctx context.Context, store bridge.Store) (auditPage, error) {
	var out auditPage
	var at bridge.Head
	for {
		lines, err := store.House(ctx, at.Seq, 1000)
		if err != nil {
			return out, err
		}
		if len(lines) == 0 {
			break
		}
		entries := make([]bridge.Entry, len(lines))
		for i, line := range lines {
			entries[i] = line.Entry
		}
		out.Entries += len(entries)
		head, wrong := at.Verify(entries)
		if wrong != nil {
			out.Wrong = "the house's own: " + wrong.Error()
			break
		}
		at = head
	}
	end, err := store.HouseEnd(ctx)
	if err != nil || out.Wrong != "" || end == at {
		return out, err
	}
	more, err := store.House(ctx, at.Seq, 1) // it may have grown meanwhile
	if err == nil && (end.Seq <= at.Seq || len(more) == 0) {
		out.Wrong = fmt.Sprintf("the house's own: entry %d is not the end that was kept, which is entry %d", at.Seq, end.Seq)
	}
	return out, err
}

// withAudit answers the commands about the audit and about people who are to be
// forgotten, and hands all others on.
//
//	GET  /v1/audit?after=   verify some histories; with ?house=1 the house's own
//	POST /v1/forget         {"portal","applicant"}: blank what is personal
func withAudit(others http.Handler, service *bridge.Service, store bridge.Store) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", others)
	mux.HandleFunc("GET /v1/audit", func(w http.ResponseWriter, r *http.Request) {
		var page auditPage
		var err error
		if r.URL.Query().Has("house") {
			page, err = verifyHouse(r.Context(), store)
		} else {
			page, err = verify(r.Context(), service, r.URL.Query().Get("after"))
		}
		answer(w, page, err)
	})
	mux.HandleFunc("POST /v1/forget", func(w http.ResponseWriter, r *http.Request) {
		var o forgetOrder
		if !readOrder(w, r, &o) {
			return
		}
		forgotten, left, err := service.Desk(operator).Forget(r.Context(), o.Portal, o.Applicant)
		answer(w, forgetDone{forgotten, left}, err)
	})
	return mux
}

// auditCommand is about the history of what was done.
type auditCommand struct {
	Verify auditVerifyCommand `cmd:"" help:"Check that every history is as it was written, and name the first that is not."`
}

type auditVerifyCommand struct {
	operatorFlags
	JSON bool `help:"Print JSON."`
}

// Run runs the command.
func (cmd *auditVerifyCommand) Run(c *console) error {
	var total auditPage
	begin := time.Now()
	for after := ""; ; {
		var page auditPage
		if err := cmd.call(c, "GET", "/v1/audit?after="+url.QueryEscape(after), nil, &page); err != nil {
			return err
		}
		total.Requests += page.Requests
		total.Entries += page.Entries
		total.Wrong = page.Wrong
		if time.Since(begin) > 2*time.Second {
			begin = time.Now()
			fmt.Fprintf(c.err, "%d requests, %d entries so far\n", total.Requests, total.Entries)
		}
		if after = page.Next; after == "" {
			break
		}
	}
	if total.Wrong == "" {
		var house auditPage
		if err := cmd.call(c, "GET", "/v1/audit?house=1", nil, &house); err != nil {
			return err
		}
		total.House, total.Wrong = house.Entries, house.Wrong
	}
	if cmd.JSON {
		if err := printJSON(c, total); err != nil {
			return err
		}
	}
	if total.Wrong != "" {
		return fmt.Errorf("the history is not as it was written: %s", total.Wrong)
	}
	if !cmd.JSON {
		fmt.Fprintf(c.out, "%d entries of %d requests, and %d of the house's own, are as they were written.\n", total.Entries, total.Requests, total.House)
	}
	return nil
}

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

type forgetCommand struct {
	operatorFlags
	Portal    string `help:"The portal." required:"" placeholder:"NAME"`
	Applicant string `help:"The developer's e-mail address, or id at the portal." required:""`
	JSON      bool   `help:"Print JSON."`
}

// Run runs the command.
func (cmd *forgetCommand) Run(c *console) error {
	var done forgetDone
	if err := cmd.call(c, "POST", "/v1/forget", forgetOrder{cmd.Portal, cmd.Applicant}, &done); err != nil {
		return err
	}
	if cmd.JSON {
		return printJSON(c, done)
	}
	fmt.Fprintf(c.out, "Blanked what is personal in %d requests. Amounts and history stay.\n", done.Forgotten)
	if done.Left > 0 {
		fmt.Fprintf(c.out, "%d requests are not over yet and were left: decline them, or end their keys, first.\n", done.Left)
	}
	return nil
}
