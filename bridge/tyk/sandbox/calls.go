package sandbox

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Call is one request the portal got, /sandbox/ aside.
type Call struct {
	Method string        `json:"method"`
	Path   string        `json:"path"`
	Query  string        `json:"query"`
	Status int           `json:"status"` // as it was answered; 0 when the connection was cut
	At     time.Time     `json:"at"`
	Took   time.Duration `json:"took_ns"`
}

// callsKept bounds the memory of a sandbox under load: of more calls, the older half is forgotten.
const callsKept = 50_000

type callLog struct {
	mu    sync.Mutex
	calls []Call
}

func (l *callLog) add(call Call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.calls) >= callsKept {
		l.calls = append([]Call(nil), l.calls[callsKept/2:]...)
	}
	l.calls = append(l.calls, call)
}

// Calls returns the requests answered so far, oldest first: the last 25,000 at least.
func (s *site) Calls() []Call {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	return slices.Clone(s.calls.calls)
}

// ClearCalls forgets the calls so far.
func (s *site) ClearCalls() {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	s.calls.calls = nil
}

// observed records each request and lets the faults at it.
func (s *site) observed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/sandbox/") {
			next.ServeHTTP(w, r)
			return
		}
		seen, began := &statusWriter{ResponseWriter: w}, s.now()
		defer func() { // also when the connection is cut, which is a panic
			s.calls.add(Call{
				Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, Status: seen.status, At: began, Took: s.now().Sub(began),
			})
		}()
		s.faults.serve(next, seen, r)
	})
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}
