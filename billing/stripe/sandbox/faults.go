package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// FaultKind is a way to misbehave.
type FaultKind string

// What can go wrong with an API call, and with a webhook.
const (
	// Latency lets the answer wait for Delay. It goes together with another fault.
	Latency FaultKind = "latency"
	// RateLimit answers 429 with Retry-After; nothing is done, nothing stored.
	RateLimit FaultKind = "rate_limit"
	// ErrorBefore answers 500 (or Status) without doing the work. The answer is
	// stored under the idempotency key, as Stripe stores it.
	ErrorBefore FaultKind = "error_before"
	// ErrorAfter does the work and answers 500 (or Status); that answer is stored.
	ErrorAfter FaultKind = "error_after"
	// CutBefore cuts the connection before anything is done; nothing is stored.
	CutBefore FaultKind = "cut_before"
	// CutAfter does the work, stores the true answer, and cuts the connection.
	CutAfter FaultKind = "cut_after"

	// WebhookDuplicate delivers an event Copies times more.
	WebhookDuplicate FaultKind = "webhook_duplicate"
	// WebhookShuffle delivers events against their order: of each Copies (3)
	// events within Delay (300 ms) the last comes first.
	WebhookShuffle FaultKind = "webhook_shuffle"
	// WebhookLoss never delivers an event, nor retries it. It stays in the list
	// of undelivered ones.
	WebhookLoss FaultKind = "webhook_loss"
)

// Fault is one misbehaviour: what, to which calls or events, and how often.
type Fault struct {
	ID   string    `json:"id"` // set by the sandbox: "fault_1"
	Kind FaultKind `json:"kind"`

	// Method and Path say which API calls are hit: "POST", "/v1/checkout/sessions".
	// An empty one fits all; Path fits what begins with it.
	Method string `json:"method,omitempty"`
	Path   string `json:"path,omitempty"`

	// Event says which events a webhook fault hits: a type or the beginning of
	// one ("checkout.session.", "invoice.paid"). Empty fits all.
	Event string `json:"event,omitempty"`

	// Skip lets that many fitting calls or events pass first; then Times are
	// hit. Times 0 = all, until the faults are cleared.
	Skip  int `json:"skip,omitempty"`
	Times int `json:"times,omitempty"`

	// Delay is how long a Latency takes, or a WebhookShuffle at most.
	Delay Wait `json:"delay,omitempty"`
	// RetryAfter is what a RateLimit says, in whole seconds; 0 = 1 s.
	RetryAfter Wait `json:"retry_after,omitempty"`
	// Status is what the errors answer; 0 = 500.
	Status int `json:"status,omitempty"`
	// Copies is how many duplicates there are (0 = 1), or events in a shuffle (0 = 3).
	Copies int `json:"copies,omitempty"`
}

// Wait is a duration, written in JSON as Go writes it: "250ms", "2s".
type Wait time.Duration

// MarshalJSON writes the duration as text.
func (w Wait) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(w).String()) }

// UnmarshalJSON reads text such as "250ms".
func (w *Wait) UnmarshalJSON(raw []byte) error {
	var given string
	if err := json.Unmarshal(raw, &given); err != nil {
		return fmt.Errorf("a duration is text such as \"250ms\": %w", err)
	}
	d, err := time.ParseDuration(given)
	if err != nil {
		return fmt.Errorf("reading a duration: %w", err)
	}
	*w = Wait(d)
	return nil
}

// faults is what is to go wrong, in the order it was asked for.
type faults struct {
	mu     sync.Mutex
	made   int
	active []*Fault
	window time.Time // when the shuffle under way ends, see shuffled
	nth    int       // events it has taken in
}

// Fault has something go wrong from now on and returns its id. Several faults
// may be active; of those that fit a call, every latency and the first other
// one count.
func (s *Server) Fault(f Fault) string {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.made++
	f.ID = "fault_" + strconv.Itoa(s.faults.made)
	s.faults.active = append(s.faults.active, &f)
	return f.ID
}

// ClearFaults has nothing go wrong any more.
func (s *Server) ClearFaults() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.active = nil
}

// Faults are the ones that are active, with what is left of Skip and Times.
func (s *Server) Faults() []Fault {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	all := make([]Fault, len(s.faults.active))
	for i, f := range s.faults.active {
		all[i] = *f
	}
	return all
}

