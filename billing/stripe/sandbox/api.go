package sandbox

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// mostBody is the most that is read of a request, in bytes.
const mostBody = 1 << 20

// call is one operation of the API: what it takes, what kind of object it
// gives, and what it does.
type call struct {
	method, path string
	takes        shape
	gives        string // kind of object, "list:" before it for a list
	do           func(*turn) (object, *problem)
}

// turn is one API call that is being carried out, with the ledger it works on.
type turn struct {
	*ledger
	in   values
	url  string
	path func(name string) string
}

// Call is one API request as it was answered.
type Call struct {
	Time           time.Time `json:"time"`
	Method         string    `json:"method"`
	Path           string    `json:"path"`
	Form           string    `json:"form"` // parameters, form-encoded and sorted
	IdempotencyKey string    `json:"idempotency_key,omitempty"`
	RequestID      string    `json:"request_id"`
	Status         int       `json:"status"`   // 0 = the connection was cut
	Replayed       bool      `json:"replayed"` // answered from what was stored under the key
	Fault          FaultKind `json:"fault,omitempty"`
}

// mostCalls is how many calls are remembered.
const mostCalls = 20_000

// journal remembers the latest API calls.
type journal struct {
	mu    sync.Mutex
	calls []Call
}

func (j *journal) write(c Call) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.calls) >= mostCalls {
		j.calls = append([]Call(nil), j.calls[mostCalls/2:]...)
	}
	j.calls = append(j.calls, c)
}

// Calls are the API requests that were answered, oldest first; the latest ten
// to twenty thousand are kept. Refused ones and those a fault hit are among them.
func (s *Server) Calls() []Call {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	return append([]Call(nil), s.journal.calls...)
}

// reply is an answer before it is sent.
type reply struct {
	status   int
	body     []byte
	request  string // id of the request that was carried out
	header   http.Header
	replayed bool
}

// asked is one request on its way through the door.
type asked struct {
	call
	r       *http.Request
	id, key string
	form    url.Values
	note    Call
}

// answer carries a request through: who asks, what for, whether it was asked
// before, what is to go wrong, and only then the work.
func (s *Server) answer(c call) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := &asked{call: c, r: r, id: s.requestID()}
		a.note = Call{Time: s.Now(), Method: r.Method, Path: r.URL.Path, RequestID: a.id}
		r.Body = http.MaxBytesReader(w, r.Body, mostBody)
		out, cut := s.carry(r.Context(), a)
		a.note.Status, a.note.Replayed = out.status, out.replayed
		if cut {
			a.note.Status = 0
		}
		s.journal.write(a.note)
		s.log.Debug("stripe call", "method", r.Method, "path", r.URL.Path, "status", a.note.Status,
			"request", a.id, "replayed", out.replayed)
		if cut {
			cutOff(w)
		}
		s.send(w, a, out)
	})
}

// carry gives the answer to a request, and whether the line is cut instead.
func (s *Server) carry(ctx context.Context, a *asked) (reply, bool) {
	if p := s.admit(a); p != nil {
		return s.refuse(a, p), false
	}
	claim, stored, p := s.claim(a)
	if p != nil {
		return s.refuse(a, p), false
	}
	defer claim.release()
	given, p := s.read(a)
	if p != nil {
		return s.refuse(a, p), false
	}
	hit := s.faults.strike(ctx, a.method, a.r.URL.Path, stored == nil)
	a.note.Fault = hit.Kind
	switch {
	case hit.Kind == CutBefore:
		return reply{}, true
	case hit.Kind == RateLimit:
		return s.slowDown(a, hit), false
	case stored != nil:
		return *stored, hit.Kind == CutAfter
	case hit.Kind == ErrorBefore:
		out := s.refuse(a, broken(hit))
		claim.keep(out)
		return out, false
	}
	out, begun := s.work(a, given)
	if hit.Kind == ErrorAfter {
		out = s.refuse(a, broken(hit))
	}
	if begun {
		claim.keep(out)
	}
	return out, hit.Kind == CutAfter
}

// admit checks the key and the version, and takes the form in.
func (s *Server) admit(a *asked) *problem {
	if p := s.authenticate(a.r); p != nil {
		return p
	}
	if v := a.r.Header.Get("Stripe-Version"); v != "" && v != apiVersion {
		return invalid("", "", "Invalid Stripe API version: %s. The sandbox speaks %s.", clipped(v), apiVersion)
	}
	body, err := a.body()
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		p := invalid("", "", "Request body is larger than %d bytes.", mostBody)
		p.status = http.StatusRequestEntityTooLarge
		return p
	}
	if err != nil {
		return invalid("", "", "The request body could not be read.")
	}
	if kind := a.r.Header.Get("Content-Type"); len(body) > 0 && !strings.HasPrefix(kind, "application/x-www-form-urlencoded") {
		return invalid("", "", "Invalid request: the API takes application/x-www-form-urlencoded, not %s.", clipped(kind))
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return invalid("", "", "Invalid request: the form is not well encoded.")
	}
	for name, given := range a.r.URL.Query() {
		form[name] = append(form[name], given...)
	}
	a.form, a.note.Form = form, form.Encode()
	return nil
}

