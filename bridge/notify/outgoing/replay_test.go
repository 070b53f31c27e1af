package outgoing

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keybridge/bridge"
)

func TestAReplaySendsAgainWhatItChoosesUnderTheSameIDs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	now := time.Now().Add(-time.Hour)
	w.now = func() time.Time { return now }
	r := newReceiver(t, nil)
	s := w.sender(Config{}, r.endpoint("crm", "checkout.*"))
	w.read(0)
	w.read(1)
	var since time.Time
	for i := range 40 {
		now = now.Add(time.Second)
		if i == 30 {
			since = now
		}
		w.tick(i % 2)
	}
	w.run(s)
	r.wait(40)
	w.until(s, idle)
	first := r.got()
	var ofOne []got
	for i := 1; i < 40; i += 2 {
		ofOne = append(ofOne, first[i])
	}
	for _, c := range []struct {
		name string
		sel  Selection
		want []got
	}{
		{"what happened since", Selection{Since: since}, first[30:]},
		{"everything", Selection{Since: now.Add(-time.Hour)}, first},
		{"what happened to one request", Selection{Request: idOf(1)}, ofOne},
		{"what happened to one request since", Selection{Request: idOf(1), Since: since}, ofOne[15:]},
	} {
		before := len(r.got())
		n, err := s.Replay(w.Context(), "crm", c.sel)
		if err != nil || n != len(c.want) {
			w.Fatalf("%s: %d, %v", c.name, n, err)
		}
		r.wait(n)
		w.until(s, idle)
		for i, g := range r.got()[before:] {
			if g.ID != c.want[i].ID || g.Body != c.want[i].Body {
				w.Fatalf("%s: message %d is %s, want %s", c.name, i, g.ID, c.want[i].ID)
			}
		}
	}
	before := len(r.got())
	for _, sel := range []Selection{{Since: now.Add(time.Hour)}, {Request: idOf(0), Since: now.Add(time.Hour)}} {
		if n, err := s.Replay(w.Context(), "crm", sel); err != nil || n != 0 {
			w.Fatal(n, err)
		}
	}
	w.tick(0)
	s.Wake()
	r.wait(1)
	w.until(s, idle)
	if n := len(r.got()); n != before+1 {
		w.Fatalf("%d messages came after nothing was chosen and one happened", n-before)
	}
}

func TestWhatCannotBeReplayed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.sender(Config{}, newReceiver(t, nil).endpoint("crm"))
	w.read(0)
	for _, c := range []struct {
		endpoint string
		sel      Selection
		kind     bridge.Kind
	}{
		{"other", Selection{Request: idOf(0)}, bridge.NotFound},
		{"crm", Selection{}, bridge.Invalid},
		{"crm", Selection{Request: idOf(9)}, bridge.NotFound},
		{"crm", Selection{Request: "x"}, bridge.NotFound},
	} {
		_, err := s.Replay(w.Context(), c.endpoint, c.sel)
		wantKind(w, err, c.kind)
	}
	wantKind(w, s.Resume(w.Context(), "other"), bridge.NotFound)
	_, err := s.Skip(w.Context(), "other")
	wantKind(w, err, bridge.NotFound)
	if n, err := s.Replay(w.Context(), "crm", Selection{Request: idOf(0)}); err != nil || n != 2 {
		w.Fatal(n, err)
	}
	_, err = s.Replay(w.Context(), "crm", Selection{Request: idOf(0)})
	wantKind(w, err, bridge.Conflict)
}