// known says whether a kind is one of the above.
func (k FaultKind) known() bool {
	switch k {
	case Latency, RateLimit, ErrorBefore, ErrorAfter, CutBefore, CutAfter, WebhookDuplicate, WebhookShuffle, WebhookLoss:
		return true
	}
	return false
}

func (k FaultKind) ofWebhooks() bool { return strings.HasPrefix(string(k), "webhook_") }

// strike gives the fault that hits a call, after waiting out every latency. A
// call that is only replayed does not use up an error.
func (fs *faults) strike(ctx context.Context, method, path string, fresh bool) Fault {
	hits := fs.use(func(f *Fault) bool {
		return !f.Kind.ofWebhooks() && (f.Method == "" || strings.EqualFold(f.Method, method)) &&
			strings.HasPrefix(path, f.Path) && (fresh || (f.Kind != ErrorBefore && f.Kind != ErrorAfter))
	}, func(k FaultKind) string {
		if k == Latency {
			return "latency"
		}
		return "fault"
	})
	var hit Fault
	for _, f := range hits {
		if f.Kind != Latency {
			hit = f
			continue
		}
		wait := time.NewTimer(time.Duration(f.Delay))
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
		}
		if hit.Kind == "" {
			hit = f
		}
	}
	return hit
}

// use takes the faults that fit, one of a group (latencies all), and counts them down.
func (fs *faults) use(fits func(*Fault) bool, group func(FaultKind) string) []Fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	var hits []Fault
	taken := map[string]bool{}
	left := fs.active[:0:0]
	for _, f := range fs.active {
		if !fits(f) || taken[group(f.Kind)] {
			left = append(left, f)
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			left = append(left, f)
			continue
		}
		hits = append(hits, *f)
		taken[group(f.Kind)] = f.Kind != Latency
		if f.Times == 1 {
			continue // used up
		}
		if f.Times > 1 {
			f.Times--
		}
		left = append(left, f)
	}
	fs.active = left
	return hits
}

// fate is what the faults have in store for one event.
type fate struct {
	lost   bool
	copies int
	delay  time.Duration
}

func (fs *faults) fateOf(kind string, now time.Time) fate {
	hits := fs.use(func(f *Fault) bool {
		return f.Kind.ofWebhooks() && strings.HasPrefix(kind, f.Event)
	}, func(k FaultKind) string { return string(k) })
	var is fate
	for _, f := range hits {
		switch f.Kind {
		case WebhookLoss:
			is.lost = true
		case WebhookDuplicate:
			is.copies = max(f.Copies, 1)
		case WebhookShuffle:
			is.delay = fs.shuffled(f, now)
		}
	}
	return is
}

// shuffled gives the wait that turns the events of one window around: the first
// waits longest.
func (fs *faults) shuffled(f Fault, now time.Time) time.Duration {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	size, length := max(f.Copies, 0), time.Duration(f.Delay)
	if size == 0 {
		size = 3
	}
	if length == 0 {
		length = 300 * time.Millisecond
	}
	if fs.nth >= size || now.After(fs.window) {
		fs.window, fs.nth = now.Add(length), 0
	}
	place := fs.window.Add(-time.Duration(fs.nth) * length / time.Duration(size))
	fs.nth++
	return max(place.Sub(now), 0)
}

// slowDown is the 429 of a rate limit.
func (s *Server) slowDown(a *asked, hit Fault) reply {
	p := invalid("rate_limit", "", "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.")
	p.status = http.StatusTooManyRequests
	out := s.refuse(a, p)
	seconds := max(int(time.Duration(hit.RetryAfter)/time.Second), 1)
	out.header = http.Header{"Retry-After": {strconv.Itoa(seconds)}, "Stripe-Rate-Limited-Reason": {"global-rate"}}
	return out
}

// broken is Stripe's own failure.
func broken(hit Fault) *problem {
	p := &problem{status: http.StatusInternalServerError, kind: "api_error", message: "An unknown error occurred"}
	if hit.Status != 0 {
		p.status = hit.Status
	}
	return p
}

// cutOff ends the connection in the middle of the status line. With nothing
// sent at all, Go's client would quietly send a request with an idempotency key
// again, and no fault would be seen.
func cutOff(w http.ResponseWriter) {
	if line, ok := w.(http.Hijacker); ok {
		if conn, _, err := line.Hijack(); err == nil {
			_, _ = conn.Write([]byte("HTTP/1."))
			_ = conn.Close()
		}
	}
	panic(http.ErrAbortHandler)
}
