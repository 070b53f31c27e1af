package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"keybridge/bridge"
	"keybridge/bridge/web"
)

// scrapeTime is how long a scrape of the metrics may wait for the store.
const scrapeTime = 2 * time.Second

// lastReconciled reads the last reconciliation for the metrics.
func lastReconciled(service *bridge.Service, log *slog.Logger) func() (bridge.Reconciliation, bool) {
	return func() (bridge.Reconciliation, bool) {
		ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
		defer cancel()
		r, ok, err := service.Reconciled(ctx)
		if err != nil {
			log.Warn("the last reconciliation cannot be read", "error", err)
		}
		return r, ok && err == nil
	}
}

// reconcileOrder says what is to be compared.
type reconcileOrder struct {
	// Since bounds what is looked at; zero: 30 days back.
	Since  time.Time `json:"since,omitzero"`
	DryRun bool      `json:"dry_run,omitempty"`
}

// reconcileLine is one line of the answer: how far it is, or what came of it.
type reconcileLine struct {
	Doing  string                 `json:"doing,omitempty"`
	Done   int                    `json:"done,omitempty"`
	Of     int                    `json:"of,omitempty"`
	Result *bridge.Reconciliation `json:"result,omitempty"`
	Error  string                 `json:"error,omitempty"`
}

// serveReconcile adds the command that reconciles to those of the operator's socket. service
// is nil for a bridge that does not run.
//
//	POST /v1/reconcile   reconcileOrder. The answer is JSON lines (reconcileLine), the last
//	                     with the result or an error. Who goes away cancels it
func serveReconcile(o *web.Operator, service *bridge.Service) {
	o.Stream("POST /v1/reconcile", func(w http.ResponseWriter, r *http.Request) error {
		var order reconcileOrder
		if err := web.ReadOrder(r, &order); err != nil {
			return err
		}
		if service == nil {
			return errIdle
		}
		answerReconcile(w, r, service, order)
		return nil
	})
}

// tellEach is how often the answer says how far it is.
const tellEach = 100 * time.Millisecond

func answerReconcile(w http.ResponseWriter, r *http.Request, service *bridge.Service, o reconcileOrder) {
	out, flush := json.NewEncoder(w), http.NewResponseController(w)
	var doing string
	var told time.Time
	result, err := service.Desk(operator).Reconcile(r.Context(), bridge.Reconciling{
		Since: o.Since, DryRun: o.DryRun,
		Progress: func(now string, done, of int) {
			if now == doing && time.Since(told) < tellEach {
				return
			}
			doing, told = now, time.Now()
			_ = out.Encode(reconcileLine{Doing: doing, Done: done, Of: of}) // who has gone has lost nothing
			_ = flush.Flush()
		},
	})
	if err != nil {
		_ = out.Encode(reconcileLine{Error: bridge.Explain(err)})
		return
	}
	_ = out.Encode(reconcileLine{Result: &result})
}

// exitDiffers is what the program exits with where something differs.
const exitDiffers = 3

type reconcileCommand struct {
	operatorFlags
	DryRun bool          `help:"Only say what differs and what would be done."`
	Since  time.Duration `help:"How far back to look." default:"720h"`
	Format string        `help:"How to print what differs: ${enum}." enum:"table,json,csv" default:"table"`
	JSON   bool          `help:"The same as --format json." name:"json"`
}

// Run runs the command.
func (cmd *reconcileCommand) Run(c *console) error {
	if cmd.Since <= 0 {
		return &exitError{exitUsage, errors.New("--since takes how far back to look, as 720h")}
	}
	result, err := cmd.run(c)
	if err != nil {
		return err
	}
	switch {
	case cmd.JSON || cmd.Format == "json":
		err = printJSON(c, result)
	case cmd.Format == "csv":
		_, err = writeTable(c.out, differencesTable(result), bridge.CSV)
	default:
		err = printDifferences(c.out, result)
	}
	if err != nil {
		return err
	}
	for _, f := range result.Failed {
		fmt.Fprintf(c.err, "not asked: %s%s: %s failed %d times: %s\n", f.Portal, f.Provider, f.Doing, f.Count, f.Why)
	}
	switch n := result.Total(); {
	case n > 0:
		return &exitError{exitDiffers, errors.New(result.String())}
	case len(result.Failed)+result.Left > 0:
		return errors.New("not everything could be compared")
	}
	return nil
}

