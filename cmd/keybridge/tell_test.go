package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

func TestEveryCommandThatTellsSomethingTellsItToPrograms(t *testing.T) {
	// What these print is not told about something: it is a log, or a file.
	silent := []string{"serve", "config example", "audit export", "ops"}
	parser, err := kong.New(&cli{}, kong.Name("keybridge"), flagWords())
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	for _, leaf := range parser.Model.Leaves(false) {
		name := strings.TrimPrefix(leaf.Path(), "keybridge ")
		has := slices.ContainsFunc(leaf.Flags, func(f *kong.Flag) bool { return f.Name == "json" })
		told++
		if has == slices.ContainsFunc(silent, func(s string) bool { return strings.HasPrefix(name, s) }) {
			t.Errorf("%s: --json is there: %t", name, has)
		}
	}
	if told < 30 {
		t.Errorf("%d commands were looked at", told)
	}
}

func TestWhatIsToldToProgramsIsJSON(t *testing.T) {
	t.Parallel()
	s := startStand(t, choice{plans: []string{reviewedPlan}, mail: true})
	at := []string{"--config", filepath.Join(s.folder, "keybridge.yaml"), "--json"}
	for _, args := range [][]string{
		{"version", "--json"}, append([]string{"config", "check"}, at...), append([]string{"notify", "variables"}, "--json"),
		append([]string{"notify", "preview"}, at...), {"outgoing", "types", "--json"},
		append([]string{"users", "add", "jill", "--role", "viewer"}, at...), append([]string{"users", "disable", "jill"}, at...),
		append([]string{"requests", "list"}, at...), append([]string{"users", "list"}, at...),
		append([]string{"backup", t.TempDir() + "/copy.db"}, at...),
	} {
		var out, errOut bytes.Buffer
		if code := run(t.Context(), args, &out, &errOut); code != 0 {
			t.Errorf("%v exits with %d: %s", args, code, errOut.String())
		}
		var v any
		if err := json.Unmarshal(out.Bytes(), &v); err != nil {
			t.Errorf("%v: %v\n%s", args, err, out.String())
		}
	}
}
