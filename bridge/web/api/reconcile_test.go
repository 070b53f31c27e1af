package api_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
	"keybridge/bridge/web/api"
)

// found is a reconciliation as a program reads it.
type found struct {
	By       bridge.Actor
	DryRun   bool `json:"dry_run"`
	Compared *struct{ Checkouts, Waiting, Requests, Moving, Left int }
	Total    int
	Counts   []struct {
		Portal string
		Kind   bridge.DifferenceKind
		Count  int
	}
	Differences []struct {
		Kind        bridge.DifferenceKind
		Remedy      bridge.Remedy
		Portal, Key string
	}
}

// begun is a run as a program reads it.
type begun struct {
	ID, Self, State, Problem, Doing string
	DryRun                          bool `json:"dry_run"`
	Result                          *found
}

// works has the API work in the background, as it does while a bridge runs. stop ends that.
func (h *house) works() (stop func()) {
	h.t.Helper()
	ctx, cancel := context.WithCancel(h.t.Context())
	ended, running := make(chan struct{}), h.API
	go func() { defer close(ended); running.Run(ctx, nil) }()
	stop = func() {
		cancel()
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			h.t.Error("it does not stop")
		}
	}
	h.t.Cleanup(stop)
	return stop
}

// begins begins a run as somebody.
func (h *house) begins(who, body string) (r begun) {
	h.t.Helper()
	a := h.want(http.StatusAccepted, post(who, "/reconciliation", body))
	a.into(&r)
	if r.State == "" || a.header.Get("Location") != r.Self || r.Self != api.Base+"/reconciliation/runs/"+r.ID {
		h.t.Errorf("it is at %s: %+v", a.header.Get("Location"), r)
	}
	return r
}

// ends waits until a run is no longer running.
func (h *house) ends(who string, r begun) begun {
	h.t.Helper()
	return awaited(h, who, r.Self, r, func(r begun) bool { return r.State != "running" })
}

// last is the last reconciliation as somebody sees it; nil when there was none.
func (h *house) last(who string) *found {
	h.t.Helper()
	var got struct{ Last *found }
	h.want(http.StatusOK, get(who, "/reconciliation")).into(&got)
	return got.Last
}

// busy is a configuration under which as many calls may be made as a test likes.
func busy(cfg *api.Config) { cfg.Burst = 100_000 }

func TestARunIsBegunAndLookedAtUntilItHasEnded(t *testing.T) {
	h := newHouse(t, busy)
	h.works()
	h.put("known")
	h.portal.waits = []string{"untold"}
	if last := h.last("viewer"); last != nil {
		t.Errorf("there was none: %+v", last)
	}

	dry := h.ends("reviewer", h.begins("reviewer", `{"dry_run": true, "since": "2026-03-01T00:00:00+01:00"}`))
	if dry.State != "ended" || dry.Result == nil || !dry.DryRun || !dry.Result.DryRun || dry.Result.Total != 2 {
		t.Fatalf("%+v", dry)
	}
	if _, err := h.service.GetKey(t.Context(), "main", "untold"); bridge.KindOf(err) != bridge.NotFound || h.last("viewer") != nil {
		t.Errorf("a dry run has left something: %v", err)
	}

	made := h.ends("reviewer", h.begins("reviewer", ""))
	if made.State != "ended" || made.DryRun || made.Result.By != (bridge.Actor{Kind: bridge.ByPerson, Name: "rosa"}) {
		t.Fatalf("%+v", made)
	}
	if diff := cmp.Diff(dry.Result.Differences, made.Result.Differences); diff != "" {
		t.Errorf("dry (-) and real (+):\n%s", diff)
	}
	if one := made.Result.Differences[0]; one.Kind != bridge.UnknownHere || one.Remedy != bridge.TakenIn || one.Key != "untold" {
		t.Errorf("%+v", one)
	}
	for _, portal := range []string{"main", "other"} {
		if _, err := h.service.GetKey(t.Context(), portal, "untold"); err != nil {
			t.Errorf("it is not taken in: %v", err)
		}
	}
	if diff := cmp.Diff(made.Result, h.last("viewer")); diff != "" {
		t.Errorf("what was answered (-) and what is kept (+):\n%s", diff)
	}
}

