package sandbox

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"
)

// controlRoutes are the control API: what a test or a script does to the
// sandbox itself. It is documented in doc.go.
func (s *Server) controlRoutes() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"GET /sandbox/faults":                     s.controlFaults,
		"POST /sandbox/faults":                    s.controlFault,
		"DELETE /sandbox/faults":                  s.controlClear,
		"GET /sandbox/clock":                      s.controlTime,
		"POST /sandbox/clock":                     s.controlAdvance,
		"POST /sandbox/act":                       s.controlAct,
		"GET /sandbox/calls":                      s.controlCalls,
		"GET /sandbox/events":                     s.controlEvents,
		"POST /sandbox/events/{event}/deliver":    s.controlDeliver,
		"POST /sandbox/hold":                      s.controlHold,
		"POST /sandbox/endpoints/{endpoint}/roll": s.controlRoll,
		"GET /sandbox/objects/{kind}":             s.controlObjects,
	}
}

func tell(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // the caller may be gone; there is nobody left to tell
}

func tellWrong(w http.ResponseWriter, status int, message string) {
	tell(w, status, object{"error": message})
}

// listen reads the JSON of a control request, strictly.
func listen(w http.ResponseWriter, r *http.Request, into any) bool {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		tellWrong(w, http.StatusBadRequest, "the body is not the JSON that is expected: "+err.Error())
		return false
	}
	return true
}

func (s *Server) controlFaults(w http.ResponseWriter, _ *http.Request) {
	tell(w, http.StatusOK, object{"faults": s.Faults()})
}

func (s *Server) controlFault(w http.ResponseWriter, r *http.Request) {
	var f Fault
	if !listen(w, r, &f) {
		return
	}
	if !f.Kind.known() {
		tellWrong(w, http.StatusBadRequest, "there is no such kind of fault: "+string(f.Kind))
		return
	}
	f.ID = s.Fault(f)
	tell(w, http.StatusCreated, f)
}

func (s *Server) controlClear(w http.ResponseWriter, _ *http.Request) {
	s.ClearFaults()
	tell(w, http.StatusOK, object{"faults": []any{}})
}

func (s *Server) controlTime(w http.ResponseWriter, _ *http.Request) {
	tell(w, http.StatusOK, object{"now": s.Now().UTC()})
}

func (s *Server) controlAdvance(w http.ResponseWriter, r *http.Request) {
	var given struct {
		Advance Wait `json:"advance"`
	}
	if !listen(w, r, &given) {
		return
	}
	if given.Advance <= 0 {
		tellWrong(w, http.StatusBadRequest, "the clock goes forward only")
		return
	}
	s.Advance(time.Duration(given.Advance))
	s.controlTime(w, r)
}

func (s *Server) controlAct(w http.ResponseWriter, r *http.Request) {
	var given struct {
		ID     string `json:"id"`
		Action string `json:"action"`
		Args   Args   `json:"args"`
	}
	if !listen(w, r, &given) {
		return
	}
	err := s.Act(given.ID, given.Action, given.Args)
	switch {
	case err == nil || errors.Is(err, ErrDeclined):
		outcome := object{"done": given.Action, "declined": err != nil}
		if found, missing := s.Object(given.ID); missing == nil {
			outcome["object"] = found
		}
		tell(w, http.StatusOK, outcome)
	case errors.Is(err, ErrUnknown):
		tellWrong(w, http.StatusNotFound, err.Error())
	default:
		tellWrong(w, http.StatusConflict, err.Error())
	}
}

func (s *Server) controlCalls(w http.ResponseWriter, _ *http.Request) {
	tell(w, http.StatusOK, object{"calls": s.Calls()})
}

func (s *Server) controlEvents(w http.ResponseWriter, r *http.Request) {
	if about := r.URL.Query().Get("about"); about != "" {
		tell(w, http.StatusOK, object{"events": s.EventsOf(about)})
		return
	}
	tell(w, http.StatusOK, object{"events": s.Events()})
}

func (s *Server) controlDeliver(w http.ResponseWriter, r *http.Request) {
	if err := s.courier.deliverNow(r.Context(), r.PathValue("event")); err != nil {
		tellWrong(w, http.StatusBadGateway, err.Error())
		return
	}
	tell(w, http.StatusOK, object{"delivered": r.PathValue("event")})
}

func (s *Server) controlHold(w http.ResponseWriter, r *http.Request) {
	var given struct {
		Hold bool `json:"hold"`
	}
	if listen(w, r, &given) {
		s.Hold(given.Hold)
		tell(w, http.StatusOK, object{"hold": given.Hold})
	}
}

func (s *Server) controlRoll(w http.ResponseWriter, r *http.Request) {
	var given struct {
		Overlap Wait `json:"overlap"`
	}
	if !listen(w, r, &given) {
		return
	}
	secret, err := s.RollSecret(r.PathValue("endpoint"), time.Duration(given.Overlap))
	if err != nil {
		tellWrong(w, http.StatusNotFound, err.Error())
		return
	}
	tell(w, http.StatusOK, object{"secret": secret})
}

func (s *Server) controlObjects(w http.ResponseWriter, r *http.Request) {
	all := s.Objects(r.PathValue("kind"))
	if all == nil {
		all = []json.RawMessage{}
	}
	tell(w, http.StatusOK, object{"data": all})
}
