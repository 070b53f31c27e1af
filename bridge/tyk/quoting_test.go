package tyk_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"keybridge/bridge"
	"keybridge/bridge/portaltest"
	"keybridge/bridge/tyk"
	"keybridge/bridge/tyk/sandbox"
)

// What a far end may say that nobody may read: an address, a key, and words that look like any other.
const quoted = "canary.person@example.net canarykey53ac07777cbb8c2d Canarybirdsong canarybirdsong"

// spoils are the ways in which a far end says it.
var spoils = map[string]http.HandlerFunc{
	"in a page":                  spoilt(http.StatusBadGateway, "text/html", "<html>"+quoted),
	"in a page that is taken":    spoilt(http.StatusOK, "text/html", "<html>"+quoted),
	"in an error under 200":      spoilt(http.StatusOK, "application/json", saying(quoted)),
	"in a refusal":               spoilt(http.StatusForbidden, "application/json", saying("not authorised: "+quoted)),
	"in what it does not find":   spoilt(http.StatusNotFound, "application/json", saying("the key "+quoted+" does not exist")),
	"in a policy it does not":    spoilt(http.StatusBadRequest, "application/json", saying("policy "+quoted+" not found")),
	"in what was decided":        spoilt(http.StatusBadRequest, "application/json", saying(quoted+" is already approved")),
	"in what cannot be done":     spoilt(http.StatusUnprocessableEntity, "application/json", saying(quoted)),
	"in what is behind it":       spoilt(http.StatusInternalServerError, "application/json", saying("redis: "+quoted+": connection refused")),
	"in a wish for patience":     spoilt(http.StatusTooManyRequests, "application/json", saying(quoted)),
	"in members of another kind": spoilt(http.StatusOK, "application/json", fmt.Sprintf(`{"Status":{"of":%q},"ID":[%q],"Data":%q,"Model":%q,"id":{"x":%q}}`, quoted, quoted, quoted, quoted, quoted)),
	"in a list":                  spoilt(http.StatusOK, "application/json", fmt.Sprintf(`[%q,{"ID":%q}]`, quoted, quoted)),
	"in JSON that is cut off":    spoilt(http.StatusOK, "application/json", `{"Status":"`+quoted),
	"in where it leads": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "https://elsewhere.example/?"+url.QueryEscape(quoted))
		w.WriteHeader(http.StatusFound)
	},
	"in where it leads that is no address": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "://%zz"+quoted)
		w.WriteHeader(http.StatusFound)
	},
	"in what is no HTTP":   raw(quoted + "\r\n\r\n"),
	"in a status":          raw("HTTP/1.1 " + quoted + "\r\n\r\n"),
	"in a header":          raw("HTTP/1.1 200 OK\r\nCanary " + quoted + "\r\n\r\n"),
	"in a body's length":   raw("HTTP/1.1 200 OK\r\nContent-Length: " + quoted + "\r\n\r\n"),
	"in a body's encoding": raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: " + quoted + "\r\n\r\n"),
}

// saying is an error in every form that Tyk's products give it.
func saying(message string) string {
	return fmt.Sprintf(`{"Status":"Error","Message":%q,"errors":[%q],"error":%q,"Meta":%q}`, message, message, message, message)
}

