package outgoing

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"keybridge/bridge"
)

func TestMessagesComeOnceAndInTheOrderOfTheFeed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	s := w.sender(Config{}, r.endpoint("crm"))
	w.run(s)
	var want []string
	for n := range 3 {
		w.read(n)
	}
	for i := range 60 {
		w.tick(i % 3)
		s.Wake()
	}
	r.wait(66)
	lines, err := w.store.Feed(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		if _, ok := TypeOf(line.Entry); ok {
			want = append(want, messageID(line.Entry))
		}
	}
	equal(t, "ids", r.ids(), want)
	st := w.until(s, idle)
	if st.Place != lines[len(lines)-1].Place || st.Delivered.IsZero() || st.Status != http.StatusNoContent || st.Host == "" {
		t.Fatalf("%+v", st)
	}
	head := r.got()[0].head
	if head.Get("Content-Type") != "application/json" || head.Get("User-Agent") != "keybridge" {
		t.Fatalf("%v", head)
	}
}

func TestANewEndpointHearsOfWhatHappensFromNowOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.read(0)
	r := newReceiver(t, nil)
	s := w.sender(Config{}, r.endpoint("crm"))
	w.tick(0)
	w.run(s)
	r.wait(1)
	equal(t, "types", r.types(), []Type{CheckoutOpened})
}

func TestAnEndpointGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	first := w.sender(Config{}, r.endpoint("crm"))
	stop := w.run(first)
	w.read(0)
	first.Wake()
	r.wait(2)
	stop()
	w.tick(0)
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	w.open()
	w.tick(0)
	w.run(w.sender(Config{}, r.endpoint("crm")))
	r.wait(2)
	ids, _ := w.told(0)
	equal(t, "ids", r.ids(), ids)
}

func TestEachOfSeveralSecretsSigns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var bodies [][]byte
	var heads []http.Header
	done := make(chan struct{}, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		bodies, heads = append(bodies, body), append(heads, r.Header)
		done <- struct{}{}
	}))
	defer server.Close()
	s := w.sender(Config{}, Endpoint{Name: "crm", URL: server.URL, Secrets: []string{secretOf(1), secretOf(2)}})
	w.run(s)
	w.read(0)
	s.Wake()
	<-done
	<-done
	for i := range bodies {
		for fill, good := range map[byte]bool{1: true, 2: true, 3: false} {
			verifier, err := standardwebhooks.NewWebhook(secretOf(fill))
			if err != nil {
				t.Fatal(err)
			}
			if err := verifier.Verify(bodies[i], heads[i]); (err == nil) != good {
				t.Errorf("secret %d: %v", fill, err)
			}
		}
	}
}

func TestAnEndpointGetsTheTypesItAskedFor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		types []string
		want  []Type
	}{
		{nil, []Type{RequestReceived, PaymentWaiting, CheckoutOpened, PaymentPaid, PaymentMet, RequestApproved, AccessGranted}},
		{[]string{"*"}, []Type{RequestReceived, PaymentWaiting, CheckoutOpened, PaymentPaid, PaymentMet, RequestApproved, AccessGranted}},
		{[]string{"payment.*"}, []Type{PaymentWaiting, PaymentPaid, PaymentMet}},
		{[]string{"access.*", "payment.paid"}, []Type{PaymentPaid, AccessGranted}},
		{[]string{"access.granted"}, []Type{AccessGranted}},
	} {
		t.Run(strings.Join(c.types, ","), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			r := newReceiver(t, nil)
			s := w.sender(Config{}, r.endpoint("crm", c.types...))
			w.read(0)
			w.see(0, bridge.Facts{Money: &bridge.Money{State: bridge.PaymentOpen, Checkout: bridge.Checkout{ID: "cs", State: bridge.CheckoutOpen}}})
			w.see(0, bridge.Facts{Money: &bridge.Money{State: bridge.Paid, Checkout: bridge.Checkout{ID: "cs", State: bridge.CheckoutOpen}, Collected: bridge.NewAmount(4900, "eur")}})
			w.see(0, bridge.Facts{Key: key(bridge.Granted)})
			if st := w.one(s); st.Backlog != len(c.want) || st.Oldest.IsZero() || st.More {
				t.Fatalf("%+v", st)
			}
			w.run(s)
			r.wait(len(c.want))
			w.until(s, idle)
			equal(t, "types", r.types(), c.want)
		})
	}
}

func TestASlowEndpointSlowsNoOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	let, hangs := make(chan struct{}), make(chan struct{})
	slow := newReceiver(t, func(_ http.ResponseWriter, _ *http.Request, n int) {
		if n == 1 {
			close(hangs)
			<-let
		}
	})
	quick := newReceiver(t, nil)
	s := w.sender(Config{}, slow.endpoint("slow"), quick.endpoint("quick"))
	w.run(s)
	w.read(0)
	s.Wake()
	<-hangs
	for range 50 {
		w.tick(0)
		s.Wake()
	}
	quick.wait(52)
	if n := len(slow.got()); n != 1 {
		t.Errorf("the slow one got %d messages while it answered none", n)
	}
	if st := s.Endpoints(t.Context())[0]; st.Backlog != 52 {
		t.Errorf("%+v", st)
	}
	close(let)
	slow.wait(52)
	equal(t, "ids", slow.ids(), quick.ids())
}

func TestWakingNeverWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.sender(Config{}, newReceiver(t, nil).endpoint("crm")) // and nothing runs
	for range 1000 {
		s.Wake()
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was followed") }))
	defer elsewhere.Close()
	r := newReceiver(t, func(rw http.ResponseWriter, r *http.Request, n int) {
		if n == 1 {
			http.Redirect(rw, r, elsewhere.URL, http.StatusTemporaryRedirect)
		}
	})
	s := w.sender(Config{Client: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return nil }}}, r.endpoint("crm"))
	w.run(s)
	w.read(0)
	s.Wake()
	st := w.until(s, func(st Standing) bool { return st.Failures == 1 })
	if st.Status != http.StatusTemporaryRedirect || !strings.Contains(st.Why, "redirects are not followed") {
		t.Fatalf("%+v", st)
	}
}

func TestAnAnswerWithoutEndIsNotRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	over := make(chan struct{})
	r := newReceiver(t, func(rw http.ResponseWriter, r *http.Request, n int) {
		if n > 1 {
			return
		}
		defer close(over)
		for r.Context().Err() == nil {
			if _, err := io.WriteString(rw, strings.Repeat("x", 1<<16)); err != nil {
				return
			}
		}
	})
	s := w.sender(Config{}, r.endpoint("crm"))
	w.run(s)
	w.read(0)
	s.Wake()
	<-over
	r.wait(2)
	w.until(s, idle)
}

func TestPersonalDataGoesWhereItIsAskedForAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	plain, personal := newReceiver(t, nil), newReceiver(t, nil)
	full := personal.endpoint("full")
	full.Personal = true
	s := w.sender(Config{}, plain.endpoint("plain"), full)
	w.run(s)
	w.read(0)
	s.Wake()
	plain.wait(2)
	personal.wait(2)
	for _, secret := range []string{"ann@example.org", "Ann Example", "Example Ltd", "Weather"} {
		for i := range 2 {
			if strings.Contains(plain.got()[i].Body, secret) {
				t.Errorf("%s is told", secret)
			}
			if !strings.Contains(personal.got()[i].Body, secret) {
				t.Errorf("%s is not told", secret)
			}
		}
	}
	w.update(0, func(c *bridge.Change) { c.Applicant = bridge.Applicant{} }) // forgotten
	if n, err := s.Replay(t.Context(), "full", Selection{Request: idOf(0)}); err != nil || n != 2 {
		t.Fatal(n, err)
	}
	personal.wait(2)
	for _, g := range personal.got()[2:] {
		if strings.Contains(g.Body, "applicant") {
			t.Errorf("a person who was forgotten is told of: %s", g.Body)
		}
	}
}

func TestEntriesOfADroppedRequestAreNotTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	s := w.sender(Config{}, r.endpoint("crm"))
	w.read(0)
	w.read(1)
	if err := w.store.Drop(t.Context(), idOf(0)); err != nil {
		t.Fatal(err)
	}
	w.run(s)
	r.wait(2)
	ids, _ := w.told(1)
	equal(t, "ids", r.ids(), ids)
}

func TestAPlaceThatIsMonthsOldGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	now := time.Now().Add(-100 * 24 * time.Hour)
	w.now = func() time.Time { return now }
	w.read(0)
	r := newReceiver(t, nil)
	before := w.sender(Config{}, r.endpoint("crm")) // its place is kept now
	was, err := w.store.FeedEnd(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		w.tick(0)
		now = now.Add(24 * time.Hour)
	}
	_ = before
	kept, err := w.store.Feed(t.Context(), was, 1000)
	if err != nil || len(kept) < 100 {
		t.Fatal(len(kept), err)
	}
	w.run(w.sender(Config{}, r.endpoint("crm")))
	r.wait(len(kept))
	var want []string
	for _, line := range kept {
		want = append(want, messageID(line.Entry))
	}
	equal(t, "ids", r.ids(), want)
}

func TestAfterARestoreAnotherEntryOfTheSameNumberIsAnotherMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	s := w.sender(Config{}, r.endpoint("crm"))
	w.read(0)
	backup := filepath.Join(t.TempDir(), "backup.db")
	if err := w.store.Backup(t.Context(), backup, nil); err != nil {
		t.Fatal(err)
	}
	stop := w.run(s)
	w.tick(0)
	s.Wake()
	r.wait(3)
	stop()
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	w.path = backup
	w.open()
	s = w.sender(Config{}, r.endpoint("crm"))
	w.see(0, bridge.Facts{Key: key(bridge.Granted)})
	w.run(s)
	r.wait(4)
	all := r.got()
	equal(t, "what the backup knew is told again, the same", all[3:5], all[:2], cmpopts.IgnoreFields(got{}, "At", "head"))
	seen := map[string]bool{}
	for _, g := range append(all[:3:3], all[5:]...) {
		if seen[g.ID] {
			t.Errorf("two different messages are called %s", g.ID)
		}
		seen[g.ID] = true
	}
}

