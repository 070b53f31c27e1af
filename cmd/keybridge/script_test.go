package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// testsPerProcessor is how many tests go on beside each other for each processor, unless -parallel
// says otherwise: they wait for one another's back-offs, browsers and disks more than they
// work, so that one for each, as go test has it, leaves the machine idle half of the time.
const testsPerProcessor = 4

// TestMain makes the program itself a command of the scripts.
func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", fmt.Sprint(testsPerProcessor*runtime.GOMAXPROCS(0))); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	testscript.Main(m, map[string]func(){"keybridge": main, "load-server": loadServer})
}

// TestCommands runs every script of testdata/script: what a person types, and what
// they see.
func TestCommands(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("CI", "")
			return nil
		},
	})
}
