package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestTheFaultMatrixNamesTheTestsThereAre compares the table in store/bolt/doc.go with
// the tests of all folders.
func TestTheFaultMatrixNamesTheTestsThereAre(t *testing.T) {
	text, err := os.ReadFile("../../store/bolt/doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "# The fault matrix")
	table, _, closed := strings.Cut(table, "// # ")
	if !found || !closed {
		t.Fatal("there is no table")
	}
	listed := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)(\S+) (Test\w+)$`).FindAllStringSubmatch(table, -1) {
		listed[m[1]+" "+m[2]] = true
	}
	written := testsOf(t, "../..")
	for name := range listed {
		if !written[name] {
			t.Errorf("the table names %s, which is not there", name)
		}
	}
	ofRow := regexp.MustCompile(` TestFault[A-Z]`)
	for name := range written {
		if ofRow.MatchString(name) && !listed[name] {
			t.Errorf("the table does not name %s", name)
		}
	}
	if len(listed) < 30 {
		t.Errorf("the table names %d tests", len(listed))
	}
}

// testsOf are all tests below a folder, each as its folder and its name.
func testsOf(t *testing.T, root string) map[string]bool {
	t.Helper()
	tests := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(root, filepath.Dir(path))
		for _, m := range declared.FindAllStringSubmatch(string(text), -1) {
			tests[filepath.ToSlash(folder)+" "+m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests
}