// run asks the bridge, and tells meanwhile how far it is.
func (cmd *reconcileCommand) run(c *console) (bridge.Reconciliation, error) {
	order, err := json.Marshal(reconcileOrder{Since: time.Now().Add(-cmd.Since), DryRun: cmd.DryRun})
	if err != nil {
		return bridge.Reconciliation{}, err
	}
	lines, err := cmd.open(c.ctx, c, "POST", "/v1/reconcile", order)
	if err != nil {
		return bridge.Reconciliation{}, err
	}
	defer func() { _ = lines.Close() }() // read to its end
	tell := tellProgress(c.err)
	for in := json.NewDecoder(lines); ; {
		var line reconcileLine
		if err := in.Decode(&line); err != nil {
			return bridge.Reconciliation{}, fmt.Errorf("the reconciliation was broken off: %w", err)
		}
		switch {
		case line.Error != "":
			return bridge.Reconciliation{}, errors.New(line.Error)
		case line.Result != nil:
			return *line.Result, nil
		}
		tell(line)
	}
}

// tellProgress tells how far it is: when something else is done, and every few seconds.
func tellProgress(to io.Writer) func(reconcileLine) {
	var doing string
	var told time.Time
	return func(l reconcileLine) {
		if l.Doing == doing && time.Since(told) < tellEvery {
			return
		}
		doing, told = l.Doing, time.Now()
		far := fmt.Sprint(l.Done)
		if l.Of > 0 {
			far += fmt.Sprintf(" of %d", l.Of)
		}
		fmt.Fprintf(to, "%s: %s\n", l.Doing, far)
	}
}

// idOf is what a difference is about, by its id.
func idOf(d bridge.Difference) string {
	for _, id := range []string{string(d.Request), d.Key, d.Checkout} {
		if id != "" {
			return id
		}
	}
	return ""
}

// doneAbout says what is done about a difference, or would be.
func doneAbout(d bridge.Difference, dry bool) string {
	words := map[bridge.Remedy][2]string{
		bridge.Hinted: {"made due", "would be made due"}, bridge.Retried: {"made due again", "would be made due again"},
		bridge.TakenIn: {"taken in", "would be taken in"}, bridge.NeedsPerson: {"needs a person", "needs a person"},
	}[d.Remedy]
	if dry {
		return words[1]
	}
	return words[0]
}

// printDifferences prints a table for people.
func printDifferences(to io.Writer, r bridge.Reconciliation) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	if len(r.Differences) > 0 {
		fmt.Fprintln(w, "KIND\tPORTAL\tABOUT\tAMOUNT\tWHAT IS DONE\tWHAT DIFFERS")
	}
	for _, d := range r.Differences {
		money := ""
		if d.Amount.Currency != "" {
			money = web.FormatAmount(d.Amount)
		}
		cells := []string{string(d.Kind), d.Portal, idOf(d), money, doneAbout(d, r.DryRun), d.Text}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if more := r.Total() - len(r.Differences); more > 0 {
		fmt.Fprintf(to, "and %d more\n", more)
	}
	if r.Moving > 0 {
		fmt.Fprintf(to, "Being worked on, and not compared: %d.\n", r.Moving)
	}
	if r.Left > 0 {
		fmt.Fprintf(to, "More than can be looked at in one run: %d were left to the next one.\n", r.Left)
	}
	_, err := fmt.Fprintf(to, "%s.\n", r)
	return err
}

// differencesTable is the differences for a spreadsheet.
func differencesTable(r bridge.Reconciliation) bridge.Table {
	t := bridge.Table{Name: "differences"}
	for _, title := range []string{"Kind", "Portal", "Request", "Key request", "Provider", "Checkout", "Amount", "Currency", "Done", "Differs"} {
		t.Columns = append(t.Columns, bridge.Column{Title: title, Width: 24})
	}
	t.Rows = differenceRows(r)
	return t
}

func differenceRows(r bridge.Reconciliation) iter.Seq2[[]bridge.Cell, error] {
	return func(yield func([]bridge.Cell, error) bool) {
		for _, d := range r.Differences {
			text := func(s string) bridge.Cell { return bridge.Cell{Text: s} }
			row := []bridge.Cell{
				text(string(d.Kind)), text(d.Portal), text(string(d.Request)), text(d.Key), text(d.Provider), text(d.Checkout),
				{Amount: d.Amount}, text(d.Amount.Currency), text(doneAbout(d, r.DryRun)), text(d.Text),
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}
