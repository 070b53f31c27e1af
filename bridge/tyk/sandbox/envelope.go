package sandbox

import (
	"bytes"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
)

// maxBody is the most a request may send, in bytes.
const maxBody = 1 << 20

// envelope is how the Dashboard answers whatever is not a record: success with an id or a sentence in Message, or an
// error with the reason in Message.
type envelope struct {
	Status  string
	Message string
	Meta    any
}

func ok(message string) envelope { return envelope{Status: "OK", Message: message} }

// refusal is an error the Dashboard answers with: an HTTP status and the sentence of the envelope.
type refusal struct {
	status  int
	message string
	missing bool // the record is not there; which status says so differs between Tyk's versions
}

func (r *refusal) Error() string { return r.message }

func refuse(status int, message string) error { return &refusal{status: status, message: message} }

func notThere(message string) error {
	return &refusal{status: http.StatusNotFound, message: message, missing: true}
}

// apiCall is one call of the Dashboard API: what it returns is sent as JSON, an error as an envelope.
type apiCall func(*http.Request) (any, error)

// dashboard serves an apiCall to whoever carries the API access key.
func (s *Server) dashboard(call apiCall) http.HandlerFunc {
	return s.guarded("authorization", s.secret, call)
}

// guarded serves an apiCall to whoever carries the secret in the named header, with nothing in front of it: Tyk knows no
// scheme word, and "Bearer x" is not x.
func (s *Server) guarded(header, secret string, call apiCall) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get(header)), []byte(secret)) != 1 {
			writeJSON(w, http.StatusUnauthorized, envelope{Status: "Error", Message: "Not authorised"})
			return
		}
		answer, err := call(r)
		if err != nil {
			s.refused(w, err)
			return
		}
		writeJSON(w, http.StatusOK, answer)
	}
}

func (s *Server) refused(w http.ResponseWriter, err error) {
	var why *refusal
	if !errors.As(err, &why) {
		why = &refusal{status: http.StatusInternalServerError, message: "Internal error"}
	}
	quirks := s.Settings().Quirks
	status := why.status
	if why.missing && quirks.MissingStatus != 0 {
		status = quirks.MissingStatus
	}
	if quirks.ErrorsUnder200 && status != http.StatusUnauthorized {
		status = http.StatusOK
	}
	writeJSON(w, status, envelope{Status: "Error", Message: why.message})
}

// bodies are kept for the room they have made: a key request with its catalogue is 3 KB.
var bodies = sync.Pool{New: func() any { return &bytes.Buffer{} }}

func writeJSON(w http.ResponseWriter, status int, answer any) {
	body, _ := bodies.Get().(*bytes.Buffer)
	defer bodies.Put(body)
	body.Reset()
	if err := json.NewEncoder(body).Encode(answer); err != nil {
		http.Error(w, "the answer cannot be written as JSON", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) //nolint:errcheck // a client that hung up is no business of the portal's
}

// readJSON decodes the body into v. Unknown members are ignored, as Tyk ignores them; anything after the one value, and
// a member of the wrong kind, is refused.
func readJSON(r *http.Request, v any) error {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return refuse(http.StatusRequestEntityTooLarge, "Request body too large")
	}
	if err != nil {
		return refuse(http.StatusBadRequest, "Request body could not be read")
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	if err := decoder.Decode(v); err != nil {
		return refuse(http.StatusBadRequest, "Request malformed")
	}
	if decoder.More() {
		return refuse(http.StatusBadRequest, "Request malformed")
	}
	return nil
}
