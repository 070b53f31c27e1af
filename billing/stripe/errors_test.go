package stripe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"keybridge/bridge"
)

// secrets are what an answer of Stripe's may hold and nobody may see.
var secrets = []string{
	"sk_test_canary123", "sk_test_********nary", "rk_live_abc", "pi_1_secret_abc", "seti_1_secret_def",
	"dev@example.com", "4242424242424242", "4242 4242 4242 4242", "Canary Birdsong",
}

// answering is a provider whose far end always gives the same answer.
func answering(t *testing.T, cfg Config, do http.HandlerFunc) *Provider {
	t.Helper()
	far := httptest.NewServer(do)
	t.Cleanup(far.Close)
	cfg.Key, cfg.URL = "sk_test_canary123", far.URL
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func request() bridge.Request {
	return bridge.Request{ID: "01J", Payment: bridge.Payment{Checkout: bridge.Checkout{ID: "cs_1"}}}
}

func TestErrorsSayWhatToDoNext(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	stripes := func(fields string) string {
		return `{"error":{"message":"for dev@example.com, Canary key sk_test_********nary, pi_1_secret_abc, card 4242 4242 4242 4242\nagain",` +
			`"payment_intent":{"id":"pi_1","client_secret":"pi_1_secret_abc","receipt_email":"dev@example.com"},` +
			`"payment_method":{"billing_details":{"name":"Canary Birdsong"}},` + fields + `}}`
	}
	for _, tt := range []struct {
		name     string
		status   int
		body     string
		header   map[string]string
		kind     bridge.Kind
		answered bool
		wait     time.Duration
		says     string
	}{
		{name: "rate limit", status: 429, body: stripes(`"type":"invalid_request_error","code":"rate_limit"`), header: map[string]string{"Retry-After": "7"},
			kind: bridge.Limited, wait: 7 * time.Second},
		{name: "rate limit until a date", status: 429, body: stripes(`"type":"invalid_request_error"`), header: map[string]string{"Retry-After": "Fri, 01 May 2026 12:00:30 GMT"},
			kind: bridge.Limited, wait: 30 * time.Second},
		{name: "lock", status: 429, body: stripes(`"type":"invalid_request_error","code":"lock_timeout"`), kind: bridge.Limited},
		{name: "lock with another status", status: 400, body: stripes(`"type":"invalid_request_error","code":"lock_timeout"`), kind: bridge.Limited},
		{name: "fault of Stripe's", status: 500, body: stripes(`"type":"api_error"`), kind: bridge.Unavailable, answered: true},
		{name: "Stripe is down and says so", status: 503, body: stripes(`"type":"api_error"`), header: map[string]string{"Retry-After": "2"}, kind: bridge.Unavailable, answered: true, wait: 2 * time.Second},
		{name: "the same call is under way", status: 409, body: stripes(`"type":"idempotency_error","code":"idempotency_key_in_use"`), kind: bridge.Unavailable},
		{name: "the key is known with other parameters", status: 400, body: stripes(`"type":"idempotency_error"`), kind: bridge.Internal, answered: true},
		{name: "wrong key", status: 401, body: stripes(`"type":"invalid_request_error"`), kind: bridge.Refused, says: "key"},
		{name: "missing permission", status: 403, body: stripes(`"type":"invalid_request_error"`), kind: bridge.Refused, says: "permission"},
		{name: "wrong parameter", status: 400, body: stripes(`"type":"invalid_request_error","code":"parameter_unknown","param":"line_items[0][price]"`), kind: bridge.Invalid, answered: true, says: `"line_items[0][price]"`},
		{name: "no such price", status: 400, body: stripes(`"type":"invalid_request_error","code":"resource_missing","param":"line_items[0][price]"`), kind: bridge.Invalid, answered: true, says: "line_items"},
		{name: "a parameter that is no name", status: 400, body: stripes(`"type":"invalid_request_error","param":"dev@example.com"`), kind: bridge.Invalid, answered: true},
		{name: "no such session", status: 404, body: stripes(`"type":"invalid_request_error","code":"resource_missing","param":"id"`), kind: bridge.NotFound, answered: true},
		{name: "refunded already", status: 400, body: stripes(`"type":"invalid_request_error","code":"charge_already_refunded"`), kind: bridge.Conflict, answered: true, says: "refunded"},
		{name: "disputed", status: 400, body: stripes(`"type":"invalid_request_error","code":"charge_disputed"`), kind: bridge.Conflict, answered: true, says: "disputed"},
		{name: "moved on", status: 400, body: stripes(`"type":"invalid_request_error","code":"payment_intent_unexpected_state"`), kind: bridge.Conflict, answered: true},
		{name: "declined", status: 402, body: stripes(`"type":"card_error","code":"card_declined","decline_code":"generic_decline"`), kind: bridge.Conflict, answered: true, says: "declined"},
		{name: "empty balance", status: 400, body: stripes(`"type":"invalid_request_error","code":"balance_insufficient"`), kind: bridge.Refused, answered: true, says: "balance"},
		{name: "two changes at once", status: 409, body: stripes(`"type":"invalid_request_error"`), kind: bridge.Conflict, answered: true},
		{name: "proxy without its backend", status: 502, body: "<html>dev@example.com</html>", kind: bridge.Unavailable},
		{name: "proxy that limits", status: 429, body: "slow down", header: map[string]string{"Retry-After": "5"}, kind: bridge.Limited, wait: 5 * time.Second},
		{name: "not Stripe", status: 404, body: `{"message":"dev@example.com"}`, kind: bridge.Unavailable, says: "address"},
		{name: "elsewhere", status: 302, header: map[string]string{"Location": "https://evil.example/"}, kind: bridge.Unavailable, says: "address"},
		{name: "not JSON", status: 200, body: "hello dev@example.com pi_1_secret_abc", kind: bridge.Unavailable},
		{name: "half an answer", status: 200, body: `{"id":"cs_1","client_secret":"pi_1_secret_abc"`, kind: bridge.Unavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var log bytes.Buffer
			p := answering(t, Config{Now: func() time.Time { return now }, Log: debug(&log)}, func(w http.ResponseWriter, _ *http.Request) {
				for name, value := range tt.header {
					w.Header().Set(name, value)
				}
				w.Header().Set("Request-Id", "req_1")
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			})
			_, err := p.Read(t.Context(), request())
			e, ok := errors.AsType[*bridge.Error](err)
			if !ok {
				t.Fatalf("%T %v", err, err)
			}
			if e.Kind != tt.kind || e.Answered != tt.answered || e.RetryAfter != tt.wait {
				t.Errorf("%q, answered %v, wait %s: %v", e.Kind, e.Answered, e.RetryAfter, e)
			}
			if e.Msg == "" && tt.kind != bridge.Internal || !strings.Contains(e.Msg, tt.says) {
				t.Errorf("it says %q, want something of %q", e.Msg, tt.says)
			}
			for _, secret := range secrets {
				for what, text := range map[string]string{"error": fmt.Sprintf("%v %+v %#v", err, e, e.Err), "log": log.String()} {
					if strings.Contains(text, secret) {
						t.Errorf("the %s holds %q: %s", what, secret, text)
					}
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Error("the error has several lines")
			}
		})
	}
}

func debug(w *bytes.Buffer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func TestSilenceIsUnavailableAndUnanswered(t *testing.T) {
	far := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then does the server notice that the caller has gone
		<-r.Context().Done()
	}))
	defer far.Close()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	for name, tt := range map[string]struct {
		url string
		ctx func() (context.Context, context.CancelFunc)
		is  error
	}{
		"time-out of the provider": {url: far.URL, ctx: func() (context.Context, context.CancelFunc) { return context.WithCancel(t.Context()) }},
		"time-out of the caller": {url: far.URL, is: context.DeadlineExceeded, ctx: func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(t.Context(), 20*time.Millisecond)
		}},
		"the caller gave up": {url: far.URL, is: context.Canceled, ctx: func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			return ctx, cancel
		}},
		"nobody listens": {url: closed.URL, ctx: func() (context.Context, context.CancelFunc) { return context.WithCancel(t.Context()) }},
		"no such host":   {url: "https://nobody.invalid", ctx: func() (context.Context, context.CancelFunc) { return context.WithCancel(t.Context()) }},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := New(Config{Key: "sk_test_canary123", URL: tt.url, Timeout: 200 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := tt.ctx()
			defer cancel()
			_, err = p.Expire(ctx, request(), "k")
			e, ok := errors.AsType[*bridge.Error](err)
			if !ok || e.Kind != bridge.Unavailable || e.Answered || e.Msg == "" {
				t.Errorf("%#v", err)
			}
			if tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("%v is not %v", err, tt.is)
			}
		})
	}
}

