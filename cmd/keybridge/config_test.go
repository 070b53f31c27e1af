package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
	"keybridge/webhooks"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// environment is the environment of the test files.
var environment = map[string]string{
	"TYK_DASHBOARD_SECRET": "dashboard-canary-0123456789",
	"PORTAL_WEBHOOK":       "webhook-canary-0123456789",
	"PORTAL_WEBHOOK_OLD":   "webhook-old-canary-0123456789",
	"STRIPE_KEY":           "sk_test_canary0123456789",
	"STRIPE_WEBHOOK":       "whsec_canary0123456789",
	"PUBLISHABLE":          "pk_live_canary0123456789",
	"LONG":                 "long-canary-0123456789-0123456789",
	"SHORT":                "canary",
	"EMPTY":                "",
	"WITH_NEWLINE":         "dashboard-canary\nsecond-line",
	"WITH_SLASH":           "webhook/canary/0123456789",
	"WITH_COMMA":           "webhook,canary,0123456789",
	"SIGNING":              "whsec_canary01canary01canary01canary01",
	"SIGNING_OLD":          "whsec_canary02canary02canary02canary02",
	"SIGNING_SHORT":        "whsec_canary01",
	"SIGNING_BROKEN":       "whsec_canary",
}

func lookup(name string) (string, bool) {
	text, ok := environment[name]
	return text, ok
}

// TestBadFiles holds every file of testdata/config/bad to the full list of what is
// wrong with it.
func TestBadFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/config/bad/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no bad files: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			c, err := loadConfig(file, lookup)
			if err == nil || c != nil {
				t.Fatalf("loadConfig accepted it: %+v", c)
			}
			got := strings.ReplaceAll(err.Error(), filepath.Dir(file)+string(filepath.Separator), "") + "\n"
			golden := strings.TrimSuffix(file, ".yaml") + ".txt"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), got); d != "" {
				t.Errorf("errors (-want +got):\n%s", d)
			}
			for _, canary := range []string{"canary", "hunter2"} {
				if strings.Contains(got, canary) {
					t.Errorf("the errors repeat a secret (%s):\n%s", canary, got)
				}
			}
		})
	}
}

func TestGoodFilesLoad(t *testing.T) {
	files, err := filepath.Glob("testdata/config/good/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no good files: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			if _, err := loadConfig(file, lookup); err != nil {
				t.Error(err)
			}
		})
	}
}