func TestAReplayWaitsForAPausedEndpointSurvivesARestartAndComesFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		status := http.StatusOK
		r, client := within(t, func(rw http.ResponseWriter, _ *http.Request, n int) {
			if n == 8 {
				status = http.StatusInternalServerError // in the middle of the replay
			}
			rw.WriteHeader(status)
		})
		cfg := Config{Client: client}
		s := w.sender(cfg, r.endpoint("crm"))
		stop := w.run(s)
		w.read(0)
		w.tick(0)
		w.tick(0)
		s.Wake()
		synctest.Wait()
		status = http.StatusGone
		w.tick(0)
		s.Wake()
		synctest.Wait()
		if n, err := s.Replay(w.Context(), "crm", Selection{Since: time.Now().Add(-time.Hour)}); err != nil || n != 4 {
			w.Fatal(n, err)
		}
		time.Sleep(time.Hour)
		if st := w.one(s); len(r.got()) != 5 || !st.Replaying || st.Backlog != 1 || st.Paused.IsZero() {
			w.Errorf("%d messages, %+v", len(r.got()), st)
		}
		status = http.StatusOK
		if err := s.Resume(w.Context(), "crm"); err != nil {
			w.Error(err)
		}
		synctest.Wait()
		stop()
		status = http.StatusOK
		s = w.sender(cfg, r.endpoint("crm"))
		stop = w.run(s)
		synctest.Wait()
		first, _ := w.told(0) // five
		equal(w, "ids", r.ids(), slices.Concat(first[:4], first[4:5], first[:2], first[2:3], first[2:4], first[4:]))
		if st := w.one(s); st.Replaying || st.Backlog != 0 {
			w.Errorf("%+v", st)
		}
		stop()
	})
}

func TestSkipPassesOverTheMessageThatIsNotTaken(t *testing.T) {
	t.Parallel()
	refuse := func(rw http.ResponseWriter, r *http.Request, _ int) {
		if strings.HasPrefix(r.Header.Get("webhook-id"), "msg_"+string(idOf(1))+"_1_") {
			rw.WriteHeader(http.StatusUnprocessableEntity)
		}
	}
	inTime(t, refuse, func(w *world, r *receiver, s *Sender) {
		_, err := s.Skip(w.Context(), "crm")
		wantKind(w, err, bridge.Conflict)
		for n := range 4 {
			w.read(n)
		}
		s.Wake()
		synctest.Wait()
		equal(w, "ids", r.ids(), []string{w.first(0), w.first(1)})
		if st := w.one(s); st.Backlog != 3 {
			w.Errorf("what comes after it does not wait: %+v", st)
		}
		id, err := s.Skip(w.Context(), "crm")
		if err != nil || id != r.ids()[1] {
			w.Errorf("%s, %v", id, err)
		}
		synctest.Wait()
		equal(w, "ids", r.ids()[2:], []string{w.first(2), w.first(3)})
		if st := w.one(s); st.Backlog != 0 || st.Failures != 0 {
			w.Errorf("%+v", st)
		}
		// And a message that a replay cannot get rid of.
		if n, err := s.Replay(w.Context(), "crm", Selection{Request: idOf(1)}); err != nil || n != 1 {
			w.Error(n, err)
		}
		synctest.Wait()
		if id, err := s.Skip(w.Context(), "crm"); err != nil || id != w.first(1) {
			w.Errorf("%s, %v", id, err)
		}
		synctest.Wait()
		if st := w.one(s); st.Replaying || st.Backlog != 0 || st.Failures != 0 {
			w.Errorf("%+v", st)
		}
	})
}

func TestAMessageThatIsPassedOverDuringItsTryIsNotHeldAgainstTheEndpoint(t *testing.T) {
	t.Parallel()
	fails := func(rw http.ResponseWriter, _ *http.Request, n int) {
		if n == 2 {
			time.Sleep(10 * time.Second)
		}
		rw.WriteHeader(http.StatusBadRequest)
	}
	inTime(t, fails, func(w *world, r *receiver, s *Sender) {
		w.read(0)
		s.Wake()
		time.Sleep(7 * time.Second) // the second try is under way
		if _, err := s.Skip(w.Context(), "crm"); err != nil {
			w.Error(err)
		}
		time.Sleep(time.Hour)
		if st := w.one(s); st.Failures != 0 || st.Message != "" || len(r.got()) != 2 {
			w.Errorf("%d tries, %+v", len(r.got()), st)
		}
	})
}

func TestAnOldRequestCanBeReplayedFromItsHistory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	now := time.Now().Add(-100 * 24 * time.Hour)
	w.now = func() time.Time { return now }
	w.read(0)
	for range 10 {
		now = now.Add(10 * 24 * time.Hour)
		w.tick(0)
	}
	r := newReceiver(t, nil)
	s := w.sender(Config{}, r.endpoint("crm"))
	w.run(s)
	ids, _ := w.told(0)
	if n, err := s.Replay(w.Context(), "crm", Selection{Request: idOf(0)}); err != nil || n != len(ids) || n < 12 {
		w.Fatal(n, err)
	}
	r.wait(len(ids))
	equal(w, "ids", r.ids(), ids)
}
