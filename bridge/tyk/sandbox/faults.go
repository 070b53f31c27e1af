package sandbox

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// FaultKind is a way in which a portal misbehaves.
type FaultKind string

// The kinds of fault. "Before" means that the call had no effect, "after" that it had all of it and only the answer was
// lost.
const (
	Latency         FaultKind = "latency"           // answer after Delay
	TooManyRequests FaultKind = "too_many_requests" // 429 with Retry-After, before the work
	ErrorBefore     FaultKind = "error_before"      // Status, before the work
	ErrorAfter      FaultKind = "error_after"       // Status, after the work
	CutBefore       FaultKind = "cut_before"        // the connection is cut, before the work
	CutAfter        FaultKind = "cut_after"         // the connection is cut, after the work
)

// Fault makes matching requests go wrong. Of several that match, every Latency applies and then the first other one.
// Requests to /sandbox/ never go wrong.
type Fault struct {
	// ID is given by the sandbox.
	ID string
	// Method and Path say which requests: the method exactly, the path by how it begins. Empty means every one.
	Method, Path string
	// Kind is what goes wrong.
	Kind FaultKind
	// Times is how many requests go wrong before the fault is gone; 0 means until it is cleared.
	Times int
	// Delay is for Latency: up to a minute.
	Delay time.Duration
	// RetryAfter is for TooManyRequests: the header's value, in seconds.
	RetryAfter int
	// Status is for ErrorBefore and ErrorAfter: 400 to 599; 0 means 500.
	Status int
}

func (f Fault) check() error {
	switch f.Kind {
	case Latency, TooManyRequests, ErrorBefore, ErrorAfter, CutBefore, CutAfter:
	default:
		return fmt.Errorf("sandbox fault: there is no kind %q", f.Kind)
	}
	if f.Times < 0 || f.RetryAfter < 0 || f.Delay < 0 || f.Delay > time.Minute {
		return fmt.Errorf("sandbox fault: times, retry after or delay is out of bounds")
	}
	if f.Status != 0 && (f.Status < 400 || f.Status > 599) {
		return fmt.Errorf("sandbox fault: status %d is not within 400 and 599", f.Status)
	}
	return nil
}

func (f Fault) matches(r *http.Request) bool {
	return (f.Method == "" || f.Method == r.Method) && strings.HasPrefix(r.URL.Path, f.Path)
}

// faultAnswer writes an error in the shape of the product that misbehaves.
type faultAnswer func(w http.ResponseWriter, status int, message string)

// faultBoard holds the faults that are set.
type faultBoard struct {
	answer faultAnswer
	mu     sync.Mutex
	last   int
	faults []Fault
}

// Fault sets a fault and returns its id. It returns an error when the kind is none or a value is out of bounds.
func (s *site) Fault(fault Fault) (string, error) {
	if err := fault.check(); err != nil {
		return "", err
	}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.last++
	fault.ID = strconv.Itoa(s.faults.last)
	s.faults.faults = append(s.faults.faults, fault)
	return fault.ID, nil
}

// ClearFaults removes all faults.
func (s *site) ClearFaults() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.faults = nil
}

// Faults returns the faults that are set; Times is what is left of them.
func (s *site) Faults() []Fault {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	return slices.Clone(s.faults.faults)
}

// strike returns what goes wrong with a request: for how long it is held up, and the fault that then decides.
func (b *faultBoard) strike(r *http.Request) (delay time.Duration, decisive Fault) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.faults {
		fault := &b.faults[i]
		if !fault.matches(r) || (fault.Kind != Latency && decisive.Kind != "") {
			continue
		}
		if fault.Kind == Latency {
			delay += fault.Delay
		} else {
			decisive = *fault
		}
		if fault.Times > 0 {
			if fault.Times--; fault.Times == 0 {
				fault.Times = -1
			}
		}
	}
	b.faults = slices.DeleteFunc(b.faults, func(f Fault) bool { return f.Times < 0 })
	return delay, decisive
}

// serve lets next answer, as well as the faults allow.
func (b *faultBoard) serve(next http.Handler, w http.ResponseWriter, r *http.Request) {
	delay, fault := b.strike(r)
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-r.Context().Done():
			return
		}
	}
	if fault.Kind == ErrorAfter || fault.Kind == CutAfter {
		next.ServeHTTP(&unheard{header: http.Header{}}, r)
	}
	switch fault.Kind {
	case ErrorBefore, ErrorAfter:
		status := fault.Status
		if status == 0 {
			status = http.StatusInternalServerError
		}
		b.answer(w, status, "Fault on demand")
	case TooManyRequests:
		w.Header().Set("Retry-After", strconv.Itoa(fault.RetryAfter))
		b.answer(w, http.StatusTooManyRequests, "Too many requests")
	case CutBefore, CutAfter:
		panic(http.ErrAbortHandler)
	default:
		next.ServeHTTP(w, r)
	}
}

// unheard takes an answer that nobody will get.
type unheard struct{ header http.Header }

func (u *unheard) Header() http.Header         { return u.header }
func (u *unheard) Write(b []byte) (int, error) { return len(b), nil }
func (u *unheard) WriteHeader(int)             {}
