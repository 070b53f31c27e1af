package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
)

// event is a line of go test -json.
type event struct {
	Action, Package, ImportPath, Test, Output string
	Elapsed                                   float64
}

// test is a test, or what a package or its build said beside its tests where it has no
// name.
type test struct {
	pkg, name, result string
	output            []string
	seconds           float64
}

func main() {
	tests, err := read(os.Args[1:])
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	bad := slices.DeleteFunc(slices.Clone(tests), func(t *test) bool {
		return t.result == "pass" || t.name == "" && t.result == "skip" // a package without tests
	})
	for _, t := range tests {
		if t.name == "" && t.result != "skip" {
			fmt.Printf("%s %s %.1fs\n", t.result, t.pkg, t.seconds)
		}
	}
	slowest(tests)
	if len(bad) == 0 {
		return
	}
	summary(bad)
	for _, t := range bad {
		fmt.Printf("\n-- the end of the output of %s %s\n%s", t.pkg, t.name, strings.Join(t.output[max(0, len(t.output)-60):], ""))
	}
	summary(bad)
	os.Exit(1)
}

// read reads files of events.
func read(files []string) (tests []*test, err error) {
	byName := map[string]*test{}
	of := func(e event) *test {
		pkg := e.Package
		if pkg == "" {
			pkg, _, _ = strings.Cut(e.ImportPath, " ") // of a build: "package [package.test]"
		}
		t := byName[pkg+" "+e.Test]
		if t == nil {
			t = &test{pkg: pkg, name: e.Test, result: "did not end"}
			byName[pkg+" "+e.Test] = t
			tests = append(tests, t)
		}
		return t
	}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			var e event
			if json.Unmarshal(lines.Bytes(), &e) != nil { // what go itself says of a build that is impossible
				e = event{Action: "build-output", ImportPath: name, Output: lines.Text() + "\n"}
			}
			t := of(e)
			switch e.Action {
			case "output", "build-output":
				t.output = append(t.output, e.Output)
			case "pass", "fail", "skip":
				t.result, t.seconds = e.Action, e.Elapsed
			}
		}
		if err := lines.Err(); err != nil {
			return nil, err
		}
		_ = f.Close() // it was read
	}
	return tests, nil
}

// slowest says which tests took longest.
func slowest(tests []*test) {
	named := slices.DeleteFunc(slices.Clone(tests), func(t *test) bool { return t.name == "" || strings.Contains(t.name, "/") })
	slices.SortFunc(named, func(a, b *test) int { return int(1000 * (b.seconds - a.seconds)) })
	for _, t := range named[:min(8, len(named))] {
		fmt.Printf("  %5.1fs %s %s\n", t.seconds, t.pkg, t.name)
	}
}

// said is a message of a test's: "    file_test.go:12: what went wrong".
var said = regexp.MustCompile(`^\s*[\w./-]+\.go:\d+(:\d+)?: `)

// summary says what failing tests said themselves.
func summary(bad []*test) {
	fmt.Printf("\n== %d failed\n", len(bad))
	for _, t := range bad {
		fmt.Printf("%s: %s %s\n", t.result, t.pkg, t.name)
		for _, line := range own(t.output) {
			fmt.Printf("  %.400s\n", strings.TrimRight(line, "\n"))
		}
	}
}

// own are the messages of a test: without logs, and of each message the first lines.
func own(output []string) (lines []string) {
	const most = 12
	left := 0
	for _, line := range output {
		switch text := strings.TrimSpace(line); {
		case said.MatchString(line), strings.HasPrefix(text, "panic:"), strings.HasPrefix(text, "WARNING: DATA RACE"), strings.HasPrefix(text, "fatal error:"):
			left = most
		case strings.HasPrefix(text, "{"), strings.HasPrefix(text, "==="), strings.HasPrefix(text, "---"), strings.HasPrefix(text, "goroutine "):
			left = 0
		}
		if left > 0 {
			lines = append(lines, line)
			left--
		}
	}
	return lines
}
