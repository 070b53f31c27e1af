package bridge_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"keybridge/bridge"
)

// answering is a server that answers each connection with a text as it is, or, where there
// is none, never.
func answering(t *testing.T, text string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if text != "" {
				_, _ = conn.Write([]byte(text))
				_ = conn.Close()
			}
		}
	}()
	return l.Addr().String()
}

// trusting is a client that trusts a server's authority, takes it to have a name, and is ahead
// of the time.
func trusting(s *httptest.Server, name string, ahead time.Duration) http.Client {
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	now := func() time.Time { return time.Now().Add(ahead) }
	return http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: name, Time: now}}}
}

func TestWhatIsToldOfACallThatWasNotAnsweredQuotesNothing(t *testing.T) {
	const canary = "canarybirdsong"
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	short, end := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer end()
	for _, c := range []struct {
		name, address string
		ctx           context.Context
		client        http.Client
		want          string // the beginning
		is            error
	}{
		{"nobody listens", closed.URL, t.Context(), http.Client{}, "dial: connect", nil},
		{"no HTTP", "http://" + answering(t, canary+"\r\n\r\n"), t.Context(), http.Client{}, "the connection was cut, or", nil},
		{"a status that is none", "http://" + answering(t, "HTTP/1.1 "+canary+"\r\n\r\n"), t.Context(), http.Client{}, "the connection was cut, or", nil},
		{"no TLS", "https://" + answering(t, canary+"\r\n\r\n"), t.Context(), http.Client{}, "it does not speak TLS", nil},
		{"a certificate of its own", untrusted.URL, t.Context(), http.Client{}, "its certificate is from an authority", nil},
		{"a certificate for another name", untrusted.URL, t.Context(), trusting(untrusted, "elsewhere.example", 0), "its certificate is for another name", nil},
		{"a certificate that has expired", untrusted.URL, t.Context(), trusting(untrusted, "example.com", 200*365*24*time.Hour), "its certificate has expired", nil},
		{"too late for the client", "http://" + answering(t, ""), t.Context(), http.Client{Timeout: 50 * time.Millisecond}, context.DeadlineExceeded.Error(), context.DeadlineExceeded},
		{"too late for the caller", "http://" + answering(t, ""), short, http.Client{}, context.DeadlineExceeded.Error(), context.DeadlineExceeded},
		{"broken off by the caller", "http://" + answering(t, ""), ended, http.Client{}, context.Canceled.Error(), context.Canceled},
	} {
		t.Run(c.name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(c.ctx, http.MethodGet, c.address+"/"+canary, nil)
			if err != nil {
				t.Fatal(err)
			}
			res, err := c.client.Do(req)
			if err == nil {
				_ = res.Body.Close()
				t.Fatalf("it answered %d", res.StatusCode)
			}
			told := bridge.Unanswered(err)
			if !strings.HasPrefix(told.Error(), c.want) || strings.Contains(told.Error(), canary) || c.is != nil && !errors.Is(told, c.is) {
				t.Errorf("of %q it tells %q, want %q", err, told, c.want)
			}
		})
	}
}
