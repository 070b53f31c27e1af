package sandbox

import (
	"fmt"
	"net/http"
	"time"
)

// The control API is the sandbox's own, and no part of Tyk's: JSON below /sandbox/, for tests and demonstrations that run
// in another process. The package documentation lists it.

func (s *Server) controlRoutes(mux *http.ServeMux) {
	for pattern, call := range map[string]apiCall{
		"GET /sandbox/settings":              s.readSettings,
		"PUT /sandbox/settings":              s.replaceSettings,
		"PATCH /sandbox/settings":            s.changeSettings,
		"GET /sandbox/faults":                s.readFaults,
		"POST /sandbox/faults":               s.setFault,
		"DELETE /sandbox/faults":             s.dropFaults,
		"GET /sandbox/calls":                 func(*http.Request) (any, error) { return append([]Call{}, s.Calls()...), nil },
		"DELETE /sandbox/calls":              s.dropCalls,
		"GET /sandbox/mail":                  s.readMail,
		"GET /sandbox/webhooks":              func(*http.Request) (any, error) { return s.Webhooks(), nil },
		"POST /sandbox/webhooks/{id}/replay": s.replayWebhook,
		"POST /sandbox/requests":             s.makeRequest,
		"PUT /sandbox/requests/{id}":         s.changeRequest,
	} {
		mux.HandleFunc(pattern, s.controlled(call))
	}
	mux.HandleFunc("/sandbox/", s.controlled(func(*http.Request) (any, error) {
		return nil, refuse(http.StatusNotFound, "there is no such control")
	}))
}

// controlled serves an apiCall to anybody: it is a sandbox. Its errors are never subject to the quirks.
func (s *Server) controlled(call apiCall) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answer, err := call(r)
		if err == nil {
			writeJSON(w, http.StatusOK, answer)
			return
		}
		status := http.StatusUnprocessableEntity
		if why, known := err.(*refusal); known { //nolint:errorlint // what the calls here return is never wrapped
			status = why.status
		}
		writeJSON(w, status, map[string]string{"error": err.Error()})
	}
}

func (s *Server) readSettings(*http.Request) (any, error) {
	settings := s.Settings()
	settings.SignedRedirect.Secret = ""
	return settings, nil
}

// replaceSettings sets all settings; what is not sent is off.
func (s *Server) replaceSettings(r *http.Request) (any, error) {
	return s.takeSettings(r, Settings{})
}

// changeSettings sets what is sent and leaves the rest.
func (s *Server) changeSettings(r *http.Request) (any, error) {
	return s.takeSettings(r, s.Settings())
}

func (s *Server) takeSettings(r *http.Request, settings Settings) (any, error) {
	if err := readJSON(r, &settings); err != nil {
		return nil, err
	}
	if err := s.SetSettings(settings); err != nil {
		return nil, err
	}
	return s.readSettings(r)
}

// spokenFault is a fault as the control API speaks it.
type spokenFault struct {
	ID         string    `json:"id"`
	Method     string    `json:"method"`
	Path       string    `json:"path"`
	Kind       FaultKind `json:"kind"`
	Times      int       `json:"times"`
	DelayMS    int64     `json:"delay_ms"`
	RetryAfter int       `json:"retry_after"`
	Status     int       `json:"status"`
}

func (s *Server) readFaults(*http.Request) (any, error) {
	spoken := []spokenFault{}
	for _, f := range s.Faults() {
		spoken = append(spoken, spokenFault{f.ID, f.Method, f.Path, f.Kind, f.Times, f.Delay.Milliseconds(), f.RetryAfter, f.Status})
	}
	return spoken, nil
}

func (s *Server) setFault(r *http.Request) (any, error) {
	var f spokenFault
	if err := readJSON(r, &f); err != nil {
		return nil, err
	}
	id, err := s.Fault(Fault{
		Method: f.Method, Path: f.Path, Kind: f.Kind, Times: f.Times, Delay: time.Duration(f.DelayMS) * time.Millisecond,
		RetryAfter: f.RetryAfter, Status: f.Status,
	})
	if err != nil {
		return nil, err
	}
	return map[string]string{"id": id}, nil
}

func (s *Server) dropFaults(r *http.Request) (any, error) {
	s.ClearFaults()
	return s.readFaults(r)
}

func (s *Server) dropCalls(*http.Request) (any, error) {
	s.ClearCalls()
	return []Call{}, nil
}

// readMail returns all mails, oldest first, or those to one address, newest first.
func (s *Server) readMail(r *http.Request) (any, error) {
	if to := r.URL.Query().Get("to"); to != "" {
		return s.mailTo(to), nil
	}
	return append([]Message{}, s.Mail()...), nil
}

func (s *Server) replayWebhook(r *http.Request) (any, error) {
	if err := s.Replay(r.PathValue("id")); err != nil {
		return nil, err
	}
	return map[string]string{"replayed": r.PathValue("id")}, nil
}

// makeRequest files a key request as the portal's form would, and tells where the form would have led.
func (s *Server) makeRequest(r *http.Request) (any, error) {
	var ask Ask
	if err := readJSON(r, &ask); err != nil {
		return nil, err
	}
	request, err := s.CreateKeyRequest(ask)
	if err != nil {
		return nil, err
	}
	answer := map[string]string{"id": request.ID, "redirect": ""}
	s.mu.Lock()
	rules := s.rulesLocked(request.ApplyPolicies)
	s.mu.Unlock()
	if rules.RedirectOnKeyRequest && request.PortalDeveloper != nil {
		if answer["redirect"], err = s.handOff(rules, &request, request.PortalDeveloper); err != nil {
			return nil, fmt.Errorf("sandbox: key request: %w", err)
		}
	}
	return answer, nil
}

func (s *Server) changeRequest(r *http.Request) (any, error) {
	var sent struct {
		Fields map[string]string `json:"fields"`
	}
	if err := readJSON(r, &sent); err != nil {
		return nil, err
	}
	if err := s.UpdateKeyRequest(r.PathValue("id"), sent.Fields); err != nil {
		return nil, err
	}
	return map[string]string{"id": r.PathValue("id")}, nil
}
