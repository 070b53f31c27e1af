package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes the program itself a command of the scripts.
func TestMain(m *testing.M) {
	testscript.Main(manyBesideEachOther{m}, map[string]func(){"keybridge": main, "load-server": loadServer})
}

// testsPerProcessor is how many tests go on beside each other for each processor, unless
// -parallel says otherwise. They wait for back-offs, browsers and disks more than they
// work: one for each processor, as go test has it, leaves the machine idle most of the
// time.
const testsPerProcessor = 4

// manyBesideEachOther are tests that run so.
type manyBesideEachOther struct{ *testing.M }

// Run runs them. A fuzzer has as many workers as -parallel says, and those do nothing but
// work.
func (m manyBesideEachOther) Run() int {
	flag.Parse()
	said, measured := false, false
	flag.Visit(func(f *flag.Flag) {
		said = said || f.Name == "test.parallel" || f.Name == "test.fuzz"
		measured = measured || f.Name == "test.bench"
	})
	if !measured {
		if err := unboundedHeap(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 2
		}
	}
	if !said {
		if err := flag.Set("test.parallel", strconv.Itoa(testsPerProcessor*runtime.GOMAXPROCS(0))); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 2
		}
	}
	return m.M.Run()
}

// unboundedHeap says how the collector is to be, as an operator may. Else a test that serves in
// this process bounds the heap of all of them (relaxCollector), and from then on it does little
// but collect: two fifths of its processor time, measured. With the race detector each byte takes
// several, so it grows by less than serve's.
func unboundedHeap() error {
	const growth = 200
	debug.SetGCPercent(growth)
	return errors.Join(os.Setenv("GOGC", strconv.Itoa(growth)), os.Setenv("GOMEMLIMIT", "off"))
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
