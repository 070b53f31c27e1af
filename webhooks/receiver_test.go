package webhooks_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
	"keybridge/webhooks"
)

// bench stands for what is behind a receiver: it answers as it is told and keeps
// what it was given.
type bench struct {
	mu       sync.Mutex
	answers  []bridge.Accepted // one a call; the last one stays
	err      error
	hints    []bridge.Hint
	outcomes []string
	log      bytes.Buffer
}

func (b *bench) receiver() webhooks.Receiver {
	return webhooks.Receiver{
		Accept: func(ctx context.Context, h bridge.Hint) (bridge.Accepted, error) {
			if _, ok := ctx.Deadline(); !ok || ctx.Err() != nil {
				return bridge.Accepted{}, errors.New("no deadline, or over already")
			}
			b.mu.Lock()
			defer b.mu.Unlock()
			b.hints = append(b.hints, h)
			answer := bridge.Accepted{Request: requestULID}
			if n := len(b.answers); n > 0 {
				answer = b.answers[min(len(b.hints), n)-1]
			}
			return answer, b.err
		},
		Observe: func(source, outcome string) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.outcomes = append(b.outcomes, source+" "+outcome)
		},
		Log: slog.New(slog.NewTextHandler(&b.log, nil)),
		Now: func() time.Time { return now },
	}
}