func TestOfARunEveryoneSeesWhatTheirTokenIsAbout(t *testing.T) {
	h := newHouse(t, busy)
	h.put("known")
	is := bridge.Person{Name: "rosa", Role: bridge.Reviewer}
	h.remake(func(cfg *api.Config) {
		cfg.Who = func(context.Context, string) (bridge.Person, error) { return is, nil }
	})
	h.works()
	h.portal.waits = []string{"untold"}
	r := h.ends("x", h.begins("x", ""))
	if r.State != "ended" || r.Result.Total != 2 || r.Result.Compared == nil || r.Result.Compared.Waiting != 2 {
		t.Fatalf("%+v", r)
	}
	path := strings.TrimPrefix(r.Self, api.Base)
	is.Portals = []string{"other"} // a token that was given less
	var narrow begun
	h.want(http.StatusOK, get("x", path)).into(&narrow)
	for what, got := range map[string]*found{"the run": narrow.Result, "the last one": h.last("x")} {
		if got.Total != 1 || len(got.Counts) != 1 || got.Counts[0].Portal != "other" || len(got.Differences) != 1 || got.Differences[0].Portal != "other" || got.Compared != nil {
			t.Errorf("of %s it sees %+v", what, got)
		}
	}
	is = bridge.Person{Name: "adam", Role: bridge.Admin}
	h.want(http.StatusNotFound, get("x", path)) // it is rosa's
}

func TestOneRunIsUnderWayAtATime(t *testing.T) {
	h := newHouse(t, busy)
	h.works()
	h.portal.hold = make(chan struct{})
	first := h.begins("reviewer", "")
	for _, who := range []string{"reviewer", "admin"} {
		a := h.want(http.StatusConflict, post(who, "/reconciliation", `{"dry_run": true}`).with("Idempotency-Key", "k"))
		if p := a.problem(); !strings.Contains(p.Detail, "under way") {
			t.Errorf("%+v", p)
		}
	}
	close(h.portal.hold)
	if first = h.ends("reviewer", first); first.State != "ended" {
		t.Errorf("%+v", first)
	}
	c := post("admin", "/reconciliation", `{"dry_run": true}`).with("Idempotency-Key", "k") // which the refusal has left free
	var second, again begun
	h.want(http.StatusAccepted, c).into(&second)
	h.ends("admin", second)
	a := h.want(http.StatusAccepted, c)
	if a.into(&again); again.ID != second.ID || a.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("a repetition begins another: %s", a.body)
	}
}

func TestARunEndsWithTheBridgeAndNoneBeginsBeforeOrAfter(t *testing.T) {
	h := newHouse(t, busy)
	h.want(http.StatusServiceUnavailable, post("admin", "/reconciliation", ""))
	stop := h.works()
	h.portal.hold = make(chan struct{})
	r := h.begins("admin", "")
	stop()
	if r = h.ends("admin", r); r.State != "failed" || r.Result != nil || r.Problem == "" {
		t.Errorf("%+v", r)
	}
	h.want(http.StatusServiceUnavailable, post("admin", "/reconciliation", ""))
}

func TestTheLastEightRunsAreRemembered(t *testing.T) {
	n := 0
	h := newHouse(t, busy, func(cfg *api.Config) { cfg.NewID = func() string { n++; return fmt.Sprint("run", n) } })
	h.works()
	for range 9 {
		h.ends("admin", h.begins("admin", `{"dry_run": true}`))
	}
	h.want(http.StatusNotFound, get("admin", "/reconciliation/runs/run1"))
	for i := 2; i <= 9; i++ {
		h.want(http.StatusOK, get("admin", fmt.Sprint("/reconciliation/runs/run", i)))
	}
}

func TestWhatIsToBeComparedIsReadStrictly(t *testing.T) {
	h := newHouse(t, busy)
	for body, want := range map[string]string{
		`{"dry": true}`:                             "400 [body dry]",
		`{"dry_run": 1, "since": "yesterday"}`:      "400 [body dry_run body since]",
		`{"dry_run": null, "since": null}`:          "400 [body dry_run body since]",
		`{"since": "2026-03-14T12:00:01Z"}`:         "400 [body since]",
		`{"since": "2026-02-30T12:00:00Z"}`:         "400 [body since]",
		`{"since": "0000-01-01T12:00:00Z"}`:         "400 [body since]",
		`{"since": 1773489600}`:                     "400 [body since]",
		`{"dry_run": true, "dry_run": true}`:        "400 []",
		`{"since": "2026-03-14T13:00:00+01:00"} {}`: "400 []",
	} {
		a := h.send(post("reviewer", "/reconciliation", body))
		if got := fmt.Sprint(a.status, " ", a.faults()); got != want {
			t.Errorf("%s: %s", body, got)
		}
	}
	a := h.want(http.StatusBadRequest, get("viewer", "/reconciliation?portal=main"))
	if got := fmt.Sprint(a.faults()); got != "[query portal]" {
		t.Error(got)
	}
}
