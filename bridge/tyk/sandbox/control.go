package sandbox

import (
	"fmt"
	"maps"
	"net/http"
	"time"
)

// The control API is the sandbox's own, and no part of Tyk's: JSON below /sandbox/, for tests and demonstrations that run
// in another process. The package documentation lists it.

// controlRoutes adds the calls both portals have to a portal's own.
func (s *site) controlRoutes(mux *http.ServeMux, own map[string]apiCall) {
	calls := map[string]apiCall{
		"GET /sandbox/faults":                s.readFaults,
		"POST /sandbox/faults":               s.setFault,
		"DELETE /sandbox/faults":             s.dropFaults,
		"GET /sandbox/calls":                 func(*http.Request) (any, error) { return append([]Call{}, s.Calls()...), nil },
		"DELETE /sandbox/calls":              s.dropCalls,
		"GET /sandbox/mail":                  s.readMail,
		"GET /sandbox/webhooks":              func(*http.Request) (any, error) { return s.Webhooks(), nil },
		"POST /sandbox/webhooks/{id}/replay": s.replayWebhook,
		"/sandbox/": func(*http.Request) (any, error) {
			return nil, refuse(http.StatusNotFound, "there is no such control")
		},
	}
	maps.Copy(calls, own)
	for pattern, call := range calls {
		mux.HandleFunc(pattern, controlled(call))
	}
}

// ownControls are the calls only a Classic Portal has.
func (s *Server) ownControls() map[string]apiCall {
	calls := map[string]apiCall{
		"POST /sandbox/requests":     s.makeRequest,
		"PUT /sandbox/requests/{id}": s.changeRequest,
	}
	maps.Copy(calls, settingsControls(s.Settings, s.SetSettings, func(c *Settings) { c.SignedRedirect.Secret = "" }))
	return calls
}

// controlled serves an apiCall to anybody: it is a sandbox. Its errors are never subject to the quirks.
func controlled(call apiCall) http.HandlerFunc {
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

// settingsControls are the calls that read a portal's settings, replace them (what is not sent is off) and change them
// (what is not sent stays). hide takes out what is never shown.
func settingsControls[S any](get func() S, set func(S) error, hide func(*S)) map[string]apiCall {
	shown := func() S {
		settings := get()
		hide(&settings)
		return settings
	}
	take := func(r *http.Request, settings S) (any, error) {
		if err := readJSON(r, &settings); err != nil {
			return nil, err
		}
		if err := set(settings); err != nil {
			return nil, err
		}
		return shown(), nil
	}
	return map[string]apiCall{
		"GET /sandbox/settings":   func(*http.Request) (any, error) { return shown(), nil },
		"PUT /sandbox/settings":   func(r *http.Request) (any, error) { var none S; return take(r, none) },
		"PATCH /sandbox/settings": func(r *http.Request) (any, error) { return take(r, get()) },
	}
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

func (s *site) readFaults(*http.Request) (any, error) {
	spoken := []spokenFault{}
	for _, f := range s.Faults() {
		spoken = append(spoken, spokenFault{f.ID, f.Method, f.Path, f.Kind, f.Times, f.Delay.Milliseconds(), f.RetryAfter, f.Status})
	}
	return spoken, nil
}

func (s *site) setFault(r *http.Request) (any, error) {
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

func (s *site) dropFaults(r *http.Request) (any, error) {
	s.ClearFaults()
	return s.readFaults(r)
}

func (s *site) dropCalls(*http.Request) (any, error) {
	s.ClearCalls()
	return []Call{}, nil
}

// readMail returns all mails, oldest first, or those to one address, newest first.
func (s *site) readMail(r *http.Request) (any, error) {
	if to := r.URL.Query().Get("to"); to != "" {
		return s.post.to(to), nil
	}
	return append([]Message{}, s.Mail()...), nil
}

func (s *site) replayWebhook(r *http.Request) (any, error) {
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
