package stripe_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"keybridge/billing/stripe"
	"keybridge/billing/stripe/sandbox"
	"keybridge/bridge"
)

// What a far end may say that nobody may read: an address, keys, and words that look like any other.
const quoted = "canary.person@example.net sk_test_canary123 pi_1_secret_canary Canary Birdsong canarybirdsong"

// spoils are the ways in which a far end says it.
var spoils = map[string]http.HandlerFunc{
	"in a page":                  spoilt(http.StatusBadGateway, "<html>"+quoted),
	"in a page that is taken":    spoilt(http.StatusOK, "<html>"+quoted),
	"in an error of no type":     spoilt(http.StatusBadRequest, `{"error":"`+quoted+`"}`),
	"in a refusal of the key":    spoilt(http.StatusUnauthorized, failing("invalid_request_error", "")),
	"in a missing permission":    spoilt(http.StatusForbidden, failing("invalid_request_error", "")),
	"in what it does not find":   spoilt(http.StatusNotFound, failing("invalid_request_error", "resource_missing")),
	"in what it does not accept": spoilt(http.StatusBadRequest, failing("invalid_request_error", "parameter_unknown")),
	"in words of no API":         spoilt(http.StatusBadRequest, failing(quoted, quoted)),
	"in a declined card":         spoilt(http.StatusPaymentRequired, failing("card_error", "card_declined")),
	"in a conflict":              spoilt(http.StatusConflict, failing("idempotency_error", "idempotency_key_in_use")),
	"in a wish for patience":     spoilt(http.StatusTooManyRequests, failing("invalid_request_error", "rate_limit")),
	"in a fault of its own":      spoilt(http.StatusInternalServerError, failing("api_error", "")),
	"in members of another kind": spoilt(http.StatusOK, fmt.Sprintf(`{"id":[%q],"object":%q,"data":%q,"amount":%q,"metadata":%q,"client_secret":%q}`, quoted, quoted, quoted, quoted, quoted, quoted)),
	"in JSON that is cut off":    spoilt(http.StatusOK, `{"id":"`+quoted),
	"in where it leads": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "https://elsewhere.example/?"+url.QueryEscape(quoted))
		w.WriteHeader(http.StatusFound)
	},
	"in what is no HTTP":   raw(quoted + "\r\n\r\n"),
	"in a status":          raw("HTTP/1.1 " + quoted + "\r\n\r\n"),
	"in a header":          raw("HTTP/1.1 200 OK\r\nCanary " + quoted + "\r\n\r\n"),
	"in a body's length":   raw("HTTP/1.1 200 OK\r\nContent-Length: " + quoted + "\r\n\r\n"),
	"in a body's encoding": raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: " + quoted + "\r\n\r\n"),
}

// throughout are the spoils of every answer of a call; the others are of the first alone, because each takes the whole way
// there.
var throughout = []string{"in what it does not accept", "in words of no API", "in members of another kind", "in what is no HTTP"}

// failing is an error of Stripe's with the canaries in every member that has a text.
func failing(kind, code string) string {
	return fmt.Sprintf(`{"error":{"type":%q,"code":%q,"message":%q,"decline_code":%q,"param":%q,"doc_url":%q,"charge":%q,`+
		`"payment_intent":{"id":%q,"client_secret":%q,"receipt_email":%q}}}`, kind, code, quoted, quoted, quoted, quoted, quoted, quoted, quoted, quoted)
}

func spoilt(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Request-Id", quoted)
		w.Header().Set("Retry-After", quoted)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// raw answers with bytes as they are, and hangs up.
func raw(answer string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = io.WriteString(conn, answer)
		_ = conn.Close()
	}
}

// spoiler stands before Stripe and spoils one answer.
type spoiler struct {
	next http.Handler
	mu   sync.Mutex
	how  http.HandlerFunc
	left int // how many calls get through before
	met  bool
}

func (s *spoiler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.left--
	now, how := s.left == -1, s.how
	s.met = s.met || now
	s.mu.Unlock()
	if !now {
		how = s.next.ServeHTTP
	}
	how(w, r)
}

// set has the n-th call from now spoilt.
func (s *spoiler) set(n int, how http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left, s.how, s.met = n, how, false
}

func (s *spoiler) struck() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.met
}

// shop is a sandbox, and a provider that nothing spoils.
type shop struct {
	*testing.T
	far   *sandbox.Server
	clean *stripe.Provider
	made  int
}

// opened opens a checkout, and has it paid where that is said.
func (s *shop) opened(terms bridge.Terms, paid bool) bridge.Request {
	s.Helper()
	o := s.order(terms)
	m, err := s.clean.Open(s.Context(), o)
	if err == nil && paid {
		act(s.T, s.far, m.Checkout.ID, "pay")
		m, err = s.clean.Read(s.Context(), seen(o, m))
	}
	if err != nil {
		s.Fatal(err)
	}
	return seen(o, m)
}

func (s *shop) order(terms bridge.Terms) bridge.Order {
	s.made++
	return orderOf(bridge.ID(fmt.Sprintf("01J%023d", s.made)), bridge.Paying, terms, s.far.Now())
}

func held() bridge.Terms {
	held := terms("")
	held.Hold = true
	return held
}