func TestAnAnswerWithoutEndIsCutShort(t *testing.T) {
	p := answering(t, Config{}, func(w http.ResponseWriter, _ *http.Request) {
		page := bytes.Repeat([]byte(" "), 1<<20)
		for range 40 {
			if _, err := w.Write(page); err != nil {
				return
			}
		}
	})
	_, err := p.Read(t.Context(), request())
	if !errors.Is(err, errTooLarge) || bridge.KindOf(err) != bridge.Unavailable {
		t.Error(err)
	}
}

func TestAConfigurationThatCannotWorkIsRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		cfg  Config
		says []string
	}{
		"nothing":             {Config{}, []string{"no Stripe key"}},
		"publishable key":     {Config{Key: "pk_test_canary"}, []string{"publishable"}},
		"webhook secret":      {Config{Key: "whsec_canary"}, []string{"neither with sk_ nor with rk_"}},
		"key with a line end": {Config{Key: "sk_test_canary\n"}, []string{"line end"}},
		"address of a file":   {Config{Key: "sk_test_canary", URL: "file:///etc"}, []string{"API address"}},
		"user in the address": {Config{Key: "sk_test_canary", URL: "https://canary@api.stripe.com"}, []string{"API address"}},
		"live key in clear":   {Config{Key: "sk_live_canary", URL: "http://stripe.example"}, []string{"plain http"}},
		"too short":           {Config{Key: "sk_test_canary", CheckoutExpiry: time.Minute}, []string{"30 minutes"}},
		"too long":            {Config{Key: "sk_test_canary", CheckoutExpiry: 25 * time.Hour}, []string{"24 hours"}},
		"everything at once":  {Config{Name: "eu", Key: "pk_canary", URL: "ftp://x", CheckoutExpiry: 1, Timeout: -1}, []string{`"eu"`, "publishable", "https://", "30 minutes"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(tt.cfg)
			if err == nil {
				t.Fatal("it was accepted")
			}
			for _, want := range tt.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q says nothing of %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "canary") {
				t.Errorf("%q holds the key", err)
			}
		})
	}
}

