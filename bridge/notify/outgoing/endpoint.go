package outgoing

import (
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"golang.org/x/net/http/httpguts"

	"keybridge/bridge"
)

// Endpoint is where messages go.
type Endpoint struct {
	// Name is what it is called, 1 to 64 of a-z, 0-9, - and _. Its place in the feed is
	// kept under this name: one that is called otherwise begins anew.
	Name string
	// URL is where messages are posted. It has to be https, unless the host is a
	// loopback address or AllowHTTP is set. It may hold a secret, and is never logged or
	// shown; its host is.
	URL       string
	AllowHTTP bool
	// Secrets sign each message: "whsec_" and the base64 of 24 to 64 random bytes, 1 to
	// 5 of them. While a secret is replaced the old one and the new one are both here.
	Secrets []string
	// Types are the types it wants: exact ones, or all that begin alike ("payment.*",
	// "*"). None: all.
	Types []string
	// Personal sends the applicant's e-mail address, name, organisation and app, too.
	Personal bool
	// Header is sent along, with a credential of the receiver's, say. Never logged.
	Header map[string]string
	// Timeout is how long a try may take. Zero: 15 seconds. At most a minute.
	Timeout time.Duration
	// GiveUp is how long it may fail before it is paused. Zero: three days.
	GiveUp time.Duration
}

const (
	timeoutDefault = 15 * time.Second
	timeoutMax     = time.Minute

	secretPrefix         = "whsec_"
	secretMin, secretMax = 24, 64 // bytes, says the specification
	secretsMax           = 5
)

var endpointName = regexp.MustCompile(`^[a-z0-9_-]{1,64}$`)

// Check says everything that is wrong with an endpoint. The error is of the kind
// Invalid, and quotes neither secret nor header nor address.
func (e Endpoint) Check() error {
	var wrong []string
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if !endpointName.MatchString(e.Name) {
		say("the name %q is not made of 1 to 64 of a-z, 0-9, - and _", e.Name)
	}
	if err := checkURL(e.URL, e.AllowHTTP); err != nil {
		say("%v", err)
	}
	if _, err := signersOf(e.Secrets); err != nil {
		say("%v", err)
	}
	if _, err := filterOf(e.Types); err != nil {
		say("%v", err)
	}
	for _, name := range slices.Sorted(maps.Keys(e.Header)) {
		if err := checkHeader(name, e.Header[name]); err != nil {
			say("%v", err)
		}
	}
	if e.Timeout < 0 || e.Timeout > timeoutMax {
		say("the timeout is more than %s, or less than nothing", timeoutMax)
	}
	if len(wrong) == 0 {
		return nil
	}
	return &bridge.Error{Kind: bridge.Invalid, Msg: fmt.Sprintf("webhook endpoint %q: %s", e.Name, strings.Join(wrong, "; "))}
}

// String names the endpoint and hides its secrets from whoever prints it.
func (e Endpoint) String() string { return e.Name + " at " + e.host() }

// LogValue does the same for logs.
func (e Endpoint) LogValue() slog.Value { return slog.StringValue(e.String()) }

// host is what may be shown of the address.
func (e Endpoint) host() string {
	u, err := url.Parse(e.URL)
	if err != nil {
		return ""
	}
	return u.Host
}

func checkURL(address string, allowHTTP bool) error {
	u, err := url.Parse(address)
	if err != nil { // its text quotes the address
		return errors.New("the url is not valid")
	}
	switch {
	case u.Hostname() == "" || u.Opaque != "" || u.Fragment != "":
		return errors.New("the url needs a scheme and a host, and no fragment")
	case u.Scheme == "https":
		return nil
	case u.Scheme != "http":
		return errors.New("the url is neither https nor http")
	case !allowHTTP && !loopback(u.Hostname()):
		return errors.New("the url is not https; messages would be readable on their way (allow it for this endpoint if they stay within your network)")
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// signersOf reads secrets. What is wrong with one is said by its number.
func signersOf(secrets []string) ([]*standardwebhooks.Webhook, error) {
	if len(secrets) == 0 || len(secrets) > secretsMax {
		return nil, fmt.Errorf("it needs 1 to %d secrets", secretsMax)
	}
	var signers []*standardwebhooks.Webhook
	for i, secret := range secrets {
		text, ok := strings.CutPrefix(secret, secretPrefix)
		key, err := base64.StdEncoding.DecodeString(text)
		if !ok || err != nil || len(key) < secretMin || len(key) > secretMax {
			return nil, fmt.Errorf("secret %d is not %q and the base64 of %d to %d bytes", i+1, secretPrefix, secretMin, secretMax)
		}
		signer, err := standardwebhooks.NewWebhookRaw(key)
		if err != nil {
			return nil, fmt.Errorf("secret %d cannot be used", i+1)
		}
		signers = append(signers, signer)
	}
	return signers, nil
}

// filterOf reads the types that are wanted.
func filterOf(wanted []string) (map[Type]bool, error) {
	if len(wanted) == 0 {
		wanted = []string{"*"}
	}
	types := map[Type]bool{}
	for _, want := range wanted {
		prefix, many := strings.CutSuffix(want, "*")
		many = many && (prefix == "" || strings.HasSuffix(prefix, "."))
		found := false
		for _, e := range events {
			if string(e.Type) == want || many && strings.HasPrefix(string(e.Type), prefix) {
				types[e.Type], found = true, true
			}
		}
		if !found {
			return nil, fmt.Errorf("there is no type %q; there are %s", want, typeNames())
		}
	}
	return types, nil
}

func typeNames() string {
	var names []string
	for _, e := range events {
		names = append(names, string(e.Type))
	}
	return strings.Join(names, ", ")
}

func checkHeader(name, value string) error {
	canonical := http.CanonicalHeaderKey(name)
	switch {
	case !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value):
		return fmt.Errorf("the header %q or its value is not valid", name)
	case strings.HasPrefix(canonical, "Webhook-"),
		slices.Contains([]string{"Host", "Content-Length", "Content-Type", "Transfer-Encoding", "Connection", "Trailer", "Te", "Upgrade"}, canonical):
		return fmt.Errorf("the header %q is ours to set", name)
	}
	return nil
}
