package main

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
	"keybridge/bridge/notify/mail"
	"keybridge/bridge/notify/outgoing"
	"keybridge/bridge/web"
	"keybridge/webhooks"
)

var updateReadme = flag.Bool("update-readme", false, "write the generated parts of the README anew")

// TestTheReadmesTablesAreThoseOfTheCode compares, or with -update-readme writes, the
// parts of the README that the code makes.
func TestTheReadmesTablesAreThoseOfTheCode(t *testing.T) {
	const file = "../../README.md"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	readme := string(text)
	for name, want := range map[string]string{
		"rules":         bridge.RulesTable(),
		"configuration": configReference(),
		"events":        eventsTable(),
		"stripe-events": "`" + strings.Join(webhooks.StripeEvents(), "`, `") + "`",
		"variables":     variablesTable(),
		"metrics":       metricsTable(),
	} {
		begin, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
		before, rest, found := strings.Cut(readme, begin)
		got, after, closed := strings.Cut(rest, end)
		if !found || !closed {
			t.Fatalf("the README has no part between %q and %q", begin, end)
		}
		if *updateReadme {
			readme = before + begin + "\n" + strings.TrimSpace(want) + "\n\n" + end + after
			continue
		}
		if diff := cmp.Diff(strings.TrimSpace(want), strings.TrimSpace(got)); diff != "" {
			t.Errorf("the README's %s differ from the code (-code +readme); run this test with -update-readme:\n%s", name, diff)
		}
	}
	if *updateReadme {
		if err := os.WriteFile(file, []byte(readme), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// eventsTable lists what is told to other systems.
func eventsTable() string {
	var out strings.Builder
	out.WriteString("| type | says |\n|---|---|\n")
	for _, e := range outgoing.Types() {
		out.WriteString("| `" + string(e.Type) + "` | " + e.Says + " |\n")
	}
	return out.String()
}

// variablesTable lists what a template may use.
func variablesTable() string {
	var out strings.Builder
	out.WriteString("| variable | example | what it is |\n|---|---|---|\n")
	for _, v := range mail.Variables() {
		out.WriteString("| `" + v.Name + "` | " + strings.NewReplacer("|", `\|`, "\n", " ").Replace(v.Example) + " | " + v.Description + " |\n")
	}
	return out.String()
}

// metricsTable lists what a watching system sees.
func metricsTable() string {
	var out strings.Builder
	out.WriteString("| metric | kind | labels | what it is |\n|---|---|---|---|\n")
	for _, m := range web.NewMetrics().Measures() {
		out.WriteString("| `" + m.Name + "` | " + m.Kind + " | " + strings.Join(m.Labels, ", ") + " | " + m.Help + " |\n")
	}
	return out.String()
}

// TestTheReadmesConfigurationIsGood reads the example that the README gives.
func TestTheReadmesConfigurationIsGood(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "   ```yaml\n")
	example, _, found := strings.Cut(rest, "   ```\n")
	if !found {
		t.Fatal("the README has no example of a configuration")
	}
	var lines []string
	for line := range strings.Lines(example) {
		lines = append(lines, strings.TrimPrefix(line, "   "))
	}
	secrets := map[string]string{
		"TYK_DASHBOARD_SECRET": "dashboard", "TYK_WEBHOOK_SECRET": "0123456789abcdef0123456789abcdef",
		"STRIPE_KEY": "sk_test_123456789", "STRIPE_WEBHOOK_SECRET": "whsec_0123456789abcdef",
	}
	cfg, err := parseConfig("keybridge.yaml", []byte(strings.Join(lines, "")), func(name string) (string, bool) {
		s, ok := secrets[name]
		return s, ok
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Plans) != 2 || len(cfg.Portals) != 1 {
		t.Errorf("the example has %d portals and %d plans", len(cfg.Portals), len(cfg.Plans))
	}
}