func TestATestKeyInClearIsWarnedOf(t *testing.T) {
	var log bytes.Buffer
	p, err := New(Config{Key: "sk_test_canary", URL: "http://sandbox:12111", Log: debug(&log)})
	if err != nil || !strings.Contains(log.String(), "without encryption") {
		t.Errorf("%v, %s", err, log.String())
	}
	for _, text := range []string{log.String(), fmt.Sprintf("%v %+v %s", p, p, p)} {
		if strings.Contains(text, "canary") {
			t.Errorf("%s holds the key", text)
		}
	}
}

// What an operator looks for in the log: the words of Stripe's API, by their form.
func TestTheLogSaysWhatStripesAPIMeans(t *testing.T) {
	for name, one := range map[string]struct{ fields, want string }{
		"a missing permission": {
			`"type":"invalid_request_error","message":"The provided key 'rk_test_*********abc' lacks permissions. Having the 'rak_charge_write' permission would allow this."`,
			"status 403, type invalid_request_error, permission rak_charge_write, request req_8aZ",
		},
		"a declined card": {
			`"type":"card_error","code":"card_declined","decline_code":"insufficient_funds","param":"line_items[0][price]","message":"Your card, Dana."`,
			"status 403, type card_error, code card_declined, decline code insufficient_funds, param line_items[0][price], request req_8aZ",
		},
		"words that are none": {`"type":"Dana Doe","code":"rk_test","decline_code":"a@b.example","param":"x y","message":"rak_"`, "status 403, request req_8aZ"},
	} {
		p := answering(t, Config{}, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Request-Id", "req_8aZ")
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `{"error":{`+one.fields+`}}`)
		})
		_, err := p.Read(t.Context(), request())
		if !strings.HasSuffix(err.Error(), ": "+one.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
