package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The control API is JSON below /sandbox/, for tests and demonstrations that run in another process. The package
// documentation lists it.

// maxBody is the most a request may send, in bytes.
const maxBody = 1 << 20

// maxWait is the longest a call of the control API may wait.
const maxWait = time.Minute

// control is one call: what it returns is sent as JSON.
type control func(*http.Request) (any, error)

// refusal is an error with the HTTP status it is answered with.
type refusal struct {
	status  int
	message string
}

func (r *refusal) Error() string { return r.message }

func refuse(status int, message string) error { return &refusal{status, message} }

func (s *Server) controlRoutes(mux *http.ServeMux) {
	for pattern, call := range map[string]control{
		"GET /sandbox/mails":          s.readMails,
		"DELETE /sandbox/mails":       s.dropMails,
		"GET /sandbox/mails/{number}": s.readMail,
		"GET /sandbox/faults":         s.readFaults,
		"POST /sandbox/faults":        s.setFault,
		"DELETE /sandbox/faults":      s.dropFaults,
		"GET /sandbox/calls":          s.readCalls,
		"DELETE /sandbox/calls":       s.dropCalls,
		"/sandbox/": func(*http.Request) (any, error) {
			return nil, refuse(http.StatusNotFound, "there is no such control")
		},
	} {
		mux.HandleFunc(pattern, controlled(call))
	}
	mux.HandleFunc("GET /sandbox/ca.pem", s.sendCA)
}

func controlled(call control) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		answer, err := call(r)
		if err == nil {
			writeJSON(w, http.StatusOK, answer)
			return
		}
		status := http.StatusUnprocessableEntity
		var why *refusal
		if errors.As(err, &why) {
			status = why.status
		}
		writeJSON(w, status, map[string]string{"error": err.Error()})
	}
}

func writeJSON(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // whoever asked may be gone
}

// readMails lists mails. With wait it answers as soon as there is one, and with none at all once the wait is over.
func (s *Server) readMails(r *http.Request) (any, error) {
	filter, err := filterOf(r.URL.Query())
	if err != nil {
		return nil, err
	}
	if text := r.URL.Query().Get("wait"); text != "" {
		wait, err := time.ParseDuration(text)
		if err != nil || wait < 0 || wait > maxWait {
			return nil, refuse(http.StatusBadRequest, "wait is no duration up to "+maxWait.String())
		}
		ctx, cancel := context.WithTimeout(r.Context(), wait)
		defer cancel()
		if _, err := s.Await(ctx, filter); err != nil {
			return []Mail{}, nil //nolint:nilerr // none came, which is an answer
		}
	}
	return s.Mails(filter), nil
}

// filterOf reads a filter from a query.
func filterOf(query url.Values) (Filter, error) {
	f := Filter{To: query.Get("to"), Subject: query.Get("subject"), Kind: query.Get("kind"), MessageID: query.Get("message_id")}
	var err error
	if text := query.Get("since"); text != "" {
		if f.Since, err = strconv.Atoi(text); err != nil {
			return f, refuse(http.StatusBadRequest, "since is no mail's number")
		}
	}
	if text := query.Get("once"); text != "" {
		if f.Once, err = strconv.ParseBool(text); err != nil {
			return f, refuse(http.StatusBadRequest, "once is neither true nor false")
		}
	}
	return f, nil
}

// numbered returns the mail a path names.
func (s *Server) numbered(r *http.Request) (Mail, error) {
	number, err := strconv.Atoi(r.PathValue("number"))
	if err == nil {
		if m, here := s.Mail(number); here {
			return m, nil
		}
	}
	return Mail{}, refuse(http.StatusNotFound, "There is no such mail, or it was forgotten.")
}

func (s *Server) readMail(r *http.Request) (any, error) {
	m, err := s.numbered(r)
	if err != nil {
		return nil, err
	}
	return struct {
		Mail
		Raw []byte `json:"raw"`
	}{m, m.Raw}, nil
}

func (s *Server) dropMails(*http.Request) (any, error) {
	s.Clear()
	return []Mail{}, nil
}

// spokenFault is a fault as the control API speaks it.
type spokenFault struct {
	Fault
	DelayMS int64 `json:"delay_ms,omitempty"`
}

func (s *Server) readFaults(*http.Request) (any, error) {
	spoken := []spokenFault{}
	for _, f := range s.Faults() {
		spoken = append(spoken, spokenFault{f, f.Delay.Milliseconds()})
	}
	return spoken, nil
}

func (s *Server) setFault(r *http.Request) (any, error) {
	var spoken spokenFault
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&spoken); err != nil {
		return nil, refuse(http.StatusBadRequest, "the body is not the JSON that is expected: "+strings.TrimPrefix(err.Error(), "json: "))
	}
	if spoken.DelayMS < 0 || spoken.DelayMS > time.Minute.Milliseconds() {
		return nil, fmt.Errorf("delay_ms is out of bounds")
	}
	spoken.Delay = time.Duration(spoken.DelayMS) * time.Millisecond
	id, err := s.Fault(spoken.Fault)
	if err != nil {
		return nil, err
	}
	return map[string]string{"id": id}, nil
}

func (s *Server) dropFaults(r *http.Request) (any, error) {
	s.ClearFaults()
	return s.readFaults(r)
}

func (s *Server) readCalls(*http.Request) (any, error) { return append([]Call{}, s.Calls()...), nil }

func (s *Server) dropCalls(*http.Request) (any, error) {
	s.ClearCalls()
	return []Call{}, nil
}

func (s *Server) sendCA(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/x-pem-file")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(s.ca) // whoever asked may be gone
}