// goodFile reads a file of testdata/config/good.
func goodFile(t *testing.T, name string) *config {
	t.Helper()
	c, err := loadConfig(filepath.Join("testdata/config/good", name), lookup)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAMinimalFileHasGoodDefaults(t *testing.T) {
	c := goodFile(t, "minimal.yaml")
	p := c.Portals[0]
	got := map[string]any{
		"listen": c.Listen, "public": c.PublicURL.String(), "operations": c.Operations, "data": c.Data,
		"level": c.Log.Level, "format": c.Log.Format, "shutdown": c.Shutdown,
		"life": c.Pages.LinkLife, "service": c.Pages.ServiceName, "page secret": c.Pages.Secret.Reveal(),
		"kind": p.Kind, "delivery": p.KeyDelivery, "workers": p.Workers,
		"token": p.Handoff.Token == nil, "query": p.Handoff.Query == nil,
		"bare": p.Handoff.Bare.Parameters, "fresh": p.Handoff.Bare.Fresh, "stripe": c.Stripe == nil,
	}
	want := map[string]any{
		"listen": "127.0.0.1:8080", "public": "https://keys.example.com", "operations": "127.0.0.1:9090", "data": "/var/lib/keybridge",
		"level": slog.LevelInfo, "format": "json", "shutdown": 20 * time.Second,
		"life": 30 * 24 * time.Hour, "service": "API keys", "page secret": "",
		"kind": "tyk-classic", "delivery": bridge.MailsKey, "workers": 32,
		"token": true, "query": true,
		"bare": []string{"key_request_id", "request_id", "id"}, "fresh": 15 * time.Minute, "stripe": true,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("defaults (-want +got):\n%s", d)
	}
}

func TestEveryFormOfAValueIsRead(t *testing.T) {
	c := goodFile(t, "forms.yaml")
	first, second := c.Portals[0], c.Portals[1]
	var proxies, returns []string
	for _, p := range c.TrustedProxies {
		proxies = append(proxies, p.String())
	}
	for _, u := range first.ReturnAddresses {
		returns = append(returns, u.String())
	}
	got := []any{
		c.PublicURL.String(), c.Data, proxies, returns, first.Organisation, second.Organisation, first.URL.String(),
		reveal(first.WebhookSecrets), first.Handoff.Token.Audience, second.Handoff.Token.Audience,
		second.Handoff.Query.Tolerance, second.Handoff.Bare.Parameters, second.Handoff.Bare.Fresh,
		c.Stripe.URL.String(), c.Stripe.CheckoutExpiry, len(first.Handoff.Token.Keys),
	}
	want := []any{
		"http://localhost:8080", filepath.Join("testdata/config/good", "state"),
		[]string{"10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32"}, []string{"https://portal.example.com/apis"},
		"5984730360219000144427", "5984730360219000144427", "http://127.0.0.1:3000/base",
		[]string{environment["PORTAL_WEBHOOK"], environment["PORTAL_WEBHOOK_OLD"]}, "http://localhost:8080", "bridge",
		90 * time.Second, []string{"rid"}, time.Hour,
		"http://sandbox:12111", time.Hour, 1,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("values (-want +got):\n%s", d)
	}
}

func TestBothKindsOfPortalsMailAndReceiversAreRead(t *testing.T) {
	c := goodFile(t, "kinds.yaml")
	type portal struct {
		Kind, Header, Delivery string
		Poll                   time.Duration
		Tell                   []bridge.MessageKind
	}
	var portals []portal
	for _, p := range c.Portals {
		portals = append(portals, portal{p.Kind, p.WebhookHeader, string(p.KeyDelivery), p.Poll, p.Tell})
	}
	m := c.Mail
	type receiver struct {
		URL             string
		Secrets, Events []string
		Personal        bool
		Timeout, GiveUp time.Duration
	}
	var receivers []receiver
	for _, o := range c.Outgoing {
		receivers = append(receivers, receiver{o.URL.String(), reveal(o.Secrets), o.Events, o.Personal, o.Timeout, o.GiveUp})
	}
	got := []any{
		portals, receivers,
		m.Host, m.Port, m.TLS, m.From.String(), m.ReplyTo == nil, m.Templates, m.roots == nil, m.Subjects, m.TimeZone.String(),
		m.Timeout, m.Tell, m.Remind, m.Digest.To[0].Address, m.Digest.At,
	}
	want := []any{
		[]portal{
			{"tyk-classic", "X-Keybridge-Secret", "mail", -1, []bridge.MessageKind{}},
			{"tyk-enterprise", "X-Keybridge-Secret", "portal", 5 * time.Minute, bridge.MessageKinds},
			{"tyk-enterprise", "Authorization", "link", 90 * time.Minute, []bridge.MessageKind{bridge.TellDeclined, bridge.TellStart}},
		},
		[]receiver{
			{"http://127.0.0.1:9000/hooks", []string{environment["SIGNING"], environment["SIGNING_OLD"]}, nil, false, 15 * time.Second, 72 * time.Hour},
			{"http://crm.internal", []string{environment["SIGNING"]}, []string{"payment.*", "request.approved"}, true, time.Minute, 12 * time.Hour},
		},
		"127.0.0.1", 25, "none", "=?utf-8?q?=C3=9Cn=C3=AFted_APIs?= <keys@example.com>", true, "testdata/config/words", true,
		map[bridge.MessageKind]string{bridge.TellDeclined: "Kein Schlüssel: {{.Plan}}", bridge.TellStart: "Go"}, "America/Sao_Paulo",
		30 * time.Second, bridge.MessageKinds, 24 * time.Hour, "finance@example.com", timeOfDay{17, 5},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("values (-want +got):\n%s", d)
	}
	if len(c.Warnings) > 0 {
		t.Errorf("warnings: %v", c.Warnings)
	}
}

// TestHeadersAreTheReceivers holds the default of webhook_header, and the names that are
// refused, to what the receiver of such webhooks says.
func TestHeadersAreTheReceivers(t *testing.T) {
	if got := goodFile(t, "kinds.yaml").Portals[1].WebhookHeader; got != webhooks.SecretHeader {
		t.Errorf("the default is %s, and the receiver's %s", got, webhooks.SecretHeader)
	}
	for _, header := range append(slices.Clone(taken), "X-Secret", "Authorization", "X Secret", "X:Secret") {
		_, refused := webhooks.TykEnterprise(webhooks.TykEnterpriseConfig{
			Receiver: webhooks.Receiver{Accept: (*bridge.Service)(nil).Accept}, Portal: "main", Header: header,
			Secrets: []string{environment["PORTAL_WEBHOOK"]}, Intake: (*bridge.Service)(nil).Intake,
			Requests: func(context.Context, string, string) ([]bridge.ID, error) { return nil, nil }, Look: func() {},
		})
		text := strings.Replace(onePortal("kind: tyk-enterprise\n    webhook_secret_env: PORTAL_WEBHOOK\n    webhook_header: \""+header+"\""),
			"    organisation: 5ac07777cbb8c2d530000020\n", "", 1)
		_, err := parseConfig("k.yaml", []byte(text), lookup)
		if (err != nil) != (refused != nil) {
			t.Errorf("%s: configuration %v, receiver %v", header, err, refused)
		}
	}
}

func TestPlansOfAnEnterprisePortalNameItsPlans(t *testing.T) {
	plans := goodFile(t, "kinds.yaml").plans()
	for _, test := range []struct{ portal, plan, product, want string }{
		{"enterprise", "3", "12", "By both"},
		{"enterprise", "3", "13", "By plan"},
		{"enterprise", "5", "12", "By product"},
		{"classic", "", "12", "Classic"},
		{"other", "4", "12", ""},
	} {
		got := plans.Terms(test.portal, bridge.Asked{Plan: test.plan, Policies: []string{test.product}}).Plan
		if got != test.want {
			t.Errorf("%s, plan %q, product %s: %q, want %q", test.portal, test.plan, test.product, got, test.want)
		}
	}
}

func TestPlansBecomeTerms(t *testing.T) {
	day := 24 * time.Hour
	plan := func(name, portal string, policies []string, terms bridge.Terms) bridge.Plan {
		terms.Plan = name
		if terms.Patience == 0 {
			terms.Patience = 7 * day
		}
		if terms.Refunded == "" {
			terms.Refunded, terms.Disputed = bridge.Revoke, bridge.Suspend
		}
		return bridge.Plan{Name: name, Portal: portal, Policies: policies, Terms: terms}
	}
	want := bridge.Plans{
		plan("Pro", "main", []string{"p1", "p2"}, bridge.Terms{
			Provider: "stripe", Steps: []bridge.StepKind{bridge.Validation, bridge.Review, bridge.Paying},
			Lines:     []bridge.Price{{Name: "Pro", Amount: bridge.NewAmount(4900, "EUR"), Interval: bridge.Interval{Unit: "month", Count: 3}}},
			TrialDays: 14, Patience: 7*day + 12*time.Hour, Grace: 3 * day,
		}),
		plan("Held", "main", []string{"p3"}, bridge.Terms{
			Provider: "stripe", Steps: []bridge.StepKind{bridge.Paying, bridge.Review}, Hold: true,
			Lines: []bridge.Price{{Name: "Held", Amount: bridge.NewAmount(500, "JPY")}},
		}),
		plan("By id", "second", []string{"p1", "p2"}, bridge.Terms{
			Provider: "stripe", Steps: []bridge.StepKind{bridge.Paying},
			Lines:    []bridge.Price{{Name: "By id", Ref: "price_1abc"}},
			Refunded: bridge.Keep, Disputed: bridge.Revoke,
		}),
		plan("By key", "second", []string{"p9"}, bridge.Terms{
			Provider: "stripe", Steps: []bridge.StepKind{bridge.Paying},
			Lines: []bridge.Price{{Name: "By key", Lookup: "pro_monthly"}},
		}),
		plan("Checked", "second", []string{"p10"}, bridge.Terms{
			Provider: "stripe", Steps: []bridge.StepKind{bridge.Validation, bridge.Review},
		}),
	}
	if d := cmp.Diff(want, goodFile(t, "forms.yaml").plans()); d != "" {
		t.Errorf("plans (-want +got):\n%s", d)
	}
}

func TestWhatIsUnwiseIsWarnedOf(t *testing.T) {
	const plan = "plans: [{name: Free, policies: [p1], steps: []}]\n"
	const silent = ":3:5: portals[0].tell: nothing leads an applicant to the bridge's pages: the portal has no handoff, and start is not told"
	for _, test := range []struct{ name, portal, rest, want string }{
		{"nothing", "handoff: {bare: {}}", plan, ""},
		{"no plan", "handoff: {bare: {}}", "", ":3:11: portals[0].name: no plan is for this portal, so all its key requests go to review"},
		{"nobody tells of requests", "poll: off", plan, ":4:11: portals[0].poll: nobody tells of key requests: poll is off and there is no webhook_secret, so those that no browser brings are found at the next start"},
		{"a webhook tells of requests", "poll: off\n    webhook_secret_env: PORTAL_WEBHOOK", plan, ""},
		{"no start and no handoff", "tell: [reject]", plan + mailed(""), strings.Replace(silent, ":3:5:", ":4:11:", 1)},
		{"nothing told and no handoff", "workers: 8", plan + mailed(", tell: []"), silent},
		{"no start for those who are led here", "tell: []\n    handoff: {bare: {}}", plan + mailed(""), ""},
		{"no mail and no handoff", "workers: 8", plan, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := parseConfig("k.yaml", []byte(onePortal(test.portal)+test.rest), lookup)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.TrimPrefix(c.Warnings.Error(), "k.yaml"); got != test.want {
				t.Errorf("got %q\nwant %q", got, test.want)
			}
		})
	}
}