// body is what was sent, to the last byte. Where that is nothing, as with most calls, no
// room is made for it.
func (a *asked) body() ([]byte, error) {
	if a.r.ContentLength == 0 {
		return nil, nil
	}
	return io.ReadAll(a.r.Body)
}

func (s *Server) authenticate(r *http.Request) *problem {
	key, given := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if user, _, basic := r.BasicAuth(); basic {
		key, given = user, true
	}
	p := invalid("", "", "")
	p.status = http.StatusUnauthorized
	switch {
	case !given || key == "":
		p.message = "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
	case subtle.ConstantTimeCompare([]byte(key), []byte(s.cfg.Key)) != 1:
		p.message = "Invalid API Key provided: " + masked(key)
	default:
		return nil
	}
	return p
}

// masked hides all of a key but its ends.
func masked(key string) string {
	if len(key) < 16 {
		return strings.Repeat("*", len(key))
	}
	return key[:8] + strings.Repeat("*", len(key)-12) + key[len(key)-4:]
}

// read holds the form to the call's shape.
func (s *Server) read(a *asked) (values, *problem) {
	tree, p := parseForm(a.form)
	if p != nil {
		return nil, p
	}
	given, p := a.takes.read(tree, "")
	if p != nil {
		return nil, p
	}
	return given, s.checkExpand(a.gives, given.texts("expand"))
}

// claim looks a POST's idempotency key up. What was stored comes back as it was.
func (s *Server) claim(a *asked) (*claim, *reply, *problem) {
	a.key = a.r.Header.Get("Idempotency-Key")
	a.note.IdempotencyKey = a.key
	if a.method != http.MethodPost || a.key == "" {
		return nil, nil, nil
	}
	return s.replays.claim(a.key, a.r.URL.Path, a.note.Form, s.Now())
}

// work carries the call out under the ledger's lock; begun says whether it got
// as far as being worth remembering.
func (s *Server) work(a *asked, given values) (out reply, begun bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.ledger
	l.catchUp()
	l.cause = cause{request: a.id, key: a.key}
	l.base = s.baseOf(a.r)
	defer func() { l.cause = cause{} }()
	made, p := a.do(&turn{ledger: l, in: given, url: a.r.URL.Path, path: a.r.PathValue})
	if p != nil {
		return s.refuse(a, p), !p.unstored
	}
	s.expand(made, given.texts("expand"))
	return reply{status: http.StatusOK, body: encode(made), request: a.id}, true
}

func (s *Server) baseOf(r *http.Request) string {
	if s.cfg.URL != "" {
		return s.cfg.URL
	}
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

func (s *Server) refuse(a *asked, p *problem) reply {
	body, err := json.MarshalIndent(p.render(a.id, s.baseOf(a.r)), "", "  ")
	if err != nil {
		body = []byte(`{"error":{"type":"api_error","message":"An unknown error occurred"}}`)
	}
	out := reply{status: p.status, body: body, request: a.id}
	if p.status == http.StatusUnauthorized {
		out.header = http.Header{"Www-Authenticate": {`Basic realm="Stripe"`}}
	}
	return out
}

func (s *Server) requestID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ledger.id("req_", 14)
}

func (s *Server) send(w http.ResponseWriter, a *asked, out reply) {
	h := w.Header()
	for name, given := range out.header {
		h[name] = given
	}
	h.Set("Content-Type", "application/json")
	h.Set("Request-Id", a.id)
	h.Set("Stripe-Version", apiVersion)
	h.Set("Cache-Control", "no-cache, no-store")
	if a.key != "" && a.method == http.MethodPost {
		h.Set("Idempotency-Key", a.key)
		h.Set("Original-Request", out.request)
	}
	if out.replayed {
		h.Set("Idempotent-Replayed", "true")
	}
	w.WriteHeader(out.status)
	if _, err := w.Write(out.body); err != nil {
		s.log.Debug("the caller went away", "request", a.id, "error", err)
	}
}

// unknownCall answers what is no operation of the API, or none of the sandbox.
func (s *Server) unknownCall(w http.ResponseWriter, r *http.Request) {
	a := &asked{r: r, id: s.requestID()}
	p := s.authenticate(r)
	if p == nil {
		p = invalid("", "", "Unrecognized request URL (%s: %s). The sandbox stands in for a part of Stripe's API only; its package documentation lists it.",
			r.Method, r.URL.Path)
		p.status = http.StatusNotFound
	}
	s.journal.write(Call{Time: s.Now(), Method: r.Method, Path: r.URL.Path, RequestID: a.id, Status: p.status})
	s.send(w, a, s.refuse(a, p))
}