// portCalls are those of the port, each on what it is made for.
var portCalls = map[string]func(s *shop) func(context.Context, *stripe.Provider) error{
	"quote": func(*shop) func(context.Context, *stripe.Provider) error {
		return func(ctx context.Context, p *stripe.Provider) error {
			_, err := p.Quote(ctx, bridge.Price{Name: "Gold", Ref: "price_gold"})
			return err
		}
	},
	"quote by a lookup key": func(*shop) func(context.Context, *stripe.Provider) error {
		return func(ctx context.Context, p *stripe.Provider) error {
			_, err := p.Quote(ctx, bridge.Price{Name: "Gold", Lookup: "gold"})
			return err
		}
	},
	"open": func(s *shop) func(context.Context, *stripe.Provider) error {
		o := s.order(terms("month"))
		return func(ctx context.Context, p *stripe.Provider) error { _, err := p.Open(ctx, o); return err }
	},
	"open after an attempt": func(s *shop) func(context.Context, *stripe.Provider) error {
		o := s.order(terms(""))
		o.Since = o.At.Add(-time.Minute)
		return func(ctx context.Context, p *stripe.Provider) error { _, err := p.Open(ctx, o); return err }
	},
	"read": func(s *shop) func(context.Context, *stripe.Provider) error {
		r := s.opened(terms(""), true)
		return func(ctx context.Context, p *stripe.Provider) error { _, err := p.Read(ctx, r); return err }
	},
	"read a subscription": func(s *shop) func(context.Context, *stripe.Provider) error {
		r := s.opened(terms("month"), true)
		return func(ctx context.Context, p *stripe.Provider) error { _, err := p.Read(ctx, r); return err }
	},
	"expire": func(s *shop) func(context.Context, *stripe.Provider) error {
		r := s.opened(terms(""), false)
		return func(ctx context.Context, p *stripe.Provider) error {
			_, err := p.Expire(ctx, r, "e"+string(r.ID))
			return err
		}
	},
	"capture": func(s *shop) func(context.Context, *stripe.Provider) error {
		r := s.opened(held(), true)
		return func(ctx context.Context, p *stripe.Provider) error {
			_, err := p.Capture(ctx, r, "c"+string(r.ID))
			return err
		}
	},
	"void": func(s *shop) func(context.Context, *stripe.Provider) error {
		r := s.opened(held(), true)
		return func(ctx context.Context, p *stripe.Provider) error {
			_, err := p.Void(ctx, r, "v"+string(r.ID))
			return err
		}
	},
	"refund": func(s *shop) func(context.Context, *stripe.Provider) error {
		r := s.opened(terms(""), true)
		return func(ctx context.Context, p *stripe.Provider) error {
			_, err := p.Refund(ctx, r, bridge.NewAmount(100, "EUR"), "r"+string(r.ID))
			return err
		}
	},
	"cancel": func(s *shop) func(context.Context, *stripe.Provider) error {
		r := s.opened(terms("month"), true)
		return func(ctx context.Context, p *stripe.Provider) error {
			_, err := p.Cancel(ctx, r, "n"+string(r.ID))
			return err
		}
	},
	"list missed events": func(s *shop) func(context.Context, *stripe.Provider) error {
		s.opened(terms(""), true)
		return func(ctx context.Context, p *stripe.Provider) error {
			return p.Missed(ctx, s.far.Now().Add(-time.Hour), func(bridge.Hint) error { return nil })
		}
	},
	"list checkouts": func(s *shop) func(context.Context, *stripe.Provider) error {
		s.opened(terms(""), true)
		return func(ctx context.Context, p *stripe.Provider) error {
			return p.List(ctx, s.far.Now().Add(-time.Hour), func(bridge.Opened) error { return nil })
		}
	},
}

// TestNoErrorAndNoLineOfTheLogQuotesStripe spoils every answer of every call that the provider makes, one at a time.
func TestNoErrorAndNoLineOfTheLogQuotesStripe(t *testing.T) {
	for name, prepare := range portCalls {
		t.Run(name, func(t *testing.T) {
			far, address := farEnd(t)
			to, err := url.Parse(address)
			if err != nil {
				t.Fatal(err)
			}
			before := &spoiler{next: &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }}}
			server := httptest.NewServer(before)
			t.Cleanup(server.Close)
			var log bytes.Buffer
			p := provider(t, far, server.URL, func(c *stripe.Config) {
				c.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			})
			s := &shop{T: t, far: far, clean: provider(t, far, address, nil)}
			failed := 0
			for how, spoil := range spoils {
				failed += s.everyAnswer(p, before, how, spoil, prepare)
			}
			if failed < len(spoils)/2 {
				t.Errorf("%d calls failed, so this shows nothing", failed)
			}
			for line := range strings.Lines(log.String()) {
				if strings.Contains(strings.ToLower(line), "canary") {
					t.Fatalf("it is in the log: %s", line)
				}
			}
		})
	}
}

// everyAnswer makes a call as often as it has answers, and spoils another one each time. It counts those that failed.
func (s *shop) everyAnswer(p *stripe.Provider, far *spoiler, how string, spoil http.HandlerFunc, prepare func(*shop) func(context.Context, *stripe.Provider) error) (failed int) {
	s.Helper()
	for n := range 20 {
		call := prepare(s)
		far.set(n, spoil)
		err := call(s.Context(), p)
		if !far.struck() {
			return failed
		}
		if err != nil {
			failed++
		}
		for _, text := range []string{fmt.Sprintf("%v %+v %q", err, err, err), bridge.Explain(err)} {
			if strings.Contains(strings.ToLower(text), "canary") {
				s.Errorf("answer %d, %s: %s", n+1, how, text)
			}
		}
		if !slices.Contains(throughout, how) {
			return failed
		}
	}
	s.Error("it makes more than 20 calls")
	return failed
}