// TestSomebodyHasToBeAbleToPay shows what a plan with a step for the developer needs.
func TestSomebodyHasToBeAbleToPay(t *testing.T) {
	const rest = "stripe: {key_env: STRIPE_KEY, webhook_secret_env: STRIPE_WEBHOOK}\n" +
		"plans: [{name: Pro, policies: [p1], steps: [validation: card]}]\n"
	for _, test := range []struct {
		name, portal, rest string
		good               bool
	}{
		{"a hand-off", "handoff: {bare: {}}", "", true},
		{"mail", "workers: 8", mailed(""), true},
		{"mail with start for this portal", "tell: [start]", mailed(", tell: []"), true},
		{"nothing", "workers: 8", "", false},
		{"mail without start", "workers: 8", mailed(", tell: [reminder]"), false},
		{"mail without start for this portal", "tell: [reminder]", mailed(""), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := parseConfig("k.yaml", []byte(onePortal(test.portal)+rest+test.rest), lookup)
			said := err != nil && strings.Contains(err.Error(), "plans[0].steps: nobody could come to pay or validate")
			if said == test.good || test.good && err != nil {
				t.Errorf("error: %v", err)
			}
		})
	}
}

// onePortal is a file up to its plans, with one portal that has further keys.
func onePortal(keys string) string {
	return "public_url: https://keys.example.com\nportals:\n  - name: main\n    " + keys + `
    url: https://dashboard.example.com
    secret_env: TYK_DASHBOARD_SECRET
    organisation: 5ac07777cbb8c2d530000020
    home: https://portal.example.com
`
}

