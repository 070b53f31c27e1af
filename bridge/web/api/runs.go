package api

import (
	"context"
	"slices"
	"sync"
	"time"

	"keybridge/bridge"
)

// mostRuns is how many runs are remembered, those of all together. A run that is not dry is
// kept by the bridge besides, as the last one.
const mostRuns = 8

// The states of a run.
const (
	runRunning = "running"
	runEnded   = "ended"
	runFailed  = "failed"
)

// runs are those that programs began, the oldest first. They go with the process.
type runs struct {
	mu  sync.Mutex
	all []*run
}

// add remembers a run, and forgets those that are too many.
func (l *runs) add(r *run) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, r)
	l.all = slices.Delete(l.all, 0, max(0, len(l.all)-mostRuns))
}

// of finds a person's run.
func (l *runs) of(p bridge.Person, id string) (*run, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.all, func(r *run) bool { return r.id == id && r.by == p.Name })
	if i < 0 {
		return nil, false
	}
	return l.all[i], true
}

// run is one.
type run struct {
	id, by string
	order  reconcileOrder
	asked  time.Time

	mu       sync.Mutex // guards what is below
	state    string
	doing    string
	done, of int
	result   bridge.Reconciliation
	problem  string
}

// runView is a run as programs see it.
type runView struct {
	ID     string    `json:"id"`
	Self   string    `json:"self"`
	State  string    `json:"state"`
	DryRun bool      `json:"dry_run"`
	Asked  time.Time `json:"asked"`
	Doing  string    `json:"doing,omitempty"`
	Done   int       `json:"done"`
	Of     int       `json:"of,omitempty"`
	// Result is there once it has ended.
	Result  *reconciliationView `json:"result,omitempty"`
	Problem string              `json:"problem,omitempty"`
}

// view is the run as a person may see it.
func (r *run) view(p bridge.Person) runView {
	r.mu.Lock()
	defer r.mu.Unlock()
	v := runView{
		ID: r.id, Self: Base + reconcilePath + "/runs/" + r.id, State: r.state, DryRun: r.order.DryRun, Asked: r.asked,
		Doing: r.doing, Done: r.done, Of: r.of, Problem: r.problem,
	}
	if r.state == runEnded {
		v.Result = reconciliationOf(r.result, p)
	}
	return v
}

// tell notes how far it is.
func (r *run) tell(doing string, done, of int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.doing, r.done, r.of = doing, done, of
}

// end notes what came of it.
func (r *run) end(result bridge.Reconciliation, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.doing, r.done, r.of = "", 0, 0
	r.state, r.result = runEnded, result
	if err != nil {
		r.state, r.problem = runFailed, bridge.Explain(err)
	}
}

// errNotNow says that nothing works in the background.
var errNotNow = &bridge.Error{Kind: bridge.Unavailable, Msg: "The bridge is starting, or about to stop. Try again in a moment."}

// handOver is how long a run waits for who works in the background.
const handOver = time.Second

// beginRun has a run made in the background and returns when it has begun. Conflict while
// another one is under way, Unavailable where nothing works in the background.
func (a *API) beginRun(ctx context.Context, desk bridge.Desk, o reconcileOrder) (*run, error) {
	r := &run{id: a.cfg.NewID(), by: desk.Person().Name, order: o, asked: a.cfg.Now().UTC(), state: runRunning}
	begun, failed := make(chan struct{}), make(chan error, 1)
	work := func(ctx context.Context) {
		result, err := desk.Reconcile(ctx, bridge.Reconciling{
			Since: o.Since, DryRun: o.DryRun, Progress: r.tell,
			Begun: func() {
				a.runs.add(r)
				close(begun)
			},
		})
		if err != nil {
			a.cfg.Log.Warn("a reconciliation that a program asked for failed", "kind", string(bridge.KindOf(err)), "error", err)
		}
		r.end(result, err)
		failed <- err
	}
	select {
	case a.work <- work:
	case <-ctx.Done():
		return nil, errNotNow
	case <-time.After(handOver):
		return nil, errNotNow
	}
	select {
	case <-begun:
		return r, nil
	case err := <-failed:
		return r, err
	}
}
