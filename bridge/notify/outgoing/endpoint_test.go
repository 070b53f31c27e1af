package outgoing

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"keybridge/bridge"
)

func good() Endpoint {
	return Endpoint{Name: "crm", URL: "https://crm.example.com/hook?key=1", Secrets: []string{secretOf(1)}}
}

func TestCheckSaysWhatIsWrongWithAnEndpoint(t *testing.T) {
	t.Parallel()
	secretFrom := func(n int) string { return secretPrefix + base64.StdEncoding.EncodeToString(make([]byte, n)) }
	for _, c := range []struct {
		name string
		with func(*Endpoint)
		want string // empty: nothing is wrong
	}{
		{"a good one", func(*Endpoint) {}, ""},
		{"no name", func(e *Endpoint) { e.Name = "" }, "the name"},
		{"a name with a slash", func(e *Endpoint) { e.Name = "a/b" }, "the name"},
		{"a long name", func(e *Endpoint) { e.Name = strings.Repeat("a", 65) }, "the name"},
		{"no url", func(e *Endpoint) { e.URL = "" }, "the url needs"},
		{"a url without a host", func(e *Endpoint) { e.URL = "https:///x" }, "the url needs"},
		{"a url that is none", func(e *Endpoint) { e.URL = "https://%zz" }, "the url is not valid"},
		{"a url with a fragment", func(e *Endpoint) { e.URL += "#x" }, "no fragment"},
		{"a file", func(e *Endpoint) { e.URL = "file://host/etc/passwd" }, "neither https nor http"},
		{"http elsewhere", func(e *Endpoint) { e.URL = "http://crm.example.com/" }, "not https"},
		{"http within", func(e *Endpoint) { e.URL, e.AllowHTTP = "http://crm.internal/", true }, ""},
		{"http on loopback", func(e *Endpoint) { e.URL = "http://127.0.0.1:8080/" }, ""},
		{"http on loopback, version 6", func(e *Endpoint) { e.URL = "http://[::1]:8080/" }, ""},
		{"http on localhost", func(e *Endpoint) { e.URL = "http://localhost/" }, ""},
		{"a host that begins like localhost", func(e *Endpoint) { e.URL = "http://localhost.example.com/" }, "not https"},
		{"no secret", func(e *Endpoint) { e.Secrets = nil }, "1 to 5 secrets"},
		{"too many secrets", func(e *Endpoint) { e.Secrets = make([]string, 6) }, "1 to 5 secrets"},
		{"a secret without its prefix", func(e *Endpoint) { e.Secrets[0] = strings.TrimPrefix(e.Secrets[0], secretPrefix) }, "secret 1"},
		{"a second secret that is not base64", func(e *Endpoint) { e.Secrets = append(e.Secrets, "whsec_!") }, "secret 2"},
		{"a short secret", func(e *Endpoint) { e.Secrets[0] = secretFrom(23) }, "secret 1"},
		{"the shortest secret", func(e *Endpoint) { e.Secrets[0] = secretFrom(24) }, ""},
		{"the longest secret", func(e *Endpoint) { e.Secrets[0] = secretFrom(64) }, ""},
		{"a long secret", func(e *Endpoint) { e.Secrets[0] = secretFrom(65) }, "secret 1"},
		{"types", func(e *Endpoint) { e.Types = []string{"payment.*", "request.ended"} }, ""},
		{"an unknown type", func(e *Endpoint) { e.Types = []string{"payment.lost"} }, `no type "payment.lost"; there are request.received, `},
		{"an unknown family of types", func(e *Endpoint) { e.Types = []string{"money.*"} }, "no type"},
		{"a star within a word", func(e *Endpoint) { e.Types = []string{"pay*"} }, "no type"},
		{"an empty type", func(e *Endpoint) { e.Types = []string{""} }, "no type"},
		{"a header", func(e *Endpoint) { e.Header = map[string]string{"Authorization": "Bearer x"} }, ""},
		{"a header of ours", func(e *Endpoint) { e.Header = map[string]string{"webhook-id": "x"} }, "ours to set"},
		{"a header that is none", func(e *Endpoint) { e.Header = map[string]string{"a b": "x"} }, "not valid"},
		{"a header with a second line", func(e *Endpoint) { e.Header = map[string]string{"A": "x\r\nB: y"} }, "not valid"},
		{"a timeout", func(e *Endpoint) { e.Timeout = time.Minute }, ""},
		{"a long timeout", func(e *Endpoint) { e.Timeout = time.Minute + 1 }, "the timeout"},
		{"a negative timeout", func(e *Endpoint) { e.Timeout = -1 }, "the timeout"},
	} {
		e := good()
		c.with(&e)
		err := e.Check()
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		wantKind(t, err, bridge.Invalid)
		if !strings.Contains(bridge.Explain(err), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestEverythingThatIsWrongIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one, two := good(), good()
	two.URL, two.Types = "http://crm.example.com", []string{"x"}
	three := Endpoint{Name: "Three"}
	_, err := New(Config{Store: w.store, Endpoints: []Endpoint{one, two, three}})
	wantKind(t, err, bridge.Invalid)
	for _, want := range []string{`"crm": there are two`, "not https", `no type "x"`, `"Three"`, "1 to 5 secrets"} {
		if !strings.Contains(bridge.Explain(err), want) {
			t.Errorf("%q is not said: %v", want, err)
		}
	}
	_, err = New(Config{})
	wantKind(t, err, bridge.Invalid)
}

// FuzzCheck: whatever is configured, a check ends, quotes nothing secret, and what
// passes it is sent to the host that is shown, with no header but those that were
// given.
func FuzzCheck(f *testing.F) {
	f.Add("crm", "https://user:secret-password@crm.example.com/secret-path", secretOf(1), "payment.*", "Authorization", "Bearer secret-token")
	f.Add("x", "http://127.0.0.1/", "whsec_", "*", "Host", "a\nb")
	f.Add("", "https://%41.example/\x00", "secret-secret", "", "webhook-id", "")
	f.Fuzz(func(t *testing.T, name, address, secret, types, header, value string) {
		e := Endpoint{Name: name, URL: address, Secrets: []string{secret}, Types: []string{types}, Header: map[string]string{header: value}}
		err := e.Check()
		if err != nil {
			for _, hidden := range []string{secret, value} {
				if len(hidden) > 12 && !strings.Contains(name+types+header, hidden) && strings.Contains(err.Error(), hidden) {
					t.Fatalf("%v quotes %q", err, hidden)
				}
			}
			return
		}
		l, err := newLane(&Sender{cfg: Config{}.complete()}, e)
		if err != nil {
			t.Fatalf("passes the check, and then: %v", err)
		}
		request, err := http.NewRequest(http.MethodPost, e.URL, nil)
		if err != nil {
			t.Fatalf("passes the check, and then: %v", err)
		}
		if err := l.sign(request, message{id: "msg_1"}, time.Now()); err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(address)
		if err != nil || request.URL.Host != e.host() || u.Scheme != "https" && !loopback(u.Hostname()) {
			t.Fatalf("it goes to %s, and %s is shown: %v", request.URL.Host, e.host(), err)
		}
		var wire strings.Builder
		if err := request.Header.Write(&wire); err != nil {
			t.Fatal(err)
		}
		if lines := strings.Count(wire.String(), "\n"); lines > 6 {
			t.Fatalf("%d header lines:\n%s", lines, wire.String())
		}
	})
}
