package sandbox

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// raw is an answer as it came over the wire.
type raw struct {
	status int
	header http.Header
	body   string
	err    error
}

// field reads a field at a path of the JSON answer: "error.code".
func (r raw) field(path string) string {
	var v any
	if json.Unmarshal([]byte(r.body), &v) != nil {
		return ""
	}
	for _, part := range strings.Split(path, ".") {
		o, _ := v.(map[string]any)
		v = o[part]
	}
	s, _ := v.(string)
	return s
}

// ask sends one request as it stands.
func (b *bench) ask(method, path string, form url.Values, header ...string) raw {
	b.t.Helper()
	at, body := b.url+path, strings.NewReader("")
	if method == http.MethodPost {
		body = strings.NewReader(form.Encode())
	} else if len(form) > 0 {
		at += "?" + form.Encode()
	}
	req, err := http.NewRequestWithContext(context.Background(), method, at, body)
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+testKey)
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	answer, err := browser().Do(req)
	if err != nil {
		return raw{err: err}
	}
	got, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	return raw{answer.StatusCode, answer.Header, string(got), err}
}

func (b *bench) customer(key, email string) raw {
	b.t.Helper()
	return b.ask("POST", "/v1/customers", url.Values{"email": {email}}, "Idempotency-Key", key)
}

func TestAKeyReplaysTheFirstAnswer(t *testing.T) {
	b := setUp(t)
	first, again := b.customer("k1", "a@example.com"), b.customer("k1", "a@example.com")
	if first.status != 200 || first.body != again.body || len(b.Objects("customer")) != 1 {
		t.Fatalf("the second answer differs:\n%s\n%s", first.body, again.body)
	}
	if first.header.Get("Idempotent-Replayed") != "" || again.header.Get("Idempotent-Replayed") != "true" {
		t.Error("which one was replayed is not told")
	}
	if again.header.Get("Idempotency-Key") != "k1" || again.header.Get("Original-Request") != first.header.Get("Request-Id") {
		t.Errorf("headers: %v", again.header)
	}
	if again.header.Get("Request-Id") == first.header.Get("Request-Id") {
		t.Error("two requests have one id")
	}
}

func TestWithoutAKeyEachRequestIsCarriedOut(t *testing.T) {
	b := setUp(t)
	for range 3 {
		b.ask("POST", "/v1/customers", url.Values{"email": {"a@example.com"}})
	}
	if n := len(b.Objects("customer")); n != 3 {
		t.Errorf("%d customers, want 3", n)
	}
}

