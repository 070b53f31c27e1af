package outgoing

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// message is one message on its way to one endpoint.
type message struct {
	id   string
	t    Type
	body []byte
	// again is set for one that a replay sends; place is then its place in the replay,
	// and otherwise in the feed.
	again bool
	place uint64
}

// answer is what became of a try.
type answer struct {
	// status is that of HTTP; 0 when there was no answer.
	status int
	// why says in words what went wrong; empty for 2xx.
	why string
	// asked is how long the endpoint wants to be left alone.
	asked time.Duration
}

// answerMax is how much of an answer's body is read, so that the connection may be
// used again. It is thrown away.
const answerMax = 4 << 10

// post makes one try. A try that has begun is finished when ctx ends, within the
// endpoint's timeout: what is cut off would be sent once more after the next start.
func (l *lane) post(ctx context.Context, m message) answer {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, l.endpoint.URL, bytes.NewReader(m.body))
	if err != nil { // its text would hold the address
		return answer{why: "the address is not valid"}
	}
	if err := l.sign(request, m, l.sender.cfg.Now()); err != nil {
		return answer{why: "the message could not be signed"}
	}
	response, err := l.sender.client.Do(request)
	if err != nil {
		return answer{why: l.unreached(err)}
	}
	defer response.Body.Close()                                          //nolint:errcheck // nothing is kept of it
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, answerMax)) // what counts is the status
	a := answer{status: response.StatusCode, asked: retryAfter(response.Header.Get("Retry-After"), l.sender.cfg.Now())}
	switch {
	case a.status >= 200 && a.status < 300:
	case a.status >= 300 && a.status < 400:
		a.why = fmt.Sprintf("it answered %d, and redirects are not followed; set the new address", a.status)
	default:
		a.why = strings.TrimSpace(fmt.Sprintf("it answered %d %s", a.status, http.StatusText(a.status)))
	}
	return a
}

// sign sets the headers, with one signature for each secret.
func (l *lane) sign(request *http.Request, m message, now time.Time) error {
	for name, value := range l.endpoint.Header {
		request.Header.Set(name, value)
	}
	if request.Header.Get("User-Agent") == "" {
		request.Header.Set("User-Agent", "keybridge")
	}
	var signatures []string
	for _, signer := range l.signers {
		signature, err := signer.Sign(m.id, now, m.body)
		if err != nil {
			return err
		}
		signatures = append(signatures, signature)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set(standardwebhooks.HeaderWebhookID, m.id)
	request.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	request.Header.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	return nil
}

// unreached says why no answer came. net/http's own words quote the address or what
// the other side sent, so they are not used.
func (l *lane) unreached(err error) string {
	certificate, dial := &tls.CertificateVerificationError{}, &net.OpError{}
	timeout, isNet := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, context.DeadlineExceeded), isNet && timeout.Timeout():
		return "it did not answer within " + l.timeout.String()
	case errors.As(err, &certificate):
		return "its certificate is not one to be trusted for this host"
	case errors.As(err, &dial) && dial.Op == "dial":
		return "it could not be reached"
	}
	return "the connection broke before it answered"
}

// clientOf returns a client that follows no redirect and keeps no cookie.
func clientOf(given *http.Client) *http.Client {
	client := http.Client{}
	if given != nil {
		client = *given
	} else if standard, ok := http.DefaultTransport.(*http.Transport); ok {
		transport := standard.Clone()
		transport.MaxResponseHeaderBytes = 64 << 10
		client.Transport = transport
	}
	client.Jar = nil
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client
}
