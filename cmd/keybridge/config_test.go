package main

import (
	"bytes"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"keybridge/bridge"

	"github.com/google/go-cmp/cmp"
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
		"kind": "tyk-classic", "delivery": "mail", "workers": 8,
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

func TestAPortalWithoutAPlanIsWarnedOf(t *testing.T) {
	text, err := os.ReadFile("testdata/config/good/minimal.yaml")
	if err != nil {
		t.Fatal(err)
	}
	before, _, _ := strings.Cut(string(text), "plans:")
	c, err := parseConfig("keybridge.yaml", []byte(before), lookup)
	if err != nil {
		t.Fatal(err)
	}
	want := "keybridge.yaml:4:11: portals[0].name: no plan is for this portal, so all its key requests go to review"
	if got := c.Warnings.Error(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
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
	var keys, portals strings.Builder
	for i := range 60_000 {
		fmt.Fprintf(&keys, "key%d: v\n", i)
	}
	portals.WriteString("portals:\n  - &p {return_addresses: [" + strings.Repeat("https://x,", 400) + "]}\n")
	portals.WriteString(strings.Repeat("  - *p\n", 1000))
	for name, text := range map[string]string{
		"brackets": strings.Repeat("[", maxConfig), "closed brackets": strings.Repeat("[", half) + strings.Repeat("]", half),
		"braces": strings.Repeat("{a: ", maxConfig/4), "dashes": strings.Repeat("- ", half), "questions": strings.Repeat("? ", half),
		"keys": keys.String(), "list": "data: [" + strings.Repeat("b,", half-10) + "]", "anchors": strings.Repeat("&a ", maxConfig/3),
		"tags": strings.Repeat("!a ", maxConfig/3), "documents": strings.Repeat("---\n", maxConfig/4), "aliases": portals.String(),
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
			if name == "aliases" && !strings.Contains(err.Error(), "come to more than") {
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
		if p.Name == "" || p.URL == nil || p.Home == nil || p.Secret.Reveal() == "" || p.Workers < 1 {
			t.Errorf("incomplete portal: %+v", p)
		}
	}
	for _, p := range c.plans() {
		paid := slices.Contains(p.Terms.Steps, bridge.Paying)
		if p.Portal == "" || len(p.Policies) == 0 || paid != (len(p.Terms.Lines) == 1) || paid && c.Stripe == nil {
			t.Errorf("incomplete plan: %+v", p)
		}
	}
}