func TestAKeyBelongsToOneRequest(t *testing.T) {
	b := setUp(t)
	b.customer("k1", "a@example.com")
	other := b.customer("k1", "b@example.com")
	elsewhere := b.ask("POST", "/v1/products", url.Values{"email": {"a@example.com"}, "name": {"x"}}, "Idempotency-Key", "k1")
	for name, got := range map[string]raw{"other parameters": other, "another endpoint": elsewhere} {
		if got.field("error.type") != "idempotency_error" || got.status != 400 {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	if !strings.Contains(elsewhere.field("error.message"), "'/v1/products' vs '/v1/customers'") {
		t.Error(elsewhere.body)
	}
}

func TestTheOrderOfParametersDoesNotMakeAnotherRequest(t *testing.T) {
	b := setUp(t)
	send := func(body string) raw {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, b.url+"/v1/customers", strings.NewReader(body))
		req.Header.Set("Authorization", "Bearer "+testKey)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Idempotency-Key", "k")
		answer, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		return raw{status: answer.StatusCode, body: string(got)}
	}
	if a, z := send("email=a%40example.com&name=A"), send("name=A&email=a@example.com"); a.body != z.body || a.status != 200 {
		t.Errorf("%s\n%s", a.body, z.body)
	}
}

func TestWhatIsStoredUnderAKey(t *testing.T) {
	const path = "/v1/customers"
	for name, c := range map[string]struct {
		fault     Fault
		form      url.Values
		first     int // status of the first answer; 0 = cut off
		second    int // status of the same request again
		replayed  bool
		customers int
	}{
		"a success":                        {Fault{}, url.Values{}, 200, 200, true, 1},
		"a 500 before the work":            {Fault{Kind: ErrorBefore}, url.Values{}, 500, 500, true, 0},
		"a 500 after the work":             {Fault{Kind: ErrorAfter}, url.Values{}, 500, 500, true, 1},
		"a 503 after the work":             {Fault{Kind: ErrorAfter, Status: 503}, url.Values{}, 503, 503, true, 1},
		"not a 429":                        {Fault{Kind: RateLimit}, url.Values{}, 429, 200, false, 1},
		"not a cut before the work":        {Fault{Kind: CutBefore}, url.Values{}, 0, 200, false, 1},
		"the true answer of a cut after":   {Fault{Kind: CutAfter}, url.Values{}, 0, 200, true, 1},
		"not what was refused at the door": {Fault{}, url.Values{"emial": {"x"}}, 400, 400, false, 0},
		"not what failed its own check":    {Fault{}, url.Values{"email": {"no address"}}, 400, 400, false, 0},
		"not what was expanded to nowhere": {Fault{}, url.Values{"expand[]": {"nowhere"}}, 400, 400, false, 0},
		"an answer that came late, though": {Fault{Kind: Latency, Delay: Wait(5 * time.Millisecond)}, url.Values{}, 200, 200, true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			b := setUp(t)
			if c.fault.Kind != "" {
				c.fault.Times = 1
				b.Fault(c.fault)
			}
			first := b.ask("POST", path, c.form, "Idempotency-Key", "k")
			second := b.ask("POST", path, c.form, "Idempotency-Key", "k")
			got := []any{first.status, second.status, second.header.Get("Idempotent-Replayed") == "true", len(b.Objects("customer"))}
			if diff := cmp.Diff([]any{c.first, c.second, c.replayed, c.customers}, got); diff != "" {
				t.Errorf("first, second, replayed, customers (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnErrorThatCameOfTheWorkIsStored(t *testing.T) {
	b := setUp(t)
	made := b.open(onceParams())
	b.act(made.ID, "pay", nil)
	form := url.Values{"payment_intent": {b.session(made.ID).PaymentIntent.ID}}
	b.act(made.ID, "dispute", nil)
	first := b.ask("POST", "/v1/refunds", form, "Idempotency-Key", "k")
	b.act(made.ID, "win", nil)
	again := b.ask("POST", "/v1/refunds", form, "Idempotency-Key", "k")
	if first.field("error.code") != "charge_disputed" || again.body != first.body {
		t.Errorf("%s\n%s", first.body, again.body)
	}
	if anew := b.ask("POST", "/v1/refunds", form, "Idempotency-Key", "k2"); anew.status != 200 {
		t.Errorf("with another key: %s", anew.body)
	}
}

func TestTwoAtOnceUnderOneKeyAreAConflict(t *testing.T) {
	b := setUp(t)
	b.Fault(Fault{Kind: Latency, Delay: Wait(100 * time.Millisecond), Path: "/v1/customers"})
	var all sync.Map
	var done sync.WaitGroup
	for i := range 5 {
		done.Go(func() { all.Store(i, b.customer("k", "a@example.com")) })
	}
	done.Wait()
	count := map[int]int{}
	all.Range(func(_, v any) bool {
		got, _ := v.(raw)
		count[got.status]++
		if got.status == 409 && got.field("error.code") != "idempotency_key_in_use" {
			t.Error(got.body)
		}
		return true
	})
	if diff := cmp.Diff(map[int]int{200: 1, 409: 4}, count); diff != "" {
		t.Error(diff)
	}
}

func TestAKeyIsForgottenAfterADayAndNotBefore(t *testing.T) {
	b := setUp(t)
	first := b.customer("k", "a@example.com")
	b.Advance(23 * time.Hour)
	if got := b.customer("k", "a@example.com"); got.body != first.body {
		t.Error("it was forgotten within a day")
	}
	b.Advance(2 * time.Hour)
	if got := b.customer("k", "a@example.com"); got.body == first.body {
		t.Error("it was not forgotten")
	}
}

func TestReadsTakeNoKey(t *testing.T) {
	b := setUp(t)
	b.ask("GET", "/v1/customers", nil, "Idempotency-Key", "k")
	b.customer("k", "a@example.com")
	if got := b.ask("GET", "/v1/customers", nil, "Idempotency-Key", "k"); got.header.Get("Idempotent-Replayed") != "" || !strings.Contains(got.body, "a@example.com") {
		t.Errorf("a list was replayed: %s", got.body)
	}
}

func TestAKeyHasAtMost255Characters(t *testing.T) {
	b := setUp(t)
	if got := b.customer(strings.Repeat("k", 256), "a@example.com"); got.status != 400 {
		t.Errorf("%d %s", got.status, got.body)
	}
}
