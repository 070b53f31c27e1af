package outgoing

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"keybridge/bridge"
)

// inTime runs a test in synctest's time, with a receiver in memory, and a sender
// without jitter that runs.
func inTime(t *testing.T, answer func(http.ResponseWriter, *http.Request, int), test func(*world, *receiver, *Sender)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r, client := within(t, answer)
		s := w.sender(Config{Client: client, Jitter: func() float64 { return 0.5 }}, r.endpoint("crm", "request.*"))
		stop := w.run(s)
		test(w, r, s)
		stop()
	})
}

// after is what a receiver saw, and how long after the first try.
func after(all []got) (waits []time.Duration) {
	for _, g := range all {
		waits = append(waits, g.At.Sub(all[0].At))
	}
	return waits
}

func TestATryIsRepeatedWithTheSameIDAndBodyAndATimestampOfItsOwn(t *testing.T) {
	t.Parallel()
	inTime(t, answers(500, 404, 422, 204), func(w *world, r *receiver, s *Sender) {
		w.read(0)
		s.Wake()
		time.Sleep(10 * time.Second)
		w.see(0, bridge.Facts{Key: key(bridge.Granted)}) // and the request has moved on meanwhile
		time.Sleep(time.Hour)
		all := r.got()
		equal(w, "tries", after(all[:4]), []time.Duration{0, 5 * time.Second, 305 * time.Second, 2105 * time.Second})
		for _, g := range all[1:4] {
			equal(w, "id", g.ID, all[0].ID)
			equal(w, "body", g.Body, all[0].Body)
		}
		equal(w, "types", r.types()[3:], []Type{RequestReceived, RequestApproved})
		log := w.log.String()
		if strings.Count(log, "is tried again") != 1 || strings.Count(log, "works again") != 1 {
			w.Errorf("a row of failures is logged otherwise than once:\n%s", log)
		}
	})
}

func TestAnEndpointThatFailsForThreeDaysIsTriedBySchedulePausedAndShown(t *testing.T) {
	t.Parallel()
	inTime(t, answers(503), func(w *world, r *receiver, s *Sender) {
		w.read(0)
		s.Wake()
		time.Sleep(time.Second)
		if st := w.one(s); st.Failures != 1 || !st.Next.Equal(st.Tried.Add(5*time.Second)) || !st.Paused.IsZero() ||
			st.Status != 503 || st.Message == "" || st.Backlog != 1 {
			w.Errorf("%+v", st)
		}
		time.Sleep(14 * 24 * time.Hour)
		h, m, sec := time.Hour, time.Minute, time.Second
		equal(w, "tries", after(r.got()), []time.Duration{
			0, 5 * sec, 5*m + 5*sec, 35*m + 5*sec, 2*h + 35*m + 5*sec, 7*h + 35*m + 5*sec,
			17*h + 35*m + 5*sec, 31*h + 35*m + 5*sec, 51*h + 35*m + 5*sec, 72 * h,
		})
		st := w.one(s)
		if st.Paused.Sub(st.Since) != 72*time.Hour || st.Failures != 10 || st.Why != "it answered 503 Service Unavailable" || !st.Next.IsZero() {
			w.Errorf("%+v", st)
		}
		if n := strings.Count(w.log.String(), "was paused"); n != 1 {
			w.Errorf("logged %d times", n)
		}
	})
}

func TestGonePausesAtOnceAndResumeGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	inTime(t, answers(200, 410, 200), func(w *world, r *receiver, s *Sender) {
		w.read(0)
		w.read(1)
		w.read(2)
		s.Wake()
		time.Sleep(30 * 24 * time.Hour)
		st := w.one(s)
		if len(r.got()) != 2 || st.Paused.IsZero() || st.Backlog != 2 || st.Why != "it answered 410 Gone" || st.Failures != 1 {
			w.Errorf("%d messages, %+v", len(r.got()), st)
		}
		if err := s.Resume(w.Context(), "crm"); err != nil {
			w.Error(err)
		}
		synctest.Wait()
		equal(w, "ids", r.ids(), []string{
			w.first(0), w.first(1), w.first(1), w.first(2),
		})
		if st := w.one(s); !st.Paused.IsZero() || st.Backlog != 0 || st.Why != "" || st.Message != "" {
			w.Errorf("%+v", st)
		}
	})
}

func TestAPauseIsKeptHoweverLongItIsAndNothingIsMissed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r, client := within(t, answers(410))
		cfg := Config{Client: client}
		s := w.sender(cfg, r.endpoint("crm"))
		stop := w.run(s)
		w.read(0)
		s.Wake()
		synctest.Wait()
		stop()
		time.Sleep(40 * 24 * time.Hour)
		s = w.sender(cfg, r.endpoint("crm"))
		stop = w.run(s)
		time.Sleep(time.Hour)
		if len(r.got()) != 1 || w.one(s).Paused.IsZero() {
			w.Errorf("%d messages, %+v", len(r.got()), w.one(s))
		}
		if err := s.Resume(w.Context(), "crm"); err != nil {
			w.Error(err)
		}
		synctest.Wait()
		if ids := r.ids(); len(ids) != 2 || ids[1] != ids[0] {
			w.Errorf("what it refused is not sent again: %q", ids)
		}
		stop()
	})
}

