package tyk

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"keybridge/bridge"
)

// maxAnswer is the most that is read of one answer, in bytes. A page of ten key requests has less than 100 KB.
const maxAnswer = 4 << 20

// call is one call to a portal's API.
type call struct {
	method string
	// route is the path for log and errors, with {id} where an id stands; ids take their places, escaped.
	route string
	ids   []string
	query url.Values
	body  []byte
	// wipe returns none of the answer once it is known whether it is a success: it holds a live secret.
	wipe bool
}

// path returns the route with its ids in place.
func (c call) path() string {
	path := c.route
	for _, id := range c.ids {
		path = strings.Replace(path, "{id}", url.PathEscape(id), 1)
	}
	if len(c.query) > 0 {
		path += "?" + c.query.Encode()
	}
	return path
}

func (c call) String() string { return c.method + " " + c.route }

// do makes a call and returns the answer's body when it is a success. Every error is a *bridge.Error; its cause is one
// of those in envelope.go where Tyk's answer has that meaning.
func (a *api) do(ctx context.Context, call call) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	request, err := a.request(ctx, call)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	response, err := a.http.Do(request)
	if err != nil {
		a.told(ctx, call, 0, began)
		return nil, a.unreached(call, err)
	}
	defer response.Body.Close() //nolint:errcheck // what was to be read was read
	answer := a.answers.take()
	defer a.answers.give(answer)
	_, err = answer.ReadFrom(io.LimitReader(response.Body, maxAnswer+1))
	a.told(ctx, call, response.StatusCode, began)
	switch {
	case err != nil:
		return nil, a.unreached(call, err)
	case answer.Len() > maxAnswer:
		return nil, a.failure(call, bridge.Invalid, "the portal's answer is larger than 4 MiB", nil)
	}
	if err := a.judge(call, response, answer.Bytes()); err != nil || call.wipe {
		return nil, err
	}
	return bytes.Clone(answer.Bytes()), nil
}

func (a *api) request(ctx context.Context, call call) (*http.Request, error) {
	secret := strings.TrimSpace(a.secret())
	if secret == "" {
		return nil, a.failure(call, bridge.Refused, "the portal's secret is empty; set "+a.wants, nil)
	}
	var body io.Reader
	if call.body != nil {
		body = bytes.NewReader(call.body)
	}
	request, err := http.NewRequestWithContext(ctx, call.method, a.base+call.path(), body)
	if err != nil { // its text would hold the ids
		return nil, a.failure(call, bridge.Invalid, "the address of the call is not valid", nil)
	}
	request.Header.Set("Authorization", secret) // Tyk knows no scheme word
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", a.agent)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return request, nil
}

func (a *api) told(ctx context.Context, call call, status int, began time.Time) {
	a.log.LogAttrs(ctx, slog.LevelDebug, "portal called", slog.String("portal", a.name), slog.String("method", call.method),
		slog.String("route", call.route), slog.Int("status", status), slog.Duration("took", time.Since(began)))
}

// judge returns nil when an answer is a success, and otherwise what sort of failure it is.
func (a *api) judge(call call, response *http.Response, body []byte) error {
	status := response.StatusCode
	said, enveloped := a.envelope(body)
	refused := enveloped && said.isError()
	switch {
	case status >= 200 && status < 300 && !said.sound && status != http.StatusNoContent:
		return a.failure(call, bridge.Unavailable, "the portal answers with a page instead of data; check the portal's url", nil)
	case status >= 200 && status < 300 && !refused:
		return nil
	case status == http.StatusUnauthorized, status == http.StatusForbidden, refused && status < 500 && said.unauthorised():
		return a.failure(call, bridge.Refused,
			"the portal refuses our credentials; check the portal's secret and what "+a.holder+" may do", answered(status, said))
	case status == http.StatusTooManyRequests:
		return a.later(call, bridge.Limited, "the portal asks us to slow down", response, answered(status, said))
	case status >= 300 && status < 400:
		return a.failure(call, bridge.Invalid, "the portal's address leads elsewhere; check the portal's url", answered(status, said))
	case refused:
		if err := a.meant(call, status, said); err != nil {
			return err
		}
	}
	switch {
	case status >= 500, status == http.StatusRequestTimeout, status == http.StatusTooEarly:
		return a.later(call, bridge.Unavailable, "the portal has a problem of its own", response, answered(status, said))
	case status == http.StatusNotFound:
		return a.failure(call, bridge.Invalid, "the portal does not know this call; check the portal's url", answered(status, said))
	}
	return a.failure(call, bridge.Invalid, "the portal does not accept this call", answered(status, said))
}

// meant returns the error for an envelope whose meaning is known, and nil for any other.
func (a *api) meant(call call, status int, said envelope) error {
	why := said.meaning()
	if why == nil && status == http.StatusNotFound {
		why = errMissing
	}
	kind := map[error]bridge.Kind{
		errMissing: bridge.NotFound, errProcessed: bridge.Conflict, errDeveloper: bridge.NotFound,
		errPolicy: bridge.Invalid, errUnhashed: bridge.Invalid,
	}[why]
	if why == nil {
		return nil
	}
	return a.failure(call, kind, "", why)
}

// answered is the cause of an error for the log: the status, and none of what Tyk said, which may quote whatever was sent
// or is stored. It is errBroken where Tyk speaks of what stands behind it.
func answered(status int, said envelope) error {
	cause := fmt.Errorf("answered %d", status)
	if said.broken() {
		return fmt.Errorf("%w: %w", errBroken, cause)
	}
	return cause
}

// failure makes an error of a call. why may be nil.
func (a *api) failure(call call, kind bridge.Kind, say string, why error) error {
	cause := fmt.Errorf("portal %s: %s", a.name, call)
	if why != nil {
		cause = fmt.Errorf("%w: %w", cause, why)
	}
	return &bridge.Error{Kind: kind, Msg: say, Err: cause}
}

// unreached is the error when no answer came, or none that is HTTP.
func (a *api) unreached(call call, err error) error {
	return a.failure(call, bridge.Unavailable, "the portal does not answer", bridge.Unanswered(err))
}

func (a *api) later(call call, kind bridge.Kind, say string, response *http.Response, why error) error {
	return &bridge.Error{
		Kind: kind, Msg: say, Err: fmt.Errorf("portal %s: %s: %w", a.name, call, why),
		RetryAfter: retryAfter(response.Header.Get("Retry-After"), a.now()),
	}
}

// retryAfter reads the header (RFC 9110, section 10.2.3): seconds or a date. Nonsense is 0; more than a day is a day.
func retryAfter(header string, now time.Time) time.Duration {
	header = strings.TrimSpace(header)
	if seconds, err := strconv.ParseInt(header, 10, 32); err == nil {
		return min(max(time.Duration(seconds)*time.Second, 0), 24*time.Hour)
	}
	at, err := http.ParseTime(header)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), 24*time.Hour)
}

var recordID = regexp.MustCompile(`^[0-9A-Za-z_-]{1,64}$`)

// isRecordID reports whether an id can be that of a key request or a developer. Tyk's are 24 hexadecimal digits; a little
// more is allowed for databases other than MongoDB, and nothing that means something in an address.
func isRecordID(id string) bool { return recordID.MatchString(id) }

// isKeyID reports whether an id can be that of a key. Raw keys may be base64 or what an admin chose, so all that is
// printable is allowed; it is escaped before it becomes part of an address.
func isKeyID(id string) bool {
	if id == "" || len(id) > 1024 || strings.Trim(id, ".") == "" {
		return false
	}
	return !strings.ContainsFunc(id, func(r rune) bool { return r < ' ' || r == 0x7f })
}
