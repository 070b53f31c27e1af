package console

import (
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
	"keybridge/bridge/web"
)

// The page of the last reconciliation: what differs between the provider, the portals and
// what is recorded here, and what was done about it.

const reconcilePath = "/console/reconcile"

func (s *Console) reconcileRoutes(e *gin.Engine) {
	e.Match(looked, reconcilePath, s.page(s.seated(s.reconciliation)))
}

// reconcileView is the page.
type reconcileView struct {
	frame
	// Ran is false before the first one.
	Ran bool
	// Says is when it ran and what was compared, in sentences.
	Says []string
	// Found says how many differences there are.
	Found  string
	Counts []named
	Rows   []differenceRow
	// More says that there are differences that are not shown.
	More string
	// Failed are what could not be asked.
	Failed []string
}

// differenceRow is a difference as the page shows it.
type differenceRow struct {
	Kind, Tone, Portal, Amount, Text, Done string
	// ID is what it is about, and Href the page of its request; empty where there is none.
	ID, Of, Href string
}

// kindTones are the tones of the kinds; those of the others are "act".
var kindTones = map[bridge.DifferenceKind]string{
	bridge.NotGranted: "bad", bridge.NotPaid: "bad", bridge.RefundedGranted: "bad", bridge.KeptMoney: "bad", bridge.NotSeen: "wait",
}

// remedyWords are what was done.
var remedyWords = map[bridge.Remedy]string{
	bridge.Hinted: "Made due: the rules mend it", bridge.Retried: "Made due again, after it had failed",
	bridge.TakenIn: "Taken in", bridge.NeedsPerson: "Needs a person",
}

func (s *Console) reconciliation(c *gin.Context, p bridge.Person) error {
	r, ran, err := s.cfg.Service.Desk(p).Reconciled(c.Request.Context())
	if err != nil {
		return err
	}
	view := reconcileView{frame: s.desk(c, p, "Reconciliation"), Ran: ran}
	if ran {
		s.fillReconciliation(&view, r, len(p.Portals) == 0)
	}
	return s.pages.Render(c, http.StatusOK, "reconcile", view)
}

// fillReconciliation puts a run into words. whole says that it is seen by somebody who may
// see all portals.
func (s *Console) fillReconciliation(view *reconcileView, r bridge.Reconciliation, whole bool) {
	view.Says = []string{fmt.Sprintf("Run by %s, begun %s, done in %s. It looked back to %s.",
		r.By, s.moment(r.Began), max(r.Ended.Sub(r.Began).Round(time.Second), time.Second), s.moment(r.Since))}
	if whole {
		view.Says = append(view.Says, fmt.Sprintf("Compared: %s, %s and %s.",
			many(r.Checkouts, "checkout"), many(r.Waiting, "waiting key request"), many(r.Requests, "request")))
	} else {
		view.Says = append(view.Says, "Shown is what is about your portals.")
	}
	if r.Moving > 0 {
		view.Says = append(view.Says, fmt.Sprintf("Being worked on, and left to the next run: %d.", r.Moving))
	}
	if r.Left > 0 {
		view.Says = append(view.Says, fmt.Sprintf("More than can be looked at in one run: %d are left to the next one.", r.Left))
	}
	view.Found = many(r.Total(), "difference")
	if r.Total() == 0 {
		view.Found = "No differences"
	}
	if more := r.Total() - len(r.Differences); more > 0 {
		view.More = fmt.Sprintf("And %d more, which are not kept. The next run finds those that are left.", more)
	}
	for _, kind := range bridge.DifferenceKinds {
		n := 0
		for _, count := range r.Counts {
			if count.Kind == kind {
				n += count.Count
			}
		}
		if n > 0 {
			view.Counts = append(view.Counts, named{Name: upper(string(kind)), Value: fmt.Sprint(n)})
		}
	}
	for _, d := range r.Differences {
		view.Rows = append(view.Rows, s.differenceRow(d))
	}
	for _, f := range r.Failed {
		of := f.Provider
		if f.Portal != "" {
			of = s.title(f.Portal)
		}
		view.Failed = append(view.Failed, fmt.Sprintf("%s: %s failed %s: %s", upper(of), f.Doing, times(f.Count), f.Why))
	}
}

func (s *Console) differenceRow(d bridge.Difference) differenceRow {
	row := differenceRow{
		Kind: upper(string(d.Kind)), Tone: kindTones[d.Kind], Portal: s.title(d.Portal), Text: d.Text, Done: remedyWords[d.Remedy],
	}
	if row.Tone == "" {
		row.Tone = "act"
	}
	if d.Amount.Currency != "" {
		row.Amount = web.FormatAmount(d.Amount)
	}
	switch id, ok := bridge.ParseID(string(d.Request)); {
	case ok:
		row.ID, row.Href, row.Of = string(id), requestPath+string(id), "request"
	case d.Key != "":
		row.ID, row.Of = d.Key, "key request"
	default:
		row.ID, row.Of = d.Checkout, "checkout"
	}
	return row
}

// times says how often something happened.
func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}
