package bridge_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"keybridge/bridge"
)

// wantForgotten checks that nothing personal is left of a request.
func (w *world) wantForgotten(id bridge.ID) {
	w.Helper()
	r := w.get(id)
	if r.Forgotten.IsZero() || r.Applicant != (bridge.Applicant{ID: "dev-1"}) || len(r.Asked.Reasons) > 0 {
		w.Errorf("%s: %+v, %+v", r.Forgotten, r.Applicant, r.Asked)
	}
	for _, n := range r.Notes {
		if n.Text != "" {
			w.Errorf("a note says %q", n.Text)
		}
	}
	if entries, err := w.service.History(w.Context(), id); err != nil || strings.Contains(lines(entries), canary) {
		w.Errorf("%v\n%s", err, lines(entries))
	}
}

func TestPeopleAreForgottenWhenTheTimeToKeepThemIsOver(t *testing.T) {
	w := newWorld(t, func(c *bridge.Config) { c.Retain = 90 * 24 * time.Hour })
	id := w.ask("reviewed")
	w.wantState(id, bridge.StateReviewing)
	if err := w.service.Desk(rita).Do(t.Context(), id, bridge.Deed{Kind: bridge.DoNote, Text: "mail " + canary}); err != nil {
		t.Fatal(err)
	}
	if err := w.service.Desk(rita).Do(t.Context(), id, bridge.Deed{Kind: bridge.DoDecline, Text: "not now"}); err != nil {
		t.Fatal(err)
	}
	w.wantState(id, bridge.StateDeclined)
	w.pass(89 * 24 * time.Hour)
	w.step()
	if r := w.get(id); r.Applicant.Email == "" || r.Work.Next.IsZero() {
		t.Errorf("forgotten too early: %+v, next %s", r.Applicant, r.Work.Next)
	}
	w.pass(24 * time.Hour)
	w.step() // by the clock alone
	w.wantForgotten(id)
	if next := w.get(id).Work.Next; !next.IsZero() {
		t.Errorf("looked at again at %s", next)
	}
}

func TestATimeToKeepPeopleThatIsConfiguredLaterHoldsForThoseBefore(t *testing.T) {
	live(t, func(w *world) {
		id := w.ask("reviewed")
		w.await(id, time.Minute, bridge.StateReviewing)
		if err := w.service.Withdraw(w.Context(), id); err != nil {
			w.Fatal(err)
		}
		w.await(id, time.Minute, bridge.StateDeclined)
		time.Sleep(24 * time.Hour)
		if r := w.get(id); !r.Forgotten.IsZero() {
			w.Fatal("forgotten for no reason")
		}
		w.cfg.Retain = time.Hour
		w.restart()
		ctx, stop := context.WithCancel(w.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); w.worker.Run(ctx) }()
		time.Sleep(time.Minute)
		w.wantForgotten(id)
		stop()
		<-ended
	})
}

func TestAnApplicantIsForgottenOnAPersonsWordOnceTheirRequestsAreOver(t *testing.T) {
	for _, applicant := range []string{"dev-1", strings.ToUpper(canary)} {
		w := newWorld(t)
		over, lives := w.ask("free"), w.ask("free-too")
		w.wantState(over, bridge.StateActive)
		w.wantState(lives, bridge.StateActive)
		w.portal.set("k1", bridge.Gone)
		w.look(over)
		w.step()
		w.pass(21 * time.Second)
		w.wantState(over, bridge.StateEnded)
		_, _, err := w.service.Desk(paul).Forget(t.Context(), "main", applicant)
		wantKind(t, "an approver", err, bridge.Denied)
		_, _, err = w.service.Desk(ada).Forget(t.Context(), "main", "")
		wantKind(t, "nobody", err, bridge.Invalid)
		forgotten, left, err := w.service.Desk(ada).Forget(t.Context(), "main", applicant)
		if err != nil || forgotten != 1 || left != 1 {
			t.Fatalf("%d forgotten, %d left, %v", forgotten, left, err)
		}
		w.step()
		wantKind(t, "a note on who is forgotten", w.service.Desk(rita).Do(t.Context(), over, bridge.Deed{Kind: bridge.DoNote, Text: "mail " + canary}), bridge.Conflict)
		w.wantForgotten(over)
		if r := w.get(lives); r.Applicant.Email == "" {
			t.Error("who still has a key was forgotten")
		}
		if forgotten, _, err = w.service.Desk(ada).Forget(t.Context(), "main", "dev-1"); err != nil || forgotten != 0 {
			t.Errorf("%d forgotten again, %v", forgotten, err)
		}
		w.close()
	}
}