func stripeHandler(t testing.TB, r webhooks.Receiver) http.Handler {
	t.Helper()
	h, err := webhooks.Stripe(webhooks.StripeConfig{Receiver: r, Secrets: []string{stripeSecret, rolledSecret}})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func tykHandler(t testing.TB, r webhooks.Receiver) http.Handler {
	t.Helper()
	h, err := webhooks.Tyk(webhooks.TykConfig{
		Receiver: r, Portal: "main", Secrets: []string{"another-secret-that-is-live", tykSecret},
		Intake: func(portal, key string) *bridge.Change {
			return &bridge.Change{Request: bridge.Request{Portal: portal, Key: key}}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func paid() []byte {
	return stripeEvent("checkout.session.completed", `{"id":"cs_1","object":"checkout.session","metadata":{"keybridge_request":"`+requestULID+`"}}`)
}

func signed(body []byte) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/webhooks/stripe", bytes.NewReader(body))
	r.Header.Set("Stripe-Signature", signStripe(now, body, stripeSecret))
	return r
}

func submitted(secret, body string) *http.Request {
	return httptest.NewRequest(http.MethodPost, "/webhooks/portal/main?secret="+secret, strings.NewReader(body))
}

const keyEvent = `{"event":"key_request_event.submitted","data":{"id":"` + keyID + `","org_id":"o","by_user":"u","portal_developer":{"id":"other","email":"canary@example.com"},"jwt_secret":"canary"}}`

func TestReceiversAnswer(t *testing.T) {
	unsigned := httptest.NewRequest(http.MethodPost, "/webhooks/stripe", bytes.NewReader(paid()))
	twice := signed(paid())
	twice.Header.Add("Stripe-Signature", twice.Header.Get("Stripe-Signature"))
	old := signed(paid())
	old.Header.Set("Stripe-Signature", signStripe(now.Add(-time.Hour), paid(), stripeSecret))
	tampered := signed(paid())
	tampered.Body = io.NopCloser(bytes.NewReader(bytes.Replace(paid(), []byte("cs_1"), []byte("cs_2"), 1)))
	chunked := signed(paid())
	chunked.ContentLength = -1
	large := bytes.Repeat([]byte("x"), 256<<10+1)
	largeChunked := signed(large)
	largeChunked.ContentLength = -1
	atLimit := append(paid(), bytes.Repeat([]byte(" "), 256<<10-len(paid()))...)
	cut := signed(paid())
	cut.Body = io.NopCloser(io.MultiReader(strings.NewReader("{"), errorReader{io.ErrUnexpectedEOF}))
	reset := signed(paid())
	reset.Body = io.NopCloser(errorReader{errors.New("connection reset by peer")})
	noSecret := httptest.NewRequest(http.MethodPost, "/webhooks/portal/main", strings.NewReader(keyEvent))
	method := func(handler, method string) *http.Request {
		return httptest.NewRequest(method, "/webhooks/"+handler, nil)
	}
	one := []bridge.Accepted{{Request: requestULID}}
	for _, c := range []struct {
		name    string
		request *http.Request
		tyk     bool
		answers []bridge.Accepted
		err     error
		status  int
		outcome string
		hints   int
	}{
		{"a paid session", signed(paid()), false, one, nil, 200, "accepted", 1},
		{"a body of unknown length", chunked, false, one, nil, 200, "accepted", 1},
		{"a body just at the limit", signed(atLimit), false, one, nil, 200, "accepted", 1},
		{"a duplicate", signed(paid()), false, []bridge.Accepted{{Request: requestULID, Duplicate: true}}, nil, 200, "duplicate", 1},
		{"leads nowhere", signed(stripeEvent("charge.expired", `{"id":"ch_1","object":"charge"}`)), false, []bridge.Accepted{{}}, nil, 200, "unknown", 1},
		{"has nothing that could lead anywhere", signed(stripeEvent("charge.expired", `{}`)), false, one, nil, 200, "unknown", 0},
		{"neither metadata nor a ref leads anywhere", signed(paid()), false, []bridge.Accepted{{}}, nil, 200, "unknown", 1},
		{"an event nobody listens to", signed(stripeEvent("customer.created", `{"id":"cus_1"}`)), false, one, nil, 200, "ignored", 0},
		{"no signature", unsigned, false, one, nil, 400, "refused", 0},
		{"two signature headers", twice, false, one, nil, 400, "refused", 0},
		{"an old signature", old, false, one, nil, 400, "refused", 0},
		{"another body", tampered, false, one, nil, 400, "refused", 0},
		{"no JSON, well signed", signed([]byte("hello")), false, one, nil, 400, "malformed", 0},
		{"no event, well signed", signed([]byte("{}")), false, one, nil, 400, "malformed", 0},
		{"an empty body, well signed", signed(nil), false, one, nil, 400, "malformed", 0},
		{"too large", signed(large), false, one, nil, 413, "too_large", 0},
		{"too large, of unknown length", largeChunked, false, one, nil, 413, "too_large", 0},
		{"a body that is cut off", cut, false, one, nil, 400, "malformed", 0},
		{"a connection that breaks", reset, false, one, nil, 400, "malformed", 0},
		{"the store is unavailable", signed(paid()), false, one, &bridge.Error{Kind: bridge.Unavailable, RetryAfter: 90 * time.Second}, 503, "unavailable", 1},
		{"any other error", signed(paid()), false, one, errors.New("disk full"), 503, "unavailable", 1},
		{"a signed GET", method("stripe", "GET"), false, one, nil, 405, "", 0},
		{"HEAD at Stripe's", method("stripe", "HEAD"), false, one, nil, 405, "", 0},
		{"PUT", method("stripe", "PUT"), false, one, nil, 405, "", 0},

		{"a key request", submitted(tykSecret, keyEvent), true, one, nil, 200, "accepted", 1},
		{"the other live secret", submitted("another-secret-that-is-live", keyEvent), true, one, nil, 200, "accepted", 1},
		{"a key request that is approved", submitted(tykSecret, strings.Replace(keyEvent, "submitted", "approved", 1)), true, one, nil, 200, "accepted", 1},
		{"no secret", noSecret, true, one, nil, 401, "refused", 0},
		{"an empty secret", submitted("", keyEvent), true, one, nil, 401, "refused", 0},
		{"a wrong secret", submitted(tykSecret+"x", keyEvent), true, one, nil, 401, "refused", 0},
		{"part of the secret", submitted(tykSecret[:20], keyEvent), true, one, nil, 401, "refused", 0},
		{"two secrets", submitted(tykSecret+"&secret="+tykSecret, keyEvent), true, one, nil, 401, "refused", 0},
		{"a broken query", submitted(tykSecret+"&%zz", keyEvent), true, one, nil, 401, "refused", 0},
		{"an event of another kind", submitted(tykSecret, `{"event":"api_event.added","data":{"id":"x"}}`), true, one, nil, 200, "ignored", 0},
		{"no event", submitted(tykSecret, `{"data":{"id":"x"}}`), true, one, nil, 400, "malformed", 0},
		{"no JSON", submitted(tykSecret, `hello`), true, one, nil, 400, "malformed", 0},
		{"an id that is none", submitted(tykSecret, `{"event":"key_request_event.submitted","data":{"id":"../users"}}`), true, one, nil, 400, "malformed", 0},
		{"Tyk: too large", submitted(tykSecret, strings.Repeat("x", 1<<20+1)), true, one, nil, 413, "too_large", 0},
		{"Tyk: the store is unavailable", submitted(tykSecret, keyEvent), true, one, errors.New("no"), 503, "unavailable", 1},
		{"Tyk: a test of the connection", method("portal/main", "HEAD"), true, one, nil, 200, "", 0},
		{"Tyk: GET", method("portal/main", "GET"), true, one, nil, 405, "", 0},
		{"Tyk: DELETE", method("portal/main", "DELETE"), true, one, nil, 405, "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &bench{answers: c.answers, err: c.err}
			source, handler := "stripe", stripeHandler(t, b.receiver())
			if c.tyk {
				source, handler = "portal/main", tykHandler(t, b.receiver())
			}
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, c.request)
			if w.Code != c.status || len(b.hints) != c.hints {
				t.Fatalf("answered %d with %d hints, want %d with %d: %s", w.Code, len(b.hints), c.status, c.hints, w.Body)
			}
			var want []string
			if c.outcome != "" {
				want = []string{source + " " + c.outcome}
			}
			if diff := cmp.Diff(want, b.outcomes); diff != "" {
				t.Errorf("observed (-want +got):\n%s", diff)
			}
			checkAnswer(t, w)
			checkSilence(t, w.Body.String()+b.log.String())
		})
	}
}

// checkAnswer checks what every answer of its status has.
func checkAnswer(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	if w.Body.Len() > 512 || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d bytes, Cache-Control %q", w.Body.Len(), w.Header().Get("Cache-Control"))
	}
	for header, has := range map[string]bool{
		"Allow": w.Code == 405, "Retry-After": w.Code == 503, "WWW-Authenticate": w.Code == 401,
	} {
		if (w.Header().Get(header) != "") != has {
			t.Errorf("%s is %q with status %d", header, w.Header().Get(header), w.Code)
		}
	}
	if w.Code == 200 {
		return
	}
	var problem struct {
		Title, Detail string
		Status        int
	}
	if err := json.Unmarshal(w.Body.Bytes(), &problem); err != nil || problem.Status != w.Code || problem.Detail == "" {
		t.Errorf("not a problem document: %v, %s", err, w.Body)
	}
	if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("Content-Type %q", got)
	}
}