// mailed is a mail server with further keys.
func mailed(keys string) string {
	return "mail: {host: mail.example.com, from: keys@example.com" + keys + "}\n"
}

func TestWhatCannotBeReadIsSaid(t *testing.T) {
	folder := t.TempDir()
	large := filepath.Join(folder, "large.yaml")
	write(t, large, strings.Repeat("# a line\n", maxConfig/9+1), 0o600)
	for path, says := range map[string]string{
		filepath.Join(folder, "none.yaml"): "no such file",
		folder:                             "is a directory",
		large:                              "longer than 1 MiB",
	} {
		_, err := loadConfig(path, lookup)
		if err == nil || !strings.HasPrefix(err.Error(), path+": ") || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: error %v, want it to say %q", path, err, says)
		}
	}
}

// TestHostileFilesEndSoon feeds files that are made to keep a parser busy.
func TestHostileFilesEndSoon(t *testing.T) {
	half := maxConfig / 2
	var keys, portals, ids strings.Builder
	for i := range 60_000 {
		fmt.Fprintf(&keys, "key%d: v\n", i)
	}
	for i := range 1000 {
		fmt.Fprintf(&ids, "i%d, ", i)
	}
	const enterprise = "public_url: https://k.example\nportals: [{name: p, kind: tyk-enterprise, url: https://p.example, secret_env: LONG, home: https://p.example}]\n"
	pairs := enterprise + "plans: [{name: a, steps: [], portal_plans: &i [" + ids.String() + "i], policies: *i}]\n"
	portals.WriteString("portals:\n  - &p {return_addresses: [" + strings.Repeat("https://x,", 400) + "]}\n")
	portals.WriteString(strings.Repeat("  - *p\n", 1000))
	for name, text := range map[string]string{
		"brackets": strings.Repeat("[", maxConfig), "closed brackets": strings.Repeat("[", half) + strings.Repeat("]", half),
		"braces": strings.Repeat("{a: ", maxConfig/4), "dashes": strings.Repeat("- ", half), "questions": strings.Repeat("? ", half),
		"keys": keys.String(), "list": "data: [" + strings.Repeat("b,", half-10) + "]", "anchors": strings.Repeat("&a ", maxConfig/3),
		"tags": strings.Repeat("!a ", maxConfig/3), "documents": strings.Repeat("---\n", maxConfig/4), "aliases": portals.String(), "pairs": pairs,
		"one word": strings.Repeat("a", maxConfig), "blank": strings.Repeat("\n", maxConfig), "spaces": strings.Repeat(" ", maxConfig),
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			_, err := parseConfig("keybridge.yaml", []byte(text), lookup)
			if err == nil {
				t.Error("it was accepted")
			}
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("it took %s", took)
			}
			if (name == "aliases" || name == "pairs") && !strings.Contains(err.Error(), "come to more than") {
				t.Errorf("error: %v", err)
			}
		})
	}
}

