package stripe

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"time"
)

// largestAnswer bounds what is read of one answer. A page of 100 events, the
// largest thing asked for, stays well below it.
const largestAnswer = 16 << 20

// userAgent replaces the header in which stripe-go describes the machine it runs
// on, host name included.
const userAgent = `{"bindings_version":"76.25.0","lang":"go","publisher":"stripe","application":{"name":"keybridge"}}`

// wire is what every call goes through: it bounds answers, logs calls, and turns
// answers that did not come from Stripe's API into errors of a kind of their own.
type wire struct {
	next http.RoundTripper
	cfg  Config
}

// client returns the HTTP client for stripe-go. Redirects are not followed: Stripe
// makes none, and the key must not travel.
func (c Config) client() *http.Client {
	var next http.RoundTripper
	if c.Client != nil {
		next = c.Client.Transport
	}
	if next == nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.MaxIdleConnsPerHost = 64 // as many as a portal has workers; with 2, most calls would dial
		next = transport
	}
	return &http.Client{
		Transport:     &wire{next: next, cfg: c},
		Timeout:       c.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// RoundTrip makes one call. There always is an answer: CallStreaming of stripe-go panics
// without one, so one that did not come fails when it is read.
func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := w.roundTrip(req)
	if err != nil {
		res = &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: failing{err}, Request: req}
	}
	return res, nil
}

// failing is the body of an answer that did not come.
type failing struct{ why error }

func (f failing) Read([]byte) (int, error) { return 0, f.why }
func (failing) Close() error               { return nil }

// roundTrip makes one call, and tells of it.
func (w *wire) roundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	req = req.WithContext(ctx) // a copy, whose header may be another
	req.Header = maps.Clone(req.Header)
	req.Header.Set("X-Stripe-Client-User-Agent", userAgent)
	begin := time.Now()
	res, err := w.next.RoundTrip(req)
	if w.cfg.Log.Enabled(ctx, slog.LevelDebug) {
		w.tell(ctx, req, res, time.Since(begin))
	}
	if err != nil {
		return nil, err
	}
	if res.StatusCode >= 300 {
		return w.theirs(res)
	}
	res.Body = &bounded{ReadCloser: res.Body, left: largestAnswer}
	return res, nil
}

// tell writes a line about a call; res is nil where no answer came.
func (w *wire) tell(ctx context.Context, req *http.Request, res *http.Response, took time.Duration) {
	told := []slog.Attr{
		slog.String("provider", w.cfg.Name), slog.String("method", req.Method), slog.String("path", req.URL.Path),
		slog.Duration("took", took),
	}
	if res == nil {
		w.cfg.Log.LogAttrs(ctx, slog.LevelDebug, "stripe did not answer", told...)
		return
	}
	w.cfg.Log.LogAttrs(ctx, slog.LevelDebug, "stripe answered", append(told, slog.Int("status", res.StatusCode),
		slog.String("stripe_request", requestID.FindString(res.Header.Get("Request-Id"))), slog.Bool("replayed", replayed(res.Header)))...)
}

// replayed reports an answer that Stripe had stored for an earlier call under the
// same idempotency key.
func replayed(h http.Header) bool { return h.Get("Idempotent-Replayed") == "true" }

// theirs returns an answer of failure if it has the form Stripe gives it. What else
// comes back (a proxy's page, a redirect) is a *foreign error.
func (w *wire) theirs(res *http.Response) (*http.Response, error) {
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err := errors.Join(err, res.Body.Close()); err != nil {
		return nil, err
	}
	var problem struct {
		Error *struct {
			Type string `json:"type"`
		} `json:"error"`
	}
	if err := json.Unmarshal(body, &problem); err != nil || problem.Error == nil || res.StatusCode < 400 {
		return nil, &foreignError{status: res.StatusCode, wait: retryAfter(res.Header, w.cfg.Now())}
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res, nil
}

// foreignError is an answer that Stripe's API did not give.
type foreignError struct {
	status int
	wait   time.Duration
}

func (e *foreignError) Error() string {
	return fmt.Sprintf("status %d without a Stripe error in it", e.status)
}

var errTooLarge = errors.New("the answer is too large")

// bounded is a body that fails rather than grow without end.
type bounded struct {
	io.ReadCloser
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLarge
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