// checkSilence sees that nothing that was sent is repeated to anybody.
func checkSilence(t *testing.T, said string) {
	t.Helper()
	for _, canary := range []string{stripeSecret, tykSecret, tykSecret[:12], "canary", "cs_1", keyID, "v1=", "secret=t"} {
		if strings.Contains(said, canary) {
			t.Errorf("answer or log repeats %q: %s", canary, said)
		}
	}
}

type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }

func TestAHintIsWhatWasVerified(t *testing.T) {
	b := &bench{}
	stripeHandler(t, b.receiver()).ServeHTTP(httptest.NewRecorder(), signed(paid()))
	tykHandler(t, b.receiver()).ServeHTTP(httptest.NewRecorder(), submitted(tykSecret, keyEvent))
	want := []bridge.Hint{
		{
			Source: "stripe", ID: stripeEventID, What: "checkout.session.completed", Said: bridge.SaidMoney, At: now,
			Request: requestULID, Refs: refs("session cs_1"),
		},
		{
			Source: "portal/main", What: "key_request_event.submitted", Said: bridge.SaidPortal, At: now, Portal: "main", Key: keyID,
			Intake: &bridge.Change{Request: bridge.Request{Portal: "main", Key: keyID}},
		},
	}
	if diff := cmp.Diff(want, b.hints); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestRetryAfterIsWhatTheStoreAsksFor(t *testing.T) {
	for wait, want := range map[time.Duration]string{0: "5", time.Millisecond: "1", 90 * time.Second: "90"} {
		b := &bench{err: &bridge.Error{Kind: bridge.Limited, RetryAfter: wait}}
		w := httptest.NewRecorder()
		stripeHandler(t, b.receiver()).ServeHTTP(w, signed(paid()))
		if got := w.Header().Get("Retry-After"); got != want {
			t.Errorf("asked for %s, said %q, want %q", wait, got, want)
		}
	}
}

func TestACommitGoesOnWhenTheSenderHangsUp(t *testing.T) {
	b := &bench{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := httptest.NewRecorder()
	stripeHandler(t, b.receiver()).ServeHTTP(w, signed(paid()).WithContext(ctx))
	if w.Code != 200 || len(b.hints) != 1 {
		t.Errorf("answered %d with %d hints", w.Code, len(b.hints))
	}
}

func TestACommitThatHangsIsGivenUp(t *testing.T) {
	b := &bench{}
	r := b.receiver()
	r.CommitWithin = 20 * time.Millisecond
	r.Accept = func(ctx context.Context, _ bridge.Hint) (bridge.Accepted, error) {
		<-ctx.Done()
		return bridge.Accepted{}, ctx.Err()
	}
	w := httptest.NewRecorder()
	stripeHandler(t, r).ServeHTTP(w, signed(paid()))
	if w.Code != 503 {
		t.Errorf("answered %d", w.Code)
	}
}

func TestALargeBodyIsNotReadToItsEnd(t *testing.T) {
	b := &bench{}
	server := httptest.NewServer(stripeHandler(t, b.receiver()))
	defer server.Close()
	body := &countingReader{left: 10 << 20}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, body)
	if err != nil {
		t.Fatal(err)
	}
	// The server hangs up while the client still writes, so either side may see it
	// first.
	response, err := server.Client().Do(request)
	if err == nil {
		defer func() { _ = response.Body.Close() }()
		if response.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("answered %d", response.StatusCode)
		}
	}
	server.Close()
	if diff := cmp.Diff([]string{"stripe too_large"}, b.outcomes); diff != "" {
		t.Error(diff)
	}
	if len(b.hints) != 0 {
		t.Error("a hint was taken from it")
	}
}

