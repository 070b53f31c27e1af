package main

import (
	"io"
	"maps"
	"net/http"
	"sync"
)

// streamed has a handler answer a request within this process, as a server would: the
// answer is read as it is written. Closing its body waits for the handler, and then calls
// closed.
func streamed(h http.Handler, req *http.Request, closed func() error) *http.Response {
	r, w := io.Pipe()
	s := &stream{header: http.Header{}, body: w, begun: make(chan struct{}), over: make(chan struct{})}
	go func() {
		defer close(s.over)
		defer func() { _ = w.Close() }() // never fails
		h.ServeHTTP(s, req)
		s.WriteHeader(http.StatusOK)
	}()
	<-s.begun
	return &http.Response{
		StatusCode: s.status, Status: http.StatusText(s.status), Header: s.sent, Request: req,
		Body: &streamBody{PipeReader: r, over: s.over, closed: closed},
	}
}

// stream is the writer that a handler answers to.
type stream struct {
	header, sent http.Header
	status       int
	body         *io.PipeWriter
	once         sync.Once
	begun, over  chan struct{}
}

// Header returns the header that will be sent.
func (s *stream) Header() http.Header { return s.header }

// WriteHeader begins the answer.
func (s *stream) WriteHeader(status int) {
	s.once.Do(func() {
		s.status, s.sent = status, maps.Clone(s.header)
		close(s.begun)
	})
}

// Write hands on what the handler writes once it is read.
func (s *stream) Write(b []byte) (int, error) {
	s.WriteHeader(http.StatusOK)
	return s.body.Write(b)
}

// Flush does nothing: nothing is held back.
func (s *stream) Flush() {}

// streamBody is what the handler writes.
type streamBody struct {
	*io.PipeReader
	over   chan struct{}
	closed func() error
	once   sync.Once
	err    error
}

// Close has the handler fail if it is still writing, waits for it, and may be repeated.
func (b *streamBody) Close() error {
	b.once.Do(func() {
		_ = b.PipeReader.Close() // never fails
		<-b.over
		b.err = b.closed()
	})
	return b.err
}
