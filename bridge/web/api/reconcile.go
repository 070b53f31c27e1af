package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
)

// Reconciling: the last one that was kept, as the console's page has it, and runs that programs
// begin, as keybridge reconcile does. A run is made in the background (runs.go), because it
// takes as long as it takes.

const reconcilePath = "/reconciliation"

// reconcileOrder says what is to be compared.
type reconcileOrder struct {
	Since  time.Time `json:"since,omitzero"`
	DryRun bool      `json:"dry_run,omitempty"`
}

// lastView is the last reconciliation, where there was one.
type lastView struct {
	Last *reconciliationView `json:"last,omitempty"`
}

// reconciliationView is a bridge.Reconciliation as somebody may see it.
type reconciliationView struct {
	Began  time.Time    `json:"began"`
	Ended  time.Time    `json:"ended"`
	Since  time.Time    `json:"since"`
	By     bridge.Actor `json:"by"`
	DryRun bool         `json:"dry_run"`
	// Compared is over all portals, so it is absent for who may not see all.
	Compared    *comparedView    `json:"compared,omitempty"`
	Total       int              `json:"total"`
	Counts      []differingView  `json:"counts"`
	Differences []differenceView `json:"differences"`
	Failed      []unaskedView    `json:"failed"`
}

type comparedView struct {
	Checkouts int `json:"checkouts"`
	Waiting   int `json:"waiting"`
	Requests  int `json:"requests"`
	Moving    int `json:"moving"`
	Left      int `json:"left"`
}

type differingView struct {
	Portal string                `json:"portal,omitempty"`
	Kind   bridge.DifferenceKind `json:"kind"`
	Count  int                   `json:"count"`
}

type differenceView struct {
	Kind     bridge.DifferenceKind `json:"kind"`
	Remedy   bridge.Remedy         `json:"remedy"`
	Request  bridge.ID             `json:"request,omitempty"`
	Portal   string                `json:"portal,omitempty"`
	Key      string                `json:"key,omitempty"`
	Provider string                `json:"provider,omitempty"`
	Checkout string                `json:"checkout,omitempty"`
	Amount   *money                `json:"amount,omitempty"`
	Text     string                `json:"text"`
}

type unaskedView struct {
	Portal   string `json:"portal,omitempty"`
	Provider string `json:"provider,omitempty"`
	Doing    string `json:"doing"`
	Why      string `json:"why"`
	Count    int    `json:"count"`
}

// reconciliationOf returns a reconciliation as a person may see it.
func reconciliationOf(r bridge.Reconciliation, p bridge.Person) *reconciliationView {
	r = r.For(p)
	v := &reconciliationView{
		Began: r.Began.UTC(), Ended: r.Ended.UTC(), Since: r.Since.UTC(), By: r.By, DryRun: r.DryRun, Total: r.Total(),
		Counts: []differingView{}, Differences: []differenceView{}, Failed: []unaskedView{},
	}
	if len(p.Portals) == 0 {
		v.Compared = &comparedView{r.Checkouts, r.Waiting, r.Requests, r.Moving, r.Left}
	}
	for _, c := range r.Counts {
		v.Counts = append(v.Counts, differingView(c))
	}
	for _, d := range r.Differences {
		v.Differences = append(v.Differences, differenceView{
			d.Kind, d.Remedy, d.Request, d.Portal, d.Key, d.Provider, d.Checkout, moneyOf(d.Amount), d.Text,
		})
	}
	for _, f := range r.Failed {
		v.Failed = append(v.Failed, unaskedView(f))
	}
	return v
}

// reconciled answers GET /reconciliation with the last one that was kept.
func (a *API) reconciled(c *gin.Context, p bridge.Person) (reply, error) {
	if _, err := readQuery(c); err != nil {
		return reply{}, err
	}
	r, ran, err := a.cfg.Service.Desk(p).Reconciled(c.Request.Context())
	if err != nil || !ran {
		return ok(lastView{}), err
	}
	return ok(lastView{reconciliationOf(r, p)}), nil
}

// reconcile answers POST /reconciliation: a run is begun.
func (a *API) reconcile(c *gin.Context, p bridge.Person) (reply, error) {
	if _, err := readQuery(c); err != nil {
		return reply{}, err
	}
	desk := a.cfg.Service.Desk(p)
	if err := desk.MayReconcile(); err != nil {
		return reply{}, err
	}
	o, err := a.readReconcile(c)
	if err != nil {
		return reply{}, err
	}
	return a.once(c, p, "reconcile", o, func(ctx context.Context, _ string) (reply, error) {
		r, err := a.beginRun(ctx, desk, o)
		if err != nil {
			return reply{}, err
		}
		v := r.view(p)
		return reply{status: http.StatusAccepted, location: v.Self, body: v}, nil
	})
}

// readReconcile reads what is to be compared.
func (a *API) readReconcile(c *gin.Context) (o reconcileOrder, err error) {
	sent, err := readObject(c)
	if err != nil {
		return o, err
	}
	faults := members{"since": instant(&o.Since), "dry_run": yes(&o.DryRun)}.read("", sent)
	if o.Since.After(a.cfg.Now()) {
		faults = append(faults, inBody("since", "This has yet to come."))
	}
	if len(faults) > 0 {
		return o, wrong(faults...)
	}
	return o, nil
}

// instant reads a time (RFC 3339).
func instant(into *time.Time) reader {
	return func(name string, raw json.RawMessage) []fault {
		var s *string
		if json.Unmarshal(raw, &s) == nil && s != nil {
			at, err := time.Parse(time.RFC3339, *s)
			if *into = at.UTC(); err == nil && at.Year() > 0 {
				return nil
			}
		}
		return []fault{inBody(name, "This has to be a time, such as 2026-05-01T12:00:00Z.")}
	}
}

// yes reads whether something is so.
func yes(into *bool) reader {
	return func(name string, raw json.RawMessage) []fault {
		var b *bool
		if json.Unmarshal(raw, &b) != nil || b == nil {
			return []fault{inBody(name, "This has to be true or false.")}
		}
		*into = *b
		return nil
	}
}

// run answers GET /reconciliation/runs/{id}: how far a run has come that the person began,
// with whichever of their tokens.
func (a *API) run(c *gin.Context, p bridge.Person) (reply, error) {
	if _, err := readQuery(c); err != nil {
		return reply{}, err
	}
	if err := a.cfg.Service.Desk(p).May(bridge.MaySee, ""); err != nil {
		return reply{}, err
	}
	r, found := a.runs.of(p, c.Param("id"))
	if !found {
		return reply{}, errNoRun
	}
	return ok(r.view(p)), nil
}

var errNoRun = &bridge.Error{Kind: bridge.NotFound, Msg: "This run is not here any more, or is not yours. The last one that was kept is at " + Base + reconcilePath + "."}
