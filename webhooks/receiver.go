package webhooks

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"keybridge/bridge"
)

// Receiver is what every receiver of webhooks needs, whoever calls it. One value
// serves for all of them.
type Receiver struct {
	// Accept commits a hint: bridge.Service.Accept. Only after it has returned
	// without an error is the sender answered 2xx. Its context goes on when the
	// sender hangs up and ends after CommitWithin. Required.
	Accept func(context.Context, bridge.Hint) (bridge.Accepted, error)
	// Observe counts what came of a delivery, once each; see Outcomes. source is
	// "stripe" or "portal/main". It must not block. May be nil.
	Observe func(source, outcome string)
	// Log is told why something was refused, and why something could not be
	// committed. It is told nothing of what was sent. May be nil.
	Log *slog.Logger
	// Now is the clock; nil for time.Now.
	Now func() time.Time
	// Limit is how many bytes a body may have. Zero: what the sender's documents
	// suggest, see the receiver.
	Limit int64
	// BodyWithin is how long a body may take to arrive. Zero: 10 seconds.
	BodyWithin time.Duration
	// CommitWithin is how long a commit may take. Zero: 5 seconds, which is within
	// the patience of either sender.
	CommitWithin time.Duration
}

// What may come of a delivery.
const (
	// OutcomeAccepted: committed. Of an event that does not name its request: what is
	// known of its developer is committed, and the portal is asked for the rest.
	OutcomeAccepted = "accepted"
	// OutcomeDuplicate: had been accepted before.
	OutcomeDuplicate = "duplicate"
	// OutcomeUnknown: leads to no request; not kept.
	OutcomeUnknown = "unknown"
	// OutcomeIgnored: an event nobody listens to.
	OutcomeIgnored = "ignored"
	// OutcomeRefused: signature or secret missing, wrong or outdated.
	OutcomeRefused = "refused"
	// OutcomeTooLarge: the body is over the limit.
	OutcomeTooLarge = "too_large"
	// OutcomeUnavailable: could not be committed; the sender was asked to come again.
	OutcomeUnavailable = "unavailable"
	// OutcomeMalformed: from the right sender, and not what it should be; or the
	// body did not arrive whole.
	OutcomeMalformed = "malformed"
)

// Outcomes lists every outcome, so that a metric may begin at zero.
func Outcomes() []string {
	return []string{
		OutcomeAccepted, OutcomeDuplicate, OutcomeUnknown, OutcomeIgnored,
		OutcomeRefused, OutcomeTooLarge, OutcomeUnavailable, OutcomeMalformed,
	}
}

// adviceMethod is for whoever is calling with another method.
const adviceMethod = "Webhooks are sent here with POST. Where the sender lets you choose the method, choose that."

// defaultRetryAfter is how long a sender is asked to wait where the error does
// not say. Both senders have a schedule of their own; it is for those that heed it.
const defaultRetryAfter = 5 * time.Second

// sender is what one kind of sender adds to the skeleton.
type sender struct {
	// source is the name for metrics and log.
	source string
	// limit is the Limit where none is configured.
	limit int64
	// methods are those a delivery may come by. Nil: POST.
	methods []string
	// head answers HEAD with 200, for a portal's "test connection".
	head bool
	// unauthorized is the status of a refusal, and challenge what a 401 has to say
	// in WWW-Authenticate.
	unauthorized int
	challenge    string
	// admit refuses what can be refused without the body. May be nil.
	admit func(*http.Request) error
	// read believes or refuses the body, and says what it comes to. The body is used
	// again afterwards: nothing of the word may point into it.
	read func(header http.Header, body []byte, now time.Time) (word, error)
	// requests returns the requests of a developer at the portal, and look asks for a
	// listing of what waits there. Only a sender whose words need them has them.
	requests func(ctx context.Context, developer string) ([]bridge.ID, error)
	look     func()
}

// word is what a delivery that is believed comes to: a hint, and with some events
// more than one can say.
type word struct {
	// hint is committed first. One with nothing that could lead anywhere is passed
	// over.
	hint bridge.Hint
	// known is false for an event nobody listens to.
	known bool
	// developer is the portal's id of whose requests are hinted at, in the words of
	// hint, where hint itself leads nowhere. Empty: nobody's.
	developer string
	// look asks for a listing of what waits at the portal.
	look bool
}

// delivery is the handler: a Receiver and a sender.
type delivery struct {
	Receiver
	sender
}

// receive joins the two and says what is missing.
func (c Receiver) receive(s sender) (http.Handler, error) {
	if c.Accept == nil {
		return nil, fmt.Errorf("webhooks: the receiver of %s has no Accept", s.source)
	}
	if c.Observe == nil {
		c.Observe = func(string, string) {}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Limit <= 0 {
		c.Limit = s.limit
	}
	if c.BodyWithin <= 0 {
		c.BodyWithin = 10 * time.Second
	}
	if c.CommitWithin <= 0 {
		c.CommitWithin = 5 * time.Second
	}
	if s.methods == nil {
		s.methods = []string{http.MethodPost}
	}
	return &delivery{Receiver: c, sender: s}, nil
}

// ServeHTTP verifies, commits and answers, and does nothing else.
func (d *delivery) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !d.method(w, r) {
		return
	}
	if d.admit != nil {
		if err := d.admit(r); err != nil {
			leave(w, r)
			d.refuse(w, err)
			return
		}
	}
	body, err := d.body(w, r)
	if err != nil {
		leave(w, r)
		d.unread(w, err)
		return
	}
	said, err := d.read(r.Header, body.Bytes(), d.Now())
	keep(body)
	switch {
	case err != nil:
		d.refuse(w, err)
	case !said.known:
		d.done(w, OutcomeIgnored)
	default:
		d.commit(r.Context(), w, said)
	}
}