func TestLengthsOfTime(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"90s": 90 * time.Second, "7d": 7 * 24 * time.Hour, "1d12h": 36 * time.Hour, "1h30m": 90 * time.Minute, "0d": 0, "0s": 0, "-5m": -5 * time.Minute,
	} {
		if got, ok := parseSpan(text); !ok || got != want {
			t.Errorf("%q: %s %t, want %s", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "d", "7", "7 d", "-7d", "7d-1h", "1.5d", "7d7d", "12h1d", "99999999999999h", "100000d", "99999d2562047h", "1w"} {
		if got, ok := parseSpan(text); ok {
			t.Errorf("%q was taken for %s", text, got)
		}
	}
}

func TestTheNearestKeyIsSuggested(t *testing.T) {
	known := []string{"listen", "public_url", "secret_env", "secret_file", "checkout_expiry"}
	for name, want := range map[string]string{
		"lisen": "listen", "Listen": "listen", "lsiten": "listen", "publicurl": "public_url", "public-url": "public_url",
		"secret_fil": "secret_file", "checkout": "checkout_expiry", "xyz": "", "": "", "colour": "", strings.Repeat("x", 5000): "",
	} {
		if got := nearest(name, known); got != want {
			t.Errorf("%.20q: %q, want %q", name, got, want)
		}
	}
}

// FuzzConfig: whatever a file holds, the answer is errors that say where, or a
// configuration that can be used.
func FuzzConfig(f *testing.F) {
	for _, pattern := range []string{"testdata/config/*/*.yaml", "example.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	f.Add([]byte("\r*\r\rG\r\r."))
	f.Add([]byte("\"a\\nb\": 1\nlog: {\"\\e[31m\": 2}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := parseConfig("testdata/config/good/fuzz.yaml", text, lookup)
		if err == nil {
			usable(t, c)
			return
		}
		errs, ok := err.(configErrors) //nolint:errorlint // the very type is promised
		if !ok || len(errs) == 0 || c != nil {
			t.Fatalf("config %v, error %v", c, err)
		}
		lines := bytes.Count(text, []byte("\n")) + bytes.Count(text, []byte("\r")) + 1
		for i, e := range errs {
			if e.Line < 1 || e.Line > lines || e.Column < 1 || e.Msg == "" || strings.ContainsAny(e.Msg, "\n\r") {
				t.Errorf("error %d of a file with %d lines: %q", i, lines, e.Error())
			}
		}
	})
}

// usable checks what the commands rely on.
func usable(t *testing.T, c *config) {
	t.Helper()
	if c.PublicURL == nil || len(c.Portals) == 0 || c.Data == "" || c.Shutdown < time.Second || c.Pages.LinkLife == 0 {
		t.Errorf("incomplete: %+v", c)
	}
	for _, p := range c.Portals {
		if p.Name == "" || p.URL == nil || p.Home == nil || p.Secret.Reveal() == "" || p.Workers < 1 || p.Poll == 0 || p.KeyDelivery == "" ||
			(p.Organisation == "") != (p.Kind == tykEnterprise) || len(p.Tell) > 0 && c.Mail == nil {
			t.Errorf("incomplete portal: %+v", p)
		}
	}
	if m := c.Mail; m != nil && (m.Host == "" || m.Port == 0 || m.From == nil || m.TimeZone == nil || m.Timeout < time.Second ||
		(m.Username == "") != (m.Password.Reveal() == "") || (m.CAFile == "") != (m.roots == nil) || slices.Contains(m.Tell, "")) {
		t.Errorf("incomplete mail: %+v", m)
	}
	for _, o := range c.Outgoing {
		if o.Name == "" || o.URL == nil || len(o.Secrets) == 0 || o.Timeout < time.Second || o.GiveUp < time.Hour {
			t.Errorf("incomplete receiver: %+v", o)
		}
	}
	for _, p := range c.plans() {
		paid := slices.Contains(p.Terms.Steps, bridge.Paying)
		if p.Portal == "" || len(p.Policies)+len(p.PortalPlans) == 0 || paid != (len(p.Terms.Lines) == 1) || paid && c.Stripe == nil {
			t.Errorf("incomplete plan: %+v", p)
		}
	}
}
