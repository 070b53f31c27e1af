package quotetest

import (
	"io"
	"net/http"
	"net/url"
)

// Text is what a far end may say that nobody may read: an address, keys, and words that look like any other. Each of its
// words has "canary" in it, whatever the case, and that is what is searched for.
const Text = "canary.person@example.net sk_test_canary123 pi_1_secret_canary canarykey53ac07777cbb8c2d CanaryBirdsong canarybirdsong"

// mark is in every word of Text, in lower case.
const mark = "canary"

// Spoil is a way in which a far end says something else than it should.
type Spoil struct {
	answer     http.HandlerFunc
	throughout bool
}

// Throughout is the spoil tried on every answer of a call, one at a time, and not on the first alone.
func (s Spoil) Throughout() Spoil {
	s.throughout = true
	return s
}

// Says is an answer with a status, a content type and a body, which should have Text in it. Text is also in the headers
// that clients look at.
func Says(status int, kind, body string) Spoil {
	return Spoil{answer: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Request-Id", Text)
		w.Header().Set("Retry-After", Text)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body) // who asked may be gone
	}}
}

// leads is an answer that leads elsewhere.
func leads(location string) Spoil {
	return Spoil{answer: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", location)
		w.WriteHeader(http.StatusFound)
	}}
}

// raw is bytes as they are, and the end of the connection.
func raw(answer string) Spoil {
	return Spoil{answer: func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = io.WriteString(conn, answer)
		_ = conn.Close()
	}}
}

// ofAny are the spoils that any HTTP has room for, by what they are.
func ofAny() map[string]Spoil {
	return map[string]Spoil{
		"in a page":                            Says(http.StatusBadGateway, "text/html", "<html>"+Text),
		"in a page that is taken":              Says(http.StatusOK, "text/html", "<html>"+Text),
		"in a page that says it is JSON":       Says(http.StatusOK, "application/json", "<html>"+Text),
		"in JSON that is cut off":              Says(http.StatusOK, "application/json", `{"Status":"`+Text+`","id":"`+Text),
		"in where it leads":                    leads("https://elsewhere.example/?" + url.QueryEscape(Text)),
		"in where it leads that is no address": leads("://%zz" + Text),
		"in what is no HTTP":                   raw(Text + "\r\n\r\n").Throughout(),
		"in a status":                          raw("HTTP/1.1 " + Text + "\r\n\r\n"),
		"in a header":                          raw("HTTP/1.1 200 OK\r\nCanary " + Text + "\r\n\r\n"),
		"in a body's length":                   raw("HTTP/1.1 200 OK\r\nContent-Length: " + Text + "\r\n\r\n"),
		"in a body's encoding":                 raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: " + Text + "\r\n\r\n"),
	}
}
