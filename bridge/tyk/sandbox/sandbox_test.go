package sandbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"keybridge/bridge/tyk/sandbox"
)

// host is a sandbox's address, whichever of the two it is.
type host struct {
	url string
	t   *testing.T
}

// hosted puts a sandbox behind a real server.
func hosted(t *testing.T, s interface {
	http.Handler
	io.Closer
}) host {
	server := httptest.NewServer(s)
	t.Cleanup(func() {
		server.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return host{server.URL, t}
}

// portal is a Classic Portal behind a real server.
type portal struct {
	*sandbox.Server
	host
}

func newPortal(t *testing.T, cfg sandbox.Config) *portal {
	t.Helper()
	s, err := sandbox.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &portal{s, hosted(t, s)}
}

// answer is what came back from a call.
type answer struct {
	status int
	header http.Header
	body   string
}

// envelope is the Dashboard's way of saying how it went.
type envelope struct{ Status, Message string }

func (a answer) envelope(t *testing.T) envelope {
	t.Helper()
	var e envelope
	a.into(t, &e)
	return e
}

func (a answer) into(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), v); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
}

// send makes a request with the given header names and values, following no redirect.
func (h host) send(method, path, body string, headers ...string) (answer, error) {
	request, err := http.NewRequestWithContext(context.Background(), method, h.url+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{
		Timeout:       10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	read, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, string(read)}, err
}

// call makes a call of the Dashboard API with the right secret.
func (p *portal) call(method, path, body string) answer {
	p.t.Helper()
	a, err := p.send(method, path, body, "authorization", p.Secret())
	if err != nil {
		p.t.Fatal(err)
	}
	return a
}

// must makes a call that has to succeed.
func (p *portal) must(method, path, body string) answer {
	p.t.Helper()
	a := p.call(method, path, body)
	if a.status != http.StatusOK || strings.Contains(a.body, `"Status":"Error"`) {
		p.t.Fatalf("%s %s: %d %s", method, path, a.status, a.body)
	}
	return a
}

func (p *portal) set(change func(*sandbox.Settings)) {
	p.t.Helper()
	settings := p.Settings()
	change(&settings)
	if err := p.SetSettings(settings); err != nil {
		p.t.Fatal(err)
	}
}

func (p *portal) ask(policies ...string) sandbox.KeyRequest {
	p.t.Helper()
	request, err := p.CreateKeyRequest(sandbox.Ask{Email: sandbox.DemoEmail, Policies: policies, Fields: map[string]string{"Why": "to try"}})
	if err != nil {
		p.t.Fatal(err)
	}
	return request
}

func (p *portal) developer() sandbox.Developer {
	p.t.Helper()
	d, known := p.Developer(sandbox.DemoEmail)
	if !known {
		p.t.Fatal("the demo developer is gone")
	}
	return d
}

func (p *portal) settle() { settle(p.t, p) }

func settle(t *testing.T, p interface{ Settle(context.Context) error }) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := p.Settle(ctx); err != nil {
		t.Fatal(err)
	}
}

// browser walks the portal's pages as a developer's would, and stops where a page leads to another host.
type browser struct {
	host
	client *http.Client
	page   string
	status int
	at     *url.URL
	left   string // the address on another host the browser was sent to
}

func (h host) browser() *browser {
	h.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	b := &browser{host: h}
	b.client = &http.Client{Jar: jar, Timeout: 10 * time.Second, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if !strings.HasPrefix(r.URL.String(), h.url) {
			b.left = r.URL.String()
			return http.ErrUseLastResponse
		}
		return nil
	}}
	return b
}

// in makes what the browser finds wrong the failure of a subtest.
func (b *browser) in(t *testing.T) *browser {
	b.t = t
	return b
}

func (b *browser) get(path string) *browser {
	b.t.Helper()
	return b.do(http.MethodGet, path, nil)
}

func (b *browser) post(path string, form url.Values) *browser {
	b.t.Helper()
	return b.do(http.MethodPost, path, form)
}

func (b *browser) do(method, path string, form url.Values) *browser {
	b.t.Helper()
	request, err := http.NewRequestWithContext(context.Background(), method, b.url+path, bytes.NewReader([]byte(form.Encode())))
	if err != nil {
		b.t.Fatal(err)
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Origin", b.url)
	}
	response, err := b.client.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	read, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	b.page, b.status, b.at = string(read), response.StatusCode, response.Request.URL
	return b
}

func (b *browser) signIn() *browser {
	b.t.Helper()
	return b.signInAs(sandbox.DemoEmail, sandbox.DemoPassword)
}

func (b *browser) signInAs(email, password string) *browser {
	b.t.Helper()
	b.post("/portal/login", url.Values{"email": {email}, "password": {password}})
	if !strings.Contains(b.page, "sign-out") {
		b.t.Fatalf("not signed in: %d %s", b.status, b.page)
	}
	return b
}

// shows fails the test unless the page has the text.
func (b *browser) shows(text string) *browser {
	b.t.Helper()
	if !strings.Contains(b.page, text) {
		b.t.Fatalf("%s (%d) does not show %q:\n%s", b.at, b.status, text, b.page)
	}
	return b
}

func (b *browser) shown(id string) string {
	b.t.Helper()
	found := regexp.MustCompile(`id="` + id + `">([^<]*)<`).FindStringSubmatch(b.page)
	if found == nil {
		return ""
	}
	return found[1]
}
