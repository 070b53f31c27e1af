package sandbox

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// callsListed is how many calls the page of faults lists.
const callsListed = 50

// What the kinds and stages are, to people.
var (
	kindWords = map[FaultKind]string{
		Latency: "go on after the delay", Refuse: "answer with the status",
		Cut: "close the connection without a word", Silence: "keep the connection and say nothing any more",
	}
	stageWords = map[Stage]string{
		AtGreeting: "connected, not greeted yet", AtAuth: "the password is here", AtSender: "the sender is named",
		AtRecipient: "a recipient is named", AtMail: "the mail is here and not kept yet",
		AtAnswer: "the mail is kept and the client does not know it yet",
	}
)

// faultsPage is the body of the page of faults.
type faultsPage struct {
	Faults []Fault
	Kinds  []FaultKind
	Stages []Stage
	Calls  []Call // newest first
}

func (s *Server) showFaults(w http.ResponseWriter, r *http.Request) {
	page := sheet{Title: "Faults"}
	switch r.URL.Query().Get("done") {
	case "set":
		page.Notice = "The fault is set."
	case "clear":
		page.Notice = "All faults are cleared."
	}
	s.showFaultsWith(w, http.StatusOK, page)
}

func (s *Server) showFaultsWith(w http.ResponseWriter, status int, page sheet) {
	calls := s.Calls()
	calls = calls[max(0, len(calls)-callsListed):]
	slices.Reverse(calls)
	page.Body = faultsPage{Faults: s.Faults(), Kinds: FaultKinds, Stages: Stages, Calls: calls}
	s.show(w, status, "faults", page)
}

func (s *Server) pressFault(w http.ResponseWriter, r *http.Request) {
	fault, err := formFault(w, r)
	if err == nil {
		_, err = s.Fault(fault)
	}
	if err != nil {
		status, sentence := sayable(err)
		s.showFaultsWith(w, status, sheet{Title: "Faults", Problem: sentence})
		return
	}
	http.Redirect(w, r, "/faults?done=set", http.StatusSeeOther)
}

// formFault reads a posted fault.
func formFault(w http.ResponseWriter, r *http.Request) (Fault, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		return Fault{}, refuse(http.StatusBadRequest, "The form could not be read.")
	}
	f := Fault{Kind: FaultKind(r.PostFormValue("kind")), At: Stage(r.PostFormValue("at")), To: strings.TrimSpace(r.PostFormValue("to"))}
	var delay int
	err := errors.Join(formNumber(r, "times", &f.Times), formNumber(r, "status", &f.Status), formNumber(r, "delay_ms", &delay))
	if delay < 0 || delay > int(time.Minute.Milliseconds()) {
		err = errors.Join(err, refuse(http.StatusUnprocessableEntity, "The delay is at most a minute."))
	}
	f.Delay = time.Duration(delay) * time.Millisecond
	return f, err
}

// formNumber reads a whole number of a form; empty is 0.
func formNumber(r *http.Request, name string, into *int) error {
	text := strings.TrimSpace(r.PostFormValue(name))
	if text == "" {
		return nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return refuse(http.StatusBadRequest, "“"+name+"” must be a whole number.")
	}
	*into = n
	return nil
}

func (s *Server) pressClear(w http.ResponseWriter, r *http.Request) {
	s.ClearFaults()
	http.Redirect(w, r, "/faults?done=clear", http.StatusSeeOther)
}
