package web

import (
	"encoding/json"
	"net/http"
)

// problem is an error as programs are told of it (RFC 9457).
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
}

// writeProblem answers with an error.
func writeProblem(w http.ResponseWriter, err error) {
	e := asPage(err)
	p := problem{Type: "about:blank", Title: http.StatusText(e.Status), Status: e.Status, Detail: e.Text}
	writeTyped(w, e.Status, "application/problem+json", p)
}

// writeJSON answers with a value.
func writeJSON(w http.ResponseWriter, status int, v any) {
	writeTyped(w, status, "application/json", v)
}

// writeTyped answers with a value, as JSON of some type.
func writeTyped(w http.ResponseWriter, status int, mime string, v any) {
	w.Header().Set("Content-Type", mime)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the caller is gone, or it is written
}