// method answers whatever is not a delivery, and reports whether it is one.
func (d *delivery) method(w http.ResponseWriter, r *http.Request) bool {
	if slices.Contains(d.methods, r.Method) {
		return true
	}
	leave(w, r)
	if r.Method == http.MethodHead && d.head {
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusOK)
		return false
	}
	allow := strings.Join(d.methods, ", ")
	if d.head {
		allow = "HEAD, " + allow
	}
	w.Header().Set("Allow", allow)
	problem(w, http.StatusMethodNotAllowed, adviceMethod)
	return false
}

// leave has the connection closed after the answer if there is a body that nobody
// reads to its end. To keep a connection net/http reads the body first and answers
// then, and even to close one it reads on for a while: whoever is slow with a body
// would be waited for as long as the server's ReadTimeout allows.
func leave(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength == 0 {
		return
	}
	w.Header().Set("Connection", "close")
	// Without deadlines there is nothing to wait for, as in a test, or the ReadTimeout.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now())
}

// bodies are buffers for bodies. Those that grew large are left to the collector.
var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

const keepBodies = 64 << 10

func keep(body *bytes.Buffer) {
	if body.Cap() <= keepBodies {
		bodies.Put(body)
	}
}

// body reads the whole body, within its limit and its time.
func (d *delivery) body(w http.ResponseWriter, r *http.Request) (*bytes.Buffer, error) {
	if r.ContentLength > d.Limit {
		return nil, &http.MaxBytesError{Limit: d.Limit}
	}
	// A connection's deadline is the wall clock's, whatever Now is. A ResponseWriter
	// without deadlines is one of a test, or relies on the server's ReadTimeout.
	control := http.NewResponseController(w)
	bounded := control.SetReadDeadline(time.Now().Add(d.BodyWithin)) == nil
	body := bodies.Get().(*bytes.Buffer) //nolint:errcheck // the pool holds nothing else
	body.Reset()
	if _, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, d.Limit)); err != nil {
		keep(body)
		return nil, err
	}
	if bounded {
		_ = control.SetReadDeadline(time.Time{}) // it was possible a moment ago
	}
	return body, nil
}

// unread answers a body that could not be read.
func (d *delivery) unread(w http.ResponseWriter, err error) {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		d.Observe(d.source, OutcomeTooLarge)
		problem(w, http.StatusRequestEntityTooLarge, "The body may have "+strconv.FormatInt(d.Limit, 10)+" bytes.")
		return
	}
	d.Observe(d.source, OutcomeMalformed)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		problem(w, http.StatusRequestTimeout, "The body did not arrive in time.")
		return
	}
	problem(w, http.StatusBadRequest, "The body did not arrive whole.")
}

// refuse answers what is not believed or not understood.
func (d *delivery) refuse(w http.ResponseWriter, err error) {
	status, outcome := http.StatusBadRequest, OutcomeMalformed
	if bridge.KindOf(err) == bridge.Refused {
		status, outcome = d.unauthorized, OutcomeRefused
	}
	d.Observe(d.source, outcome)
	d.Log.Warn("webhook not believed", "source", d.source, "reason", string(ReasonOf(err)), "error", err)
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", d.challenge)
	}
	problem(w, status, bridge.Explain(err))
}

// commit hands on what was said, and answers only then.
func (d *delivery) commit(ctx context.Context, w http.ResponseWriter, said word) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.CommitWithin)
	defer cancel()
	if said.look {
		d.look()
	}
	accepted, err := d.lead(ctx, said.hint)
	if err == nil && said.developer != "" && accepted.Unknown() {
		accepted, err = d.spread(ctx, said)
	}
	switch {
	case err != nil:
		d.unavailable(w, said.hint, err)
	case accepted.Duplicate:
		d.done(w, OutcomeDuplicate)
	case accepted.Unknown() && !said.look:
		d.done(w, OutcomeUnknown)
	default:
		d.done(w, OutcomeAccepted)
	}
}

// lead commits a hint that may lead somewhere.
func (d *delivery) lead(ctx context.Context, h bridge.Hint) (bridge.Accepted, error) {
	if h.Request == "" && h.Key == "" && len(h.Refs) == 0 {
		return bridge.Accepted{}, nil
	}
	return d.Accept(ctx, h)
}

func (d *delivery) unavailable(w http.ResponseWriter, h bridge.Hint, err error) {
	d.Observe(d.source, OutcomeUnavailable)
	d.Log.Error("webhook not committed", "source", d.source, "hint", h.ID, "what", h.What, "error", err)
	wait := defaultRetryAfter
	if e, ok := errors.AsType[*bridge.Error](err); ok && e.RetryAfter > 0 {
		wait = e.RetryAfter
	}
	seconds := int64((wait + time.Second - 1) / time.Second)
	w.Header().Set("Retry-After", strconv.FormatInt(seconds, 10))
	problem(w, http.StatusServiceUnavailable, "This could not be kept. Send it again.")
}

// done answers 200. The body tells whoever looks at a sender's list of deliveries
// what became of this one.
func (d *delivery) done(w http.ResponseWriter, outcome string) {
	d.Observe(d.source, outcome)
	head := w.Header()
	head.Set("Content-Type", "text/plain; charset=utf-8")
	head.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	_, _ = io.WriteString(w, outcome+"\n") // a sender that is gone already has lost nothing
}

// problem answers with a problem document (RFC 9457).
func problem(w http.ResponseWriter, status int, detail string) {
	head := w.Header()
	head.Set("Content-Type", "application/problem+json")
	head.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(struct {
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}{http.StatusText(status), status, detail}) // see done
}
