package stripe_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"keybridge/billing/stripe"
	"keybridge/billing/stripe/sandbox"
	"keybridge/bridge"
)

// echo answers every call with what the last one that went out was answered with, so that a benchmark measures the
// provider and neither the network nor the sandbox.
type echo struct {
	out  http.RoundTripper // nil once nothing goes out any more
	last []byte
}

func (e *echo) RoundTrip(req *http.Request) (*http.Response, error) {
	if e.out != nil {
		res, err := e.out.RoundTrip(req)
		if err != nil {
			return nil, err
		}
		e.last, err = io.ReadAll(res.Body)
		_ = res.Body.Close() // it was read
		if err != nil {
			return nil, err
		}
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Request-Id": {"req_1"}}, Request: req,
		ContentLength: int64(len(e.last)), Body: io.NopCloser(bytes.NewReader(e.last)),
	}, nil
}

// measuring is a provider whose calls go out to a sandbox until the echo's out is nil.
func measuring(b *testing.B) (*sandbox.Server, *stripe.Provider, *echo) {
	b.Helper()
	s := sandbox.New(sandbox.Config{})
	far := httptest.NewServer(s)
	b.Cleanup(func() {
		far.Close()
		s.Close()
	})
	e := &echo{out: http.DefaultTransport}
	p, err := stripe.New(stripe.Config{Key: s.Key(), URL: far.URL, Now: s.Now, Client: &http.Client{Transport: e}})
	if err != nil {
		b.Fatal(err)
	}
	return s, p, e
}

// BenchmarkOpen opens a checkout for one payment, without the network.
func BenchmarkOpen(b *testing.B) {
	s, p, e := measuring(b)
	o := orderOf("01J", bridge.Paying, terms(""), s.Now())
	if _, err := p.Open(b.Context(), o); err != nil {
		b.Fatal(err)
	}
	e.out = nil
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Open(b.Context(), o); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRead reads a payment and a subscription that were paid, without the network.
func BenchmarkRead(b *testing.B) {
	for _, way := range []struct{ name, unit string }{{"payment", ""}, {"subscription", "month"}} {
		b.Run(way.name, func(b *testing.B) {
			s, p, e := measuring(b)
			o := orderOf("01J", bridge.Paying, terms(way.unit), s.Now())
			m, err := p.Open(b.Context(), o)
			if err != nil {
				b.Fatal(err)
			}
			if err := s.Act(m.Checkout.ID, "pay", sandbox.Args{"email": "payer@example.org"}); err != nil {
				b.Fatal(err)
			}
			r := seen(o, m)
			if m, err = p.Read(b.Context(), r); err != nil || m.State != bridge.Paid {
				b.Fatal(m.State, err)
			}
			e.out = nil
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Read(b.Context(), r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