// countingReader is a body of so many bytes, whose length the client does not
// know.
type countingReader struct{ left int }

func (r *countingReader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), r.left)
	r.left -= n
	return n, nil
}

func TestABodyThatDoesNotArriveIsNotWaitedFor(t *testing.T) {
	b := &bench{}
	r := b.receiver()
	r.BodyWithin = 50 * time.Millisecond
	server := httptest.NewServer(stripeHandler(t, r))
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 408 ") {
		t.Errorf("answered %q, %v", answer, err)
	}
	server.Close()
	if diff := cmp.Diff([]string{"stripe malformed"}, b.outcomes); diff != "" {
		t.Error(diff)
	}
}

// The server of this test waits as long as it likes for a body, so only an answer
// that does not wait for one comes in time.
func TestWhoIsRefusedWithoutTheBodyIsAnsweredWithoutIt(t *testing.T) {
	b := &bench{}
	receiver := b.receiver()
	receiver.Limit = 1000
	server := httptest.NewServer(tykHandler(t, receiver))
	defer server.Close()
	const short, long, huge = "100", "2000", "10485760"
	for request, want := range map[string][2]string{
		"POST /?secret=wrong":             {short, "401"},
		"POST /?secret=" + tykSecret:      {long, "413"},
		"POST /large?secret=" + tykSecret: {huge, "413"},
		"PUT /?secret=" + tykSecret:       {short, "405"},
		"HEAD /?secret=" + tykSecret:      {short, "200"},
	} {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.WriteString(conn, request+" HTTP/1.1\r\nHost: x\r\nContent-Length: "+want[0]+"\r\n\r\n{"); err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(conn)
		if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 "+want[1]+" ") {
			t.Errorf("%s: answered %q, %v", request, answer, err)
		}
		_ = conn.Close()
	}
	if len(b.hints) != 0 {
		t.Error("a hint was taken")
	}
}

