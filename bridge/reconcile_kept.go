package bridge

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The last reconciliation is kept as papers: its differences some dozen a paper, and then the
// paper that names them, so that who reads never sees half of one.

const (
	reconcilePapers = "reconciliation"
	lastRun         = "last"
	dayTaken        = "day" // the day whose daily run somebody has taken
	pageOfPapers    = 50    // differences a paper, each of a kilobyte at most
)

// keptRun is the paper of the last run.
type keptRun struct {
	Reconciliation
	Pages int `json:"pages"`
}

func pageName(began time.Time, page int) string {
	return fmt.Sprintf("%s/%03d", began.Format(time.RFC3339Nano), page)
}

// keepReconciliation keeps the last run and forgets the one before.
func (s *Service) keepReconciliation(ctx context.Context, r Reconciliation) error {
	kept := keptRun{Reconciliation: r}
	kept.Differences = nil
	for page := range slices.Chunk(r.Differences, pageOfPapers) {
		if err := s.setPaper(ctx, pageName(r.Began, kept.Pages), page); err != nil {
			return err
		}
		kept.Pages++
	}
	if err := s.setPaper(ctx, lastRun, kept); err != nil {
		return err
	}
	papers, err := s.cfg.Store.Papers(ctx, reconcilePapers, "", 1000)
	if err != nil {
		return err
	}
	mine := pageName(r.Began, 0)[:len(pageName(r.Began, 0))-len("000")]
	for _, p := range papers {
		if p.Name == lastRun || p.Name == dayTaken || strings.HasPrefix(p.Name, mine) {
			continue
		}
		err := s.cfg.Store.SetPaper(ctx, reconcilePapers, p.Name, func([]byte) ([]byte, error) { return nil, nil })
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) setPaper(ctx context.Context, name string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return s.cfg.Store.SetPaper(ctx, reconcilePapers, name, func([]byte) ([]byte, error) { return text, nil })
}

// Reconciled returns the last reconciliation that was kept; ok is false when there was none.
func (s *Service) Reconciled(ctx context.Context) (r Reconciliation, ok bool, err error) {
	for range 2 { // once more when the next one was kept in this very moment
		var kept keptRun
		if ok, err = s.paper(ctx, lastRun, &kept); err != nil || !ok {
			return r, ok, err
		}
		r = kept.Reconciliation
		if ok, err = s.differences(ctx, kept, &r); err != nil || ok {
			return r, ok, err
		}
	}
	return Reconciliation{}, false, &Error{Kind: Unavailable, Msg: "The last reconciliation is being replaced. Look again in a moment."}
}

// differences reads those of a run; whole is false when a part is not there any more.
func (s *Service) differences(ctx context.Context, kept keptRun, r *Reconciliation) (whole bool, err error) {
	for page := range kept.Pages {
		var some []Difference
		ok, err := s.paper(ctx, pageName(kept.Began, page), &some)
		if err != nil || !ok {
			return false, err
		}
		r.Differences = append(r.Differences, some...)
	}
	return true, nil
}

func (s *Service) paper(ctx context.Context, name string, into any) (ok bool, err error) {
	text, err := s.cfg.Store.Paper(ctx, reconcilePapers, name)
	if err != nil || text == nil {
		return false, err
	}
	return true, json.Unmarshal(text, into)
}

// Reconciled returns the last reconciliation as far as it is about portals that the person
// may see (Reconciliation.For); ok is false when there was none.
func (d Desk) Reconciled(ctx context.Context) (r Reconciliation, ok bool, err error) {
	if err := d.may(MaySee, Request{}); err != nil {
		return r, false, err
	}
	if r, ok, err = d.service.Reconciled(ctx); err != nil || !ok {
		return Reconciliation{}, false, err
	}
	return r.For(d.person), true, nil
}

// For returns the reconciliation as far as it is about portals that a person may see. What
// was counted over all portals is left out for who may not see all, and so are checkouts
// that are of no portal. It changes nothing of r.
func (r Reconciliation) For(p Person) Reconciliation {
	if len(p.Portals) == 0 {
		return r
	}
	far := func(portal string) bool { return portal == "" || !p.Reaches(portal) }
	r.Differences = slices.DeleteFunc(slices.Clone(r.Differences), func(x Difference) bool { return far(x.Portal) })
	r.Counts = slices.DeleteFunc(slices.Clone(r.Counts), func(x DifferenceCount) bool { return far(x.Portal) })
	r.Failed = slices.DeleteFunc(slices.Clone(r.Failed), func(x Unasked) bool { return x.Provider == "" && far(x.Portal) })
	r.Checkouts, r.Waiting, r.Requests, r.Moving, r.Left = 0, 0, 0, 0, 0
	return r
}

// MayReconcile says why the person may not reconcile; nil when they may. Denied for who may
// not retry, or not see all portals.
func (d Desk) MayReconcile() error {
	err := d.may(MayRetry, Request{})
	if err == nil && len(d.person.Portals) > 0 {
		d.service.cfg.Refused(d.person, MayRetry, "")
		err = &Error{Kind: Denied, Msg: "You may not reconcile: it is about all portals, and you may not see all of them."}
	}
	return err
}

// Reconcile compares provider, bridge and portals, and makes what differs due; see
// Reconciling. It takes as long as it takes, may be cancelled and repeated. Denied as
// MayReconcile says. Conflict while one is under way.
func (d Desk) Reconcile(ctx context.Context, o Reconciling) (Reconciliation, error) {
	if err := d.MayReconcile(); err != nil {
		return Reconciliation{}, err
	}
	o.By = d.person.Actor()
	return d.service.reconcile(ctx, o)
}