// refusing is a store that keeps no bookmark for a while.
type refusing struct {
	Store
	refuse func() bool
}

func (s refusing) SetBookmark(ctx context.Context, name string, value []byte) error {
	if s.refuse() {
		return &bridge.Error{Kind: bridge.Unavailable, Msg: "no room"}
	}
	return s.Store.SetBookmark(ctx, name, value)
}

func TestWhatCouldNotBeKeptIsSentOnceUntilTheNextStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	refuse := false
	s := w.sender(Config{Store: refusing{w.store, func() bool { return refuse }}}, r.endpoint("crm"))
	refuse = true
	w.read(0)
	stop := w.run(s)
	r.wait(2)
	w.until(s, idle)
	stop()
	ids, _ := w.told(0)
	equal(t, "ids", r.ids(), ids)
	w.run(w.sender(Config{}, r.endpoint("crm")))
	r.wait(2)
	equal(t, "ids after the next start", r.ids(), slices.Concat(ids, ids))
	for i := range ids {
		equal(t, "body", r.got()[i+2].Body, r.got()[i].Body)
	}
}

func TestAStoreThatDoesNotAnswerIsShownAndLoggedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.sender(Config{}, newReceiver(t, nil).endpoint("crm"))
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	w.run(s)
	for range 3 {
		s.Wake()
		w.until(s, func(st Standing) bool { return strings.Contains(st.Why, "the store cannot be read") })
	}
	w.logged()
	if n := strings.Count(w.log.String(), "webhooks wait for the store"); n != 1 {
		t.Fatalf("logged %d times:\n%s", n, w.log)
	}
}

func TestEveryTryIsObserved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, answers(http.StatusNoContent, http.StatusTeapot))
	tries := make(chan Attempt, 10)
	s := w.sender(Config{Observe: func(a Attempt) { tries <- a }}, r.endpoint("crm"))
	w.run(s)
	w.read(0)
	s.Wake()
	for _, want := range []Attempt{
		{Endpoint: "crm", Type: RequestReceived, Outcome: Delivered, Status: 204},
		{Endpoint: "crm", Type: PaymentWaiting, Outcome: Failed, Status: 418},
	} {
		a := <-tries
		if a.Took <= 0 {
			t.Errorf("it took %s", a.Took)
		}
		a.Took = 0
		equal(t, "attempt", a, want)
	}
}

func TestNothingSecretIsLoggedOrShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	closed := httptest.NewServer(nil)
	closed.Close()
	untrusted := httptest.NewTLSServer(nil)
	defer untrusted.Close()
	cut := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(rw).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = conn.Write([]byte("HTTP/1.1 canary-answer\r\n\r\n"))
		_ = conn.Close()
	}))
	defer cut.Close()
	says := newReceiver(t, func(rw http.ResponseWriter, _ *http.Request, _ int) {
		rw.Header().Set("Location", "http://canary-location/")
		rw.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(rw, "canary-body")
	})
	for i, c := range []struct{ address, why string }{
		{closed.URL, "it could not be reached"},
		{untrusted.URL, "its certificate is not one to be trusted for this host"},
		{cut.URL, "the connection broke before it answered"},
		{says.url, "it answered 400 Bad Request"},
	} {
		w := &world{TB: t, store: w.store, now: time.Now, log: &safeBuffer{}}
		address := strings.Replace(c.address, "://", "://canary-user:canary-password@", 1) + "/canary-path?canary-query=1"
		s := w.sender(Config{}, Endpoint{
			Name: fmt.Sprintf("e-%d", i), URL: address, Secrets: []string{secretOf(1)},
			Header: map[string]string{"X-Api-Key": "canary-header"},
		})
		w.run(s)
		w.read(i)
		s.Wake()
		st := w.until(s, func(st Standing) bool { return st.Failures == 1 })
		equal(t, "why", st.Why, c.why)
		w.logged()
		value, err := w.store.Bookmark(t.Context(), bookmarkName(st.Name))
		if err != nil {
			t.Fatal(err)
		}
		shown := fmt.Sprintf("%s %+v %s %v %+v", w.log, st, value, s.lanes[0].endpoint, s.lanes[0].endpoint)
		if strings.Contains(shown, "canary") || strings.Contains(shown, secretPrefix) {
			t.Errorf("shown: %s", shown)
		}
		if !strings.Contains(w.log.String(), c.why) || !strings.Contains(w.log.String(), st.Message) {
			t.Errorf("the log does not say what is wrong: %s", w.log)
		}
	}
}