func TestAConnectionServesManyDeliveries(t *testing.T) {
	b := &bench{}
	r := b.receiver()
	r.BodyWithin = 100 * time.Millisecond // must not outlive the body
	server := httptest.NewServer(stripeHandler(t, r))
	defer server.Close()
	for range 3 {
		request := signed(paid())
		out, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, request.Body)
		if err != nil {
			t.Fatal(err)
		}
		out.Header = request.Header
		response, err := server.Client().Do(out)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Fatalf("answered %d", response.StatusCode)
		}
		time.Sleep(150 * time.Millisecond)
	}
	server.Close()
	if len(b.hints) != 3 {
		t.Errorf("%d hints", len(b.hints))
	}
}

func TestReceiversAreNotMadeWithoutWhatTheyNeed(t *testing.T) {
	b := &bench{}
	intake := func(string, string) *bridge.Change { return nil }
	for name, make := range map[string]func() (http.Handler, error){
		"Stripe without Accept": func() (http.Handler, error) {
			return webhooks.Stripe(webhooks.StripeConfig{Secrets: []string{stripeSecret}})
		},
		"Stripe without secrets": func() (http.Handler, error) {
			return webhooks.Stripe(webhooks.StripeConfig{Receiver: b.receiver()})
		},
		"Tyk without a portal": func() (http.Handler, error) {
			return webhooks.Tyk(webhooks.TykConfig{Receiver: b.receiver(), Secrets: []string{tykSecret}, Intake: intake})
		},
		"Tyk without Intake": func() (http.Handler, error) {
			return webhooks.Tyk(webhooks.TykConfig{Receiver: b.receiver(), Secrets: []string{tykSecret}, Portal: "main"})
		},
		"Tyk without secrets": func() (http.Handler, error) {
			return webhooks.Tyk(webhooks.TykConfig{Receiver: b.receiver(), Portal: "main", Intake: intake})
		},
		"Tyk with a short secret": func() (http.Handler, error) {
			return webhooks.Tyk(webhooks.TykConfig{Receiver: b.receiver(), Portal: "main", Intake: intake, Secrets: []string{"short"}})
		},
		"Tyk with a secret that has to be escaped": func() (http.Handler, error) {
			return webhooks.Tyk(webhooks.TykConfig{Receiver: b.receiver(), Portal: "main", Intake: intake, Secrets: []string{"a&b=c d+e/f0123456789"}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := make()
			if err == nil {
				t.Fatal("made")
			}
			if strings.Contains(err.Error(), "short") || strings.Contains(err.Error(), "a&b") {
				t.Errorf("the error repeats the secret: %v", err)
			}
		})
	}
}

func BenchmarkStripeReceiver(b *testing.B) {
	body := stripeEvent("checkout.session.completed", `{"id":"cs_1","object":"checkout.session","metadata":{"keybridge_request":"`+requestULID+`"},"note":"`+strings.Repeat("x", 700)+`"}`)
	handler := stripeHandler(b, webhooks.Receiver{
		Accept: func(context.Context, bridge.Hint) (bridge.Accepted, error) {
			return bridge.Accepted{Request: requestULID}, nil
		},
		Now: func() time.Time { return now },
	})
	header := http.Header{"Stripe-Signature": {signStripe(now, body, stripeSecret)}}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		r := &http.Request{Method: http.MethodPost, Header: header, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body))}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != 200 {
			b.Fatal(w.Code)
		}
	}
}
