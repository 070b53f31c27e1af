package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"keybridge/bridge/web"
)

// ruleFile is the format of Prometheus's rule files, as far as it is used here.
// Source: https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/
type ruleFile struct {
	Groups []struct {
		Name     string `yaml:"name"`
		Interval string `yaml:"interval"`
		Rules    []rule `yaml:"rules"`
	} `yaml:"groups"`
}

type rule struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

// dashboard is as much of Grafana's format as has to be right.
type dashboard struct {
	UID, Title string
	Templating struct {
		List []struct{ Name, Type string }
	}
	Panels []panel
}

type panel struct {
	ID          int
	Type, Title string
	Description string
	GridPos     struct{ H, W, X, Y int }
	Targets     []struct{ RefID, Expr string }
}

// printed is what a command prints.
func printed(t *testing.T, args ...string) string {
	t.Helper()
	var out, errOut strings.Builder
	if code := run(t.Context(), args, &out, &errOut); code != 0 || errOut.Len() > 0 {
		t.Fatalf("keybridge %v ended with %d: %s", args, code, errOut.String())
	}
	return out.String()
}

func alertRules(t *testing.T) []rule {
	t.Helper()
	var file ruleFile
	if err := yaml.NewDecoder(strings.NewReader(printed(t, "ops", "alerts")), yaml.Strict()).Decode(&file); err != nil {
		t.Fatal(err)
	}
	var rules []rule
	for _, g := range file.Groups {
		if g.Name == "" {
			t.Error("a group has no name")
		}
		rules = append(rules, g.Rules...)
	}
	return rules
}

func readDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	if err := json.Unmarshal([]byte(printed(t, "ops", "dashboard")), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// What a PromQL expression names: metrics, and the labels that it selects or groups by.
var (
	inQuotes     = regexp.MustCompile(`"[^"]*"`)
	metricNamed  = regexp.MustCompile(`\b(?:keybridge|process|go)_[a-z0-9_]+`)
	metricChosen = regexp.MustCompile(`\b(keybridge_[a-z0-9_]+)\{([^}]*)\}`)
	labelChosen  = regexp.MustCompile(`([a-z_]+)\s*(?:=~|!~|!=|=)`)
	labelGrouped = regexp.MustCompile(`\bby \(([^)]*)\)`)
)

// existing are the samples that there are, with the labels of each.
func existing() map[string][]string {
	m := web.NewMetrics()
	all := map[string][]string{}
	for _, one := range m.Measures() {
		if one.Kind != "histogram" {
			all[one.Name] = one.Labels
			continue
		}
		all[one.Name+"_bucket"] = append(slices.Clone(one.Labels), "le")
		all[one.Name+"_sum"], all[one.Name+"_count"] = one.Labels, one.Labels
	}
	w := httptest.NewRecorder()
	(&web.Operations{Metrics: m}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for line := range strings.Lines(w.Body.String()) {
		if name := metricNamed.FindString(line); strings.HasPrefix(line, name+" ") && !strings.HasPrefix(name, "keybridge_") {
			all[name] = nil
		}
	}
	return all
}

// wantExpression checks that an expression names nothing that there is not. Each brings
// the labels of where it was scraped.
func wantExpression(t *testing.T, where, expr string, used map[string]bool) {
	t.Helper()
	all := existing()
	var labels []string
	for _, name := range metricNamed.FindAllString(inQuotes.ReplaceAllString(expr, ""), -1) {
		of, ok := all[name]
		if !ok {
			t.Errorf("%s: there is no metric %s", where, name)
		}
		used[name] = true
		labels = append(labels, of...)
	}
	for _, chosen := range metricChosen.FindAllStringSubmatch(expr, -1) {
		for _, label := range labelChosen.FindAllStringSubmatch(inQuotes.ReplaceAllString(chosen[2], ""), -1) {
			if !slices.Contains(append([]string{"instance"}, all[chosen[1]]...), label[1]) {
				t.Errorf("%s: %s has no label %s", where, chosen[1], label[1])
			}
		}
	}
	for _, grouped := range labelGrouped.FindAllStringSubmatch(expr, -1) {
		for label := range strings.SplitSeq(grouped[1], ",") {
			if label = strings.TrimSpace(label); !slices.Contains(append(labels, "instance"), label) {
				t.Errorf("%s: nothing has the label %s", where, label)
			}
		}
	}
}

func TestEveryAlertNamesWhatThereIsAndSaysWhatToDo(t *testing.T) {
	rules, named := alertRules(t), map[string]bool{}
	length := regexp.MustCompile(`^([0-9]+[smhd])?$`)
	variable := regexp.MustCompile(`\$labels\.([a-z_]+)`)
	for _, r := range rules {
		wantExpression(t, r.Alert, r.Expr, map[string]bool{})
		if !regexp.MustCompile(`^Keybridge[A-Z][A-Za-z]+$`).MatchString(r.Alert) || named[r.Alert] {
			t.Errorf("%q is no name, or not its only one", r.Alert)
		}
		named[r.Alert] = true
		if severity := r.Labels["severity"]; severity != "critical" && severity != "warning" || len(r.Labels) != 1 {
			t.Errorf("%s: its labels are %v", r.Alert, r.Labels)
		}
		if !length.MatchString(r.For) {
			t.Errorf("%s: it waits for %q", r.Alert, r.For)
		}
		if len(r.Annotations) != 3 || len(r.Annotations["summary"]) < 10 || len(r.Annotations["description"]) < 30 {
			t.Errorf("%s: it says %v", r.Alert, r.Annotations)
		}
		if runbook := r.Annotations["runbook"]; len(runbook) < 60 || !strings.HasSuffix(strings.TrimSpace(runbook), ".") && !strings.Contains(runbook, "keybridge ") {
			t.Errorf("%s: the runbook says %q", r.Alert, runbook)
		}
		for _, label := range variable.FindAllStringSubmatch(r.Annotations["description"], -1) {
			if label[1] != "instance" && !strings.Contains(r.Expr, label[1]) && !labelled(r.Expr, label[1]) {
				t.Errorf("%s: it tells of a label %s that its expression does not leave", r.Alert, label[1])
			}
		}
	}
	if len(rules) < 12 {
		t.Errorf("there are %d rules", len(rules))
	}
}

// labelled reports whether an expression that groups by nothing has a metric with a label.
func labelled(expr, label string) bool {
	return !strings.Contains(expr, " by (") && slices.ContainsFunc(metricNamed.FindAllString(expr, -1), func(name string) bool {
		return slices.Contains(existing()[name], label)
	})
}

func TestTheDashboardShowsEveryMetricThatThereIs(t *testing.T) {
	d, used, ids := readDashboard(t), map[string]bool{}, map[int]bool{}
	taken := map[[2]int]string{}
	for _, p := range d.Panels {
		if p.Title == "" || ids[p.ID] || p.Type != "row" && (len(p.Targets) == 0 || p.Description == "") {
			t.Errorf("panel %d, %q, is not whole", p.ID, p.Title)
		}
		ids[p.ID] = true
		for _, target := range p.Targets {
			wantExpression(t, p.Title, target.Expr, used)
		}
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("%q and %q are in each other's place", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
	for _, one := range web.NewMetrics().Measures() {
		if !used[one.Name] && !used[one.Name+"_bucket"] && !used[one.Name+"_count"] {
			t.Errorf("%s is shown nowhere", one.Name)
		}
	}
	if d.UID == "" || d.Title != "keybridge" || len(d.Templating.List) != 2 {
		t.Errorf("%q, %q, %v", d.UID, d.Title, d.Templating)
	}
}