func TestAnEndpointIsLeftAloneForAsLongAsItAsks(t *testing.T) {
	t.Parallel()
	asks := func(value string) func(http.ResponseWriter, *http.Request, int) {
		return func(rw http.ResponseWriter, _ *http.Request, n int) {
			if n == 1 {
				rw.Header().Set("Retry-After", value)
				rw.WriteHeader(http.StatusTooManyRequests)
			}
		}
	}
	for value, want := range map[string]time.Duration{
		"120": 2 * time.Minute, "1": 5 * time.Second, "soon": 5 * time.Second, "-4": 5 * time.Second,
		"Sat, 01 Jan 2000 01:00:00 GMT": time.Hour, "99999999": 24 * time.Hour,
	} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			inTime(t, asks(value), func(w *world, r *receiver, s *Sender) {
				w.read(0)
				s.Wake()
				time.Sleep(48 * time.Hour)
				all := r.got()
				if len(all) != 2 {
					w.Fatalf("%d tries", len(all))
				}
				if waited := all[1].At.Sub(all[0].At); waited < want-time.Second || waited > want {
					w.Errorf("tried again after %s, want %s", waited, want)
				}
			})
		})
	}
}

func TestATryEndsWithItsTimeout(t *testing.T) {
	t.Parallel()
	let := func(_ http.ResponseWriter, r *http.Request, n int) {
		if n == 1 {
			<-r.Context().Done()
		}
	}
	inTime(t, let, func(w *world, _ *receiver, s *Sender) {
		w.read(0)
		s.Wake()
		time.Sleep(14 * time.Second)
		if st := w.one(s); st.Failures != 0 {
			w.Errorf("too early: %+v", st)
		}
		time.Sleep(2 * time.Second)
		if st := w.one(s); st.Failures != 1 || st.Why != "it did not answer within 15s" || st.Status != 0 {
			w.Errorf("%+v", st)
		}
		time.Sleep(5 * time.Second)
		if st := w.one(s); st.Failures != 0 || st.Backlog != 0 {
			w.Errorf("%+v", st)
		}
	})
}

func TestATryUnderWayIsFinishedWhenTheSenderStops(t *testing.T) {
	t.Parallel()
	slow := func(http.ResponseWriter, *http.Request, int) { time.Sleep(10 * time.Second) }
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r, client := within(t, slow)
		s := w.sender(Config{Client: client}, r.endpoint("crm"))
		stop := w.run(s)
		w.read(0)
		s.Wake()
		time.Sleep(5 * time.Second)
		began := time.Now()
		stop()
		if took := time.Since(began); took != 5*time.Second {
			w.Errorf("it took %s to stop", took)
		}
		if st := w.one(s); len(r.got()) != 1 || st.Backlog != 1 || st.Failures != 0 {
			w.Errorf("%d messages, %+v", len(r.got()), st)
		}
	})
}

func TestAStartTriesAnEndpointThatFailsAtOnceAndCountsOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r, client := within(t, answers(500))
		cfg := Config{Client: client, Jitter: func() float64 { return 0 }}
		for want := range 3 {
			s := w.sender(cfg, r.endpoint("crm"))
			stop := w.run(s)
			if want == 0 {
				w.read(0)
				s.Wake()
			}
			synctest.Wait()
			if st := w.one(s); st.Failures != want+1 || len(r.got()) != want+1 || st.Next.IsZero() {
				w.Errorf("%d tries, %+v", len(r.got()), st)
			}
			stop()
		}
	})
}

func TestAClockThatIsSetPutsNoTryOffAndHurriesNone(t *testing.T) {
	t.Parallel()
	for _, set := range []time.Duration{-4 * time.Minute, 4 * time.Minute} { // less than a receiver minds
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			r, client := within(t, answers(500, 500, 204))
			var by atomic.Int64
			var tries []time.Duration
			begin := time.Now()
			s := w.sender(Config{
				Client: client, Jitter: func() float64 { return 0.5 },
				Now:     func() time.Time { return time.Now().Round(0).Add(time.Duration(by.Load())) },
				Observe: func(Attempt) { tries = append(tries, time.Since(begin)) },
			}, r.endpoint("crm"))
			stop := w.run(s)
			w.read(0)
			s.Wake()
			synctest.Wait()
			by.Store(int64(set))
			time.Sleep(7 * time.Minute)
			stop()
			want := []time.Duration{0, 5 * time.Second, 305 * time.Second}
			equal(w, "tries after the clock was set by "+set.String(), tries[:min(len(tries), len(want))], want)
		})
	}
}

func TestWithoutAWakeTheFeedIsLookedAtNowAndThen(t *testing.T) {
	t.Parallel()
	inTime(t, nil, func(w *world, r *receiver, _ *Sender) {
		synctest.Wait()
		w.read(0)
		time.Sleep(longestNap + time.Second)
		equal(w, "types", r.types(), []Type{RequestReceived})
	})
}

func TestRetryAt(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	const h = time.Hour
	for _, c := range []struct {
		name     string
		since    time.Duration // before now
		failures int
		jitter   float64
		asked    time.Duration
		want     time.Duration
	}{
		{"the first wait, in the middle", 0, 1, 0.5, 0, 5 * time.Second},
		{"at its shortest", 0, 1, 0, 0, 4500 * time.Millisecond},
		{"nearly at its longest", 0, 4, 0.999999, 0, 2*h + 12*time.Minute},
		{"the last wait goes on", 0, 500, 0.5, 0, 24 * h},
		{"no failure counts as one", 0, 0, 0.5, 0, 5 * time.Second},
		{"it ends with the last try", 60 * h, 9, 0.5, 0, 12 * h},
		{"after the last try there is none", 72 * h, 9, 0.5, 0, 24 * h},
		{"what was asked for is longer", 0, 1, 0.5, h, h},
		{"what was asked for is shorter", 0, 4, 0.5, h, 2 * h},
		{"what was asked for ends after the last try", 71 * h, 4, 0.5, 10 * h, 10 * h},
	} {
		at := retryAt(now, now.Add(-c.since), c.failures, c.jitter, c.asked, giveUpDefault)
		if got := at.Sub(now).Round(10 * time.Millisecond); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