func spoilt(status int, kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
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

// spoiler stands before a portal and spoils one answer.
type spoiler struct {
	next http.Handler
	mu   sync.Mutex
	how  http.HandlerFunc
	left int // how many calls get through before; negative: all
	met  bool
}

func (s *spoiler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.left--
	now, how := s.left == -1 && s.how != nil, s.how
	s.met = s.met || now
	s.mu.Unlock()
	if !now {
		how = s.next.ServeHTTP
	}
	how(w, r)
}

// set has the n-th call from now spoilt; nil: none is.
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

// calls are those of the port, each on what it is made for.
var portCalls = map[string]func(t *testing.T, s portaltest.Stand) func(context.Context, bridge.Portal) error{
	"read": func(t *testing.T, s portaltest.Stand) func(context.Context, bridge.Portal) error {
		return on(s.Ask(t, s.Policies[0]), bridge.Access{}, bridge.Portal.Read)
	},
	"read what is granted": func(t *testing.T, s portaltest.Stand) func(context.Context, bridge.Portal) error {
		key, known := grantedBy(t, s)
		return on(key, known, bridge.Portal.Read)
	},
	"approve": func(t *testing.T, s portaltest.Stand) func(context.Context, bridge.Portal) error {
		return on(s.Ask(t, s.Policies[0]), bridge.Access{Have: bridge.Pending}, bridge.Portal.Approve)
	},
	"decline": func(t *testing.T, s portaltest.Stand) func(context.Context, bridge.Portal) error {
		key := s.Ask(t, s.Policies[0])
		return func(ctx context.Context, p bridge.Portal) error {
			_, err := p.Decline(ctx, key, bridge.Access{Have: bridge.Pending}, "no")
			return err
		}
	},
	"suspend": func(t *testing.T, s portaltest.Stand) func(context.Context, bridge.Portal) error {
		key, known := grantedBy(t, s)
		return on(key, known, bridge.Portal.Suspend)
	},
	"resume": func(t *testing.T, s portaltest.Stand) func(context.Context, bridge.Portal) error {
		key, known := grantedBy(t, s)
		facts, err := s.Portal.Suspend(t.Context(), key, known)
		if err != nil {
			t.Fatal(err)
		}
		return on(key, bridge.Access{Have: facts.State, Keys: facts.Keys}, bridge.Portal.Resume)
	},
	"revoke": func(t *testing.T, s portaltest.Stand) func(context.Context, bridge.Portal) error {
		key, known := grantedBy(t, s)
		return on(key, known, bridge.Portal.Revoke)
	},
	"create": func(_ *testing.T, s portaltest.Stand) func(context.Context, bridge.Portal) error {
		return func(ctx context.Context, p bridge.Portal) error {
			_, err := p.Create(ctx, bridge.Asking{Developer: s.Applicant.Email, Policies: s.Policies[:1], Plan: s.Plan})
			return err
		}
	},
	"list pending": func(t *testing.T, s portaltest.Stand) func(context.Context, bridge.Portal) error {
		s.Ask(t, s.Policies[0])
		return func(ctx context.Context, p bridge.Portal) error {
			return p.ListPending(ctx, func(string) error { return nil })
		}
	},
}

func on(key string, known bridge.Access, call func(bridge.Portal, context.Context, string, bridge.Access) (bridge.KeyRequest, error)) func(context.Context, bridge.Portal) error {
	return func(ctx context.Context, p bridge.Portal) error {
		_, err := call(p, ctx, key, known)
		return err
	}
}

func grantedBy(t *testing.T, s portaltest.Stand) (key string, known bridge.Access) {
	t.Helper()
	key = s.Ask(t, s.Policies[0])
	facts, err := s.Portal.Approve(t.Context(), key, bridge.Access{Have: bridge.Pending})
	if err != nil {
		t.Fatal(err)
	}
	return key, bridge.Access{Have: facts.State, Keys: facts.Keys}
}

// TestNoErrorAndNoLineOfTheLogQuotesAPortal spoils every answer of every call that an adapter makes, one at a time.
func TestNoErrorAndNoLineOfTheLogQuotesAPortal(t *testing.T) {
	for product, start := range map[string]func(t *testing.T, far *spoiler) (portaltest.Stand, bridge.Portal){
		"classic": func(t *testing.T, far *spoiler) (portaltest.Stand, bridge.Portal) {
			f := newFarEnd(t, sandbox.DefaultSettings())
			return f.stand(t), f.client(t, func(c *tyk.Config) { c.URL = before(t, far, c.URL) })
		},
		"enterprise": func(t *testing.T, far *spoiler) (portaltest.Stand, bridge.Portal) {
			f := newEnterpriseEnd(t, sandbox.EnterpriseConfig{})
			return f.stand(t), f.client(t, func(c *tyk.EnterpriseConfig) { c.URL = before(t, far, c.URL) })
		},
	} {
		for name, prepare := range portCalls {
			t.Run(product+" "+name, func(t *testing.T) {
				t.Parallel()
				far := &spoiler{}
				s, p := start(t, far)
				far.set(0, nil)
				failed := 0
				for how, spoil := range spoils {
					failed += everyAnswer(t, s, p, far, how, spoil, prepare)
				}
				if failed < len(spoils)/2 {
					t.Errorf("%d calls failed, so this shows nothing", failed)
				}
				for line := range strings.Lines(s.Log()) {
					if strings.Contains(strings.ToLower(line), "canary") {
						t.Fatalf("it is in the log: %s", line)
					}
				}
			})
		}
	}
}

// before has a spoiler stand before an address, and returns its own.
func before(t *testing.T, s *spoiler, address string) string {
	t.Helper()
	to, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	s.next = &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return server.URL
}

// mostAnswers is how many answers of a call are spoilt: a resumption asks until there are credentials.
const mostAnswers = 20

// throughout are the spoils of every answer of a call; the others are of the first alone, because each takes the whole way
// there.
var throughout = []string{"in an error under 200", "in what cannot be done", "in members of another kind", "in a list", "in what is no HTTP"}

// everyAnswer makes a call as often as it has answers, and spoils another one each time. It counts those that failed.
func everyAnswer(t *testing.T, s portaltest.Stand, p bridge.Portal, far *spoiler, how string, spoil http.HandlerFunc, prepare func(*testing.T, portaltest.Stand) func(context.Context, bridge.Portal) error) (failed int) {
	t.Helper()
	for n := range mostAnswers {
		call := prepare(t, s)
		far.set(n, spoil)
		err := call(t.Context(), p)
		if !far.struck() {
			return failed
		}
		if err != nil {
			failed++
		}
		for _, text := range []string{fmt.Sprintf("%v %+v %q", err, err, err), bridge.Explain(err)} {
			if strings.Contains(strings.ToLower(text), "canary") {
				t.Errorf("answer %d, %s: %s", n+1, how, text)
			}
		}
		if !slices.Contains(throughout, how) {
			return failed
		}
	}
	return failed
}
